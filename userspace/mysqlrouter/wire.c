/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "wire.h"

#include <string.h>
#include <strings.h>

#include "protocol.h"

bool span_is(struct span span, const char *text)
{
	return span.length == strlen(text) && !memcmp(span.bytes, text, span.length);
}

bool span_is_word(struct span span, const char *word)
{
	return span.length == strlen(word) && !strncasecmp(span.bytes, word, span.length);
}

/* --- reading ----------------------------------------------------------------------- */

struct wire_reader wire_reader(const void *bytes, size_t size)
{
	return (struct wire_reader){.at = bytes, .end = (const uint8_t *)bytes + size};
}

size_t wire_left(const struct wire_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* `count` bytes to look at, or NULL. */
static const uint8_t *take(struct wire_reader *reader, size_t count)
{
	const uint8_t *bytes = reader->at;

	if (reader->bad || count > wire_left(reader)) {
		reader->bad = true;
		return NULL;
	}
	reader->at += count;
	return bytes;
}

static uint64_t take_number(struct wire_reader *reader, size_t bytes)
{
	const uint8_t *from = take(reader, bytes);
	uint64_t value = 0;

	for (size_t i = bytes; from && i > 0; i--)
		value = value << 8 | from[i - 1];
	return value;
}

uint8_t wire_u8(struct wire_reader *reader)
{
	return (uint8_t)take_number(reader, 1);
}

uint16_t wire_u16(struct wire_reader *reader)
{
	return (uint16_t)take_number(reader, 2);
}

uint32_t wire_u24(struct wire_reader *reader)
{
	return (uint32_t)take_number(reader, 3);
}

uint32_t wire_u32(struct wire_reader *reader)
{
	return (uint32_t)take_number(reader, 4);
}

uint64_t wire_lenenc(struct wire_reader *reader)
{
	uint8_t first = wire_u8(reader);

	switch (first) {
	case 0xfc:
		return take_number(reader, 2);
	case 0xfd:
		return take_number(reader, 3);
	case 0xfe:
		return take_number(reader, 8);
	case 0xfb:
	case 0xff:
		reader->bad = true;
		return 0;
	default:
		return first;
	}
}

struct span wire_bytes(struct wire_reader *reader, size_t length)
{
	const uint8_t *bytes = take(reader, length);

	return bytes ? (struct span){(const char *)bytes, length} : (struct span){"", 0};
}

struct span wire_lenenc_bytes(struct wire_reader *reader)
{
	uint64_t length = wire_lenenc(reader);

	return wire_bytes(reader, length);
}

struct span wire_text(struct wire_reader *reader)
{
	const uint8_t *nul = NULL;
	struct span text;

	if (!reader->bad && wire_left(reader))
		nul = memchr(reader->at, 0, wire_left(reader));
	if (!nul) {
		reader->bad = true;
		return (struct span){"", 0};
	}
	text = wire_bytes(reader, (size_t)(nul - reader->at));
	reader->at++;
	return text;
}

struct span wire_rest(struct wire_reader *reader)
{
	return wire_bytes(reader, wire_left(reader));
}

/* --- writing ----------------------------------------------------------------------- */

struct wire_writer wire_writer(void *bytes, size_t size)
{
	return (struct wire_writer){.start = bytes, .at = bytes, .end = (uint8_t *)bytes + size};
}

static uint8_t *room(struct wire_writer *writer, size_t count)
{
	uint8_t *bytes = writer->at;

	if (writer->full || count > (size_t)(writer->end - writer->at)) {
		writer->full = true;
		return NULL;
	}
	writer->at += count;
	return bytes;
}

static void put_number(struct wire_writer *writer, uint64_t value, size_t bytes)
{
	uint8_t *to = room(writer, bytes);

	for (size_t i = 0; to && i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
	put_number(writer, value, 1);
}

void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
	put_number(writer, value, 2);
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
	put_number(writer, value, 4);
}

void wire_put_lenenc(struct wire_writer *writer, uint64_t value)
{
	if (value < 0xfb) {
		put_number(writer, value, 1);
	} else if (value <= 0xffff) {
		put_number(writer, 0xfc, 1);
		put_number(writer, value, 2);
	} else if (value <= 0xffffff) {
		put_number(writer, 0xfd, 1);
		put_number(writer, value, 3);
	} else {
		put_number(writer, 0xfe, 1);
		put_number(writer, value, 8);
	}
}

void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t length)
{
	uint8_t *to = room(writer, length);

	if (to && length)
		memcpy(to, bytes, length);
}

void wire_put_lenenc_bytes(struct wire_writer *writer, const void *bytes, size_t length)
{
	wire_put_lenenc(writer, length);
	wire_put_bytes(writer, bytes, length);
}

void wire_put_text(struct wire_writer *writer, struct span text)
{
	wire_put_bytes(writer, text.bytes, text.length);
	wire_put_u8(writer, 0);
}

void wire_put_zeros(struct wire_writer *writer, size_t count)
{
	uint8_t *to = room(writer, count);

	if (to)
		memset(to, 0, count);
}

uint8_t *wire_packet_begin(struct wire_writer *writer)
{
	uint8_t *packet = writer->at;

	wire_put_zeros(writer, PACKET_HEADER_BYTES);
	return packet;
}

void wire_packet_end(struct wire_writer *writer, uint8_t *packet, uint8_t sequence)
{
	if (writer->full)
		return;
	packet_set_length(packet, (uint32_t)(writer->at - packet - PACKET_HEADER_BYTES));
	packet[3] = sequence;
}

size_t wire_written(const struct wire_writer *writer)
{
	return (size_t)(writer->at - writer->start);
}

/* --- headers ----------------------------------------------------------------------- */

uint32_t packet_length(const uint8_t header[4])
{
	return header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16;
}

uint8_t packet_sequence(const uint8_t header[4])
{
	return header[3];
}

void packet_set_length(uint8_t header[4], uint32_t length)
{
	header[0] = (uint8_t)length;
	header[1] = (uint8_t)(length >> 8);
	header[2] = (uint8_t)(length >> 16);
}

void packet_set_u32(uint8_t at[4], uint32_t value)
{
	packet_set_length(at, value);
	at[3] = (uint8_t)(value >> 24);
}
