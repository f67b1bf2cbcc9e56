/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who may log in, and with what: a file that the master alone can read.
 *
 *   users:
 *     site: {password: "secret"}
 *     report: {hash: "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"}   # as in mysql.user
 *
 * The router logs in to servers by the same name and password.
 */
#ifndef SLUICE_MYSQL_USERS_H
#define SLUICE_MYSQL_USERS_H

#include <stddef.h>

#include "auth.h"
#include "config_reader.h"
#include "handshake.h"

#define USERS_MAX 65536

struct user {
	struct place at;
	char name[HANDSHAKE_USER_BYTES];
	struct auth_secret secret;
	char hash[64];
	bool has_password;
};

struct users {
	struct user *items; /* sorted by name */
	size_t count;
};

/* -EINVAL: `diags` say what is wrong, and where in the file. */
int users_read(const char *path, struct users *users, struct diag_list *diags) __must_check;
void users_fini(struct users *users);
/* NULL: there is no such user. */
const struct user *users_find(const struct users *users, struct span name);

#endif /* SLUICE_MYSQL_USERS_H */
