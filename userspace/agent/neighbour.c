/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The list is what should be resolved; the kernel's neighbour table is what
 * is. A refresh compares the two and asks for what is missing. Entries of the
 * operator (permanent, no ARP) are never touched. Ours carry our protocol
 * number, by which a restarted agent knows them again.
 */
#include "neighbour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "log.h"
#include "neighbour_wanted.h"
#include "netlink.h"

#define MISSES_PER_POLL 64
#define SOLICIT_NS	NS_PER_SEC
#define NUD_UNRESOLVED	(NUD_INCOMPLETE | NUD_FAILED)

/* --- the list --------------------------------------------------------------------- */

static struct neighbour *find(struct neighbours *neighbours, const struct sluice_addr *addr,
			      unsigned ifindex)
{
	for (size_t i = 0; i < neighbours->count; i++) {
		struct neighbour *neighbour = &neighbours->list[i];

		if (neighbour->ifindex == ifindex && !addr_cmp(&neighbour->addr, addr))
			return neighbour;
	}
	return NULL;
}

struct neighbour *neighbours_find_or_add(struct neighbours *neighbours,
					 const struct sluice_addr *addr, unsigned ifindex,
					 bool learnt)
{
	struct neighbour *list, *found = find(neighbours, addr, ifindex);

	if (found) {
		found->learnt &= learnt;
		return found;
	}
	if (learnt && neighbours->count >= NEIGHBOUR_MAX)
		return NULL;
	list = reallocarray(neighbours->list, neighbours->count + 1, sizeof(*list));
	if (!list)
		return NULL;
	neighbours->list = list;
	found = &list[neighbours->count++];
	*found = (struct neighbour){.addr = *addr, .ifindex = ifindex, .learnt = learnt};
	return found;
}

static const struct neighbour_port *port_of(const struct neighbours *neighbours, unsigned ifindex)
{
	for (size_t i = 0; i < neighbours->port_count; i++)
		if (ifindex && neighbours->ports[i].ifindex == ifindex)
			return &neighbours->ports[i];
	return NULL;
}

/* The interface below a VLAN device; 0: it is none. */
static unsigned below(const struct neighbours *neighbours, unsigned ifindex)
{
	struct sluice_vlan vlan;

	if (neighbours->vlans_fd < 0 || bpf_map_lookup_elem(neighbours->vlans_fd, &ifindex, &vlan))
		return 0;
	return vlan.ifindex;
}

const struct neighbour_port *neighbours_port(const struct neighbours *neighbours, unsigned ifindex)
{
	const struct neighbour_port *port = port_of(neighbours, ifindex);

	return port ? port : port_of(neighbours, below(neighbours, ifindex));
}

static const char *port_name(const struct neighbours *neighbours, unsigned ifindex)
{
	const struct neighbour_port *port = neighbours_port(neighbours, ifindex);

	return port ? port->interface->name : "?";
}

/* --- requests --------------------------------------------------------------------- */

static struct nl_msg *neighbour_message(int type, int flags, const struct neighbour *neighbour)
{
	struct ndmsg head = {
		.ndm_family = netlink_family(&neighbour->addr),
		.ndm_ifindex = (int)neighbour->ifindex,
		.ndm_state = NUD_NONE,
		.ndm_flags = type == RTM_NEWNEIGH ? NTF_USE : 0,
	};
	struct nl_msg *message = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);

	if (!message)
		return NULL;
	if (nlmsg_append(message, &head, sizeof(head), NLMSG_ALIGNTO) ||
	    netlink_put_addr(message, NDA_DST, &neighbour->addr) ||
	    (type == RTM_NEWNEIGH && (nla_put_u32(message, NDA_FLAGS_EXT, NTF_EXT_MANAGED) ||
				      nla_put_u8(message, NDA_PROTOCOL, NETLINK_PROTO_SLUICE)))) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

