/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A client's command: what it is about, where it goes, and what the router
 * answers by itself. Commands come whole, or, if they are larger than a buffer,
 * are judged by their beginning and streamed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "protocol.h"
#include "result.h"
#include "session.h"

/* --- what the router answers ------------------------------------------------------- */

void session_answer_error(struct session *session, enum mysql_counter reason, uint16_t code,
			  const char *text)
{
	struct failure failure;

	router_count(session->router, reason);
	failure_set(&failure, code, code == ERROR_UNKNOWN_COMMAND ? "08S01" : "HY000",
		    "sluice-mysql: %s", text);
	session_command_failed(session, &failure);
}

static void answer_ok(struct session *session)
{
	router_count(session->router, COUNTER_QUERIES_LOCAL);
	session->sequence = 1;
	session_put_ok(session);
	session_command_done(session);
}

void session_answer_nothing(struct session *session)
{
	router_count(session->router, COUNTER_QUERIES_LOCAL);
	session_command_done(session);
}

/* COM_SET_OPTION is answered by an EOF, or the OK that stands for it. */
static void answer_eof(struct session *session)
{
	uint8_t bytes[16];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));
	uint8_t *packet = wire_packet_begin(&writer);
	bool is_ok = session->capabilities & CAPABILITY_DEPRECATE_EOF;

	wire_put_u8(&writer, MARKER_EOF);
	wire_put_u16(&writer, 0); /* affected rows and insert id, or warnings */
	wire_put_u16(&writer, STATUS_AUTOCOMMIT);
	if (is_ok)
		wire_put_u16(&writer, 0);
	wire_packet_end(&writer, packet, 1);
	router_count(session->router, COUNTER_QUERIES_LOCAL);
	session_put(session, bytes, wire_written(&writer));
	session_command_done(session);
}

/* --- what servers answer ----------------------------------------------------------- */

static void run(struct session *session, enum answer_kind answer)
{
	session->command.answer = (uint8_t)answer;
	session->phase = SESSION_READYING;
	session_make_ready(session);
}

void session_run_on(struct session *session, enum leg_role leg, enum answer_kind answer)
{
	session->command.leg = (uint8_t)leg;
	run(session, answer);
}

static void run_by_route(struct session *session, enum statement_route route,
			 enum answer_kind answer)
{
	session->command.statement = (struct statement){.route = (uint8_t)route};
	session_run_on(session, session_route(session, &session->command.statement), answer);
}

/*
 * Puts another payload in the place of the command's, which is whole; what the
 * client has sent behind it stays. -ENOBUFS: no room.
 */
static int replace_command(struct session *session, const void *payload, size_t length)
{
	struct buffer *in = &session->client_in;
	size_t old = session->command.whole, new = PACKET_HEADER_BYTES + length;
	size_t behind = buffer_length(in) - old;
	char *data;

	if (in->start)
		buffer_compact(in);
	if (new + behind > BUFFER_SIZE)
		return -ENOBUFS;
	data = buffer_data(in);
	memmove(data + new, data + old, behind);
	packet_set_length((uint8_t *)data, (uint32_t)length);
	memcpy(data + PACKET_HEADER_BYTES, payload, length);
	in->end = in->start + (uint32_t)(new + behind);
	session->command.whole = (uint32_t) new;
	return 0;
}

/* On the server at a place of the board, which need not be one that reads go to. */
static void run_at(struct session *session, unsigned place)
{
	const struct router *router = session->router;
	int server = 0, count = (int)router->config->server_count;

	while (server < count && router->config->servers[server].board != place)
		server++;
	if (server == count) {
		session_answer_error(
			session, COUNTER_ERRORS_COMMAND, ERROR_NO_SUCH_THREAD,
			"that connection is on a server which is no longer configured");
		return;
	}
	session->command.wanted_server = (int8_t)server;
	session_run_on(session,
		       cluster_primary(router->board, router->config) == server ? LEG_PRIMARY
										: LEG_REPLICA,
		       ANSWER_RESULTS);
}

/* --- queries ----------------------------------------------------------------------- */

/*
 * KILL of a connection that the router has told of: the text is replaced by one
 * that names the server's own number. Numbers of servers go to the primary as they are.
 */
