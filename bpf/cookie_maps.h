/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maps that the balancers' SYN cookies and the program that accepts them share.
 */
#ifndef SLUICE_BPF_COOKIE_MAPS_H
#define SLUICE_BPF_COOKIE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "sluice/abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sluice_cookie_keys);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_cookie_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_COOKIE_COUNTS);
	__type(key, __u32);
	__type(value, struct sluice_cookie_count);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sluice_cookie_count SEC(".maps");

static __always_inline struct sluice_cookie_keys *cookie_keys(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sluice_cookie_keys, &zero);
}

#endif /* SLUICE_BPF_COOKIE_MAPS_H */
