/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Addresses, prefixes and endpoints as text and as struct sluice_addr
 * (network byte order, IPv4 as ::ffff:a.b.c.d; RFC 4291, 2.5.5.2; text form of
 * RFC 5952). Parsers do no I/O, accept the whole string or nothing, and return
 * 0 or -EINVAL; outputs are untouched on error.
 */
#ifndef SLUICE_ADDR_H
#define SLUICE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sluice/abi.h"

#define ADDR_TEXT_LEN	  INET6_ADDRSTRLEN
#define PREFIX_TEXT_LEN	  (ADDR_TEXT_LEN + 4) /* with "/128" */
#define ENDPOINT_TEXT_LEN (ADDR_TEXT_LEN + 8) /* with "[]:65535" */

#define __must_check __attribute__((warn_unused_result))

struct prefix {
	struct sluice_addr addr; /* bits behind `bits` may be set: an interface address */
	unsigned char bits;	 /* 0..128; an IPv4 /n is 96 + n */
};

struct endpoint {
	struct sluice_addr addr;
	unsigned short port; /* host byte order */
};

bool addr_is_v4(const struct sluice_addr *addr);
bool addr_is_zero(const struct sluice_addr *addr);
int addr_cmp(const struct sluice_addr *a, const struct sluice_addr *b);
struct sluice_addr addr_from_v4(__be32 v4);
__be32 addr_to_v4(const struct sluice_addr *addr); /* of an IPv4 address */

int addr_parse(const char *text, struct sluice_addr *out) __must_check;
/* "10.0.0.0/8", "fd00::/8"; without a slash a host prefix. */
int prefix_parse(const char *text, struct prefix *out) __must_check;
/* "192.0.2.1:80", "[2001:db8::1]:80". */
int endpoint_parse(const char *text, struct endpoint *out) __must_check;

/* Writers return `buf`, always NUL-terminated; sizes as defined above. */
const char *addr_format(const struct sluice_addr *addr, char buf[ADDR_TEXT_LEN]);
const char *prefix_format(const struct prefix *prefix, char buf[PREFIX_TEXT_LEN]);
const char *endpoint_format(const struct endpoint *endpoint, char buf[ENDPOINT_TEXT_LEN]);

/* The mask of a prefix of `bits` bits; and addr & mask. */
struct sluice_addr addr_mask(unsigned bits);
struct sluice_addr addr_and(const struct sluice_addr *addr, const struct sluice_addr *mask);

bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* The bits of its own family alone, as text shows them: 0..32 or 0..128. */
unsigned prefix_length(const struct prefix *prefix);
/* Whether the address is within it; IPv6 prefixes, however short, hold no IPv4 addresses. */
bool prefix_contains(const struct prefix *prefix, const struct sluice_addr *addr);

/* Of an IPv4 or IPv6 socket; -EAFNOSUPPORT: of another, or NULL. */
int addr_from_sockaddr(const struct sockaddr *sa, struct sluice_addr *out) __must_check;
/* For connect() and bind(); returns the length of the address. */
socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *out);

#endif /* SLUICE_ADDR_H */
