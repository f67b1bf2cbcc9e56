/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading the cluster's secret, and deriving keys from it: each use has its own, so that
 * one that became known would not tell the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

#include "key_file.h"

#define COOKIES_LABEL "sluice SYN cookies 1"

ssize_t key_file_read(const char *path, void *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, bytes, size);
	if (length < 0)
		length = -errno;
	close(fd);
	while (length > 0 && strchr(" \t\r\n", ((const char *)bytes)[length - 1]))
		length--;
	return length >= 0 && length < KEY_FILE_MIN_BYTES ? -EINVAL : length;
}

int key_file_derive_cookies(const char *path, unsigned long long key[2])
{
	unsigned char secret[4096], derived[EVP_MAX_MD_SIZE];
	ssize_t length = key_file_read(path, secret, sizeof(secret));
	const void *done;

	if (length < 0)
		return (int)length;
	done = HMAC(EVP_sha256(), secret, (int)length, (const unsigned char *)COOKIES_LABEL,
		    sizeof(COOKIES_LABEL) - 1, derived, NULL);
	memcpy(key, derived, 2 * sizeof(key[0]));
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(derived, sizeof(derived));
	return done ? 0 : -EIO;
}
