/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "exposition.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "metrics.h"
#include "sluice/version.h"

#define COUNTER METRICS_COUNTER
#define GAUGE	METRICS_GAUGE

static const char *const outcome_tokens[] = {
#define OUTCOME_TOKEN(name, class, token, help) token,
	SLUICE_OUTCOMES(OUTCOME_TOKEN)
#undef OUTCOME_TOKEN
};

static const enum sluice_class outcome_classes[] = {
#define OUTCOME_CLASS(name, class, token, help) SLUICE_CLASS_##class,
	SLUICE_OUTCOMES(OUTCOME_CLASS)
#undef OUTCOME_CLASS
};

static const char *const class_names[] = {
	[SLUICE_CLASS_NONE] = "none", [SLUICE_CLASS_PASS] = "pass",
	[SLUICE_CLASS_TX] = "tx",     [SLUICE_CLASS_REDIRECT] = "redirect",
	[SLUICE_CLASS_DROP] = "drop",
};

/* --- ports ------------------------------------------------------------------------- */

struct port_ledger {
	const char *ifname;
	struct sluice_ledger ledger;
};

static size_t read_ledgers(struct agent *agent, struct port_ledger *ledgers)
{
	size_t count = 0;

	for (size_t i = 0; i < agent->node->interface_count && count < SLUICE_MAX_PORTS; i++) {
		const struct interface *interface = &agent->node->interfaces[i];
		unsigned port;

		if (!interface->roles || dataplane_port_slot(&agent->dp, interface->name, &port) ||
		    dataplane_read_ledger(&agent->dp, port, &ledgers[count].ledger))
			continue;
		ledgers[count++].ifname = interface->name;
	}
	return count;
}

static void write_outcomes(FILE *out, const char *name, const struct port_ledger *ledgers,
			   size_t count, size_t offset)
{
	for (size_t i = 0; i < count; i++)
		for (int outcome = SLUICE_CONTINUE + 1; outcome < SLUICE_OUTCOME_COUNT; outcome++) {
			const char *at = (const char *)&ledgers[i].ledger.outcome[outcome];
			uint64_t value;

			memcpy(&value, at + offset, sizeof(value));
			metrics_uint(out, name, value, "port", ledgers[i].ifname, "outcome",
				     outcome_tokens[outcome], "class",
				     class_names[outcome_classes[outcome]], NULL);
		}
}

static void write_ports(FILE *out, struct agent *agent)
{
	struct port_ledger *ledgers = calloc(SLUICE_MAX_PORTS, sizeof(*ledgers));
	size_t count = ledgers ? read_ledgers(agent, ledgers) : 0;

	if (!count)
		goto out;
	metrics_family(out, COUNTER, "sluice_port_rx_packets_total",
		       "Packets that the XDP program saw.");
	for (size_t i = 0; i < count; i++)
		metrics_uint(out, "sluice_port_rx_packets_total", ledgers[i].ledger.rx.packets,
			     "port", ledgers[i].ifname, NULL);
	metrics_family(out, COUNTER, "sluice_port_rx_bytes_total",
		       "Bytes of the frames that the XDP program saw.");
	for (size_t i = 0; i < count; i++)
		metrics_uint(out, "sluice_port_rx_bytes_total", ledgers[i].ledger.rx.bytes, "port",
			     ledgers[i].ifname, NULL);
	metrics_family(out, COUNTER, "sluice_port_packets_total",
		       "Packets by what was done with them; over all outcomes, they add up to rx.");
	write_outcomes(out, "sluice_port_packets_total", ledgers, count,
		       offsetof(struct sluice_count, packets));
	metrics_family(out, COUNTER, "sluice_port_bytes_total",
		       "Bytes of the frames, as received, by what was done with them.");
	write_outcomes(out, "sluice_port_bytes_total", ledgers, count,
		       offsetof(struct sluice_count, bytes));
out:
	free(ledgers);
}

/* --- rules ------------------------------------------------------------------------- */

static bool policy_is_used(const struct node *node, const struct policy *policy)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_FIREWALL &&
		    !strcmp(node->interfaces[i].policy, policy->name))
			return true;
	return false;
}

