/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Limits: token buckets shared by all CPUs, of services and of rules (sluice/abi.h). A bucket
 * is one word, and admitting a packet is one atomic operation on it; refusing one is none, so
 * a flood over its limit costs reads alone. What a source may is asked first: what it is
 * refused must not be taken from what is left for all others.
 *
 * Time is jiffies, because they cost nothing; userspace makes no bucket so shallow that what a
 * tick brings would not fit. Sums are exact: of two CPUs at once, both may pass where one
 * should, and the bucket owes for both.
 */
#ifndef SLUICE_BPF_LIMIT_H
#define SLUICE_BPF_LIMIT_H

#include "maps.h"
#include "packet.h"

#define LIMIT_HASH_1 0x9e3779b97f4a7c15ULL
#define LIMIT_HASH_2 0xd6e8feb86659fd93ULL

#define LIMIT_LOAD(word) (*(volatile __u64 *)&(word))

/* The packet in hand on this CPU, as a limit sees it: not on the stack, of which 6.1 has little. */
struct limit_request {
	__u64 src[2]; /* its source, as struct sluice_addr */
	__u32 limit;  /* index, within the slot */
	__u32 slot;
	__u32 bytes;
	__u32 opens; /* 1: it opens a flow */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limit_request);
} sluice_limited SEC(".maps");

static __always_inline struct limit_request *limit_request(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sluice_limited, &zero);
}

enum limit_answer { LIMIT_WITHIN, LIMIT_OVER_WHOLE, LIMIT_OVER_SOURCE };

static __always_inline __u64 limit_now(void)
{
	return bpf_jiffies64() << SLUICE_LIMIT_TICK_BITS;
}

static __always_inline __u64 limit_cost(const struct sluice_rate *rate,
					const struct limit_request *request, int measure)
{
	__u64 amount = measure == SLUICE_MEASURE_BYTES ? request->bytes : 1;

	return amount * rate->cost >> SLUICE_LIMIT_COST_BITS;
}

static __always_inline int limit_asks(__u8 measures, const struct limit_request *request,
				      int measure)
{
	return (measures >> measure & 1) && (measure != SLUICE_MEASURE_NEW_FLOWS || request->opens);
}

/*
 * How far a bucket is ahead; 0: nothing is due in it. What is too far ahead to be true was
 * left so long ago that time has wrapped.
 */
static __always_inline __u64 limit_ahead(__u64 due, __u64 now)
{
	__u64 ahead = due - now;

	return ahead < SLUICE_LIMIT_MAX_TICKS << SLUICE_LIMIT_TICK_BITS ? ahead : 0;
}

/* Whatever is empty takes any packet, however large: the rate holds all the same. */
static __always_inline int limit_is_over(const struct sluice_rate *rate, __u64 due, __u64 now,
					 __u64 cost)
{
	__u64 ahead = limit_ahead(due, now);

	return ahead && ahead + cost > rate->depth;
}

static __always_inline void limit_charge(__u64 *due, __u64 now, __u64 cost)
{
	__u64 seen = LIMIT_LOAD(*due);

	if (config.trace)
		return;
	/* If another CPU was faster, it has set the bucket to now. */
	if (!limit_ahead(seen, now) && __sync_val_compare_and_swap(due, seen, now + cost) == seen)
		return;
	__sync_fetch_and_add(due, cost);
}

static __always_inline int limit_whole(const struct sluice_limit *limit,
				       const struct limit_request *request, __u64 now)
{
	struct sluice_bucket *bucket = bpf_map_lookup_elem(&sluice_buckets, &request->limit);
	const struct sluice_rate *rate = limit->of_whole;
	int i;

	if (!bucket)
		return LIMIT_WITHIN; /* for the verifier */
#pragma unroll
	for (i = 0; i < SLUICE_MEASURE_COUNT; i++)
		if (limit_asks(limit->whole, request, i) &&
		    limit_is_over(&rate[i], LIMIT_LOAD(bucket->due[i]), now,
				  limit_cost(&rate[i], request, i)))
			return LIMIT_OVER_WHOLE;
#pragma unroll
	for (i = 0; i < SLUICE_MEASURE_COUNT; i++)
		if (limit_asks(limit->whole, request, i))
			limit_charge(&bucket->due[i], now, limit_cost(&rate[i], request, i));
	return LIMIT_WITHIN;
}

/* --- sources ----------------------------------------------------------------- */

static __always_inline __u64 source_tag(const struct sluice_limit *limit,
					const struct limit_request *request, int measure)
{
	int v4 = !request->src[0] && (__u32)request->src[1] == bpf_htonl(0xffff);
	__u64 hash = v4 ? 0 : request->src[0] & limit->mask6[0];

	hash = (hash ^ config.flow_seed) * LIMIT_HASH_1;
	hash ^= hash >> 32 ^ (request->src[1] & (v4 ? limit->mask4 : limit->mask6[1]));
	hash *= LIMIT_HASH_2;
	hash = (hash ^ hash >> 32 ^ (request->limit << 2 | measure)) * LIMIT_HASH_1;
	return (hash ^ hash >> 29) | 1;
}

