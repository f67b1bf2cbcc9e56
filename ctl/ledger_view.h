/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The counters of a node as JSON: the ledger by interface and by outcome, and
 * what each rule matched. Functions return NULL, and *err, on failure.
 */
#ifndef SLUICE_CTL_LEDGER_VIEW_H
#define SLUICE_CTL_LEDGER_VIEW_H

#include "session.h"

const char *outcome_token(enum sluice_outcome outcome);
const char *outcome_help(enum sluice_outcome outcome);
enum sluice_class outcome_class(enum sluice_outcome outcome);
const char *class_token(enum sluice_class class);

/* Sum over the outcomes of one class. */
struct sluice_count ledger_sum(const struct sluice_ledger *ledger, enum sluice_class class);

/* [{"interface", "roles", "policy", "mode", "program_id", "rx_packets", ...}] */
json_t *ledger_view_interfaces(const struct session *session, int *err);
/* [{"interface", "reason", "packets", "bytes", "help"}], the largest first; at most `limit`. */
json_t *ledger_view_drops(const struct session *session, size_t limit, int *err);
/* [{"policy", "rule", "id", "action", "packets", "bytes"}] of the policies used on the node. */
json_t *ledger_view_rules(const struct session *session, int *err);

#endif /* SLUICE_CTL_LEDGER_VIEW_H */
