/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The keys of a service's `check`: read, and written in their canonical form. */
#ifndef SLUICE_CONFIG_CHECK_H
#define SLUICE_CONFIG_CHECK_H

#include <stdio.h>

#include "config_reader.h"

/* Members of struct health_check. */
extern const struct field config_check_fields[];

/* The line "    check: {...}"; nothing if all of it is as model_check_init() has it. */
void config_check_write(FILE *out, const struct health_check *check);

/* What a member holds as it is written in the file, without quotes. */
#define CHECK_BYTES_TEXT_LEN (2 * CHECK_BYTES_MAX + 3)
#define STATUSES_TEXT_LEN    (8 * CHECK_STATUSES_MAX + 1)
const char *config_check_bytes_format(const struct check_bytes *bytes,
				      char buf[CHECK_BYTES_TEXT_LEN]);
/* "200-299, 304"; of a check that says nothing, the default. */
const char *config_check_statuses_format(const struct health_check *check,
					 char buf[STATUSES_TEXT_LEN]);

#endif /* SLUICE_CONFIG_CHECK_H */
