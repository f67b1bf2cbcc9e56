/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "pcapng.h"

#include <string.h>

#define BLOCK_SECTION	 0x0a0d0d0a
#define BLOCK_INTERFACE	 1
#define BLOCK_STATISTICS 5
#define BLOCK_PACKET	 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_ETHER	 1

#define OPTION_END	   0
#define OPTION_COMMENT	   1
#define OPTION_APPLICATION 4 /* of a section */
#define OPTION_NAME	   2 /* of an interface ... */
#define OPTION_DESCRIPTION 3
#define OPTION_RESOLUTION  9
#define OPTION_FLAGS	   2 /* of a packet */
#define OPTION_DROPPED	   5 /* of statistics: by the interface, for want of room */
#define FLAGS_INBOUND	   1
#define FLAGS_OUTBOUND	   2

#define NANOSECONDS 9	 /* 10^-9 */
#define TEXT_MAX    1024 /* of an option */

struct option {
	uint16_t code, length;
	const void *value;
};

static uint32_t padded(uint32_t length)
{
	return (length + 3) & ~3U;
}

static void put(FILE *out, const void *bytes, uint32_t length)
{
	static const char zeros[4];

	fwrite(bytes, 1, length, out);
	fwrite(zeros, 1, padded(length) - length, out);
}

static uint32_t option_bytes(const struct option *options, size_t count)
{
	uint32_t bytes = 4; /* the end */

	for (size_t i = 0; i < count; i++)
		bytes += 4 + padded(options[i].length);
	return bytes;
}

static void put_options(FILE *out, const struct option *options, size_t count)
{
	static const uint16_t end[2];

	for (size_t i = 0; i < count; i++) {
		uint16_t head[2] = {options[i].code, options[i].length};

		put(out, head, sizeof(head));
		put(out, options[i].value, options[i].length);
	}
	put(out, end, sizeof(end));
}

static struct option text_option(uint16_t code, const char *text)
{
	return (struct option){code, (uint16_t)strnlen(text, TEXT_MAX), text};
}

/* A block of a fixed part, `data` that is padded, and options. */
static void put_block(FILE *out, uint32_t type, const void *fixed, uint32_t fixed_bytes,
		      const void *data, uint32_t data_bytes, const struct option *options,
		      size_t option_count)
{
	uint32_t total =
		12 + fixed_bytes + padded(data_bytes) + option_bytes(options, option_count);
	uint32_t head[2] = {type, total};

	put(out, head, sizeof(head));
	put(out, fixed, fixed_bytes);
	put(out, data, data_bytes);
	put_options(out, options, option_count);
	put(out, &total, sizeof(total));
}

void pcapng_begin(FILE *out, const char *application)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t length;
	} section = {BYTE_ORDER_MAGIC, 1, 0, -1};
	struct option options[] = {text_option(OPTION_APPLICATION, application)};

	put_block(out, BLOCK_SECTION, &section, sizeof(section), "", 0, options, 1);
}

void pcapng_interface(FILE *out, const char *name, const char *description, uint32_t snaplen)
{
	const struct {
		uint16_t link_type, reserved;
		uint32_t snaplen;
	} interface = {LINKTYPE_ETHER, 0, snaplen};
	static const uint8_t resolution = NANOSECONDS;
	struct option options[] = {
		text_option(OPTION_NAME, name),
		text_option(OPTION_DESCRIPTION, description),
		{OPTION_RESOLUTION, sizeof(resolution), &resolution},
	};

	put_block(out, BLOCK_INTERFACE, &interface, sizeof(interface), "", 0, options, 3);
}

void pcapng_packet(FILE *out, const struct pcapng_packet *packet)
{
	const uint32_t fixed[] = {packet->interface, (uint32_t)(packet->unix_ns >> 32),
				  (uint32_t)packet->unix_ns, packet->captured, packet->length};
	const uint32_t flags = packet->outbound ? FLAGS_OUTBOUND : FLAGS_INBOUND;
	struct option options[] = {
		{OPTION_FLAGS, sizeof(flags), &flags},
		text_option(OPTION_COMMENT, packet->comment),
	};

	put_block(out, BLOCK_PACKET, fixed, sizeof(fixed), packet->bytes, packet->captured, options,
		  2);
}

void pcapng_statistics(FILE *out, uint32_t interface, uint64_t unix_ns, uint64_t dropped)
{
	const uint32_t fixed[] = {interface, (uint32_t)(unix_ns >> 32), (uint32_t)unix_ns};
	struct option options[] = {{OPTION_DROPPED, sizeof(dropped), &dropped}};

	put_block(out, BLOCK_STATISTICS, fixed, sizeof(fixed), "", 0, options, 1);
}
