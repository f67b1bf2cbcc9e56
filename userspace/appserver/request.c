/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From an exchange to a task and back. The task is never dropped: when the
 * client goes away or time is over it is told so, and unwinds.
 */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access_log.h"
#include "http/value.h"
#include "log.h"

/* --- the end ------------------------------------------------------------------------ */

static void request_free(struct app_request *r)
{
	loop_timer_disarm(&r->worker->worker->loop, &r->timeout);
	json_decref(r->json);
	free(r->body);
	free(r->out);
	arena_fini(&r->arena);
	free(r);
}

static void count(const struct app_request *r)
{
	const struct http_exchange *x = r->exchange;
	struct request_counters *counters = &r->worker->counters->requests;
	unsigned class = x->status / 100;

	if (class < 1 || class > REQUEST_CLASSES)
		return;
	counters->routes[r->route][class - 1]++;
	counters->route_ns[r->route] += x->duration_ns;
}

static void write_log(struct access_log *log, const struct app_request *r, const char *end)
{
	const struct http_exchange *x = r->exchange;
	const struct http_head *head = &x->request;
	const char *label = app_config_route_label(r->route);

	access_log_begin(log);
	access_log_text(log, "id", r->id, strlen(r->id));
	access_log_text(log, "client", r->client, strlen(r->client));
	access_log_text(log, "method", head->method_name.at, head->method_name.len);
	access_log_text(log, "route", label, strlen(label));
	access_log_uint(log, "status", x->status);
	access_log_text(log, "end", end, strlen(end));
	access_log_uint(log, "bytes_in", x->body_in);
	access_log_uint(log, "bytes_out", x->body_out);
	access_log_uint(log, "queries", r->database.statements);
	access_log_ms(log, "database_ms", r->database.busy_ns);
	access_log_ms(log, "total_ms", x->duration_ns);
	/* Last: when it is long, it cuts nothing else off. */
	access_log_text(log, "target", head->target.at, head->target.len);
	access_log_end(log);
}

static void leave_exchange(struct app_request *r, const char *end)
{
	count(r);
	write_log(&r->worker->worker->log, r, end);
	r->exchange->data = NULL;
	r->exchange = NULL;
	if (!r->task.coroutine)
		request_free(r);
}

void request_finished(struct http_exchange *exchange)
{
	if (exchange->data)
		leave_exchange(exchange->data, exchange->broken ? "cut" : "complete");
}

void request_aborted(struct http_exchange *exchange)
{
	struct app_request *r = exchange->data;

	if (!r)
		return;
	if (r->task.coroutine)
		task_cancel(&r->task, -ECANCELED);
	leave_exchange(r, "aborted");
}

static void task_ended(struct task *task)
{
	struct app_request *r = container_of(task, struct app_request, task);

	r->worker->gauges->tasks--;
	loop_timer_disarm(&r->worker->worker->loop, &r->timeout);
	if (!r->exchange)
		request_free(r);
}

/* --- the middle --------------------------------------------------------------------- */

void request_body_ready(struct http_exchange *exchange)
{
	struct app_request *r = exchange->data;

	if (r && r->waits_for_body)
		task_wake(&r->task);
}

void request_room_ready(struct http_exchange *exchange)
{
	struct app_request *r = exchange->data;

	if (r && r->waits_for_room)
		task_wake(&r->task);
}

static void on_timeout(struct loop_timer *timer)
{
	struct app_request *r = container_of(timer, struct app_request, timeout);

	r->worker->counters->requests.timeouts++;
	task_cancel(&r->task, -ETIMEDOUT);
}

int request_wait_for_client(struct app_request *r, bool *flag)
{
	struct loop *loop = &r->worker->worker->loop;
	bool timed = r->timeout.position;
	uint64_t since_ns = loop->now_ns;
	int err;

	loop_timer_disarm(loop, &r->timeout);
	*flag = true;
	err = task_wait(&r->task, 0);
	*flag = false;
	r->deadline_ns += loop->now_ns - since_ns;
	if (err || !timed)
		return err;
	return loop_timer_arm(loop, &r->timeout,
			      r->deadline_ns > loop->now_ns ? r->deadline_ns - loop->now_ns : 0);
}

const struct app_request *request_running(void)
{
	const struct coroutine *coroutine = coroutine_current();

	return coroutine ? container_of(coroutine->argument, struct app_request, task) : NULL;
}

void request_out_of_memory(const struct app_request *r)
{
	log_error("app", "event=out-of-memory request=%s used=%zu limit=%zu", r->id, r->arena.used,
		  r->arena.limit);
	abort();
}

/* --- the beginning ------------------------------------------------------------------ */

static void not_found(struct app_request *r)
{
	app_error(r, 404, "There is nothing at this address.");
}