/* Makes the kernel ask for the link address now, and keep it from then on. */
static void solicit(struct neighbours *neighbours, struct neighbour *neighbour)
{
	char text[ADDR_TEXT_LEN];
	int err = netlink_request(neighbours->sock,
				  neighbour_message(RTM_NEWNEIGH, NLM_F_CREATE, neighbour));

	if (err && !neighbour->reported) {
		log_warn("neighbour", "event=not-added dev=%s addr=%s error=\"%s\"",
			 port_name(neighbours, neighbour->ifindex),
			 addr_format(&neighbour->addr, text), strerror(-err));
		neighbour->reported = true;
	}
}

static void forget(struct neighbours *neighbours, struct neighbour *neighbour)
{
	int err = netlink_request(neighbours->sock, neighbour_message(RTM_DELNEIGH, 0, neighbour));

	if (err && err != -ENOENT)
		log_debug("neighbour", "event=not-removed error=\"%s\"", strerror(-err));
	*neighbour = neighbours->list[--neighbours->count];
}

/* --- what is there: the kernel's table ------------------------------------------------ */

struct survey {
	struct neighbours *neighbours;
	uint64_t now_ns;
};

static void note_state(struct survey *survey, struct neighbour *neighbour, unsigned state,
		       unsigned flags_ext)
{
	neighbour->present = true;
	neighbour->managed = state & (NUD_PERMANENT | NUD_NOARP) || flags_ext & NTF_EXT_MANAGED;
	if (state && !(state & NUD_UNRESOLVED))
		neighbour->failing_since_ns = 0;
	else if (!neighbour->failing_since_ns)
		neighbour->failing_since_ns = survey->now_ns;
}

static void take_neighbour(struct nlmsghdr *header, void *context)
{
	struct survey *survey = context;
	const struct ndmsg *head = nlmsg_data(header);
	struct nlattr *attributes[NDA_MAX + 1];
	struct neighbour *neighbour;
	struct sluice_addr addr;
	bool ours;

	if (header->nlmsg_type != RTM_NEWNEIGH ||
	    nlmsg_parse(header, sizeof(*head), attributes, NDA_MAX, NULL) || !attributes[NDA_DST] ||
	    !neighbours_port(survey->neighbours, (unsigned)head->ndm_ifindex) ||
	    !netlink_get_addr(attributes[NDA_DST], &addr))
		return;
	ours = attributes[NDA_PROTOCOL] &&
	       nla_get_u8(attributes[NDA_PROTOCOL]) == NETLINK_PROTO_SLUICE;
	neighbour = ours ? neighbours_find_or_add(survey->neighbours, &addr,
						  (unsigned)head->ndm_ifindex, true)
			 : find(survey->neighbours, &addr, (unsigned)head->ndm_ifindex);
	if (neighbour)
		note_state(survey, neighbour, head->ndm_state,
			   attributes[NDA_FLAGS_EXT] ? nla_get_u32(attributes[NDA_FLAGS_EXT]) : 0);
}

static int survey_family(struct survey *survey, int family)
{
	struct ndmsg filter = {.ndm_family = family};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_REQUEST);

	if (!message || nlmsg_append(message, &filter, sizeof(filter), NLMSG_ALIGNTO)) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	return netlink_dump(survey->neighbours->sock, message, take_neighbour, survey);
}

static void report(struct neighbours *neighbours, struct neighbour *neighbour, uint64_t now_ns)
{
	bool failing = neighbour->failing_since_ns &&
		       now_ns - neighbour->failing_since_ns >= NEIGHBOUR_GIVE_UP_NS;
	char text[ADDR_TEXT_LEN];

	if (neighbour->learnt || failing == neighbour->reported)
		return;
	log_write(failing ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "neighbour",
		  "event=neighbour-%s dev=%s addr=%s", failing ? "silent" : "answers",
		  port_name(neighbours, neighbour->ifindex), addr_format(&neighbour->addr, text));
	neighbour->reported = failing;
}

