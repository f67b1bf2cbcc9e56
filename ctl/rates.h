/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rates of a node's counters between two moments, for `lbctl rates` and `lbctl top`.
 */
#ifndef SLUICE_CTL_RATES_H
#define SLUICE_CTL_RATES_H

#include "session.h"

/* All counters at one moment. `loads` is the caller's to free, by loads_free(). */
struct rates_sample {
	struct loads *loads;
	struct sluice_ledger ledgers[SLUICE_MAX_PORTS]; /* by interface of the node */
	uint64_t at_ns;
};

int rates_sample(const struct session *session, struct rates_sample *out) __must_check;

/* {"node", "interval_ms", "interfaces": [..], "vips", "backends", "drops"}, for the caller. */
int rates_json(const struct session *session, const struct rates_sample *from,
	       const struct rates_sample *to, json_t **out) __must_check;

/* How that looks. */
extern const struct output_view rates_view;

#endif /* SLUICE_CTL_RATES_H */
