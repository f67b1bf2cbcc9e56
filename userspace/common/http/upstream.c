/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which server is next. Smooth weighted round robin: each turn a server earns
 * its weight, the richest is chosen and pays what all have earned; so a heavy
 * one does not get its turns in a row. Workers choose on their own: their
 * turns start at different servers.
 */
#include "http/upstream.h"

#include <stdlib.h>
#include <sys/random.h>

#include "http/proxy_private.h"
#include "http/upstream_pool.h"

static void server_init(struct upstream_server *server, struct upstream *upstream, size_t index,
			const struct upstream_health *health, struct upstream_counters *counters)
{
	*server = (struct upstream_server){
		.upstream = upstream,
		.settings = &upstream->settings->servers[index],
		.health = &health[index],
		.counters = &counters[index],
	};
	server->address_length = endpoint_to_sockaddr(&server->settings->at, &server->address);
}

static void start_anywhere(struct upstream *upstream)
{
	uint32_t turns = 0;

	if (getrandom(&turns, sizeof(turns), GRND_NONBLOCK) != sizeof(turns))
		return;
	for (turns %= UPSTREAM_MAX_SERVERS; turns; turns--)
		upstream_choose(upstream, NULL);
}

void upstream_init(struct upstream *upstream, struct loop *loop, struct buffer_pool *buffers,
		   const struct upstream_settings *settings, const struct upstream_health *health,
		   struct upstream_counters *counters)
{
	*upstream = (struct upstream){.loop = loop, .buffers = buffers, .settings = settings};
	for (size_t i = 0; i < settings->server_count; i++)
		server_init(&upstream->servers[i], upstream, i, health, counters);
	start_anywhere(upstream);
}

void upstream_drain(struct upstream *upstream)
{
	upstream->draining = true;
	for (size_t i = 0; i < upstream->settings->server_count; i++)
		while (upstream->servers[i].newest)
			upstream_close(upstream->servers[i].newest);
}

void upstream_fini(struct upstream *upstream)
{
	upstream_drain(upstream);
	proxy_free_spare(upstream);
}

/* --- who is well ----------------------------------------------------------------------- */

void upstream_suspect(struct upstream_server *server)
{
	const struct upstream *upstream = server->upstream;

	server->suspected = true;
	server->suspected_good = __atomic_load_n(&server->health->good, __ATOMIC_RELAXED);
	server->suspected_until_ns =
		upstream->loop->now_ns + upstream->settings->retry_ms * NS_PER_MS;
}

static bool is_suspected(struct upstream_server *server)
{
	uint64_t good;

	if (!server->suspected)
		return false;
	good = __atomic_load_n(&server->health->good, __ATOMIC_RELAXED);
	if (good != server->suspected_good ||
	    server->upstream->loop->now_ns >= server->suspected_until_ns)
		server->suspected = false;
	return server->suspected;
}

bool upstream_is_well(struct upstream_server *server)
{
	const struct upstream_health *health = server->health;

	return (__atomic_load_n(&health->well, __ATOMIC_RELAXED) ||
		!__atomic_load_n(&health->checked, __ATOMIC_RELAXED)) &&
	       !is_suspected(server);
}

/* --- whose turn it is ------------------------------------------------------------------ */

static uint32_t who_is_well(struct upstream *upstream, uint32_t among)
{
	uint32_t well = 0;

	for (size_t i = 0; i < upstream->settings->server_count; i++)
		if (among >> i & 1 && upstream_is_well(&upstream->servers[i]))
			well |= 1u << i;
	return well;
}

static uint32_t who_may(const struct upstream *upstream, const struct upstream_server *failed)
{
	unsigned limit = upstream->settings->requests;
	uint32_t may = 0;

	for (size_t i = 0; i < upstream->settings->server_count; i++) {
		const struct upstream_server *server = &upstream->servers[i];

		if (server != failed && (!limit || server->busy < limit))
			may |= 1u << i;
	}
	return may;
}

static struct upstream_server *next_in_turn(struct upstream *upstream, uint32_t among)
{
	struct upstream_server *next = NULL;
	int sum = 0;

	for (size_t i = 0; i < upstream->settings->server_count; i++) {
		struct upstream_server *server = &upstream->servers[i];
		int weight = (int)server->settings->weight;

		if (!(among >> i & 1))
			continue;
		server->credit += weight;
		sum += weight;
		if (!next || server->credit > next->credit)
			next = server;
	}
	if (next)
		next->credit -= sum;
	return next;
}

/* Those with the least requests for their weight, once they have this one. */
static uint32_t who_has_least(const struct upstream *upstream, uint32_t among)
{
	const struct upstream_server *least = NULL;
	uint32_t set = 0;

	for (size_t i = 0; i < upstream->settings->server_count; i++) {
		const struct upstream_server *server = &upstream->servers[i];
		uint64_t mine, its;

		if (!(among >> i & 1))
			continue;
		mine = least ? (uint64_t)(server->busy + 1) * least->settings->weight : 0;
		its = least ? (uint64_t)(least->busy + 1) * server->settings->weight : 1;
		if (mine > its)
			continue;
		set = mine < its ? 1u << i : set | 1u << i;
		least = server;
	}
	return set;
}

struct upstream_server *upstream_choose(struct upstream *upstream,
					const struct upstream_server *failed)
{
	uint32_t may = who_may(upstream, failed);
	uint32_t well = who_is_well(upstream, may);

	if (well)
		may = well;
	if (upstream->settings->balance == UPSTREAM_LEAST_REQUESTS)
		may = who_has_least(upstream, may);
	return next_in_turn(upstream, may);
}
