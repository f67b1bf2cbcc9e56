/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The program on a real interface: attached, replaced without a gap, detached,
 * traced; flows outlive all of it, and foreign programs are left alone.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "dataplane_private.h"
#include "../support/sandbox.h"
#include "../support/unit.h"

#define FLOWS	     1024
#define REPLACEMENTS 10

static const char model[] =
	"sluice: 1\n"
	"cluster: test\n"
	"policies:\n"
	"  edge:\n"
	"    default: drop\n"
	"    rules:\n"
	"      - {name: web, to: 192.0.2.1, proto: tcp, port: 80, action: accept}\n"
	"nodes:\n"
	"  gw:\n"
	"    interfaces:\n"
	"      in0: {network: a, address: [10.9.1.1/24], roles: [firewall, forward], policy: "
	"edge}\n"
	"      out0: {network: b, address: [10.9.2.1/24], roles: [firewall, forward], policy: "
	"edge}\n";

static struct dataplane dp;
static struct cluster cluster;

static struct interface *interface(const char *name)
{
	return model_interface(model_node(&cluster, "gw"), name);
}

static int publish(void)
{
	struct diag_list diags = {0};
	int err = dataplane_publish(&dp, &cluster, &diags);

	diag_fini(&diags);
	return err;
}

static void set_up(void)
{
	struct diag_list diags = {0};

	model_init(&cluster);
	CU_ASSERT_EQUAL_FATAL(sandbox_run("ip link add in0 type veth peer name in1; "
					  "ip link add out0 type veth peer name out1; "
					  "for i in in0 in1 out0 out1; do ip link set $i up; done"),
			      0);
	CU_ASSERT_EQUAL_FATAL(config_read(model, strlen(model), &cluster, &diags), 0);
	CU_ASSERT_EQUAL_FATAL(
		dataplane_open(&dp, "gw", DATAPLANE_CREATE, &(struct table_sizes){.flows = FLOWS}),
		0);
	CU_ASSERT_EQUAL_FATAL(publish(), 0);
}

static void tear_down(void)
{
	model_fini(&cluster);
	dataplane_close(&dp);
	CU_ASSERT_EQUAL(sandbox_run("ip link del in0; ip link del out0"), 0);
	CU_ASSERT_EQUAL(dataplane_destroy("gw"), 0);
}

static int attach(const char *name, enum attach_mode mode, struct attachment *out)
{
	int err = attach_interface(&dp, interface(name), mode, out);

	if (err && *dataplane_detail())
		printf("(%s) ", dataplane_detail());
	return err;
}

static bool may_send(const char *name)
{
	__u32 ifindex = if_nametoindex(name), value;

	return !bpf_map_lookup_elem(dp.txports, &ifindex, &value) && value == ifindex;
}

static __u32 program_on(const char *name)
{
	__u32 id = 0;

	CU_ASSERT_EQUAL(bpf_xdp_query_id((int)if_nametoindex(name), 0, &id), 0);
	return id;
}

/* --- attach, replace, detach ------------------------------------------------ */

static void attached_program_is_there_until_detached(void)
{
	struct attachment attached, found;

	set_up();
	CU_ASSERT_EQUAL(attach_query("in0", &found), -ENOENT);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	CU_ASSERT_EQUAL(attached.mode, ATTACH_NATIVE);
	CU_ASSERT_EQUAL(attach_query("in0", &found), 0);
	CU_ASSERT_EQUAL(found.prog_id, attached.prog_id);
	CU_ASSERT_TRUE(may_send("in0"));
	CU_ASSERT_FALSE(may_send("out0"));
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), 0);
	CU_ASSERT_EQUAL(program_on("in0"), 0);
	CU_ASSERT_FALSE(may_send("in0"));
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), -ENOENT);
	tear_down();
}

static void program_has_a_name_that_bpftool_shows(void)
{
	struct bpf_prog_info info = {0};
	struct attachment attached;
	__u32 length = sizeof(info);
	int fd;

	set_up();
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	fd = bpf_prog_get_fd_by_id(attached.prog_id);
	CU_ASSERT_EQUAL(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	CU_ASSERT_STRING_EQUAL(info.name, "sluice_xdp");
	CU_ASSERT_NOT_EQUAL(info.btf_id, 0);
	close(fd);
	tear_down();
}

/* The map at a pin of stages, by its id; it must hold each stage. */
static __u32 pinned_stages(const char *path)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info), program;
	int fd = bpf_obj_get(path);

	CU_ASSERT_EQUAL(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	for (__u32 stage = 0; stage < SLUICE_STAGE_COUNT; stage++)
		CU_ASSERT_EQUAL(bpf_map_lookup_elem(fd, &stage, &program), 0);
	close(fd);
	return info.id;
}

