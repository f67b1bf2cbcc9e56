/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A client logs in: greeting, TLS if it asks for it, proof of its password by
 * either plugin, then the first connection to a server, so that what the server
 * says of user and schema is said at once.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "log.h"
#include "result.h"
#include "session.h"

#define DEFAULT_VERSION "8.0.36-sluice"
#define DEFAULT_CHARSET 45 /* utf8mb4_general_ci */
#define PUBLIC_KEY_MAX	2048

/* What clients are offered; each is relayed to servers, or means something to the router alone. */
#define OFFERED                                                                                    \
	(CAPABILITY_LONG_PASSWORD | CAPABILITY_FOUND_ROWS | CAPABILITY_LONG_FLAG |                 \
	 CAPABILITY_CONNECT_WITH_DB | CAPABILITY_NO_SCHEMA | CAPABILITY_ODBC |                     \
	 CAPABILITY_IGNORE_SPACE | CAPABILITY_PROTOCOL_41 | CAPABILITY_INTERACTIVE |               \
	 CAPABILITY_IGNORE_SIGPIPE | CAPABILITY_TRANSACTIONS | CAPABILITY_SECURE_CONNECTION |      \
	 CAPABILITY_MULTI_STATEMENTS | CAPABILITY_MULTI_RESULTS | CAPABILITY_PS_MULTI_RESULTS |    \
	 CAPABILITY_PLUGIN_AUTH | CAPABILITY_CONNECT_ATTRIBUTES | CAPABILITY_LONG_AUTH_REPLY |     \
	 CAPABILITY_SESSION_TRACK | CAPABILITY_DEPRECATE_EOF)
/* Of these a server may lack some: they are offered when the servers have them. */
#define OF_SERVERS                                                                                 \
	(CAPABILITY_DEPRECATE_EOF | CAPABILITY_SESSION_TRACK | CAPABILITY_PS_MULTI_RESULTS)

enum proof {
	PROOF_REPLY,	/* to the scramble, by the plugin that we switched to */
	PROOF_PASSWORD, /* itself, or a request for our key */
	PROOF_CIPHER,
};

struct client_login {
	uint8_t plugin;	 /* enum auth_plugin, that the proof is by */
	uint8_t expects; /* enum proof */
	uint32_t offered;
	char user[HANDSHAKE_USER_BYTES];
};

void session_login_free(struct session *session)
{
	free(session->login);
	session->login = NULL;
}

/* --- greeting ---------------------------------------------------------------------- */

/* Of the server that a session would first be sent to. */
static void describe_server(const struct router *router, struct handshake_greeting *greeting)
{
	int server = cluster_primary(router->board, router->config);
	static struct server_view view;

	if (server == CLUSTER_NO_SERVER)
		server = cluster_pick_replica(router->board, router->config, router->legs, 0,
					      CLUSTER_NO_SERVER);
	if (server == CLUSTER_NO_SERVER)
		return;
	cluster_read_view(&router->board->servers[router->config->servers[server].board], &view);
	if (view.version[0])
		memcpy(greeting->version, view.version, sizeof(greeting->version));
	if (view.capabilities)
		greeting->capabilities &= view.capabilities | ~OF_SERVERS;
}

static void greet(struct session *session)
{
	const struct router *router = session->router;
	struct handshake_greeting greeting = {
		.version = DEFAULT_VERSION,
		.connection_id = session->id,
		.capabilities = OFFERED,
		.status = STATUS_AUTOCOMMIT,
		.charset = DEFAULT_CHARSET,
	};
	uint8_t bytes[256];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	strcpy(greeting.plugin, auth_plugin_name(router->config->plugin));
	if (router->config->tls_server)
		greeting.capabilities |= CAPABILITY_TLS;
	if (router->config->local_infile)
		greeting.capabilities |= CAPABILITY_LOCAL_FILES;
	describe_server(router, &greeting);
	memcpy(greeting.scramble, session->scramble, SCRAMBLE_BYTES);
	session->login->offered = greeting.capabilities;
	handshake_greeting_write(&writer, &greeting);
	session_put(session, bytes, wire_written(&writer));
}

