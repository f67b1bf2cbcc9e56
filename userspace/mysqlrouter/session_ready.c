/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Makes a leg ready for the session's command: connected, told of the session's
 * state, with the session's writes, knowing the prepared statement. Each step
 * that is missing is taken and then all is looked at anew, so that the steps need
 * no order in time. What fails here has not reached a server yet: another may do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol.h"
#include "session.h"

#define REBALANCE_NS (10 * NS_PER_SEC) /* a leg stays at least so long where it is */

static struct leg *current_leg(struct session *session)
{
	return &session->legs[session->command.leg];
}

/* --- which server ------------------------------------------------------------------ */

/* Whether the command may run on this kind of leg at all. */
static bool may_use(const struct session *session, enum leg_role role)
{
	const struct command *command = &session->command;
	bool prepares_read = command->code == COMMAND_STMT_PREPARE && command->prepared &&
			     command->prepared->route == STATEMENT_READ;
	enum leg_role bound;

	if (command->avoids[role])
		return false;
	if (session_is_bound(session, &bound))
		return bound == role;
	if (role == LEG_PRIMARY || session->phase == SESSION_ENTERING)
		return true;
	return !session->pinned && command->whole &&
	       (command->statement.route == STATEMENT_READ ||
		command->statement.route == STATEMENT_BEGIN_READ_ONLY ||
		command->statement.route == STATEMENT_ALL || prepares_read ||
		command->wanted_server != CLUSTER_NO_SERVER);
}

static int choose_server(const struct session *session)
{
	const struct router *router = session->router;
	const struct command *command = &session->command;
	int primary = cluster_primary(router->board, router->config);

	if (command->wanted_server != CLUSTER_NO_SERVER)
		return command->wanted_server;
	if (command->leg == LEG_PRIMARY)
		return primary == command->failed_server ? CLUSTER_NO_SERVER : primary;
	return cluster_pick_replica(router->board, router->config, router->legs, session->id,
				    command->failed_server);
}

/* What is the matter with a server, as the monitor or this worker found it. */
static const char *reason_of(const struct router *router, size_t server, struct server_view *view)
{
	const struct server_board *place =
		&router->board->servers[router->config->servers[server].board];

	cluster_read_view(place, view);
	if (place->health == HEALTH_UP && !cluster_is_usable(place))
		return router->reasons[server][0] ? router->reasons[server] : "not reachable";
	if (place->health == HEALTH_UP && !place->writable)
		return "read-only";
	return view->reason[0] ? view->reason : "not reachable";
}

/* Why there is no server that takes writes, in words. */
static void explain(const struct session *session, struct failure *failure)
{
	const struct router *router = session->router;
	static struct server_view view;

	failure_set(failure, ERROR_OPTION_PREVENTS, "HY000", "sluice-mysql: no primary:");
	for (size_t i = 0; i < router->config->server_count; i++) {
		size_t used = strlen(failure->text);

		snprintf(failure->text + used, sizeof(failure->text) - used, "%s %s: %s",
			 i ? ";" : "", router->config->servers[i].name,
			 reason_of(router, i, &view));
	}
}

static void no_server(struct session *session)
{
	struct failure failure;

	router_count(session->router, COUNTER_ERRORS_NO_PRIMARY);
	explain(session, &failure);
	if (session->phase == SESSION_ENTERING)
		session_login_failed(session, &failure);
	else
		session_command_failed(session, &failure);
}

/* The server cannot be reached, as opposed to: it said no. */
static bool is_unreachable(const struct failure *failure)
{
	return failure->code == ERROR_SERVER_SHUTDOWN;
}

/* Of a primary that failed before the statement was sent: the same words as without one. */
static void give_up(struct session *session, const struct failure *failure)
{
	struct failure own = *failure;
	bool was_sent = session->phase == SESSION_RUNNING;

	router_count(session->router, was_sent ? COUNTER_ERRORS_LOST : COUNTER_ERRORS_NO_PRIMARY);
	if (is_unreachable(failure) && !was_sent)
		failure_set(&own, ERROR_OPTION_PREVENTS, "HY000", "%s", failure->text);
	if (session->phase == SESSION_ENTERING)
		session_login_failed(session, &own);
	else
		session_command_failed(session, &own);
}

