/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The program on its interface. libxdp attaches it: behind a dispatcher, where
 * other programs can share the interface, or alone, where the kernel has no
 * dispatcher. At no time is an interface that had Sluice without it: alone,
 * one netlink message exchanges the programs; behind a dispatcher the new one
 * is added before the old one goes.
 */
#include "attach.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "program.h"

/* What is on an interface. `ours` belongs to `all`. */
struct present {
	struct xdp_multiprog *all; /* NULL: nothing */
	struct xdp_program *ours;  /* NULL: nothing of Sluice */
	enum xdp_attach_mode mode;
	bool dispatcher;
};

/*
 * A fresh /sys, as `ip netns exec` mounts it, has no bpffs, and what libxdp
 * mounted there would go with the command. Its pins go beside ours then.
 */
static void choose_bpffs(void)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC)
		setenv("LIBXDP_BPFFS", pins_root(), 0);
}

static bool is_ours(const struct xdp_program *program)
{
	const char *name = program ? xdp_program__name(program) : NULL;

	return name && !strcmp(name, PROGRAM_NAME);
}

/* The next of our programs behind `from`; NULL: none. */
static struct xdp_program *next_of_ours(struct xdp_program *from, struct xdp_multiprog *all)
{
	do
		from = xdp_multiprog__next_prog(from, all);
	while (from && !is_ours(from));
	return from;
}

static int look(unsigned ifindex, struct present *out)
{
	struct xdp_program *alone;
	long err;

	*out = (struct present){0};
	out->all = xdp_multiprog__get_from_ifindex((int)ifindex);
	err = libxdp_get_error(out->all);
	if (err) {
		out->all = NULL;
		return err == -ENOENT ? 0 : (int)err;
	}
	out->mode = xdp_multiprog__attach_mode(out->all);
	out->dispatcher = !xdp_multiprog__is_legacy(out->all);
	if (out->dispatcher) {
		out->ours = next_of_ours(NULL, out->all);
	} else {
		alone = xdp_multiprog__main_prog(out->all);
		out->ours = is_ours(alone) ? alone : NULL;
	}
	return 0;
}

static void look_away(struct present *present)
{
	xdp_multiprog__close(present->all);
}

static enum xdp_attach_mode to_xdp_mode(enum attach_mode mode)
{
	return mode == ATTACH_NATIVE ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

static __u32 to_flags(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/* --- attaching -------------------------------------------------------------- */

/* What is to be attached. */
struct wanted {
	const struct dataplane *dp;
	const struct interface *interface;
	unsigned ifindex;
	enum xdp_attach_mode mode;
	struct stages_pin stages;
};

/* The program, which will pin its stages as it is loaded. */
static int open_wanted(struct wanted *wanted, struct sluice_bpf **out)
{
	int err = program_open(wanted->dp, wanted->interface, false, out);

	if (err)
		return err;
	err = stages_pin(wanted->dp, wanted->ifindex, (*out)->maps.sluice_stages, &wanted->stages);
	if (err)
		sluice_bpf__destroy(*out);
	return err;
}

/* A kernel that compares attach types wants those of the caller and of its stages alike. */
static void clear_attach_types(const struct sluice_bpf *skel)
{
	struct bpf_program *stage;

	bpf_object__for_each_program(stage, skel->obj)
		bpf_program__set_expected_attach_type(stage, 0);
}

/* As libxdp does it: behind a dispatcher, or alone where the kernel has none. */
static int attach_shared(struct wanted *wanted)
{
	struct xdp_program_opts opts = {.sz = sizeof(opts), .prog_name = PROGRAM_NAME};
	struct xdp_program *program;
	struct sluice_bpf *skel;
	int err = open_wanted(wanted, &skel);

	if (err)
		return err;
	clear_attach_types(skel);
	opts.obj = skel->obj;
	program = xdp_program__create(&opts);
	err = (int)libxdp_get_error(program);
	if (!err) {
		err = xdp_program__attach(program, (int)wanted->ifindex, wanted->mode, 0);
		xdp_program__close(program);
	}
	sluice_bpf__destroy(skel);
	if (err)
		unlink(wanted->stages.path);
	return err;
}

/* In the place of the program `old_fd`; -1: where there is none. */
static int attach_alone(struct wanted *wanted, int old_fd)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	__u32 flags = to_flags(wanted->mode);
	struct sluice_bpf *skel;
	int err = open_wanted(wanted, &skel);

	if (err)
		return err;
	if (old_fd >= 0) {
		opts.old_prog_fd = old_fd;
		flags |= XDP_FLAGS_REPLACE;
	} else {
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	}
	err = sluice_bpf__load(skel);
	if (!err)
		err = bpf_xdp_attach((int)wanted->ifindex, bpf_program__fd(skel->progs.sluice_xdp),
				     flags, &opts);
	sluice_bpf__destroy(skel);
	if (err)
		unlink(wanted->stages.path);
	return err;
}

/* Behind a dispatcher: all of ours that were there before. */
static int remove_earlier(unsigned ifindex, const struct present *before)
{
	int err = 0;

	for (struct xdp_program *p = before->ours; p && !err; p = next_of_ours(p, before->all))
		err = xdp_program__detach(p, (int)ifindex, before->mode, 0);
	return err;
}

/*
 * Debian's 6.12 lets a program that moves the packet's start replace no function
 * that does not ("changes packet data"), and the dispatcher of libxdp 1.3 has
 * only such (xdp-tools issue 503). Where sharing fails and nobody shares, alone
 * will do.
 */
static int put_on(struct wanted *wanted, const struct present *before)
{
	int err;

	if (before->ours && before->mode != wanted->mode)
		return -EEXIST;
	if (before->ours && !before->dispatcher)
		return attach_alone(wanted, xdp_program__fd(before->ours));
	err = attach_shared(wanted);
	if (!err)
		return remove_earlier(wanted->ifindex, before);
	if (before->all)
		return before->ours ? err : -EBUSY;
	kernel_log_start();
	return attach_alone(wanted, -1);
}

/* A backend takes SYN cookies, where its kernel can; for one that cannot, publishing asks. */
static int settle_accept(const struct wanted *wanted)
{
	if ((wanted->interface->roles & SLUICE_ROLE_DECAP) && accept_is_possible())
		return accept_attach(wanted->dp, wanted->ifindex);
	accept_detach(wanted->ifindex);
	return 0;
}

static int allow_sending(const struct dataplane *dp, unsigned ifindex)
{
	return bpf_map_update_elem(dp->txports, &ifindex, &ifindex, BPF_ANY) ? -errno : 0;
}

int attach_interface(struct dataplane *dp, const struct interface *interface, enum attach_mode mode,
		     struct attachment *out)
{
	struct wanted wanted = {.dp = dp,
				.interface = interface,
				.ifindex = if_nametoindex(interface->name),
				.mode = to_xdp_mode(mode)};
	struct present before;
	unsigned port;
	int err;

