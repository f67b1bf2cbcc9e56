/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Frames of `lbctl trace`, byte by byte; the expected checksums come from
 * another implementation of RFC 1071.
 */
#include <string.h>

#include "../../ctl/trace_frame.h"
#include "../support/unit.h"

static struct trace_frame spec_of(int proto, const char *src, const char *dst, unsigned short port)
{
	struct trace_frame spec = {
		.dst_mac = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}, .proto = proto, .tcp_flags = 2};

	CU_ASSERT_EQUAL_FATAL(addr_parse(src, &spec.src.addr), 0);
	CU_ASSERT_EQUAL_FATAL(addr_parse(dst, &spec.dst.addr), 0);
	spec.src.port = 40000;
	spec.dst.port = port;
	return spec;
}

static void check(const struct trace_frame *spec, const char *expected)
{
	unsigned char frame[TRACE_FRAME_MAX];
	size_t length = trace_frame_build(spec, frame);
	char hex[2 * TRACE_FRAME_MAX + 1] = "";

	for (size_t i = 0; i < length; i++)
		sprintf(hex + 2 * i, "%02x", frame[i]);
	UNIT_ASSERT_TEXT(hex, expected);
}

static void syn_is_what_a_client_sends(void)
{
	struct trace_frame spec = spec_of(IPPROTO_TCP, "192.0.2.7", "192.0.2.10", 443);

	check(&spec, "02aabbccddee"
		     "020000000001"
		     "0800"
		     "45000028000040004006b6be"
		     "c0000207"
		     "c000020a"
		     "9c4001bb00000001000000005002faf092e30000"
		     "000000000000"); /* to the 60 bytes of the shortest frame */
}

static void udp_over_ipv6_has_a_checksum(void)
{
	struct trace_frame spec = spec_of(IPPROTO_UDP, "2001:db8::1", "2001:db8::2", 53);

	check(&spec, "02aabbccddee"
		     "020000000001"
		     "86dd"
		     "6000000000081140"
		     "20010db8000000000000000000000001"
		     "20010db8000000000000000000000002"
		     "9c400035000807f4");
}

static void tags_stand_outermost_first(void)
{
	struct trace_frame spec = spec_of(IPPROTO_UDP, "2001:db8::1", "2001:db8::2", 53);

	spec.tags[0] = 100;
	spec.tags[1] = 10;
	spec.tag_count = 2;
	check(&spec, "02aabbccddee"
		     "020000000001"
		     "88a80064"
		     "8100000a"
		     "86dd"
		     "6000000000081140"
		     "20010db8000000000000000000000001"
		     "20010db8000000000000000000000002"
		     "9c400035000807f4");
}

/* The sum over a correct message and its checksum is ffff. */
static unsigned sum_of(const unsigned char *bytes, size_t length)
{
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (unsigned)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void echo_is_of_the_addresses_family(void)
{
	struct trace_frame spec = spec_of(IPPROTO_ICMPV6, "192.0.2.7", "192.0.2.10", 0);
	unsigned char frame[TRACE_FRAME_MAX];

	CU_ASSERT_EQUAL(trace_frame_build(&spec, frame), 60);
	CU_ASSERT_EQUAL(frame[14 + 9], IPPROTO_ICMP);
	CU_ASSERT_EQUAL(frame[34], 8);
	CU_ASSERT_EQUAL(sum_of(frame + 34, 8), 0xffff);
	spec = spec_of(IPPROTO_ICMP, "2001:db8::1", "2001:db8::2", 0);
	CU_ASSERT_EQUAL(trace_frame_build(&spec, frame), 62);
	CU_ASSERT_EQUAL(frame[14 + 6], IPPROTO_ICMPV6);
	CU_ASSERT_EQUAL(frame[54], 128);
}

static void other_protocols_carry_zero_bytes(void)
{
	struct trace_frame spec = spec_of(47, "192.0.2.7", "192.0.2.10", 0);
	unsigned char frame[TRACE_FRAME_MAX];

	CU_ASSERT_EQUAL(trace_frame_build(&spec, frame), 60);
	CU_ASSERT_EQUAL(frame[14 + 3], 28);
	CU_ASSERT_EQUAL(frame[14 + 9], 47);
	CU_ASSERT_EQUAL(sum_of(frame + 14, 20), 0xffff);
	CU_ASSERT_EQUAL(sum_of(frame + 34, 8), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(syn_is_what_a_client_sends),
		UNIT_TEST(udp_over_ipv6_has_a_checksum),
		UNIT_TEST(tags_stand_outermost_first),
		UNIT_TEST(echo_is_of_the_addresses_family),
		UNIT_TEST(other_protocols_carry_zero_bytes),
		{},
	};

	return unit_run("trace_frame", tests);
}
