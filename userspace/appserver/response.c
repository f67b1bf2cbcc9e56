/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The response: collected while it is small, streamed when it is not. Fields
 * are checked when they are set; the server's writer would refuse the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "request.h"

#define OUT_STEP 4096 /* first size of the collected response */

/* --- status and fields -------------------------------------------------------------- */

static int check_open(struct app_request *r, const char *what)
{
	if (!r->streaming)
		return 0;
	app_log(r->app, r, APP_LOG_WARN, "event=too-late what=\"%s\"", what);
	return -EALREADY;
}

int app_status(struct app_request *r, unsigned status)
{
	int err = check_open(r, "status");

	if (err)
		return err;
	if (status < 200 || status > 599)
		return -EINVAL;
	r->status = status;
	return 0;
}

static bool is_token(const char *name)
{
	return *name && strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name);
}

static bool is_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

/* Fields that the server writes, or that have a function of their own. */
static bool is_reserved(const char *name)
{
	enum http_field field = http_field_find(http_slice_of(name));

	switch (field) {
	case HTTP_FIELD_CONTENT_LENGTH:
	case HTTP_FIELD_SET_COOKIE:
	case HTTP_FIELD_DATE:
	case HTTP_FIELD_X_SLUICE_APP:
	case HTTP_FIELD_X_REQUEST_ID:
		return true;
	default:
		return http_field_flags(field) & HTTP_F_HOP;
	}
}

static struct request_field **find_field(struct app_request *r, const char *name)
{
	struct request_field **place = &r->fields;

	while (*place && strcasecmp((*place)->name, name))
		place = &(*place)->next;
	return place;
}

static void add_field(struct app_request *r, struct request_field **place, const char *name,
		      const char *value)
{
	struct request_field *field = app_alloc(r, sizeof(*field));

	field->name = app_strdup(r, name);
	field->value = app_strdup(r, value);
	field->next = *place ? (*place)->next : NULL;
	*place = field;
}

int app_set_header(struct app_request *r, const char *name, const char *value)
{
	int err = check_open(r, name);

	if (err)
		return err;
	if (!is_token(name) || !is_value(value) || is_reserved(name)) {
		app_log(r->app, r, APP_LOG_WARN, "event=header-refused name=\"%s\"", name);
		return -EINVAL;
	}
	add_field(r, find_field(r, name), name, value);
	return 0;
}

/* RFC 6265, 4.1.1. */
static bool is_cookie_value(const char *value)
{
	for (; *value; value++)
		if (*value <= ' ' || *value >= 0x7f || strchr("\",;\\", *value))
			return false;
	return true;
}

int app_set_cookie(struct app_request *r, const char *name, const char *value, const char *path,
		   int64_t max_age, unsigned flags)
{
	bool secure = r->worker->config->secure_cookies && !(flags & APP_COOKIE_INSECURE);
	struct request_field **place = &r->cookies;
	char age[48] = "";
	const char *text;
	int err = check_open(r, "Set-Cookie");

	if (err)
		return err;
	if (!path)
		path = "/";
	if (!is_token(name) || !is_cookie_value(value) || *path != '/' || !is_cookie_value(path))
		return -EINVAL;
	if (max_age >= 0)
		snprintf(age, sizeof(age), "; Max-Age=%lld", (long long)max_age);
	text = app_sprintf(r, "%s=%s; Path=%s%s%s%s; SameSite=%s", name, value, path, age,
			   secure ? "; Secure" : "", flags & APP_COOKIE_SCRIPT ? "" : "; HttpOnly",
			   flags & APP_COOKIE_STRICT ? "Strict" : "Lax");
	while (*place && strcmp((*place)->name, name))
		place = &(*place)->next;
	add_field(r, place, name, text);
	return 0;
}

/* --- sending ------------------------------------------------------------------------ */

/* Gives all to the server, and waits where it has no room. */
static int push(struct app_request *r, const char *data, size_t length)
{
	while (length) {
		size_t taken;
		int err = 0;

		if (!r->exchange)
			return -ECANCELED;
		taken = http_reply_body(r->exchange, data, length);
		data += taken;
		length -= taken;
		if (!length)
			break;
		err = request_wait_for_client(r, &r->waits_for_room);
		if (err)
			return err;
	}
	return 0;
}

