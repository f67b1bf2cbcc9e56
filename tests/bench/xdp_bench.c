/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Nanoseconds per packet of the pipeline, beside the floor of the same kind of
 * work, in one run: `make bench-xdp`. One line for each case, tab-separated:
 * name, minimum, median, the floor's minimum. A case counts only after one run
 * of its frame gave the outcome that it is meant to measure, checked against
 * the ledger; and all of its repetitions were counted under that outcome.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <bpf/bpf.h>

#include "block_set.h"
#include "../support/random.h"
#include "../support/testbed.h"
#include "program.h"
#include "replay.h"
#include "replay.skel.h"

#define ROUNDS	 15
#define WARM_UP	 1000000
#define ROUND_NS 100000000ULL /* about this long, a round */

static const char *const nodes =
	"sluice: 1\n"
	"cluster: bench\n"
	"limits: {flows: 1048576}\n"
	"nodes:\n"
	"  dut:\n"
	"    interfaces:\n"
	"      eth0: {network: edge, address: [10.10.1.11/24, \"fd00:10:1::11/64\"],"
	" roles: [%s]%s}\n"
	"      eth1: {network: back, address: [10.10.2.11/24, \"fd00:10:2::11/64\"],"
	" roles: [%s]%s}\n"
	"  near:\n"
	"    interfaces:\n"
	"      eth0: {network: edge, address: [10.10.1.21/24, \"fd00:10:1::21/64\"]}\n"
	"  far:\n"
	"    interfaces:\n"
	"      eth0: {network: back, address: [10.10.2.21/24, \"fd00:10:2::21/64\"]}\n"
	"services:\n"
	"  www:\n"
	"    vips: [\"192.0.2.10:80\", \"[2001:db8:2::10]:80\"]\n"
	"    proto: tcp\n"
	"    forward: ipip\n"
	"    backends: {near: {}}\n"
	"  dns:\n"
	"    vips: [\"192.0.2.10:53\"]\n"
	"    proto: udp\n"
	"    forward: ipip\n"
	"    backends: {near: {}}\n"
	"  gue:\n"
	"    vips: [\"192.0.2.10:6000\"]\n"
	"    proto: tcp\n"
	"    forward: gue\n"
	"    backends: {near: {}}\n"
	"  quic:\n"
	"    vips: [\"192.0.2.10:443\"]\n"
	"    proto: udp\n"
	"    forward: ipip\n"
	"    quic: 2\n"
	"    backends: {near: {server-id: 0x0102}}\n"
	"  limited:\n"
	"    vips: [\"192.0.2.10:81\"]\n"
	"    proto: tcp\n"
	"    limit: [{rate: 100M/s, burst: 1G}, {rate: 1M/s, of: new-flows}]\n"
	"    backends: {near: {}}\n"
	"  by-source:\n"
	"    vips: [\"192.0.2.10:82\"]\n"
	"    proto: tcp\n"
	"    limit: {rate: 100M/s, per: source, burst: 1G}\n"
	"    backends: {near: {}}\n";

/* Only in cases of nat: who has none of it pays nothing for it. */
static const char nat[] = "  nat:\n"
			  "    vips: [\"192.0.2.10:8000\"]\n"
			  "    proto: tcp\n"
			  "    forward: nat\n"
			  "    backends: {near: {port: 8080}}\n";

struct bench_case {
	const char *name;
	const char *roles;
	unsigned rules; /* of the policy, where there is a firewall; the last one accepts */
	struct packet packet;
	unsigned flows; /* a power of two; 1: always the same */
	enum sluice_outcome outcome;
	const char *floor;
	unsigned blocks; /* prefixes in the block set, /16 to /32 */
};

#define TCP_TO_VIP                                                                                 \
	{                                                                                          \
		.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 80                 \
	}

