/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void metrics_family(FILE *out, enum metrics_type type, const char *name, const char *help)
{
	static const char *const types[] = {
		[METRICS_COUNTER] = "counter",
		[METRICS_GAUGE] = "gauge",
		[METRICS_HISTOGRAM] = "histogram",
	};

	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void write_value(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
}

static void write_labels(FILE *out, va_list labels)
{
	const char *separator = "{", *name;

	while ((name = va_arg(labels, const char *))) {
		fprintf(out, "%s%s=\"", separator, name);
		write_value(out, va_arg(labels, const char *));
		fputc('"', out);
		separator = ",";
	}
	if (*separator == ',')
		fputc('}', out);
}

void metrics_uint(FILE *out, const char *name, uint64_t value, ...)
{
	va_list labels;

	fputs(name, out);
	va_start(labels, value);
	write_labels(out, labels);
	va_end(labels);
	fprintf(out, " %" PRIu64 "\n", value);
}

void metrics_double(FILE *out, const char *name, double value, ...)
{
	va_list labels;

	fputs(name, out);
	va_start(labels, value);
	write_labels(out, labels);
	va_end(labels);
	fprintf(out, " %.15g\n", value);
}

/* --- process ---------------------------------------------------------------------- */

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* without the one that counts */
}

static double boot_time(void)
{
	unsigned long long seconds = 0;
	char line[256];
	FILE *file = fopen("/proc/stat", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "btime %llu", &seconds) == 1)
			break;
	if (file)
		fclose(file);
	return (double)seconds;
}

/* Fields of proc(5), /proc/PID/stat, counted from behind the name: 22, 23, 24. */
static int read_stat(unsigned long long *start_ticks, unsigned long long *virtual_bytes,
		     unsigned long long *resident_pages)
{
	FILE *file = fopen("/proc/self/stat", "re");
	char line[1024], *rest = NULL;

	if (!file)
		return -1;
	if (fgets(line, sizeof(line), file))
		rest = strrchr(line, ')');
	fclose(file);
	if (!rest)
		return -1;
	return sscanf(rest + 1,
		      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		      "%*d %llu %llu %llu",
		      start_ticks, virtual_bytes, resident_pages) == 3
		       ? 0
		       : -1;
}

void metrics_process(FILE *out)
{
	unsigned long long start_ticks, virtual_bytes, resident_pages;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	metrics_family(out, METRICS_COUNTER, "process_cpu_seconds_total",
		       "CPU time used, user and system, in seconds.");
	metrics_double(out, "process_cpu_seconds_total",
		       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
		       NULL);
	metrics_family(out, METRICS_GAUGE, "process_open_fds", "Open file descriptors.");
	metrics_uint(out, "process_open_fds", open_descriptors(), NULL);
	if (read_stat(&start_ticks, &virtual_bytes, &resident_pages))
		return;
	metrics_family(out, METRICS_GAUGE, "process_virtual_memory_bytes",
		       "Virtual memory in bytes.");
	metrics_uint(out, "process_virtual_memory_bytes", virtual_bytes, NULL);
	metrics_family(out, METRICS_GAUGE, "process_resident_memory_bytes",
		       "Resident memory in bytes.");
	metrics_uint(out, "process_resident_memory_bytes",
		     resident_pages * (unsigned long long)sysconf(_SC_PAGESIZE), NULL);
	metrics_family(out, METRICS_GAUGE, "process_start_time_seconds",
		       "Start of the process in seconds since the epoch.");
	metrics_double(out, "process_start_time_seconds",
		       boot_time() + (double)start_ticks / (double)sysconf(_SC_CLK_TCK), NULL);
}
