/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the data plane remembers, as a test asks for it: by packet and by name. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "testbed.h"
#include "testbed_private.h"
#include "dataplane_private.h"

#define SERVICES_OF_TESTS 64
#define LOADS_OF_TESTS	  1024 /* more entries than the VIPs and backends of any test take */
#define LIMITS_OF_TESTS	  16   /* of services, and of rules */
#define RULES_OF_TESTS	  4096 /* more ids than the rules of any test have */

static struct sluice_addr address(const char *text)
{
	struct sluice_addr addr;

	if (addr_parse(text, &addr))
		die("not an address: %s", text);
	return addr;
}

static struct sluice_flow_key flow_key(const struct packet *packet)
{
	struct sluice_addr src = address(packet->src), dst = address(packet->dst);
	bool echo = packet->proto == IPPROTO_ICMP;
	struct sluice_flow_key key = {
		.lo = src,
		.hi = dst,
		.lo_port = htons(echo ? packet->id : packet->sport),
		.hi_port = htons(echo ? packet->id : packet->dport),
		.proto = (__u8)(packet->proto ? packet->proto : IPPROTO_TCP),
	};

	if (echo && packet_is_v6(packet))
		key.proto = IPPROTO_ICMPV6;
	return key;
}

/* The VIP's number in force; 0: the packet is to none. */
static __u16 vip_id(const struct testbed *tb, const struct sluice_flow_key *key)
{
	struct sluice_vip_key vip_key = {
		.addr = key->hi, .port = key->hi_port, .proto = key->proto};
	unsigned slot = dataplane_slot(&tb->dp), id;
	struct sluice_vip vip = {};
	int fd;

	if (bpf_map_lookup_elem(tb->dp.vips, &slot, &id))
		die("no VIPs in force");
	fd = bpf_map_get_fd_by_id(id);
	bpf_map_lookup_elem(fd, &vip_key, &vip);
	close(fd);
	return vip.id;
}

static bool is_connection(const struct testbed_connections *table, size_t i,
			  const struct sluice_flow_key *key, __u16 vip)
{
	const struct sluice_conn6 *entry = testbed_connection(table, i);
	__u64 tail = (__u64)key->lo_port << 32 | (__u64)vip << 48;

	if (SLUICE_CONN_GET(OWNED, entry->value) != SLUICE_CONN_LIVE)
		return false;
	if (!table->v6)
		return entry->key == (tail | key->lo.words[3]);
	return entry->key == tail && !addr_cmp(&entry->src, &key->lo);
}

static struct sluice_conn6 *find_connection(const struct testbed *tb, const struct packet *packet,
					    struct testbed_connections *table)
{
	struct sluice_flow_key key = flow_key(packet);
	__u16 vip = vip_id(tb, &key);

	testbed_connections(tb, packet_is_v6(packet), table);
	for (size_t i = 0; i < table->count && vip; i++)
		if (is_connection(table, i, &key, vip))
			return testbed_connection(table, i);
	testbed_connections_put(table);
	return NULL;
}

static bool read_connection(const struct testbed *tb, const struct packet *packet,
			    struct sluice_flow *out)
{
	struct testbed_connections table;
	const struct sluice_conn6 *entry = find_connection(tb, packet, &table);
	__u64 value;

	if (!entry)
		return false;
	value = entry->value;
	testbed_connections_put(&table);
	out->backend = SLUICE_CONN_GET(BACKEND, value);
	out->incarnation = SLUICE_CONN_GET(INCARNATION, value);
	out->state = SLUICE_CONN_GET(STATE, value);
	out->flags = SLUICE_FLOW_BALANCED;
	return true;
}

static void write_connection(const struct testbed *tb, const struct packet *packet,
			     const struct sluice_flow *flow)
{
	struct testbed_connections table;
	struct sluice_conn6 *entry = find_connection(tb, packet, &table);

	if (!entry)
		die("no connection to change");
	entry->value &= SLUICE_CONN_PUT(OWNED, -1) | SLUICE_CONN_PUT(SEQUENCE, -1) |
			SLUICE_CONN_PUT(EXPIRES, -1);
	entry->value |= SLUICE_CONN_PUT(BACKEND, flow->backend) |
			SLUICE_CONN_PUT(INCARNATION, flow->incarnation) |
			SLUICE_CONN_PUT(STATE, flow->state);
	testbed_connections_put(&table);
}