static const struct bench_case cases[] = {
	{"ack-hit-1", "balancer", 0, TCP_TO_VIP, 1, SLUICE_TX, "floor-tx-ipip", 0},
	{"ack-hit-64k", "balancer", 0, TCP_TO_VIP, 1 << 16, SLUICE_TX, "floor-tx-ipip", 0},
	{"ack-hit-1m", "balancer", 0, TCP_TO_VIP, 1 << 20, SLUICE_TX, "floor-tx-ipip", 0},
	{"syn-new",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 80, .flags = TCP_SYN},
	 1 << 24,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	{"udp-hit-1",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "192.0.2.10", .proto = IPPROTO_UDP, .sport = 1024, .dport = 53},
	 1,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	/* A short header with that server id, from addresses and ports that change each time. */
	{"quic-cid",
	 "balancer",
	 0,
	 {.src = "10.0.0.1",
	  .dst = "192.0.2.10",
	  .proto = IPPROTO_UDP,
	  .sport = 1024,
	  .dport = 443,
	  .poke = {{FRAME_IP4 + 8, 0x40},
		   {FRAME_IP4 + 9, 0},
		   {FRAME_IP4 + 10, 1},
		   {FRAME_IP4 + 11, 2}}},
	 1 << 24,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	{"ack6-hit-1",
	 "balancer",
	 0,
	 {.src = "fd00:10:9::1", .dst = "2001:db8:2::10", .sport = 1024, .dport = 80},
	 1,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	{"gue-hit-1",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 6000},
	 1,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	{"nat-hit-1",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 8000},
	 1,
	 SLUICE_TX,
	 "floor-tx",
	 0},
	{"nat-return-1",
	 "balancer",
	 0,
	 {.src = "10.10.1.21", .dst = "10.10.2.21", .sport = 8080, .dport = 1024},
	 1,
	 SLUICE_REDIRECT,
	 "floor-tx",
	 0},
	{"limit-hit-1",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 81},
	 1,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	/* 16 flows a source: beside ack-hit-1m. */
	{"limit-source-64k",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 82},
	 1 << 20,
	 SLUICE_TX,
	 "floor-tx-ipip",
	 0},
	{"pass",
	 "balancer",
	 0,
	 {.src = "10.0.0.1", .dst = "10.10.1.11", .sport = 1024, .dport = 22},
	 1 << 16,
	 SLUICE_PASS_LOCAL,
	 "floor-drop",
	 0},
	{"fw-pass-est",
	 "firewall, forward",
	 10,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80},
	 1,
	 SLUICE_REDIRECT,
	 "floor-redirect",
	 0},
	{"fw-new-10",
	 "firewall, forward",
	 10,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80, .flags = TCP_SYN},
	 1 << 24,
	 SLUICE_REDIRECT,
	 "floor-tx-ipip",
	 0},
	{"fw-new-1000",
	 "firewall, forward",
	 1000,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80, .flags = TCP_SYN},
	 1 << 24,
	 SLUICE_REDIRECT,
	 "floor-tx-ipip",
	 0},
	{"fw-new-10000",
	 "firewall, forward",
	 10000,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80, .flags = TCP_SYN},
	 1 << 24,
	 SLUICE_REDIRECT,
	 "floor-tx-ipip",
	 0},
	{"fw-new-10000-adversarial",
	 "firewall, forward",
	 10000,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80, .flags = TCP_SYN},
	 1 << 24,
	 SLUICE_REDIRECT,
	 "floor-tx-ipip",
	 0},
	{"drop-invalid",
	 "firewall, forward",
	 10,
	 {.src = "127.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80},
	 1,
	 SLUICE_BAD_ADDRESS,
	 "floor-parse-drop",
	 0},
	{"block-1k",
	 "firewall, forward",
	 10,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80},
	 1 << 24,
	 SLUICE_BLOCKED,
	 "floor-parse-drop",
	 1000},
	{"block-50k",
	 "firewall, forward",
	 10,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80},
	 1 << 24,
	 SLUICE_BLOCKED,
	 "floor-parse-drop",
	 50000},
	{"block-1m",
	 "firewall, forward",
	 10,
	 {.src = "10.0.0.1", .dst = "10.10.2.21", .sport = 1024, .dport = 80},
	 1 << 24,
	 SLUICE_BLOCKED,
	 "floor-parse-drop",
	 1000000},
};

static struct replay *replay_open(const struct frame *frame, unsigned flows)
{
	struct replay *replay = replay__open();

	if (!replay || (frame->length != FRAME_V4 && frame->length != FRAME_V6))
		return NULL;
	memcpy(replay->bss->frame, frame->bytes, frame->length);
	replay->rodata->frame_length = (__u32)frame->length;
	replay->rodata->flow_mask = flows - 1;
	return replay__load(replay) ? NULL : replay;
}

