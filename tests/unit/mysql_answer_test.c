/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A server's answer is followed to its end, however its bytes are cut, without
 * being held: result sets in both forms, several results, prepared statements,
 * cursors, local files, packets of 16 MiB.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/mysqlrouter/answer.h"
#include "../../userspace/mysqlrouter/protocol.h"
#include "../../userspace/mysqlrouter/wire.h"
#include "../support/unit.h"

#define LIMIT	4096
#define CLASSIC CAPABILITY_PROTOCOL_41
#define MODERN	(CAPABILITY_PROTOCOL_41 | CAPABILITY_DEPRECATE_EOF)

static uint8_t bytes[8192];
static struct wire_writer writer;
static uint8_t sequence;

static void begin(void)
{
	writer = wire_writer(bytes, sizeof(bytes));
	sequence = 1;
}

static void packet(const char *payload, size_t size)
{
	uint8_t *at = wire_packet_begin(&writer);

	wire_put_bytes(&writer, payload, size);
	wire_packet_end(&writer, at, sequence++);
}

#define PACKET(payload) packet(payload, sizeof(payload) - 1)

static void ok(uint16_t status)
{
	packet((char[]){0, 0, 0, (char)status, (char)(status >> 8), 0, 0}, 7);
}

static void eof(uint16_t status)
{
	packet((char[]){'\xfe', 0, 0, (char)status, (char)(status >> 8)}, 5);
}

/* At the end of rows with CAPABILITY_DEPRECATE_EOF. */
static void ok_eof(uint16_t status)
{
	packet((char[]){'\xfe', 0, 0, (char)status, (char)(status >> 8), 0, 0}, 7);
}

static void definitions(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		PACKET("\x03"
		       "def a definition");
}

/* Every other one begins as an EOF does, and is longer. */
static void rows(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		packet(i % 2 ? "\x01x" : "\xfe\x00\x00\x00\x00\x00\x00\x00\x00row", i % 2 ? 2 : 12);
}

static void modern_rows(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		PACKET("\x03row");
}

/*
 * What is handed out, one letter a packet, when bytes come `chunk` at a time and
 * what has passed is gone; ends with '.', or with '!' for what is no answer.
 */
static const char *followed(enum answer_kind kind, uint32_t capabilities, size_t chunk)
{
	static const char letters[] = {
		[ANSWER_PACKET_OK] = 'O',	    [ANSWER_PACKET_ERROR] = 'E',
		[ANSWER_PACKET_EOF] = 'F',	    [ANSWER_PACKET_PREPARED] = 'P',
		[ANSWER_PACKET_LOCAL_INFILE] = 'I', [ANSWER_PACKET_TEXT] = 'T',
	};
	static char seen[64];
	size_t start = 0, end = 0, total = wire_written(&writer), length = 0, passed;
	struct answer_packet found;
	struct answer answer;

	answer_begin(&answer, kind, capabilities, 1);
	while (!answer.done && length < sizeof(seen) - 2) {
		int result =
			answer_follow(&answer, bytes + start, end - start, LIMIT, &passed, &found);

		start += passed;
		if (result < 0 || (!result && end == total && !answer.done)) {
			seen[length++] = result < 0 ? '!' : '?';
			break;
		}
		if (result) {
			seen[length++] = letters[found.kind];
			start += PACKET_HEADER_BYTES + found.size;
		} else if (!answer.done) {
			end = end + chunk < total ? end + chunk : total;
		}
	}
	if (answer.done)
		seen[length++] = start == total ? '.' : '+';
	seen[length] = '\0';
	return seen;
}

static void expect(enum answer_kind kind, uint32_t capabilities, const char *expected)
{
	static const size_t chunks[] = {1, 3, 4, 5, 17, 100, sizeof(bytes)};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++)
		UNIT_ASSERT_TEXT(followed(kind, capabilities, chunks[i]), expected);
}

static void ok_and_error_are_whole_answers(void)
{
	begin();
	ok(STATUS_AUTOCOMMIT);
	expect(ANSWER_RESULTS, CLASSIC, "O.");
	begin();
	PACKET("\xff\x28\x04#42000You have an error");
	expect(ANSWER_RESULTS, CLASSIC, "E.");
	begin();
	eof(STATUS_AUTOCOMMIT);
	expect(ANSWER_RESULTS, MODERN, "F.");
}

