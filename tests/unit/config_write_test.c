/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The canonical form: what it looks like, and that nothing is lost in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../support/model_equal.h"
#include "../support/unit.h"

static void read_right(const char *text, size_t length, struct cluster *cluster)
{
	struct diag_list diags = {};

	CU_ASSERT_EQUAL(config_read(text, length, cluster, &diags), 0);
	for (size_t i = 0; i < diags.count; i++)
		UNIT_ASSERT_TEXT(diags.items[i].text, "");
	diag_fini(&diags);
}

/* Reads `text`, and expects `canonical` to be written, also from itself. */
static void assert_canonical(const char *text, const char *canonical)
{
	struct cluster cluster, again;
	size_t length = 0;
	char *written = NULL;

	read_right(text, strlen(text), &cluster);
	CU_ASSERT_EQUAL_FATAL(config_write(&cluster, &written, &length), 0);
	UNIT_ASSERT_TEXT(written, canonical);
	CU_ASSERT_EQUAL(length, strlen(canonical));
	read_right(written, length, &again);
	CU_ASSERT_TRUE(model_equal(&cluster, &again));
	free(written);
	model_fini(&cluster);
	model_fini(&again);
}

static void empty_model_is_a_version(void)
{
	assert_canonical("{sluice: 1}", "sluice: 1\n");
}

static void limits_are_written_as_they_were_said(void)
{
	assert_canonical("{sluice: 1, services: {www: {vips: '192.0.2.10:80',"
			 " limit: [{rate: 50000/s, of: packets}, {of: new-flows, per: source/32/64,"
			 " rate: 20/s, burst: 1000}]}},"
			 " policies: {p: {rules: [{name: r, id: 1, action: accept,"
			 " limit: {rate: 60000/m, of: bytes, per: source/24, burst: 2M}}]}}}",
			 "sluice: 1\n\nservices:\n  www:\n    vips: [\"192.0.2.10:80\"]\n"
			 "    proto: tcp\n    forward: ipip\n"
			 "    limit: [{rate: 50k/s}, {rate: 20/s, of: new-flows, per: source, "
			 "burst: 1k}]\n"
			 "\npolicies:\n  p:\n    default: drop\n    rules:\n"
			 "      - {name: r, id: 1, action: accept, limit: {rate: 60k/m, of: bytes, "
			 "per: source/24, burst: 2M}}\n");
}

static void head_is_written_without_defaults(void)
{
	assert_canonical("limits: {flows: 262144}\nsluice: 1\ncluster: 'foo'\n",
			 "sluice: 1\ncluster: foo\n");
	assert_canonical("limits: {flows: 262144}\nsluice: 1\ngue-port: 6080\n", "sluice: 1\n");
	assert_canonical("gue-port: 7000\nsluice: 1\n", "sluice: 1\ngue-port: 7000\n");
	assert_canonical("sluice: 1\nlimits: {next-hops: 64, sources: 4096, blocks: 65536}\n",
			 "sluice: 1\nlimits: {sources: 4096, next-hops: 64}\n");
	assert_canonical("limits: {flows: 64}\nsluice: 1\nkey: '/etc/a#\"b\\c'\n",
			 "sluice: 1\nkey: \"/etc/a#\\\"b\\\\c\"\nlimits: {flows: 64}\n");
}

static void service_is_written_without_defaults(void)
{
	assert_canonical(
		"sluice: 1\n"
		"services:\n"
		"  www:\n"
		"    check: {type: http, status: 200, path: '/a?b', interval: 60s, rise: 3}\n"
		"    vips: 192.0.2.1:80\n",
		"sluice: 1\n"
		"\n"
		"services:\n"
		"  www:\n"
		"    vips: [\"192.0.2.1:80\"]\n"
		"    proto: tcp\n"
		"    forward: ipip\n"
		"    check: {type: http, path: \"/a?b\", interval: 1m, rise: 3}\n");
}

static void ports_of_backends_are_written(void)
{
	assert_canonical("sluice: 1\n"
			 "services:\n"
			 "  www:\n"
			 "    forward: nat\n"
			 "    backends:\n"
			 "      a: {port: 8443, weight: 7, address: 10.0.0.7}\n"
			 "      10.0.0.8: {}\n"
			 "    vips: 192.0.2.1:443\n",
			 "sluice: 1\n"
			 "\n"
			 "services:\n"
			 "  www:\n"
			 "    vips: [\"192.0.2.1:443\"]\n"
			 "    proto: tcp\n"
			 "    forward: nat\n"
			 "    backends:\n"
			 "      a: {address: 10.0.0.7, port: 8443, weight: 7}\n"
			 "      10.0.0.8: {}\n");
}