static bool is_refused_at_once(struct session *session)
{
	struct router *router = session->router;
	char host[HOSTS_TEXT_LEN];

	if (!hosts_is_blocked(&router->hosts, session->host, router->config->limits.auth_failures,
			      router_loop(router)->now_ns))
		return false;
	router_count(router, COUNTER_REFUSED_HOST);
	session_refuse(session, 1129, "HY000",
		       "sluice-mysql: too many failed logins from %s: refused for a minute",
		       host_format(session->host, host));
	return true;
}

void session_login_begin(struct session *session)
{
	stream_want(&session->client, STREAM_READABLE);
	if (!session->router->board->known || is_refused_at_once(session))
		return;
	session->login = calloc(1, sizeof(*session->login));
	if (!session->login || auth_scramble_make(session->scramble)) {
		session_close(session);
		return;
	}
	session->phase = SESSION_GREETED;
	greet(session);
}

/* --- proof ------------------------------------------------------------------------- */

static void count_failure(struct session *session)
{
	static struct log_limit limit = {.burst = 10, .period_ns = 60 * NS_PER_SEC};
	struct router *router = session->router;
	uint64_t now_ns = router_loop(router)->now_ns;
	char host[HOSTS_TEXT_LEN];
	unsigned suppressed;

	router_count(router, COUNTER_REFUSED_PASSWORD);
	hosts_failed(&router->hosts, session->host, now_ns);
	if (log_limit_pass(&limit, now_ns, &suppressed))
		log_warn("login", "event=refused client=%s suppressed=%u",
			 host_format(session->host, host), suppressed);
}

static void deny(struct session *session, bool with_password)
{
	char host[HOSTS_TEXT_LEN];

	count_failure(session);
	session_refuse(session, ERROR_ACCESS_DENIED, "28000",
		       "Access denied for user '%.80s'@'%s' (using password: %s)",
		       session->login->user, host_format(session->host, host),
		       with_password ? "YES" : "NO");
}

/* Who it is, is proved; whether a server agrees is found out now. */
static void enter(struct session *session, const struct auth_secret *learned)
{
	free(session->secret);
	session->secret = NULL;
	if (learned->knowledge != session->user->secret.knowledge) {
		session->secret = malloc(sizeof(*session->secret));
		if (!session->secret) {
			session_close(session);
			return;
		}
		*session->secret = *learned;
	}
	session->phase = SESSION_ENTERING;
	session->command = (struct command){.leg = LEG_PRIMARY,
					    .failed_server = CLUSTER_NO_SERVER,
					    .wanted_server = CLUSTER_NO_SERVER};
	session_make_ready(session);
}

static void send_bytes(struct session *session, const void *bytes, size_t length)
{
	uint8_t packet[PACKET_HEADER_BYTES + PUBLIC_KEY_MAX];
	struct wire_writer writer = wire_writer(packet, sizeof(packet));
	uint8_t *at = wire_packet_begin(&writer);

	wire_put_bytes(&writer, bytes, length);
	wire_packet_end(&writer, at, session->sequence++);
	session_put(session, packet, wire_written(&writer));
}

/* What is judged now; a user that does not exist takes as long. */
static const struct auth_secret *secret_to_judge(const struct session *session)
{
	static const struct auth_secret nobody = {.knowledge = AUTH_KNOWS_NOTHING};

	return session->user ? &session->user->secret : &nobody;
}

static void judge(struct session *session, enum auth_verdict verdict, struct auth_secret *learned,
		  bool with_password)
{
	switch (verdict) {
	case AUTH_ACCEPTED:
		if (session->login->plugin == AUTH_SHA2 && session->login->expects == PROOF_REPLY &&
		    with_password)
			send_bytes(session, "\x01\x03", 2);
		enter(session, learned);
		break;
	case AUTH_NEEDS_PASSWORD:
		session->login->expects = PROOF_PASSWORD;
		send_bytes(session, "\x01\x04", 2);
		break;
	default:
		deny(session, with_password);
	}
	OPENSSL_cleanse(learned, sizeof(*learned));
}

