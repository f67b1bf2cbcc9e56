/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The interface between sluice-app and the applications that it runs. An
 * application is a shared object that exports one symbol:
 *
 *	const struct app_module sluice_app = {
 *		.abi = SLUICE_APP_ABI, .name = "hello", .start = hello_start,
 *	};
 *
 * It is loaded into every worker process. A worker has one thread: handlers
 * need no locks. Each request runs on a stack of its own; calls marked [waits]
 * let other requests run until they have their answer, so between two of them
 * nothing that the module keeps changes by another's hand. A handler must not
 * block in any other way (sleep(3), connect(2), locks), nor compute for longer
 * than the daemon's `watchdog`: that would hold up, and end, its worker. A
 * handler that crashes costs its worker, which is replaced at once; others go on.
 *
 * Unless it is said otherwise: text is UTF-8 and ends with NUL; what a function
 * with a `struct app_request *` returns lives as long as the request; functions
 * return 0 or -errno; those marked [waits] may return
 *
 *	-ECANCELED  the client has gone away
 *	-ETIMEDOUT  the request's time (`request-timeout`) is over; waiting for the client
 *		    does not count
 *
 * and do so at once from then on: clean up and return. A handler is never
 * abandoned half-way. docs/applications.md is an introduction.
 */
#ifndef SLUICE_APP_H
#define SLUICE_APP_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SLUICE_APP_ABI 1

#define APP_CHECKED	       __attribute__((warn_unused_result))
#define APP_PRINTF(text, args) __attribute__((format(printf, text, args)))

struct app;	    /* a module in a worker */
struct app_request; /* a request, from its head to the end of its response */
struct db_result;   /* the rows of a query */

/* --- modules ------------------------------------------------------------------------ */

struct app_module {
	uint32_t abi; /* SLUICE_APP_ABI */
	const char *name;
	/*
	 * Once in each worker, before it serves: registers routes. -errno: it does not start.
	 * Also in a process that ends at once, to try it: so it changes nothing outside.
	 */
	int (*start)(struct app *app);
	/* May be NULL. When the worker ends in good order: after its last request. */
	void (*stop)(struct app *app);
};

typedef void app_handler(struct app_request *r);

/*
 * Calls `handler` for requests of this method and path. Segments of the path
 * may be parameters: "/products/:id"; a last one "*rest" takes all that is left
 * (slashes too). A fixed segment wins over a parameter, that over "*". GET serves HEAD as
 * well. A path that exists under other methods only answers 405 by itself, one
 * that does not exist 404. -EEXIST: registered already; -EINVAL: not a method or path.
 */
int app_route(struct app *app, const char *method, const char *path,
	      app_handler *handler) APP_CHECKED;

/* From `settings:` of the module in the daemon's file; `missing` if it is not there. */
const char *app_setting(struct app *app, const char *key, const char *missing);
int64_t app_setting_int(struct app *app, const char *key, int64_t missing);

/* One pointer of the module's own. */
void app_set_data(struct app *app, void *data);
void *app_data(const struct app *app);

/* The name of this node. */
const char *app_node(const struct app *app);

enum app_log_level { APP_LOG_ERROR, APP_LOG_WARN, APP_LOG_INFO, APP_LOG_DEBUG };

/* One line in the daemon's log. `r` may be NULL: else its id is told too. Never log a secret. */
void app_log(struct app *app, struct app_request *r, enum app_log_level level, const char *format,
	     ...) APP_PRINTF(4, 5);

/* --- the request -------------------------------------------------------------------- */

struct app *app_of(const struct app_request *r);
const char *app_method(const struct app_request *r);
/* Decoded and normalised: no "..", no "//". */
const char *app_path(const struct app_request *r);
/* "/path?query" as it was sent. */
const char *app_target(struct app_request *r);
/* Of the access log, and of every tier's: X-Request-ID, or made here. */
const char *app_request_id(const struct app_request *r);
/* The client's address as text: told by trusted proxies (X-Forwarded-For), else the peer's. */
const char *app_client(const struct app_request *r);
/* Whether the client came by HTTPS, and the host that it asked for, as trusted proxies tell. */
bool app_is_https(const struct app_request *r);
const char *app_host(struct app_request *r);

/* All: NULL if there is none of that name; the first if there are several. */
const char *app_param(struct app_request *r, const char *name);	 /* ":name" of the route */
const char *app_query(struct app_request *r, const char *name);	 /* "?name=value" */
const char *app_header(struct app_request *r, const char *name); /* in any case */
const char *app_cookie(struct app_request *r, const char *name);

/*
 * [waits] A field of the body: application/x-www-form-urlencoded, or the fields
 * of multipart/form-data (not files). NULL if there is none, if the body is no
 * form, or cannot be read: app_body() tells why.
 */
const char *app_form(struct app_request *r, const char *name);

/*
 * [waits] The whole body; *length, which may be NULL, without the NUL behind it.
 * NULL with errno set: EMSGSIZE if it is longer than `form-max`: then 413 has
 * been answered; ECANCELED, ETIMEDOUT. An absent body is "".
 */
