/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* TCP sockets to listen on, as every daemon wants them. */
#ifndef SLUICE_BIND_H
#define SLUICE_BIND_H

#include <stdbool.h>

#include "addr.h"

/*
 * A non-blocking socket at the address, which does not listen yet, or -errno. IPv6 is IPv6 alone.
 * `shared`: others may be bound to it as well (SO_REUSEPORT).
 */
int bind_inet(const struct endpoint *at, bool shared) __must_check;

#endif /* SLUICE_BIND_H */
