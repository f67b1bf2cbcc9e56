/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading and writing the elements of MySQL packets: little-endian integers,
 * length-encoded integers and strings.
 *
 * Both cursors remember their first failure: a sequence of calls is checked
 * once, at its end. A reader that is `bad` has given zeros and empty strings; a
 * writer that is `full` has written nothing behind its end.
 */
#ifndef SLUICE_MYSQL_WIRE_H
#define SLUICE_MYSQL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to a packet, a file or a statement: not NUL-terminated. */
struct span {
	const char *bytes;
	size_t length;
};

/* Same bytes; the second ignores the case of ASCII letters. */
bool span_is(struct span span, const char *text);
bool span_is_word(struct span span, const char *word);

struct wire_reader {
	const uint8_t *at, *end;
	bool bad;
};

struct wire_reader wire_reader(const void *bytes, size_t size);
size_t wire_left(const struct wire_reader *reader);
uint8_t wire_u8(struct wire_reader *reader);
uint16_t wire_u16(struct wire_reader *reader);
uint32_t wire_u24(struct wire_reader *reader);
uint32_t wire_u32(struct wire_reader *reader);
/* A length-encoded integer; NULL's marker (0xfb) and 0xff are bad. */
uint64_t wire_lenenc(struct wire_reader *reader);
struct span wire_bytes(struct wire_reader *reader, size_t length);
struct span wire_lenenc_bytes(struct wire_reader *reader);
/* Up to a NUL, which must be there and is passed. */
struct span wire_text(struct wire_reader *reader);
struct span wire_rest(struct wire_reader *reader);

struct wire_writer {
	uint8_t *start, *at, *end;
	bool full;
};

struct wire_writer wire_writer(void *bytes, size_t size);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_lenenc(struct wire_writer *writer, uint64_t value);
void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t length);
void wire_put_lenenc_bytes(struct wire_writer *writer, const void *bytes, size_t length);
/* With a NUL behind it. */
void wire_put_text(struct wire_writer *writer, struct span text);
void wire_put_zeros(struct wire_writer *writer, size_t count);

/*
 * Leaves room for a header; returns where the packet begins, for
 * wire_packet_end(), which fills the header in. Payloads are below 16 MiB.
 */
uint8_t *wire_packet_begin(struct wire_writer *writer);
void wire_packet_end(struct wire_writer *writer, uint8_t *packet, uint8_t sequence);
/* Bytes written so far. */
size_t wire_written(const struct wire_writer *writer);

/* The payload's length, and the sequence number, of a packet's header. */
uint32_t packet_length(const uint8_t header[4]);
uint8_t packet_sequence(const uint8_t header[4]);
void packet_set_length(uint8_t header[4], uint32_t length);
/* A number within a packet, in place of another. */
void packet_set_u32(uint8_t at[4], uint32_t value);

#endif /* SLUICE_MYSQL_WIRE_H */
