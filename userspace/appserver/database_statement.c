/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Statements: prepared once on each connection, found again by their text; the least recently
 * used one makes room. A SELECT outside of a transaction is sent again, once, if
 * a pooled connection turns out to be dead: it changes nothing. So is what fails while it is
 * prepared.
 */
#include "database_private.h"

#include <errno.h>
#include <mysql/errmsg.h>
#include <mysql/mysqld_error.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ER_KILLED	  1927 /* MariaDB: ER_CONNECTION_KILLED */
#define ER_STATEMENT_TIME 1969 /* MariaDB: max_statement_time */
#define ER_IDLE_TOO_LONG  4031 /* MySQL: wait_timeout */
#define ER_EXECUTION_TIME 3024 /* MySQL: max_execution_time */

/* --- errors ------------------------------------------------------------------------- */

static int errno_of(unsigned code, const char *state)
{
	switch (code) {
	case ER_LOCK_DEADLOCK:
	case ER_LOCK_WAIT_TIMEOUT:
		return -EDEADLK;
	case ER_DUP_ENTRY:
	case ER_DUP_ENTRY_WITH_KEY_NAME:
		return -EEXIST;
	case CR_CONNECTION_ERROR:
	case CR_CONN_HOST_ERROR:
	case CR_SERVER_GONE_ERROR:
	case CR_SERVER_LOST:
	case CR_SERVER_LOST_EXTENDED:
	case ER_SERVER_SHUTDOWN:
	case ER_CON_COUNT_ERROR:
	case ER_KILLED:
	case ER_IDLE_TOO_LONG:
		return -ENOTCONN;
	case ER_STATEMENT_TIME:
	case ER_EXECUTION_TIME:
		return -ETIMEDOUT;
	case CR_NET_PACKET_TOO_LARGE:
		return -EMSGSIZE;
	default:
		return !strncmp(state, "08", 2) ? -ENOTCONN : -EIO;
	}
}

int database_refuse(struct database_user *user, int err, const char *message)
{
	user->status = err;
	strncpy(user->message, message, sizeof(user->message) - 1);
	if (user->transaction && !user->failed)
		user->failed = err;
	return err;
}

void database_start(struct database_user *user)
{
	user->status = 0;
	user->code = 0;
	user->message[0] = '\0';
}

int database_fail(struct database_connection *c, unsigned code, const char *state,
		  const char *message)
{
	struct database_user *user = c->user;
	int err = errno_of(code, state);

	user->code = code;
	if (c->broken)
		err = c->broken == -ETIME ? -ETIMEDOUT : c->broken;
	else if (err == -ENOTCONN || code == CR_NET_PACKET_TOO_LARGE ||
		 code == CR_MALFORMED_PACKET || code == CR_COMMANDS_OUT_OF_SYNC ||
		 code == CR_OUT_OF_MEMORY)
		c->broken = err;
	return database_refuse(user, err, message);
}

static int statement_failed(struct database_connection *c, MYSQL_STMT *handle)
{
	return database_fail(c, mysql_stmt_errno(handle), mysql_stmt_sqlstate(handle),
			     mysql_stmt_error(handle));
}

/* --- preparing ---------------------------------------------------------------------- */

void database_statements_forget(struct database_connection *c)
{
	for (size_t i = 0; i < c->statement_count; i++) {
		mysql_stmt_close(c->statements[i].handle);
		free(c->statements[i].sql);
	}
	c->statement_count = 0;
}

static void close_statement(struct database_connection *c, struct database_statement *statement)
{
	my_bool failed;
	int wanted = mysql_stmt_close_start(&failed, statement->handle);

	/* The library frees the handle when it is done, and reads it until then. */
	while (wanted)
		wanted = mysql_stmt_close_cont(&failed, statement->handle,
					       database_connection_wait(c, wanted));
	free(statement->sql);
	*statement = c->statements[--c->statement_count];
}

