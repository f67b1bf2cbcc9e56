/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random policies: the data plane's classifier, fed by the compiler, finds the
 * rule that a plain reading of the file finds, for each packet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/gateway.h"
#include "../support/random.h"
#include "../support/reference.h"
#include "../support/unit.h"

#define POLICIES     60
#define PACKETS_EACH 1500
#define RULES_MAX    40

static const char config[] = GATEWAY_ROLES("firewall", "policy: edge,", "", "");

static const char *const addresses4[] = {
	"198.51.100.7", "198.51.100.8", "198.51.101.7", "10.10.1.21", "10.10.1.22",
	"10.10.128.1",	"203.0.113.1",	"1.2.3.4",	"192.0.2.10", NULL,
};

static const char *const addresses6[] = {
	"2001:db8:51::7", "2001:db8:51::8",
	"2001:db8:52::7", "fd00:10:1::21",
	"fd00:10:1::22",  "fd00:10:8000::",
	"2001:db8:99::1", "::7",
	"2a00::1",	  NULL,
};

static const unsigned short ports[] = {1, 22, 53, 80, 81, 443, 1024, 40000, 65534, 65535};

#define PORT_COUNT (sizeof(ports) / sizeof(ports[0]))

/* --- a policy ------------------------------------------------------------- */

static struct prefix pick_prefix(struct random *random, bool v6)
{
	const char *const *list = v6 ? addresses6 : addresses4;
	struct prefix prefix;
	struct sluice_addr mask;

	if (prefix_parse(list[random_below(random, 9)], &prefix))
		abort();
	prefix.bits = (unsigned char)(v6 ? random_below(random, 129)
					 : SLUICE_V4_PREFIX_BITS + random_below(random, 33));
	if (random_once_in(random, 4)) /* an address of the pool by itself */
		prefix.bits = 128;
	mask = addr_mask(prefix.bits);
	prefix.addr = addr_and(&prefix.addr, &mask);
	return prefix;
}

/* Of one family, or, as a set may be, of both. */
static void pick_addresses(struct random *random, bool v4, bool v6,
			   struct rule_addresses *addresses)
{
	size_t count = 1 + random_below(random, 3);

	if (v4 && v6)
		count++;
	addresses->prefixes = calloc(count, sizeof(*addresses->prefixes));
	if (!addresses->prefixes)
		abort();
	for (size_t i = 0; i < count; i++)
		addresses->prefixes[i] = pick_prefix(random, v6 && (!v4 || i % 2));
	addresses->prefix_count = count;
}

static void pick_ports(struct random *random, struct port_range **ranges, size_t *count)
{
	*count = 1 + random_below(random, 3);
	*ranges = calloc(*count, sizeof(**ranges));
	if (!*ranges)
		abort();
	for (size_t i = 0; i < *count; i++) {
		unsigned short a = ports[random_below(random, PORT_COUNT)];
		unsigned short b = ports[random_below(random, PORT_COUNT)];

		if (random_once_in(random, 2))
			b = a;
		(*ranges)[i] = (struct port_range){a < b ? a : b, a < b ? b : a};
	}
}

static void pick_details(struct random *random, struct rule *rule)
{
	static const char *const flags[] = {"syn/syn,ack", "syn,ack", "fin", "ack/syn,ack,fin",
					    "none/syn"};
	static const char *const types[] = {"echo-request", "echo-reply", "13", "13/1", "3/1"};

	if (random_once_in(random, 6))
		rule->state = random_once_in(random, 2) ? RULE_STATE_NEW : RULE_STATE_INVALID;
	if (rule->proto == IPPROTO_TCP && random_once_in(random, 3))
		CU_ASSERT_EQUAL(tcp_flags_match_parse(flags[random_below(random, 5)], &rule->flags),
				0);
	if (rule->proto == IPPROTO_ICMP && random_once_in(random, 2))
		CU_ASSERT_EQUAL(icmp_match_parse(types[random_below(random, 5)], &rule->icmp), 0);
}

static void add_rule(struct random *random, struct policy *policy, unsigned number)
{
	static const int protos[] = {0, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 132};
	bool v4 = random_once_in(random, 2), v6 = !v4 || random_once_in(random, 4);
	char name[SLUICE_NAME_LEN];
	struct rule *rule;

	snprintf(name, sizeof(name), "r%u", number);
	rule = model_rule_add(policy, name, SIZE_MAX);
	rule->proto = protos[random_below(random, sizeof(protos) / sizeof(protos[0]))];
	rule->action =
		random_once_in(random, 2) ? SLUICE_ACTION_DROP : SLUICE_ACTION_ACCEPT_STATELESS;
	if (random_once_in(random, 3))
		strcpy(rule->in, random_once_in(random, 2) ? "wan" : "lan");
	if (!random_once_in(random, 3))
		pick_addresses(random, v4, v6, &rule->from);
	if (!random_once_in(random, 3))
		pick_addresses(random, v4, v6, &rule->to);
	pick_details(random, rule);
	if (rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP)
		return;
	if (random_once_in(random, 2))
		pick_ports(random, &rule->dports, &rule->dport_count);
	if (random_once_in(random, 4))
		pick_ports(random, &rule->sports, &rule->sport_count);
}

