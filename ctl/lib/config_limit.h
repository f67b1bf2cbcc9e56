/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The key `limit` of services and rules: one mapping, or a list of them. */
#ifndef SLUICE_CONFIG_LIMIT_H
#define SLUICE_CONFIG_LIMIT_H

#include "config_flow.h"
#include "config_reader.h"

extern const struct field config_limit_fields[];

/* The reader of the key: its field has `add` as for a list of objects. */
void config_limit_read(struct reader *r, const struct field *field, const yaml_node_t *value,
		       void *object);

/* The value, canonical: {...} or [{...}, {...}]. */
void config_limit_write(FILE *out, const struct limit *limits, size_t count);

#endif /* SLUICE_CONFIG_LIMIT_H */
