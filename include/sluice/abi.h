/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The contract between the XDP data plane and everything in userspace: each
 * map's key and value, each limit, each enumeration. It stands once, here.
 *
 * Conventions: addresses and ports of packets are in network byte order where
 * the type says __be; every other integer is in host byte order. All padding
 * is explicit and must be zero in keys. IPv4 addresses are carried as
 * IPv4-mapped IPv6 addresses, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one
 * shape serves both families.
 *
 * Publishing: tables that a packet must see together are swapped together.
 * Each slotted table is an array of two inner maps; the slot in force is the
 * low bit of generation.config. A writer fills the other slot, then stores the
 * new generation word with one 64-bit write. A packet reads that word once.
 */
#ifndef SLUICE_ABI_H
#define SLUICE_ABI_H

#include <linux/types.h>

#include "outcome.h"

/* Raised whenever a layout below changes; checked against the pinned maps. */
#define SLUICE_ABI_VERSION 4

#define SLUICE_NAME_LEN	    32	  /* names of objects, with the final NUL */
#define SLUICE_IFNAME_LEN   16	  /* IFNAMSIZ */
#define SLUICE_SLOTS	    2	  /* slots of a slotted table */
#define SLUICE_MAX_PORTS    64	  /* interfaces of one node with Sluice on them */
#define SLUICE_MAX_VIPS	    16384 /* VIPs, and the addresses that they have */
#define SLUICE_MAX_PREFIXES 8192  /* that are VIPs */
#define SLUICE_MAX_WIDE	    65536 /* elements of all lists of port ranges */
#define SLUICE_MAX_SERVICES 4096
#define SLUICE_MAX_RINGS    8192 /* twice the services: old and new side by side */
#define SLUICE_MAX_BACKENDS 16384
#define SLUICE_MAX_LOADS    65536     /* pairs of a VIP and a backend that are counted */
#define SLUICE_MAX_NATS	    65536     /* entries of the way back under nat */
#define SLUICE_MAX_RULES    16384     /* of all policies */
#define SLUICE_MAX_TUNNELS  1024      /* addresses at which tunnels begin or end */
#define SLUICE_MAX_BLOCKS   4194304   /* prefixes in the block set */
#define SLUICE_MAX_GROUPS   262144    /* IPv4 /24s of which the block set holds a part */
#define SLUICE_MAX_SNAPLEN  4096      /* bytes of a captured frame */
#define SLUICE_EVENT_BYTES  (2 << 20) /* of the ring buffer of captured frames */
#define SLUICE_MAX_NOTES    16384     /* datagrams in pieces, within two seconds */
#define SLUICE_MAX_MISSES   1024      /* unresolved next hops remembered */
#define SLUICE_MAX_VLANS    4096      /* VLAN devices on interfaces of one node */
#define SLUICE_VLAN_RANGES  8	      /* of VLAN ids that one interface accepts */
#define SLUICE_RING_SIZE    65537     /* Maglev table entries; prime */
#define SLUICE_INTENT_CHUNK 4096      /* bytes per element of the stored configuration */
#define SLUICE_MAX_LIMITS   (SLUICE_MAX_SERVICES + SLUICE_MAX_RULES)
#define SLUICE_TRACE_STEPS  32
#define SLUICE_VIP_BUCKETS  16384 /* of the index of VIPs; a power of two */
#define SLUICE_WAYS	    4	  /* entries of a bucket: of the index, and of the connections */

#define SLUICE_NONE   ((__u32)-1) /* "no backend", "no rule", "no ring" */
#define SLUICE_NONE16 ((__u16)-1) /* the same in 16 bits */

/* One address of either family; IPv4 as ::ffff:a.b.c.d. */
struct sluice_addr {
	union {
		__u8 bytes[16];
		__be32 words[4];
	};
};

#define SLUICE_V4_PREFIX_BITS 96 /* an IPv4 /n is a prefix of 96 + n bits */

/*
 * sluice_control: ARRAY[1], mmapable. Written through the mapping with single
 * aligned stores.
 */
struct sluice_generation {
	__u32 config; /* +1 at each publication; low bit = slot in force */
	__u32 policy; /* +1 when the firewall's verdicts may have changed */
};

struct sluice_control {
	union {
		struct sluice_generation generation;
		__u64 generation_word; /* both halves at once */
	};
	__u64 block_entries;  /* prefixes in sluice_block; 0 skips the look-up */
	__u32 abi;	      /* SLUICE_ABI_VERSION of the writer */
	__u32 loads_moving;   /* odd while a publication moves counts to sluice_past */
	__u64 applied_unix_s; /* when the generation was published */
	char node[SLUICE_NAME_LEN];
	__u64 flow_seed; /* secret, made with the maps: nobody can aim at one bucket of flows */
};

/*
 * sluice_deadline: ARRAY[1], mmapable, made when a change first waits for a confirmation.
 * Whoever moves the state on from ARMED does it by compare-and-exchange: the timer, when
 * the time is over, or lbctl.
 */
enum sluice_deadline_state {
	SLUICE_DEADLINE_IDLE,	   /* nothing waits, and all is settled */
	SLUICE_DEADLINE_ARMED,	   /* armed_word becomes back_word unless confirmed */
	SLUICE_DEADLINE_CONFIRMED, /* guards are still to be replaced */
	SLUICE_DEADLINE_EXPIRED,   /* the same, and the store is to be told */
};

struct sluice_deadline {
	__u64 armed_word; /* sluice_control's generation_word, of the generation that waits */
	__u64 back_word;  /* of the slot before, under the number after it */
	__u64 delay_ns;
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 state; /* enum sluice_deadline_state */
	__u32 pad;
};

/* The programs of a guard, which is on an interface as long as a change of its program waits. */
enum sluice_guarded { SLUICE_GUARDED_NEW, SLUICE_GUARDED_BEFORE, SLUICE_GUARDED_COUNT };

/* What a program instance is loaded to do: rodata, one instance per interface. */
enum sluice_role {
	SLUICE_ROLE_FIREWALL = 1 << 0, /* rules and flows decide */
	SLUICE_ROLE_BALANCER = 1 << 1, /* VIPs go to backends */
	SLUICE_ROLE_FORWARD = 1 << 2,  /* the rest is routed in XDP */
	SLUICE_ROLE_DECAP = 1 << 3,    /* tunnels from balancers end here */
};

