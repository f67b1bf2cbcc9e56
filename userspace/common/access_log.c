/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The buffer begins with a newline that is only written when the file ends
 * within a line: a disk that was full for a while costs lines, but never joins
 * two. A line always has room for its end, so that it is complete JSON whatever
 * was cut.
 */
#include "access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (64u << 10)
#define FIRST	     1 /* where lines begin, behind the newline */
#define LINE_END     ",\"cut\":true}\n"
#define ESCAPE_MAX   6 /* \u001f */
#define REPLACEMENT  "\\ufffd"

/*
 * Root opens it in a directory that an unprivileged user may be able to write
 * to: what is a link there is not followed, and what was there is not given away.
 */
static int open_existing(const char *path, int flags)
{
	bool is_device = !strncmp(path, "/dev/", 5);
	int fd = open(path, flags | (is_device ? 0 : O_NOFOLLOW)), err;
	struct stat status;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &status) ? -errno : 0;
	if (!err && S_ISREG(status.st_mode) && status.st_nlink > 1)
		err = -EMLINK;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int access_log_open(const char *path, uid_t owner, gid_t group)
{
	const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0640), err;

	if (fd < 0)
		return errno == EEXIST ? open_existing(path, flags) : -errno;
	if (!fchown(fd, owner, group))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* --- writing ------------------------------------------------------------------------ */

static uint64_t count_lines(const char *text, size_t length)
{
	uint64_t count = 0;

	for (const char *end = text + length; (text = memchr(text, '\n', (size_t)(end - text)));
	     text++)
		count++;
	return count;
}

static void flush_lines(struct access_log *log)
{
	const char *next = log->lines + (log->torn ? 0 : FIRST), *end = log->lines + log->used;
	ssize_t written = 0;

	if (log->used == FIRST)
		return;
	while (next < end && written >= 0) {
		written = write(log->fd, next, (size_t)(end - next));
		if (written > 0) {
			next += written;
			log->torn = next[-1] != '\n';
		} else if (errno == EINTR) {
			written = 0;
		}
	}
	*log->lost += count_lines(next, (size_t)(end - next));
	log->used = FIRST;
}

static void on_flush(struct loop_timer *timer)
{
	flush_lines(container_of(timer, struct access_log, flush));
}

int access_log_init(struct access_log *log, struct loop *loop, int fd, uint64_t *lost)
{
	*log = (struct access_log){
		.loop = loop,
		.fd = fd,
		.flush = {.expired = on_flush},
		.used = FIRST,
		.lost = lost,
	};
	if (fd < 0)
		return 0;
	log->lines = malloc(BUFFER_BYTES);
	if (log->lines) {
		log->lines[0] = '\n';
		return 0;
	}
	close(fd);
	log->fd = -1;
	return -ENOMEM;
}

void access_log_fini(struct access_log *log)
{
	if (log->fd < 0)
		return;
	loop_timer_disarm(log->loop, &log->flush);
	flush_lines(log);
	close(log->fd);
	free(log->lines);
	log->fd = -1;
}

void access_log_reopen(struct access_log *log, int fd)
{
	if (log->fd < 0) {
		close(fd);
		return;
	}
	flush_lines(log);
	close(log->fd);
	log->fd = fd;
	log->torn = false;
}

/* --- lines -------------------------------------------------------------------------- */

/* Up to where keys and values may go. */
static size_t line_limit(const struct access_log *log)
{
	return log->line_start + ACCESS_LOG_LINE_BYTES - strlen(LINE_END);
}

static void put(struct access_log *log, const char *text, size_t length)
{
	memcpy(log->lines + log->used, text, length);
	log->used += length;
}

/* `,"key":`, if it and `more` bytes fit. */
static bool put_key(struct access_log *log, const char *key, size_t more)
{
	size_t length = strlen(key);

	if (log->cut || log->used + length + more + strlen(",\"\":") > line_limit(log)) {
		log->cut = true;
		return false;
	}
	put(log, ",\"", 2);
	put(log, key, length);
	put(log, "\":", 2);
	return true;
}

