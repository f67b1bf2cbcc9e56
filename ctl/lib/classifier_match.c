/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The dimensions of the classifier whose values are addresses. Prefixes are sorted, so that
 * each comes behind those that hold it: it matches their rules and its own. Then they go
 * into a hash by length, with the entries that lead a search to longer ones (binary search
 * on prefix lengths: Waldvogel, Varghese, Turner, Plattner, SIGCOMM 1997).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"

#define MIN_BUCKETS 16
#define MAX_BUCKETS (1U << 24)

struct member {
	__u64 high, low; /* the network, host byte order; IPv4 in the low 32 bits */
	unsigned char length;
	unsigned char family;
	__u16 rule;
};

struct entry {
	__u64 high, low;
	unsigned char length;
	unsigned char dimension;
	__u16 class;
};

/* One prefix of those that hold the one in hand, with all rules that it matches. */
struct holder {
	__u64 high, low;
	unsigned char length;
	__u16 class;
	struct rule_bits bits;
};

struct builder {
	const struct cluster *cluster;
	const struct compiled *compiled;
	struct vectors *vectors;
	struct sluice_classifier *head;
	unsigned dimension;
	struct rule_bits any; /* rules that ask for no address */
	struct member *members;
	size_t member_count, member_room;
	struct entry *entries[SLUICE_FAMILIES];
	size_t entry_count[SLUICE_FAMILIES], entry_room[SLUICE_FAMILIES];
	struct holder *holders; /* from the shortest on; the first is the whole family */
	size_t holder_count;
};

/* Room for one more; the array moves. */
static void *with_room(void *items, size_t count, size_t *room, size_t size)
{
	void *more;

	if (count < *room)
		return items;
	more = realloc(items, (*room * 2 + 64) * size);
	if (more)
		*room = *room * 2 + 64;
	return more;
}

/* --- members: which prefix is of which rule ------------------------------------------ */

static __u64 word_of(const struct sluice_addr *addr, unsigned half)
{
	__u64 word = 0;

	for (unsigned i = 0; i < 8; i++)
		word = word << 8 | addr->bytes[half * 8 + i];
	return word;
}

static int add_member(struct builder *builder, const struct prefix *prefix, size_t rule)
{
	struct sluice_addr mask = addr_mask(prefix->bits);
	struct sluice_addr network = addr_and(&prefix->addr, &mask);
	bool v4 = prefix->bits >= SLUICE_V4_PREFIX_BITS && addr_is_v4(&prefix->addr);
	struct member *members = with_room(builder->members, builder->member_count,
					   &builder->member_room, sizeof(*members));

	if (!members)
		return -ENOMEM;
	builder->members = members;
	members[builder->member_count++] = (struct member){
		.high = v4 ? 0 : word_of(&network, 0),
		.low = v4 ? (__u32)word_of(&network, 1) : word_of(&network, 1),
		.length = (unsigned char)(v4 ? prefix->bits - SLUICE_V4_PREFIX_BITS : prefix->bits),
		.family = !v4,
		.rule = (__u16)rule,
	};
	return 0;
}

static int add_members(struct builder *builder, const struct prefix *prefixes, size_t count,
		       size_t rule)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = add_member(builder, &prefixes[i], rule);
	return err;
}

/* A set without members matches nothing; no address at all matches everything. */
static int add_rule(struct builder *builder, size_t rule)
{
	const struct rule *source = builder->compiled->sources[rule].rule;
	const struct rule_addresses *addresses =
		builder->dimension == SLUICE_DIM_SRC ? &source->from : &source->to;
	int err;

	if (!addresses->prefix_count && !addresses->set_count)
		rule_bits_set(&builder->any, rule);
	err = add_members(builder, addresses->prefixes, addresses->prefix_count, rule);
	for (size_t i = 0; i < addresses->set_count && !err; i++) {
		const struct address_set *set = model_set(builder->cluster, addresses->sets[i]);

		if (set)
			err = add_members(builder, set->prefixes, set->prefix_count, rule);
	}
	return err;
}

static int by_prefix(const void *left, const void *right)
{
	const struct member *a = left, *b = right;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return a->length < b->length ? -1 : a->length > b->length;
}

static bool same_prefix(const struct member *a, const struct member *b)
{
	return !by_prefix(a, b);
}

/* --- the tree of lengths ------------------------------------------------------------- */

