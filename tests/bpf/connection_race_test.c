/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two CPUs in one small table of connections, where each new flow takes another's entry:
 * no flow is ever sent to, or remembered with, a backend that is not its own. Which that
 * is the ring says, and it does not change.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../support/random.h"
#include "../support/testbed.h"
#include "../support/unit.h"
#include "sluice.skel.h"

#define FLOWS	512 /* in a table of 32 entries a family */
#define SECONDS 3
#define CPUS	2

static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 16},"
	" nodes: {"
	"  lb: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.11/24, 'fd00:10:1::11/64'], roles: [balancer]}}},"
	"  a: {interfaces: {eth0: {network: edge, address: [10.10.1.1/24, 'fd00:10:1::1/64']}}},"
	"  b: {interfaces: {eth0: {network: edge, address: [10.10.1.2/24, 'fd00:10:1::2/64']}}},"
	"  c: {interfaces: {eth0: {network: edge, address: [10.10.1.3/24, 'fd00:10:1::3/64']}}}},"
	" services: {www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"  backends: {a: {}, b: {}, c: {}}}}}";

static struct testbed tb;
static struct frame frames[FLOWS][3]; /* SYN, ACK, RST */
static unsigned char expected[FLOWS]; /* last byte of the backend's address */
static char sources[FLOWS][ADDR_TEXT_LEN];

struct worker {
	pthread_t thread;
	unsigned cpu;
	unsigned long runs, wrong;
};

/* Without CUnit, which is not for several threads. 0: not sent. */
static unsigned char backend_of(const struct frame *in)
{
	struct testbed_port *port = &tb.ports[0];
	struct xdp_md context = {.data_end = (__u32)in->length, .ingress_ifindex = port->ifindex};
	unsigned char out[256] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes,
		    .data_size_in = (__u32)in->length, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &context,
		    .ctx_size_in = sizeof(context));
	int fd = bpf_program__fd(port->live->progs.sluice_xdp);

	if (bpf_prog_test_run_opts(fd, &opts) || opts.retval != XDP_TX)
		return 0;
	return out[(out[FRAME_IP] >> 4 == 6 ? FRAME_IP6 : FRAME_IP4) - 1];
}

static void make_flow(unsigned i)
{
	static const unsigned char flags[] = {TCP_SYN, TCP_ACK, TCP_RST | TCP_ACK};
	struct packet packet = {.src = sources[i],
				.dst = i % 2 ? "2001:db8:2::10" : "192.0.2.10",
				.sport = (unsigned short)(1024 + i),
				.dport = 80};

	snprintf(sources[i], sizeof(sources[i]), i % 2 ? "2001:db8:%x::7" : "100.64.%u.7", i / 2);
	for (int k = 0; k < 3; k++) {
		packet.flags = flags[k];
		testbed_frame(&tb, "eth0", &packet, &frames[i][k]);
	}
	expected[i] = backend_of(&frames[i][2]);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct random random = {.state = 7 + worker->cpu};
	time_t end = time(NULL) + SECONDS;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(worker->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (time(NULL) < end) {
		for (int i = 0; i < 1000; i++, worker->runs++) {
			unsigned flow = random_below(&random, FLOWS);
			unsigned kind = random_below(&random, 8);

			worker->wrong += backend_of(&frames[flow][kind < 5 ? 0 : kind - 5]) !=
					 expected[flow];
		}
	}
	return NULL;
}

/* What the table holds when all is quiet names each flow's own backend. */
static unsigned count_wrong_entries(bool v6, unsigned *live)
{
	struct testbed_connections table;
	struct sluice_backend backend;
	unsigned wrong = 0;

	testbed_connections(&tb, v6, &table);
	for (size_t i = 0; i < table.count; i++) {
		const struct sluice_conn6 *entry = testbed_connection(&table, i);
		unsigned flow = ntohs((__u16)(entry->key >> 32)) - 1024U;

		if (SLUICE_CONN_GET(OWNED, entry->value) != SLUICE_CONN_LIVE)
			continue;
		++*live;
		if (flow >= FLOWS ||
		    dataplane_read_backend(&tb.dp, SLUICE_CONN_GET(BACKEND, entry->value),
					   &backend) ||
		    backend.addr4.bytes[15] != expected[flow])
			wrong++;
	}
	testbed_connections_put(&table);
	return wrong;
}

static void no_flow_gets_the_backend_of_another(void)
{
	struct worker workers[CPUS] = {{.cpu = 0}, {.cpu = 1}};
	struct packet first = {.src = "100.64.255.1", .dst = "192.0.2.10", .dport = 80};
	unsigned live = 0;

	testbed_up(&tb, "lb", config);
	CU_ASSERT_EQUAL_FATAL(testbed_send(&tb, "eth0", &first), SLUICE_TX);
	for (unsigned i = 0; i < FLOWS; i++)
		make_flow(i);
	for (unsigned i = 0; i < CPUS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]),
				      0);
	for (unsigned i = 0; i < CPUS; i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT_EQUAL(workers[i].wrong, 0);
		CU_ASSERT(workers[i].runs > FLOWS);
	}
	printf("(%lu and %lu packets) ", workers[0].runs, workers[1].runs);
	CU_ASSERT_EQUAL(count_wrong_entries(false, &live), 0);
	CU_ASSERT_EQUAL(count_wrong_entries(true, &live), 0);
	CU_ASSERT(live > 20);
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(no_flow_gets_the_backend_of_another),
		{},
	};

	return unit_run("connection-race", tests);
}
