/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Live packets through veth interfaces, on one CPU: generated, sent to the node, sent on by
 * it, received and counted at the far end. Beside a program that does nothing but hand frames
 * on, and beside the kernel with nftables' destination NAT, in the same run:
 *
 *   name  packets/s  ns/packet  ratio to `redirect`
 *
 * The ways differ in nothing but what stands on eth0. What the generator, the wires and the
 * sink cost is in all of them.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <CUnit/Basic.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <nftables/libnftables.h>

#include "../support/testbed.h"
#include "live.skel.h"
#include "program.h"
#include "replay.h"

#define ROUNDS 9
#define FLOWS  65536
#define FRAMES 500000 /* a round */
#define BATCH  64

static const char yaml[] =
	"sluice: 1\n"
	"cluster: bench\n"
	"limits: {flows: 1048576}\n"
	"nodes:\n"
	"  dut:\n"
	"    interfaces:\n"
	"      eth0: {network: edge, address: 10.10.1.11/24, roles: [balancer]}\n"
	"      eth1: {network: back, address: 10.10.2.11/24, roles: [balancer]}\n"
	"  far:\n"
	"    interfaces:\n"
	"      eth0: {network: back, address: 10.10.2.21/24}\n"
	"services:\n"
	"  www: {vips: [\"192.0.2.10:80\"], proto: tcp, forward: ipip, backends: {far: {}}}\n";

static const char nat[] = "table ip bench {\n"
			  "  chain in {\n"
			  "    type nat hook prerouting priority dstnat;\n"
			  "    ip daddr 192.0.2.10 tcp dport 80 dnat to 10.10.2.21:80\n"
			  "  }\n"
			  "}\n";

struct bench {
	struct testbed tb;
	struct live *live;
	struct frame frame;
};

static unsigned ifindex_of(struct bench *bench, const char *name)
{
	return testbed_port(&bench->tb, name)->ifindex;
}

/* NULL takes away what was there. */
static int attach(unsigned ifindex, const struct bpf_program *program)
{
	int fd = program ? bpf_program__fd(program) : -1;

	return bpf_xdp_attach((int)ifindex, fd, XDP_FLAGS_DRV_MODE, NULL);
}

static __u64 arrived(const struct bench *bench)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 *counts = calloc((size_t)cpus, sizeof(*counts)), sum = 0;
	__u32 key = 0;

	if (counts && !bpf_map_lookup_elem(bpf_map__fd(bench->live->maps.arrived), &key, counts))
		for (int i = 0; i < cpus; i++)
			sum += counts[i];
	free(counts);
	return sum;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Frames a second that came out of the other end; negative: they could not be sent. */
static double round_of_frames(struct bench *bench)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bench->frame.bytes,
		    .data_size_in = (__u32)bench->frame.length, .repeat = FRAMES,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	__u64 before = arrived(bench);
	double start = now_s();

	if (bpf_prog_test_run_opts(bpf_program__fd(bench->live->progs.generate), &opts))
		return -1;
	return (double)(arrived(bench) - before) / (now_s() - start);
}

/*
 * What the kernel's own way needs: conntrack, nftables, routing; its checks of checksums are
 * off. Without a program a veth takes live frames only if it may join them; ours it cannot.
 */
static bool prepare_nat(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	bool good = nft && !nft_run_cmd_from_buffer(nft, nat);

	testbed_sysctl("ipv4/conf/all/rp_filter", "0");
	testbed_sysctl("ipv4/conf/eth0/rp_filter", "0");
	testbed_sysctl("netfilter/nf_conntrack_checksum", "0");
	testbed_ip("route add 10.0.0.0/8 dev eth0\n");
	if (nft)
		nft_ctx_free(nft);
	return good && !system("ethtool -K eth0 gro on");
}

static bool bench_open(struct bench *bench)
{
	const struct packet packet = {
		.src = "10.0.0.1", .dst = "192.0.2.10", .sport = 1024, .dport = 80, .payload = 10};
	unsigned wire_in, wire_out;

	testbed_up(&bench->tb, "dut", yaml);
	testbed_frame(&bench->tb, "eth0", &packet, &bench->frame);
	wire_in = if_nametoindex("p-eth0");
	wire_out = if_nametoindex("p-eth1");
	bench->live = live__open();
	if (!bench->live || bench->frame.length != FRAME_V4)
		return false;
	memcpy(bench->live->bss->frame, bench->frame.bytes, FRAME_V4);
	bench->live->rodata->flow_mask = FLOWS - 1;
	bench->live->rodata->to_ifindex = wire_in;
	bench->live->rodata->out_ifindex = ifindex_of(bench, "eth1");
	return !live__load(bench->live) && !attach(wire_out, bench->live->progs.arrive) &&
	       !attach(wire_in, bench->live->progs.arrive);
}

/* One way through the node: the program on eth0, NULL: the kernel's own. */
struct way {
	const char *name;
	const struct bpf_program *program;
	double best; /* frames a second, of the rounds so far */
};

static bool run_round(struct bench *bench, struct way *way)
{
	unsigned ifindex = ifindex_of(bench, "eth0");
	double rate = -1;

	if (!attach(ifindex, way->program))
		rate = round_of_frames(bench);
	if (rate > way->best)
		way->best = rate;
	attach(ifindex, NULL);
	return rate > 0;
}

static void print_way(const struct way *way, double redirect)
{
	printf("%s\t%.0f\t%.0f\t%.2f\n", way->name, way->best, 1e9 / way->best,
	       way->best / redirect);
}

/* All on one CPU: what a packet costs in all is what its rate says. */
static void stay_on_this_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void run_all(void)
{
	static struct bench bench;
	struct run once;

	stay_on_this_cpu();
	CU_ASSERT_FATAL(bench_open(&bench));
	testbed_run(&bench.tb, "eth0", &bench.frame, &once);
	CU_ASSERT_EQUAL_FATAL(once.outcome, SLUICE_REDIRECT);
	CU_ASSERT_FATAL(prepare_nat());

	struct way ways[] = {
		{"drop-at-once", bench.live->progs.arrive, 0},
		{"redirect", bench.live->progs.forward, 0},
		{"sluice-ipip", testbed_port(&bench.tb, "eth0")->live->progs.sluice_xdp, 0},
		{"nft-nat", NULL, 0},
	};

	/* In turns, so that other work on the machine is in all of them. */
	for (int i = 0; i < ROUNDS; i++)
		for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
			CU_ASSERT(run_round(&bench, &ways[w]));
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
		print_way(&ways[w], ways[1].best);
	live__destroy(bench.live);
	testbed_down(&bench.tb);
}

int main(void)
{
	unsigned failures = 1;
	CU_pSuite suite;

	if (CU_initialize_registry() == CUE_SUCCESS) {
		suite = CU_add_suite("bench", NULL, NULL);
		CU_basic_set_mode(CU_BRM_SILENT);
		if (suite && CU_add_test(suite, "live packets", run_all) &&
		    CU_basic_run_tests() == CUE_SUCCESS)
			failures = CU_get_number_of_failures();
	}
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
