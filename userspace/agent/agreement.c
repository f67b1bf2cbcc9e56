/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "agreement.h"

static bool seen_down(const struct observer *observers, size_t count, bool believe_blind,
		      size_t backend)
{
	for (size_t i = 0; i < count; i++)
		if ((believe_blind || !observers[i].blind) &&
		    observers[i].opinions[backend] == OPINION_DOWN)
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

void agreement_merge(const struct observer *observers, size_t observer_count, size_t backend_count,
		     bool *up)
{
	bool believe_blind = all_blind(observers, observer_count);

	for (size_t i = 0; i < backend_count; i++)
		up[i] = !seen_down(observers, observer_count, believe_blind, i);
}
