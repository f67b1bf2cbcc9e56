/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What nodes need of their kernel: which requirements follow from a
 * configuration, and in which order.
 */
#include <errno.h>
#include <string.h>

#include "host_internal.h"
#include "../support/unit.h"

static const char config[] =
	"{sluice: 1, cluster: test, nodes: {"
	" fw: {interfaces: {"
	"  wan: {address: 198.51.100.1/24, roles: [firewall, forward], policy: p},"
	"  mgmt: {address: 10.9.9.1/24}}},"
	" lb: {interfaces: {eth0: {address: 10.0.0.11/24, mtu: 1600, roles: [balancer]}}},"
	" web: {interfaces: {eth0: {address: [10.0.0.21/24, 'fd00::21/64'], roles: [decap]}}},"
	" edge: {interfaces: {eth0: {address: 10.0.0.5/24, roles: [firewall], policy: p}}}},"
	" services: {www: {vips: ['192.0.2.10:80', '192.0.2.10:443', '[2001:db8::10]:80'],"
	"  backends: {web: {}}}},"
	" policies: {p: {}}}";

static struct cluster cluster;
static struct requirements list;

static void build(const char *node)
{
	requirements_fini(&list);
	CU_ASSERT_EQUAL_FATAL(requirements_build(&cluster, model_node(&cluster, node), &list), 0);
}

/* Index of the first requirement of that kind, and sysctl if not NULL; -1: none. */
static int find(enum requirement_kind kind, const char *sysctl)
{
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].kind == kind &&
		    (!sysctl || !strcmp(list.items[i].sysctl, sysctl)))
			return (int)i;
	return -1;
}

static int sysctl_value(const char *path)
{
	int index = find(REQUIRE_SYSCTL, path);

	return index < 0 ? -1 : list.items[index].value;
}

static void gateway_forwards_only_behind_the_backstop(void)
{
	build("fw");
	CU_ASSERT_TRUE(find(REQUIRE_BACKSTOP, NULL) >= 0);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv4/conf/wan/forwarding"), 1);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv6/conf/wan/forwarding"), 1);
	CU_ASSERT_TRUE(find(REQUIRE_BACKSTOP, NULL) <
		       find(REQUIRE_SYSCTL, "net/ipv4/conf/wan/forwarding"));
	CU_ASSERT_TRUE(find(REQUIRE_BACKSTOP, NULL) < find(REQUIRE_FORWARDING6, NULL));
	CU_ASSERT_EQUAL(sysctl_value("net/ipv6/conf/wan/accept_ra"), 0);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv4/fib_multipath_hash_policy"), 3);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv6/fib_multipath_hash_fields"), 55);
}

static void interface_without_roles_is_left_alone(void)
{
	build("fw");
	for (size_t i = 0; i < list.count; i++)
		CU_ASSERT_PTR_NULL(strstr(list.items[i].sysctl, "mgmt"));
}

static void balancer_forwards_and_has_its_mtu(void)
{
	build("lb");
	CU_ASSERT_TRUE(find(REQUIRE_BACKSTOP, NULL) >= 0);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv4/conf/eth0/forwarding"), 1);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv4/fib_multipath_hash_policy"), -1);
	CU_ASSERT_EQUAL(list.items[find(REQUIRE_MTU, NULL)].value, 1600);
	CU_ASSERT_TRUE(list.items[find(REQUIRE_MTU, NULL)].setup);
	CU_ASSERT_EQUAL(find(REQUIRE_VIP, NULL), -1);
}

static void backend_has_each_vip_once_and_no_arp_for_it(void)
{
	unsigned vips = 0;

	build("web");
	for (size_t i = 0; i < list.count; i++)
		vips += list.items[i].kind == REQUIRE_VIP;
	CU_ASSERT_EQUAL(vips, 2);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv4/conf/eth0/arp_ignore"), 1);
	CU_ASSERT_EQUAL(sysctl_value("net/ipv4/conf/eth0/arp_announce"), 2);
	CU_ASSERT_TRUE(find(REQUIRE_SYSCTL, "net/ipv4/conf/eth0/arp_ignore") <
		       find(REQUIRE_VIP, NULL));
	CU_ASSERT_TRUE(find(REQUIRE_LOOSE_SOURCE, NULL) < find(REQUIRE_VIP, NULL));
	CU_ASSERT_EQUAL(find(REQUIRE_BACKSTOP, NULL), -1);
}

static void mtu_that_the_file_does_not_set_is_only_advised(void)
{
	build("web");
	CU_ASSERT_EQUAL(list.items[find(REQUIRE_MTU, NULL)].value, 1540);
	CU_ASSERT_FALSE(list.items[find(REQUIRE_MTU, NULL)].setup);
}

static void firewall_on_a_server_needs_no_forwarding(void)
{
	build("edge");
	CU_ASSERT_EQUAL(find(REQUIRE_BACKSTOP, NULL), -1);
	CU_ASSERT_EQUAL(find(REQUIRE_SYSCTL, NULL), -1);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(gateway_forwards_only_behind_the_backstop),
		UNIT_TEST(interface_without_roles_is_left_alone),
		UNIT_TEST(balancer_forwards_and_has_its_mtu),
		UNIT_TEST(backend_has_each_vip_once_and_no_arp_for_it),
		UNIT_TEST(mtu_that_the_file_does_not_set_is_only_advised),
		UNIT_TEST(firewall_on_a_server_needs_no_forwarding),
		{},
	};
	struct diag_list diags = {0};
	int code;

	if (config_read(config, sizeof(config) - 1, &cluster, &diags)) {
		for (size_t i = 0; i < diags.count; i++)
			fprintf(stderr, "%s\n", diags.items[i].text);
		return 1;
	}
	code = unit_run("host_requirements", tests);
	requirements_fini(&list);
	model_fini(&cluster);
	return code;
}
