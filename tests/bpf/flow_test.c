/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Flows: what opens one, what belongs to it, how it ages and ends, and what a
 * change of policy does to it.
 */
#include <string.h>
#include <time.h>

#include "../support/gateway.h"
#include "../support/unit.h"

#define NSEC_PER_SEC 1000000000ULL

static const char web_policy[] =
	GATEWAY("default: drop,", "{name: web, in: wan, proto: tcp, port: 80, action: accept},"
				  "{name: dns, in: wan, proto: udp, port: 53, action: accept},"
				  "{name: ping, from: [198.51.100.7, '2001:db8:51::7'],"
				  " proto: icmp, action: accept}");

static const char lenient_policy[] =
	GATEWAY("default: drop, strict: false,",
		"{name: web, in: wan, proto: tcp, port: 80, action: accept}");

#define REQUEST4   USER_TO_WEB4, .sport = 40000, .dport = 80
#define REPLY4	   WEB_TO_USER4, .sport = 80, .dport = 40000
#define REQUEST6   USER_TO_WEB6, .sport = 40000, .dport = 80
#define REPLY6	   WEB_TO_USER6, .sport = 80, .dport = 40000
#define SYN(tuple) tuple, .flags = TCP_SYN

static const struct packet request4 = {REQUEST4}, reply4 = {REPLY4};
static const struct packet request6 = {REQUEST6}, reply6 = {REPLY6};

static enum sluice_outcome route(struct testbed *tb, const struct packet *packet)
{
	bool from_user = !strcmp(packet->src, USER4) || !strcmp(packet->src, USER6);

	return testbed_send(tb, from_user ? "wan" : "lan", packet);
}

static enum sluice_outcome route_flags(struct testbed *tb, const struct packet *packet,
				       unsigned char flags)
{
	struct packet with_flags = *packet;

	with_flags.flags = flags;
	return route(tb, &with_flags);
}

/* The handshake of TCP. */
static void establish(struct testbed *tb, const struct packet *request, const struct packet *reply)
{
	CU_ASSERT_EQUAL(route_flags(tb, request, TCP_SYN), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route_flags(tb, reply, TCP_SYN | TCP_ACK), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route_flags(tb, request, TCP_ACK), SLUICE_REDIRECT);
}

/* --- what opens a flow ---------------------------------------------------- */

static void replies_pass_by_the_flow(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"reply before the request", "lan", {REPLY4, .flags = TCP_SYN | TCP_ACK},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"request", "wan", {SYN(REQUEST4)}, ROUTED_TO("web")},
		{"reply", "lan", {REPLY4, .flags = TCP_SYN | TCP_ACK}, ROUTED_TO("user")},
		{"IPv6 is another flow", "lan", {REPLY6, .flags = TCP_SYN | TCP_ACK},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"request, IPv6", "wan", {SYN(REQUEST6)}, ROUTED_TO("web")},
		{"reply, IPv6", "lan", {REPLY6, .flags = TCP_SYN | TCP_ACK}, ROUTED_TO("user")},
		{"other port", "lan", {WEB_TO_USER4, .sport = 80, .dport = 40001},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"ports exchanged", "lan", {WEB_TO_USER4, .sport = 40000, .dport = 80},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"other protocol", "lan", {REPLY4, .proto = IPPROTO_UDP},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"UDP request", "wan", {USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 53,
		 .dport = 53}, ROUTED_TO("web")},
		{"UDP reply", "lan", {WEB_TO_USER4, .proto = IPPROTO_UDP, .sport = 53,
		 .dport = 53}, ROUTED_TO("user")},
		{"echo", "wan", {USER_TO_WEB4, .proto = IPPROTO_ICMP, .type = 8, .id = 7},
		 ROUTED_TO("web")},
		{"echo reply", "lan", {WEB_TO_USER4, .proto = IPPROTO_ICMP, .type = 0, .id = 7},
		 ROUTED_TO("user")},
		{"echo reply with another identifier", "lan", {WEB_TO_USER4,
		 .proto = IPPROTO_ICMP, .id = 8}, .outcome = SLUICE_POLICY_DEFAULT},
		{"echo, IPv6", "wan", {USER_TO_WEB6, .type = 128, .id = 7}, ROUTED_TO("web")},
		{"echo reply, IPv6", "lan", {WEB_TO_USER6, .type = 129, .id = 7},
		 ROUTED_TO("user")},
		{"echo reply with another identifier, IPv6", "lan", {WEB_TO_USER6, .type = 129,
		 .id = 6}, .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", web_policy, tests);
}

