/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One instance of the data plane's program: opened, told its roles and port,
 * given the node's pinned maps. Loading is left to the caller, because libxdp
 * decides itself what a program is loaded as.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

static int read_mac(const char *ifname, __u8 mac[6])
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		err = -errno;
	else
		memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	close(fd);
	return err;
}

static void set_clock(struct sluice_bpf *skel)
{
	struct connection_clock clock = connection_clock();

	skel->rodata->config.hz = clock.hz;
	skel->rodata->config.conn_time_shift = clock.shift;
}

/* What tells two builds of the data plane apart: FNV-1a of its object, by words. */
static __u64 build_digest(void)
{
	size_t size;
	const char *object = sluice_bpf__elf_bytes(&size);
	__u64 digest = 0xcbf29ce484222325ULL, word;

	for (size_t at = 0; at + sizeof(word) <= size; at += sizeof(word)) {
		memcpy(&word, object + at, sizeof(word));
		digest = (digest ^ word) * 0x100000001b3ULL;
	}
	return digest ^ size;
}

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
	skel->rodata->config.build = build_digest();
	skel->rodata->config.flow_seed = dp->control->flow_seed;
	set_clock(skel);
	err = read_mac(interface->name, skel->rodata->config.mac);
	if (!err)
		err = pins_reuse(skel->obj, dp->pin_dir);
	skel->rodata->config.conn_buckets = bpf_map__max_entries(skel->maps.sluice_conns4);
	skel->rodata->config.source_lines = bpf_map__max_entries(skel->maps.sluice_sources);
	if (err) {
		sluice_bpf__destroy(skel);
		return err;
	}
	*out = skel;
	return 0;
}
