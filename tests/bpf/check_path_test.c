/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way of health checks: what becomes of a check's packet on its way out, and
 * of the answer or the error on its way in, to the byte.
 */
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "check.skel.h"
#include "compiler.h"
#include "sluice/check.h"
#include "../support/packet.h"
#include "../support/unit.h"

#define LB4	"10.10.1.11"
#define LB6	"fd00:10:1::11"
#define BE4	"10.10.1.21"
#define BE6	"fd00:10:1::21"
#define VIP4	"192.0.2.10"
#define VIP6	"2001:db8:2::10"
#define ONWARD	TC_ACT_UNSPEC
#define ANOTHER TC_ACT_REDIRECT

static struct check_bpf *program;

static struct sluice_addr addr(const char *text)
{
	struct sluice_addr out;

	CU_ASSERT_EQUAL_FATAL(addr_parse(text, &out), 0);
	return out;
}

struct way_test {
	const char *name;
	struct packet in, out; /* out.src NULL: as it came in */
	/* Where the check's packets go, and from which port its socket was connected. */
	struct {
		const char *peer, *vip, *backend, *source;
		unsigned short peer_port, vip_port;
		enum sluice_forward forward;
	} way;
	int verdict;
};

/* As the kernel and the program would have done for the socket's first packet. */
static void lead(const struct way_test *test, const char *local, unsigned short port, int proto)
{
	struct sluice_check_way way = {
		.vip = addr(test->way.vip),
		.backend = addr(test->way.backend),
		.vip_port = htons(test->way.vip_port),
		.gue_port = htons(6080),
		.forward = test->way.forward,
	};
	struct sluice_check_peer peer = {.addr = addr(test->way.peer),
					 .port = htons(test->way.peer_port)};
	struct sluice_check_flow flow = {
		.local = addr(local),
		.remote = peer.addr,
		.local_port = htons(port),
		.remote_port = peer.port,
		.proto = (__u8)proto,
	};

	if (test->way.source)
		way.source = addr(test->way.source);
	CU_ASSERT_EQUAL(
		bpf_map_update_elem(bpf_map__fd(program->maps.check_sent), &flow, &way, BPF_ANY),
		0);
	flow.remote = way.vip;
	flow.remote_port = way.vip_port;
	CU_ASSERT_EQUAL(bpf_map_update_elem(bpf_map__fd(program->maps.check_answers), &flow, &peer,
					    BPF_ANY),
			0);
}

static void build(struct frame *frame, const struct packet *packet)
{
	static const unsigned char dst[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
	static const unsigned char src[ETH_ALEN] = {2, 0, 0, 0, 0, 2};

	frame_build(frame, packet);
	frame_set_link(frame, dst, src);
}

static void run_one(const struct way_test *test, const struct bpf_program *prog)
{
	struct frame in, expected, seen = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in.bytes, .data_out = seen.bytes,
		    .data_size_out = sizeof(seen.bytes), .repeat = 1);

	build(&in, &test->in);
	build(&expected, test->out.src ? &test->out : &test->in);
	opts.data_size_in = (__u32)in.length;
	CU_ASSERT_EQUAL(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	seen.length = opts.data_size_out;
	CU_ASSERT_EQUAL((int)opts.retval, test->verdict);
	if (!frame_equal(&expected, &seen)) {
		printf("    %s\n", test->name);
		frame_print_difference(&expected, &seen);
		CU_FAIL("frames are equal");
	}
}

/* clang-format off */
#define PORTS		.sport = 40000, .dport = 80
#define BACK		.sport = 80, .dport = 40000
#define DATA(...)	__VA_ARGS__, .payload = 100
#define TUNNEL(from, to, ...) \
	{.src = from, .dst = to, .fragment = IP_DF, .inner = &(struct packet){__VA_ARGS__}}
#define TUNNEL6(from, to, ...) \
	{.src = from, .dst = to, .inner = &(struct packet){__VA_ARGS__}}
#define GUE		.proto = IPPROTO_UDP, .sport = 40000 | 0xc000, .dport = 6080
#define WAY(at, to, port)	.way = {.peer = at, .backend = at, .vip = to, \
					.peer_port = 80, .vip_port = port}