static void stateless_rule_leaves_no_flow(void)
{
	static const char config[] = GATEWAY(
		"default: drop,", "{name: web, proto: tcp, port: 80, action: accept-stateless}");
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	CU_ASSERT_EQUAL(route_flags(&tb, &request4, TCP_SYN), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route_flags(&tb, &request6, TCP_ACK), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_POLICY_DEFAULT);
	CU_ASSERT_EQUAL(route(&tb, &reply6), SLUICE_POLICY_DEFAULT);
	testbed_down(&tb);
}

static void strict_policy_wants_to_see_a_connection_open(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"ACK", "wan", {REQUEST4}, .outcome = SLUICE_NO_FLOW},
		{"ACK, IPv6", "wan", {REQUEST6}, .outcome = SLUICE_NO_FLOW},
		{"SYN and ACK", "wan", {REQUEST4, .flags = TCP_SYN | TCP_ACK},
		 .outcome = SLUICE_NO_FLOW},
		{"FIN", "wan", {REQUEST4, .flags = TCP_FIN | TCP_ACK}, .outcome = SLUICE_NO_FLOW},
		{"RST", "wan", {REQUEST6, .flags = TCP_RST}, .outcome = SLUICE_NO_FLOW},
		{"SYN", "wan", {SYN(REQUEST4)}, ROUTED_TO("web")},
		{"ACK after SYN", "wan", {REQUEST4}, ROUTED_TO("web")},
		{"SYN with urgent, ECN and data", "wan", {USER_TO_WEB4, .sport = 9, .dport = 80,
		 .flags = TCP_SYN | TCP_URG | TCP_PSH | 0xc0, .payload = 9}, ROUTED_TO("web")},
	};
	const struct packet_test lenient[] = {
		{"ACK", "wan", {REQUEST4}, ROUTED_TO("web")},
		{"its reply", "lan", {REPLY4}, ROUTED_TO("user")},
		{"RST", "wan", {REQUEST6, .flags = TCP_RST}, ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", web_policy, tests);
	PACKET_TESTS_ON("fw", lenient_policy, lenient);
}

static void errors_and_their_like_open_no_flow(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	CU_ASSERT_EQUAL(route(&tb, &(struct packet){USER_TO_WEB4, .type = 3, .code = 1}),
			SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, &(struct packet){USER_TO_WEB4, .type = 13}), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, &(struct packet){USER_TO_WEB4, .type = 3, .quoted = &reply4}),
			SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, &(struct packet){USER_TO_WEB6, .type = 1, .quoted = &reply6}),
			SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	testbed_down(&tb);
}

/* --- how it ages and ends ------------------------------------------------- */

struct step {
	struct packet packet;
	enum sluice_flow_state state; /* behind it */
	unsigned seconds;	      /* to live */
};

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u64)now.tv_sec * NSEC_PER_SEC + (__u64)now.tv_nsec;
}

/* The entry's time is written once a second at most; the machine may be slow. */
static bool expires_in(const struct sluice_flow *flow, unsigned seconds)
{
	__u64 left_ns = flow->expires_ns - now_ns();

	return left_ns <= seconds * NSEC_PER_SEC && left_ns > (seconds - 9) * NSEC_PER_SEC;
}

static void check_steps(const char *config, const struct step *steps, size_t count)
{
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(route(&tb, &steps[i].packet), SLUICE_REDIRECT);
		CU_ASSERT(testbed_flow(&tb, &steps[i].packet, &flow));
		CU_ASSERT_EQUAL(flow.state, steps[i].state);
		CU_ASSERT(expires_in(&flow, steps[i].seconds));
	}
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 1);
	testbed_down(&tb);
}

