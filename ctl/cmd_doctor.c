/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl doctor: all that is known to go wrong around a data plane, looked at
 * on this node, each with its fix.
 */
#include "commands.h"
#include "host_view.h"
#include "interfaces.h"
#include "ledger_view.h"
#include "net.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FLOW_BATCH	     4096
#define FLOW_FILL_WARN	     90 /* percent */
#define CONNECTION_FILL_WARN 50 /* percent: there are entries for twice the limit */

struct findings {
	json_t *list;
	unsigned errors;
	bool failed; /* out of memory */
};

__attribute__((format(printf, 4, 5))) static void
add(struct findings *findings, const char *severity, const char *fix, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	findings->errors += !strcmp(severity, "error");
	if (json_array_append_new(findings->list, json_pack("{s:s, s:s, s:s}", "severity", severity,
							    "finding", text, "fix", fix)))
		findings->failed = true;
}

static void check_kernel(struct findings *findings)
{
	struct utsname name;
	char lacking[128];

	if (kernel_is_old(&name))
		add(findings, "error", "run Linux " OLDEST_KERNEL " or newer",
		    "kernel %s is older than any that Sluice is tested on", name.release);
	else
		add(findings, "ok", "", "kernel %s", name.release);
	if (kernel_lacks(lacking, sizeof(lacking)))
		add(findings, "error", "run Linux " OLDEST_KERNEL " or newer",
		    "the kernel lacks %s", lacking);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		add(findings, "warning", "a kernel with CONFIG_DEBUG_INFO_BTF=y",
		    "the kernel has no BTF: other programs cannot share an interface");
	else
		add(findings, "ok", "", "the kernel has BTF");
}

static void check_jit(struct findings *findings)
{
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int value = 1;

	/* Absent: the kernel was built with the JIT always on. */
	if (file && fscanf(file, "%d", &value) != 1)
		value = 1;
	if (file)
		fclose(file);
	if (!value)
		add(findings, "error", "sysctl -w net.core.bpf_jit_enable=1",
		    "BPF programs are interpreted: many times slower");
	else
		add(findings, "ok", "", "BPF programs are compiled (JIT)");
}

static void check_attachment(struct findings *findings, const struct interface *interface)
{
	struct attachment attachment;
	char fix[128];

	if (attach_query(interface->name, &attachment)) {
		snprintf(fix, sizeof(fix), "lbctl attach dev %s", interface->name);
		add(findings, "error", fix, "%s has roles, but no program", interface->name);
	} else if (attachment.mode == ATTACH_GENERIC) {
		snprintf(fix, sizeof(fix), "lbctl attach dev %s mode native", interface->name);
		add(findings, "warning", fix,
		    "%s runs in generic mode: slow, and after the kernel's own work",
		    interface->name);
	} else {
		add(findings, "ok", "", "%s runs in native mode, %s", interface->name,
		    attachment.dispatcher ? "sharing the interface" : "alone on the interface");
	}
}

static void check_ledger(struct findings *findings, const struct session *session,
			 const struct interface *interface)
{
	struct sluice_ledger ledger;
	unsigned port;

	if (dataplane_port_slot(&session->dp, interface->name, &port) ||
	    dataplane_read_ledger(&session->dp, port, &ledger))
		return;
	if (ledger.outcome[SLUICE_INTERNAL].packets)
		add(findings, "error", "lbctl drops; please report it",
		    "%s dropped %llu packets for a reason that should not occur", interface->name,
		    ledger.outcome[SLUICE_INTERNAL].packets);
	if (ledger.outcome[SLUICE_NO_NEIGHBOUR].packets)
		add(findings, "warning", "run sluice-agent, which keeps next hops resolved",
		    "%s dropped %llu packets because a next hop had no link address",
		    interface->name, ledger.outcome[SLUICE_NO_NEIGHBOUR].packets);
	if (ledger.outcome[SLUICE_NOT_ATTACHED].packets)
		add(findings, "warning", "lbctl attach on the interface that they leave by",
		    "%s dropped %llu packets that leave by an interface without Sluice",
		    interface->name, ledger.outcome[SLUICE_NOT_ATTACHED].packets);
	if (ledger.outcome[SLUICE_TOO_BIG].packets)
		add(findings, "warning",
		    "raise the MTU between balancers and backends: lbctl host check tells it",
		    "%s dropped %llu packets that did not fit once encapsulated", interface->name,
		    ledger.outcome[SLUICE_TOO_BIG].packets);
}

