/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One instance of the data plane's program: opened, told its roles and port,
 * given the node's pinned maps. Loading is left to the caller, because libxdp
 * decides itself what a program is loaded as.
 */
#include <errno.h>

#include "program.h"

int program_open(const struct dataplane *dp, const struct interface *interface, bool trace,
		 struct sluice_bpf **out)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = dp->pin_dir);
	struct sluice_bpf *skel;
	unsigned port;
	int err = dataplane_port_slot(dp, interface->name, &port);

	if (err)
		return err;
	skel = sluice_bpf__open_opts(&opts);
	if (!skel)
		return -errno;
	skel->rodata->config.roles = interface->roles;
	skel->rodata->config.port = port;
	skel->rodata->config.trace = trace;
	err = pins_reuse(skel->obj, dp->pin_dir);
	if (err) {
		sluice_bpf__destroy(skel);
		return err;
	}
	*out = skel;
	return 0;
}
