/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Files: RFC 9110, 9.3.1, 13 and 14. A reply is made from a cached file, which
 * is held until the last byte has left, whatever its path leads to by then.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "route.h"
#include "worker.h"

#define INDEX	      "index.html"
#define PART_HEAD_MAX 512

/* --- bodies ----------------------------------------------------------------------------- */

static uint64_t range_length(const struct http_range *range)
{
	return range->last - range->first + 1;
}

/* The head of the part at `index` of a multipart body; behind the last part its end. */
static size_t part_head(const struct web_sending *sending, size_t index,
			char text[static PART_HEAD_MAX])
{
	const struct http_range *range = &sending->ranges[index];
	const char *line = index ? "\r\n" : "";

	if (index == sending->count)
		return (size_t)snprintf(text, PART_HEAD_MAX, "\r\n--%s--\r\n", sending->boundary);
	return (size_t)snprintf(text, PART_HEAD_MAX,
				"%s--%s\r\nContent-Type: %s\r\n"
				"Content-Range: bytes %llu-%llu/%llu\r\n\r\n",
				line, sending->boundary, sending->type,
				(unsigned long long)range->first, (unsigned long long)range->last,
				(unsigned long long)sending->file->size);
}

static uint64_t body_length(const struct web_sending *sending)
{
	char text[PART_HEAD_MAX];
	uint64_t length = 0;

	for (size_t i = 0; i < sending->count; i++)
		length += range_length(&sending->ranges[i]);
	for (size_t i = 0; sending->type && i <= sending->count; i++)
		length += part_head(sending, i, text);
	return length;
}

static bool send_part_head(struct http_exchange *exchange, struct web_sending *sending)
{
	char text[PART_HEAD_MAX];
	size_t length;

	if (!sending->type || sending->part_begun)
		return true;
	length = part_head(sending, sending->next, text);
	sending->part_begun = http_reply_body(exchange, text, length) == length;
	return sending->part_begun;
}

/* False: the rest has to wait. A file is given as a whole, and what follows waits for it. */
static bool send_range(struct http_exchange *exchange, struct web_sending *sending)
{
	const struct http_range *range = &sending->ranges[sending->next];
	uint64_t left = range_length(range) - sending->offset;
	uint64_t from = range->first + sending->offset;

	if (!left)
		return true;
	if (!sending->file->content) {
		http_reply_file(exchange, sending->file->fd, (off_t)from, left);
		sending->offset += left;
		return sending->next + 1 == sending->count && !sending->type;
	}
	sending->offset += http_reply_body(exchange, sending->file->content + from, (size_t)left);
	return sending->offset == range_length(range);
}

void web_static_continue(struct http_exchange *exchange)
{
	struct web_sending *sending = &web_request_of(exchange)->sending;

	while (sending->next < sending->count) {
		if (!send_part_head(exchange, sending) || !send_range(exchange, sending))
			return;
		sending->next++;
		sending->offset = 0;
		sending->part_begun = false;
	}
	if (send_part_head(exchange, sending))
		http_reply_end(exchange);
}

/* --- heads ------------------------------------------------------------------------------ */

static void set_validators(struct http_exchange *exchange, const struct cached_file *file,
			   const struct web_route *route, bool varies)
{
	http_reply_known(exchange, HTTP_FIELD_LAST_MODIFIED,
			 (struct http_slice){file->date, HTTP_DATE_LEN});
	http_reply_known(exchange, HTTP_FIELD_ETAG, http_slice_of(file->etag));
	if (*route->cache_control)
		http_reply_known(exchange, HTTP_FIELD_CACHE_CONTROL,
				 http_slice_of(route->cache_control));
	if (varies)
		http_reply_known(exchange, HTTP_FIELD_VARY, HTTP_SLICE("Accept-Encoding"));
}

static void make_boundary(char boundary[static 17])
{
	unsigned long long random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = loop_clock_ns();
	snprintf(boundary, 17, "%016llx", random);
}

static void set_content(struct http_exchange *exchange, struct web_sending *sending,
			const char *type, bool partial)
{
	const struct http_range *range = sending->ranges;

	http_reply_known(exchange, HTTP_FIELD_ACCEPT_RANGES, HTTP_SLICE("bytes"));
	if (partial && sending->count > 1) {
		sending->type = type;
		make_boundary(sending->boundary);
		http_reply_fieldf(exchange, "Content-Type", "multipart/byteranges; boundary=%s",
				  sending->boundary);
		return;
	}
	http_reply_known(exchange, HTTP_FIELD_CONTENT_TYPE, http_slice_of(type));
	if (partial)
		http_reply_fieldf(exchange, "Content-Range", "bytes %llu-%llu/%llu",
				  (unsigned long long)range->first, (unsigned long long)range->last,
				  (unsigned long long)sending->file->size);
}

static void reply_unsatisfiable(struct http_exchange *exchange, const struct cached_file *file)
{
	web_reply_start(exchange, 416);
	http_reply_fieldf(exchange, "Content-Range", "bytes */%llu",
			  (unsigned long long)file->size);
	http_reply_whole(exchange, NULL, NULL, 0);
}

/* What has been found, in the form that was chosen. */
struct found {
	const struct web_route *route;
	const struct type *type; /* of the file, however it is encoded */
	int encoding;		 /* enum file_encoding; -1: none */
	bool varies;
};