static void put_time(struct access_log *log)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != log->second) {
		log->second = now.tv_sec;
		gmtime_r(&now.tv_sec, &utc);
		strftime(log->clock, sizeof(log->clock), "%Y-%m-%dT%H:%M:%S", &utc);
	}
	log->used += (size_t)sprintf(log->lines + log->used, "{\"time\":\"%s.%03ldZ\"", log->clock,
				     now.tv_nsec / 1000000);
}

void access_log_begin(struct access_log *log)
{
	if (log->fd < 0)
		return;
	if (log->used + ACCESS_LOG_LINE_BYTES > BUFFER_BYTES)
		flush_lines(log);
	log->line_start = log->used;
	log->cut = false;
	put_time(log);
}

void access_log_end(struct access_log *log)
{
	if (log->fd < 0)
		return;
	if (log->cut)
		put(log, LINE_END, strlen(LINE_END));
	else
		put(log, "}\n", 2);
	if (!log->flush.position &&
	    loop_timer_arm(log->loop, &log->flush, ACCESS_LOG_DELAY_MS * NS_PER_MS))
		flush_lines(log);
}

void access_log_uint(struct access_log *log, const char *key, uint64_t value)
{
	if (log->fd >= 0 && put_key(log, key, 20))
		log->used += (size_t)sprintf(log->lines + log->used, "%" PRIu64, value);
}

void access_log_ms(struct access_log *log, const char *key, uint64_t ns)
{
	if (log->fd >= 0 && put_key(log, key, 24))
		log->used += (size_t)sprintf(log->lines + log->used, "%llu.%03u", ns / NS_PER_MS,
					     (unsigned)(ns / 1000 % 1000));
}

/* --- text --------------------------------------------------------------------------- */

static bool continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The length of the well-formed UTF-8 sequence at `text` (RFC 3629, 4), or 0. */
static size_t utf8_length(const unsigned char *text, size_t length)
{
	unsigned char first = text[0], least = 0x80, most = 0xbf;
	size_t size = first < 0x80   ? 1
		      : first < 0xc2 ? 0
		      : first < 0xe0 ? 2
		      : first < 0xf0 ? 3
		      : first < 0xf5 ? 4
				     : 0;

	if (size < 2 || size > length)
		return size == 1;
	if (first == 0xe0)
		least = 0xa0; /* shorter forms exist */
	else if (first == 0xed)
		most = 0x9f; /* surrogates */
	else if (first == 0xf0)
		least = 0x90;
	else if (first == 0xf4)
		most = 0x8f; /* above U+10FFFF */
	if (text[1] < least || text[1] > most)
		return 0;
	for (size_t i = 2; i < size; i++)
		if (!continues(text[i]))
			return 0;
	return size;
}

/* Writes the first character at `text` as JSON; returns how many bytes of it were taken. */
static size_t put_character(struct access_log *log, const unsigned char *text, size_t length)
{
	size_t size = utf8_length(text, length);

	if (!size) {
		put(log, REPLACEMENT, strlen(REPLACEMENT));
		return 1;
	}
	if (*text < ' ' || *text == 0x7f) {
		log->used += (size_t)sprintf(log->lines + log->used, "\\u%04x", *text);
	} else {
		if (*text == '"' || *text == '\\')
			put(log, "\\", 1);
		put(log, (const char *)text, size);
	}
	return size;
}

void access_log_text(struct access_log *log, const char *key, const char *value, size_t length)
{
	const unsigned char *next = (const unsigned char *)value, *end = next + length;
	size_t limit;

	if (log->fd < 0 || !put_key(log, key, 2))
		return;
	limit = line_limit(log) - 1;
	put(log, "\"", 1);
	while (next < end && log->used + ESCAPE_MAX <= limit)
		next += put_character(log, next, (size_t)(end - next));
	log->cut = next < end;
	put(log, "\"", 1);
}

void access_log_string(struct access_log *log, const char *key, const char *value)
{
	access_log_text(log, key, value, strlen(value));
}
