/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A server's bytes, whatever they are: the same is found in them however they
 * are cut, nothing outside of them is read, and OK packets only get shorter.
 *
 * The first byte picks the kind of answer and the capabilities.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/mysqlrouter/answer.h"
#include "../../userspace/mysqlrouter/protocol.h"
#include "../../userspace/mysqlrouter/result.h"

#define LIMIT 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	size_t passed; /* bytes, up to where it ended */
	unsigned found;
	int end; /* 0: out of bytes, or the answer is done */
	bool done;
};

static void check_ok(const struct answer_packet *packet, uint32_t capabilities, bool tracks)
{
	uint8_t *copy = malloc(packet->size);

	if (!copy)
		return;
	memcpy(copy, packet->payload, packet->size);
	if (result_ok_narrow(copy, packet->size, capabilities, tracks) > packet->size)
		abort();
	free(copy);
}

/* Each step sees a copy of exactly the bytes that have come. */
static struct walk follow(const uint8_t *data, size_t size, size_t chunk, uint8_t choice)
{
	uint32_t capabilities = (choice & 8 ? CAPABILITY_DEPRECATE_EOF : 0) |
				(choice & 16 ? CAPABILITY_SESSION_TRACK : 0);
	struct walk walk = {};
	struct answer_packet packet;
	struct answer answer;
	size_t end = 0, passed;

	answer_begin(&answer, choice % 5, capabilities, 1);
	for (;;) {
		uint8_t *copy = malloc(end - walk.passed + 1);

		if (!copy)
			return walk;
		memcpy(copy, data + walk.passed, end - walk.passed);
		walk.end = answer_follow(&answer, copy, end - walk.passed, LIMIT, &passed, &packet);
		walk.passed += passed;
		if (walk.end == 1) {
			walk.passed += PACKET_HEADER_BYTES + packet.size;
			walk.found++;
			if (packet.kind == ANSWER_PACKET_OK)
				check_ok(&packet, capabilities, choice & 32);
		}
		free(copy);
		if (walk.passed > end)
			abort();
		if (answer.done || walk.end < 0 || (!walk.end && end == size))
			break;
		if (!walk.end)
			end = size - end < chunk ? size : end + chunk;
	}
	walk.done = answer.done;
	return walk;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk whole, pieces;

	if (size < 2 || size > LIMIT)
		return 0;
	whole = follow(data + 1, size - 1, size, data[0]);
	pieces = follow(data + 1, size - 1, 1 + data[0] % 7, data[0]);
	if (whole.passed != pieces.passed || whole.found != pieces.found ||
	    whole.end != pieces.end || whole.done != pieces.done)
		abort();
	return 0;
}
