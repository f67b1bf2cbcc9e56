/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Parsing and sanity: what is refused whatever the policy, and that nothing
 * behind the end of a header, a packet or a frame is ever read.
 */
#include <stdio.h>
#include <string.h>

#include "../support/gateway.h"
#include "../support/unit.h"

static const char accept_all[] = GATEWAY("default: accept, strict: false,", "");

#define TCP4 USER_TO_WEB4, .sport = 40000, .dport = 80
#define TCP6 USER_TO_WEB6, .sport = 40000, .dport = 80
#define UDP4 TCP4, .proto = IPPROTO_UDP
#define UDP6 TCP6, .proto = IPPROTO_UDP

#define IP4(member)  (FRAME_IP + (member))
#define L4_4(member) (FRAME_IP4 + (member))
#define L4_6(member) (FRAME_IP6 + (member))

static void lengths_must_agree(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"no IP header", "wan", {TCP4, .cut = 40}, .outcome = SLUICE_MALFORMED},
		{"no IPv6 header", "wan", {TCP6, .cut = 60}, .outcome = SLUICE_MALFORMED},
		{"version 6 as IPv4", "wan", {TCP6, .ethertype = ETH_P_IP},
		 .outcome = SLUICE_MALFORMED},
		{"version 4 as IPv6", "wan", {TCP4, .ethertype = ETH_P_IPV6, .payload = 40},
		 .outcome = SLUICE_MALFORMED},
		{"header of 16 bytes", "wan", {TCP4, .poke = {{IP4(0), 0x44}}},
		 .outcome = SLUICE_MALFORMED},
		{"header of 16 bytes, of a protocol not looked into", "wan", {USER_TO_WEB4,
		 .proto = 253, .payload = 8, .poke = {{IP4(0), 0x44}}},
		 .outcome = SLUICE_MALFORMED},
		{"header of 60 bytes in a packet of 40", "wan", {TCP4, .padding = 40,
		 .poke = {{IP4(0), 0x4f}}}, .outcome = SLUICE_MALFORMED},
		{"total length less than the header", "wan", {TCP4, .poke = {{IP4(3), 19}}},
		 .outcome = SLUICE_MALFORMED},
		{"total length 0", "wan", {TCP4, .poke = {{IP4(3), 0}}},
		 .outcome = SLUICE_MALFORMED},
		{"total length past the frame", "wan", {TCP4, .poke = {{IP4(3), 41}}},
		 .outcome = SLUICE_MALFORMED},
		{"payload length past the frame", "wan", {TCP6, .poke = {{IP4(5), 21}}},
		 .outcome = SLUICE_MALFORMED},
		{"payload length 65535", "wan", {TCP6, .poke = {{IP4(4), 255}, {IP4(5), 255}}},
		 .outcome = SLUICE_MALFORMED},
		{"TCP header is padding", "wan", {TCP4, .poke = {{IP4(3), 39}}},
		 .outcome = SLUICE_MALFORMED},
		{"TCP header is padding, IPv6", "wan", {TCP6, .poke = {{IP4(5), 19}}},
		 .outcome = SLUICE_MALFORMED},
		{"TCP header of 16 bytes", "wan", {TCP4, .poke = {{L4_4(12), 0x40}}},
		 .outcome = SLUICE_MALFORMED},
		{"TCP header of 16 bytes, IPv6", "wan", {TCP6, .poke = {{L4_6(12), 0x40}}},
		 .outcome = SLUICE_MALFORMED},
		{"TCP options past the packet", "wan", {TCP4, .padding = 4, .poke = {{L4_4(12),
		 0x60}}}, .outcome = SLUICE_MALFORMED},
		{"TCP options past the packet, IPv6", "wan", {TCP6, .padding = 4,
		 .poke = {{L4_6(12), 0x60}}}, .outcome = SLUICE_MALFORMED},
		{"TCP options inside", "wan", {TCP4, .payload = 4, .poke = {{L4_4(12), 0x60}}},
		 ROUTED_TO("web")},
		{"UDP length less than its header", "wan", {UDP4, .poke = {{L4_4(5), 7}}},
		 .outcome = SLUICE_MALFORMED},
		{"UDP length less than its header, IPv6", "wan", {UDP6, .poke = {{L4_6(5), 7}}},
		 .outcome = SLUICE_MALFORMED},
		{"UDP length past the packet", "wan", {UDP4, .padding = 1, .poke = {{L4_4(5),
		 9}}}, .outcome = SLUICE_MALFORMED},
		{"UDP length past the packet, IPv6", "wan", {UDP6, .padding = 1,
		 .poke = {{L4_6(5), 9}}}, .outcome = SLUICE_MALFORMED},
		{"UDP length less than the packet", "wan", {UDP4, .payload = 1, .poke = {{L4_4(5),
		 8}}}, ROUTED_TO("web")},
		{"UDP header is padding", "wan", {UDP4, .poke = {{IP4(3), 27}}},
		 .outcome = SLUICE_MALFORMED},
		{"ICMP header is padding", "wan", {USER_TO_WEB4, .type = 8, .poke = {{IP4(3),
		 27}}}, .outcome = SLUICE_MALFORMED},
		{"ICMPv6 header is padding", "wan", {USER_TO_WEB6, .type = 128, .poke = {{IP4(5),
		 7}}}, .outcome = SLUICE_MALFORMED},
		{"no ICMP header", "wan", {USER_TO_WEB4, .type = 8, .cut = 8, .poke = {{IP4(3),
		 20}}}, .outcome = SLUICE_MALFORMED},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, tests);
}

