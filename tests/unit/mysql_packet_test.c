/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets of the MySQL protocol: elements, handshake, OK and ERR, as they are on
 * the wire; what is cut short is refused.
 */
#include <errno.h>
#include <string.h>

#include "../../userspace/mysqlrouter/handshake.h"
#include "../../userspace/mysqlrouter/result.h"
#include "../support/unit.h"

#define TRACKS (CAPABILITY_PROTOCOL_41 | CAPABILITY_SESSION_TRACK)

static void assert_span(struct span span, const char *text)
{
	CU_ASSERT_EQUAL(span.length, strlen(text));
	CU_ASSERT_EQUAL(memcmp(span.bytes, text, span.length), 0);
}

static void length_encoded_integers_take_the_fewest_bytes(void)
{
	static const struct {
		uint64_t value;
		size_t bytes;
	} cases[] = {{0, 1},	 {250, 1},	{251, 3},	{65535, 3},
		     {65536, 4}, {0xffffff, 4}, {0x1000000, 9}, {UINT64_MAX, 9}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t bytes[9];
		struct wire_writer writer = wire_writer(bytes, sizeof(bytes));
		struct wire_reader reader;

		wire_put_lenenc(&writer, cases[i].value);
		CU_ASSERT_EQUAL(wire_written(&writer), cases[i].bytes);
		reader = wire_reader(bytes, cases[i].bytes);
		CU_ASSERT_EQUAL(wire_lenenc(&reader), cases[i].value);
		CU_ASSERT_FALSE(reader.bad);
		reader = wire_reader(bytes, cases[i].bytes - 1);
		wire_lenenc(&reader);
		CU_ASSERT_TRUE(reader.bad);
	}
}

static void cursors_stop_at_their_end(void)
{
	uint8_t bytes[4] = {0xfe, 0xff, 0xff, 'x'};
	struct wire_reader reader = wire_reader(bytes, sizeof(bytes));
	struct wire_writer writer = wire_writer(bytes, 3);

	assert_span(wire_lenenc_bytes(&reader), "");
	CU_ASSERT_TRUE(reader.bad);
	reader = wire_reader(bytes, sizeof(bytes));
	assert_span(wire_text(&reader), "");
	CU_ASSERT_TRUE(reader.bad);
	wire_put_u32(&writer, 0);
	CU_ASSERT_TRUE(writer.full);
	wire_put_u8(&writer, 0);
	CU_ASSERT_EQUAL(wire_written(&writer), 0);
	CU_ASSERT_EQUAL(bytes[0], 0xfe);
}

static void greeting_survives_the_wire(void)
{
	struct handshake_greeting greeting = {
		.version = "5.5.5-10.11.19-MariaDB",
		.plugin = PLUGIN_CACHING_SHA2,
		.scramble = "abcdefghij012345678",
		.connection_id = 0x80000001,
		.capabilities = TRACKS | CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH,
		.status = STATUS_AUTOCOMMIT,
		.charset = 45,
	};
	struct handshake_greeting read;
	uint8_t bytes[256];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));
	size_t size;

	greeting.scramble[SCRAMBLE_BYTES - 1] = '9';
	handshake_greeting_write(&writer, &greeting);
	size = packet_length(bytes);
	CU_ASSERT_EQUAL(size + PACKET_HEADER_BYTES, wire_written(&writer));
	CU_ASSERT_EQUAL(handshake_greeting_read(bytes + 4, size, &read), 0);
	UNIT_ASSERT_TEXT(read.version, greeting.version);
	UNIT_ASSERT_TEXT(read.plugin, greeting.plugin);
	CU_ASSERT_EQUAL(memcmp(read.scramble, greeting.scramble, SCRAMBLE_BYTES), 0);
	CU_ASSERT_EQUAL(read.connection_id, greeting.connection_id);
	CU_ASSERT_EQUAL(read.capabilities, greeting.capabilities);
	CU_ASSERT_EQUAL(read.status, greeting.status);
	CU_ASSERT_EQUAL(read.charset, greeting.charset);
	for (size_t cut = 0; cut < size; cut++)
		CU_ASSERT_EQUAL(handshake_greeting_read(bytes + 4, cut, &read), -EBADMSG);
}

