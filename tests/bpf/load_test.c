/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verifier accepts the data plane in every combination of roles, for
 * packets and for trace, with room to spare; and the programs that check paths.
 * Run on each supported kernel: what one verifier proves, an older one may not.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.skel.h"
#include "dataplane.h"
#include "sluice/abi.h"
#include "sluice.skel.h"
#include "../support/unit.h"

#define ROLE_COMBINATIONS  16
#define LOG_BYTES	   (16 << 20)
#define LOG_TAIL_BYTES	   4000
#define VERIFIER_INSNS_MAX 1000000 /* BPF_COMPLEXITY_LIMIT_INSNS */
#define INSNS_BUDGET	   (VERIFIER_INSNS_MAX / 2)

static char verifier_log[LOG_BYTES];

/* As "firewall+balancer". */
static const char *describe_roles(unsigned roles, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s", roles & SLUICE_ROLE_FIREWALL ? "+firewall" : "",
		 roles & SLUICE_ROLE_BALANCER ? "+balancer" : "",
		 roles & SLUICE_ROLE_FORWARD ? "+forward" : "",
		 roles & SLUICE_ROLE_DECAP ? "+decap" : "");
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

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

static struct bpf_prog_info info_of(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &length))
		info.verified_insns = 0;
	return info;
}

/*
 * The most instructions that the verifier walked for one program of the object. Each is a
 * line "verified ROLES PROGRAM INSTRUCTIONS MILLISECONDS", for tests/verifier/baseline; the
 * kernel says when it began with a program, and they are loaded one after the other.
 */
static unsigned report_verified(const struct bpf_object *object, const char *roles, __u64 end_ns)
{
	struct bpf_program *prog, *next = bpf_object__next_program(object, NULL);
	unsigned most = 0;

	while ((prog = next)) {
		struct bpf_prog_info info = info_of(prog);
		__u64 until_ns = end_ns;

		next = bpf_object__next_program(object, prog);
		if (next)
			until_ns = info_of(next).load_time;
		printf("    verified %s %s %u %llu\n", roles, bpf_program__name(prog),
		       info.verified_insns, (until_ns - info.load_time) / 1000000);
		if (info.verified_insns > most)
			most = info.verified_insns;
	}
	return most;
}

/* The same of an object that is loaded now; 0: a program was refused. */
static unsigned load(struct bpf_object *object, const char *roles)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
	verifier_log[0] = '\0';
	if (bpf_object__load(object)) {
		print_log_tail();
		return 0;
	}
	return report_verified(object, roles, now_ns());
}

static unsigned load_pipeline(unsigned roles, bool trace)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));
	struct sluice_bpf *skel = sluice_bpf__open_opts(&opts);
	unsigned most;
	char name[64];
	char buf[48];

	if (!skel)
		return 0;
	skel->rodata->config.roles = roles;
	skel->rodata->config.trace = trace;
	snprintf(name, sizeof(name), "%s%s", trace ? "trace:" : "",
		 describe_roles(roles, buf, sizeof(buf)));
	most = load(skel->obj, name);
	sluice_bpf__destroy(skel);
	return most;
}

static void within_budget(unsigned insns)
{
	CU_ASSERT(insns > 0);
	CU_ASSERT(insns <= INSNS_BUDGET);
}

/* What one machine or another of the lab is. */
static bool is_common(unsigned roles)
{
	return roles == (SLUICE_ROLE_FIREWALL | SLUICE_ROLE_FORWARD) ||
	       roles == SLUICE_ROLE_BALANCER || roles == SLUICE_ROLE_DECAP ||
	       roles == ROLE_COMBINATIONS - 1;
}

static void load_combinations(bool trace, bool all)
{
	unsigned roles;

	printf("\n");
	for (roles = 0; roles < ROLE_COMBINATIONS; roles++)
		if (all || is_common(roles))
			within_budget(load_pipeline(roles, trace));
}

static void every_role_combination_loads(void)
{
	load_combinations(false, true);
}

static void every_role_combination_loads_for_trace(void)
{
	load_combinations(true, true);
}

static void common_role_combinations_load(void)
{
	load_combinations(false, false);
}

static void common_role_combinations_load_for_trace(void)
{
	load_combinations(true, false);
}

static void programs_of_path_checks_load(void)
{
	struct check_bpf *skel = check_bpf__open();

	CU_ASSERT_PTR_NOT_NULL_FATAL(skel);
	printf("\n");
	within_budget(load(skel->obj, "any"));
	check_bpf__destroy(skel);
}

static void this_kernel_lacks_nothing(void)
{
	char text[128] = "";

	if (kernel_lacks(text, sizeof(text)))
		printf("\n    it lacks %s\n", text);
	CU_ASSERT_STRING_EQUAL(text, "");
}

static const struct unit_test *chosen_tests(const char *what)
{
	static const struct unit_test all[] = {
		UNIT_TEST(every_role_combination_loads),
		UNIT_TEST(every_role_combination_loads_for_trace),
		UNIT_TEST(programs_of_path_checks_load),
		UNIT_TEST(this_kernel_lacks_nothing),
		{},
	};
	static const struct unit_test packets[] = {
		UNIT_TEST(every_role_combination_loads),
		UNIT_TEST(common_role_combinations_load_for_trace),
		UNIT_TEST(programs_of_path_checks_load),
		UNIT_TEST(this_kernel_lacks_nothing),
		{},
	};
	static const struct unit_test common[] = {
		UNIT_TEST(common_role_combinations_load),
		UNIT_TEST(programs_of_path_checks_load),
		UNIT_TEST(this_kernel_lacks_nothing),
		{},
	};

	if (!strcmp(what, "common"))
		return common;
	return !strcmp(what, "packets") ? packets : all;
}

/* load_test [packets|common]: fewer, where the verifier takes its time, as in emulated machines. */
int main(int argc, char **argv)
{
	return unit_run("load", chosen_tests(argc > 1 ? argv[1] : "all"));
}
