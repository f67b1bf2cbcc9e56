/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random numbers that a seed repeats (xorshift64*, Vigna 2016), and packets
 * made of them: most are nearly right, because pure noise ends at the first check.
 */
#ifndef SLUICE_TEST_RANDOM_H
#define SLUICE_TEST_RANDOM_H

#include <stdint.h>

#include "packet.h"

struct random {
	uint64_t state;
};

/* From $SLUICE_SEED, else `seed`; prints it. */
void random_init(struct random *random, uint64_t seed);
/* 0 to below - 1. */
unsigned random_below(struct random *random, unsigned below);
/* True once in `times`. */
bool random_once_in(struct random *random, unsigned times);

/* What packets are drawn from: lists end with NULL. */
struct random_pool {
	const char *const *addresses4, *const *addresses6;
	const unsigned short *ports;
	unsigned port_count;
};

/* A packet that a correct sender may send. `inner` holds what it tunnels or quotes. */
void random_packet(struct random *random, const struct random_pool *pool, struct packet *packet,
		   struct packet *inner);
/* Anything at all: a packet as above, half of the time with bytes changed. */
void random_frame(struct random *random, const struct random_pool *pool, struct frame *frame);

#endif /* SLUICE_TEST_RANDOM_H */
