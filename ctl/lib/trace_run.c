/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * `trace`: the program itself, loaded once more with its side effects compiled
 * out and its step log compiled in, on one frame and on the live maps.
 */
#include <errno.h>
#include <string.h>

#include "attach.h"
#include "program.h"

static int read_steps(int fd, struct sluice_trace_step *steps)
{
	for (__u32 i = 0; i < SLUICE_TRACE_STEPS; i++) {
		if (bpf_map_lookup_elem(fd, &i, &steps[i]))
			return -errno;
		if (steps[i].step == SLUICE_STEP_END)
			break;
	}
	return 0;
}

static int run(const struct sluice_bpf *skel, unsigned ifindex, const void *frame, size_t length)
{
	struct xdp_md ctx = {.data_end = (__u32)length, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)length,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	return bpf_prog_test_run_opts(bpf_program__fd(skel->progs.sluice_xdp), &opts) ? -errno : 0;
}

int attach_trace(struct dataplane *dp, const struct interface *interface, const void *frame,
		 size_t length, struct sluice_trace_step *steps)
{
	unsigned ifindex = if_nametoindex(interface->name);
	struct sluice_bpf *skel;
	int err;

	kernel_log_start();
	memset(steps, 0, SLUICE_TRACE_STEPS * sizeof(*steps));
	if (!ifindex)
		return -ENODEV;
	err = program_open(dp, interface, true, &skel);
	if (err)
		return err;
	err = sluice_bpf__load(skel);
	if (!err)
		err = run(skel, ifindex, frame, length);
	if (!err)
		err = read_steps(bpf_map__fd(skel->maps.sluice_trace), steps);
	sluice_bpf__destroy(skel);
	return err;
}
