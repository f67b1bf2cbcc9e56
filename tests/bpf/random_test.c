/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random and damaged packets through every combination of roles: each must end
 * in an outcome that its roles allow, move the ledger by itself alone, and come
 * out well formed and with nothing but what it came in with.
 */
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/random.h"
#include "../support/testbed.h"
#include "../support/unit.h"

#define ROLE_COMBINATIONS 16
#define RUNS_EACH	  13400

static const char *const addresses4[] = {
	"198.51.100.7", "198.51.100.8", "192.0.2.10",  "192.0.2.11", "10.10.1.11", "10.10.1.21",
	"10.10.2.21",	"10.10.1.99",	"203.0.113.1", "224.0.0.5",  "127.0.0.1",  NULL,
};

static const char *const addresses6[] = {
	"2001:db8:51::7",
	"2001:db8:51::8",
	"2001:db8:2::10",
	"2001:db8:2::11",
	"fd00:10:1::11",
	"fd00:10:1::21",
	"fd00:10:2::21",
	"fd00:10:1::99",
	"2001:db8:99::1",
	"fe80::7",
	"ff02::1",
	"::1",
	"::",
	NULL,
};

static const unsigned short ports[] = {80, 81, 82, 83, 53, 443, 6080, 40000, 40001, 0, 65535};

static const struct random_pool pool = {
	.addresses4 = addresses4,
	.addresses6 = addresses6,
	.ports = ports,
	.port_count = sizeof(ports) / sizeof(ports[0]),
};

/* "lb" and "peer" are balancers to each other. */
static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 4096},"
	" nodes: {"
	"  lb: {interfaces: {"
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],%s"
	"          roles: [%s]},"
	"   eth1: {network: back, address: [10.10.2.11/24, 'fd00:10:2::11/64'],"
	"          roles: [forward]}},"
	"   routes: [{to: default, via: 10.10.1.21}, {to: default, via: 'fd00:10:1::21'}]},"
	"  near: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64'], roles: [balancer]}}},"
	"  four: {interfaces: {eth0: {network: edge, address: 10.10.1.24/24}}},"
	"  far: {interfaces: {eth0: {network: back,"
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}}},"
	" services: {"
	"  www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"   backends: {near: {}, far: {weight: 50}, four: {}, 10.10.1.99: {}}},"
	"  dsr: {vips: ['192.0.2.10:81', '[2001:db8:2::10]:81'], proto: tcp, forward: dsr,"
	"   backends: {near: {}, far: {}, four: {}}},"
	"  gue: {vips: ['192.0.2.10:83', '[2001:db8:2::10]:83'], proto: tcp, forward: gue,"
	"   backends: {near: {}, far: {}, four: {}}},"
	"  dns: {vips: ['192.0.2.10:53', '[2001:db8:2::10]:53'], proto: udp,"
	"   backends: {near: {}, lb: {}}},"
	"  none: {vips: ['192.0.2.10:82'], proto: tcp, backends: {}}},"
	" policies: {edge: {default: drop, strict: %s, rules: ["
	"  {name: a, to: [192.0.2.10, '2001:db8:2::10'], proto: tcp, port: [80-83],"
	"   action: accept-stateless},"
	"  {name: b, proto: tcp, port: 443, action: accept},"
	"  {name: c, proto: tcp, action: drop},"
	"  {name: d, proto: udp, sport: 40000, action: drop},"
	"  {name: e, proto: udp, action: accept},"
	"  {name: f, from: [198.51.100.0/24, '2001:db8:51::/64'], action: accept}]}}}";

static const char *const role_words[] = {"firewall", "balancer", "forward", "decap"};

static void raise_node(struct testbed *tb, unsigned roles, bool strict)
{
	bool firewall = roles & SLUICE_ROLE_FIREWALL;
	char list[64] = "", yaml[4096];

	for (unsigned i = 0; i < 4; i++) {
		if (!(roles >> i & 1))
			continue;
		if (*list)
			strcat(list, ", ");
		strcat(list, role_words[i]);
	}
	snprintf(yaml, sizeof(yaml), config, firewall ? " policy: edge," : "", list,
		 strict ? "true" : "false");
	testbed_up(tb, "lb", yaml);
}

/* --- outcomes ------------------------------------------------------------- */

