/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An application for sluice-app that moves bytes: what AES-128-CTR makes of
 * nothing, under a key of zeros, so that `openssl enc` makes the same; and the
 * SHA-256 of what it is given.
 */
#include <openssl/evp.h>
#include <string.h>

#include "sluice/app.h"

#define PIECE (64 * 1024)

/* GET /bulk/:bytes */
static void give(struct app_request *r)
{
	static const unsigned char zeros[PIECE];
	unsigned char piece[PIECE], key[16] = {0}, iv[16] = {0};
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int64_t left;
	int length;

	if (!app_int(app_param(r, "bytes"), 0, INT64_C(1) << 40, &left) || !cipher ||
	    EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), NULL, key, iv) != 1) {
		app_error(r, 400, "how many bytes?");
		left = 0;
	}
	app_set_header(r, "Content-Type", "application/octet-stream");
	for (; left > 0; left -= length) {
		int wanted = left < PIECE ? (int)left : PIECE;

		if (EVP_EncryptUpdate(cipher, piece, &length, zeros, wanted) != 1 ||
		    app_write(r, piece, (size_t)length) || app_flush(r))
			break;
	}
	EVP_CIPHER_CTX_free(cipher);
}

/* POST /bulk */
static void take(struct app_request *r)
{
	unsigned char piece[PIECE], sum[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned size = 0;
	ssize_t got = -1;

	if (digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1)
		while ((got = app_read(r, piece, sizeof(piece))) > 0)
			EVP_DigestUpdate(digest, piece, (size_t)got);
	if (got < 0 || EVP_DigestFinal_ex(digest, sum, &size) != 1)
		app_error(r, 500, "not all of it has come");
	for (unsigned i = 0; i < size; i++)
		app_printf(r, "%02x", sum[i]);
	EVP_MD_CTX_free(digest);
}

static int start(struct app *app)
{
	int err = app_route(app, "GET", "/bulk/:bytes", give);

	return err ? err : app_route(app, "POST", "/bulk", take);
}

const struct app_module sluice_app = {
	.abi = SLUICE_APP_ABI,
	.name = "bulk",
	.start = start,
};
