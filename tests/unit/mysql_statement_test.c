/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where statements may run, by their text: what is a read, what belongs to the
 * primary, what is said to all servers, and what pins a session.
 */
#include <stdio.h>
#include <string.h>

#include "../../userspace/mysqlrouter/statement.h"
#include "../support/unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct statement classified(const char *text)
{
	return statement_classify((struct span){text, strlen(text)}, false);
}

static void expect(const char *text, enum statement_route route, unsigned flags)
{
	struct statement statement = classified(text);

	if (statement.route != route || statement.flags != flags)
		fprintf(stderr, "\n%s: route %d flags %d, expected %d %u", text, statement.route,
			statement.flags, (int)route, flags);
	CU_ASSERT_EQUAL(statement.route, route);
	CU_ASSERT_EQUAL(statement.flags, flags);
}

static void expect_all(const char *const *texts, size_t count, enum statement_route route,
		       unsigned flags)
{
	for (size_t i = 0; i < count; i++)
		expect(texts[i], route, flags);
}

static void reads_may_go_anywhere(void)
{
	static const char *const texts[] = {
		"SELECT 1",
		"select @@server_id",
		"select @@version_comment limit 1",
		"SELECT name, @@report_host FROM t",
		"SELECT id FROM JSON_TABLE(?, '$[*]' COLUMNS (id INT PATH '$[0]')) AS j",
		"SELECT @@session.autocommit, @@max_allowed_packet",
		"SELECT a, COUNT(*) FROM t WHERE b IN (1, 2) AND c = 'it''s' GROUP BY a HAVING (a "
		"> 1);",
		"  /* why */ SELECT 1 -- because\n ; # end",
		"(SELECT 1) UNION ALL (SELECT 2)",
		"SELECT CONCAT('FOR UPDATE', \"INTO OUTFILE\", `lock`) FROM `t`",
		"SELECT 'a\\' FOR UPDATE'",
		"SELECT SUBSTRING(a FROM 1 FOR 2) FROM t USE INDEX FOR JOIN (i)",
		"SELECT * FROM t WHERE id = ? LIMIT ?",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 9) SELECT * "
		"FROM n",
		"SELECT REPLACE(a, 'x', 'y'), INSERT(a, 1, 2, 'z') FROM t",
		"SELECT JSON_EXTRACT(d, '$.a') FROM t WHERE ST_Contains(a, b)",
		"SELECT x'4142', b'01', N'text', _utf8mb4'text', 0x1f, 1.5, .5, 1e5",
		"SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1",
		"SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1",
		"SHOW TABLES",
		"SHOW FULL COLUMNS FROM t",
		"SHOW CREATE TABLE t",
		"SHOW CHARACTER SET",
		"DESCRIBE t",
		"EXPLAIN SELECT 1",
		"VALUES (1, 2), (3, 4)",
		"SELECT * FROM t AS OF TIMESTAMP NOW() WHERE a=1--1",
	};

	expect_all(texts, COUNT(texts), STATEMENT_READ, 0);
}

