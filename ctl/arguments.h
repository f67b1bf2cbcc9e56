/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Types of command line values: how text becomes the member of an arguments
 * structure, and the words that say what was expected.
 */
#ifndef SLUICE_CTL_ARGUMENTS_H
#define SLUICE_CTL_ARGUMENTS_H

#include "model.h"

struct argument_type {
	/* Text to the member; -EINVAL. NULL: the member is an int, one of `words` by index. */
	int (*parse)(const char *text, void *member);
	const char *const *words; /* ends with NULL; for help and suggestions */
	const char *expected;	  /* completes "expected ..."; NULL: one of `words` */
};

/* A prefix that may be left out: ::/0 is all zeros, as nothing is. */
struct given_prefix {
	struct prefix prefix;
	bool given;
};

#define BLOCK_TIMEOUT_MAX_MS   (30U * 24 * 60 * 60 * 1000)
#define BLOCK_TIMEOUT_EXPECTED "a duration from 1ms to 720h, such as 10m"

extern const struct argument_type type_text;	     /* const char *, any text but an empty one */
extern const struct argument_type type_file;	     /* the same, "-": standard input */
extern const struct argument_type type_command;	     /* the same, a word of the command tree */
extern const struct argument_type type_service;	     /* the same, a service's name or VIP */
extern const struct argument_type type_name;	     /* const char *, fits SLUICE_NAME_LEN */
extern const struct argument_type type_policy;	     /* the same, of a policy */
extern const struct argument_type type_rule;	     /* the same, of a rule */
extern const struct argument_type type_ifname;	     /* const char * */
extern const struct argument_type type_vip;	     /* struct vip */
extern const struct argument_type type_prefix;	     /* struct prefix */
extern const struct argument_type type_given_prefix; /* struct given_prefix */
extern const struct argument_type type_endpoint;     /* struct endpoint; port 0 if left out */
extern const struct argument_type type_backend;	     /* const char *, a name or an address */
extern const struct argument_type type_address_pair; /* struct address_pair */
extern const struct argument_type type_port;	     /* unsigned short, not 0 */
extern const struct argument_type type_weight;	     /* unsigned */
extern const struct argument_type type_server_id;    /* struct server_id */
extern const struct argument_type type_server_id_length; /* unsigned */
extern const struct argument_type type_syn_cookies;	 /* unsigned, of struct service */
extern const struct argument_type type_roles;		 /* unsigned, enum sluice_role */
extern const struct argument_type type_mode;		 /* int, enum attach_mode */
extern const struct argument_type type_service_proto;	 /* int, IPPROTO_TCP or IPPROTO_UDP */
extern const struct argument_type type_proto;		 /* int, IPPROTO_*, 0: any */
extern const struct argument_type type_forward;		 /* int, enum sluice_forward */
extern const struct argument_type type_affinity;	 /* int, enum affinity */
extern const struct argument_type type_slow_start;	 /* unsigned, ms */
extern const struct argument_type type_percent;		 /* unsigned */
extern const struct argument_type type_admin;		 /* int, enum backend_admin */
extern const struct argument_type type_action;		 /* int, enum sluice_action */
extern const struct argument_type type_rate;		 /* struct limit_rate */
extern const struct argument_type type_measure;		 /* int, enum sluice_measure */
extern const struct argument_type type_per;		 /* struct limit_per */
extern const struct argument_type type_burst;		 /* unsigned long long */
extern const struct argument_type type_default;	    /* int, the same without accept-stateless */
extern const struct argument_type type_yes_no;	    /* int, 0 or 1 */
extern const struct argument_type type_addresses;   /* struct rule_addresses, owned */
extern const struct argument_type type_ports;	    /* struct port_list, owned */
extern const struct argument_type type_tcp_flags;   /* unsigned, bits of the TCP header */
extern const struct argument_type type_seconds;	    /* unsigned, not 0 */
extern const struct argument_type type_vlans;	    /* struct vlan_list */
extern const struct argument_type type_tags;	    /* struct tag_list */
extern const struct argument_type type_count;	    /* unsigned, not 0 */
extern const struct argument_type type_snaplen;	    /* unsigned, bytes of a frame */
extern const struct argument_type type_outcome;	    /* int, enum sluice_outcome; -1 - class */
extern const struct argument_type type_hosts;	    /* struct prefix, an address or a network */
extern const struct argument_type type_port_range;  /* struct port_range */
extern const struct argument_type type_flow_state;  /* int, enum sluice_flow_state */
extern const struct argument_type type_flow_table;  /* int, 1: of a balancer */
extern const struct argument_type type_flags_match; /* struct tcp_flags_match */
extern const struct argument_type type_icmp_match;  /* struct icmp_match */
extern const struct argument_type type_rule_state;  /* enum rule_state */
extern const struct argument_type type_timeout;	    /* unsigned, ms, of a block */

struct address_pair {
	bool has4, has6;
	struct sluice_addr addr4, addr6;
};

/* None: those of VLAN devices. */
struct vlan_list {
	struct sluice_vlan_range ranges[SLUICE_VLAN_RANGES];
	size_t count;
};

/* VLAN tags of one frame, outermost first. */
struct tag_list {
	unsigned ids[2];
	size_t count;
};

struct port_list {
	struct port_range *ranges;
	size_t count;
};

#endif /* SLUICE_CTL_ARGUMENTS_H */
