/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs of a node's interfaces. The order of a change is: look at the host,
 * publish what the programs will read, attach, detach what is left over.
 */
#include "interfaces.h"

#include <errno.h>
#include <string.h>

#include "host.h"

/* Roles by which the kernel's own forwarding, ARP and filters matter. */
#define ROLES_ON_HOST (SLUICE_ROLE_FORWARD | SLUICE_ROLE_BALANCER | SLUICE_ROLE_DECAP)

const char *attach_mode_name(enum attach_mode mode)
{
	return mode == ATTACH_NATIVE ? "native" : "generic";
}

int interfaces_check_host(const struct invocation *inv, const struct cluster *cluster,
			  const struct node *node, const char *setup)
{
	struct host_report report;
	unsigned roles = 0, errors = 0;
	int err;

	for (size_t i = 0; i < node->interface_count; i++)
		roles |= node->interfaces[i].roles;
	if (!(roles & ROLES_ON_HOST))
		return EXIT_OK;
	err = host_inspect(cluster, node, &report);
	if (err)
		return session_failed(inv, err, "looking at the host");
	for (size_t i = 0; i < report.count; i++) {
		if (report.findings[i].severity != HOST_ERROR)
			continue;
		command_error(inv, "%s (%s)", report.findings[i].what, report.findings[i].fix);
		errors++;
	}
	host_report_fini(&report);
	if (!errors)
		return EXIT_OK;
	command_error(inv, "the host is not ready: run \"%s\", or add --force", setup);
	return EXIT_FAILED;
}

static int attach_failed(const struct session *session, const char *ifname, int err)
{
	const struct invocation *inv = session->inv;

	switch (err) {
	case -ENODEV:
		command_error(inv, "interface \"%s\" does not exist here", ifname);
		break;
	case -EBUSY:
		command_error(inv,
			      "interface \"%s\": another XDP program is there and does not share "
			      "it (see \"bpftool net show dev %s\")",
			      ifname, ifname);
		break;
	case -EOPNOTSUPP:
		command_error(inv,
			      "interface \"%s\": its driver has no native XDP, expected \"lbctl "
			      "attach dev %s mode generic\"",
			      ifname, ifname);
		break;
	default:
		return session_kernel_failed(inv, err, "interface \"%s\"", ifname);
	}
	return EXIT_FAILED;
}

enum attach_mode interfaces_mode(const char *ifname)
{
	struct attachment now;

	return attach_query(ifname, &now) ? ATTACH_NATIVE : now.mode;
}

int interfaces_attach(struct session *session, const struct interface *interface,
		      enum attach_mode mode, struct attachment *out)
{
	int err = attach_interface(&session->dp, interface, mode, out);

	return err ? attach_failed(session, interface->name, err) : EXIT_OK;
}

/* What an interface was like, so that it can be so again. */
struct step {
	const char *ifname;
	bool was_attached;
	enum attach_mode mode; /* before, if it was */
	unsigned prog_id;
};

static struct step look_at(const char *ifname)
{
	struct attachment now;
	struct step step = {.ifname = ifname, .mode = interfaces_mode(ifname)};

	step.was_attached = !attach_query(ifname, &now);
	step.prog_id = step.was_attached ? now.prog_id : 0;
	return step;
}

static int sync_one(struct session *session, const struct node *node, const struct step *step)
{
	const struct interface *interface = node ? model_interface(node, step->ifname) : NULL;
	struct attachment attachment;
	int err;

	if (interface && interface->roles) {
		if (step->was_attached && attach_is_current(&session->dp, interface, step->prog_id))
			return EXIT_OK;
		return interfaces_attach(session, interface, step->mode, &attachment);
	}
	if (!step->was_attached)
		return EXIT_OK;
	err = session->dp.confirm_s ? detach_guarded(&session->dp, step->ifname)
				    : detach_interface(&session->dp, step->ifname);
	return err && err != -ENOENT
		       ? session_kernel_failed(session->inv, err, "detaching \"%s\"", step->ifname)
		       : EXIT_OK;
}

static void undo_one(struct session *session, const struct node *before, const struct step *step)
{
	const struct interface *interface = before ? model_interface(before, step->ifname) : NULL;
	struct attachment attachment;
	int err;

	if (step->was_attached && interface && interface->roles)
		err = attach_interface(&session->dp, interface, step->mode, &attachment);
	else
		err = detach_interface(&session->dp, step->ifname);
	if (err && err != -ENOENT && err != -ENODEV)
		session_kernel_failed(session->inv, err, "interface \"%s\" could not be put back",
				      step->ifname);
}

/* Wanted interfaces first, so that a replaced path is never missing. */
static size_t plan(const struct node *now, const struct node *before,
		   struct step steps[2 * SLUICE_MAX_PORTS])
{
	size_t count = 0;

	for (size_t i = 0; now && i < now->interface_count; i++)
		if (now->interfaces[i].roles && count < SLUICE_MAX_PORTS)
			steps[count++] = look_at(now->interfaces[i].name);
	for (size_t i = 0; before && i < before->interface_count; i++) {
		const struct interface *old = &before->interfaces[i];
		const struct interface *kept = now ? model_interface(now, old->name) : NULL;

		if (old->roles && !(kept && kept->roles) && count < 2 * SLUICE_MAX_PORTS)
			steps[count++] = look_at(old->name);
	}
	return count;
}

int interfaces_sync(struct session *session, struct cluster *before)
{
	const struct node *now = session_node(session);
	struct step steps[2 * SLUICE_MAX_PORTS];
	size_t count = plan(now, model_node(before, session->name), steps), done;
	int code = EXIT_OK;

	for (done = 0; !code && done < count; done++)
		code = sync_one(session, now, &steps[done]);
	if (!code)
		return EXIT_OK;
	/* First what the programs read, then the programs. */
	session_restore(session, before);
	while (done > 0)
		undo_one(session, model_node(before, session->name), &steps[--done]);
	return code;
}
