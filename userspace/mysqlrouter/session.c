/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The life of a session: it is freed once the events at hand have been
 * delivered, so that callbacks may close it at any time.
 */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "protocol.h"
#include "result.h"

#define LEAVE_MS 5000 /* for the last bytes */

/* --- bytes ------------------------------------------------------------------------- */

int session_read(struct session *session)
{
	struct router *router = session->router;
	ssize_t got;

	if (buffer_get(&router->buffers, &session->client_in))
		return -ENOBUFS;
	if (!buffer_space(&session->client_in))
		buffer_compact(&session->client_in);
	if (!buffer_space(&session->client_in))
		return -ENOBUFS;
	got = stream_read(&session->client, buffer_tail(&session->client_in),
			  buffer_space(&session->client_in));
	if (got <= 0)
		return got < 0 ? (int)got : -EPIPE;
	buffer_fill(&session->client_in, (size_t)got);
	router->worker->counters[COUNTER_BYTES_FROM_CLIENTS] += (size_t)got;
	return 0;
}

void session_release_buffers(struct session *session)
{
	struct buffer_pool *pool = &session->router->buffers;

	buffer_put_if_empty(pool, &session->client_in);
	buffer_put_if_empty(pool, &session->client_out);
	for (int i = 0; i < LEG_COUNT; i++)
		buffer_put_if_empty(pool, &session->legs[i].in);
}

void session_listen(struct session *session)
{
	bool writes = buffer_length(&session->client_out);

	stream_want(&session->client, STREAM_READABLE | (writes ? STREAM_WRITABLE : 0u));
}

/* False: the client is gone. */
static bool flush(struct session *session)
{
	struct buffer *out = &session->client_out;

	while (buffer_length(out)) {
		ssize_t sent = stream_write(&session->client, buffer_data(out), buffer_length(out));

		if (sent == -EAGAIN)
			return true;
		if (sent < 0)
			return false;
		buffer_consume(out, (size_t)sent);
	}
	buffer_put(&session->router->buffers, out);
	return true;
}

void session_put(struct session *session, const void *bytes, size_t length)
{
	struct buffer *out = &session->client_out;

	if (session->phase == SESSION_CLOSED)
		return;
	if (buffer_get(&session->router->buffers, out) ||
	    buffer_append(out, bytes, length) < length || !flush(session)) {
		session_close(session);
		return;
	}
	if (buffer_length(out))
		session_listen(session);
}

static uint16_t current_status(const struct session *session)
{
	uint16_t status = session->legs[LEG_PRIMARY].status | session->legs[LEG_REPLICA].status;

	return status ? status & (STATUS_IN_TRANSACTION | STATUS_AUTOCOMMIT) : STATUS_AUTOCOMMIT;
}

void session_put_ok(struct session *session)
{
	uint8_t bytes[32];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	result_ok_write(&writer, session->sequence, current_status(session));
	session_put(session, bytes, wire_written(&writer));
}

void session_put_error(struct session *session, const struct failure *failure)
{
	uint8_t bytes[768];
	struct wire_writer writer = wire_writer(bytes, sizeof(bytes));

	result_error_write(&writer, session->sequence, failure->code, failure->state,
			   failure->text);
	session_put(session, bytes, wire_written(&writer));
}

/* --- the end ----------------------------------------------------------------------- */

static void log_session(struct session *session)
{
	struct access_log *log = &session->router->worker->log;
	const struct user *user = session->user;
	char host[HOSTS_TEXT_LEN];

	access_log_begin(log);
	host_format(session->host, host);
	access_log_text(log, "client", host, strlen(host));
	access_log_text(log, "user", user ? user->name : "", user ? strlen(user->name) : 0);
	access_log_uint(log, "id", session->id);
	access_log_uint(log, "commands", session->commands);
	access_log_uint(log, "bytes_in", session->client.bytes_in);
	access_log_uint(log, "bytes_out", session->client.bytes_out);
	access_log_text(log, "pinned", session->pinned ? "yes" : "no", session->pinned ? 3 : 2);
	access_log_ms(log, "duration_ms", router_loop(session->router)->now_ns - session->began_ns);
	access_log_end(log);
}

static void again(struct loop_task *task)
{
	session_input(container_of(task, struct session, again));
}

static void reap(struct loop_task *task)
{
	struct session *session = container_of(task, struct session, reaper);

	free(session->secret);
	free(session);
}

void session_close(struct session *session)
{
	struct router *router = session->router;

	if (session->phase == SESSION_CLOSED)
		return;
	log_session(session);
	session->phase = SESSION_CLOSED;
	loop_timer_disarm(router_loop(router), &session->timer);
	for (int i = 0; i < LEG_COUNT; i++)
		leg_close(&session->legs[i]);
	stream_close(&session->client);
	session_login_free(session);
	state_fini(&session->state);
	buffer_put(&router->buffers, &session->client_in);
	buffer_put(&router->buffers, &session->client_out);
	cluster_session_del(router->board, session->id);
	router->worker->gauges[GAUGE_CLIENTS]--;
	router->worker->gauges[GAUGE_PINNED] -= session->pinned;
	if (session->next)
		session->next->link = session->link;
	*session->link = session->next;
	loop_post_cancel(router_loop(router), &session->again);
	loop_post(router_loop(router), &session->reaper);
	worker_connection_closed(router->worker);
}

