/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Lag by heartbeat: the monitor writes the time into a row on the primary, and
 * looks for it on the replicas. A replica is behind by the age of the oldest
 * heartbeat that it does not have yet; with the newest it is not behind. Without
 * the table, or the right to write it, the server's own Seconds_Behind_Master
 * must do, which knows only of what the replica has received.
 */
#include "monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cluster.h"
#include "log.h"
#include "probe.h"

#define BEATS	      1024 /* remembered; older ones count as that old */
#define BEAT_EVERY_NS (500 * NS_PER_MS)

struct target {
	struct probe probe;
	struct loop_timer next;
	struct server_board *place;
	bool checked;
	bool told_heartbeat, told_replication; /* in the log, until it is over */
};

static struct {
	const struct router_config *config;
	struct cluster_board *board;
	struct loop *loop;
	struct target targets[ROUTER_MAX_SERVERS];
	int64_t beats[BEATS]; /* times written, in a ring */
	uint64_t beat_count;
	uint64_t last_beat_ns;
} monitor;

/* --- lag --------------------------------------------------------------------------- */

static int64_t wall_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The first heartbeat behind `seen`, or 0: that is the last. */
static int64_t beat_after(int64_t seen)
{
	uint64_t first = monitor.beat_count > BEATS ? monitor.beat_count - BEATS : 0;

	for (uint64_t i = first; i < monitor.beat_count; i++)
		if (monitor.beats[i % BEATS] > seen)
			return monitor.beats[i % BEATS];
	return 0;
}

static uint32_t lag_by_heartbeat(int64_t seen)
{
	int64_t missing = beat_after(seen);
	int64_t behind_us = missing ? wall_clock_us() - missing : 0;

	/* Nobody has written for a while, as when this monitor has just started. */
	if (!monitor.beat_count)
		behind_us = wall_clock_us() - seen;
	if (behind_us < 0)
		behind_us = 0;
	return behind_us / 1000 < UINT32_MAX ? (uint32_t)(behind_us / 1000) : UINT32_MAX - 1;
}

static uint32_t find_lag(const struct probe_findings *findings, uint8_t *source)
{
	if (!findings->is_replica && findings->writable) {
		*source = LAG_NONE;
		return 0;
	}
	if (findings->heartbeat_us) {
		*source = LAG_HEARTBEAT;
		return lag_by_heartbeat(findings->heartbeat_us);
	}
	*source = findings->seconds_known ? LAG_SECONDS_BEHIND : LAG_NONE;
	return findings->seconds_known ? findings->seconds_behind * 1000u : CLUSTER_LAG_UNKNOWN;
}

/* --- what a check says ------------------------------------------------------------- */

static void tell_once(bool *told, const struct target *target, const char *event, const char *why)
{
	if (!why[0]) {
		*told = false;
		return;
	}
	if (!*told)
		log_warn("monitor", "event=%s server=%s error=\"%s\"", event, target->place->name,
			 why);
	*told = true;
}

static void fill_view(struct target *target, struct server_view *view)
{
	struct probe *probe = &target->probe;
	const struct probe_findings *findings = &probe->findings;
	unsigned long capabilities = 0;

	snprintf(view->version, sizeof(view->version), "%s%s", probe->is_mariadb ? "5.5.5-" : "",
		 mysql_get_server_info(&probe->mysql));
	mariadb_get_infov(&probe->mysql, MARIADB_CONNECTION_SERVER_CAPABILITIES, &capabilities);
	view->capabilities = (uint32_t)capabilities;
	snprintf(view->reason, sizeof(view->reason), "%s", findings->replication_error);
	if (gtid_parse(probe->is_mariadb ? GTID_MARIADB : GTID_MYSQL,
		       (struct span){findings->gtids, strlen(findings->gtids)}, &view->applied))
		view->applied.count = 0;
}

static void set_health(struct target *target, enum server_health health)
{
	struct server_board *place = target->place;
	bool changed = place->health != health;

	place->health = (uint8_t)health;
	if (!changed)
		return;
	if (health == HEALTH_UP)
		log_info("monitor", "event=server-up server=%s", place->name);
	else
		log_warn("monitor", "event=server-down server=%s reason=\"%s\"", place->name,
			 target->probe.findings.error);
	cluster_changed(monitor.board, place);
}

