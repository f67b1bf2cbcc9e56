/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What stands around a measured program.
 *
 * BPF_PROG_TEST_RUN does not restore the packet between repetitions: a balancer
 * would be measured on its own output. `replay` puts the frame back to what it
 * was, gives it another source where the case wants many flows, and tail-calls
 * the program under test. The floors are programs that do the least that could
 * be called the same work; they run behind `replay` too.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "replay.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

__u8 frame[FRAME_V6]; /* not constant: copies of constants are folded when compiled */
const volatile __u32 frame_length;
const volatile __u32 flow_mask; /* number of flows - 1; 0: the frame as it is */

__u64 sequence; /* of repetitions: picks the flow */

/* A different source for each number: 10.0.0.0/8, and a port. Nobody checks the checksums. */
static __always_inline void set_source(void *data, void *end)
{
	struct iphdr *ip = data + ETH_HLEN;
	struct tcphdr *ports = (void *)(ip + 1);
	__u64 number = sequence++ * 0x9e3779b97f4a7c15ULL;

	number = (number ^ number >> 29) & flow_mask;
	if ((void *)(ports + 1) > end)
		return;
	ip->saddr = bpf_htonl(0x0a000000 | (__u32)number >> 4);
	ports->source = bpf_htons(1024 + (number & 15));
}

SEC("xdp")
int replay(struct xdp_md *ctx)
{
	int longer = (int)(ctx->data_end - ctx->data) - (int)frame_length;
	void *data, *end;

	if (longer && bpf_xdp_adjust_head(ctx, longer))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + FRAME_V4 > end)
		return XDP_ABORTED;
	__builtin_memcpy(data, frame, FRAME_V4);
	if (frame_length == FRAME_V6) {
		if (data + FRAME_V6 > end)
			return XDP_ABORTED;
		__builtin_memcpy(data + FRAME_V4, frame + FRAME_V4, FRAME_V6 - FRAME_V4);
	}
	if (flow_mask)
		set_source(data, end);
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int floor_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp")
int floor_tx(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp")
int floor_tx_ipip(struct xdp_md *ctx)
{
	static const __u8 outer[sizeof(struct ethhdr) + sizeof(struct iphdr)] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 4};
	void *data;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	if (data + sizeof(outer) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(data, outer, sizeof(outer));
	return XDP_TX;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} dropped SEC(".maps");

SEC("xdp")
int floor_parse_drop(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&dropped, &key);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || !count)
		return XDP_ABORTED;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	++*count;
	return XDP_DROP;
}

SEC("xdp")
int floor_redirect(struct xdp_md *ctx)
{
	return bpf_redirect(1, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
