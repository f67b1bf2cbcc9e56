/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Access logs: a file of JSON objects, one a line. Lines are collected and
 * written together, whole, with O_APPEND, so that several workers can share a
 * file; at the latest after ACCESS_LOG_DELAY_MS. A full disk loses lines,
 * counted, and never waits.
 */
#ifndef SLUICE_ACCESS_LOG_H
#define SLUICE_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "loop.h"

#define ACCESS_LOG_DELAY_MS   500
#define ACCESS_LOG_LINE_BYTES 8192 /* longer values are cut, with a mark */

struct access_log {
	struct loop *loop;
	int fd; /* -1: no log is kept, every call returns at once */
	struct loop_timer flush;
	char *lines;
	size_t used, line_start;
	time_t second; /* of which `clock` is the text */
	char clock[20];
	bool cut;	/* the line at hand has come to its limit */
	bool torn;	/* the file ends within a line that could not be written whole */
	uint64_t *lost; /* borrowed: counts lines that could not be written */
};

/*
 * Opens the file for appending, or makes it, owned by this user and group if
 * they are not -1. Returns a descriptor that never blocks, or -errno; -ELOOP,
 * -EMLINK: it is a link.
 */
int access_log_open(const char *path, uid_t owner, gid_t group) __must_check;

/* Takes the descriptor over, on error too; -1: no log. */
int access_log_init(struct access_log *log, struct loop *loop, int fd, uint64_t *lost) __must_check;
void access_log_fini(struct access_log *log); /* writes what is there */
/* After the file has been renamed: what is there goes to the old one, the rest to `fd`. */
void access_log_reopen(struct access_log *log, int fd);

/*
 * One line: begin (with "time": RFC 3339, UTC, ms), keys in any number, end.
 * Text may be any bytes: what is not UTF-8 becomes U+FFFD. What is longer than
 * fits the line is cut, and the line then has "cut":true.
 */
void access_log_begin(struct access_log *log);
void access_log_text(struct access_log *log, const char *key, const char *value, size_t length);
void access_log_string(struct access_log *log, const char *key, const char *value);
void access_log_uint(struct access_log *log, const char *key, uint64_t value);
/* Nanoseconds, written in milliseconds with three decimals. */
void access_log_ms(struct access_log *log, const char *key, uint64_t ns);
void access_log_end(struct access_log *log);

#endif /* SLUICE_ACCESS_LOG_H */
