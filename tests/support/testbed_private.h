/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the files of the testbed share with each other. */
#ifndef SLUICE_TEST_TESTBED_PRIVATE_H
#define SLUICE_TEST_TESTBED_PRIVATE_H

#include "testbed.h"

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void programs_unload(struct testbed_port *port);

/* Forgets flows, misses, blocks, and the counters of rules and backends. */
void state_clear(const struct testbed *tb);

#endif /* SLUICE_TEST_TESTBED_PRIVATE_H */