#define CHECK_STEPS(config, steps) check_steps(config, steps, sizeof(steps) / sizeof((steps)[0]))

static void connection_closes_when_both_sides_have(void)
{
	static const struct step steps[] = {
		{{SYN(REQUEST4)}, SLUICE_FLOW_OPENING, 30},
		{{SYN(REQUEST4)}, SLUICE_FLOW_OPENING, 30},
		{{REPLY4, .flags = TCP_SYN | TCP_ACK}, SLUICE_FLOW_ESTABLISHED, 7440},
		{{REQUEST4}, SLUICE_FLOW_ESTABLISHED, 7440},
		{{REPLY4, .payload = 100}, SLUICE_FLOW_ESTABLISHED, 7440},
		{{REQUEST4, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSING, 240},
		{{REQUEST4, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSING, 240},
		{{REPLY4, .payload = 100}, SLUICE_FLOW_CLOSING, 240},
		{{REPLY4, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSED, 10},
		{{REQUEST4}, SLUICE_FLOW_CLOSED, 10},
	};

	CHECK_STEPS(web_policy, steps);
}

static void responder_may_close_first(void)
{
	static const struct step steps[] = {
		{{SYN(REQUEST6)}, SLUICE_FLOW_OPENING, 30},
		{{REPLY6, .flags = TCP_SYN | TCP_ACK}, SLUICE_FLOW_ESTABLISHED, 7440},
		{{REPLY6, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSING, 240},
		{{REQUEST6}, SLUICE_FLOW_CLOSING, 240},
		{{REQUEST6, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSED, 10},
	};

	CHECK_STEPS(web_policy, steps);
}

static void reset_closes_a_connection(void)
{
	static const struct step refused[] = {
		{{SYN(REQUEST4)}, SLUICE_FLOW_OPENING, 30},
		{{REPLY4, .flags = TCP_RST | TCP_ACK}, SLUICE_FLOW_CLOSED, 10},
	};
	static const struct step aborted[] = {
		{{SYN(REQUEST6)}, SLUICE_FLOW_OPENING, 30},
		{{REPLY6, .flags = TCP_SYN | TCP_ACK}, SLUICE_FLOW_ESTABLISHED, 7440},
		{{REQUEST6, .flags = TCP_RST}, SLUICE_FLOW_CLOSED, 10},
		{{REPLY6, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSED, 10},
	};

	CHECK_STEPS(web_policy, refused);
	CHECK_STEPS(web_policy, aborted);
}

static void connection_seen_midway_ages_by_what_was_seen(void)
{
	static const struct step data[] = {
		{{REQUEST4}, SLUICE_FLOW_ESTABLISHED, 7440},
		{{REPLY4}, SLUICE_FLOW_ESTABLISHED, 7440},
	};
	static const struct step reset[] = {
		{{REQUEST4, .flags = TCP_RST}, SLUICE_FLOW_CLOSED, 10},
	};
	static const struct step fin[] = {
		{{REQUEST4, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSING, 240},
		{{REPLY4, .flags = TCP_FIN | TCP_ACK}, SLUICE_FLOW_CLOSED, 10},
	};

	CHECK_STEPS(lenient_policy, data);
	CHECK_STEPS(lenient_policy, reset);
	CHECK_STEPS(lenient_policy, fin);
}

static void udp_and_echo_live_longer_once_answered(void)
{
	static const struct step udp[] = {
		{{USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 9, .dport = 53},
		 SLUICE_FLOW_OPENING,
		 30},
		{{USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 9, .dport = 53},
		 SLUICE_FLOW_OPENING,
		 30},
		{{WEB_TO_USER4, .proto = IPPROTO_UDP, .sport = 53, .dport = 9},
		 SLUICE_FLOW_ESTABLISHED,
		 120},
		{{USER_TO_WEB4, .proto = IPPROTO_UDP, .sport = 9, .dport = 53},
		 SLUICE_FLOW_ESTABLISHED,
		 120},
	};
	static const struct step echo[] = {
		{{USER_TO_WEB6, .proto = IPPROTO_ICMP, .type = 128, .id = 5},
		 SLUICE_FLOW_OPENING,
		 30},
		{{WEB_TO_USER6, .proto = IPPROTO_ICMP, .type = 129, .id = 5},
		 SLUICE_FLOW_ESTABLISHED,
		 120},
	};

	CHECK_STEPS(web_policy, udp);
	CHECK_STEPS(web_policy, echo);
}

static void packets_keep_a_flow_alive(void)
{
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT(testbed_flow(&tb, &request4, &flow));
	flow.expires_ns = now_ns() + 5 * NSEC_PER_SEC;
	testbed_set_flow(&tb, &request4, &flow);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_REDIRECT);
	CU_ASSERT(testbed_flow(&tb, &request4, &flow));
	CU_ASSERT(expires_in(&flow, 7440));
	testbed_down(&tb);
}

static void expired_flow_lets_nothing_through(void)
{
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT(testbed_flow(&tb, &request4, &flow));
	flow.expires_ns = now_ns() - 1;
	testbed_set_flow(&tb, &request4, &flow);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_POLICY_DEFAULT);
	CU_ASSERT_EQUAL(route(&tb, &request4), SLUICE_NO_FLOW);
	establish(&tb, &request4, &reply4);
	testbed_down(&tb);
}

static void syn_after_the_end_opens_a_new_connection(void)
{
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_EQUAL(route_flags(&tb, &reply4, TCP_RST), SLUICE_REDIRECT);
	establish(&tb, &request4, &reply4);
	CU_ASSERT(testbed_flow(&tb, &request4, &flow));
	CU_ASSERT_EQUAL(flow.state, SLUICE_FLOW_ESTABLISHED);
	CU_ASSERT(expires_in(&flow, 7440));
	testbed_down(&tb);
}

static void syn_within_a_connection_changes_nothing(void)
{
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_EQUAL(route_flags(&tb, &request4, TCP_SYN), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route_flags(&tb, &reply4, TCP_SYN), SLUICE_REDIRECT);
	CU_ASSERT(testbed_flow(&tb, &request4, &flow));
	CU_ASSERT_EQUAL(flow.state, SLUICE_FLOW_ESTABLISHED);
	testbed_down(&tb);
}

static void syn_of_the_responder_after_the_end_is_judged_by_itself(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_EQUAL(route_flags(&tb, &request4, TCP_RST), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route_flags(&tb, &reply4, TCP_SYN), SLUICE_POLICY_DEFAULT);
	testbed_down(&tb);
}

/* --- ICMP errors ---------------------------------------------------------- */

static const struct packet echo4 = {USER_TO_WEB4, .proto = IPPROTO_ICMP, .type = 8, .id = 7};
static const struct packet echo_reply6 = {WEB_TO_USER6, .type = 129, .id = 7};
static const struct packet other4 = {USER_TO_WEB4, .sport = 40001, .dport = 80};
static const struct packet other6 = {WEB_TO_USER6, .sport = 80, .dport = 40001};
static const struct packet fragment4 = {REQUEST4, .fragment = 100, .payload = 32};

static void errors_about_a_flow_pass_with_it(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"SYN", "wan", {SYN(REQUEST4)}, ROUTED_TO("web")},
		{"SYN, IPv6", "wan", {SYN(REQUEST6)}, ROUTED_TO("web")},
		{"echo", "wan", echo4, ROUTED_TO("web")},
		{"echo, IPv6", "wan", {USER_TO_WEB6, .type = 128, .id = 7}, ROUTED_TO("web")},
		{"about the request", "lan", {.src = "10.10.1.1", .dst = USER4, .type = 3,
		 .code = 1, .quoted = &request4}, ROUTED_TO("user")},
		{"with 8 bytes of it", "lan", {.src = WEB4, .dst = USER4, .type = 11,
		 .quoted = &request4, .quoted_bytes = 28}, ROUTED_TO("user")},
		{"about the reply", "wan", {.src = "203.0.113.1", .dst = WEB4, .type = 12,
		 .quoted = &reply4}, ROUTED_TO("web")},
		{"about the request, IPv6", "lan", {.src = "fd00:10:1::1", .dst = USER6,
		 .type = 1, .quoted = &request6}, ROUTED_TO("user")},
		{"with 8 bytes of it, IPv6", "lan", {.src = WEB6, .dst = USER6, .type = 3,
		 .quoted = &request6, .quoted_bytes = 48}, ROUTED_TO("user")},
		{"about the reply, IPv6", "wan", {.src = "2001:db8:99::1", .dst = WEB6, .type = 4,
		 .quoted = &reply6}, ROUTED_TO("web")},
		{"about an echo", "lan", {.src = "10.10.1.1", .dst = USER4, .type = 3,
		 .quoted = &echo4}, ROUTED_TO("user")},
		{"about an echo reply, IPv6", "wan", {.src = "2001:db8:99::1", .dst = WEB6,
		 .type = 1, .quoted = &echo_reply6}, ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", web_policy, tests);
}

static void errors_about_anything_else_are_judged(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"SYN", "wan", {SYN(REQUEST4)}, ROUTED_TO("web")},
		{"SYN, IPv6", "wan", {SYN(REQUEST6)}, ROUTED_TO("web")},
		{"another flow", "lan", {.src = WEB4, .dst = USER4, .type = 3, .quoted = &other4},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"another flow, IPv6", "lan", {.src = WEB6, .dst = USER6, .type = 1,
		 .quoted = &other6}, .outcome = SLUICE_POLICY_DEFAULT},
		{"less than ports quoted", "lan", {.src = WEB4, .dst = USER4, .type = 3,
		 .quoted = &request4, .quoted_bytes = 27}, .outcome = SLUICE_POLICY_DEFAULT},
		{"less than ports quoted, IPv6", "lan", {.src = WEB6, .dst = USER6, .type = 1,
		 .quoted = &request6, .quoted_bytes = 47}, .outcome = SLUICE_POLICY_DEFAULT},
		{"the rest is padding", "lan", {.src = WEB4, .dst = USER4, .type = 3,
		 .quoted = &request4, .quoted_bytes = 22, .padding = 6, .poke = {{65, 80}}},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"a fragment", "lan", {.src = WEB4, .dst = USER4, .type = 3,
		 .quoted = &fragment4}, .outcome = SLUICE_POLICY_DEFAULT},
		{"nothing", "lan", {.src = WEB4, .dst = USER4, .type = 3},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"a type that quotes nothing", "lan", {.src = WEB4, .dst = USER4, .type = 5,
		 .quoted = &request4}, .outcome = SLUICE_POLICY_DEFAULT},
		{"to another than who sent what it quotes", "lan", {.src = WEB4,
		 .dst = "198.51.100.8", .type = 3, .quoted = &request4},
		 .outcome = SLUICE_POLICY_DEFAULT},
		{"the same, IPv6", "lan", {.src = WEB6, .dst = "2001:db8:51::8", .type = 1,
		 .quoted = &request6}, .outcome = SLUICE_POLICY_DEFAULT},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", web_policy, tests);
}

static void error_does_not_move_its_flow(void)
{
	struct packet error = {.src = WEB4, .dst = USER4, .type = 3, .quoted = &request4};
	struct sluice_flow before, after;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	CU_ASSERT_EQUAL(route_flags(&tb, &request4, TCP_SYN), SLUICE_REDIRECT);
	CU_ASSERT(testbed_flow(&tb, &request4, &before));
	before.expires_ns -= 5 * NSEC_PER_SEC;
	testbed_set_flow(&tb, &request4, &before);
	CU_ASSERT_EQUAL(route(&tb, &error), SLUICE_REDIRECT);
	CU_ASSERT(testbed_flow(&tb, &request4, &after));
	CU_ASSERT(!memcmp(&before, &after, sizeof(before)));
	testbed_down(&tb);
}

/* --- change of policy ----------------------------------------------------- */

static struct policy *edge(struct testbed *tb)
{
	return model_policy(&tb->cluster, "edge");
}

static void check_revoked(const struct packet *first, const struct packet *second,
			  enum sluice_outcome after)
{
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	establish(&tb, &request6, &reply6);
	model_rule_del(edge(&tb), model_rule(edge(&tb), "web"));
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(route(&tb, first), SLUICE_POLICY_DEFAULT);
	CU_ASSERT_EQUAL(route(&tb, second), after);
	testbed_down(&tb);
}

static void revoked_rule_cuts_its_flows_at_once(void)
{
	check_revoked(&request4, &reply4, SLUICE_POLICY_DEFAULT);
	check_revoked(&reply4, &request4, SLUICE_POLICY_DEFAULT);
	check_revoked(&request6, &reply6, SLUICE_POLICY_DEFAULT);
	check_revoked(&reply6, &request6, SLUICE_POLICY_DEFAULT);
}

static void rule_put_before_cuts_flows_too(void)
{
	struct rule *rule;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	establish(&tb, &request6, &reply6);
	rule = model_rule_add(edge(&tb), "stop", 0);
	rule->proto = IPPROTO_TCP;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_RULE);
	CU_ASSERT_EQUAL(route(&tb, &request6), SLUICE_RULE);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "edge", "stop").packets, 2);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	testbed_down(&tb);
}

static void error_about_a_revoked_flow_does_not_pass(void)
{
	struct packet error = {.src = WEB4, .dst = USER4, .type = 3, .quoted = &request4};
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_EQUAL(route(&tb, &error), SLUICE_REDIRECT);
	model_rule_del(edge(&tb), model_rule(edge(&tb), "web"));
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(route(&tb, &error), SLUICE_POLICY_DEFAULT);
	testbed_down(&tb);
}

/* The reply, coming first and by the other interface, would match no rule by itself. */
static void kept_rule_keeps_its_flows(void)
{
	struct sluice_flow before, after;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	establish(&tb, &request6, &reply6);
	CU_ASSERT(testbed_flow(&tb, &reply4, &before));
	model_rule_del(edge(&tb), model_rule(edge(&tb), "dns"));
	model_rule_add(edge(&tb), "new", 0)->proto = IPPROTO_UDP;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, &request6), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, &reply6), SLUICE_REDIRECT);
	CU_ASSERT(testbed_flow(&tb, &reply4, &after));
	CU_ASSERT_EQUAL(after.policy, tb.dp.control->generation.policy);
	CU_ASSERT_NOT_EQUAL(after.policy, before.policy);
	CU_ASSERT_EQUAL(after.rule, before.rule);
	testbed_down(&tb);
}

