/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A place of its own for tests of the data plane: mount and network namespaces
 * that go with the process, and a pin root that nobody else uses.
 */
#ifndef SLUICE_TEST_SANDBOX_H
#define SLUICE_TEST_SANDBOX_H

/* 0, or -errno. Called once, before any thread is started. */
int sandbox_enter(void);
/* Removes the directory; the namespaces go by themselves. */
void sandbox_leave(void);
/* Runs a command of iproute2 or the like, quietly; returns its exit code. */
int sandbox_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* SLUICE_TEST_SANDBOX_H */