/* Another leg, if the command may run there. */
static bool change_leg(struct session *session)
{
	struct command *command = &session->command;

	command->avoids[command->leg] = true;
	command->leg = command->leg == LEG_PRIMARY ? LEG_REPLICA : LEG_PRIMARY;
	command->failed_server = CLUSTER_NO_SERVER;
	return may_use(session, command->leg);
}

static void open_leg(struct session *session)
{
	unsigned connect_ms = session->router->config->limits.connect_ms;
	int server = choose_server(session);

	if (server != CLUSTER_NO_SERVER) {
		session_deadline(session, connect_ms);
		if (session->phase != SESSION_CLOSED)
			leg_open(current_leg(session), session, server);
	} else if (change_leg(session)) {
		session_make_ready(session);
	} else {
		no_server(session);
	}
}

static bool has_cursor(const struct session_state *state)
{
	for (uint32_t i = 0; i < state->prepared_slots; i++)
		if (state->prepared[i] && state->prepared[i]->has_cursor)
			return true;
	return false;
}

/*
 * Clients keep their sessions for days: a replica that comes back would get nothing of them. Now
 * and then a leg is where it would be opened today, or else it is opened anew.
 */
static bool is_misplaced(const struct session *session, const struct leg *leg)
{
	const struct router *router = session->router;
	uint32_t others[ROUTER_MAX_SERVERS];

	if (router_loop(session->router)->now_ns - leg->opened_ns < REBALANCE_NS ||
	    has_cursor(&session->state))
		return false;
	memcpy(others, router->legs, sizeof(others));
	others[leg->server]--;
	return cluster_pick_replica(router->board, router->config, others, session->id,
				    CLUSTER_NO_SERVER) != leg->server;
}

/*
 * The replica that the leg goes to may have fallen behind, have more than its share, or another
 * server be wanted.
 */
static bool leg_fits(const struct session *session, const struct leg *leg)
{
	const struct router *router = session->router;
	enum leg_role bound;

	if (session_is_bound(session, &bound))
		return true;
	if (session->command.wanted_server != CLUSTER_NO_SERVER)
		return leg->server == session->command.wanted_server;
	if (session->command.leg == LEG_PRIMARY || session->phase == SESSION_ENTERING)
		return true;
	return cluster_may_read(router->board, router->config, leg->server) &&
	       !is_misplaced(session, leg);
}

/* --- steps ------------------------------------------------------------------------- */

static void ask(struct session *session, enum session_step step, uint8_t command, const char *text,
		size_t length)
{
	session->step = (uint8_t)step;
	session_deadline(session, session->router->config->limits.connect_ms);
	if (session->phase != SESSION_CLOSED)
		leg_ask(current_leg(session), command, text, length);
}

static bool step_track(struct session *session, struct leg *leg)
{
	const char *text = leg->flavour == GTID_MARIADB
				   ? "SET SESSION session_track_system_variables=CONCAT(@@session_"
				     "track_system_variables,',last_gtid'),"
				     "session_track_state_change=1"
				   : "SET SESSION session_track_gtids=OWN_GTID,"
				     "session_track_state_change=1";

	if (leg->tracks || session->command.leg != LEG_PRIMARY)
		return false;
	ask(session, STEP_TRACK, COMMAND_QUERY, text, strlen(text));
	return true;
}

static bool step_option(struct session *session, struct leg *leg)
{
	uint32_t differs = leg->capabilities ^ session->capabilities;
	char option[2] = {session->capabilities & CAPABILITY_MULTI_STATEMENTS ? 0 : 1, 0};

	if (!(differs & CAPABILITY_MULTI_STATEMENTS))
		return false;
	ask(session, STEP_OPTION, COMMAND_SET_OPTION, option, sizeof(option));
	return true;
}

static bool step_schema(struct session *session, struct leg *leg)
{
	const struct session_state *state = &session->state;

	if (leg->schema == state->schema_version || !state->schema)
		return false;
	ask(session, STEP_SCHEMA, COMMAND_INIT_DB, state->schema, strlen(state->schema));
	return true;
}

static bool step_setting(struct session *session, struct leg *leg)
{
	const struct setting *setting = state_next_setting(&session->state, leg->settings);

	if (!setting)
		return false;
	ask(session, STEP_SETTING, COMMAND_QUERY, setting->text, setting->length);
	return true;
}

