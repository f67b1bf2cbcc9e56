/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The cluster's secret: a file, the same on all nodes, that the agents sign their messages
 * with and that the key of SYN cookies is derived from.
 */
#ifndef SLUICE_KEY_FILE_H
#define SLUICE_KEY_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "addr.h"

#define KEY_FILE_MIN_BYTES 16

/*
 * Reads at most `size` bytes; blanks at the end do not count, as the file may be made by an
 * editor. Returns the length; -EINVAL: fewer than KEY_FILE_MIN_BYTES; or -errno.
 */
ssize_t key_file_read(const char *path, void *bytes, size_t size) __must_check;

/* The key of SYN cookies that the file gives: HMAC-SHA256 of a name. Errors as above. */
int key_file_derive_cookies(const char *path, unsigned long long key[2]) __must_check;

#endif /* SLUICE_KEY_FILE_H */
