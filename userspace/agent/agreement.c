/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "agreement.h"

static bool seen_down(const struct observer *observers, size_t count, size_t backend)
{
	for (size_t i = 0; i < count; i++)
		if (!observers[i].blind && observers[i].opinions[backend] == OPINION_DOWN)
			return true;
	return false;
}

static bool all_blind(const struct observer *observers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!observers[i].blind)
			return false;
	return count > 0;
}

void agreement_merge(const struct observer *observers, size_t observer_count, const bool *usable,
		     size_t backend_count, struct agreement *out)
{
	size_t usable_count = 0, left = 0;

	for (size_t i = 0; i < backend_count; i++) {
		out->up[i] = !seen_down(observers, observer_count, i);
		usable_count += usable[i];
		left += usable[i] && out->up[i];
	}
	out->panic = all_blind(observers, observer_count) || (usable_count && !left);
	for (size_t i = 0; out->panic && i < backend_count; i++)
		out->up[i] = true;
}
