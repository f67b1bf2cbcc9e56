/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keys and limits of SYN cookies. Both are in place before a packet can ask for them: the
 * key before all, the limits before the generation that names services with cookies.
 */
#include "cookies.h"

#include "attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "key_file.h"

static const struct service *first_with_cookies(const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->service_count; i++)
		if (cluster->services[i].syn_cookies != SYN_COOKIES_OFF)
			return &cluster->services[i];
	return NULL;
}

static bool has_part_in_it(const struct cluster *cluster, const char *name)
{
	const struct node *node = model_node(cluster, name);
	unsigned roles = 0;

	for (size_t i = 0; node && i < node->interface_count; i++)
		roles |= node->interfaces[i].roles;
	return roles & (SLUICE_ROLE_BALANCER | SLUICE_ROLE_DECAP);
}

/* What a backend cannot take must not be given: refused where it is known. */
static int check_backend(const struct dataplane *dp, const struct cluster *cluster,
			 struct diag_list *diags)
{
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		if (service->syn_cookies == SYN_COOKIES_OFF || !model_backend(service, dp->node))
			continue;
		if (accept_is_possible())
			return 0;
		diag_add(diags, service->at,
			 "service \"%s\": syn-cookies: this node is a backend and needs "
			 "Linux " ACCEPT_KERNEL " (" ACCEPT_FUNCTION "), which it does not run",
			 service->name);
		return -EINVAL;
	}
	return 0;
}

int cookies_read_key(const struct dataplane *dp, const struct cluster *cluster,
		     struct cookie_key *key, struct diag_list *diags)
{
	const struct service *service = first_with_cookies(cluster);
	int err;

	*key = (struct cookie_key){0};
	if (!service || !has_part_in_it(cluster, dp->node))
		return 0;
	err = check_backend(dp, cluster, diags);
	if (err)
		return err;
	err = key_file_derive_cookies(cluster->key_file, key->words);
	if (err) {
		diag_add(diags, service->at, "service \"%s\": syn-cookies: key \"%s\": %s",
			 service->name, cluster->key_file,
			 err == -EINVAL ? "expected 16 bytes or more" : strerror(-err));
		return -EINVAL;
	}
	key->wanted = true;
	return 0;
}

int cookies_put_key(const struct dataplane *dp, const struct cookie_key *key)
{
	struct sluice_cookie_keys *keys;
	struct table_view view;
	__u32 other;
	int err = table_map(dp->cookie_keys, true, &view);

	if (err)
		return err;
	keys = view.data;
	other = !(keys->current & 1);
	if (!key->wanted)
		__atomic_store_n(&keys->count, 0, __ATOMIC_RELEASE);
	else if (!keys->count || memcmp(keys->keys[!other], key->words, sizeof(key->words)) != 0) {
		memcpy(keys->keys[other], key->words, sizeof(key->words));
		__atomic_store_n(&keys->current, other, __ATOMIC_RELEASE);
		if (keys->count < 2)
			__atomic_store_n(&keys->count, keys->count + 1, __ATOMIC_RELEASE);
	}
	table_unmap(&view);
	return 0;
}

/* Of those that had the number of a new service before it. */
static int zero_counts(const struct dataplane *dp, __u32 index)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;
	struct sluice_cookie_count *zeros;

	if (cpus < 0)
		return cpus;
	zeros = calloc((size_t)cpus, sizeof(*zeros));
	if (!zeros)
		return -ENOMEM;
	if (bpf_map_update_elem(dp->cookie_count, &index, zeros, BPF_EXIST))
		err = -errno;
	free(zeros);
	return err;
}

int cookies_put_limits(const struct dataplane *dp, const struct compiled *next)
{
	struct sluice_cookie_service *services;
	struct table_view view;
	int err = table_map(dp->cookie_services, true, &view);

	if (err)
		return err;
	services = view.data;
	for (size_t i = 0; i < next->service_count && !err; i++) {
		const struct compiled_service *service = &next->services[i];
		struct sluice_cookie_service *entry = &services[service->index];
		unsigned limit = service->service->syn_cookies;

		if (service->ring_before == SLUICE_NONE) {
			*entry = (struct sluice_cookie_service){0};
			err = zero_counts(dp, service->index);
		}
		__atomic_store_n(&entry->limit, limit == SYN_COOKIES_ALWAYS ? 0 : limit,
				 __ATOMIC_RELAXED);
	}
	table_unmap(&view);
	return err;
}
