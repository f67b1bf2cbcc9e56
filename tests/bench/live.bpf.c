/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The ends of a live measurement, and the program that everything is compared to.
 *
 * `generate` makes each frame anew, from one of many sources, and puts it on the wire of the
 * interface under test: BPF_PROG_TEST_RUN with live frames repeats it. `arrive` counts and
 * drops what comes out of the other end. `forward` does the least: it hands every frame on.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "replay.h"

__u8 frame[FRAME_V4];		  /* not constant: copies of constants are folded when compiled */
const volatile __u32 flow_mask;	  /* number of flows - 1 */
const volatile __u32 to_ifindex;  /* the wire's near end */
const volatile __u32 out_ifindex; /* where `forward` sends */

__u64 sequence; /* of frames: picks the flow */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

/* A source of 10.0.0.0/8 and a port for each number; a router checks the header's sum. */
static __always_inline void set_source(struct iphdr *ip, struct tcphdr *tcp)
{
	__u64 number = sequence++ * 0x9e3779b97f4a7c15ULL;
	__u32 sum, source;

	number = (number ^ number >> 29) & flow_mask;
	source = 0x0a000000 | (__u32)number >> 4;
	sum = (__u16)~bpf_ntohs(ip->check) + (__u16) ~(bpf_ntohl(ip->saddr) >> 16) +
	      (__u16)~bpf_ntohl(ip->saddr) + (source >> 16) + (source & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = bpf_htons((__u16)~sum);
	ip->saddr = bpf_htonl(source);
	tcp->source = bpf_htons(1024 + (number & 15));
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct iphdr *ip = data + ETH_HLEN;

	if (data + FRAME_V4 > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(data, frame, FRAME_V4);
	set_source(ip, (void *)(ip + 1));
	return bpf_redirect(to_ifindex, 0);
}

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	return bpf_redirect(out_ifindex, 0);
}

SEC("xdp")
int arrive(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&arrived, &key);

	if (count)
		++*count;
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