static void run_kill(struct session *session)
{
	const struct statement *statement = &session->command.statement;
	struct router *router = session->router;
	unsigned place;
	uint32_t thread;
	char text[64];
	int length;

	session->command.leg = LEG_PRIMARY;
	if (!(statement->target & CLUSTER_SESSION_BIT) || statement->target > UINT32_MAX) {
		run(session, ANSWER_RESULTS);
		return;
	}
	if (cluster_session_find(router->board, (uint32_t)statement->target, &place, &thread)) {
		struct failure failure;

		failure_set(&failure, ERROR_NO_SUCH_THREAD, "HY000", "Unknown thread id: %" PRIu64,
			    statement->target);
		session_command_failed(session, &failure);
		return;
	}
	if (!(statement->flags & STATEMENT_KILL_QUERY))
		cluster_session_condemn(router->board, (uint32_t)statement->target);
	length = snprintf(text, sizeof(text), "xKILL %s %" PRIu32,
			  statement->flags & STATEMENT_KILL_QUERY ? "QUERY" : "CONNECTION", thread);
	text[0] = COMMAND_QUERY;
	if (replace_command(session, text, (size_t)length))
		session_close(session);
	else
		run_at(session, place);
}

static void run_query(struct session *session, struct request request)
{
	struct command *command = &session->command;
	struct span text = {(char *)request.payload + 1, request.size - 1};

	command->statement = statement_classify(text, !request.whole);
	if (session->unsafe && command->statement.route != STATEMENT_KILL) {
		command->statement.route = STATEMENT_PRIMARY;
		command->statement.flags |= STATEMENT_PINS;
	}
	command->may_retry = request.whole && command->statement.route == STATEMENT_READ;
	if (command->statement.route == STATEMENT_KILL) {
		run_kill(session);
		return;
	}
	session_run_on(session, session_route(session, &command->statement), ANSWER_RESULTS);
}

/* --- of the connection ------------------------------------------------------------- */

/* Other servers get a new connection, which has no state; the primary resets its own. */
static void run_reset(struct session *session)
{
	leg_close(&session->legs[LEG_REPLICA]);
	session_run_on(session, LEG_PRIMARY, ANSWER_RESULTS);
}

static void run_option(struct session *session, struct request request)
{
	if (request.size != 3 || request.payload[2] || request.payload[1] > 1) {
		session_answer_error(session, COUNTER_ERRORS_COMMAND, ERROR_UNKNOWN_COMMAND,
				     "unknown option");
		return;
	}
	if (request.payload[1])
		session->capabilities &= ~(uint32_t)CAPABILITY_MULTI_STATEMENTS;
	else
		session->capabilities |= CAPABILITY_MULTI_STATEMENTS;
	answer_eof(session);
}

/* With a connection to the primary it is kept alive, too. */
static void run_ping(struct session *session)
{
	if (session->legs[LEG_PRIMARY].phase == LEG_IDLE)
		session_run_on(session, LEG_PRIMARY, ANSWER_RESULTS);
	else
		answer_ok(session);
}

static void run_process_kill(struct session *session, struct request request)
{
	struct wire_reader reader = wire_reader(request.payload + 1, request.size - 1);

	session->command.statement =
		(struct statement){.route = STATEMENT_KILL, .target = wire_u32(&reader)};
	if (reader.bad)
		session_malformed(session, "COM_PROCESS_KILL");
	else
		run_kill(session);
}

/* What follows is a login, whose packets come through the same buffer. */
static void run_change_user(struct session *session, struct request request)
{
	uint8_t payload[4096];

	if (request.size > sizeof(payload)) {
		session_malformed(session, "COM_CHANGE_USER");
		return;
	}
	memcpy(payload, request.payload, request.size);
	buffer_consume(&session->client_in, session->command.whole);
	session->command.whole = 0;
	session_login_change(session, payload, request.size);
}

/* --- by command -------------------------------------------------------------------- */

static void dispatch(struct session *session, struct request request)
{
	switch (request.payload[0]) {
	case COMMAND_QUERY:
		run_query(session, request);
		break;
	case COMMAND_STMT_PREPARE:
		session_prepare(session, request);
		break;
	case COMMAND_STMT_EXECUTE:
	case COMMAND_STMT_SEND_LONG_DATA:
	case COMMAND_STMT_CLOSE:
	case COMMAND_STMT_RESET:
	case COMMAND_STMT_FETCH:
		session_run_prepared(session, request);
		break;
	case COMMAND_INIT_DB:
		run_by_route(session, STATEMENT_ALL, ANSWER_RESULTS);
		break;
	case COMMAND_FIELD_LIST:
		run_by_route(session, STATEMENT_READ, ANSWER_ROWS);
		break;
	case COMMAND_STATISTICS:
		run_by_route(session, STATEMENT_PRIMARY, ANSWER_TEXT);
		break;
	case COMMAND_PROCESS_INFO:
	case COMMAND_DEBUG:
		run_by_route(session, STATEMENT_PRIMARY, ANSWER_RESULTS);
		break;
	case COMMAND_PING:
		run_ping(session);
		break;
	case COMMAND_RESET_CONNECTION:
		run_reset(session);
		break;
	case COMMAND_SET_OPTION:
		run_option(session, request);
		break;
	case COMMAND_PROCESS_KILL:
		run_process_kill(session, request);
		break;
	case COMMAND_CHANGE_USER:
		run_change_user(session, request);
		break;
	default:
		session_answer_error(session, COUNTER_ERRORS_COMMAND, ERROR_UNKNOWN_COMMAND,
				     "this command is not supported");
	}
}