static void write_rule_family(FILE *out, struct agent *agent, const char *name, const char *help,
			      size_t offset)
{
	bool head = false;

	for (size_t i = 0; i < agent->cluster.policy_count; i++) {
		const struct policy *policy = &agent->cluster.policies[i];

		if (!policy_is_used(agent->node, policy))
			continue;
		if (!head)
			metrics_family(out, COUNTER, name, help);
		head = true;
		for (size_t j = 0; j < policy->rule_count; j++) {
			const struct rule *rule = &policy->rules[j];
			struct sluice_count count;
			uint64_t value;

			if (rule->id == SLUICE_NONE ||
			    dataplane_read_rule_use(&agent->dp, rule->id, &count))
				continue;
			memcpy(&value, (const char *)&count + offset, sizeof(value));
			metrics_uint(out, name, value, "policy", policy->name, "rule", rule->name,
				     "action", action_name(rule->action), NULL);
		}
	}
}

static void write_rules(FILE *out, struct agent *agent)
{
	write_rule_family(out, agent, "sluice_rule_packets_total",
			  "Packets that a firewall rule decided on.",
			  offsetof(struct sluice_count, packets));
	write_rule_family(out, agent, "sluice_rule_bytes_total",
			  "Bytes of the frames that a firewall rule decided on.",
			  offsetof(struct sluice_count, bytes));
}

/* --- services ------------------------------------------------------------------------ */

static void write_service_info(FILE *out, const struct roster *roster)
{
	metrics_family(out, GAUGE, "sluice_service_info", "Always 1: an address of a service.");
	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service_state *service = &roster->services[i];
		char number[4], text[VIP_TEXT_LEN];

		for (size_t j = 0; j < service->vip_count; j++)
			metrics_uint(out, "sluice_service_info", 1, "service", service->name, "vip",
				     vip_format(&service->vips[j], text), "proto",
				     proto_name(service->proto, number), "check",
				     check_type_name(service->check.type), NULL);
	}
	metrics_family(out, GAUGE, "sluice_health_panic",
		       "1 while too few backends are healthy, so that all serve.");
	for (size_t i = 0; i < roster->service_count; i++)
		metrics_uint(out, "sluice_health_panic", roster->services[i].schedule.panic,
			     "service", roster->services[i].name, NULL);
	metrics_family(out, GAUGE, "sluice_service_backups",
		       "1 while the backups take new flows, as no primary backend is healthy.");
	for (size_t i = 0; i < roster->service_count; i++)
		metrics_uint(out, "sluice_service_backups", roster->services[i].schedule.backups,
			     "service", roster->services[i].name, NULL);
}

/* One family with a sample per backend. */
struct backend_family {
	enum metrics_type type;
	const char *name, *help;
	double (*value)(const struct backend_state *backend);
	/* NULL: of all services. */
	bool (*concerns)(const struct service_state *service);
};

static double value_up(const struct backend_state *backend)
{
	return backend->agreed;
}

static double value_own(const struct backend_state *backend)
{
	return backend->own.up;
}

static double value_applied(const struct backend_state *backend)
{
	return backend->applied;
}

static double value_share(const struct backend_state *backend)
{
	return (double)backend->share / SCHEDULE_WHOLE_SHARE;
}

static double value_expiry(const struct backend_state *backend)
{
	return (double)backend->probe.certificate_expires_s;
}

static bool is_checked(const struct service_state *service)
{
	return service->check.type != CHECK_NONE;
}

static bool shows_certificate(const struct service_state *service)
{
	return service->check.type == CHECK_HTTPS || service->check.type == CHECK_TLS;
}

static double value_duration(const struct backend_state *backend)
{
	return (double)backend->last_duration_ns / NS_PER_SEC;
}

static const struct backend_family backend_families[] = {
	{GAUGE, "sluice_backend_up", "Whether the balancers agree that the backend is healthy.",
	 value_up, NULL},
	{GAUGE, "sluice_backend_up_own", "Whether it is healthy by this node's own checks alone.",
	 value_own, is_checked},
	{GAUGE, "sluice_backend_up_applied", "Whether the data plane has it as healthy.",
	 value_applied, NULL},
	{GAUGE, "sluice_backend_share_ratio",
	 "How much of its weight counts: less than 1 during its slow start.", value_share, NULL},
	{GAUGE, "sluice_check_duration_seconds", "How long the last check took.", value_duration,
	 is_checked},
	{GAUGE, "sluice_check_certificate_expiry_timestamp_seconds",
	 "When the certificate that the last check saw ends, in seconds since the epoch; 0: none.",
	 value_expiry, shows_certificate},
};