static void extension_headers_are_followed_to_a_limit(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"hop by hop", "wan", {TCP6, .ext = "H"}, ROUTED_TO("web")},
		{"all kinds", "wan", {TCP6, .ext = "HDRFD"}, ROUTED_TO("web")},
		{"six", "wan", {TCP6, .ext = "HDRDRD"}, ROUTED_TO("web")},
		{"seven", "wan", {TCP6, .ext = "HDRDRDR"}, .outcome = SLUICE_EXT_HEADERS},
		{"twelve", "wan", {TCP6, .ext = "DDDDDDDDDDDD"}, .outcome = SLUICE_EXT_HEADERS},
		{"UDP behind", "wan", {UDP6, .ext = "HD", .payload = 9}, ROUTED_TO("web")},
		{"bad flags behind", "wan", {TCP6, .ext = "D", .flags = TCP_FIN},
		 .outcome = SLUICE_TCP_FLAGS},
		{"of 16 bytes", "wan", {UDP6, .ext = "DD", .poke = {{L4_6(0), IPPROTO_UDP},
		 {L4_6(1), 1}}}, ROUTED_TO("web")},
		{"past the packet", "wan", {UDP6, .ext = "D", .poke = {{L4_6(1), 2}}},
		 .outcome = SLUICE_MALFORMED},
		{"into the padding", "wan", {UDP6, .ext = "D", .padding = 8, .poke = {{L4_6(1),
		 2}}}, .outcome = SLUICE_MALFORMED},
		{"into the padding, and no more headers", "wan", {USER_TO_WEB6, .proto = 59,
		 .ext = "D", .padding = 8, .poke = {{L4_6(1), 1}}}, .outcome = SLUICE_MALFORMED},
		{"nothing but extension headers", "wan", {USER_TO_WEB6, .proto = 59, .ext = "HD"},
		 ROUTED_TO("web")},
		{"chain cut", "wan", {TCP6, .ext = "HD", .poke = {{IP4(5), 12}}, .cut = 24},
		 .outcome = SLUICE_MALFORMED},
		{"chain ends in padding", "wan", {USER_TO_WEB6, .proto = 59, .ext = "HD",
		 .poke = {{IP4(5), 12}}}, .outcome = SLUICE_MALFORMED},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, tests);
}

static void addresses_must_make_sense(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"from multicast", "wan", {.src = "224.0.0.1", .dst = WEB4},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"from class E", "wan", {.src = "240.0.0.1", .dst = WEB4},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"from broadcast", "wan", {.src = "255.255.255.255", .dst = WEB4},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"from loopback", "wan", {.src = "127.1.2.3", .dst = WEB4},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"to loopback", "wan", {.src = USER4, .dst = "127.0.0.1"},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"from this network", "wan", {.src = "0.0.0.0", .dst = WEB4},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"to this network", "wan", {.src = USER4, .dst = "0.1.2.3"},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"DHCP", "wan", {.src = "0.0.0.0", .dst = "255.255.255.255", .proto = IPPROTO_UDP,
		 .sport = 68, .dport = 67}, .outcome = SLUICE_PASS_LOCAL},
		{"to multicast", "wan", {.src = USER4, .dst = "224.0.0.5", .proto = 89, .ttl = 1},
		 .outcome = SLUICE_PASS_LOCAL},
		{"from multicast, IPv6", "wan", {.src = "ff02::1", .dst = WEB6},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"from loopback, IPv6", "wan", {.src = "::1", .dst = WEB6},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"to loopback, IPv6", "wan", {.src = USER6, .dst = "::1"},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"from nowhere", "wan", {.src = "::", .dst = WEB6},
		 .outcome = SLUICE_BAD_ADDRESS},
		{"to nowhere", "wan", {.src = USER6, .dst = "::"}, .outcome = SLUICE_BAD_ADDRESS},
		{"duplicate address detection", "wan", {.src = "::", .dst = "ff02::1:ff00:1",
		 .type = 135, .ttl = 255, .payload = 16}, .outcome = SLUICE_PASS_LOCAL},
		{"nearly loopback", "wan", {.src = "::2", .dst = WEB6}, ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, tests);
}

