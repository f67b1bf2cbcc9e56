/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The model: objects are added, found, deleted and copied, rules get ids, and
 * validation sees what imperative commands may have done.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "../support/model_equal.h"
#include "../support/unit.h"

static void added_objects_have_defaults(void)
{
	struct cluster cluster;
	struct service *service;
	struct policy *policy;
	struct rule *rule;

	model_init(&cluster);
	CU_ASSERT_EQUAL(cluster.sizes.flows, table_sizes_default.flows);
	service = model_service_add(&cluster, "www");
	CU_ASSERT_PTR_NOT_NULL_FATAL(service);
	CU_ASSERT_EQUAL(service->proto, IPPROTO_TCP);
	CU_ASSERT_EQUAL(service->check.type, CHECK_NONE);
	CU_ASSERT_EQUAL(service->check.interval_ms, 1000);
	CU_ASSERT_EQUAL(model_backend_add(service, "web1")->weight, MODEL_DEFAULT_WEIGHT);
	policy = model_policy_add(&cluster, "web");
	CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
	CU_ASSERT_TRUE(policy->strict);
	CU_ASSERT_EQUAL(policy->default_action, SLUICE_ACTION_DROP);
	rule = model_rule_add(policy, "http", SIZE_MAX);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
	CU_ASSERT_EQUAL(rule->id, SLUICE_NONE);
	model_fini(&cluster);
}

static void rules_are_inserted_where_told(void)
{
	static const char *const order[] = {"first", "second", "third", "fourth"};
	struct cluster cluster;
	struct policy *policy;

	model_init(&cluster);
	policy = model_policy_add(&cluster, "web");
	CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(policy, "third", SIZE_MAX));
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(policy, "first", 0));
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(policy, "second", 1));
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(policy, "fourth", 99));
	CU_ASSERT_EQUAL_FATAL(policy->rule_count, 4);
	for (size_t i = 0; i < 4; i++)
		UNIT_ASSERT_TEXT(policy->rules[i].name, order[i]);
	model_fini(&cluster);
}

static void deleted_object_leaves_the_others_in_order(void)
{
	struct cluster cluster;
	struct service *service;

	model_init(&cluster);
	service = model_service_add(&cluster, "www");
	CU_ASSERT_PTR_NOT_NULL_FATAL(service);
	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "web%d", i);
		CU_ASSERT_PTR_NOT_NULL(model_backend_add(service, name));
	}
	model_backend_del(service, model_backend(service, "web2"));
	model_backend_del(service, model_backend(service, "web4"));
	CU_ASSERT_EQUAL_FATAL(service->backend_count, 3);
	UNIT_ASSERT_TEXT(service->backends[0].name, "web0");
	UNIT_ASSERT_TEXT(service->backends[1].name, "web1");
	UNIT_ASSERT_TEXT(service->backends[2].name, "web3");
	CU_ASSERT_PTR_NULL(model_backend(service, "web2"));
	for (int i = 0; i < 9; i++)
		CU_ASSERT_PTR_NOT_NULL(model_backend_add(service, "more"));
	CU_ASSERT_EQUAL(service->backend_count, 12);
	model_fini(&cluster);
}

static const char full[] =
	"sluice: 1\n"
	"cluster: foobar\n"
	"key: /etc/sluice/key\n"
	"sets: {web: [10.0.0.0/24, \"fd00::/64\"]}\n"
	"services:\n"
	"  www:\n"
	"    vips: [\"192.0.2.10:80\", \"[2001:db8::10]:80\"]\n"
	"    backends: {web1: {weight: 7, state: drain}, 10.0.0.9: {}}\n"
	"    check: {type: http, path: /healthz}\n"
	"policies:\n"
	"  edge:\n"
	"    rules:\n"
	"      - {name: http, in: wan, from: [web, 10.9.0.0/16], to: web, proto: tcp,\n"
	"         sport: 1024-65535, port: [80, 443], action: accept}\n"
	"nodes:\n"
	"  web1: {interfaces: {eth0: {address: [10.0.0.5/24, \"fd00::5/64\"]}},\n"
	"         routes: [{to: default, via: 10.0.0.1}]}\n"
	"  fw1:\n"
	"    interfaces: {wan: {address: 10.1.0.1/24, roles: firewall, policy: edge}}\n"
	"    agent: {metrics: \"10.1.0.1:9101\", announce: www}\n";

static void read_text(const char *text, struct cluster *cluster)
{
	struct diag_list diags = {};

	CU_ASSERT_EQUAL(config_read(text, strlen(text), cluster, &diags), 0);
	if (diags.count)
		UNIT_ASSERT_TEXT(diags.items[0].text, "");
	diag_fini(&diags);
}

