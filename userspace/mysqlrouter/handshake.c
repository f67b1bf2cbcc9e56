/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "handshake.h"

#include <errno.h>
#include <string.h>

#define PROTOCOL_VERSION  10
#define SCRAMBLE_PART_ONE 8
#define REPLY_RESERVED	  23
#define ATTRIBUTE_ROOM	  512

static struct span text_span(const char *text)
{
	return (struct span){text, strlen(text)};
}

static int span_copy(char *to, size_t size, struct span from)
{
	if (from.length >= size)
		return -EBADMSG;
	memcpy(to, from.bytes, from.length);
	to[from.length] = '\0';
	return 0;
}

/* --- greeting ---------------------------------------------------------------------- */

void handshake_greeting_write(struct wire_writer *writer, const struct handshake_greeting *greeting)
{
	uint8_t *packet = wire_packet_begin(writer);

	wire_put_u8(writer, PROTOCOL_VERSION);
	wire_put_text(writer, text_span(greeting->version));
	wire_put_u32(writer, greeting->connection_id);
	wire_put_bytes(writer, greeting->scramble, SCRAMBLE_PART_ONE);
	wire_put_u8(writer, 0);
	wire_put_u16(writer, (uint16_t)greeting->capabilities);
	wire_put_u8(writer, greeting->charset);
	wire_put_u16(writer, greeting->status);
	wire_put_u16(writer, (uint16_t)(greeting->capabilities >> 16));
	wire_put_u8(writer, SCRAMBLE_BYTES + 1);
	wire_put_zeros(writer, 10);
	wire_put_bytes(writer, greeting->scramble + SCRAMBLE_PART_ONE,
		       SCRAMBLE_BYTES - SCRAMBLE_PART_ONE);
	wire_put_u8(writer, 0);
	wire_put_text(writer, text_span(greeting->plugin));
	wire_packet_end(writer, packet, 0);
}

/* The second part of the scramble, and the plugin's name. */
static int read_plugin(struct wire_reader *reader, uint8_t scramble_length,
		       struct handshake_greeting *greeting)
{
	size_t rest = SCRAMBLE_BYTES + 1 - SCRAMBLE_PART_ONE;
	struct span scramble;

	if (scramble_length > SCRAMBLE_BYTES + 1)
		rest = scramble_length - SCRAMBLE_PART_ONE;
	scramble = wire_bytes(reader, rest);
	if (reader->bad)
		return -EBADMSG;
	memcpy(greeting->scramble + SCRAMBLE_PART_ONE, scramble.bytes,
	       SCRAMBLE_BYTES - SCRAMBLE_PART_ONE);
	if (!(greeting->capabilities & CAPABILITY_PLUGIN_AUTH))
		return span_copy(greeting->plugin, sizeof(greeting->plugin),
				 text_span(PLUGIN_NATIVE));
	return span_copy(greeting->plugin, sizeof(greeting->plugin), wire_text(reader));
}

int handshake_greeting_read(const void *payload, size_t size, struct handshake_greeting *greeting)
{
	struct wire_reader reader = wire_reader(payload, size);
	struct span part_one;
	uint8_t scramble_length;

	*greeting = (struct handshake_greeting){};
	if (wire_u8(&reader) != PROTOCOL_VERSION)
		return -EBADMSG;
	if (span_copy(greeting->version, sizeof(greeting->version), wire_text(&reader)))
		return -EBADMSG;
	greeting->connection_id = wire_u32(&reader);
	part_one = wire_bytes(&reader, SCRAMBLE_PART_ONE);
	wire_u8(&reader);
	greeting->capabilities = wire_u16(&reader);
	greeting->charset = wire_u8(&reader);
	greeting->status = wire_u16(&reader);
	greeting->capabilities |= (uint32_t)wire_u16(&reader) << 16;
	scramble_length = wire_u8(&reader);
	wire_bytes(&reader, 10);
	if (reader.bad || !(greeting->capabilities & CAPABILITY_SECURE_CONNECTION))
		return -EBADMSG;
	memcpy(greeting->scramble, part_one.bytes, SCRAMBLE_PART_ONE);
	if (read_plugin(&reader, scramble_length, greeting))
		return -EBADMSG;
	return reader.bad ? -EBADMSG : 0;
}

/* --- reply ------------------------------------------------------------------------- */

bool handshake_asks_for_tls(const void *payload, size_t size)
{
	struct wire_reader reader = wire_reader(payload, size);

	return size == HANDSHAKE_TLS_REQUEST_LEN && (wire_u32(&reader) & CAPABILITY_TLS);
}

static struct span read_proof(struct wire_reader *reader, uint32_t capabilities)
{
	if (capabilities & CAPABILITY_LONG_AUTH_REPLY)
		return wire_lenenc_bytes(reader);
	if (capabilities & CAPABILITY_SECURE_CONNECTION)
		return wire_bytes(reader, wire_u8(reader));
	return wire_text(reader);
}