void testbed_connections(const struct testbed *tb, bool v6, struct testbed_connections *out)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	int fd = v6 ? tb->dp.conns6 : tb->dp.conns4;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		die("no connections");
	out->v6 = v6;
	out->count = (size_t)info.max_entries * SLUICE_WAYS;
	out->bytes = (size_t)info.max_entries * info.value_size;
	out->entries = mmap(NULL, out->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (out->entries == MAP_FAILED)
		die("connections are not mapped");
}

void testbed_connections_put(struct testbed_connections *table)
{
	munmap(table->entries, table->bytes);
}

void *testbed_connection(const struct testbed_connections *table, size_t i)
{
	size_t bytes = table->v6 ? sizeof(struct sluice_conn6) : sizeof(struct sluice_conn4);

	return (char *)table->entries + i * bytes;
}

static struct sluice_flow_key swapped(const struct sluice_flow_key *key)
{
	struct sluice_flow_key other = *key;

	other.lo = key->hi;
	other.hi = key->lo;
	other.lo_port = key->hi_port;
	other.hi_port = key->lo_port;
	return other;
}

/* Which endpoint is lo is the data plane's affair. */
static bool find_flow(const struct testbed *tb, const struct packet *packet,
		      struct sluice_flow_key *key, struct sluice_flow *out)
{
	*key = flow_key(packet);
	if (!bpf_map_lookup_elem(tb->dp.flows, key, out))
		return true;
	*key = swapped(key);
	return !bpf_map_lookup_elem(tb->dp.flows, key, out);
}

bool testbed_flow(const struct testbed *tb, const struct packet *packet, struct sluice_flow *out)
{
	struct sluice_flow_key key;

	memset(out, 0, sizeof(*out));
	return find_flow(tb, packet, &key, out) || read_connection(tb, packet, out);
}

void testbed_set_flow(const struct testbed *tb, const struct packet *packet,
		      const struct sluice_flow *flow)
{
	struct sluice_flow_key key;
	struct sluice_flow before;

	if (!find_flow(tb, packet, &key, &before))
		write_connection(tb, packet, flow);
	else if (bpf_map_update_elem(tb->dp.flows, &key, flow, BPF_EXIST))
		die("no flow to change");
}

static size_t count_connections(const struct testbed *tb, bool v6)
{
	struct testbed_connections table;
	size_t count = 0;

	testbed_connections(tb, v6, &table);
	for (size_t i = 0; i < table.count; i++) {
		const struct sluice_conn4 *entry = testbed_connection(&table, i);

		count += SLUICE_CONN_GET(OWNED, entry->value) == SLUICE_CONN_LIVE;
	}
	testbed_connections_put(&table);
	return count;
}

size_t testbed_flow_count(const struct testbed *tb)
{
	struct sluice_flow_key key, *previous = NULL;
	size_t count = count_connections(tb, false) + count_connections(tb, true);

	for (; !bpf_map_get_next_key(tb->dp.flows, previous, &key); previous = &key)
		count++;
	return count;
}

struct sluice_count testbed_rule_use(const struct testbed *tb, const char *policy, const char *rule)
{
	const struct policy *p = model_policy(&tb->cluster, policy);
	const struct rule *r = p ? model_rule(p, rule) : NULL;
	struct sluice_count count;

	if (!r || dataplane_read_rule_use(&tb->dp, r->id, &count))
		die("no counter of rule %s", rule);
	return count;
}

unsigned testbed_backend_slot(const struct testbed *tb, const char *service, const char *backend)
{
	const struct service *s = model_service(&tb->cluster, service);
	const struct backend *b = s ? model_backend(s, backend) : NULL;
	unsigned index, slot;

	if (!b || dataplane_service_index(&tb->dp, s, &index) ||
	    dataplane_backend_slot(&tb->dp, index, b, &slot))
		die("no backend %s in force", backend);
	return slot;
}