struct sluice_program_config {
	__u32 roles;	  /* enum sluice_role */
	__u32 port;	  /* index into sluice_ports and sluice_ledger */
	__u32 trace;	  /* 1: log steps, change nothing */
	__u32 no_express; /* 1: every packet takes the whole pipeline */
	__u8 mac[6];	  /* the interface's own link address, when it was attached */
	__u8 pad[2];
	__u64 flow_seed;       /* sluice_control's */
	__u32 conn_buckets;    /* of sluice_conns4, and of sluice_conns6 */
	__u32 hz;	       /* jiffies a second */
	__u32 conn_time_shift; /* from jiffies to the unit of a connection's time */
	__u32 source_lines;    /* of sluice_sources */
	__u64 build;	       /* of the program: packets do not read it */
};

/*
 * Stages that few packets need, each a program of its own: sluice_stages, a PROG_ARRAY by
 * enum sluice_stage, holds them for one instance. It is pinned while that is attached, as
 * SLUICE_STAGES_PIN with the interface's index and a digit: the kernel empties an array of
 * programs that no descriptor and no pin refers to.
 */
#define SLUICE_STAGES_PIN "sluice_stages_"

/* X(name, token) */
#define SLUICE_STAGES(X)                                                                           \
	X(FRAGMENT, "fragment")                                                                    \
	X(NAT, "nat")                                                                              \
	X(NAT_REPLY, "nat-reply")                                                                  \
	X(NAT_ERROR, "nat-error")                                                                  \
	X(NAT_REPLY_ERROR, "nat-reply-error")                                                      \
	X(COOKIE, "cookie")                                                                        \
	X(VLAN, "vlan")                                                                            \
	X(UNTAGGED, "untagged")                                                                    \
	X(TAG, "tag")                                                                              \
	X(SYN_ACK, "syn-ack")

enum sluice_stage {
#define SLUICE_STAGE_ENUM(name, token) SLUICE_STAGE_##name,
	SLUICE_STAGES(SLUICE_STAGE_ENUM)
#undef SLUICE_STAGE_ENUM
		SLUICE_STAGE_COUNT
};

struct sluice_vlan_range {
	__u16 min;
	__u16 max; /* inclusive */
};

/* sluice_ports: slotted, inner ARRAY[SLUICE_MAX_PORTS]: one attached interface. */
struct sluice_port {
	char ifname[SLUICE_IFNAME_LEN]; /* empty: unused */
	__u32 first_rule;		/* its policy: rules[first_rule .. + rule_count) */
	__u32 rule_count;
	__u32 roles;			   /* enum sluice_role */
	__u8 default_action;		   /* enum sluice_action */
	__u8 strict;			   /* 1: a mid-stream TCP packet opens no flow */
	__u8 has_tunnel4;		   /* tunnel_source4 is valid */
	__u8 has_tunnel6;		   /* tunnel_source6 is valid */
	struct sluice_addr tunnel_source4; /* outer source of what is encapsulated here */
	struct sluice_addr tunnel_source6;
	__be16 gue_port; /* UDP destination of GUE, sent and taken */
	__u8 vlan_count; /* 0: accepted are the VLANs that have a device here */
	__u8 pad[5];
	struct sluice_vlan_range vlans[SLUICE_VLAN_RANGES]; /* of outermost tags */
};

/*
 * VLAN devices, as the kernel has them: XDP sees and sends frames on the interface below.
 * sluice_vlan_in: HASH, this to __u32, the index of the VLAN device, so that routes are asked
 * for as the stack would. sluice_vlan_out: HASH, the index of a VLAN device to this, because
 * XDP cannot transmit on one. Kept up by lbctl and by the agent.
 */
struct sluice_vlan {
	__u32 ifindex; /* of the interface below */
	__u32 tags[2]; /* outermost first, SLUICE_TAG(); 0: none */
};

#define SLUICE_TAG(tpid, id) ((__u32)(tpid) << 16 | (id)) /* host byte order */
#define SLUICE_VLAN_ID_MASK  0x0fff
#define SLUICE_VLAN_ID_MAX   4094

enum sluice_action {
	SLUICE_ACTION_DROP,
	SLUICE_ACTION_ACCEPT,		/* and follow the flow: replies pass by themselves */
	SLUICE_ACTION_ACCEPT_STATELESS, /* this packet only: no flow is created */
};

/*
 * sluice_rules: slotted, inner ARRAY[SLUICE_MAX_RULES], in order of evaluation: what a rule
 * does. Which one it is that a packet meets first, the classifier says.
 */
struct sluice_rule {
	__u32 id;     /* index into sluice_rule_use */
	__u8 action;  /* enum sluice_action */
	__u8 limited; /* 1: it has a limit in sluice_limits */
	__u8 pad[2];
};

/*
 * The classifier. Each dimension of a packet, looked up by itself, has a class: all values of
 * one class match the same rules. A class is the index of its vector, with a bit for each
 * rule by position; the lowest bit that the vectors of all dimensions share is the answer.
 */
enum sluice_dimension {
	SLUICE_DIM_SRC,
	SLUICE_DIM_DST,
	SLUICE_DIM_SPORT,
	SLUICE_DIM_DPORT,
	SLUICE_DIM_KIND, /* protocol, with TCP flags, ICMP type and code */
	SLUICE_DIM_IN,	 /* interface and its policy, and whether the packet may open a flow */
	SLUICE_DIM_COUNT
};

#define SLUICE_VECTOR_WORDS  (SLUICE_MAX_RULES / 64)
#define SLUICE_SUMMARY_WORDS (SLUICE_VECTOR_WORDS / 64)
#define SLUICE_MAX_CLASSES   65536

/* sluice_vectors: slotted, inner ARRAY[n]: one class. */
struct sluice_vector {
	__u64 summary[SLUICE_SUMMARY_WORDS]; /* a bit for each word that is not 0 */
	__u64 words[SLUICE_VECTOR_WORDS];
};

/*
 * sluice_classes: mmapable ARRAY[SLUICE_SLOTS * SLUICE_CLASS_WORDS]: the classes of what can be
 * an index, slot after slot, each with the tables that begin at SLUICE_CLASS_*.
 */
