/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What visitors type, as it may be stored and shown. */
#ifndef FOOBAR_TEXT_H
#define FOOBAR_TEXT_H

#include <stddef.h>

/*
 * Copies `text` (NULL: "") as one clean line: valid UTF-8 without control
 * characters, runs of blanks made one, none at the ends; bytes that are no
 * UTF-8 become '?'. Cut between characters to fit `size`, NUL included.
 */
void text_clean(const char *text, char *out, size_t size);

/* Characters, not bytes, of valid UTF-8. */
size_t text_length(const char *text);

#endif /* FOOBAR_TEXT_H */
