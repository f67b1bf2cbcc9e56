/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Trace: the steps that it logs, and that it leaves nothing behind. That its
 * verdicts are those of live packets is shown by every other test here: the
 * testbed traces each packet before it runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "../support/testbed.h"
#include "../support/unit.h"

static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 4096},"
	" nodes: {"
	"  all: {interfaces: {"
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'], policy: edge,"
	"          roles: [firewall, balancer, forward, decap]},"
	"   eth1: {network: back, address: [10.10.2.11/24, 'fd00:10:2::11/64'],"
	"          roles: [forward]}}},"
	"  lb: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.12/24, 'fd00:10:1::12/64'], roles: [balancer]}}},"
	"  web: {interfaces: {eth0: {network: back,"
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}}},"
	" services: {www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"  backends: {web: {}}}},"
	" policies: {edge: {default: drop, rules: ["
	"  {name: vip, to: [192.0.2.10, '2001:db8:2::10'], action: accept-stateless},"
	"  {name: ssh, to: 10.10.2.21, proto: tcp, port: 22, action: accept},"
	"  {name: telnet, proto: tcp, port: 23, action: drop},"
	"  {name: lost, to: 10.10.2.99, action: accept}]}}}";

#define CLIENT "198.51.100.7"
#define VIP    "192.0.2.10"

static const struct packet ssh = {
	.src = CLIENT, .dst = "10.10.2.21", .sport = 9, .dport = 22, .flags = TCP_SYN};
static const struct packet telnet = {
	.src = CLIENT, .dst = "10.10.2.21", .dport = 23, .flags = TCP_SYN};
static const struct packet other = {
	.src = CLIENT, .dst = "10.10.2.21", .dport = 24, .flags = TCP_SYN};
static const struct packet http = {.src = CLIENT, .dst = VIP, .sport = 9, .dport = 80};
static const struct packet tunnel = {.src = "10.10.1.12", .dst = "10.10.1.11", .inner = &http};
static const struct packet lost = {.src = CLIENT, .dst = "10.10.2.99", .flags = TCP_SYN};
static const struct packet scan = {.src = CLIENT, .dst = VIP, .flags = TCP_FIN};
static const struct packet too_big = {
	.src = "203.0.113.1", .dst = "10.10.2.21", .type = 3, .code = 4, .quoted = &other};

static void trace_packet(struct testbed *tb, const struct packet *packet,
			 struct sluice_trace_step *steps)
{
	struct frame frame;

	testbed_frame(tb, "eth0", packet, &frame);
	CU_ASSERT_EQUAL_FATAL(attach_trace(&tb->dp, testbed_port(tb, "eth0")->interface,
					   frame.bytes, frame.length, steps),
			      0);
}

/* --- steps ---------------------------------------------------------------- */

static const char *step_name(unsigned step)
{
	static const char *const names[] = {
#define STEP_NAME(name, token, a, b) #name,
		SLUICE_STEPS(STEP_NAME)
#undef STEP_NAME
	};

	return step < SLUICE_STEP_COUNT ? names[step] : "no step";
}

static void check_steps(struct testbed *tb, const char *name, const struct packet *packet,
			const struct sluice_trace_step *expected)
{
	struct sluice_trace_step steps[SLUICE_TRACE_STEPS];

	trace_packet(tb, packet, steps);
	for (int i = 0;; i++) {
		if (steps[i].step != expected[i].step || steps[i].a != expected[i].a ||
		    steps[i].b != expected[i].b) {
			printf("\n    %s: step %d: expected %s %llu %llu, seen %s %llu %llu", name,
			       i, step_name(expected[i].step), expected[i].a, expected[i].b,
			       step_name(steps[i].step), steps[i].a, steps[i].b);
			CU_FAIL("step");
			return;
		}
		if (expected[i].step == SLUICE_STEP_END)
			break;
	}
	CU_PASS("steps");
}

static unsigned rule_id(const struct testbed *tb, const char *name)
{
	return model_rule(model_policy(&tb->cluster, "edge"), name)->id;
}

