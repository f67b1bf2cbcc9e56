/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Outcomes: what the data plane did with a packet, and why.
 *
 * One list is the enum, the token that lbctl, JSON and Prometheus print, and
 * the help text of `lbctl drops`. Every packet ends in exactly one outcome;
 * its class gives the XDP action. Append only: the position is the index of
 * a counter in struct sluice_ledger, and so part of the ABI.
 */
#ifndef SLUICE_OUTCOME_H
#define SLUICE_OUTCOME_H

enum sluice_class {
	SLUICE_CLASS_NONE,     /* no outcome yet: the next stage goes on */
	SLUICE_CLASS_PASS,     /* XDP_PASS */
	SLUICE_CLASS_TX,       /* XDP_TX */
	SLUICE_CLASS_REDIRECT, /* XDP_REDIRECT */
	SLUICE_CLASS_DROP,     /* XDP_DROP */
};

/* X(name, class, token, help) */
#define SLUICE_OUTCOMES(X)                                                                         \
	X(CONTINUE, NONE, "continue", "no decision yet")                                           \
	X(PASS_LOCAL, PASS, "pass-local", "accepted, for the local stack")                         \
	X(PASS_NOT_IP, PASS, "pass-not-ip", "ARP or another protocol that is not IP")              \
	X(PASS_OTHER_HOST, PASS, "pass-other-host",                                                \
	  "link address of another host: the stack ignores it")                                    \
	X(PASS_TTL, PASS, "pass-ttl", "TTL spent: the kernel answers with time exceeded")          \
	X(PASS_TOO_BIG, PASS, "pass-too-big", "over the MTU: the kernel answers with too big")     \
	X(TX, TX, "tx", "sent back out of the interface it came from")                             \
	X(REDIRECT, REDIRECT, "redirect", "sent out of another interface")                         \
	X(MALFORMED, DROP, "malformed", "header truncated, or lengths that contradict each other") \
	X(EXT_HEADERS, DROP, "ext-headers", "more IPv6 extension headers than are followed")       \
	X(VLAN, DROP, "vlan", "VLAN tag that the interface does not accept")                       \
	X(FRAGMENT, DROP, "fragment", "fragment of an unknown datagram, or of a tunnel packet")    \
	X(BAD_ADDRESS, DROP, "bad-address", "an address that no packet may carry in that place")   \
	X(LAND, DROP, "land", "source and destination are the same endpoint")                      \
	X(TCP_FLAGS, DROP, "tcp-flags", "flags that no TCP sends")                                 \
	X(BLOCKED, DROP, "blocked", "source is in the block set")                                  \
	X(RULE, DROP, "rule", "a rule says drop")                                                  \
	X(POLICY_DEFAULT, DROP, "policy-default", "no rule matched, and the default is drop")      \
	X(NO_FLOW, DROP, "no-flow", "mid-stream packet of a connection that was not seen to open") \
	X(TUNNEL_SOURCE, DROP, "tunnel-source", "tunnel packet whose sender is not a balancer")    \
	X(TUNNEL_INNER, DROP, "tunnel-inner", "tunnel packet that holds no valid inner packet")    \
	X(NO_SERVICE, DROP, "no-service", "to a VIP, but to no service of it")                     \
	X(NO_BACKEND, DROP, "no-backend", "service without a usable backend")                      \
	X(NO_ROUTE, DROP, "no-route", "the routing table refuses the destination")                 \
	X(NO_NEIGHBOUR, DROP, "no-neighbour", "link address of the next hop not known yet")        \
	X(NOT_ATTACHED, DROP, "not-attached", "route leaves by an interface without Sluice")       \
	X(FORWARDING_OFF, DROP, "forwarding-off", "IP forwarding is off on this interface")        \
	X(TOO_BIG, DROP, "too-big", "does not fit the MTU once encapsulated")                      \
	X(FLOW_TABLE, DROP, "flow-table", "the flow table refused a new flow")                     \
	X(INTERNAL, DROP, "internal", "configuration or headroom missing: please report")          \
	X(NO_STAGE, DROP, "no-stage", "a stage of the program is gone: attach it again")           \
	X(BAD_FRAGMENT, DROP, "bad-fragment", "fragment that cuts or covers the transport header") \
	X(NAT_FRAGMENT, DROP, "nat-fragment",                                                      \
	  "of a datagram from a backend of nat, whose first fragment was not seen")                \
	X(NAT_TTL, DROP, "nat-ttl", "TTL spent on the way to a backend of nat")                    \
	X(BAD_COOKIE, DROP, "bad-cookie",                                                          \
	  "under SYN pressure: no SYN cookie, no known connection")                                \
	X(RATE_SERVICE, DROP, "rate-service", "over what a service admits in all")                 \
	X(RATE_SOURCE, DROP, "rate-source", "over what a service admits from one source")          \
	X(RATE_RULE, DROP, "rate-rule", "over the limit of the rule that accepted it")

enum sluice_outcome {
#define SLUICE_OUTCOME_ENUM(name, class, token, help) SLUICE_##name,
	SLUICE_OUTCOMES(SLUICE_OUTCOME_ENUM)
#undef SLUICE_OUTCOME_ENUM
		SLUICE_OUTCOME_COUNT
};

#endif /* SLUICE_OUTCOME_H */
