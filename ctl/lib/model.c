/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The model's memory: look up, add, delete, copy, free. Arrays grow to powers
 * of two, so a count that is one says that the array is full and no capacity
 * needs to be stored.
 */
#include "model.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model_array.h"

void model_init(struct cluster *cluster)
{
	memset(cluster, 0, sizeof(*cluster));
	cluster->sizes = table_sizes_default;
	cluster->gue_port = MODEL_DEFAULT_GUE;
}

static void rule_addresses_fini(struct rule_addresses *addresses)
{
	free(addresses->prefixes);
	free(addresses->sets);
}

static void rule_fini(struct rule *rule)
{
	rule_addresses_fini(&rule->from);
	rule_addresses_fini(&rule->to);
	free(rule->sports);
	free(rule->dports);
	free(rule->limits);
}

static void policy_fini(struct policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		rule_fini(&policy->rules[i]);
	free(policy->rules);
}

static void service_fini(struct service *service)
{
	free(service->vips);
	free(service->backends);
	free(service->limits);
}

static void node_fini(struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++)
		free(node->interfaces[i].addresses);
	free(node->interfaces);
	free(node->routes);
	free(node->agent.announce);
}

void model_fini(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->set_count; i++)
		free(cluster->sets[i].prefixes);
	for (size_t i = 0; i < cluster->service_count; i++)
		service_fini(&cluster->services[i]);
	for (size_t i = 0; i < cluster->policy_count; i++)
		policy_fini(&cluster->policies[i]);
	for (size_t i = 0; i < cluster->node_count; i++)
		node_fini(&cluster->nodes[i]);
	free(cluster->sets);
	free(cluster->services);
	free(cluster->policies);
	free(cluster->nodes);
	model_init(cluster);
}

/* --- look-ups ----------------------------------------------------------------- */

struct node *model_node(const struct cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->node_count; i++)
		if (!strcmp(cluster->nodes[i].name, name))
			return &cluster->nodes[i];
	return NULL;
}

struct interface *model_interface(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (!strcmp(node->interfaces[i].name, name))
			return &node->interfaces[i];
	return NULL;
}

struct policy *model_policy(const struct cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->policy_count; i++)
		if (!strcmp(cluster->policies[i].name, name))
			return &cluster->policies[i];
	return NULL;
}

struct rule *model_rule(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (!strcmp(policy->rules[i].name, name))
			return &policy->rules[i];
	return NULL;
}

struct service *model_service(const struct cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->service_count; i++)
		if (!strcmp(cluster->services[i].name, name))
			return &cluster->services[i];
	return NULL;
}

static bool service_has_vip(const struct service *service, const struct vip *vip)
{
	for (size_t i = 0; i < service->vip_count; i++)
		if (vip_equal(&service->vips[i], vip))
			return true;
	return false;
}

struct service *model_service_by_vip(const struct cluster *cluster, const struct vip *vip,
				     int proto)
{
	for (size_t i = 0; i < cluster->service_count; i++)
		if (cluster->services[i].proto == proto &&
		    service_has_vip(&cluster->services[i], vip))
			return &cluster->services[i];
	return NULL;
}

struct backend *model_backend(const struct service *service, const char *name)
{
	for (size_t i = 0; i < service->backend_count; i++)
		if (!strcmp(service->backends[i].name, name))
			return &service->backends[i];
	return NULL;
}

struct address_set *model_set(const struct cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->set_count; i++)
		if (!strcmp(cluster->sets[i].name, name))
			return &cluster->sets[i];
	return NULL;
}

static void take_first_address(struct backend *backend, const struct sluice_addr *addr)
{
	if (addr_is_v4(addr) && !backend->has4) {
		backend->has4 = true;
		backend->addr4 = *addr;
	} else if (!addr_is_v4(addr) && !backend->has6) {
		backend->has6 = true;
		backend->addr6 = *addr;
	}
}

bool model_backend_resolve(const struct cluster *cluster, struct backend *backend)
{
	const struct node *node = model_node(cluster, backend->name);
	struct backend found = *backend;
	struct sluice_addr addr;

	found.has4 = found.has6 = false;
	found.addr4 = found.addr6 = (struct sluice_addr){};
	if (!node && !addr_parse(backend->name, &addr))
		take_first_address(&found, &addr);
	for (size_t i = 0; node && i < node->interface_count; i++)
		for (size_t j = 0; j < node->interfaces[i].address_count; j++)
			take_first_address(&found, &node->interfaces[i].addresses[j].addr);
	if (!found.has4 && !found.has6)
		return false;
	*backend = found;
	return true;
}

/* --- add ---------------------------------------------------------------------- */

static void copy_name(char *to, size_t size, const char *name)
{
	size_t length = strnlen(name, size - 1);

	memcpy(to, name, length);
	to[length] = '\0';
}