static void write_backend_family(FILE *out, const struct roster *roster,
				 const struct backend_family *family)
{
	metrics_family(out, family->type, family->name, family->help);
	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service_state *service = &roster->services[i];

		if (family->concerns && !family->concerns(service))
			continue;
		for (size_t j = 0; j < service->backend_count; j++)
			metrics_double(out, family->name, family->value(service->backends[j]),
				       "service", service->name, "backend",
				       service->backends[j]->name, NULL);
	}
}

static void write_admin_states(FILE *out, const struct roster *roster)
{
	metrics_family(out, GAUGE, "sluice_backend_admin_state",
		       "1 for the state that the operator gave it.");
	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service_state *service = &roster->services[i];

		for (size_t j = 0; j < service->backend_count; j++)
			for (int k = BACKEND_ADMIN_UP; k <= BACKEND_ADMIN_DOWN; k++)
				metrics_uint(out, "sluice_backend_admin_state",
					     service->backends[j]->admin == (enum backend_admin)k,
					     "service", service->name, "backend",
					     service->backends[j]->name, "state",
					     backend_admin_name((enum backend_admin)k), NULL);
	}
}

static void write_checks(FILE *out, const struct roster *roster)
{
	metrics_family(out, COUNTER, "sluice_check_results_total",
		       "Checks of a backend by how they ended.");
	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service_state *service = &roster->services[i];

		if (service->check.type == CHECK_NONE)
			continue;
		for (size_t j = 0; j < service->backend_count; j++)
			for (int result = 0; result < PROBE_RESULT_COUNT; result++)
				metrics_uint(out, "sluice_check_results_total",
					     service->backends[j]->results[result], "service",
					     service->name, "backend", service->backends[j]->name,
					     "result", probe_result_name((enum probe_result)result),
					     NULL);
	}
	metrics_family(out, COUNTER, "sluice_check_failures_total",
		       "Checks of a backend that did not end well.");
	for (size_t i = 0; i < roster->service_count; i++) {
		const struct service_state *service = &roster->services[i];

		for (size_t j = 0; is_checked(service) && j < service->backend_count; j++) {
			uint64_t failures = 0;

			for (int result = PROBE_OK + 1; result < PROBE_RESULT_COUNT; result++)
				failures += service->backends[j]->results[result];
			metrics_uint(out, "sluice_check_failures_total", failures, "service",
				     service->name, "backend", service->backends[j]->name, NULL);
		}
	}
}

static void write_turns(FILE *out, const struct checker *checker)
{
	metrics_family(out, GAUGE, "sluice_checks_running", "Checks under way.");
	metrics_uint(out, "sluice_checks_running", checker->running, NULL);
	metrics_family(out, GAUGE, "sluice_checks_waiting",
		       "Checks that are due, but wait for others to end.");
	metrics_uint(out, "sluice_checks_waiting", checker->waiting, NULL);
}

/* A family for VIPs and one for backends, each with one of the counters of a load. */
struct load_family {
	const char *vips, *vips_help, *backends, *backends_help;
	size_t offset;
};

static const struct load_family load_families[] = {
	{"sluice_vip_packets_total", "Packets to a VIP that were sent to its backends.",
	 "sluice_backend_packets_total", "Packets sent to a backend.",
	 offsetof(struct sluice_load, sent.packets)},
	{"sluice_vip_bytes_total",
	 "Bytes of the frames to a VIP, as received, that were sent to its backends.",
	 "sluice_backend_bytes_total", "Bytes of the frames, as received, sent to a backend.",
	 offsetof(struct sluice_load, sent.bytes)},
	{"sluice_vip_new_flows_total", "Flows to a VIP that were given to a backend.",
	 "sluice_backend_new_flows_total", "Flows that were given to a backend.",
	 offsetof(struct sluice_load, new_flows)},
};

static uint64_t load_value(const struct sluice_load *load, const struct load_family *family)
{
	uint64_t value;

	memcpy(&value, (const char *)load + family->offset, sizeof(value));
	return value;
}

static void write_vip_loads(FILE *out, const struct cluster *cluster, const struct loads *loads,
			    const struct load_family *family)
{
	char text[VIP_TEXT_LEN], number[4];

	metrics_family(out, COUNTER, family->vips, family->vips_help);
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		for (size_t j = 0; j < service->vip_count; j++) {
			struct sluice_load load =
				loads_of_vip(loads, &service->vips[j], service->proto);

			metrics_uint(out, family->vips, load_value(&load, family), "service",
				     service->name, "vip", vip_format(&service->vips[j], text),
				     "proto", proto_name(service->proto, number), NULL);
		}
	}
}

