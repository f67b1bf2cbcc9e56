/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set: a trie that is exact, and in front of it, for each IPv4 /24, what the trie
 * would say of it. When in doubt a summary says "ask": EXACT is always right. So a prefix is
 * put into the trie first, then its summaries say so; and when it goes, they say "ask",
 * until a small set is summed up anew.
 */
#include "block_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dataplane_private.h"

#define SUM_UP_MAX 4096 /* entries: to go through them all takes no time that anyone notices */

#define V6_SUMMARY_BITS 32 /* of an address that choose its summary */

__u64 block_set_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

/* --- kinds ------------------------------------------------------------------- */

static unsigned kind_at(const __u64 *kinds, unsigned at)
{
	return kinds[at / SLUICE_BLOCK_KINDS_PER_WORD] >> at % SLUICE_BLOCK_KINDS_PER_WORD * 2 & 3;
}

/* With one store: packets read the word. */
static void set_kind(__u64 *kinds, unsigned at, __u64 kind)
{
	unsigned shift = at % SLUICE_BLOCK_KINDS_PER_WORD * 2;
	__u64 *word = &kinds[at / SLUICE_BLOCK_KINDS_PER_WORD];

	__atomic_store_n(word, (*word & ~(3ULL << shift)) | kind << shift, __ATOMIC_RELEASE);
}

static bool is_v4(const struct prefix *prefix)
{
	return prefix->bits >= SLUICE_V4_PREFIX_BITS && addr_is_v4(&prefix->addr);
}

static __u32 word_of(const struct sluice_addr *addr, unsigned i)
{
	return ntohl(addr->words[i]);
}

/* --- the addresses of one /24 ------------------------------------------------ */

static int group_add(const struct block_set *set, __u32 network, const struct block_entry *entry)
{
	unsigned first = word_of(&entry->prefix.addr, 3) & 255;
	unsigned count = 1U << (128 - entry->prefix.bits);
	struct sluice_block_group group = {0};

	(void)bpf_map_lookup_elem(set->dp->block_groups, &network, &group);
	for (unsigned i = first; i < first + count; i++)
		group.bits[i / 64] |= 1ULL << i % 64;
	if (entry->until_ns && (!group.until_ns || entry->until_ns < group.until_ns))
		group.until_ns = entry->until_ns;
	return bpf_map_update_elem(set->dp->block_groups, &network, &group, BPF_ANY) ? -errno : 0;
}

static unsigned kind_with(const struct block_set *set, unsigned kind, __u32 network,
			  const struct block_entry *entry)
{
	bool wide = entry->prefix.bits <= SLUICE_V4_PREFIX_BITS + 24;

	if (kind == SLUICE_BLOCK_EXACT || entry->allow)
		return SLUICE_BLOCK_EXACT;
	if (kind == SLUICE_BLOCK_FULL || (wide && !entry->until_ns))
		return SLUICE_BLOCK_FULL;
	if (wide || group_add(set, network, entry))
		return SLUICE_BLOCK_EXACT;
	return SLUICE_BLOCK_PART;
}

/* The /24s, or summaries of IPv6, that an entry lies in or covers. */
static void span(const struct prefix *prefix, unsigned *first, unsigned *count)
{
	unsigned length = prefix_length(prefix);

	if (is_v4(prefix)) {
		*first = word_of(&prefix->addr, 3) >> 8;
		*count = length < 24 ? 1U << (24 - length) : 1;
	} else if (length < V6_SUMMARY_BITS) {
		*first = SLUICE_BLOCK_KINDS4;
		*count = SLUICE_BLOCK_KINDS6;
	} else {
		*first = sluice_block_summary6(word_of(&prefix->addr, 0));
		*count = 1;
	}
}

/* Lets the summaries in `kinds` say that the entry is in the trie. */
static void sum_up_entry(const struct block_set *set, __u64 *kinds, const struct block_entry *entry)
{
	unsigned first, count;
	bool v4 = is_v4(&entry->prefix);

	span(&entry->prefix, &first, &count);
	for (unsigned at = first; at < first + count; at++) {
		unsigned kind = kind_at(kinds, at);
		unsigned next = v4 ? kind_with(set, kind, at, entry) : SLUICE_BLOCK_EXACT;

		if (next == kind)
			continue;
		set_kind(kinds, at, next);
		if (kind == SLUICE_BLOCK_PART)
			bpf_map_delete_elem(set->dp->block_groups, &at);
	}
}

/* Lets the summaries ask the trie. */
static void doubt(const struct block_set *set, const struct prefix *prefix)
{
	unsigned first, count;

	span(prefix, &first, &count);
	for (unsigned at = first; at < first + count; at++) {
		unsigned kind = kind_at(set->kinds, at);

		set_kind(set->kinds, at, SLUICE_BLOCK_EXACT);
		if (kind == SLUICE_BLOCK_PART)
			bpf_map_delete_elem(set->dp->block_groups, &at);
	}
}

/* --- the trie ---------------------------------------------------------------- */

static struct sluice_lpm_key key_of(const struct prefix *prefix)
{
	struct sluice_addr mask = addr_mask(prefix->bits);

	return (struct sluice_lpm_key){.bits = prefix->bits,
				       .addr = addr_and(&prefix->addr, &mask)};
}

/* Expired ones as well. */
static int each_entry(const struct dataplane *dp,
		      int (*each)(const struct block_entry *entry, void *data), void *data)
{
	struct sluice_lpm_key key, next;
	const void *at = NULL;
	int err = 0;

	while (!err && !bpf_map_get_next_key(dp->block, at, &next)) {
		struct sluice_block found;

		key = next;
		at = &key;
		if (bpf_map_lookup_elem(dp->block, &next, &found))
			continue;
		err = each(&(struct block_entry){.prefix = {next.addr, (unsigned char)next.bits},
						 .allow = found.allow,
						 .until_ns = found.until_ns},
			   data);
	}
	return err;
}

