/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The model: a cluster as its file describes it. Files, the configuration
 * stored in the kernel and imperative commands all become this, and all that
 * is loaded into maps is compiled from this.
 *
 * Arrays are owned by the model, grown by model_*_add(), and keep the order of
 * the file. Pointers into them are good until the next add or delete.
 */
#ifndef SLUICE_MODEL_H
#define SLUICE_MODEL_H

#include <net/if.h>

#include "addr.h"
#include "diag.h"
#include "limit.h"
#include "rule_match.h"
#include "table_sizes.h"
#include "vip.h"
#include "vlan.h"

#define MODEL_VERSION 1 /* of the file format: key "sluice" */

#define MODEL_DEFAULT_GUE    6080 /* the port that IANA gave it */
#define MODEL_DEFAULT_WEIGHT 100
#define MODEL_MAX_WEIGHT     1000

#define MODEL_MAX_SLOW_START_MS (60 * 60 * 1000)
#define SLOW_START_EXPECTED	"a duration from 0s (none) to 60m, such as 30s"

#define SYN_COOKIES_OFF	     0U
#define SYN_COOKIES_ALWAYS   0xffffffffU
#define MODEL_MAX_SYN_LIMIT  100000000U
#define SYN_COOKIES_TEXT_LEN 16
#define SYN_COOKIES_EXPECTED "off, always, or new connections a second, as 2000/s"

struct address_set {
	struct place at;
	char name[SLUICE_NAME_LEN];
	struct prefix *prefixes;
	size_t prefix_count;
};

/* What a rule's from: and to: say: prefixes written out, and names of sets. */
struct rule_addresses {
	struct prefix *prefixes;
	size_t prefix_count;
	char (*sets)[SLUICE_NAME_LEN];
	size_t set_count; /* both counts 0: any address */
};

struct rule {
	struct place at;
	char name[SLUICE_NAME_LEN]; /* unique in its policy */
	unsigned id;		    /* stable index of its counters; SLUICE_NONE: not given yet */
	char in[IFNAMSIZ];	    /* "" = any interface */
	struct rule_addresses from, to;
	int proto; /* IPPROTO_*; 0: any; IPPROTO_ICMP stands for ICMP and ICMPv6 */
	struct port_range *sports, *dports;
	size_t sport_count, dport_count; /* 0: any */
	struct tcp_flags_match flags;
	struct icmp_match icmp;
	enum rule_state state;
	enum sluice_action action;
	struct limit *limits; /* on what it accepts */
	size_t limit_count;
};

struct policy {
	struct place at;
	char name[SLUICE_NAME_LEN];
	enum sluice_action default_action; /* DROP or ACCEPT */
	bool strict;			   /* default true: mid-stream TCP opens no flow */
	struct rule *rules;
	size_t rule_count;
};

enum check_type {
	CHECK_NONE,
	CHECK_TCP,
	CHECK_HTTP,
	CHECK_HTTPS,
	CHECK_TLS,
	CHECK_UDP,
	CHECK_MYSQL,
};

enum check_method { CHECK_GET, CHECK_HEAD };
enum check_via { CHECK_VIA_FORWARDING, CHECK_VIA_DIRECT };
enum check_read_only { CHECK_READ_ONLY_ANY, CHECK_READ_ONLY_NO, CHECK_READ_ONLY_YES };

#define CHECK_STATUSES_MAX   16
#define CHECK_BYTES_MAX	     255
#define CHECK_JITTER_MAX     50 /* percent */
#define CHECK_DEFAULT_STATUS 200

struct status_range {
	unsigned short min, max; /* inclusive */
};

/* To be sent, or to be found in an answer; length 0: nothing. */
struct check_bytes {
	unsigned char bytes[CHECK_BYTES_MAX];
	unsigned char length;
};

struct health_check {
	enum check_type type;
	unsigned short port; /* 0: the service's first port */
	enum check_via
		via;	/* on the way of the service's packets, or to the backend's own address */
	char name[256]; /* Host header and TLS server name; "" = none */
	char path[256]; /* HTTP; default "/" */
	enum check_method method;			  /* HTTP */
	struct status_range statuses[CHECK_STATUSES_MAX]; /* HTTP; none: CHECK_DEFAULT_STATUS */
	size_t status_count;
	struct check_bytes body; /* HTTP: must be in the answer's content */
	char ca[256]; /* TLS: file of those who may have signed the certificate; "" = any */
	struct check_bytes send; /* TCP and UDP */
	struct check_bytes expect;
	char user[128]; /* MySQL; "" = only its greeting is looked at */
	char password_file[256];
	enum check_read_only read_only;
	unsigned interval_ms; /* default 1000 */
	unsigned timeout_ms;  /* default 800; below interval_ms */
	unsigned jitter;      /* percent of the interval, either way; default 5 */
	unsigned rise, fall;  /* default 2 and 2 results in a row */
};