static void put_on_board(struct target *target)
{
	struct server_board *place = target->place;
	const struct probe_findings *findings = &target->probe.findings;
	bool replicates = findings->replicates || (findings->denied && !findings->writable);
	bool changed = place->writable != findings->writable || place->replicates != replicates;
	struct server_view view = {};

	place->lag_ms = find_lag(findings, &view.lag_source);
	fill_view(target, &view);
	cluster_write_view(place, &view);
	place->writable = findings->writable;
	place->unsafe_mode = findings->unsafe_mode;
	place->has_gtids = findings->has_gtids;
	place->replicates = replicates;
	/* A suspicion that is younger than the check stays. */
	if (place->suspected_ns && place->suspected_ns < target->probe.began_ns) {
		place->suspected_ns = 0;
		changed = true;
	}
	set_health(target, HEALTH_UP);
	if (changed)
		cluster_changed(monitor.board, place);
	tell_once(&target->told_heartbeat, target, "no-heartbeat", findings->heartbeat_error);
	tell_once(&target->told_replication, target, "replication", findings->replication_error);
}

static void put_failure_on_board(struct target *target)
{
	struct server_board *place = target->place;
	struct server_view view;

	cluster_read_view(place, &view);
	snprintf(view.reason, sizeof(view.reason), "%s", target->probe.findings.error);
	cluster_write_view(place, &view);
	place->check_failures++;
	set_health(target, HEALTH_DOWN);
}

static void note_beat(const struct probe *probe)
{
	if (!probe->beat_us || !probe->findings.writable || probe->findings.is_replica ||
	    probe->findings.heartbeat_us != probe->beat_us)
		return;
	monitor.beats[monitor.beat_count++ % BEATS] = probe->beat_us;
}

static void look_if_all_are_known(void)
{
	if (monitor.board->known)
		return;
	for (size_t i = 0; i < monitor.config->server_count; i++)
		if (!monitor.targets[i].checked)
			return;
	monitor.board->known = 1;
	atomic_fetch_add(&monitor.board->epoch, 1);
}

static void on_checked(struct probe *probe)
{
	struct target *target = container_of(probe, struct target, probe);

	target->checked = true;
	target->place->checks++;
	target->place->check_ns += loop_clock_ns() - probe->began_ns;
	if (probe->findings.error[0])
		put_failure_on_board(target);
	else
		put_on_board(target);
	note_beat(probe);
	cluster_elect(monitor.board, monitor.config);
	look_if_all_are_known();
	if (loop_timer_arm(monitor.loop, &target->next,
			   monitor.config->monitor.interval_ms * NS_PER_MS))
		log_error("monitor", "event=no-timer server=%s", target->place->name);
}

/* --- when -------------------------------------------------------------------------- */

static int64_t beat_due(const struct target *target)
{
	uint64_t now_ns = loop_clock_ns();

	if (!target->place->writable || now_ns - monitor.last_beat_ns < BEAT_EVERY_NS)
		return 0;
	monitor.last_beat_ns = now_ns;
	return wall_clock_us();
}

static void on_next(struct loop_timer *timer)
{
	struct target *target = container_of(timer, struct target, next);

	probe_start(&target->probe, beat_due(target));
}

int monitor_start(struct worker *worker)
{
	int err = 0;

	monitor.config = worker->config;
	monitor.board = cluster_board();
	monitor.loop = &worker->loop;
	if (mysql_library_init(0, NULL, NULL))
		return -ENOMEM;
	for (size_t i = 0; i < monitor.config->server_count && !err; i++) {
		struct target *target = &monitor.targets[i];
		const struct server_config *server = &monitor.config->servers[i];

		target->place = &monitor.board->servers[server->board];
		target->next.expired = on_next;
		probe_init(&target->probe, monitor.loop, monitor.config, server, on_checked);
		err = loop_timer_arm(monitor.loop, &target->next, 0);
	}
	return err;
}