struct filter {
	int (*each)(const struct block_entry *entry, void *data);
	void *data;
	__u64 now_ns;
};

static int pass_in_force(const struct block_entry *entry, void *data)
{
	const struct filter *filter = data;

	if (entry->until_ns && entry->until_ns <= filter->now_ns)
		return 0;
	return filter->each(entry, filter->data);
}

int block_set_each(const struct dataplane *dp,
		   int (*each)(const struct block_entry *entry, void *data), void *data)
{
	struct filter filter = {each, data, block_set_now_ns()};

	return each_entry(dp, pass_in_force, &filter);
}

static void count_blocks(const struct dataplane *dp, __u64 change)
{
	__atomic_fetch_add(&dp->control->block_entries, change, __ATOMIC_RELEASE);
}

/* --- summing up anew --------------------------------------------------------- */

struct summary {
	const struct block_set *set;
	__u64 *kinds;
	__u64 now_ns;
	struct sluice_lpm_key expired[SUM_UP_MAX + 1];
	size_t expired_count;
};

static int sum_up_one(const struct block_entry *entry, void *data)
{
	struct summary *summary = data;

	if (!entry->until_ns || entry->until_ns > summary->now_ns)
		sum_up_entry(summary->set, summary->kinds, entry);
	else if (summary->expired_count < SUM_UP_MAX)
		summary->expired[summary->expired_count++] = key_of(&entry->prefix);
	return 0;
}

/* Beside what is in force, which until then asks where it must; and forgets what expired. */
static int sum_up(struct block_set *set)
{
	struct summary *summary = calloc(1, sizeof(*summary));
	__u64 *kinds = calloc(SLUICE_BLOCK_WORDS, sizeof(*kinds));
	int err = summary && kinds ? 0 : -ENOMEM;

	if (!err) {
		*summary =
			(struct summary){.set = set, .kinds = kinds, .now_ns = block_set_now_ns()};
		err = each_entry(set->dp, sum_up_one, summary);
		for (size_t i = 0; i < SLUICE_BLOCK_WORDS; i++)
			if (set->kinds[i] != kinds[i])
				__atomic_store_n(&set->kinds[i], kinds[i], __ATOMIC_RELEASE);
		for (size_t i = 0; i < summary->expired_count; i++)
			if (!bpf_map_delete_elem(set->dp->block, &summary->expired[i]))
				count_blocks(set->dp, -1ULL);
	}
	free(kinds);
	free(summary);
	return err;
}

/* --- changes ----------------------------------------------------------------- */

int block_set_open(struct block_set *set, struct dataplane *dp)
{
	struct table_view view;
	int err = dp->lock_fd < 0 ? -EPERM : table_map(dp->block_kinds, true, &view);

	if (err)
		return err;
	*set = (struct block_set){.dp = dp, .kinds = view.data, .bytes = view.bytes};
	return 0;
}

void block_set_close(struct block_set *set)
{
	munmap(set->kinds, set->bytes);
}

/* The trie answers with the longest match: whether that is the prefix itself. */
static bool find(const struct dataplane *dp, const struct sluice_lpm_key *key,
		 struct sluice_block *found)
{
	return !bpf_map_lookup_elem(dp->block, key, found) && found->bits == key->bits;
}

/* The count goes up first and down last: at zero, packets skip the look-up. */
int block_set_add(struct block_set *set, const struct block_entry *entry)
{
	struct sluice_lpm_key key = key_of(&entry->prefix);
	struct sluice_block value = {
		.bits = key.bits, .allow = entry->allow, .until_ns = entry->until_ns};
	struct block_entry masked = {{key.addr, entry->prefix.bits}, entry->allow, entry->until_ns};
	struct sluice_block before;
	bool is_known = find(set->dp, &key, &before);

	if (is_known && before.allow == value.allow && before.until_ns == value.until_ns)
		return 0;
	if (is_known)
		doubt(set, &masked.prefix);
	else
		count_blocks(set->dp, 1);
	if (bpf_map_update_elem(set->dp->block, &key, &value, BPF_ANY)) {
		int err = -errno;

		if (!is_known)
			count_blocks(set->dp, -1ULL);
		return err;
	}
	sum_up_entry(set, set->kinds, &masked);
	return 0;
}

int block_set_del(struct block_set *set, const struct prefix *prefix)
{
	struct sluice_lpm_key key = key_of(prefix);

	if (bpf_map_delete_elem(set->dp->block, &key))
		return -errno;
	doubt(set, &(struct prefix){key.addr, prefix->bits});
	count_blocks(set->dp, -1ULL);
	return set->dp->control->block_entries <= SUM_UP_MAX ? sum_up(set) : 0;
}

/* --- one prefix -------------------------------------------------------------- */

int dataplane_block(struct dataplane *dp, const struct prefix *prefix)
{
	struct block_entry entry = {.prefix = *prefix};
	struct block_set set;
	int err = block_set_open(&set, dp);

	if (err)
		return err;
	err = block_set_add(&set, &entry);
	block_set_close(&set);
	return err;
}

int dataplane_unblock(struct dataplane *dp, const struct prefix *prefix)
{
	struct block_set set;
	int err = block_set_open(&set, dp);

	if (err)
		return err;
	err = block_set_del(&set, prefix);
	block_set_close(&set);
	return err;
}