static void what_is_no_mere_read_goes_to_the_primary(void)
{
	static const char *const texts[] = {
		"INSERT INTO t VALUES (1)",
		"SELECT columns(1)",
		"UPDATE t SET a = 1",
		"DELETE FROM t",
		"REPLACE INTO t VALUES (1)",
		"SELECT * FROM t FOR UPDATE",
		"SELECT * FROM t LOCK IN SHARE MODE",
		"SELECT * FROM t FOR SHARE",
		"SELECT a INTO OUTFILE '/tmp/x' FROM t",
		"SELECT NEXT VALUE FOR s",
		"SELECT NEXTVAL(s)",
		"SELECT my_function(1)",
		"SELECT db.count(1)",
		"SELECT `count`(1)",
		"SELECT \"f\"(1)",
		"SELECT LAST_INSERT_ID()",
		"SELECT @@identity",
		"SELECT @@last_insert_id",
		"SELECT @@global.autocommit",
		"SELECT CONNECTION_ID()",
		"SELECT RELEASE_LOCK('a')",
		"SELECT @a",
		"SELECT 1 /*!99999 FOR UPDATE */",
		"SELECT /*!50001 1 */",
		"SELECT /*M!100100 1 */",
		"SELECT 1; SELECT 2",
		"SELECT 'never closed",
		"SELECT 1 /* never closed",
		"SELECT /*! 1 /* nested */ */ 2",
		"SELECT \x01",
		"/* sluice: primary */ SELECT 1",
		"SELECT /* sluice:primary */ 1",
		"WITH a AS (SELECT 1) DELETE FROM t",
		"EXPLAIN ANALYZE SELECT 1",
		"EXPLAIN UPDATE t SET a = 1",
		"SELECT * FROM information_schema.processlist",
		"SELECT 1 FROM t PROCEDURE ANALYSE()",
		"SHOW VARIABLES",
		"SHOW PROCESSLIST",
		"SHOW MASTER STATUS",
		"BEGIN",
		"START TRANSACTION",
		"START TRANSACTION READ WRITE",
		"START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */",
		"START SLAVE",
		"COMMIT",
		"ROLLBACK TO SAVEPOINT a",
		"CREATE TABLE t (a INT)",
		"CREATE OR REPLACE VIEW v AS SELECT 1",
		"DROP TEMPORARY TABLE t",
		"CALL p()",
		"SET GLOBAL max_connections = 10",
		"SET @@GLOBAL.read_only = 1",
		"SET PASSWORD = 'x'",
		"SET STATEMENT max_statement_time = 1 FOR SELECT 1",
	};

	expect_all(texts, COUNT(texts), STATEMENT_PRIMARY, 0);
	expect("-- nothing", STATEMENT_PRIMARY, STATEMENT_EMPTY);
	expect("", STATEMENT_PRIMARY, STATEMENT_EMPTY);
}

static void what_only_the_primary_knows_pins_the_session(void)
{
	static const char *const texts[] = {
		"SET @a = 1",
		"SELECT @a := 1",
		"SELECT 1 INTO @a",
		"SELECT GET_LOCK('a', 1)",
		"DO GET_LOCK('a', 1)",
		"INSERT INTO t VALUES (@a := 1)",
		"CREATE TEMPORARY TABLE t (a INT)",
		"CREATE OR REPLACE TEMPORARY TABLE t (a INT)",
		"LOCK TABLES t READ",
		"PREPARE s FROM 'SELECT 1'",
		"HANDLER t OPEN",
		"XA START 'x'",
		"BEGIN NOT ATOMIC SET @a = 1; END",
		"SET timestamp = 1",
		"SET no_such_variable = 1",
		"SET ROLE admin",
		"SET sql_mode = 'ANSI_QUOTES'",
		"SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')",
		"SET sql_mode = ORACLE",
		"SET NAMES gbk",
		"SET character_set_client = 'sjis'",
		"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
		"SET tx_isolation = 'SERIALIZABLE'",
		"SET autocommit = (SELECT 1)",
		"SET autocommit = f()",
		"SET autocommit = 1, GLOBAL max_connections = 5",
		"SET autocommit",
		"SET",
		"SELECT 1; SET NAMES utf8",
		"SET NAMES utf8; SELECT 1",
		"WIBBLE",
		"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE */",
	};

	expect_all(texts, COUNT(texts), STATEMENT_PRIMARY, STATEMENT_PINS);
}

static void session_settings_are_said_to_all_servers(void)
{
	static const char *const texts[] = {
		"SET NAMES utf8mb4",
		"SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci'",
		"SET CHARACTER SET utf8",
		"SET autocommit=0",
		"SET @@session.sql_mode = 'STRICT_TRANS_TABLES', time_zone = '+00:00'",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
		"/*!40101 SET NAMES utf8 */",
		"/*!40103 SET TIME_ZONE='+00:00' */;",
	};

	expect_all(texts, COUNT(texts), STATEMENT_ALL, STATEMENT_SETS);
	expect("SET sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')", STATEMENT_ALL,
	       STATEMENT_SETS | STATEMENT_SETS_RELATIVE);
	expect("USE site", STATEMENT_ALL, 0);
	expect("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", STATEMENT_PRIMARY,
	       STATEMENT_NEXT_TOO);
}

