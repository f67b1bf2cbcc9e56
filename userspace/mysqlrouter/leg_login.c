/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Logging in to a server as the session's user: greeting, TLS, reply, and what
 * the plugin wants beyond. We do it ourselves, so that the connection has
 * exactly the capabilities of the client: its answers can be relayed as they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "result.h"
#include "session.h"

/* What every session needs, whatever its client can do. */
#define ALWAYS                                                                                     \
	(CAPABILITY_LONG_PASSWORD | CAPABILITY_LONG_FLAG | CAPABILITY_PROTOCOL_41 |                \
	 CAPABILITY_TRANSACTIONS | CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH |         \
	 CAPABILITY_SESSION_TRACK)
/* What changes the form of answers, or what the server allows: as the client has it. */
#define AS_CLIENT                                                                                  \
	(CAPABILITY_FOUND_ROWS | CAPABILITY_NO_SCHEMA | CAPABILITY_ODBC | CAPABILITY_LOCAL_FILES | \
	 CAPABILITY_IGNORE_SPACE | CAPABILITY_INTERACTIVE | CAPABILITY_MULTI_STATEMENTS |          \
	 CAPABILITY_MULTI_RESULTS | CAPABILITY_PS_MULTI_RESULTS | CAPABILITY_DEPRECATE_EOF)

struct leg_login {
	struct handshake_greeting greeting;
	enum auth_plugin plugin;
	uint8_t sequence; /* of our next packet */
	bool greeted, replied;
};

void leg_login_free(struct leg *leg)
{
	free(leg->login);
	leg->login = NULL;
}

bool leg_is_encrypted(const struct leg *leg)
{
	return leg->stream.ssl;
}

static const struct auth_secret *secret_of(const struct session *session)
{
	return session->secret ? session->secret : &session->user->secret;
}

/* --- our packets ------------------------------------------------------------------- */

static void send_bytes(struct leg *leg, const void *bytes, size_t length)
{
	uint8_t packet[PACKET_HEADER_BYTES + AUTH_RSA_MAX_BYTES];
	struct wire_writer writer = wire_writer(packet, sizeof(packet));
	uint8_t *at = wire_packet_begin(&writer);

	wire_put_bytes(&writer, bytes, length);
	wire_packet_end(&writer, at, leg->login->sequence++);
	leg_send(leg, packet, wire_written(&writer));
	explicit_bzero(packet, sizeof(packet));
}

static int make_proof(struct leg *leg, uint8_t proof[AUTH_REPLY_MAX], size_t *length)
{
	struct leg_login *login = leg->login;
	int err = auth_reply(login->plugin, secret_of(leg->session), login->greeting.scramble,
			     proof, length);

	if (err)
		leg_fail(leg, ERROR_ACCESS_DENIED,
			 "the server wants %s, for which the hash of the password is not enough",
			 auth_plugin_name(login->plugin));
	return err;
}

static uint32_t capabilities_for(const struct leg *leg)
{
	const struct session *session = leg->session;
	uint32_t capabilities = ALWAYS | (session->capabilities & AS_CLIENT);

	if (session->state.schema && session->state.schema[0])
		capabilities |= CAPABILITY_CONNECT_WITH_DB;
	if (leg->stream.ssl)
		capabilities |= CAPABILITY_TLS;
	return capabilities | CAPABILITY_CONNECT_ATTRIBUTES;
}

static void send_reply(struct leg *leg)
{
	static const char *const attributes[] = {"_client_name", "sluice-mysql", NULL};
	struct session *session = leg->session;
	struct leg_login *login = leg->login;
	const char *schema = session->state.schema;
	const char *plugin;
	uint8_t proof[AUTH_REPLY_MAX], packet[HANDSHAKE_REPLY_BYTES];
	struct wire_writer writer = wire_writer(packet, sizeof(packet));
	struct handshake_reply reply = {
		.capabilities = capabilities_for(leg),
		.charset = session->charset,
		.user = {session->user->name, strlen(session->user->name)},
		.database = {schema ? schema : "", schema ? strlen(schema) : 0},
	};

	login->plugin = auth_plugin_find(
		(struct span){login->greeting.plugin, strlen(login->greeting.plugin)});
	/* Another plugin may be the server's default, and ours the account's: it will say so. */
	if (login->plugin == AUTH_PLUGIN_COUNT ||
	    (login->plugin == AUTH_SHA2 && secret_of(session)->knowledge != AUTH_KNOWS_PASSWORD))
		login->plugin = AUTH_NATIVE;
	plugin = auth_plugin_name(login->plugin);
	reply.plugin = (struct span){plugin, strlen(plugin)};
	reply.proof.bytes = (const char *)proof;
	if (make_proof(leg, proof, &reply.proof.length))
		return;
	/* MariaDB offers extensions by clearing the first bit; we set it, and get none. */
	reply.capabilities &= login->greeting.capabilities | CAPABILITY_CONNECT_WITH_DB |
			      CAPABILITY_LONG_PASSWORD;
	leg->capabilities = reply.capabilities;
	leg->schema = session->state.schema_version;
	handshake_reply_write(&writer, login->sequence++, &reply, attributes);
	login->replied = true;
	leg_send(leg, packet, wire_written(&writer));
	explicit_bzero(proof, sizeof(proof));
}

