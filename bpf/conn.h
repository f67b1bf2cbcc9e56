/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flow table of a balancer without a firewall: buckets of four entries, of one cache
 * line for IPv4, where the kernel's LRU hash costs several misses. How writers and readers
 * of one entry keep out of each other's way is said in sluice/abi.h.
 *
 * A new flow takes a free or expired entry of its bucket, else the one among those that are
 * not established whose time ends first. Four established flows stay: the new one is then
 * not remembered, and goes by the ring. So no flood of new flows evicts an old one.
 */
#ifndef SLUICE_BPF_CONN_H
#define SLUICE_BPF_CONN_H

#include "maps.h"
#include "flow_state.h"

/* An entry as the packet path sees it: both families start alike. */
struct conn_entry {
	__u64 key;
	__u64 value;
	__u64 src[2]; /* IPv6 only */
};

struct conn {
	__u64 key; /* as in the entry */
	__u64 src[2];
	void *bucket4; /* of its family; the other is NULL, which also tells a verifier */
	void *bucket6;
	__u64 *at;   /* the value of its entry; NULL: the table does not hold it */
	__u64 value; /* what was read there */
	__u32 now;   /* in the unit of a connection's time */
	__u32 over;  /* the entry is of an earlier flow with the same key */
};

/* Reads and writes that each happen once, and in this order for the compiler. */
#define CONN_LOAD(word)	    (*(volatile __u64 *)&(word))
#define CONN_STORE(word, x) (*(volatile __u64 *)&(word) = (x))

/* x86 keeps loads in order; elsewhere an atomic operation with a result is a full barrier. */
static __always_inline void conn_read_barrier(void)
{
#ifndef __TARGET_ARCH_x86
	__u64 word = 0;

	__sync_fetch_and_add(&word, 1);
#endif
}

static __always_inline __u32 conn_entry_bytes(int is_v6)
{
	return is_v6 ? sizeof(struct sluice_conn6) : sizeof(struct sluice_conn4);
}

static __always_inline struct conn_entry *conn_way(void *bucket, int is_v6, int way)
{
	return bucket + way * conn_entry_bytes(is_v6);
}

static __always_inline __u32 conn_now(void)
{
	return (bpf_jiffies64() >> config.conn_time_shift) & SLUICE_CONN_MASK(EXPIRES);
}

static __always_inline __u32 conn_time(__u32 seconds)
{
	return (seconds * config.hz >> config.conn_time_shift) + 1;
}

/* What is left of a value's time; 0: it is over. */
static __always_inline __u32 conn_left(__u64 value, __u32 now)
{
	__u32 left = (SLUICE_CONN_GET(EXPIRES, value) - now) & SLUICE_CONN_MASK(EXPIRES);

	return left >> (SLUICE_CONN_EXPIRES_BITS - 1) ? 0 : left;
}

static __always_inline int conn_is_live(__u64 value)
{
	return SLUICE_CONN_GET(OWNED, value) == SLUICE_CONN_LIVE;
}

static __always_inline void *conn_bucket(const struct conn *conn, int is_v6)
{
	__u64 hash = (conn->key ^ config.flow_seed) * SLUICE_CONN_HASH_1;
	__u32 index;

	if (is_v6) {
		hash = (hash ^ hash >> 32 ^ conn->src[0]) * SLUICE_CONN_HASH_2;
		hash = (hash ^ hash >> 32 ^ conn->src[1]) * SLUICE_CONN_HASH_1;
	}
	hash = (hash ^ hash >> 32) * SLUICE_CONN_HASH_2;
	index = (hash >> 32) * config.conn_buckets >> 32;
	return is_v6 ? bpf_map_lookup_elem(&sluice_conns6, &index)
		     : bpf_map_lookup_elem(&sluice_conns4, &index);
}

static __always_inline int conn_has_key(struct conn_entry *entry, const struct conn *conn,
					int is_v6)
{
	if (CONN_LOAD(entry->key) != conn->key)
		return 0;
	return !is_v6 || (CONN_LOAD(entry->src[0]) == conn->src[0] &&
			  CONN_LOAD(entry->src[1]) == conn->src[1]);
}

/* Whether the entry was this flow's from the first look at it to the last. */
static __always_inline int conn_try(struct conn *conn, struct conn_entry *entry, int is_v6)
{
	const __u64 owner = SLUICE_CONN_PUT(OWNED, -1) | SLUICE_CONN_PUT(SEQUENCE, -1);
	__u64 value = CONN_LOAD(entry->value);

	conn_read_barrier();
	if (!conn_has_key(entry, conn, is_v6) || !conn_is_live(value))
		return 0;
	conn_read_barrier();
	if ((CONN_LOAD(entry->value) ^ value) & owner)
		return 0;
	conn->at = &entry->value;
	conn->value = value;
	return 1;
}

