/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "users.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "model_array.h"
#include "settings.h"

#define NAME_EXPECTED "1 to 127 characters without blanks"

static bool name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= HANDSHAKE_USER_BYTES)
		return false;
	for (; *name; name++)
		if ((unsigned char)*name <= ' ')
			return false;
	return true;
}

static void *add_user(void *object, const char *name)
{
	struct users *users = object;
	struct user *user = model_array_add(&users->items, &users->count, sizeof(*users->items));

	if (user) {
		*user = (struct user){};
		strcpy(user->name, name);
	}
	return user;
}

static int parse_password(const struct field *field, const char *text, void *out)
{
	(void)field;
	return auth_secret_from_password((struct span){text, strlen(text)}, out);
}

/* clang-format off */
static const struct field user_fields[] = {
	{"password", .read = read_scalar_and_flag, .parse = parse_password,
	 FIELD_MEMBER(struct user, secret), .beside = offsetof(struct user, has_password),
	 .expected = "a password of at most 127 bytes"},
	{"hash", .read = read_scalar, .parse = parse_text, FIELD_MEMBER(struct user, hash),
	 .expected = "\"*\" and 40 hexadecimal digits, as PASSWORD() gives them"},
	{},
};

static const struct field file_fields[] = {
	{"users", .read = read_map, .members = user_fields, .kind = "user", .add = add_user,
	 .name_is_valid = name_is_valid, .expected = NAME_EXPECTED, .max = USERS_MAX,
	 .required = true},
	{},
};
/* clang-format on */

static int settle_secret(struct user *user, struct diag_list *diags)
{
	if (user->has_password != !user->hash[0]) {
		diag_add(diags, user->at, "user \"%s\": expected either \"password\" or \"hash\"",
			 user->name);
		return -EINVAL;
	}
	if (user->has_password || !auth_secret_from_hash(user->hash, &user->secret))
		return 0;
	diag_add(diags, user->at,
		 "user \"%s\": not a hash: expected \"*\" and 40 hexadecimal digits", user->name);
	return -EINVAL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

/* Messages of this file, with its name, among those of the one that names it. */
static void hand_over(const char *path, struct diag_list *from, struct diag_list *to)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct diag *diag = &from->items[i];

		if (diag->at.line)
			diag_add(to, (struct place){0}, "%s:%u:%u: %s", path, diag->at.line,
				 diag->at.column, diag->text);
		else
			diag_add(to, (struct place){0}, "%s: %s", path, diag->text);
	}
	diag_fini(from);
}

int users_read(const char *path, struct users *users, struct diag_list *diags)
{
	struct diag_list own = {};
	int err;

	*users = (struct users){};
	err = settings_read(path, file_fields, users, &own);
	for (size_t i = 0; i < users->count && (!err || err == -EINVAL); i++)
		if (settle_secret(&users->items[i], &own))
			err = -EINVAL;
	hand_over(path, &own, diags);
	if (err) {
		users_fini(users);
		return -EINVAL;
	}
	if (users->count)
		qsort(users->items, users->count, sizeof(*users->items), by_name);
	return 0;
}

void users_fini(struct users *users)
{
	if (users->items)
		OPENSSL_cleanse(users->items, users->count * sizeof(*users->items));
	free(users->items);
	*users = (struct users){};
}

const struct user *users_find(const struct users *users, struct span name)
{
	struct user wanted = {};

	if (name.length >= sizeof(wanted.name) || !users->count)
		return NULL;
	memcpy(wanted.name, name.bytes, name.length);
	return bsearch(&wanted, users->items, users->count, sizeof(wanted), by_name);
}
