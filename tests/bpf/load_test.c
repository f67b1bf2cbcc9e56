/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verifier accepts the data plane in every combination of roles, for
 * packets and for trace, with room to spare. Run on each supported kernel:
 * what one verifier proves, an older one may not.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sluice/abi.h"
#include "sluice.skel.h"
#include "../support/unit.h"

#define ROLE_COMBINATIONS  16
#define LOG_BYTES	   (16 << 20)
#define LOG_TAIL_BYTES	   4000
#define VERIFIER_INSNS_MAX 1000000 /* BPF_COMPLEXITY_LIMIT_INSNS */
#define INSNS_BUDGET	   (VERIFIER_INSNS_MAX / 2)

static char verifier_log[LOG_BYTES];

static const char *describe_roles(unsigned roles, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s", roles & SLUICE_ROLE_FIREWALL ? " firewall" : "",
		 roles & SLUICE_ROLE_BALANCER ? " balancer" : "",
		 roles & SLUICE_ROLE_FORWARD ? " forward" : "",
		 roles & SLUICE_ROLE_DECAP ? " decap" : "");
	return roles ? buf + 1 : "none";
}

static void print_log_tail(void)
{
	size_t length = strlen(verifier_log);
	const char *tail = verifier_log;

	if (length > LOG_TAIL_BYTES)
		tail += length - LOG_TAIL_BYTES;
	printf("--- verifier log, its end\n%s\n---\n", tail);
}

static unsigned verified_insns(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &length))
		return 0;
	return info.verified_insns;
}

/* The most instructions that the verifier walked for one program; 0: one was refused. */
static unsigned load(unsigned roles, unsigned trace)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));
	struct sluice_bpf *skel = sluice_bpf__open_opts(&opts);
	struct bpf_program *prog;
	struct bpf_map *map;
	unsigned most = 0;

	if (!skel)
		return 0;
	skel->rodata->config.roles = roles;
	skel->rodata->config.trace = trace;
	bpf_object__for_each_map(map, skel->obj)
		bpf_map__set_pin_path(map, NULL);
	verifier_log[0] = '\0';
	if (sluice_bpf__load(skel)) {
		print_log_tail();
		goto out;
	}
	bpf_object__for_each_program(prog, skel->obj) {
		unsigned insns = verified_insns(bpf_program__fd(prog));

		if (insns > most)
			most = insns;
	}
out:
	sluice_bpf__destroy(skel);
	return most;
}

static void load_every_combination(unsigned trace)
{
	char buf[64];
	unsigned roles;

	printf("\n");
	for (roles = 0; roles < ROLE_COMBINATIONS; roles++) {
		unsigned insns = load(roles, trace);

		printf("    %7u verified instructions: %s\n", insns,
		       describe_roles(roles, buf, sizeof(buf)));
		CU_ASSERT(insns > 0);
		CU_ASSERT(insns <= INSNS_BUDGET);
	}
}

static void every_role_combination_loads(void)
{
	load_every_combination(0);
}

static void every_role_combination_loads_for_trace(void)
{
	load_every_combination(1);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(every_role_combination_loads),
		UNIT_TEST(every_role_combination_loads_for_trace),
		{},
	};

	return unit_run("load", tests);
}
