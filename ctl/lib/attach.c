/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The program on its interface. libxdp attaches it: behind a dispatcher, where
 * other programs can share the interface, or alone, where the kernel has no
 * dispatcher. At no time is an interface that had Sluice without it: alone,
 * one netlink message exchanges the programs; behind a dispatcher the new one
 * is added before the old one goes. While a change waits for a confirmation, a guard is
 * there, which leads to the new program or to the one before.
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

#include "deadline.skel.h"
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

static bool is_guard(const struct xdp_program *program)
{
	const char *name = program ? xdp_program__name(program) : NULL;

	return name && !strcmp(name, GUARD_NAME);
}

static bool is_ours(const struct xdp_program *program)
{
	const char *name = program ? xdp_program__name(program) : NULL;

	return name && (!strcmp(name, PROGRAM_NAME) || is_guard(program));
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
	const struct interface *interface; /* NULL: nothing, under a guard */
	unsigned ifindex;
	enum xdp_attach_mode mode;
	struct stages_pin stages;
	int guarded; /* the programs that a guard leads to; -1: no guard is wanted */
	bool plain;  /* the guard and its program are loaded without an attach type */
};

/* What is to be on the interface: the program itself, or a guard. */
struct opened {
	struct sluice_bpf *main;
	struct deadline_bpf *guard;
	struct bpf_object *object;
	struct bpf_program *program;
	const char *name;
};

static void close_opened(struct opened *opened)
{
	sluice_bpf__destroy(opened->main);
	deadline_bpf__destroy(opened->guard);
}

/* The program, which will pin its stages as it is loaded. */
static int open_main(struct wanted *wanted, struct opened *out)
{
	int err = program_open(wanted->dp, wanted->interface, false, &out->main);

	if (err)
		return err;
	out->object = out->main->obj;
	out->program = out->main->progs.sluice_xdp;
	out->name = PROGRAM_NAME;
	return stages_pin(wanted->dp, wanted->ifindex, out->main->maps.sluice_stages,
			  &wanted->stages);
}

/* A kernel that compares attach types wants those of the caller and of its stages alike. */
static void clear_attach_types(const struct bpf_object *object)
{
	struct bpf_program *stage;

	bpf_object__for_each_program(stage, object)
		bpf_program__set_expected_attach_type(stage, 0);
}

static int open_guard(const struct wanted *wanted, struct opened *out)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = wanted->dp->pin_dir);

	out->guard = deadline_bpf__open_opts(&opts);
	if (!out->guard)
		return -errno;
	bpf_program__set_autoload(out->guard->progs.sluice_arm, false);
	out->object = out->guard->obj;
	out->program = out->guard->progs.sluice_guard;
	out->name = GUARD_NAME;
	if (wanted->plain)
		clear_attach_types(out->object);
	return bpf_map__reuse_fd(out->guard->maps.sluice_guarded, wanted->guarded)
		       ?: pins_reuse(out->object, wanted->dp->pin_dir);
}

static int open_wanted(struct wanted *wanted, struct opened *out)
{
	int err;

	*out = (struct opened){0};
	err = wanted->guarded < 0 ? open_main(wanted, out) : open_guard(wanted, out);
	if (err)
		close_opened(out);
	return err;
}

/* As libxdp does it: behind a dispatcher, or alone where the kernel has none. */
static int attach_shared(struct wanted *wanted)
{
	struct xdp_program_opts opts = {.sz = sizeof(opts)};
	struct xdp_program *program;
	struct opened opened;
	int err = open_wanted(wanted, &opened);

	if (err)
		return err;
	if (wanted->guarded < 0)
		clear_attach_types(opened.object);
	opts.obj = opened.object;
	opts.prog_name = opened.name;
	program = xdp_program__create(&opts);
	err = (int)libxdp_get_error(program);
	if (!err) {
		err = xdp_program__attach(program, (int)wanted->ifindex, wanted->mode, 0);
		xdp_program__close(program);
	}
	close_opened(&opened);
	if (err)
		unlink(wanted->stages.path);
	return err;
}

/* In the place of the program `old_fd`; -1: where there is none. */
static int attach_alone(struct wanted *wanted, int old_fd)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	__u32 flags = to_flags(wanted->mode);
	struct opened opened;
	int err = open_wanted(wanted, &opened);

	if (err)
		return err;
	if (old_fd >= 0) {
		opts.old_prog_fd = old_fd;
		flags |= XDP_FLAGS_REPLACE;
	} else {
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	}
	err = bpf_object__load(opened.object);
	if (!err)
		err = bpf_xdp_attach((int)wanted->ifindex, bpf_program__fd(opened.program), flags,
				     &opts);
	close_opened(&opened);
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

/* --- guards ----------------------------------------------------------------- */

static int put_guarded(int guarded, enum sluice_guarded which, int program)
{
	__u32 key = which;

	return bpf_map_update_elem(guarded, &key, &program, BPF_ANY) ? -errno : 0;
}

/* Loads what the guard leads to; its stages stay pinned with it, and those from before. */
static int put_new(struct wanted *wanted)
{
	struct opened opened = {0};
	int err = open_main(wanted, &opened);

	if (!err && wanted->plain)
		clear_attach_types(opened.object);
	if (!err)
		err = bpf_object__load(opened.object);
	if (!err)
		err = put_guarded(wanted->guarded, SLUICE_GUARDED_NEW,
				  bpf_program__fd(opened.program));
	close_opened(&opened);
	return err;
}