/* --- the server's packets ---------------------------------------------------------- */

static void start_tls(struct leg *leg)
{
	struct router *router = leg->session->router;
	uint8_t packet[PACKET_HEADER_BYTES + HANDSHAKE_TLS_REQUEST_LEN];
	struct wire_writer writer = wire_writer(packet, sizeof(packet));
	SSL *ssl;

	if (!(leg->login->greeting.capabilities & CAPABILITY_TLS)) {
		leg_fail(leg, ERROR_HANDSHAKE, "the server has no TLS, which server-tls demands");
		return;
	}
	handshake_tls_request_write(&writer, leg->login->sequence++,
				    capabilities_for(leg) | CAPABILITY_TLS, leg->session->charset);
	leg_send(leg, packet, wire_written(&writer));
	ssl = tls_client_session(router->config->tls_client, &router->config->server_tls.client);
	if (!ssl || stream_start_tls(&leg->stream, ssl, NULL, 0))
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "out of memory");
}

static uint32_t lacking_capabilities(const struct leg *leg)
{
	uint32_t needed = (leg->session->capabilities & CAPABILITY_DEPRECATE_EOF) |
			  CAPABILITY_PROTOCOL_41 | CAPABILITY_SESSION_TRACK |
			  CAPABILITY_PLUGIN_AUTH;

	return needed & ~leg->login->greeting.capabilities;
}

static void take_greeting(struct leg *leg, const uint8_t *payload, size_t size)
{
	struct leg_login *login = leg->login;

	if (handshake_greeting_read(payload, size, &login->greeting)) {
		router_count(leg->session->router, COUNTER_MALFORMED_SERVER);
		leg_fail(leg, ERROR_HANDSHAKE, "its greeting is not understood");
		return;
	}
	login->greeted = true;
	login->sequence = 1;
	leg->thread = login->greeting.connection_id;
	leg->flavour = strstr(login->greeting.version, "MariaDB") ? GTID_MARIADB : GTID_MYSQL;
	if (lacking_capabilities(leg))
		leg_fail(leg, ERROR_HANDSHAKE, "the server lacks capabilities 0x%x",
			 lacking_capabilities(leg));
	else if (leg->session->router->config->tls_client)
		start_tls(leg);
	else
		send_reply(leg);
}

static void take_switch(struct leg *leg, const uint8_t *payload, size_t size)
{
	struct leg_login *login = leg->login;
	struct handshake_switch change;
	uint8_t proof[AUTH_REPLY_MAX];
	size_t length;

	if (handshake_switch_read(payload, size, &change)) {
		leg_fail(leg, ERROR_HANDSHAKE, "it wants an authentication that is not understood");
		return;
	}
	login->plugin = auth_plugin_find(change.plugin);
	if (login->plugin == AUTH_PLUGIN_COUNT) {
		leg_fail(leg, ERROR_HANDSHAKE, "it wants plugin %.*s, which is not supported",
			 (int)change.plugin.length, change.plugin.bytes);
		return;
	}
	memcpy(login->greeting.scramble, change.scramble.bytes, SCRAMBLE_BYTES);
	if (!make_proof(leg, proof, &length))
		send_bytes(leg, proof, length);
}

/* The full exchange of sha2: the password itself, under TLS or the server's key. */
static void send_password(struct leg *leg)
{
	const struct auth_secret *secret = secret_of(leg->session);

	if (secret->knowledge != AUTH_KNOWS_PASSWORD)
		leg_fail(leg, ERROR_ACCESS_DENIED,
			 "the server wants the password, of which only a hash is known");
	else if (leg_is_encrypted(leg))
		send_bytes(leg, secret->password, strlen(secret->password) + 1);
	else
		send_bytes(leg, "\x02", 1);
}

