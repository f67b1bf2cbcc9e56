/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Certificates for tests: made on the spot, signed by themselves.
 */
#ifndef SLUICE_CERTIFICATE_H
#define SLUICE_CERTIFICATE_H

#include <stdbool.h>

struct certificate {
	const char *names; /* "DNS:www.example.net, DNS:*.example.net"; NULL: none */
	const char *common_name;
	bool rsa; /* else P-256 */
	bool expired;
};

/* Writes certificate and key, in this order, into the PEM file `path`; "KEY" alone if not NULL. */
void certificate_write(const struct certificate *what, const char *path, const char *key_path);

#endif /* SLUICE_CERTIFICATE_H */
