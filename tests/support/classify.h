/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The classifier's tables, read as the data plane reads them, but in userspace and with all
 * of each vector looked at.
 */
#ifndef SLUICE_TEST_CLASSIFY_H
#define SLUICE_TEST_CLASSIFY_H

#include "classifier.h"

struct classified {
	struct sluice_addr src, dst;
	unsigned short sport, dport;
	unsigned kind; /* SLUICE_CLASS_PROTO + protocol, ... */
	unsigned in;   /* port slot */
	bool invalid;
};

/* How many rules match, and *first, the position of the first of them. */
unsigned classify_count(const struct classifier *classifier, const struct classified *packet,
			size_t *first);

#endif /* SLUICE_TEST_CLASSIFY_H */