static void judge_reply(struct session *session, struct span proof)
{
	struct client_login *login = session->login;
	struct auth_secret learned = {};
	enum auth_verdict verdict = auth_judge(login->plugin, secret_to_judge(session),
					       session->scramble, proof, &learned);
	bool with_password = proof.length > 1;

	judge(session, verdict, &learned, with_password);
}

static void send_public_key(struct session *session)
{
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t bytes[PUBLIC_KEY_MAX] = {MARKER_AUTH_MORE};
	char *pem = NULL;
	long length = 0;

	if (bio && PEM_write_bio_PUBKEY(bio, session->router->config->rsa))
		length = BIO_get_mem_data(bio, &pem);
	if (length > 0 && length < PUBLIC_KEY_MAX) {
		memcpy(bytes + 1, pem, (size_t)length);
		session->login->expects = PROOF_CIPHER;
		send_bytes(session, bytes, (size_t)length + 1);
	} else {
		session_close(session);
	}
	BIO_free(bio);
}

static void judge_password(struct session *session, struct span password)
{
	struct auth_secret learned = {};
	enum auth_verdict verdict =
		auth_judge_password(secret_to_judge(session), password, &learned);

	judge(session, verdict, &learned, true);
}

static void judge_cipher(struct session *session, struct span cipher)
{
	char password[AUTH_PASSWORD_BYTES];
	size_t length = 0;

	if (auth_rsa_decrypt(session->router->config->rsa, session->scramble, cipher, password,
			     &length))
		deny(session, true);
	else
		judge_password(session, (struct span){password, length});
	OPENSSL_cleanse(password, sizeof(password));
}

static void take_proof(struct session *session, struct span proof)
{
	bool is_secret = session->client.ssl || session->is_local;

	switch (session->login->expects) {
	case PROOF_REPLY:
		judge_reply(session, proof);
		break;
	case PROOF_PASSWORD:
		if (proof.length == 1 && proof.bytes[0] == 2)
			send_public_key(session);
		else if (is_secret)
			judge_password(session, proof);
		else
			deny(session, true); /* in clear text, for all to see */
		break;
	case PROOF_CIPHER:
		judge_cipher(session, proof);
		break;
	}
}

/* --- reply ------------------------------------------------------------------------- */

/* The plugin by which the client is to prove itself. */
static enum auth_plugin choose_plugin(const struct session *session, struct span theirs)
{
	enum auth_plugin plugin = auth_plugin_find(theirs);

	return plugin == AUTH_PLUGIN_COUNT ? (enum auth_plugin)session->router->config->plugin
					   : plugin;
}

static void ask_again(struct session *session)
{
	uint8_t bytes[64];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	session->phase = SESSION_PROVING;
	handshake_switch_write(&writer, session->sequence++,
			       auth_plugin_name(session->login->plugin), session->scramble);
	session_put(session, bytes, wire_written(&writer));
}

static void take_identity(struct session *session, const struct handshake_reply *reply)
{
	struct client_login *login = session->login;
	size_t length = reply->user.length < sizeof(login->user) ? reply->user.length
								 : sizeof(login->user) - 1;

	memcpy(login->user, reply->user.bytes, length);
	login->user[length] = '\0';
	session->user = users_find(&session->router->config->users, reply->user);
	session->charset = reply->charset ? reply->charset : DEFAULT_CHARSET;
	session_judge_text(session);
	login->plugin = (uint8_t)choose_plugin(session, reply->plugin);
	login->expects = PROOF_REPLY;
	if (reply->database.length && state_set_schema(&session->state, reply->database)) {
		session_close(session);
		return;
	}
	session->phase = SESSION_PROVING;
	if (!span_is(reply->plugin, auth_plugin_name(login->plugin)))
		ask_again(session);
	else
		judge_reply(session, reply->proof);
}

static void take_reply(struct session *session, const uint8_t *payload, size_t size)
{
	const struct router_config *config = session->router->config;
	struct handshake_reply reply;

	if (handshake_reply_read(payload, size, &reply)) {
		session_malformed(session, "handshake response");
		return;
	}
	session->capabilities = reply.capabilities & session->login->offered;
	if (!session->client.ssl && !session->is_local && config->tls.mode == TLS_REQUIRED &&
	    session->router->config->tls_server) {
		router_count(session->router, COUNTER_REFUSED_TLS);
		session_refuse(session, 3159, "HY000",
			       "Connections using insecure transport are prohibited");
		return;
	}
	take_identity(session, &reply);
}

