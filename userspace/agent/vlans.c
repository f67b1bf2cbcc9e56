/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "vlans.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/rtnetlink.h>

#include "log.h"
#include "netlink.h"
#include "vlan.h"

static void sync_maps(struct vlans *vlans)
{
	int err;

	if (vlans->in_fd < 0 || vlans->out_fd < 0)
		return;
	err = vlan_devices_sync(vlans->in_fd, vlans->out_fd);
	if (err && err != vlans->last_error)
		log_error("vlan", "event=not-followed error=\"%s\"", strerror(-err));
	vlans->last_error = err;
}

static void on_refresh(struct loop_timer *timer)
{
	struct vlans *vlans = container_of(timer, struct vlans, refresh);

	if (loop_timer_arm(vlans->loop, timer, VLANS_REFRESH_NS))
		log_error("vlan", "event=timer-lost");
	sync_maps(vlans);
}

/* One look at all devices answers any number of notifications, lost ones as well. */
static void on_links_changed(struct loop_watch *watch, uint32_t events)
{
	struct vlans *vlans = container_of(watch, struct vlans, watch);

	(void)events;
	nl_recvmsgs_default(vlans->changes);
	sync_maps(vlans);
}

static int ignore(struct nl_msg *message, void *context)
{
	(void)message;
	(void)context;
	return NL_OK;
}

int vlans_init(struct vlans *vlans, struct loop *loop)
{
	int err;

	*vlans = (struct vlans){
		.loop = loop,
		.watch = {.fd = LOOP_NO_FD, .ready = on_links_changed},
		.refresh = {.expired = on_refresh},
		.in_fd = -1,
		.out_fd = -1,
	};
	err = netlink_open(&vlans->changes);
	if (err)
		return err;
	nl_socket_disable_seq_check(vlans->changes);
	nl_socket_modify_cb(vlans->changes, NL_CB_VALID, NL_CB_CUSTOM, ignore, NULL);
	if (nl_socket_set_nonblocking(vlans->changes) ||
	    nl_socket_add_memberships(vlans->changes, RTNLGRP_LINK, 0))
		return -EIO;
	return loop_watch_add(loop, &vlans->watch, nl_socket_get_fd(vlans->changes), EPOLLIN);
}

static void close_map(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vlans_pause(struct vlans *vlans)
{
	loop_timer_disarm(vlans->loop, &vlans->refresh);
	close_map(&vlans->in_fd);
	close_map(&vlans->out_fd);
}

static int open_map(const char *pin_dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		log_error("vlan", "event=map-unreadable map=%s error=\"%s\"", name,
			  strerror(errno));
	return fd;
}

void vlans_configure(struct vlans *vlans, const char *pin_dir)
{
	vlans_pause(vlans);
	vlans->in_fd = open_map(pin_dir, "sluice_vlan_in");
	vlans->out_fd = open_map(pin_dir, "sluice_vlan_out");
	on_refresh(&vlans->refresh);
}

void vlans_fini(struct vlans *vlans)
{
	vlans_pause(vlans);
	loop_watch_del(vlans->loop, &vlans->watch);
	nl_socket_free(vlans->changes);
}
