/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl watch: what changes on a node, a line of JSON for each event: generations, health of
 * backends, drops by reason, limits that are nearly reached.
 */
#include "commands.h"
#include "ledger_view.h"
#include "packet_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MS  1000000ULL
#define NEAR_PERCENT 90 /* of a limit */

struct watch_args {
	unsigned interval, count, seconds;
};

enum watched_limit { WATCHED_CONNECTIONS4, WATCHED_CONNECTIONS6, WATCHED_BLOCKS, WATCHED_COUNT };

static const char *const limit_names[WATCHED_COUNT] = {"ipv4 connections", "ipv6 connections",
						       "blocks"};

/* What was seen at the last look. */
struct watcher {
	struct session *session;
	unsigned long long told;
	unsigned generation;
	bool *unhealthy; /* by backend, in the order of the model */
	size_t backend_count;
	struct sluice_ledger ledgers[SLUICE_MAX_PORTS]; /* by interface of the node */
	bool near[WATCHED_COUNT];
};

/* --- telling ---------------------------------------------------------------- */

/* Consumes `event`, whose members are those of its kind. */
static int tell(struct watcher *watcher, const char *kind, json_t *event)
{
	static const struct output_view none = {0};
	struct output out = watcher->session->inv->out;
	uint64_t unix_ns = packet_watch_clock(CLOCK_REALTIME);
	json_t *root =
		json_pack("{s:s, s:o, s:I, s:s}", "event", kind, "time", packet_watch_time(unix_ns),
			  "unix_ns", (json_int_t)unix_ns, "node", watcher->session->name);

	if (!root || !event || json_object_update(root, event)) {
		json_decref(root);
		json_decref(event);
		return -ENOMEM;
	}
	json_decref(event);
	if (out.format == OUTPUT_TEXT)
		out.format = OUTPUT_JSON;
	watcher->told++;
	return output_emit(&out, root, &none);
}

/* --- generations ------------------------------------------------------------ */

static int load_model(struct watcher *watcher)
{
	struct session *session = watcher->session;
	struct cluster now;
	int err = dataplane_load_model(&session->dp, &now);

	if (err)
		return err;
	model_fini(&session->cluster);
	session->cluster = now;
	return 0;
}

static int watch_generation(struct watcher *watcher, bool *changed)
{
	const struct sluice_control *control = watcher->session->dp.control;
	unsigned generation = dataplane_generation(&watcher->session->dp);
	int err;

	*changed = generation != watcher->generation;
	if (!*changed)
		return 0;
	err = load_model(watcher);
	if (!err)
		err = tell(watcher, "generation",
			   json_pack("{s:I, s:I, s:I}", "from", (json_int_t)watcher->generation,
				     "to", (json_int_t)generation, "policy_generation",
				     (json_int_t)control->generation.policy));
	watcher->generation = generation;
	return err;
}

/* --- health ----------------------------------------------------------------- */

static size_t count_backends(const struct cluster *cluster)
{
	size_t count = 0;

	for (size_t i = 0; i < cluster->service_count; i++)
		count += cluster->services[i].backend_count;
	return count;
}

static int tell_health(struct watcher *watcher, const struct loads *loads,
		       const struct service *service, const struct backend *backend, bool down)
{
	struct sluice_check check = {0};
	bool checked = loads_last_check(loads, service, backend, &check);

	return tell(watcher, "health",
		    json_pack("{s:s, s:s, s:s, s:s*}", "service", service->name, "backend",
			      backend->name, "health", down ? "down" : "up", "check",
			      checked ? check.words : NULL));
}

/* `silent`: only notes how things are. */
static int watch_health(struct watcher *watcher, bool silent)
{
	const struct cluster *cluster = &watcher->session->cluster;
	struct sluice_load load;
	struct loads *loads;
	size_t at = 0;
	int err = loads_read(&watcher->session->dp, &loads);

	if (err)
		return err;
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct service *service = &cluster->services[i];

		for (size_t j = 0; j < service->backend_count && !err; j++, at++) {
			const struct sluice_backend *entry =
				loads_of_backend(loads, service, &service->backends[j], &load);
			bool down = entry && entry->unhealthy;

			if (!silent && down != watcher->unhealthy[at])
				err = tell_health(watcher, loads, service, &service->backends[j],
						  down);
			watcher->unhealthy[at] = down;
		}
	}
	loads_free(loads);
	return err;
}

/* --- drops ------------------------------------------------------------------ */

static int tell_drops(struct watcher *watcher, const char *interface,
		      const struct sluice_ledger *before, const struct sluice_ledger *now)
{
	int err = 0;

	for (int o = 0; o < SLUICE_OUTCOME_COUNT && !err; o++) {
		struct sluice_count from = before->outcome[o], to = now->outcome[o];

		if (outcome_class((enum sluice_outcome)o) != SLUICE_CLASS_DROP ||
		    to.packets <= from.packets)
			continue;
		err = tell(watcher, "drops",
			   json_pack("{s:s, s:s, s:I, s:I}", "interface", interface, "reason",
				     outcome_token((enum sluice_outcome)o), "packets",
				     (json_int_t)(to.packets - from.packets), "bytes",
				     (json_int_t)(to.bytes - from.bytes)));
	}
	return err;
}