static void copy_is_equal_and_independent(void)
{
	struct cluster cluster, copy;

	read_text(full, &cluster);
	CU_ASSERT_EQUAL_FATAL(model_copy(&copy, &cluster), 0);
	CU_ASSERT_TRUE(model_equal(&cluster, &copy));
	cluster.services[0].backends[0].weight = 8;
	CU_ASSERT_FALSE(model_equal(&cluster, &copy));
	cluster.services[0].backends[0].weight = 7;
	cluster.policies[0].rules[0].dports[1].max = 444;
	CU_ASSERT_FALSE(model_equal(&cluster, &copy));
	model_fini(&cluster);
	CU_ASSERT_PTR_NOT_NULL(model_set_add(&copy, "more"));
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(&copy.policies[0], "more", 0));
	UNIT_ASSERT_TEXT(copy.policies[0].rules[1].from.sets[0], "web");
	model_fini(&copy);
}

static void objects_are_found_by_name_and_vip(void)
{
	struct vip vip, port81;
	struct cluster cluster;

	read_text(full, &cluster);
	CU_ASSERT_EQUAL_FATAL(vip_parse("[2001:db8::10]:80", &vip), 0);
	CU_ASSERT_EQUAL_FATAL(vip_parse("[2001:db8::10]:81", &port81), 0);
	CU_ASSERT_PTR_EQUAL(model_service_by_vip(&cluster, &vip, IPPROTO_TCP),
			    model_service(&cluster, "www"));
	CU_ASSERT_PTR_NULL(model_service_by_vip(&cluster, &vip, IPPROTO_UDP));
	CU_ASSERT_PTR_NULL(model_service_by_vip(&cluster, &port81, IPPROTO_TCP));
	CU_ASSERT_PTR_EQUAL(model_interface(model_node(&cluster, "fw1"), "wan"),
			    &cluster.nodes[1].interfaces[0]);
	CU_ASSERT_PTR_NULL(model_node(&cluster, "fw"));
	CU_ASSERT_PTR_NULL(model_set(&cluster, "wan"));
	model_fini(&cluster);
}

static void backend_name_stands_for_the_addresses_of_its_node(void)
{
	struct backend backend = {.name = "web1"}, literal = {.name = "2001:db8::7"};
	struct backend nobody = {.name = "web9", .weight = 3};
	struct cluster cluster;
	char buf[ADDR_TEXT_LEN];

	read_text(full, &cluster);
	CU_ASSERT_TRUE(model_backend_resolve(&cluster, &backend));
	CU_ASSERT_TRUE(backend.has4 && backend.has6);
	UNIT_ASSERT_TEXT(addr_format(&backend.addr4, buf), "10.0.0.5");
	UNIT_ASSERT_TEXT(addr_format(&backend.addr6, buf), "fd00::5");
	CU_ASSERT_TRUE(model_backend_resolve(&cluster, &literal));
	CU_ASSERT_TRUE(!literal.has4 && literal.has6);
	UNIT_ASSERT_TEXT(addr_format(&literal.addr6, buf), "2001:db8::7");
	CU_ASSERT_FALSE(model_backend_resolve(&cluster, &nobody));
	CU_ASSERT_TRUE(!nobody.has4 && !nobody.has6 && nobody.weight == 3);
	model_fini(&cluster);
}

/* --- rule ids --------------------------------------------------------------------- */

static void read_rules(struct cluster *cluster, const char *rules)
{
	char text[512];

	snprintf(text, sizeof(text), "sluice: 1\npolicies: {web: {rules: [%s]}}\n", rules);
	read_text(text, cluster);
}

static void rules_get_the_lowest_free_ids(void)
{
	struct cluster cluster;

	read_rules(&cluster, "{name: a, action: drop}, {name: b, id: 0, action: drop},"
			     "{name: c, action: drop}");
	CU_ASSERT_EQUAL(model_assign_rule_ids(&cluster, NULL), 0);
	CU_ASSERT_EQUAL(cluster.policies[0].rules[0].id, 1);
	CU_ASSERT_EQUAL(cluster.policies[0].rules[1].id, 0);
	CU_ASSERT_EQUAL(cluster.policies[0].rules[2].id, 2);
	model_fini(&cluster);
}

static void rule_keeps_its_id_and_a_new_one_gets_no_past(void)
{
	struct cluster before, after;

	read_rules(&before, "{name: a, action: drop}, {name: b, action: drop}");
	CU_ASSERT_EQUAL(model_assign_rule_ids(&before, NULL), 0);
	read_rules(&after, "{name: new, action: drop}, {name: b, action: accept}");
	CU_ASSERT_EQUAL(model_assign_rule_ids(&after, &before), 0);
	CU_ASSERT_EQUAL(after.policies[0].rules[0].id, 2);
	CU_ASSERT_EQUAL(after.policies[0].rules[1].id, 1);
	model_fini(&before);
	model_fini(&after);
}

