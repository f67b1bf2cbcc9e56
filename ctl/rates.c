/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What happens each second, from the same counters as `status`, read twice.
 */
#include "rates.h"

#include <errno.h>
#include <time.h>

#include "ledger_view.h"

#define NSEC_PER_SEC 1000000000ULL

static const struct output_column interface_columns[] = {
	{"interface", "interface"}, {"rx_pps", "rx p/s"},
	{"rx_bps", "rx bit/s"},	    {"pass_pps", "pass p/s"},
	{"tx_pps", "tx p/s"},	    {"redirect_pps", "redirect p/s"},
	{"drop_pps", "drop p/s"},   {},
};

static const struct output_column vip_columns[] = {
	{"vip", "VIP"},
	{"proto", "proto"},
	{"service", "service"},
	{"pps", "p/s"},
	{"bps", "bit/s"},
	{"new_flows_ps", "new flows/s"},
	{},
};

static const struct output_column backend_columns[] = {
	{"backend", "backend"}, {"service", "service"},		 {"pps", "p/s"},
	{"bps", "bit/s"},	{"new_flows_ps", "new flows/s"}, {},
};

static const struct output_column drop_columns[] = {
	{"interface", "interface"}, {"reason", "reason"}, {"pps", "p/s"}, {"bps", "bit/s"}, {},
};

static const struct output_table rates_tables[] = {
	{.key = "interfaces",
	 .heading = "interfaces",
	 .empty = "none",
	 .columns = interface_columns},
	{.key = "vips", .heading = "VIPs", .columns = vip_columns},
	{.key = "backends", .heading = "backends", .columns = backend_columns},
	{.key = "drops", .heading = "drops", .empty = "none", .columns = drop_columns},
	{},
};

static const struct output_column rates_line[] = {
	{"node", "node"},
	{"interval_ms", "over ms"},
	{},
};

const struct output_view rates_view = {.line = rates_line, .tables = rates_tables};

/* --- samples ---------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

int rates_sample(const struct session *session, struct rates_sample *out)
{
	const struct node *node = session_node(session);
	int err;

	*out = (struct rates_sample){.at_ns = now_ns()};
	err = loads_read(&session->dp, &out->loads);
	for (size_t i = 0; node && i < node->interface_count && i < SLUICE_MAX_PORTS && !err; i++) {
		unsigned port;

		if (!node->interfaces[i].roles)
			continue;
		err = dataplane_port_slot(&session->dp, node->interfaces[i].name, &port);
		if (!err)
			err = dataplane_read_ledger(&session->dp, port, &out->ledgers[i]);
	}
	return err;
}

struct interval {
	const struct rates_sample *from, *to;
	uint64_t ns;
};

/* Events a second, to the nearest; a counter that began anew counts from zero. */
static json_int_t rate(const struct interval *interval, uint64_t from, uint64_t to)
{
	uint64_t events = to >= from ? to - from : to;

	return (json_int_t)(((__uint128_t)events * NSEC_PER_SEC + interval->ns / 2) / interval->ns);
}

static json_int_t packet_rate(const struct interval *interval, struct sluice_count from,
			      struct sluice_count to)
{
	return rate(interval, from.packets, to.packets);
}

static json_int_t bit_rate(const struct interval *interval, struct sluice_count from,
			   struct sluice_count to)
{
	return rate(interval, 8 * from.bytes, 8 * to.bytes);
}

/* --- rows ------------------------------------------------------------------- */

static int append(json_t *array, json_t *row)
{
	return json_array_append_new(array, row) ? -ENOMEM : 0;
}

static json_t *load_row(const struct interval *interval, const char *kind, const char *name,
			const struct service *service, const struct sluice_load *from,
			const struct sluice_load *to)
{
	char proto[4];

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", kind, name, "proto",
			 proto_name(service->proto, proto), "service", service->name, "pps",
			 packet_rate(interval, from->sent, to->sent), "bps",
			 bit_rate(interval, from->sent, to->sent), "new_flows_ps",
			 rate(interval, from->new_flows, to->new_flows));
}

