/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The exposition of a daemon: its processes here, then what the daemon itself
 * has to tell.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics.h"
#include "process_private.h"
#include "sluice/version.h"

/* --- each process --------------------------------------------------------------------- */

struct usage {
	double cpu_seconds;
	uint64_t resident_bytes;
};

/* proc(5), /proc/PID/stat, behind the name: fields 14, 15 and 24. False: it is gone. */
static bool read_usage(pid_t pid, struct usage *usage)
{
	unsigned long long user, system, pages;
	char path[64], line[1024];
	const char *rest = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = pid ? fopen(path, "re") : NULL;
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		rest = strrchr(line, ')');
	fclose(file);
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d "
			    "%*d %*d %*d %*u %*u %llu",
			    &user, &system, &pages) != 3)
		return false;
	usage->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	usage->resident_bytes = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
	return true;
}

/* Labels: the worker's number, or "monitor", and the generation. */
struct who {
	char worker[16], generation[16];
};

static struct who who_is(const struct board_slot *slot)
{
	struct who who = {.worker = "monitor"};

	if (!slot->monitor)
		snprintf(who.worker, sizeof(who.worker), "%u", slot->index);
	snprintf(who.generation, sizeof(who.generation), "%u", slot->generation);
	return who;
}

static void write_up(FILE *out, const struct board *board)
{
	metrics_family(out, METRICS_GAUGE, "sluice_worker_up",
		       "1 if the process has started and runs; older generations drain.");
	for (struct board_slot *slot = NULL; (slot = board_next(board, slot));) {
		struct who who = who_is(slot);

		metrics_uint(out, "sluice_worker_up", slot->ready, "worker", who.worker,
			     "generation", who.generation, NULL);
	}
}

static void write_connections(FILE *out, const struct board *board)
{
	metrics_family(out, METRICS_GAUGE, "sluice_worker_connections",
		       "Connections that the process has accepted and that are open.");
	for (struct board_slot *slot = NULL; (slot = board_next(board, slot));) {
		struct who who = who_is(slot);

		if (!slot->monitor)
			metrics_uint(out, "sluice_worker_connections", slot->connections, "worker",
				     who.worker, "generation", who.generation, NULL);
	}
}

static void write_cpu(FILE *out, const struct board *board)
{
	metrics_family(out, METRICS_COUNTER, "sluice_worker_cpu_seconds_total",
		       "CPU time that the process has used, user and system.");
	for (struct board_slot *slot = NULL; (slot = board_next(board, slot));) {
		struct who who = who_is(slot);
		struct usage usage;

		if (read_usage(slot->pid, &usage))
			metrics_double(out, "sluice_worker_cpu_seconds_total", usage.cpu_seconds,
				       "worker", who.worker, "generation", who.generation, NULL);
	}
}

static void write_memory(FILE *out, const struct board *board)
{
	metrics_family(out, METRICS_GAUGE, "sluice_worker_resident_memory_bytes",
		       "Memory of the process, with what it shares with the others.");
	for (struct board_slot *slot = NULL; (slot = board_next(board, slot));) {
		struct who who = who_is(slot);
		struct usage usage;

		if (read_usage(slot->pid, &usage))
			metrics_uint(out, "sluice_worker_resident_memory_bytes",
				     usage.resident_bytes, "worker", who.worker, "generation",
				     who.generation, NULL);
	}
}

/* --- all of them ----------------------------------------------------------------------- */

static void write_one(FILE *out, enum metrics_type type, const char *name, const char *help,
		      uint64_t value)
{
	metrics_family(out, type, name, help);
	metrics_uint(out, name, value, NULL);
}

static void write_master(FILE *out, const struct board_master *board)
{
	write_one(out, METRICS_GAUGE, "sluice_worker_generation",
		  "Number of the configuration that is served, from 1.", board->generation);
	write_one(out, METRICS_GAUGE, "sluice_worker_wanted",
		  "Workers that the configuration asks for.", board->workers);
	write_one(out, METRICS_COUNTER, "sluice_worker_restarts_total",
		  "Processes started in the place of one that had ended.", board->restarts);
	write_one(out, METRICS_COUNTER, "sluice_worker_crashes_total",
		  "Processes that ended by a signal or with an error.", board->crashes);
	write_one(out, METRICS_COUNTER, "sluice_worker_watchdog_kills_total",
		  "Processes ended because their loop did not come round, or did not start.",
		  board->watchdog_kills);
	metrics_family(out, METRICS_COUNTER, "sluice_worker_reloads_total",
		       "Configurations read again, by result.");
	metrics_uint(out, "sluice_worker_reloads_total", board->reloads, "result", "ok", NULL);
	metrics_uint(out, "sluice_worker_reloads_total", board->reloads_failed, "result", "failed",
		     NULL);
	write_one(out, METRICS_GAUGE, "sluice_worker_last_reload_ok",
		  "0 if the configuration in the file is not the one that is served.",
		  board->last_reload_ok);
	write_one(out, METRICS_GAUGE, "sluice_worker_ending", "1 while the daemon ends.",
		  board->ending);
}

static void write_sums(FILE *out, const uint64_t *counters)
{
	write_one(out, METRICS_COUNTER, "sluice_worker_accepted_total", "Connections accepted.",
		  counters[BOARD_ACCEPTED]);
	metrics_family(out, METRICS_COUNTER, "sluice_worker_accept_pauses_total",
		       "How often accepting was paused, by what had run out.");
	metrics_uint(out, "sluice_worker_accept_pauses_total", counters[BOARD_PAUSES_LIMIT],
		     "reason", "connections", NULL);
	metrics_uint(out, "sluice_worker_accept_pauses_total", counters[BOARD_PAUSES_FILES],
		     "reason", "descriptors", NULL);
	write_one(out, METRICS_COUNTER, "sluice_worker_connections_cut_total",
		  "Connections that outlasted the time to drain.", counters[BOARD_CONNECTIONS_CUT]);
	write_one(out, METRICS_COUNTER, "sluice_access_log_lost_total",
		  "Lines of the access log that could not be written.", counters[BOARD_LOG_LOST]);
}

void process_expose(FILE *out, struct process_child *monitor)
{
	const struct worker *worker = &monitor->worker;
	const struct board *board = monitor->board;
	uint64_t *sums = calloc(board->counters + board->gauges + 1, sizeof(*sums));

	metrics_family(out, METRICS_GAUGE, "sluice_build_info", "Always 1: the version that runs.");
	metrics_uint(out, "sluice_build_info", 1, "version", SLUICE_VERSION, "daemon",
		     worker->daemon->name, "node", worker->settings->node, NULL);
	metrics_process(out);
	write_master(out, board->master);
	write_up(out, board);
	write_connections(out, board);
	write_cpu(out, board);
	write_memory(out, board);
	if (!sums)
		return;
	board_sum(board, sums, sums + board->counters);
	write_sums(out, sums);
	if (worker->daemon->expose)
		worker->daemon->expose(out, worker, sums + BOARD_COUNTERS, sums + board->counters);
	free(sums);
}
