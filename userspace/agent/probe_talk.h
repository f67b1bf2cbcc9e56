/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is said over a probe's connection, apart from how it gets there: each
 * type of check that says anything is one kind. Kinds do no I/O: they are given
 * what came and leave what is to be sent in `out`.
 *
 * Their functions return the enum probe_result that ends the probe, with more
 * than that in `words` if there is more to say, or -EAGAIN: send, and read on.
 */
#ifndef SLUICE_AGENT_PROBE_TALK_H
#define SLUICE_AGENT_PROBE_TALK_H

#include "probe.h"

#define TALK_OUT_BYTES	   1400	       /* fits one segment, in a tunnel too */
#define TALK_RECEIVE_BYTES (64 * 1024) /* no more of an answer is looked at */

struct probe_talk {
	const struct talk_kind *kind;
	struct probe_plan *plan; /* the probe's */
	char out[TALK_OUT_BYTES];
	size_t out_length, out_sent;
	char words[PROBE_WORDS_BYTES];
};

struct talk_kind {
	size_t bytes; /* of the structure that begins with a struct probe_talk; zeroed */
	/* `host`: the address and port that the check is meant for. */
	int (*begin)(struct probe_talk *talk, const struct endpoint *host);
	int (*take)(struct probe_talk *talk, const unsigned char *bytes, size_t count);
	/* Nothing more comes, or more than TALK_RECEIVE_BYTES came. Never -EAGAIN. */
	int (*end)(struct probe_talk *talk);
};

extern const struct talk_kind talk_http, talk_mysql;
extern const struct talk_kind talk_bytes; /* `send` and `expect` */

/* "`what` lacks "TEXT"": the words of PROBE_CONTENT, which it returns. */
int talk_lacks(struct probe_talk *talk, const char *what, const struct check_bytes *wanted);

#endif /* SLUICE_AGENT_PROBE_TALK_H */
