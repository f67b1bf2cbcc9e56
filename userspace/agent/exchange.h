/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Exchange of views with the other balancers that announce the same services:
 * sends the own view to each every 200 ms and at each change, and files what
 * they send in the roster. Datagrams that are not from a peer, not signed with
 * the cluster's key, or not newer than the last one are refused and counted.
 */
#ifndef SLUICE_AGENT_EXCHANGE_H
#define SLUICE_AGENT_EXCHANGE_H

#include "log.h"
#include "message.h"
#include "roster.h"

#define EXCHANGE_PERIOD_NS (200 * NS_PER_MS)

/* X(name, token): why a datagram was refused. */
#define EXCHANGE_REFUSALS(X)                                                                       \
	X(MALFORMED, "malformed")                                                                  \
	X(SIGNATURE, "signature")                                                                  \
	X(CLUSTER, "cluster")                                                                      \
	X(SENDER, "sender")                                                                        \
	X(REPLAY, "replay")

enum exchange_refusal {
#define EXCHANGE_ENUM(name, token) EXCHANGE_##name,
	EXCHANGE_REFUSALS(EXCHANGE_ENUM)
#undef EXCHANGE_ENUM
		EXCHANGE_REFUSAL_COUNT
};

struct exchange_peer {
	char node[SLUICE_NAME_LEN]; /* empty: place not used */
	struct endpoint endpoint;
	uint64_t incarnation, sequence, configuration; /* of the last datagram */
	uint64_t heard_ns;			       /* 0: never */
	bool was_live;				       /* as last logged */
};

struct exchange {
	struct loop *loop;
	struct roster *roster; /* the one in force */
	/* Called when a peer reported something new. */
	void (*heard)(struct exchange *exchange);

	struct loop_watch watch;
	struct loop_timer timer;
	bool enabled; /* by configuration */
	bool complained;
	struct endpoint own;
	char key_file[256];
	struct message_key key; /* length 0: not there */
	struct message_header header;
	struct exchange_peer peers[ROSTER_MAX_PEERS];
	uint64_t sent, received, refused[EXCHANGE_REFUSAL_COUNT];
	struct log_limit refusal_limit;
};

int exchange_init(struct exchange *exchange, struct loop *loop,
		  void (*heard)(struct exchange *)) __must_check;
void exchange_fini(struct exchange *exchange);

/*
 * Follows a configuration: endpoint, peers, key file. What is wrong (no key
 * file, address not ours) is logged once and tried again every period.
 * `configuration` is a hash that is equal on nodes with equal configuration.
 */
void exchange_configure(struct exchange *exchange, struct roster *roster,
			const struct cluster *cluster, const struct node *node,
			uint64_t configuration);

/* Neither sends nor listens until it is configured again. */
void exchange_pause(struct exchange *exchange);

/* Sends the own view now. */
void exchange_send(struct exchange *exchange);

bool exchange_peer_is_live(const struct exchange_peer *peer, uint64_t now_ns);
const char *exchange_refusal_name(enum exchange_refusal refusal);

#endif /* SLUICE_AGENT_EXCHANGE_H */
