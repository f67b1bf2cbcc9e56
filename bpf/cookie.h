/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SYN cookies: the initial sequence number as proof that a client gets what is sent to it.
 * Balancers make them and backends believe them, so all is in the number and the key:
 *
 *   31..27  when, in units of 2^36 ns (69 s) of TAI
 *   26..24  the client's MSS, rounded down to one of eight
 *   23..0   of SipHash-2-4 over addresses, ports, the client's sequence number, the whole
 *           of "when", and the MSS
 *
 * What else a SYN offers is told by the low bits of the timestamp that goes with it, as
 * Linux's own cookies have it: four of the window's scale, one of SACK, one of ECN.
 *
 * Needs nothing but the key: shared by the data plane and the backends' program.
 */
#ifndef SLUICE_BPF_COOKIE_H
#define SLUICE_BPF_COOKIE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "sluice/abi.h"

#define COOKIE_UNIT_SHIFT 36
#define COOKIE_WHEN_AT	  27
#define COOKIE_WHEN_MASK  0x1f
#define COOKIE_MSS_AT	  24
#define COOKIE_MSS_MASK	  7
#define COOKIE_HASH_MASK  0xffffff
#define COOKIE_UNITS	  2 /* a cookie is good in its own unit and the next */

#define COOKIE_TS_WSCALE    0xf /* this value: none was offered */
#define COOKIE_TS_SACK	    (1 << 4)
#define COOKIE_TS_ECN	    (1 << 5)
#define COOKIE_TS_MASK	    0x3f
#define COOKIE_TS_SHIFT	    20 /* from ns to the unit of timestamps, 1.05 ms */
#define COOKIE_OUR_WSCALE   7  /* of the windows that backends open */
#define COOKIE_LEAST_MSS_V6 1  /* IPv6: 1280 octets pass everywhere */

/*
 * Rounded down to; MTUs of 1400 to 1500, plain and behind a tunnel, and of jumbo frames. One
 * more than there are, as clang merges tables of 16 octets, or that end with 0, and libbpf
 * misses their section.
 */
#define COOKIE_MSS_COUNT 8

static const __u16 cookie_mss[COOKIE_MSS_COUNT + 1] = {536,  1220, 1360, 1400,	1420,
						       1440, 1460, 8940, 0xffff};

/* What a cookie is of: the addresses, then ports and sequence number; the last word is ours. */
struct cookie_message {
	__u64 key[2];
	__u64 words[6];
	__u32 last; /* index of the last word: 2 or 5 */
	__u32 pad;
};

static __always_inline void cookie_ports(struct cookie_message *message, __be16 sport, __be16 dport,
					 __u32 sequence)
{
	message->words[message->last - 1] = (__u64)sport << 48 | (__u64)dport << 32 | sequence;
}

static __always_inline void cookie_message_v4(struct cookie_message *message, __be32 src,
					      __be32 dst)
{
	message->words[0] = (__u64)src << 32 | dst;
	message->last = 2;
}

static __always_inline void cookie_message_v6(struct cookie_message *message, const void *src,
					      const void *dst)
{
	__builtin_memcpy(&message->words[0], src, 16);
	__builtin_memcpy(&message->words[2], dst, 16);
	message->last = 5;
}