static void settings_of_the_same_variables_replace_each_other(void)
{
	CU_ASSERT_EQUAL(classified("SET autocommit = 0").sets,
			classified("set @@AUTOCOMMIT := 1").sets);
	CU_ASSERT_NOT_EQUAL(classified("SET autocommit = 0").sets,
			    classified("SET sql_mode = ''").sets);
	CU_ASSERT_NOT_EQUAL(classified("SET autocommit = 0").sets,
			    classified("SET autocommit = 0, sql_mode = ''").sets);
}

static void questions_about_the_last_statement_follow_it(void)
{
	expect("SELECT FOUND_ROWS()", STATEMENT_SAME, 0);
	expect("SELECT ROW_COUNT()", STATEMENT_SAME, 0);
	expect("SHOW WARNINGS", STATEMENT_SAME, 0);
	expect("SHOW ERRORS LIMIT 1", STATEMENT_SAME, 0);
	expect("SHOW COUNT(*) WARNINGS", STATEMENT_SAME, 0);
	expect("SELECT @@warning_count", STATEMENT_SAME, 0);
	expect("SELECT FOUND_ROWS() FOR UPDATE", STATEMENT_PRIMARY, 0);
}

static void read_only_transactions_may_go_anywhere(void)
{
	expect("START TRANSACTION READ ONLY", STATEMENT_BEGIN_READ_ONLY, 0);
	expect("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;", STATEMENT_BEGIN_READ_ONLY,
	       0);
	expect("START TRANSACTION READ ONLY, READ WRITE", STATEMENT_PRIMARY, 0);
}

static void kill_names_its_connection(void)
{
	expect("KILL 17", STATEMENT_KILL, 0);
	expect("KILL CONNECTION 17", STATEMENT_KILL, 0);
	expect("KILL QUERY 17;", STATEMENT_KILL, STATEMENT_KILL_QUERY);
	expect("KILL USER bob", STATEMENT_PRIMARY, 0);
	CU_ASSERT_EQUAL(classified("KILL HARD QUERY 2147483649").target, 2147483649u);
}

static void beginning_of_a_statement_proves_no_read(void)
{
	static const struct {
		const char *text;
		enum statement_route route;
		unsigned flags;
	} cases[] = {
		{"SELECT 1", STATEMENT_PRIMARY, 0},
		{"INSERT INTO t VALUES ('long", STATEMENT_PRIMARY, 0},
		{"SET NAMES utf8", STATEMENT_PRIMARY, STATEMENT_PINS},
		{"SELECT @a := 1, 'long", STATEMENT_PRIMARY, STATEMENT_PINS},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text = {cases[i].text, strlen(cases[i].text)};
		struct statement statement = statement_classify(text, true);

		CU_ASSERT_EQUAL(statement.route, cases[i].route);
		CU_ASSERT_EQUAL(statement.flags, cases[i].flags);
	}
}

static void text_in_some_character_sets_cannot_be_judged(void)
{
	CU_ASSERT_TRUE(statement_charset_is_unsafe(28));
	CU_ASSERT_TRUE(statement_charset_is_unsafe(13));
	CU_ASSERT_FALSE(statement_charset_is_unsafe(45));
	CU_ASSERT_TRUE(statement_mode_is_unsafe((struct span){"STRICT,Ansi_Quotes", 18}));
	CU_ASSERT_FALSE(statement_mode_is_unsafe((struct span){"STRICT_TRANS_TABLES", 19}));
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(reads_may_go_anywhere),
		UNIT_TEST(what_is_no_mere_read_goes_to_the_primary),
		UNIT_TEST(what_only_the_primary_knows_pins_the_session),
		UNIT_TEST(session_settings_are_said_to_all_servers),
		UNIT_TEST(settings_of_the_same_variables_replace_each_other),
		UNIT_TEST(questions_about_the_last_statement_follow_it),
		UNIT_TEST(read_only_transactions_may_go_anywhere),
		UNIT_TEST(kill_names_its_connection),
		UNIT_TEST(beginning_of_a_statement_proves_no_read),
		UNIT_TEST(text_in_some_character_sets_cannot_be_judged),
		{},
	};

	return unit_run("mysql statement", tests);
}