static int watch_drops(struct watcher *watcher, bool silent)
{
	const struct node *node = session_node(watcher->session);
	const struct dataplane *dp = &watcher->session->dp;
	int err = 0;

	for (size_t i = 0; node && i < node->interface_count && i < SLUICE_MAX_PORTS && !err; i++) {
		struct sluice_ledger now;
		unsigned port;

		if (!node->interfaces[i].roles ||
		    dataplane_port_slot(dp, node->interfaces[i].name, &port))
			continue;
		err = dataplane_read_ledger(dp, port, &now);
		if (!err && !silent)
			err = tell_drops(watcher, node->interfaces[i].name, &watcher->ledgers[i],
					 &now);
		watcher->ledgers[i] = now;
	}
	return err;
}

/* --- limits ----------------------------------------------------------------- */

static int use_of(const struct dataplane *dp, enum watched_limit limit, unsigned long *used,
		  unsigned long *capacity)
{
	if (limit != WATCHED_BLOCKS)
		return dataplane_count_connections(dp, limit == WATCHED_CONNECTIONS6, used,
						   capacity);
	*used = dp->control->block_entries;
	*capacity = SLUICE_MAX_BLOCKS;
	return 0;
}

static int watch_limits(struct watcher *watcher)
{
	int err = 0;

	for (enum watched_limit i = 0; i < WATCHED_COUNT && !err; i++) {
		unsigned long used, capacity;
		bool near;

		err = use_of(&watcher->session->dp, i, &used, &capacity);
		near = !err && capacity && used >= capacity / 100 * NEAR_PERCENT;
		if (!err && near != watcher->near[i])
			err = tell(watcher, "limit",
				   json_pack("{s:s, s:b, s:I, s:I}", "limit", limit_names[i],
					     "near", near, "used", (json_int_t)used, "capacity",
					     (json_int_t)capacity));
		watcher->near[i] = near;
	}
	return err;
}

/* --- the loop --------------------------------------------------------------- */

static int note_all(struct watcher *watcher)
{
	size_t count = count_backends(&watcher->session->cluster);
	bool *grown = realloc(watcher->unhealthy, count + 1);
	int err;

	if (!grown)
		return -ENOMEM;
	watcher->unhealthy = grown;
	watcher->backend_count = count;
	err = watch_health(watcher, true);
	return err ? err : watch_drops(watcher, true);
}

static int look(struct watcher *watcher)
{
	bool changed;
	int err = watch_generation(watcher, &changed);

	/* With another model nothing of the last look can be compared. */
	if (!err && changed)
		err = note_all(watcher);
	if (!err && !changed)
		err = watch_health(watcher, false);
	if (!err && !changed)
		err = watch_drops(watcher, false);
	return err ? err : watch_limits(watcher);
}

static int start(struct watcher *watcher)
{
	const struct session *session = watcher->session;
	int err = note_all(watcher);

	watcher->generation = dataplane_generation(&session->dp);
	return err ? err
		   : tell(watcher, "start",
			  json_pack("{s:I, s:s}", "generation", (json_int_t)watcher->generation,
				    "cluster", session->cluster.name));
}

static int watch(struct watcher *watcher, const struct watch_args *args)
{
	uint64_t step_ns = (args->interval ? args->interval : 1) * NSEC_PER_SEC;
	uint64_t now_ns = packet_watch_clock(CLOCK_MONOTONIC), next_ns = now_ns + step_ns;
	uint64_t end_ns = args->seconds ? now_ns + args->seconds * NSEC_PER_SEC : UINT64_MAX;
	int err = start(watcher);

	while (!err && !packet_watch_stopped() && !packet_watch_unread() && now_ns < end_ns &&
	       (!args->count || watcher->told < args->count)) {
		poll(NULL, 0, 100);
		now_ns = packet_watch_clock(CLOCK_MONOTONIC);
		if (now_ns < next_ns)
			continue;
		err = look(watcher);
		next_ns = now_ns + step_ns;
	}
	/* Whoever read has seen enough. */
	return err == -EIO && packet_watch_unread() ? 0 : err;
}

static int run_watch(struct invocation *inv)
{
	struct session session;
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	int code = session_open(&session, inv, DATAPLANE_READ, 0), err;

	packet_watch_signals();
	if (!code) {
		err = watcher ? 0 : -ENOMEM;
		if (!err) {
			watcher->session = &session;
			err = watch(watcher, inv->args);
			free(watcher->unhealthy);
		}
		if (err)
			code = session_failed(inv, err, "watching");
	}
	free(watcher);
	session_close(&session);
	return code;
}

static const struct parameter watch_parameters[] = {
	OPTION(struct watch_args, interval, "interval", "N", type_count,
	       "seconds between two looks; 1 by default"),
	OPTION(struct watch_args, count, "count", "N", type_count, "end after N events or more"),
	OPTION(struct watch_args, seconds, "seconds", "N", type_count, "end after N seconds"),
	{},
};

const struct command command_watch = {
	.word = "watch",
	.summary = "print events as lines of JSON",
	.detail = "The first says \"start\"; then \"generation\" when a configuration came in "
		  "force,\n"
		  "\"health\" when the agents found a backend up or down, \"drops\" by interface "
		  "and\n"
		  "reason, \"limit\" when nine tenths of one are used, or no more. Each has its\n"
		  "time and node.",
	.parameters = watch_parameters,
	.args_size = sizeof(struct watch_args),
	.run = run_watch,
};
