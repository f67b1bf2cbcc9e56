/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a handler asks of its request: sluice/app.h, "the request" and "memory".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "http/value.h"
#include "request.h"

#define BODY_STEP 4096 /* first size of a body's memory */

/* --- memory ------------------------------------------------------------------------- */

void *app_alloc(struct app_request *r, size_t size)
{
	void *memory = arena_alloc(&r->arena, size);

	if (!memory)
		request_out_of_memory(r);
	return memory;
}

char *app_strdup(struct app_request *r, const char *text)
{
	size_t length = strlen(text);

	return memcpy(app_alloc(r, length + 1), text, length);
}

char *app_sprintf(struct app_request *r, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(&r->arena, format, args);
	va_end(args);
	if (!text)
		request_out_of_memory(r);
	return text;
}

/* --- the head ----------------------------------------------------------------------- */

/* NULL when the client has gone: slices point into what was its buffer. */
static const struct http_head *head_of(const struct app_request *r)
{
	return r->exchange ? &r->exchange->request : NULL;
}

/* Bytes of the client as text; what is no UTF-8 is replaced. */
static const char *text_of(struct app_request *r, struct http_slice slice)
{
	const char *text;
	int err = form_text(&r->arena, slice, &text);

	if (err == -ENOMEM)
		request_out_of_memory(r);
	return err ? NULL : text;
}

struct app *app_of(const struct app_request *r)
{
	return r->app;
}

const char *app_method(const struct app_request *r)
{
	return r->method;
}

const char *app_path(const struct app_request *r)
{
	return r->path;
}

const char *app_target(struct app_request *r)
{
	const struct http_head *head = head_of(r);

	return head ? text_of(r, head->target) : r->path;
}

const char *app_request_id(const struct app_request *r)
{
	return r->id;
}

const char *app_client(const struct app_request *r)
{
	return r->client;
}

bool app_is_https(const struct app_request *r)
{
	return r->https;
}

const char *app_host(struct app_request *r)
{
	const struct http_head *head = head_of(r);
	struct http_slice host = {0};

	if (head && r->trusted)
		host = http_head_value(head, HTTP_FIELD_X_FORWARDED_HOST);
	if (head && !host.len)
		host = head->authority;
	return host.len ? text_of(r, host) : "";
}

const char *app_param(struct app_request *r, const char *name)
{
	for (size_t i = 0; i < r->match.param_count; i++)
		if (!strcmp(r->match.params[i].name, name))
			return text_of(r, r->match.params[i].value);
	return NULL;
}

const char *app_query(struct app_request *r, const char *name)
{
	return form_find(&r->query, name);
}

const char *app_header(struct app_request *r, const char *name)
{
	const struct http_head *head = head_of(r);
	const struct http_header *header =
		head ? http_head_find_name(head, http_slice_of(name)) : NULL;

	return header ? text_of(r, header->value) : NULL;
}

const char *app_cookie(struct app_request *r, const char *name)
{
	const struct http_head *head = head_of(r);
	const struct http_header *header = head ? http_head_find(head, HTTP_FIELD_COOKIE) : NULL;
	struct http_slice value;

	for (; header; header = http_head_next(head, header))
		if (http_cookie_find(header->value, http_slice_of(name), &value))
			return text_of(r, value);
	return NULL;
}

bool app_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool negative = text && *text == '-';
	int64_t value = 0;

	if (!text || !*(text += negative))
		return false;
	/* Counted downwards: there is one negative number more. */
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, *text - '0', &value))
			return false;
	if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* --- the body ----------------------------------------------------------------------- */

/* Waits for bytes of the body: how many; 0: that was all; -errno. */
static ssize_t next_bytes(struct app_request *r, const char **data)
{
	while (!r->task.cancelled && r->exchange) {
		bool complete;
		size_t length = http_request_body(r->exchange, data, &complete);
		int err;

		if (length || complete)
			return (ssize_t)length;
		err = request_wait_for_client(r, &r->waits_for_body);
		if (err)
			return err;
	}
	return r->task.cancelled ? r->task.cancelled : -ECANCELED;
}

ssize_t app_read(struct app_request *r, void *buffer, size_t size)
{
	const char *data;
	ssize_t length;

	if (r->body_state == REQUEST_BODY_READ)
		return -EALREADY;
	r->body_state = REQUEST_BODY_STREAMED;
	length = next_bytes(r, &data);
	if (length <= 0)
		return length;
	if ((size_t)length > size)
		length = (ssize_t)size;
	memcpy(buffer, data, (size_t)length);
	http_request_body_consume(r->exchange, (size_t)length);
	return length;
}

