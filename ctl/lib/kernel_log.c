/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What libbpf, libxdp and the verifier say is kept instead of printed, and of
 * it the one line that tells most: the kernel's own words before the
 * libraries', and the last one that is not mere ceremony.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "dataplane_private.h"

enum weight { NOTHING, CEREMONY, LIBRARY, KERNEL };

static _Thread_local char detail[512];
static _Thread_local enum weight detail_weight;

static bool contains_any(const char *line, const char *const *parts)
{
	for (; *parts; parts++)
		if (strstr(line, *parts))
			return true;
	return false;
}

static enum weight weigh(const char *line)
{
	static const char *const ceremony[] = {
		"PROG LOAD LOG --", "processed ",	 "failed to load object", "BPF skeleton",
		"-- BEGIN DUMP",    "verification time", "stack depth",		  NULL};

	if (!*line)
		return NOTHING;
	if (contains_any(line, ceremony))
		return CEREMONY;
	if (strncmp(line, "libbpf:", 7) && strncmp(line, "libxdp:", 7))
		return KERNEL;
	return strstr(line, "Kernel error message") ? KERNEL : LIBRARY;
}

static void keep(char *text)
{
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n"));) {
		enum weight weight = weigh(line);

		if (weight == NOTHING || weight < detail_weight)
			continue;
		detail_weight = weight;
		snprintf(detail, sizeof(detail), "%s", line);
	}
}

static int hear(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return 0;
	keep(text);
	free(text);
	return 0;
}

static int hear_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? hear(format, args) : 0;
}

static int hear_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	return level == LIBXDP_WARN ? hear(format, args) : 0;
}

void kernel_log_start(void)
{
	detail[0] = '\0';
	detail_weight = NOTHING;
	libbpf_set_print(hear_libbpf);
	libxdp_set_print(hear_libxdp);
}

const char *dataplane_detail(void)
{
	return detail;
}