static void assert_check(const char *check, const char *canonical)
{
	char text[1024], expected[1024];

	snprintf(text, sizeof(text),
		 "sluice: 1\nservices: {www: {vips: 192.0.2.1:80, check: {%s}}}\n", check);
	snprintf(expected, sizeof(expected),
		 "sluice: 1\n\nservices:\n  www:\n    vips: [\"192.0.2.1:80\"]\n    proto: tcp\n"
		 "    forward: ipip\n    check: {%s}\n",
		 canonical);
	assert_canonical(text, expected);
}

static void check_is_written_without_defaults(void)
{
	assert_check(
		"type: https, status: [200, 300-399], method: HEAD, ca: /ca, name: a, jitter: 5%",
		"type: https, name: a, method: HEAD, status: [200, 300-399], ca: /ca");
	assert_check("type: http, jitter: 0%, status: 200-200, body: 'all \"is\" well'",
		     "type: http, body: \"all \\\"is\\\" well\", jitter: 0%");
	assert_check("type: udp, expect: 0x70, send: 0x00FF", "type: udp, send: 0x00ff, expect: p");
	assert_check("type: tcp, send: \"PING\\r\\n\"", "type: tcp, send: 0x50494e470d0a");
	assert_check("read-only: no, user: u, password-file: /p, type: mysql",
		     "type: mysql, user: u, password-file: /p, read-only: no");
}

static void service_shows_how_it_is_scheduled(void)
{
	assert_canonical(
		"sluice: 1\n"
		"key: /k\n"
		"services:\n"
		"  a: {vips: 192.0.2.1:80, panic: 0%, affinity: none, syn-cookies: off}\n"
		"  b: {panic: 50%, vips: 192.0.2.2:80, affinity: source64, slow-start: 30000ms,\n"
		"      syn-cookies: 2000/s}\n"
		"  c: {vips: 192.0.2.3:80, syn-cookies: always}\n",
		"sluice: 1\n"
		"key: /k\n"
		"\n"
		"services:\n"
		"  a:\n"
		"    vips: [\"192.0.2.1:80\"]\n"
		"    proto: tcp\n"
		"    forward: ipip\n"
		"  b:\n"
		"    vips: [\"192.0.2.2:80\"]\n"
		"    proto: tcp\n"
		"    forward: ipip\n"
		"    affinity: source64\n"
		"    slow-start: 30s\n"
		"    panic: 50%\n"
		"    syn-cookies: 2000/s\n"
		"  c:\n"
		"    vips: [\"192.0.2.3:80\"]\n"
		"    proto: tcp\n"
		"    forward: ipip\n"
		"    syn-cookies: always\n");
}

static void backend_shows_what_its_name_does_not_say(void)
{
	assert_canonical("sluice: 1\n"
			 "services:\n"
			 "  www:\n"
			 "    vips: 192.0.2.1:80\n"
			 "    backends:\n"
			 "      web1: {address: [\"fd00::5\", 10.0.0.5], weight: 100}\n"
			 "      web2: {address: 10.0.0.6, state: up}\n"
			 "      10.0.0.7: {weight: 0, state: drain, backup: yes}\n"
			 "nodes:\n"
			 "  web1: {interfaces: {e: {address: [10.0.0.5/24, \"fd00::5/64\"]}}}\n"
			 "  web2: {interfaces: {e: {address: [10.0.0.6/32, \"fd00::6/128\"]}}}\n",
			 "sluice: 1\n"
			 "\n"
			 "services:\n"
			 "  www:\n"
			 "    vips: [\"192.0.2.1:80\"]\n"
			 "    proto: tcp\n"
			 "    forward: ipip\n"
			 "    backends:\n"
			 "      web1: {}\n"
			 "      web2: {address: 10.0.0.6}\n"
			 "      10.0.0.7: {weight: 0, state: drain, backup: yes}\n"
			 "\n"
			 "nodes:\n"
			 "  web1:\n"
			 "    interfaces:\n"
			 "      e: {address: [10.0.0.5/24, \"fd00::5/64\"]}\n"
			 "  web2:\n"
			 "    interfaces:\n"
			 "      e: {address: [10.0.0.6/32, \"fd00::6/128\"]}\n");
}

static void rule_is_one_line(void)
{
	assert_canonical("sluice: 1\n"
			 "sets: {lan: [10.0.0.0/8]}\n"
			 "policies:\n"
			 "  web:\n"
			 "    strict: false\n"
			 "    default: accept\n"
			 "    rules:\n"
			 "      - action: accept-stateless\n"
			 "        port: [80, 8000-8099]\n"
			 "        sport: 1024-65535\n"
			 "        proto: 17\n"
			 "        to: \"fd00::/8\"\n"
			 "        from: [\"fd01::/16\", lan]\n"
			 "        in: eth0.7\n"
			 "        id: 12\n"
			 "        name: all\n"
			 "      - {name: rest, proto: 253, action: drop}\n",
			 "sluice: 1\n"
			 "\n"
			 "sets:\n"
			 "  lan: [10.0.0.0/8]\n"
			 "\n"
			 "policies:\n"
			 "  web:\n"
			 "    default: accept\n"
			 "    strict: false\n"
			 "    rules:\n"
			 "      - {name: all, id: 12, in: eth0.7, from: [lan, \"fd01::/16\"], "
			 "to: \"fd00::/8\", proto: udp, sport: 1024-65535, port: [80, 8000-8099], "
			 "action: accept-stateless}\n"
			 "      - {name: rest, proto: 253, action: drop}\n");
}

