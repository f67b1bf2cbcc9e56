/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One health check, once: TCP connect; HTTP/1.1 GET and the status of its
 * answer (RFC 9112, section 4); or a TLS handshake with SNI (RFC 6066), whose
 * certificate is not judged: a check asks whether a service is there.
 * Non-blocking, driven by the loop; it ends with exactly one call of `done`.
 */
#ifndef SLUICE_AGENT_PROBE_H
#define SLUICE_AGENT_PROBE_H

#include <openssl/ssl.h>

#include "loop.h"
#include "model.h"

/* X(name, token): PROBE_LOCAL says nothing about the backend, only about this node. */
#define PROBE_RESULTS(X)                                                                           \
	X(OK, "ok")                                                                                \
	X(REFUSED, "refused")                                                                      \
	X(UNREACHABLE, "unreachable")                                                              \
	X(TIMEOUT, "timeout")                                                                      \
	X(CLOSED, "closed")                                                                        \
	X(PROTOCOL, "protocol")                                                                    \
	X(STATUS, "status")                                                                        \
	X(TLS, "tls")                                                                              \
	X(LOCAL, "local")

enum probe_result {
#define PROBE_ENUM(name, token) PROBE_##name,
	PROBE_RESULTS(PROBE_ENUM)
#undef PROBE_ENUM
		PROBE_RESULT_COUNT
};

#define PROBE_REQUEST_BYTES 640
/* "HTTP/1.1 200" and the octet behind it: all of a status line that is looked at. */
#define PROBE_STATUS_BYTES 13

struct probe {
	/* set by probe_init() */
	struct loop *loop;
	void (*done)(struct probe *probe, enum probe_result result, uint64_t duration_ns);
	/* private */
	struct loop_watch watch;
	struct loop_timer timeout;
	uint64_t started_ns;
	uint64_t loop_lost_ns; /* loop->lost_ns when the timeout was armed */
	bool extended;
	enum { PROBE_IDLE, PROBE_CONNECTING, PROBE_HANDSHAKE, PROBE_SENDING, PROBE_READING } stage;
	struct health_check check;
	SSL *tls;
	char request[PROBE_REQUEST_BYTES];
	size_t request_length, sent;
	char answer[PROBE_STATUS_BYTES];
	size_t answered;
};

void probe_init(struct probe *probe, struct loop *loop,
		void (*done)(struct probe *, enum probe_result, uint64_t));

/*
 * Starts a check of `target` (check->port is not looked at). The probe must be
 * idle. `tls` is used by CHECK_TLS. `done` may be called before this returns.
 */
void probe_start(struct probe *probe, const struct endpoint *target,
		 const struct health_check *check, SSL_CTX *tls);
/* Ends a check without calling `done`; harmless on an idle probe. */
void probe_cancel(struct probe *probe);
bool probe_is_running(const struct probe *probe);

/* The context for CHECK_TLS; NULL when out of memory. */
SSL_CTX *probe_tls_context(void);

/*
 * The status code of an HTTP/1.x answer that begins with `length` bytes at
 * `text`: 0, -EAGAIN (more bytes are needed) or -EBADMSG.
 */
int probe_parse_status(const char *text, size_t length, unsigned *status) __must_check;

/* "GET path HTTP/1.1" for a check; returns its length, or 0 if it does not fit `size`. */
size_t probe_format_request(const struct health_check *check, const struct endpoint *target,
			    char *request, size_t size);

const char *probe_result_name(enum probe_result result);

#endif /* SLUICE_AGENT_PROBE_H */
