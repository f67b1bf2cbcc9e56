/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is known of the servers: written by the monitor, read by all workers, in
 * memory that outlives a generation of processes, so that sessions of an older
 * configuration see failures, too. A server keeps its place on the board as long
 * as its name and address stay the same.
 *
 * Single values are atomic; texts and positions of a server are under a sequence
 * lock that only its monitor takes.
 */
#ifndef SLUICE_MYSQL_CLUSTER_H
#define SLUICE_MYSQL_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router_config.h"
#include "gtid.h"

#define CLUSTER_MAX_SERVERS  64
#define CLUSTER_MAX_SESSIONS 65536
#define CLUSTER_NO_SERVER    (-1)
#define CLUSTER_REASON_LEN   160
#define CLUSTER_LAG_UNKNOWN  UINT32_MAX

enum server_health { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };
enum lag_source { LAG_NONE, LAG_HEARTBEAT, LAG_SECONDS_BEHIND };

/* One server as its last check saw it. */
struct server_view {
	char reason[CLUSTER_REASON_LEN]; /* why it is down, or does not serve reads */
	char version[HANDSHAKE_VERSION_LEN];
	struct gtid_set applied;
	uint32_t capabilities;
	uint8_t lag_source; /* enum lag_source */
};

struct server_board {
	char name[SLUICE_NAME_LEN];
	struct endpoint address;
	_Atomic uint8_t health; /* enum server_health */
	_Atomic uint8_t writable;
	_Atomic uint8_t replicates;
	_Atomic uint8_t
		unsafe_mode; /* its sql_mode makes text ambiguous: statement_mode_is_unsafe() */
	_Atomic uint8_t has_gtids;     /* its writes have some */
	_Atomic uint32_t lag_ms;       /* or CLUSTER_LAG_UNKNOWN */
	_Atomic uint64_t changed_ns;   /* when health or role last did, CLOCK_MONOTONIC */
	_Atomic uint64_t suspected_ns; /* a worker failed to reach it then; 0: none did since */
	_Atomic uint64_t checks, check_failures, check_ns; /* check_ns: duration, summed */
	_Atomic uint32_t sequence;			   /* odd: `view` is being written */
	struct server_view view;
};

struct cluster_board {
	_Atomic uint32_t epoch;	 /* moves on whenever a server's use changes */
	_Atomic int32_t primary; /* place of the server that takes writes, or CLUSTER_NO_SERVER */
	_Atomic uint8_t known;	 /* every server has been checked at least once */
	uint32_t assigned;
	struct server_board servers[CLUSTER_MAX_SERVERS];
	/* Where a session's current server runs it: cluster_session_*(). */
	_Atomic uint64_t sessions[CLUSTER_MAX_SESSIONS];
};

/* By the master, for each configuration: servers get their places, the board its memory. */
int cluster_assign(struct router_config *config) __must_check;
struct cluster_board *cluster_board(void);

/* --- the monitor's ----------------------------------------------------------------- */

void cluster_write_view(struct server_board *server, const struct server_view *view);
/* Decides anew which server of the configuration takes writes. */
void cluster_elect(struct cluster_board *board, const struct router_config *config);
void cluster_changed(struct cluster_board *board, struct server_board *server);

/* --- the workers' ------------------------------------------------------------------ */

void cluster_read_view(const struct server_board *server, struct server_view *view);
/* Only what a session's writes are compared with. */
bool cluster_has_applied(const struct server_board *server, const struct gtid_set *written);

/* Index in the configuration of the server that takes writes, or CLUSTER_NO_SERVER. */
int cluster_primary(const struct cluster_board *board, const struct router_config *config);
bool cluster_may_read(const struct cluster_board *board, const struct router_config *config,
		      int server);
/*
 * The replica with the fewest of this worker's `sessions` (by index in the
 * configuration); of several, the one whose `turn` it is: workers do not know of each
 * other's, and all would begin with the first. `except` has just failed. CLUSTER_NO_SERVER: none.
 */
int cluster_pick_replica(const struct cluster_board *board, const struct router_config *config,
			 const uint32_t sessions[ROUTER_MAX_SERVERS], uint32_t turn, int except);
/* It did not answer: others avoid it until the monitor has seen it well again. */
void cluster_suspect(struct cluster_board *board, struct server_board *server);
bool cluster_is_usable(const struct server_board *server);

/* --- sessions, for KILL ------------------------------------------------------------ */

#define CLUSTER_SESSION_BIT                                                                        \
	0x80000000u /* connection ids of the router have it, those of servers do not */

/* An id for a new session, to be told to its client; without a place if all are taken. */
uint32_t cluster_session_add(struct cluster_board *board);
void cluster_session_del(struct cluster_board *board, uint32_t id);
/* `place` of the server, and the number that it gave to our connection. */
void cluster_session_set(struct cluster_board *board, uint32_t id, unsigned place, uint32_t thread);
/* It is to end when its server's connection does, rather than to go elsewhere. */
void cluster_session_condemn(struct cluster_board *board, uint32_t id);
bool cluster_session_is_condemned(const struct cluster_board *board, uint32_t id);
/* -ESRCH: no such session, or it runs nowhere. */
int cluster_session_find(const struct cluster_board *board, uint32_t id, unsigned *place,
			 uint32_t *thread) __must_check;

#endif /* SLUICE_MYSQL_CLUSTER_H */
