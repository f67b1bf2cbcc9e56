/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The keys of the configuration file; private to config*.c. */
#ifndef SLUICE_APP_CONFIG_FIELDS_H
#define SLUICE_APP_CONFIG_FIELDS_H

#include "config_reader.h"

extern const struct field app_config_fields[];

#endif /* SLUICE_APP_CONFIG_FIELDS_H */