	kernel_log_start();
	if (!wanted.ifindex)
		return -ENODEV;
	err = dataplane_port_slot(dp, interface->name, &port);
	if (err)
		return err;
	choose_bpffs();
	err = look(wanted.ifindex, &before);
	if (!err)
		err = put_on(&wanted, &before);
	if (!err)
		err = stages_unpin(dp->pin_dir, wanted.ifindex, &wanted.stages);
	if (!err)
		err = settle_accept(&wanted);
	if (!err)
		err = allow_sending(dp, wanted.ifindex);
	if (!err)
		err = attach_query(interface->name, out);
	look_away(&before);
	return err;
}

/* --- the rest --------------------------------------------------------------- */

static int take_off(unsigned ifindex, const struct present *present)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);

	if (!present->ours)
		return -ENOENT;
	if (present->dispatcher)
		return remove_earlier(ifindex, present);
	opts.old_prog_fd = xdp_program__fd(present->ours);
	return bpf_xdp_detach((int)ifindex, to_flags(present->mode) | XDP_FLAGS_REPLACE, &opts);
}

int detach_interface(struct dataplane *dp, const char *ifname)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct present present;
	int err;

	kernel_log_start();
	if (!ifindex)
		return -ENODEV;
	choose_bpffs();
	err = look(ifindex, &present);
	if (!err)
		err = take_off(ifindex, &present);
	if (!err)
		accept_detach(ifindex);
	if (!err && bpf_map_delete_elem(dp->txports, &ifindex) && errno != ENOENT)
		err = -errno;
	if (!err)
		err = stages_unpin(dp->pin_dir, ifindex, NULL);
	look_away(&present);
	return err;
}

int attach_query(const char *ifname, struct attachment *out)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct present present;
	int err;

	kernel_log_start();
	if (!ifindex)
		return -ENODEV;
	choose_bpffs();
	err = look(ifindex, &present);
	if (!err && !present.ours)
		err = -ENOENT;
	if (!err)
		*out = (struct attachment){
			.mode = present.mode == XDP_MODE_SKB ? ATTACH_GENERIC : ATTACH_NATIVE,
			.prog_id = xdp_program__id(present.ours),
			.dispatcher = present.dispatcher,
		};
	look_away(&present);
	return err;
}
