/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VLANs: ids as text, and the VLAN devices of this host, which the data plane reaches by the
 * interfaces below them.
 */
#ifndef SLUICE_VLAN_H
#define SLUICE_VLAN_H

#include <net/if.h>
#include <stddef.h>

#include "sluice/abi.h"

#ifndef __must_check
#define __must_check __attribute__((warn_unused_result))
#endif

#define VLAN_RANGE_TEXT_LEN 12
#define VLAN_EXPECTED	    "a VLAN id from 1 to 4094, a range as 100-199, any, or none"

/* "10", "100-199", "any" or "none", which is the range of id 0 alone. -EINVAL. */
int vlan_range_parse(const char *word, struct sluice_vlan_range *out) __must_check;
const char *vlan_range_format(const struct sluice_vlan_range *range, char buf[VLAN_RANGE_TEXT_LEN]);

struct vlan_device {
	char name[IFNAMSIZ];
	unsigned ifindex;
	struct sluice_vlan vlan; /* the interface below that is no VLAN device, and the tags */
};

/* Those of the caller's network namespace, one or two tags deep, for the caller to free. */
int vlan_devices_read(struct vlan_device **out, size_t *count) __must_check;
/* Makes sluice_vlan_in and sluice_vlan_out say just that. -ENOSPC: more than there is room for. */
int vlan_devices_write(int in_fd, int out_fd, const struct vlan_device *devices,
		       size_t count) __must_check;
/* Both. */
int vlan_devices_sync(int in_fd, int out_fd) __must_check;

#endif /* SLUICE_VLAN_H */
