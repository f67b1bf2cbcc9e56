/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What answers say of the session: its transaction, schema, settings, writes,
 * and state that only its server knows of.
 */
#include <string.h>

#include "protocol.h"
#include "result.h"
#include "session.h"
#include "statement_words.h"

#define EXECUTE_PREFIX 16 /* header, fixed part, flag, and a byte of NULLs that is begun */

static void note_variable(struct session *session, const struct leg *leg,
			  const struct result_track *track)
{
	if (span_is(track->name, "last_gtid"))
		state_add_written(&session->state, leg->flavour, track->value);
	else if (span_is(track->name, "character_set_client"))
		session->unsafe |= (word_properties(track->value) & WORD_UNSAFE) != 0;
}

static void note_change(struct session *session, struct leg *leg, const struct result_track *track)
{
	bool recorded = session->command.statement.route == STATEMENT_ALL;

	switch (track->type) {
	case TRACK_SYSTEM_VARIABLES:
		note_variable(session, leg, track);
		break;
	case TRACK_SCHEMA:
		if (state_set_schema(&session->state, track->value))
			session_pin(session);
		leg->schema = session->state.schema_version;
		break;
	case TRACK_STATE_CHANGE:
		if (!recorded && span_is(track->value, "1"))
			session_pin(session);
		break;
	case TRACK_GTIDS:
		state_add_written(&session->state, leg->flavour, track->value);
		break;
	}
}

void session_note_status(struct session *session, struct leg *leg, uint16_t status)
{
	leg->status = status;
	session->command.succeeded = true;
	if (status & STATUS_NO_BACKSLASH_ESCAPES)
		session->unsafe = true;
}

size_t session_note_ok(struct session *session, struct leg *leg, struct answer_packet *packet)
{
	struct result_track track;
	struct result_ok ok;

	session_note_status(session, leg, session->answer.status);
	if (result_ok_read(packet->payload, packet->size, leg->capabilities, &ok))
		return packet->size;
	while (result_track_next(&ok.state, &track))
		note_change(session, leg, &track);
	return result_ok_narrow(packet->payload, packet->size, leg->capabilities,
				session->capabilities & CAPABILITY_SESSION_TRACK);
}

void session_note_prepared(struct session *session, struct leg *leg,
			   const struct answer_packet *packet)
{
	struct wire_reader reader = wire_reader(packet->payload + 1, packet->size - 1);
	struct prepared *prepared = session->command.prepared;
	unsigned role = session->command.leg;

	prepared->on[role].connection = leg->number;
	prepared->on[role].id = wire_u32(&reader);
	prepared->on[role].types_version = 0;
	wire_u16(&reader);
	prepared->parameters = wire_u16(&reader);
	/* With so many, types cannot be told to another server. */
	if (EXECUTE_PREFIX + prepared->parameters * 17u / 8 > SESSION_MAX_TYPES_BYTES)
		prepared->route = STATEMENT_PRIMARY;
	packet_set_u32(packet->payload + 1, prepared->id);
	session->command.succeeded = true;
}

/* --- commands that were carried out ------------------------------------------------ */

static void remember_settings(struct session *session, struct leg *leg)
{
	const struct statement *statement = &session->command.statement;
	const struct command *command = &session->command;
	const char *payload = buffer_data(&session->client_in) + PACKET_HEADER_BYTES;
	struct span text = {payload + 1, command->whole - PACKET_HEADER_BYTES - 1};
	bool was_current = leg->settings == session->state.settings_version;

	if (state_add_setting(&session->state, statement->sets,
			      statement->flags & STATEMENT_SETS_RELATIVE, text))
		session_pin(session);
	else if (was_current)
		leg->settings = session->state.settings_version;
}

static void remember_schema(struct session *session, struct leg *leg)
{
	const char *payload = buffer_data(&session->client_in) + PACKET_HEADER_BYTES;
	size_t length = session->command.whole - PACKET_HEADER_BYTES;

	if (state_set_schema(&session->state, (struct span){payload + 1, length - 1}))
		session_pin(session);
	leg->schema = session->state.schema_version;
}

/* The connection is as after login, but for its schema. */
static void forget_state(struct session *session, struct leg *leg)
{
	state_reset(&session->state);
	session->router->worker->gauges[GAUGE_PINNED] -= session->pinned;
	session->pinned = session->next_too = false;
	session_judge_text(session);
	leg->settings = session->state.settings_version;
	leg->tracks = leg->reports = false;
}

static bool is_untold_write(const struct session *session, const struct leg *leg)
{
	const struct command *command = &session->command;
	bool writes = command->code == COMMAND_QUERY || command->code == COMMAND_STMT_EXECUTE;

	return writes && command->leg == LEG_PRIMARY && !leg->reports &&
	       command->statement.route == STATEMENT_PRIMARY &&
	       !(command->statement.flags & STATEMENT_EMPTY);
}

void session_note_effects(struct session *session, struct leg *leg)
{
	const struct command *command = &session->command;
	uint8_t flags = command->statement.flags;

	if (flags & STATEMENT_PINS)
		session_pin(session);
	if (flags & STATEMENT_NEXT_TOO)
		session->next_too = true;
	if (flags & STATEMENT_SETS)
		remember_settings(session, leg);
	if (command->code == COMMAND_INIT_DB)
		remember_schema(session, leg);
	if (command->code == COMMAND_RESET_CONNECTION)
		forget_state(session, leg);
	if (is_untold_write(session, leg))
		session->state.untold_writes = true;
}
