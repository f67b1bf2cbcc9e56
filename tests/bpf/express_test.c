/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The express way gives the pipeline's answers. Each packet of a random mixture runs
 * through both, from the same connections; outcome, frame, counters and connections
 * must come out alike, while backends drain, go and come, and sources are blocked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../support/random.h"
#include "../support/testbed.h"
#include "../support/unit.h"
#include "dataplane_private.h"
#include "program.h"

#define PACKETS	     12000
#define CHANGE_EVERY 300
#define LOADS	     16 /* entries looked at */
#define SERVICES     8

static const char *const addresses4[] = {"198.51.100.7", "198.51.100.8", "192.0.2.10",
					 "192.0.2.10",	 "10.10.1.11",	 NULL};
static const char *const addresses6[] = {"2001:db8:51::7", "2001:db8:51::8", "2001:db8:2::10",
					 "2001:db8:2::10", "fd00:10:1::11",  NULL};
static const unsigned short ports[] = {80, 70, 81, 53, 40000};
static const struct random_pool pool = {addresses4, addresses6, ports, 5};

static const char config[] =
	"{sluice: 1, cluster: test, limits: {flows: 256, sources: 64},"
	" nodes: {"
	"  lb: {interfaces: {"
	"   eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'], roles: [%s]},"
	"   eth1: {network: back, address: [10.10.2.11/24, 'fd00:10:2::11/64'],"
	"          roles: [forward]}}},"
	"  near: {interfaces: {eth0: {network: edge,"
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64']}}},"
	"  four: {interfaces: {eth0: {network: edge, address: 10.10.1.24/24}}},"
	"  far: {interfaces: {eth0: {network: back,"
	"   address: [10.10.2.21/24, 'fd00:10:2::21/64']}}}},"
	" services: {"
	"  www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp,"
	"   backends: {near: {}, far: {weight: 50}, four: {}},"
	"   limit: [{rate: 2/m, per: source, burst: 10}, {rate: 1/m, of: new-flows, burst: 4}]},"
	"  dsr: {vips: ['192.0.2.10:81', '[2001:db8:2::10]:81'], proto: tcp, forward: dsr,"
	"   backends: {near: {}, far: {}}},"
	"  gue: {vips: ['192.0.2.10:70', '[2001:db8:2::10]:70'], proto: tcp, forward: gue,"
	"   backends: {near: {}, four: {}, far: {}}},"
	"  dns: {vips: ['192.0.2.10:53', '[2001:db8:2::10]:53'], proto: udp,"
	"   backends: {near: {}, lb: {}}},"
	"  quic: {vips: ['192.0.2.10:443', '[2001:db8:2::10]:443'], proto: udp, quic: 1,"
	"   backends: {near: {server-id: 0x01}, far: {server-id: 0x02}, four: {server-id: 0x03}},"
	"   limit: [{rate: 60k/m, of: bytes, burst: 5k},"
	"           {rate: 1/m, of: new-flows, per: source/24, burst: 5}]}}}";

/* All that a packet may change. */
struct state {
	struct sluice_ledger ledger;
	struct sluice_load load[LOADS];
	struct sluice_conn_bucket4 conns4[128];
	struct sluice_conn_bucket6 conns6[128];
	struct sluice_bucket buckets[SERVICES];
	struct sluice_source_line sources[16];
};

static struct sluice_bpf *load(struct testbed *tb, bool express)
{
	struct testbed_port *port = testbed_port(tb, "eth0");
	struct sluice_bpf *skel;

	if (program_open(&tb->dp, port->interface, false, &skel))
		return NULL;
	skel->rodata->config.no_express = !express;
	return sluice_bpf__load(skel) ? NULL : skel;
}

static void copy_connections(const struct testbed *tb, bool v6, void *memory, bool to_table)
{
	struct testbed_connections table;

	testbed_connections(tb, v6, &table);
	if (to_table)
		memcpy(table.entries, memory, table.bytes);
	else
		memcpy(memory, table.entries, table.bytes);
	testbed_connections_put(&table);
}

