/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random conversations of few endpoints, under a policy that changes: the flow
 * table does what a plain list of connections does, packet by packet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/gateway.h"
#include "../support/random.h"
#include "../support/reference.h"
#include "../support/unit.h"

#define CONVERSATIONS 20
#define PACKETS_EACH  1000
#define CHANGE_EVERY  100
#define FLOWS_MAX     256

static const char config[] = GATEWAY_ROLES(
	"firewall", "policy: edge,", "default: drop,",
	"{name: a, in: wan, proto: tcp, port: 80, action: accept},"
	"{name: b, in: wan, proto: tcp, port: 81, action: accept-stateless},"
	"{name: c, in: lan, proto: tcp, action: drop},"
	"{name: d, proto: udp, from: ['198.51.100.7', '2001:db8:51::7'], action: accept},"
	"{name: e, in: wan, proto: icmp, action: accept},"
	"{name: f, in: lan, proto: udp, port: 53, action: accept}");

/* As an administrator would describe a connection. */
struct connection {
	struct packet initiator; /* its endpoints, as the first packet had them */
	const char *in;
	bool answered, reset, midway;
	bool fin_by_initiator, fin_by_responder;
	__u32 policy;
};

struct firewall {
	struct testbed tb;
	struct connection flows[FLOWS_MAX];
	size_t flow_count;
	__u32 policy; /* +1 at each change */
	bool strict;
};

/* --- the list of connections ---------------------------------------------- */

static bool same_way(const struct packet *a, const struct packet *b)
{
	if (a->proto != b->proto || strcmp(a->src, b->src) != 0 || strcmp(a->dst, b->dst) != 0)
		return false;
	if (a->proto == IPPROTO_ICMP)
		return a->id == b->id;
	return a->sport == b->sport && a->dport == b->dport;
}

static struct packet turned_round(const struct packet *packet)
{
	struct packet other = *packet;

	other.src = packet->dst;
	other.dst = packet->src;
	other.sport = packet->dport;
	other.dport = packet->sport;
	return other;
}

static struct connection *find(struct firewall *fw, const struct packet *packet)
{
	struct packet back = turned_round(packet);

	for (size_t i = 0; i < fw->flow_count; i++)
		if (same_way(&fw->flows[i].initiator, packet) ||
		    same_way(&fw->flows[i].initiator, &back))
			return &fw->flows[i];
	return NULL;
}

static void forget(struct firewall *fw, struct connection *flow)
{
	*flow = fw->flows[--fw->flow_count];
}

static bool is_closed(const struct connection *flow)
{
	return flow->reset || (flow->fin_by_initiator && flow->fin_by_responder);
}

static enum sluice_flow_state state_of(const struct connection *flow)
{
	if (is_closed(flow))
		return SLUICE_FLOW_CLOSED;
	if (flow->fin_by_initiator || flow->fin_by_responder)
		return SLUICE_FLOW_CLOSING;
	return flow->answered || flow->midway ? SLUICE_FLOW_ESTABLISHED : SLUICE_FLOW_OPENING;
}

static void note(struct connection *flow, const struct packet *packet)
{
	bool by_initiator = same_way(&flow->initiator, packet);

	if (!by_initiator)
		flow->answered = true;
	if (packet->proto != IPPROTO_TCP)
		return;
	if (packet->flags & TCP_RST)
		flow->reset = true;
	else if (packet->flags & TCP_FIN && by_initiator)
		flow->fin_by_initiator = true;
	else if (packet->flags & TCP_FIN)
		flow->fin_by_responder = true;
}

/* --- what the firewall must do -------------------------------------------- */

static enum sluice_outcome judge(struct firewall *fw, const char *in, const struct packet *packet,
				 enum sluice_action *action)
{
	const struct policy *policy = model_policy(&fw->tb.cluster, "edge");
	const struct rule *rule = reference_first_match(&fw->tb.cluster, policy, in, packet);

	*action = rule ? rule->action : policy->default_action;
	if (*action != SLUICE_ACTION_DROP)
		return SLUICE_PASS_LOCAL;
	return rule ? SLUICE_RULE : SLUICE_POLICY_DEFAULT;
}

