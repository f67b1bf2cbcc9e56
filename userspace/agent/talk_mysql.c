/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * MySQL and MariaDB: a greeting is enough; or, with a user, the login by
 * mysql_native_password or caching_sha2_password, and whether the server takes
 * writes. The packets are those of the MySQL router (userspace/mysqlrouter).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../mysqlrouter/handshake.h"
#include "probe_talk.h"

#define CAPABILITIES                                                                               \
	(CAPABILITY_LONG_PASSWORD | CAPABILITY_PROTOCOL_41 | CAPABILITY_TRANSACTIONS |             \
	 CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH)
#define UTF8_CHARSET	  33
#define AUTH_MORE_FAST_OK 3
#define AUTH_MORE_FULL	  4
#define AUTH_WANT_KEY	  2

struct mysql_talk {
	struct probe_talk talk;
	/* Of the answer to the question: its column count, its column, the end of columns. */
	enum { STAGE_GREETING, STAGE_LOGIN, STAGE_COUNT, STAGE_COLUMN, STAGE_END, STAGE_ROW } stage;
	struct handshake_greeting greeting;
	enum auth_plugin plugin;
	uint8_t sequence; /* of our next packet */
	uint8_t in[4096];
	size_t held;
};

static struct mysql_talk *mysql_of(struct probe_talk *talk)
{
	return container_of(talk, struct mysql_talk, talk);
}

static int refuse(struct probe_talk *talk, const char *words)
{
	snprintf(talk->words, sizeof(talk->words), "%s", words);
	return PROBE_PROTOCOL;
}

/* --- our packets ------------------------------------------------------------------- */

static void say(struct mysql_talk *mysql, const void *bytes, size_t length)
{
	struct probe_talk *talk = &mysql->talk;
	struct wire_writer writer = wire_writer(talk->out, sizeof(talk->out));
	uint8_t *packet = wire_packet_begin(&writer);

	wire_put_bytes(&writer, bytes, length);
	wire_packet_end(&writer, packet, mysql->sequence++);
	talk->out_length = wire_written(&writer);
	talk->out_sent = 0;
}

static void say_command(struct mysql_talk *mysql, enum mysql_command command, const char *text)
{
	char bytes[64];
	int length = snprintf(bytes, sizeof(bytes), "%c%s", command, text);

	mysql->sequence = 0;
	say(mysql, bytes, (size_t)length);
}

static int say_goodbye(struct mysql_talk *mysql)
{
	say_command(mysql, COMMAND_QUIT, "");
	return PROBE_OK;
}

static int make_proof(struct mysql_talk *mysql, uint8_t proof[AUTH_REPLY_MAX], size_t *length)
{
	return auth_reply(mysql->plugin, &mysql->talk.plan->secret, mysql->greeting.scramble, proof,
			  length);
}

static int say_login(struct mysql_talk *mysql)
{
	static const char *const attributes[] = {NULL};
	struct probe_talk *talk = &mysql->talk;
	const char *user = talk->plan->check.user, *plugin;
	struct wire_writer writer = wire_writer(talk->out, sizeof(talk->out));
	uint8_t proof[AUTH_REPLY_MAX];
	struct handshake_reply reply = {
		.capabilities =
			CAPABILITIES & (mysql->greeting.capabilities | CAPABILITY_LONG_PASSWORD),
		.charset = UTF8_CHARSET,
		.user = {user, strlen(user)},
		.proof = {(const char *)proof, 0},
	};

	mysql->plugin = auth_plugin_find(
		(struct span){mysql->greeting.plugin, strlen(mysql->greeting.plugin)});
	/* Another plugin may be the server's default, and ours the account's: it will say so. */
	if (mysql->plugin == AUTH_PLUGIN_COUNT)
		mysql->plugin = AUTH_NATIVE;
	plugin = auth_plugin_name(mysql->plugin);
	reply.plugin = (struct span){plugin, strlen(plugin)};
	if (make_proof(mysql, proof, &reply.proof.length))
		return refuse(talk, "the password cannot be proved");
	handshake_reply_write(&writer, mysql->sequence++, &reply, attributes);
	talk->out_length = wire_written(&writer);
	talk->out_sent = 0;
	mysql->stage = STAGE_LOGIN;
	return -EAGAIN;
}

/* --- the server's packets ------------------------------------------------------------ */

static int take_greeting(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	if (handshake_greeting_read(payload, size, &mysql->greeting))
		return refuse(&mysql->talk, "no MySQL greeting");
	return mysql->talk.plan->check.user[0] ? say_login(mysql) : PROBE_OK;
}

static int take_switch(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	struct handshake_switch change;
	uint8_t proof[AUTH_REPLY_MAX];
	size_t length;

	if (handshake_switch_read(payload, size, &change))
		return refuse(&mysql->talk, "it wants an authentication that is not understood");
	mysql->plugin = auth_plugin_find(change.plugin);
	if (mysql->plugin == AUTH_PLUGIN_COUNT)
		return refuse(&mysql->talk, "it wants an authentication that is not supported");
	memcpy(mysql->greeting.scramble, change.scramble.bytes, SCRAMBLE_BYTES);
	if (make_proof(mysql, proof, &length))
		return refuse(&mysql->talk, "the password cannot be proved");
	say(mysql, proof, length);
	return -EAGAIN;
}

