/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A configuration as JSON: the keys and the shape of the cluster file, with
 * units in the keys and each backend's addresses resolved.
 */
#ifndef SLUICE_CTL_MODEL_JSON_H
#define SLUICE_CTL_MODEL_JSON_H

#include <jansson.h>

#include "model.h"

/* NULL: out of memory. The caller owns the value. */
json_t *model_json(const struct cluster *cluster);

/* Pieces of it, for `show` commands. */
json_t *model_json_service(const struct service *service);
json_t *model_json_policy(const struct policy *policy);
json_t *model_json_limit(const struct limit *limit);
json_t *model_json_rule(const struct rule *rule);
json_t *model_json_roles(unsigned roles);

#endif /* SLUICE_CTL_MODEL_JSON_H */