static void result_set_ends_by_eof_or_ok(void)
{
	begin();
	PACKET("\x02");
	definitions(2);
	eof(STATUS_AUTOCOMMIT);
	rows(5);
	eof(STATUS_AUTOCOMMIT);
	expect(ANSWER_RESULTS, CLASSIC, "FF.");
	begin();
	PACKET("\x02");
	definitions(2);
	modern_rows(5);
	ok_eof(STATUS_AUTOCOMMIT);
	expect(ANSWER_RESULTS, MODERN, "O.");
}

static void results_follow_one_another(void)
{
	begin();
	ok(STATUS_MORE_RESULTS);
	PACKET("\x01");
	definitions(1);
	eof(STATUS_MORE_RESULTS);
	rows(1);
	eof(STATUS_MORE_RESULTS);
	ok(STATUS_AUTOCOMMIT);
	expect(ANSWER_RESULTS, CLASSIC, "OFFO.");
}

static void error_ends_rows(void)
{
	begin();
	PACKET("\x01");
	definitions(1);
	modern_rows(2);
	PACKET("\xff\x05\x05#70100killed");
	expect(ANSWER_RESULTS, MODERN, "E.");
}

static void cursor_has_no_rows_yet(void)
{
	begin();
	PACKET("\x01");
	definitions(1);
	eof(STATUS_CURSOR_EXISTS);
	expect(ANSWER_CURSOR, CLASSIC, "F.");
	begin();
	PACKET("\x01");
	definitions(1);
	ok_eof(STATUS_CURSOR_EXISTS);
	expect(ANSWER_CURSOR, MODERN, "O.");
	begin();
	rows(3);
	eof(STATUS_CURSOR_EXISTS);
	expect(ANSWER_ROWS, CLASSIC, "F.");
}

static void prepared_statement_has_parameters_and_columns(void)
{
	begin();
	PACKET("\x00\x01\x00\x00\x00\x03\x00\x02\x00\x00\x00\x00");
	definitions(2);
	eof(0);
	definitions(3);
	eof(0);
	expect(ANSWER_PREPARE, CLASSIC, "P.");
	begin();
	PACKET("\x00\x01\x00\x00\x00\x03\x00\x02\x00\x00\x00\x00");
	definitions(5);
	expect(ANSWER_PREPARE, MODERN, "P.");
	begin();
	PACKET("\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00");
	definitions(2);
	eof(0);
	expect(ANSWER_PREPARE, CLASSIC, "P.");
	begin();
	PACKET("\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00");
	expect(ANSWER_PREPARE, CLASSIC, "P.");
	begin();
	PACKET("\xff\x28\x04#42000no");
	expect(ANSWER_PREPARE, CLASSIC, "E.");
}

static void statistics_are_one_text(void)
{
	begin();
	PACKET("Uptime: 17");
	expect(ANSWER_TEXT, CLASSIC, "T.");
}

static void local_file_comes_in_between(void)
{
	struct answer_packet found;
	struct answer answer;
	size_t passed;

	begin();
	PACKET("\xfb/etc/motd");
	answer_begin(&answer, ANSWER_RESULTS, CLASSIC, 1);
	CU_ASSERT_EQUAL(
		answer_follow(&answer, bytes, wire_written(&writer), LIMIT, &passed, &found), 1);
	CU_ASSERT_EQUAL(found.kind, ANSWER_PACKET_LOCAL_INFILE);
	CU_ASSERT_FALSE(answer.done);
	answer_resume(&answer, 3);
	begin();
	sequence = 4;
	ok(STATUS_AUTOCOMMIT);
	CU_ASSERT_EQUAL(
		answer_follow(&answer, bytes, wire_written(&writer), LIMIT, &passed, &found), 1);
	CU_ASSERT_EQUAL(found.kind, ANSWER_PACKET_OK);
	CU_ASSERT_TRUE(answer.done);
}

