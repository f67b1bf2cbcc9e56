/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One HTTPS connection of a test's client, without blocking: it connects,
 * verifies the server's chain and name, and sends one GET after another when it
 * is told to. It never tries anything twice: how it ended is what the test asks.
 */
#ifndef SLUICE_TESTS_HTTPS_H
#define SLUICE_TESTS_HTTPS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* X(name, token): how a connection ended */
#define HTTPS_ENDS(X)                                                                              \
	X(NOT, "open")                                                                             \
	X(BY_US, "done")                                                                           \
	X(ANNOUNCED, "announced") /* after "Connection: close" */                                  \
	X(REFUSED, "refused")	  /* never connected */                                            \
	X(RESET, "reset")                                                                          \
	X(EOF, "eof")	/* closed without a word */                                                \
	X(TLS, "tls")	/* an alert, or a chain that does not verify */                            \
	X(HTTP, "http") /* an answer that is not HTTP/1.1 with a length */                         \
	X(TIMEOUT, "timeout")

enum https_end {
#define HTTPS_END_ENUM(name, token) HTTPS_ENDED_##name,
	HTTPS_ENDS(HTTPS_END_ENUM)
#undef HTTPS_END_ENUM
		HTTPS_END_COUNT
};

extern const char *const https_end_names[HTTPS_END_COUNT];

enum https_phase {
	HTTPS_CONNECTING,
	HTTPS_HANDSHAKE,
	HTTPS_IDLE, /* ready for https_get() */
	HTTPS_SENDING,
	HTTPS_RECEIVING,
	HTTPS_ENDED,
};

struct https_site {
	struct sockaddr_storage address;
	socklen_t address_len;
	const char *name; /* in SNI, Host, and the certificate */
	SSL_CTX *tls;
};

struct https {
	int fd, epoll;
	SSL *ssl;
	enum https_phase phase;
	enum https_end end;
	uint64_t since_ns; /* when the phase's wait began: the connect, or the request */
	uint16_t local_port;
	char request[512];
	size_t request_len;
	char head[8192]; /* of the answer, while it is incomplete */
	size_t head_len;
	size_t body_left;
	bool head_complete, close_announced;
	int status;	   /* of the last answer */
	char tls_node[16]; /* its X-Sluice-Tls */
};

enum https_event {
	HTTPS_NOTHING,
	HTTPS_READY,	 /* the handshake is done */
	HTTPS_ANSWERED,	 /* a whole answer is there */
	HTTPS_EVENT_END, /* see `end` */
};

uint64_t https_now_ns(void);

/* Starts to connect; -errno. The descriptor joins `epoll` with `h` as its data. */
int https_open(struct https *h, int epoll, const struct https_site *site);
/* Sends a GET on an idle connection; the answer comes as an event of https_drive(). */
void https_get(struct https *h, const struct https_site *site, const char *path);
/* Goes on after the descriptor was ready. */
enum https_event https_drive(struct https *h);
/* Ends the connection for `end`, if it has not ended. */
void https_close(struct https *h, enum https_end end);

#endif /* SLUICE_TESTS_HTTPS_H */