static void packets_of_checks_go_to_the_vip_at_the_backend(void)
{
	const struct way_test tests[] = {
		{"4in4", {.src = LB4, .dst = BE4, PORTS, .flags = TCP_SYN},
		 TUNNEL(LB4, BE4, .src = LB4, .dst = VIP4, PORTS, .flags = TCP_SYN),
		 WAY(BE4, VIP4, 80), ONWARD},
		{"another port", {.src = LB4, .dst = BE4, DATA(PORTS)},
		 TUNNEL(LB4, BE4, .src = LB4, .dst = VIP4, DATA(.sport = 40000, .dport = 8080)),
		 WAY(BE4, VIP4, 8080), ONWARD},
		{"6in6", {.src = LB6, .dst = BE6, DATA(PORTS)},
		 TUNNEL6(LB6, BE6, .src = LB6, .dst = VIP6, DATA(.sport = 40000, .dport = 443)),
		 WAY(BE6, VIP6, 443), ONWARD},
		{"UDP", {.src = LB4, .dst = BE4, DATA(PORTS, .proto = IPPROTO_UDP)},
		 TUNNEL(LB4, BE4, .src = LB4, .dst = VIP4, DATA(PORTS, .proto = IPPROTO_UDP)),
		 WAY(BE4, VIP4, 80), ONWARD},
		{"UDP, IPv6", {.src = LB6, .dst = BE6, DATA(PORTS, .proto = IPPROTO_UDP)},
		 TUNNEL6(LB6, BE6, .src = LB6, .dst = VIP6, DATA(PORTS, .proto = IPPROTO_UDP)),
		 WAY(BE6, VIP6, 80), ONWARD},
		{"4in6", {.src = LB4, .dst = VIP4, DATA(PORTS)},
		 TUNNEL6(LB6, BE6, .src = LB4, .dst = VIP4, DATA(PORTS)),
		 .way = {.peer = VIP4, .vip = VIP4, .backend = BE6, .source = LB6, .peer_port = 80,
			 .vip_port = 80}, ANOTHER},
		{"6in4", {.src = LB6, .dst = VIP6, DATA(PORTS)},
		 TUNNEL(LB4, BE4, .src = LB6, .dst = VIP6, DATA(PORTS)),
		 .way = {.peer = VIP6, .vip = VIP6, .backend = BE4, .source = LB4, .peer_port = 80,
			 .vip_port = 80}, ANOTHER},
		{"GUE", {.src = LB4, .dst = BE4, DATA(PORTS)},
		 {.src = LB4, .dst = BE4, .fragment = IP_DF, GUE,
		  .inner = &(struct packet){.src = LB4, .dst = VIP4, DATA(PORTS)}},
		 .way = {.peer = BE4, .vip = VIP4, .backend = BE4, .peer_port = 80, .vip_port = 80,
			 .forward = SLUICE_FORWARD_GUE}, ONWARD},
		{"GUE, 4in6", {.src = LB4, .dst = VIP4, DATA(PORTS)},
		 {.src = LB6, .dst = BE6, GUE,
		  .inner = &(struct packet){.src = LB4, .dst = VIP4, DATA(PORTS)}},
		 .way = {.peer = VIP4, .vip = VIP4, .backend = BE6, .source = LB6, .peer_port = 80,
			 .vip_port = 80, .forward = SLUICE_FORWARD_GUE}, ANOTHER},
		{"by link", {.src = LB4, .dst = BE4, DATA(PORTS)},
		 {.src = LB4, .dst = VIP4, DATA(PORTS)},
		 .way = {.peer = BE4, .vip = VIP4, .backend = BE4, .peer_port = 80, .vip_port = 80,
			 .forward = SLUICE_FORWARD_DSR}, ONWARD},
	};

	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		lead(&tests[i], tests[i].in.src, 40000, tests[i].in.proto ?: IPPROTO_TCP);
		run_one(&tests[i], program->progs.check_egress);
	}
}

