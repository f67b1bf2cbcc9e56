/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Limits of services and rules, as the cluster file and the command line say them: a rate,
 * what it counts, and whether all sources share it or each has its own.
 */
#ifndef SLUICE_LIMIT_H
#define SLUICE_LIMIT_H

#include <stdbool.h>

#include "diag.h"
#include "sluice/abi.h"

#define LIMIT_MAX_PACKETS   100000000ULL    /* a second; of new flows, too */
#define LIMIT_MAX_BYTES	    100000000000ULL /* a second */
#define LIMIT_MIN_BYTES	    1000ULL	    /* a second */
#define LIMIT_MAX_BURST_S   3600
#define LIMIT_DEFAULT_BITS  32 /* of IPv4 */
#define LIMIT_DEFAULT_BITS6 64

struct limit_rate {
	unsigned long long amount;
	unsigned seconds; /* 1 or 60 */
};

/* Who shares a bucket. */
struct limit_per {
	bool source;	      /* each source has its own; else there is one for all */
	unsigned bits, bits6; /* of a source's address, IPv4 and IPv6 */
};

struct limit {
	struct place at;
	enum sluice_measure of;
	struct limit_rate rate;
	struct limit_per per;
	unsigned long long burst; /* above the rate, at once; 0: of a tenth of a second */
};

#define LIMIT_RATE_EXPECTED                                                                        \
	"a rate, as 1000/s, 50k/s or 30/m: packets and new flows from 1/m to 100M/s, bytes from "  \
	"1k/s to 100G/s"
#define LIMIT_PER_EXPECTED                                                                         \
	"all, source, source/BITS or source/BITS/BITS: bits of an address, IPv4 and then IPv6"
#define LIMIT_BURST_EXPECTED "a number from 1, as 200, 10k or 1M"

#define LIMIT_TEXT_LEN 32

/* -EINVAL: not what was expected. */
int limit_amount_parse(const char *text, unsigned long long *out)
	__attribute__((warn_unused_result));
int limit_rate_parse(const char *text, struct limit_rate *out) __attribute__((warn_unused_result));
int limit_per_parse(const char *text, struct limit_per *out) __attribute__((warn_unused_result));
const char *limit_amount_format(unsigned long long amount, char buf[LIMIT_TEXT_LEN]);
const char *limit_rate_format(const struct limit_rate *rate, char buf[LIMIT_TEXT_LEN]);
const char *limit_per_format(const struct limit_per *per, char buf[LIMIT_TEXT_LEN]);

/* The burst that counts: the limit's own, or the default. */
unsigned long long limit_burst(const struct limit *limit);

/* The limit of `count` with that measure and scope, or NULL. */
struct limit *limit_find(struct limit *limits, size_t count, enum sluice_measure of, bool source);

/* As packets read it; `hz`: jiffies a second. */
struct sluice_limit limit_compile(const struct limit *limits, size_t count, unsigned hz);

#endif /* SLUICE_LIMIT_H */
