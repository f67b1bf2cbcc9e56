/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "maps.h"

const volatile struct sluice_program_config config;

SEC("xdp")
int sluice_xdp(struct xdp_md *ctx)
{
	return config.roles ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
