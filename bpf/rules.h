/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The classifier: the first of the ordered rules of an interface's policy that matches, at
 * the same cost however many there are. Each dimension of the packet is looked up by itself
 * and gives a class; the classes' vectors have a bit for each rule (sluice/abi.h). Which rule
 * a combination of classes meets is remembered, per CPU, with the generation that it is true
 * of: combinations are few, and finding one may take a look at each word of the vectors.
 */
#ifndef SLUICE_BPF_RULES_H
#define SLUICE_BPF_RULES_H

#include "flow_state.h"
#include "tables.h"

struct judgement {
	__u32 rule;   /* id, SLUICE_NONE: no rule matched */
	__u8 action;  /* enum sluice_action */
	__u8 limited; /* 1: the rule has a limit */
	__u8 pad[2];
};

/* Two words that tell a combination of classes, and the generation that it is of. */
struct combination {
	__u64 classes; /* of SRC, DST, SPORT and DPORT */
	__u64 rest;    /* of KIND and IN; the generation << 32 */
};

/* What of a packet the rules may ask for. */
struct question {
	struct tuple tuple; /* as the initiator sent it */
	__u32 generation;   /* of the configuration, and its slot */
	__u32 slot;
	__u32 kind;    /* index into the slot's sluice_classes */
	__u32 in;      /* port slot that the initiator came in by */
	__u32 invalid; /* 1: no flow knows the packet, and it may open none */
};

/* Answers that are no position. */
#define MATCH_NONE    -1
#define MATCH_LOST    -2 /* a table is not there: for the verifier */
#define MATCH_UNKNOWN -3 /* not remembered: search_vectors() must tell */

#define MEMO_ENTRIES 1024

struct memo {
	struct combination of; /* zeros: of none, as no packet sees a generation 0 */
	__s64 position;
};

/*
 * What a packet's classification works on, for lack of stack: on 6.1 all callers share 512
 * bytes, and it is called from deep within. One element, looked up once by each step.
 */
struct classification {
	struct question question;
	struct combination combination;
	/*
	 * One address on its way down the tree of lengths. The verifier knows nothing of what
	 * is in maps, and so does not walk each way down.
	 */
	__u64 high; /* of the address, host byte order */
	__u64 low;
	__u32 node;
	__u32 class; /* the best so far */
	/* And one combination on its way through the words of its vectors. */
	__u64 words; /* of the group, those that may have a bit in common: not yet tried */
	__u32 group; /* of 64 words */
	int position;
	struct judgement judgement;
	struct memo memos[MEMO_ENTRIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct classification);
} sluice_classify SEC(".maps");

static __always_inline struct classification *classification(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sluice_classify, &zero);
}

/* --- one dimension ------------------------------------------------------------- */

/* Class 0 matches nothing. */
static __always_inline __u32 class_at(__u32 slot, __u32 index)
{
	__u32 at = slot * SLUICE_CLASS_WORDS + index / SLUICE_CLASSES_PER_WORD;
	const struct sluice_class_word *word = bpf_map_lookup_elem(&sluice_classes, &at);

	return word ? word->of[index & (SLUICE_CLASSES_PER_WORD - 1)] : 0;
}

/* The entry of that key, or 0. Without branches: the verifier would walk each of them. */
static __always_inline __u64 find_match4(const struct sluice_match4 *bucket, __u64 key)
{
	__u64 found = 0;
	int i;

	for (i = 0; i < SLUICE_MATCH4_WAYS; i++) {
		__u64 entry = bucket->entries[i], other = (entry ^ key) >> 16;

		found |= entry & -((other - 1) >> 63);
	}
	return found;
}

static __always_inline void descend(struct classification *work, __u64 found)
{
	work->node = work->node * 2 + !!found;
	if (found)
		work->class = found & 0xffff;
}

/* What the steps of one descent share. */
struct descent {
	const struct sluice_classifier *head;
	void *table;
	struct classification *work;
	__u32 dimension;
};