/* Looks for the flow of conn->key and ->src; conn->at tells whether it is there. */
static __always_inline void conn_find(struct conn *conn, int is_v6)
{
	void *bucket = conn_bucket(conn, is_v6);
	int way;

	conn->at = NULL;
	conn->bucket4 = is_v6 ? NULL : bucket;
	conn->bucket6 = is_v6 ? bucket : NULL;
	if (!bucket)
		return; /* for the verifier */
#pragma unroll
	for (way = 0; way < SLUICE_WAYS; way++)
		if (conn_try(conn, conn_way(bucket, is_v6, way), is_v6))
			return;
}

/* 1 if the value was still what had been read, and is the new one now. */
static __always_inline int conn_exchange(__u64 *at, __u64 before, __u64 after)
{
	return __sync_val_compare_and_swap(at, before, after) == before;
}

#define CONN_KEEP 0xffffffffU

/* The order in which entries give way to a new flow; CONN_KEEP: never. */
static __always_inline __u32 conn_rank(__u64 value, __u32 now)
{
	__u32 left = conn_left(value, now);

	if (SLUICE_CONN_GET(OWNED, value) == SLUICE_CONN_FREE)
		return 0;
	if (SLUICE_CONN_GET(OWNED, value) == SLUICE_CONN_BUSY)
		return CONN_KEEP;
	if (!left)
		return 1;
	if (SLUICE_CONN_GET(STATE, value) == SLUICE_FLOW_ESTABLISHED)
		return CONN_KEEP;
	return 1 + left;
}

/* Gives an entry of the bucket to the flow. 0: there is none, or another CPU was faster. */
static __always_inline int conn_insert(const struct conn *conn, int is_v6, __u64 value)
{
	const __u64 sequence_mask = SLUICE_CONN_PUT(SEQUENCE, -1);
	void *bucket = is_v6 ? conn->bucket6 : conn->bucket4;
	struct conn_entry *victim = NULL;
	__u32 best = CONN_KEEP, rank;
	__u64 before = 0, sequence;
	int way;

	if (!bucket)
		return 0; /* for the verifier */
#pragma unroll
	for (way = 0; way < SLUICE_WAYS; way++) {
		struct conn_entry *entry = conn_way(bucket, is_v6, way);
		__u64 found = CONN_LOAD(entry->value);

		rank = conn_rank(found, conn->now);
		if (rank < best) {
			best = rank;
			before = found;
			victim = entry;
		}
	}
	if (!victim)
		return 0;
	sequence = (before + SLUICE_CONN_PUT(SEQUENCE, 1)) & sequence_mask;
	if (!conn_exchange(&victim->value, before,
			   sequence | SLUICE_CONN_PUT(OWNED, SLUICE_CONN_BUSY)))
		return 0;
	CONN_STORE(victim->key, conn->key);
	if (is_v6) {
		CONN_STORE(victim->src[0], conn->src[0]);
		CONN_STORE(victim->src[1], conn->src[1]);
	}
	__sync_lock_test_and_set(&victim->value, value | sequence);
	return 1;
}

/* A function for each family: merged into one, clang 14 mixes up the strides of the two. */
static __attribute__((noinline)) int conn_insert_v4(const struct conn *conn, __u64 value)
{
	return conn_insert(conn, 0, value);
}

static __attribute__((noinline)) int conn_insert_v6(const struct conn *conn, __u64 value)
{
	return conn_insert(conn, 1, value);
}

/* --- states ------------------------------------------------------------------ */

/* The client's packets are all that is heard: they alone move a flow on. */
static __always_inline __u32 conn_next_state(struct segment segment, __u32 state)
{
	if (segment.proto == IPPROTO_TCP) {
		if (segment.tcp_flags & TCP_RST)
			return SLUICE_FLOW_CLOSED;
		if (segment.tcp_flags & TCP_FIN)
			return state < SLUICE_FLOW_CLOSING ? SLUICE_FLOW_CLOSING : state;
	}
	return state == SLUICE_FLOW_OPENING && !segment_opens(segment) ? SLUICE_FLOW_ESTABLISHED
								       : state;
}

/*
 * A connection met midway may be an old one that moved here, or a flood: it is given the
 * time of the one, and the rank of the other until its second packet.
 */
static __always_inline __u32 conn_first_state(struct segment segment)
{
	if (segment.proto != IPPROTO_TCP || !(segment.tcp_flags & (TCP_RST | TCP_FIN)))
		return SLUICE_FLOW_OPENING;
	return segment.tcp_flags & TCP_RST ? SLUICE_FLOW_CLOSED : SLUICE_FLOW_CLOSING;
}

