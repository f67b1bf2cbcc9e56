/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The command on its way to the server, and the answer on its way back. Bytes go
 * from the buffer that they were read into to the other socket; only ids of
 * prepared statements and OK packets that tell more than the client may know are
 * changed, in place. Nobody is read from faster than the other side takes.
 */
#include <errno.h>
#include <string.h>

#include "protocol.h"
#include "result.h"
#include "session.h"

#define EXECUTE_HEAD 10

static struct leg *current_leg(struct session *session)
{
	return &session->legs[session->command.leg];
}

/* --- the command ------------------------------------------------------------------- */

static bool names_statement(uint8_t code)
{
	return code == COMMAND_STMT_EXECUTE || code == COMMAND_STMT_FETCH ||
	       code == COMMAND_STMT_RESET || code == COMMAND_STMT_SEND_LONG_DATA;
}

/* The statement has the number that this server gave it. */
static void patch_statement(struct session *session)
{
	const struct command *command = &session->command;
	uint8_t *payload = (uint8_t *)buffer_data(&session->client_in) + PACKET_HEADER_BYTES;

	if (command->prepared && names_statement(command->code))
		packet_set_u32(payload + 1, command->prepared->on[command->leg].id);
}

static bool lacks_types(const struct session *session, const uint8_t *payload, size_t flag_at)
{
	const struct command *command = &session->command;
	const struct prepared *prepared = command->prepared;

	return payload[flag_at] == 0 && prepared->types &&
	       prepared->on[command->leg].types_version != prepared->types_version;
}

/*
 * A client tells the types of parameters once; a server that has not heard them
 * is told: up to the flag that types follow we send our own bytes. Returns how
 * many of the client's these stand for.
 */
static size_t send_types(struct session *session)
{
	struct prepared *prepared = session->command.prepared;
	uint8_t prefix[SESSION_MAX_TYPES_BYTES];
	const uint8_t *packet = (const uint8_t *)buffer_data(&session->client_in);
	size_t flag_at, end, types;

	if (session->command.code != COMMAND_STMT_EXECUTE || !prepared->parameters)
		return 0;
	flag_at = EXECUTE_HEAD + (prepared->parameters + 7u) / 8;
	end = PACKET_HEADER_BYTES + flag_at + 1;
	types = 2u * prepared->parameters;
	if (!lacks_types(session, packet + PACKET_HEADER_BYTES, flag_at)) {
		prepared->on[session->command.leg].types_version = prepared->types_version;
		return 0;
	}
	memcpy(prefix, packet, end);
	memcpy(prefix + end, prepared->types, types);
	prefix[end - 1] = 1;
	packet_set_length(prefix, packet_length(packet) + (uint32_t)types);
	leg_send(current_leg(session), prefix, end + types);
	prepared->on[session->command.leg].types_version = prepared->types_version;
	return end;
}

static void note_place(struct session *session, const struct leg *leg)
{
	cluster_session_set(session->router->board, session->id, leg_server(leg)->board,
			    leg->thread);
}

void session_run(struct session *session)
{
	struct command *command = &session->command;
	struct leg *leg = current_leg(session);
	size_t sent;

	session->phase = SESSION_RUNNING;
	session->last_leg = command->leg;
	session->ready = 0;
	command->relayed = command->succeeded = false;
	leg->phase = LEG_BUSY;
	note_place(session, leg);
	if (session->router->config->limits.query_ms)
		session_deadline(session, session->router->config->limits.query_ms);
	else
		session_at_ease(session);
	if (session->phase == SESSION_CLOSED)
		return;
	answer_begin(&session->answer, command->answer, leg->capabilities, 1);
	if (command->prepared && command->code != COMMAND_STMT_PREPARE) {
		command->prepared->last_leg = command->leg;
		patch_statement(session);
	}
	sent = command->prepared ? send_types(session) : 0;
	uplink_begin(&command->uplink, false, 0);
	if (command->whole) {
		command->sent = (uint32_t)sent;
	} else if (sent) {
		uplink_take(&command->uplink, buffer_data(&session->client_in), sent);
		buffer_consume(&session->client_in, sent);
	}
	session_push(session);
}

/* All has been sent: the answer begins, or none does. */
static void pushed(struct session *session)
{
	struct command *command = &session->command;
	struct leg *leg = current_leg(session);

	if (!command->whole)
		session->answer.sequence = command->uplink.packets;
	stream_want(&leg->stream, STREAM_READABLE);
	if (!command->has_no_answer)
		return;
	leg->phase = LEG_IDLE;
	session_command_done(session);
}

