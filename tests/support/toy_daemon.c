/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The daemon of toy.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics.h"
#include "process.h"
#include "settings.h"
#include "toy_private.h"

struct toy_config {
	struct process_settings process;
	struct endpoint *listen;
	size_t listen_count;
	char socket[108];
	char name[32];
	bool fail;
};

static const char *const bool_words[] = {"false", "true", NULL};

/* clang-format off */
static const struct field fields[] = {
	PROCESS_FIELDS(struct toy_config, process),
	{"listen", .read = read_list, .parse = parse_endpoint,
	 FIELD_LIST(struct toy_config, listen, listen_count), .expected = "an endpoint",
	 .max = PROCESS_MAX_LISTENERS - 1},
	{"socket", .read = read_scalar, .parse = parse_absolute_path,
	 FIELD_MEMBER(struct toy_config, socket), .expected = "a path"},
	{"name", .read = read_scalar, .parse = parse_text,
	 FIELD_MEMBER(struct toy_config, name), .expected = "a word"},
	{"fail", .read = read_scalar, .parse = parse_bool, FIELD_MEMBER(struct toy_config, fail),
	 .words = bool_words},
	{},
};
/* clang-format on */

static void release(void *config)
{
	struct toy_config *toy = config;

	free(toy->listen);
	free(toy);
}

static int configure(const char *path, void **config, struct diag_list *diags)
{
	struct toy_config *toy = calloc(1, sizeof(*toy));
	int err;

	if (!toy)
		return -ENOMEM;
	process_settings_init(&toy->process);
	err = settings_read(path, fields, toy, diags);
	if (err)
		release(toy);
	else
		*config = toy;
	return err;
}

static const struct process_settings *settings(const void *config)
{
	return &((const struct toy_config *)config)->process;
}

static size_t listeners(const void *config, struct process_listener *out)
{
	const struct toy_config *toy = config;
	size_t count = 0;

	for (; count < toy->listen_count; count++)
		out[count] = (struct process_listener){.at = toy->listen[count]};
	if (toy->socket[0]) {
		out[count] = (struct process_listener){.purpose = 1};
		strcpy(out[count++].path, toy->socket);
	}
	return count;
}

/* --- connections --------------------------------------------------------------------- */

struct connection {
	struct loop_watch watch;
	struct worker *worker;
	struct connection *next, **link;
	bool begun; /* a command has come: from now on it is idle between commands */
	bool held;
	char line[256];
	size_t length;
};

static struct connection *connections;

static void close_connection(struct connection *conn)
{
	struct worker *worker = conn->worker;
	int fd = conn->watch.fd;

	loop_watch_del(&worker->loop, &conn->watch);
	close(fd);
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	free(conn);
	worker_connection_closed(worker);
}

static void answer(struct connection *conn, const char *text)
{
	char line[300];
	int length = snprintf(line, sizeof(line), "%s\n", text);

	if (send(conn->watch.fd, line, (size_t)length, MSG_NOSIGNAL) != length)
		abort();
}

static void write_log(struct worker *worker, const char *text)
{
	access_log_begin(&worker->log);
	access_log_text(&worker->log, "text", text, strlen(text));
	access_log_end(&worker->log);
}

static void obey(struct connection *conn, const char *line)
{
	const struct toy_config *config = conn->worker->config;
	const char *text = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
	const struct rlimit few = {20, 20};
	char number[32];

	conn->begun = true;
	if (!strncmp(line, "echo", 4)) {
		answer(conn, text);
	} else if (!strcmp(line, "pid")) {
		snprintf(number, sizeof(number), "%d", (int)getpid());
		answer(conn, number);
	} else if (!strcmp(line, "name")) {
		answer(conn, config->name);
	} else if (!strcmp(line, "count")) {
		conn->worker->counters[0]++;
		conn->worker->gauges[0] = 7;
		answer(conn, "counted");
	} else if (!strncmp(line, "log", 3)) {
		write_log(conn->worker, text);
		answer(conn, "logged");
	} else if (!strcmp(line, "hold")) {
		conn->held = true;
		answer(conn, "held");
	} else if (!strcmp(line, "few")) {
		setrlimit(RLIMIT_NOFILE, &few);
		answer(conn, "few");
	} else if (!strcmp(line, "crash")) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	} else if (!strcmp(line, "loop")) {
		for (volatile bool forever = true; forever;)
			;
	}
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct connection *conn = container_of(watch, struct connection, watch);
	size_t space = sizeof(conn->line) - 1 - conn->length;
	ssize_t got = recv(watch->fd, conn->line + conn->length, space, 0);
	char *end;

	(void)events;
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		close_connection(conn);
		return;
	}
	conn->length += (size_t)got;
	conn->line[conn->length] = '\0';
	while ((end = strchr(conn->line, '\n'))) {
		*end = '\0';
		obey(conn, conn->line);
		conn->length -= (size_t)(end + 1 - conn->line);
		memmove(conn->line, end + 1, conn->length + 1);
	}
}

static void accepted(struct worker *worker, int fd, const struct process_listener *listener,
		     const struct sockaddr_storage *peer)
{
	struct connection *conn = calloc(1, sizeof(*conn));

	(void)listener;
	(void)peer;
	if (!conn)
		abort();
	*conn = (struct connection){
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.worker = worker,
		.next = connections,
		.link = &connections,
	};
	if (connections)
		connections->link = &conn->next;
	connections = conn;
	if (loop_watch_add(&worker->loop, &conn->watch, fd, EPOLLIN))
		abort();
}

static void drain(struct worker *worker)
{
	struct connection *next;

	(void)worker;
	for (struct connection *conn = connections; conn; conn = next) {
		next = conn->next;
		if (conn->begun && !conn->held)
			close_connection(conn);
	}
}

static int start(struct worker *worker)
{
	const struct toy_config *config = worker->config;

	return config->fail ? -ENODATA : 0;
}

static void expose(FILE *out, const struct worker *monitor, const uint64_t *counters,
		   const uint64_t *gauges)
{
	(void)monitor;
	metrics_family(out, METRICS_COUNTER, "toy_counted_total", "Commands.");
	metrics_uint(out, "toy_counted_total", counters[0], NULL);
	metrics_family(out, METRICS_GAUGE, "toy_gauge", "Sevens.");
	metrics_uint(out, "toy_gauge", gauges[0], NULL);
}

const struct process_daemon toy_daemon = {
	.name = "sluice-toy",
	.synopsis = "Answers lines.",
	.config_path = "/etc/sluice/toy.yaml",
	.configure = configure,
	.release = release,
	.settings = settings,
	.listeners = listeners,
	.counters = 1,
	.gauges = 1,
	.worker_start = start,
	.worker_accepted = accepted,
	.worker_drain = drain,
	.expose = expose,
};
