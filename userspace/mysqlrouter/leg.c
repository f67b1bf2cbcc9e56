/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A connection to a server: life, sending, and commands of the router's own,
 * whose answers are small and are held whole until they are complete.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "protocol.h"
#include "result.h"
#include "session.h"

void failure_set(struct failure *failure, uint16_t code, const char *state, const char *format, ...)
{
	va_list arguments;

	failure->code = code;
	snprintf(failure->state, sizeof(failure->state), "%s", state);
	va_start(arguments, format);
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
}

void failure_from_packet(struct failure *failure, const void *payload, size_t size)
{
	struct result_error error;

	if (result_error_read(payload, size, &error))
		error = (struct result_error){.code = ERROR_HANDSHAKE,
					      .text = {"unreadable error", 16}};
	failure_set(failure, error.code, "HY000", "%.*s", (int)error.text.length, error.text.bytes);
	if (error.state.length)
		snprintf(failure->state, sizeof(failure->state), "%.5s", error.state.bytes);
}

const struct server_config *leg_server(const struct leg *leg)
{
	return &leg->session->router->config->servers[leg->server];
}

struct server_board *leg_board(const struct leg *leg)
{
	return &leg->session->router->board->servers[leg_server(leg)->board];
}

/* --- bytes ------------------------------------------------------------------------- */

int leg_read(struct leg *leg)
{
	struct router *router = leg->session->router;
	ssize_t got;

	if (buffer_get(&router->buffers, &leg->in))
		return -ENOBUFS;
	if (!buffer_space(&leg->in))
		buffer_compact(&leg->in);
	if (!buffer_space(&leg->in))
		return -ENOBUFS;
	got = stream_read(&leg->stream, buffer_tail(&leg->in), buffer_space(&leg->in));
	if (got <= 0)
		return got < 0 ? (int)got : -EPIPE;
	buffer_fill(&leg->in, (size_t)got);
	router->worker->counters[COUNTER_BYTES_FROM_SERVERS] += (size_t)got;
	return 0;
}

/* What could not be sent before. False: it cannot be sent at all. */
static bool flush(struct leg *leg)
{
	while (buffer_length(&leg->out)) {
		ssize_t sent = stream_write(&leg->stream, buffer_data(&leg->out),
					    buffer_length(&leg->out));

		if (sent == -EAGAIN)
			break;
		if (sent < 0)
			return false;
		buffer_consume(&leg->out, (size_t)sent);
	}
	if (!buffer_length(&leg->out))
		buffer_put(&leg->session->router->buffers, &leg->out);
	return true;
}

void leg_send(struct leg *leg, const void *bytes, size_t length)
{
	ssize_t sent =
		buffer_length(&leg->out) ? -EAGAIN : stream_write(&leg->stream, bytes, length);

	/* A connection that failed says so itself, from the loop. */
	if (sent < 0 && sent != -EAGAIN)
		return;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent == length)
		return;
	if (buffer_get(&leg->session->router->buffers, &leg->out) ||
	    buffer_append(&leg->out, (const char *)bytes + sent, length - (size_t)sent) <
		    length - (size_t)sent) {
		log_warn("leg", "event=no-buffer server=%s", leg_server(leg)->name);
		stream_close(&leg->stream);
		return;
	}
	stream_want(&leg->stream, STREAM_READABLE | STREAM_WRITABLE);
}

/* --- life -------------------------------------------------------------------------- */

static void on_event(struct stream *stream, unsigned events);

static uint32_t next_number(struct router *router)
{
	return (uint32_t)++router->worker->counters[COUNTER_LEGS_OPENED];
}

void leg_open(struct leg *leg, struct session *session, int server)
{
	struct router *router = session->router;
	struct sockaddr_storage to;
	socklen_t length;
	int err;

	*leg = (struct leg){
		.session = session,
		.server = (int8_t)server,
		.phase = LEG_CONNECTING,
		.number = next_number(router),
		.opened_ns = router_loop(router)->now_ns,
	};
	router->legs[server]++;
	router->worker->gauges[GAUGE_LEGS]++;
	length = endpoint_to_sockaddr(&leg_server(leg)->address, &to);
	err = stream_connect(&leg->stream, router_loop(router), (struct sockaddr *)&to, length,
			     NULL, on_event);
	if (err)
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "cannot connect: %s", strerror(-err));
}

static void say_goodbye(struct leg *leg)
{
	static const uint8_t quit[] = {1, 0, 0, 0, COMMAND_QUIT};

	if (leg->phase == LEG_IDLE && !leg->stream.error)
		(void)!stream_write(&leg->stream, quit, sizeof(quit));
}

void leg_close(struct leg *leg)
{
	struct router *router;

	if (leg->phase == LEG_CLOSED)
		return;
	router = leg->session->router;
	say_goodbye(leg);
	stream_close(&leg->stream);
	leg_login_free(leg);
	buffer_put(&router->buffers, &leg->in);
	buffer_put(&router->buffers, &leg->out);
	router->legs[leg->server]--;
	router->worker->gauges[GAUGE_LEGS]--;
	leg->phase = LEG_CLOSED;
	leg->status = 0;
}

void leg_fail(struct leg *leg, uint16_t code, const char *format, ...)
{
	struct session *session = leg->session;
	struct failure failure;
	char text[CLUSTER_REASON_LEN];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	strcpy(session->router->reasons[leg->server], text);
	failure_set(&failure, code, code == ERROR_SERVER_SHUTDOWN ? "08S01" : "HY000",
		    "sluice-mysql: %s: %s", leg_server(leg)->name, text);
	router_count(session->router, COUNTER_LEGS_FAILED);
	session_leg_failed(leg, &failure);
}

/* --- commands of the router's own -------------------------------------------------- */