/* The replica is asked to say when it has what the session wrote. */
static bool step_wait(struct session *session, struct leg *leg)
{
	const struct router_config *config = session->router->config;
	const struct gtid_set *written = session->state.written;
	char gtids[GTID_TEXT_LEN], text[GTID_TEXT_LEN + 64];
	enum leg_role bound;
	int length;

	if (session->command.leg != LEG_REPLICA || config->consistency == CONSISTENCY_NONE ||
	    !written || leg->applied == session->state.written_version ||
	    session_is_bound(session, &bound))
		return false;
	if (cluster_has_applied(leg_board(leg), written)) {
		leg->applied = session->state.written_version;
		router_count(session->router, COUNTER_GTID_KNOWN);
		return false;
	}
	length = snprintf(text, sizeof(text), "SELECT %s('%s',%u.%03u)",
			  written->flavour == GTID_MARIADB ? "MASTER_GTID_WAIT"
							   : "WAIT_FOR_EXECUTED_GTID_SET",
			  gtid_format(written, gtids), config->limits.wait_ms / 1000,
			  config->limits.wait_ms % 1000);
	ask(session, STEP_WAIT, COMMAND_QUERY, text, (size_t)length);
	if (session->phase != SESSION_CLOSED)
		session_deadline(session, config->limits.wait_ms + config->limits.connect_ms);
	return true;
}

static bool knows_statement(const struct session *session, const struct leg *leg)
{
	const struct prepared *prepared = session->command.prepared;

	return !prepared || session->command.code == COMMAND_STMT_PREPARE ||
	       prepared->on[session->command.leg].connection == leg->number;
}

/* What a statement had open on a connection that is gone cannot be had on another. */
static bool step_prepare(struct session *session, struct leg *leg)
{
	const struct prepared *prepared = session->command.prepared;
	struct failure failure;

	if (knows_statement(session, leg))
		return false;
	if (prepared->text && session->command.code != COMMAND_STMT_FETCH) {
		ask(session, STEP_PREPARE, COMMAND_STMT_PREPARE, prepared->text, prepared->length);
		return true;
	}
	failure_set(&failure, ERROR_UNKNOWN_STATEMENT, "HY000",
		    "sluice-mysql: statement %" PRIu32 " is lost with its connection to a server",
		    prepared->id);
	session_command_failed(session, &failure);
	return true;
}

/* True: something is under way, or the command has failed. */
static bool take_step(struct session *session, struct leg *leg)
{
	if (step_track(session, leg) || step_option(session, leg) || step_schema(session, leg) ||
	    step_setting(session, leg))
		return true;
	if (session->phase == SESSION_ENTERING)
		return false;
	return step_wait(session, leg) || step_prepare(session, leg);
}

void session_make_ready(struct session *session)
{
	struct leg *leg = current_leg(session);

	if (leg->phase == LEG_IDLE && !leg_fits(session, leg))
		leg_close(leg);
	if (leg->phase == LEG_CLOSED)
		open_leg(session);
	else if (leg->phase != LEG_IDLE || take_step(session, leg))
		return;
	else if (session->phase == SESSION_ENTERING)
		session_login_entered(session);
	else
		session_run(session);
}

/* --- what legs tell ---------------------------------------------------------------- */

void session_leg_ready(struct leg *leg)
{
	struct session *session = leg->session;

	if (leg == current_leg(session))
		session_make_ready(session);
}

/* Not this leg: another, or the client gets to know. */
static void go_elsewhere(struct session *session, const struct failure *failure)
{
	if (change_leg(session))
		session_make_ready(session);
	else
		give_up(session, failure);
}

static void note_waited(struct session *session, struct leg *leg, bool applied)
{
	struct failure failure;

	if (applied) {
		leg->applied = session->state.written_version;
		router_count(session->router, COUNTER_GTID_WAITED);
		session_make_ready(session);
		return;
	}
	router_count(session->router, COUNTER_GTID_PRIMARY);
	failure_set(&failure, ERROR_OPTION_PREVENTS, "HY000",
		    "sluice-mysql: no primary, and %s does not have what this session wrote",
		    leg_server(leg)->name);
	go_elsewhere(session, &failure);
}

static void note_prepared(struct session *session, struct leg *leg)
{
	const uint8_t *packet = (const uint8_t *)buffer_data(&leg->in);
	struct wire_reader reader = wire_reader(packet + PACKET_HEADER_BYTES + 1, 4);
	struct prepared *prepared = session->command.prepared;
	unsigned role = session->command.leg;

	prepared->on[role].connection = leg->number;
	prepared->on[role].id = wire_u32(&reader);
	prepared->on[role].types_version = 0;
}

