/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * YAML text to a libyaml document whose size, depth and shape are known to be
 * harmless. Private to the configuration reader.
 */
#ifndef SLUICE_CONFIG_YAML_H
#define SLUICE_CONFIG_YAML_H

#include <yaml.h>

#include "addr.h"
#include "diag.h"

#define CONFIG_MAX_BYTES   (4U << 20)
#define CONFIG_MAX_DEPTH   16
#define CONFIG_MAX_VALUES  500000U /* written out, and once more with aliases followed */
#define CONFIG_MAX_ANCHORS 1000U

/*
 * Returns 0 and a document with at least a root node, for
 * yaml_document_delete(); -EINVAL: exactly one message was appended; -ENOMEM.
 * `expected` tells whoever wrote an empty file what belongs in it.
 */
int config_yaml_load(const char *text, size_t length, const char *expected, yaml_document_t *out,
		     struct diag_list *diags) __must_check;

struct place config_yaml_place(yaml_mark_t mark);
struct place config_yaml_place_of(const yaml_node_t *node);

#endif /* SLUICE_CONFIG_YAML_H */
