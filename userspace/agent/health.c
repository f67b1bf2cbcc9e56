/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "health.h"

bool health_result(struct health *health, bool ok, unsigned rise, unsigned fall)
{
	unsigned needed = health->up ? fall : rise;

	if (ok == health->up) {
		health->against = 0;
		return false;
	}
	if (++health->against < needed)
		return false;
	health->up = ok;
	health->against = 0;
	return true;
}
