/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "announce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/rtnetlink.h>

#include "log.h"
#include "netlink.h"

/* --- routes -------------------------------------------------------------------- */

static struct nl_msg *route_message(int type, int flags, const struct prefix *vip, unsigned metric)
{
	struct rtmsg route = {
		.rtm_family = netlink_family(&vip->addr),
		.rtm_dst_len = (unsigned char)prefix_length(vip),
		.rtm_table = ANNOUNCE_TABLE,
		.rtm_protocol = NETLINK_PROTO_SLUICE,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		/* Should a rule ever lead here, the packet is refused, not looped. */
		.rtm_type = RTN_UNREACHABLE,
	};
	struct nl_msg *message = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);

	if (!message)
		return NULL;
	if (nlmsg_append(message, &route, sizeof(route), NLMSG_ALIGNTO) ||
	    netlink_put_addr(message, RTA_DST, &vip->addr) ||
	    nla_put_u32(message, RTA_PRIORITY, metric)) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

static int route_add(struct announcer *announcer, const struct prefix *vip, unsigned metric)
{
	int err = netlink_request(
		announcer->sock,
		route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, vip, metric));

	return err == -EEXIST ? 0 : err;
}

static int route_del(struct announcer *announcer, const struct prefix *vip, unsigned metric)
{
	int err = netlink_request(announcer->sock, route_message(RTM_DELROUTE, 0, vip, metric));

	return err == -ESRCH ? 0 : err;
}

static unsigned other_metric(unsigned metric)
{
	return metric == ANNOUNCE_METRIC_GOOD ? ANNOUNCE_METRIC_BAD : ANNOUNCE_METRIC_GOOD;
}

/* New before old. */
static int route_replace(struct announcer *announcer, struct announced *vip, unsigned metric)
{
	int err = route_add(announcer, &vip->vip, metric);

	if (!err)
		err = route_del(announcer, &vip->vip, other_metric(metric));
	if (!err) {
		vip->metric = metric;
		vip->others = false;
	}
	return err;
}

static int route_remove(struct announcer *announcer, struct announced *vip)
{
	int err = route_del(announcer, &vip->vip, ANNOUNCE_METRIC_GOOD);

	if (!err)
		err = route_del(announcer, &vip->vip, ANNOUNCE_METRIC_BAD);
	if (!err)
		vip->metric = ANNOUNCE_NONE;
	return err;
}

/* --- what is there --------------------------------------------------------------- */

static struct announced *find(struct announcer *announcer, const struct prefix *vip)
{
	for (size_t i = 0; i < announcer->count; i++)
		if (prefix_equal(&announcer->vips[i].vip, vip))
			return &announcer->vips[i];
	return NULL;
}

static struct announced *find_or_add(struct announcer *announcer, const struct prefix *vip)
{
	struct announced *vips, *found = find(announcer, vip);

	if (found)
		return found;
	vips = reallocarray(announcer->vips, announcer->count + 1, sizeof(*vips));
	if (!vips)
		return NULL;
	announcer->vips = vips;
	found = &vips[announcer->count++];
	*found = (struct announced){.vip = *vip};
	return found;
}

static void take_route(struct nlmsghdr *header, void *context)
{
	struct announcer *announcer = context;
	const struct rtmsg *route = nlmsg_data(header);
	struct nlattr *attributes[RTA_MAX + 1];
	struct announced *announced;
	struct prefix vip;
	unsigned metric;

	if (nlmsg_parse(header, sizeof(*route), attributes, RTA_MAX, NULL) ||
	    !attributes[RTA_DST] || !attributes[RTA_PRIORITY] || !attributes[RTA_TABLE])
		return;
	if (route->rtm_protocol != NETLINK_PROTO_SLUICE ||
	    nla_get_u32(attributes[RTA_TABLE]) != ANNOUNCE_TABLE ||
	    !netlink_get_addr(attributes[RTA_DST], &vip.addr))
		return;
	vip.bits = route->rtm_dst_len;
	if (addr_is_v4(&vip.addr))
		vip.bits += SLUICE_V4_PREFIX_BITS;
	announced = find_or_add(announcer, &vip);
	if (!announced)
		return;
	metric = nla_get_u32(attributes[RTA_PRIORITY]);
	announced->others |= announced->metric != ANNOUNCE_NONE;
	if (announced->metric == ANNOUNCE_NONE || metric < announced->metric)
		announced->metric = metric;
}