static void place_lengths(__u8 *nodes, unsigned node, const __u8 *lengths, size_t count)
{
	size_t middle = count / 2;

	if (!count)
		return;
	nodes[node] = lengths[middle];
	place_lengths(nodes, node * 2, lengths, middle);
	place_lengths(nodes, node * 2 + 1, lengths + middle + 1, count - middle - 1);
}

static void build_tree(__u8 *nodes, const struct member *members, size_t count)
{
	bool seen[129] = {false};
	__u8 lengths[128];
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		seen[members[i].length] = true;
	for (unsigned length = 1; length <= 128; length++)
		if (seen[length])
			lengths[found++] = (__u8)length;
	place_lengths(nodes, 1, lengths, found);
}

/* --- entries ------------------------------------------------------------------------- */

static void cut(unsigned family, unsigned length, __u64 *high, __u64 *low)
{
	if (!family) {
		*low &= (__u32)(~0ULL << (32 - length));
		return;
	}
	if (length < 64)
		*high &= ~0ULL << (64 - length);
	if (length <= 64)
		*low = 0;
	else
		*low &= ~0ULL << (128 - length);
}

static bool holds(const struct holder *holder, const struct member *member)
{
	__u64 high = member->high, low = member->low;

	if (!holder->length)
		return true;
	if (holder->length > member->length)
		return false;
	cut(member->family, holder->length, &high, &low);
	return high == holder->high && low == holder->low;
}

/* The class of what the member's first `length` bits match. */
static __u16 class_up_to(const struct builder *builder, unsigned length)
{
	size_t i = builder->holder_count;

	while (builder->holders[i - 1].length > length)
		i--;
	return builder->holders[i - 1].class;
}

static int add_entry(struct builder *builder, const struct member *member, unsigned length)
{
	unsigned family = member->family;
	struct entry entry = {member->high, member->low, (unsigned char)length,
			      (unsigned char)builder->dimension, class_up_to(builder, length)};
	struct entry *entries = with_room(builder->entries[family], builder->entry_count[family],
					  &builder->entry_room[family], sizeof(entry));

	if (!entries)
		return -ENOMEM;
	cut(family, length, &entry.high, &entry.low);
	builder->entries[family] = entries;
	entries[builder->entry_count[family]++] = entry;
	return 0;
}

/* The prefix itself, and before it what leads there from the top of the tree. */
static int add_entries(struct builder *builder, const struct member *member)
{
	const __u8 *nodes = builder->head->lengths[builder->dimension][member->family];
	unsigned node = 1;
	int err = 0;

	while (nodes[node] != member->length && !err) {
		bool longer = nodes[node] < member->length;

		if (longer)
			err = add_entry(builder, member, nodes[node]);
		node = node * 2 + longer;
	}
	return err ? err : add_entry(builder, member, member->length);
}

/* Members of one prefix: the first `count`. Its holders are those of the one before, or fewer. */
static int add_prefix(struct builder *builder, const struct member *members, size_t count)
{
	struct holder *holder;
	int err;

	while (!holds(&builder->holders[builder->holder_count - 1], members))
		builder->holder_count--;
	if (members->length) {
		holder = &builder->holders[builder->holder_count];
		holder->bits = holder[-1].bits;
		builder->holder_count++;
	} else {
		holder = &builder->holders[0];
	}
	holder->high = members->high;
	holder->low = members->low;
	holder->length = members->length;
	for (size_t i = 0; i < count; i++)
		rule_bits_set(&holder->bits, members[i].rule);
	err = vectors_intern(builder->vectors, &holder->bits, &holder->class);
	return err || !members->length ? err : add_entries(builder, members);
}

static int add_family(struct builder *builder, unsigned family, const struct member *members,
		      size_t count)
{
	struct holder *whole = &builder->holders[0];
	int err;

	*whole = (struct holder){.bits = builder->any};
	builder->holder_count = 1;
	build_tree(builder->head->lengths[builder->dimension][family], members, count);
	err = vectors_intern(builder->vectors, &whole->bits, &whole->class);
	for (size_t i = 0, next; i < count && !err; i = next) {
		next = i + 1;
		while (next < count && same_prefix(&members[next], &members[i]))
			next++;
		err = add_prefix(builder, &members[i], next - i);
	}
	builder->head->base[builder->dimension][family] = whole->class;
	return err;
}