static struct database_statement *find_statement(struct database_connection *c, const char *sql)
{
	for (size_t i = 0; i < c->statement_count; i++)
		if (!strcmp(c->statements[i].sql, sql))
			return &c->statements[i];
	return NULL;
}

static void make_room(struct database_connection *c)
{
	struct database_statement *oldest = c->statements;

	if (c->statement_count < DATABASE_STATEMENTS)
		return;
	for (size_t i = 1; i < c->statement_count; i++)
		if (c->statements[i].used < oldest->used)
			oldest = &c->statements[i];
	close_statement(c, oldest);
}

static int prepare_handle(struct database_connection *c, MYSQL_STMT *handle, const char *sql)
{
	int failed = 0, wanted = mysql_stmt_prepare_start(&failed, handle, sql, strlen(sql));

	while (wanted)
		wanted = mysql_stmt_prepare_cont(&failed, handle,
						 database_connection_wait(c, wanted));
	database_connection_check(c);
	return failed ? statement_failed(c, handle) : 0;
}

static int prepare(struct database_connection *c, const char *sql, MYSQL_STMT **handle)
{
	struct database_statement *statement = find_statement(c, sql), new = {0};
	int err;

	if (!statement) {
		make_room(c);
		new.sql = strdup(sql);
		new.handle = new.sql ? mysql_stmt_init(&c->mysql) : NULL;
		if (!new.handle) {
			free(new.sql);
			return database_refuse(c->user, -ENOMEM, "out of memory");
		}
		err = prepare_handle(c, new.handle, sql);
		statement = &c->statements[c->statement_count++];
		*statement = new;
		if (err) {
			close_statement(c, statement);
			return err;
		}
	}
	statement->used = ++c->clock;
	*handle = statement->handle;
	return 0;
}

/* --- parameters --------------------------------------------------------------------- */

struct parameters {
	size_t count;
	MYSQL_BIND binds[DATABASE_MAX_PARAMETERS];
	union {
		long long integer;
		double real;
		unsigned long length;
	} values[DATABASE_MAX_PARAMETERS];
};

static int bind_bytes(struct parameters *p, enum enum_field_types type, const void *at,
		      size_t length)
{
	MYSQL_BIND *bind = &p->binds[p->count];

	bind->buffer_type = at ? type : MYSQL_TYPE_NULL;
	bind->buffer = (void *)at;
	bind->buffer_length = p->values[p->count].length = length;
	bind->length = &p->values[p->count].length;
	return 0;
}

static int bind_next(struct parameters *p, char type, va_list values)
{
	MYSQL_BIND *bind = &p->binds[p->count];
	const void *at;

	switch (type) {
	case 'i':
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		p->values[p->count].integer = va_arg(values, int64_t);
		bind->buffer = &p->values[p->count].integer;
		return 0;
	case 'd':
		bind->buffer_type = MYSQL_TYPE_DOUBLE;
		p->values[p->count].real = va_arg(values, double);
		bind->buffer = &p->values[p->count].real;
		return 0;
	case 's':
		at = va_arg(values, const char *);
		return bind_bytes(p, MYSQL_TYPE_STRING, at, at ? strlen(at) : 0);
	case 'b':
		at = va_arg(values, const void *);
		return bind_bytes(p, MYSQL_TYPE_BLOB, at, va_arg(values, size_t));
	case 'n':
		return bind_bytes(p, MYSQL_TYPE_NULL, NULL, 0);
	default:
		return -EINVAL;
	}
}

static int read_parameters(struct parameters *p, const char *types, va_list *values)
{
	for (p->count = 0; types && types[p->count]; p->count++) {
		if (p->count == DATABASE_MAX_PARAMETERS)
			return -EINVAL;
		memset(&p->binds[p->count], 0, sizeof(p->binds[0]));
		if (bind_next(p, types[p->count], *values))
			return -EINVAL;
	}
	return 0;
}

/* --- executing ---------------------------------------------------------------------- */

