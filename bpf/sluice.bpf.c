/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "maps.h"

const volatile struct sluice_program_config config;

SEC("xdp")
int sluice_xdp(struct xdp_md *ctx)
{
	__u32 key = config.port;
	void *inner = bpf_map_lookup_elem(&sluice_ports, &key);
	struct sluice_port *port = inner ? bpf_map_lookup_elem(inner, &key) : NULL;
	struct sluice_rule *rule;
	struct sluice_vip *vip;
	struct sluice_vip_key vip_key = {};
	struct sluice_addr addr = {};

	if (!port)
		return XDP_ABORTED;
	inner = bpf_map_lookup_elem(&sluice_rules, &key);
	rule = inner ? bpf_map_lookup_elem(inner, &key) : NULL;
	inner = bpf_map_lookup_elem(&sluice_vips, &key);
	vip = inner ? bpf_map_lookup_elem(inner, &vip_key) : NULL;
	inner = bpf_map_lookup_elem(&sluice_tunnels, &key);
	if (inner)
		bpf_map_lookup_elem(inner, &addr);
	return port->roles && rule && rule->id && vip && vip->ring ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
