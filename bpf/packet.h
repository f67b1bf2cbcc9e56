/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the stages know about the packet in hand, and the helpers they share.
 *
 * A stage returns SLUICE_CONTINUE or the packet's final outcome; only the
 * entry point turns an outcome into an XDP action and counts it.
 */
#ifndef SLUICE_BPF_PACKET_H
#define SLUICE_BPF_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sluice/abi.h"

#define NSEC_PER_SEC 1000000000ULL

/* Set by the loader, one value for each attached interface: unused stages cost nothing. */
const volatile struct sluice_program_config config;

#define HAS_ROLE(role) (config.roles & SLUICE_ROLE_##role)

/* A stage with a stack frame of its own: on 6.1, callers and callees share 512 bytes. */
#define STAGE static __attribute__((noinline)) enum sluice_outcome

/*
 * A stage that the verifier walks once, by itself, and whose findings it forgets:
 * without that, each shape of packet would be followed through all later stages.
 */
#define ISOLATED_STAGE __attribute__((noinline)) int

/* The endpoints of a packet, or of the flow that it belongs to. */
struct tuple {
	struct sluice_addr src;
	struct sluice_addr dst;
	__be16 sport; /* ICMP echo: the identifier, in both ports */
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};

struct packet {
	struct tuple self; /* as its own header says */
	/*
	 * The flow, in this packet's direction. Differs from `self` in an ICMP error,
	 * which belongs to the flow of the packet that it quotes.
	 */
	struct tuple flow;
	__u32 frame_length; /* as received; of the inner frame after decapsulation */
	__u16 l3_length;    /* IP header and payload, host byte order */
	__u16 l4_offset;    /* from the start of the frame */
	__u8 is_v6;
	__u8 tos;
	__u8 ttl;
	__u8 tcp_flags; /* byte 13 of the TCP header */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 is_fragment;  /* any part of a datagram that was cut up; in its stage, a later one */
	__u8 to_group;	   /* link address of many: never ours to send on */
	__u8 is_error;	   /* ICMP error with a quoted header that could be read */
	__u8 passing;	   /* of a flow that is not to be remembered */
	__u8 nats;	   /* to no VIP, and some services are of nat: it may be a reply */
	__u8 tagged;	   /* not 0: its VLAN tags were taken off */
	__u8 asks_cookies; /* of SYN cookies, which may have a say */
};

static __always_inline void addr_set_v4(struct sluice_addr *addr, __be32 v4)
{
	addr->words[0] = 0;
	addr->words[1] = 0;
	addr->words[2] = bpf_htonl(0xffff);
	addr->words[3] = v4;
}

static __always_inline void addr_set_v6(struct sluice_addr *addr, const struct in6_addr *v6)
{
	__builtin_memcpy(addr->bytes, v6, sizeof(addr->bytes));
}

static __always_inline int addr_is_v4(const struct sluice_addr *addr)
{
	return !addr->words[0] && !addr->words[1] && addr->words[2] == bpf_htonl(0xffff);
}

static __always_inline int addr_equal(const struct sluice_addr *a, const struct sluice_addr *b)
{
	return !((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1]) |
		 (a->words[2] ^ b->words[2]) | (a->words[3] ^ b->words[3]));
}

/* `prefix` is masked already. */
static __always_inline int matches_prefix(const struct sluice_addr *addr,
					  const struct sluice_addr *prefix,
					  const struct sluice_addr *mask)
{
	return !(((addr->words[0] & mask->words[0]) ^ prefix->words[0]) |
		 ((addr->words[1] & mask->words[1]) ^ prefix->words[1]) |
		 ((addr->words[2] & mask->words[2]) ^ prefix->words[2]) |
		 ((addr->words[3] & mask->words[3]) ^ prefix->words[3]));
}

/* The step log of `lbctl trace`; compiled out of every attached program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_TRACE_STEPS);
	__type(key, __u32);
	__type(value, struct sluice_trace_step);
} sluice_trace SEC(".maps");

/* Steps written. In a map: a counter on the stack would keep the verifier's states apart. */
static __u32 trace_steps;

static __always_inline void trace(enum sluice_step step, __u64 a, __u64 b)
{
	struct sluice_trace_step *entry;
	__u32 index;

	if (!config.trace)
		return;
	index = trace_steps;
	entry = bpf_map_lookup_elem(&sluice_trace, &index);
	if (!entry)
		return;
	entry->step = step;
	entry->a = a;
	entry->b = b;
	trace_steps = index + 1;
}

#endif /* SLUICE_BPF_PACKET_H */
