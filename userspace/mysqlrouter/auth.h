/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Passwords: mysql_native_password and caching_sha2_password, as a server
 * (toward clients) and as a client (toward servers). Pure: packets and their
 * order belong to the sessions.
 *
 *   native: reply = SHA1(p) XOR SHA1(scramble, SHA1(SHA1(p)))
 *   sha2:   reply = SHA256(p) XOR SHA256(SHA256(SHA256(p)), scramble)
 *
 * A secret is what the router knows of a password. Of one that is known only by
 * its hash, a client's valid reply yields the inner digest, which is enough to
 * reply to a server as the client would (but not for the full exchange of sha2).
 */
#ifndef SLUICE_MYSQL_AUTH_H
#define SLUICE_MYSQL_AUTH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "protocol.h"
#include "wire.h"

#define AUTH_SHA1_BYTES	    20
#define AUTH_SHA2_BYTES	    32
#define AUTH_REPLY_MAX	    32
#define AUTH_PASSWORD_BYTES 128 /* with its NUL */
#define AUTH_RSA_BITS	    2048
#define AUTH_RSA_MAX_BYTES  1024 /* a key of 8192 bits */

enum auth_plugin { AUTH_NATIVE, AUTH_SHA2, AUTH_PLUGIN_COUNT };

/* AUTH_PLUGIN_COUNT: neither of them. */
enum auth_plugin auth_plugin_find(struct span name);
const char *auth_plugin_name(enum auth_plugin plugin);

enum auth_knowledge {
	AUTH_KNOWS_NOTHING, /* nobody gets in */
	AUTH_KNOWS_PASSWORD,
	AUTH_KNOWS_HASH,  /* SHA1(SHA1(p)): as mysql.user has it behind the asterisk */
	AUTH_KNOWS_INNER, /* SHA1(p) */
};

struct auth_secret {
	uint8_t knowledge;
	union {
		char password[AUTH_PASSWORD_BYTES]; /* "": no password */
		uint8_t digest[AUTH_SHA1_BYTES];
	};
};

/* "*" and 40 hexadecimal digits, to AUTH_KNOWS_HASH. -EINVAL. */
int auth_secret_from_hash(const char *text, struct auth_secret *secret) __must_check;
/* -EINVAL: too long. */
int auth_secret_from_password(struct span password, struct auth_secret *secret) __must_check;

/* --- as a server ------------------------------------------------------------------- */

enum auth_verdict {
	AUTH_REFUSED,
	AUTH_ACCEPTED,
	AUTH_NEEDS_PASSWORD, /* sha2 alone: it cannot be known, or is not, without the password */
};

/*
 * Judges a client's reply to `scramble`. When accepted, `learned` is what is
 * now known, at least as much as `secret`. In constant time for replies of the right length.
 */
enum auth_verdict auth_judge(enum auth_plugin plugin, const struct auth_secret *secret,
			     const uint8_t scramble[SCRAMBLE_BYTES], struct span reply,
			     struct auth_secret *learned);
/* The same for a password that came in clear or by RSA (with its NUL, or without). */
enum auth_verdict auth_judge_password(const struct auth_secret *secret, struct span password,
				      struct auth_secret *learned);

/* Random bytes without NUL, which clients take for an end, and without '$'. -EIO. */
int auth_scramble_make(uint8_t scramble[SCRAMBLE_BYTES]) __must_check;

/* The password that a client has encrypted with our key (RSA-OAEP) under the scramble. */
int auth_rsa_decrypt(EVP_PKEY *key, const uint8_t scramble[SCRAMBLE_BYTES], struct span cipher,
		     char password[AUTH_PASSWORD_BYTES], size_t *length) __must_check;

/* --- as a client ------------------------------------------------------------------- */

/*
 * What to reply to a server. -EACCES: what is known is not enough for this
 * plugin. An empty password has an empty reply.
 */
int auth_reply(enum auth_plugin plugin, const struct auth_secret *secret,
	       const uint8_t scramble[SCRAMBLE_BYTES], uint8_t reply[AUTH_REPLY_MAX],
	       size_t *length) __must_check;

/* The password under the scramble, encrypted with a server's key in PEM. -EBADMSG, -EACCES. */
int auth_rsa_encrypt(struct span pem, const struct auth_secret *secret,
		     const uint8_t scramble[SCRAMBLE_BYTES], uint8_t cipher[AUTH_RSA_MAX_BYTES],
		     size_t *length) __must_check;

#endif /* SLUICE_MYSQL_AUTH_H */
