/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Logs of the daemons: one line on stderr, key=value, with time, level and
 * subsystem in front:
 *
 *   time=2025-11-22T20:13:05.123Z level=warn sub=check event=backend-down service=www
 *
 * error: someone must act. warn: degraded. info: life cycle. debug: off unless
 * asked for. What a peer can trigger goes through struct log_limit.
 */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The most talkative level that is written; LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);

/* `format` makes the key=value part. Values with blanks are quoted by the caller: key="%s". */
void log_write(enum log_level level, const char *subsystem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* At most `burst` lines in `period_ns`; the rest is counted. */
struct log_limit {
	unsigned burst;
	uint64_t period_ns;
	uint64_t started_ns;
	unsigned used;
	unsigned suppressed; /* since the last line that was let through */
};

/* True if a line may be written now; `suppressed` then tells how many were not. */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, unsigned *suppressed);

#endif /* SLUICE_LOG_H */
