/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fragments (RFC 791, RFC 8200 4.5), of firewalls and balancers: only the first of a datagram
 * has ports, so what it tells is noted, and those that follow are packets of its flow.
 *
 * On a balancer a later fragment may come before the first. It goes, as the first will then,
 * where source, destination and protocol say; on a firewall it is dropped, because nobody has
 * judged its datagram. A note is for the packets on the wire now: it lasts two seconds, and
 * the table is an LRU of bounded size.
 */
#ifndef SLUICE_BPF_FRAGMENT_H
#define SLUICE_BPF_FRAGMENT_H

#include "balancer.h"
#include "parse.h"

#define NOTE_SECONDS	 2
#define IP_OFFSET	 0x1fff
#define IP6_MORE	 0x0001
#define IP6_OFFSET	 0xfff8
#define TCP_HEADER_BYTES 20
#define DATAGRAM_MAX	 0xffff
#define CHAIN_OFFSET_MAX 0x4000 /* more than parse() lets the extension headers reach */

/* What the IP header says of a fragment, and the note of its datagram. */
struct fragment {
	__u32 backend; /* slot, if another of the datagram went to one; else SLUICE_NONE */
	__u32 incarnation;
	__be32 id;
	__u16 offset; /* in the datagram, bytes */
	__u8 more;    /* 1: not the last */
	__u8 noted;   /* 1: another of the datagram was here */
	__u8 leads;   /* 1: of an unknown flow, and the rest of the datagram follows it */
	__u8 pad[3];
};

/* RFC 8200 4.5: the identification is of source and destination alone. */
static __always_inline void fragment_key(const struct packet *pkt, const struct fragment *fragment,
					 struct sluice_datagram_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = pkt->self.src;
	key->dst = pkt->self.dst;
	key->id = fragment->id;
	key->proto = pkt->is_v6 ? IPPROTO_FRAGMENT : pkt->self.proto;
}

static __always_inline int read_fragment_v4(void *frame, void *end, struct fragment *fragment)
{
	struct iphdr *ip = frame + ETH_HLEN;
	__u16 bits;

	if ((void *)(ip + 1) > end)
		return 0;
	bits = bpf_ntohs(ip->frag_off);
	fragment->id = ip->id;
	fragment->offset = (bits & IP_OFFSET) * 8;
	fragment->more = !!(bits & IP_MORE_FRAGMENTS);
	return 1;
}

/* parse() stops behind the fragment header, the first whose bits say that it is one. */
static __always_inline int read_fragment_v6(void *frame, void *end, const struct packet *pkt,
					    struct fragment *fragment)
{
	__u32 at = pkt->l4_offset - sizeof(struct ext_header);
	struct ext_header *ext;
	__u16 bits;

	asm volatile("" : "+r"(at)); /* clang 14 bounds another value, and the verifier this one */
	if (at > CHAIN_OFFSET_MAX)
		return 0;
	ext = frame + at;
	if ((void *)(ext + 1) > end)
		return 0;
	bits = bpf_ntohs(ext->fragment);
	__builtin_memcpy(&fragment->id, ext->rest, sizeof(fragment->id));
	fragment->offset = bits & IP6_OFFSET;
	fragment->more = !!(bits & IP6_MORE);
	return 1;
}

/*
 * Lengths and places that no sender cuts: all but the last in units of eight bytes, none
 * beyond the largest datagram, and none over the header that the first brings (RFC 3128).
 */
static __always_inline int is_bad_cut(const struct packet *pkt, const struct fragment *fragment)
{
	__u32 length = ETH_HLEN + pkt->l3_length - pkt->l4_offset;

	if (!length || (fragment->more && length % 8) || fragment->offset + length > DATAGRAM_MAX)
		return 1;
	return pkt->self.proto == IPPROTO_TCP && fragment->offset &&
	       fragment->offset < TCP_HEADER_BYTES;
}

static __always_inline enum sluice_outcome
read_fragment(struct xdp_md *ctx, const struct packet *pkt, struct fragment *fragment)
{
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (!(pkt->is_v6 ? read_fragment_v6(frame, end, pkt, fragment)
			 : read_fragment_v4(frame, end, fragment)))
		return SLUICE_INTERNAL; /* for the verifier */
	return is_bad_cut(pkt, fragment) ? SLUICE_BAD_FRAGMENT : SLUICE_CONTINUE;
}

/* The transport header of a first fragment, which must be there as a whole (RFC 7112). */
static __always_inline enum sluice_outcome parse_first_l4(struct cursor *cur, struct packet *pkt,
							  __u32 length)
{
	if (pkt->self.proto == IPPROTO_TCP)
		return parse_tcp(cur, pkt, length);
	if (pkt->self.proto == IPPROTO_UDP)
		return length < sizeof(struct udphdr) ? SLUICE_MALFORMED
						      : parse_udp(cur, pkt, DATAGRAM_MAX);
	return is_icmp(pkt) ? parse_icmp(cur, pkt, length) : SLUICE_CONTINUE;
}

/* Makes the first fragment a packet of its flow, as one that is whole. */
static __always_inline enum sluice_outcome parse_first(struct xdp_md *ctx, struct packet *pkt)
{
	void *frame = (void *)(long)ctx->data;
	struct cursor cur = {.end = (void *)(long)ctx->data_end};
	__u32 at = pkt->l4_offset, end = ETH_HLEN + pkt->l3_length;
	__u8 again = 0;

	asm volatile("" : "+r"(at));
	if (at > CHAIN_OFFSET_MAX)
		return SLUICE_INTERNAL; /* for the verifier */
	cur.pos = frame + at;
	if (pkt->is_v6 && parse_ext_headers(&cur, pkt->self.proto, &pkt->self, &again))
		return SLUICE_BAD_FRAGMENT;
	at = cur.pos - frame;
	if (again || at > end || parse_first_l4(&cur, pkt, end - at))
		return SLUICE_BAD_FRAGMENT;
	if (is_icmp(pkt) && is_icmp_error(pkt))
		return SLUICE_FRAGMENT; /* RFC 1812 4.3.2.3, RFC 4443 2.4: errors are short */
	pkt->l4_offset = at;
	pkt->is_fragment = 0;
	pkt->flow = pkt->self;
	return sanity(pkt);
}