const char *app_body(struct app_request *r, size_t *length);

/*
 * [waits] The body as JSON, of type application/json; owned by the request. NULL: it
 * is not, and 400, 413 or 415 has been answered: the handler only returns.
 */
json_t *app_json(struct app_request *r);

/*
 * [waits] For bodies of any size: the next bytes, at most `size`; 0 at the end;
 * -errno. Not together with the three above.
 */
ssize_t app_read(struct app_request *r, void *buffer, size_t size) APP_CHECKED;

/* All of `text` as a decimal number within the limits? Text may be NULL: false. */
bool app_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* --- memory ------------------------------------------------------------------------- */

/*
 * Zeroed memory, and text, freed with the request. Never NULL: a request may have
 * `memory-max` in all, and one that asks for more is ended with its worker, like any crash.
 */
void *app_alloc(struct app_request *r, size_t size);
char *app_strdup(struct app_request *r, const char *text);
char *app_sprintf(struct app_request *r, const char *format, ...) APP_PRINTF(2, 3);

/* --- the response ------------------------------------------------------------------- */

/*
 * What is written is collected, and sent with its length when the handler
 * returns. A response that outgrows `response-buffer` (or is flushed) is
 * streamed from then on, as fast as the client takes it. Status, header and
 * cookies can be set until then; later attempts are logged and fail with
 * -EALREADY. A handler that answers nothing at all: 503 if the database has failed it, else 500.
 */

/* 200 unless set. */
int app_status(struct app_request *r, unsigned status);

/*
 * Sets a field, replacing the module's earlier value. Content-Type is "text/html;
 * charset=utf-8" unless set. -EINVAL, and nothing is set: not a token, a control
 * character in the value (no header can be injected), or a field that is the
 * server's: Content-Length, Transfer-Encoding, Connection, Date, Set-Cookie …
 */
int app_set_header(struct app_request *r, const char *name, const char *value);

#define APP_COOKIE_INSECURE 1	 /* sent over plain HTTP too */
#define APP_COOKIE_SCRIPT   2	 /* scripts may read it: without HttpOnly */
#define APP_COOKIE_STRICT   4	 /* SameSite=Strict; else Lax */
#define APP_COOKIE_SESSION  (-1) /* max_age: until the browser ends */
#define APP_COOKIE_PATH_ALL NULL /* path: "/" */

/*
 * Secure, HttpOnly, SameSite=Lax unless `flags` say otherwise. `max_age` in seconds; 0
 * deletes. -EINVAL: a character that no cookie may have.
 */
int app_set_cookie(struct app_request *r, const char *name, const char *value, const char *path,
		   int64_t max_age, unsigned flags);

/* [waits] only when streaming. Bytes as they are: nothing is escaped. */
int app_write(struct app_request *r, const void *data, size_t length);
int app_puts(struct app_request *r, const char *text);
int app_printf(struct app_request *r, const char *format, ...) APP_PRINTF(2, 3);
/* Text with & < > " ' escaped. */
int app_write_escaped(struct app_request *r, const char *text);

/*
 * [waits] Sends what was written so far and streams the rest. Returns when the client
 * has taken enough for more to be written: a response of any size needs little memory.
 */
int app_flush(struct app_request *r);

/* The whole response at once: what was written before is forgotten. `value` is taken over. */
int app_json_reply(struct app_request *r, unsigned status, json_t *value);
/* 303 See Other: after a form. `location` is a path ("/cart"): -EINVAL for "//" or another site. */
int app_redirect(struct app_request *r, const char *location);
/* An error page: "error.html" with {{status}}, {{reason}} and {{message}}, or a plain one. */
int app_error(struct app_request *r, unsigned status, const char *message);

/*
 * Renders a template of the module's `templates` directory, by its path there.
 * `data` is a JSON object, taken over; NULL: none. Besides what it holds, templates know
 * {{csrf}}, {{node}}, {{path}} and {{request_id}}. -ENOENT: no such template, 500 is answered.
 *
 *	{{name}}  {{a.b}}  {{.}}	the value, & < > " ' escaped
 *	{{{name}}}  {{&name}}		the value as it is
 *	{{#name}}…{{/name}}		for each of a list, once for another value;
 *					not for false, null, "" , 0 and the empty list
 *	{{^name}}…{{/name}}		in just these cases
 *	{{>file.html}}			another template at this place
 *	{{<layout.html}}{{$block}}…{{/block}}{{/layout.html}}
 *					a layout whose {{$block}}…{{/block}} are replaced
 *	{{! comment }}
 */
int app_render(struct app_request *r, const char *name, json_t *data);

/* [waits] Lets others run for so long. */
int app_sleep(struct app_request *r, unsigned ms);

/* --- sessions ----------------------------------------------------------------------- */

/*
 * Text by key, of one visitor. They live in the visitor's cookie, sealed by
 * AES-256-GCM under keys that all application servers share: any of them can
 * go on where another has died. The visitor cannot read or change them, but can come back
 * with an older one: what must happen once is a matter for the database. Of two answers
 * to one visitor at the same time the later is kept.
 */