static __always_inline __u64 rotate_left(__u64 word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

struct siphash {
	__u64 v[4];
};

static __always_inline void siphash_round(struct siphash *s)
{
	s->v[0] += s->v[1];
	s->v[2] += s->v[3];
	s->v[1] = rotate_left(s->v[1], 13) ^ s->v[0];
	s->v[3] = rotate_left(s->v[3], 16) ^ s->v[2];
	s->v[0] = rotate_left(s->v[0], 32);
	s->v[2] += s->v[1];
	s->v[0] += s->v[3];
	s->v[1] = rotate_left(s->v[1], 17) ^ s->v[2];
	s->v[3] = rotate_left(s->v[3], 21) ^ s->v[0];
	s->v[2] = rotate_left(s->v[2], 32);
}

__u64 siphash(const struct cookie_message *message);

/*
 * SipHash-2-4 (Aumasson and Bernstein) of the words up to the last, which ends with the length.
 * Global, so that a verifier walks it once, and not for each state of each caller.
 */
__attribute__((noinline)) __u64 siphash(const struct cookie_message *message)
{
	struct siphash s;
	unsigned int i;

	if (!message)
		return 0; /* for the verifier */
	s.v[0] = message->key[0] ^ 0x736f6d6570736575ULL;
	s.v[1] = message->key[1] ^ 0x646f72616e646f6dULL;
	s.v[2] = message->key[0] ^ 0x6c7967656e657261ULL;
	s.v[3] = message->key[1] ^ 0x7465646279746573ULL;
#pragma unroll
	for (i = 0; i < sizeof(message->words) / sizeof(message->words[0]); i++) {
		if (i <= message->last) {
			s.v[3] ^= message->words[i];
			siphash_round(&s);
			siphash_round(&s);
			s.v[0] ^= message->words[i];
		}
	}
	s.v[2] ^= 0xff;
#pragma unroll
	for (i = 0; i < 4; i++)
		siphash_round(&s);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

static __always_inline __u32 cookie_hash(const __u64 *key, struct cookie_message *message,
					 __u32 unit, __u32 mss)
{
	__u64 length = message->last * sizeof(__u64) + 7;
	__u32 last = message->last;
	__u64 word = length << 56 | (__u64)unit << 3 | mss;

	message->key[0] = key[0];
	message->key[1] = key[1];
	if (last == 2)
		message->words[2] = word;
	else
		message->words[5] = word;
	return siphash(message) & COOKIE_HASH_MASK;
}

static __always_inline __u32 cookie_unit(__u64 tai_ns)
{
	return tai_ns >> COOKIE_UNIT_SHIFT;
}

/*
 * What is left of a timestamp beside the options that it tells. Always in the past, so that
 * no later one of the backend, which goes on from there, is below it.
 */
static __always_inline __u32 cookie_timestamp(__u64 tai_ns, __u32 options)
{
	__u32 now = tai_ns >> COOKIE_TS_SHIFT;

	return ((now - COOKIE_TS_MASK - 1) & ~COOKIE_TS_MASK) | options;
}

/* The index of what stands for the MSS that a client offers. */
static __always_inline __u32 cookie_mss_index(__u16 mss, int is_v6)
{
	__u32 index = is_v6 ? COOKIE_LEAST_MSS_V6 : 0;
	unsigned int i;

#pragma unroll
	for (i = 1; i < COOKIE_MSS_COUNT; i++)
		if (mss >= cookie_mss[i])
			index = i;
	return index;
}

static __always_inline __u32 cookie_make(const struct sluice_cookie_keys *keys,
					 struct cookie_message *message, __u32 unit, __u32 mss)
{
	const __u64 *key = keys->keys[keys->current & 1];

	return (unit & COOKIE_WHEN_MASK) << COOKIE_WHEN_AT | mss << COOKIE_MSS_AT |
	       cookie_hash(key, message, unit, mss);
}

/*
 * When the cookie says that it was made: a unit that is good now, or one ahead, by a clock
 * that runs before ours. 0: neither.
 */
static __always_inline __u32 cookie_made_at(__u32 cookie, __u32 unit)
{
	__u32 age = (unit - (cookie >> COOKIE_WHEN_AT)) & COOKIE_WHEN_MASK;

	if (age == COOKIE_WHEN_MASK)
		return unit + 1;
	return age < COOKIE_UNITS ? unit - age : 0;
}

/* The index of its MSS, if it is of this message and a key that is accepted; else -1. */
static __always_inline int cookie_check(const struct sluice_cookie_keys *keys,
					struct cookie_message *message, __u32 cookie, __u32 unit)
{
	__u32 made = cookie_made_at(cookie, unit), mss = cookie >> COOKIE_MSS_AT & COOKIE_MSS_MASK;
	__u32 current = keys->current & 1;

	if (!made || !keys->count)
		return -1;
	cookie &= COOKIE_HASH_MASK;
	if (cookie_hash(keys->keys[current], message, made, mss) == cookie)
		return mss;
	if (keys->count > 1 && cookie_hash(keys->keys[!current], message, made, mss) == cookie)
		return mss;
	return -1;
}

#endif /* SLUICE_BPF_COOKIE_H */
