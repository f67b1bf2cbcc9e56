/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The datagram by which balancers tell each other their views
 * (docs/adr/0004). All integers are big endian:
 *
 *   header   magic "SLV2", pad 4, cluster id 8, incarnation 8, sequence 8,
 *            configuration 8, node name 32 (padded with NUL)
 *   record*  service id 8, flags 2 (1: blind), backends 2,
 *            then per backend its id 8, in whose last byte bit 0 says "up" and
 *            the others the percentage that its slow start has got to
 *   tail     HMAC-SHA256 over all before it, 32
 *
 * A view may take several datagrams; each stands for itself. No I/O here.
 */
#ifndef SLUICE_AGENT_MESSAGE_H
#define SLUICE_AGENT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "sluice/abi.h"

#define MESSAGE_HEADER_BYTES 72
#define MESSAGE_RECORD_BYTES 12
#define MESSAGE_ENTRY_BYTES  8
#define MESSAGE_TAIL_BYTES   32
/* Fits the least MTU of IPv6 with room for headers: a view must never be fragmented. */
#define MESSAGE_MAX_BYTES 1200

#define MESSAGE_KEY_MAX_BYTES 4096

struct message_key {
	size_t length;
	unsigned char bytes[MESSAGE_KEY_MAX_BYTES];
};

struct message_header {
	uint64_t cluster;
	uint64_t incarnation; /* when the sender started: CLOCK_REALTIME in ns */
	uint64_t sequence;
	uint64_t configuration; /* hash of what the sender has in force */
	char node[SLUICE_NAME_LEN];
};

/* --- writing ------------------------------------------------------------------- */

struct message_writer {
	unsigned char bytes[MESSAGE_MAX_BYTES];
	size_t used;
	size_t record; /* where the open record starts; 0: none */
};

void message_begin(struct message_writer *writer, const struct message_header *header);
/* Both return false when the datagram is full. */
bool message_open_record(struct message_writer *writer, uint64_t service, bool blind);
bool message_add_backend(struct message_writer *writer, uint64_t backend, bool up, unsigned share);
/* Signs; bytes[0..used) is then to be sent. */
int message_finish(struct message_writer *writer, const struct message_key *key) __must_check;

/* --- reading ------------------------------------------------------------------- */

/* Called for each entry, in order; the last eight bits of `backend` are clear. */
struct message_visitor {
	void (*service)(void *context, uint64_t service, bool blind);
	void (*backend)(void *context, uint64_t backend, bool up, unsigned share);
};

/*
 * -EBADMSG: not of this form; -EACCES: the signature is not from this key. The
 * signature is looked at before anything else is believed.
 */
int message_verify(const unsigned char *bytes, size_t length, const struct message_key *key,
		   struct message_header *header) __must_check;
/* Walks the records of a verified message. */
void message_walk(const unsigned char *bytes, size_t length, const struct message_visitor *visitor,
		  void *context);

#endif /* SLUICE_AGENT_MESSAGE_H */
