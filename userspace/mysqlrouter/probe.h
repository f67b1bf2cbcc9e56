/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Asks one server how it is, by libmysqlclient's non-blocking calls: over a
 * connection that is kept, what it is, how it replicates, and the heartbeat.
 * One check runs at a time; each ends by its deadline.
 */
#ifndef SLUICE_MYSQL_PROBE_H
#define SLUICE_MYSQL_PROBE_H

#include <mysql/mysql.h>

#include "cluster.h"
#include "loop.h"
#include "router_config.h"

enum probe_step {
	PROBE_IDLE,
	PROBE_CONNECT,
	PROBE_QUERY,
	PROBE_RESULT,
};

enum probe_question {
	QUESTION_SERVER,
	QUESTION_REPLICATION,
	QUESTION_HEARTBEAT,
	QUESTION_COUNT,
};

/* What a check has found. */
struct probe_findings {
	bool writable;
	bool is_replica; /* it has a source */
	bool replicates; /* and both of its threads run */
	bool has_gtids;
	bool unsafe_mode;
	bool denied; /* it does not tell the account about its replication */
	bool seconds_known;
	uint32_t seconds_behind;
	int64_t heartbeat_us; /* as written, or as found; 0: none */
	char gtids[4096];
	char error[CLUSTER_REASON_LEN]; /* why the check failed */
	char heartbeat_error[CLUSTER_REASON_LEN];
	char replication_error[CLUSTER_REASON_LEN];
};

struct probe {
	struct loop *loop;
	const struct router_config *config;
	const struct server_config *server;
	MYSQL mysql, *connected;
	char host[ADDR_TEXT_LEN]; /* the connector keeps it until it is connected */
	MYSQL_RES *result;
	int failed; /* of the call under way */
	struct loop_watch watch;
	struct loop_timer deadline;
	uint64_t began_ns, lost_ns;
	uint8_t step, question;
	bool open; /* `mysql` is to be closed */
	bool is_mariadb;
	bool writes_heartbeat; /* on this server, rather than reading it */
	int64_t beat_us;       /* to be written */
	struct probe_findings findings;
	/* findings.error tells if it went well; the probe may be started again in here. */
	void (*done)(struct probe *probe);
};

void probe_init(struct probe *probe, struct loop *loop, const struct router_config *config,
		const struct server_config *server, void (*done)(struct probe *probe));
/* `beat_us`: the time to write as heartbeat if this is the primary, 0: none is due. */
void probe_start(struct probe *probe, int64_t beat_us);
bool probe_is_running(const struct probe *probe);

#endif /* SLUICE_MYSQL_PROBE_H */
