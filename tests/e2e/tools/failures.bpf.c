/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Counts what became of frames after an XDP program had decided: exceptions,
 * redirects that failed, frames that a device did not take. The data plane's
 * ledger cannot know these. Raw tracepoints: they need no trampoline.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "failures.h"

/* Of the kernel's types, only the members that are read. */
#define KERNEL_TYPE __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNEL_TYPE;

struct net {
	struct ns_common ns;
} KERNEL_TYPE;

typedef struct {
	struct net *net;
} KERNEL_TYPE possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} KERNEL_TYPE;

struct bpf_prog_aux {
	__u32 id;
} KERNEL_TYPE;

struct bpf_prog {
	struct bpf_prog_aux *aux;
} KERNEL_TYPE;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct failure_key);
	__type(value, __u64);
} failures SEC(".maps");

static __always_inline void count(struct failure_key *key, const struct net_device *dev,
				  const struct bpf_prog *program, __u64 frames)
{
	__u64 zero = 0, *counter;

	key->ifindex = BPF_CORE_READ(dev, ifindex);
	key->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	if (program)
		key->program = BPF_CORE_READ(program, aux, id);
	bpf_map_update_elem(&failures, key, &zero, BPF_NOEXIST);
	counter = bpf_map_lookup_elem(&failures, key);
	if (counter)
		__sync_fetch_and_add(counter, frames);
}

SEC("raw_tp/xdp_exception")
int exception(struct bpf_raw_tracepoint_args *ctx)
{
	struct failure_key key = {.event = FAILURE_EXCEPTION, .action = ctx->args[2]};

	count(&key, (void *)ctx->args[0], (void *)ctx->args[1], 1);
	return 0;
}

SEC("raw_tp/xdp_redirect_err")
int redirect(struct bpf_raw_tracepoint_args *ctx)
{
	struct failure_key key = {.event = FAILURE_REDIRECT, .error = ctx->args[3]};

	count(&key, (void *)ctx->args[0], (void *)ctx->args[1], 1);
	return 0;
}

SEC("raw_tp/xdp_devmap_xmit")
int devmap(struct bpf_raw_tracepoint_args *ctx)
{
	struct failure_key key = {.event = FAILURE_DEVMAP, .error = ctx->args[4]};

	if ((int)ctx->args[3] > 0)
		count(&key, (void *)ctx->args[0], NULL, (int)ctx->args[3]);
	return 0;
}

SEC("raw_tp/xdp_bulk_tx")
int bulk_tx(struct bpf_raw_tracepoint_args *ctx)
{
	struct failure_key key = {.event = FAILURE_BULK_TX, .error = ctx->args[3]};

	if ((int)ctx->args[2] > 0)
		count(&key, (void *)ctx->args[0], NULL, (int)ctx->args[2]);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
