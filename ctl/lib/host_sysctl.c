/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Settings below /proc/sys, which shows those of the caller's namespace.
 */
#include "host_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int sysctl_open(const char *path, int flags)
{
	char full[sizeof("/proc/sys/") + HOST_SYSCTL_LEN];
	int fd;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctl_read(const char *path, int *value)
{
	char text[32], *end;
	int fd = sysctl_open(path, O_RDONLY);
	ssize_t got;
	long number;

	if (fd < 0)
		return fd;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return got ? -errno : -EIO;
	text[got] = '\0';
	number = strtol(text, &end, 0);
	if (end == text)
		return -EIO;
	*value = (int)number;
	return 0;
}

int sysctl_write(const char *path, int value)
{
	char text[16];
	int fd = sysctl_open(path, O_WRONLY), length, err;

	if (fd < 0)
		return fd;
	length = snprintf(text, sizeof(text), "%d\n", value);
	err = write(fd, text, (size_t)length) == length ? 0 : -errno;
	close(fd);
	return err;
}

int sysctl_for_each_conf6(int (*each)(const char *ifname, void *arg), void *arg)
{
	DIR *dir = opendir("/proc/sys/net/ipv6/conf");
	const struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)))
		if (*entry->d_name != '.' && strcmp(entry->d_name, "all") &&
		    strcmp(entry->d_name, "default"))
			err = each(entry->d_name, arg);
	closedir(dir);
	return err;
}
