/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Positions in the stream of replicated transactions: what a session has
 * written, and what a server has applied.
 *
 *   MariaDB  0-1-1234,7-2-99           domain-server-sequence: all up to it
 *   MySQL    3e11fa47-...:1-77:80-90   intervals of transactions of a server
 *
 * Both are kept as ranges of numbers from a source. Of a session's writes one
 * range for each source is kept, from the first to the last: what lies between
 * them is asked for, too, which is more than needed, never less.
 */
#ifndef SLUICE_MYSQL_GTID_H
#define SLUICE_MYSQL_GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "wire.h"

#define GTID_MAX_RANGES 16
#define GTID_TEXT_LEN	1280 /* enough for a set of GTID_MAX_RANGES of either kind */

enum gtid_flavour { GTID_NONE, GTID_MARIADB, GTID_MYSQL };

struct gtid_range {
	uint8_t source[16]; /* MySQL: the UUID; MariaDB: the domain in the first four bytes */
	uint32_t server;    /* MariaDB only; not compared */
	uint32_t padding;
	uint64_t first, last;
};

struct gtid_set {
	uint8_t flavour;
	uint8_t count;
	bool truncated; /* there were more ranges: it holds more than is known */
	struct gtid_range ranges[GTID_MAX_RANGES];
};

/*
 * A position of a server: `first` of MariaDB's ranges is 0. What does not fit is
 * left out and the set marked. The empty text is an empty set. -EINVAL.
 */
int gtid_parse(enum gtid_flavour flavour, struct span text, struct gtid_set *set) __must_check;

/*
 * Adds transactions (text as a server reports them after a write) to what a
 * session has written. -EINVAL; -ENOSPC: too many sources, the set is unchanged.
 */
int gtid_add_written(enum gtid_flavour flavour, struct span text,
		     struct gtid_set *written) __must_check;

/* Whether a server that has applied `applied` has all of `written`. */
bool gtid_contains(const struct gtid_set *applied, const struct gtid_set *written);

/* Adds what one of them has and the other has not. -ENOSPC as above. */
int gtid_merge_written(struct gtid_set *into, const struct gtid_set *from) __must_check;

/* As text for MASTER_GTID_WAIT() or WAIT_FOR_EXECUTED_GTID_SET(); returns `buf`. */
const char *gtid_format(const struct gtid_set *set, char buf[GTID_TEXT_LEN]);

#endif /* SLUICE_MYSQL_GTID_H */
