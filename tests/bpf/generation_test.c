/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A packet sees one configuration: while a writer goes round three of them,
 * packets run through the real program, and each finds the service and the
 * rule of one, never the service of one and the rule of another. Three, because
 * with two the tables that a slot held before would be right by chance.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "program.h"
#include "../support/packet.h"
#include "../support/sandbox.h"
#include "../support/unit.h"

#define PUBLICATIONS 30
#define RUNS_MIN     1000

#define MODEL(vip, a, b, c)                                                                        \
	"sluice: 1\n"                                                                              \
	"cluster: test\n"                                                                          \
	"services:\n"                                                                              \
	"  www:\n"                                                                                 \
	"    vips: [\"" vip ":80\"]\n"                                                             \
	"    proto: tcp\n"                                                                         \
	"    forward: ipip\n"                                                                      \
	"    backends:\n"                                                                          \
	"      10.9.1.21: {weight: 100}\n"                                                         \
	"policies:\n"                                                                              \
	"  edge:\n"                                                                                \
	"    default: accept\n"                                                                    \
	"    rules:\n"                                                                             \
	"      - {name: " a ", action: drop}\n"                                                    \
	"      - {name: " b ", action: drop}\n"                                                    \
	"      - {name: " c ", action: drop}\n"                                                    \
	"nodes:\n"                                                                                 \
	"  lb1:\n"                                                                                 \
	"    interfaces:\n"                                                                        \
	"      in0: {network: a, address: [10.9.1.11/24], roles: [firewall, balancer], "           \
	"policy: edge}\n"

#define MODEL_COUNT 3

/* Only the first has the packet's destination as a VIP; in each another rule drops it. */
static const char *const texts[MODEL_COUNT] = {
	MODEL("192.0.2.1", "x", "y", "z"),
	MODEL("192.0.2.8", "y", "z", "x"),
	MODEL("192.0.2.9", "z", "x", "y"),
};

/* What packets found. */
struct seen {
	unsigned runs, models[MODEL_COUNT], mixed;
};

static int publish(struct dataplane *dp, const char *text)
{
	struct diag_list diags = {0};
	struct cluster cluster;
	int err;

	model_init(&cluster);
	err = config_read(text, strlen(text), &cluster, &diags);
	if (!err)
		err = dataplane_publish(dp, &cluster, &diags);
	model_fini(&cluster);
	diag_fini(&diags);
	return err;
}

static unsigned long long argument(const struct sluice_trace_step *steps, enum sluice_step step)
{
	for (int i = 0; i < SLUICE_TRACE_STEPS && steps[i].step != SLUICE_STEP_END; i++)
		if (steps[i].step == step)
			return steps[i].a;
	return SLUICE_NONE;
}

static void count(struct seen *seen, const struct sluice_trace_step *steps,
		  const unsigned *rule_ids)
{
	bool has_service = argument(steps, SLUICE_STEP_SERVICE) != SLUICE_NONE;
	unsigned long long rule = argument(steps, SLUICE_STEP_RULE);

	seen->runs++;
	for (int i = 0; i < MODEL_COUNT; i++) {
		if (rule != rule_ids[i] || has_service != (i == 0))
			continue;
		seen->models[i]++;
		return;
	}
	seen->mixed++;
}

static int run(const struct sluice_bpf *skel, const struct frame *frame,
	       struct sluice_trace_step *steps)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes,
		    .data_size_in = (__u32)frame->length, .repeat = 1);
	int err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.sluice_xdp), &opts);

	for (__u32 i = 0; i < SLUICE_TRACE_STEPS && !err; i++)
		err = bpf_map_lookup_elem(bpf_map__fd(skel->maps.sluice_trace), &i, &steps[i]);
	return err;
}

static volatile sig_atomic_t writer_is_done;

static void note_end_of_writer(int signal)
{
	(void)signal;
	writer_is_done = 1;
}