/* clang-format off */
#define STEP(name, first, second) {SLUICE_STEP_##name, 0, first, second}
#define CHECK_STEPS(tb, packet, ...)                                                               \
	check_steps(tb, #packet, &packet, (const struct sluice_trace_step[]){__VA_ARGS__, {}})
/* clang-format on */

static void accepted_packet_tells_its_way(void)
{
	struct testbed tb;
	unsigned ssh_rule, eth1;

	testbed_up(&tb, "all", config);
	ssh_rule = rule_id(&tb, "ssh");
	eth1 = testbed_port(&tb, "eth1")->ifindex;
	CHECK_STEPS(&tb, ssh, STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0), STEP(FLOW, 0, 0),
		    STEP(RULE, ssh_rule, SLUICE_ACTION_ACCEPT), STEP(ROUTE, 0, eth1),
		    STEP(VERDICT, SLUICE_REDIRECT, 0));
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &ssh), SLUICE_REDIRECT);
	CHECK_STEPS(&tb, ssh, STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0),
		    STEP(FLOW, 1, SLUICE_FLOW_OPENING), STEP(ROUTE, 0, eth1),
		    STEP(VERDICT, SLUICE_REDIRECT, 0));
	CHECK_STEPS(&tb, too_big, STEP(PARSE, IPPROTO_ICMP, 68), STEP(SANITY, 0, 0),
		    STEP(FLOW, 0, 0), STEP(EXEMPT, 3, 4), STEP(ROUTE, 0, eth1),
		    STEP(VERDICT, SLUICE_REDIRECT, 0));
	testbed_down(&tb);
}

static void refused_packet_tells_why(void)
{
	struct prefix blocked;
	struct testbed tb;

	CU_ASSERT_FATAL(!prefix_parse("203.0.113.0/24", &blocked));
	testbed_up(&tb, "all", config);
	CHECK_STEPS(&tb, telnet, STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0), STEP(FLOW, 0, 0),
		    STEP(RULE, rule_id(&tb, "telnet"), SLUICE_ACTION_DROP),
		    STEP(VERDICT, SLUICE_RULE, 0));
	CHECK_STEPS(&tb, other, STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0), STEP(FLOW, 0, 0),
		    STEP(DEFAULT, SLUICE_ACTION_DROP, 4), STEP(VERDICT, SLUICE_POLICY_DEFAULT, 0));
	CHECK_STEPS(&tb, scan, STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0),
		    STEP(VERDICT, SLUICE_TCP_FLAGS, 0));
	CU_ASSERT_EQUAL(dataplane_block(&tb.dp, &blocked), 0);
	CHECK_STEPS(&tb, too_big, STEP(PARSE, IPPROTO_ICMP, 68), STEP(SANITY, 0, 0),
		    STEP(BLOCK, 1, 1), STEP(VERDICT, SLUICE_BLOCKED, 0));
	testbed_down(&tb);
}

static unsigned ring_of_www(const struct testbed *tb)
{
	const struct sluice_vip_key key = {
		.addr = addr_from_v4(htonl(0xc000020a)), .port = htons(80), .proto = IPPROTO_TCP};
	unsigned slot = dataplane_slot(&tb->dp), id;
	struct sluice_vip vip = {};
	int fd;

	CU_ASSERT_FATAL(!bpf_map_lookup_elem(tb->dp.vips, &slot, &id));
	fd = bpf_map_get_fd_by_id(id);
	CU_ASSERT(!bpf_map_lookup_elem(fd, &key, &vip));
	close(fd);
	return vip.ring;
}

static void balanced_packet_tells_its_backend(void)
{
	struct testbed tb;
	unsigned service, ring, slot, eth1;

	testbed_up(&tb, "all", config);
	CU_ASSERT(!dataplane_service_index(&tb.dp, model_service(&tb.cluster, "www"), &service));
	ring = ring_of_www(&tb);
	slot = testbed_backend_slot(&tb, "www", "web");
	eth1 = testbed_port(&tb, "eth1")->ifindex;
	CHECK_STEPS(&tb, tunnel, STEP(PARSE, IPPROTO_IPIP, 60), STEP(SANITY, 0, 0),
		    STEP(DECAP, 1, IPPROTO_IPIP), STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0),
		    STEP(SERVICE, service, ring), STEP(FLOW, 0, 0),
		    STEP(RULE, rule_id(&tb, "vip"), SLUICE_ACTION_ACCEPT_STATELESS),
		    STEP(BACKEND, slot, 0), STEP(ROUTE, 0, eth1), STEP(ENCAP, IPPROTO_IPIP, 60),
		    STEP(VERDICT, SLUICE_REDIRECT, 0));
	testbed_down(&tb);
}