static void note_step(struct session *session, struct leg *leg)
{
	const struct setting *setting;

	switch (session->step) {
	case STEP_TRACK:
		leg->tracks = true;
		leg->reports = leg_board(leg)->has_gtids;
		break;
	case STEP_OPTION:
		leg->capabilities ^= CAPABILITY_MULTI_STATEMENTS;
		break;
	case STEP_SCHEMA:
		leg->schema = session->state.schema_version;
		break;
	case STEP_SETTING:
		setting = state_next_setting(&session->state, leg->settings);
		leg->settings = setting ? setting->version : session->state.settings_version;
		break;
	case STEP_PREPARE:
		note_prepared(session, leg);
		break;
	}
}

void session_leg_answered(struct leg *leg, const struct failure *failure, struct span value)
{
	struct session *session = leg->session;

	if (session->step == STEP_WAIT) {
		/* MariaDB: 0 or -1; MySQL: 0 or 1. */
		bool applied = !failure && span_is(value, "0");

		buffer_consume(&leg->in, buffer_length(&leg->in));
		note_waited(session, leg, applied);
		return;
	}
	if (!failure)
		note_step(session, leg);
	buffer_consume(&leg->in, buffer_length(&leg->in));
	if (failure && session->step == STEP_TRACK)
		leg->tracks = true; /* a server that cannot report: its writes are not waited for */
	else if (failure) {
		leg_close(leg);
		go_elsewhere(session, failure);
		return;
	}
	session_make_ready(session);
}

/* --- failures ---------------------------------------------------------------------- */

static bool is_current(const struct session *session, const struct leg *leg)
{
	switch (session->phase) {
	case SESSION_ENTERING:
	case SESSION_READYING:
	case SESSION_RUNNING:
	case SESSION_LOADING:
		return leg == &session->legs[session->command.leg];
	default:
		return false;
	}
}

/* Nothing of the command has had an effect, or it had none by its nature. */
static bool may_try_again(const struct session *session)
{
	const struct command *command = &session->command;

	if (session->phase == SESSION_READYING || session->phase == SESSION_ENTERING)
		return true;
	return session->phase == SESSION_RUNNING && command->may_retry && !command->retried &&
	       !command->relayed;
}

static void try_again(struct session *session, int server, const struct failure *failure)
{
	struct command *command = &session->command;

	if (session->phase == SESSION_RUNNING) {
		command->retried = true;
		session->phase = SESSION_READYING;
		router_count(session->router, COUNTER_RETRIES);
	}
	command->sent = 0;
	session->ready = 0;
	/* A second replica that fails is the last one that is tried. */
	if (command->leg == LEG_REPLICA && command->failed_server == CLUSTER_NO_SERVER) {
		command->failed_server = (int8_t)server;
		session_make_ready(session);
	} else {
		go_elsewhere(session, failure);
	}
}

static void current_failed(struct session *session, int server, bool lost_state,
			   const struct failure *failure)
{
	if (session->command.relayed || session->phase == SESSION_LOADING) {
		router_count(session->router, COUNTER_ERRORS_LOST);
		session_abort_answer(session, failure);
	} else if (lost_state) {
		router_count(session->router, COUNTER_ERRORS_LOST);
		session->sequence = 1;
		session_refuse(session, failure->code, failure->state, "%s", failure->text);
	} else if (may_try_again(session)) {
		try_again(session, server, failure);
	} else {
		give_up(session, failure);
	}
}

void session_leg_failed(struct leg *leg, const struct failure *failure)
{
	struct session *session = leg->session;
	bool current = is_current(session, leg), idle = leg->phase == LEG_IDLE;
	bool bound_here, lost_state;
	enum leg_role bound;
	int server = leg->server;

	bound_here = session_is_bound(session, &bound) && leg == &session->legs[bound];
	lost_state = bound_here || (leg == &session->legs[LEG_PRIMARY] &&
				    session_has_state(session) && leg->phase != LEG_CONNECTING);
	/* A server may end connections that are idle without being ill. */
	if (is_unreachable(failure) && !idle)
		cluster_suspect(session->router->board, leg_board(leg));
	if (current && session->command.relayed)
		session_keep_answer(session);
	leg_close(leg);
	if (cluster_session_is_condemned(session->router->board, session->id))
		session_close(session);
	else if (current)
		current_failed(session, server, lost_state, failure);
	else if (lost_state && session->phase == SESSION_IDLE)
		session_close(session);
}