static void flow_is_counted_by_the_rule_that_keeps_it(void)
{
	struct rule *rule;
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "edge", "web").packets, 3);
	rule = model_rule_add(edge(&tb), "heir", 0);
	rule->proto = IPPROTO_TCP;
	rule->action = SLUICE_ACTION_ACCEPT;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, &request4), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "edge", "web").packets, 3);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "edge", "heir").packets, 2);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "edge", "heir").bytes, 2 * (14 + 40));
	testbed_down(&tb);
}

static void default_accept_makes_flows_without_a_rule(void)
{
	static const char config[] = GATEWAY("default: accept,", "");
	struct sluice_flow flow;
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	establish(&tb, &request4, &reply4);
	CU_ASSERT(testbed_flow(&tb, &request4, &flow));
	CU_ASSERT_EQUAL(flow.rule, SLUICE_NONE);
	edge(&tb)->default_action = SLUICE_ACTION_DROP;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(route(&tb, &reply4), SLUICE_POLICY_DEFAULT);
	testbed_down(&tb);
}

static void check_forged(const struct packet *request, const struct packet *reply)
{
	struct testbed tb;

	testbed_up(&tb, "fw", web_policy);
	establish(&tb, request, reply);
	CU_ASSERT_EQUAL(testbed_send(&tb, "lan", request), SLUICE_POLICY_DEFAULT);
	CU_ASSERT_EQUAL(route(&tb, request), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(route(&tb, reply), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 1);
	testbed_down(&tb);
}

static void initiator_is_judged_where_it_comes_in(void)
{
	check_forged(&request4, &reply4);
	check_forged(&request6, &reply6);
}

static void initiator_may_move_to_where_a_rule_lets_it_in(void)
{
	static const char config[] =
		GATEWAY("default: drop,", "{name: web, proto: tcp, port: 80, action: accept}");
	struct sluice_flow before, after;
	struct testbed tb;

	testbed_up(&tb, "fw", config);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_FATAL(testbed_flow(&tb, &request4, &before));
	CU_ASSERT_EQUAL(testbed_send(&tb, "lan", &request4), SLUICE_TX);
	CU_ASSERT_FATAL(testbed_flow(&tb, &request4, &after));
	CU_ASSERT_NOT_EQUAL(after.port, before.port);
	CU_ASSERT_EQUAL(after.state, SLUICE_FLOW_ESTABLISHED);
	CU_ASSERT_EQUAL(route(&tb, &request4), SLUICE_REDIRECT);
	testbed_down(&tb);
}

static void publishing_what_is_in_force_judges_nothing_again(void)
{
	struct testbed tb;
	__u32 policy;

	testbed_up(&tb, "fw", web_policy);
	policy = tb.dp.control->generation.policy;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(tb.dp.control->generation.policy, policy);
	testbed_down(&tb);
}

static void blocking_a_source_cuts_its_flows(void)
{
	struct prefix user;
	struct testbed tb;

	CU_ASSERT_FATAL(!prefix_parse(USER4, &user));
	testbed_up(&tb, "fw", web_policy);
	establish(&tb, &request4, &reply4);
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &user), 0);
	CU_ASSERT_EQUAL(route(&tb, &request4), SLUICE_BLOCKED);
	CU_ASSERT_EQUAL(dataplane_unblock(&tb.dp, &user), 0);
	CU_ASSERT_EQUAL(route(&tb, &request4), SLUICE_REDIRECT);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(replies_pass_by_the_flow),
		UNIT_TEST(stateless_rule_leaves_no_flow),
		UNIT_TEST(strict_policy_wants_to_see_a_connection_open),
		UNIT_TEST(errors_and_their_like_open_no_flow),
		UNIT_TEST(connection_closes_when_both_sides_have),
		UNIT_TEST(responder_may_close_first),
		UNIT_TEST(reset_closes_a_connection),
		UNIT_TEST(connection_seen_midway_ages_by_what_was_seen),
		UNIT_TEST(udp_and_echo_live_longer_once_answered),
		UNIT_TEST(packets_keep_a_flow_alive),
		UNIT_TEST(expired_flow_lets_nothing_through),
		UNIT_TEST(syn_after_the_end_opens_a_new_connection),
		UNIT_TEST(syn_within_a_connection_changes_nothing),
		UNIT_TEST(syn_of_the_responder_after_the_end_is_judged_by_itself),
		UNIT_TEST(errors_about_a_flow_pass_with_it),
		UNIT_TEST(errors_about_anything_else_are_judged),
		UNIT_TEST(error_does_not_move_its_flow),
		UNIT_TEST(revoked_rule_cuts_its_flows_at_once),
		UNIT_TEST(rule_put_before_cuts_flows_too),
		UNIT_TEST(error_about_a_revoked_flow_does_not_pass),
		UNIT_TEST(kept_rule_keeps_its_flows),
		UNIT_TEST(flow_is_counted_by_the_rule_that_keeps_it),
		UNIT_TEST(default_accept_makes_flows_without_a_rule),
		UNIT_TEST(initiator_is_judged_where_it_comes_in),
		UNIT_TEST(initiator_may_move_to_where_a_rule_lets_it_in),
		UNIT_TEST(publishing_what_is_in_force_judges_nothing_again),
		UNIT_TEST(blocking_a_source_cuts_its_flows),
		{},
	};

	return unit_run("flow", tests);
}
