/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the parts of model_validate() share. Private to them.
 */
#ifndef SLUICE_MODEL_VALIDATOR_H
#define SLUICE_MODEL_VALIDATOR_H

#include "model_validate.h"

struct validator {
	const struct cluster *cluster;
	const struct unreadable_list *unreadable; /* may be NULL */
	struct diag_list *diags;
	size_t mistakes;
	bool out_of_memory;
};

/*
 * Reports a mistake in the object at `at`, unless it may only follow from one
 * of `keys` (separated by spaces) having been unreadable.
 */
void validator_report(struct validator *v, struct place at, const char *keys, const char *format,
		      ...) __attribute__((format(printf, 4, 5)));

/* Reports `count` of `what` if there are more than `max`; returns whether it did. */
bool validator_limit(struct validator *v, struct place at, const char *what, size_t count,
		     size_t max);

/* One of `keys` of the object at `at` could not be read. */
bool validator_cannot_know(const struct validator *v, struct place at, const char *keys);

/*
 * ` (did you mean "x"?)`, or "" if none is near. The names are the first
 * members of `count` structs, `stride` bytes apart.
 */
struct nearest_name {
	char text[SLUICE_NAME_LEN + 24];
};
struct nearest_name validator_nearest(const struct validator *v, const char *name,
				      const void *first_name, size_t stride, size_t count);

/* Something that must be unique in the cluster. */
struct claim {
	struct place at;
	struct endpoint endpoint; /* port 0 for an address */
	int proto;
	const char *owner, *part; /* names, part may be NULL */
	size_t order;		  /* in the file */
};

/* Sorts the claims and calls `clash` for every one that is not the first of its kind. */
void validator_find_clashes(struct validator *v, struct claim *claims, size_t count,
			    void (*clash)(struct validator *v, const struct claim *first,
					  const struct claim *second));

/* Can be the address of one host: neither unspecified, nor loopback, nor multicast. */
bool validator_is_unicast(const struct sluice_addr *addr);

/* An interface of the node has this address. */
bool validator_node_has(const struct node *node, const struct sluice_addr *addr);

void validate_services(struct validator *v);
/* The health check of one service. */
void validate_check(struct validator *v, const struct service *service);
/* The VIPs of all services, `count` of them. */
void validate_vips(struct validator *v, size_t count);
/* Services of nat, and what only they may have. */
void validate_nat(struct validator *v);
/* The limits of one service, and of one rule. */
void validate_service_limits(struct validator *v, const struct service *service);
void validate_rule_limits(struct validator *v, const struct policy *policy,
			  const struct rule *rule);
void validate_policies(struct validator *v);
void validate_nodes(struct validator *v);
void validate_agents(struct validator *v);

#endif /* SLUICE_MODEL_VALIDATOR_H */
