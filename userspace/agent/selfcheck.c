/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "selfcheck.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "attach.h"

static bool fail(char *reason, const char *ifname, const char *what)
{
	snprintf(reason, SELFCHECK_REASON_BYTES, "%s: %s", ifname, what);
	return false;
}

/* By ioctl, for /sys shows the namespace that it was mounted in. */
static bool link_is_running(const char *ifname)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool running;

	if (fd < 0)
		return false;
	memcpy(request.ifr_name, ifname, sizeof(request.ifr_name));
	running = !ioctl(fd, SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_UP &&
		  request.ifr_flags & IFF_RUNNING;
	close(fd);
	return running;
}

static bool forwarding_is_on(const char *family, const char *ifname)
{
	char path[96], value = '0';
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, ifname);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = '0';
	close(fd);
	return value != '0';
}

static bool has_family(const struct interface *interface, bool v4)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (addr_is_v4(&interface->addresses[i].addr) == v4)
			return true;
	return false;
}

static bool program_is_ours(struct selfcheck *check, size_t place, const char *ifname)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct attachment attachment;
	__u32 prog_id;

	if (!ifindex || bpf_xdp_query_id((int)ifindex, 0, &prog_id) || !prog_id)
		return false;
	if (check->seen[place].ifindex != ifindex || check->seen[place].prog_id != prog_id) {
		check->seen[place].ifindex = ifindex;
		check->seen[place].prog_id = prog_id;
		check->seen[place].ours = !attach_query(ifname, &attachment);
	}
	return check->seen[place].ours;
}

static bool check_interface(struct selfcheck *check, size_t place,
			    const struct interface *interface, char *reason)
{
	if (!link_is_running(interface->name))
		return fail(reason, interface->name, "link down");
	if (!program_is_ours(check, place, interface->name))
		return fail(reason, interface->name, "program not attached");
	if (has_family(interface, true) && !forwarding_is_on("ipv4", interface->name))
		return fail(reason, interface->name, "IPv4 forwarding off");
	if (has_family(interface, false) && !forwarding_is_on("ipv6", interface->name))
		return fail(reason, interface->name, "IPv6 forwarding off");
	return true;
}

bool selfcheck_run(struct selfcheck *check, const struct node *node,
		   char reason[SELFCHECK_REASON_BYTES])
{
	size_t place = 0;

	snprintf(reason, SELFCHECK_REASON_BYTES, "ok");
	for (size_t i = 0; i < node->interface_count && place < SLUICE_MAX_PORTS; i++)
		if (node->interfaces[i].roles &&
		    !check_interface(check, place++, &node->interfaces[i], reason))
			return false;
	return true;
}
