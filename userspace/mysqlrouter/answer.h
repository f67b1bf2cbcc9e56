/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Follows a server's response to one command as its bytes pass by, and says
 * where it ends, without holding it: rows and column definitions of any size
 * are skipped by their headers. Only what must be understood (OK, ERR, EOF, the
 * head of a prepared statement, a request for a local file) is handed out, one
 * whole packet at a time, which the caller may shorten before it passes on.
 *
 * Packets of 16 MiB are continued in the next; sequence numbers are checked.
 */
#ifndef SLUICE_MYSQL_ANSWER_H
#define SLUICE_MYSQL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum answer_kind {
	ANSWER_RESULTS, /* OK, ERR, or result sets: most commands */
	ANSWER_CURSOR,	/* the same, of an execution that asked for a cursor */
	ANSWER_ROWS,	/* rows alone: COM_STMT_FETCH; column definitions of COM_FIELD_LIST */
	ANSWER_PREPARE, /* COM_STMT_PREPARE */
	ANSWER_TEXT,	/* one packet of text: COM_STATISTICS */
};

enum answer_packet_kind {
	ANSWER_PACKET_OK, /* with CAPABILITY_DEPRECATE_EOF also at the end of rows */
	ANSWER_PACKET_ERROR,
	ANSWER_PACKET_EOF,
	ANSWER_PACKET_PREPARED,
	ANSWER_PACKET_LOCAL_INFILE, /* then the client sends, then one more OK or ERR comes */
	ANSWER_PACKET_TEXT,
};

struct answer_packet {
	enum answer_packet_kind kind;
	uint8_t *payload; /* behind the header, in the caller's bytes */
	size_t size;
};

struct answer {
	uint32_t capabilities;	/* of the connection to the server */
	uint32_t skip;		/* bytes of the current packet that are still to pass */
	uint64_t definitions;	/* columns or parameters to come */
	uint32_t columns_after; /* of a prepared statement, behind its parameters */
	uint16_t status;	/* as the last OK or EOF had it */
	uint8_t kind, phase;
	uint8_t sequence; /* of the next packet */
	bool continued;	  /* the next packet belongs to the last one */
	bool begun;	  /* a packet has been seen */
	bool done;
};

/* The first packet has sequence number `sequence`: 1 for a command of one packet. */
void answer_begin(struct answer *answer, enum answer_kind kind, uint32_t capabilities,
		  uint8_t sequence);

/*
 * Goes through `data`. *passed tells how many bytes at its front need no more
 * attention; what is behind begins with a packet of which more bytes must come.
 * 1: `packet` was found, whole, behind the *passed bytes, and is accounted for:
 * go on behind it. 0: nothing more to find, or the response is done. -EBADMSG:
 * this is not the response of a MySQL server; -EMSGSIZE: a packet that must be
 * understood is larger than `limit`.
 */
int answer_follow(struct answer *answer, uint8_t *data, size_t size, size_t limit, size_t *passed,
		  struct answer_packet *packet) __must_check;

/*
 * After ANSWER_PACKET_LOCAL_INFILE the client's packets count, too: what the
 * last of them had for its sequence number.
 */
void answer_resume(struct answer *answer, uint8_t client_sequence);

/* True between packets: an ERR with number answer->sequence could be put in here. */
bool answer_at_boundary(const struct answer *answer);

#endif /* SLUICE_MYSQL_ANSWER_H */
