/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A relay in one process: the HTTP server and an upstream on one loop, and
 * sockets on which a test plays the clients and the servers. Whatever waits lets
 * the loop run, and fails the test when nothing comes in time.
 */
#ifndef SLUICE_TEST_RELAY_H
#define SLUICE_TEST_RELAY_H

#include "http/proxy.h"
#include "unit.h"

#define RELAY_SERVERS 3
#define RELAY_CLIENT  "192.0.2.7" /* whom the clients are taken for */

struct relay {
	struct loop loop;
	struct buffer_pool buffers;
	struct http_server_settings settings;
	struct http_server_counters counters;
	struct http_server server;
	struct upstream_settings upstream_settings;
	struct upstream upstream;
	struct upstream_health health[RELAY_SERVERS];
	struct upstream_counters sent[RELAY_SERVERS]; /* the upstream's counters */
	struct proxy_rules rules;
	int listener[RELAY_SERVERS]; /* -1: refuses */
	unsigned finished, aborted;
	struct proxy_report report; /* of the exchange that ended last; and: */
	unsigned status;
	bool broken;
};

extern struct relay relay;

/* Servers that listen: "one", "two", "three", in turn. Rules: not at the edge. */
void relay_start(size_t servers);
/* Fails if a buffer or a request has been forgotten. */
void relay_stop(void);
void relay_refuse(size_t server);
/* Lets the loop run so long, at least one round. */
void relay_run(unsigned ms);

int relay_client(void);
/* The next connection to that server. */
int relay_accept(size_t server);
void relay_send(int fd, const char *text);
/* That much comes, and it is this text; nothing is said of what follows. */
void relay_expect(int fd, const char *text);
/* What comes in a while, if anything; ends with NUL. Returns the length. */
size_t relay_take(int fd, char *to, size_t size);
/* Nothing but the end, or a reset, comes. */
void relay_expect_end(int fd);
void relay_expect_reset(int fd);
/* Nothing comes, and the connection is open. */
void relay_expect_silence(int fd);
bool relay_nobody_connects(size_t server);
void relay_close(int fd);
/* The peer sees a reset. */
void relay_reset(int fd);

/* Requests on a client's connection, and what the server is expected to be sent for them. */
#define RELAY_GET  "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n\r\n"
#define RELAY_POST "POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nContent-Length: 2\r\n\r\nhi"
/* A server's answer, and what the client is expected to get. */
#define RELAY_OK_HEAD "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\n"
#define RELAY_OK      RELAY_OK_HEAD "ok"

/* RELAY_GET on the client's connection is answered by RELAY_OK on this one of a server. */
void relay_serve(int client, int server);
/* The client is answered with this status, as it is told to the handler. */
void relay_expect_status(int client, unsigned status);

#endif /* SLUICE_TEST_RELAY_H */
