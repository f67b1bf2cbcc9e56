/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Limits of services and of rules, with real time and real buckets. Where a test asserts an
 * exact number, the rate brings nothing while it runs, however slow the machine: what is
 * admitted is the burst.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../support/testbed.h"
#include "../support/unit.h"
#include "sluice.skel.h"

#define BALANCER                                                                                   \
	"{sluice: 1, cluster: test, limits: {flows: 4096}, nodes: {"                               \
	"  lb: {interfaces: {eth0: {network: edge,"                                                \
	"   address: [10.10.1.11/24, 'fd00:10:1::11/64'], roles: [balancer]}}},"                   \
	"  a: {interfaces: {eth0: {network: edge,"                                                 \
	"   address: [10.10.1.1/24, 'fd00:10:1::1/64']}}}},"                                       \
	" services: {"                                                                             \
	"  other: {vips: ['192.0.2.11:80'], backends: {a: {}}},"                                   \
	"  dns: {vips: ['192.0.2.10:53'], proto: udp, backends: {a: {}}, limit: [%s]},"            \
	"  www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], backends: {a: {}}, limit: "       \
	"[%s]}}}"

#define GATEWAY                                                                                    \
	"{sluice: 1, cluster: test, nodes: {"                                                      \
	"  gw: {interfaces: {"                                                                     \
	"   eth0: {network: edge, address: 10.10.1.11/24, roles: [firewall, forward], policy: p}," \
	"   eth1: {network: back, address: 10.10.2.11/24, roles: [firewall, forward], policy: "    \
	"p}}},"                                                                                    \
	"  a: {interfaces: {eth0: {network: edge, address: 10.10.1.1/24}}},"                       \
	"  b: {interfaces: {eth0: {network: back, address: 10.10.2.1/24}}}},"                      \
	" policies: {p: {rules: [{name: limited, id: 5, proto: tcp, port: 80, in: eth0,"           \
	"   action: accept, limit: [%s]},"                                                         \
	"  {name: free, id: 6, from: 10.10.1.0/24, action: accept-stateless}]}}}"

static struct testbed tb;

static void up(const char *node, const char *format, const char *first, const char *second)
{
	char yaml[4096];

	snprintf(yaml, sizeof(yaml), format, first, second);
	testbed_up(&tb, node, yaml);
}

/* Sends `count` of them; returns how many were not refused by `reason`. */
static unsigned admitted(const char *on, const struct packet *packet, unsigned count,
			 enum sluice_outcome reason)
{
	unsigned admitted = 0;

	for (unsigned i = 0; i < count; i++) {
		enum sluice_outcome outcome = testbed_send(&tb, on, packet);

		admitted += outcome != reason;
		CU_ASSERT(outcome == reason || outcome == SLUICE_TX || outcome == SLUICE_REDIRECT);
	}
	return admitted;
}

static struct sluice_limit_use use_of(unsigned limit)
{
	struct sluice_limit_use use;

	CU_ASSERT_FATAL(!dataplane_read_limit_use(&tb.dp, limit, &use));
	return use;
}

static unsigned index_of(const char *service)
{
	unsigned index;

	CU_ASSERT_FATAL(
		!dataplane_service_index(&tb.dp, model_service(&tb.cluster, service), &index));
	return index;
}

