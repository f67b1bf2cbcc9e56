/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sealed text: what a visitor keeps for us and can neither read nor change.
 * AES-256-GCM (NIST SP 800-38D) under keys that all application servers share,
 * as base64url (RFC 4648, 5) of
 *
 *	version 1 | key id 4 | nonce 12 | ciphertext | tag 16
 *
 * The last key of the file seals, all of them open. To rotate without losing a session: put the
 * new key in front of the last on every server; then last; then remove the old one. A key may
 * seal 2^32 times: nonces are random.
 */
#ifndef SLUICE_SEAL_H
#define SLUICE_SEAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"
#include "diag.h"

#define SEAL_MAX_KEYS	     3
#define SEAL_KEY_BYTES	     32
#define SEAL_OVERHEAD	     33 /* bytes, before base64 */
#define SEAL_TEXT_LEN(bytes) (((bytes) + SEAL_OVERHEAD) * 4 / 3 + 4)

struct seal_key {
	uint8_t id[4]; /* of its SHA-256 */
	uint8_t bytes[SEAL_KEY_BYTES];
};

struct seal_keys {
	size_t count;
	struct seal_key keys[SEAL_MAX_KEYS]; /* the last seals */
};

/* Lines of base64 of 32 bytes, '#' begins a comment. -EINVAL: told in `diags`. */
int seal_keys_read(const char *path, struct seal_keys *keys, struct diag_list *diags) __must_check;
/* A key of this process alone, for where none is configured. */
int seal_keys_random(struct seal_keys *keys) __must_check;

/*
 * `purpose` is bound to the text: what was sealed for another does not open. Writes at most
 * SEAL_TEXT_LEN(length) bytes with NUL. -EIO: OpenSSL has failed.
 */
int seal_close(const struct seal_keys *keys, const char *purpose, const void *plain, size_t length,
	       char *text) __must_check;
/*
 * Returns the length of what was sealed. -EBADMSG: damaged, or not ours; -ENOKEY: sealed under
 * another key; -ENOBUFS.
 */
ssize_t seal_open(const struct seal_keys *keys, const char *purpose, const char *text,
		  size_t text_length, void *plain, size_t size) __must_check;

/* base64url without padding. `out` has room for bytes * 4 / 3 + 4. Returns the length. */
size_t seal_encode(const uint8_t *data, size_t length, char *out);
/* -EBADMSG, also where two texts would mean the same; -ENOBUFS. */
ssize_t seal_decode(const char *text, size_t length, uint8_t *out, size_t size) __must_check;

#endif /* SLUICE_SEAL_H */