/* The library writes such addresses as IPv4: they are poked. */
static void mapped_addresses_do_not_belong_on_the_wire(void)
{
	struct packet packets[] = {{.src = "::ff:c633:6407", .dst = WEB6},
				   {.src = USER6, .dst = "::ff:c633:6407"}};
	struct testbed tb;

	for (int i = 0; i < 2; i++)
		packets[i].poke[0] = (struct poke){(unsigned short)(IP4(8) + 16 * i + 10), 0xff};
	testbed_up(&tb, "fw", accept_all);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packets[0]), SLUICE_BAD_ADDRESS);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packets[1]), SLUICE_BAD_ADDRESS);
	testbed_down(&tb);
}

static void nobody_talks_to_the_endpoint_that_it_is(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP", "wan", {.src = WEB4, .dst = WEB4, .sport = 80, .dport = 80,
		 .flags = TCP_SYN}, .outcome = SLUICE_LAND},
		{"TCP, IPv6", "wan", {.src = WEB6, .dst = WEB6, .sport = 80, .dport = 80,
		 .flags = TCP_SYN}, .outcome = SLUICE_LAND},
		{"UDP", "wan", {.src = WEB4, .dst = WEB4, .proto = IPPROTO_UDP, .sport = 7,
		 .dport = 7}, .outcome = SLUICE_LAND},
		{"UDP, IPv6", "wan", {.src = WEB6, .dst = WEB6, .proto = IPPROTO_UDP, .sport = 7,
		 .dport = 7}, .outcome = SLUICE_LAND},
		{"other port", "wan", {.src = WEB4, .dst = WEB4, .sport = 81, .dport = 80},
		 ROUTED_TO("web")},
		{"other address", "wan", {USER_TO_WEB6, .sport = 80, .dport = 80},
		 ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, tests);
}

static enum sluice_outcome send_with_flags(struct testbed *tb, bool v6, unsigned char flags)
{
	struct packet packet = {TCP4};

	if (v6)
		packet = (struct packet){TCP6};
	packet.sport = flags; /* a flow each */
	packet.poke[0] = (struct poke){v6 ? L4_6(13) : L4_4(13), flags};
	return testbed_send(tb, "wan", &packet);
}

/* Bits that no rule speaks of, PSH, URG, ECE and CWR, change nothing. */
static bool flags_make_sense(unsigned flags)
{
	unsigned relevant = flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);

	return relevant == TCP_SYN || relevant == (TCP_SYN | TCP_ACK) || relevant == TCP_ACK ||
	       relevant == TCP_RST || relevant == (TCP_RST | TCP_ACK) ||
	       relevant == (TCP_FIN | TCP_ACK) || relevant == (TCP_FIN | TCP_RST) ||
	       relevant == (TCP_FIN | TCP_RST | TCP_ACK);
}

static void every_combination_of_tcp_flags(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", accept_all);
	for (unsigned flags = 0; flags < 256; flags++) {
		enum sluice_outcome expected =
			flags_make_sense(flags) ? SLUICE_REDIRECT : SLUICE_TCP_FLAGS;

		CU_ASSERT_EQUAL(send_with_flags(&tb, false, (unsigned char)flags), expected);
		CU_ASSERT_EQUAL(send_with_flags(&tb, true, (unsigned char)flags), expected);
	}
	testbed_down(&tb);
}