enum backend_admin { BACKEND_ADMIN_UP, BACKEND_ADMIN_DRAIN, BACKEND_ADMIN_DOWN };

/* What stands for a backend in the connection IDs that it makes (QUIC-LB, plaintext). */
struct server_id {
	unsigned length; /* in octets, up to SLUICE_MAX_SERVER_ID */
	__u64 value;
};

struct backend {
	struct place at;
	char name[SLUICE_NAME_LEN]; /* a node of the file, or the address as text */
	bool has4, has6;
	struct sluice_addr addr4, addr6;
	unsigned weight; /* 0..MODEL_MAX_WEIGHT; 0: no new flows */
	enum backend_admin admin;
	bool backup;		    /* gets new flows only while no other backend can */
	struct server_id server_id; /* QUIC; length 0: model_server_id() derives it */
	unsigned short port;	    /* nat: where it listens; 0: at the VIP's port */
};

/* What of a client decides on its backend: a connection, its address, the /64 of that. */
enum affinity { AFFINITY_NONE, AFFINITY_SOURCE, AFFINITY_SOURCE64 };

struct service {
	struct place at;
	char name[SLUICE_NAME_LEN];
	int proto; /* IPPROTO_TCP or IPPROTO_UDP */
	enum sluice_forward forward;
	enum affinity affinity;
	unsigned quic;		/* octets of a server id in connection IDs; 0: no QUIC */
	unsigned slow_start_ms; /* until a backend that comes up has all its weight; 0: at once */
	unsigned panic_percent; /* with fewer backends healthy, health is ignored; 0: with none */
	unsigned syn_cookies;	/* SYNs a second above which they get cookies; or SYN_COOKIES_* */
	struct vip *vips;
	size_t vip_count;
	struct backend *backends;
	size_t backend_count;
	struct limit *limits;
	size_t limit_count;
	struct health_check check;
};

struct interface {
	struct place at;
	char name[IFNAMSIZ];
	char network[SLUICE_NAME_LEN]; /* label: interfaces of one network are joined */
	struct prefix *addresses;
	size_t address_count;
	unsigned mtu;		      /* 0: as it is */
	unsigned roles;		      /* enum sluice_role; 0: Sluice is not attached */
	char policy[SLUICE_NAME_LEN]; /* with SLUICE_ROLE_FIREWALL */
	/* Accepted ids of outermost tags; none: those of VLAN devices on the interface. */
	struct sluice_vlan_range vlans[SLUICE_VLAN_RANGES];
	size_t vlan_count;
};

struct route {
	struct place at;
	struct prefix to; /* "default": bits 96 or 0, as `via` is IPv4 or IPv6 */
	struct sluice_addr via;
	unsigned mtu; /* 0: the interface's */
};

struct agent_config {
	bool has_metrics, has_exchange;
	struct endpoint metrics;	   /* HTTP, GET /metrics */
	struct endpoint exchange;	   /* UDP, health views from other balancers */
	char (*announce)[SLUICE_NAME_LEN]; /* services whose VIPs this node announces */
	size_t announce_count;
};

struct node {
	struct place at;
	char name[SLUICE_NAME_LEN];
	struct interface *interfaces;
	size_t interface_count;
	struct route *routes;
	size_t route_count;
	struct agent_config agent;
};

struct cluster {
	char name[SLUICE_NAME_LEN];
	struct table_sizes sizes;
	unsigned short gue_port; /* UDP destination of GUE, on all nodes */
	/* Secret of the agents' exchange; "" = none, refused if an exchange is set up. */
	char key_file[256];
	struct address_set *sets;
	size_t set_count;
	struct service *services;
	size_t service_count;
	struct policy *policies;
	size_t policy_count;
	struct node *nodes;
	size_t node_count;
};

/* What a service without `check` has: CHECK_NONE, and the defaults of all else. */
void model_check_init(struct health_check *check);

void model_init(struct cluster *cluster);
void model_fini(struct cluster *cluster);
int model_copy(struct cluster *to, const struct cluster *from) __must_check;

/* Look-ups by name: NULL if absent. */
struct node *model_node(const struct cluster *cluster, const char *name);
struct interface *model_interface(const struct node *node, const char *name);
struct policy *model_policy(const struct cluster *cluster, const char *name);
struct rule *model_rule(const struct policy *policy, const char *name);
struct service *model_service(const struct cluster *cluster, const char *name);
struct service *model_service_by_vip(const struct cluster *cluster, const struct vip *vip,
				     int proto);
