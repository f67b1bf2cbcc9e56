/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Private mounts, so that the bpffs that the library mounts is seen here alone,
 * and a private network with nothing but lo in it.
 */
#include "sandbox.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[256];

static int make_directory(void)
{
	const char *tmp = getenv("TMPDIR");
	char root[300];

	snprintf(directory, sizeof(directory), "%s/sandbox.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -errno;
	snprintf(root, sizeof(root), "%s/bpf", directory);
	return setenv("SLUICE_PIN_ROOT", root, 1) ? -errno : 0;
}

int sandbox_enter(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (sandbox_run("ip link set lo up"))
		return -ENODEV;
	return make_directory();
}

void sandbox_leave(void)
{
	const char *root = getenv("SLUICE_PIN_ROOT");

	if (root && !umount2(root, MNT_DETACH))
		rmdir(root);
	if (sandbox_run("rm -rf '%s'", directory))
		fprintf(stderr, "sandbox: %s is left\n", directory);
}

int sandbox_run(const char *format, ...)
{
	char command[512], quiet[560];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(quiet, sizeof(quiet), "{ %s; } >/dev/null 2>&1", command);
	status = system(quiet);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