/* bpf_loop callback: 1 ends the loop. Plain loops, 6.1 refuses as clang lays them out. */
static long step_v4(__u32 i, struct descent *at)
{
	__u32 length = at->head->lengths[at->dimension & 1][0][at->work->node & 63], index;
	const struct sluice_match4 *bucket;
	__u64 key;

	if (!length)
		return 1;
	key = sluice_match4_key((__u32)at->work->low & (~0U << (32 - length)), at->dimension,
				length);
	index = sluice_match4_bucket(key, at->head->shift[0]);
	bucket = bpf_map_lookup_elem(at->table, &index);
	if (!bucket)
		return 1;
	descend(at->work, find_match4(bucket, key));
	return 0;
}

static __always_inline __u64 find_match6(const struct sluice_match6 *bucket, __u64 high, __u64 low,
					 __u64 rest)
{
	__u64 found = 0;
	int i;

	for (i = 0; i < SLUICE_MATCH6_WAYS; i++) {
		__u64 other = (bucket->high[i] ^ high) | (bucket->low[i] ^ low) |
			      (bucket->rest[i] ^ rest) >> 16;

		found |= bucket->rest[i] & (((other | -other) >> 63) - 1);
	}
	return found;
}

static long step_v6(__u32 i, struct descent *at)
{
	const struct classification *work = at->work;
	__u32 length = at->head->lengths[at->dimension & 1][1][work->node & 255], index;
	__u64 rest = SLUICE_MATCH_REST(at->dimension, length);
	__u64 high = length < 64 ? work->high & (~0ULL << (64 - length)) : work->high;
	__u64 low = length > 64 ? work->low & (~0ULL << (128 - length)) : 0;
	const struct sluice_match6 *bucket;

	if (!length)
		return 1;
	index = sluice_match6_bucket(high, low, rest, at->head->shift[1]);
	bucket = bpf_map_lookup_elem(at->table, &index);
	if (!bucket)
		return 1;
	descend(at->work, find_match6(bucket, high, low, rest));
	return 0;
}

static __always_inline void begin_descent(struct descent *at, __u32 dimension, __u32 family)
{
	struct classification *work = at->work;
	const struct tuple *tuple = &work->question.tuple;
	const struct sluice_addr *addr = dimension == SLUICE_DIM_SRC ? &tuple->src : &tuple->dst;

	at->dimension = dimension;
	work->high = (__u64)bpf_ntohl(addr->words[0]) << 32 | bpf_ntohl(addr->words[1]);
	work->low = (__u64)bpf_ntohl(addr->words[2]) << 32 | bpf_ntohl(addr->words[3]);
	work->node = 1;
	work->class = at->head->base[dimension][family];
}

static __always_inline __u32 class_of_v4(struct descent *at, __u32 dimension)
{
	begin_descent(at, dimension, 0);
	bpf_loop(SLUICE_LENGTH_HEIGHT_4, step_v4, at, 0);
	return at->work->class;
}

static __always_inline __u32 class_of_v6(struct descent *at, __u32 dimension)
{
	begin_descent(at, dimension, 1);
	bpf_loop(SLUICE_LENGTH_HEIGHT_6, step_v6, at, 0);
	return at->work->class;
}

/* Begins the combination with the classes of both addresses. 0, or MATCH_LOST. */
ISOLATED_STAGE find_addresses(__u32 slot)
{
	struct descent at = {.head = bpf_map_lookup_elem(&sluice_classifier, &slot),
			     .work = classification()};
	__u64 src, dst;

	if (!at.head || !at.work)
		return MATCH_LOST;
	if (addr_is_v4(&at.work->question.tuple.src)) {
		at.table = bpf_map_lookup_elem(&sluice_match4, &slot);
		if (!at.table)
			return MATCH_LOST;
		src = class_of_v4(&at, SLUICE_DIM_SRC);
		dst = class_of_v4(&at, SLUICE_DIM_DST);
	} else {
		at.table = bpf_map_lookup_elem(&sluice_match6, &slot);
		if (!at.table)
			return MATCH_LOST;
		src = class_of_v6(&at, SLUICE_DIM_SRC);
		dst = class_of_v6(&at, SLUICE_DIM_DST);
	}
	at.work->combination.classes = src | dst << 16;
	return 0;
}