static void send_encrypted(struct leg *leg, struct span pem)
{
	uint8_t cipher[AUTH_RSA_MAX_BYTES];
	size_t length;

	if (auth_rsa_encrypt(pem, secret_of(leg->session), leg->login->greeting.scramble, cipher,
			     &length))
		leg_fail(leg, ERROR_HANDSHAKE, "its public key is not understood");
	else
		send_bytes(leg, cipher, length);
}

static void take_more(struct leg *leg, const uint8_t *payload, size_t size)
{
	if (leg->login->plugin != AUTH_SHA2 || size < 2)
		leg_fail(leg, ERROR_HANDSHAKE, "its authentication is not understood");
	else if (size == 2 && payload[1] == 4)
		send_password(leg);
	else if (size > 2)
		send_encrypted(leg, (struct span){(const char *)payload + 1, size - 1});
	else if (payload[1] != 3)
		leg_fail(leg, ERROR_HANDSHAKE, "its authentication is not understood");
}

static void take_ok(struct leg *leg, const uint8_t *payload, size_t size)
{
	struct result_ok ok;

	if (!leg->login->replied || result_ok_read(payload, size, leg->capabilities, &ok)) {
		leg_fail(leg, ERROR_HANDSHAKE, "its OK is not understood");
		return;
	}
	leg->status = ok.status;
	leg->phase = LEG_IDLE;
	leg_login_free(leg);
	session_leg_ready(leg);
}

/* The server's own words: the client gets them as they are. */
static void take_error(struct leg *leg, const uint8_t *payload, size_t size)
{
	struct failure failure;

	failure_from_packet(&failure, payload, size);
	router_count(leg->session->router, COUNTER_LEGS_FAILED);
	session_leg_failed(leg, &failure);
}

static void take_packet(struct leg *leg, uint8_t sequence, const uint8_t *payload, size_t size)
{
	leg->login->sequence = (uint8_t)(sequence + 1);
	switch (size ? payload[0] : MARKER_LOCAL_INFILE) {
	case MARKER_ERROR:
		take_error(leg, payload, size);
		break;
	case MARKER_OK:
		take_ok(leg, payload, size);
		break;
	case MARKER_EOF:
		take_switch(leg, payload, size);
		break;
	case MARKER_AUTH_MORE:
		take_more(leg, payload, size);
		break;
	default:
		if (!leg->login->greeted)
			take_greeting(leg, payload, size);
		else
			leg_fail(leg, ERROR_HANDSHAKE, "its authentication is not understood");
	}
}

/* --- steps ------------------------------------------------------------------------- */

/* Takes one packet off the buffer. False: there is no whole one. */
static bool next_packet(struct leg *leg)
{
	uint8_t *data = (uint8_t *)buffer_data(&leg->in);
	size_t held = buffer_length(&leg->in);
	uint8_t payload[4096];
	uint32_t length;
	uint8_t sequence;

	if (held < PACKET_HEADER_BYTES)
		return false;
	length = packet_length(data);
	if (length > sizeof(payload)) {
		leg_fail(leg, ERROR_HANDSHAKE, "it greets with what is not MySQL's protocol");
		return false;
	}
	if (held < PACKET_HEADER_BYTES + length)
		return false;
	sequence = packet_sequence(data);
	memcpy(payload, data + PACKET_HEADER_BYTES, length);
	buffer_consume(&leg->in, PACKET_HEADER_BYTES + length);
	take_packet(leg, sequence, payload, length);
	return true;
}

static void read_packets(struct leg *leg)
{
	int err = leg_read(leg);

	if (err == -EAGAIN)
		return;
	if (err) {
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "lost connection while logging in: %s",
			 err == -EPIPE ? "closed by the server" : strerror(-err));
		return;
	}
	while (leg->phase == LEG_CONNECTING && next_packet(leg))
		;
	if (leg->phase == LEG_CONNECTING || leg->phase == LEG_IDLE)
		buffer_put_if_empty(&leg->session->router->buffers, &leg->in);
}

void leg_login_step(struct leg *leg, unsigned events)
{
	if (events & STREAM_CONNECTED && !leg->login) {
		leg->login = calloc(1, sizeof(*leg->login));
		if (!leg->login) {
			leg_fail(leg, ERROR_SERVER_SHUTDOWN, "out of memory");
			return;
		}
		stream_want(&leg->stream, STREAM_READABLE);
		return;
	}
	if (events & STREAM_CONNECTED) {
		send_reply(leg);
		return;
	}
	if (events & STREAM_READABLE)
		read_packets(leg);
}