static void service_admits_its_burst_and_no_more(void)
{
	struct packet www = {
		.src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	struct packet v6 = {
		.src = "2001:db8:51::7", .dst = "2001:db8:2::10", .sport = 40000, .dport = 80};
	struct packet other = {
		.src = "198.51.100.7", .dst = "192.0.2.11", .sport = 40000, .dport = 80};

	up("lb", BALANCER, "", "{rate: 1/m, burst: 20}");
	CU_ASSERT_EQUAL(admitted("eth0", &www, 15, SLUICE_RATE_SERVICE), 15);
	/* Both VIPs are of one service, whatever the source. */
	CU_ASSERT_EQUAL(admitted("eth0", &v6, 15, SLUICE_RATE_SERVICE), 5);
	CU_ASSERT_EQUAL(admitted("eth0", &www, 5, SLUICE_RATE_SERVICE), 0);
	CU_ASSERT_EQUAL(use_of(index_of("www")).whole_packets, 15);
	CU_ASSERT_EQUAL(use_of(index_of("www")).source_packets, 0);
	CU_ASSERT_EQUAL(admitted("eth0", &other, 50, SLUICE_RATE_SERVICE), 50);
	testbed_down(&tb);
}

static void bytes_are_those_of_frames(void)
{
	struct packet small = {
		.src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	struct packet large = small;
	struct frame frame;

	frame_build(&frame, &small);
	large.payload = 1000 - frame.length;
	up("lb", BALANCER, "", "{rate: 60k/m, of: bytes, burst: 100k}");
	/* 100 of 1000 bytes; a second or two may pass, and bring one or two more. */
	CU_ASSERT(admitted("eth0", &large, 110, SLUICE_RATE_SERVICE) >= 100);
	CU_ASSERT(use_of(index_of("www")).whole_packets > 0);
	CU_ASSERT_EQUAL(use_of(index_of("www")).bytes,
			1000 * use_of(index_of("www")).whole_packets);
	testbed_down(&tb);
}

static void new_flows_are_limited_and_known_ones_go_on(void)
{
	struct packet packet = {.src = "198.51.100.7",
				.dst = "192.0.2.10",
				.sport = 40000,
				.dport = 80,
				.flags = TCP_SYN};

	up("lb", BALANCER, "", "{rate: 1/m, of: new-flows, burst: 10}");
	for (unsigned i = 0; i < 15; i++, packet.sport++)
		CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet),
				i < 10 ? SLUICE_TX : SLUICE_RATE_SERVICE);
	/* Repeated, a SYN is of a known flow; what is not the first packet was met midway. */
	packet.sport = 40000;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_TX);
	packet.flags = TCP_ACK;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_TX);
	packet.sport = 50000;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_TX);
	testbed_down(&tb);
}

static void udp_flows_are_new_once(void)
{
	struct packet packet = {.src = "198.51.100.7",
				.dst = "192.0.2.10",
				.proto = IPPROTO_UDP,
				.sport = 40000,
				.dport = 53};

	up("lb", BALANCER, "{rate: 1/m, of: new-flows, per: source, burst: 2}", "");
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 10, SLUICE_RATE_SOURCE), 10);
	packet.sport++;
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 10, SLUICE_RATE_SOURCE), 10);
	packet.sport++;
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 10, SLUICE_RATE_SOURCE), 0);
	testbed_down(&tb);
}

/* What one source is refused is not taken from what all may have together. */
static void sources_do_not_hurt_each_other(void)
{
	struct packet flood = {
		.src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	struct packet client = flood;

	client.src = "198.51.100.8";
	up("lb", BALANCER, "", "{rate: 1/m, per: source, burst: 10}, {rate: 1/m, burst: 20}");
	CU_ASSERT_EQUAL(admitted("eth0", &flood, 200, SLUICE_RATE_SOURCE), 10);
	CU_ASSERT_EQUAL(admitted("eth0", &client, 10, SLUICE_RATE_SOURCE), 10);
	client.src = "198.51.100.9";
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &client), SLUICE_RATE_SERVICE);
	CU_ASSERT_EQUAL(use_of(index_of("www")).source_packets, 190);
	CU_ASSERT_EQUAL(use_of(index_of("www")).whole_packets, 1);
	testbed_down(&tb);
}

