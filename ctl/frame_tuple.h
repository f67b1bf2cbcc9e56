/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who sent a captured frame to whom: its addresses, protocol and ports.
 */
#ifndef SLUICE_CTL_FRAME_TUPLE_H
#define SLUICE_CTL_FRAME_TUPLE_H

#include "addr.h"

struct frame_tuple {
	struct endpoint src, dst; /* ports 0: the protocol has none, or they are not in the frame */
	int proto;
	bool has_ports;
};

/* False: no IP, or not enough of it in these bytes. */
bool frame_tuple(const unsigned char *frame, size_t length, struct frame_tuple *out);

#endif /* SLUICE_CTL_FRAME_TUPLE_H */
