/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stored generations: each configuration that was put in force on a node, as a file
 * below $SLUICE_STATE_ROOT/NODE, and what a boot is to restore. The kernel is the database
 * of what is in force; the store is for `lbctl rollback` and for what outlives a boot.
 *
 * generation-N.yaml is a cluster file that `lbctl check` reads; comments in front of it
 * say when it was stored, by what, and what became of it. Files are written beside their
 * place and renamed, so there is never half of one. Writers hold the node's lock.
 */
#ifndef SLUICE_STORE_H
#define SLUICE_STORE_H

#include <stddef.h>

#include "addr.h"

#define STORE_HASH_LEN 65  /* SHA-256 in hex, with the final NUL */
#define STORE_BY_LEN   200 /* of the command */
#define STORE_KEEP     50  /* generations of a node */

enum store_state {
	STORE_CONFIRMED,
	STORE_PENDING,	 /* in force until a deadline, unless confirmed */
	STORE_UNDONE,	 /* was turned back */
	STORE_EPHEMERAL, /* in force, and not to outlive a boot */
};

struct stored {
	unsigned number; /* of the generation, sluice_control's */
	enum store_state state;
	__u64 unix_s;
	char hash[STORE_HASH_LEN]; /* of the configuration's text */
	char by[STORE_BY_LEN];	   /* "lbctl apply -f site.yaml" */
};

const char *store_state_name(enum store_state state);

/* The directory of all nodes: $SLUICE_STATE_ROOT, "state" beside $SLUICE_PIN_ROOT, the default. */
int store_root(char *path, size_t size) __must_check;

/* SHA-256 of the text. */
int store_hash(const char *text, size_t length, char hash[STORE_HASH_LEN]) __must_check;

/* Writes a generation, in place of one of that number, and forgets the oldest. */
int store_put(const char *node, const struct stored *generation, const char *text,
	      size_t length) __must_check;
/* The text is the caller's to free; NULL: not wanted. -ENOENT, -EBADMSG: the hash is wrong. */
int store_get(const char *node, unsigned number, struct stored *out, char **text,
	      size_t *length) __must_check;
/* All that are stored, by number, for the caller to free; none is no error. */
int store_list(const char *node, struct stored **out, size_t *count) __must_check;
int store_mark(const char *node, unsigned number, enum store_state state) __must_check;
/* The highest number that was ever stored and not forgotten; 0: none. */
unsigned store_last_number(const char *node);

/*
 * Files of a node beside its generations, whole or not at all. Text is the caller's to free.
 */
#define STORE_BOOT	   "boot.yaml"	       /* what a boot restores */
#define STORE_PENDING_BOOT "boot-pending.yaml" /* what that becomes when it is in force */
#define STORE_BLOCKS	   "blocks" /* what was blocked and unblocked, one after the other */
#define STORE_HOST	   "host"   /* there if the host was set up */

int store_write_file(const char *node, const char *name, const char *text,
		     size_t length) __must_check;
int store_read_file(const char *node, const char *name, char **text, size_t *length) __must_check;
/* One more line at its end. */
int store_append_line(const char *node, const char *name, const char *line) __must_check;
int store_remove_file(const char *node, const char *name) __must_check;
/* In place of what is there. */
int store_rename_file(const char *node, const char *from, const char *to) __must_check;

#endif /* SLUICE_STORE_H */