static void sources_are_prefixes(void)
{
	static const struct {
		const char *src;
		unsigned admitted;
	} steps[] = {
		{"198.51.100.7", 5},	 {"198.51.100.200", 0},	      {"198.51.101.7", 5},
		{"2001:db8:1::1", 5},	 {"2001:db8:1:0:ffff::9", 0}, {"2001:db8:1:1::1", 0},
		{"2001:db8:1:100::", 5},
	};
	struct packet packet = {.sport = 40000, .dport = 80};

	up("lb", BALANCER, "", "{rate: 1/m, per: source/24/56, burst: 5}");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		packet.src = steps[i].src;
		packet.dst = strchr(packet.src, ':') ? "2001:db8:2::10" : "192.0.2.10";
		CU_ASSERT_EQUAL(admitted("eth0", &packet, 8, SLUICE_RATE_SOURCE),
				steps[i].admitted);
	}
	testbed_down(&tb);
}

/* In a table of 64 buckets, a thousand sources: the busiest stays, and is refused throughout. */
static void full_table_forgets_the_idlest(void)
{
	struct packet busy = {
		.src = "203.0.113.1", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	struct packet packet = busy;
	char src[ADDR_TEXT_LEN];
	unsigned refused = 0;

	up("lb",
	   "{sluice: 1, cluster: small, limits: {flows: 4096, sources: 64}, nodes: {"
	   "  lb: {interfaces: {eth0: {network: edge, address: 10.10.1.11/24, roles: [balancer]}}},"
	   "  a: {interfaces: {eth0: {network: edge, address: 10.10.1.1/24}}}},"
	   " services: {www: {vips: ['192.0.2.10:80'], backends: {a: {}}, limit: [%s]}}}",
	   "{rate: 1/m, per: source, burst: 3}", "");
	CU_ASSERT_EQUAL(admitted("eth0", &busy, 5, SLUICE_RATE_SOURCE), 3);
	packet.src = src;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(src, sizeof(src), "100.64.%u.%u", i / 250, i % 250 + 1);
		refused += testbed_send(&tb, "eth0", &packet) != SLUICE_TX;
	}
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(admitted("eth0", &busy, 5, SLUICE_RATE_SOURCE), 0);
	CU_ASSERT(use_of(index_of("www")).forgotten >= 1000 - 64);
	testbed_down(&tb);
}

static void rule_limits_what_it_accepts(void)
{
	struct packet packet = {.src = "10.10.1.1",
				.dst = "10.10.2.1",
				.sport = 40000,
				.dport = 80,
				.flags = TCP_SYN};
	struct packet reply = {.src = "10.10.2.1",
			       .dst = "10.10.1.1",
			       .sport = 80,
			       .dport = 40000,
			       .flags = TCP_SYN | TCP_ACK};
	struct packet free = {.src = "10.10.1.1", .dst = "10.10.2.1", .sport = 4000, .dport = 81};

	up("gw", GATEWAY, "{rate: 1/m, burst: 6}", "");
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(admitted("eth1", &reply, 20, SLUICE_RATE_RULE), 20);
	packet.flags = TCP_ACK;
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 20, SLUICE_RATE_RULE), 5);
	CU_ASSERT_EQUAL(use_of(SLUICE_MAX_SERVICES + 5).whole_packets, 15);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "p", "limited").packets, 41);
	packet.flags = TCP_SYN;
	packet.sport++;
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_RATE_RULE);
	CU_ASSERT_FALSE(testbed_flow(&tb, &packet, &(struct sluice_flow){0}));
	CU_ASSERT_EQUAL(admitted("eth0", &free, 20, SLUICE_RATE_RULE), 20);
	testbed_down(&tb);
}

/* Flows that were accepted before the rule had a limit keep to it, and are free without. */
static void limit_of_a_rule_comes_and_goes(void)
{
	struct packet packet = {.src = "10.10.1.1",
				.dst = "10.10.2.1",
				.sport = 40000,
				.dport = 80,
				.flags = TCP_SYN};
	struct rule *rule;

	up("gw", GATEWAY, "{rate: 1/m, of: new-flows, per: source, burst: 1}", "");
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	packet.flags = TCP_ACK;
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 10, SLUICE_RATE_RULE), 10);
	rule = model_rule(model_policy(&tb.cluster, "p"), "limited");
	rule->limits[0].of = SLUICE_MEASURE_PACKETS;
	rule->limits[0].burst = 4;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 10, SLUICE_RATE_RULE), 4);
	rule->limit_count = 0;
	testbed_publish(&tb);
	CU_ASSERT_EQUAL(admitted("eth0", &packet, 10, SLUICE_RATE_RULE), 10);
	testbed_down(&tb);
}