static void node_is_written_in_the_order_of_the_file(void)
{
	assert_canonical(
		"sluice: 1\n"
		"key: /k\n"
		"services: {b: {vips: 192.0.2.1:1}, a: {vips: 192.0.2.1:2}}\n"
		"policies: {p: }\n"
		"nodes:\n"
		"  lb1:\n"
		"    agent: {announce: [b, a], exchange: 10.0.0.1:2, metrics: \"[::]:1\"}\n"
		"    routes: [{mtu: 1500, via: 10.0.0.2, to: 0.0.0.0/0}]\n"
		"    interfaces:\n"
		"      z0: {policy: p, roles: [decap, firewall], mtu: 9000, network: n,\n"
		"           address: 10.0.0.1/8, vlans: [10, 100-199, 7-7]}\n"
		"      a0: {vlans: none}\n"
		"      b0: {vlans: 1-4094}\n"
		"  idle: {}\n",
		"sluice: 1\n"
		"key: /k\n"
		"\n"
		"services:\n"
		"  b:\n"
		"    vips: [\"192.0.2.1:1\"]\n"
		"    proto: tcp\n"
		"    forward: ipip\n"
		"  a:\n"
		"    vips: [\"192.0.2.1:2\"]\n"
		"    proto: tcp\n"
		"    forward: ipip\n"
		"\n"
		"policies:\n"
		"  p:\n"
		"    default: drop\n"
		"\n"
		"nodes:\n"
		"  lb1:\n"
		"    interfaces:\n"
		"      z0: {network: n, address: 10.0.0.1/8, mtu: 9000, "
		"roles: [firewall, decap], policy: p, vlans: [10, 100-199, 7]}\n"
		"      a0: {vlans: none}\n"
		"      b0: {vlans: any}\n"
		"    routes:\n"
		"      - {to: default, via: 10.0.0.2, mtu: 1500}\n"
		"    agent: {metrics: \"[::]:1\", exchange: \"10.0.0.1:2\", announce: [b, a]}\n"
		"  idle:\n");
}

static void long_set_is_broken_into_lines(void)
{
	char text[8192], *written = NULL;
	struct cluster cluster;
	size_t length, used = 0, longest = 0;

	used = (size_t)snprintf(text, sizeof(text), "sluice: 1\nsets:\n  bad: [");
	for (int i = 0; i < 200; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\"2001:db8:%x::/48\",",
					 i);
	snprintf(text + used, sizeof(text) - used, "]\n");
	read_right(text, strlen(text), &cluster);
	CU_ASSERT_EQUAL_FATAL(config_write(&cluster, &written, &length), 0);
	for (const char *line = written; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > longest)
			longest = strcspn(line, "\n");
	CU_ASSERT(longest > 80 && longest <= 100);
	assert_canonical(text, written);
	free(written);
	model_fini(&cluster);
}

static void lab_cluster_file_survives(void)
{
	static char text[1 << 16];
	FILE *file = fopen("vm/cluster.yaml", "re");
	struct cluster cluster;
	char *written = NULL;
	size_t length;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fread(text, 1, sizeof(text) - 1, file) > 0, 1);
	fclose(file);
	read_right(text, strlen(text), &cluster);
	CU_ASSERT_EQUAL(model_assign_rule_ids(&cluster, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(config_write(&cluster, &written, &length), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(written, "{name: no-tunnels-ipip, id: 0, in: wan,"));
	assert_canonical(written, written);
	free(written);
	model_fini(&cluster);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(empty_model_is_a_version),
		UNIT_TEST(head_is_written_without_defaults),
		UNIT_TEST(limits_are_written_as_they_were_said),
		UNIT_TEST(service_is_written_without_defaults),
		UNIT_TEST(ports_of_backends_are_written),
		UNIT_TEST(check_is_written_without_defaults),
		UNIT_TEST(service_shows_how_it_is_scheduled),
		UNIT_TEST(backend_shows_what_its_name_does_not_say),
		UNIT_TEST(rule_is_one_line),
		UNIT_TEST(node_is_written_in_the_order_of_the_file),
		UNIT_TEST(long_set_is_broken_into_lines),
		UNIT_TEST(lab_cluster_file_survives),
		{},
	};

	return unit_run("config_write", tests);
}