/* Nothing more is read; the client is to get what is on its way. */
static void leave(struct session *session)
{
	if (session->phase == SESSION_CLOSED)
		return;
	session->phase = SESSION_LEAVING;
	session_deadline(session, LEAVE_MS);
	if (buffer_length(&session->client_out)) {
		stream_want(&session->client, STREAM_WRITABLE);
		return;
	}
	/* The client's end is waited for: a close with bytes unread would reset what we sent. */
	stream_finish(&session->client);
	stream_want(&session->client, STREAM_READABLE);
}

void session_refuse(struct session *session, uint16_t code, const char *state, const char *format,
		    ...)
{
	struct failure failure;
	va_list arguments;

	failure_set(&failure, code, state, "%s", "");
	va_start(arguments, format);
	vsnprintf(failure.text, sizeof(failure.text), format, arguments);
	va_end(arguments);
	session_put_error(session, &failure);
	leave(session);
}

void session_malformed(struct session *session, const char *what)
{
	router_count(session->router, COUNTER_MALFORMED_CLIENT);
	session_refuse(session, ERROR_MALFORMED_PACKET, "HY000",
		       "sluice-mysql: malformed packet: %s", what);
}

/* --- deadlines --------------------------------------------------------------------- */

void session_deadline(struct session *session, unsigned ms)
{
	session->hurried = ms != session->router->config->limits.idle_ms;
	if (loop_timer_arm(router_loop(session->router), &session->timer, ms * NS_PER_MS))
		session_close(session);
}

void session_at_ease(struct session *session)
{
	unsigned idle_ms = session->router->config->limits.idle_ms;

	if (session->hurried)
		session_deadline(session, idle_ms);
	else if (loop_timer_extend(router_loop(session->router), &session->timer,
				   idle_ms * NS_PER_MS))
		session_close(session);
}

static void on_ready_deadline(struct session *session)
{
	struct leg *leg = &session->legs[session->command.leg];

	if (session->phase == SESSION_ENTERING)
		leg = &session->legs[session->legs[LEG_PRIMARY].phase == LEG_CLOSED ? LEG_REPLICA
										    : LEG_PRIMARY];
	leg_fail(leg, ERROR_SERVER_SHUTDOWN, "no answer within %u ms",
		 session->router->config->limits.connect_ms);
}

static void on_run_deadline(struct session *session)
{
	const struct limits_config *limits = &session->router->config->limits;

	router_count(session->router, COUNTER_ERRORS_TIMEOUT);
	if (limits->query_ms && !buffer_length(&session->client_out) && !session->ready)
		leg_fail(&session->legs[session->command.leg], ERROR_SERVER_SHUTDOWN,
			 "the statement took longer than %u ms", limits->query_ms);
	else
		session_close(session);
}

static bool client_is_stalled(const struct session *session)
{
	return session->ready || buffer_length(&session->client_out) ||
	       session->phase == SESSION_LOADING || session->command.uplink.left;
}

static void on_deadline(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, timer);
	const struct limits_config *limits = &session->router->config->limits;

	switch (session->phase) {
	case SESSION_READYING:
	case SESSION_ENTERING:
		on_ready_deadline(session);
		break;
	case SESSION_RUNNING:
	case SESSION_LOADING:
		if (limits->query_ms || client_is_stalled(session))
			on_run_deadline(session);
		else
			session_deadline(session, limits->stall_ms);
		break;
	case SESSION_IDLE:
		router_count(session->router, COUNTER_ERRORS_TIMEOUT);
		session_close(session);
		break;
	case SESSION_LEAVING:
		session_close(session);
		break;
	default:
		router_count(session->router, COUNTER_REFUSED_TIMEOUT);
		session_refuse(session, ERROR_NET_READ_INTERRUPTED, "08S01",
			       "sluice-mysql: login took longer than %u ms", limits->login_ms);
	}
}

/* --- events ------------------------------------------------------------------------ */

/* Until the client has closed its side. */
static void read_to_nowhere(struct session *session)
{
	char bytes[4096];
	ssize_t got;

	do
		got = stream_read(&session->client, bytes, sizeof(bytes));
	while (got > 0);
	if (got != -EAGAIN)
		session_close(session);
}

static void on_readable(struct session *session)
{
	switch (session->phase) {
	case SESSION_IDLE:
		session_input(session);
		break;
	case SESSION_RUNNING:
	case SESSION_LOADING:
		session_push(session);
		break;
	case SESSION_READYING:
	case SESSION_ENTERING:
	case SESSION_WAITING: /* what comes too early is read later; only the end is looked for */
		if (session_read(session) == -EPIPE)
			session_close(session);
		else if (buffer_space(&session->client_in) == 0)
			stream_want(&session->client, 0);
		break;
	case SESSION_LEAVING:
		read_to_nowhere(session);
		break;
	default:
		session_login_input(session);
	}
}