static void reply_survives_the_wire(void)
{
	static const char *const attributes[] = {"program", "sluice-mysql", NULL};
	struct handshake_reply read,
		reply = {
			.capabilities = TRACKS | CAPABILITY_SECURE_CONNECTION |
					CAPABILITY_PLUGIN_AUTH | CAPABILITY_CONNECT_WITH_DB |
					CAPABILITY_CONNECT_ATTRIBUTES,
			.charset = 45,
			.user = {"site", 4},
			.proof = {"0123456789abcdefghij", 20},
			.database = {"shop", 4},
			.plugin = {PLUGIN_NATIVE, 21},
		};
	uint8_t bytes[HANDSHAKE_REPLY_BYTES];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));
	size_t attributes_size = 1 + 1 + 7 + 1 + 12, size;

	handshake_reply_write(&writer, 1, &reply, attributes);
	size = packet_length(bytes);
	CU_ASSERT_EQUAL(bytes[3], 1);
	CU_ASSERT_EQUAL(handshake_reply_read(bytes + 4, size, &read), 0);
	CU_ASSERT_EQUAL(read.capabilities, reply.capabilities);
	CU_ASSERT_EQUAL(read.charset, 45);
	assert_span(read.user, "site");
	assert_span(read.proof, "0123456789abcdefghij");
	assert_span(read.database, "shop");
	assert_span(read.plugin, PLUGIN_NATIVE);
	for (size_t cut = 0; cut < size - attributes_size; cut++)
		CU_ASSERT_EQUAL(handshake_reply_read(bytes + 4, cut, &read), -EBADMSG);
	CU_ASSERT_FALSE(handshake_asks_for_tls(bytes + 4, size));
}

static void request_for_tls_is_the_short_form(void)
{
	uint8_t bytes[64];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	handshake_tls_request_write(&writer, 1, TRACKS | CAPABILITY_TLS, 45);
	CU_ASSERT_EQUAL(packet_length(bytes), HANDSHAKE_TLS_REQUEST_LEN);
	CU_ASSERT_TRUE(handshake_asks_for_tls(bytes + 4, packet_length(bytes)));
	CU_ASSERT_FALSE(handshake_asks_for_tls(bytes + 4, packet_length(bytes) - 1));
}

static void old_protocol_is_refused(void)
{
	static const uint8_t old[] = {0x0d, 0xa6, 0x03, 0x00, 0x00, 'm', 'e', 0, 'x', 0};
	struct handshake_reply reply;

	CU_ASSERT_EQUAL(handshake_reply_read(old, sizeof(old), &reply), -EBADMSG);
}

static void switch_of_the_plugin_survives_the_wire(void)
{
	static const uint8_t scramble[SCRAMBLE_BYTES + 1] = "abcdefghij0123456789";
	struct handshake_switch change;
	uint8_t bytes[64];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	handshake_switch_write(&writer, 2, PLUGIN_NATIVE, scramble);
	CU_ASSERT_EQUAL(handshake_switch_read(bytes + 4, packet_length(bytes), &change), 0);
	assert_span(change.plugin, PLUGIN_NATIVE);
	assert_span(change.scramble, "abcdefghij0123456789");
	CU_ASSERT_EQUAL(handshake_switch_read(bytes + 4, 1, &change), -EBADMSG);
	CU_ASSERT_EQUAL(handshake_switch_read(bytes + 4, packet_length(bytes) - 5, &change),
			-EBADMSG);
}

static void change_of_the_user_is_read(void)
{
	static const char packet[] = "\x11"
				     "bob\0"
				     "\x03xyz"
				     "shop\0"
				     "\x2d\x00" PLUGIN_NATIVE;
	struct handshake_reply reply;

	CU_ASSERT_EQUAL(handshake_change_user_read(packet, sizeof(packet),
						   TRACKS | CAPABILITY_PLUGIN_AUTH, &reply),
			0);
	assert_span(reply.user, "bob");
	assert_span(reply.proof, "xyz");
	assert_span(reply.database, "shop");
	CU_ASSERT_EQUAL(reply.charset, 45);
	CU_ASSERT_EQUAL(handshake_change_user_read(packet, 8, TRACKS, &reply), -EBADMSG);
}

/* An OK packet with `state` as the changes of the session's state. */
static size_t make_ok(uint8_t *bytes, size_t size, const char *info, struct span state)
{
	struct wire_writer writer = wire_writer(bytes, size);

	wire_put_u8(&writer, MARKER_OK);
	wire_put_lenenc(&writer, 300);
	wire_put_lenenc(&writer, 7);
	wire_put_u16(&writer, STATUS_AUTOCOMMIT | STATUS_SESSION_STATE_CHANGED);
	wire_put_u16(&writer, 2);
	wire_put_lenenc_bytes(&writer, info, strlen(info));
	wire_put_lenenc_bytes(&writer, state.bytes, state.length);
	return wire_written(&writer);
}

static const struct span three_changes = {"\x00\x12\x09last_gtid\x07"
					  "0-1-103"
					  "\x01\x05\x04shop"
					  "\x02\x01"
					  "1",
					  20 + 7 + 3};

