/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Runs frames through the loaded programs and says what became of them. The
 * ledger, and not the XDP action alone, tells the outcome.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "program.h"
#include "testbed.h"
#include "testbed_private.h"

static const struct {
	const char *name;
	enum sluice_class class;
} outcomes[] = {
#define OUTCOME(name, class, token, help) {#name, SLUICE_CLASS_##class},
	SLUICE_OUTCOMES(OUTCOME)
#undef OUTCOME
};

const char *outcome_name(enum sluice_outcome outcome)
{
	return outcome < SLUICE_OUTCOME_COUNT ? outcomes[outcome].name : "no outcome";
}

enum sluice_class outcome_class(enum sluice_outcome outcome)
{
	return outcome < SLUICE_OUTCOME_COUNT ? outcomes[outcome].class : SLUICE_CLASS_NONE;
}

static int action_of(enum sluice_outcome outcome)
{
	switch (outcome_class(outcome)) {
	case SLUICE_CLASS_PASS:
		return XDP_PASS;
	case SLUICE_CLASS_TX:
		return XDP_TX;
	case SLUICE_CLASS_REDIRECT:
		return XDP_REDIRECT;
	case SLUICE_CLASS_DROP:
		return XDP_DROP;
	default:
		return XDP_ABORTED;
	}
}

/* --- programs ------------------------------------------------------------- */

static struct sluice_bpf *load(struct testbed *tb, const struct testbed_port *port, bool trace)
{
	struct sluice_bpf *skel;
	int err = program_open(&tb->dp, port->interface, trace, &skel);

	if (!err)
		err = sluice_bpf__load(skel);
	if (err)
		die("%s: program does not load: %s %s", port->interface->name, strerror(-err),
		    dataplane_detail());
	return skel;
}

void programs_unload(struct testbed_port *port)
{
	sluice_bpf__destroy(port->live);
	sluice_bpf__destroy(port->tracer);
	port->live = port->tracer = NULL;
}

static int run_program(const struct testbed_port *port, const struct sluice_bpf *skel,
		       const struct frame *in, struct frame *out)
{
	struct xdp_md context = {.data_end = (__u32)in->length, .ingress_ifindex = port->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes,
		    .data_size_in = (__u32)in->length, .data_out = out->bytes,
		    .data_size_out = sizeof(out->bytes), .ctx_in = &context,
		    .ctx_size_in = sizeof(context));

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.sluice_xdp), &opts))
		die("%s: test run of %zu bytes: %s", port->interface->name, in->length,
		    strerror(errno));
	out->length = opts.data_size_out;
	return (int)opts.retval;
}

/* --- what became of the frame --------------------------------------------- */

static void read_ledger(const struct testbed *tb, const struct testbed_port *port,
			struct sluice_ledger *out)
{
	if (dataplane_read_ledger(&tb->dp, port->slot, out))
		die("%s: no ledger", port->interface->name);
}

static bool moved_by(const struct sluice_count *before, const struct sluice_count *after,
		     __u64 packets, __u64 bytes)
{
	return after->packets - before->packets == packets && after->bytes - before->bytes == bytes;
}

/* The one outcome that was counted; CONTINUE if the ledger did anything else. */
static enum sluice_outcome outcome_by_ledger(const struct sluice_ledger *before,
					     const struct sluice_ledger *after, size_t bytes)
{
	enum sluice_outcome outcome = SLUICE_CONTINUE;

	if (!moved_by(&before->rx, &after->rx, 1, bytes))
		return SLUICE_CONTINUE;
	for (int i = 0; i < SLUICE_OUTCOME_COUNT; i++) {
		if (moved_by(&before->outcome[i], &after->outcome[i], 0, 0))
			continue;
		if (outcome || !moved_by(&before->outcome[i], &after->outcome[i], 1, bytes))
			return SLUICE_CONTINUE;
		outcome = (enum sluice_outcome)i;
	}
	return outcome;
}

/* The verdict ends each log: behind the first there are only steps of packets before. */
static enum sluice_outcome outcome_by_trace(const struct sluice_bpf *skel)
{
	int fd = bpf_map__fd(skel->maps.sluice_trace);
	struct sluice_trace_step step;

	for (__u32 i = 0; !bpf_map_lookup_elem(fd, &i, &step); i++)
		if (step.step == SLUICE_STEP_VERDICT)
			return (enum sluice_outcome)step.a;
	return SLUICE_CONTINUE;
}

static void complain(const char *what, const char *a, const char *b)
{
	printf("\n    %s: %s, %s", what, a, b);
	CU_FAIL("see above");
}