#define SLUICE_CLASSES_PER_WORD 4
#define SLUICE_CLASS_SPORT	0 /* by port, host byte order */
#define SLUICE_CLASS_DPORT	65536
#define SLUICE_CLASS_PROTO	131072			   /* by protocol */
#define SLUICE_CLASS_TCP	(SLUICE_CLASS_PROTO + 256) /* by flags */
#define SLUICE_CLASS_ICMP4	(SLUICE_CLASS_TCP + 256)   /* by type << 8 | code */
#define SLUICE_CLASS_ICMP6	(SLUICE_CLASS_ICMP4 + 65536)
#define SLUICE_CLASS_ENTRIES	(SLUICE_CLASS_ICMP6 + 65536)
#define SLUICE_CLASS_WORDS	(SLUICE_CLASS_ENTRIES / SLUICE_CLASSES_PER_WORD)

struct sluice_class_word {
	__u16 of[SLUICE_CLASSES_PER_WORD];
};

/*
 * sluice_classifier: mmapable ARRAY[SLUICE_SLOTS]: where the search for classes begins.
 *
 * Prefixes are in a hash by length. The lengths that a dimension has of a family are a
 * search tree: node n has n * 2 below it for what is shorter, n * 2 + 1 for what is longer.
 * Where a longer prefix must be sought, an entry stands, of the class that is right until
 * one is found; so a look-up takes as many steps as the tree is high.
 */
#define SLUICE_FAMILIES	       2   /* 0: IPv4, 1: IPv6 */
#define SLUICE_LENGTH_NODES    256 /* of a tree of up to 128 lengths; IPv4 uses 64 */
#define SLUICE_LENGTH_HEIGHT_4 6
#define SLUICE_LENGTH_HEIGHT_6 8

struct sluice_classifier {
	__u64 digest; /* of all its tables and of the rules: equal ones do the same */
	__u32 shift[SLUICE_FAMILIES];	/* from a hash to its bucket */
	__u16 base[2][SLUICE_FAMILIES]; /* classes of addresses without a prefix */
	__u16 in[SLUICE_MAX_PORTS][2];	/* by port slot, and whether it opens no flow */
	__u8 lengths[2][SLUICE_FAMILIES][SLUICE_LENGTH_NODES]; /* 0: no node */
};

/* sluice_match4: slotted, inner ARRAY[n] of buckets. An entry: see sluice_match4_key(). */
#define SLUICE_MATCH4_WAYS 8

struct sluice_match4 {
	__u64 entries[SLUICE_MATCH4_WAYS]; /* 0: free; its low 16 bits are the class */
};

/* sluice_match6: the same of IPv6, where an entry is a column. */
#define SLUICE_MATCH6_WAYS 5

struct sluice_match6 {
	__u64 high[SLUICE_MATCH6_WAYS]; /* of the address, host byte order */
	__u64 low[SLUICE_MATCH6_WAYS];
	__u64 rest[SLUICE_MATCH6_WAYS]; /* 0: free; dimension << 24, length << 16, class */
	__u64 pad;
};

#define SLUICE_MATCH_REST(dimension, length) ((__u64)(dimension) << 24 | (__u64)(length) << 16)

/* `addr`: masked, host byte order. */
static inline __u64 sluice_match4_key(__u32 addr, __u32 dimension, __u32 length)
{
	return (__u64)addr << 32 | SLUICE_MATCH_REST(dimension, length);
}

static inline __u64 sluice_mix(__u64 x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	return (x ^ x >> 32) * 0x9e3779b97f4a7c15ULL;
}

static inline __u32 sluice_match4_bucket(__u64 key, __u32 shift)
{
	return sluice_mix(key) >> shift;
}

static inline __u32 sluice_match6_bucket(__u64 high, __u64 low, __u64 rest, __u32 shift)
{
	return sluice_mix(sluice_mix(high ^ rest) ^ low) >> shift;
}

/*
 * sluice_vips: slotted, inner HASH[SLUICE_MAX_VIPS]. A wide VIP, of a port range or a prefix,
 * has an entry for its numbers alone, with its first port: packets find it in sluice_wide.
 */
struct sluice_vip_key {
	struct sluice_addr addr;
	__be16 port; /* 0 with proto 0: "this address is a VIP" */
	__u8 proto;
	__u8 wide; /* 0, or the bits of the prefix; plus SLUICE_WIDE_ONE_PORT */
};

#define SLUICE_WIDE_ONE_PORT 128 /* one port of a prefix, that a range of it may begin with, too */

enum sluice_forward {
	SLUICE_FORWARD_IPIP, /* IP in IP: RFC 2003, 2473, 4213 */
	SLUICE_FORWARD_DSR,  /* rewrite of the link address */
	SLUICE_FORWARD_GUE,  /* IP in UDP: draft-ietf-intarea-gue, variant 1 */
	SLUICE_FORWARD_NAT,  /* rewrite of the destination, and of the source of what comes back */
};

#define SLUICE_VIP_SPILLED     (1 << 0) /* in the index: entries of this bucket had no room in it */
#define SLUICE_VIP_PREFIXES    (1 << 1) /* in the index, in all buckets: some prefixes are VIPs */
#define SLUICE_VIP_WIDE	       (1 << 2) /* several addresses or ports: one of sluice_wide */
#define SLUICE_VIP_BY_SOURCE   (1 << 3) /* the client's address alone decides on the backend */
#define SLUICE_VIP_BY_SOURCE64 (1 << 4) /* the same; of an IPv6 address its first 64 bits */
#define SLUICE_VIP_NATS	       (1 << 5) /* in the index, in all buckets: some services are of nat */
#define SLUICE_VIP_COOKIES     (1 << 6) /* sluice_cookie_services has a limit of SYNs */
#define SLUICE_VIP_LIMITED     (1 << 7) /* the service has a limit in sluice_limits */

