/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * VIPs as text. An IPv6 address or prefix stands in brackets, so that what is
 * behind its last colon is always the port.
 */
#include "vip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

#define ALL_PORTS "*"

int port_range_parse(const char *word, struct port_range *out)
{
	unsigned min, max;
	const char *end = number_scan(word, 65535, &min);

	if (!end)
		return -EINVAL;
	max = min;
	if (*end == '-')
		end = number_scan(end + 1, 65535, &max);
	if (!end || *end || !min || max < min)
		return -EINVAL;
	*out = (struct port_range){.min = (unsigned short)min, .max = (unsigned short)max};
	return 0;
}

static int parse_ports(const char *text, struct port_range *out)
{
	if (strcmp(text, ALL_PORTS))
		return port_range_parse(text, out);
	*out = (struct port_range){.min = 0, .max = 65535};
	return 0;
}

/* The part before the ports, [0..length): bits behind the prefix may be set. */
static int parse_prefix(const char *text, size_t length, struct prefix *out)
{
	bool bracketed = text[0] == '[';
	char host[PREFIX_TEXT_LEN];

	if (bracketed && (length < 2 || text[length - 1] != ']'))
		return -EINVAL;
	text += bracketed;
	length -= bracketed ? 2 : 0;
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (prefix_parse(host, out) || addr_is_v4(&out->addr) == bracketed)
		return -EINVAL;
	return 0;
}

static int parse(const char *text, struct vip *out)
{
	const char *colon = strrchr(text, ':');

	if (!colon || parse_ports(colon + 1, &out->ports))
		return -EINVAL;
	return parse_prefix(text, (size_t)(colon - text), &out->to);
}

static struct sluice_addr network_of(const struct prefix *prefix)
{
	struct sluice_addr mask = addr_mask(prefix->bits);

	return addr_and(&prefix->addr, &mask);
}

int vip_parse(const char *text, struct vip *out)
{
	struct sluice_addr network;
	struct vip vip;

	if (parse(text, &vip))
		return -EINVAL;
	network = network_of(&vip.to);
	if (addr_cmp(&network, &vip.to.addr))
		return -EINVAL;
	*out = vip;
	return 0;
}

const char *vip_suggest(const char *text, char buf[VIP_TEXT_LEN])
{
	struct vip vip;

	if (parse(text, &vip))
		return NULL;
	vip.to.addr = network_of(&vip.to);
	return vip_format(&vip, buf);
}

const char *vip_format(const struct vip *vip, char buf[VIP_TEXT_LEN])
{
	const char *format = addr_is_v4(&vip->to.addr) ? "%s:" : "[%s]:";
	char host[PREFIX_TEXT_LEN];
	int at = snprintf(buf, VIP_TEXT_LEN, format, prefix_format(&vip->to, host));
	size_t left = VIP_TEXT_LEN - (size_t)at;

	switch (vip_ports(vip)) {
	case VIP_ONE_PORT:
		snprintf(buf + at, left, "%u", vip->ports.min);
		break;
	case VIP_PORT_RANGE:
		snprintf(buf + at, left, "%u-%u", vip->ports.min, vip->ports.max);
		break;
	case VIP_ALL_PORTS:
		snprintf(buf + at, left, ALL_PORTS);
		break;
	}
	return buf;
}

enum vip_ports vip_ports(const struct vip *vip)
{
	if (vip->ports.min == vip->ports.max)
		return VIP_ONE_PORT;
	return vip->ports.min ? VIP_PORT_RANGE : VIP_ALL_PORTS;
}

bool vip_is_exact(const struct vip *vip)
{
	return vip->to.bits == 128 && vip_ports(vip) == VIP_ONE_PORT;
}

int vip_order(const struct vip *a, const struct vip *b)
{
	int order = addr_cmp(&a->to.addr, &b->to.addr);

	if (!order)
		order = a->to.bits - b->to.bits;
	if (!order)
		order = (int)vip_ports(a) - (int)vip_ports(b);
	if (!order)
		order = a->ports.min - b->ports.min;
	return order ? order : a->ports.max - b->ports.max;
}

bool vip_equal(const struct vip *a, const struct vip *b)
{
	return !vip_order(a, b);
}
