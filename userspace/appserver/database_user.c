/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A request and its connection: transactions, and the end of both.
 */
#include <errno.h>
#include <string.h>

#include "database_private.h"

void database_user_init(struct database_user *user, struct database_pool *pool, struct task *task)
{
	*user = (struct database_user){.pool = pool, .task = task};
}

/* Whether the server says that a transaction is open, whoever has begun it. */
static bool is_open(struct database_connection *c)
{
	unsigned status = 0;

	mariadb_get_infov(&c->mysql, MARIADB_CONNECTION_SERVER_STATUS, &status);
	return status & SERVER_STATUS_IN_TRANS;
}

/* What the server cannot be told any more it does when the connection closes. */
static void roll_back_left_open(struct database_user *user)
{
	struct database_connection *c = user->connection;

	user->pool->counters->rollbacks++;
	if (user->task->cancelled)
		c->broken = user->task->cancelled;
	else if (database_connection_command(c, "ROLLBACK") && !c->broken)
		c->broken = -EIO;
}

void database_user_fini(struct database_user *user)
{
	struct database_connection *c = user->connection;

	if (c && c->outstanding && user->task->cancelled && !c->broken)
		c->broken = user->task->cancelled;
	if (c && c->outstanding)
		database_result_skip(c->outstanding);
	if (c && !c->broken && is_open(c))
		roll_back_left_open(user);
	if (c) {
		user->pool->counters->lost += c->broken == -ENOTCONN;
		database_pool_put(c);
	}
	while (user->results) {
		struct db_result *result = user->results;

		user->results = result->next;
		database_result_free(result);
	}
}

/* A statement about transactions. */
static int command(struct database_user *user, const char *sql)
{
	struct database_connection *c = user->connection;
	uint64_t started_ns = loop_clock_ns();
	int err = 0;

	if (c->outstanding)
		err = database_result_keep(c->outstanding);
	if (!err)
		err = c->broken ? database_refuse(user, -ENOTCONN, "the connection is broken")
				: database_connection_command(c, sql);
	user->busy_ns += loop_clock_ns() - started_ns;
	user->statements++;
	user->pool->counters->statements++;
	user->pool->counters->errors += err != 0;
	return err;
}

int database_begin(struct database_user *user)
{
	int err;

	database_start(user);
	if (user->transaction)
		return database_refuse(user, -EINVAL, "a transaction is open already");
	err = database_pool_get(user);
	if (!err)
		err = command(user, "START TRANSACTION");
	/* Nothing can have been lost with a connection that had died before. */
	if (err == -ENOTCONN && user->connection && user->connection->proven &&
	    !user->task->cancelled) {
		user->pool->counters->retries++;
		database_pool_put(user->connection);
		err = database_pool_get(user);
		if (!err)
			err = command(user, "START TRANSACTION");
	}
	user->transaction = !err;
	user->failed = 0;
	return err;
}

int database_commit(struct database_user *user)
{
	int err;

	database_start(user);
	if (!user->transaction)
		return database_refuse(user, -EINVAL, "no transaction is open");
	if (user->failed)
		return database_refuse(user, user->failed, "the transaction has failed");
	err = command(user, "COMMIT");
	user->transaction = err;
	return err;
}

int database_rollback(struct database_user *user)
{
	int err = 0;

	database_start(user);
	if (!user->transaction)
		return database_refuse(user, -EINVAL, "no transaction is open");
	if (!user->connection->broken)
		err = command(user, "ROLLBACK");
	user->transaction = false;
	user->failed = 0;
	/* A connection that is gone has rolled back; the next statement gets another one. */
	if (!user->connection->broken)
		return err;
	database_pool_put(user->connection);
	return 0;
}

int database_release(struct database_user *user)
{
	struct database_connection *c = user->connection;

	if (!c)
		return 0;
	if (user->transaction || c->outstanding || is_open(c))
		return -EBUSY;
	database_pool_put(c);
	return 0;
}
