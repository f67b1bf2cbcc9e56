/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where a statement of this session goes, given what it is, what the session
 * has left behind, and which servers there are.
 */
#include <string.h>

#include "session.h"

/* What a server tells of itself is not the same on each. */
static bool schema_is_of_server(const struct session_state *state)
{
	static const char *const schemas[] = {"information_schema", "performance_schema", "mysql",
					      "sys"};

	for (size_t i = 0; state->schema && i < ARRAY_LEN(schemas); i++)
		if (!strcasecmp(state->schema, schemas[i]))
			return true;
	return false;
}

bool session_may_read_replica(const struct session *session)
{
	const struct router *router = session->router;
	const struct leg *leg = &session->legs[LEG_REPLICA];
	bool told =
		!session->state.untold_writes || router->config->consistency == CONSISTENCY_NONE;

	if (session->pinned || session->unsafe || !told || schema_is_of_server(&session->state))
		return false;
	if (leg->phase != LEG_CLOSED &&
	    cluster_may_read(router->board, router->config, leg->server))
		return true;
	return cluster_pick_replica(router->board, router->config, router->legs, session->id,
				    CLUSTER_NO_SERVER) != CLUSTER_NO_SERVER;
}

static enum leg_role read_leg(struct session *session)
{
	if (session_may_read_replica(session)) {
		router_count(session->router, COUNTER_QUERIES_READ);
		return LEG_REPLICA;
	}
	router_count(session->router,
		     session->pinned ? COUNTER_QUERIES_PINNED : COUNTER_QUERIES_PRIMARY_READ);
	return LEG_PRIMARY;
}

static enum leg_role route_free(struct session *session, const struct statement *statement)
{
	switch (statement->route) {
	case STATEMENT_READ:
	case STATEMENT_BEGIN_READ_ONLY:
		return read_leg(session);
	case STATEMENT_SAME:
		router_count(session->router, COUNTER_QUERIES_SAME);
		return session->last_leg;
	case STATEMENT_ALL:
		router_count(session->router, COUNTER_QUERIES_ALL);
		return LEG_PRIMARY;
	default:
		router_count(session->router, COUNTER_QUERIES_PRIMARY);
		return LEG_PRIMARY;
	}
}

enum leg_role session_route(struct session *session, const struct statement *statement)
{
	enum leg_role leg;

	if (session_is_bound(session, &leg)) {
		router_count(session->router,
			     leg == LEG_PRIMARY ? COUNTER_QUERIES_PRIMARY : COUNTER_QUERIES_READ);
		return leg;
	}
	if (session->next_too) {
		session->next_too = false;
		router_count(session->router, COUNTER_QUERIES_PRIMARY);
		return LEG_PRIMARY;
	}
	return route_free(session, statement);
}
