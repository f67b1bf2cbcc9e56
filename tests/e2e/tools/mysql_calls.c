/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * mysql_calls HOST PORT USER PASSWORD SCHEMA: goes through the calls of the MySQL
 * client library and prints what comes of each. Run once directly at a server
 * and once through the router, the output must be the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mysql/mysql.h>

#define LONG_BYTES 200000

static MYSQL mysql;

static void print_error(const char *what)
{
	printf("%s: error %u %s\n", what, mysql_errno(&mysql), mysql_sqlstate(&mysql));
}

/* --- text protocol -------------------------------------------------------------------- */

static void print_rows(MYSQL_RES *result)
{
	unsigned columns = mysql_num_fields(result);
	MYSQL_ROW row;

	while ((row = mysql_fetch_row(result))) {
		const unsigned long *lengths = mysql_fetch_lengths(result);

		for (unsigned i = 0; i < columns; i++)
			printf(" %.20s(%lu)", row[i] ? row[i] : "NULL", row[i] ? lengths[i] : 0);
		puts("");
	}
	mysql_free_result(result);
}

/* All results of the statement, one or several. */
static void query(const char *text)
{
	int more = mysql_query(&mysql, text);

	printf("> %.60s\n", text);
	if (more) {
		print_error("query");
		return;
	}
	do {
		MYSQL_RES *result = mysql_use_result(&mysql);

		if (result)
			print_rows(result);
		else
			printf(" affected %" PRIu64 " id %" PRIu64 " warnings %u info %s\n",
			       (uint64_t)mysql_affected_rows(&mysql),
			       (uint64_t)mysql_insert_id(&mysql), mysql_warning_count(&mysql),
			       mysql_info(&mysql) ? mysql_info(&mysql) : "none");
		more = mysql_next_result(&mysql);
	} while (!more);
	if (more > 0)
		print_error("next result");
}

static void check(const char *what, int failed)
{
	if (failed)
		print_error(what);
	else
		printf("%s: ok\n", what);
}

/* --- prepared statements ------------------------------------------------------------------ */

static MYSQL_STMT *prepare(const char *text)
{
	MYSQL_STMT *statement = mysql_stmt_init(&mysql);

	printf("> prepare %.60s\n", text);
	if (mysql_stmt_prepare(statement, text, strlen(text)))
		printf(" error %u %s\n", mysql_stmt_errno(statement),
		       mysql_stmt_sqlstate(statement));
	else
		printf(" parameters %lu columns %u\n", mysql_stmt_param_count(statement),
		       mysql_stmt_field_count(statement));
	return statement;
}

/* Rows of an integer and a string. */
static void fetch(MYSQL_STMT *statement)
{
	char text[32];
	int number = 0, end;
	unsigned long length = 0;
	my_bool null = 0;
	MYSQL_BIND columns[2] = {
		{.buffer_type = MYSQL_TYPE_LONG, .buffer = &number},
		{.buffer_type = MYSQL_TYPE_STRING,
		 .buffer = text,
		 .buffer_length = sizeof(text),
		 .length = &length,
		 .is_null = &null},
	};

	if (mysql_stmt_bind_result(statement, columns))
		printf(" cannot bind: %s\n", mysql_stmt_error(statement));
	while (!(end = mysql_stmt_fetch(statement)) || end == MYSQL_DATA_TRUNCATED)
		printf(" %d %.*s(%lu)\n", number,
		       null	     ? 4
		       : length < 20 ? (int)length
				     : 20,
		       null ? "NULL" : text, length);
	if (end == 1)
		printf(" error %u %s\n", mysql_stmt_errno(statement),
		       mysql_stmt_sqlstate(statement));
	mysql_stmt_free_result(statement);
}

static void execute(MYSQL_STMT *statement)
{
	if (mysql_stmt_execute(statement))
		printf(" error %u %s\n", mysql_stmt_errno(statement),
		       mysql_stmt_sqlstate(statement));
	else if (mysql_stmt_field_count(statement))
		fetch(statement);
	else
		printf(" affected %" PRIu64 "\n", (uint64_t)mysql_stmt_affected_rows(statement));
}

