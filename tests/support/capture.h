/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a function prints on standard error. */
#ifndef SLUICE_TEST_CAPTURE_H
#define SLUICE_TEST_CAPTURE_H

/* From now on standard error is kept in memory. */
void capture_start(void);
/* Ends that and returns what was printed; the caller frees it. */
char *capture_end(void);

#endif /* SLUICE_TEST_CAPTURE_H */
