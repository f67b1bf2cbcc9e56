/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * OK, ERR and EOF packets: read, written, and rewritten for a client that
 * negotiated less than the router did with the server. Payloads only; what is
 * read points into them. 0 or -EBADMSG.
 */
#ifndef SLUICE_MYSQL_RESULT_H
#define SLUICE_MYSQL_RESULT_H

#include "compiler.h"
#include "protocol.h"
#include "wire.h"

struct result_ok {
	uint64_t affected_rows, insert_id;
	uint16_t status; /* enum server_status */
	uint16_t warnings;
	struct span info;
	struct span state; /* for result_track_next(); empty: nothing has changed */
};

/* The marker may be MARKER_OK, or MARKER_EOF with CAPABILITY_DEPRECATE_EOF. */
int result_ok_read(const void *payload, size_t size, uint32_t capabilities,
		   struct result_ok *ok) __must_check;
/* One packet. */
void result_ok_write(struct wire_writer *writer, uint8_t sequence, uint16_t status);

/* One change of the session's state. */
struct result_track {
	uint8_t type; /* enum mysql_track */
	/* Of a system variable; of a schema or set of GTIDs only the value. */
	struct span name, value;
};

/* Takes one off the front of `state`. False: none is left, or what is there is no change. */
bool result_track_next(struct span *state, struct result_track *track);

/*
 * Shortens an OK packet that a server sent under `capabilities` to what a
 * client may see: changes that it did not ask for (last_gtid, the flag that the
 * state changed, GTIDs) are left out, and without CAPABILITY_SESSION_TRACK on
 * its side all are. Returns the new size; a packet that cannot be read stays as it is.
 */
size_t result_ok_narrow(void *payload, size_t size, uint32_t capabilities,
			bool client_tracks) __must_check;

struct result_error {
	uint16_t code;
	struct span state; /* SQLSTATE, five characters, or empty */
	struct span text;
};

int result_error_read(const void *payload, size_t size, struct result_error *error) __must_check;
/* One packet; the text is cut to what a client can take (512 bytes). */
void result_error_write(struct wire_writer *writer, uint8_t sequence, uint16_t code,
			const char *state, const char *text);

/* Status flags of an EOF packet (5 bytes). */
uint16_t result_eof_status(const void *payload, size_t size);

#endif /* SLUICE_MYSQL_RESULT_H */
