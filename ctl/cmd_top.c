/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl top: rates that renew themselves, on a terminal with keys, elsewhere as text or JSON
 * again and again. The terminal is given back however it ends.
 */
#include "commands.h"
#include "packet_watch.h"
#include "rates.h"
#include "rates_screen.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MS  1000000ULL

struct top_args {
	unsigned interval, count;
	const char *filter;
};

struct top {
	struct session *session;
	struct rates_screen screen;
	struct rates_sample samples[2]; /* earlier, later */
	unsigned generation;		/* of the model that is loaded */
	json_t *rates;			/* NULL: not two looks yet */
	SCREEN *terminal;
	unsigned shown, interval_s;
};

/* --- looking ---------------------------------------------------------------- */

/* What is in force may change while it runs. */
static int renew_model(struct top *top)
{
	struct session *session = top->session;
	unsigned generation = dataplane_generation(&session->dp);
	struct cluster now;
	int err;

	if (generation == top->generation)
		return 0;
	err = dataplane_load_model(&session->dp, &now);
	if (err)
		return err;
	model_fini(&session->cluster);
	session->cluster = now;
	top->generation = generation;
	/* Interfaces are numbered anew: nothing can be compared. */
	loads_free(top->samples[1].loads);
	return rates_sample(session, &top->samples[1]);
}

static int look(struct top *top)
{
	json_t *rates;
	int err = renew_model(top);

	if (err)
		return err;
	loads_free(top->samples[0].loads);
	top->samples[0] = top->samples[1];
	top->samples[1].loads = NULL;
	err = rates_sample(top->session, &top->samples[1]);
	if (!err)
		err = rates_json(top->session, &top->samples[0], &top->samples[1], &rates);
	if (err)
		return err;
	json_decref(top->rates);
	top->rates = rates;
	return 0;
}

/* --- the terminal ----------------------------------------------------------- */

/* The tables as text, through the one renderer; the caller frees it. */
static char *render(const struct top *top)
{
	char *text = NULL;
	size_t size;
	struct output out = {.stream = open_memstream(&text, &size)};
	int err = out.stream ? output_emit(&out, rates_screen_select(&top->screen, top->rates),
					   &rates_view)
			     : -ENOMEM;

	if (out.stream)
		fclose(out.stream);
	if (!err)
		return text;
	free(text);
	return NULL;
}

static void draw_lines(struct top *top, char *text)
{
	unsigned number = 0;
	char *line;
	int y = 1;

	while ((line = strsep(&text, "\n")) && y < LINES) {
		bool first = !number;

		if (number++ && number <= top->screen.top + 1)
			continue;
		if (first)
			attron(A_BOLD);
		mvaddnstr(y++, 0, line, COLS);
		attroff(A_BOLD);
	}
}

static int draw(struct top *top)
{
	char status[256], *text = top->rates ? render(top) : strdup("waiting for a second look");

	if (!text)
		return -ENOMEM;
	rates_screen_status(&top->screen, status, sizeof(status));
	erase();
	attron(A_REVERSE);
	mvprintw(0, 0, "%-*.*s", COLS, COLS, status);
	attroff(A_REVERSE);
	draw_lines(top, text);
	free(text);
	refresh();
	return 0;
}

static int key_of(int key)
{
	switch (key) {
	case KEY_BACKSPACE:
		return SCREEN_KEY_BACKSPACE;
	case KEY_UP:
		return SCREEN_KEY_UP;
	case KEY_DOWN:
		return SCREEN_KEY_DOWN;
	default:
		return key;
	}
}

/* Takes all keys that are there. False: one of them ends it. */
static bool take_keys(struct top *top)
{
	int key;

	while ((key = getch()) != ERR)
		if (key != KEY_RESIZE && !rates_screen_key(&top->screen, key_of(key)))
			return false;
	return true;
}

static int open_terminal(struct top *top)
{
	top->terminal = newterm(NULL, stdout, stdin);
	if (!top->terminal)
		return -ENOTTY;
	cbreak();
	noecho();
	keypad(stdscr, true);
	curs_set(0);
	set_escdelay(50);
	return 0;
}

static void close_terminal(struct top *top)
{
	if (!top->terminal)
		return;
	endwin();
	delscreen(top->terminal);
	top->terminal = NULL;
}

