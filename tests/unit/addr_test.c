/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Addresses, prefixes and endpoints: text forms that are taken, those that are
 * refused, and what is printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "../support/unit.h"

static struct sluice_addr parsed(const char *text)
{
	struct sluice_addr addr = {};

	CU_ASSERT_EQUAL(addr_parse(text, &addr), 0);
	return addr;
}

static void ipv4_is_kept_as_mapped_ipv6(void)
{
	static const unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 10};
	struct sluice_addr addr = parsed("192.0.2.10");

	CU_ASSERT_EQUAL(memcmp(&addr, mapped, 16), 0);
	CU_ASSERT_TRUE(addr_is_v4(&addr));
	CU_ASSERT_EQUAL(addr_to_v4(&addr), inet_addr("192.0.2.10"));
	addr = addr_from_v4(inet_addr("192.0.2.10"));
	CU_ASSERT_EQUAL(memcmp(&addr, mapped, 16), 0);
}

static void address_prints_as_rfc_5952_says(void)
{
	static const char *const texts[][2] = {
		{"192.0.2.10", "192.0.2.10"},
		{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"::", "::"},
		{"0.0.0.0", "0.0.0.0"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct sluice_addr addr = parsed(texts[i][0]);
		char buf[ADDR_TEXT_LEN];

		UNIT_ASSERT_TEXT(addr_format(&addr, buf), texts[i][1]);
	}
}

static void address_that_is_none_is_refused_and_leaves_the_output(void)
{
	static const char *const texts[] = {
		"",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.01",
		"10.0.0.1 ",
		" 10.0.0.1",
		"10.0.0.1/8",
		"::ffff:10.0.0.1",
		"2001:db8",
		"2001:db8:::1",
		"fe80::1%eth0",
		"[::1]",
		"1:2:3:4:5:6:7:8:9",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct sluice_addr addr = {.bytes = {0xab}};

		CU_ASSERT_EQUAL(addr_parse(texts[i], &addr), -EINVAL);
		CU_ASSERT_EQUAL(addr.bytes[0], 0xab);
	}
}

static void unspecified_address_of_either_family_is_zero(void)
{
	struct sluice_addr v4 = parsed("0.0.0.0"), v6 = parsed("::");
	struct sluice_addr some = parsed("::1"), host = parsed("0.0.0.1");

	CU_ASSERT_TRUE(addr_is_zero(&v4));
	CU_ASSERT_TRUE(addr_is_zero(&v6));
	CU_ASSERT_FALSE(addr_is_zero(&some));
	CU_ASSERT_FALSE(addr_is_zero(&host));
}

static void prefix_bits_count_from_the_mapped_form(void)
{
	static const struct {
		const char *text;
		unsigned bits;
		const char *printed;
	} cases[] = {
		{"10.0.0.0/8", 104, "10.0.0.0/8"},   {"0.0.0.0/0", 96, "0.0.0.0/0"},
		{"10.0.0.1", 128, "10.0.0.1"},	     {"10.0.0.1/32", 128, "10.0.0.1"},
		{"10.1.2.3/16", 112, "10.1.2.3/16"}, {"::/0", 0, "::/0"},
		{"fd00::/8", 8, "fd00::/8"},	     {"2001:db8::1/128", 128, "2001:db8::1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix prefix;
		char buf[PREFIX_TEXT_LEN];

		CU_ASSERT_EQUAL_FATAL(prefix_parse(cases[i].text, &prefix), 0);
		CU_ASSERT_EQUAL(prefix.bits, cases[i].bits);
		UNIT_ASSERT_TEXT(prefix_format(&prefix, buf), cases[i].printed);
	}
}

static void prefix_that_is_none_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/08",
		"10.0.0.0/-1",
		"10.0.0.0/8 ",
		"10.0.0.0/+8",
		"fd00::/129",
		"10.0.0.0/8/8",
		"10.0.0.0/4294967304",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct prefix prefix = {.bits = 77};

		CU_ASSERT_EQUAL(prefix_parse(texts[i], &prefix), -EINVAL);
		CU_ASSERT_EQUAL(prefix.bits, 77);
	}
}

static void endpoint_goes_to_text_and_back(void)
{
	static const char *const texts[] = {"192.0.2.1:80", "[2001:db8::1]:65535", "0.0.0.0:1"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct endpoint endpoint;
		char buf[ENDPOINT_TEXT_LEN];

		CU_ASSERT_EQUAL_FATAL(endpoint_parse(texts[i], &endpoint), 0);
		UNIT_ASSERT_TEXT(endpoint_format(&endpoint, buf), texts[i]);
	}
}

static void endpoint_that_is_none_is_refused(void)
{
	static const char *const texts[] = {
		"",
		":80",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:080",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[192.0.2.1]:80",
		"[::1:80",
		"[]:80",
		"[:80",
		"www:80",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct endpoint endpoint = {.port = 77};

		CU_ASSERT_EQUAL(endpoint_parse(texts[i], &endpoint), -EINVAL);
		CU_ASSERT_EQUAL(endpoint.port, 77);
	}
}