static void what_is_not_ip_goes_to_the_stack(void)
{
	static const char no_firewall[] = GATEWAY_ROLES("forward", "", "", "");
	/* clang-format off */
	const struct packet_test firewall[] = {
		{"ARP", "wan", {UDP4, .ethertype = ETH_P_ARP}, .outcome = SLUICE_PASS_NOT_IP},
		{"LLDP", "wan", {UDP4, .ethertype = ETH_P_LLDP}, .outcome = SLUICE_PASS_NOT_IP},
		{"802.3 length", "wan", {UDP4, .ethertype = 28}, .outcome = SLUICE_PASS_NOT_IP},
		{"nothing behind it", "wan", {UDP4, .ethertype = ETH_P_ARP, .cut = 28},
		 .outcome = SLUICE_PASS_NOT_IP},
		{"a tag hides what the firewall must see", "wan", {TCP4, .vlan = 5},
		 .outcome = SLUICE_VLAN},
	};
	const struct packet_test forward[] = {
		{"a tag is the stack's affair", "wan", {TCP4, .vlan = 5},
		 .outcome = SLUICE_PASS_NOT_IP},
		{"sanity does not depend on roles", "wan", {TCP4, .flags = TCP_FIN},
		 .outcome = SLUICE_TCP_FLAGS},
		{"nor do addresses", "wan", {.src = "::1", .dst = WEB6},
		 .outcome = SLUICE_BAD_ADDRESS},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, firewall);
	PACKET_TESTS_ON("fw", no_firewall, forward);
}

/* clang-format off */
#define FOR_ANOTHER .poke = {{5, 0x99}}
#define FOR_MANY    .poke = {{0, 0x03}} /* the group bit */
/* clang-format on */

static void frames_of_other_hosts_are_left_alone(void)
{
	static const char drop_all[] = GATEWAY("default: drop,", "");
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPv4", "wan", {TCP4, FOR_ANOTHER}, .outcome = SLUICE_PASS_OTHER_HOST},
		{"IPv6", "wan", {TCP6, FOR_ANOTHER}, .outcome = SLUICE_PASS_OTHER_HOST},
		{"what nobody would take", "wan", {TCP4, .flags = TCP_FIN, FOR_ANOTHER},
		 .outcome = SLUICE_PASS_OTHER_HOST},
		{"nothing but a link header", "wan", {TCP4, .cut = 40, FOR_ANOTHER},
		 .outcome = SLUICE_PASS_OTHER_HOST},
		{"a tag", "wan", {TCP4, .vlan = 5, FOR_ANOTHER},
		 .outcome = SLUICE_PASS_OTHER_HOST},
		{"not IP", "wan", {UDP4, .ethertype = ETH_P_ARP, FOR_ANOTHER},
		 .outcome = SLUICE_PASS_OTHER_HOST},
		{"for many is judged", "wan", {TCP4, FOR_MANY}, .outcome = SLUICE_POLICY_DEFAULT},
		{"for many is checked", "wan", {TCP6, .flags = TCP_FIN, FOR_MANY},
		 .outcome = SLUICE_TCP_FLAGS},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", drop_all, tests);
}

static void frames_for_many_are_not_forwarded(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"IPv4", "wan", {TCP4, FOR_MANY}, .outcome = SLUICE_PASS_LOCAL},
		{"IPv6", "wan", {TCP6, FOR_MANY}, .outcome = SLUICE_PASS_LOCAL},
		{"for this host", "wan", {TCP6}, ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, tests);
}

static void frames_of_other_hosts_open_no_flow(void)
{
	struct packet packet = {TCP4, .flags = TCP_SYN, FOR_ANOTHER};
	struct testbed tb;

	testbed_up(&tb, "fw", accept_all);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_PASS_OTHER_HOST);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	testbed_down(&tb);
}

static void padding_is_not_the_packet(void)
{
	/* clang-format off */
	const struct packet_test tests[] = {
		{"TCP", "wan", {TCP4, .padding = 6}, ROUTED_TO("web")},
		{"TCP, IPv6", "wan", {TCP6, .padding = 100}, ROUTED_TO("web")},
		{"options", "wan", {TCP4, .options = 40, .padding = 3}, ROUTED_TO("web")},
		{"another protocol", "wan", {USER_TO_WEB4, .proto = 253, .padding = 26},
		 ROUTED_TO("web")},
	};
	/* clang-format on */

	PACKET_TESTS_ON("fw", accept_all, tests);
}

/* A slot that nothing was published into: no packet may see less than a configuration. */
static void without_a_configuration_nothing_passes(void)
{
	static const char unpublished[] =
		"{sluice: 1, cluster: test, limits: {flows: 1024},"
		" nodes: {new: {interfaces: {wan: {network: wan, address: 198.51.100.1/24,"
		"  roles: [firewall], policy: edge}}}},"
		" policies: {edge: {default: accept, strict: false}}}";
	struct packet packet = {.src = USER4, .dst = FW4};
	struct testbed tb;

	testbed_up(&tb, "new", unpublished);
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_PASS_LOCAL);
	tb.dp.control->generation.config++;
	CU_ASSERT_EQUAL(testbed_send(&tb, "wan", &packet), SLUICE_INTERNAL);
	tb.dp.control->generation.config--;
	testbed_down(&tb);
}