/* Room for `length` bytes more and NUL. */
static int grow_body(struct app_request *r, size_t *size, size_t length)
{
	size_t wanted = r->body_length + length + 1, limit = r->worker->config->form_bytes;
	char *body;

	if (r->body_length + length > limit)
		return -EMSGSIZE;
	if (wanted <= *size)
		return 0;
	*size = *size ? 2 * *size : BODY_STEP;
	if (*size < wanted)
		*size = wanted;
	body = realloc(r->body, *size);
	if (!body)
		return -ENOMEM;
	r->body = body;
	return 0;
}

static int read_body(struct app_request *r)
{
	const struct http_head *head = head_of(r);
	size_t size = 0;
	const char *data;
	ssize_t got = 0;
	int err = head && head->has_length && head->content_length > r->worker->config->form_bytes
			  ? -EMSGSIZE
			  : grow_body(r, &size, 0);

	while (!err && (got = next_bytes(r, &data)) > 0) {
		err = grow_body(r, &size, (size_t)got);
		if (err)
			break;
		memcpy(r->body + r->body_length, data, (size_t)got);
		r->body_length += (size_t)got;
		http_request_body_consume(r->exchange, (size_t)got);
	}
	if (got < 0)
		err = (int)got;
	if (!err)
		r->body[r->body_length] = '\0';
	return err;
}

const char *app_body(struct app_request *r, size_t *length)
{
	if (r->body_state == REQUEST_BODY_STREAMED) {
		errno = EALREADY;
		return NULL;
	}
	if (r->body_state == REQUEST_BODY_UNREAD) {
		r->body_state = REQUEST_BODY_READ;
		r->body_error = read_body(r);
	}
	if (r->body_error == -EMSGSIZE) {
		r->worker->counters->requests.bodies_too_large++;
		app_error(r, 413, "What was sent is too large.");
	}
	if (r->body_error) {
		errno = -r->body_error;
		return NULL;
	}
	if (length)
		*length = r->body_length;
	return r->body;
}

static bool media_type(struct app_request *r, struct http_media_type *type)
{
	const struct http_head *head = head_of(r);

	return head && !http_media_type_parse(http_head_value(head, HTTP_FIELD_CONTENT_TYPE), type);
}

static int read_form(struct app_request *r)
{
	struct http_media_type type;
	struct http_slice body;
	int err = -EBADMSG;

	form_init(&r->form, &r->arena);
	if (!media_type(r, &type))
		return -EBADMSG;
	body.at = app_body(r, &body.len);
	if (!body.at || !media_type(r, &type))
		return -EBADMSG;
	if (http_media_type_is(&type, "application", "x-www-form-urlencoded"))
		err = form_read_urlencoded(&r->form, body);
	else if (http_media_type_is(&type, "multipart", "form-data"))
		err = form_read_multipart(&r->form, body, type.parameters);
	/* A handler never sees half of a form. */
	if (err)
		form_init(&r->form, &r->arena);
	return err;
}

const char *app_form(struct app_request *r, const char *name)
{
	if (!r->form_read) {
		r->form_read = true;
		if (read_form(r) == -ENOMEM)
			request_out_of_memory(r);
	}
	return form_find(&r->form, name);
}

json_t *app_json(struct app_request *r)
{
	struct http_media_type type;
	json_error_t error;
	size_t length;
	const char *body;

	if (r->json)
		return r->json;
	if (!media_type(r, &type) || !http_media_type_is(&type, "application", "json")) {
		app_error(r, 415, "Expected a body of type application/json.");
		return NULL;
	}
	body = app_body(r, &length);
	if (!body)
		return NULL;
	r->json = json_loadb(body, length, JSON_REJECT_DUPLICATES, &error);
	if (!r->json)
		app_error(r, 400,
			  app_sprintf(r, "The body is not JSON: line %d: %s", error.line,
				      error.text));
	return r->json;
}

/* --- time --------------------------------------------------------------------------- */

int app_sleep(struct app_request *r, unsigned ms)
{
	int err = task_wait(&r->task, loop_clock_ns() + ms * NS_PER_MS);

	return err == -ETIME ? 0 : err;
}

void app_log(struct app *app, struct app_request *r, enum app_log_level level, const char *format,
	     ...)
{
	static const enum log_level levels[] = {
		[APP_LOG_ERROR] = LOG_LEVEL_ERROR,
		[APP_LOG_WARN] = LOG_LEVEL_WARN,
		[APP_LOG_INFO] = LOG_LEVEL_INFO,
		[APP_LOG_DEBUG] = LOG_LEVEL_DEBUG,
	};
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* A line is one line, whatever a client has put into it. */
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	log_write(levels[level & 3], app->config->name, "%s%s%s%s", r ? "request=" : "",
		  r ? r->id : "", r ? " " : "", text);
}