static __always_inline struct sluice_limit_use *limit_use(const struct limit_request *request)
{
	return bpf_map_lookup_elem(&sluice_limit_use, &request->limit);
}

/* Gives the way to the source. 0: another CPU gave it to yet another. */
static __always_inline int source_claim(struct sluice_source *way, __u64 tag, __u64 found,
					__u64 now, const struct limit_request *request)
{
	struct sluice_limit_use *use;

	if (__sync_val_compare_and_swap(&way->tag, found, tag) != found)
		return LIMIT_LOAD(way->tag) == tag;
	if (limit_ahead(LIMIT_LOAD(way->due), now)) {
		use = limit_use(request);
		if (use)
			use->forgotten++;
		__sync_lock_test_and_set(&way->due, now);
	}
	return 1;
}

/* The bucket of a source; NULL: it has none, and is owed nothing. */
static __always_inline __u64 *source_bucket(__u64 tag, __u64 now,
					    const struct limit_request *request)
{
	__u32 index = (tag >> 32) * config.source_lines >> 32;
	struct sluice_source_line *line = bpf_map_lookup_elem(&sluice_sources, &index);
	struct sluice_source *victim = NULL;
	__u64 least = ~0ULL, found = 0;
	int i;

	if (!line)
		return NULL; /* for the verifier */
#pragma unroll
	for (i = 0; i < SLUICE_WAYS; i++) {
		struct sluice_source *way = &line->ways[i];
		__u64 owner = LIMIT_LOAD(way->tag), ahead;

		if (owner == tag)
			return &way->due;
		ahead = limit_ahead(LIMIT_LOAD(way->due), now);
		if (ahead < least) {
			least = ahead;
			found = owner;
			victim = way;
		}
	}
	if (config.trace || !victim || !source_claim(victim, tag, found, now, request))
		return NULL;
	return &victim->due;
}

static __always_inline int limit_source(const struct sluice_limit *limit,
					const struct limit_request *request, int measure, __u64 now)
{
	const struct sluice_rate *rate = &limit->of_source[measure];
	__u64 *due = source_bucket(source_tag(limit, request, measure), now, request);
	__u64 cost = limit_cost(rate, request, measure);

	if (!due)
		return LIMIT_WITHIN;
	if (limit_is_over(rate, LIMIT_LOAD(*due), now, cost))
		return LIMIT_OVER_SOURCE;
	limit_charge(due, now, cost);
	return LIMIT_WITHIN;
}

static __always_inline int limit_sources(const struct sluice_limit *limit,
					 const struct limit_request *request, __u64 now)
{
	int i, answer;

#pragma unroll
	for (i = 0; i < SLUICE_MEASURE_COUNT; i++) {
		answer = limit_asks(limit->source, request, i)
				 ? limit_source(limit, request, i, now)
				 : LIMIT_WITHIN;
		if (answer)
			return answer;
	}
	return LIMIT_WITHIN;
}

/* --- both -------------------------------------------------------------------- */

static __always_inline void limit_count(const struct limit_request *request, int answer)
{
	struct sluice_limit_use *use = config.trace ? NULL : limit_use(request);

	if (!use)
		return;
	if (answer == LIMIT_OVER_WHOLE)
		use->whole_packets++;
	else
		use->source_packets++;
	use->bytes += request->bytes;
}

int limit_check(__u32 limit);

/* enum limit_answer, of the request that was filled in. */
ISOLATED_STAGE limit_check(__u32 limit_index)
{
	struct limit_request *request = limit_request();
	const struct sluice_limit *limit;
	int answer = LIMIT_WITHIN;
	__u64 now = limit_now();
	__u32 at;

	if (!request)
		return LIMIT_WITHIN; /* for the verifier */
	request->limit = limit_index;
	at = request->slot * SLUICE_MAX_LIMITS + limit_index;
	limit = bpf_map_lookup_elem(&sluice_limits, &at);
	if (!limit)
		return LIMIT_WITHIN; /* for the verifier */
	if (limit->source)
		answer = limit_sources(limit, request, now);
	if (!answer && limit->whole)
		answer = limit_whole(limit, request, now);
	trace(SLUICE_STEP_LIMIT, limit_index, answer);
	if (answer)
		limit_count(request, answer);
	return answer;
}

static __always_inline int limit_packet(const struct packet *pkt, __u32 slot, __u32 limit,
					int opens)
{
	struct limit_request *request = limit_request();

	if (!request)
		return LIMIT_WITHIN; /* for the verifier */
	__builtin_memcpy(request->src, &pkt->self.src, sizeof(request->src));
	request->slot = slot;
	request->bytes = pkt->frame_length;
	request->opens = opens;
	return limit_check(limit);
}

static __always_inline enum sluice_outcome limit_service_outcome(int answer)
{
	if (answer == LIMIT_OVER_WHOLE)
		return SLUICE_RATE_SERVICE;
	return answer ? SLUICE_RATE_SOURCE : SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_LIMIT_H */
