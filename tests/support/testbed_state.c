/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the data plane remembers, as a test asks for it: by packet and by name. */
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "testbed.h"
#include "testbed_private.h"

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
	return find_flow(tb, packet, &key, out);
}

void testbed_set_flow(const struct testbed *tb, const struct packet *packet,
		      const struct sluice_flow *flow)
{
	struct sluice_flow_key key;
	struct sluice_flow before;

	if (!find_flow(tb, packet, &key, &before) ||
	    bpf_map_update_elem(tb->dp.flows, &key, flow, BPF_EXIST))
		die("no flow to change");
}

size_t testbed_flow_count(const struct testbed *tb)
{
	struct sluice_flow_key key, *previous = NULL;
	size_t count = 0;

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

static void clear_map(int fd)
{
	unsigned char key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			die("map is not cleared");
}

static void clear_counters(int fd, __u32 entries, size_t value_bytes)
{
	void *zeros = calloc((size_t)libbpf_num_possible_cpus(), value_bytes);

	for (__u32 i = 0; zeros && i < entries; i++)
		if (bpf_map_update_elem(fd, &i, zeros, BPF_EXIST))
			die("counters are not cleared");
	free(zeros);
}

void state_clear(const struct testbed *tb)
{
	clear_map(tb->dp.flows);
	clear_map(tb->dp.misses);
	clear_map(tb->dp.block);
	tb->dp.control->block_entries = 0;
	clear_counters(tb->dp.rule_use, SLUICE_MAX_RULES, sizeof(struct sluice_count));
	clear_counters(tb->dp.load, SLUICE_MAX_BACKENDS, sizeof(struct sluice_load));
}
