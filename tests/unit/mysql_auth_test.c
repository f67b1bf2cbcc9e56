/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Passwords on both sides: what we reply to a server, we accept from a client;
 * replies of known clients (vectors computed with MariaDB's and PyMySQL's own code).
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "../../userspace/mysqlrouter/auth.h"
#include "../support/unit.h"

static const uint8_t scramble[SCRAMBLE_BYTES + 1] = "abcdefghij0123456789";

static struct auth_secret password(const char *text)
{
	struct auth_secret secret;

	CU_ASSERT_EQUAL(auth_secret_from_password((struct span){text, strlen(text)}, &secret), 0);
	return secret;
}

/* SELECT PASSWORD('secret') */
static struct auth_secret hash(void)
{
	struct auth_secret secret;

	CU_ASSERT_EQUAL(auth_secret_from_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7", &secret),
			0);
	return secret;
}

/* A client that knows `own` comes to a router that knows `known`. */
static enum auth_verdict meet(enum auth_plugin plugin, struct auth_secret own,
			      struct auth_secret known, struct auth_secret *learned)
{
	uint8_t reply[AUTH_REPLY_MAX];
	size_t length;

	CU_ASSERT_EQUAL(auth_reply(plugin, &own, scramble, reply, &length), 0);
	return auth_judge(plugin, &known, scramble, (struct span){(char *)reply, length}, learned);
}

static void right_password_is_accepted_and_no_other(void)
{
	struct auth_secret learned;

	for (enum auth_plugin plugin = 0; plugin < AUTH_PLUGIN_COUNT; plugin++) {
		CU_ASSERT_EQUAL(meet(plugin, password("secret"), password("secret"), &learned),
				AUTH_ACCEPTED);
		UNIT_ASSERT_TEXT(learned.password, "secret");
		CU_ASSERT_EQUAL(meet(plugin, password("Secret"), password("secret"), &learned),
				plugin == AUTH_SHA2 ? AUTH_NEEDS_PASSWORD : AUTH_REFUSED);
		CU_ASSERT_EQUAL(meet(plugin, password(""), password("secret"), &learned),
				AUTH_REFUSED);
		CU_ASSERT_EQUAL(meet(plugin, password("secret"), password(""), &learned),
				AUTH_REFUSED);
		CU_ASSERT_NOT_EQUAL(
			meet(plugin, password("secret"), (struct auth_secret){}, &learned),
			AUTH_ACCEPTED);
		CU_ASSERT_EQUAL(meet(plugin, password(""), password(""), &learned), AUTH_ACCEPTED);
		CU_ASSERT_EQUAL(meet(plugin, password(""), (struct auth_secret){}, &learned),
				AUTH_REFUSED);
	}
}

static void reply_to_a_hash_teaches_what_servers_want(void)
{
	struct auth_secret learned, again;
	uint8_t reply[AUTH_REPLY_MAX];
	size_t length;

	CU_ASSERT_EQUAL(meet(AUTH_NATIVE, password("secret"), hash(), &learned), AUTH_ACCEPTED);
	CU_ASSERT_EQUAL(learned.knowledge, AUTH_KNOWS_INNER);
	CU_ASSERT_EQUAL(meet(AUTH_NATIVE, learned, password("secret"), &again), AUTH_ACCEPTED);
	CU_ASSERT_EQUAL(meet(AUTH_NATIVE, learned, hash(), &again), AUTH_ACCEPTED);
	CU_ASSERT_EQUAL(auth_reply(AUTH_SHA2, &learned, scramble, reply, &length), -EACCES);
	CU_ASSERT_EQUAL(meet(AUTH_NATIVE, password("wrong"), hash(), &learned), AUTH_REFUSED);
}

static void hash_needs_the_password_itself_under_sha2(void)
{
	struct auth_secret known = hash(), learned;

	CU_ASSERT_EQUAL(meet(AUTH_SHA2, password("secret"), known, &learned), AUTH_NEEDS_PASSWORD);
	CU_ASSERT_EQUAL(auth_judge_password(&known, (struct span){"secret", 7}, &learned),
			AUTH_ACCEPTED);
	UNIT_ASSERT_TEXT(learned.password, "secret");
	CU_ASSERT_EQUAL(auth_judge_password(&known, (struct span){"secret", 6}, &learned),
			AUTH_ACCEPTED);
	CU_ASSERT_EQUAL(auth_judge_password(&known, (struct span){"public", 7}, &learned),
			AUTH_REFUSED);
	CU_ASSERT_EQUAL(auth_judge_password(&known, (struct span){"", 0}, &learned), AUTH_REFUSED);
}