/* --- two CPUs ------------------------------------------------------------------ */

struct worker {
	pthread_t thread;
	unsigned cpu, repeats;
	struct frame frame;
	int err;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct testbed_port *port = &tb.ports[0];
	struct xdp_md context = {.data_end = (__u32)worker->frame.length,
				 .ingress_ifindex = port->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = worker->frame.bytes,
		    .data_size_in = (__u32)worker->frame.length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context));
	int fd = bpf_program__fd(port->live->progs.sluice_xdp);
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(worker->cpu, &cpus);
	pthread_setaffinity_np(worker->thread, sizeof(cpus), &cpus);
	/* One by one: a repeated run gets its own output. */
	for (unsigned i = 0; i < worker->repeats && !worker->err; i++) {
		opts.data_size_out = 0;
		worker->err = bpf_prog_test_run_opts(fd, &opts);
	}
	return NULL;
}

static __u64 sent(void)
{
	return testbed_load(&tb, "www", "a").sent.packets;
}

/* One source, at which both CPUs aim. */
static void run_two_cpus(unsigned repeats)
{
	struct packet packet = {
		.src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	struct worker workers[2] = {{.cpu = 0}, {.cpu = 1}};

	for (unsigned i = 0; i < 2; i++) {
		workers[i].repeats = repeats;
		testbed_frame(&tb, "eth0", &packet, &workers[i].frame);
		CU_ASSERT_FATAL(!pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT_EQUAL(workers[i].err, 0);
	}
}

static void two_cpus_share(const char *limit)
{
	struct packet packet = {
		.src = "198.51.100.9", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	__u64 before;

	up("lb", BALANCER, "", limit);
	/* Another source: loads the program, and lets it learn the way. */
	testbed_send(&tb, "eth0", &packet);
	before = sent();
	run_two_cpus(20000);
	CU_ASSERT(sent() - before >= 1999);
	CU_ASSERT(sent() - before <= 2001 + 60); /* what a minute brings */
	testbed_down(&tb);
}

static void two_cpus_share_a_bucket(void)
{
	two_cpus_share("{rate: 60/m, burst: 2000}");
	two_cpus_share("{rate: 60/m, per: source, burst: 2000}");
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A burst of a second: a thread that does not run for less than that loses nothing. */
static void two_cpus_keep_the_rate(void)
{
	struct packet packet = {
		.src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = 80};
	double start, expected;
	__u64 before;

	up("lb", BALANCER, "", "{rate: 2000/s, burst: 2000}");
	testbed_send(&tb, "eth0", &packet);
	before = sent();
	start = now_s();
	do
		run_two_cpus(5000);
	while (now_s() - start < 2);
	expected = 2000 + 2000 * (now_s() - start);
	CU_ASSERT((double)(sent() - before) < 1.05 * expected);
	CU_ASSERT((double)(sent() - before) > 0.95 * expected);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(service_admits_its_burst_and_no_more),
		UNIT_TEST(bytes_are_those_of_frames),
		UNIT_TEST(new_flows_are_limited_and_known_ones_go_on),
		UNIT_TEST(udp_flows_are_new_once),
		UNIT_TEST(sources_do_not_hurt_each_other),
		UNIT_TEST(sources_are_prefixes),
		UNIT_TEST(full_table_forgets_the_idlest),
		UNIT_TEST(rule_limits_what_it_accepts),
		UNIT_TEST(limit_of_a_rule_comes_and_goes),
		UNIT_TEST(two_cpus_share_a_bucket),
		UNIT_TEST(two_cpus_keep_the_rate),
		{},
	};

	return unit_run("limit", tests);
}
