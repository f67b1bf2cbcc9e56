/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Decimal numbers as the cluster file and the command line write them.
 */
#ifndef SLUICE_NUMBER_H
#define SLUICE_NUMBER_H

/*
 * Reads digits up to `max`, without sign or leading zeros, from the start of
 * `text`; returns what follows them. NULL: no such number, `out` is untouched.
 */
const char *number_scan(const char *text, unsigned max, unsigned *out);

#endif /* SLUICE_NUMBER_H */