static int add_vips(const struct interval *interval, const struct service *service, json_t *into)
{
	char text[VIP_TEXT_LEN];
	int err = 0;

	for (size_t i = 0; i < service->vip_count && !err; i++) {
		const struct vip *vip = &service->vips[i];
		struct sluice_load from = loads_of_vip(interval->from->loads, vip, service->proto);
		struct sluice_load to = loads_of_vip(interval->to->loads, vip, service->proto);

		err = append(into,
			     load_row(interval, "vip", vip_format(vip, text), service, &from, &to));
	}
	return err;
}

static int add_backends(const struct interval *interval, const struct service *service,
			json_t *into)
{
	int err = 0;

	for (size_t i = 0; i < service->backend_count && !err; i++) {
		const struct backend *backend = &service->backends[i];
		struct sluice_load from = {0}, to = {0};

		(void)loads_of_backend(interval->from->loads, service, backend, &from);
		if (loads_of_backend(interval->to->loads, service, backend, &to))
			err = append(into, load_row(interval, "backend", backend->name, service,
						    &from, &to));
	}
	return err;
}

static int add_interface(const struct interval *interval, const char *name, size_t i, json_t *into)
{
	const struct sluice_ledger *from = &interval->from->ledgers[i];
	const struct sluice_ledger *to = &interval->to->ledgers[i];
	json_t *row = json_pack("{s:s, s:I, s:I}", "interface", name, "rx_pps",
				packet_rate(interval, from->rx, to->rx), "rx_bps",
				bit_rate(interval, from->rx, to->rx));
	char key[32];
	int err = row ? 0 : -ENOMEM;

	for (enum sluice_class class = SLUICE_CLASS_PASS; class <= SLUICE_CLASS_DROP && !err;
	     class ++) {
		snprintf(key, sizeof(key), "%s_pps", class_token(class));
		err = json_object_set_new(
			row, key,
			json_integer(packet_rate(interval, ledger_sum(from, class),
						 ledger_sum(to, class))));
	}
	return err ? err : append(into, row);
}

static int add_drops(const struct interval *interval, const char *name, size_t i, json_t *into)
{
	int err = 0;

	for (int o = 0; o < SLUICE_OUTCOME_COUNT && !err; o++) {
		struct sluice_count from = interval->from->ledgers[i].outcome[o];
		struct sluice_count to = interval->to->ledgers[i].outcome[o];

		if (outcome_class((enum sluice_outcome)o) != SLUICE_CLASS_DROP ||
		    from.packets == to.packets)
			continue;
		err = append(into, json_pack("{s:s, s:s, s:I, s:I}", "interface", name, "reason",
					     outcome_token((enum sluice_outcome)o), "pps",
					     packet_rate(interval, from, to), "bps",
					     bit_rate(interval, from, to)));
	}
	return err;
}

static int fill(const struct session *session, const struct interval *interval, json_t *root)
{
	const struct cluster *cluster = &session->cluster;
	const struct node *node = session_node(session);
	int err = 0;

	for (size_t i = 0; node && i < node->interface_count && i < SLUICE_MAX_PORTS && !err; i++) {
		const char *name = node->interfaces[i].name;

		if (!node->interfaces[i].roles)
			continue;
		err = add_interface(interval, name, i, json_object_get(root, "interfaces"));
		if (!err)
			err = add_drops(interval, name, i, json_object_get(root, "drops"));
	}
	for (size_t i = 0; i < cluster->service_count && !err; i++) {
		err = add_vips(interval, &cluster->services[i], json_object_get(root, "vips"));
		if (!err)
			err = add_backends(interval, &cluster->services[i],
					   json_object_get(root, "backends"));
	}
	return err;
}

int rates_json(const struct session *session, const struct rates_sample *from,
	       const struct rates_sample *to, json_t **out)
{
	struct interval interval = {from, to,
				    to->at_ns > from->at_ns ? to->at_ns - from->at_ns : 1};
	int err;

	*out = json_pack("{s:s, s:I, s:[], s:[], s:[], s:[]}", "node", session->name, "interval_ms",
			 (json_int_t)(interval.ns / 1000000), "interfaces", "vips", "backends",
			 "drops");
	err = *out ? fill(session, &interval, *out) : -ENOMEM;
	if (!err)
		return 0;
	json_decref(*out);
	*out = NULL;
	return err;
}
