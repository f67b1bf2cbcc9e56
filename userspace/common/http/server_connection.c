/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way of a connection through its states. Events, deadlines and what the
 * handler has done are noted first; connection_advance() then looks at what is
 * possible, calls the handler, and settles at the end what is waited for.
 *
 * One request is begun in each turn: a client that sends many at once waits for
 * the next turn, like everybody else.
 */
#include <errno.h>

#include "http/server_private.h"

void connection_fail(struct http_connection *connection, enum connection_failure failure)
{
	if (!connection->failure)
		connection->failure = failure;
}

void connection_touch(struct http_connection *connection)
{
	if (!connection->running)
		loop_post(connection->server->loop, &connection->task);
}

static void enter(struct http_connection *connection, enum connection_state state)
{
	connection->state = state;
	connection->due_ns = 0;
}

/* --- ends ------------------------------------------------------------------------------- */

static void linger(struct http_connection *connection)
{
	enter(connection, CONNECTION_LINGERING);
	deadline_set(connection, SERVER_LINGER_MS);
	connection->failure = FAILURE_NONE;
	exchange_put(connection);
	input_release(connection);
	stream_finish(&connection->stream);
}

/* What the kernel has for the client is delivered. */
static void close_in_order(struct http_connection *connection)
{
	enter(connection, CONNECTION_CLOSED);
	stream_close(&connection->stream);
}

/* Without bytes that a client may still have on the way there is nothing to linger for. */
static void close_politely(struct http_connection *connection)
{
	if (input_length(connection))
		linger(connection);
	else
		close_in_order(connection);
}

static void close_at_once(struct http_connection *connection)
{
	enter(connection, CONNECTION_CLOSED);
	stream_reset(&connection->stream);
}

static void refuse(struct http_connection *connection, unsigned status, const char *words)
{
	enter(connection, CONNECTION_REFUSING);
	connection->failure = FAILURE_NONE;
	reply_refuse(connection, status, words);
}

static void refuse_malformed(struct http_connection *connection, enum http_refusal refusal)
{
	connection->server->counters->refusals[refusal]++;
	refuse(connection, http_refusal_status(refusal), http_refusal_words(refusal));
}

static void refuse_too_large(struct http_connection *connection)
{
	connection->server->counters->too_large++;
	refuse(connection, 413, "the body is too large");
}

static void time_exchange(struct http_exchange *exchange)
{
	exchange->duration_ns = loop_clock_ns() - exchange->started_ns;
	count_duration(exchange->server, exchange->duration_ns);
}

/* --- failures --------------------------------------------------------------------------- */

/* The handler's part ends; what the client is told depends on what it has been told already. */
static void fail_exchange(struct http_connection *connection, enum connection_failure failure)
{
	struct http_exchange *exchange = connection->exchange;
	struct http_server *server = connection->server;
	bool begun = exchange->reply_begun;

	exchange->broken = true;
	time_exchange(exchange);
	if (failure == FAILURE_CUT) {
		if (server->handler->finished)
			server->handler->finished(exchange);
	} else {
		server->counters->aborted++;
		server->handler->aborted(exchange);
	}
	exchange->file_left = 0;
	exchange->writer.start = NULL;
	if (begun || failure == FAILURE_GONE || failure == FAILURE_CUT)
		close_at_once(connection);
	else if (failure == FAILURE_TIMEOUT)
		refuse(connection, 408, "the body has not come in time");
	else if (failure == FAILURE_TOO_LARGE)
		refuse_too_large(connection);
	else
		refuse_malformed(connection, exchange->body.refusal);
}

/* The time to leave has come: unless a request is on its way, which is answered. */
static void leave_silent(struct http_connection *connection)
{
	connection->failure = FAILURE_NONE;
	if (connection->server->draining)
		input_read(connection);
	if (input_length(connection) && !connection->failure) {
		deadline_set(connection, connection->server->settings->head_ms);
		return;
	}
	close_in_order(connection);
}

static void handle_failure(struct http_connection *connection)
{
	enum connection_failure failure = connection->failure;
	struct http_server_counters *counters = connection->server->counters;

	if (failure == FAILURE_TIMEOUT && connection_is_silent(connection)) {
		leave_silent(connection);
		return;
	}
	if (failure == FAILURE_TIMEOUT && connection->state != CONNECTION_LINGERING)
		counters->timeouts++;
	if (connection->state == CONNECTION_OPENING && connection->stream.ssl)
		counters->handshakes_failed++;
	if (connection->state == CONNECTION_EXCHANGE)
		fail_exchange(connection, failure);
	else if (connection->state == CONNECTION_HEAD && failure == FAILURE_TIMEOUT)
		refuse(connection, 408, "the request has not come in time");
	else if (connection->state == CONNECTION_OPENING || /* an alert says why */
		 connection->state == CONNECTION_LINGERING)
		close_in_order(connection);
	else
		close_at_once(connection);
}

/* --- requests --------------------------------------------------------------------------- */

static void begin_exchange(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;
	struct http_server *server = connection->server;
	const struct http_head *request = &exchange->request;

	server->counters->requests++;
	connection->requests++;
	connection->skipped = 0;
	http_body_init(&exchange->body, request);
	if (request->method == HTTP_METHOD_CONNECT) {
		refuse(connection, 501, "there are no tunnels here");
		return;
	}
	if (request->framing == HTTP_FRAMING_LENGTH &&
	    request->content_length > server->settings->body_bytes) {
		refuse_too_large(connection);
		return;
	}
	exchange->continue_awaited = request->expect_continue && !http_body_done(&exchange->body) &&
				     !input_length(connection);
	enter(connection, CONNECTION_EXCHANGE);
	server->handler->request(exchange);
}

