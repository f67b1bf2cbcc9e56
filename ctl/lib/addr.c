/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Addresses, prefixes and endpoints. An IPv4 address is kept as its IPv4-mapped
 * IPv6 address, so a mapped address written in IPv6 notation is refused: it
 * would silently mean something else, and it never stands in a packet.
 */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

bool addr_is_v4(const struct sluice_addr *addr)
{
	return !addr->words[0] && !addr->words[1] && addr->words[2] == htonl(0xffff);
}

bool addr_is_zero(const struct sluice_addr *addr)
{
	bool high_is_zero = !addr->words[0] && !addr->words[1] && !addr->words[2];

	return (high_is_zero || addr_is_v4(addr)) && !addr->words[3];
}

int addr_cmp(const struct sluice_addr *a, const struct sluice_addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

struct sluice_addr addr_from_v4(__be32 v4)
{
	return (struct sluice_addr){.words = {0, 0, htonl(0xffff), v4}};
}

__be32 addr_to_v4(const struct sluice_addr *addr)
{
	return addr->words[3];
}

int addr_parse(const char *text, struct sluice_addr *out)
{
	struct sluice_addr addr;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*out = addr_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &addr) != 1 || addr_is_v4(&addr))
		return -EINVAL;
	*out = addr;
	return 0;
}

/* The whole text is a number of at most `max`. */
static int parse_number(const char *text, unsigned max, unsigned *out)
{
	unsigned value;
	const char *end = number_scan(text, max, &value);

	if (!end || *end)
		return -EINVAL;
	*out = value;
	return 0;
}

/* Copies text[0..length) into a buffer of an address's size. */
static int cut(const char *text, size_t length, char buf[ADDR_TEXT_LEN])
{
	if (length >= ADDR_TEXT_LEN)
		return -EINVAL;
	memcpy(buf, text, length);
	buf[length] = '\0';
	return 0;
}

/* An IPv4 prefix has these in front of its own. */
static unsigned bits_of_family(const struct sluice_addr *addr)
{
	return addr_is_v4(addr) ? SLUICE_V4_PREFIX_BITS : 0;
}

int prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchrnul(text, '/');
	char host[ADDR_TEXT_LEN];
	struct sluice_addr addr;
	unsigned bits, skipped;

	if (cut(text, (size_t)(slash - text), host) || addr_parse(host, &addr))
		return -EINVAL;
	skipped = bits_of_family(&addr);
	bits = 128 - skipped;
	if (*slash && parse_number(slash + 1, bits, &bits))
		return -EINVAL;
	out->addr = addr;
	out->bits = (unsigned char)(skipped + bits);
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *out)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	char host[ADDR_TEXT_LEN];
	struct sluice_addr addr;
	size_t length;
	unsigned port;

	if (!colon || parse_number(colon + 1, 65535, &port) || !port)
		return -EINVAL;
	length = (size_t)(colon - text);
	if (bracketed && (length < 2 || text[length - 1] != ']'))
		return -EINVAL;
	if (cut(text + bracketed, length - (bracketed ? 2 : 0), host) || addr_parse(host, &addr))
		return -EINVAL;
	if (addr_is_v4(&addr) == bracketed)
		return -EINVAL;
	out->addr = addr;
	out->port = (unsigned short)port;
	return 0;
}

/* As inet_ntop(3), which goes through snprintf(3): daemons do this for every request. */
static void format_v4(const unsigned char *octets, char *at)
{
	for (int i = 0; i < 4; i++) {
		unsigned octet = octets[i];

		if (octet >= 100)
			*at++ = (char)('0' + octet / 100);
		if (octet >= 10)
			*at++ = (char)('0' + octet / 10 % 10);
		*at++ = (char)('0' + octet % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
}

const char *addr_format(const struct sluice_addr *addr, char buf[ADDR_TEXT_LEN])
{
	if (addr_is_v4(addr))
		format_v4((const unsigned char *)&addr->words[3], buf);
	else
		inet_ntop(AF_INET6, addr, buf, ADDR_TEXT_LEN);
	return buf;
}

const char *prefix_format(const struct prefix *prefix, char buf[PREFIX_TEXT_LEN])
{
	size_t length;

	addr_format(&prefix->addr, buf);
	length = strlen(buf);
	if (prefix->bits < 128)
		snprintf(buf + length, PREFIX_TEXT_LEN - length, "/%u", prefix_length(prefix));
	return buf;
}

const char *endpoint_format(const struct endpoint *endpoint, char buf[ENDPOINT_TEXT_LEN])
{
	const char *format = addr_is_v4(&endpoint->addr) ? "%s:%u" : "[%s]:%u";
	char host[ADDR_TEXT_LEN];

	snprintf(buf, ENDPOINT_TEXT_LEN, format, addr_format(&endpoint->addr, host),
		 endpoint->port);
	return buf;
}

struct sluice_addr addr_mask(unsigned bits)
{
	struct sluice_addr mask = {};

	for (unsigned i = 0; i < sizeof(mask.bytes) && bits; i++) {
		unsigned taken = bits < 8 ? bits : 8;

		mask.bytes[i] = (unsigned char)(0xff << (8 - taken));
		bits -= taken;
	}
	return mask;
}

struct sluice_addr addr_and(const struct sluice_addr *addr, const struct sluice_addr *mask)
{
	struct sluice_addr result;

	for (int i = 0; i < 4; i++)
		result.words[i] = addr->words[i] & mask->words[i];
	return result;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && !addr_cmp(&a->addr, &b->addr);
}

unsigned prefix_length(const struct prefix *prefix)
{
	return prefix->bits - bits_of_family(&prefix->addr);
}

bool prefix_contains(const struct prefix *prefix, const struct sluice_addr *addr)
{
	struct sluice_addr mask = addr_mask(prefix->bits);
	struct sluice_addr a = addr_and(&prefix->addr, &mask), b = addr_and(addr, &mask);

	return addr_is_v4(&prefix->addr) == addr_is_v4(addr) && !addr_cmp(&a, &b);
}

int addr_from_sockaddr(const struct sockaddr *sa, struct sluice_addr *out)
{
	if (sa && sa->sa_family == AF_INET)
		*out = addr_from_v4(((const struct sockaddr_in *)sa)->sin_addr.s_addr);
	else if (sa && sa->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof(*out));
	else
		return -EAFNOSUPPORT;
	return 0;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr_is_v4(&endpoint->addr)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)out;

		sin->sin_family = AF_INET;
		sin->sin_port = htons(endpoint->port);
		sin->sin_addr.s_addr = addr_to_v4(&endpoint->addr);
		return sizeof(*sin);
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)out;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(endpoint->port);
		memcpy(&sin6->sin6_addr, &endpoint->addr, sizeof(sin6->sin6_addr));
		return sizeof(*sin6);
	}
}