struct sluice_vip {
	__u32 loads; /* first entry in sluice_load; a backend adds its index. In a bare address
			* entry its list in sluice_wide, or SLUICE_NONE */
	union {
		__u16 service;	 /* index: stable while the service lives */
		__be16 tcp_port; /* of a bare address, the lowest that serves, or 0: where */
	};
	__u16 ring; /* index into sluice_rings; SLUICE_NONE16 in a bare address entry */
	union {
		__u16 id;	 /* not 0, and the VIP's as long as it is one */
		__be16 udp_port; /* fragments go whose ports are not known; the same of UDP */
	};
	__u8 forward : 4; /* enum sluice_forward */
	__u8 quic    : 4; /* octets of the server id in connection IDs, 0 to SLUICE_MAX_SERVER_ID */
	__u8 flags;	  /* SLUICE_VIP_* */
};

/*
 * sluice_wide: mmapable ARRAY[SLUICE_SLOTS * SLUICE_MAX_WIDE], a half for each slot: lists of
 * port ranges, of one address or prefix each, known by their place in the half. The first
 * element of a list says how many follow, of TCP and then of UDP; they are disjoint, in
 * ascending order, and hold what the address has from wider prefixes, too.
 */
struct sluice_wide {
	union {
		struct {
			__u16 tcp;
			__u16 udp;
		} count; /* of the first element, whose VIP is a bare address's */
		struct {
			__u16 min;
			__u16 max;
		} ports; /* host byte order, inclusive */
	};
	struct sluice_vip vip;
};

/* sluice_prefixes: slotted, inner LPM_TRIE[SLUICE_MAX_PREFIXES], struct sluice_lpm_key to this. */
struct sluice_prefix {
	__u32 list; /* in sluice_wide */
	__u32 bits; /* of the prefix itself */
};

/*
 * sluice_nats: slotted, inner HASH[SLUICE_MAX_NATS]: whom a reply of a backend of nat comes from
 * for the client, by source address, port and protocol. The address alone, with protocol and
 * port 0, says that it is a backend's.
 */