static int read_family(struct announcer *announcer, int family)
{
	struct rtmsg filter = {
		.rtm_family = family,
		.rtm_table = ANNOUNCE_TABLE,
		.rtm_protocol = NETLINK_PROTO_SLUICE,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int err;

	if (!message || nlmsg_append(message, &filter, sizeof(filter), NLMSG_ALIGNTO)) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	err = netlink_dump(announcer->sock, message, take_route, announcer);
	return err == -ENOENT ? 0 : err; /* there is no such table yet */
}

int announcer_refresh(struct announcer *announcer)
{
	int err;

	for (size_t i = 0; i < announcer->count; i++) {
		announcer->vips[i].metric = ANNOUNCE_NONE;
		announcer->vips[i].others = false;
	}
	err = read_family(announcer, AF_INET);
	return err ? err : read_family(announcer, AF_INET6);
}

/* --- what is wanted -------------------------------------------------------------- */

static int want(struct announcer *announcer, const struct service *service)
{
	for (size_t i = 0; i < service->vip_count; i++) {
		struct announced *vip = find_or_add(announcer, &service->vips[i].to);

		if (!vip)
			return -ENOMEM;
		vip->wanted = true;
	}
	return 0;
}

static int withdraw_unwanted(struct announcer *announcer, struct announced *vip)
{
	char text[PREFIX_TEXT_LEN];
	int err;

	if (vip->metric == ANNOUNCE_NONE)
		return 0;
	err = route_remove(announcer, vip);
	prefix_format(&vip->vip, text);
	if (err)
		log_error("announce", "event=withdraw-failed vip=%s error=\"%s\"", text,
			  strerror(-err));
	else
		log_info("announce", "event=withdrawn vip=%s reason=\"not in the configuration\"",
			 text);
	return err;
}

static void remove_unwanted(struct announcer *announcer)
{
	size_t kept = 0;

	for (size_t i = 0; i < announcer->count; i++) {
		struct announced *vip = &announcer->vips[i];

		if (vip->wanted || withdraw_unwanted(announcer, vip))
			announcer->vips[kept++] = *vip;
	}
	announcer->count = kept;
}

int announcer_configure(struct announcer *announcer, const struct cluster *cluster,
			const struct node *node)
{
	int err;

	err = announcer_refresh(announcer);
	if (err)
		return err;
	for (size_t i = 0; i < announcer->count; i++)
		announcer->vips[i].wanted = false;
	for (size_t i = 0; i < node->agent.announce_count; i++) {
		const struct service *service = model_service(cluster, node->agent.announce[i]);

		err = service ? want(announcer, service) : 0;
		if (err)
			return err;
	}
	remove_unwanted(announcer);
	return 0;
}

int announcer_mend(struct announcer *announcer, uint64_t now_ns)
{
	int err;

	if (announcer->read_ns && now_ns - announcer->read_ns < ANNOUNCE_READ_NS)
		return 0;
	err = announcer_refresh(announcer);
	if (err)
		return err;
	announcer->read_ns = now_ns;
	remove_unwanted(announcer);
	return 0;
}

void announcer_set(struct announcer *announcer, struct announced *vip, bool good,
		   const char *reason, uint64_t now_ns)
{
	unsigned metric = good ? ANNOUNCE_METRIC_GOOD : ANNOUNCE_METRIC_BAD;
	char text[PREFIX_TEXT_LEN];
	int err;

	if (!good)
		vip->good_since_ns = 0;
	else if (!vip->good_since_ns)
		vip->good_since_ns = now_ns;
	if (vip->metric == metric && !vip->others)
		return;
	if (good && vip->metric == ANNOUNCE_METRIC_BAD &&
	    now_ns - vip->good_since_ns < ANNOUNCE_HOLD_NS)
		return;
	err = route_replace(announcer, vip, metric);
	if (!err)
		log_write(good ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "announce",
			  "event=announced vip=%s metric=%u reason=\"%s\"",
			  prefix_format(&vip->vip, text), metric, reason);
	else if (!vip->failing)
		log_error("announce", "event=announce-failed vip=%s metric=%u error=\"%s\"",
			  prefix_format(&vip->vip, text), metric, strerror(-err));
	vip->failing = err;
}

/* --- life ------------------------------------------------------------------------ */

int announcer_init(struct announcer *announcer)
{
	*announcer = (struct announcer){0};
	return netlink_open(&announcer->sock);
}

void announcer_fini(struct announcer *announcer)
{
	nl_socket_free(announcer->sock);
	free(announcer->vips);
	*announcer = (struct announcer){0};
}

static int withdraw_all(struct announcer *announcer)
{
	struct timespec grace = {.tv_sec = ANNOUNCE_WITHDRAW_NS / NS_PER_SEC};
	int err = 0;

	for (size_t i = 0; i < announcer->count && !err; i++)
		err = route_replace(announcer, &announcer->vips[i], ANNOUNCE_METRIC_BAD);
	if (err || !announcer->count)
		return err;
	nanosleep(&grace, NULL);
	for (size_t i = 0; i < announcer->count && !err; i++)
		err = route_remove(announcer, &announcer->vips[i]);
	return err;
}

int announce_withdraw(void)
{
	struct announcer announcer;
	int err;

	err = announcer_init(&announcer);
	if (err)
		return err;
	err = announcer_refresh(&announcer);
	if (!err)
		err = withdraw_all(&announcer);
	announcer_fini(&announcer);
	return err;
}