static void revoked_flow_tells_the_generations(void)
{
	struct testbed tb;
	struct policy *policy;
	__u32 before;

	testbed_up(&tb, "all", config);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &ssh), SLUICE_REDIRECT);
	before = tb.dp.control->generation.policy;
	policy = model_policy(&tb.cluster, "edge");
	model_rule(policy, "ssh")->action = SLUICE_ACTION_DROP;
	testbed_publish(&tb);
	CHECK_STEPS(&tb, ssh, STEP(PARSE, IPPROTO_TCP, 40), STEP(SANITY, 0, 0),
		    STEP(FLOW, 1, SLUICE_FLOW_OPENING), STEP(REJUDGE, before, before + 1),
		    STEP(RULE, rule_id(&tb, "ssh"), SLUICE_ACTION_DROP),
		    STEP(VERDICT, SLUICE_RULE, 0));
	testbed_down(&tb);
}

/* --- nothing is left behind ----------------------------------------------- */

#define HASH_PRIME 0x100000001b3ULL /* FNV-1a */

static __u64 hash_bytes(__u64 hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * HASH_PRIME;
	return hash;
}

/* Of all that the map holds, on every CPU. */
static __u64 hash_map(int fd)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	unsigned char key[64], value[4096];
	size_t size;
	__u64 hash = 0;

	CU_ASSERT_FATAL(!bpf_obj_get_info_by_fd(fd, &info, &length));
	size = info.value_size;
	if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		size = (size + 7) / 8 * 8 * (size_t)libbpf_num_possible_cpus();
	CU_ASSERT_FATAL(size <= sizeof(value) && info.key_size <= sizeof(key));
	for (void *at = NULL; !bpf_map_get_next_key(fd, at, key); at = key) {
		CU_ASSERT_FATAL(!bpf_map_lookup_elem(fd, key, value));
		hash = hash_bytes(hash_bytes(hash, key, info.key_size), value, size);
	}
	return hash;
}

#define STATE_MAPS 8

static void hash_state(const struct testbed *tb, __u64 hashes[STATE_MAPS])
{
	const int maps[STATE_MAPS] = {tb->dp.flows,    tb->dp.ledger,	 tb->dp.rule_use,
				      tb->dp.load,     tb->dp.misses,	 tb->dp.block,
				      tb->dp.backends, tb->dp.control_fd};

	for (int i = 0; i < STATE_MAPS; i++)
		hashes[i] = hash_map(maps[i]);
}

static void check_leaves_nothing(struct testbed *tb)
{
	const struct packet *packets[] = {&ssh, &telnet, &other, &tunnel, &lost};
	__u64 before[STATE_MAPS], after[STATE_MAPS];

	hash_state(tb, before);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct sluice_trace_step steps[SLUICE_TRACE_STEPS];

		trace_packet(tb, packets[i], steps);
	}
	hash_state(tb, after);
	for (int i = 0; i < STATE_MAPS; i++)
		CU_ASSERT_EQUAL(before[i], after[i]);
}

/* With flows, misses and counters there, and with a flow that must be judged again. */
static void trace_leaves_nothing_behind(void)
{
	struct testbed tb;

	testbed_up(&tb, "all", config);
	check_leaves_nothing(&tb);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &ssh), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &tunnel), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &lost), SLUICE_NO_NEIGHBOUR);
	model_rule(model_policy(&tb.cluster, "edge"), "ssh")->action = SLUICE_ACTION_DROP;
	testbed_publish(&tb);
	check_leaves_nothing(&tb);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 3);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(accepted_packet_tells_its_way),
		UNIT_TEST(refused_packet_tells_why),
		UNIT_TEST(balanced_packet_tells_its_backend),
		UNIT_TEST(revoked_flow_tells_the_generations),
		UNIT_TEST(trace_leaves_nothing_behind),
		{},
	};

	return unit_run("trace", tests);
}
