/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Looks at the list of requirements, puts it right, and takes that back.
 */
#include "host.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach.h"
#include "host_internal.h"

#define TEXT_LEN 256

/* What is wrong, and a command that mends it; empty: nothing is. */
struct verdict {
	char what[TEXT_LEN], fix[TEXT_LEN];
};

__attribute__((format(printf, 2, 3))) static void say(char text[TEXT_LEN], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, TEXT_LEN, format, args);
	va_end(args);
}

static int report_add(struct host_report *report, enum host_severity severity, const char *what,
		      const char *fix)
{
	struct host_finding *findings =
		reallocarray(report->findings, report->count + 1, sizeof(*findings));
	struct host_finding *last;

	if (!findings)
		return -ENOMEM;
	report->findings = findings;
	last = &findings[report->count];
	last->severity = severity;
	last->what = strdup(what);
	last->fix = strdup(fix);
	if (!last->what || !last->fix) {
		free(last->what);
		free(last->fix);
		return -ENOMEM;
	}
	report->count++;
	return 0;
}

void host_report_fini(struct host_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->findings[i].what);
		free(report->findings[i].fix);
	}
	free(report->findings);
	*report = (struct host_report){0};
}

/* libnftables would complain on standard error, sysctl files only one by one. */
static int check_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	return data[0].effective & 1U << CAP_NET_ADMIN ? 0 : -EPERM;
}

static int start(const struct cluster *cluster, const struct node *node, struct requirements *list,
		 struct host_report *report)
{
	int err = check_capability();

	*report = (struct host_report){0};
	*list = (struct requirements){0};
	return err ? err : requirements_build(cluster, node, list);
}

/* --- looking -------------------------------------------------------------------- */

/* "net.ipv4.conf.eth0.100.forwarding" as sysctl(8) takes it: dots for slashes and back. */
static const char *sysctl_name(const char *path, char name[HOST_SYSCTL_LEN])
{
	size_t i;

	for (i = 0; path[i] && i < HOST_SYSCTL_LEN - 1; i++)
		name[i] = path[i] == '/' ? '.' : path[i] == '.' ? '/' : path[i];
	name[i] = '\0';
	return name;
}

static int inspect_sysctl(const char *path, int expected, struct verdict *out)
{
	char name[HOST_SYSCTL_LEN];
	int value, err = sysctl_read(path, &value);

	if (err == -ENOENT)
		return 0; /* IPv6 is off, the interface is missing: said elsewhere, if it matters */
	if (err || value == expected)
		return err;
	sysctl_name(path, name);
	say(out->what, "%s is %d, expected %d", name, value, expected);
	say(out->fix, "sysctl -w %s=%d", name, expected);
	return 0;
}

static int inspect_interface(const struct requirement *r, struct verdict *out)
{
	if (if_nametoindex(r->ifname))
		return 0;
	if (errno != ENODEV)
		return -errno;
	say(out->what, "interface \"%s\" does not exist here", r->ifname);
	say(out->fix, "ip link show");
	return 0;
}

static int inspect_mtu(const struct requirement *r, struct verdict *out)
{
	unsigned mtu;
	int err = link_mtu(r->ifname, &mtu);

	if (err || (r->setup ? mtu == (unsigned)r->value : mtu >= (unsigned)r->value))
		return err == -ENODEV ? 0 : err;
	say(out->what, "MTU of %s is %u, expected %s%d", r->ifname, mtu,
	    r->setup ? "" : "room for encapsulated packets: ", r->value);
	say(out->fix, "ip link set %s mtu %d", r->ifname, r->value);
	return 0;
}

static int inspect_own_address(const struct requirement *r, struct verdict *out)
{
	char text[PREFIX_TEXT_LEN];
	bool has;
	int err = link_has_address(r->ifname, &r->address.addr, &has);

	if (err || has)
		return err;
	prefix_format(&r->address, text);
	say(out->what, "address %s is not on %s", text, r->ifname);
	say(out->fix, "ip address add %s dev %s", text, r->ifname);
	return 0;
}

static int inspect_checksums(const struct requirement *r, struct verdict *out)
{
	bool defers;
	int err = link_defers_checksums(r->ifname, &defers);

	if (err)
		return err == -ENODEV || err == -EOPNOTSUPP ? 0 : err;
	if (!defers)
		return 0;
	say(out->what,
	    "%s leaves checksums to its peer: what it sends fails its checksum once redirected",
	    r->ifname);
	say(out->fix, "ethtool -K %s tx off", r->ifname);
	return 0;
}

static int inspect_backstop(const struct requirement *r, struct verdict *out)
{
	int err = backstop_inspect(r->value);

	if (err != -ENOENT)
		return err;
	say(out->what, "no forward-drop backstop: packets would be routed when XDP is gone");
	say(out->fix, "lbctl host setup");
	return 0;
}