/* Walks the table in batches while packets change it: the count is approximate. */
static int count_flows(int fd, unsigned long *count)
{
	struct sluice_flow_key *keys = calloc(FLOW_BATCH, sizeof(*keys));
	struct sluice_flow *flows = calloc(FLOW_BATCH, sizeof(*flows));
	unsigned cursor, got;
	void *from = NULL;
	int err = keys && flows ? 0 : -ENOMEM;

	*count = 0;
	while (!err) {
		got = FLOW_BATCH;
		err = bpf_map_lookup_batch(fd, from, &cursor, keys, flows, &got, NULL) ? -errno : 0;
		if (!err || err == -ENOENT)
			*count += got;
		from = &cursor;
	}
	free(keys);
	free(flows);
	return err == -ENOENT ? 0 : err;
}

static void check_connections(struct findings *findings, const struct session *session, bool v6)
{
	const char *family = v6 ? "IPv6" : "IPv4";
	unsigned long count, capacity;

	if (dataplane_count_connections(&session->dp, v6, &count, &capacity))
		return;
	if (count * 100 / capacity >= CONNECTION_FILL_WARN)
		add(findings, "warning", "limits: flows in the cluster file",
		    "connections, %s: %lu of %lu entries: some new ones are not remembered", family,
		    count, capacity);
	else
		add(findings, "ok", "", "connections, %s: %lu of %lu entries", family, count,
		    capacity);
}

static void check_flows(struct findings *findings, const struct session *session)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	unsigned long count;

	if (bpf_obj_get_info_by_fd(session->dp.flows, &info, &size) || !info.max_entries ||
	    count_flows(session->dp.flows, &count))
		return;
	if (count * 100 / info.max_entries >= FLOW_FILL_WARN)
		add(findings, "warning", "limits: flows in the cluster file",
		    "flow table: about %lu of %u entries: the oldest flows are forgotten", count,
		    info.max_entries);
	else
		add(findings, "ok", "", "flow table: about %lu of %u entries", count,
		    info.max_entries);
}

/* Replies of nat come in by the interface that leads to the backend, if both ways are the same. */
static void check_nat_backend(struct findings *findings, const struct node *node,
			      const struct service *service, const struct backend *backend,
			      const struct sluice_addr *addr)
{
	char ifname[IFNAMSIZ], fix[64], text[ADDR_TEXT_LEN];
	const struct interface *interface;

	if (net_route_interface(addr, ifname)) {
		add(findings, "error", "ip route", "no route to %s of \"%s\" (service \"%s\", nat)",
		    addr_format(addr, text), backend->name, service->name);
		return;
	}
	interface = model_interface(node, ifname);
	if (interface && interface->roles & SLUICE_ROLE_BALANCER)
		return;
	snprintf(fix, sizeof(fix), "lbctl attach dev %s role balancer", ifname);
	add(findings, "warning", fix,
	    "replies of \"%s\" (service \"%s\", nat) come in by %s, which has no role balancer",
	    backend->name, service->name, ifname);
}

static void check_nat(struct findings *findings, const struct session *session,
		      const struct node *node)
{
	for (size_t i = 0; i < session->cluster.service_count; i++) {
		const struct service *service = &session->cluster.services[i];
		const struct backend *backends = service->backends;

		if (service->forward != SLUICE_FORWARD_NAT)
			continue;
		for (size_t j = 0; j < service->backend_count; j++) {
			if (backends[j].has4)
				check_nat_backend(findings, node, service, &backends[j],
						  &backends[j].addr4);
			if (backends[j].has6)
				check_nat_backend(findings, node, service, &backends[j],
						  &backends[j].addr6);
		}
	}
}