static void what_is_no_answer_is_refused(void)
{
	begin();
	sequence = 2;
	ok(0);
	expect(ANSWER_RESULTS, CLASSIC, "!");
	begin();
	packet("", 0);
	expect(ANSWER_RESULTS, CLASSIC, "!");
	begin();
	PACKET("\x01\x02");
	expect(ANSWER_RESULTS, CLASSIC, "!");
	begin();
	PACKET("\x00\x01");
	expect(ANSWER_RESULTS, CLASSIC, "!");
	begin();
	PACKET("\x01");
	definitions(1);
	rows(1);
	expect(ANSWER_RESULTS, CLASSIC, "!");
	begin();
	PACKET("\x07");
	expect(ANSWER_PREPARE, CLASSIC, "!");
}

static void packet_to_be_understood_must_fit(void)
{
	static char error[LIMIT + 1] = "\xff\x01\x01";

	begin();
	packet(error, sizeof(error));
	UNIT_ASSERT_TEXT(followed(ANSWER_RESULTS, CLASSIC, sizeof(bytes)), "!");
}

/* Passes `size` bytes that are not there. */
static void pass(struct answer *answer, const uint8_t *header, size_t header_size, size_t size)
{
	static uint8_t zeros[65536];
	struct answer_packet found;
	size_t passed;

	memcpy(zeros, header, header_size);
	CU_ASSERT_EQUAL(answer_follow(answer, zeros, header_size + 1, LIMIT, &passed, &found), 0);
	CU_ASSERT_EQUAL(passed, header_size + (size ? 1 : 0));
	memset(zeros, 0, header_size);
	for (size_t left = size ? size - 1 : 0; left; left -= passed) {
		size_t some = left < sizeof(zeros) ? left : sizeof(zeros);

		CU_ASSERT_EQUAL(answer_follow(answer, zeros, some, LIMIT, &passed, &found), 0);
		CU_ASSERT_EQUAL_FATAL(passed, some);
	}
}

/* A row of 16 MiB and 5 bytes, one of exactly 16 MiB - 1, then the end. */
static void large_rows_are_continued(void)
{
	static const uint8_t full[] = {0xff, 0xff, 0xff, 3}, rest[] = {5, 0, 0, 4};
	static const uint8_t full_again[] = {0xff, 0xff, 0xff, 5}, nothing[] = {0, 0, 0, 6};
	struct answer_packet found;
	struct answer answer;
	size_t passed;

	begin();
	PACKET("\x01");
	definitions(1);
	answer_begin(&answer, ANSWER_RESULTS, MODERN, 1);
	CU_ASSERT_EQUAL(
		answer_follow(&answer, bytes, wire_written(&writer), LIMIT, &passed, &found), 0);
	pass(&answer, full, 4, PACKET_MAX_PAYLOAD);
	CU_ASSERT_FALSE(answer_at_boundary(&answer));
	pass(&answer, rest, 4, 5);
	CU_ASSERT_TRUE(answer_at_boundary(&answer));
	pass(&answer, full_again, 4, PACKET_MAX_PAYLOAD);
	memcpy(bytes, nothing, 4);
	CU_ASSERT_EQUAL(answer_follow(&answer, bytes, 4, LIMIT, &passed, &found), 0);
	CU_ASSERT_EQUAL(passed, 4);
	begin();
	sequence = 7;
	ok_eof(0);
	CU_ASSERT_EQUAL(
		answer_follow(&answer, bytes, wire_written(&writer), LIMIT, &passed, &found), 1);
	CU_ASSERT_TRUE(answer.done);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(ok_and_error_are_whole_answers),
		UNIT_TEST(result_set_ends_by_eof_or_ok),
		UNIT_TEST(results_follow_one_another),
		UNIT_TEST(error_ends_rows),
		UNIT_TEST(cursor_has_no_rows_yet),
		UNIT_TEST(prepared_statement_has_parameters_and_columns),
		UNIT_TEST(statistics_are_one_text),
		UNIT_TEST(local_file_comes_in_between),
		UNIT_TEST(what_is_no_answer_is_refused),
		UNIT_TEST(packet_to_be_understood_must_fit),
		UNIT_TEST(large_rows_are_continued),
		{},
	};

	return unit_run("mysql answer", tests);
}
