/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Money is a whole number of cents, never a fraction. */
#ifndef FOOBAR_MONEY_H
#define FOOBAR_MONEY_H

#include <stdint.h>

#define MONEY_TEXT_MAX 32

/* Goods of this worth are delivered free; others for MONEY_DELIVERY_CENTS. */
#define MONEY_FREE_FROM_CENTS 8000
#define MONEY_DELIVERY_CENTS  490

/* "€1,234.50" or "-€0.05"; returns `out`. */
char *money_format(int64_t cents, char out[static MONEY_TEXT_MAX]);
/* What the delivery of these goods costs. */
int64_t money_delivery(int64_t goods_cents);

#endif /* FOOBAR_MONEY_H */