static void state_changes_are_read_one_by_one(void)
{
	struct result_track track;
	struct result_ok ok;
	uint8_t bytes[128];
	size_t size = make_ok(bytes, sizeof(bytes), "Rows: 1", three_changes);

	CU_ASSERT_EQUAL(result_ok_read(bytes, size, TRACKS, &ok), 0);
	CU_ASSERT_EQUAL(ok.affected_rows, 300);
	CU_ASSERT_EQUAL(ok.insert_id, 7);
	CU_ASSERT_EQUAL(ok.warnings, 2);
	assert_span(ok.info, "Rows: 1");
	CU_ASSERT_TRUE(result_track_next(&ok.state, &track));
	CU_ASSERT_EQUAL(track.type, TRACK_SYSTEM_VARIABLES);
	assert_span(track.name, "last_gtid");
	assert_span(track.value, "0-1-103");
	CU_ASSERT_TRUE(result_track_next(&ok.state, &track));
	CU_ASSERT_EQUAL(track.type, TRACK_SCHEMA);
	assert_span(track.value, "shop");
	CU_ASSERT_TRUE(result_track_next(&ok.state, &track));
	CU_ASSERT_EQUAL(track.type, TRACK_STATE_CHANGE);
	assert_span(track.value, "1");
	CU_ASSERT_FALSE(result_track_next(&ok.state, &track));
}

static void client_sees_no_change_that_it_did_not_ask_for(void)
{
	struct result_track track;
	struct result_ok ok;
	uint8_t bytes[128];
	size_t size = make_ok(bytes, sizeof(bytes), "Rows: 1", three_changes);

	size = result_ok_narrow(bytes, size, TRACKS, true);
	CU_ASSERT_EQUAL(result_ok_read(bytes, size, TRACKS, &ok), 0);
	CU_ASSERT_EQUAL(ok.affected_rows, 300);
	assert_span(ok.info, "Rows: 1");
	CU_ASSERT_TRUE(result_track_next(&ok.state, &track));
	assert_span(track.value, "shop");
	CU_ASSERT_FALSE(result_track_next(&ok.state, &track));
	size = make_ok(bytes, sizeof(bytes), "", (struct span){three_changes.bytes, 20});
	size = result_ok_narrow(bytes, size, TRACKS, true);
	CU_ASSERT_EQUAL(result_ok_read(bytes, size, TRACKS, &ok), 0);
	CU_ASSERT_EQUAL(ok.status, STATUS_AUTOCOMMIT);
	CU_ASSERT_EQUAL(ok.state.length, 0);
}

static void client_without_tracking_gets_the_older_form(void)
{
	struct result_ok ok;
	uint8_t bytes[128];
	size_t size = make_ok(bytes, sizeof(bytes), "Rows: 1", three_changes);

	size = result_ok_narrow(bytes, size, TRACKS, false);
	CU_ASSERT_EQUAL(size, 1 + 3 + 1 + 4 + 7);
	CU_ASSERT_EQUAL(result_ok_read(bytes, size, CAPABILITY_PROTOCOL_41, &ok), 0);
	CU_ASSERT_EQUAL(ok.status, STATUS_AUTOCOMMIT);
	assert_span(ok.info, "Rows: 1");
	size = make_ok(bytes, sizeof(bytes), "", (struct span){"", 0});
	CU_ASSERT_EQUAL(result_ok_narrow(bytes, size, TRACKS, false), 9);
}

static void error_survives_the_wire(void)
{
	struct result_error error;
	uint8_t bytes[1024];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	result_error_write(&writer, 3, ERROR_OPTION_PREVENTS, "HY000", "no primary");
	CU_ASSERT_EQUAL(bytes[3], 3);
	CU_ASSERT_EQUAL(result_error_read(bytes + 4, packet_length(bytes), &error), 0);
	CU_ASSERT_EQUAL(error.code, 1290);
	assert_span(error.state, "HY000");
	assert_span(error.text, "no primary");
	CU_ASSERT_EQUAL(result_error_read(bytes + 4, 2, &error), -EBADMSG);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(length_encoded_integers_take_the_fewest_bytes),
		UNIT_TEST(cursors_stop_at_their_end),
		UNIT_TEST(greeting_survives_the_wire),
		UNIT_TEST(reply_survives_the_wire),
		UNIT_TEST(request_for_tls_is_the_short_form),
		UNIT_TEST(old_protocol_is_refused),
		UNIT_TEST(switch_of_the_plugin_survives_the_wire),
		UNIT_TEST(change_of_the_user_is_read),
		UNIT_TEST(state_changes_are_read_one_by_one),
		UNIT_TEST(client_sees_no_change_that_it_did_not_ask_for),
		UNIT_TEST(client_without_tracking_gets_the_older_form),
		UNIT_TEST(error_survives_the_wire),
		{},
	};

	return unit_run("mysql packet", tests);
}
