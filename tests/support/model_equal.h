/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Equality of two models, member by member; places in files do not count.
 */
#ifndef SLUICE_MODEL_EQUAL_H
#define SLUICE_MODEL_EQUAL_H

#include "model.h"

bool model_equal(const struct cluster *a, const struct cluster *b);

#endif /* SLUICE_MODEL_EQUAL_H */