static void bind_number(MYSQL_STMT *statement, int *number)
{
	MYSQL_BIND parameter = {.buffer_type = MYSQL_TYPE_LONG, .buffer = number};

	if (mysql_stmt_bind_param(statement, &parameter))
		printf(" cannot bind: %s\n", mysql_stmt_error(statement));
}

/* The types of the parameter are told once; later executions run on other servers. */
static void read_in_and_out_of_transactions(void)
{
	MYSQL_STMT *statement = prepare("SELECT id, text FROM calls WHERE id >= ? ORDER BY id");
	int number = 2;

	bind_number(statement, &number);
	query("BEGIN");
	execute(statement);
	query("COMMIT");
	for (number = 1; number < 4; number++)
		execute(statement);
	query("BEGIN");
	execute(statement);
	query("ROLLBACK");
	number = 3;
	execute(statement);
	check("reset", mysql_stmt_reset(statement));
	execute(statement);
	mysql_stmt_close(statement);
}

static void send_long_data(void)
{
	static char chunk[LONG_BYTES / 4];
	MYSQL_STMT *statement = prepare("INSERT INTO calls (text) VALUES (?)");
	MYSQL_BIND parameter = {.buffer_type = MYSQL_TYPE_BLOB};

	memset(chunk, 'c', sizeof(chunk));
	if (mysql_stmt_bind_param(statement, &parameter))
		printf(" cannot bind: %s\n", mysql_stmt_error(statement));
	for (int i = 0; i < 4; i++)
		if (mysql_stmt_send_long_data(statement, 0, chunk, sizeof(chunk)))
			puts(" cannot send");
	execute(statement);
	mysql_stmt_close(statement);
	query("SELECT id, LENGTH(text), MD5(text) FROM calls ORDER BY id DESC LIMIT 1");
}

static void execute_with_large_parameter(void)
{
	static char text[LONG_BYTES];
	unsigned long length = sizeof(text);
	MYSQL_STMT *statement = prepare("SELECT LENGTH(?), 'x'");
	MYSQL_BIND parameter = {
		.buffer_type = MYSQL_TYPE_STRING, .buffer = text, .length = &length};

	memset(text, 'p', sizeof(text));
	if (mysql_stmt_bind_param(statement, &parameter))
		printf(" cannot bind: %s\n", mysql_stmt_error(statement));
	execute(statement);
	query("BEGIN");
	execute(statement);
	query("COMMIT");
	execute(statement);
	mysql_stmt_close(statement);
}

static void fetch_by_cursor(void)
{
	unsigned long type = CURSOR_TYPE_READ_ONLY, rows = 2;
	MYSQL_STMT *statement = prepare("SELECT id, text FROM calls ORDER BY id");
	MYSQL_STMT *other = prepare("SELECT COUNT(*), 'between' FROM calls");

	mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &type);
	mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &rows);
	execute(statement);
	if (mysql_stmt_execute(statement))
		printf(" error %u\n", mysql_stmt_errno(statement));
	execute(other);
	query("INSERT INTO calls (text) VALUES ('while the cursor is open')");
	fetch(statement);
	mysql_stmt_close(statement);
	mysql_stmt_close(other);
}

static void call_procedure(void)
{
	MYSQL_STMT *statement;

	query("DROP PROCEDURE IF EXISTS two_results");
	query("CREATE PROCEDURE two_results() BEGIN SELECT 1, 'one'; SELECT 2, 'two'; END");
	query("CALL two_results()");
	statement = prepare("CALL two_results()");
	if (mysql_stmt_execute(statement))
		printf(" error %u\n", mysql_stmt_errno(statement));
	do {
		if (mysql_stmt_field_count(statement))
			fetch(statement);
	} while (!mysql_stmt_next_result(statement));
	mysql_stmt_close(statement);
	query("DROP PROCEDURE two_results");
}

static void make_mistakes(void)
{
	MYSQL_STMT *statement = prepare("SELECT * FROM no_such_table WHERE a = ?");
	MYSQL_STMT *wrong = prepare("INSERT INTO calls (id) VALUES (1)");

	execute(wrong);
	mysql_stmt_close(wrong);
	mysql_stmt_close(statement);
	query("SELEC 1");
	query("SELECT * FROM no_such_table");
	query("INSERT INTO calls (id) VALUES (1)");
	query("SELECT 1/0, 'a' + 1");
	query("SHOW WARNINGS");
}

