/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Access logs: a file of JSON objects, one a line. Lines are collected and
 * written together, whole, with O_APPEND, so that several workers can share a
 * file; at the latest after ACCESS_LOG_DELAY_MS. A full disk loses lines, counted, and never waits.
 */
#ifndef SLUICE_ACCESS_LOG_H
#define SLUICE_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

#define ACCESS_LOG_DELAY_MS   500
#define ACCESS_LOG_LINE_BYTES 8192 /* longer values are cut, with a mark */

struct access_log {
	struct loop *loop;
	const char *path; /* borrowed */
	int fd;		  /* -1: no log is kept, every call returns at once */
	struct loop_timer flush;
	char *lines;
	size_t used, line_start;
	bool cut;
	uint64_t lost; /* lines that could not be written */
};

/* `path` "": no log. -errno when the file cannot be opened. */
int access_log_init(struct access_log *log, struct loop *loop, const char *path) __must_check;
void access_log_fini(struct access_log *log); /* writes what is there */
/* After the file has been renamed. The old one stays in use if there can be no new one. */
int access_log_reopen(struct access_log *log);

/* One line: begin (with "time": RFC 3339, UTC, ms), keys in any number, end. */
void access_log_begin(struct access_log *log);
void access_log_text(struct access_log *log, const char *key, const char *value, size_t length);
void access_log_uint(struct access_log *log, const char *key, uint64_t value);
/* Nanoseconds, written in milliseconds with three decimals. */
void access_log_ms(struct access_log *log, const char *key, uint64_t ns);
void access_log_end(struct access_log *log);

#endif /* SLUICE_ACCESS_LOG_H */
