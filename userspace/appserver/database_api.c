/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The database as modules see it: sluice/app.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database_private.h"
#include "request.h"

/* --- statements --------------------------------------------------------------------- */

struct db_result *db_query(struct app_request *r, const char *sql, const char *types, ...)
{
	struct db_result *result;
	va_list values;

	va_start(values, types);
	result = database_query(&r->database, sql, types, values);
	va_end(values);
	return result;
}

int db_exec(struct app_request *r, const char *sql, const char *types, ...)
{
	va_list values;
	int err;

	va_start(values, types);
	err = database_execute(&r->database, sql, types, values);
	va_end(values);
	return err;
}

int db_begin(struct app_request *r)
{
	return database_begin(&r->database);
}

int db_commit(struct app_request *r)
{
	return database_commit(&r->database);
}

int db_rollback(struct app_request *r)
{
	return database_rollback(&r->database);
}

int db_transaction(struct app_request *r, unsigned attempts,
		   int (*body)(struct app_request *r, void *argument), void *argument)
{
	int err = -EINVAL;

	for (unsigned attempt = 1; attempt <= attempts; attempt++) {
		err = db_begin(r);
		if (err)
			return err;
		err = body(r, argument);
		if (!err)
			err = db_commit(r);
		if (!err)
			return 0;
		if (r->database.transaction)
			db_rollback(r);
		if (err != -EDEADLK)
			return err;
	}
	return err;
}

int db_release(struct app_request *r)
{
	return database_release(&r->database);
}

int db_status(const struct app_request *r)
{
	return r->database.status;
}

unsigned db_error(const struct app_request *r)
{
	return r->database.code;
}

const char *db_message(const struct app_request *r)
{
	return r->database.message;
}

uint64_t db_last_id(const struct app_request *r)
{
	return r->database.last_id;
}

uint64_t db_affected(const struct app_request *r)
{
	return r->database.affected;
}

/* --- rows --------------------------------------------------------------------------- */

int db_next(struct db_result *rows)
{
	return rows ? database_result_next(rows) : 0;
}

int db_columns(const struct db_result *rows)
{
	return rows ? (int)rows->columns : 0;
}

const char *db_column_name(const struct db_result *rows, int column)
{
	return rows && column >= 0 && (unsigned)column < rows->columns ? rows->names[column] : NULL;
}

/* NULL: no row, no such column, or NULL. */
static struct database_cell *cell_of(const struct db_result *rows, int column)
{
	if (!rows || !rows->current || column < 0 || (unsigned)column >= rows->columns ||
	    rows->current->cells[column].kind == DATABASE_NULL)
		return NULL;
	return &rows->current->cells[column];
}

bool db_is_null(const struct db_result *rows, int column)
{
	return !cell_of(rows, column);
}

int64_t db_int(const struct db_result *rows, int column)
{
	const struct database_cell *cell = cell_of(rows, column);

	if (!cell)
		return 0;
	if (cell->kind == DATABASE_TEXT)
		return strtoll(cell->text, NULL, 10);
	return cell->kind == DATABASE_DOUBLE ? (int64_t)cell->real : cell->integer;
}

double db_double(const struct db_result *rows, int column)
{
	const struct database_cell *cell = cell_of(rows, column);

	if (!cell)
		return 0;
	switch (cell->kind) {
	case DATABASE_INT:
		return (double)cell->integer;
	case DATABASE_UINT:
		return (double)cell->natural;
	case DATABASE_DOUBLE:
		return cell->real;
	default:
		return strtod(cell->text, NULL);
	}
}

const char *db_text(const struct db_result *rows, int column)
{
	size_t length;

	return db_blob(rows, column, &length);
}

const void *db_blob(const struct db_result *rows, int column, size_t *length)
{
	struct database_cell *cell = cell_of(rows, column);

	*length = 0;
	if (!cell)
		return "";
	if (!cell->text) {
		if (cell->kind == DATABASE_DOUBLE)
			snprintf(cell->number, sizeof(cell->number), "%.15g", cell->real);
		else if (cell->kind == DATABASE_UINT)
			snprintf(cell->number, sizeof(cell->number), "%llu",
				 (unsigned long long)cell->natural);
		else
			snprintf(cell->number, sizeof(cell->number), "%lld",
				 (long long)cell->integer);
		cell->text = cell->number;
		cell->length = strlen(cell->number);
	}
	*length = cell->length;
	return cell->text;
}

/* --- rows as JSON ------------------------------------------------------------------- */

/* Text that is no UTF-8 has no place in JSON. */
static json_t *cell_json(const struct database_cell *cell)
{
	json_t *text;

	switch (cell->kind) {
	case DATABASE_INT:
		return json_integer(cell->integer);
	case DATABASE_UINT:
		/* JSON's integers are signed here. */
		return cell->natural <= INT64_MAX ? json_integer(cell->integer)
						  : json_real((double)cell->natural);
	case DATABASE_DOUBLE:
		return json_real(cell->real);
	case DATABASE_TEXT:
		text = json_stringn(cell->text, cell->length);
		return text ? text : json_null();
	default:
		return json_null();
	}
}

json_t *db_row_json(const struct db_result *rows)
{
	json_t *object = json_object();

	if (!rows || !rows->current)
		return object;
	for (unsigned i = 0; i < rows->columns; i++)
		if (json_object_set_new(object, rows->names[i],
					cell_json(&rows->current->cells[i]))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

json_t *db_json(struct app_request *r, size_t limit, const char *sql, const char *types, ...)
{
	struct db_result *rows;
	json_t *list = json_array();
	va_list values;
	int got = 0;

	va_start(values, types);
	rows = database_query(&r->database, sql, types, values);
	va_end(values);
	while (rows && json_array_size(list) < limit && (got = db_next(rows)) > 0)
		if (json_array_append_new(list, db_row_json(rows)))
			got = -ENOMEM;
	if (rows && got >= 0)
		return list;
	json_decref(list);
	return NULL;
}