/* Publishes one after the other; its end is the signal to stop. */
static pid_t start_writer(void)
{
	pid_t child = fork();
	struct dataplane dp;
	int err;

	if (child)
		return child;
	err = dataplane_open(&dp, "lb1", DATAPLANE_WRITE, NULL);
	for (int i = 0; i < PUBLICATIONS && !err; i++)
		err = publish(&dp, texts[i % MODEL_COUNT]);
	_exit(err ? EXIT_FAILURE : EXIT_SUCCESS);
}

static unsigned first_rule_id(struct dataplane *dp)
{
	struct cluster cluster;
	unsigned id;

	CU_ASSERT_EQUAL_FATAL(dataplane_load_model(dp, &cluster), 0);
	id = cluster.policies[0].rules[0].id;
	model_fini(&cluster);
	return id;
}

static void publish_each(struct dataplane *dp, unsigned *rule_ids)
{
	for (int i = 0; i < MODEL_COUNT; i++) {
		CU_ASSERT_EQUAL_FATAL(publish(dp, texts[i]), 0);
		rule_ids[i] = first_rule_id(dp);
	}
}

static const unsigned char own_mac[ETH_ALEN] = {0x02, 0, 0, 0, 0, 0x01};

static void run_while_writing(const struct sluice_bpf *skel, const unsigned *rule_ids,
			      struct seen *seen)
{
	const struct packet packet = {.src = "198.51.100.7",
				      .dst = "192.0.2.1",
				      .sport = 1024,
				      .dport = 80,
				      .flags = TCP_SYN};
	struct sluice_trace_step steps[SLUICE_TRACE_STEPS];
	struct frame frame;
	int status = -1;
	pid_t writer;

	frame_build(&frame, &packet);
	memcpy(frame.bytes, own_mac, sizeof(own_mac));
	signal(SIGCHLD, note_end_of_writer);
	writer = start_writer();
	while (!writer_is_done) {
		CU_ASSERT_EQUAL_FATAL(run(skel, &frame, steps), 0);
		count(seen, steps, rule_ids);
	}
	CU_ASSERT_EQUAL(waitpid(writer, &status, 0), writer);
	CU_ASSERT_EQUAL(status, 0);
	signal(SIGCHLD, SIG_DFL);
}

static void packet_finds_the_service_and_the_rule_of_one_configuration(void)
{
	const struct interface in0 = {.name = "in0",
				      .roles = SLUICE_ROLE_FIREWALL | SLUICE_ROLE_BALANCER};
	struct seen seen = {0};
	struct sluice_bpf *skel;
	unsigned rule_ids[MODEL_COUNT];
	struct dataplane dp;

	CU_ASSERT_EQUAL_FATAL(
		sandbox_run("ip link add in0 address 02:00:00:00:00:01 type veth peer name p0"), 0);
	CU_ASSERT_EQUAL_FATAL(
		dataplane_open(&dp, "lb1", DATAPLANE_CREATE, &(struct table_sizes){.flows = 1024}),
		0);
	publish_each(&dp, rule_ids);
	CU_ASSERT_EQUAL_FATAL(program_open(&dp, &in0, true, &skel), 0);
	CU_ASSERT_EQUAL_FATAL(sluice_bpf__load(skel), 0);
	dataplane_close(&dp);
	run_while_writing(skel, rule_ids, &seen);
	printf("(%u runs saw %u, %u, %u) ", seen.runs, seen.models[0], seen.models[1],
	       seen.models[2]);
	CU_ASSERT_EQUAL(seen.mixed, 0);
	CU_ASSERT(seen.runs > RUNS_MIN);
	CU_ASSERT(seen.models[0] && seen.models[1] && seen.models[2]);
	sluice_bpf__destroy(skel);
	CU_ASSERT_EQUAL(dataplane_destroy("lb1"), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(packet_finds_the_service_and_the_rule_of_one_configuration),
		{NULL, NULL},
	};
	int code = EXIT_FAILURE;

	if (sandbox_enter())
		perror("sandbox");
	else
		code = unit_run("generation", tests);
	sandbox_leave();
	return code;
}
