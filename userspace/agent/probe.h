/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One health check, once: a connection, TLS if the type asks for it (with SNI,
 * RFC 6066), and then what the type says over it (probe_talk.h). Non-blocking,
 * driven by the loop; it ends with exactly one call of `done`.
 */
#ifndef SLUICE_AGENT_PROBE_H
#define SLUICE_AGENT_PROBE_H

#include "check_path.h"
#include "check_target.h"
#include "loop.h"
#include "probe_plan.h"

/* X(name, token, in words): PROBE_LOCAL says nothing about the backend, only about this node. */
#define PROBE_RESULTS(X)                                                                           \
	X(OK, "ok", "ok")                                                                          \
	X(REFUSED, "refused", "connection refused")                                                \
	X(UNREACHABLE, "unreachable", "no way to it")                                              \
	X(TIMEOUT, "timeout", "no answer in time")                                                 \
	X(CLOSED, "closed", "closed before it answered")                                           \
	X(PROTOCOL, "protocol", "the answer is not understood")                                    \
	X(STATUS, "status", "another status than expected")                                        \
	X(CONTENT, "content", "other content than expected")                                       \
	X(TLS, "tls", "no TLS connection")                                                         \
	X(ERROR, "error", "it answered with an error")                                             \
	X(ROLE, "role", "it is not what it should be")                                             \
	X(LOCAL, "local", "the check could not be made")

enum probe_result {
#define PROBE_ENUM(name, token, words) PROBE_##name,
	PROBE_RESULTS(PROBE_ENUM)
#undef PROBE_ENUM
		PROBE_RESULT_COUNT
};

struct probe_talk;

struct probe {
	/* set by probe_init() */
	struct loop *loop;
	struct check_path *path;
	void (*done)(struct probe *probe, enum probe_result result, uint64_t duration_ns);
	/* what the last check found */
	char words[PROBE_WORDS_BYTES]; /* its result */
	int64_t certificate_expires_s; /* since the epoch; 0: no certificate was seen */
	/* private */
	struct loop_watch watch;
	struct loop_timer timeout;
	uint64_t started_ns;
	uint64_t loop_lost_ns; /* loop->lost_ns when the timeout was armed */
	bool extended;
	enum { PROBE_IDLE, PROBE_CONNECTING, PROBE_HANDSHAKE, PROBE_TALKING } stage;
	struct probe_plan *plan;
	struct endpoint host; /* whom the check is meant for */
	bool is_forwarded;
	bool leaves_only_forwarded; /* the socket's peer is not the backend */
	unsigned short local_port;  /* of the check's own; 0: any */
	SSL *tls;
	struct probe_talk *talk; /* NULL: nothing is said */
	size_t received;
};

/* `path` is for targets that are forwarded to; may be NULL without such. */
void probe_init(struct probe *probe, struct loop *loop, struct check_path *path,
		void (*done)(struct probe *, enum probe_result, uint64_t));

/*
 * Starts a check of `target`. The probe must be idle. `done` may be called before this returns.
 */
void probe_start(struct probe *probe, const struct check_target *target, struct probe_plan *plan);
/* Ends a check without calling `done`; harmless on an idle probe. */
void probe_cancel(struct probe *probe);
bool probe_is_running(const struct probe *probe);

const char *probe_result_name(enum probe_result result);

#endif /* SLUICE_AGENT_PROBE_H */