/* Whether what was found is of an earlier flow: its time is over, or its end was not heard. */
static __always_inline int conn_is_over(const struct conn *conn, struct segment segment)
{
	return !conn_left(conn->value, conn->now) ||
	       (segment_opens(segment) &&
		SLUICE_CONN_GET(STATE, conn->value) != SLUICE_FLOW_OPENING);
}

/* A wide VIP's id does not tell the destination: the key does. */
static __always_inline void conn_mix_destination(const struct tuple *flow, struct conn *conn)
{
	__u64 dst[2];

	__builtin_memcpy(dst, &flow->dst, sizeof(dst));
	conn->key |= flow->dport;
	sluice_conn_mix(dst, config.flow_seed, conn->src);
}

/* Finds the flow of `tuple` to the VIP. */
static __always_inline void conn_find_flow(const struct packet *pkt, const struct sluice_vip *vip,
					   struct conn *conn)
{
	const struct sluice_addr *src = &pkt->flow.src;

	conn->key = (__u64)pkt->flow.sport << 32 | (__u64)vip->id << 48;
	conn->now = conn_now();
	conn->over = 0;
	if (pkt->is_v6 || (vip->flags & SLUICE_VIP_WIDE)) {
		__builtin_memcpy(conn->src, src, sizeof(conn->src));
		if (vip->flags & SLUICE_VIP_WIDE)
			conn_mix_destination(&pkt->flow, conn);
		conn_find(conn, 1);
	} else {
		conn->key |= src->words[3];
		conn_find(conn, 0);
	}
	if (conn->at)
		conn->over = conn_is_over(conn, segment_of(pkt));
}

static __always_inline int conn_is_known(const struct conn *conn)
{
	return conn->at && !conn->over;
}

/* The same, or of the one before it with these ports, whose time is not over. */
static __always_inline int conn_is_fresh(const struct conn *conn)
{
	return conn->at && conn_left(conn->value, conn->now);
}

/* Whether the value names this backend; the slot alone may have been given to another since. */
static __always_inline int conn_is_of(__u64 value, __u32 incarnation)
{
	return SLUICE_CONN_GET(INCARNATION, value) == (incarnation & SLUICE_CONN_MASK(INCARNATION));
}

/* Time is written when a part of it has passed, not with each packet: lines stay shared. */
static __always_inline int conn_time_moved(__u64 value, __u32 now, __u32 time)
{
	return time - conn_left(value, now) > time >> 6;
}

/* Gives the connection its time anew, and changes nothing else. */
static __always_inline void conn_touch(const struct conn *conn, __u8 proto)
{
	__u32 time = conn_time(flow_timeout_s(proto, SLUICE_FLOW_ESTABLISHED));
	__u64 value = conn->value & ~SLUICE_CONN_PUT(EXPIRES, -1);

	if (conn_time_moved(conn->value, conn->now, time))
		conn_exchange(conn->at, conn->value,
			      value | SLUICE_CONN_PUT(EXPIRES, conn->now + time));
}

/* Moves the flow on by one packet, to the backend chosen. 1 if that is a new choice. */
static __always_inline int conn_track(struct segment segment, struct conn *conn, __u32 slot,
				      __u32 incarnation)
{
	const __u64 same_choice = SLUICE_CONN_PUT(BACKEND, -1) | SLUICE_CONN_PUT(INCARNATION, -1);
	const __u64 same_state = SLUICE_CONN_PUT(STATE, -1) | same_choice;
	int known = conn_is_known(conn), is_new;
	__u32 state, time;
	__u64 value;

	state = known ? conn_next_state(segment, SLUICE_CONN_GET(STATE, conn->value))
		      : conn_first_state(segment);
	time = conn_time(flow_timeout_s(segment.proto, state));
	if (state == SLUICE_FLOW_OPENING && !segment_opens(segment) && segment.proto == IPPROTO_TCP)
		time = conn_time(flow_timeout_s(IPPROTO_TCP, SLUICE_FLOW_ESTABLISHED));
	value = SLUICE_CONN_PUT(BACKEND, slot) | SLUICE_CONN_PUT(INCARNATION, incarnation) |
		SLUICE_CONN_PUT(STATE, state) | SLUICE_CONN_PUT(OWNED, SLUICE_CONN_LIVE) |
		SLUICE_CONN_PUT(EXPIRES, conn->now + time);
	if (!conn->at)
		return conn->bucket6 ? conn_insert_v6(conn, value) : conn_insert_v4(conn, value);
	value |= conn->value & SLUICE_CONN_PUT(SEQUENCE, -1);
	is_new = !known || ((value ^ conn->value) & same_choice);
	if (!is_new && !((value ^ conn->value) & same_state) &&
	    !conn_time_moved(conn->value, conn->now, time))
		return 0;
	/* If another CPU has changed it since, its next packet makes this good. */
	return conn_exchange(conn->at, conn->value, value) && is_new;
}

#endif /* SLUICE_BPF_CONN_H */