static bool is_hopeless(const struct neighbours *neighbours, const struct neighbour *neighbour,
			uint64_t now_ns)
{
	if (!neighbours_port(neighbours, neighbour->ifindex))
		return true;
	return neighbour->learnt && neighbour->failing_since_ns &&
	       now_ns - neighbour->failing_since_ns >= NEIGHBOUR_GIVE_UP_NS;
}

static void mend(struct neighbours *neighbours, uint64_t now_ns)
{
	for (size_t i = 0; i < neighbours->count;) {
		struct neighbour *neighbour = &neighbours->list[i];

		if (is_hopeless(neighbours, neighbour, now_ns)) {
			forget(neighbours, neighbour);
			continue;
		}
		report(neighbours, neighbour, now_ns);
		if (!neighbour->present || !neighbour->managed)
			solicit(neighbours, neighbour);
		i++;
	}
}

/* What the node's file says of the interface below a VLAN device. */
static unsigned roles_below(const struct neighbours *neighbours, unsigned ifindex)
{
	const struct interface *interface;
	char name[IFNAMSIZ];

	if (!if_indextoname(below(neighbours, ifindex), name))
		return 0;
	interface = model_interface(neighbours->node, name);
	return interface ? interface->roles : 0;
}

static void find_ports(struct neighbours *neighbours)
{
	for (size_t i = 0; i < neighbours->port_count; i++) {
		struct neighbour_port *port = &neighbours->ports[i];
		unsigned ifindex = if_nametoindex(port->interface->name);

		port->roles = port->interface->roles;
		if (!port->roles)
			port->roles = roles_below(neighbours, ifindex);
		if (!port->roles)
			ifindex = 0;
		neighbours->routes_changed |= ifindex != port->ifindex;
		port->ifindex = ifindex;
	}
}

static void refresh(struct neighbours *neighbours)
{
	struct survey survey = {.neighbours = neighbours, .now_ns = loop_clock_ns()};
	int err;

	find_ports(neighbours);
	if (neighbours->routes_changed)
		neighbours_find_wanted(neighbours);
	for (size_t i = 0; i < neighbours->count; i++)
		neighbours->list[i].present = false;
	err = survey_family(&survey, AF_INET);
	if (!err)
		err = survey_family(&survey, AF_INET6);
	if (err) {
		log_warn("neighbour", "event=table-unreadable error=\"%s\"", strerror(-err));
		return;
	}
	mend(neighbours, survey.now_ns);
}

static void on_refresh(struct loop_timer *timer)
{
	struct neighbours *neighbours = container_of(timer, struct neighbours, refresh);

	if (loop_timer_arm(neighbours->loop, timer, NEIGHBOUR_REFRESH_NS))
		log_error("neighbour", "event=timer-lost");
	refresh(neighbours);
}

/* --- what packets missed --------------------------------------------------------------- */

static void take_miss(struct neighbours *neighbours, const struct sluice_miss_key *key)
{
	uint64_t now_ns = loop_clock_ns();
	struct neighbour *neighbour;

	if (!neighbours_port(neighbours, key->ifindex))
		return;
	neighbour = neighbours_find_or_add(neighbours, &key->next_hop, key->ifindex, true);
	if (!neighbour ||
	    (neighbour->solicited_ns && now_ns - neighbour->solicited_ns < SOLICIT_NS))
		return;
	neighbour->solicited_ns = now_ns;
	solicit(neighbours, neighbour);
}

static void on_poll(struct loop_timer *timer)
{
	struct neighbours *neighbours = container_of(timer, struct neighbours, poll);
	struct sluice_miss_key key;
	struct sluice_miss miss;

	if (loop_timer_arm(neighbours->loop, timer, NEIGHBOUR_MISS_POLL_NS))
		log_error("neighbour", "event=timer-lost");
	for (int i = 0; i < MISSES_PER_POLL; i++) {
		/* Handled keys are gone, so the first key is always the next one. */
		if (bpf_map_get_next_key(neighbours->misses_fd, NULL, &key))
			return;
		if (!bpf_map_lookup_elem(neighbours->misses_fd, &key, &miss))
			neighbours->misses += miss.packets;
		bpf_map_delete_elem(neighbours->misses_fd, &key);
		take_miss(neighbours, &key);
	}
}

