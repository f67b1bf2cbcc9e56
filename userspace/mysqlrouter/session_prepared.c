/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Prepared statements: the client knows them by numbers of the router's. They
 * are prepared on the primary when the client asks for it, and on a replica when
 * they are first executed there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "session.h"

#define EXECUTE_HEAD 10 /* command, id, flags, iterations */

void session_prepare(struct session *session, struct request request)
{
	struct command *command = &session->command;
	struct span text = {(char *)request.payload + 1, request.size - 1};
	struct statement statement = statement_classify(text, !request.whole);
	struct prepared *prepared = state_prepare(&session->state, text, request.whole,
						  session->router->config->limits.statements);

	if (!prepared) {
		session_answer_error(session, COUNTER_ERRORS_LIMIT, ERROR_TOO_MANY_STATEMENTS,
				     "too many prepared statements");
		return;
	}
	/* What is not kept cannot be prepared on another server. */
	if (session->unsafe || !prepared->text || statement.flags & STATEMENT_NEXT_TOO)
		statement.route = STATEMENT_PRIMARY;
	prepared->route = statement.route == STATEMENT_READ ? STATEMENT_READ : STATEMENT_PRIMARY;
	prepared->flags = statement.route == STATEMENT_ALL || statement.flags & STATEMENT_PINS
				  ? STATEMENT_PINS
				  : 0;
	command->prepared = prepared;
	command->may_retry = false;
	session_run_on(session, LEG_PRIMARY, ANSWER_PREPARE);
}

/* Keeps the parameters' types, which clients send only when they have changed. */
static bool note_types(struct prepared *prepared, const uint8_t *payload, size_t size)
{
	size_t nulls = (prepared->parameters + 7u) / 8;
	size_t types = 2u * prepared->parameters;

	if (!prepared->parameters)
		return true;
	if (size < EXECUTE_HEAD + nulls + 1)
		return false;
	if (payload[EXECUTE_HEAD + nulls] != 1)
		return true;
	if (size < EXECUTE_HEAD + nulls + 1 + types)
		return false;
	if (!prepared->types)
		prepared->types = malloc(types);
	if (!prepared->types)
		return false;
	memcpy(prepared->types, payload + EXECUTE_HEAD + nulls + 1, types);
	prepared->types_version++;
	return true;
}

static enum leg_role leg_of_execution(struct session *session, const struct prepared *prepared)
{
	struct statement *statement = &session->command.statement;

	*statement = (struct statement){.route = prepared->route, .flags = prepared->flags};
	if (prepared->has_long_data)
		return LEG_PRIMARY;
	return session_route(session, statement);
}

static void run_execute(struct session *session, struct request request, struct prepared *prepared)
{
	struct command *command = &session->command;
	bool wants_cursor = request.size > 5 && request.payload[5];

	if (request.size < EXECUTE_HEAD || !note_types(prepared, request.payload, request.size)) {
		session_malformed(session, "COM_STMT_EXECUTE");
		return;
	}
	command->leg = (uint8_t)leg_of_execution(session, prepared);
	command->may_retry =
		request.whole && prepared->route == STATEMENT_READ && !prepared->has_long_data;
	prepared->has_cursor = wants_cursor;
	prepared->has_long_data = false;
	session_run_on(session, command->leg, wants_cursor ? ANSWER_CURSOR : ANSWER_RESULTS);
}

/* Sent to wherever the statement is known, without an answer. */
static void close_statement(struct session *session, struct prepared *prepared)
{
	for (int i = 0; i < LEG_COUNT; i++) {
		struct leg *leg = &session->legs[i];
		uint8_t bytes[PACKET_HEADER_BYTES + 5];
		struct wire_writer writer = wire_writer(bytes, sizeof(bytes));
		uint8_t *packet = wire_packet_begin(&writer);

		if (leg->phase != LEG_IDLE || prepared->on[i].connection != leg->number)
			continue;
		wire_put_u8(&writer, COMMAND_STMT_CLOSE);
		wire_put_u32(&writer, prepared->on[i].id);
		wire_packet_end(&writer, packet, 0);
		leg_send(leg, bytes, wire_written(&writer));
	}
	state_close_prepared(&session->state, prepared);
	session_answer_nothing(session);
}

static void run_long_data(struct session *session, struct prepared *prepared)
{
	prepared->has_long_data = true;
	session->command.has_no_answer = true;
	session_run_on(session, LEG_PRIMARY, ANSWER_RESULTS);
}

static void unknown_statement(struct session *session, uint8_t code, uint32_t id)
{
	char text[64];

	if (code == COMMAND_STMT_CLOSE || code == COMMAND_STMT_SEND_LONG_DATA) {
		session->command.has_no_answer = true;
		session_answer_nothing(session);
		return;
	}
	snprintf(text, sizeof(text), "unknown prepared statement %" PRIu32, id);
	session_answer_error(session, COUNTER_ERRORS_COMMAND, ERROR_UNKNOWN_STATEMENT, text);
}

void session_run_prepared(struct session *session, struct request request)
{
	struct wire_reader reader = wire_reader(request.payload + 1, request.size - 1);
	uint32_t id = wire_u32(&reader);
	struct prepared *prepared = state_find_prepared(&session->state, id);

	if (reader.bad) {
		session_malformed(session, "a statement's id");
		return;
	}
	session->command.prepared = prepared;
	if (!prepared) {
		unknown_statement(session, request.payload[0], id);
		return;
	}
	switch (request.payload[0]) {
	case COMMAND_STMT_EXECUTE:
		run_execute(session, request, prepared);
		break;
	case COMMAND_STMT_SEND_LONG_DATA:
		run_long_data(session, prepared);
		break;
	case COMMAND_STMT_CLOSE:
		close_statement(session, prepared);
		break;
	case COMMAND_STMT_FETCH:
		session_run_on(session, prepared->last_leg, ANSWER_ROWS);
		break;
	case COMMAND_STMT_RESET:
		session_run_on(session, prepared->has_long_data ? LEG_PRIMARY : prepared->last_leg,
			       ANSWER_RESULTS);
		prepared->has_long_data = prepared->has_cursor = false;
		break;
	}
}