/* The roles of which one at least must be there; 0: any. */
static unsigned roles_behind(enum sluice_outcome outcome)
{
	switch (outcome) {
	case SLUICE_VLAN:
	case SLUICE_RULE:
	case SLUICE_POLICY_DEFAULT:
	case SLUICE_NO_FLOW:
		return SLUICE_ROLE_FIREWALL;
	case SLUICE_TUNNEL_SOURCE:
	case SLUICE_TUNNEL_INNER:
		return SLUICE_ROLE_DECAP;
	case SLUICE_NO_SERVICE:
	case SLUICE_NO_BACKEND:
	case SLUICE_TOO_BIG:
		return SLUICE_ROLE_BALANCER;
	case SLUICE_PASS_TTL:
	case SLUICE_PASS_TOO_BIG:
		return SLUICE_ROLE_FORWARD;
	case SLUICE_TX:
	case SLUICE_REDIRECT:
	case SLUICE_NO_ROUTE:
	case SLUICE_NO_NEIGHBOUR:
		return SLUICE_ROLE_FORWARD | SLUICE_ROLE_BALANCER;
	case SLUICE_BAD_FRAGMENT:
		return SLUICE_ROLE_FIREWALL | SLUICE_ROLE_BALANCER;
	case SLUICE_FRAGMENT:
		return SLUICE_ROLE_FIREWALL | SLUICE_ROLE_BALANCER | SLUICE_ROLE_DECAP;
	default:
		return 0;
	}
}

static bool outcome_is_allowed(enum sluice_outcome outcome, unsigned roles)
{
	unsigned needed = roles_behind(outcome);

	switch (outcome) {
	case SLUICE_CONTINUE:
	case SLUICE_BLOCKED:	    /* nothing is blocked here, */
	case SLUICE_NOT_ATTACHED:   /* every interface may send, */
	case SLUICE_FORWARDING_OFF: /* forwarding is on, */
	case SLUICE_FLOW_TABLE:	    /* an LRU makes room */
	case SLUICE_NO_STAGE:	    /* every stage is there, */
	case SLUICE_NAT_FRAGMENT:   /* and no service has nat, */
	case SLUICE_NAT_TTL:
	case SLUICE_BAD_COOKIE:	  /* SYN cookies, */
	case SLUICE_RATE_SERVICE: /* or a limit */
	case SLUICE_RATE_SOURCE:
	case SLUICE_RATE_RULE:
	case SLUICE_INTERNAL:
		return false;
	default:
		return !needed || (needed & roles);
	}
}

/* --- frames --------------------------------------------------------------- */

static unsigned ethertype_of(const struct frame *frame)
{
	return (unsigned)frame->bytes[12] << 8 | frame->bytes[13];
}

/* Bytes that the IP header counts; 0: it is not well formed. */
static size_t ip_length(const unsigned char *ip, size_t left)
{
	size_t length;

	if (left >= sizeof(struct iphdr) && ip[0] >> 4 == 4) {
		length = (size_t)(ip[2] << 8 | ip[3]);
		return (ip[0] & 0xf) >= 5 && length >= (ip[0] & 0xfU) * 4 && length <= left ? length
											    : 0;
	}
	if (left < 40 || ip[0] >> 4 != 6)
		return 0;
	length = 40 + (size_t)(ip[4] << 8 | ip[5]);
	return length <= left ? length : 0;
}

static bool checksum_is_right(const unsigned char *ip)
{
	return ip[0] >> 4 == 6 || !internet_checksum(ip, (ip[0] & 0xfU) * 4, 0);
}

/* Whether `out` is in `in`, which the data plane routed if `hops` is 1. */
static bool packet_is_in(const struct frame *in, const unsigned char *out, size_t length, int hops)
{
	size_t ttl = out[0] >> 4 == 6 ? 7 : 8;

	for (size_t at = FRAME_IP; at + length <= in->length; at++) {
		const unsigned char *ip = in->bytes + at;
		unsigned char routed[FRAME_MAX];

		memcpy(routed, ip, length);
		routed[ttl] = (unsigned char)(routed[ttl] - hops);
		if (hops && ttl == 8)
			memcpy(routed + 10, out + 10, 2); /* the checksum is another test's */
		if (!memcmp(routed, out, length))
			return !hops || checksum_is_right(ip) == checksum_is_right(out);
	}
	return false;
}

/* From a dynamic port to GUE's, of the length that IP says, without a checksum. */
static bool gue_is_good(const unsigned char *udp, size_t length)
{
	return length > 8 && udp[0] >= 0xc0 && (udp[2] << 8 | udp[3]) == 6080 &&
	       (size_t)(udp[4] << 8 | udp[5]) == length && !udp[6] && !udp[7];
}