/* --- all dimensions ------------------------------------------------------------ */

/* Adds the other classes. */
static __always_inline int complete_combination(struct classification *work)
{
	const struct question *question = &work->question;
	__u32 slot = question->slot, at = question->in & (SLUICE_MAX_PORTS - 1);
	const struct sluice_classifier *head = bpf_map_lookup_elem(&sluice_classifier, &slot);
	__u64 sport, dport, kind, in;

	if (!head)
		return MATCH_LOST;
	sport = class_at(slot, SLUICE_CLASS_SPORT + bpf_ntohs(question->tuple.sport));
	dport = class_at(slot, SLUICE_CLASS_DPORT + bpf_ntohs(question->tuple.dport));
	kind = class_at(slot, question->kind);
	in = head->in[at][question->invalid & 1];
	work->combination.classes |= sport << 32 | dport << 48;
	work->combination.rest = kind | in << 16 | (__u64)question->generation << 32;
	return 0;
}

/* The vectors of one combination; the rest of a search is in the classification. */
struct search {
	struct classification *work;
	const struct sluice_vector *vectors[SLUICE_DIM_COUNT];
};

/* de Bruijn: the number of zeros below the lowest one of `bits`, which is not 0. */
static __always_inline __u32 lowest_bit(__u64 bits)
{
	static const __u8 numbers[64] = {
		0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28,
		62, 5,	39, 46, 44, 42, 22, 9,	24, 35, 59, 56, 49, 18, 29, 11,
		63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
		51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
	};

	return numbers[(bits & -bits) * 0x022fdd63cc95386dULL >> 58];
}

static __always_inline __u64 shared_words(const struct search *search, __u32 group)
{
	__u64 words = ~0ULL;
	int i;

	group &= SLUICE_SUMMARY_WORDS - 1;
	for (i = 0; i < SLUICE_DIM_COUNT; i++)
		words &= search->vectors[i]->summary[group];
	return words;
}

static __always_inline __u64 shared_bits(const struct search *search, __u32 word)
{
	__u64 bits = ~0ULL;
	int i;

	word &= SLUICE_VECTOR_WORDS - 1;
	for (i = 0; i < SLUICE_DIM_COUNT; i++)
		bits &= search->vectors[i]->words[word];
	return bits;
}

/* bpf_loop callback: 1 ends the loop. */
static long try_word(__u32 i, struct search *search)
{
	struct classification *work = search->work;
	__u32 word;
	__u64 bits;

	if (!work->words) {
		if (++work->group >= SLUICE_SUMMARY_WORDS)
			return 1;
		work->words = shared_words(search, work->group);
		return 0;
	}
	word = work->group * 64 + lowest_bit(work->words);
	work->words &= work->words - 1;
	bits = shared_bits(search, word);
	if (!bits)
		return 0;
	work->position = word * 64 + lowest_bit(bits);
	return 1;
}

/* The position of the first rule that has the combination's classes. */
ISOLATED_STAGE search_vectors(__u32 slot)
{
	struct search search = {.work = classification()};
	struct classification *work = search.work;
	void *vectors = bpf_map_lookup_elem(&sluice_vectors, &slot);
	int i;

	if (!vectors || !work)
		return MATCH_LOST;
	for (i = 0; i < SLUICE_DIM_COUNT; i++) {
		__u64 half = i < 4 ? work->combination.classes : work->combination.rest;

		work->class = half >> (i & 3) * 16 & 0xffff;
		search.vectors[i] = bpf_map_lookup_elem(vectors, &work->class);
		if (!search.vectors[i])
			return MATCH_LOST;
	}
	work->position = MATCH_NONE;
	work->group = 0;
	work->words = shared_words(&search, 0);
	bpf_loop(SLUICE_VECTOR_WORDS + SLUICE_SUMMARY_WORDS, try_word, &search, 0);
	return work->position;
}

