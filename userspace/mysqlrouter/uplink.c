/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "uplink.h"

#include "wire.h"

void uplink_begin(struct uplink *uplink, bool is_file, uint8_t sequence)
{
	*uplink = (struct uplink){.is_file = is_file, .packets = sequence};
}

static void end_packet(struct uplink *uplink)
{
	if (!uplink->is_file)
		uplink->ended = !uplink->full;
}

static void begin_packet(struct uplink *uplink)
{
	bool continues = uplink->full;

	uplink->left = packet_length(uplink->header);
	uplink->full = uplink->left == PACKET_MAX_PAYLOAD;
	uplink->header_bytes = 0;
	uplink->packets++;
	if (uplink->left)
		return;
	end_packet(uplink);
	if (uplink->is_file)
		uplink->ended = !continues;
}

size_t uplink_take(struct uplink *uplink, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;
	size_t taken = 0;

	while (taken < size && !uplink->ended) {
		if (uplink->left) {
			size_t some = size - taken < uplink->left ? size - taken : uplink->left;

			uplink->left -= (uint32_t)some;
			taken += some;
			if (!uplink->left)
				end_packet(uplink);
			continue;
		}
		uplink->header[uplink->header_bytes++] = from[taken++];
		if (uplink->header_bytes == PACKET_HEADER_BYTES)
			begin_packet(uplink);
	}
	return taken;
}