static void id_in_the_file_goes_before_the_one_of_the_past(void)
{
	struct cluster before, after;

	read_rules(&before, "{name: a, action: drop}");
	CU_ASSERT_EQUAL(model_assign_rule_ids(&before, NULL), 0);
	read_rules(&after, "{name: a, action: drop}, {name: b, id: 0, action: drop}");
	CU_ASSERT_EQUAL(model_assign_rule_ids(&after, &before), 0);
	CU_ASSERT_EQUAL(after.policies[0].rules[0].id, 1);
	CU_ASSERT_EQUAL(after.policies[0].rules[1].id, 0);
	model_fini(&before);
	model_fini(&after);
}

static void ids_end_at_the_limit(void)
{
	struct cluster cluster;
	struct policy *policy;

	model_init(&cluster);
	policy = model_policy_add(&cluster, "web");
	CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
	for (unsigned i = 0; i < SLUICE_MAX_RULES; i++)
		CU_ASSERT_PTR_NOT_NULL(model_rule_add(policy, "x", SIZE_MAX));
	CU_ASSERT_EQUAL(model_assign_rule_ids(&cluster, NULL), 0);
	CU_ASSERT_EQUAL(policy->rules[SLUICE_MAX_RULES - 1].id, SLUICE_MAX_RULES - 1);
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(policy, "x", SIZE_MAX));
	CU_ASSERT_EQUAL(model_assign_rule_ids(&cluster, NULL), -ENOSPC);
	model_fini(&cluster);
}

/* --- validation of a model that no file was read for ---------------------------------- */

static void assert_mistakes(const struct cluster *cluster, const char *first, size_t count)
{
	struct diag_list diags = {};

	CU_ASSERT_EQUAL(model_validate(cluster, &diags), count ? -EINVAL : 0);
	CU_ASSERT_EQUAL_FATAL(diags.count, count);
	if (count)
		UNIT_ASSERT_TEXT(diags.items[0].text, first);
	diag_fini(&diags);
}

static void empty_model_is_valid(void)
{
	struct cluster cluster;

	model_init(&cluster);
	assert_mistakes(&cluster, NULL, 0);
	model_fini(&cluster);
}

static void model_is_judged_without_places(void)
{
	struct service *service;
	struct cluster cluster;

	read_text(full, &cluster);
	service = model_service(&cluster, "www");
	service->backends[0].weight = MODEL_MAX_WEIGHT + 1;
	assert_mistakes(&cluster,
			"service \"www\": backend \"web1\": weight \"1001\": expected at most 1000",
			1);
	service->backends[0].weight = 1;
	strcpy(service->name, "two words");
	strcpy(cluster.nodes[1].agent.announce[0], "two words");
	assert_mistakes(&cluster, "service \"two words\": not a valid name", 1);
	model_fini(&cluster);
}

static void more_vips_than_the_data_plane_holds_are_refused(void)
{
	struct cluster cluster;
	struct service *service;
	struct vip vip;

	model_init(&cluster);
	service = model_service_add(&cluster, "www");
	CU_ASSERT_PTR_NOT_NULL_FATAL(service);
	CU_ASSERT_EQUAL_FATAL(vip_parse("192.0.2.10:1", &vip), 0);
	for (unsigned i = 0; i < SLUICE_MAX_VIPS / 2; i++) {
		CU_ASSERT_PTR_NOT_NULL(model_vip_add(service, &vip));
		vip.ports.max = ++vip.ports.min;
	}
	assert_mistakes(&cluster, NULL, 0);
	CU_ASSERT_PTR_NOT_NULL(model_vip_add(service, &vip));
	assert_mistakes(&cluster, "8193 VIPs up to here: expected at most 8192", 1);
	model_fini(&cluster);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(added_objects_have_defaults),
		UNIT_TEST(rules_are_inserted_where_told),
		UNIT_TEST(deleted_object_leaves_the_others_in_order),
		UNIT_TEST(copy_is_equal_and_independent),
		UNIT_TEST(objects_are_found_by_name_and_vip),
		UNIT_TEST(backend_name_stands_for_the_addresses_of_its_node),
		UNIT_TEST(rules_get_the_lowest_free_ids),
		UNIT_TEST(rule_keeps_its_id_and_a_new_one_gets_no_past),
		UNIT_TEST(id_in_the_file_goes_before_the_one_of_the_past),
		UNIT_TEST(ids_end_at_the_limit),
		UNIT_TEST(empty_model_is_valid),
		UNIT_TEST(model_is_judged_without_places),
		UNIT_TEST(more_vips_than_the_data_plane_holds_are_refused),
		{},
	};

	return unit_run("model", tests);
}
