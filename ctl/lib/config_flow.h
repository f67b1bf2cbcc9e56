/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Flow collections of the canonical form, {key: value, ...}: what its writers share. */
#ifndef SLUICE_CONFIG_FLOW_H
#define SLUICE_CONFIG_FLOW_H

#include <stdbool.h>
#include <stdio.h>

struct flow {
	FILE *out;
	bool begun;
};

/* "key: " behind what came before; the value is to be written to the file returned. */
FILE *flow_key(struct flow *flow, const char *key);
/* Printable ASCII; in quotes where YAML needs them. */
void flow_text(struct flow *flow, const char *key, const char *text);
void flow_number(struct flow *flow, const char *key, unsigned number);
void flow_duration(struct flow *flow, const char *key, unsigned ms);

#endif /* SLUICE_CONFIG_FLOW_H */