/* The kernel takes the larger of the interface's value and that of "all"; 1 is strict. */
static int inspect_loose_source(const struct requirement *r, struct verdict *out)
{
	char path[HOST_SYSCTL_LEN], name[HOST_SYSCTL_LEN];
	int own, all = 0, err;

	snprintf(path, sizeof(path), "net/ipv4/conf/%s/rp_filter", r->ifname);
	err = sysctl_read(path, &own);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = sysctl_read("net/ipv4/conf/all/rp_filter", &all);
	if (err || (own > all ? own : all) != 1)
		return err;
	sysctl_name(path, name);
	say(out->what, "reverse path filter of %s is strict: clients' packets would be dropped",
	    r->ifname);
	say(out->fix, "sysctl -w %s=2", name);
	return 0;
}

static int inspect_loopback(struct verdict *out)
{
	bool up;
	int err = link_is_up("lo", &up);

	if (err || up)
		return err;
	say(out->what, "interface \"lo\" is down");
	say(out->fix, "ip link set lo up");
	return 0;
}

static int inspect_vip(const struct requirement *r, struct verdict *out)
{
	char text[PREFIX_TEXT_LEN];
	bool has;
	int err = link_has_address("lo", &r->address.addr, &has);

	if (err || has)
		return err;
	prefix_format(&r->address, text);
	say(out->what, "VIP %s is not on lo: the stack would not take its packets", text);
	say(out->fix, "ip address add %s dev lo%s", text,
	    addr_is_v4(&r->address.addr) ? "" : " nodad");
	return 0;
}

static int inspect(const struct requirement *r, struct verdict *out)
{
	*out = (struct verdict){0};
	switch (r->kind) {
	case REQUIRE_INTERFACE:
		return inspect_interface(r, out);
	case REQUIRE_MTU:
		return inspect_mtu(r, out);
	case REQUIRE_OWN_ADDRESS:
		return inspect_own_address(r, out);
	case REQUIRE_CHECKSUMS:
		return inspect_checksums(r, out);
	case REQUIRE_BACKSTOP:
		return inspect_backstop(r, out);
	case REQUIRE_SYSCTL:
		return inspect_sysctl(r->sysctl, r->value, out);
	case REQUIRE_FORWARDING6:
		return inspect_sysctl("net/ipv6/conf/all/forwarding", 1, out);
	case REQUIRE_LOOSE_SOURCE:
		return inspect_loose_source(r, out);
	case REQUIRE_LOOPBACK:
		return inspect_loopback(out);
	case REQUIRE_VIP:
		return inspect_vip(r, out);
	}
	return -EINVAL;
}

static int inspect_into(const struct requirement *r, struct host_report *report)
{
	struct verdict verdict;
	int err = inspect(r, &verdict);

	if (err || !*verdict.what)
		return err;
	return report_add(report, r->severity, verdict.what, verdict.fix);
}

int host_inspect(const struct cluster *cluster, const struct node *node, struct host_report *report)
{
	struct requirements list;
	int err = start(cluster, node, &list, report);

	for (size_t i = 0; !err && i < list.count; i++)
		err = inspect_into(&list.items[i], report);
	if (err)
		host_report_fini(report);
	requirements_fini(&list);
	return err;
}

/* --- putting right ---------------------------------------------------------------- */

static int record(const struct node *node, enum requirement_kind kind, const char *what, int before)
{
	struct journal_entry entry = {.kind = kind, .before = before};

	snprintf(entry.what, sizeof(entry.what), "%s", what);
	return journal_append(node->name, &entry);
}

static int change_sysctl(const struct node *node, const char *path, int value)
{
	int before, err = sysctl_read(path, &before);

	if (err || before == value)
		return err;
	err = record(node, REQUIRE_SYSCTL, path, before);
	return err ? err : sysctl_write(path, value);
}

struct forwarding6 {
	char (*off)[IFNAMSIZ]; /* interfaces that did not forward */
	size_t count;
};

static int note_if_off(const char *ifname, void *arg)
{
	struct forwarding6 *others = arg;
	char path[HOST_SYSCTL_LEN], (*off)[IFNAMSIZ];
	int value;

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/forwarding", ifname);
	if (sysctl_read(path, &value) || value || strlen(ifname) >= IFNAMSIZ)
		return 0;
	off = reallocarray(others->off, others->count + 1, sizeof(*off));
	if (!off)
		return -ENOMEM;
	strcpy(off[others->count++], ifname);
	others->off = off;
	return 0;
}

/*
 * "all" must be on, or the kernel answers nothing when a hop limit is spent.
 * Writing it turns every interface into a router, which then ignores router
 * advertisements; so those that did not forward are put back.
 */
static int change_forwarding6(const struct node *node)
{
	struct forwarding6 others = {0};
	char path[HOST_SYSCTL_LEN];
	int err = sysctl_for_each_conf6(note_if_off, &others);

	if (!err)
		err = change_sysctl(node, "net/ipv6/conf/all/forwarding", 1);
	for (size_t i = 0; !err && i < others.count; i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/%s/forwarding", others.off[i]);
		err = sysctl_write(path, 0);
	}
	free(others.off);
	return err == -ENOENT ? 0 : err;
}