static int run_repeated(struct replay *replay, const struct frame *frame, unsigned ifindex,
			unsigned repeats, unsigned *ns)
{
	struct xdp_md context = {.data_end = (__u32)frame->length, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes,
		    .data_size_in = (__u32)frame->length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = (int)repeats);

	if (bpf_prog_test_run_opts(bpf_program__fd(replay->progs.replay), &opts))
		return -errno;
	*ns = opts.duration;
	return (int)opts.retval;
}

static int compare_unsigned(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

struct timing {
	unsigned min, median;
};

static int measure(struct replay *replay, const struct frame *frame, unsigned ifindex, int program,
		   struct timing *out)
{
	unsigned ns[ROUNDS], repeats;
	__u32 key = 0;

	if (bpf_map_update_elem(bpf_map__fd(replay->maps.target), &key, &program, BPF_ANY))
		return -errno;
	if (run_repeated(replay, frame, ifindex, WARM_UP, &ns[0]) < 0)
		return -EIO;
	repeats = (unsigned)(ROUND_NS / (ns[0] ? ns[0] : 1));
	for (int i = 0; i < ROUNDS; i++)
		if (run_repeated(replay, frame, ifindex, repeats, &ns[i]) < 0)
			return -EIO;
	qsort(ns, ROUNDS, sizeof(ns[0]), compare_unsigned);
	*out = (struct timing){.min = ns[0], .median = ns[ROUNDS / 2]};
	return 0;
}

static int floor_program(const struct replay *replay, const char *name)
{
	const struct {
		const char *name;
		const struct bpf_program *program;
	} floors[] = {
		{"floor-drop", replay->progs.floor_drop},
		{"floor-tx", replay->progs.floor_tx},
		{"floor-tx-ipip", replay->progs.floor_tx_ipip},
		{"floor-parse-drop", replay->progs.floor_parse_drop},
		{"floor-redirect", replay->progs.floor_redirect},
	};

	for (size_t i = 0; i < sizeof(floors) / sizeof(floors[0]); i++)
		if (!strcmp(floors[i].name, name))
			return bpf_program__fd(floors[i].program);
	return -1;
}

/* A rule that no packet of a case matches; in all but one dimension, if adversarial. */
static void print_rule(FILE *out, const struct bench_case *bench, unsigned i)
{
	static const char *const near_misses[] = {
		"from: 10.0.0.0/8, to: 10.10.2.0/24, proto: tcp, port: 8080",
		"from: 172.16.0.0/12, to: 10.10.2.0/24, proto: tcp, port: 80",
		"from: 10.0.0.0/8, to: 172.16.0.0/12, proto: tcp, port: 80",
		"from: 10.0.0.0/8, to: 10.10.2.0/24, proto: udp, port: 80",
	};

	if (strstr(bench->name, "-adversarial"))
		fprintf(out, "      - {name: r%u, %s, action: drop}\n", i, near_misses[i % 4]);
	else
		fprintf(out,
			"      - {name: r%u, from: 172.16.%u.%u, proto: tcp, port: %u, "
			"action: drop}\n",
			i, i / 250, i % 250 + 1, 1000 + i);
}

/* The cluster file of a case: where it has rules, only the last one matches. */
static char *configuration(const struct bench_case *bench)
{
	const char *policy = bench->rules ? ", policy: bench" : "";
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, nodes, bench->roles, policy, bench->roles, policy);
	if (!strncmp(bench->name, "nat-", 4))
		fputs(nat, out);
	if (bench->rules) {
		fprintf(out, "policies:\n  bench:\n    strict: false\n    rules:\n");
		for (unsigned i = 0; i + 1 < bench->rules; i++)
			print_rule(out, bench, i);
		fprintf(out,
			"      - {name: last, from: 10.0.0.0/8, proto: tcp, action: accept}\n");
	}
	return fclose(out) ? NULL : text;
}

static int block_v4(struct block_set *set, __u32 addr, unsigned length)
{
	struct block_entry entry = {
		.prefix = {.addr = addr_from_v4(htonl(addr)),
			   .bits = (unsigned char)(SLUICE_V4_PREFIX_BITS + length)}};

	return block_set_add(set, &entry);
}

