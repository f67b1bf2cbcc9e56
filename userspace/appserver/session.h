/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is known of a visitor, as it is packed into the sealed cookie:
 *
 *	expires 8 (seconds since 1970, little endian) | for each: key length 1, key,
 *	value length 2 (little endian), value
 */
#ifndef SLUICE_SESSION_H
#define SLUICE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "sluice/app.h"

/* The module's part, and the token against forged requests. */
#define SESSION_PACKED_MAX (APP_SESSION_BYTES + 64)

struct session_entry {
	struct session_entry *next;
	const char *key, *value;
};

struct session {
	struct arena *arena; /* of keys and values */
	struct session_entry *entries;
	size_t packed; /* bytes that they take */
	uint64_t expires_s;
	bool changed;
};

void session_init(struct session *session, struct arena *arena);

/* -EBADMSG: malformed; -ETIME: it has expired; -ENOMEM. The session is empty then. */
int session_unpack(struct session *session, const void *packed, size_t length,
		   uint64_t now_s) __must_check;
/* Returns the length; `out` has room for SESSION_PACKED_MAX. */
size_t session_pack(const struct session *session, uint8_t *out);

const char *session_get(const struct session *session, const char *key);
/* `value` NULL removes. -ENOSPC: all would exceed `limit`; -EINVAL: no key, or over 255 bytes. */
int session_set(struct session *session, const char *key, const char *value,
		size_t limit) __must_check;
void session_clear(struct session *session);

#endif /* SLUICE_SESSION_H */