static void reply_content(struct http_exchange *exchange, const struct found *found)
{
	static const struct http_slice encodings[FILE_ENCODINGS] = {
		[FILE_BR] = HTTP_SLICE("br"),
		[FILE_GZIP] = HTTP_SLICE("gzip"),
	};
	struct web_request *request = web_request_of(exchange);
	struct web_sending *sending = &request->sending;
	const struct cached_file *file = sending->file;
	ssize_t count = precondition_ranges(&exchange->request, http_slice_of(file->etag),
					    file->modified, file->size, sending->ranges);

	if (count < 0) {
		reply_unsatisfiable(exchange, file);
		return;
	}
	sending->count = (size_t)count;
	if (!count && file->size)
		sending->ranges[sending->count++] = (struct http_range){0, file->size - 1};
	web_reply_start(exchange, count ? 206 : 200);
	set_validators(exchange, file, found->route, found->varies);
	set_content(exchange, sending, found->type->name, count > 0);
	if (found->encoding >= 0) {
		http_reply_known(exchange, HTTP_FIELD_CONTENT_ENCODING, encodings[found->encoding]);
		request->worker->counters->compressed++;
	}
	request->worker->counters->ranges += count > 0;
	http_reply_head_end(exchange, (int64_t)body_length(sending));
	if (exchange->request.method == HTTP_METHOD_HEAD)
		http_reply_end(exchange);
	else
		web_static_continue(exchange);
}

static void reply_file(struct http_exchange *exchange, const struct found *found)
{
	struct web_request *request = web_request_of(exchange);
	const struct cached_file *file = request->sending.file;

	switch (precondition_check(&exchange->request, http_slice_of(file->etag), file->modified)) {
	case PRECONDITION_FAILED:
		web_reply_error(exchange, 412);
		break;
	case PRECONDITION_NOT_MODIFIED:
		request->worker->counters->not_modified++;
		web_reply_start(exchange, 304);
		set_validators(exchange, file, found->route, found->varies);
		http_reply_whole(exchange, NULL, NULL, 0);
		break;
	case PRECONDITION_MET:
		reply_content(exchange, found);
		break;
	}
}

/* --- finding the file ------------------------------------------------------------------- */

/* Takes a compressed form in the file's place, if there is one that the client takes. */
static void choose_encoding(struct http_exchange *exchange, struct found *found)
{
	struct web_request *request = web_request_of(exchange);
	struct cached_file *file = request->sending.file;
	unsigned there = 0;

	found->type = file->type;
	found->encoding = -1;
	if (!file->type->compressible)
		return;
	file_cache_find_encoded(&request->worker->files, file);
	for (unsigned i = 0; i < FILE_ENCODINGS; i++)
		there |= (file->encoded[i] != NULL) << i;
	found->varies = there;
	found->encoding = precondition_encoding(&exchange->request, there);
	if (found->encoding < 0)
		return;
	request->sending.file = file->encoded[found->encoding];
	request->sending.file->references++;
	file_cache_put(file);
}

/* Relative links in an index only work below its directory. */
static void redirect_to_directory(struct http_exchange *exchange)
{
	const struct http_head *request = &exchange->request;
	struct http_slice path = request->path;

	/* "//host/" would lead to another host. */
	while (path.len > 1 && path.at[1] == '/') {
		path.at++;
		path.len--;
	}
	web_reply_start(exchange, 301);
	http_reply_fieldf(exchange, "Location", "%.*s/%s%.*s", (int)path.len, path.at,
			  request->query.at ? "?" : "", (int)request->query.len,
			  request->query.at ? request->query.at : "");
	http_reply_whole(exchange, NULL, NULL, 0);
}

/* ".git", ".env" and the like are nobody's business; RFC 8615 makes an exception. */
static bool is_hidden(const char *path)
{
	if (!strncmp(path, ".well-known/", strlen(".well-known/")))
		path += strlen(".well-known/");
	for (; path; path = strchr(path, '/') ? strchr(path, '/') + 1 : NULL)
		if (*path == '.')
			return true;
	return false;
}

static struct cached_file *find_file(struct http_exchange *exchange, size_t root, const char *rest)
{
	struct web_request *request = web_request_of(exchange);
	size_t length = strlen(rest);

	if (length && rest[length - 1] != '/')
		return file_cache_get(&request->worker->files, root, rest);
	if (length + sizeof(INDEX) > sizeof(request->path) - (size_t)(rest - request->path))
		return NULL;
	strcpy(request->path + (rest - request->path) + length, INDEX);
	return file_cache_get(&request->worker->files, root, rest);
}

void web_static_start(struct http_exchange *exchange, const struct web_route *route)
{
	struct web_request *request = web_request_of(exchange);
	const char *rest = route_rest(route, request->path);
	struct found found = {.route = route};
	struct cached_file *file;

	if (exchange->request.method != HTTP_METHOD_GET &&
	    exchange->request.method != HTTP_METHOD_HEAD) {
		web_reply_methods(exchange);
		return;
	}
	if (is_hidden(rest)) {
		web_reply_error(exchange, 404);
		return;
	}
	file = find_file(exchange, request->worker->targets[route->number].root, rest);
	request->sending.file = file;
	if (!file || file->out_of_reach) {
		web_reply_error(exchange, 503);
	} else if (file->kind == FILE_MISSING) {
		web_reply_error(exchange, 404);
	} else if (file->kind == FILE_DIRECTORY) {
		redirect_to_directory(exchange);
	} else {
		choose_encoding(exchange, &found);
		reply_file(exchange, &found);
	}
}
