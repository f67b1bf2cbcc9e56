/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way to MySQL through libmysqlclient: a pool of connections in each
 * worker, and what one request (a "user" of the pool) does with one of them.
 * Everything runs in tasks; the library's calls that would block are its non-blocking ones,
 * waited for on the loop. sluice/app.h says what errors mean.
 */
#ifndef SLUICE_DATABASE_H
#define SLUICE_DATABASE_H

#include <mysql/mysql.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "loop.h"
#include "sluice/app.h"
#include "task.h"

#define DATABASE_MAX_PARAMETERS 64
#define DATABASE_MAX_COLUMNS	256
#define DATABASE_STATEMENTS	64 /* prepared ones kept for each connection */
#define DATABASE_OPENING	32 /* connections that a worker opens at a time */

struct database_settings {
	struct endpoint server;
	bool has_server;
	char socket[108]; /* a UNIX socket instead; "": none */
	char user[81];
	char password_file[256]; /* "": no password */
	char name[65];		 /* "": no default database */
	char password[256];	 /* what is in that file */
	unsigned connections;	 /* of each worker, at most */
	unsigned connect_ms;
	unsigned wait_ms;      /* for a connection to become free */
	unsigned statement_ms; /* for the answer to a statement, and for each row */
	unsigned idle_ms;      /* a connection that nobody uses is closed */
	unsigned rows_bytes;   /* held in memory for one request, and one row, at most */
};

/* X(name, help): one uint64_t each, in shared memory */
#define DATABASE_COUNTERS(X)                                                                       \
	X(statements, "Statements sent to the database.")                                          \
	X(errors, "Statements that failed.")                                                       \
	X(deadlocks, "Statements that ended in a deadlock or lock wait.")                          \
	X(connects, "Connections to the database opened.")                                         \
	X(connect_errors, "Connections to the database that could not be opened.")                 \
	X(lost, "Connections to the database that broke.")                                         \
	X(retries, "Statements sent again because a pooled connection was dead.")                  \
	X(waits, "Requests that waited for a connection of the pool.")                             \
	X(wait_timeouts, "Requests that waited in vain.")                                          \
	X(rollbacks, "Transactions that handlers left open.")

/* Gauges, beside them. */
#define DATABASE_GAUGES(X)                                                                         \
	X(in_use, "Connections that requests hold.")                                               \
	X(idle, "Connections that wait for a request.")                                            \
	X(waiting, "Requests that wait for a connection.")

#define DATABASE_BUCKETS 12

struct database_counters {
#define X(name, help) uint64_t name;
	DATABASE_COUNTERS(X)
#undef X
	uint64_t duration_bucket[DATABASE_BUCKETS]; /* of statements: 0.5 ms to 1 s */
	uint64_t duration_ns;
};

struct database_gauges {
#define X(name, help) uint64_t name;
	DATABASE_GAUGES(X)
#undef X
};

struct database_connection;
struct database_user;

struct database_pool {
	struct loop *loop;
	const struct database_settings *settings; /* NULL: no database is configured */
	struct database_counters *counters;
	struct database_gauges *gauges;
	struct database_connection *idle; /* last used first */
	size_t open;			  /* connections, also those being opened */
	size_t opening;			  /* the latter */
	struct database_user *waiting, **waiting_end;
	uint64_t down_until_ns; /* a connection has just failed: another one would too */
	int down;		/* how: -errno */
	unsigned down_code;
	char down_message[MYSQL_ERRMSG_SIZE];
	struct loop_timer reap;
};

void database_pool_init(struct database_pool *pool, struct loop *loop,
			const struct database_settings *settings,
			struct database_counters *counters, struct database_gauges *gauges);
/* No user is left. */
void database_pool_fini(struct database_pool *pool);

/* --- one request's use of it -------------------------------------------------------- */

struct database_user {
	struct database_pool *pool;
	struct task *task;
	struct database_connection *connection; /* borrowed; NULL: none */
	struct database_user *next;		/* in the queue */
	bool queued;
	bool may_open; /* the end of the wait: there is room for a connection of one's own */
	struct db_result *results;
	size_t rows_bytes; /* held by them */
	bool transaction;
	int failed; /* in it: -errno, until it is rolled back */
	int status;
	unsigned code;
	char message[MYSQL_ERRMSG_SIZE];
	uint64_t last_id, affected;
	uint64_t busy_ns; /* for the access log */
	unsigned statements;
};

void database_user_init(struct database_user *user, struct database_pool *pool, struct task *task);
/* In the task, at its end: rolls back what is open, gives back what was borrowed, frees results. */
void database_user_fini(struct database_user *user);

struct db_result *database_query(struct database_user *user, const char *sql, const char *types,
				 va_list values);
int database_execute(struct database_user *user, const char *sql, const char *types,
		     va_list values);
/* "START TRANSACTION", "COMMIT", "ROLLBACK". */
int database_begin(struct database_user *user);
int database_commit(struct database_user *user);
int database_rollback(struct database_user *user);
int database_release(struct database_user *user);

#endif /* SLUICE_DATABASE_H */
