/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "auth.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

static const char *const plugin_names[] = {
	[AUTH_NATIVE] = PLUGIN_NATIVE,
	[AUTH_SHA2] = PLUGIN_CACHING_SHA2,
};

enum auth_plugin auth_plugin_find(struct span name)
{
	enum auth_plugin plugin = 0;

	while (plugin < AUTH_PLUGIN_COUNT && !span_is(name, plugin_names[plugin]))
		plugin++;
	return plugin;
}

const char *auth_plugin_name(enum auth_plugin plugin)
{
	return plugin_names[plugin];
}

/* --- digests ----------------------------------------------------------------------- */

/* Of two pieces, one behind the other. */
static int digest(const EVP_MD *type, struct span first, struct span second, uint8_t *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && EVP_DigestInit_ex(context, type, NULL) &&
		  EVP_DigestUpdate(context, first.bytes, first.length) &&
		  EVP_DigestUpdate(context, second.bytes, second.length) &&
		  EVP_DigestFinal_ex(context, out, NULL);

	EVP_MD_CTX_free(context);
	return ok ? 0 : -EIO;
}

static struct span bytes(const void *at, size_t length)
{
	return (struct span){at, length};
}

static const struct span nothing = {"", 0};

static void xor_into(uint8_t *to, const uint8_t *with, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] ^= with[i];
}

/* SHA1(scramble, SHA1(SHA1(p))): what hides SHA1(p) on the wire. */
static int native_mask(const uint8_t *scramble, const uint8_t *hash, uint8_t *mask)
{
	return digest(EVP_sha1(), bytes(scramble, SCRAMBLE_BYTES), bytes(hash, AUTH_SHA1_BYTES),
		      mask);
}

/* SHA1(p) of a secret that has it. */
static int native_inner(const struct auth_secret *secret, uint8_t *inner)
{
	switch (secret->knowledge) {
	case AUTH_KNOWS_PASSWORD:
		return digest(EVP_sha1(), bytes(secret->password, strlen(secret->password)),
			      nothing, inner);
	case AUTH_KNOWS_INNER:
		memcpy(inner, secret->digest, AUTH_SHA1_BYTES);
		return 0;
	default:
		return -EACCES;
	}
}

/* SHA1(SHA1(p)) of any secret. */
static int native_hash(const struct auth_secret *secret, uint8_t *hash)
{
	uint8_t inner[AUTH_SHA1_BYTES];
	int err;

	if (secret->knowledge == AUTH_KNOWS_HASH) {
		memcpy(hash, secret->digest, AUTH_SHA1_BYTES);
		return 0;
	}
	err = native_inner(secret, inner);
	return err ? err : digest(EVP_sha1(), bytes(inner, sizeof(inner)), nothing, hash);
}

static int native_reply(const struct auth_secret *secret, const uint8_t *scramble, uint8_t *reply)
{
	uint8_t hash[AUTH_SHA1_BYTES], mask[AUTH_SHA1_BYTES];
	int err = native_inner(secret, reply);

	if (!err)
		err = native_hash(secret, hash);
	if (!err)
		err = native_mask(scramble, hash, mask);
	if (!err)
		xor_into(reply, mask, sizeof(mask));
	return err;
}

static int sha2_reply(const struct auth_secret *secret, const uint8_t *scramble, uint8_t *reply)
{
	uint8_t hash[AUTH_SHA2_BYTES], mask[AUTH_SHA2_BYTES];
	int err;

	if (secret->knowledge != AUTH_KNOWS_PASSWORD)
		return -EACCES;
	err = digest(EVP_sha256(), bytes(secret->password, strlen(secret->password)), nothing,
		     reply);
	if (!err)
		err = digest(EVP_sha256(), bytes(reply, AUTH_SHA2_BYTES), nothing, hash);
	if (!err)
		err = digest(EVP_sha256(), bytes(hash, sizeof(hash)),
			     bytes(scramble, SCRAMBLE_BYTES), mask);
	if (!err)
		xor_into(reply, mask, sizeof(mask));
	return err;
}

