/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TCP's options (RFC 9293 3.2, RFC 7323, RFC 2018), as far as SYN cookies have to know them.
 * In a loop that the kernel runs: a verifier would follow each mixture of options by itself.
 */
#ifndef SLUICE_BPF_TCP_OPTIONS_H
#define SLUICE_BPF_TCP_OPTIONS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "cookie.h"

#define TCP_OPTIONS_MAX	  40
#define TCP_OPTION_END	  0
#define TCP_OPTION_NOP	  1
#define TCP_OPTION_MSS	  2
#define TCP_OPTION_WSCALE 3
#define TCP_OPTION_SACK	  4
#define TCP_OPTION_TIME	  8
#define WSCALE_MAX	  14  /* RFC 7323 2.3 */
#define MSS_DEFAULT	  536 /* RFC 9293 3.7.1: of who says nothing */

/* What a client's segment offers, as its options tell it. */
struct offer {
	__u32 sequence;
	__u32 timestamp;
	__u32 echo; /* of a timestamp of ours */
	__u16 mss;
	__u16 our_mss; /* that it is told in turn */
	__u8 wscale;   /* COOKIE_TS_WSCALE: none */
	__u8 has_timestamp;
	__u8 sack;
	__u8 ecn;
	__u8 pad[2];
};

/* A segment's options, copied, and how far they are read. */
struct options {
	__u8 bytes[64]; /* more than there are: an option is read at any index */
	__u32 length;
	__u32 at;
	struct offer *offer;
};

static __always_inline __u8 option_byte(const struct options *options, __u32 offset)
{
	return options->bytes[(options->at + offset) & 63];
}

static __always_inline __u32 option_word(const struct options *options, __u32 offset)
{
	return (__u32)option_byte(options, offset) << 24 |
	       (__u32)option_byte(options, offset + 1) << 16 |
	       (__u32)option_byte(options, offset + 2) << 8 | option_byte(options, offset + 3);
}

static __always_inline void take_option(const struct options *options, __u8 kind, __u8 length)
{
	struct offer *offer = options->offer;

	if (kind == TCP_OPTION_MSS && length == 4) {
		offer->mss = option_byte(options, 2) << 8 | option_byte(options, 3);
	} else if (kind == TCP_OPTION_WSCALE && length == 3) {
		offer->wscale = option_byte(options, 2);
		if (offer->wscale > WSCALE_MAX)
			offer->wscale = WSCALE_MAX;
	} else if (kind == TCP_OPTION_SACK && length == 2) {
		offer->sack = 1;
	} else if (kind == TCP_OPTION_TIME && length == 10) {
		offer->has_timestamp = 1;
		offer->timestamp = option_word(options, 2);
		offer->echo = option_word(options, 6);
	}
}

/* For bpf_loop(): 1 at the end, or where no option can be. */
static long next_option(__u32 index, struct options *options)
{
	__u8 kind = option_byte(options, 0), length = 1;

	if (options->at >= options->length || kind == TCP_OPTION_END)
		return 1;
	if (kind != TCP_OPTION_NOP) {
		length = option_byte(options, 1);
		if (length < 2 || options->at + length > options->length)
			return 1;
		take_option(options, kind, length);
	}
	options->at += length;
	return 0;
}

static __always_inline void offer_nothing(struct offer *offer)
{
	offer->mss = MSS_DEFAULT;
	offer->wscale = COOKIE_TS_WSCALE;
}

/* Whether there are any. Each bound by itself: of both as one, 6.1 forgets the lower. */
static __always_inline int bytes_of_options(__u32 *bytes)
{
	asm volatile("" : "+r"(*bytes));
	if (*bytes < sizeof(__u32))
		return 0;
	asm volatile("" : "+r"(*bytes));
	return *bytes <= TCP_OPTIONS_MAX;
}

/* Reads `length` octets of them. */
static __always_inline void read_options(struct options *options, __u32 length, struct offer *offer)
{
	options->offer = offer;
	options->length = length;
	bpf_loop(TCP_OPTIONS_MAX, next_option, options, 0);
}

#endif /* SLUICE_BPF_TCP_OPTIONS_H */