static int take_key(struct mysql_talk *mysql, struct span pem)
{
	uint8_t cipher[AUTH_RSA_MAX_BYTES];
	size_t length;

	if (auth_rsa_encrypt(pem, &mysql->talk.plan->secret, mysql->greeting.scramble, cipher,
			     &length))
		return refuse(&mysql->talk, "its public key is not understood");
	say(mysql, cipher, length);
	return -EAGAIN;
}

/* caching_sha2_password: the proof was enough, or the server wants the password itself. */
static int take_more(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	static const uint8_t want_key = AUTH_WANT_KEY;

	if (size > 2)
		return take_key(mysql, (struct span){(const char *)payload + 1, size - 1});
	if (size == 2 && payload[1] == AUTH_MORE_FULL)
		say(mysql, &want_key, 1);
	else if (size != 2 || payload[1] != AUTH_MORE_FAST_OK)
		return refuse(&mysql->talk, "its authentication is not understood");
	return -EAGAIN;
}

static int take_login(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	switch (payload[0]) {
	case MARKER_EOF:
		return take_switch(mysql, payload, size);
	case MARKER_AUTH_MORE:
		return take_more(mysql, payload, size);
	case MARKER_OK:
		break;
	default:
		return refuse(&mysql->talk, "its authentication is not understood");
	}
	if (mysql->talk.plan->check.read_only == CHECK_READ_ONLY_ANY)
		return say_goodbye(mysql);
	say_command(mysql, COMMAND_QUERY, "SELECT @@global.read_only");
	mysql->stage = STAGE_COUNT;
	return -EAGAIN;
}

static int take_row(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	struct wire_reader reader = wire_reader(payload, size);
	struct span value = wire_lenenc_bytes(&reader);
	bool is_on = !span_is(value, "0") && !span_is_word(value, "off");
	bool wanted = mysql->talk.plan->check.read_only == CHECK_READ_ONLY_YES;

	if (reader.bad)
		return refuse(&mysql->talk, "its answer is not understood");
	if (is_on == wanted)
		return say_goodbye(mysql);
	snprintf(mysql->talk.words, sizeof(mysql->talk.words), "read_only is %s, expected %s",
		 is_on ? "on" : "off", wanted ? "on" : "off");
	say_goodbye(mysql);
	return PROBE_ROLE;
}

/* Code, for the protocol 4.1 a state behind '#', and the message in the server's words. */
static int take_error(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	struct wire_reader reader = wire_reader(payload + 1, size - 1);
	unsigned code = wire_u16(&reader);
	struct span message = wire_rest(&reader);
	size_t state = message.length >= 6 && message.bytes[0] == '#' ? 6 : 0;
	char *words = mysql->talk.words;

	snprintf(words, sizeof(mysql->talk.words), "error %u: %.*s", code,
		 (int)(message.length - state), message.bytes + state);
	for (; *words; words++)
		if (!isprint((unsigned char)*words) || *words == '"')
			*words = '\'';
	if (code == ERROR_ACCESS_DENIED)
		probe_plan_doubt(mysql->talk.plan);
	return PROBE_ERROR;
}

static int take_packet(struct mysql_talk *mysql, const uint8_t *payload, size_t size)
{
	if (size && payload[0] == MARKER_ERROR)
		return take_error(mysql, payload, size);
	if (!size)
		return refuse(&mysql->talk, "it does not speak MySQL's protocol");
	switch (mysql->stage) {
	case STAGE_GREETING:
		return take_greeting(mysql, payload, size);
	case STAGE_LOGIN:
		return take_login(mysql, payload, size);
	case STAGE_ROW:
		return take_row(mysql, payload, size);
	default:
		mysql->stage++;
		return -EAGAIN;
	}
}

/* --- the stream -------------------------------------------------------------------------- */

/* One packet off the buffer; -ENOMSG: there is no whole one. */
static int next_packet(struct mysql_talk *mysql)
{
	size_t length, whole;
	int ret;

	if (mysql->held < PACKET_HEADER_BYTES)
		return -ENOMSG;
	length = packet_length(mysql->in);
	whole = PACKET_HEADER_BYTES + length;
	if (whole > sizeof(mysql->in))
		return refuse(&mysql->talk, "it does not speak MySQL's protocol");
	if (mysql->held < whole)
		return -ENOMSG;
	mysql->sequence = (uint8_t)(packet_sequence(mysql->in) + 1);
	ret = take_packet(mysql, mysql->in + PACKET_HEADER_BYTES, length);
	mysql->held -= whole;
	memmove(mysql->in, mysql->in + whole, mysql->held);
	return ret;
}

static int begin(struct probe_talk *talk, const struct endpoint *host)
{
	(void)talk;
	(void)host;
	return -EAGAIN;
}

static int take(struct probe_talk *talk, const unsigned char *bytes, size_t count)
{
	struct mysql_talk *mysql = mysql_of(talk);
	int ret = -EAGAIN;

	while (ret == -EAGAIN) {
		size_t room = sizeof(mysql->in) - mysql->held;
		size_t part = count < room ? count : room;

		memcpy(mysql->in + mysql->held, bytes, part);
		mysql->held += part;
		bytes += part;
		count -= part;
		ret = next_packet(mysql);
	}
	return ret == -ENOMSG ? -EAGAIN : ret;
}

static int end(struct probe_talk *talk)
{
	(void)talk;
	return PROBE_CLOSED;
}

const struct talk_kind talk_mysql = {sizeof(struct mysql_talk), begin, take, end};
