/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of a model whose file had mistakes: what follows only from a
 * value that could not be read is not reported a second time.
 */
#ifndef SLUICE_MODEL_VALIDATE_H
#define SLUICE_MODEL_VALIDATE_H

#include "model.h"

/*
 * Far above what one cluster has, and low enough that no file of the permitted
 * size can keep the validation busy for long.
 */
#define MODEL_MAX_NAMED	     1024 /* nodes, sets, policies: of each */
#define MODEL_MAX_INTERFACES 64	  /* of a node */
#define MODEL_MAX_ADDRESSES  32	  /* of an interface */
#define MODEL_MAX_ROUTES     1024 /* of a node */

#define MODEL_MAX_MISTAKES 1000 /* reported by one run of the reader, and of the validation */

/* A key of the object at `at` whose value is not what the file's author meant. */
struct unreadable {
	struct place at;
	const char *key; /* borrowed */
};

struct unreadable_list {
	struct unreadable *items;
	size_t count;
};

/* model_validate() but for what depends on a key in `unreadable` (may be NULL). */
int model_validate_readable(const struct cluster *cluster, const struct unreadable_list *unreadable,
			    struct diag_list *diags) __must_check;

/*
 * Names: 1 to SLUICE_NAME_LEN - 1 letters, digits, '.', '_' and '-', a letter,
 * digit or '_' first. Nodes: the same without '.'. Interface names: what Linux takes.
 */
bool model_name_is_valid(const char *name);
bool model_node_name_is_valid(const char *name);
bool model_ifname_is_valid(const char *name);

/* Bits behind the prefix are 0: it is a network, and no address in one. */
bool prefix_is_network(const struct prefix *prefix);

#endif /* SLUICE_MODEL_VALIDATE_H */