/* A command that is held; it stays, until its answer has come. */
static void push_whole(struct session *session)
{
	struct command *command = &session->command;
	struct leg *leg = current_leg(session);
	ssize_t sent;

	if (command->sent == command->whole)
		return;
	sent = buffer_length(&leg->out)
		       ? -EAGAIN
		       : stream_write(&leg->stream,
				      buffer_data(&session->client_in) + command->sent,
				      command->whole - command->sent);
	if (sent > 0)
		command->sent += (uint32_t)sent;
	else if (sent != -EAGAIN)
		return; /* the stream tells the loop that it has failed */
	if (command->sent == command->whole)
		pushed(session);
	else
		stream_want(&leg->stream, STREAM_READABLE | STREAM_WRITABLE);
}

/* The client has sent the last of its file. */
static void loaded(struct session *session)
{
	session->phase = SESSION_RUNNING;
	session_at_ease(session);
	answer_resume(&session->answer, (uint8_t)(session->command.uplink.packets - 1));
	stream_want(&current_leg(session)->stream, STREAM_READABLE);
}

/* 1: some bytes went; 0: no more can go now. */
static int push_some(struct session *session)
{
	struct uplink *uplink = &session->command.uplink, probe = *uplink;
	struct buffer *in = &session->client_in;
	struct leg *leg = current_leg(session);
	size_t length = uplink_take(&probe, buffer_data(in), buffer_length(in));
	ssize_t sent = buffer_length(&leg->out)
			       ? -EAGAIN
			       : stream_write(&leg->stream, buffer_data(in), length);

	if (sent <= 0) {
		if (sent == -EAGAIN) {
			stream_want(&leg->stream, STREAM_READABLE | STREAM_WRITABLE);
			stream_want(&session->client, 0);
		}
		return 0;
	}
	uplink_take(uplink, buffer_data(in), (size_t)sent);
	buffer_consume(in, (size_t)sent);
	return 1;
}

static void push_stream(struct session *session)
{
	struct uplink *uplink = &session->command.uplink;
	int err = 0;

	stream_want(&session->client, STREAM_READABLE);
	while (!uplink->ended) {
		if (!buffer_length(&session->client_in)) {
			err = session_read(session);
			if (err)
				break;
		}
		if (!push_some(session))
			return;
	}
	if (err == -EAGAIN) {
		session_deadline(session, session->router->config->limits.stall_ms);
		return;
	}
	if (err) {
		session_close(session);
		return;
	}
	if (session->phase == SESSION_LOADING)
		loaded(session);
	else
		pushed(session);
}

/* What the client sends while its command runs waits; that it leaves is noticed. */
static void look_at_client(struct session *session)
{
	int err = session_read(session);

	if (err == -ENOBUFS)
		stream_want(&session->client, session->ready ? STREAM_WRITABLE : 0);
	else if (err && err != -EAGAIN)
		session_close(session);
}

void session_push(struct session *session)
{
	struct command *command = &session->command;

	if (session->phase == SESSION_LOADING || (!command->whole && !command->uplink.ended))
		push_stream(session);
	else if (command->whole && command->sent < command->whole)
		push_whole(session);
	else
		look_at_client(session);
}

/* --- packets of the answer --------------------------------------------------------- */

/* The server is ending, which is as if it had: a read can be had elsewhere. */
static bool is_farewell(const struct session *session, const struct answer_packet *packet)
{
	struct result_error error;

	return session->command.may_retry && !session->command.retried &&
	       !session->command.relayed && !session->ready &&
	       !result_error_read(packet->payload, packet->size, &error) &&
	       error.code == ERROR_SERVER_SHUTDOWN;
}

/* What the client sends now is its file: the command makes way for it. */
static void begin_loading(struct session *session)
{
	session->phase = SESSION_LOADING;
	buffer_consume(&session->client_in, session->command.whole);
	session->command.whole = 0;
	uplink_begin(&session->command.uplink, true, session->answer.sequence);
}

/* A packet that has been found: false if the leg is gone for it. */
static bool take_packet(struct session *session, struct leg *leg, struct answer_packet *packet)
{
	size_t size = packet->size;

	switch (packet->kind) {
	case ANSWER_PACKET_OK:
		size = session_note_ok(session, leg, packet);
		break;
	case ANSWER_PACKET_EOF:
		session_note_status(session, leg, session->answer.status);
		break;
	case ANSWER_PACKET_PREPARED:
		session_note_prepared(session, leg, packet);
		break;
	case ANSWER_PACKET_LOCAL_INFILE:
		begin_loading(session);
		break;
	case ANSWER_PACKET_ERROR:
		if (is_farewell(session, packet)) {
			leg_fail(leg, ERROR_SERVER_SHUTDOWN, "the server is shutting down");
			return false;
		}
		break;
	case ANSWER_PACKET_TEXT:
		break;
	}
	if (size < packet->size) {
		uint8_t *end = packet->payload + packet->size;
		size_t behind = (size_t)((uint8_t *)buffer_tail(&leg->in) - end);

		memmove(packet->payload + size, end, behind);
		packet_set_length(packet->payload - PACKET_HEADER_BYTES, (uint32_t)size);
		leg->in.end -= (uint32_t)(packet->size - size);
	}
	session->ready += PACKET_HEADER_BYTES + (uint32_t)size;
	return true;
}