/* Of the 256 /16s that sources come from: of a million prefixes, every other one as /25s. */
static int block_sources(struct block_set *set, unsigned blocks)
{
	int err = 0;

	for (__u32 i = 0; i < 256 && !err; i++) {
		if (blocks < 1000000 || i % 2 == 0)
			err = block_v4(set, 0x0a000000 | i << 16, 16);
		else
			for (__u32 half = 0; half < 512 && !err; half++)
				err = block_v4(set, 0x0a000000 | i << 16 | half << 7, 25);
	}
	return err;
}

/* The others lie all over. */
static int block(struct testbed *tb, unsigned blocks)
{
	struct random random = {.state = 1};
	struct block_set set;
	int err = block_set_open(&set, &tb->dp);

	if (err)
		return err;
	err = block_sources(&set, blocks);
	while (!err && tb->dp.control->block_entries < blocks) {
		__u32 addr =
			random_below(&random, 1U << 16) << 16 | random_below(&random, 1U << 16);

		if (addr >> 24 != 10)
			err = block_v4(&set, addr, 16 + random_below(&random, 17));
	}
	block_set_close(&set);
	return err;
}

/* Every repetition must have been counted as what the case is about. */
static bool counted(struct testbed *tb, const struct testbed_port *port,
		    const struct bench_case *bench, const struct sluice_ledger *before)
{
	struct sluice_ledger after;
	__u64 runs;

	if (dataplane_read_ledger(&tb->dp, port->slot, &after))
		return false;
	runs = after.rx.packets - before->rx.packets;
	return runs > WARM_UP &&
	       after.outcome[bench->outcome].packets - before->outcome[bench->outcome].packets ==
		       runs;
}

/* With as much payload as makes the frame one of the two lengths. */
static void build(struct frame *frame, struct packet packet)
{
	frame_build(frame, &packet);
	packet.payload = (packet_is_v6(&packet) ? FRAME_V6 : FRAME_V4) - frame->length;
	frame_build(frame, &packet);
}

static bool run_case(const struct bench_case *bench)
{
	struct timing ours, floor;
	struct sluice_ledger before;
	struct testbed_port *port;
	struct replay *replay;
	struct testbed tb;
	struct frame frame;
	struct run once = {0};
	char *yaml = configuration(bench);
	bool good = false;

	testbed_up(&tb, "dut", yaml);
	free(yaml);
	port = testbed_port(&tb, "eth0");
	if (bench->blocks && block(&tb, bench->blocks))
		goto out;
	build(&frame, bench->packet);
	frame_set_link(&frame, port->mac, port->mac);
	testbed_run(&tb, "eth0", &frame, &once);
	replay = replay_open(&frame, bench->flows);
	if (once.outcome != bench->outcome || !replay ||
	    dataplane_read_ledger(&tb.dp, port->slot, &before))
		goto out;
	if (!measure(replay, &frame, port->ifindex, bpf_program__fd(port->live->progs.sluice_xdp),
		     &ours) &&
	    counted(&tb, port, bench, &before) &&
	    !measure(replay, &frame, port->ifindex, floor_program(replay, bench->floor), &floor)) {
		printf("%s\t%u\t%u\t%u\n", bench->name, ours.min, ours.median, floor.min);
		good = true;
	}
	replay__destroy(replay);
out:
	if (!good)
		printf("%s\tfailed: outcome %s, expected %s\n", bench->name,
		       outcome_name(once.outcome), outcome_name(bench->outcome));
	fflush(stdout);
	testbed_down(&tb);
	return good;
}

static const char *wanted; /* the start of the names of the cases to run; NULL: all */

static void run_all(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!wanted || !strncmp(cases[i].name, wanted, strlen(wanted)))
			CU_ASSERT(run_case(&cases[i]));
}

/* A CUnit test, because the testbed asserts; silent, because the lines are the output. */
int main(int argc, char **argv)
{
	CU_pSuite suite;
	unsigned failures = 1;

	wanted = argc > 1 ? argv[1] : NULL;
	if (CU_initialize_registry() == CUE_SUCCESS) {
		suite = CU_add_suite("bench", NULL, NULL);
		CU_basic_set_mode(CU_BRM_SILENT);
		if (suite && CU_add_test(suite, "all cases", run_all) &&
		    CU_basic_run_tests() == CUE_SUCCESS)
			failures = CU_get_number_of_failures();
	}
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