static void replace_policy(struct random *random, struct testbed *tb)
{
	struct policy *policy = model_policy(&tb->cluster, "edge");
	unsigned count = 1 + random_below(random, RULES_MAX);

	while (policy->rule_count)
		model_rule_del(policy, &policy->rules[0]);
	for (unsigned i = 0; i < count; i++)
		add_rule(random, policy, i);
	/* A default of accept would make flows, and they would answer for the rules. */
	if (random_once_in(random, 2))
		model_rule_add(policy, "rest", SIZE_MAX)->action = SLUICE_ACTION_ACCEPT_STATELESS;
	testbed_publish(tb);
}

/* --- packets -------------------------------------------------------------- */

static struct packet pick_packet(struct random *random)
{
	static const int protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 132, 89};
	static const unsigned char flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,
					      TCP_FIN | TCP_ACK, TCP_RST};
	static const unsigned char types4[] = {8, 0, 13}, types6[] = {128, 129, 13};
	bool v6 = random_once_in(random, 2);
	const char *const *list = v6 ? addresses6 : addresses4;
	struct packet packet = {
		.src = list[random_below(random, 9)],
		.dst = list[random_below(random, 9)],
		.proto = protos[random_below(random, sizeof(protos) / sizeof(protos[0]))],
		.sport = ports[random_below(random, PORT_COUNT)],
		.dport = ports[random_below(random, PORT_COUNT)],
		.payload = random_below(random, 50),
	};

	if (packet.proto == IPPROTO_TCP)
		packet.flags = flags[random_below(random, sizeof(flags))];
	if (packet.proto == IPPROTO_ICMP) { /* no error that is exempt */
		packet.type =
			v6 ? types6[random_below(random, 3)] : types4[random_below(random, 3)];
		packet.code = (unsigned char)random_below(random, 2);
	}
	if (packet.src == packet.dst && packet.sport == packet.dport)
		packet.sport++;
	return packet;
}

static enum sluice_outcome expected_outcome(const struct rule *rule)
{
	if (!rule)
		return SLUICE_POLICY_DEFAULT;
	return rule->action == SLUICE_ACTION_DROP ? SLUICE_RULE : SLUICE_PASS_LOCAL;
}

static bool check_packet(struct random *random, struct testbed *tb, __u64 *uses)
{
	const struct policy *policy = model_policy(&tb->cluster, "edge");
	const char *ifname = random_once_in(random, 2) ? "wan" : "lan";
	struct packet packet = pick_packet(random);
	const struct rule *rule = reference_first_match(&tb->cluster, policy, ifname, &packet);
	enum sluice_outcome expected = expected_outcome(rule);
	enum sluice_outcome seen = testbed_send(tb, ifname, &packet);

	if (rule)
		uses[rule - policy->rules]++;
	if (seen == expected)
		return true;
	printf("\n    %s: %s.%u > %s.%u proto %d: expected %s (%s), seen %s\n", ifname, packet.src,
	       packet.sport, packet.dst, packet.dport, packet.proto, outcome_name(expected),
	       rule ? rule->name : "default", outcome_name(seen));
	return false;
}

/* The counters tell which rule it was, where outcomes alone would not. */
static void check_uses(const struct testbed *tb, const __u64 *before, const __u64 *uses)
{
	const struct policy *policy = model_policy(&tb->cluster, "edge");

	for (size_t i = 0; i < policy->rule_count; i++)
		CU_ASSERT_EQUAL(testbed_rule_use(tb, "edge", policy->rules[i].name).packets,
				before[i] + uses[i]);
}

static void check_policy(struct random *random, struct testbed *tb)
{
	__u64 before[RULES_MAX + 1], uses[RULES_MAX + 1] = {};
	const struct policy *policy;

	replace_policy(random, tb);
	policy = model_policy(&tb->cluster, "edge");
	for (size_t i = 0; i < policy->rule_count; i++)
		before[i] = testbed_rule_use(tb, "edge", policy->rules[i].name).packets;
	for (unsigned i = 0; i < PACKETS_EACH; i++) {
		if (check_packet(random, tb, uses))
			continue;
		CU_FAIL("outcome");
		return;
	}
	check_uses(tb, before, uses);
}

static void classifier_agrees_with_a_plain_reading(void)
{
	struct random random;
	struct testbed tb;

	random_init(&random, 2);
	testbed_up(&tb, "fw", config);
	for (unsigned i = 0; i < POLICIES; i++)
		check_policy(&random, &tb);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(classifier_agrees_with_a_plain_reading),
		{},
	};

	return unit_run("policy-random", tests);
}
