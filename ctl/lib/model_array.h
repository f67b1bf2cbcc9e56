/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The model's growing arrays, private to the modules that build one. The
 * capacity is the next power of two of the count and is not stored.
 */
#ifndef SLUICE_MODEL_ARRAY_H
#define SLUICE_MODEL_ARRAY_H

#include <stddef.h>

/*
 * Makes room for one element of `size` bytes, zeroed, at `index` (behind the
 * last if it is larger) and returns it; NULL: out of memory, nothing changed.
 * array_at: address of the pointer to the array.
 */
void *model_array_insert(void *array_at, size_t *count, size_t size, size_t index);
void *model_array_add(void *array_at, size_t *count, size_t size);

#endif /* SLUICE_MODEL_ARRAY_H */