static int add_dimension(struct builder *builder, unsigned dimension)
{
	size_t v4 = 0;
	int err = 0;

	builder->dimension = dimension;
	builder->any = (struct rule_bits){0};
	builder->member_count = 0;
	for (size_t i = 0; i < builder->compiled->rule_count && !err; i++)
		err = add_rule(builder, i);
	if (err)
		return err;
	if (builder->member_count)
		qsort(builder->members, builder->member_count, sizeof(*builder->members),
		      by_prefix);
	while (v4 < builder->member_count && !builder->members[v4].family)
		v4++;
	err = add_family(builder, 0, builder->members, v4);
	return err ? err
		   : add_family(builder, 1, builder->members + v4, builder->member_count - v4);
}

/* --- buckets ------------------------------------------------------------------------- */

static unsigned shift_for(size_t buckets)
{
	unsigned shift = 64;

	for (; buckets > 1; buckets /= 2)
		shift--;
	return shift;
}

/* False: its bucket is full. What is there already is of the same class. */
static bool put4(struct sluice_match4 *buckets, unsigned shift, const struct entry *entry)
{
	__u64 key = sluice_match4_key((__u32)entry->low, entry->dimension, entry->length);
	struct sluice_match4 *bucket = &buckets[sluice_match4_bucket(key, shift)];
	unsigned way = 0;

	while (way < SLUICE_MATCH4_WAYS && bucket->entries[way] &&
	       bucket->entries[way] >> 16 != key >> 16)
		way++;
	if (way < SLUICE_MATCH4_WAYS)
		bucket->entries[way] = key | entry->class;
	return way < SLUICE_MATCH4_WAYS;
}

static bool put6(struct sluice_match6 *buckets, unsigned shift, const struct entry *entry)
{
	__u64 rest = SLUICE_MATCH_REST(entry->dimension, entry->length);
	struct sluice_match6 *bucket =
		&buckets[sluice_match6_bucket(entry->high, entry->low, rest, shift)];
	unsigned way = 0;

	while (way < SLUICE_MATCH6_WAYS && bucket->rest[way] &&
	       (bucket->rest[way] >> 16 != rest >> 16 || bucket->high[way] != entry->high ||
		bucket->low[way] != entry->low))
		way++;
	if (way == SLUICE_MATCH6_WAYS)
		return false;
	bucket->high[way] = entry->high;
	bucket->low[way] = entry->low;
	bucket->rest[way] = rest | entry->class;
	return true;
}

static bool fill(const struct builder *builder, unsigned family, void *buckets, unsigned shift)
{
	const struct entry *entries = builder->entries[family];
	bool fits = true;

	for (size_t i = 0; i < builder->entry_count[family] && fits; i++)
		fits = family ? put6(buckets, shift, &entries[i])
			      : put4(buckets, shift, &entries[i]);
	return fits;
}

/* As many buckets as it takes for none to overflow. NULL: no memory. */
static void *make_buckets(const struct builder *builder, unsigned family, size_t *count)
{
	size_t size = family ? sizeof(struct sluice_match6) : sizeof(struct sluice_match4);
	size_t wanted = family ? builder->entry_count[1] : builder->entry_count[0] / 2;

	*count = MIN_BUCKETS;
	while (*count < wanted)
		*count *= 2;
	for (; *count <= MAX_BUCKETS; *count *= 2) {
		void *buckets = aligned_alloc(64, *count * size);

		if (!buckets)
			return NULL;
		memset(buckets, 0, *count * size);
		if (fill(builder, family, buckets, shift_for(*count)))
			return buckets;
		free(buckets);
	}
	return NULL;
}

static int make_tables(const struct builder *builder, struct classifier *out)
{
	out->match4 = make_buckets(builder, 0, &out->match4_count);
	out->match6 = make_buckets(builder, 1, &out->match6_count);
	out->head.shift[0] = shift_for(out->match4_count);
	out->head.shift[1] = shift_for(out->match6_count);
	return out->match4 && out->match6 ? 0 : -ENOMEM;
}

int classifier_match(const struct cluster *cluster, const struct compiled *compiled,
		     struct vectors *vectors, struct classifier *out)
{
	struct builder builder = {.cluster = cluster,
				  .compiled = compiled,
				  .vectors = vectors,
				  .head = &out->head,
				  .holders = calloc(129, sizeof(struct holder))};
	int err = builder.holders ? add_dimension(&builder, SLUICE_DIM_SRC) : -ENOMEM;

	if (!err)
		err = add_dimension(&builder, SLUICE_DIM_DST);
	if (!err)
		err = make_tables(&builder, out);
	free(builder.members);
	free(builder.entries[0]);
	free(builder.entries[1]);
	free(builder.holders);
	return err;
}
