/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fragments of datagrams to a VIP, of both families: what follows the first has no ports.
 */
#ifndef SLUICE_BPF_FRAGMENT_H
#define SLUICE_BPF_FRAGMENT_H

#include "balancer.h"

SEC("xdp")
int sluice_fragment(struct xdp_md *ctx)
{
	return conclude_stage(ctx, SLUICE_FRAGMENT);
}

#endif /* SLUICE_BPF_FRAGMENT_H */