/* Bytes of the headers in front of what is inside; 0: no tunnel of this node. */
static size_t outer_headers(const unsigned char *ip, size_t length)
{
	static const unsigned char own4[] = {10, 10, 1, 11};
	static const unsigned char own6[16] = {0xfd, 0, 0, 0x10, 0, 1, [15] = 0x11};

	bool v6 = ip[0] >> 4 == 6;
	size_t header = v6 ? 40 : 20;
	unsigned char proto = ip[v6 ? 6 : 9];

	if (v6 ? memcmp(ip + 8, own6, sizeof(own6)) : memcmp(ip + 12, own4, sizeof(own4)))
		return 0;
	if (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6)
		return header;
	return proto == IPPROTO_UDP && gue_is_good(ip + header, length - header) ? header + 8 : 0;
}

static bool sent_frame_is_good(const struct frame *in, const struct frame *out)
{
	const unsigned char *ip = out->bytes + FRAME_IP;
	size_t left = out->length - FRAME_IP, length = ip_length(ip, left);
	size_t header = ip[0] >> 4 == 6 ? 40 : 20;

	if (!length || ethertype_of(out) != (header == 40 ? ETH_P_IPV6 : ETH_P_IP))
		return false;
	if (packet_is_in(in, ip, left, 0) || packet_is_in(in, ip, left, 1))
		return true;
	header = outer_headers(ip, length);
	return header && checksum_is_right(ip) && packet_is_in(in, ip + header, left - header, 0);
}

/* As it came in, or what a tunnel held. */
static bool passed_frame_is_good(const struct frame *in, const struct frame *out, unsigned roles)
{
	const unsigned char *ip = out->bytes + FRAME_IP;

	if (frame_equal(in, out))
		return true;
	return (roles & SLUICE_ROLE_DECAP) && !memcmp(in->bytes, out->bytes, 2 * ETH_ALEN) &&
	       ip_length(ip, out->length - FRAME_IP) &&
	       packet_is_in(in, ip, out->length - FRAME_IP, 0);
}

/* Most are for this host; some for all, for many, or for another. */
static void aim_frame(struct random *random, struct testbed *tb, struct frame *frame)
{
	static const unsigned char sender[ETH_ALEN] = {0x02, 0xff, 0, 0, 0, 1};
	static const unsigned char elsewhere[][ETH_ALEN] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
							    {0x33, 0x33, 0, 0, 0, 1},
							    {0x02, 0, 0, 0, 9, 9}};

	frame_set_link(frame, testbed_port(tb, "eth0")->mac, sender);
	if (random_once_in(random, 20))
		frame_set_link(frame, elsewhere[random_below(random, 3)], sender);
}

static bool is_to_group(const struct frame *frame)
{
	return frame->bytes[0] & 1;
}

static bool frame_is_good(const struct frame *in, const struct run *run, unsigned roles)
{
	switch (outcome_class(run->outcome)) {
	case SLUICE_CLASS_PASS:
		return passed_frame_is_good(in, &run->frame, roles);
	case SLUICE_CLASS_TX:
	case SLUICE_CLASS_REDIRECT:
		return !is_to_group(in) && sent_frame_is_good(in, &run->frame);
	default:
		return true;
	}
}

static void check_random_frames(struct random *random, unsigned roles, unsigned *seen)
{
	struct testbed tb;

	raise_node(&tb, roles, roles % 3);
	for (unsigned i = 0; i < RUNS_EACH; i++) {
		struct frame frame;
		struct run run;

		random_frame(random, &pool, &frame);
		aim_frame(random, &tb, &frame);
		testbed_run(&tb, "eth0", &frame, &run);
		seen[run.outcome]++;
		if (outcome_is_allowed(run.outcome, roles) && frame_is_good(&frame, &run, roles))
			continue;
		printf("\n    roles %u, packet %u: %s\n", roles, i, outcome_name(run.outcome));
		frame_print_difference(&frame, &run.frame);
		CU_FAIL("outcome or frame");
		break;
	}
	testbed_down(&tb);
	CU_PASS("random frames");
}

static void random_frames_through_every_combination_of_roles(void)
{
	unsigned seen[SLUICE_OUTCOME_COUNT] = {};
	struct random random;

	random_init(&random, 1);
	for (unsigned roles = 1; roles < ROLE_COMBINATIONS; roles++)
		check_random_frames(&random, roles, seen);
	/* Packets that reach only part of the pipeline would prove little. */
	for (int i = 0; i < SLUICE_OUTCOME_COUNT; i++) {
		if (outcome_is_allowed((enum sluice_outcome)i, ROLE_COMBINATIONS - 1))
			CU_ASSERT(seen[i] > 0);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(random_frames_through_every_combination_of_roles),
		{},
	};

	return unit_run("random", tests);
}
