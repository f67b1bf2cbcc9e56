/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sessions as lists of keys and values, and packed. */
#include "session.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define ENTRY_BYTES   3 /* of both lengths */
#define EXPIRES_BYTES 8

void session_init(struct session *session, struct arena *arena)
{
	*session = (struct session){.arena = arena};
}

static struct session_entry **find(struct session *session, const char *key)
{
	struct session_entry **place = &session->entries;

	while (*place && strcmp((*place)->key, key))
		place = &(*place)->next;
	return place;
}

static size_t entry_bytes(const struct session_entry *entry)
{
	return ENTRY_BYTES + strlen(entry->key) + strlen(entry->value);
}

const char *session_get(const struct session *session, const char *key)
{
	const struct session_entry *entry = *find((struct session *)session, key);

	return entry ? entry->value : NULL;
}

static int add_entry(struct session *session, const char *key, size_t key_length, const char *value,
		     size_t value_length)
{
	struct session_entry *entry = arena_alloc(session->arena, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->key = arena_copy(session->arena, key, key_length);
	entry->value = arena_copy(session->arena, value, value_length);
	if (!entry->key || !entry->value)
		return -ENOMEM;
	entry->next = session->entries;
	session->entries = entry;
	session->packed += entry_bytes(entry);
	return 0;
}

int session_set(struct session *session, const char *key, const char *value, size_t limit)
{
	struct session_entry **place = find(session, key), *old = *place;
	size_t others = session->packed - (old ? entry_bytes(old) : 0);
	size_t key_length = strlen(key), value_length = value ? strlen(value) : 0;
	int err = 0;

	if (!key_length || key_length > UINT8_MAX)
		return -EINVAL;
	if (value &&
	    (value_length > limit || others + ENTRY_BYTES + key_length + value_length > limit))
		return -ENOSPC;
	if (old && value && !strcmp(old->value, value))
		return 0;
	if (value)
		err = add_entry(session, key, key_length, value, value_length);
	if (err)
		return err;
	/* The new entry may have come in front: the old one's place has to be found again. */
	if (old) {
		for (place = &session->entries; *place != old; place = &(*place)->next)
			;
		*place = old->next;
		session->packed -= entry_bytes(old);
	}
	session->changed = session->changed || old || value;
	return 0;
}

void session_clear(struct session *session)
{
	session->changed = session->changed || session->entries;
	session->entries = NULL;
	session->packed = 0;
}

/* --- packing ------------------------------------------------------------------------ */

size_t session_pack(const struct session *session, uint8_t *out)
{
	uint64_t expires = htole64(session->expires_s);
	uint8_t *at = mempcpy(out, &expires, EXPIRES_BYTES);

	for (const struct session_entry *entry = session->entries; entry; entry = entry->next) {
		size_t key_length = strlen(entry->key), value_length = strlen(entry->value);
		uint16_t length = htole16((uint16_t)value_length);

		*at++ = (uint8_t)key_length;
		at = mempcpy(at, entry->key, key_length);
		at = mempcpy(at, &length, sizeof(length));
		at = mempcpy(at, entry->value, value_length);
	}
	return (size_t)(at - out);
}

/* The entry at `at`: how many bytes it takes. */
static ssize_t unpack_entry(struct session *session, const uint8_t *at, size_t left)
{
	size_t key_length = at[0];
	uint16_t value_length;
	int err;

	if (!key_length || left < ENTRY_BYTES + key_length)
		return -EBADMSG;
	memcpy(&value_length, at + 1 + key_length, sizeof(value_length));
	value_length = le16toh(value_length);
	if (left - ENTRY_BYTES - key_length < value_length || memchr(at + 1, '\0', key_length) ||
	    memchr(at + ENTRY_BYTES + key_length, '\0', value_length))
		return -EBADMSG;
	err = add_entry(session, (const char *)at + 1, key_length,
			(const char *)at + ENTRY_BYTES + key_length, value_length);
	return err ? err : (ssize_t)(ENTRY_BYTES + key_length + value_length);
}

static int unpack(struct session *session, const uint8_t *at, size_t left, uint64_t now_s)
{
	uint64_t expires;

	if (left < EXPIRES_BYTES || left > SESSION_PACKED_MAX)
		return -EBADMSG;
	memcpy(&expires, at, EXPIRES_BYTES);
	session->expires_s = le64toh(expires);
	if (session->expires_s <= now_s)
		return -ETIME;
	at += EXPIRES_BYTES;
	left -= EXPIRES_BYTES;
	while (left) {
		ssize_t taken = unpack_entry(session, at, left);

		if (taken < 0)
			return (int)taken;
		at += taken;
		left -= (size_t)taken;
	}
	return 0;
}

int session_unpack(struct session *session, const void *packed, size_t length, uint64_t now_s)
{
	int err = unpack(session, packed, length, now_s);

	if (err)
		session_init(session, session->arena);
	return err;
}
