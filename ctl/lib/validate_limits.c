/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of limits: what the data plane can hold, and what would do nothing.
 */
#include "model_validator.h"

#include <stdio.h>

#include "words.h"

/* Whose limits they are, for messages. */
struct owner {
	struct validator *v;
	const char *label; /* "service "www"" */
};

static void check_rate(const struct owner *owner, const struct limit *limit)
{
	bool bytes = limit->of == SLUICE_MEASURE_BYTES;
	unsigned long long max = bytes ? LIMIT_MAX_BYTES : LIMIT_MAX_PACKETS;
	char buf[LIMIT_TEXT_LEN];

	if (limit->rate.amount > max * limit->rate.seconds ||
	    (bytes && limit->rate.amount < LIMIT_MIN_BYTES * limit->rate.seconds))
		validator_report(owner->v, limit->at, "rate of",
				 "%s: limit: rate \"%s\" of %s: expected %s", owner->label,
				 limit_rate_format(&limit->rate, buf), measure_name(limit->of),
				 bytes ? "1k/s to 100G/s" : "at most 100M/s");
}

static void check_burst(const struct owner *owner, const struct limit *limit)
{
	unsigned __int128 max = (unsigned __int128)limit->rate.amount * LIMIT_MAX_BURST_S;
	char buf[LIMIT_TEXT_LEN], rate[LIMIT_TEXT_LEN];

	if ((unsigned __int128)limit->burst * limit->rate.seconds > max)
		validator_report(owner->v, limit->at, "rate burst",
				 "%s: limit: burst \"%s\": expected at most what %s brings in an "
				 "hour",
				 owner->label, limit_amount_format(limit->burst, buf),
				 limit_rate_format(&limit->rate, rate));
}

static void check_pair(const struct owner *owner, const struct limit *first,
		       const struct limit *second)
{
	char a[LIMIT_TEXT_LEN], b[LIMIT_TEXT_LEN];

	if (first->of == second->of && first->per.source == second->per.source)
		validator_report(owner->v, second->at, "of per",
				 "%s: limit: there is one of %s per %s already", owner->label,
				 measure_name(second->of), second->per.source ? "source" : "all");
	else if (first->per.source && second->per.source &&
		 (first->per.bits != second->per.bits || first->per.bits6 != second->per.bits6))
		validator_report(owner->v, second->at, "per",
				 "%s: limit: per \"%s\": expected \"%s\", as the other limit has: "
				 "a source is the same to all",
				 owner->label, limit_per_format(&second->per, b),
				 limit_per_format(&first->per, a));
}

static void check_limits(const struct owner *owner, const struct limit *limits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_rate(owner, &limits[i]);
		check_burst(owner, &limits[i]);
		for (size_t first = 0; first < i; first++)
			check_pair(owner, &limits[first], &limits[i]);
	}
}

void validate_service_limits(struct validator *v, const struct service *service)
{
	char label[SLUICE_NAME_LEN + 16];
	struct owner owner = {v, label};

	snprintf(label, sizeof(label), "service \"%s\"", service->name);
	check_limits(&owner, service->limits, service->limit_count);
}

/* Without a flow that is remembered, only TCP tells which packet opens one. */
static bool tells_new_flows(const struct rule *rule)
{
	return rule->action == SLUICE_ACTION_ACCEPT || rule->proto == IPPROTO_TCP;
}

void validate_rule_limits(struct validator *v, const struct policy *policy, const struct rule *rule)
{
	char label[2 * SLUICE_NAME_LEN + 32];
	struct owner owner = {v, label};

	snprintf(label, sizeof(label), "policy \"%s\": rule \"%s\"", policy->name, rule->name);
	check_limits(&owner, rule->limits, rule->limit_count);
	for (size_t i = 0; i < rule->limit_count; i++) {
		if (rule->action == SLUICE_ACTION_DROP)
			validator_report(v, rule->limits[i].at, "action",
					 "%s: limit: expected an action that accepts, not drop",
					 label);
		else if (rule->limits[i].of == SLUICE_MEASURE_NEW_FLOWS && !tells_new_flows(rule))
			validator_report(v, rule->limits[i].at, "of action proto",
					 "%s: limit of new-flows: expected action accept, or proto "
					 "tcp",
					 label);
	}
}