void testbed_run(struct testbed *tb, const char *ifname, const struct frame *frame, struct run *out)
{
	struct testbed_port *port = testbed_port(tb, ifname);
	struct sluice_ledger before, after;
	struct frame traced_frame;
	enum sluice_outcome traced;
	int traced_action;

	if (!port->live)
		port->live = load(tb, port, false);
	if (!port->tracer)
		port->tracer = load(tb, port, true);
	read_ledger(tb, port, &before);
	traced_action = run_program(port, port->tracer, frame, &traced_frame);
	traced = outcome_by_trace(port->tracer);
	out->action = run_program(port, port->live, frame, &out->frame);
	read_ledger(tb, port, &after);
	out->outcome = outcome_by_ledger(&before, &after, frame->length);
	if (out->outcome == SLUICE_CONTINUE)
		complain("ledger", "did not move", "by this frame alone");
	if (out->action != action_of(out->outcome))
		complain("XDP action is not the outcome's", outcome_name(out->outcome), "");
	if (traced != out->outcome || traced_action != out->action)
		complain("trace and live differ", outcome_name(traced), outcome_name(out->outcome));
	if (outcome_class(out->outcome) != SLUICE_CLASS_DROP &&
	    !frame_equal(&traced_frame, &out->frame))
		complain("trace and live differ", "frames", "");
}

/* --- tables of packets ---------------------------------------------------- */

void testbed_frame(struct testbed *tb, const char *ifname, const struct packet *packet,
		   struct frame *frame)
{
	static const unsigned char sender[ETH_ALEN] = {0x02, 0xff, 0, 0, 0, 1};

	frame_build(frame, packet);
	frame_set_link(frame, testbed_port(tb, ifname)->mac, sender);
	frame_poke(frame, packet);
}

enum sluice_outcome testbed_send(struct testbed *tb, const char *ifname,
				 const struct packet *packet)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, ifname, packet, &frame);
	testbed_run(tb, ifname, &frame, &run);
	return run.outcome;
}

/* The source port of GUE: which one it is, another test asks. 0: it may not be one. */
static unsigned short gue_source(const struct packet_test *test, const struct packet *outer,
				 const struct frame *seen)
{
	size_t tag_bytes = 4 * (size_t)(!!test->to_vlan + !!test->to_outer_vlan);
	size_t at = (packet_is_v6(outer) ? FRAME_IP6 : FRAME_IP4) + tag_bytes;
	unsigned port = (unsigned)seen->bytes[at] << 8 | seen->bytes[at + 1];

	return port >= 49152 ? (unsigned short)port : 0;
}

static void put_tags(struct frame *frame, unsigned short outer, unsigned short inner)
{
	if (inner)
		frame_tag(frame, ETH_P_8021Q, inner);
	if (outer)
		frame_tag(frame, ETH_P_8021AD, outer);
}

static void expect_frame(struct testbed *tb, const struct packet_test *test,
			 const struct frame *seen, struct frame *frame)
{
	size_t tags = !!test->packet.vlan + !!test->packet.outer_vlan;
	struct packet outer;

	if (test->becomes)
		frame_build(frame, test->becomes);
	if (test->to || test->stripped)
		frame_untag(frame, tags);
	if (test->stripped)
		frame_strip(frame, test->stripped,
			    packet_is_v6(test->packet.inner) ? ETH_P_IPV6 : ETH_P_IP);
	if (test->routed)
		frame_decrement_ttl(frame);
	if (test->outer) {
		outer = *test->outer;
		outer.fragment = IP_DF;
		if (outer.proto == IPPROTO_UDP)
			outer.sport = gue_source(test, &outer, seen);
		frame_encapsulate(frame, &outer);
	}
	if (test->to)
		testbed_link_to(tb, test->to, frame);
	put_tags(frame, test->to_outer_vlan, test->to_vlan);
	if (test->stripped && !test->to)
		put_tags(frame, test->packet.outer_vlan, test->packet.vlan);
}

static void check_one(struct testbed *tb, const struct packet_test *test)
{
	struct frame frame;
	struct run run;

	testbed_frame(tb, test->on, &test->packet, &frame);
	testbed_run(tb, test->on, &frame, &run);
	if (run.outcome != test->outcome) {
		printf("\n    %s: expected %s, seen %s", test->name, outcome_name(test->outcome),
		       outcome_name(run.outcome));
		CU_FAIL("outcome");
		return;
	}
	if (outcome_class(run.outcome) == SLUICE_CLASS_DROP)
		return;
	expect_frame(tb, test, &run.frame, &frame);
	if (frame_equal(&frame, &run.frame))
		return;
	printf("\n    %s: another frame came out\n", test->name);
	frame_print_difference(&frame, &run.frame);
	CU_FAIL("frame");
}

void testbed_check(struct testbed *tb, const struct packet_test *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_one(tb, &tests[i]);
	CU_PASS("table of packets");
}

void testbed_check_on(const char *node, const char *yaml, const struct packet_test *tests,
		      size_t count)
{
	struct testbed tb;

	testbed_up(&tb, node, yaml);
	testbed_check(&tb, tests, count);
	testbed_down(&tb);
}
