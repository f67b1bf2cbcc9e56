/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Configuration files of the daemons: YAML read by the typed tables of
 * config_reader.h, all mistakes in one run.
 */
#ifndef SLUICE_SETTINGS_H
#define SLUICE_SETTINGS_H

#include "config_reader.h"

/*
 * Reads the file into `object` by `fields`; what is not in it stays as it is.
 * -EINVAL: mistakes, in `diags` with line and column; other -errno: the file
 * cannot be read, also told in `diags`. diags->file is set to `path`.
 */
int settings_read(const char *path, const struct field *fields, void *object,
		  struct diag_list *diags) __must_check;

/* One line each on standard error: "sluice-web: web.yaml:3:9: drain "x": expected ...". */
void settings_print(const char *program, const struct diag_list *diags);

#endif /* SLUICE_SETTINGS_H */