static void packets_of_others_go_as_they_are(void)
{
	const struct way_test led = {"", WAY(BE4, VIP4, 80)};
	const struct way_test tests[] = {
		{"another port", {.src = LB4, .dst = BE4, .sport = 41001, .dport = 80},
		 .verdict = ONWARD},
		{"another backend",
		 {.src = LB4, .dst = "10.10.1.22", .sport = 41000, .dport = 80},
		 .verdict = ONWARD},
		{"another protocol",
		 {.src = LB4, .dst = BE4, .proto = IPPROTO_UDP, .sport = 41000, .dport = 80},
		 .verdict = ONWARD},
		{"ICMP", {.src = LB4, .dst = BE4, .proto = IPPROTO_ICMP, .type = 8, .id = 1},
		 .verdict = ONWARD},
		{"a fragment",
		 {.src = LB4,
		  .dst = BE4,
		  .sport = 41000,
		  .dport = 80,
		  .fragment = IP_MF,
		  .payload = 8},
		 .verdict = ONWARD},
		{"ARP",
		 {.src = LB4, .dst = BE4, .sport = 41000, .dport = 80, .ethertype = 0x0806},
		 .verdict = ONWARD},
	};

	lead(&led, LB4, 41000, IPPROTO_TCP);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		run_one(&tests[i], program->progs.check_egress);
}

static void answers_come_from_whom_the_socket_knows(void)
{
	const struct way_test tests[] = {
		{"IPv4", {.src = VIP4, .dst = LB4, DATA(.sport = 8080, .dport = 40000)},
		 {.src = BE4, .dst = LB4, DATA(BACK)}, WAY(BE4, VIP4, 8080), ONWARD},
		{"IPv6", {.src = VIP6, .dst = LB6, DATA(.sport = 443, .dport = 40000)},
		 {.src = BE6, .dst = LB6, DATA(BACK)}, WAY(BE6, VIP6, 443), ONWARD},
		{"UDP", {.src = VIP4, .dst = LB4, DATA(BACK, .proto = IPPROTO_UDP)},
		 {.src = BE4, .dst = LB4, DATA(BACK, .proto = IPPROTO_UDP)}, WAY(BE4, VIP4, 80),
		 ONWARD},
		{"of nobody's", {.src = VIP4, .dst = LB4, .sport = 81, .dport = 40000},
		 .way = {.peer = BE4, .vip = VIP4, .backend = BE4, .peer_port = 80, .vip_port = 80},
		 .verdict = ONWARD},
	};

	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		lead(&tests[i], tests[i].in.dst, 40000, tests[i].in.proto ?: IPPROTO_TCP);
		run_one(&tests[i], program->progs.check_ingress);
	}
}

/* The first 8 bytes behind the quoted header: no checksum of TCP is among them. */
#define ABOUT(ip_bytes, ...) \
	.quoted = &(struct packet){__VA_ARGS__}, .quoted_bytes = (ip_bytes) + 8

static void errors_quote_what_the_socket_sent(void)
{
	const struct way_test tests[] = {
		{"IPv4", {.src = BE4, .dst = LB4, .type = 3, .code = 3,
			  ABOUT(20, .src = LB4, .dst = VIP4, .sport = 40000, .dport = 8080)},
		 {.src = BE4, .dst = LB4, .type = 3, .code = 3,
		  ABOUT(20, .src = LB4, .dst = BE4, PORTS)}, WAY(BE4, VIP4, 8080), ONWARD},
		{"IPv6", {.src = BE6, .dst = LB6, .type = 1, .code = 4,
			  ABOUT(40, .src = LB6, .dst = VIP6, .sport = 40000, .dport = 443)},
		 {.src = BE6, .dst = LB6, .type = 1, .code = 4,
		  ABOUT(40, .src = LB6, .dst = BE6, PORTS)}, WAY(BE6, VIP6, 443), ONWARD},
		{"about others", {.src = BE4, .dst = LB4, .type = 3, .code = 3,
				  ABOUT(20, .src = LB4, .dst = BE4, .sport = 40000, .dport = 8080)},
		 WAY(BE4, VIP4, 8080), .verdict = ONWARD},
	};

	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		lead(&tests[i], tests[i].in.dst, 40000, IPPROTO_TCP);
		run_one(&tests[i], program->progs.check_ingress);
	}
}

/* clang-format on */

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(packets_of_checks_go_to_the_vip_at_the_backend),
		UNIT_TEST(packets_of_others_go_as_they_are),
		UNIT_TEST(answers_come_from_whom_the_socket_knows),
		UNIT_TEST(errors_quote_what_the_socket_sent),
		{},
	};
	int failed;

	program = check_bpf__open_and_load();
	if (!program) {
		perror("bpf/check.bpf.c is not loaded");
		return 1;
	}
	failed = unit_run("check_path", tests);
	check_bpf__destroy(program);
	return failed;
}