static void mask_keeps_the_bits_in_front(void)
{
	struct sluice_addr mask = addr_mask(112), addr = parsed("10.1.2.3"), network;
	char buf[ADDR_TEXT_LEN];

	network = addr_and(&addr, &mask);
	UNIT_ASSERT_TEXT(addr_format(&network, buf), "10.1.0.0");
	mask = addr_mask(61);
	addr = parsed("2001:db8:1:2ff::1");
	network = addr_and(&addr, &mask);
	UNIT_ASSERT_TEXT(addr_format(&network, buf), "2001:db8:1:2f8::");
	mask = addr_mask(0);
	CU_ASSERT_TRUE(addr_is_zero(&mask));
	mask = addr_mask(128);
	UNIT_ASSERT_TEXT(addr_format(&mask, buf), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void endpoint_becomes_a_socket_address(void)
{
	struct sockaddr_storage storage;
	struct sockaddr_in *sin = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&storage;
	struct endpoint endpoint;

	CU_ASSERT_EQUAL_FATAL(endpoint_parse("192.0.2.1:80", &endpoint), 0);
	CU_ASSERT_EQUAL(endpoint_to_sockaddr(&endpoint, &storage), sizeof(*sin));
	CU_ASSERT_EQUAL(sin->sin_family, AF_INET);
	CU_ASSERT_EQUAL(sin->sin_port, htons(80));
	CU_ASSERT_EQUAL(sin->sin_addr.s_addr, inet_addr("192.0.2.1"));
	CU_ASSERT_EQUAL_FATAL(endpoint_parse("[::1]:443", &endpoint), 0);
	CU_ASSERT_EQUAL(endpoint_to_sockaddr(&endpoint, &storage), sizeof(*sin6));
	CU_ASSERT_EQUAL(sin6->sin6_family, AF_INET6);
	CU_ASSERT_EQUAL(sin6->sin6_port, htons(443));
	CU_ASSERT_EQUAL(memcmp(&sin6->sin6_addr, &in6addr_loopback, 16), 0);
}

static void v4_is_written_as_the_c_library_does(void)
{
	char ours[ADDR_TEXT_LEN], theirs[ADDR_TEXT_LEN];

	for (uint32_t octet = 0; octet < 256; octet++) {
		__be32 v4 = htonl(octet << 24 | (255 - octet) << 16 | octet << 8 | octet / 2);
		struct sluice_addr addr = addr_from_v4(v4);

		inet_ntop(AF_INET, &v4, theirs, sizeof(theirs));
		UNIT_ASSERT_TEXT(addr_format(&addr, ours), theirs);
	}
}

static void prefix_contains_addresses_of_its_own_family(void)
{
	static const struct {
		const char *prefix, *addr;
		bool within;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.1", true},   {"10.0.0.0/8", "11.0.0.1", false},
		{"10.1.1.11/24", "10.1.1.200", true}, {"0.0.0.0/0", "192.0.2.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},  {"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", false},	      {"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},    {"2001:db8::/32", "2001:db9::1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_addr addr;
		struct prefix prefix;

		CU_ASSERT_EQUAL_FATAL(prefix_parse(cases[i].prefix, &prefix), 0);
		CU_ASSERT_EQUAL_FATAL(addr_parse(cases[i].addr, &addr), 0);
		CU_ASSERT_EQUAL(prefix_contains(&prefix, &addr), cases[i].within);
	}
}

static void socket_addresses_come_back(void)
{
	static const char *const texts[] = {"192.0.2.1:80", "[2001:db8::1]:443"};
	const struct sockaddr path = {.sa_family = AF_UNIX};
	struct sluice_addr addr;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sockaddr_storage storage;
		struct endpoint endpoint;

		CU_ASSERT_EQUAL_FATAL(endpoint_parse(texts[i], &endpoint), 0);
		endpoint_to_sockaddr(&endpoint, &storage);
		CU_ASSERT_EQUAL(addr_from_sockaddr((struct sockaddr *)&storage, &addr), 0);
		CU_ASSERT_EQUAL(addr_cmp(&addr, &endpoint.addr), 0);
	}
	CU_ASSERT_EQUAL(addr_from_sockaddr(&path, &addr), -EAFNOSUPPORT);
	CU_ASSERT_EQUAL(addr_from_sockaddr(NULL, &addr), -EAFNOSUPPORT);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(ipv4_is_kept_as_mapped_ipv6),
		UNIT_TEST(address_prints_as_rfc_5952_says),
		UNIT_TEST(address_that_is_none_is_refused_and_leaves_the_output),
		UNIT_TEST(unspecified_address_of_either_family_is_zero),
		UNIT_TEST(prefix_bits_count_from_the_mapped_form),
		UNIT_TEST(prefix_that_is_none_is_refused),
		UNIT_TEST(endpoint_goes_to_text_and_back),
		UNIT_TEST(endpoint_that_is_none_is_refused),
		UNIT_TEST(mask_keeps_the_bits_in_front),
		UNIT_TEST(endpoint_becomes_a_socket_address),
		UNIT_TEST(v4_is_written_as_the_c_library_does),
		UNIT_TEST(prefix_contains_addresses_of_its_own_family),
		UNIT_TEST(socket_addresses_come_back),
		{},
	};

	return unit_run("addr", tests);
}