static void on_writable(struct session *session)
{
	if (!flush(session)) {
		session_close(session);
		return;
	}
	if (buffer_length(&session->client_out))
		return;
	stream_want(&session->client, STREAM_READABLE);
	if (session->phase == SESSION_LEAVING)
		leave(session);
	else if (session->phase == SESSION_RUNNING || session->ready)
		session_pull(session);
}

static void on_failed(struct session *session)
{
	if (session->phase == SESSION_SECURING)
		router_count(session->router, COUNTER_REFUSED_TLS);
	session_close(session);
}

static void on_event(struct stream *stream, unsigned events)
{
	struct session *session = container_of(stream, struct session, client);

	if (session->phase == SESSION_CLOSED)
		return;
	if (events & STREAM_FAILED) {
		on_failed(session);
	} else if (events & STREAM_CONNECTED) {
		if (session->phase == SESSION_SECURING)
			session_login_secured(session);
		else if (session->phase == SESSION_WAITING)
			session_login_begin(session);
	} else {
		if (events & STREAM_WRITABLE)
			on_writable(session);
		if (events & STREAM_READABLE && session->phase != SESSION_CLOSED)
			on_readable(session);
	}
}

/* --- the beginning ----------------------------------------------------------------- */

void session_open(struct router *router, int fd, const struct process_listener *listener,
		  const struct sockaddr_storage *peer)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session || stream_open(&session->client, router_loop(router), fd, NULL, on_event)) {
		free(session);
		worker_connection_closed(router->worker);
		return;
	}
	session->router = router;
	session->timer.expired = on_deadline;
	session->reaper.run = reap;
	session->again.run = again;
	session->phase = SESSION_WAITING;
	session->is_local = listener->path[0];
	session->host = host_address(peer);
	session->began_ns = router_loop(router)->now_ns;
	session->id = cluster_session_add(router->board);
	session->next = router->sessions;
	session->link = &router->sessions;
	if (session->next)
		session->next->link = &session->next;
	router->sessions = session;
	router->worker->gauges[GAUGE_CLIENTS]++;
	session_deadline(session, router->config->limits.login_ms);
}

/* --- what the session is ----------------------------------------------------------- */

/* In a transaction, or without autocommit, all goes where it is. */
bool session_is_bound(const struct session *session, enum leg_role *leg)
{
	for (int i = 0; i < LEG_COUNT; i++) {
		const struct leg *own = &session->legs[i];
		bool in_transaction = own->status & STATUS_IN_TRANSACTION ||
				      (i == LEG_PRIMARY && !(own->status & STATUS_AUTOCOMMIT));

		if (own->phase != LEG_CLOSED && own->phase != LEG_CONNECTING && in_transaction) {
			*leg = i;
			return true;
		}
	}
	return false;
}

/* What would be lost with the primary's leg. */
bool session_has_state(const struct session *session)
{
	enum leg_role leg;

	return session->pinned || session->next_too ||
	       (session_is_bound(session, &leg) && leg == LEG_PRIMARY);
}

void session_pin(struct session *session)
{
	if (session->pinned)
		return;
	session->pinned = true;
	router_count(session->router, COUNTER_PINS);
	session->router->worker->gauges[GAUGE_PINNED]++;
}

void session_judge_text(struct session *session)
{
	const struct router *router = session->router;
	int primary = cluster_primary(router->board, router->config);

	session->unsafe = statement_charset_is_unsafe(session->charset);
	if (primary != CLUSTER_NO_SERVER)
		session->unsafe |=
			router->board->servers[router->config->servers[primary].board].unsafe_mode;
}

static bool is_in_use(const struct session *session, const struct leg *leg)
{
	bool active = session->phase == SESSION_READYING || session->phase == SESSION_RUNNING ||
		      session->phase == SESSION_LOADING || session->phase == SESSION_ENTERING;

	return leg->phase == LEG_CONNECTING || (active && leg->phase >= LEG_ASKED);
}

/* A leg to a server that may not serve it any more is left as soon as nothing holds it there. */
static void review_leg(struct session *session, enum leg_role role)
{
	const struct router *router = session->router;
	struct leg *leg = &session->legs[role];
	enum leg_role bound;
	bool fits;

	if (leg->phase == LEG_CLOSED)
		return;
	if (leg_board(leg)->health == HEALTH_DOWN) {
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "the server does not answer");
		return;
	}
	fits = role == LEG_PRIMARY ? cluster_primary(router->board, router->config) == leg->server
				   : cluster_may_read(router->board, router->config, leg->server);
	if (fits || is_in_use(session, leg) ||
	    (session_is_bound(session, &bound) && bound == role) ||
	    (role == LEG_PRIMARY && session_has_state(session)))
		return;
	leg_close(leg);
}

void session_review(struct session *session)
{
	if (session->phase == SESSION_WAITING) {
		if (session->router->board->known)
			session_login_begin(session);
		return;
	}
	for (int i = 0; i < LEG_COUNT && session->phase != SESSION_CLOSED; i++)
		review_leg(session, i);
}
