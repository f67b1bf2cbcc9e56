/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A line is formatted in one buffer and written with one write(2), so that
 * lines of several processes on one descriptor do not mix. Control characters
 * in values become '?': a peer must not be able to forge a line.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1024

static enum log_level max_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
	max_level = level;
}

static size_t format_head(char *line, size_t size, enum log_level level, const char *subsystem)
{
	struct timespec now;
	struct tm utc;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(line, size, "time=%Y-%m-%dT%H:%M:%S", &utc);
	used += snprintf(line + used, size - used, ".%03ldZ level=%s sub=%s ",
			 now.tv_nsec / 1000000, level_names[level], subsystem);
	return used;
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
	char line[LINE_BYTES];
	size_t used;
	va_list args;
	int length;

	if (level > max_level)
		return;
	used = format_head(line, sizeof(line), level, subsystem);
	va_start(args, format);
	length = vsnprintf(line + used, sizeof(line) - used, format, args);
	va_end(args);
	if (length > 0)
		used += length;
	if (used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nowhere left to say so */
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, unsigned *suppressed)
{
	if (!limit->started_ns || now_ns - limit->started_ns >= limit->period_ns) {
		limit->started_ns = now_ns;
		limit->used = 0;
	}
	if (limit->used >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->used++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
