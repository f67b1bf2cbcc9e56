/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Media types of files, by the extension of their names.
 */
#ifndef SLUICE_WEB_TYPES_H
#define SLUICE_WEB_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "diag.h"

struct type {
	char extension[16]; /* lower case */
	char name[112];	    /* with charset, where it is text */
	bool compressible;
};

/* Sorted by extension. */
struct types {
	struct type *items;
	size_t count;
};

/* The built-in ones, and those of a file in the format of mime.types(5), which win. */
int types_read(struct types *types, const char *file, struct diag_list *diags) __must_check;
void types_fini(struct types *types);

/* By the extension of a path's last part; never NULL: application/octet-stream. */
const struct type *types_find(const struct types *types, const char *path);

#endif /* SLUICE_WEB_TYPES_H */
