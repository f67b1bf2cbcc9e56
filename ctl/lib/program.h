/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One instance of the data plane's program, for attach and trace.
 */
#ifndef SLUICE_PROGRAM_H
#define SLUICE_PROGRAM_H

#include "dataplane_private.h"
#include "sluice.skel.h"

/*
 * Opened with the rodata of `interface` and the node's maps, not yet loaded;
 * ends with sluice_bpf__destroy(). -ENOENT: the interface is in no
 * configuration in force.
 */
int program_open(const struct dataplane *dp, const struct interface *interface, bool trace,
		 struct sluice_bpf **out) __must_check;

#endif /* SLUICE_PROGRAM_H */