static void send_head(struct app_request *r, int64_t length)
{
	struct http_exchange *x = r->exchange;
	unsigned status = r->status ? r->status : 200;

	visitor_store(r);
	if (r->session_used && !*find_field(r, "Cache-Control"))
		add_field(r, find_field(r, "Cache-Control"), "Cache-Control", "private, no-cache");
	if (length && !*find_field(r, "Content-Type"))
		add_field(r, find_field(r, "Content-Type"), "Content-Type",
			  "text/html; charset=utf-8");
	r->streaming = true;
	http_reply_start(x, status);
	http_reply_fieldf(x, "X-Sluice-App", "%s", r->worker->config->process.node);
	http_reply_fieldf(x, "X-Request-ID", "%s", r->id);
	for (const struct request_field *f = r->fields; f; f = f->next)
		http_reply_field(x, f->name, f->value, strlen(f->value));
	for (const struct request_field *f = r->cookies; f; f = f->next)
		http_reply_field(x, "Set-Cookie", f->value, strlen(f->value));
	http_reply_head_end(x, length);
}

int app_flush(struct app_request *r)
{
	int err;

	if (r->task.cancelled)
		return r->task.cancelled;
	if (!r->exchange)
		return -ECANCELED;
	if (!r->streaming)
		send_head(r, HTTP_LENGTH_UNKNOWN);
	err = push(r, r->out, r->out_length);
	r->out_length = 0;
	return err;
}

static int grow(struct app_request *r, size_t wanted)
{
	size_t size = r->out_size ? r->out_size : OUT_STEP;
	char *out;

	while (size < wanted)
		size *= 2;
	if (size > r->worker->config->response_bytes)
		size = r->worker->config->response_bytes;
	out = realloc(r->out, size);
	if (!out)
		return -ENOMEM;
	r->out = out;
	r->out_size = size;
	return 0;
}

int response_write(struct app_request *r, const void *data, size_t length)
{
	const size_t limit = r->worker->config->response_bytes;
	int err = 0;

	if (r->task.cancelled == -ECANCELED)
		return -ECANCELED;
	if (!r->status)
		r->status = 200;
	while (length && !err) {
		size_t room = limit - r->out_length, piece = length < room ? length : room;

		if (r->out_length + piece > r->out_size)
			err = grow(r, r->out_length + piece);
		if (!err) {
			memcpy(r->out + r->out_length, data, piece);
			r->out_length += piece;
			data = (const char *)data + piece;
			length -= piece;
		}
		if (!err && r->out_length == limit)
			err = app_flush(r);
	}
	return err;
}

bool response_restart(struct app_request *r)
{
	if (check_open(r, "response"))
		return false;
	r->out_length = 0;
	return true;
}

/* --- the end ------------------------------------------------------------------------ */

/* What the handler has not said, or could not any more. */
static void answer_for_it(struct app_request *r, int cancelled, int database)
{
	if (cancelled == -ETIMEDOUT && !r->streaming) {
		app_error(r, 504, "This took too long.");
		return;
	}
	if (r->status)
		return;
	r->worker->counters->requests.unanswered++;
	if (database)
		app_error(r, 503, "Something that is needed for this does not answer.");
	else
		app_error(r, 500, "Something has gone wrong.");
}

void response_finish(struct app_request *r)
{
	int cancelled = r->task.cancelled, database = r->database.status;

	database_user_fini(&r->database);
	if (!r->exchange)
		return;
	/* What remains to be sent has the server's deadlines. */
	loop_timer_disarm(&r->worker->worker->loop, &r->timeout);
	answer_for_it(r, cancelled, database);
	if (r->streaming && cancelled) {
		http_reply_abort(r->exchange);
		return;
	}
	r->task.cancelled = r->exchange ? 0 : -ECANCELED;
	if (!r->streaming)
		send_head(r, (int64_t)r->out_length);
	if (!push(r, r->out, r->out_length))
		http_reply_end(r->exchange);
}