static __always_inline struct memo *memo_of(struct classification *work)
{
	__u64 hash = sluice_mix(sluice_mix(work->combination.classes) ^ work->combination.rest);

	return &work->memos[hash >> 32 & (MEMO_ENTRIES - 1)];
}

/* Behind find_addresses(): what is remembered of the combination. */
ISOLATED_STAGE recall(void)
{
	struct classification *work = classification();
	const struct memo *memo;

	if (!work || complete_combination(work))
		return MATCH_LOST;
	memo = memo_of(work);
	if (memo->of.classes != work->combination.classes ||
	    memo->of.rest != work->combination.rest || config.trace)
		return MATCH_UNKNOWN;
	return memo->position;
}

static __always_inline void memorise(struct classification *work, int position)
{
	struct memo *memo;

	if (config.trace)
		return;
	memo = memo_of(work);
	memo->of = work->combination;
	memo->position = position;
}

/* --- the judgement ------------------------------------------------------------- */

static __always_inline __u32 kind_of(const struct packet *pkt)
{
	__u32 proto = pkt->self.proto;

	if (proto == IPPROTO_TCP)
		return SLUICE_CLASS_TCP + pkt->tcp_flags;
	if (!is_icmp(pkt))
		return SLUICE_CLASS_PROTO + proto;
	return (pkt->is_v6 ? SLUICE_CLASS_ICMP6 : SLUICE_CLASS_ICMP4) +
	       (pkt->icmp_type << 8 | pkt->icmp_code);
}

/* Of the packet that opened a flow: it is long gone. */
static __always_inline __u32 kind_of_opening(const struct packet *pkt)
{
	__u32 proto = pkt->flow.proto;

	if (proto == IPPROTO_TCP)
		return SLUICE_CLASS_TCP + TCP_SYN;
	if (proto == IPPROTO_ICMP && !pkt->is_v6)
		return SLUICE_CLASS_ICMP4 + (ICMP_ECHO << 8);
	if (proto == IPPROTO_ICMPV6 && pkt->is_v6)
		return SLUICE_CLASS_ICMP6 + (ICMPV6_ECHO_REQUEST << 8);
	return SLUICE_CLASS_PROTO + proto;
}

static __always_inline int opens_no_flow(const struct packet *pkt)
{
	if (pkt->self.proto == IPPROTO_TCP)
		return !is_opening_syn(pkt);
	if (!is_icmp(pkt))
		return 0;
	return is_icmp_error(pkt) ||
	       pkt->icmp_type == (pkt->is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY);
}

static __always_inline int first_match(struct classification *work, __u32 slot)
{
	int position = find_addresses(slot);

	if (!position)
		position = recall();
	if (position != MATCH_UNKNOWN)
		return position;
	position = search_vectors(slot);
	memorise(work, position);
	return position;
}

/* Leaves the judgement on the question, of a packet that came in by `port_slot`. */
static __always_inline enum sluice_outcome classify(const struct tables *tables, __u8 port_slot)
{
	struct classification *work = classification();
	const struct sluice_port *port = tables->port;
	const struct sluice_rule *rule;
	__u32 slot = tables->slot, position = MATCH_NONE;
	void *rules;

	if (port_slot != config.port)
		port = port_lookup(slot, port_slot);
	rules = bpf_map_lookup_elem(&sluice_rules, &slot);
	if (!port || !rules || !work)
		return SLUICE_INTERNAL;
	if (port->rule_count)
		position = first_match(work, slot);
	if (position == (__u32)MATCH_LOST)
		return SLUICE_INTERNAL;
	work->judgement = (struct judgement){.rule = SLUICE_NONE, .action = port->default_action};
	rule = bpf_map_lookup_elem(rules, &position);
	if (rule) {
		work->judgement = (struct judgement){
			.rule = rule->id, .action = rule->action, .limited = rule->limited};
		trace(SLUICE_STEP_RULE, rule->id, rule->action);
	} else {
		trace(SLUICE_STEP_DEFAULT, port->default_action, port->rule_count);
	}
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_RULES_H */
