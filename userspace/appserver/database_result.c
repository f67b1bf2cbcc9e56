/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rows: fetched one by one, decoded to cells. Rows that were read before the
 * handler asked for them are kept in a list, within the limit of its request.
 */
#include "database_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SKIP_ROWS  64 /* read to the end rather than lose the connection */
#define TIME_BYTES 48 /* text of a date or time */

/* --- memory ------------------------------------------------------------------------- */

static void *take(struct database_user *user, void *old, size_t old_bytes, size_t bytes)
{
	void *piece;

	if (user->rows_bytes - old_bytes + bytes > user->pool->settings->rows_bytes)
		return NULL;
	piece = realloc(old, bytes);
	if (piece)
		user->rows_bytes += bytes - old_bytes;
	return piece;
}

static void row_free(struct db_result *result, struct database_row *row)
{
	if (!row)
		return;
	result->user->rows_bytes -= row->bytes;
	free(row);
}

static int too_much(struct db_result *result)
{
	return database_refuse(result->user, -EMSGSIZE, "the rows exceed rows-max");
}

/* --- decoding ----------------------------------------------------------------------- */

/* How many bytes the text of a column takes; `length` is what the server sent. */
static size_t text_bytes(enum enum_field_types type, size_t length)
{
	switch (type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR:
	case MYSQL_TYPE_FLOAT:
	case MYSQL_TYPE_DOUBLE:
		return 0;
	case MYSQL_TYPE_DATE:
	case MYSQL_TYPE_TIME:
	case MYSQL_TYPE_DATETIME:
	case MYSQL_TYPE_TIMESTAMP:
		return TIME_BYTES;
	default:
		return length + 1;
	}
}

static int fetch_number(struct db_result *result, unsigned column, struct database_cell *cell)
{
	bool real = result->types[column] == MYSQL_TYPE_FLOAT ||
		    result->types[column] == MYSQL_TYPE_DOUBLE;
	my_bool is_null = 0;
	MYSQL_BIND bind = {
		.buffer_type = real ? MYSQL_TYPE_DOUBLE : MYSQL_TYPE_LONGLONG,
		.buffer = &cell->integer,
		.buffer_length = sizeof(cell->integer),
		.is_unsigned = result->natural[column],
		.is_null = &is_null,
	};

	if (mysql_stmt_fetch_column(result->handle, &bind, column, 0))
		return -EIO;
	cell->kind = is_null		       ? DATABASE_NULL
		     : real		       ? DATABASE_DOUBLE
		     : result->natural[column] ? DATABASE_UINT
					       : DATABASE_INT;
	return 0;
}

static int fetch_text(struct db_result *result, unsigned column, struct database_cell *cell,
		      char *buffer, size_t size)
{
	unsigned long length = 0;
	my_bool is_null = 0, error = 0;
	MYSQL_BIND bind = {
		.buffer_type = MYSQL_TYPE_STRING,
		.buffer = buffer,
		.buffer_length = size,
		.length = &length,
		.is_null = &is_null,
		.error = &error,
	};

	if (mysql_stmt_fetch_column(result->handle, &bind, column, 0))
		return -EIO;
	cell->kind = is_null ? DATABASE_NULL : DATABASE_TEXT;
	if (is_null)
		return 0;
	cell->length = length < size ? length : size - 1;
	buffer[cell->length] = '\0';
	cell->text = buffer;
	return 0;
}

/* What the row at hand needs: only the library knows how long its columns are. */
static int measure(struct db_result *result, size_t *sizes, size_t *total)
{
	*total = sizeof(struct database_row) + result->columns * sizeof(struct database_cell);
	for (unsigned i = 0; i < result->columns; i++) {
		unsigned long length = 0;
		my_bool is_null = 0, error;
		MYSQL_BIND bind = {
			.buffer_type = MYSQL_TYPE_STRING,
			.buffer = &length, /* of no bytes */
			.length = &length,
			.is_null = &is_null,
			.error = &error,
		};

		sizes[i] = text_bytes(result->types[i], 0);
		if (sizes[i] == 1) {
			if (mysql_stmt_fetch_column(result->handle, &bind, i, 0))
				return -EIO;
			sizes[i] = is_null ? 0 : length + 1;
		}
		*total += sizes[i];
	}
	return 0;
}

/* The row at hand into the memory of `reuse`, or new memory. */
static int decode(struct db_result *result, struct database_row **reuse)
{
	size_t sizes[DATABASE_MAX_COLUMNS], total;
	struct database_row *row = *reuse;
	char *text;
	int err = measure(result, sizes, &total);

	if (err)
		return err;
	if (!row || row->bytes < total) {
		row = take(result->user, row, row ? row->bytes : 0, total);
		if (!row)
			return too_much(result);
		row->bytes = total;
		*reuse = row;
	}
	row->next = NULL;
	text = (char *)&row->cells[result->columns];
	for (unsigned i = 0; i < result->columns && !err; i++) {
		struct database_cell *cell = &row->cells[i];

		memset(cell, 0, sizeof(*cell));
		if (!text_bytes(result->types[i], 0))
			err = fetch_number(result, i, cell);
		else if (sizes[i])
			err = fetch_text(result, i, cell, text, sizes[i]);
		text += sizes[i];
	}
	return err;
}

/* --- fetching ----------------------------------------------------------------------- */

static void end_of_rows(struct db_result *result)
{
	if (result->connection)
		result->connection->outstanding = NULL;
	result->connection = NULL;
	result->handle = NULL;
}

