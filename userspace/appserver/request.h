/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A request in a worker: struct app_request of sluice/app.h. It lives until
 * both its task has ended and its exchange is gone, in any order.
 */
#ifndef SLUICE_REQUEST_H
#define SLUICE_REQUEST_H

#include "arena.h"
#include "database.h"
#include "form.h"
#include "http/server.h"
#include "module.h"
#include "process.h"
#include "session.h"
#include "task.h"

#define REQUEST_ID_LEN	 65
#define REQUEST_PATH_LEN 4096

/* X(name, help): one uint64_t each */
#define REQUEST_COUNTERS(X)                                                                        \
	X(timeouts, "Requests that took longer than request-timeout.")                             \
	X(refused, "Requests refused because too many ran already.")                               \
	X(unanswered, "Requests that their handler did not answer.")                               \
	X(bodies_too_large, "Requests whose body was longer than form-max.")                       \
	X(sessions_opened, "Session cookies that were accepted.")                                  \
	X(sessions_expired, "Session cookies that had expired.")                                   \
	X(sessions_rejected, "Session cookies that were damaged, forged or under an unknown key.") \
	X(csrf_rejected, "Requests without a valid token against forgery.")

#define REQUEST_CLASSES 5 /* 1xx to 5xx */

struct request_counters {
#define X(name, help) uint64_t name;
	REQUEST_COUNTERS(X)
#undef X
	uint64_t routes[APP_MAX_ROUTES][REQUEST_CLASSES];
	uint64_t route_ns[APP_MAX_ROUTES]; /* from the request's first byte to its reply's last */
};

/* All of a worker's counters and gauges, as they lie in shared memory. */
struct app_counters {
	struct http_server_counters http;
	struct database_counters database;
	struct request_counters requests;
};

struct app_gauges {
	struct database_gauges database;
	uint64_t tasks;
};

struct app_worker {
	struct worker *worker;
	const struct app_config *config;
	struct app_counters *counters;
	struct app_gauges *gauges;
	struct buffer_pool buffers;
	struct http_server http;
	struct coroutine_pool coroutines;
	struct arena_pool arenas;
	struct database_pool database;
	struct modules modules;
};

struct request_field {
	struct request_field *next;
	const char *name, *value;
};

/* How far app_body() and app_read() have come. */
enum request_body { REQUEST_BODY_UNREAD, REQUEST_BODY_STREAMED, REQUEST_BODY_READ };

struct app_request {
	struct task task;
	struct app_worker *worker;
	struct http_exchange *exchange; /* NULL: gone */
	struct app *app;		/* whose templates errors use, if no route was found */
	app_handler *handler;
	unsigned route; /* label of metrics */
	struct router_match match;
	struct arena arena;
	struct loop_timer timeout;
	uint64_t deadline_ns; /* of that */
	struct database_user database;

	const char *method, *path;
	const char *client;
	const char *id;
	bool trusted, https;
	struct form query;

	enum request_body body_state;
	char *body;
	size_t body_length;
	int body_error; /* -errno; 0: `body` is complete, if it has been read */
	struct form form;
	bool form_read;
	json_t *json;
	bool waits_for_body, waits_for_room;

	unsigned status; /* 0: not yet answered */
	struct request_field *fields, *cookies;
	const char *type; /* Content-Type */
	char *out;
	size_t out_length, out_size;
	bool streaming; /* the head has left */
	bool session_opened, session_used;
	struct session session;
};

/* --- request.c: its life ------------------------------------------------------------ */

/* The exchange's callbacks; its `data` is the request. */
void request_begin(struct http_exchange *exchange);
void request_body_ready(struct http_exchange *exchange);
void request_room_ready(struct http_exchange *exchange);
/* Both end it: the reply has left, or there is nobody left to reply to. */
void request_finished(struct http_exchange *exchange);
void request_aborted(struct http_exchange *exchange);

/*
 * In the task: waits for request_body_ready() or _room_ready(), whichever flag is set meanwhile.
 * The server has deadlines for clients; a handler's time stands still.
 */
int request_wait_for_client(struct app_request *r, bool *flag) __must_check;

/* The one whose handler runs, or NULL: for a crash. */
const struct app_request *request_running(void);

/* Memory of the request. Without any left the process ends: sluice/app.h. */
void request_out_of_memory(const struct app_request *r) __attribute__((noreturn));

/* --- request_client.c: who asks ----------------------------------------------------- */

void request_identify(struct app_request *r);

/* --- response.c --------------------------------------------------------------------- */

/* In the task, after the handler: whatever is left of the reply. */
void response_finish(struct app_request *r);
/* Forgets what was written so far; false: too late. */
bool response_restart(struct app_request *r);
/* Collects; sends when there is too much. */
int response_write(struct app_request *r, const void *data, size_t length);

/* --- visitor.c ---------------------------------------------------------------------- */

/* Sets the session's cookie, if it has changed or should live longer. */
void visitor_store(struct app_request *r);

#endif /* SLUICE_REQUEST_H */