/* Commands that are never longer than a buffer, but for those with text or parameters. */
static bool may_stream(uint8_t code)
{
	return code == COMMAND_QUERY || code == COMMAND_STMT_PREPARE ||
	       code == COMMAND_STMT_EXECUTE || code == COMMAND_STMT_SEND_LONG_DATA;
}

static void begin(struct session *session, uint32_t length, bool whole)
{
	uint8_t *payload = (uint8_t *)buffer_data(&session->client_in) + PACKET_HEADER_BYTES;
	size_t held = buffer_length(&session->client_in) - PACKET_HEADER_BYTES;

	session->sequence = 1;
	session->commands++;
	session->command = (struct command){
		.code = payload[0],
		.whole = whole ? length + PACKET_HEADER_BYTES : 0,
		.failed_server = CLUSTER_NO_SERVER,
		.wanted_server = CLUSTER_NO_SERVER,
	};
	if (!whole && !may_stream(payload[0]))
		session_malformed(session, "a command of this kind is never so long");
	else if (payload[0] == COMMAND_QUIT)
		session_close(session);
	else
		dispatch(session, (struct request){payload, whole ? length : held, whole});
}

/* Takes the next command if it is there. False: more bytes must come, or the session is busy. */
static bool next_command(struct session *session)
{
	struct buffer *in = &session->client_in;
	const uint8_t *header = (const uint8_t *)buffer_data(in);
	size_t held = buffer_length(in);
	uint32_t length;

	if (held < PACKET_HEADER_BYTES)
		return false;
	length = packet_length(header);
	if (packet_sequence(header) != 0 || !length) {
		session_malformed(session, length ? "out of order" : "an empty command");
		return false;
	}
	if (length + PACKET_HEADER_BYTES <= BUFFER_SIZE) {
		if (held < length + PACKET_HEADER_BYTES)
			return false;
		begin(session, length, true);
		return true;
	}
	if (in->start || held < BUFFER_SIZE)
		return false;
	begin(session, length, false);
	return true;
}

void session_input(struct session *session)
{
	int err = 0;

	while (session->phase == SESSION_IDLE) {
		if (session->client_in.base && next_command(session))
			continue;
		if (session->phase != SESSION_IDLE)
			break;
		if (session->client_in.start)
			buffer_compact(&session->client_in);
		err = session_read(session);
		if (err)
			break;
	}
	if (session->phase != SESSION_IDLE)
		return;
	if (err != -EAGAIN) {
		session_close(session);
		return;
	}
	if (buffer_length(&session->client_in) && !session->hurried)
		session_deadline(session, session->router->config->limits.stall_ms);
	session_release_buffers(session);
}

/* --- the end of a command ---------------------------------------------------------- */

/* The router ends: a client between its transactions is not kept from finding another. */
static bool is_to_leave(const struct session *session)
{
	enum leg_role bound;

	return session->router->ends && !session_is_bound(session, &bound);
}

void session_command_done(struct session *session)
{
	struct command *command = &session->command;

	if (session->phase == SESSION_CLOSED || session->phase == SESSION_LEAVING)
		return;
	if (command->whole && session->client_in.base)
		buffer_consume(&session->client_in, command->whole);
	command->whole = 0;
	command->prepared = NULL;
	session->phase = SESSION_IDLE;
	session_listen(session);
	if (is_to_leave(session)) {
		session_close(session);
		return;
	}
	session_at_ease(session);
	if (buffer_length(&session->client_in))
		loop_post(router_loop(session->router), &session->again);
	else
		session_release_buffers(session);
}

void session_command_failed(struct session *session, const struct failure *failure)
{
	bool streams = !session->command.whole;

	if (session->command.has_no_answer && !streams) {
		session_command_done(session);
		return;
	}
	/* The rest of a command that streams will not be read. */
	if (streams) {
		session_refuse(session, failure->code, failure->state, "%s", failure->text);
		return;
	}
	session->sequence = 1;
	session_put_error(session, failure);
	session_command_done(session);
}