#define APP_SESSION_BYTES 2048 /* keys and values, with 3 bytes more for each pair */

const char *app_session_get(struct app_request *r, const char *key);
/* `value` NULL removes. -ENOSPC: all together would be too large, nothing has changed. */
int app_session_set(struct app_request *r, const char *key, const char *value);
/* Forgets everything: to log out; and before logging in, so that no token from before is valid. */
void app_session_clear(struct app_request *r);

/*
 * Against forged requests of other sites. Put {{csrf}} into each form:
 *
 *	<input type="hidden" name="csrf" value="{{csrf}}">
 *
 * and let every handler of POST, PUT, PATCH, DELETE begin with
 *
 *	if (!app_csrf_ok(r))
 *		return;
 */
const char *app_csrf_token(struct app_request *r);
/*
 * [waits] The token in the form field "csrf" or the header X-CSRF-Token belongs to this
 * session, and Origin, if it was sent, is this site. If not: false, and 403 has been answered.
 */
bool app_csrf_ok(struct app_request *r);

/* --- the database ------------------------------------------------------------------- */

/*
 * Statements are prepared; values go beside them, never into their text:
 *
 *	struct db_result *rows = db_query(r, "SELECT name FROM product WHERE id = ?", "i", id);
 *
 *	while (db_next(rows) > 0)
 *		app_printf(r, "%s\n", db_text(rows, 0));
 *
 * `types` has a letter for each '?': i int64_t, d double, s const char * (NULL
 * is NULL), b const void * and size_t, n nothing: NULL.
 *
 * A request borrows a connection of the worker's pool for its first statement
 * and keeps it until it returns, or until db_release(). Errors, besides those of [waits]:
 *
 *	-EDEADLK    deadlock (1213) or lock wait (1205): the transaction is undone, try it again
 *	-EEXIST     duplicate key (1062)
 *	-ENOTCONN   the database cannot be reached, or the connection broke: unless nothing had
 *		    been sent, whether the statement took effect is not known
 *	-EBUSY      no connection became free in time (`wait-timeout`)
 *	-EMSGSIZE   a row, or rows to be kept, exceed their limits
 *	-EINVAL     `types` do not fit the statement
 *	-EIO        any other: db_error() tells the server's number
 *
 * After an error within a transaction every statement fails with it until db_rollback().
 */

/* [waits] NULL: an error, see db_status(). Those below take it for a result without rows. */
struct db_result *db_query(struct app_request *r, const char *sql, const char *types, ...);
/* [waits] Of what returns no rows. 0 or -errno. */
int db_exec(struct app_request *r, const char *sql, const char *types, ...) APP_CHECKED;

/*
 * [waits] To the next row: 1, 0 at the end, -errno. Rows are fetched one by one and the
 * last is forgotten; if another statement begins before the end, the rest is read into memory
 * (at most `rows-max` bytes), so that loops may be nested. The result is freed with the request.
 */
int db_next(struct db_result *rows);

/* Of the current row, by column from 0. Values stay valid until the next db_next(). */
int db_columns(const struct db_result *rows);
const char *db_column_name(const struct db_result *rows, int column); /* its label; NULL: none */
bool db_is_null(const struct db_result *rows, int column);
int64_t db_int(const struct db_result *rows, int column);      /* NULL and no number: 0 */
double db_double(const struct db_result *rows, int column);    /* the same */
const char *db_text(const struct db_result *rows, int column); /* numbers too; NULL: "" */
const void *db_blob(const struct db_result *rows, int column, size_t *length);

/* The current row as a JSON object by column names; a new reference. NULL: out of memory. */
json_t *db_row_json(const struct db_result *rows);
/* [waits] At most `limit` rows as a JSON array of objects; a new reference. NULL: an error. */
json_t *db_json(struct app_request *r, size_t limit, const char *sql, const char *types,
		...) APP_CHECKED;

/* Of the last statement. */
int db_status(const struct app_request *r);	     /* 0 or -errno */
unsigned db_error(const struct app_request *r);	     /* the server's or client library's number */
const char *db_message(const struct app_request *r); /* for a log, not for a visitor */
uint64_t db_last_id(const struct app_request *r);    /* AUTO_INCREMENT */
uint64_t db_affected(const struct app_request *r);   /* rows changed */

/* [waits] A transaction that is still open when the handler returns is rolled back. */
int db_begin(struct app_request *r) APP_CHECKED;
int db_commit(struct app_request *r) APP_CHECKED;
int db_rollback(struct app_request *r);

/*
 * [waits] Runs `body` in a transaction: commits if it returns 0, rolls back if not, and returns
 * what it returned. After -EDEADLK it runs it again, at most `attempts` times in all.
 */
int db_transaction(struct app_request *r, unsigned attempts,
		   int (*body)(struct app_request *r, void *argument), void *argument) APP_CHECKED;

/*
 * Gives the connection back before the handler returns, so that others can use it: before a long
 * response or sleep. -EBUSY: within a transaction, or rows are outstanding.
 */
int db_release(struct app_request *r);

#endif /* SLUICE_APP_H */
