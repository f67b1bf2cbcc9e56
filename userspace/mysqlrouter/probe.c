/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "probe.h"

#include <errno.h>
#include <mysql/errmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statement.h"

#define ERROR_NO_PRIVILEGE 1227

/* What a call may wait for. */
static const int waits =
	MYSQL_WAIT_READ | MYSQL_WAIT_WRITE | MYSQL_WAIT_EXCEPT | MYSQL_WAIT_TIMEOUT;

static void step_done(struct probe *probe);

/* --- the connection's calls, by what they wait for --------------------------------- */

static void on_ready(struct loop_watch *watch, uint32_t events);

static void unwatch(struct probe *probe)
{
	loop_watch_del(probe->loop, &probe->watch);
}

static void wait_for(struct probe *probe, int status)
{
	uint32_t events = (status & MYSQL_WAIT_READ ? EPOLLIN : 0u) |
			  (status & MYSQL_WAIT_WRITE ? EPOLLOUT : 0u);
	int fd = (int)mysql_get_socket(&probe->mysql);

	if (probe->watch.fd == fd)
		(void)!loop_watch_set(probe->loop, &probe->watch, events);
	else if (loop_watch_add(probe->loop, &probe->watch, fd, events))
		probe->watch.fd = LOOP_NO_FD; /* the deadline ends it */
}

/* The call goes on with what has come about: 0, or what it waits for now. */
static int resume(struct probe *probe, int status)
{
	switch (probe->step) {
	case PROBE_CONNECT:
		return mysql_real_connect_cont(&probe->connected, &probe->mysql, status);
	case PROBE_QUERY:
		return mysql_real_query_cont(&probe->failed, &probe->mysql, status);
	case PROBE_RESULT:
		return mysql_store_result_cont(&probe->result, &probe->mysql, status);
	default:
		return 0;
	}
}

static void advance(struct probe *probe, int status)
{
	if (status & waits)
		wait_for(probe, status);
	else
		step_done(probe);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct probe *probe = container_of(watch, struct probe, watch);
	int status = (events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? MYSQL_WAIT_READ : 0) |
		     (events & (EPOLLOUT | EPOLLERR) ? MYSQL_WAIT_WRITE : 0);

	advance(probe, resume(probe, status));
}

static void copy_error(struct probe *probe, char *to, size_t size)
{
	to[0] = '\0';
	strncat(to, mysql_error(&probe->mysql), size - 1);
}

/* --- the end ----------------------------------------------------------------------- */

static void disconnect(struct probe *probe)
{
	unwatch(probe);
	if (probe->open)
		mysql_close(&probe->mysql);
	probe->open = false;
}

static void finish(struct probe *probe)
{
	loop_timer_disarm(probe->loop, &probe->deadline);
	probe->step = PROBE_IDLE;
	unwatch(probe);
	if (probe->findings.error[0])
		disconnect(probe);
	probe->done(probe);
}

static void fail(struct probe *probe, const char *what)
{
	char why[CLUSTER_REASON_LEN];

	copy_error(probe, why, sizeof(why));
	snprintf(probe->findings.error, sizeof(probe->findings.error), "%.40s%s%.110s", what,
		 why[0] ? ": " : "", why);
	finish(probe);
}

/* Time during which this process itself did not run does not count. */
static void on_deadline(struct loop_timer *timer)
{
	struct probe *probe = container_of(timer, struct probe, deadline);
	uint64_t timeout_ns = probe->config->monitor.timeout_ms * NS_PER_MS;
	uint64_t lost_ns = probe->loop->lost_ns - probe->lost_ns;

	if (lost_ns > timeout_ns / 4) {
		probe->lost_ns = probe->loop->lost_ns;
		if (!loop_timer_arm(probe->loop, timer, timeout_ns))
			return;
	}
	/* The call ends by what it takes for its own time limit. */
	if (resume(probe, MYSQL_WAIT_TIMEOUT) & waits)
		disconnect(probe);
	snprintf(probe->findings.error, sizeof(probe->findings.error), "no answer within %u ms",
		 probe->config->monitor.timeout_ms);
	if (probe->result)
		mysql_free_result(probe->result);
	probe->result = NULL;
	finish(probe);
}

/* --- questions --------------------------------------------------------------------- */

static const char *server_question(const struct probe *probe)
{
	return probe->is_mariadb
		       ? "SELECT @@global.read_only, @@global.sql_mode, @@global.log_bin, "
			 "@@global.gtid_current_pos"
		       : "SELECT @@global.read_only OR @@global.super_read_only, "
			 "@@global.sql_mode, @@global.gtid_mode = 'ON', @@global.gtid_executed";
}

