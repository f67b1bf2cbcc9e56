/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Follows the packets of a client that are too large to be held, or too many: a
 * command of several packets, or a local file, which an empty packet ends.
 */
#ifndef SLUICE_MYSQL_UPLINK_H
#define SLUICE_MYSQL_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

struct uplink {
	uint32_t left; /* of the current packet */
	uint8_t header[PACKET_HEADER_BYTES], header_bytes;
	uint8_t packets; /* that have begun; wraps as sequence numbers do */
	bool is_file;
	bool full; /* the current packet is continued by the next */
	bool ended;
};

/* The first packet has sequence number `sequence`. */
void uplink_begin(struct uplink *uplink, bool is_file, uint8_t sequence);
/* Goes over bytes, at most to the end; returns how many. */
size_t uplink_take(struct uplink *uplink, const void *bytes, size_t size);

#endif /* SLUICE_MYSQL_UPLINK_H */
