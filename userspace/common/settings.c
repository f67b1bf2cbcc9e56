/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The file is read whole, bounded, before any of it is looked at. A path that
 * is a device or a FIFO is refused: reading it could wait for ever.
 */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

/* At most `size` bytes; that many mean that there may be more. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(fd, text + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

static int load(const char *path, char **text, size_t *length)
{
	const size_t size = CONFIG_MAX_BYTES + 1;
	int fd = open_regular(path);
	ssize_t got = -ENOMEM;

	if (fd < 0)
		return fd;
	*text = malloc(size);
	if (*text)
		got = read_all(fd, *text, size);
	close(fd);
	if (got >= 0) {
		*length = (size_t)got;
		return 0;
	}
	free(*text);
	return (int)got;
}

int settings_read(const char *path, const struct field *fields, void *object,
		  struct diag_list *diags)
{
	size_t length = 0;
	char *text = NULL;
	int err;

	diags->file = path;
	err = load(path, &text, &length);
	if (err) {
		diag_add(diags, (struct place){0}, "cannot be read: %s",
			 err == -EINVAL ? "not a file" : strerror(-err));
		return err;
	}
	err = config_read_members(text, length, fields, object, diags);
	if (err == -ENOMEM)
		diag_add(diags, (struct place){0}, "cannot be read: %s", strerror(ENOMEM));
	free(text);
	return err;
}

void settings_print(const char *program, const struct diag_list *diags)
{
	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *diag = &diags->items[i];

		fprintf(stderr, "%s: ", program);
		if (diags->file && diag->at.line)
			fprintf(stderr, "%s:%u:%u: ", diags->file, diag->at.line, diag->at.column);
		else if (diags->file)
			fprintf(stderr, "%s: ", diags->file);
		fprintf(stderr, "%s\n", diag->text);
	}
}
