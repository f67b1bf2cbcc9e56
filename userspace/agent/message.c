/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "message.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define FLAG_BLIND 1

static const unsigned char magic[4] = {'S', 'L', 'V', '2'};

static void put64(unsigned char *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static void put16(unsigned char *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static uint16_t get16(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static int sign(const unsigned char *bytes, size_t length, const struct message_key *key,
		unsigned char *tail)
{
	return HMAC(EVP_sha256(), key->bytes, (int)key->length, bytes, length, tail, NULL) ? 0
											   : -EIO;
}

/* --- writing ------------------------------------------------------------------- */

void message_begin(struct message_writer *writer, const struct message_header *header)
{
	unsigned char *at = writer->bytes;

	memset(at, 0, MESSAGE_HEADER_BYTES);
	memcpy(at, magic, sizeof(magic));
	put64(at + 8, header->cluster);
	put64(at + 16, header->incarnation);
	put64(at + 24, header->sequence);
	put64(at + 32, header->configuration);
	memcpy(at + 40, header->node, strnlen(header->node, SLUICE_NAME_LEN - 1));
	writer->used = MESSAGE_HEADER_BYTES;
	writer->record = 0;
}

static bool has_room(const struct message_writer *writer, size_t bytes)
{
	return writer->used + bytes + MESSAGE_TAIL_BYTES <= MESSAGE_MAX_BYTES;
}

bool message_open_record(struct message_writer *writer, uint64_t service, bool blind)
{
	unsigned char *at = writer->bytes + writer->used;

	/* A record without a single backend would only waste the datagram's end. */
	if (!has_room(writer, MESSAGE_RECORD_BYTES + MESSAGE_ENTRY_BYTES))
		return false;
	put64(at, service);
	put16(at + 8, blind ? FLAG_BLIND : 0);
	put16(at + 10, 0);
	writer->record = writer->used;
	writer->used += MESSAGE_RECORD_BYTES;
	return true;
}

bool message_add_backend(struct message_writer *writer, uint64_t backend, bool up, unsigned share)
{
	unsigned char *count = writer->bytes + writer->record + 10;

	if (!has_room(writer, MESSAGE_ENTRY_BYTES))
		return false;
	put64(writer->bytes + writer->used, (backend & ~0xffull) | (share & 0x7f) << 1 | up);
	put16(count, get16(count) + 1);
	writer->used += MESSAGE_ENTRY_BYTES;
	return true;
}

int message_finish(struct message_writer *writer, const struct message_key *key)
{
	int err = sign(writer->bytes, writer->used, key, writer->bytes + writer->used);

	if (!err)
		writer->used += MESSAGE_TAIL_BYTES;
	return err;
}

/* --- reading ------------------------------------------------------------------- */

static bool records_are_whole(const unsigned char *at, const unsigned char *end)
{
	while (at < end) {
		size_t entries;

		if (end - at < MESSAGE_RECORD_BYTES)
			return false;
		entries = get16(at + 10);
		at += MESSAGE_RECORD_BYTES;
		if ((size_t)(end - at) < entries * MESSAGE_ENTRY_BYTES)
			return false;
		at += entries * MESSAGE_ENTRY_BYTES;
	}
	return true;
}

static void get_header(const unsigned char *at, struct message_header *header)
{
	header->cluster = get64(at + 8);
	header->incarnation = get64(at + 16);
	header->sequence = get64(at + 24);
	header->configuration = get64(at + 32);
	memcpy(header->node, at + 40, SLUICE_NAME_LEN);
}

int message_verify(const unsigned char *bytes, size_t length, const struct message_key *key,
		   struct message_header *header)
{
	unsigned char expected[MESSAGE_TAIL_BYTES];
	const unsigned char *end;
	int err;

	if (length < MESSAGE_HEADER_BYTES + MESSAGE_TAIL_BYTES || length > MESSAGE_MAX_BYTES)
		return -EBADMSG;
	if (memcmp(bytes, magic, sizeof(magic)))
		return -EBADMSG;
	end = bytes + length - MESSAGE_TAIL_BYTES;
	err = sign(bytes, length - MESSAGE_TAIL_BYTES, key, expected);
	if (err)
		return err;
	if (CRYPTO_memcmp(expected, end, sizeof(expected)))
		return -EACCES;
	get_header(bytes, header);
	if (header->node[SLUICE_NAME_LEN - 1])
		return -EBADMSG;
	return records_are_whole(bytes + MESSAGE_HEADER_BYTES, end) ? 0 : -EBADMSG;
}

void message_walk(const unsigned char *bytes, size_t length, const struct message_visitor *visitor,
		  void *context)
{
	const unsigned char *at = bytes + MESSAGE_HEADER_BYTES;
	const unsigned char *end = bytes + length - MESSAGE_TAIL_BYTES;

	while (at < end) {
		size_t entries = get16(at + 10);

		visitor->service(context, get64(at), get16(at + 8) & FLAG_BLIND);
		at += MESSAGE_RECORD_BYTES;
		for (; entries > 0; entries--, at += MESSAGE_ENTRY_BYTES)
			visitor->backend(context, get64(at) & ~0xffull, get64(at) & 1,
					 get64(at) >> 1 & 0x7f);
	}
}