/* --- life ------------------------------------------------------------------------------- */

static int on_notification(struct nl_msg *message, void *context)
{
	struct neighbours *neighbours = context;

	(void)message;
	neighbours->routes_changed = true;
	return NL_OK;
}

static void on_routes_changed(struct loop_watch *watch, uint32_t events)
{
	struct neighbours *neighbours = container_of(watch, struct neighbours, watch);

	(void)events;
	/* Lost notifications (ENOBUFS) mean a change as well. */
	if (nl_recvmsgs_default(neighbours->changes) < 0)
		neighbours->routes_changed = true;
}

static int listen_for_routes(struct neighbours *neighbours)
{
	struct nl_sock *sock;
	int err;

	err = netlink_open(&neighbours->changes);
	if (err)
		return err;
	sock = neighbours->changes;
	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_notification, neighbours);
	if (nl_socket_set_nonblocking(sock) ||
	    nl_socket_add_memberships(sock, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0))
		return -EIO;
	return loop_watch_add(neighbours->loop, &neighbours->watch, nl_socket_get_fd(sock),
			      EPOLLIN);
}

int neighbours_init(struct neighbours *neighbours, struct loop *loop)
{
	int err;

	*neighbours = (struct neighbours){
		.loop = loop,
		.misses_fd = -1,
		.vlans_fd = -1,
		.watch = {.fd = LOOP_NO_FD, .ready = on_routes_changed},
		.poll = {.expired = on_poll},
		.refresh = {.expired = on_refresh},
	};
	err = netlink_open(&neighbours->sock);
	return err ? err : listen_for_routes(neighbours);
}

void neighbours_pause(struct neighbours *neighbours)
{
	loop_timer_disarm(neighbours->loop, &neighbours->poll);
	loop_timer_disarm(neighbours->loop, &neighbours->refresh);
	if (neighbours->misses_fd >= 0)
		close(neighbours->misses_fd);
	if (neighbours->vlans_fd >= 0)
		close(neighbours->vlans_fd);
	neighbours->misses_fd = neighbours->vlans_fd = -1;
	neighbours->cluster = NULL;
	neighbours->node = NULL;
	neighbours->port_count = 0;
}

void neighbours_configure(struct neighbours *neighbours, const struct cluster *cluster,
			  const struct node *node, const char *pin_dir)
{
	unsigned any = 0;
	char path[512];

	neighbours_pause(neighbours);
	neighbours->cluster = cluster;
	neighbours->node = node;
	for (size_t i = 0; i < node->interface_count; i++) {
		any |= node->interfaces[i].roles;
		if (neighbours->port_count < SLUICE_MAX_PORTS)
			neighbours->ports[neighbours->port_count++] =
				(struct neighbour_port){.interface = &node->interfaces[i]};
	}
	if (!any)
		return;
	snprintf(path, sizeof(path), "%s/sluice_vlan_out", pin_dir);
	neighbours->vlans_fd = bpf_obj_get(path);
	snprintf(path, sizeof(path), "%s/sluice_misses", pin_dir);
	neighbours->misses_fd = bpf_obj_get(path);
	if (neighbours->misses_fd < 0)
		log_error("neighbour", "event=misses-unreadable error=\"%s\"", strerror(errno));
	else
		on_poll(&neighbours->poll);
	neighbours->routes_changed = true;
	on_refresh(&neighbours->refresh);
}

void neighbours_fini(struct neighbours *neighbours)
{
	neighbours_pause(neighbours);
	loop_watch_del(neighbours->loop, &neighbours->watch);
	nl_socket_free(neighbours->changes);
	nl_socket_free(neighbours->sock);
	free(neighbours->list);
}