static const char *replication_question(const struct probe *probe)
{
	bool renamed =
		!probe->is_mariadb && mysql_get_server_version((MYSQL *)&probe->mysql) >= 80022;

	return renamed ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS";
}

/* Writing needs one row for each router, so that clocks are compared with themselves. */
static bool heartbeat_question(const struct probe *probe, char *text, size_t size)
{
	const char *table = probe->config->monitor.heartbeat;
	const char *node = probe->config->process.node;

	if (!table[0])
		return false;
	if (!probe->findings.writable) {
		snprintf(text, size, "SELECT written_us FROM %s WHERE node = '%s'", table, node);
		return true;
	}
	if (!probe->beat_us || probe->findings.is_replica)
		return false;
	snprintf(text, size, "REPLACE INTO %s (node, written_us) VALUES ('%s', %lld)", table, node,
		 (long long)probe->beat_us);
	return true;
}

/* False: there is nothing to ask. */
static bool ask(struct probe *probe)
{
	char text[512];

	switch (probe->question) {
	case QUESTION_SERVER:
		snprintf(text, sizeof(text), "%s", server_question(probe));
		break;
	case QUESTION_REPLICATION:
		snprintf(text, sizeof(text), "%s", replication_question(probe));
		break;
	default:
		if (!heartbeat_question(probe, text, sizeof(text)))
			return false;
	}
	probe->step = PROBE_QUERY;
	/* The text is copied to the connection's buffer at once. */
	advance(probe, mysql_real_query_start(&probe->failed, &probe->mysql, text, strlen(text)));
	return true;
}

static void next_question(struct probe *probe)
{
	probe->question++;
	if (probe->question >= QUESTION_COUNT || !ask(probe))
		finish(probe);
}

/* --- answers ----------------------------------------------------------------------- */

static bool is_true(const char *value)
{
	return value && (!strcmp(value, "1") || !strcasecmp(value, "ON"));
}

static void read_server(struct probe_findings *findings, MYSQL_ROW row)
{
	const char *mode = row[1] ? row[1] : "";

	findings->writable = !is_true(row[0]);
	findings->unsafe_mode = statement_mode_is_unsafe((struct span){mode, strlen(mode)});
	findings->has_gtids = is_true(row[2]);
	snprintf(findings->gtids, sizeof(findings->gtids), "%s", row[3] ? row[3] : "");
}

/* Columns have other names since MySQL 8.0.22. */
static const char *column(MYSQL_RES *result, MYSQL_ROW row, const char *name, const char *new_name)
{
	const MYSQL_FIELD *fields = mysql_fetch_fields(result);

	for (unsigned i = 0; i < mysql_num_fields(result); i++)
		if (!strcmp(fields[i].name, name) || !strcmp(fields[i].name, new_name))
			return row[i];
	return NULL;
}

static bool runs(const char *thread)
{
	return thread && !strcmp(thread, "Yes");
}

static void read_replication(struct probe_findings *findings, MYSQL_RES *result, MYSQL_ROW row)
{
	const char *io = column(result, row, "Slave_IO_Running", "Replica_IO_Running");
	const char *sql = column(result, row, "Slave_SQL_Running", "Replica_SQL_Running");
	const char *io_error = column(result, row, "Last_IO_Error", "Last_IO_Error");
	const char *sql_error = column(result, row, "Last_SQL_Error", "Last_SQL_Error");
	const char *behind = column(result, row, "Seconds_Behind_Master", "Seconds_Behind_Source");
	const char *why = sql_error && sql_error[0] ? sql_error : io_error ? io_error : "";

	findings->is_replica = true;
	findings->replicates = runs(io) && runs(sql);
	findings->seconds_known = behind != NULL;
	findings->seconds_behind = behind ? (uint32_t)strtoul(behind, NULL, 10) : 0;
	if (!findings->replicates)
		snprintf(findings->replication_error, sizeof(findings->replication_error),
			 "replication does not run: %s", why);
}

static void read_answer(struct probe *probe)
{
	MYSQL_ROW row = probe->result ? mysql_fetch_row(probe->result) : NULL;

	if (row && probe->question == QUESTION_SERVER)
		read_server(&probe->findings, row);
	else if (row && probe->question == QUESTION_REPLICATION)
		read_replication(&probe->findings, probe->result, row);
	else if (row && row[0])
		probe->findings.heartbeat_us = strtoll(row[0], NULL, 10);
	if (probe->question == QUESTION_HEARTBEAT && !probe->result)
		probe->findings.heartbeat_us = probe->beat_us;
	if (probe->result)
		mysql_free_result(probe->result);
	probe->result = NULL;
	next_question(probe);
}

