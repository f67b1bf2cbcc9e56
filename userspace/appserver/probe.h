/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Trying modules before they serve: they are loaded and started once in a child
 * process, as the user that workers are. What is wrong with them is told before anything changes.
 */
#ifndef SLUICE_APP_PROBE_H
#define SLUICE_APP_PROBE_H

#include "config.h"

#define PROBE_TIMEOUT_MS 10000

/* Calls `route` with "METHOD /path" for each route. -EINVAL: told in `diags`; other -errno. */
int probe_modules(const struct app_config *config, void (*route)(const char *label),
		  struct diag_list *diags) __must_check;

#endif /* SLUICE_APP_PROBE_H */