/* --- secrets ----------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int auth_secret_from_hash(const char *text, struct auth_secret *secret)
{
	*secret = (struct auth_secret){.knowledge = AUTH_KNOWS_HASH};
	if (strlen(text) != 1 + 2 * AUTH_SHA1_BYTES || *text++ != '*')
		return -EINVAL;
	for (size_t i = 0; i < AUTH_SHA1_BYTES; i++, text += 2) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		secret->digest[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int auth_secret_from_password(struct span password, struct auth_secret *secret)
{
	*secret = (struct auth_secret){.knowledge = AUTH_KNOWS_PASSWORD};
	if (password.length >= sizeof(secret->password) ||
	    memchr(password.bytes, 0, password.length))
		return -EINVAL;
	memcpy(secret->password, password.bytes, password.length);
	return 0;
}

static bool is_empty_password(const struct auth_secret *secret)
{
	return secret->knowledge == AUTH_KNOWS_PASSWORD && !secret->password[0];
}

/* --- as a server ------------------------------------------------------------------- */

/* Takes the mask off the reply: what is left must have the hash that we know. */
static enum auth_verdict judge_native(const struct auth_secret *secret, const uint8_t *scramble,
				      struct span reply, struct auth_secret *learned)
{
	uint8_t hash[AUTH_SHA1_BYTES], mask[AUTH_SHA1_BYTES], again[AUTH_SHA1_BYTES];

	if (reply.length != AUTH_SHA1_BYTES || native_hash(secret, hash) ||
	    native_mask(scramble, hash, mask))
		return AUTH_REFUSED;
	xor_into(mask, (const uint8_t *)reply.bytes, sizeof(mask));
	if (digest(EVP_sha1(), bytes(mask, sizeof(mask)), nothing, again) ||
	    CRYPTO_memcmp(again, hash, sizeof(hash)))
		return AUTH_REFUSED;
	if (secret->knowledge == AUTH_KNOWS_PASSWORD) {
		*learned = *secret;
	} else {
		*learned = (struct auth_secret){.knowledge = AUTH_KNOWS_INNER};
		memcpy(learned->digest, mask, sizeof(mask));
	}
	return AUTH_ACCEPTED;
}

/*
 * A reply that does not fit is no refusal: servers then ask for the password, and
 * there are clients that rely on it. So do we of users that do not exist.
 */
static enum auth_verdict judge_sha2(const struct auth_secret *secret, const uint8_t *scramble,
				    struct span reply, struct auth_secret *learned)
{
	uint8_t expected[AUTH_SHA2_BYTES];

	if (secret->knowledge != AUTH_KNOWS_PASSWORD || reply.length != sizeof(expected) ||
	    sha2_reply(secret, scramble, expected) ||
	    CRYPTO_memcmp(expected, reply.bytes, sizeof(expected)))
		return AUTH_NEEDS_PASSWORD;
	*learned = *secret;
	return AUTH_ACCEPTED;
}

enum auth_verdict auth_judge(enum auth_plugin plugin, const struct auth_secret *secret,
			     const uint8_t scramble[SCRAMBLE_BYTES], struct span reply,
			     struct auth_secret *learned)
{
	/* An empty reply (for sha2, a single NUL too) claims an empty password. */
	bool claims_none = !reply.length || (reply.length == 1 && !reply.bytes[0]);

	if (claims_none != is_empty_password(secret))
		return AUTH_REFUSED;
	if (claims_none) {
		*learned = *secret;
		return AUTH_ACCEPTED;
	}
	return plugin == AUTH_NATIVE ? judge_native(secret, scramble, reply, learned)
				     : judge_sha2(secret, scramble, reply, learned);
}

enum auth_verdict auth_judge_password(const struct auth_secret *secret, struct span password,
				      struct auth_secret *learned)
{
	uint8_t known[AUTH_SHA1_BYTES], claimed[AUTH_SHA1_BYTES];
	struct auth_secret claim;