static int change_loose_source(const struct node *node, const char *ifname)
{
	char path[HOST_SYSCTL_LEN];

	snprintf(path, sizeof(path), "net/ipv4/conf/%s/rp_filter", ifname);
	return change_sysctl(node, path, 2);
}

static int change_mtu(const struct node *node, const struct requirement *r)
{
	unsigned before;
	int err = link_mtu(r->ifname, &before);

	if (!err)
		err = record(node, REQUIRE_MTU, r->ifname, (int)before);
	return err ? err : link_set_mtu(r->ifname, (unsigned)r->value);
}

static int change_backstop(const struct node *node, const struct requirement *r)
{
	int err = record(node, REQUIRE_BACKSTOP, "sluice_backstop", 0);

	return err ? err : backstop_setup(r->value);
}

static int change_vip(const struct node *node, const struct requirement *r)
{
	char text[PREFIX_TEXT_LEN];
	int err = record(node, REQUIRE_VIP, prefix_format(&r->address, text), 0);

	return err ? err : link_add_address("lo", &r->address);
}

static int change(const struct node *node, const struct requirement *r)
{
	switch (r->kind) {
	case REQUIRE_MTU:
		return change_mtu(node, r);
	case REQUIRE_BACKSTOP:
		return change_backstop(node, r);
	case REQUIRE_SYSCTL:
		return change_sysctl(node, r->sysctl, r->value);
	case REQUIRE_FORWARDING6:
		return change_forwarding6(node);
	case REQUIRE_LOOSE_SOURCE:
		return change_loose_source(node, r->ifname);
	case REQUIRE_LOOPBACK:
		return link_set_up("lo");
	case REQUIRE_VIP:
		return change_vip(node, r);
	default:
		return -EINVAL; /* not setup's to change */
	}
}

/* One requirement: nothing if it is met, else the change, as a finding in either case. */
static int setup(const struct node *node, const struct requirement *r, struct host_report *report)
{
	struct verdict verdict;
	int err = inspect(r, &verdict);

	if (err || !*verdict.what)
		return err;
	if (!r->setup)
		return report_add(report, r->severity, verdict.what, verdict.fix);
	err = change(node, r);
	if (!err)
		return report_add(report, HOST_OK, verdict.what, verdict.fix);
	say(verdict.fix, "%s", strerror(-err));
	return report_add(report, r->severity, verdict.what, verdict.fix);
}

static bool failed_backstop(const struct requirement *r, const struct host_report *report)
{
	return r->kind == REQUIRE_BACKSTOP && report->count &&
	       report->findings[report->count - 1].severity == HOST_ERROR &&
	       backstop_inspect(r->value);
}

int host_setup(const struct cluster *cluster, const struct node *node, struct host_report *report)
{
	struct requirements list;
	int err = start(cluster, node, &list, report);

	for (size_t i = 0; !err && i < list.count; i++) {
		err = setup(node, &list.items[i], report);
		/* Without it, forwarding must not be switched on. */
		if (!err && failed_backstop(&list.items[i], report))
			break;
	}
	if (err)
		host_report_fini(report);
	requirements_fini(&list);
	return err;
}

/* --- taking back ------------------------------------------------------------------ */

static int undo(const struct journal_entry *entry)
{
	struct prefix address;

	switch (entry->kind) {
	case REQUIRE_SYSCTL:
		return sysctl_write(entry->what, entry->before);
	case REQUIRE_MTU:
		return link_set_mtu(entry->what, (unsigned)entry->before);
	case REQUIRE_VIP:
		if (prefix_parse(entry->what, &address))
			return -EINVAL;
		return link_del_address("lo", &address);
	case REQUIRE_BACKSTOP:
		return backstop_remove();
	default:
		return 0;
	}
}

static int undo_into(const struct journal_entry *entry, struct host_report *report)
{
	char text[TEXT_LEN];
	int err = undo(entry);

	/* What somebody else took away already is not there to be put back. */
	if (!err || err == -ENOENT || err == -ENODEV || err == -EADDRNOTAVAIL)
		return 0;
	say(text, "%s: %s", entry->what, strerror(-err));
	return report_add(report, HOST_WARNING, text, "");
}

static bool anything_attached(const struct node *node)
{
	struct attachment attachment;

	for (size_t i = 0; i < node->interface_count; i++)
		if (!attach_query(node->interfaces[i].name, &attachment))
			return true;
	return false;
}

int host_reset(const struct cluster *cluster, const struct node *node, struct host_report *report)
{
	struct journal journal;
	int err;

	(void)cluster;
	*report = (struct host_report){0};
	if (anything_attached(node))
		return -EBUSY;
	err = journal_read(node->name, &journal);
	/* Backwards: setup made the backstop before it switched forwarding on. */
	for (size_t i = journal.count; !err && i-- > 0;)
		err = undo_into(&journal.entries[i], report);
	journal_fini(&journal);
	if (!err)
		err = journal_remove(node->name);
	if (err)
		host_report_fini(report);
	return err;
}