static struct table_view buckets, sources; /* of the limits */

static void copy_memory(void *memory, void *table, size_t bytes, bool to_table)
{
	memcpy(to_table ? table : memory, to_table ? memory : table, bytes);
}

/* Connections and buckets. */
static void copy_tables(const struct testbed *tb, struct state *state, bool to_table)
{
	copy_connections(tb, false, state->conns4, to_table);
	copy_connections(tb, true, state->conns6, to_table);
	copy_memory(state->buckets, buckets.data, sizeof(state->buckets), to_table);
	copy_memory(state->sources, sources.data, sizeof(state->sources), to_table);
}

static void read_state(struct testbed *tb, struct state *state)
{
	CU_ASSERT_FATAL(
		!dataplane_read_ledger(&tb->dp, testbed_port(tb, "eth0")->slot, &state->ledger));
	for (unsigned i = 0; i < LOADS; i++)
		CU_ASSERT_FATAL(!dataplane_read_load(&tb->dp, i, &state->load[i]));
	copy_tables(tb, state, false);
}

/* Counters only grow: what differs is what was counted in between. */
static void subtract_counters(struct state *from, const struct state *before)
{
	__u64 *a = (__u64 *)from;
	const __u64 *b = (const __u64 *)before;

	for (size_t i = 0; i < offsetof(struct state, conns4) / sizeof(*a); i++)
		a[i] -= b[i];
}

static int run(struct testbed *tb, const struct sluice_bpf *skel, const struct frame *in,
	       struct frame *out)
{
	struct xdp_md context = {.data_end = (__u32)in->length,
				 .ingress_ifindex = testbed_port(tb, "eth0")->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes,
		    .data_size_in = (__u32)in->length, .data_out = out->bytes,
		    .data_size_out = sizeof(out->bytes), .ctx_in = &context,
		    .ctx_size_in = sizeof(context));

	CU_ASSERT_EQUAL_FATAL(
		bpf_prog_test_run_opts(bpf_program__fd(skel->progs.sluice_xdp), &opts), 0);
	out->length = opts.data_size_out;
	return (int)opts.retval;
}

/* The same frame, from the same connections, through both. */
static bool is_alike(struct testbed *tb, struct sluice_bpf *const skels[2],
		     const struct frame *frame, struct state *behind)
{
	static struct state before, after[2];
	struct frame out[2];
	int action[2];

	read_state(tb, behind);
	for (int i = 0; i < 2; i++) {
		copy_tables(tb, behind, true);
		read_state(tb, &before);
		action[i] = run(tb, skels[i], frame, &out[i]);
		read_state(tb, &after[i]);
		subtract_counters(&after[i], &before);
	}
	if (action[0] != action[1] || (action[0] != XDP_DROP && !frame_equal(&out[0], &out[1])) ||
	    memcmp(&after[0], &after[1], sizeof(after[0])) != 0)
		return false;
	*behind = after[1];
	return true;
}

/* What limits have used up is there again. */
static void fill_buckets(void)
{
	memset(buckets.data, 0, buckets.bytes);
	memset(sources.data, 0, sources.bytes);
}

static void change(struct testbed *tb, struct random *random)
{
	static const char *const names[] = {"near", "far", "four"};
	struct backend *backend =
		model_backend(model_service(&tb->cluster, "www"), names[random_below(random, 3)]);
	struct backend_health health = {"www", names[random_below(random, 3)],
					.healthy = random_once_in(random, 2)};
	struct prefix source;
	int err;

	backend->admin = (enum backend_admin)random_below(random, 3);
	/* Health belongs to no generation: what is remembered of one does not end with it. */
	if (random_once_in(random, 2))
		testbed_publish(tb);
	fill_buckets();
	CU_ASSERT_EQUAL(dataplane_set_health(&tb->dp, &tb->cluster, &health, 1), 0);
	CU_ASSERT_FATAL(!prefix_parse("198.51.100.8/32", &source));
	err = random_once_in(random, 2) ? dataplane_block(&tb->dp, &source)
					: dataplane_unblock(&tb->dp, &source);
	CU_ASSERT(!err || err == -ENOENT);
}

