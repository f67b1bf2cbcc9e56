/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The agent's metrics: the node's data plane, its services and backends, the
 * agent itself and the host, as Prometheus text. What the node does not have
 * (no ports, no services) is left out; process and host are always there.
 */
#ifndef SLUICE_AGENT_EXPOSITION_H
#define SLUICE_AGENT_EXPOSITION_H

#include <stddef.h>

struct agent;

/* malloc()ed text of *length bytes, or NULL when out of memory. */
char *exposition_render(struct agent *agent, size_t *length);

#endif /* SLUICE_AGENT_EXPOSITION_H */