/* --- the answer -------------------------------------------------------------------- */

static void answered(struct session *session, struct leg *leg)
{
	struct command *command = &session->command;
	bool cut_short = !command->whole && !command->uplink.ended;

	leg->phase = LEG_IDLE;
	if (command->succeeded)
		session_note_effects(session, leg);
	else if (command->code == COMMAND_STMT_PREPARE)
		state_close_prepared(&session->state, command->prepared);
	if (cut_short) {
		/* An error came before the command was sent: nobody knows where it would end. */
		leg_close(leg);
		session_close(session);
		return;
	}
	buffer_put_if_empty(&session->router->buffers, &leg->in);
	session_command_done(session);
}

/* Finds what of the bytes at hand may go to the client. False: the leg is gone. */
static bool scan(struct session *session, struct leg *leg)
{
	struct answer *answer = &session->answer;
	struct answer_packet packet;
	size_t passed;
	int found = 1;

	while (found == 1 && !answer->done && session->phase == SESSION_RUNNING) {
		uint8_t *data = (uint8_t *)buffer_data(&leg->in) + session->ready;
		size_t length = buffer_length(&leg->in) - session->ready;

		/* An error may come before all of a long command is there; its number tells. */
		if (!session->command.whole && !session->command.uplink.ended &&
		    length >= PACKET_HEADER_BYTES && !answer->begun)
			answer->sequence = packet_sequence(data);
		found = answer_follow(answer, data, length, BUFFER_SIZE, &passed, &packet);
		session->ready += (uint32_t)passed;
		if (found == 1 && !take_packet(session, leg, &packet))
			return false;
	}
	if (found >= 0)
		return true;
	router_count(session->router, COUNTER_MALFORMED_SERVER);
	session->ready = 0;
	leg_fail(leg, ERROR_SERVER_SHUTDOWN, "its answer is not understood");
	return false;
}

/* 0: all that is ready is gone; -EAGAIN: the client takes no more; -EPIPE: it is gone. */
static int deliver(struct session *session, struct leg *leg)
{
	while (session->ready) {
		ssize_t sent = buffer_length(&session->client_out)
				       ? -EAGAIN
				       : stream_write(&session->client, buffer_data(&leg->in),
						      session->ready);

		if (sent == -EAGAIN)
			return -EAGAIN;
		if (sent < 0)
			return -EPIPE;
		session->command.relayed = true;
		buffer_consume(&leg->in, (size_t)sent);
		session->ready -= (uint32_t)sent;
	}
	return 0;
}

/* The client is waited for, and the server not read from. */
static void stall(struct session *session, struct leg *leg)
{
	stream_want(&session->client, STREAM_READABLE | STREAM_WRITABLE);
	stream_want(&leg->stream, 0);
	session_deadline(session, session->router->config->limits.stall_ms);
}

static void carry_on(struct session *session, struct leg *leg)
{
	stream_want(&leg->stream, STREAM_READABLE);
	if (session->hurried && !session->router->config->limits.query_ms)
		session_at_ease(session);
}

void session_pull(struct session *session)
{
	struct leg *leg = current_leg(session);
	int err = 0;

	carry_on(session, leg);
	while (session->phase == SESSION_RUNNING || session->ready) {
		err = deliver(session, leg);
		if (err == -EAGAIN) {
			stall(session, leg);
			return;
		}
		if (err) {
			session_close(session);
			return;
		}
		if (session->answer.done) {
			answered(session, leg);
			return;
		}
		if (session->phase != SESSION_RUNNING)
			break;
		err = leg_read(leg);
		if (err || !scan(session, leg))
			break;
	}
	if (session->phase == SESSION_LOADING)
		session_push(session);
	else if (err && err != -EAGAIN && session->phase == SESSION_RUNNING)
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "lost connection during the statement: %s",
			 err == -EPIPE ? "closed by the server" : strerror(-err));
}

/* --- answers that break off -------------------------------------------------------- */

void session_keep_answer(struct session *session)
{
	struct leg *leg = current_leg(session);

	if (!session->ready || session->client_out.base)
		return;
	session->client_out = leg->in;
	session->client_out.end = session->client_out.start + session->ready;
	leg->in = (struct buffer){};
}

void session_abort_answer(struct session *session, const struct failure *failure)
{
	session->ready = 0;
	if (!answer_at_boundary(&session->answer) || session->phase == SESSION_LOADING ||
	    session_has_state(session)) {
		session_close(session);
		return;
	}
	session->sequence = session->answer.sequence;
	if (session->client_out.base)
		buffer_compact(&session->client_out);
	session_put_error(session, failure);
	session_command_done(session);
}
