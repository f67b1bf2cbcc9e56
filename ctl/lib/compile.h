/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From the model to the tables that packets read: no I/O, no kernel.
 *
 * Whatever packets refer to by number keeps its number from one publication
 * to the next: interfaces by name, services by name, backends by service and
 * address. What is in force tells the numbers.
 */
#ifndef SLUICE_COMPILE_H
#define SLUICE_COMPILE_H

#include "model.h"
#include "schedule.h"

struct compiled_vip {
	struct sluice_vip_key key;
	struct sluice_vip vip;
};

struct compiled_server_id {
	struct sluice_quic_key key;
	__u32 slot;
};

struct compiled_nat {
	struct sluice_nat_key key;
	struct sluice_nat nat;
};

struct compiled_prefix {
	struct sluice_lpm_key key;
	struct sluice_prefix prefix;
};

/* What a compiled rule is of. */
struct compiled_source {
	const struct rule *rule;
	__u8 in; /* ingress port slot or SLUICE_RULE_ANY_PORT */
};

#define SLUICE_RULE_ANY_PORT 0xff

/* The tables in force, and the model that they were compiled from. */
struct in_force {
	struct cluster model;
	unsigned slot;
	struct sluice_port ports[SLUICE_MAX_PORTS];
	struct sluice_rule rules[SLUICE_MAX_RULES];
	size_t rule_count;
	struct sluice_backend backends[SLUICE_MAX_BACKENDS];
	struct compiled_vip vips[SLUICE_MAX_VIPS]; /* by key */
	size_t vip_count;
};

struct compiled_tunnel {
	struct sluice_addr addr;
	__u32 flags; /* SLUICE_TUNNEL_* */
};

struct local_address {
	char ifname[IFNAMSIZ];
	char below[IFNAMSIZ]; /* of a VLAN device: the interface that it is on; else "" */
	struct sluice_addr addr;
};

struct compile_input {
	const struct cluster *cluster;
	const char *node;
	const struct in_force *now;
	const struct local_address *local; /* addresses of this host */
	size_t local_count;
	bool agent_runs; /* and will end a slow start */
	__u64 attached;	 /* bit p: a program with port slot p is still on its interface */
};

struct compiled_service {
	const struct service *service;
	unsigned index;
	unsigned first_backend; /* backend_slots[first_backend + i] is of service->backends[i] */
	unsigned ring_before;	/* SLUICE_NONE: the service is new */
	unsigned ring;		/* chosen by the caller, before compile_vips() */
};

struct compiled {
	unsigned slot; /* where it is to be published */
	struct sluice_port ports[SLUICE_MAX_PORTS];
	struct sluice_rule rules[SLUICE_MAX_RULES];
	struct compiled_source sources[SLUICE_MAX_RULES];
	size_t rule_count;
	struct compiled_tunnel tunnels[SLUICE_MAX_TUNNELS];
	size_t tunnel_count;
	struct compiled_service services[SLUICE_MAX_SERVICES];
	size_t service_count;
	struct sluice_backend backends[SLUICE_MAX_BACKENDS];
	unsigned backend_slots[SLUICE_MAX_BACKENDS];
	size_t backend_count;
	struct compiled_vip vips[SLUICE_MAX_VIPS]; /* by key */
	size_t vip_count;
	struct compiled_prefix prefixes[SLUICE_MAX_PREFIXES];
	size_t prefix_count;
	struct sluice_wide wide[SLUICE_MAX_WIDE];
	size_t wide_count;
	struct compiled_server_id server_ids[SLUICE_MAX_BACKENDS];
	size_t server_id_count;
	struct compiled_nat nats[SLUICE_MAX_NATS]; /* by key */
	size_t nat_count;
	struct sluice_limit limits[SLUICE_MAX_LIMITS];
};

/*
 * Everything but rings and VIPs. `out` is zeroed. Rules must have their ids.
 * Mistakes go to `diags`, and -EINVAL is returned.
 */
int compile(const struct compile_input *in, struct compiled *out,
	    struct diag_list *diags) __must_check;
/* The VIPs, once each service has its ring: compile_vips.c. */
int compile_vips(const struct in_force *now, struct compiled *out,
		 struct diag_list *diags) __must_check;
/* The limits of services and of rules, by their numbers: compile_limits.c. */
void compile_limits(const struct cluster *cluster, unsigned hz, struct compiled *out);
/* The exact ones in SLUICE_VIP_BUCKETS buckets, zeroed before. */
void compile_vip_index(const struct compiled *compiled, struct sluice_vip_bucket *buckets);

/* Parts of compile(), each in a file of its own. */
int compile_rules(const struct cluster *cluster, const struct node *node, struct compiled *out,
		  struct diag_list *diags) __must_check;
int compile_services(const struct compile_input *in, struct compiled *out,
		     struct diag_list *diags) __must_check;
/* The lists of wide VIPs, and the prefixes, once each VIP has its numbers. */
int compile_wide(struct compiled *out, struct diag_list *diags) __must_check;
int compile_loads(const struct in_force *now, struct compiled *out,
		  struct diag_list *diags) __must_check;
/* Gives the backends that are new their index in their service. */
int compile_number_backends(const struct compile_input *in, struct compiled *out) __must_check;
/* Whom replies of backends of nat come from: of valid services, each source is one VIP's. */
void compile_nats(struct compiled *out);
int compile_tunnels(const struct compile_input *in, struct compiled *out,
		    struct diag_list *diags) __must_check;

/*
 * Gives the rules of now->model the ids that now->rules say they have; a rule
 * that is not compiled on this node gets none.
 */
int compile_recover_rule_ids(struct in_force *now, const char *node) __must_check;

/* The slots in use by service, as chains: from first[service] on by next[slot] to SLUICE_NONE. */
struct backends_by_service {
	unsigned first[SLUICE_MAX_SERVICES];
	unsigned next[SLUICE_MAX_BACKENDS];
};

/* Those of publication slot `slot`, for the caller to free; NULL: out of memory. */
struct backends_by_service *compile_by_service(const struct sluice_backend *backends,
					       unsigned slot);
/* Entries of sluice_load that a VIP of the service takes: a power of two. */
unsigned compile_load_entries(const struct backends_by_service *by_service,
			      const struct sluice_backend *backends, unsigned service);
bool compile_same_backend(const struct sluice_backend *slot, const struct backend *backend);

/* A service's index and ring, from the VIP table; -ENOENT: it has no VIP there. */
int compile_find_service(const struct in_force *now, const struct service *service, unsigned *index,
			 unsigned *ring) __must_check;
/* The slot that serves `backend` in the slot in force; SLUICE_NONE: none. */
unsigned compile_find_backend(const struct sluice_backend *backends, unsigned slot,
			      unsigned service_index, const struct backend *backend);
struct sluice_vip_key compile_vip_key(const struct vip *vip, int proto);
/* The VIP of this key; NULL: none. `vips` are sorted. */
struct compiled_vip *compile_find_vip(const struct compiled_vip *vips, size_t count,
				      const struct sluice_vip_key *key);
void compile_sort_vips(struct compiled_vip *vips, size_t count);
/* The conditions of a service's backends, in its order, for the caller to free; NULL: no memory. */
struct backend_condition *compile_conditions(const struct service *service, const unsigned *slots,
					     const struct sluice_backend *backends);
/* Sets the state that each backend of the service has in `slot`. */
int compile_states(const struct service *service, const unsigned *slots,
		   struct sluice_backend *backends, unsigned slot) __must_check;

#endif /* SLUICE_COMPILE_H */