void leg_ask(struct leg *leg, uint8_t command, const void *text, size_t length)
{
	struct session *session = leg->session;
	uint8_t bytes[PACKET_HEADER_BYTES + 1];

	packet_set_length(bytes, (uint32_t)length + 1);
	bytes[3] = 0;
	bytes[4] = command;
	leg->phase = LEG_ASKED;
	leg->scanned = 0;
	answer_begin(&session->answer,
		     command == COMMAND_STMT_PREPARE ? ANSWER_PREPARE : ANSWER_RESULTS,
		     leg->capabilities, 1);
	if (buffer_get(&session->router->buffers, &leg->out) ||
	    buffer_append(&leg->out, bytes, sizeof(bytes)) < sizeof(bytes) ||
	    buffer_append(&leg->out, text, length) < length) {
		stream_close(&leg->stream);
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "no buffer is left");
		return;
	}
	stream_want(&leg->stream, STREAM_READABLE | STREAM_WRITABLE);
	if (flush(leg) && !leg->out.base)
		stream_want(&leg->stream, STREAM_READABLE);
}

/* Of an answer that is whole: the first value of the first row, the head of a statement. */
static struct span find_value(const struct leg *leg)
{
	struct wire_reader reader = wire_reader(buffer_data(&leg->in), buffer_length(&leg->in));
	unsigned skip = leg->capabilities & CAPABILITY_DEPRECATE_EOF ? 2 : 3;
	struct span payload = {"", 0};

	for (unsigned i = 0; i <= skip; i++) {
		uint32_t length = wire_u24(&reader);

		wire_u8(&reader);
		payload = wire_bytes(&reader, length);
		if (i == 0 && (reader.bad || payload.bytes[0] != 1))
			return payload;
	}
	reader = wire_reader(payload.bytes, payload.length);
	return wire_lenenc_bytes(&reader);
}

static void answered(struct leg *leg, const struct failure *failure)
{
	struct span value = failure ? (struct span){"", 0} : find_value(leg);

	leg->phase = LEG_IDLE;
	session_leg_answered(leg, failure, value);
	if (leg->phase != LEG_CLOSED && leg->phase != LEG_BUSY)
		buffer_put_if_empty(&leg->session->router->buffers, &leg->in);
}

/* 1: the answer is whole; 0: more is to come; -errno. */
static int scan_answer(struct leg *leg, struct failure *failure)
{
	struct answer *answer = &leg->session->answer;
	struct answer_packet packet;
	size_t passed;
	int found;

	do {
		found = answer_follow(answer, (uint8_t *)buffer_data(&leg->in) + leg->scanned,
				      buffer_length(&leg->in) - leg->scanned, BUFFER_SIZE, &passed,
				      &packet);
		leg->scanned += (uint32_t)passed;
		if (found == 1) {
			leg->scanned += PACKET_HEADER_BYTES + (uint32_t)packet.size;
			leg->status = answer->status;
			if (packet.kind == ANSWER_PACKET_ERROR)
				failure_from_packet(failure, packet.payload, packet.size);
		}
	} while (found == 1 && !answer->done);
	return found < 0 ? found : answer->done;
}

static void read_answer(struct leg *leg)
{
	struct failure failure = {};
	int err = 0;

	while (!err) {
		int whole;

		err = leg_read(leg);
		if (err)
			break;
		whole = scan_answer(leg, &failure);
		if (whole < 0) {
			router_count(leg->session->router, COUNTER_MALFORMED_SERVER);
			leg_fail(leg, ERROR_SERVER_SHUTDOWN, "it answers what is not understood");
			return;
		}
		if (whole) {
			answered(leg, failure.code ? &failure : NULL);
			return;
		}
	}
	if (err != -EAGAIN)
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "lost connection: %s",
			 err == -EPIPE ? "closed by the server" : strerror(-err));
}

/* --- events ------------------------------------------------------------------------ */

/* Nothing is expected of an idle server but its end. */
static void read_unasked(struct leg *leg)
{
	int err = leg_read(leg);

	if (err == -EAGAIN) {
		buffer_put_if_empty(&leg->session->router->buffers, &leg->in);
		return;
	}
	leg_fail(leg, ERROR_SERVER_SHUTDOWN, "closed by the server");
}

static void readable(struct leg *leg)
{
	switch (leg->phase) {
	case LEG_IDLE:
		read_unasked(leg);
		break;
	case LEG_ASKED:
		read_answer(leg);
		break;
	case LEG_BUSY:
		session_pull(leg->session);
		break;
	}
}

static void writable(struct leg *leg)
{
	if (leg->phase == LEG_BUSY && !buffer_length(&leg->out)) {
		session_push(leg->session);
		return;
	}
	if (flush(leg) && !leg->out.base)
		stream_want(&leg->stream, STREAM_READABLE);
}

static const char *stream_failure(const struct stream *stream)
{
	const char *tls = stream->error == -EPROTO ? stream_tls_error(stream) : "";

	return tls[0] ? tls : strerror(-stream->error);
}

static void on_event(struct stream *stream, unsigned events)
{
	struct leg *leg = container_of(stream, struct leg, stream);

	if (events & STREAM_FAILED)
		leg_fail(leg, ERROR_SERVER_SHUTDOWN, "%s%s",
			 leg->phase == LEG_CONNECTING ? "" : "lost connection: ",
			 stream_failure(stream));
	else if (leg->phase == LEG_CONNECTING && events & (STREAM_CONNECTED | STREAM_READABLE))
		leg_login_step(leg, events);
	else if (events & STREAM_READABLE)
		readable(leg);
	if (events & STREAM_WRITABLE && leg->phase != LEG_CLOSED)
		writable(leg);
}
