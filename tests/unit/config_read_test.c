/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading cluster files that are right, in every form that a value may take,
 * and files made to hurt the reader.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model.h"
#include "../support/model_equal.h"
#include "../support/unit.h"

static void read_right(const char *text, struct cluster *cluster)
{
	struct diag_list diags = {};

	CU_ASSERT_EQUAL(config_read(text, strlen(text), cluster, &diags), 0);
	for (size_t i = 0; i < diags.count; i++)
		UNIT_ASSERT_TEXT(diags.items[i].text, "");
	diag_fini(&diags);
}

static char *load_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(1 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	*length = fread(text, 1, 1 << 20, file);
	fclose(file);
	return text;
}

/* --- right files ------------------------------------------------------------------ */

static void lab_cluster_file_is_understood(void)
{
	struct diag_list diags = {.file = "vm/cluster.yaml"};
	struct cluster cluster;
	size_t length;
	char *text = load_file(diags.file, &length), buf[ADDR_TEXT_LEN];
	struct service *www;
	struct node *lb1;

	CU_ASSERT_EQUAL(config_read(text, length, &cluster, &diags), 0);
	for (size_t i = 0; i < diags.count; i++)
		UNIT_ASSERT_TEXT(diags.items[i].text, "");
	www = model_service(&cluster, "www");
	lb1 = model_node(&cluster, "lb1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(www);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lb1);
	CU_ASSERT_EQUAL(www->vip_count, 4);
	CU_ASSERT_EQUAL(www->forward, SLUICE_FORWARD_IPIP);
	CU_ASSERT_EQUAL(www->check.type, CHECK_TLS);
	CU_ASSERT_EQUAL(www->check.interval_ms, 500);
	UNIT_ASSERT_TEXT(addr_format(&www->backends[0].addr4, buf), "10.10.1.21");
	UNIT_ASSERT_TEXT(addr_format(&www->backends[0].addr6, buf), "fd00:10:1::21");
	CU_ASSERT_EQUAL(lb1->interfaces[0].roles, SLUICE_ROLE_BALANCER);
	CU_ASSERT_TRUE(lb1->agent.has_exchange);
	UNIT_ASSERT_TEXT(cluster.key_file, "/run/sluice/cluster.key");
	free(text);
	diag_fini(&diags);
	model_fini(&cluster);
}

static void alias_stands_for_what_its_anchor_holds(void)
{
	struct cluster cluster;
	struct node *lb1, *lb2;

	read_right("sluice: 1\n"
		   "nodes:\n"
		   "  lb1:\n"
		   "    interfaces: {eth0: {address: 10.0.0.1/24}}\n"
		   "    routes: &r [{to: default, via: 10.0.0.254}]\n"
		   "  lb2:\n"
		   "    interfaces: {eth0: {address: 10.0.0.2/24}}\n"
		   "    routes: *r\n",
		   &cluster);
	lb1 = model_node(&cluster, "lb1");
	lb2 = model_node(&cluster, "lb2");
	CU_ASSERT_TRUE_FATAL(lb1 && lb2 && lb1->route_count == 1 && lb2->route_count == 1);
	CU_ASSERT_EQUAL(addr_cmp(&lb1->routes[0].via, &lb2->routes[0].via), 0);
	model_fini(&cluster);
}

static void one_value_is_a_list_of_one(void)
{
	struct cluster one, list;

	read_right(
		"sluice: 1\n"
		"sets: {web: 10.0.0.1}\n"
		"services: {www: {vips: 192.0.2.1:80, backends: {10.0.0.9: {address: 10.0.0.8}}}}\n"
		"policies: {p: {rules: [{name: a, from: web, to: 10.0.0.0/8, proto: tcp,\n"
		"                        sport: 1-9, port: 80, action: drop}]}}\n"
		"nodes: {n: {interfaces: {e: {address: 10.0.0.1/8, roles: decap}},\n"
		"            agent: {announce: www}}}\n",
		&one);
	read_right("sluice: 1\n"
		   "sets: {web: [10.0.0.1]}\n"
		   "services: {www: {vips: [192.0.2.1:80],\n"
		   "                 backends: {10.0.0.9: {address: [10.0.0.8]}}}}\n"
		   "policies: {p: {rules: [{name: a, from: [web], to: [10.0.0.0/8], proto: tcp,\n"
		   "                        sport: [1-9], port: [80], action: drop}]}}\n"
		   "nodes: {n: {interfaces: {e: {address: [10.0.0.1/8], roles: [decap]}},\n"
		   "            agent: {announce: [www]}}}\n",
		   &list);
	CU_ASSERT_TRUE(model_equal(&one, &list));
	model_fini(&one);
	model_fini(&list);
}

static void durations_have_units(void)
{
	struct cluster cluster;

	read_right("sluice: 1\n"
		   "services:\n"
		   "  a: {vips: 192.0.2.1:1, check: {type: tcp, interval: 1500ms, timeout: 1s}}\n"
		   "  b: {vips: 192.0.2.1:2, check: {type: tcp, interval: 2m, timeout: 119s}}\n",
		   &cluster);
	CU_ASSERT_EQUAL(cluster.services[0].check.interval_ms, 1500);
	CU_ASSERT_EQUAL(cluster.services[0].check.timeout_ms, 1000);
	CU_ASSERT_EQUAL(cluster.services[1].check.interval_ms, 120000);
	CU_ASSERT_EQUAL(cluster.services[1].check.timeout_ms, 119000);
	model_fini(&cluster);
}

static void default_route_has_the_family_of_its_router(void)
{
	struct cluster cluster;
	struct node *node;

	read_right("sluice: 1\n"
		   "nodes:\n"
		   "  n:\n"
		   "    interfaces: {e: {address: [10.0.0.1/24, \"fd00::1/64\"]}}\n"
		   "    routes: [{to: default, via: 10.0.0.2}, {via: \"fd00::2\", to: default}]\n",
		   &cluster);
	node = model_node(&cluster, "n");
	CU_ASSERT_TRUE_FATAL(node && node->route_count == 2);
	CU_ASSERT_TRUE(addr_is_v4(&node->routes[0].to.addr));
	CU_ASSERT_EQUAL(node->routes[0].to.bits, 96);
	CU_ASSERT_FALSE(addr_is_v4(&node->routes[1].to.addr));
	CU_ASSERT_EQUAL(node->routes[1].to.bits, 0);
	model_fini(&cluster);
}

static void empty_sections_are_sections_without_objects(void)
{
	struct cluster cluster;

	read_right("sluice: 1\nsets:\nservices:\npolicies:\n  web:\n    rules:\nnodes:\n  n:\n",
		   &cluster);
	CU_ASSERT_EQUAL(cluster.set_count + cluster.service_count, 0);
	CU_ASSERT_EQUAL(cluster.policies[0].rule_count, 0);
	CU_ASSERT_EQUAL(cluster.node_count, 1);
	model_fini(&cluster);
}

static void literal_backend_is_its_own_address(void)
{
	struct cluster cluster;
	const struct backend *backends;

	read_right("sluice: 1\n"
		   "services: {www: {vips: 192.0.2.1:80,\n"
		   "  backends: {10.0.0.1: , \"2001:DB8::0:1\": {}, blue: {address: 10.0.0.2}}}}\n",
		   &cluster);
	backends = cluster.services[0].backends;
	CU_ASSERT_EQUAL_FATAL(cluster.services[0].backend_count, 3);
	CU_ASSERT_TRUE(backends[0].has4 && !backends[0].has6);
	CU_ASSERT_TRUE(!backends[1].has4 && backends[1].has6);
	UNIT_ASSERT_TEXT(backends[1].name, "2001:db8::1");
	CU_ASSERT_EQUAL(backends[2].addr4.bytes[15], 2);
	model_fini(&cluster);
}

static void objects_know_their_place(void)
{
	struct cluster cluster;

	read_right("sluice: 1\npolicies:\n  web:\n    rules:\n      - {name: a, action: drop}\n",
		   &cluster);
	CU_ASSERT_EQUAL(cluster.policies[0].at.line, 3);
	CU_ASSERT_EQUAL(cluster.policies[0].at.column, 3);
	CU_ASSERT_EQUAL(cluster.policies[0].rules[0].at.line, 5);
	CU_ASSERT_EQUAL(cluster.policies[0].rules[0].at.column, 9);
	model_fini(&cluster);
}

/* --- files made to hurt ----------------------------------------------------------- */

/* Refused; the first message is `message` at `at` (column 0: any); frees the text. */
static void assert_refused(char *text, size_t length, struct place at, const char *message)
{
	struct diag_list diags = {};
	struct timespec start, end;
	struct cluster cluster;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CU_ASSERT_EQUAL(config_read(text, length, &cluster, &diags), -EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	CU_ASSERT_TRUE(end.tv_sec - start.tv_sec < 30);
	CU_ASSERT_FATAL(diags.count > 0);
	UNIT_ASSERT_TEXT(diags.items[0].text, message);
	CU_ASSERT_EQUAL(diags.items[0].at.line, at.line);
	if (at.column)
		CU_ASSERT_EQUAL(diags.items[0].at.column, at.column);
	diag_fini(&diags);
	model_fini(&cluster);
	free(text);
}

/* head, then `count` times `unit`. */
static char *repeat(const char *head, const char *unit, size_t count)
{
	size_t step = strlen(unit), before = strlen(head);
	char *text = malloc(before + count * step + 1);

	if (!text)
		return NULL;
	strcpy(text, head);
	for (size_t i = 0; i < count; i++)
		memcpy(text + before + i * step, unit, step + 1);
	return text;
}

static char *duplicate(const char *bytes, size_t length)
{
	char *copy = malloc(length);

	return copy ? memcpy(copy, bytes, length) : NULL;
}

static void nul_byte_is_refused(void)
{
	static const char text[] = "sluice: 1\nclu\0ster: x\n";

	assert_refused(duplicate(text, sizeof(text)), sizeof(text) - 1, (struct place){2, 4},
		       "not a text file in UTF-8: control characters are not allowed");
}

static void invalid_utf8_is_refused(void)
{
	char *text = strdup("sluice: 1\ncluster: \xc3\x28\n");

	assert_refused(text, strlen(text), (struct place){2, 11},
		       "not a text file in UTF-8: invalid trailing UTF-8 octet");
}

static void utf16_is_refused(void)
{
	assert_refused(duplicate("\xff\xfes\0l\0u\0", 8), 8, (struct place){1, 1},
		       "not a text file in UTF-8: invalid leading UTF-8 octet");
}

static void deep_nesting_is_refused(void)
{
	char *text = repeat("", "[", 100000);

	assert_refused(text, strlen(text), (struct place){1, 17},
		       "nested too deeply: expected at most 16 levels");
}

static void deep_indentation_is_refused(void)
{
	char *text = repeat("", "- ", 100000);

	assert_refused(text, strlen(text), (struct place){1, 33},
		       "nested too deeply: expected at most 16 levels");
}

static void cyclic_alias_is_refused(void)
{
	char *text = strdup("sluice: 1\nsets: {a: &a [*a, *a]}\n");

	assert_refused(text, strlen(text), (struct place){2, 11},
		       "set \"a\": address: expected an address or a network, as in 10.0.0.0/8 or "
		       "\"fd00::/8\"");
}

/* 1000 nodes that share 1000 routes: a million routes from 40 KB. */
static void aliases_that_multiply_are_refused(void)
{
	char *routes = repeat("sluice: 1\nnodes:\n  n0: {routes: &r [",
			      "{to: default, via: 10.0.0.1},", 1000);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_TRUE_FATAL(routes && out);
	fprintf(out, "%s]}\n", routes);
	for (int i = 1; i < 1000; i++)
		fprintf(out, "  n%d: {routes: *r}\n", i);
	fclose(out);
	free(routes);
	assert_refused(text, length, (struct place){3, 0},
		       "too large: aliases make more than 500000 values of it");
}

static void many_anchors_are_refused(void)
{
	char *text = repeat("", "- &a x\n", 100000);

	assert_refused(text, strlen(text), (struct place){1001, 3},
		       "too many anchors: expected at most 1000");
}

static void many_values_are_refused(void)
{
	char *text = repeat("[", "a,", 1000000);

	assert_refused(text, strlen(text), (struct place){1, 1000000},
		       "too large: expected at most 500000 values");
}

static void huge_file_is_refused(void)
{
	char *text = repeat("sluice: 1\n", "# nothing\n", 500000);

	assert_refused(text, strlen(text), (struct place){1, 1},
		       "too large: 5000010 bytes, expected at most 4194304");
}

static void list_of_mistakes_ends(void)
{
	char *text = repeat("sluice: 1\nsets:\n  web: [", "x,", 200000);
	struct diag_list diags = {};
	struct cluster cluster;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	text[strlen(text) - 1] = ']';
	CU_ASSERT_EQUAL(config_read(text, strlen(text), &cluster, &diags), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(diags.count, 1001);
	UNIT_ASSERT_TEXT(diags.items[1000].text,
			 "too many mistakes: those behind this place are not listed");
	diag_fini(&diags);
	free(text);
}

/* Each rule looks 1000 names up among 1000 sets, and misses. */
static void references_to_nothing_do_not_take_forever(void)
{
	struct diag_list diags = {};
	struct timespec start, end;
	struct cluster cluster;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs("sluice: 1\nsets:\n", out);
	for (int i = 0; i < 1000; i++)
		fprintf(out, "  a-rather-long-name-of-a-set%d: 10.0.0.1\n", i);
	fputs("policies:\n  p:\n    rules:\n", out);
	for (int i = 0; i < 400; i++) {
		fprintf(out, "      - {name: r%d, action: drop, from: %s", i, i ? "*f" : "&f [");
		for (int j = 0; !i && j < 1000; j++)
			fprintf(out, "a-rather-long-name-of-no-set%d,", j);
		fputs(i ? "}\n" : "]}\n", out);
	}
	fclose(out);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CU_ASSERT_EQUAL(config_read(text, length, &cluster, &diags), -EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	CU_ASSERT_EQUAL(diags.count, 1001);
	CU_ASSERT_TRUE(end.tv_sec - start.tv_sec < 60);
	diag_fini(&diags);
	free(text);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(lab_cluster_file_is_understood),
		UNIT_TEST(alias_stands_for_what_its_anchor_holds),
		UNIT_TEST(one_value_is_a_list_of_one),
		UNIT_TEST(durations_have_units),
		UNIT_TEST(default_route_has_the_family_of_its_router),
		UNIT_TEST(empty_sections_are_sections_without_objects),
		UNIT_TEST(literal_backend_is_its_own_address),
		UNIT_TEST(objects_know_their_place),
		UNIT_TEST(nul_byte_is_refused),
		UNIT_TEST(invalid_utf8_is_refused),
		UNIT_TEST(utf16_is_refused),
		UNIT_TEST(deep_nesting_is_refused),
		UNIT_TEST(deep_indentation_is_refused),
		UNIT_TEST(cyclic_alias_is_refused),
		UNIT_TEST(aliases_that_multiply_are_refused),
		UNIT_TEST(many_anchors_are_refused),
		UNIT_TEST(many_values_are_refused),
		UNIT_TEST(huge_file_is_refused),
		UNIT_TEST(list_of_mistakes_ends),
		UNIT_TEST(references_to_nothing_do_not_take_forever),
		{},
	};

	return unit_run("config_read", tests);
}