static __always_inline void take_noted_flow(struct packet *pkt, const struct sluice_datagram *note)
{
	pkt->self.proto = note->proto;
	pkt->self.sport = note->sport;
	pkt->self.dport = note->dport;
	pkt->icmp_type = note->icmp_type;
	pkt->icmp_code = note->icmp_code;
	pkt->flow = pkt->self;
}

/*
 * Whether the note is of this datagram. What an earlier first has told may be of a datagram
 * that had the same identification before; and if not, the flow says the same again.
 */
static __always_inline int is_noted(const struct fragment *fragment,
				    const struct sluice_datagram *note)
{
	return note && note->expires > bpf_jiffies64() && (fragment->offset || !note->has_flow);
}

/*
 * A port for a packet that tells none, so that each balancer finds the same service for it:
 * the lowest that its destination serves with its protocol; 0: there is none.
 */
static __always_inline __be16 guess_port(const struct packet *pkt, __u32 slot)
{
	struct sluice_vip_key key = {.addr = pkt->self.dst};
	const struct sluice_vip *bare;
	int spilled;

	bare = vip_lookup(slot, &key, &spilled);
	if (!bare || bare->ring != SLUICE_NONE16)
		return 0;
	if (pkt->self.proto == IPPROTO_TCP)
		return bare->tcp_port;
	return pkt->self.proto == IPPROTO_UDP ? bare->udp_port : 0;
}

static __always_inline void lead_datagram(struct packet *pkt, struct fragment *fragment, __u32 slot)
{
	fragment->leads = 1;
	pkt->flow.dport = guess_port(pkt, slot);
}

/* What others of the datagram have told: its flow, and the backend that they went to. */
static __always_inline enum sluice_outcome recall_datagram(struct packet *pkt,
							   struct fragment *fragment, __u32 slot)
{
	struct sluice_datagram_key key;
	const struct sluice_datagram *note;

	fragment_key(pkt, fragment, &key);
	note = bpf_map_lookup_elem(&sluice_notes, &key);
	if (!is_noted(fragment, note))
		note = NULL;
	fragment->noted = note != NULL;
	pkt->passing = fragment->offset || note;
	trace(SLUICE_STEP_DATAGRAM, fragment->noted, fragment->offset);
	if (note && fragment->offset && note->has_flow)
		take_noted_flow(pkt, note);
	else if (fragment->offset && HAS_ROLE(FIREWALL))
		return SLUICE_FRAGMENT;
	else if (fragment->offset)
		lead_datagram(pkt, fragment, slot);
	if (note) {
		fragment->backend = note->backend;
		fragment->incarnation = note->incarnation;
	}
	return SLUICE_CONTINUE;
}

int gather(struct xdp_md *ctx, struct packet *pkt, struct fragment *fragment, __u32 slot);

/* Makes a parsed fragment a packet of its flow, as far as that is known. */
ISOLATED_STAGE gather(struct xdp_md *ctx, struct packet *pkt, struct fragment *fragment, __u32 slot)
{
	enum sluice_outcome outcome;

	if (!pkt || !fragment)
		return SLUICE_INTERNAL; /* for the verifier */
	fragment->backend = SLUICE_NONE;
	outcome = read_fragment(ctx, pkt, fragment);
	if (!outcome && !fragment->offset)
		outcome = parse_first(ctx, pkt);
	return outcome ? outcome : recall_datagram(pkt, fragment, slot);
}

/* The backend that others of the datagram went to, if it is the same still. */
static __always_inline void take_noted_backend(const struct fragment *fragment,
					       struct choice *choice)
{
	const struct sluice_backend *backend =
		bpf_map_lookup_elem(&sluice_backends, &fragment->backend);

	if (!backend || backend->incarnation != fragment->incarnation)
		return;
	choice->slot = fragment->backend;
	choice->backend = backend;
}

/* Tells those that follow; one that followed itself has nothing to add. */
STAGE note_datagram(const struct packet *pkt, const struct fragment *fragment,
		    const struct choice *choice)
{
	struct sluice_datagram note = {.expires = bpf_jiffies64() + NOTE_SECONDS * config.hz,
				       .backend = SLUICE_NONE,
				       .sport = pkt->self.sport,
				       .dport = pkt->self.dport,
				       .proto = pkt->self.proto,
				       .icmp_type = pkt->icmp_type,
				       .icmp_code = pkt->icmp_code,
				       .has_flow = !fragment->leads};
	struct sluice_datagram_key key;

	if (config.trace || (fragment->offset && fragment->noted) ||
	    (!HAS_ROLE(FIREWALL) && !choice->backend && !pkt->nats))
		return SLUICE_CONTINUE;
	if (choice->backend) {
		note.backend = choice->slot;
		note.incarnation = choice->backend->incarnation;
	}
	fragment_key(pkt, fragment, &key);
	bpf_map_update_elem(&sluice_notes, &key, &note, BPF_ANY);
	return SLUICE_CONTINUE;
}

#endif /* SLUICE_BPF_FRAGMENT_H */