static void not_allowed(struct app_request *r)
{
	uint32_t methods = r->match.allowed;
	char allowed[128] = "";

	if (methods & 1u << HTTP_METHOD_GET)
		methods |= 1u << HTTP_METHOD_HEAD;
	for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
		if (!(methods & 1u << i))
			continue;
		if (*allowed)
			strcat(allowed, ", ");
		strcat(allowed, http_method_name((enum http_method)i));
	}
	app_set_header(r, "Allow", allowed);
	app_error(r, 405, "This address does not take requests of this kind.");
}

static void malformed(struct app_request *r)
{
	app_error(r, 400, "The address is malformed.");
}

static void healthy(struct app_request *r)
{
	app_set_header(r, "Content-Type", "text/plain");
	app_set_header(r, "Cache-Control", "no-store");
	app_puts(r, "ok\n");
}

/* Whether the database answers too. */
static void healthy_database(struct app_request *r)
{
	struct db_result *rows = db_query(r, "SELECT 1", NULL);

	if (!rows || db_next(rows) <= 0)
		app_status(r, 503);
	app_set_header(r, "Content-Type", "text/plain");
	app_set_header(r, "Cache-Control", "no-store");
	app_puts(r, db_status(r) ? "the database does not answer\n" : "ok\n");
}

static bool find_health(struct app_request *r)
{
	if (strcmp(r->path, "/healthz") && strcmp(r->path, "/healthz/database"))
		return false;
	r->route = APP_ROUTE_HEALTH;
	r->handler = r->path[8] ? healthy_database : healthy;
	return true;
}

static void find_handler(struct app_request *r)
{
	const struct http_head *head = &r->exchange->request;
	const struct module_target *target;

	if (find_health(r))
		return;
	router_find(&r->worker->modules.router, head->method, http_slice_of(r->path), &r->match);
	if (!r->match.route) {
		r->handler = r->match.allowed ? not_allowed : not_found;
		return;
	}
	target = r->match.route->target;
	r->app = target->app;
	r->handler = target->handler;
	r->route = r->match.route->index;
}

/* What the target says, decoded. -EBADMSG: nothing that a browser sends. */
static int read_target(struct app_request *r)
{
	const struct http_head *head = &r->exchange->request;
	char path[REQUEST_PATH_LEN];
	ssize_t length;

	r->path = "/";
	if (head->form != HTTP_TARGET_ORIGIN && head->form != HTTP_TARGET_ABSOLUTE)
		return -EBADMSG;
	length = http_path_normalise(head->path, path, sizeof(path));
	if (length < 0 || form_text(&r->arena, (struct http_slice){path, (size_t)length}, &r->path))
		return -EBADMSG;
	form_init(&r->query, &r->arena);
	return head->query.len ? form_read_urlencoded(&r->query, head->query) : 0;
}

static void run(struct task *task)
{
	struct app_request *r = container_of(task, struct app_request, task);

	r->handler(r);
	response_finish(r);
}

static struct app_request *request_create(struct app_worker *worker, struct http_exchange *exchange)
{
	struct app_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->worker = worker;
	r->exchange = exchange;
	r->method = http_method_name(exchange->request.method);
	r->app = &worker->modules.apps[0];
	r->timeout.expired = on_timeout;
	arena_init(&r->arena, &worker->arenas, worker->config->memory_bytes);
	return r;
}

static void refuse(struct http_exchange *exchange)
{
	static const char text[] = "Too many requests at a time.\n";
	struct app_worker *worker = exchange->server->context;

	worker->counters->requests.refused++;
	http_reply_start(exchange, 503);
	http_reply_fieldf(exchange, "X-Sluice-App", "%s", worker->config->process.node);
	http_reply_fieldf(exchange, "Retry-After", "1");
	http_reply_whole(exchange, "text/plain", text, sizeof(text) - 1);
}

void request_begin(struct http_exchange *exchange)
{
	struct app_worker *worker = exchange->server->context;
	struct loop *loop = &worker->worker->loop;
	struct app_request *r = request_create(worker, exchange);

	exchange->data = r;
	if (!r) {
		refuse(exchange);
		return;
	}
	request_identify(r);
	if (read_target(r))
		r->handler = malformed;
	else
		find_handler(r);
	r->deadline_ns = loop->now_ns + worker->config->request_ms * NS_PER_MS;
	if (loop_timer_arm(loop, &r->timeout, worker->config->request_ms * NS_PER_MS) ||
	    task_start(&r->task, loop, &worker->coroutines, run, task_ended)) {
		refuse(exchange); /* `finished` frees it */
		return;
	}
	worker->gauges->tasks++;
	database_user_init(&r->database, &worker->database, &r->task);
}