static void start_tls(struct session *session)
{
	struct buffer *in = &session->client_in;
	SSL *ssl = session->router->config->tls_server
			   ? tls_server_session(session->router->config->tls_server)
			   : NULL;

	if (!ssl) {
		session_malformed(session, "TLS is asked for, and was not offered");
		return;
	}
	session->phase = SESSION_SECURING;
	if (stream_start_tls(&session->client, ssl, buffer_data(in), buffer_length(in))) {
		session_close(session);
		return;
	}
	buffer_put(&session->router->buffers, in);
}

void session_login_secured(struct session *session)
{
	session->phase = SESSION_GREETED;
	stream_want(&session->client, STREAM_READABLE);
}

void session_login_change(struct session *session, const uint8_t *payload, size_t size)
{
	struct handshake_reply reply;

	if (handshake_change_user_read(payload, size, session->capabilities, &reply)) {
		session_malformed(session, "COM_CHANGE_USER");
		return;
	}
	for (int i = 0; i < LEG_COUNT; i++)
		leg_close(&session->legs[i]);
	state_fini(&session->state);
	session->router->worker->gauges[GAUGE_PINNED] -= session->pinned;
	session->pinned = session->next_too = false;
	session->changes_user = true;
	/* The scramble stays that of the greeting: some clients know no other. */
	session->login = calloc(1, sizeof(*session->login));
	if (!session->login) {
		session_close(session);
		return;
	}
	if (!reply.charset)
		reply.charset = session->charset;
	session_deadline(session, session->router->config->limits.login_ms);
	take_identity(session, &reply);
}

/* --- packets ----------------------------------------------------------------------- */

static void take_packet(struct session *session, const uint8_t *payload, size_t size)
{
	if (session->phase == SESSION_PROVING)
		take_proof(session, (struct span){(const char *)payload, size});
	else if (!session->client.ssl && handshake_asks_for_tls(payload, size))
		start_tls(session);
	else
		take_reply(session, payload, size);
}

/* Takes the packet out before it is looked at: what is behind it may be TLS. */
static bool next_packet(struct session *session)
{
	struct buffer *in = &session->client_in;
	const uint8_t *data = (const uint8_t *)buffer_data(in);
	size_t held = buffer_length(in);
	uint8_t payload[8192];
	uint32_t length;

	if (held < PACKET_HEADER_BYTES)
		return false;
	length = packet_length(data);
	session->sequence = (uint8_t)(packet_sequence(data) + 1);
	if (length > sizeof(payload)) {
		session_malformed(session, "too long before login");
		return false;
	}
	if (held < PACKET_HEADER_BYTES + length)
		return false;
	memcpy(payload, data + PACKET_HEADER_BYTES, length);
	buffer_consume(in, PACKET_HEADER_BYTES + length);
	take_packet(session, payload, length);
	OPENSSL_cleanse(payload, sizeof(payload));
	return true;
}

void session_login_input(struct session *session)
{
	int err = session_read(session);

	if (err == -EAGAIN)
		return;
	if (err) {
		router_count(session->router, COUNTER_REFUSED_GONE);
		session_close(session);
		return;
	}
	while ((session->phase == SESSION_GREETED || session->phase == SESSION_PROVING) &&
	       next_packet(session))
		;
	if (session->phase != SESSION_CLOSED)
		session_release_buffers(session);
}

/* --- the end ----------------------------------------------------------------------- */

void session_login_entered(struct session *session)
{
	session_login_free(session);
	session->phase = SESSION_IDLE;
	if (!session->changes_user)
		router_count(session->router, COUNTER_SESSIONS);
	session->changes_user = false;
	session_put_ok(session);
	if (session->phase == SESSION_CLOSED)
		return;
	session_at_ease(session);
	session_input(session);
}

void session_login_failed(struct session *session, const struct failure *failure)
{
	router_count(session->router, COUNTER_REFUSED_SERVER);
	session_refuse(session, failure->code, failure->state, "%s", failure->text);
}
