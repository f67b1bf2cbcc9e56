/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading: which numbers things have, what the counters say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_private.h"

/* --- numbers ---------------------------------------------------------------- */

int dataplane_service_index(const struct dataplane *dp, const struct service *service,
			    unsigned *index)
{
	int fd = table_in_force(dp, SLOTTED_VIPS);
	int err = -ENOENT;

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < service->vip_count && err; i++) {
		struct sluice_vip_key key = compile_vip_key(&service->vips[i], service->proto);
		struct sluice_vip vip;

		if (bpf_map_lookup_elem(fd, &key, &vip))
			continue;
		*index = vip.service;
		err = 0;
	}
	return err;
}

int dataplane_backend_slot(const struct dataplane *dp, unsigned service_index,
			   const struct backend *backend, unsigned *slot)
{
	struct sluice_backend *backends = calloc(SLUICE_MAX_BACKENDS, sizeof(*backends));
	unsigned found = SLUICE_NONE;
	int err;

	if (!backends)
		return -ENOMEM;
	err = in_force_backends(dp, backends);
	if (!err)
		found = compile_find_backend(backends, dataplane_slot(dp), service_index, backend);
	free(backends);
	if (err)
		return err;
	if (found == SLUICE_NONE)
		return -ENOENT;
	*slot = found;
	return 0;
}

static unsigned find_port(const struct sluice_port *ports, const char *ifname)
{
	unsigned port = 0;

	while (port < SLUICE_MAX_PORTS &&
	       (strcmp(ports[port].ifname, ifname) || !ports[port].roles))
		port++;
	return port;
}

int dataplane_port_slot(const struct dataplane *dp, const char *ifname, unsigned *port)
{
	int fd = table_in_force(dp, SLOTTED_PORTS);
	struct table_view view;
	int err;

	if (fd < 0)
		return fd;
	err = table_map(fd, false, &view);
	if (err)
		return err;
	*port = find_port(view.data, ifname);
	table_unmap(&view);
	return *port < SLUICE_MAX_PORTS ? 0 : -ENOENT;
}

/* --- values ----------------------------------------------------------------- */

int dataplane_read_port(const struct dataplane *dp, unsigned port, struct sluice_port *out)
{
	int fd = table_in_force(dp, SLOTTED_PORTS);

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, &port, out) ? -errno : 0;
}

int dataplane_read_backend(const struct dataplane *dp, unsigned slot, struct sluice_backend *out)
{
	return bpf_map_lookup_elem(dp->backends, &slot, out) ? -errno : 0;
}

/* Per-CPU values of nothing but 64-bit counters. */
static int read_sum(int fd, unsigned index, void *out, size_t bytes)
{
	int cpus = libbpf_num_possible_cpus();
	size_t words = bytes / sizeof(__u64);
	__u64 *values, *sum = out;
	int err = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, bytes);
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &index, values))
		err = -errno;
	memset(out, 0, bytes);
	for (size_t i = 0; i < words * (size_t)cpus; i++)
		sum[i % words] += values[i];
	free(values);
	return err;
}

int dataplane_read_cookies(const struct dataplane *dp, unsigned service_index,
			   struct sluice_cookie_count *out)
{
	return read_sum(dp->cookie_count, service_index, out, sizeof(*out));
}

int dataplane_read_ledger(const struct dataplane *dp, unsigned port, struct sluice_ledger *out)
{
	return read_sum(dp->ledger, port, out, sizeof(*out));
}

int dataplane_read_rule_use(const struct dataplane *dp, unsigned rule, struct sluice_count *out)
{
	return read_sum(dp->rule_use, rule, out, sizeof(*out));
}

int dataplane_read_limit_use(const struct dataplane *dp, unsigned limit,
			     struct sluice_limit_use *out)
{
	return read_sum(dp->limit_use, limit, out, sizeof(*out));
}

int dataplane_read_load(const struct dataplane *dp, unsigned entry, struct sluice_load *out)
{
	return read_sum(dp->load, entry, out, sizeof(*out));
}
