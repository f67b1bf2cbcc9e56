/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "answer.h"

#include <errno.h>

#include "protocol.h"
#include "result.h"
#include "wire.h"

#define EOF_MAX_BYTES 8 /* a row that begins with 0xfe is longer */

enum phase {
	PHASE_FIRST,	   /* OK, ERR, local file, or the number of columns */
	PHASE_DEFINITIONS, /* of columns */
	PHASE_DEFINITIONS_END,
	PHASE_ROWS,
	PHASE_PREPARED, /* the head of a prepared statement */
	PHASE_PARAMETERS,
	PHASE_PARAMETERS_END,
	PHASE_COLUMNS,
	PHASE_COLUMNS_END,
	PHASE_TEXT,
};

void answer_begin(struct answer *answer, enum answer_kind kind, uint32_t capabilities,
		  uint8_t sequence)
{
	static const uint8_t first[] = {
		[ANSWER_RESULTS] = PHASE_FIRST, [ANSWER_CURSOR] = PHASE_FIRST,
		[ANSWER_ROWS] = PHASE_ROWS,	[ANSWER_PREPARE] = PHASE_PREPARED,
		[ANSWER_TEXT] = PHASE_TEXT,
	};

	*answer = (struct answer){.capabilities = capabilities,
				  .kind = (uint8_t)kind,
				  .phase = first[kind],
				  .sequence = sequence};
}

void answer_resume(struct answer *answer, uint8_t client_sequence)
{
	answer->sequence = (uint8_t)(client_sequence + 1);
}

bool answer_at_boundary(const struct answer *answer)
{
	return !answer->skip && !answer->continued;
}

static bool ends_without_eof(const struct answer *answer)
{
	return answer->capabilities & CAPABILITY_DEPRECATE_EOF;
}

/* --- which packets must be understood ---------------------------------------------- */

static bool is_end_of_rows(const struct answer *answer, uint8_t marker, uint32_t length)
{
	if (marker != MARKER_EOF)
		return false;
	return ends_without_eof(answer) ? length < PACKET_MAX_PAYLOAD : length <= EOF_MAX_BYTES;
}

/* Whether the packet that begins with `marker` must be handed out or decided upon. */
static bool is_of_interest(const struct answer *answer, uint8_t marker, uint32_t length)
{
	switch (answer->phase) {
	case PHASE_DEFINITIONS:
	case PHASE_PARAMETERS:
	case PHASE_COLUMNS:
		return marker == MARKER_ERROR;
	case PHASE_ROWS:
		return marker == MARKER_ERROR || is_end_of_rows(answer, marker, length);
	default:
		return true;
	}
}

/* --- steps ------------------------------------------------------------------------- */

static void end_of_results(struct answer *answer, uint16_t status)
{
	answer->status = status;
	answer->phase = PHASE_FIRST;
	answer->done = !(status & STATUS_MORE_RESULTS) || answer->kind == ANSWER_ROWS;
}

static int take_error(struct answer *answer, struct answer_packet *packet)
{
	packet->kind = ANSWER_PACKET_ERROR;
	answer->done = true;
	return 1;
}

static int take_ok(struct answer *answer, struct answer_packet *packet)
{
	struct result_ok ok;

	if (result_ok_read(packet->payload, packet->size, answer->capabilities, &ok))
		return -EBADMSG;
	packet->kind = ANSWER_PACKET_OK;
	end_of_results(answer, ok.status);
	return 1;
}

/* At the end of rows, or in answer to a command that has neither rows nor OK. */
static int take_eof(struct answer *answer, struct answer_packet *packet)
{
	if (ends_without_eof(answer) && packet->size > 5)
		return take_ok(answer, packet);
	if (packet->size != 5 && packet->size != 1)
		return -EBADMSG;
	packet->kind = ANSWER_PACKET_EOF;
	end_of_results(answer, packet->size == 5 ? result_eof_status(packet->payload, 5) : 0);
	return 1;
}

static int take_column_count(struct answer *answer, const struct answer_packet *packet)
{
	struct wire_reader reader = wire_reader(packet->payload, packet->size);

	answer->definitions = wire_lenenc(&reader);
	if (reader.bad || wire_left(&reader) || !answer->definitions)
		return -EBADMSG;
	answer->phase = PHASE_DEFINITIONS;
	return 0;
}

static int take_first(struct answer *answer, struct answer_packet *packet)
{
	switch (packet->payload[0]) {
	case MARKER_OK:
		return take_ok(answer, packet);
	case MARKER_ERROR:
		return take_error(answer, packet);
	case MARKER_EOF:
		return take_eof(answer, packet);
	case MARKER_LOCAL_INFILE:
		packet->kind = ANSWER_PACKET_LOCAL_INFILE;
		return 1;
	default:
		return take_column_count(answer, packet);
	}
}

/* With a cursor open, rows come by COM_STMT_FETCH. */
static int take_definitions_end(struct answer *answer, struct answer_packet *packet)
{
	if (packet->payload[0] != MARKER_EOF || packet->size != 5)
		return -EBADMSG;
	packet->kind = ANSWER_PACKET_EOF;
	answer->status = result_eof_status(packet->payload, 5);
	answer->phase = PHASE_ROWS;
	answer->done = answer->kind == ANSWER_CURSOR && answer->status & STATUS_CURSOR_EXISTS;
	return 1;
}

