/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What database_*.c share: a connection, and the rows of a result. */
#ifndef SLUICE_DATABASE_PRIVATE_H
#define SLUICE_DATABASE_PRIVATE_H

#include "database.h"

/* A prepared statement of a connection. */
struct database_statement {
	char *sql;
	MYSQL_STMT *handle;
	uint64_t used; /* connection->clock when it was used last */
};

struct database_connection {
	struct database_connection *next; /* idle ones */
	struct database_pool *pool;
	struct database_user *user; /* NULL: idle */
	MYSQL mysql;
	struct loop_watch watch;
	uint32_t watched; /* EPOLLIN, EPOLLOUT */
	int ready;	  /* MYSQL_WAIT_* that came while it was waited for */
	bool waited_for;
	int broken;  /* -errno: it is of no more use */
	bool proven; /* it has answered a request: if it is dead now, it has died since */
	uint64_t idle_since_ns;
	uint64_t deadline_ns;	       /* of the call that runs */
	struct db_result *outstanding; /* its rows are still on the way */
	uint64_t clock;
	size_t statement_count;
	struct database_statement statements[DATABASE_STATEMENTS];
};

enum database_cell_kind {
	DATABASE_NULL,
	DATABASE_INT,
	DATABASE_UINT,
	DATABASE_DOUBLE,
	DATABASE_TEXT
};

struct database_cell {
	enum database_cell_kind kind;
	union {
		int64_t integer;
		uint64_t natural;
		double real;
	};
	const char *text; /* ended by NUL */
	size_t length;
	char number[32]; /* text of a number, once it was asked for */
};

struct database_row {
	struct database_row *next;
	size_t bytes; /* all that it takes */
	struct database_cell cells[];
};

struct db_result {
	struct db_result *next; /* of the user */
	struct database_user *user;
	struct database_connection *connection; /* while rows are outstanding */
	MYSQL_STMT *handle;			/* the same */
	int error;
	size_t bytes; /* of names */
	unsigned columns;
	const char **names;
	enum enum_field_types *types;
	bool *natural;
	struct database_row *current;
	struct database_row *kept, **kept_end; /* read before they were asked for */
};

/* --- database_connection.c ---------------------------------------------------------- */

/* Opens one; the pool has counted it. NULL: user->status says why. */
struct database_connection *database_connection_open(struct database_user *user) __must_check;
/* Never waits. */
void database_connection_close(struct database_connection *connection);
/* Whether an idle one is still of use, as far as the socket tells. */
bool database_connection_lives(struct database_connection *connection);
/*
 * For the loops around mysql_*_cont(): waits for what a call has asked for, returns what
 * came. After the deadline, or when the task is to stop, it is MYSQL_WAIT_TIMEOUT, for good.
 */
int database_connection_wait(struct database_connection *connection, int wanted);
/* After each call: has the library given the socket up? */
void database_connection_check(struct database_connection *connection);
/* Starts the deadline of a call. */
void database_connection_begin(struct database_connection *connection, unsigned ms);
/* A statement without parameters and rows, as text. 0 or -errno, with user->status. */
int database_connection_command(struct database_connection *connection, const char *sql);

/* --- database_pool.c ---------------------------------------------------------------- */

/* Lets the user have a connection, if it has none. 0 or -errno. */
int database_pool_get(struct database_user *user) __must_check;
/* Takes it back; one that is broken is closed. */
void database_pool_put(struct database_connection *connection);

/* --- database_statement.c ----------------------------------------------------------- */

/* Forgets prepared statements of a connection that is closed. */
void database_statements_forget(struct database_connection *connection);

/* Sets user->status and what belongs to it from an error of the library; returns the -errno. */
int database_fail(struct database_connection *connection, unsigned code, const char *state,
		  const char *message);
/* The same for errors of our own. */
int database_refuse(struct database_user *user, int err, const char *message);
/* Before each call of the module: no error yet. */
void database_start(struct database_user *user);

/* --- database_result.c -------------------------------------------------------------- */

/* For a statement that was executed; -errno. */
int database_result_create(struct database_connection *connection, MYSQL_STMT *handle,
			   struct db_result **out) __must_check;
/* The next row to result->current: 1, 0, -errno. */
int database_result_next(struct db_result *result);
/* Reads what is outstanding into memory, so that the connection is free for another statement. */
int database_result_keep(struct db_result *result) __must_check;
/* Reads what little is outstanding and forgets it; if there is more, the connection breaks. */
void database_result_skip(struct db_result *result);
/* The connection is gone, and what was outstanding with it. */
void database_result_lose(struct db_result *result);
void database_result_free(struct db_result *result);

#endif /* SLUICE_DATABASE_PRIVATE_H */