static void write_backend_loads(FILE *out, const struct cluster *cluster, const struct loads *loads,
				const struct load_family *family)
{
	metrics_family(out, COUNTER, family->backends, family->backends_help);
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		for (size_t j = 0; j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];
			struct sluice_load load;

			if (loads_of_backend(loads, service, backend, &load))
				metrics_uint(out, family->backends, load_value(&load, family),
					     "service", service->name, "backend", backend->name,
					     NULL);
		}
	}
}

/* One family, told apart by what became of them. */
static void write_cookies(FILE *out, const struct cluster *cluster, const struct loads *loads)
{
	static const char *const uses[SLUICE_COOKIE_USES] = {"sent", "valid", "invalid"};
	struct sluice_cookie_count count;

	metrics_family(
		out, COUNTER, "sluice_syn_cookies_total",
		"SYN cookies sent, brought back by ACKs, and ACKs of no connection without.");
	for (size_t i = 0; i < cluster->service_count; i++) {
		if (!loads_cookies(loads, &cluster->services[i], &count))
			continue;
		for (unsigned use = 0; use < SLUICE_COOKIE_USES; use++)
			metrics_uint(out, "sluice_syn_cookies_total", count.uses[use], "service",
				     cluster->services[i].name, "result", uses[use], NULL);
	}
}

static void write_loads(FILE *out, const struct agent *agent)
{
	struct loads *loads;

	if (loads_read(&agent->dp, &loads))
		return;
	for (size_t i = 0; i < ARRAY_LEN(load_families); i++) {
		write_vip_loads(out, &agent->cluster, loads, &load_families[i]);
		write_backend_loads(out, &agent->cluster, loads, &load_families[i]);
	}
	write_cookies(out, &agent->cluster, loads);
	loads_free(loads);
}

static void write_services(FILE *out, struct agent *agent)
{
	const struct roster *roster = &agent->roster;

	if (!roster->service_count)
		return;
	write_service_info(out, roster);
	for (size_t i = 0; i < ARRAY_LEN(backend_families); i++)
		write_backend_family(out, roster, &backend_families[i]);
	write_admin_states(out, roster);
	write_checks(out, roster);
	write_turns(out, &agent->checker);
	write_loads(out, agent);
}

/* --- the agent's own work --------------------------------------------------------------- */

static void write_peers(FILE *out, struct agent *agent)
{
	const struct exchange *exchange = &agent->exchange;
	uint64_t now_ns = loop_clock_ns();
	unsigned live = 0;

	if (!exchange->enabled)
		return;
	metrics_family(out, GAUGE, "sluice_view_peer_live",
		       "1 if the balancer's view was heard in the last second.");
	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++) {
		bool is_live = exchange_peer_is_live(&exchange->peers[i], now_ns);

		live += is_live;
		if (exchange->peers[i].node[0])
			metrics_uint(out, "sluice_view_peer_live", is_live, "peer",
				     exchange->peers[i].node, NULL);
	}
	metrics_family(out, GAUGE, "sluice_view_peer_same_configuration",
		       "1 if that balancer's configuration equals ours.");
	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++)
		if (exchange->peers[i].node[0])
			metrics_uint(out, "sluice_view_peer_same_configuration",
				     exchange->peers[i].configuration ==
					     exchange->header.configuration,
				     "peer", exchange->peers[i].node, NULL);
	metrics_family(out, GAUGE, "sluice_view_peers",
		       "Other balancers whose views count at present.");
	metrics_uint(out, "sluice_view_peers", live, NULL);
	metrics_family(out, COUNTER, "sluice_view_sent_total", "View datagrams sent.");
	metrics_uint(out, "sluice_view_sent_total", exchange->sent, NULL);
	metrics_family(out, COUNTER, "sluice_view_received_total", "View datagrams counted.");
	metrics_uint(out, "sluice_view_received_total", exchange->received, NULL);
	metrics_family(out, COUNTER, "sluice_view_refused_total", "View datagrams refused.");
	for (int i = 0; i < EXCHANGE_REFUSAL_COUNT; i++)
		metrics_uint(out, "sluice_view_refused_total", exchange->refused[i], "reason",
			     exchange_refusal_name((enum exchange_refusal)i), NULL);
}

