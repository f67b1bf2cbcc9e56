/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "result.h"

#include <errno.h>
#include <string.h>

#define ERROR_TEXT_MAX 512

/* Without CAPABILITY_SESSION_TRACK the info is whatever is left. */
int result_ok_read(const void *payload, size_t size, uint32_t capabilities, struct result_ok *ok)
{
	struct wire_reader reader = wire_reader(payload, size);

	*ok = (struct result_ok){.info = {"", 0}, .state = {"", 0}};
	wire_u8(&reader);
	ok->affected_rows = wire_lenenc(&reader);
	ok->insert_id = wire_lenenc(&reader);
	ok->status = wire_u16(&reader);
	ok->warnings = wire_u16(&reader);
	if (!(capabilities & CAPABILITY_SESSION_TRACK)) {
		ok->info = wire_rest(&reader);
	} else if (!reader.bad && wire_left(&reader)) {
		ok->info = wire_lenenc_bytes(&reader);
		if (ok->status & STATUS_SESSION_STATE_CHANGED)
			ok->state = wire_lenenc_bytes(&reader);
	}
	return reader.bad ? -EBADMSG : 0;
}

void result_ok_write(struct wire_writer *writer, uint8_t sequence, uint16_t status)
{
	uint8_t *packet = wire_packet_begin(writer);

	wire_put_u8(writer, MARKER_OK);
	wire_put_lenenc(writer, 0);
	wire_put_lenenc(writer, 0);
	wire_put_u16(writer, status);
	wire_put_u16(writer, 0);
	wire_packet_end(writer, packet, sequence);
}

/* --- changes of the session's state ------------------------------------------------ */

static void read_change(struct wire_reader *reader, struct result_track *track)
{
	switch (track->type) {
	case TRACK_SYSTEM_VARIABLES:
		track->name = wire_lenenc_bytes(reader);
		track->value = wire_lenenc_bytes(reader);
		break;
	case TRACK_STATE_CHANGE: /* one byte, "1", without a length of its own */
		track->value = wire_rest(reader);
		break;
	case TRACK_GTIDS:
		wire_u8(reader); /* how the set is encoded: 0, as text */
		track->value = wire_lenenc_bytes(reader);
		break;
	default:
		track->value = wire_lenenc_bytes(reader);
	}
}

bool result_track_next(struct span *state, struct result_track *track)
{
	struct wire_reader reader = wire_reader(state->bytes, state->length);
	struct wire_reader change;
	struct span bytes;

	if (!state->length)
		return false;
	*track = (struct result_track){.type = wire_u8(&reader), .name = {"", 0}};
	bytes = wire_lenenc_bytes(&reader);
	change = wire_reader(bytes.bytes, bytes.length);
	read_change(&change, track);
	*state = wire_rest(&reader);
	return !reader.bad && !change.bad;
}

/* What the router asked the server for on its own account. */
static bool is_ours(const struct result_track *track)
{
	switch (track->type) {
	case TRACK_SYSTEM_VARIABLES:
		return span_is(track->name, "last_gtid");
	case TRACK_STATE_CHANGE:
	case TRACK_GTIDS:
		return true;
	default:
		return false;
	}
}

/* Moves the changes that the client may see to `to`, which may be where they are. */
static size_t keep_changes(struct span state, char *to)
{
	struct span left = state;
	struct result_track track;
	size_t kept = 0;

	while (left.length) {
		const char *change = left.bytes;

		if (!result_track_next(&left, &track))
			break;
		if (is_ours(&track))
			continue;
		memmove(to + kept, change, (size_t)(left.bytes - change));
		kept += (size_t)(left.bytes - change);
	}
	return kept;
}

/* Where affected rows and insert id end: the status flags. */
static uint8_t *find_status(uint8_t *payload, size_t size)
{
	struct wire_reader reader = wire_reader(payload, size);

	wire_u8(&reader);
	wire_lenenc(&reader);
	wire_lenenc(&reader);
	return payload + (reader.at - payload);
}

/*
 * Everything moves towards the front: the new length of the changes needs no
 * more bytes than the old one did.
 */
static size_t put_changes(uint8_t *payload, const struct result_ok *ok, uint8_t *status)
{
	uint8_t *behind_info = (uint8_t *)ok->info.bytes + ok->info.length;
	size_t kept = keep_changes(ok->state, (char *)ok->state.bytes);
	struct wire_writer writer = wire_writer(behind_info, 9);

	if (!kept) {
		status[1] &= (uint8_t) ~(STATUS_SESSION_STATE_CHANGED >> 8);
		return (size_t)((ok->info.length ? behind_info : status + 4) - payload);
	}
	wire_put_lenenc(&writer, kept);
	memmove(writer.at, ok->state.bytes, kept);
	return (size_t)(writer.at + kept - payload);
}

size_t result_ok_narrow(void *payload, size_t size, uint32_t capabilities, bool client_tracks)
{
	struct result_ok ok;
	uint8_t *status;

	if (!(capabilities & CAPABILITY_SESSION_TRACK) ||
	    result_ok_read(payload, size, capabilities, &ok))
		return size;
	if (!ok.info.length && !ok.state.length && !(ok.status & STATUS_SESSION_STATE_CHANGED))
		return size;
	status = find_status(payload, size);
	if (client_tracks)
		return ok.state.length ? put_changes(payload, &ok, status) : size;
	status[1] &= (uint8_t) ~(STATUS_SESSION_STATE_CHANGED >> 8);
	memmove(status + 4, ok.info.bytes, ok.info.length);
	return (size_t)(status + 4 + ok.info.length - (uint8_t *)payload);
}

/* --- errors, ends ------------------------------------------------------------------ */

int result_error_read(const void *payload, size_t size, struct result_error *error)
{
	struct wire_reader reader = wire_reader(payload, size);

	*error = (struct result_error){.state = {"", 0}};
	if (wire_u8(&reader) != MARKER_ERROR)
		return -EBADMSG;
	error->code = wire_u16(&reader);
	if (wire_left(&reader) >= 6 && *reader.at == '#') {
		wire_u8(&reader);
		error->state = wire_bytes(&reader, 5);
	}
	error->text = wire_rest(&reader);
	return reader.bad ? -EBADMSG : 0;
}

void result_error_write(struct wire_writer *writer, uint8_t sequence, uint16_t code,
			const char *state, const char *text)
{
	uint8_t *packet = wire_packet_begin(writer);

	wire_put_u8(writer, MARKER_ERROR);
	wire_put_u16(writer, code);
	wire_put_u8(writer, '#');
	wire_put_bytes(writer, state, 5);
	wire_put_bytes(writer, text, strnlen(text, ERROR_TEXT_MAX));
	wire_packet_end(writer, packet, sequence);
}

uint16_t result_eof_status(const void *payload, size_t size)
{
	struct wire_reader reader = wire_reader(payload, size);

	wire_u8(&reader);
	wire_u16(&reader);
	return wire_u16(&reader);
}
