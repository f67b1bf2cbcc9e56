/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The keys of sluice-web's configuration file: private to config*.c.
 */
#ifndef SLUICE_WEB_CONFIG_FIELDS_H
#define SLUICE_WEB_CONFIG_FIELDS_H

#include "config_reader.h"

/* Of a struct web_config; ends with an empty field. */
extern const struct field web_config_fields[];

#endif /* SLUICE_WEB_CONFIG_FIELDS_H */