struct sluice_load testbed_load(const struct testbed *tb, const char *service, const char *backend)
{
	const struct service *s = model_service(&tb->cluster, service);
	const struct backend *b = s ? model_backend(s, backend) : NULL;
	struct sluice_load load;
	struct loads *loads;

	if (!b || loads_read(&tb->dp, &loads) || !loads_of_backend(loads, s, b, &load))
		die("no load of backend %s", backend);
	loads_free(loads);
	return load;
}

static void clear_map(int fd)
{
	unsigned char key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			die("map is not cleared");
}

static void clear_counters(int fd, __u32 first, __u32 entries, size_t value_bytes)
{
	void *zeros = calloc((size_t)libbpf_num_possible_cpus(), value_bytes);

	for (__u32 i = first; zeros && i < first + entries; i++)
		if (bpf_map_update_elem(fd, &i, zeros, BPF_EXIST))
			die("counters are not cleared");
	free(zeros);
}

static void clear_connections(const struct testbed *tb, bool v6)
{
	struct testbed_connections table;

	testbed_connections(tb, v6, &table);
	memset(table.entries, 0, table.bytes);
	testbed_connections_put(&table);
}

static void clear_array(int fd)
{
	struct table_view view;

	if (table_map(fd, true, &view))
		die("buckets are not cleared");
	memset(view.data, 0, view.bytes);
	table_unmap(&view);
}

static void clear_limits(const struct testbed *tb)
{
	clear_array(tb->dp.buckets);
	clear_array(tb->dp.sources);
	clear_counters(tb->dp.limit_use, 0, LIMITS_OF_TESTS, sizeof(struct sluice_limit_use));
	clear_counters(tb->dp.limit_use, SLUICE_MAX_SERVICES, LIMITS_OF_TESTS,
		       sizeof(struct sluice_limit_use));
}

static void clear_past(const struct testbed *tb)
{
	struct table_view past;

	if (table_map(tb->dp.past, true, &past))
		die("counters are not cleared");
	memset(past.data, 0, past.bytes);
	table_unmap(&past);
}

/* All that packets wrote there; the limits stay. */
static void clear_pressure(const struct testbed *tb)
{
	struct sluice_cookie_service *services;
	struct table_view view;

	if (table_map(tb->dp.cookie_services, true, &view))
		die("SYN pressure is not cleared");
	services = view.data;
	for (unsigned i = 0; i < SERVICES_OF_TESTS; i++)
		services[i] = (struct sluice_cookie_service){.limit = services[i].limit};
	table_unmap(&view);
}

/* Of a set that is empty, the summaries are as well. */
static void clear_blocks(const struct testbed *tb)
{
	struct table_view kinds;

	if (!tb->dp.control->block_entries)
		return;
	clear_map(tb->dp.block);
	clear_map(tb->dp.block_groups);
	tb->dp.control->block_entries = 0;
	if (table_map(tb->dp.block_kinds, true, &kinds))
		die("blocks are not cleared");
	memset(kinds.data, 0, kinds.bytes);
	table_unmap(&kinds);
}

void state_clear(const struct testbed *tb)
{
	clear_map(tb->dp.flows);
	clear_connections(tb, false);
	clear_connections(tb, true);
	clear_map(tb->dp.misses);
	clear_map(tb->dp.notes);
	clear_blocks(tb);
	clear_counters(tb->dp.rule_use, 0, RULES_OF_TESTS, sizeof(struct sluice_count));
	clear_counters(tb->dp.load, 0, LOADS_OF_TESTS, sizeof(struct sluice_load));
	clear_limits(tb);
	clear_counters(tb->dp.cookie_count, 0, SERVICES_OF_TESTS,
		       sizeof(struct sluice_cookie_count));
	clear_pressure(tb);
	clear_past(tb);
}