static int fill_guarded(struct wanted *wanted, const struct present *before)
{
	int err = 0;

	wanted->guarded = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "sluice_guarded", sizeof(__u32),
					 sizeof(__u32), SLUICE_GUARDED_COUNT, NULL);
	if (wanted->guarded < 0)
		return -errno;
	/* A dispatcher's cannot be called from here: then all passes once the time is over. */
	if (before->ours && !before->dispatcher)
		err = put_guarded(wanted->guarded, SLUICE_GUARDED_BEFORE,
				  xdp_program__fd(before->ours));
	if (!err && wanted->interface)
		err = put_new(wanted);
	return err;
}

/* The array of both programs, pinned like stages are, as nobody else holds it. */
static int make_guarded(struct wanted *wanted, const struct present *before, struct stages_pin *pin)
{
	int err = fill_guarded(wanted, before);

	if (!err)
		err = stages_path(wanted->dp, wanted->ifindex, pin);
	if (!err && bpf_obj_pin(wanted->guarded, pin->path))
		err = -errno;
	return err;
}

static int try_guard(struct wanted *wanted, const struct present *before, bool plain)
{
	struct stages_pin pin = {""}, stages;
	int err;

	wanted->plain = plain;
	wanted->stages = (struct stages_pin){""};
	err = make_guarded(wanted, before, &pin);
	stages = wanted->stages;
	if (!err)
		err = put_on(wanted, before);
	if (wanted->guarded >= 0)
		close(wanted->guarded);
	if (err && *pin.path)
		unlink(pin.path);
	if (err && *stages.path)
		unlink(stages.path);
	return err;
}

/*
 * Kernels that compare attach types want all that a guard leads to alike, and do not tell
 * those of the program before.
 */
static int put_guard_on(struct wanted *wanted, const struct present *before)
{
	int err = try_guard(wanted, before, false);

	return err == -EINVAL && before->ours ? try_guard(wanted, before, true) : err;
}

/* What a guard leads to now; its maps tell. 0: nothing. */
static __u32 guarded_now(const __u32 *map_ids, __u32 count)
{
	__u32 programs[SLUICE_GUARDED_COUNT] = {0}, which = SLUICE_GUARDED_NEW;
	struct sluice_deadline deadline;

	for (__u32 i = 0; i < count; i++) {
		int fd = bpf_map_get_fd_by_id(map_ids[i]);
		struct bpf_map_info info = {0};
		__u32 length = sizeof(info), zero = 0;

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &length))
			info.type = BPF_MAP_TYPE_UNSPEC;
		for (__u32 key = 0; info.type == BPF_MAP_TYPE_PROG_ARRAY && key < 2; key++)
			(void)!bpf_map_lookup_elem(fd, &key, &programs[key]);
		if (info.type == BPF_MAP_TYPE_ARRAY && info.value_size == sizeof(deadline) &&
		    !bpf_map_lookup_elem(fd, &zero, &deadline) &&
		    deadline.state == SLUICE_DEADLINE_EXPIRED)
			which = SLUICE_GUARDED_BEFORE;
		close(fd);
	}
	return programs[which];
}

static __u32 program_behind(const struct xdp_program *guard)
{
	__u32 map_ids[4] = {0};
	struct bpf_prog_info info = {.nr_map_ids = 4, .map_ids = (__u64)(uintptr_t)map_ids};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(xdp_program__fd(guard), &info, &length))
		return 0;
	return guarded_now(map_ids, info.nr_map_ids < 4 ? info.nr_map_ids : 4);
}

bool attach_is_guarded(const char *ifname)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct present present;
	bool guarded;

	choose_bpffs();
	if (!ifindex || look(ifindex, &present))
		return false;
	guarded = is_guard(present.ours);
	look_away(&present);
	return guarded;
}

int detach_guarded(struct dataplane *dp, const char *ifname)
{
	struct wanted wanted = {.dp = dp, .ifindex = if_nametoindex(ifname), .guarded = -1};
	struct present before;
	int err;

	kernel_log_start();
	if (!wanted.ifindex)
		return -ENODEV;
	choose_bpffs();
	err = look(wanted.ifindex, &before);
	wanted.mode = before.mode;
	if (!err && !before.ours)
		err = -ENOENT;
	if (!err)
		err = put_guard_on(&wanted, &before);
	look_away(&before);
	return err;
}

int attach_interface(struct dataplane *dp, const struct interface *interface, enum attach_mode mode,
		     struct attachment *out)
{
	struct wanted wanted = {.dp = dp,
				.interface = interface,
				.ifindex = if_nametoindex(interface->name),
				.mode = to_xdp_mode(mode),
				.guarded = -1};
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
		err = dp->confirm_s ? put_guard_on(&wanted, &before) : put_on(&wanted, &before);
	if (!err && !dp->confirm_s)
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
			.prog_id = is_guard(present.ours) ? program_behind(present.ours)
							  : xdp_program__id(present.ours),
			.dispatcher = present.dispatcher,
		};
	if (!err && !out->prog_id)
		err = -ENOENT;
	look_away(&present);
	return err;
}
