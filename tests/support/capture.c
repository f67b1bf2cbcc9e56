/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Capturing standard error: the C library lets the stream be replaced.
 */
#include "capture.h"

#include <stdio.h>

static FILE *original;
static char *text;
static size_t size;

void capture_start(void)
{
	original = stderr;
	stderr = open_memstream(&text, &size);
}

char *capture_end(void)
{
	fclose(stderr);
	stderr = original;
	return text;
}
