/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which orders are this visitor's: the session holds their ids. */
#ifndef FOOBAR_RECEIPTS_H
#define FOOBAR_RECEIPTS_H

#include <sluice/app.h>

/* The order is this visitor's from now on; of many, the oldest is forgotten. */
void receipts_remember(struct app_request *r, uint32_t order);

#endif /* FOOBAR_RECEIPTS_H */
