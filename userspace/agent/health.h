/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One observer's belief about one backend: it changes only after `rise` good
 * or `fall` bad results in a row. No time, no I/O.
 */
#ifndef SLUICE_AGENT_HEALTH_H
#define SLUICE_AGENT_HEALTH_H

#include <stdbool.h>

struct health {
	bool up;
	unsigned against; /* results in a row that contradict `up` */
};

/* Takes in one check's result; true if the belief changed by it. */
bool health_result(struct health *health, bool ok, unsigned rise, unsigned fall);

#endif /* SLUICE_AGENT_HEALTH_H */
