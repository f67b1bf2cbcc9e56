/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Running a batch. A row of changes is validated change by change, so that each mistake is
 * told with its line, and published once: before a command that is no change, before one for
 * another node, and at the end. A row that has a mistake is not put in force at all, unless
 * the batch is forced: then the wrong change is taken out and the row goes on.
 */
#include "batch.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 256
#define PLACE_MAX 320

/* --- words ------------------------------------------------------------------ */

/* One word, from *from to *to; both move on. False: a quote has no end. */
static bool take_word(char **from, char **to)
{
	char quote = '\0';

	for (; **from && (quote || !isspace((unsigned char)**from)); (*from)++) {
		if (quote ? **from == quote : **from == '"' || **from == '\'')
			quote = quote ? '\0' : **from;
		else
			*(*to)++ = **from;
	}
	return !quote;
}

int batch_split(char *line, char **words, int max)
{
	char *from = line, *to = line;
	int count = 0;

	for (;;) {
		bool more;

		while (isspace((unsigned char)*from))
			from++;
		if (!*from || *from == '#')
			return count;
		if (count == max)
			return -E2BIG;
		words[count++] = to;
		if (!take_word(&from, &to))
			return -EINVAL;
		more = *from;
		*to++ = '\0';
		from += more;
	}
}

/* --- changes ---------------------------------------------------------------- */

static int open_session(struct batch *batch, const struct invocation *inv,
			enum dataplane_access access)
{
	int code = session_open(&batch->session, inv, access, NULL);

	if (!code && !session_node_make(&batch->session))
		code = EXIT_FAILED;
	if (code)
		session_close(&batch->session);
	batch->collecting = !code;
	batch->changes = 0;
	return code;
}

/* The row's changes are forgotten. */
static void drop_changes(struct batch *batch)
{
	if (batch->collecting)
		session_close(&batch->session);
	batch->collecting = false;
}

int batch_flush(struct batch *batch)
{
	struct invocation about = *batch->inv;
	char place[PLACE_MAX];
	int code = EXIT_OK;

	if (!batch->collecting)
		return EXIT_OK;
	snprintf(place, sizeof(place), "%s:%u", batch->file, batch->first_line);
	about.place = place;
	batch->session.inv = &about;
	if (batch->changes)
		code = session_publish(&batch->session);
	drop_changes(batch);
	return code;
}

static bool is_for(const struct batch *batch, const struct invocation *inv)
{
	char name[SLUICE_NAME_LEN];

	return !session_node_name(inv, name) && !strcmp(batch->session.name, name);
}

static unsigned line_of(const struct invocation *inv)
{
	const char *colon = strrchr(inv->place, ':');

	return colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

static void swap(struct cluster *a, struct cluster *b)
{
	struct cluster kept = *a;

	*a = *b;
	*b = kept;
}

static int change(struct batch *batch, int (*edit)(struct session *session))
{
	struct session *session = &batch->session;
	struct cluster before, boot;
	int code, err = 0;

	if (batch->force) {
		err = model_copy(&before, &session->cluster);
		err = err ?: model_copy(&boot, &session->boot);
	}
	if (err)
		return session_failed(session->inv, err, "copying the configuration");
	code = session_change(session, edit);
	if (!code)
		code = session_validate(session);
	if (!batch->force)
		return code;
	if (code) {
		swap(&before, &session->cluster);
		swap(&boot, &session->boot);
	}
	model_fini(&before);
	model_fini(&boot);
	return code;
}

int batch_edit(const struct invocation *inv, enum dataplane_access access,
	       int (*edit)(struct session *session))
{
	struct batch *batch = inv->batch;
	int code = EXIT_OK;

	if (batch->collecting && !is_for(batch, inv))
		code = batch_flush(batch);
	if (!code && !batch->collecting) {
		code = open_session(batch, inv, access);
		batch->first_line = line_of(inv);
	}
	if (code)
		return code;
	batch->session.inv = inv;
	code = change(batch, edit);
	batch->session.inv = batch->inv;
	batch->changes += !code;
	return code;
}

/* --- lines ------------------------------------------------------------------ */

static int run_words(struct batch *batch, int count, char *const *words, const char *place)
{
	struct invocation inv = {
		.out = batch->inv->out, .node = batch->inv->node, .place = place, .batch = batch};
	int code = command_parse(&inv, count, words);

	if (!code && inv.args && inv.path[0] == batch->inv->path[0]) {
		command_error(&inv, "expected no batch in a batch");
		code = EXIT_USAGE;
	}
	if (!code)
		code = command_run(&inv);
	command_fini(&inv);
	return code;
}

static int run_line(struct batch *batch, char *line, unsigned number)
{
	struct invocation about = *batch->inv;
	char *words[WORDS_MAX], place[PLACE_MAX];
	int count = batch_split(line, words, WORDS_MAX);

	snprintf(place, sizeof(place), "%s:%u", batch->file, number);
	if (count > 0)
		return run_words(batch, count, words, place);
	if (!count)
		return EXIT_OK;
	about.place = place;
	command_error(&about,
		      count == -EINVAL ? "a quote has no end" : "expected no more than 256 words");
	return EXIT_USAGE;
}

int batch_run(struct batch *batch, char *text)
{
	unsigned number = 0;
	int first = EXIT_OK, code;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		code = run_line(batch, line, ++number);
		first = first ?: code;
		if (code && !batch->force) {
			drop_changes(batch);
			return code;
		}
	}
	code = batch_flush(batch);
	return first ?: code;
}