/* --- the connection ------------------------------------------------------------------------- */

static void use_connection(const char *user, const char *password, const char *schema)
{
	MYSQL_RES *fields;

	check("ping", mysql_ping(&mysql));
	check("select db", mysql_select_db(&mysql, schema));
	check("select no db", mysql_select_db(&mysql, "no_such_schema"));
	query("SELECT DATABASE()");
	query("USE information_schema");
	query("SELECT DATABASE()");
	check("select db", mysql_select_db(&mysql, schema));
	printf("statistics: %s\n", mysql_stat(&mysql) ? "ok" : "none");
	fields = mysql_list_fields(&mysql, "calls", NULL);
	printf("fields: %u\n", fields ? mysql_num_fields(fields) : 0);
	mysql_free_result(fields);
	query("SET @variable = 5, time_zone = '+03:00', sql_mode = ''");
	query("SELECT @variable, @@time_zone");
	query("SELECT @@time_zone, @@sql_mode");
	check("reset connection", mysql_reset_connection(&mysql));
	query("SELECT @variable, @@time_zone = '+03:00', DATABASE()");
	query("SET time_zone = '+04:00'");
	check("change user", mysql_change_user(&mysql, user, password, schema));
	query("SELECT @@time_zone = '+04:00', DATABASE()");
	check("change user", mysql_change_user(&mysql, user, "wrong", schema));
}

static void use_multi_statements(void)
{
	query("SELECT 1; SELECT 2");
	check("option on", mysql_set_server_option(&mysql, MYSQL_OPTION_MULTI_STATEMENTS_ON));
	query("SELECT 1; INSERT INTO calls (text) VALUES ('multi'); SELECT text FROM calls LIMIT "
	      "2");
	query("SELECT 1; SELEC 2; SELECT 3");
	query("SELECT 4");
	check("option off", mysql_set_server_option(&mysql, MYSQL_OPTION_MULTI_STATEMENTS_OFF));
	query("SELECT 1; SELECT 2");
}

static void use_transactions(void)
{
	query("SET autocommit = 0");
	query("INSERT INTO calls (text) VALUES ('rolled back')");
	query("SELECT COUNT(*) FROM calls");
	query("ROLLBACK");
	query("SET autocommit = 1");
	query("SELECT COUNT(*) FROM calls");
	query("START TRANSACTION READ ONLY");
	query("SELECT COUNT(*) FROM calls");
	query("COMMIT");
	query("SELECT SQL_CALC_FOUND_ROWS id FROM calls ORDER BY id LIMIT 1");
	query("SELECT FOUND_ROWS()");
	query("INSERT INTO calls (text) VALUES ('last')");
	query("SELECT LAST_INSERT_ID() > 0, ROW_COUNT()");
	query("CREATE TEMPORARY TABLE mine (a INT)");
	query("INSERT INTO mine VALUES (1), (2)");
	query("SELECT COUNT(*) FROM mine");
	query("DROP TEMPORARY TABLE mine");
}

static void send_large_query(void)
{
	static char text[LONG_BYTES + 64];
	int length = sprintf(text, "SELECT LENGTH('");

	memset(text + length, 'q', LONG_BYTES);
	strcpy(text + length + LONG_BYTES, "')");
	query(text);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s HOST PORT USER PASSWORD SCHEMA\n", argv[0]);
		return 2;
	}
	mysql_init(&mysql);
	if (!mysql_real_connect(&mysql, argv[1], argv[3], argv[4], argv[5], (unsigned)atoi(argv[2]),
				NULL, 0)) {
		printf("cannot connect: %s\n", mysql_error(&mysql));
		return 1;
	}
	query("DROP TABLE IF EXISTS calls");
	query("CREATE TABLE calls (id INT AUTO_INCREMENT PRIMARY KEY, text LONGTEXT)");
	query("INSERT INTO calls (text) VALUES ('one'), (NULL), ('three'), ('four')");
	read_in_and_out_of_transactions();
	fetch_by_cursor();
	send_long_data();
	execute_with_large_parameter();
	call_procedure();
	make_mistakes();
	use_multi_statements();
	use_transactions();
	send_large_query();
	use_connection(argv[3], argv[4], argv[5]);
	mysql_close(&mysql);
	return 0;
}
