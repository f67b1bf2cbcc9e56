/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Services and their backends as text and JSON: for `vip`, `backend` and `status`. */
#ifndef SLUICE_CTL_SERVICE_VIEW_H
#define SLUICE_CTL_SERVICE_VIEW_H

#include "session.h"

/* Draws "services" with the backends of each below it. */
extern const struct output_table service_view_table;
/* Draws "vips": the traffic of each. */
extern const struct output_table service_view_vips_table;
/* Draws "backends" alone. */
extern const struct output_table service_view_backends_table;

/*
 * {"service", "proto", "forward", "vips", "backends": [{"backend", "address",
 * "weight", "state", "health", "sent_packets", ...}]}. NULL and *err on failure.
 */
json_t *service_view_json(const struct loads *loads, const struct service *service, int *err);
/* An array of that, for all services. */
json_t *service_view_all(const struct cluster *cluster, const struct loads *loads, int *err);
/* [{"vip", "proto", "service", "sent_packets", ...}] of all services, or of one. */
json_t *service_view_vips(const struct cluster *cluster, const struct loads *loads,
			  const struct service *only, int *err);

#endif /* SLUICE_CTL_SERVICE_VIEW_H */
