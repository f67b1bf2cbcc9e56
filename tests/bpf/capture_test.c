/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A capture shows the packets that were asked for, as received and as sent, with what
 * became of them; it ends with its owner, and counts what did not fit.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "../support/testbed.h"
#include "../support/unit.h"
#include "capture.h"
#include "dataplane_private.h"

static const char config[] =
	"{sluice: 1, cluster: test,"
	" nodes: {"
	"  lb: {interfaces: {"
	"   eth0: {network: edge, address: 10.10.1.11/24, roles: [balancer, firewall], policy: p},"
	"   eth1: {network: back, address: 10.10.2.11/24, roles: [balancer]}}},"
	"  one: {interfaces: {eth0: {network: back, address: 10.10.2.21/24}}}},"
	" policies: {p: {default: drop, strict: false, rules: ["
	"  {name: web, proto: tcp, to: 192.0.2.10, port: 80, action: accept}]}},"
	" services: {www: {vips: ['192.0.2.10:80'], proto: tcp, backends: {one: {}}}}}";

#define TO(port) .src = "198.51.100.7", .dst = "192.0.2.10", .sport = 40000, .dport = (port)

/* The packets that a session handed out. */
struct seen {
	struct sluice_captured head[4];
	unsigned char bytes[4][2 * SLUICE_MAX_SNAPLEN];
	unsigned count;
};

static int see(void *context, const struct sluice_captured *captured, const unsigned char *frame)
{
	struct seen *seen = context;
	unsigned i = seen->count++ % 4;

	seen->head[i] = *captured;
	memcpy(seen->bytes[i], frame, (size_t)captured->received_bytes + captured->sent_bytes);
	return 0;
}

static struct capture_session *start(struct testbed *tb, const struct capture_filter *filter,
				     struct seen *seen)
{
	struct capture_session *session;
	unsigned owner;

	seen->count = 0;
	CU_ASSERT_EQUAL_FATAL(capture_session_start(&tb->dp, filter, see, seen, &session, &owner),
			      0);
	return session;
}

static const struct sluice_capture *shared(const struct testbed *tb, struct table_view *view)
{
	CU_ASSERT_EQUAL_FATAL(table_map(tb->dp.capture, false, view), 0);
	return view->data;
}

static void frames_are_exact_on_both_sides(void)
{
	static struct seen seen;
	struct packet packet = {TO(80), .payload = 100}, other = {TO(81)};
	struct capture_filter filter = capture_filter_all();
	struct capture_session *session;
	struct frame frame;
	struct testbed tb;
	struct run run;

	testbed_up(&tb, "lb", config);
	/* Programs are loaded with the first packet: that may take longer than a session lives. */
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &other), SLUICE_POLICY_DEFAULT);
	session = start(&tb, &filter, &seen);
	testbed_frame(&tb, "eth0", &packet, &frame);
	testbed_run(&tb, "eth0", &frame, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &other), SLUICE_POLICY_DEFAULT);
	CU_ASSERT_EQUAL(capture_session_poll(session, 0), 0);
	CU_ASSERT_EQUAL_FATAL(seen.count, 2);
	CU_ASSERT_EQUAL(seen.head[0].outcome, SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(seen.head[0].port, testbed_port(&tb, "eth0")->slot);
	CU_ASSERT_EQUAL(seen.head[0].ifindex_out, testbed_port(&tb, "eth1")->ifindex);
	CU_ASSERT_EQUAL(seen.head[0].backend, testbed_backend_slot(&tb, "www", "one"));
	CU_ASSERT_EQUAL(seen.head[0].rule, tb.cluster.policies[0].rules[0].id);
	CU_ASSERT_EQUAL(seen.head[0].received_length, frame.length);
	CU_ASSERT_EQUAL(seen.head[0].received_bytes, frame.length);
	CU_ASSERT(!memcmp(seen.bytes[0], frame.bytes, frame.length));
	CU_ASSERT_EQUAL(seen.head[0].sent_length, run.frame.length);
	CU_ASSERT_EQUAL(seen.head[0].sent_bytes, run.frame.length);
	CU_ASSERT(!memcmp(seen.bytes[0] + frame.length, run.frame.bytes, run.frame.length));
	CU_ASSERT_EQUAL(seen.head[1].outcome, SLUICE_POLICY_DEFAULT);
	CU_ASSERT_EQUAL(seen.head[1].backend, SLUICE_NONE);
	CU_ASSERT_EQUAL(seen.head[1].sent_bytes, 0);
	CU_ASSERT_EQUAL(capture_session_lost(session), 0);
	capture_session_free(session);
	testbed_down(&tb);
}

/* How many of a flow's packet, its reply and another flow's packet the filter lets through. */
static unsigned count_with(struct testbed *tb, const struct capture_filter *filter)
{
	static struct seen seen;
	struct packet packets[] = {
		{TO(80)},
		{.src = "192.0.2.10", .dst = "198.51.100.7", .sport = 80, .dport = 40000},
		{TO(53), .proto = IPPROTO_UDP},
	};
	struct capture_session *session = start(tb, filter, &seen);

	for (unsigned i = 0; i < 3; i++)
		(void)testbed_send(tb, "eth0", &packets[i]);
	CU_ASSERT_EQUAL(capture_session_poll(session, 0), 0);
	capture_session_free(session);
	return seen.count;
}