void *model_array_insert(void *array_at, size_t *count, size_t size, size_t index)
{
	char *array, *slot;

	memcpy(&array, array_at, sizeof(array));
	if (!(*count & (*count - 1))) {
		array = reallocarray(array, *count ? 2 * *count : 1, size);
		if (!array)
			return NULL;
		memcpy(array_at, &array, sizeof(array));
	}
	if (index > *count)
		index = *count;
	slot = array + index * size;
	memmove(slot + size, slot, (*count - index) * size);
	memset(slot, 0, size);
	(*count)++;
	return slot;
}

void *model_array_add(void *array_at, size_t *count, size_t size)
{
	return model_array_insert(array_at, count, size, SIZE_MAX);
}

struct node *model_node_add(struct cluster *cluster, const char *name)
{
	struct node *node = model_array_add(&cluster->nodes, &cluster->node_count, sizeof(*node));

	if (node)
		copy_name(node->name, sizeof(node->name), name);
	return node;
}

struct interface *model_interface_add(struct node *node, const char *name)
{
	struct interface *interface =
		model_array_add(&node->interfaces, &node->interface_count, sizeof(*interface));

	if (interface)
		copy_name(interface->name, sizeof(interface->name), name);
	return interface;
}

struct policy *model_policy_add(struct cluster *cluster, const char *name)
{
	struct policy *policy =
		model_array_add(&cluster->policies, &cluster->policy_count, sizeof(*policy));

	if (!policy)
		return NULL;
	copy_name(policy->name, sizeof(policy->name), name);
	policy->default_action = SLUICE_ACTION_DROP;
	policy->strict = true;
	return policy;
}

struct rule *model_rule_add(struct policy *policy, const char *name, size_t index)
{
	struct rule *rule =
		model_array_insert(&policy->rules, &policy->rule_count, sizeof(*rule), index);

	if (!rule)
		return NULL;
	copy_name(rule->name, sizeof(rule->name), name);
	rule->id = SLUICE_NONE;
	return rule;
}

void model_check_init(struct health_check *check)
{
	memset(check, 0, sizeof(*check)); /* the padding too: checks are compared as bytes */
	strcpy(check->path, "/");
	check->interval_ms = 1000;
	check->timeout_ms = 800;
	check->jitter = 5;
	check->rise = 2;
	check->fall = 2;
}

struct service *model_service_add(struct cluster *cluster, const char *name)
{
	struct service *service =
		model_array_add(&cluster->services, &cluster->service_count, sizeof(*service));

	if (!service)
		return NULL;
	copy_name(service->name, sizeof(service->name), name);
	service->proto = IPPROTO_TCP;
	model_check_init(&service->check);
	return service;
}

struct vip *model_vip_add(struct service *service, const struct vip *vip)
{
	struct vip *added = model_array_add(&service->vips, &service->vip_count, sizeof(*added));

	if (added)
		*added = *vip;
	return added;
}

struct backend *model_backend_add(struct service *service, const char *name)
{
	struct backend *backend =
		model_array_add(&service->backends, &service->backend_count, sizeof(*backend));

	if (!backend)
		return NULL;
	copy_name(backend->name, sizeof(backend->name), name);
	backend->weight = MODEL_DEFAULT_WEIGHT;
	return backend;
}

struct address_set *model_set_add(struct cluster *cluster, const char *name)
{
	struct address_set *set =
		model_array_add(&cluster->sets, &cluster->set_count, sizeof(*set));

	if (set)
		copy_name(set->name, sizeof(set->name), name);
	return set;
}

/* --- delete ------------------------------------------------------------------- */

static void close_gap(void *element, const void *array, size_t *count, size_t size)
{
	size_t bytes_behind =
		(size_t)((const char *)array + *count * size - (char *)element) - size;

	memmove(element, (char *)element + size, bytes_behind);
	(*count)--;
}

void model_policy_del(struct cluster *cluster, struct policy *policy)
{
	policy_fini(policy);
	close_gap(policy, cluster->policies, &cluster->policy_count, sizeof(*policy));
}

void model_rule_del(struct policy *policy, struct rule *rule)
{
	rule_fini(rule);
	close_gap(rule, policy->rules, &policy->rule_count, sizeof(*rule));
}

void model_service_del(struct cluster *cluster, struct service *service)
{
	service_fini(service);
	close_gap(service, cluster->services, &cluster->service_count, sizeof(*service));
}

void model_vip_del(struct service *service, struct vip *vip)
{
	close_gap(vip, service->vips, &service->vip_count, sizeof(*vip));
}

void model_backend_del(struct service *service, struct backend *backend)
{
	close_gap(backend, service->backends, &service->backend_count, sizeof(*backend));
}

struct endpoint model_nat_endpoint(const struct backend *backend, const struct vip *vip)
{
	return (struct endpoint){
		.addr = addr_is_v4(&vip->to.addr) ? backend->addr4 : backend->addr6,
		.port = backend->port ? backend->port : vip->ports.min,
	};
}
