/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration as one packet sees it: the generation word is read once,
 * and every slotted table is looked up in the slot that it names.
 */
#ifndef SLUICE_BPF_TABLES_H
#define SLUICE_BPF_TABLES_H

#include "maps.h"
#include "packet.h"

struct tables {
	__u32 generation; /* of the configuration */
	__u32 slot;
	__u32 policy; /* generation of the policy */
	__u32 block_entries;
	const struct sluice_port *port; /* the interface the packet came in by */
};

static __always_inline const struct sluice_port *port_lookup(__u32 slot, __u32 port)
{
	void *ports = bpf_map_lookup_elem(&sluice_ports, &slot);

	return ports ? bpf_map_lookup_elem(ports, &port) : NULL;
}

static __always_inline enum sluice_outcome tables_load(struct tables *tables)
{
	struct sluice_control *control;
	struct sluice_generation generation;
	__u32 key = 0;
	__u64 word;

	control = bpf_map_lookup_elem(&sluice_control, &key);
	if (!control)
		return SLUICE_INTERNAL;
	word = *(volatile __u64 *)&control->generation_word;
	__builtin_memcpy(&generation, &word, sizeof(generation));
	tables->generation = generation.config;
	tables->slot = generation.config & (SLUICE_SLOTS - 1);
	tables->policy = generation.policy;
	tables->block_entries = control->block_entries;
	tables->port = port_lookup(tables->slot, config.port);
	return tables->port ? SLUICE_CONTINUE : SLUICE_INTERNAL;
}

#endif /* SLUICE_BPF_TABLES_H */