static void write_announcements(FILE *out, struct agent *agent)
{
	const struct announcer *announcer = &agent->announcer;
	char text[PREFIX_TEXT_LEN];

	if (!announcer->count)
		return;
	metrics_family(out, GAUGE, "sluice_announced", "Whether a route for the VIP is announced.");
	for (size_t i = 0; i < announcer->count; i++)
		metrics_uint(out, "sluice_announced", announcer->vips[i].metric != ANNOUNCE_NONE,
			     "vip", prefix_format(&announcer->vips[i].vip, text), NULL);
	metrics_family(out, GAUGE, "sluice_announced_good",
		       "Whether it is announced as from a node that can serve it.");
	for (size_t i = 0; i < announcer->count; i++)
		metrics_uint(out, "sluice_announced_good",
			     announcer->vips[i].metric == ANNOUNCE_METRIC_GOOD, "vip",
			     prefix_format(&announcer->vips[i].vip, text), NULL);
}

static void write_neighbours(FILE *out, struct agent *agent)
{
	size_t failing = 0;

	if (!agent->neighbours.port_count)
		return;
	for (size_t i = 0; i < agent->neighbours.count; i++)
		failing += agent->neighbours.list[i].failing_since_ns != 0;
	metrics_family(out, COUNTER, "sluice_neighbour_misses_total",
		       "Packets lost for want of a link address.");
	metrics_uint(out, "sluice_neighbour_misses_total", agent->neighbours.misses, NULL);
	metrics_family(out, GAUGE, "sluice_neighbours", "Next hops that are kept resolved.");
	metrics_uint(out, "sluice_neighbours", agent->neighbours.count, NULL);
	metrics_family(out, GAUGE, "sluice_neighbours_failing", "Those that do not answer.");
	metrics_uint(out, "sluice_neighbours_failing", failing, NULL);
}

/* --- host ----------------------------------------------------------------------------- */

static uint64_t meminfo_bytes(const char *field)
{
	FILE *file = fopen("/proc/meminfo", "re");
	size_t length = strlen(field);
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, length) && sscanf(line + length, ": %llu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

static void write_host(FILE *out)
{
	double load[3];

	if (getloadavg(load, 3) == 3) {
		metrics_family(out, GAUGE, "sluice_node_load1", "Load average over one minute.");
		metrics_double(out, "sluice_node_load1", load[0], NULL);
		metrics_family(out, GAUGE, "sluice_node_load15", "Load average over 15 minutes.");
		metrics_double(out, "sluice_node_load15", load[2], NULL);
	}
	metrics_family(out, GAUGE, "sluice_node_cpus", "Processors that are online.");
	metrics_uint(out, "sluice_node_cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), NULL);
	metrics_family(out, GAUGE, "sluice_node_memory_available_bytes",
		       "Memory that can be had without swapping.");
	metrics_uint(out, "sluice_node_memory_available_bytes", meminfo_bytes("MemAvailable"),
		     NULL);
	metrics_family(out, GAUGE, "sluice_node_memory_total_bytes", "Memory of the host.");
	metrics_uint(out, "sluice_node_memory_total_bytes", meminfo_bytes("MemTotal"), NULL);
}

static void write_agent(FILE *out, struct agent *agent)
{
	metrics_family(out, GAUGE, "sluice_build_info", "Always 1: the version that runs.");
	metrics_uint(out, "sluice_build_info", 1, "version", SLUICE_VERSION, "node",
		     agent->node_name, NULL);
	metrics_family(out, GAUGE, "sluice_configured",
		       "1 if the agent follows a configuration in force.");
	metrics_uint(out, "sluice_configured", agent->opened && agent->configured, NULL);
	if (!agent->opened || !agent->configured)
		return;
	metrics_family(out, GAUGE, "sluice_generation", "Configuration in force: its number.");
	metrics_uint(out, "sluice_generation", agent->generation, NULL);
	metrics_family(out, GAUGE, "sluice_applied_timestamp_seconds",
		       "When it was put in force, in seconds since the epoch.");
	metrics_uint(out, "sluice_applied_timestamp_seconds", agent->dp.control->applied_unix_s,
		     NULL);
}

char *exposition_render(struct agent *agent, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	write_agent(out, agent);
	if (agent->opened && agent->configured && agent->node) {
		write_ports(out, agent);
		write_rules(out, agent);
		write_services(out, agent);
		write_peers(out, agent);
		write_announcements(out, agent);
		write_neighbours(out, agent);
	}
	write_host(out);
	metrics_process(out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
