/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The service manager's notification socket, sd_notify(3), without libsystemd:
 * one datagram to $NOTIFY_SOCKET. Without that variable nothing happens.
 */
#ifndef SLUICE_NOTIFY_H
#define SLUICE_NOTIFY_H

#include <stdint.h>

/* `state` is lines such as "READY=1", "WATCHDOG=1", "STOPPING=1". */
void notify_send(const char *state);

/* How often "WATCHDOG=1" is to be sent (half of $WATCHDOG_USEC), or 0: never. */
uint64_t notify_watchdog_ns(void);

#endif /* SLUICE_NOTIFY_H */