/* A server that answers by an error is alive, but for the first question. */
static void refused(struct probe *probe)
{
	struct probe_findings *findings = &probe->findings;
	unsigned code = mysql_errno(&probe->mysql);
	bool lost = code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;

	if (lost || probe->question == QUESTION_SERVER) {
		fail(probe, "check failed");
		return;
	}
	if (probe->question == QUESTION_REPLICATION) {
		findings->denied = code == ERROR_NO_PRIVILEGE;
		copy_error(probe, findings->replication_error, sizeof(findings->replication_error));
	} else {
		copy_error(probe, findings->heartbeat_error, sizeof(findings->heartbeat_error));
	}
	next_question(probe);
}

static void connected(struct probe *probe)
{
	const char *version = mysql_get_server_info(&probe->mysql);

	if (!probe->connected) {
		fail(probe, "cannot connect");
		return;
	}
	probe->is_mariadb = mariadb_connection(&probe->mysql) || strstr(version, "MariaDB");
	probe->question = QUESTION_SERVER;
	ask(probe);
}

/* The call is done. */
static void step_done(struct probe *probe)
{
	switch (probe->step) {
	case PROBE_CONNECT:
		connected(probe);
		break;
	case PROBE_QUERY:
		if (probe->failed) {
			refused(probe);
			break;
		}
		probe->step = PROBE_RESULT;
		advance(probe, mysql_store_result_start(&probe->result, &probe->mysql));
		break;
	case PROBE_RESULT:
		if (!probe->result && mysql_errno(&probe->mysql))
			refused(probe);
		else
			read_answer(probe);
		break;
	}
}

/* --- the beginning ----------------------------------------------------------------- */

static void set_options(struct probe *probe)
{
	const struct router_config *config = probe->config;
	unsigned seconds = config->monitor.timeout_ms / 1000 + 1;
	my_bool on = 1, verify = config->server_tls.client.verify;
	const char *ca = config->server_tls.client.ca;

	mysql_options(&probe->mysql, MYSQL_OPT_NONBLOCK, 0);
	mysql_options(&probe->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
	mysql_options(&probe->mysql, MYSQL_OPT_CONNECT_ATTR_RESET, 0);
	mysql_options4(&probe->mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "sluice-mysql");
	if (config->server_tls.mode == SERVER_TLS_OFF)
		return;
	mysql_options(&probe->mysql, MYSQL_OPT_SSL_ENFORCE, &on);
	mysql_options(&probe->mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	if (ca[0])
		mysql_options(&probe->mysql, MYSQL_OPT_SSL_CA, ca);
}

static void begin_connecting(struct probe *probe)
{
	const struct monitor_config *monitor = &probe->config->monitor;

	if (!mysql_init(&probe->mysql)) {
		snprintf(probe->findings.error, sizeof(probe->findings.error), "out of memory");
		finish(probe);
		return;
	}
	probe->open = true;
	set_options(probe);
	addr_format(&probe->server->address.addr, probe->host);
	probe->step = PROBE_CONNECT;
	advance(probe, mysql_real_connect_start(&probe->connected, &probe->mysql, probe->host,
						monitor->user, monitor->password, NULL,
						probe->server->address.port, NULL, 0));
}

void probe_init(struct probe *probe, struct loop *loop, const struct router_config *config,
		const struct server_config *server, void (*done)(struct probe *probe))
{
	*probe = (struct probe){
		.loop = loop,
		.config = config,
		.server = server,
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.deadline = {.expired = on_deadline},
		.done = done,
	};
}

void probe_start(struct probe *probe, int64_t beat_us)
{
	probe->findings = (struct probe_findings){};
	probe->beat_us = beat_us;
	probe->began_ns = loop_clock_ns();
	probe->lost_ns = probe->loop->lost_ns;
	if (loop_timer_arm(probe->loop, &probe->deadline,
			   probe->config->monitor.timeout_ms * NS_PER_MS))
		return;
	probe->question = QUESTION_SERVER;
	if (!probe->open)
		begin_connecting(probe);
	else
		ask(probe);
}

bool probe_is_running(const struct probe *probe)
{
	return probe->step != PROBE_IDLE;
}