static void replies_are_those_of_other_clients(void)
{
	static const uint8_t native[AUTH_SHA1_BYTES] = {0x99, 0xdb, 0x25, 0xcc, 0xb2, 0xa6, 0x25,
							0xf0, 0xe7, 0xcf, 0x4c, 0xe2, 0xe8, 0x95,
							0xef, 0x96, 0x09, 0xdf, 0xe5, 0xe4};
	static const uint8_t sha2[AUTH_SHA2_BYTES] = {
		0xbd, 0x7d, 0x89, 0xfc, 0x1c, 0x29, 0x70, 0x10, 0xda, 0x75, 0x3d,
		0x08, 0x82, 0x2e, 0x9e, 0x48, 0xd3, 0xea, 0xfb, 0xb6, 0xe6, 0x8e,
		0x1f, 0x9b, 0x40, 0x3b, 0xe1, 0x2d, 0xc5, 0x68, 0x7a, 0x40};
	struct auth_secret secret = password("secret");
	uint8_t reply[AUTH_REPLY_MAX];
	size_t length;

	CU_ASSERT_EQUAL(auth_reply(AUTH_NATIVE, &secret, scramble, reply, &length), 0);
	CU_ASSERT_EQUAL(length, sizeof(native));
	CU_ASSERT_EQUAL(memcmp(reply, native, sizeof(native)), 0);
	CU_ASSERT_EQUAL(auth_reply(AUTH_SHA2, &secret, scramble, reply, &length), 0);
	CU_ASSERT_EQUAL(length, sizeof(sha2));
	CU_ASSERT_EQUAL(memcmp(reply, sha2, sizeof(sha2)), 0);
}

static struct span public_pem(EVP_PKEY *key, BIO *bio)
{
	char *bytes;
	long length;

	CU_ASSERT_EQUAL(PEM_write_bio_PUBKEY(bio, key), 1);
	length = BIO_get_mem_data(bio, &bytes);
	return (struct span){bytes, (size_t)length};
}

static void password_comes_through_rsa(void)
{
	EVP_PKEY *key = EVP_RSA_gen(AUTH_RSA_BITS);
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t cipher[AUTH_RSA_MAX_BYTES];
	struct auth_secret secret = password("a password that is longer than the scramble"),
			   known = hash();
	char clear[AUTH_PASSWORD_BYTES];
	struct span pem = public_pem(key, bio), sent;
	size_t length, clear_length;

	CU_ASSERT_EQUAL(auth_rsa_encrypt(pem, &secret, scramble, cipher, &length), 0);
	sent = (struct span){(char *)cipher, length};
	CU_ASSERT_EQUAL(auth_rsa_decrypt(key, scramble, sent, clear, &clear_length), 0);
	CU_ASSERT_EQUAL(clear_length, strlen(secret.password) + 1);
	UNIT_ASSERT_TEXT(clear, secret.password);
	cipher[5] ^= 1;
	CU_ASSERT_EQUAL(auth_rsa_decrypt(key, scramble, sent, clear, &clear_length), -EBADMSG);
	CU_ASSERT_EQUAL(auth_rsa_encrypt(pem, &known, scramble, cipher, &length), -EACCES);
	pem.length /= 2;
	CU_ASSERT_EQUAL(auth_rsa_encrypt(pem, &secret, scramble, cipher, &length), -EBADMSG);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void what_is_no_hash_is_refused(void)
{
	struct auth_secret secret;

	CU_ASSERT_EQUAL(auth_secret_from_hash("", &secret), -EINVAL);
	CU_ASSERT_EQUAL(auth_secret_from_hash("*14E6", &secret), -EINVAL);
	CU_ASSERT_EQUAL(auth_secret_from_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EEX", &secret),
			-EINVAL);
	CU_ASSERT_EQUAL(auth_secret_from_hash("+14E65567ABDB5135D0CFD9A70B3032C179A49EE7", &secret),
			-EINVAL);
}

static void scramble_has_no_byte_that_ends_it(void)
{
	uint8_t made[SCRAMBLE_BYTES], other[SCRAMBLE_BYTES];

	for (int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(auth_scramble_make(made), 0);
		CU_ASSERT_PTR_NULL(memchr(made, 0, sizeof(made)));
		CU_ASSERT_PTR_NULL(memchr(made, '$', sizeof(made)));
	}
	CU_ASSERT_EQUAL(auth_scramble_make(other), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(made, other, sizeof(made)), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(right_password_is_accepted_and_no_other),
		UNIT_TEST(reply_to_a_hash_teaches_what_servers_want),
		UNIT_TEST(hash_needs_the_password_itself_under_sha2),
		UNIT_TEST(replies_are_those_of_other_clients),
		UNIT_TEST(password_comes_through_rsa),
		UNIT_TEST(what_is_no_hash_is_refused),
		UNIT_TEST(scramble_has_no_byte_that_ends_it),
		{},
	};

	return unit_run("mysql auth", tests);
}