/* The head is incomplete. */
static void await_head(struct http_connection *connection)
{
	if (connection->input_ended) {
		refuse_malformed(connection, HTTP_REFUSAL_TRUNCATED);
	} else if (connection->state == CONNECTION_IDLE) {
		enter(connection, CONNECTION_HEAD);
		deadline_set(connection, connection->server->settings->head_ms);
	}
}

static void take_head(struct http_connection *connection)
{
	struct buffer *in = &connection->in;
	struct http_head *head;
	ssize_t n;

	if (!input_length(connection)) {
		if (connection->input_ended)
			close_politely(connection);
		return;
	}
	if (!connection->exchange && !exchange_get(connection)) {
		close_at_once(connection);
		return;
	}
	head = &connection->exchange->request;
	n = http_parse_request(head, buffer_data(in), buffer_length(in), HTTP_SERVER_HEAD_MAX);
	if (n == -EAGAIN) {
		await_head(connection);
	} else if (n < 0) {
		refuse_malformed(connection, head->refusal);
	} else {
		in->start += (uint32_t)n;
		connection->head_end = in->start;
		input_consume(connection, 0);
		begin_exchange(connection);
	}
}

/* --- exchanges -------------------------------------------------------------------------- */

static void next_request(struct http_connection *connection)
{
	exchange_put(connection);
	input_release(connection);
	enter(connection, CONNECTION_IDLE);
	deadline_set(connection, connection->server->draining
					 ? SERVER_GRACE_MS
					 : connection->server->settings->idle_ms);
	if (input_length(connection) || connection->input_ended)
		loop_post(connection->server->loop, &connection->task);
}

static void finish_exchange(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;

	time_exchange(exchange);
	if (exchange->server->handler->finished)
		exchange->server->handler->finished(exchange);
	if (exchange->keep_alive && http_body_done(&exchange->body))
		next_request(connection);
	else if (exchange->keep_alive)
		enter(connection, CONNECTION_SKIPPING);
	else if (exchange->upgraded || http_body_done(&exchange->body))
		close_politely(connection);
	else
		linger(connection);
}

/* After an upgrade each side ends on its own. */
static bool is_over(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;

	if (!exchange->reply_complete)
		return false;
	if (!exchange->upgraded)
		return true;
	if (!connection->output_finished) {
		connection->output_finished = true;
		stream_finish(&connection->stream);
		deadline_set(connection, connection->server->settings->body_ms);
	}
	return connection->input_ended && !input_length(connection);
}

static void run_exchange(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;
	const struct http_handler *handler = connection->server->handler;
	bool flushed;

	if (exchange->body_wanted && input_is_ready(exchange)) {
		exchange->body_wanted = false;
		if (handler->body)
			handler->body(exchange);
	}
	flushed = output_flush(connection);
	if (flushed && exchange->output_wanted) {
		exchange->output_wanted = false;
		if (handler->drained)
			handler->drained(exchange);
		flushed = output_flush(connection);
		if (flushed && exchange->output_wanted)
			loop_post(connection->server->loop, &connection->task);
	}
	if (connection->failure)
		handle_failure(connection);
	else if (flushed && is_over(connection))
		finish_exchange(connection);
}

static void skip_body(struct http_connection *connection)
{
	bool complete = input_skip(connection);

	if (complete && !connection->failure)
		next_request(connection);
	else if (connection->failure || connection->input_ended ||
		 connection->skipped > SERVER_SKIP_MAX)
		linger(connection);
}

static void drop_input(struct http_connection *connection)
{
	if (connection->in.base)
		input_consume(connection, input_length(connection));
	if (connection->input_ended)
		close_politely(connection);
}

/* --- turns ------------------------------------------------------------------------------ */

static void run_state(struct http_connection *connection)
{
	if (connection->failure)
		handle_failure(connection);
	if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HEAD)
		take_head(connection);
	if (connection->state == CONNECTION_EXCHANGE)
		run_exchange(connection);
	if (connection->state == CONNECTION_SKIPPING)
		skip_body(connection);
	if (connection->state == CONNECTION_REFUSING && output_flush(connection))
		linger(connection);
	if (connection->state == CONNECTION_LINGERING)
		drop_input(connection);
	if (connection->failure && connection->state != CONNECTION_CLOSED)
		close_at_once(connection);
}

static unsigned wanted_events(const struct http_connection *connection)
{
	unsigned events = connection->blocked ? STREAM_WRITABLE : 0;

	if (!connection->input_ended && connection->state != CONNECTION_OPENING &&
	    connection->state != CONNECTION_REFUSING && input_has_room(connection))
		events |= STREAM_READABLE;
	return events;
}

void connection_advance(struct http_connection *connection)
{
	connection->running = true;
	run_state(connection);
	connection->running = false;
	if (connection->state == CONNECTION_CLOSED) {
		connection_free(connection);
		return;
	}
	if (!connection->exchange)
		buffer_put_if_empty(connection->server->buffers, &connection->in);
	stream_want(&connection->stream, wanted_events(connection));
	deadline_update(connection);
}

void connection_task(struct loop_task *task)
{
	connection_advance(container_of(task, struct http_connection, task));
}

void connection_event(struct stream *stream, unsigned events)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	if (events & STREAM_CONNECTED)
		connection->state = CONNECTION_HEAD; /* the deadline is that of the opening */
	if (events & STREAM_FAILED)
		connection_fail(connection, FAILURE_GONE);
	if (events & STREAM_WRITABLE)
		connection->blocked = false;
	if (events & STREAM_READABLE)
		input_read(connection);
	connection_advance(connection);
}