/* The library tells of what comes instead of a row, a deadlock for one, at the connection alone. */
static int fetch_failed(struct db_result *result)
{
	MYSQL_STMT *handle = result->handle;
	MYSQL *mysql = &result->connection->mysql;

	if (mysql_stmt_errno(handle))
		result->error =
			database_fail(result->connection, mysql_stmt_errno(handle),
				      mysql_stmt_sqlstate(handle), mysql_stmt_error(handle));
	else
		result->error = database_fail(result->connection, mysql_errno(mysql),
					      mysql_sqlstate(mysql), mysql_error(mysql));
	end_of_rows(result);
	return result->error;
}

/* The next row from the server, not yet decoded: 1, 0 at the end, -errno. */
static int fetch(struct db_result *result)
{
	struct database_connection *c = result->connection;
	uint64_t started_ns = loop_clock_ns();
	int answer = 0, wanted;

	/* Rows may come faster than they are used, so that nothing has to be waited for. */
	task_breathe(result->user->task, started_ns);
	database_connection_begin(c, c->pool->settings->statement_ms);
	wanted = mysql_stmt_fetch_start(&answer, result->handle);
	while (wanted)
		wanted = mysql_stmt_fetch_cont(&answer, result->handle,
					       database_connection_wait(c, wanted));
	database_connection_check(c);
	result->user->busy_ns += loop_clock_ns() - started_ns;
	if (answer == MYSQL_NO_DATA)
		end_of_rows(result);
	else if (answer && answer != MYSQL_DATA_TRUNCATED)
		return fetch_failed(result);
	return answer != MYSQL_NO_DATA;
}

int database_result_next(struct db_result *result)
{
	int got;

	if (result->kept) {
		row_free(result, result->current);
		result->current = result->kept;
		result->kept = result->current->next;
		if (!result->kept)
			result->kept_end = &result->kept;
		return 1;
	}
	got = result->connection ? fetch(result) : result->error;
	if (got > 0) {
		int err = decode(result, &result->current);

		if (!err)
			return 1;
		result->error = got = err;
	}
	row_free(result, result->current);
	result->current = NULL;
	return got;
}

int database_result_keep(struct db_result *result)
{
	int got, err = 0;

	while (!err && result->connection) {
		struct database_row *row = NULL;

		got = fetch(result);
		if (got < 0)
			return got;
		err = got ? decode(result, &row) : 0;
		if (row) {
			*result->kept_end = row;
			result->kept_end = &row->next;
		}
	}
	if (err) {
		result->error = err;
		database_result_skip(result);
	}
	return err;
}

void database_result_skip(struct db_result *result)
{
	struct database_connection *c = result->connection;

	for (unsigned i = 0; i < SKIP_ROWS && !c->broken; i++)
		if (!result->connection || fetch(result) <= 0)
			return;
	if (!c->broken)
		c->broken = -EMSGSIZE;
	end_of_rows(result);
}

void database_result_lose(struct db_result *result)
{
	if (!result->error)
		result->error = -ENOTCONN;
	end_of_rows(result);
}

/* --- making and freeing ------------------------------------------------------------- */

static int describe(struct db_result *result, MYSQL_STMT *handle)
{
	MYSQL_RES *metadata = mysql_stmt_result_metadata(handle);
	const MYSQL_FIELD *fields;
	size_t bytes;
	char *text;

	if (!metadata)
		return -ENOMEM;
	fields = mysql_fetch_fields(metadata);
	bytes = result->columns * (sizeof(*result->names) + sizeof(*result->types) + 1);
	for (unsigned i = 0; i < result->columns; i++)
		bytes += strlen(fields[i].name) + 1;
	result->names = take(result->user, NULL, 0, bytes);
	if (!result->names) {
		mysql_free_result(metadata);
		return too_much(result);
	}
	result->bytes = bytes;
	result->types = (enum enum_field_types *)(result->names + result->columns);
	result->natural = (bool *)(result->types + result->columns);
	text = (char *)(result->natural + result->columns);
	for (unsigned i = 0; i < result->columns; i++) {
		result->names[i] = text;
		text = stpcpy(text, fields[i].name) + 1;
		result->types[i] = fields[i].type;
		result->natural[i] = fields[i].flags & UNSIGNED_FLAG;
	}
	mysql_free_result(metadata);
	return 0;
}

int database_result_create(struct database_connection *c, MYSQL_STMT *handle,
			   struct db_result **out)
{
	struct db_result *result = take(c->user, NULL, 0, sizeof(*result));
	int err;

	if (!result) {
		c->broken = -EMSGSIZE;
		return database_refuse(c->user, -EMSGSIZE, "the results exceed rows-max");
	}
	*result = (struct db_result){
		.user = c->user,
		.connection = c,
		.handle = handle,
		.columns = (unsigned)mysql_stmt_field_count(handle),
	};
	result->kept_end = &result->kept;
	result->next = c->user->results;
	c->user->results = result;
	c->outstanding = result;
	if (result->columns > DATABASE_MAX_COLUMNS)
		err = database_refuse(c->user, -EMSGSIZE, "too many columns");
	else
		err = describe(result, handle);
	if (err) {
		result->columns = 0;
		result->error = err;
		database_result_skip(result);
		return err;
	}
	*out = result;
	return 0;
}

void database_result_free(struct db_result *result)
{
	row_free(result, result->current);
	while (result->kept) {
		struct database_row *row = result->kept;

		result->kept = row->next;
		row_free(result, row);
	}
	free(result->names);
	result->user->rows_bytes -= result->bytes + sizeof(*result);
	free(result);
}
