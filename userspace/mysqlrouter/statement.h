/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Decides by its text where a statement may run. What is not provably a read
 * goes to the primary; what leaves something behind in the session that other
 * servers cannot be told of pins the session there.
 *
 *   any server     SELECT, VALUES, TABLE, WITH, SHOW TABLES..., EXPLAIN: without
 *                  INTO, FOR UPDATE, LOCK IN SHARE MODE, unknown functions and
 *                  variables, sequences, executable comments
 *   all servers    SET of known session variables, USE
 *   same server    FOUND_ROWS(), ROW_COUNT(), SHOW WARNINGS, SHOW ERRORS
 *   primary        everything else; several statements at once
 *   pinned         user variables set, temporary tables, locks, PREPARE, HANDLER,
 *                  XA, SET of anything else, statements that are not known at all
 */
#ifndef SLUICE_MYSQL_STATEMENT_H
#define SLUICE_MYSQL_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

enum statement_route {
	STATEMENT_READ,
	STATEMENT_PRIMARY,
	STATEMENT_ALL,
	STATEMENT_SAME,
	STATEMENT_BEGIN_READ_ONLY, /* a transaction that any server may run */
	STATEMENT_KILL,
};

enum statement_flag {
	STATEMENT_PINS = 1,
	STATEMENT_SETS = 2, /* STATEMENT_ALL by SET: to be repeated on other servers */
	/* What it sets depends on what was set before: it replaces no earlier statement. */
	STATEMENT_SETS_RELATIVE = 4,
	STATEMENT_NEXT_TOO = 8, /* the next statement belongs to it (SET TRANSACTION) */
	STATEMENT_KILL_QUERY = 16,
	STATEMENT_EMPTY = 32, /* blanks and comments */
};

struct statement {
	uint8_t route;
	uint8_t flags;
	uint64_t sets;	 /* with STATEMENT_SETS: equal for statements that set the same variables */
	uint64_t target; /* of STATEMENT_KILL: a connection */
};

/* `truncated`: this is only the beginning of the text. */
struct statement statement_classify(struct span text, bool truncated);

/* By the number of its collation, as in a handshake: text in it cannot be judged. */
bool statement_charset_is_unsafe(uint16_t collation);
/* sql_mode, as a server has it: strings and names may be other than they look. */
bool statement_mode_is_unsafe(struct span sql_mode);

#endif /* SLUICE_MYSQL_STATEMENT_H */
