/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a rule may ask of a packet beside addresses, ports and protocol, as values and as
 * the text that files and commands have for them.
 */
#ifndef SLUICE_RULE_MATCH_H
#define SLUICE_RULE_MATCH_H

#include <stdbool.h>

/* "syn/syn,ack": of those behind the slash, just those before it are set. */
struct tcp_flags_match {
	unsigned char mask; /* 0: any flags */
	unsigned char value;
};

/* "echo-request", "8", "3/4": a name stands for the type of either family. */
struct icmp_match {
	bool given;
	bool has_code;
	unsigned char type4, type6;
	unsigned char code;
};

/* Of packets that no flow knows: only these come before the rules. */
enum rule_state {
	RULE_STATE_ANY,
	RULE_STATE_NEW,	    /* may open one */
	RULE_STATE_INVALID, /* may not: TCP without SYN, ICMP errors and replies */
};

#define TCP_FLAGS_EXPECTED                                                                         \
	"flags of fin, syn, rst, psh, ack, urg with commas, and behind / those that are looked "   \
	"at, such as syn/syn,ack"
#define ICMP_EXPECTED	    "an ICMP type, such as echo-request or 8, or a type and a code, as 3/4"
#define RULE_STATE_EXPECTED "new or invalid: packets of known flows pass before any rule"

#define RULE_MATCH_TEXT_LEN 64

int tcp_flags_match_parse(const char *text, struct tcp_flags_match *out);
int icmp_match_parse(const char *text, struct icmp_match *out);
int rule_state_parse(const char *text, enum rule_state *out);
/* Writers return `buf`. */
const char *tcp_flags_match_format(const struct tcp_flags_match *match,
				   char buf[RULE_MATCH_TEXT_LEN]);
const char *icmp_match_format(const struct icmp_match *match, char buf[RULE_MATCH_TEXT_LEN]);
const char *rule_state_name(enum rule_state state);

static inline bool tcp_flags_match(const struct tcp_flags_match *match, unsigned flags)
{
	return (flags & match->mask) == match->value;
}

static inline bool icmp_match(const struct icmp_match *match, bool v6, unsigned type, unsigned code)
{
	return !match->given || (type == (v6 ? match->type6 : match->type4) &&
				 (!match->has_code || code == match->code));
}

#endif /* SLUICE_RULE_MATCH_H */
