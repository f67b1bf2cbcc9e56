/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The backends' program for SYN cookies, in tc at the ingress of an interface: beside the
 * XDP program, with maps of the same node. An object of its own, so that a kernel without
 * the function that it calls loads all else.
 */
#include <bpf/btf.h>
#include <errno.h>

#include "accept.skel.h"
#include "attach.h"
#include "dataplane_private.h"

/* Ours among the filters of the interface: whoever has the same two is replaced. */
#define FILTER_HANDLE	1
#define FILTER_PRIORITY 6080

bool accept_is_possible(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool found = kernel && btf__find_by_name_kind(kernel, ACCEPT_FUNCTION, BTF_KIND_FUNC) > 0;

	btf__free(kernel);
	return found;
}

static int put_filter(const struct accept_bpf *skel, unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = bpf_program__fd(skel->progs.sluice_accept),
		    .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	return err && err != -EEXIST ? err : bpf_tc_attach(&hook, &filter);
}

int accept_attach(const struct dataplane *dp, unsigned ifindex)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = dp->pin_dir);
	struct accept_bpf *skel = accept_bpf__open_opts(&opts);
	int err;

	if (!skel)
		return -errno;
	err = pins_reuse(skel->obj, dp->pin_dir);
	if (!err)
		err = accept_bpf__load(skel);
	if (!err)
		err = put_filter(skel, ifindex);
	accept_bpf__destroy(skel);
	return err;
}

void accept_detach(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	if (bpf_tc_query(&hook, &filter))
		return;
	filter.prog_fd = filter.prog_id = filter.flags = 0;
	(void)bpf_tc_detach(&hook, &filter);
}