/* The number of pins for in0's stages, and the map of one of them. */
static unsigned stage_pins(__u32 *id)
{
	unsigned count = 0, ifindex = if_nametoindex("in0");
	char path[512];

	for (unsigned digit = 0; digit < 10; digit++) {
		snprintf(path, sizeof(path), "%s/" SLUICE_STAGES_PIN "%u_%u", dp.pin_dir, ifindex,
			 digit);
		if (access(path, F_OK))
			continue;
		count++;
		*id = pinned_stages(path);
	}
	return count;
}

/* The kernel empties an array of programs that nobody in userspace refers to. */
static void stages_stay_as_long_as_their_program(void)
{
	struct attachment attached;
	__u32 first = 0, second = 0;

	set_up();
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	CU_ASSERT_EQUAL(stage_pins(&first), 1);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	CU_ASSERT_EQUAL(stage_pins(&second), 1);
	CU_ASSERT_NOT_EQUAL(first, second);
	CU_ASSERT_EQUAL(attach_interface(&dp, interface("in0"), ATTACH_GENERIC, &attached),
			-EEXIST);
	CU_ASSERT_EQUAL(stage_pins(&first), 1);
	CU_ASSERT_EQUAL(first, second);
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), 0);
	CU_ASSERT_EQUAL(stage_pins(&second), 0);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	tear_down();
}

static void generic_mode_can_be_had(void)
{
	struct attachment attached;

	set_up();
	CU_ASSERT_EQUAL(attach("in0", ATTACH_GENERIC, &attached), 0);
	CU_ASSERT_EQUAL(attached.mode, ATTACH_GENERIC);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), -EEXIST);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_GENERIC, &attached), 0);
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), 0);
	tear_down();
}

static void wrong_interfaces_are_told(void)
{
	struct interface unknown = {.name = "nope0"}, unpublished = {.name = "in1"};
	struct attachment out;

	set_up();
	CU_ASSERT_EQUAL(attach_interface(&dp, &unknown, ATTACH_NATIVE, &out), -ENODEV);
	CU_ASSERT_EQUAL(attach_interface(&dp, &unpublished, ATTACH_NATIVE, &out), -ENOENT);
	CU_ASSERT_EQUAL(detach_interface(&dp, "nope0"), -ENODEV);
	CU_ASSERT_EQUAL(attach_query("nope0", &out), -ENODEV);
	tear_down();
}

/* Looks at the interface without a pause; its exit code says if it was ever bare. */
static pid_t watch_for_a_gap(const char *name)
{
	int ifindex = (int)if_nametoindex(name);
	pid_t child = fork();
	__u32 id = 1;

	if (child)
		return child;
	while (getppid() != 1)
		if (bpf_xdp_query_id(ifindex, 0, &id) || !id)
			_exit(1);
	_exit(0);
}

static void replacement_leaves_no_gap(void)
{
	struct attachment before, after;
	int status = -1;
	pid_t watcher;

	set_up();
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &before), 0);
	watcher = watch_for_a_gap("in0");
	for (int i = 0; i < REPLACEMENTS; i++) {
		CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &after), 0);
		CU_ASSERT_NOT_EQUAL(after.prog_id, before.prog_id);
		before = after;
	}
	CU_ASSERT_EQUAL(waitpid(watcher, &status, WNOHANG), 0);
	kill(watcher, SIGKILL);
	waitpid(watcher, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_TRUE(may_send("in0"));
	tear_down();
}

static void flows_outlive_programs_and_writers(void)
{
	struct sluice_flow_key key = {.proto = IPPROTO_TCP};
	struct sluice_flow flow = {.backend = 7};
	struct attachment attached;

	set_up();
	CU_ASSERT_EQUAL(bpf_map_update_elem(dp.flows, &key, &flow, BPF_NOEXIST), 0);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), 0);
	dataplane_close(&dp);
	CU_ASSERT_EQUAL_FATAL(dataplane_open(&dp, "gw", DATAPLANE_CREATE,
					     &(struct table_sizes){.flows = 2 * FLOWS}),
			      0);
	flow.backend = 0;
	CU_ASSERT_EQUAL(bpf_map_lookup_elem(dp.flows, &key, &flow), 0);
	CU_ASSERT_EQUAL(flow.backend, 7);
	tear_down();
}