static bool is_opening(const struct packet *packet)
{
	return (packet->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static enum sluice_outcome expect_new(struct firewall *fw, const char *in,
				      const struct packet *packet)
{
	struct connection flow = {.initiator = *packet, .in = in, .policy = fw->policy};
	enum sluice_action action;
	enum sluice_outcome outcome = judge(fw, in, packet, &action);

	if (action != SLUICE_ACTION_ACCEPT)
		return outcome;
	flow.midway = packet->proto == IPPROTO_TCP && !is_opening(packet);
	if (flow.midway && fw->strict)
		return SLUICE_NO_FLOW;
	note(&flow, packet);
	if (fw->flow_count == FLOWS_MAX)
		abort();
	fw->flows[fw->flow_count++] = flow;
	return outcome;
}

/* An initiator who comes by another interface is judged there, and its flow moves with it. */
static enum sluice_outcome expect_known(struct firewall *fw, struct connection *flow,
					const char *in)
{
	enum sluice_outcome outcome = SLUICE_PASS_LOCAL;
	enum sluice_action action;

	if (flow->policy == fw->policy && !strcmp(flow->in, in))
		return outcome;
	outcome = judge(fw, in, &flow->initiator, &action);
	if (outcome == SLUICE_PASS_LOCAL) {
		flow->policy = fw->policy;
		flow->in = in;
	} else if (!strcmp(flow->in, in)) {
		forget(fw, flow);
	}
	return outcome;
}

static enum sluice_outcome expect(struct firewall *fw, const char *in, const struct packet *packet)
{
	struct connection *flow = find(fw, packet);
	enum sluice_outcome outcome;

	if (flow && packet->proto == IPPROTO_TCP && is_closed(flow) && is_opening(packet)) {
		forget(fw, flow);
		flow = NULL;
	}
	if (!flow)
		return expect_new(fw, in, packet);
	outcome = expect_known(fw, flow, same_way(&flow->initiator, packet) ? in : flow->in);
	if (outcome == SLUICE_PASS_LOCAL)
		note(flow, packet);
	return outcome;
}

/* About a packet that its receiver may have sent. Port unreachable: never exempt. */
static enum sluice_outcome expect_error(struct firewall *fw, const char *in,
					const struct packet *error)
{
	struct packet towards = turned_round(error->quoted);
	struct connection *flow = find(fw, &towards);
	enum sluice_action action;

	return flow ? expect_known(fw, flow, flow->in) : judge(fw, in, error, &action);
}

/* --- conversations -------------------------------------------------------- */

static struct packet pick_packet(struct random *random, bool from_user)
{
	static const unsigned char flags[] = {
		TCP_SYN, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST};
	static const int protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const unsigned short ports[] = {80, 80, 81, 53};
	bool v6 = random_once_in(random, 2);
	const char *user4 = random_once_in(random, 4) ? "198.51.100.8" : USER4;
	struct packet packet = {
		.src = v6 ? USER6 : user4,
		.dst = v6 ? WEB6 : WEB4,
		.proto = protos[random_below(random, 4)],
		.sport = (unsigned short)(40000 + random_below(random, 2)),
		.dport = ports[random_below(random, 4)],
		.flags = flags[random_below(random, sizeof(flags))],
		.id = (unsigned short)random_below(random, 2),
	};

	if (!from_user)
		packet = turned_round(&packet);
	if (packet.proto == IPPROTO_ICMP && v6)
		packet.type = from_user ? 128 : 129;
	else if (packet.proto == IPPROTO_ICMP)
		packet.type = from_user ? 8 : 0;
	return packet;
}

static bool complain(const char *in, const struct packet *packet, const char *expected,
		     const char *seen)
{
	printf("\n    %s: %s.%u > %s.%u proto %d flags %02x: expected %s, seen %s\n", in,
	       packet->src, packet->sport, packet->dst, packet->dport, packet->proto, packet->flags,
	       expected, seen);
	return false;
}

static bool check_state(struct firewall *fw, const char *in, const struct packet *packet)
{
	struct connection *flow = find(fw, packet);
	struct sluice_flow entry;

	if (testbed_flow(&fw->tb, packet, &entry) != !!flow)
		return complain(in, packet, flow ? "a flow" : "no flow", "the opposite");
	if (flow && entry.state != state_of(flow))
		return complain(in, packet, "another state", "this one");
	return true;
}

static bool check_packet(struct firewall *fw, struct random *random)
{
	bool from_user = random_once_in(random, 2), by_wan = from_user != random_once_in(random, 8);
	const char *in = by_wan ? "wan" : "lan";
	struct packet packet = pick_packet(random, from_user), quoted, error;
	enum sluice_outcome expected, seen;

	if (random_once_in(random, 8)) {
		quoted = turned_round(&packet);
		error = (struct packet){.src = packet.src,
					.dst = packet.dst,
					.proto = IPPROTO_ICMP,
					.type = packet_is_v6(&packet) ? 1 : 3,
					.code = 3,
					.quoted = &quoted};
		expected = expect_error(fw, in, &error);
		seen = testbed_send(&fw->tb, in, &error);
	} else {
		expected = expect(fw, in, &packet);
		seen = testbed_send(&fw->tb, in, &packet);
	}
	if (seen != expected)
		return complain(in, &packet, outcome_name(expected), outcome_name(seen));
	return check_state(fw, in, &packet);
}

/* One rule's action, or the interface that it is for. */
static void change_policy(struct firewall *fw, struct random *random)
{
	struct policy *policy = model_policy(&fw->tb.cluster, "edge");
	struct rule *rule = &policy->rules[random_below(random, (unsigned)policy->rule_count)];
	static const char *const interfaces[] = {"", "wan", "lan"};

	if (random_once_in(random, 2))
		rule->action = (rule->action + 1 + random_below(random, 2)) % 3;
	else
		strcpy(rule->in, interfaces[random_below(random, 3)]);
	testbed_publish(&fw->tb);
	fw->policy = fw->tb.dp.control->generation.policy;
}

static bool converse(struct firewall *fw, struct random *random, bool strict)
{
	bool good = true;

	testbed_up(&fw->tb, "fw", config);
	model_policy(&fw->tb.cluster, "edge")->strict = strict;
	testbed_publish(&fw->tb);
	fw->policy = fw->tb.dp.control->generation.policy;
	fw->strict = strict;
	fw->flow_count = 0;
	for (unsigned i = 0; i < PACKETS_EACH && good; i++) {
		if (i % CHANGE_EVERY == CHANGE_EVERY - 1)
			change_policy(fw, random);
		good = check_packet(fw, random);
	}
	testbed_down(&fw->tb);
	return good;
}

static void flow_table_agrees_with_a_list_of_connections(void)
{
	static struct firewall fw;
	struct random random;

	random_init(&random, 3);
	for (unsigned i = 0; i < CONVERSATIONS; i++)
		CU_ASSERT(converse(&fw, &random, i % 2));
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(flow_table_agrees_with_a_list_of_connections),
		{},
	};

	return unit_run("flow-random", tests);
}