static int execute(struct database_connection *c, MYSQL_STMT *handle)
{
	struct database_user *user = c->user;
	int failed = 0, wanted = mysql_stmt_execute_start(&failed, handle);

	while (wanted)
		wanted = mysql_stmt_execute_cont(&failed, handle,
						 database_connection_wait(c, wanted));
	database_connection_check(c);
	if (failed)
		return statement_failed(c, handle);
	user->last_id = mysql_stmt_insert_id(handle);
	user->affected = mysql_stmt_affected_rows(handle);
	c->proven = true;
	return 0;
}

static bool only_reads(const char *sql)
{
	sql += strspn(sql, " \t\r\n(");
	return !strncasecmp(sql, "select", 6);
}

/* Connection, statement, execution; *result stays NULL if the statement has no rows. */
static int run_once(struct database_user *user, const char *sql, struct parameters *p,
		    struct db_result **result, bool *repeatable)
{
	struct database_connection *c;
	MYSQL_STMT *handle;
	int err = database_pool_get(user);

	*repeatable = false;
	if (err)
		return err;
	c = user->connection;
	if (c->outstanding) {
		err = database_result_keep(c->outstanding);
		if (err)
			return err;
	}
	*repeatable = c->proven && !user->transaction;
	database_connection_begin(c, user->pool->settings->statement_ms);
	err = prepare(c, sql, &handle);
	if (err)
		return err;
	if (mysql_stmt_param_count(handle) != p->count)
		return database_refuse(user, -EINVAL, "types do not fit the statement's '?'");
	if (p->count && mysql_stmt_bind_param(handle, p->binds))
		return statement_failed(c, handle);
	*repeatable = *repeatable && only_reads(sql);
	err = execute(c, handle);
	if (!err && mysql_stmt_field_count(handle))
		err = database_result_create(c, handle, result);
	return err;
}

static void count_statement(struct database_user *user, uint64_t took_ns)
{
	static const uint32_t bounds_us[DATABASE_BUCKETS - 1] = {
		500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000};
	struct database_counters *counters = user->pool->counters;
	size_t bucket = 0;

	while (bucket < DATABASE_BUCKETS - 1 && took_ns > bounds_us[bucket] * 1000ull)
		bucket++;
	counters->duration_bucket[bucket]++;
	counters->duration_ns += took_ns;
	counters->statements++;
	counters->errors += user->status != 0;
	counters->deadlocks += user->status == -EDEADLK;
	user->busy_ns += took_ns;
	user->statements++;
}

static int run(struct database_user *user, const char *sql, struct parameters *p,
	       struct db_result **result)
{
	uint64_t started_ns = loop_clock_ns();
	bool repeatable;
	int err;

	database_start(user);
	err = user->failed ? database_refuse(user, user->failed, "the transaction has failed")
			   : run_once(user, sql, p, result, &repeatable);
	if (err == -ENOTCONN && !user->failed && repeatable && !user->task->cancelled) {
		user->pool->counters->retries++;
		database_pool_put(user->connection);
		user->status = 0;
		err = run_once(user, sql, p, result, &repeatable);
	}
	count_statement(user, loop_clock_ns() - started_ns);
	return err;
}

static int run_with(struct database_user *user, const char *sql, const char *types, va_list values,
		    struct db_result **result)
{
	struct parameters parameters;
	va_list copy;
	int err;

	*result = NULL;
	va_copy(copy, values);
	err = read_parameters(&parameters, types, &copy);
	va_end(copy);
	if (err)
		return database_refuse(user, err, "an unknown letter in types, or too many");
	return run(user, sql, &parameters, result);
}

struct db_result *database_query(struct database_user *user, const char *sql, const char *types,
				 va_list values)
{
	struct db_result *result;

	if (run_with(user, sql, types, values, &result))
		return NULL;
	if (!result)
		database_refuse(user, -EINVAL, "a statement without rows: db_exec() is for it");
	return result;
}

int database_execute(struct database_user *user, const char *sql, const char *types, va_list values)
{
	struct db_result *result;
	int err = run_with(user, sql, types, values, &result);

	if (!err && result)
		database_result_skip(result);
	return err;
}