static bool is_balancer(const struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_BALANCER)
			return true;
	return false;
}

/* Backends alone need something of their kernel for cookies. */
static void check_cookies(struct findings *findings, const struct session *session)
{
	const struct cluster *cluster = &session->cluster;

	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		if (service->syn_cookies == SYN_COOKIES_OFF ||
		    !model_backend(service, session->name))
			continue;
		if (accept_is_possible())
			add(findings, "ok", "", "the kernel takes SYN cookies of \"%s\"",
			    service->name);
		else
			add(findings, "error",
			    "run Linux " ACCEPT_KERNEL " or newer, or turn syn-cookies off",
			    "syn-cookies of \"%s\" need " ACCEPT_FUNCTION
			    " of the kernel, from Linux " ACCEPT_KERNEL " on",
			    service->name);
	}
}

static int add_host(struct findings *findings, const struct session *session,
		    const struct node *node)
{
	static const char *const words[] = {"ok", "warning", "error"};
	struct host_report report;
	int err = host_inspect(&session->cluster, node, &report);

	if (err)
		return err;
	for (size_t i = 0; i < report.count; i++)
		add(findings, words[report.findings[i].severity], report.findings[i].fix, "%s",
		    report.findings[i].what);
	if (!report.count)
		add(findings, "ok", "", "the host is as the configuration needs it");
	host_report_fini(&report);
	return 0;
}

static int examine(struct findings *findings, const struct session *session)
{
	const struct node *node = session_node(session);
	int err = 0;

	check_kernel(findings);
	check_jit(findings);
	if (!session->is_open || !node) {
		add(findings, "warning", "lbctl apply -f FILE", "nothing is in force on this node");
		return 0;
	}
	for (size_t i = 0; i < node->interface_count; i++) {
		if (!node->interfaces[i].roles)
			continue;
		check_attachment(findings, &node->interfaces[i]);
		check_ledger(findings, session, &node->interfaces[i]);
	}
	if (is_balancer(node))
		check_nat(findings, session, node);
	check_cookies(findings, session);
	check_flows(findings, session);
	check_connections(findings, session, false);
	check_connections(findings, session, true);
	err = add_host(findings, session, node);
	return findings->failed ? -ENOMEM : err;
}

static const struct output_column doctor_columns[] = {
	{"severity", ""}, {"finding", "finding"}, {"fix", "fix"}, {}};
static const struct output_table doctor_tables[] = {{.key = "findings", .columns = doctor_columns},
						    {}};
static const struct output_view doctor_view = {.tables = doctor_tables};

static int run_doctor(struct invocation *inv)
{
	struct findings findings = {.list = json_array()};
	struct session session;
	int code = session_open_if_present(&session, inv), err;

	if (!code) {
		err = findings.list ? examine(&findings, &session) : -ENOMEM;
		if (!err)
			err = output_emit(&inv->out,
					  json_pack("{s:s, s:O}", "node", session.name, "findings",
						    findings.list),
					  &doctor_view);
		code = err ? session_failed(inv, err, "looking at the node") : EXIT_OK;
	}
	json_decref(findings.list);
	session_close(&session);
	return !code && findings.errors ? EXIT_FAILED : code;
}

const struct command command_doctor = {
	.word = "doctor",
	.summary = "look for what is known to go wrong, and say how to mend it",
	.detail = "Exit status 2 if it finds an error. It sees only this end of a link: on a veth\n"
		  "whose peer has neither XDP nor GRO, what is sent by XDP is lost without a\n"
		  "trace (\"ethtool -K PEER gro on\").",
	.run = run_doctor,
};