static void next_of_prepared(struct answer *answer)
{
	if (answer->phase <= PHASE_PARAMETERS_END && answer->columns_after) {
		answer->definitions = answer->columns_after;
		answer->phase = PHASE_COLUMNS;
	} else {
		answer->done = true;
	}
}

static int take_prepared(struct answer *answer, struct answer_packet *packet)
{
	struct wire_reader reader = wire_reader(packet->payload, packet->size);

	if (packet->payload[0] == MARKER_ERROR)
		return take_error(answer, packet);
	if (wire_u8(&reader) != MARKER_OK)
		return -EBADMSG;
	wire_u32(&reader);
	answer->columns_after = wire_u16(&reader);
	answer->definitions = wire_u16(&reader);
	if (reader.bad)
		return -EBADMSG;
	packet->kind = ANSWER_PACKET_PREPARED;
	answer->phase = PHASE_PARAMETERS;
	if (!answer->definitions)
		next_of_prepared(answer);
	return 1;
}

static int take_prepared_end(struct answer *answer, const struct answer_packet *packet)
{
	if (packet->payload[0] != MARKER_EOF)
		return -EBADMSG;
	next_of_prepared(answer);
	return 0;
}

static int take_text(struct answer *answer, struct answer_packet *packet)
{
	if (packet->payload[0] == MARKER_ERROR)
		return take_error(answer, packet);
	packet->kind = ANSWER_PACKET_TEXT;
	answer->done = true;
	return 1;
}

/* A whole packet that is of interest: 1 to hand it out, 0 if it was enough to see it. */
static int take(struct answer *answer, struct answer_packet *packet)
{
	switch (answer->phase) {
	case PHASE_FIRST:
		return take_first(answer, packet);
	case PHASE_DEFINITIONS_END:
		return take_definitions_end(answer, packet);
	case PHASE_ROWS:
		if (packet->payload[0] == MARKER_EOF)
			return take_eof(answer, packet);
		break;
	case PHASE_PREPARED:
		return take_prepared(answer, packet);
	case PHASE_PARAMETERS_END:
	case PHASE_COLUMNS_END:
		return take_prepared_end(answer, packet);
	case PHASE_TEXT:
		return take_text(answer, packet);
	}
	return take_error(answer, packet);
}

/* A definition has passed whole. */
static void count_definition(struct answer *answer)
{
	if (answer->phase != PHASE_DEFINITIONS && answer->phase != PHASE_PARAMETERS &&
	    answer->phase != PHASE_COLUMNS)
		return;
	if (--answer->definitions)
		return;
	if (!ends_without_eof(answer))
		answer->phase++; /* to its _END */
	else if (answer->phase == PHASE_DEFINITIONS)
		answer->phase = PHASE_ROWS;
	else
		next_of_prepared(answer);
}

/* --- bytes ------------------------------------------------------------------------- */

/* The rest of a packet that nobody has to look at. */
static size_t skip_some(struct answer *answer, size_t size)
{
	size_t skipped = size < answer->skip ? size : answer->skip;

	answer->skip -= (uint32_t)skipped;
	if (!answer->skip && !answer->continued)
		count_definition(answer);
	return skipped;
}

static void skip_begin(struct answer *answer, uint32_t length)
{
	answer->sequence++;
	answer->begun = true;
	answer->continued = length == PACKET_MAX_PAYLOAD;
	answer->skip = length;
	if (!length && !answer->continued)
		count_definition(answer);
}

/* 1: handed out; 0: go on, *used bytes are behind us; -EAGAIN: more bytes must come. */
static int step(struct answer *answer, uint8_t *data, size_t size, size_t limit, size_t *used,
		struct answer_packet *packet)
{
	uint32_t length;
	int found;

	*used = 0;
	if (size < PACKET_HEADER_BYTES)
		return -EAGAIN;
	length = packet_length(data);
	if (packet_sequence(data) != answer->sequence || (!length && !answer->continued))
		return -EBADMSG;
	if (!answer->continued && size == PACKET_HEADER_BYTES)
		return -EAGAIN;
	if (answer->continued || !is_of_interest(answer, data[PACKET_HEADER_BYTES], length)) {
		*used = PACKET_HEADER_BYTES;
		skip_begin(answer, length);
		return 0;
	}
	if (length + PACKET_HEADER_BYTES > limit)
		return -EMSGSIZE;
	if (size < length + PACKET_HEADER_BYTES)
		return -EAGAIN;
	*packet = (struct answer_packet){.payload = data + PACKET_HEADER_BYTES, .size = length};
	answer->sequence++;
	answer->begun = true;
	found = take(answer, packet);
	if (!found)
		*used = PACKET_HEADER_BYTES + length;
	return found;
}

int answer_follow(struct answer *answer, uint8_t *data, size_t size, size_t limit, size_t *passed,
		  struct answer_packet *packet)
{
	size_t used;
	int found;

	*passed = 0;
	while (!answer->done) {
		if (answer->skip) {
			*passed += skip_some(answer, size - *passed);
			if (answer->skip)
				return 0;
			continue;
		}
		found = step(answer, data + *passed, size - *passed, limit, &used, packet);
		*passed += used;
		if (found)
			return found == -EAGAIN ? 0 : found;
	}
	return 0;
}