struct sluice_nat_key {
	struct sluice_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct sluice_nat {
	struct sluice_addr vip;
	__be16 port;
	__u16 service; /* index */
};

#define SLUICE_MAX_SERVER_ID 8

/*
 * sluice_quic: slotted, inner HASH[SLUICE_MAX_BACKENDS], to __u32, the slot of the backend of a
 * QUIC service that a connection ID with this server id belongs to.
 */
struct sluice_quic_key {
	__u64 id; /* the octets as one number, the first the highest */
	__u32 service;
	__u32 pad;
};

/*
 * sluice_vip_index: mmapable ARRAY[SLUICE_SLOTS * SLUICE_VIP_BUCKETS], a half for each slot:
 * what sluice_vips holds, in buckets that a packet reads without hashing for long, and without
 * the call that a map of maps costs. Unused entries are zero. What does not fit into a bucket
 * stands in sluice_vips alone, and all four entries say so.
 */
struct sluice_vip_entry {
	struct sluice_vip_key key;
	struct sluice_vip vip;
};

struct sluice_vip_bucket {
	struct sluice_vip_entry entries[SLUICE_WAYS];
};

/* A key's 20 bytes, as words of this machine: compared and hashed without a copy. */
struct sluice_vip_words {
	__u64 addr[2];
	__u32 rest; /* port, proto, wide */
};

/* The bucket of a key, within the half of its slot: the one function of writer and packet. */
static inline __u32 sluice_vip_bucket_of(const struct sluice_vip_words *key)
{
	__u64 hash = key->addr[0] * 0x9e3779b97f4a7c15ULL ^ key->addr[1];

	hash = (hash ^ hash >> 32 ^ key->rest) * 0x9e3779b97f4a7c15ULL;
	return hash >> 40 & (SLUICE_VIP_BUCKETS - 1);
}

/*
 * sluice_digests: mmapable ARRAY[SLUICE_MAX_RINGS] of __u64: what the ring of that number was
 * built from, told in short; 0: not known. Set behind the ring, and cleared before it changes.
 */

/*
 * sluice_rings: ARRAY_OF_MAPS[SLUICE_MAX_RINGS], inner ARRAY[SLUICE_RING_WORDS]: a ring's entries
 * one behind the other. Elements of arrays are rounded up to 8 bytes: one by one, the entries
 * of a service would take four times the cache.
 */
#define SLUICE_RING_PER_WORD 4
#define SLUICE_RING_WORDS    ((SLUICE_RING_SIZE + SLUICE_RING_PER_WORD - 1) / SLUICE_RING_PER_WORD)
#define SLUICE_RING_ENTRIES                                                                        \
	(SLUICE_RING_WORDS * SLUICE_RING_PER_WORD) /* with those behind the end */

struct sluice_ring_word {
	__u16 backends[SLUICE_RING_PER_WORD]; /* slots; 0xffff: none */
};

/*
 * sluice_backends: ARRAY[SLUICE_MAX_BACKENDS]; not slotted, but each entry holds
 * a state per slot, so that a publication changes all states at once. Freed
 * entries rest one publication.
 */
enum sluice_backend_state {
	SLUICE_BACKEND_FREE,  /* slot unused */
	SLUICE_BACKEND_UP,    /* keeps its flows, and is in the ring if the schedule says so */
	SLUICE_BACKEND_DRAIN, /* keeps its flows, gets no new ones */
	SLUICE_BACKEND_DOWN,  /* its flows are picked anew */
};

#define SLUICE_BACKEND_HAS4  (1 << 0)
#define SLUICE_BACKEND_HAS6  (1 << 1)
#define SLUICE_BACKEND_LOCAL (1 << 2) /* this node: deliver to the own stack */

struct sluice_backend {
	struct sluice_addr addr4; /* valid with SLUICE_BACKEND_HAS4 */
	struct sluice_addr addr6; /* valid with SLUICE_BACKEND_HAS6 */
	__u32 incarnation;	  /* differs between two uses of one slot */
	__u16 service;
	__be16 port;		  /* nat: where it listens; 0: at the VIP's port */
	__u8 state[SLUICE_SLOTS]; /* enum sluice_backend_state: admin, health and panic together */
	__u8 flags;		  /* SLUICE_BACKEND_* */
	__u8 unhealthy;		  /* 1: the agents found it dead; outlives publications */
	__u16 index;		  /* in its service, as long as it is of it */
	__u8 share;		  /* percent of its weight that counts: slow start */
	__u8 pad;
};

/*
 * sluice_flows: LRU_HASH, of interfaces with a firewall. Both directions share one entry: lo
 * is the smaller endpoint.
 */
struct sluice_flow_key {
	struct sluice_addr lo;
	struct sluice_addr hi;
	__be16 lo_port; /* ICMP echo: the identifier, in both */
	__be16 hi_port;
	__u8 proto;
	__u8 pad[3];
};

enum sluice_flow_state {
	SLUICE_FLOW_OPENING,	 /* only the initiator was heard */
	SLUICE_FLOW_ESTABLISHED, /* both directions heard */
	SLUICE_FLOW_CLOSING,	 /* one side sent FIN */
	SLUICE_FLOW_CLOSED,	 /* both sides sent FIN, or one RST */
	SLUICE_FLOW_STATE_COUNT
};

#define SLUICE_FLOW_FROM_HI  (1 << 0) /* the initiator is the hi endpoint */
#define SLUICE_FLOW_JUDGED   (1 << 1) /* a firewall rule accepted it */
#define SLUICE_FLOW_BALANCED (1 << 2) /* backend and incarnation are valid */
#define SLUICE_FLOW_FIN_INIT (1 << 3) /* FIN seen from the initiator */
#define SLUICE_FLOW_FIN_RESP (1 << 4) /* FIN seen from the responder */
#define SLUICE_FLOW_LIMITED  (1 << 5) /* its rule has a limit */

struct sluice_flow {
	__u64 expires_ns; /* CLOCK_MONOTONIC, coarse */
	__u32 policy;	  /* generation.policy it was judged under */
	__u32 rule;	  /* id of the rule that accepted it, or SLUICE_NONE */
	__u32 backend;
	__u32 incarnation;
	__u8 state; /* enum sluice_flow_state */
	__u8 flags; /* SLUICE_FLOW_* */
	__u8 port;  /* port slot where the initiator came in */
	__u8 pad[5];
};

/*
 * sluice_conns4, sluice_conns6: mmapable ARRAYs of buckets: the flows of balancers without a
 * firewall, of which only the client's side is heard. An entry belongs to a flow while its
 * value is live. Whoever changes an entry does it by compare-and-exchange of that one word;
 * whoever gives it to another flow first marks it busy, writes the key, and then the new
 * value, whose sequence differs. So a reader that finds its key between two equal sequences
 * has a value of its own flow.
 */
struct sluice_conn4 {
	__u64 key; /* source address, port << 32, VIP id << 48 */
	__u64 value;
};

struct sluice_conn6 {
	/*
	 * Source port << 32, VIP id << 48. Of a wide VIP, in both families: the destination's
	 * port as well, and its address is mixed into src.
	 */
	__u64 key;
	__u64 value;
	struct sluice_addr src;
};

struct sluice_conn_bucket4 {
	struct sluice_conn4 entries[SLUICE_WAYS];
};

struct sluice_conn_bucket6 {
	struct sluice_conn6 entries[SLUICE_WAYS];
};

#define SLUICE_CONN_HASH_1 0x9e3779b97f4a7c15ULL
#define SLUICE_CONN_HASH_2 0xd6e8feb86659fd93ULL

/*
 * What is mixed into src, by exclusive or, of a flow to `dst` of a wide VIP, whose id does not
 * tell the destination. The seed keeps who chooses sources and destinations from finding two
 * flows with one key.
 */
static inline void sluice_conn_mix(const __u64 dst[2], __u64 seed, __u64 src[2])
{
	__u64 hash = (dst[0] ^ seed) * SLUICE_CONN_HASH_1;

	hash = (hash ^ hash >> 32 ^ dst[1]) * SLUICE_CONN_HASH_2;
	src[0] ^= hash;
	src[1] ^= (hash ^ hash >> 32) * SLUICE_CONN_HASH_1;
}

/* Fields of a value: first bit, and number of bits. 0 as a whole: never used. */
#define SLUICE_CONN_BACKEND_AT	     0 /* slot */
#define SLUICE_CONN_BACKEND_BITS     14
#define SLUICE_CONN_INCARNATION_AT   14 /* of the backend, its low bits */
#define SLUICE_CONN_INCARNATION_BITS 12
#define SLUICE_CONN_STATE_AT	     26 /* enum sluice_flow_state */
#define SLUICE_CONN_STATE_BITS	     2
#define SLUICE_CONN_OWNED_AT	     28 /* enum sluice_conn_owned */
#define SLUICE_CONN_OWNED_BITS	     2
#define SLUICE_CONN_SEQUENCE_AT	     30 /* +1 with each owner */
#define SLUICE_CONN_SEQUENCE_BITS    6
#define SLUICE_CONN_EXPIRES_AT	     36 /* jiffies64 >> conn_time_shift, its low bits */
#define SLUICE_CONN_EXPIRES_BITS     28

enum sluice_conn_owned {
	SLUICE_CONN_FREE,
	SLUICE_CONN_BUSY, /* being given to another flow */
	SLUICE_CONN_LIVE, /* until it expires */
};

#define SLUICE_CONN_MASK(field) ((1ULL << SLUICE_CONN_##field##_BITS) - 1)
#define SLUICE_CONN_GET(field, value)                                                              \
	((value) >> SLUICE_CONN_##field##_AT & SLUICE_CONN_MASK(field))
#define SLUICE_CONN_PUT(field, x) (((__u64)(x)&SLUICE_CONN_MASK(field)) << SLUICE_CONN_##field##_AT)

/*
 * Limits: token buckets, of services and of rules. What a packet costs is time: its bucket
 * holds the time at which all that was admitted would have been due at the rate, and a packet
 * is over the limit if that is further ahead of now than `depth` (the generic cell rate
 * algorithm, ITU-T I.371). Time is in jiffies with SLUICE_LIMIT_TICK_BITS bits behind the point.
 *
 * sluice_limits: mmapable ARRAY[SLUICE_SLOTS * SLUICE_MAX_LIMITS], a half for each slot, by the
 * index of the service, or SLUICE_MAX_SERVICES plus the id of the rule.
 */
#define SLUICE_LIMIT_TICK_BITS 28
#define SLUICE_LIMIT_COST_BITS 16	    /* more bits behind the point, of a cost */
#define SLUICE_LIMIT_MAX_TICKS (1ULL << 23) /* no bucket is further ahead of now */

enum sluice_measure {
	SLUICE_MEASURE_PACKETS,
	SLUICE_MEASURE_BYTES, /* of frames as received */
	SLUICE_MEASURE_NEW_FLOWS,
	SLUICE_MEASURE_COUNT
};

struct sluice_rate {
	__u64 cost;  /* of one, in time << SLUICE_LIMIT_COST_BITS */
	__u64 depth; /* time */
};

struct sluice_limit {
	__u8 whole;  /* bit per measure that is limited for all sources together */
	__u8 source; /* bit per measure that is limited for each source */
	__u8 pad[6];
	__u64 mask4;	/* of a source, as bytes 8 to 15 of its address */
	__u64 mask6[2]; /* the same of IPv6, all of it */
	struct sluice_rate of_whole[SLUICE_MEASURE_COUNT];
	struct sluice_rate of_source[SLUICE_MEASURE_COUNT];
};

/* sluice_buckets: mmapable ARRAY[SLUICE_MAX_LIMITS], of all sources together. */
struct sluice_bucket {
	__u64 due[SLUICE_MEASURE_COUNT]; /* time; only ever changed by atomic operations */
	__u64 pad[5];
};

/*
 * sluice_sources: mmapable ARRAY of lines: a bucket for each source and measure of a limit,
 * in the line that its tag names. A bucket that nothing is due in tells nothing: it gives way
 * first; in a line without one, the bucket that is least ahead.
 */
struct sluice_source {
	__u64 tag; /* keyed hash of limit, measure and source; 0: unused */
	__u64 due;
};

struct sluice_source_line {
	struct sluice_source ways[SLUICE_WAYS];
};

/* sluice_limit_use: PERCPU_ARRAY[SLUICE_MAX_LIMITS]: what a limit refused. */
struct sluice_limit_use {
	__u64 whole_packets;  /* over what all sources have together */
	__u64 source_packets; /* over what each source has */
	__u64 bytes;	      /* of both */
	__u64 forgotten;      /* sources whose bucket gave way while something was due in it */
};

/*
 * sluice_notes: LRU_HASH[SLUICE_MAX_NOTES]: datagrams of which a fragment was seen, so
 * that all of it goes one way.
 */
struct sluice_datagram_key {
	struct sluice_addr src;
	struct sluice_addr dst;
	__be32 id;
	__u8 proto; /* IPv6: IPPROTO_FRAGMENT, because only the first tells it */
	__u8 pad[3];
};

struct sluice_datagram {
	__u64 expires; /* jiffies */
	__u32 backend; /* slot, or SLUICE_NONE */
	__u32 incarnation;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 has_flow; /* 1: the first was seen, and these five are of it */
};

/* sluice_tunnels: slotted, inner HASH[SLUICE_MAX_TUNNELS], struct sluice_addr to __u32 of these. */
#define SLUICE_TUNNEL_FROM (1 << 0) /* a balancer's: what it sends is believed */
#define SLUICE_TUNNEL_HERE (1 << 1) /* this node's own: tunnels to it end here */

struct sluice_lpm_key {
	__u32 bits; /* 0..128; an IPv4 /n is 96 + n */
	struct sluice_addr addr;
};

/*
 * sluice_block: LPM_TRIE: the block set, exactly. Not slotted: blocking is immediate. Memory is
 * taken by what is in it. What packets ask first is sluice_block_kinds.
 */
struct sluice_block {
	__u32 bits;	/* the length of the prefix itself, so that an exact match can be told */
	__u32 allow;	/* 1: an exception, not blocked */
	__u64 until_ns; /* CLOCK_MONOTONIC; 0: for ever */
};

/*
 * sluice_block_kinds: mmapable ARRAY[SLUICE_BLOCK_WORDS] of __u64: what the trie would say, in
 * two bits: of each IPv4 /24, and behind them of IPv6 by a hash of the first 32 bits.
 */
enum sluice_block_kind {
	SLUICE_BLOCK_NONE,  /* nothing is blocked */
	SLUICE_BLOCK_FULL,  /* all is blocked, for ever */
	SLUICE_BLOCK_PART,  /* some is, as sluice_block_groups says */
	SLUICE_BLOCK_EXACT, /* the trie must be asked */
};

#define SLUICE_BLOCK_KINDS_PER_WORD 32
#define SLUICE_BLOCK_KINDS4	    (1 << 24)
#define SLUICE_BLOCK_KINDS6	    (1 << 22)
#define SLUICE_BLOCK_WORDS                                                                         \
	((SLUICE_BLOCK_KINDS4 + SLUICE_BLOCK_KINDS6) / SLUICE_BLOCK_KINDS_PER_WORD)

/* `high`: the first 32 bits of an IPv6 address, host byte order. */
static inline __u32 sluice_block_summary6(__u32 high)
{
	return SLUICE_BLOCK_KINDS4 + (__u32)(sluice_mix(high) >> 42);
}

/* sluice_block_groups: HASH[SLUICE_MAX_GROUPS], by __u32, an IPv4 address >> 8. */
struct sluice_block_group {
	__u64 until_ns; /* from then on the trie must be asked; 0: never */
	__u64 bits[4];	/* blocked, by the last byte of the address */
};

/* sluice_ledger: PERCPU_ARRAY[SLUICE_MAX_PORTS]. rx = sum of all outcomes, always. */
struct sluice_count {
	__u64 packets;
	__u64 bytes; /* of the frame as received */
};

struct sluice_ledger {
	struct sluice_count rx;
	struct sluice_count outcome[SLUICE_OUTCOME_COUNT];
};

/* sluice_rule_use: PERCPU_ARRAY[SLUICE_MAX_RULES] of struct sluice_count, by rule id. */

/*
 * sluice_load: PERCPU_ARRAY[SLUICE_MAX_LOADS]: what one VIP sent to one backend, at
 * vip.loads + backend.index. The sums over it are all that is known of VIPs and of backends,
 * for one update by each packet.
 */
struct sluice_load {
	struct sluice_count sent;
	__u64 new_flows;
};

/*
 * sluice_past: ARRAY[SLUICE_MAX_PAST], mmapable, of struct sluice_load: what a VIP sent to
 * backends that it has no more, by VIP id, and behind SLUICE_PAST_BACKENDS what a backend
 * got from VIPs that it has no more, by its slot. Written by publications, which make
 * control.loads_moving odd while counts are between the two tables.
 */
#define SLUICE_PAST_BACKENDS (2 * SLUICE_MAX_VIPS + 1)
#define SLUICE_MAX_PAST	     (SLUICE_PAST_BACKENDS + SLUICE_MAX_BACKENDS)

/*
 * sluice_checks: HASH: how the agent's last check of each backend ended. Written by the agent,
 * for those who look at the node; what is decided by it stands in sluice_backends.
 */
#define SLUICE_CHECK_WORDS 96

struct sluice_check_key {
	char service[SLUICE_NAME_LEN];
	char backend[SLUICE_NAME_LEN];
};

struct sluice_check {
	__u64 ended_unix_s;
	__u32 duration_us;
	__u32 pad;
	char words[SLUICE_CHECK_WORDS]; /* "ok", or what was wrong */
};

/*
 * sluice_capture: ARRAY[1], mmapable: who looks at packets now, and at which. Packets read
 * until_ns alone while it is 0. One session at a time; its owner renews the deadline.
 */
struct sluice_capture_end {
	struct sluice_addr addr; /* already masked */
	struct sluice_addr mask;
	__u16 port_min; /* host byte order, inclusive */
	__u16 port_max;
	__u32 pad;
};

struct sluice_capture {
	__u64 until_ns;			   /* CLOCK_MONOTONIC; 0: off */
	__u64 lost;			   /* packets that found the ring buffer full */
	__u64 outcomes[2];		   /* bit per outcome that is wanted */
	struct sluice_capture_end ends[2]; /* in either order, with `filtered` */
	__u32 session;			   /* not 0; differs from one to the next */
	__u32 pid;			   /* of the owner */
	__u32 port;			   /* slot of the interface, SLUICE_NONE: all */
	__u32 sample;			   /* one packet in so many */
	__u32 snaplen;			   /* bytes of a frame, at most SLUICE_MAX_SNAPLEN */
	__u8 proto;			   /* 0: any, with `filtered` */
	__u8 filtered;			   /* 1: ends and proto count */
	__u8 pad[2];
};

/*
 * sluice_events: RINGBUF: one captured packet, with the bytes of the frame as received and,
 * behind them, as it left, if it did or if it was passed changed.
 */
struct sluice_captured {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 session;
	__u32 received_length; /* of the frame */
	__u32 sent_length;
	__u16 received_bytes; /* of it that follow */
	__u16 sent_bytes;
	__u32 outcome;
	__u32 port;	   /* where it came in */
	__u32 ifindex_out; /* 0: not known, or not sent */
	__u32 rule;	   /* id of the rule that decided, or SLUICE_NONE */
	__u32 backend;	   /* slot, or SLUICE_NONE */
	__u32 pad;
};

/* sluice_misses: LRU_HASH: next hops that had no link address. The agent resolves them. */
struct sluice_miss_key {
	struct sluice_addr next_hop;
	__u32 ifindex;
};

struct sluice_miss {
	__u64 packets; /* lost since the entry was made */
};

/*
 * sluice_cookie_keys: ARRAY[1], mmapable: of SipHash, for SYN cookies. A new key is written
 * over the one before the last, and then made current; the last one is accepted still.
 */
struct sluice_cookie_keys {
	__u64 keys[2][2];
	__u32 current; /* index of the one that cookies are made with */
	__u32 count;   /* that are accepted: 0, 1, or both */
};

/*
 * sluice_cookie_services: ARRAY[SLUICE_MAX_SERVICES], mmapable, a cache line each: how
 * hard a service is pressed. The limit is the configuration's, the rest is the packets'.
 */
struct sluice_cookie_service {
	__u32 limit;  /* SYNs a second, above which cookies answer them; 0: always */
	__u32 syns;   /* of new connections in this second */
	__u32 strays; /* ACKs in it that are of no known connection and have no valid cookie */
	__u32 pad;
	__u64 second; /* jiffies64 / hz */
	__u64 until;  /* jiffies64: under pressure so long */
	__u64 pad2[4];
};

/*
 * sluice_cookie_count: PERCPU_ARRAY[SLUICE_COOKIE_COUNTS], by service; and what this node, as
 * a backend, made of the valid ones: connections, or INVALID, what its kernel refused.
 */
#define SLUICE_COOKIE_ACCEPTED SLUICE_MAX_SERVICES
#define SLUICE_COOKIE_COUNTS   (SLUICE_MAX_SERVICES + 1)

enum sluice_cookie_use {
	SLUICE_COOKIE_SENT,    /* SYNs that were answered with one */
	SLUICE_COOKIE_VALID,   /* ACKs of new connections that brought one back */
	SLUICE_COOKIE_INVALID, /* ACKs of no known connection without a valid one */
	SLUICE_COOKIE_USES
};

struct sluice_cookie_count {
	__u64 uses[SLUICE_COOKIE_USES];
};

/* What became of a packet that met cookies: of its step, "answer". */
enum sluice_cookie_answer {
	SLUICE_COOKIE_NO_PRESSURE, /* a SYN within the limit */
	SLUICE_COOKIE_ANSWERED,
	SLUICE_COOKIE_RETURNED, /* an ACK with a valid cookie */
	SLUICE_COOKIE_STRAY,	/* an ACK without, that passes */
	SLUICE_COOKIE_REFUSED,	/* one too many of them */
};

/* sluice_intent: slotted, inner ARRAY[n] of SLUICE_INTENT_CHUNK bytes: configuration as YAML. */
struct sluice_intent_header {
	__u64 bytes; /* of text; it starts right behind this header in element 0 */
};

/* sluice_txports: DEVMAP_HASH, ifindex to ifindex: interfaces that may send. */

/* What a backend was chosen by: of its step, "chosen by". */
enum sluice_choice {
	SLUICE_CHOICE_BY_RING,
	SLUICE_CHOICE_BY_FLOW,
	SLUICE_CHOICE_BY_CID,
};

/* sluice_trace: ARRAY[SLUICE_TRACE_STEPS], private to one `lbctl trace`. */
/* X(name, token, meaning of a, meaning of b) */
#define SLUICE_STEPS(X)                                                                            \
	X(END, "end", "", "")                                                                      \
	X(PARSE, "parse", "protocol", "total length")                                              \
	X(SANITY, "sanity", "", "")                                                                \
	X(BLOCK, "block", "prefix found", "entries in the set")                                    \
	X(DECAP, "decap", "sender is a balancer", "inner protocol")                                \
	X(UNTAG, "untag", "tag", "inner tag")                                                      \
	X(TAG, "tag", "tag", "ifindex out")                                                        \
	X(SERVICE, "service", "service", "ring")                                                   \
	X(FLOW, "flow", "found", "state")                                                          \
	X(REJUDGE, "rejudge", "flow's policy generation", "policy generation now")                 \
	X(DATAGRAM, "datagram", "another fragment was here", "offset")                             \
	X(RULE, "rule", "rule id", "action")                                                       \
	X(DEFAULT, "default", "action", "rules tried")                                             \
	X(EXEMPT, "exempt", "ICMP type", "ICMP code")                                              \
	X(BACKEND, "backend", "backend slot", "chosen by")                                         \
	X(ENCAP, "encap", "outer protocol", "total length")                                        \
	X(ROUTE, "route", "bpf_fib_lookup result", "ifindex out")                                  \
	X(STAGE, "stage", "stage", "")                                                             \
	X(VERDICT, "verdict", "outcome", "")                                                       \
	X(NAT, "nat", "backend slot", "port")                                                      \
	X(NAT_REPLY, "nat-reply", "service", "port")                                               \
	X(COOKIE, "cookie", "answer", "MSS told, or limit of SYNs a second")                       \
	X(LIMIT, "limit", "limit", "over")

enum sluice_step {
#define SLUICE_STEP_ENUM(name, token, a, b) SLUICE_STEP_##name,
	SLUICE_STEPS(SLUICE_STEP_ENUM)
#undef SLUICE_STEP_ENUM
		SLUICE_STEP_COUNT
};

struct sluice_trace_step {
	__u32 step; /* enum sluice_step; END behind the last */
	__u32 pad;
	__u64 a;
	__u64 b;
};

_Static_assert(sizeof(struct sluice_addr) == 16, "ABI");
_Static_assert(sizeof(struct sluice_control) == 72, "ABI");
_Static_assert(sizeof(struct sluice_deadline) == 40, "ABI");
_Static_assert(sizeof(struct sluice_program_config) == 56, "ABI");
_Static_assert(sizeof(struct sluice_rule) == 8, "ABI");
_Static_assert(sizeof(struct sluice_vector) == 2080, "ABI");
_Static_assert(sizeof(struct sluice_match4) == 64, "ABI");
_Static_assert(sizeof(struct sluice_match6) == 128, "ABI");
_Static_assert(sizeof(struct sluice_classifier) == 1304, "ABI");
_Static_assert(SLUICE_MAX_RULES == 64 * 64 * SLUICE_SUMMARY_WORDS, "bits of a summary");
_Static_assert(sizeof(struct sluice_port) == 104, "ABI");
_Static_assert(sizeof(struct sluice_vlan) == 12, "ABI");
_Static_assert(sizeof(struct sluice_vip_key) == 20, "ABI");
_Static_assert(sizeof(struct sluice_vip) == 12, "ABI");
_Static_assert(sizeof(struct sluice_vip_bucket) == 128, "ABI");
_Static_assert(sizeof(struct sluice_wide) == 16, "ABI");
_Static_assert(sizeof(struct sluice_conn_bucket4) == 64, "ABI");
_Static_assert(sizeof(struct sluice_conn_bucket6) == 128, "ABI");
_Static_assert(SLUICE_MAX_BACKENDS == 1 << SLUICE_CONN_BACKEND_BITS, "ABI");
_Static_assert(sizeof(struct sluice_backend) == 48, "ABI");
_Static_assert(sizeof(struct sluice_nat_key) == 20, "ABI");
_Static_assert(sizeof(struct sluice_nat) == 20, "ABI");
_Static_assert(sizeof(struct sluice_flow_key) == 40, "ABI");
_Static_assert(sizeof(struct sluice_flow) == 32, "ABI");
_Static_assert(sizeof(struct sluice_datagram_key) == 40, "ABI");
_Static_assert(sizeof(struct sluice_datagram) == 24, "ABI");
_Static_assert(sizeof(struct sluice_lpm_key) == 20, "ABI");
_Static_assert(sizeof(struct sluice_block) == 16, "ABI");
_Static_assert(sizeof(struct sluice_block_group) == 40, "ABI");
_Static_assert(SLUICE_BLOCK_KINDS6 == 1 << (64 - 42), "ABI");
_Static_assert(sizeof(struct sluice_check_key) == 64, "ABI");
_Static_assert(sizeof(struct sluice_check) == 112, "ABI");
_Static_assert(sizeof(struct sluice_miss_key) == 20, "ABI");
_Static_assert(sizeof(struct sluice_trace_step) == 24, "ABI");
_Static_assert(sizeof(struct sluice_limit) == 128, "ABI");
_Static_assert(sizeof(struct sluice_bucket) == 64, "ABI");
_Static_assert(sizeof(struct sluice_source_line) == 64, "ABI");
_Static_assert(sizeof(struct sluice_limit_use) == 32, "ABI");
_Static_assert(sizeof(struct sluice_capture) == 136, "ABI");
_Static_assert(sizeof(struct sluice_captured) == 48, "ABI");
_Static_assert(sizeof(struct sluice_cookie_keys) == 40, "ABI");
_Static_assert(sizeof(struct sluice_cookie_service) == 64, "ABI");
_Static_assert(sizeof(struct sluice_cookie_count) == 24, "ABI");
_Static_assert(SLUICE_OUTCOME_COUNT <= 128, "bits of sluice_capture.outcomes");
_Static_assert(sizeof(struct sluice_ring_word) == 8 && SLUICE_MAX_BACKENDS < 0xffff, "ABI");

#endif /* SLUICE_ABI_H */