struct backend *model_backend(const struct service *service, const char *name);
struct address_set *model_set(const struct cluster *cluster, const char *name);

/*
 * Append a zeroed element (with the defaults above) and return it; NULL: out
 * of memory. The caller has made sure that the name is free.
 */
struct node *model_node_add(struct cluster *cluster, const char *name);
struct interface *model_interface_add(struct node *node, const char *name);
struct policy *model_policy_add(struct cluster *cluster, const char *name);
/* At `index`, or at the end with SIZE_MAX. */
struct rule *model_rule_add(struct policy *policy, const char *name, size_t index);
struct service *model_service_add(struct cluster *cluster, const char *name);
struct vip *model_vip_add(struct service *service, const struct vip *vip);
struct backend *model_backend_add(struct service *service, const char *name);
struct address_set *model_set_add(struct cluster *cluster, const char *name);

void model_policy_del(struct cluster *cluster, struct policy *policy);
void model_rule_del(struct policy *policy, struct rule *rule);
void model_service_del(struct cluster *cluster, struct service *service);
void model_vip_del(struct service *service, struct vip *vip);
void model_backend_del(struct service *service, struct backend *backend);

/*
 * Fills in the addresses that the name of a backend stands for: the first IPv4
 * and the first IPv6 interface address of the node of that name, or the name
 * itself if it is an address. False, and nothing changed: neither.
 */
bool model_backend_resolve(const struct cluster *cluster, struct backend *backend);

/*
 * The id of a backend of a QUIC service: its own, or else the last octets of its IPv4
 * address, of its IPv6 address if it has no other; missing ones in front are 0.
 */
__u64 model_server_id(const struct service *service, const struct backend *backend);
/* Where a backend of nat gets what is sent to the VIP, which is exact. */
struct endpoint model_nat_endpoint(const struct backend *backend, const struct vip *vip);
/* "0x0102": an even number of digits. */
int server_id_parse(const char *text, struct server_id *out) __must_check;
/* service.syn_cookies: "off", "always", or "2000/s". */
int syn_cookies_parse(const char *word, unsigned *out) __must_check;
const char *syn_cookies_format(unsigned syn_cookies, char buf[SYN_COOKIES_TEXT_LEN]);

/*
 * Gives each rule without an id one: that of the rule of the same policy and
 * name in `previous` (may be NULL), else the lowest that is free. -ENOSPC:
 * more than SLUICE_MAX_RULES.
 */
int model_assign_rule_ids(struct cluster *cluster, const struct cluster *previous) __must_check;

/* The name of the rule with this id; NULL: there is none. */
const char *model_rule_name(const struct cluster *cluster, unsigned id);

/*
 * Everything that must hold between objects: names that refer to something,
 * unique VIPs and addresses, limits, a policy where there is a firewall role.
 * Appends to `diags`; returns 0, or -EINVAL if it appended anything.
 */
int model_validate(const struct cluster *cluster, struct diag_list *diags) __must_check;

/*
 * config_read.c: YAML to model. Reports every mistake of syntax and validate;
 * -EINVAL then, and `out` is an empty model.
 */
int config_read(const char *text, size_t length, struct cluster *out,
		struct diag_list *diags) __must_check;
/* config_write.c: model to canonical YAML; reading it back gives an equal model. Caller frees. */
int config_write(const struct cluster *cluster, char **text, size_t *length) __must_check;

/* The words of the file, shared with the command line, JSON and errors. */
const char *check_type_name(enum check_type type);
const char *check_via_name(enum check_via via);
const char *check_method_name(enum check_method method);
const char *check_read_only_name(enum check_read_only read_only);
const char *backend_admin_name(enum backend_admin admin);
const char *forward_name(enum sluice_forward forward);
const char *affinity_name(enum affinity affinity);
const char *action_name(enum sluice_action action);
const char *measure_name(enum sluice_measure measure);
const char *role_name(enum sluice_role role);
/* By protocol number: "tcp"...; numbers without a name are printed as digits into `buf`. */
const char *proto_name(int proto, char buf[4]);
int forward_parse(const char *word, enum sluice_forward *out) __must_check;
int action_parse(const char *word, enum sluice_action *out) __must_check;
int role_parse(const char *word, enum sluice_role *out) __must_check;
int proto_parse(const char *word, int *out) __must_check; /* 0 for "any" */

#endif /* SLUICE_MODEL_H */
