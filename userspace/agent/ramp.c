/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "ramp.h"

#define STEPS ((SCHEDULE_WHOLE_SHARE - SCHEDULE_FIRST_SHARE) / SCHEDULE_SHARE_STEP)

static unsigned share_of_peers(const struct backend_state *backend, uint64_t now_ns)
{
	unsigned share = 0;

	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++) {
		const struct report *report = &backend->reports[i];

		if (roster_is_fresh(report, now_ns) && report->opinion == OPINION_UP &&
		    report->share > share)
			share = report->share;
	}
	return share;
}

static unsigned next_share(struct backend_state *backend, uint64_t now_ns)
{
	unsigned slow_start_ms = backend->service->config->slow_start_ms;
	unsigned share = backend->share, farthest;

	if (!slow_start_ms)
		return SCHEDULE_WHOLE_SHARE;
	if (!backend->agreed || !backend->usable)
		return SCHEDULE_FIRST_SHARE;
	farthest = share_of_peers(backend, now_ns);
	if (farthest > share)
		return farthest;
	if (share < SCHEDULE_WHOLE_SHARE &&
	    now_ns - backend->share_since_ns >= slow_start_ms * NS_PER_MS / STEPS)
		share += SCHEDULE_SHARE_STEP;
	return share;
}

bool ramp_step(struct roster *roster, uint64_t now_ns)
{
	bool changed = false;

	for (size_t i = 0; i < roster->service_count; i++) {
		for (size_t j = 0; j < roster->services[i].backend_count; j++) {
			struct backend_state *backend = roster->services[i].backends[j];
			unsigned share = next_share(backend, now_ns);

			/* Its time begins when it may take new flows. */
			if (share != backend->share || !backend->agreed || !backend->usable)
				backend->share_since_ns = now_ns;
			changed |= share != backend->share;
			backend->share = share;
		}
	}
	return changed;
}