/* --- cut at every byte ---------------------------------------------------- */

static const struct packet inner4 = {WEB_TO_USER4, .sport = 80, .dport = 40000};
static const struct packet inner6 = {WEB_TO_USER6, .sport = 80, .dport = 40000};

static const struct packet whole[] = {
	{TCP4, .payload = 7},
	{TCP6, .payload = 7},
	{TCP4, .options = 8},
	{TCP6, .ext = "HRDF"},
	{UDP4, .payload = 7},
	{UDP6, .payload = 7},
	{USER_TO_WEB4, .type = 8, .payload = 7},
	{USER_TO_WEB6, .type = 128, .payload = 7},
	{USER_TO_WEB4, .type = 3, .quoted = &inner4},
	{USER_TO_WEB6, .type = 1, .quoted = &inner6},
	{USER_TO_WEB4, .inner = &inner4},
	{USER_TO_WEB6, .inner = &inner6},
};

#define WHOLE_COUNT (sizeof(whole) / sizeof(whole[0]))

static void frame_cut_anywhere_is_malformed(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", accept_all);
	for (size_t i = 0; i < WHOLE_COUNT; i++) {
		struct frame frame;
		struct run run;

		testbed_frame(&tb, "wan", &whole[i], &frame);
		testbed_run(&tb, "wan", &frame, &run);
		CU_ASSERT_EQUAL(run.outcome, SLUICE_REDIRECT);
		while (--frame.length >= ETH_HLEN) {
			testbed_run(&tb, "wan", &frame, &run);
			CU_ASSERT_EQUAL(run.outcome, SLUICE_MALFORMED);
		}
	}
	testbed_down(&tb);
}

/* Makes the IP header say that the packet ends where the frame does. */
static void set_ip_length(struct frame *frame)
{
	unsigned char *ip = frame->bytes + FRAME_IP;
	size_t length = frame->length - FRAME_IP;

	if (ip[0] >> 4 == 4) {
		ip[2] = (unsigned char)(length >> 8);
		ip[3] = (unsigned char)length;
	} else {
		ip[4] = (unsigned char)((length - 40) >> 8);
		ip[5] = (unsigned char)(length - 40);
	}
}

/* The least that a packet cut there must have: all of its headers; UDP all that it counts. */
static size_t least_length(const struct packet *packet, size_t full_length)
{
	size_t length = packet_is_v6(packet) ? FRAME_IP6 : FRAME_IP4 + packet->options;

	if (packet->ext)
		length += 8 * strlen(packet->ext);
	if (packet->inner)
		return length;
	if (packet->proto == IPPROTO_UDP)
		return full_length;
	return length + (packet->type ? 8 : 20);
}

static void packet_cut_anywhere_needs_its_headers(void)
{
	struct testbed tb;

	testbed_up(&tb, "fw", accept_all);
	for (size_t i = 0; i < WHOLE_COUNT; i++) {
		struct frame frame;
		struct run run;
		size_t least;

		testbed_frame(&tb, "wan", &whole[i], &frame);
		least = least_length(&whole[i], frame.length);
		while (--frame.length >= (packet_is_v6(&whole[i]) ? FRAME_IP6 : FRAME_IP4)) {
			set_ip_length(&frame);
			testbed_run(&tb, "wan", &frame, &run);
			CU_ASSERT_EQUAL(run.outcome,
					frame.length < least ? SLUICE_MALFORMED : SLUICE_REDIRECT);
		}
	}
	testbed_down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(lengths_must_agree),
		UNIT_TEST(extension_headers_are_followed_to_a_limit),
		UNIT_TEST(addresses_must_make_sense),
		UNIT_TEST(mapped_addresses_do_not_belong_on_the_wire),
		UNIT_TEST(nobody_talks_to_the_endpoint_that_it_is),
		UNIT_TEST(every_combination_of_tcp_flags),
		UNIT_TEST(what_is_not_ip_goes_to_the_stack),
		UNIT_TEST(frames_of_other_hosts_are_left_alone),
		UNIT_TEST(frames_for_many_are_not_forwarded),
		UNIT_TEST(frames_of_other_hosts_open_no_flow),
		UNIT_TEST(padding_is_not_the_packet),
		UNIT_TEST(without_a_configuration_nothing_passes),
		UNIT_TEST(frame_cut_anywhere_is_malformed),
		UNIT_TEST(packet_cut_anywhere_needs_its_headers),
		{},
	};

	return unit_run("sanity", tests);
}