/* Until the next look, or a key that ends it (1). */
static int wait_on_terminal(struct top *top, uint64_t until_ns)
{
	uint64_t now_ns;
	int err = 0;

	while (!err && !packet_watch_stopped() &&
	       (now_ns = packet_watch_clock(CLOCK_MONOTONIC)) < until_ns) {
		int left_ms = (int)((until_ns - now_ns) / NSEC_PER_MS) + 1, key;

		timeout(left_ms < 200 ? left_ms : 200);
		key = getch();
		timeout(0);
		if (key == ERR)
			continue;
		if (key != KEY_RESIZE)
			ungetch(key);
		if (!take_keys(top))
			return 1;
		err = draw(top);
	}
	return err;
}

/* --- the loop --------------------------------------------------------------- */

static int print_plain(struct top *top)
{
	json_t *rows = rates_screen_select(&top->screen, top->rates);
	bool text = top->session->inv->out.format == OUTPUT_TEXT;

	if (text && top->shown)
		fputc('\n', stdout);
	return output_emit(&top->session->inv->out, rows, &rates_view);
}

static int wait_plain(uint64_t until_ns)
{
	while (!packet_watch_stopped() && !packet_watch_unread()) {
		uint64_t now_ns = packet_watch_clock(CLOCK_MONOTONIC);
		int left_ms = now_ns < until_ns ? (int)((until_ns - now_ns) / NSEC_PER_MS) + 1 : 0;

		if (!left_ms)
			return 0;
		poll(NULL, 0, left_ms < 200 ? left_ms : 200);
	}
	return 1;
}

static int step(struct top *top, uint64_t until_ns)
{
	int err = top->terminal ? wait_on_terminal(top, until_ns) : wait_plain(until_ns);

	if (err || packet_watch_stopped() || top->screen.paused)
		return err;
	err = look(top);
	if (err)
		return err;
	err = top->terminal ? draw(top) : print_plain(top);
	top->shown++;
	return err;
}

static int run_until_enough(struct top *top, unsigned count)
{
	uint64_t next_ns = packet_watch_clock(CLOCK_MONOTONIC);
	int err = 0;

	if (top->terminal)
		err = draw(top);
	while (!err && !packet_watch_stopped() && (!count || top->shown < count)) {
		next_ns += top->interval_s * NSEC_PER_SEC;
		err = step(top, next_ns);
	}
	return err > 0 || err == -EPIPE || err == -EIO ? 0 : err;
}

static int show_top(struct session *session)
{
	const struct invocation *inv = session->inv;
	const struct top_args *args = inv->args;
	struct top *top = calloc(1, sizeof(*top));
	int err = top ? 0 : -ENOMEM;

	if (!err) {
		top->session = session;
		top->screen.view = &rates_view;
		top->generation = dataplane_generation(&session->dp);
		top->interval_s = args->interval ? args->interval : 1;
		snprintf(top->screen.filter, sizeof(top->screen.filter), "%s", args->filter ?: "");
		err = rates_sample(session, &top->samples[1]);
	}
	if (!err && inv->out.format == OUTPUT_TEXT && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
		(void)open_terminal(top); /* an unknown one is no terminal */
	if (!err)
		err = run_until_enough(top, args->count);
	if (top) {
		close_terminal(top);
		loads_free(top->samples[0].loads);
		loads_free(top->samples[1].loads);
		json_decref(top->rates);
	}
	free(top);
	return err ? session_failed(inv, err, "reading the counters") : EXIT_OK;
}

static int run_top(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, 0);

	packet_watch_signals();
	if (!code)
		code = show_top(&session);
	session_close(&session);
	return code;
}

static const struct parameter top_parameters[] = {
	OPTION(struct top_args, interval, "interval", "N", type_count,
	       "seconds between two looks at the counters; 1 by default"),
	OPTION(struct top_args, count, "count", "N", type_count, "end after N looks"),
	OPTION(struct top_args, filter, "filter", "TEXT", type_text,
	       "only rows with this text in a name"),
	{},
};

const struct command command_top = {
	.word = "top",
	.summary = "show rates live, the largest first",
	.detail = "By interface, VIP, backend and reason of drops. Keys: s sorts by the next "
		  "number, r\n"
		  "turns the order round, p pauses, / filters by text, 1 to 4 hide a table, the "
		  "arrows\n"
		  "move, q quits. Where standard output is no terminal it prints text again and "
		  "again,\n"
		  "with -j a line of JSON each time.",
	.parameters = top_parameters,
	.args_size = sizeof(struct top_args),
	.run = run_top,
};
