/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* lbctl drops -f: dropped packets as they come. */
#ifndef SLUICE_CTL_DROPS_FOLLOW_H
#define SLUICE_CTL_DROPS_FOLLOW_H

#include "session.h"

struct drops_args {
	bool follow;
	const char *ifname;
	int outcome; /* enum sluice_outcome, or -1 - class */
	unsigned sample, count, seconds;
};

/* An exit code. */
int drops_follow(const struct session *session);

#endif /* SLUICE_CTL_DROPS_FOLLOW_H */