	if (password.length && !password.bytes[password.length - 1])
		password.length--;
	if (auth_secret_from_password(password, &claim) || native_hash(&claim, claimed) ||
	    native_hash(secret, known) || CRYPTO_memcmp(known, claimed, sizeof(known)))
		return AUTH_REFUSED;
	*learned = claim;
	return AUTH_ACCEPTED;
}

int auth_scramble_make(uint8_t scramble[SCRAMBLE_BYTES])
{
	if (RAND_bytes(scramble, SCRAMBLE_BYTES) != 1)
		return -EIO;
	for (size_t i = 0; i < SCRAMBLE_BYTES; i++)
		scramble[i] = (uint8_t)(scramble[i] % 90 + 37); /* '%' to '~' */
	return 0;
}

static EVP_PKEY_CTX *oaep_context(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *context))
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	if (context && (init(context) <= 0 ||
			EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) <= 0)) {
		EVP_PKEY_CTX_free(context);
		return NULL;
	}
	return context;
}

static void xor_scramble(uint8_t *to, size_t length, const uint8_t *scramble)
{
	for (size_t i = 0; i < length; i++)
		to[i] ^= scramble[i % SCRAMBLE_BYTES];
}

int auth_rsa_decrypt(EVP_PKEY *key, const uint8_t scramble[SCRAMBLE_BYTES], struct span cipher,
		     char password[AUTH_PASSWORD_BYTES], size_t *length)
{
	EVP_PKEY_CTX *context = oaep_context(key, EVP_PKEY_decrypt_init);
	uint8_t clear[AUTH_RSA_MAX_BYTES];
	size_t size = sizeof(clear);
	int err = -EBADMSG;

	if (!context)
		return -ENOMEM;
	if (EVP_PKEY_decrypt(context, clear, &size, (const uint8_t *)cipher.bytes, cipher.length) >
		    0 &&
	    size && size <= AUTH_PASSWORD_BYTES) {
		xor_scramble(clear, size, scramble);
		memcpy(password, clear, size);
		*length = size;
		err = 0;
	}
	OPENSSL_cleanse(clear, sizeof(clear));
	EVP_PKEY_CTX_free(context);
	return err;
}

/* --- as a client ------------------------------------------------------------------- */

int auth_reply(enum auth_plugin plugin, const struct auth_secret *secret,
	       const uint8_t scramble[SCRAMBLE_BYTES], uint8_t reply[AUTH_REPLY_MAX],
	       size_t *length)
{
	*length = 0;
	if (is_empty_password(secret))
		return 0;
	*length = plugin == AUTH_NATIVE ? AUTH_SHA1_BYTES : AUTH_SHA2_BYTES;
	return plugin == AUTH_NATIVE ? native_reply(secret, scramble, reply)
				     : sha2_reply(secret, scramble, reply);
}

static EVP_PKEY *key_from_pem(struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.bytes, (int)pem.length);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return key;
}

int auth_rsa_encrypt(struct span pem, const struct auth_secret *secret,
		     const uint8_t scramble[SCRAMBLE_BYTES], uint8_t cipher[AUTH_RSA_MAX_BYTES],
		     size_t *length)
{
	uint8_t clear[AUTH_PASSWORD_BYTES];
	EVP_PKEY_CTX *context = NULL;
	EVP_PKEY *key = NULL;
	size_t size;
	int err = -EBADMSG;

	if (secret->knowledge != AUTH_KNOWS_PASSWORD)
		return -EACCES;
	size = strlen(secret->password) + 1;
	memcpy(clear, secret->password, size);
	xor_scramble(clear, size, scramble);
	*length = AUTH_RSA_MAX_BYTES;
	key = key_from_pem(pem);
	if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_size(key) <= AUTH_RSA_MAX_BYTES)
		context = oaep_context(key, EVP_PKEY_encrypt_init);
	if (context && EVP_PKEY_encrypt(context, cipher, length, clear, size) > 0)
		err = 0;
	OPENSSL_cleanse(clear, sizeof(clear));
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	return err;
}