/* A connection ID as servers make them, or nearly so. */
static void make_quic(struct random *random, bool v6, struct packet *packet)
{
	unsigned short at = (v6 ? FRAME_IP6 : FRAME_IP4) + 8;

	packet->dport = 443;
	packet->poke[0] = (struct poke){at, random_once_in(random, 4) ? 0xc0 : 0x40};
	packet->poke[1] =
		(struct poke){(unsigned short)(at + 1), (unsigned char)random_below(random, 256)};
	packet->poke[2] =
		(struct poke){(unsigned short)(at + 2), (unsigned char)random_below(random, 6)};
	packet->payload += 3;
}

/* Half of them plain packets of few flows, which is what the express way is for. */
static void pick_frame(struct testbed *tb, struct random *random, struct frame *frame)
{
	static const unsigned char sender[ETH_ALEN] = {0x02, 0xff, 0, 0, 0, 1};
	static const unsigned short plain_tcp[] = {80, 70};
	bool v6 = random_once_in(random, 2), udp = random_once_in(random, 3);
	struct packet packet = {.src = (v6 ? addresses6 : addresses4)[random_below(random, 2)],
				.dst = v6 ? "2001:db8:2::10" : "192.0.2.10",
				.proto = udp ? IPPROTO_UDP : IPPROTO_TCP,
				.sport = (unsigned short)(40000 + random_below(random, 8)),
				.dport = udp ? 53 : plain_tcp[random_below(random, 2)],
				.tos = (unsigned char)random_below(random, 256),
				.payload = random_below(random, 64)};

	if (udp && random_once_in(random, 3))
		make_quic(random, v6, &packet);
	if (random_once_in(random, 2))
		frame_build(frame, &packet);
	else
		random_frame(random, &pool, frame);
	frame_set_link(frame, testbed_port(tb, "eth0")->mac, sender);
}

static void check_roles(struct random *random, const char *roles)
{
	static struct state behind;
	struct sluice_bpf *skels[2];
	unsigned sent = 0, refused = 0, tries;
	struct frame frame;
	struct testbed tb;
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), config, roles);
	testbed_up(&tb, "lb", yaml);
	CU_ASSERT_FATAL(!table_map(tb.dp.buckets, true, &buckets));
	CU_ASSERT_FATAL(!table_map(tb.dp.sources, true, &sources));
	skels[0] = load(&tb, false);
	skels[1] = load(&tb, true);
	CU_ASSERT_FATAL(skels[0] && skels[1]);
	for (unsigned i = 0; i < PACKETS; i++) {
		if (i % CHANGE_EVERY == CHANGE_EVERY - 1)
			change(&tb, random);
		pick_frame(&tb, random, &frame);
		/* The time of a connection may be written by one and be too early for the other. */
		for (tries = 0; tries < 3; tries++)
			if (is_alike(&tb, skels, &frame, &behind))
				break;
		if (tries == 3) {
			printf("\n    %s, packet %u\n", roles, i);
			CU_FAIL("express way and pipeline differ");
			break;
		}
		sent += behind.ledger.outcome[SLUICE_TX].packets ||
			behind.ledger.outcome[SLUICE_REDIRECT].packets;
		refused += behind.ledger.outcome[SLUICE_RATE_SERVICE].packets ||
			   behind.ledger.outcome[SLUICE_RATE_SOURCE].packets;
	}
	CU_ASSERT(sent > PACKETS / 5);
	CU_ASSERT(refused > PACKETS / 50);
	table_unmap(&buckets);
	table_unmap(&sources);
	sluice_bpf__destroy(skels[0]);
	sluice_bpf__destroy(skels[1]);
	testbed_down(&tb);
}

static void both_ways_give_one_answer(void)
{
	struct random random;

	random_init(&random, 5);
	check_roles(&random, "balancer");
	check_roles(&random, "balancer, forward");
	check_roles(&random, "balancer, decap");
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(both_ways_give_one_answer),
		{},
	};

	return unit_run("express", tests);
}