int handshake_reply_read(const void *payload, size_t size, struct handshake_reply *reply)
{
	struct wire_reader reader = wire_reader(payload, size);

	*reply = (struct handshake_reply){.database = {"", 0}, .plugin = {PLUGIN_NATIVE, 21}};
	reply->capabilities = wire_u32(&reader);
	if (!(reply->capabilities & CAPABILITY_PROTOCOL_41))
		return -EBADMSG;
	reply->max_packet = wire_u32(&reader);
	reply->charset = wire_u8(&reader);
	wire_bytes(&reader, REPLY_RESERVED);
	reply->user = wire_text(&reader);
	reply->proof = read_proof(&reader, reply->capabilities);
	if (reply->capabilities & CAPABILITY_CONNECT_WITH_DB)
		reply->database = wire_text(&reader);
	if (reply->capabilities & CAPABILITY_PLUGIN_AUTH)
		reply->plugin = wire_text(&reader);
	return reader.bad ? -EBADMSG : 0;
}

int handshake_change_user_read(const void *payload, size_t size, uint32_t capabilities,
			       struct handshake_reply *reply)
{
	struct wire_reader reader = wire_reader(payload, size);

	*reply = (struct handshake_reply){.capabilities = capabilities,
					  .plugin = {PLUGIN_NATIVE, 21}};
	wire_u8(&reader);
	reply->user = wire_text(&reader);
	reply->proof = wire_bytes(&reader, wire_u8(&reader));
	reply->database = wire_text(&reader);
	if (wire_left(&reader))
		reply->charset = wire_u16(&reader);
	if (wire_left(&reader) && (capabilities & CAPABILITY_PLUGIN_AUTH))
		reply->plugin = wire_text(&reader);
	return reader.bad ? -EBADMSG : 0;
}

static void put_attributes(struct wire_writer *writer, const char *const *attributes)
{
	uint8_t bytes[ATTRIBUTE_ROOM];
	struct wire_writer list = wire_writer(bytes, sizeof(bytes));

	for (; *attributes; attributes++)
		wire_put_lenenc_bytes(&list, *attributes, strlen(*attributes));
	if (list.full)
		list = wire_writer(bytes, 0);
	wire_put_lenenc_bytes(writer, bytes, wire_written(&list));
}

static void put_reply_head(struct wire_writer *writer, uint32_t capabilities, uint16_t charset)
{
	wire_put_u32(writer, capabilities);
	wire_put_u32(writer, PACKET_MAX_PAYLOAD);
	wire_put_u8(writer, (uint8_t)charset);
	wire_put_zeros(writer, REPLY_RESERVED);
}

void handshake_reply_write(struct wire_writer *writer, uint8_t sequence,
			   const struct handshake_reply *reply, const char *const *attributes)
{
	uint8_t *packet = wire_packet_begin(writer);

	put_reply_head(writer, reply->capabilities, reply->charset);
	wire_put_text(writer, reply->user);
	if (reply->capabilities & CAPABILITY_LONG_AUTH_REPLY)
		wire_put_lenenc(writer, reply->proof.length);
	else
		wire_put_u8(writer, (uint8_t)reply->proof.length);
	wire_put_bytes(writer, reply->proof.bytes, reply->proof.length);
	if (reply->capabilities & CAPABILITY_CONNECT_WITH_DB)
		wire_put_text(writer, reply->database);
	if (reply->capabilities & CAPABILITY_PLUGIN_AUTH)
		wire_put_text(writer, reply->plugin);
	if (reply->capabilities & CAPABILITY_CONNECT_ATTRIBUTES)
		put_attributes(writer, attributes);
	wire_packet_end(writer, packet, sequence);
}

void handshake_tls_request_write(struct wire_writer *writer, uint8_t sequence,
				 uint32_t capabilities, uint16_t charset)
{
	uint8_t *packet = wire_packet_begin(writer);

	put_reply_head(writer, capabilities, charset);
	wire_packet_end(writer, packet, sequence);
}

/* --- switch of the plugin ---------------------------------------------------------- */

int handshake_switch_read(const void *payload, size_t size, struct handshake_switch *change)
{
	struct wire_reader reader = wire_reader(payload, size);

	if (wire_u8(&reader) != MARKER_EOF)
		return -EBADMSG;
	change->plugin = wire_text(&reader);
	change->scramble = wire_rest(&reader);
	if (change->scramble.length == SCRAMBLE_BYTES + 1)
		change->scramble.length--;
	return reader.bad || change->scramble.length != SCRAMBLE_BYTES ? -EBADMSG : 0;
}

void handshake_switch_write(struct wire_writer *writer, uint8_t sequence, const char *plugin,
			    const uint8_t scramble[SCRAMBLE_BYTES])
{
	uint8_t *packet = wire_packet_begin(writer);

	wire_put_u8(writer, MARKER_EOF);
	wire_put_text(writer, text_span(plugin));
	wire_put_bytes(writer, scramble, SCRAMBLE_BYTES);
	wire_put_u8(writer, 0);
	wire_packet_end(writer, packet, sequence);
}