static void only_what_was_asked_for_is_captured(void)
{
	struct capture_filter filter = capture_filter_all();
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 3);
	filter.proto = IPPROTO_TCP;
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 2);
	filter = capture_filter_all();
	filter.ends[0].port_min = filter.ends[0].port_max = 40000;
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 3);
	filter.ends[1].port_min = 80;
	filter.ends[1].port_max = 89;
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 2);
	filter.ends[0].port_min = filter.ends[0].port_max = 40001;
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 0);
	filter = capture_filter_all();
	filter.ends[0].mask = addr_mask(128);
	CU_ASSERT_FATAL(!addr_parse("198.51.100.8", &filter.ends[0].addr));
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 0);
	filter = capture_filter_all();
	filter.port = testbed_port(&tb, "eth1")->slot;
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 0);
	filter = capture_filter_all();
	filter.outcomes[SLUICE_POLICY_DEFAULT] = false;
	CU_ASSERT_EQUAL(count_with(&tb, &filter), 2);
	testbed_down(&tb);
}

static void frames_are_cut_to_the_length_asked_for(void)
{
	static struct seen seen;
	struct packet packet = {TO(80), .payload = 1000};
	struct capture_filter filter = capture_filter_all();
	struct capture_session *session;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	filter.snaplen = 64;
	session = start(&tb, &filter, &seen);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(capture_session_poll(session, 0), 0);
	CU_ASSERT_EQUAL_FATAL(seen.count, 1);
	CU_ASSERT_EQUAL(seen.head[0].received_bytes, 64);
	CU_ASSERT_EQUAL(seen.head[0].received_length, 14 + 40 + 1000);
	CU_ASSERT_EQUAL(seen.head[0].sent_bytes, 64);
	CU_ASSERT_EQUAL(seen.head[0].sent_length, 14 + 60 + 1000);
	capture_session_free(session);
	testbed_down(&tb);
}

static void what_does_not_fit_is_counted(void)
{
	static struct seen seen;
	struct packet packet = {TO(80), .payload = 1400};
	struct capture_filter filter = capture_filter_all();
	const unsigned packets = 2 * SLUICE_EVENT_BYTES / (2 * 1400);
	struct capture_session *session;
	struct testbed tb;

	testbed_up(&tb, "lb", config);
	session = start(&tb, &filter, &seen);
	for (unsigned i = 0; i < packets; i++)
		CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(capture_session_poll(session, 0), 0);
	CU_ASSERT(seen.count && seen.count < packets);
	CU_ASSERT_EQUAL(seen.count + capture_session_lost(session), packets);
	capture_session_free(session);
	testbed_down(&tb);
}

static void wait_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* A process that captures until it is killed. */
static pid_t start_owner(struct testbed *tb, const struct capture_filter *filter)
{
	static struct seen seen;
	pid_t pid = fork();

	if (!pid) {
		(void)start(tb, filter, &seen);
		for (;;)
			pause();
	}
	return pid;
}

static void capture_ends_with_its_owner(void)
{
	static struct seen seen;
	struct packet packet = {TO(80)};
	struct capture_filter filter = capture_filter_all();
	const struct sluice_capture *capture;
	struct capture_session *session;
	struct table_view view;
	struct testbed tb;
	unsigned owner;
	pid_t pid;

	testbed_up(&tb, "lb", config);
	capture = shared(&tb, &view);
	pid = start_owner(&tb, &filter);
	while (!*(volatile const __u64 *)&capture->until_ns)
		wait_ms(1);
	CU_ASSERT_EQUAL(capture_session_start(&tb.dp, &filter, see, &seen, &session, &owner),
			-EBUSY);
	CU_ASSERT_EQUAL(owner, (unsigned)pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	wait_ms(3100);
	CU_ASSERT(capture->until_ns != 0);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(capture->until_ns, 0);
	/* Nor does the next one wait, or see what was left in the buffer. */
	pid = start_owner(&tb, &filter);
	while (!*(volatile const __u64 *)&capture->until_ns)
		wait_ms(1);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	session = start(&tb, &filter, &seen);
	CU_ASSERT_EQUAL(testbed_send(&tb, "eth0", &packet), SLUICE_REDIRECT);
	CU_ASSERT_EQUAL(capture_session_poll(session, 0), 0);
	CU_ASSERT_EQUAL(seen.count, 1);
	capture_session_free(session);
	table_unmap(&view);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(frames_are_exact_on_both_sides),
		UNIT_TEST(only_what_was_asked_for_is_captured),
		UNIT_TEST(frames_are_cut_to_the_length_asked_for),
		UNIT_TEST(what_does_not_fit_is_counted),
		UNIT_TEST(capture_ends_with_its_owner),
		{},
	};

	return unit_run("capture", tests);
}
