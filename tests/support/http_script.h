/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An HTTP server with a scripted handler, and clients of it, in one process and
 * on one loop: the target of a request says how it is answered. Nothing here
 * waits longer than SCRIPT_PATIENCE_MS.
 *
 *	/whole		200, "hello\n", at once		/later		the same, some ms later
 *	/chunks		length unknown, three pieces	/echo		the request's body
 *	/bytes?N	N bytes, as the client takes	/file?N		the same out of a file
 *	/refuse		403 without reading the body	/never		nothing
 *	/cut		half of what was announced	/field		a field with a line feed
 *	/stream?N	as /bytes, length unknown
 *	/hints		103, then 200			/upgrade	101, then what comes
 *	/gather		the body's length, once all is there
 */
#ifndef SLUICE_HTTP_SCRIPT_H
#define SLUICE_HTTP_SCRIPT_H

#include "http/server.h"

#define SCRIPT_PATIENCE_MS 5000
#define SCRIPT_RECEIVE_MAX (8u << 20)

struct script {
	struct loop loop;
	struct buffer_pool buffers;
	struct http_server_settings settings;
	struct http_server_counters counters;
	struct http_server server;
	unsigned requests, finished, aborted, broken, closed; /* told to the handler */
	unsigned most_buffers;				      /* in use at a time */
	bool paused; /* the handler of /echo takes nothing */
	int file;    /* what /file sends; as /bytes */
};

/* What came, without the lines "Date: ...", for texts to be compared; NUL behind it. */
struct script_client {
	struct script *script;
	int fd;
	char *received;
	size_t length;
	bool ended, reset;
};

void script_init(struct script *script);
/* Checks that nothing is left: connections, buffers, exchanges. */
void script_fini(struct script *script);

void script_connect(struct script *script, struct script_client *client);
void script_send(struct script_client *client, const char *text);
/* As much as the socket takes; returns how much. */
size_t script_send_bytes(struct script_client *client, const void *bytes, size_t length);
/* Lets the server work for so long. */
void script_run(struct script *script, unsigned ms);
/* The same until the client has got `length` bytes or its end has come; false: neither did. */
bool script_receive(struct script_client *client, size_t length);
bool script_receive_end(struct script_client *client);
/* The same until that text has come as a whole. Forgets it, if it has. */
void script_expect(struct script_client *client, const char *text, const char *file, int line);
#define SCRIPT_EXPECT(client, text) script_expect(client, text, __FILE__, __LINE__)
void script_close(struct script_client *client);

/* The byte at `offset` of /bytes and /file. */
char script_byte(uint64_t offset);
/* Whether that is what came behind the head. */
bool script_received_bytes(const struct script_client *client, size_t count);

#endif /* SLUICE_HTTP_SCRIPT_H */
