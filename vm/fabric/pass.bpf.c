/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a switch port of the lab runs: nothing, and that matters. A veth receives
 * frames that its peer sends by XDP_TX only while it has an XDP program itself;
 * with GRO alone they wait in its ring for the next ordinary frame, and when the
 * ring is full nothing passes any more. Real devices have no such condition.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int fabric_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