static int load_foreign(void)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", pass, 2, NULL);
}

static void foreign_program_is_left_alone(void)
{
	struct attachment attached;
	int foreign = load_foreign();
	__u32 before;

	set_up();
	CU_ASSERT_EQUAL(
		bpf_xdp_attach((int)if_nametoindex("in0"), foreign, XDP_FLAGS_DRV_MODE, NULL), 0);
	before = program_on("in0");
	CU_ASSERT_EQUAL(attach_interface(&dp, interface("in0"), ATTACH_NATIVE, &attached), -EBUSY);
	CU_ASSERT_STRING_NOT_EQUAL(dataplane_detail(), "");
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), -ENOENT);
	CU_ASSERT_EQUAL(attach_query("in0", &attached), -ENOENT);
	CU_ASSERT_EQUAL(program_on("in0"), before);
	CU_ASSERT_FALSE(may_send("in0"));
	close(foreign);
	tear_down();
}

static void interface_gone_from_the_model_keeps_its_port_while_attached(void)
{
	struct attachment attached;
	struct sluice_port port;
	unsigned in0, out0;

	set_up();
	CU_ASSERT_EQUAL(attach("in0", ATTACH_NATIVE, &attached), 0);
	CU_ASSERT_EQUAL(dataplane_port_slot(&dp, "in0", &in0), 0);
	interface("in0")->roles = 0;
	interface("in0")->policy[0] = '\0';
	CU_ASSERT_EQUAL(publish(), 0);
	CU_ASSERT_EQUAL(dataplane_port_slot(&dp, "in0", &out0), -ENOENT);
	CU_ASSERT_EQUAL(dataplane_read_port(&dp, in0, &port), 0);
	CU_ASSERT_STRING_EQUAL(port.ifname, "in0");
	CU_ASSERT_EQUAL(port.default_action, SLUICE_ACTION_DROP);
	CU_ASSERT_EQUAL(port.rule_count, 0);
	CU_ASSERT_EQUAL(detach_interface(&dp, "in0"), 0);
	CU_ASSERT_EQUAL(dataplane_port_slot(&dp, "out0", &out0), 0);
	interface("out0")->mtu = 1400;
	CU_ASSERT_EQUAL(publish(), 0);
	CU_ASSERT_EQUAL(dataplane_read_port(&dp, in0, &port), 0);
	CU_ASSERT_STRING_EQUAL(port.ifname, "");
	tear_down();
}

/* --- trace ------------------------------------------------------------------ */

static void trace_tells_the_verdict_and_changes_nothing(void)
{
	static const unsigned char arp[60] = {0xff, 0xff, 0xff,	       0xff,
					      0xff, 0xff, [12] = 0x08, [13] = 0x06};
	struct sluice_trace_step steps[SLUICE_TRACE_STEPS], last = {0};
	struct sluice_ledger ledger;

	set_up();
	CU_ASSERT_EQUAL(attach_trace(&dp, interface("out0"), arp, sizeof(arp), steps), 0);
	for (int i = 0; i < SLUICE_TRACE_STEPS && steps[i].step != SLUICE_STEP_END; i++)
		last = steps[i];
	CU_ASSERT_EQUAL(last.step, SLUICE_STEP_VERDICT);
	CU_ASSERT_EQUAL(last.a, SLUICE_PASS_NOT_IP);
	for (unsigned port = 0; port < SLUICE_MAX_PORTS; port++) {
		CU_ASSERT_EQUAL(dataplane_read_ledger(&dp, port, &ledger), 0);
		CU_ASSERT_EQUAL(ledger.rx.packets, 0);
	}
	tear_down();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(attached_program_is_there_until_detached),
		UNIT_TEST(program_has_a_name_that_bpftool_shows),
		UNIT_TEST(stages_stay_as_long_as_their_program),
		UNIT_TEST(generic_mode_can_be_had),
		UNIT_TEST(wrong_interfaces_are_told),
		UNIT_TEST(replacement_leaves_no_gap),
		UNIT_TEST(flows_outlive_programs_and_writers),
		UNIT_TEST(foreign_program_is_left_alone),
		UNIT_TEST(interface_gone_from_the_model_keeps_its_port_while_attached),
		UNIT_TEST(trace_tells_the_verdict_and_changes_nothing),
		{NULL, NULL},
	};
	int code = EXIT_FAILURE;

	if (sandbox_enter())
		perror("sandbox");
	else
		code = unit_run("attach", tests);
	sandbox_leave();
	return code;
}
