/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "http_script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#define LATER_MS  5
#define PIECE_MAX 20000
#define FILE_SIZE (4u << 20)

/* What the handler keeps of an exchange. */
struct answer {
	struct http_exchange *exchange;
	struct loop_timer timer;
	uint64_t sent, length;
};

static struct script *script_of(const struct http_exchange *exchange)
{
	return exchange->server->context;
}

char script_byte(uint64_t offset)
{
	return (char)('a' + (offset ^ offset >> 8 ^ offset >> 16) % 26);
}

/* --- the handler ------------------------------------------------------------------------ */

static bool asks_for(const struct http_exchange *exchange, const char *path)
{
	return http_slice_equal(exchange->request.path, http_slice_of(path));
}

static void answer_whole(struct http_exchange *exchange)
{
	http_reply_start(exchange, 200);
	http_reply_whole(exchange, "text/plain", "hello\n", 6);
}

static void on_later(struct loop_timer *timer)
{
	struct answer *answer = container_of(timer, struct answer, timer);

	answer_whole(answer->exchange);
}

static void answer_chunks(struct http_exchange *exchange)
{
	http_reply_start(exchange, 200);
	http_reply_head_end(exchange, HTTP_LENGTH_UNKNOWN);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(http_reply_body(exchange, "one two three " + 4 * i, 4), 4);
	http_reply_end(exchange);
}

static void push_bytes(struct http_exchange *exchange)
{
	struct answer *answer = exchange->data;
	char piece[PIECE_MAX];

	while (answer->sent < answer->length) {
		size_t length = sizeof(piece), taken;

		if (length > answer->length - answer->sent)
			length = (size_t)(answer->length - answer->sent);
		for (size_t i = 0; i < length; i++)
			piece[i] = script_byte(answer->sent + i);
		taken = http_reply_body(exchange, piece, length);
		answer->sent += taken;
		if (taken < length)
			return;
	}
	http_reply_end(exchange);
}

static void answer_bytes(struct http_exchange *exchange, bool chunked)
{
	struct answer *answer = exchange->data;

	answer->length = strtoull(exchange->request.query.at, NULL, 10);
	http_reply_start(exchange, 200);
	http_reply_head_end(exchange, chunked ? HTTP_LENGTH_UNKNOWN : (int64_t)answer->length);
	push_bytes(exchange);
}

static void answer_file(struct http_exchange *exchange)
{
	uint64_t length = strtoull(exchange->request.query.at, NULL, 10);

	http_reply_start(exchange, 200);
	http_reply_head_end(exchange, (int64_t)length);
	http_reply_file(exchange, script_of(exchange)->file, 0, length);
	http_reply_end(exchange);
}

/* Takes the body as far as the client takes the reply. */
static void echo(struct http_exchange *exchange)
{
	bool complete = false;
	const char *data;
	size_t length, taken;

	if (script_of(exchange)->paused)
		return;
	while ((length = http_request_body(exchange, &data, &complete))) {
		taken = http_reply_body(exchange, data, length);
		http_request_body_consume(exchange, taken);
		if (taken < length)
			return;
	}
	if (complete && !exchange->reply_complete)
		http_reply_end(exchange);
}

static void gather(struct http_exchange *exchange)
{
	bool complete;
	const char *data;
	size_t length;

	while ((length = http_request_body(exchange, &data, &complete)))
		http_request_body_consume(exchange, length);
	if (!complete)
		return;
	http_reply_start(exchange, 200);
	http_reply_fieldf(exchange, "X-Length", "%llu", (unsigned long long)exchange->body_in);
	http_reply_whole(exchange, NULL, NULL, 0);
}

static void answer_echo(struct http_exchange *exchange)
{
	http_reply_start(exchange, 200);
	http_reply_head_end(exchange, HTTP_LENGTH_UNKNOWN);
	echo(exchange);
}

static void answer_upgrade(struct http_exchange *exchange)
{
	http_reply_start(exchange, 101);
	http_reply_known(exchange, HTTP_FIELD_UPGRADE, HTTP_SLICE("websocket"));
	http_reply_upgrade(exchange);
	echo(exchange);
}

static void answer_hints(struct http_exchange *exchange)
{
	http_reply_start(exchange, 103);
	http_reply_field(exchange, "Link", "</a.css>", 8);
	http_reply_interim(exchange);
	answer_whole(exchange);
}

static void answer_cut(struct http_exchange *exchange)
{
	http_reply_start(exchange, 200);
	http_reply_head_end(exchange, 10);
	http_reply_body(exchange, "12345", 5);
	http_reply_end(exchange);
}

static void answer_refuse(struct http_exchange *exchange)
{
	http_reply_start(exchange, 403);
	http_reply_whole(exchange, NULL, NULL, 0);
}

static void answer_field(struct http_exchange *exchange)
{
	http_reply_start(exchange, 200);
	http_reply_field(exchange, "X-Bad", "a\nb", 3);
	http_reply_whole(exchange, "text/plain", "never seen", 10);
}

static void answer_later(struct http_exchange *exchange)
{
	struct answer *answer = exchange->data;

	CU_ASSERT_EQUAL(
		loop_timer_arm(exchange->server->loop, &answer->timer, LATER_MS * NS_PER_MS), 0);
}

static void answer_known(struct http_exchange *exchange)
{
	answer_bytes(exchange, false);
}

static void answer_stream(struct http_exchange *exchange)
{
	answer_bytes(exchange, true);
}

static void answer_never(struct http_exchange *exchange)
{
	(void)exchange;
}

static void on_request(struct http_exchange *exchange)
{
	static const struct {
		const char *path;
		void (*answer)(struct http_exchange *exchange);
	} paths[] = {
		{"/whole", answer_whole}, {"/later", answer_later},   {"/chunks", answer_chunks},
		{"/bytes", answer_known}, {"/stream", answer_stream}, {"/file", answer_file},
		{"/echo", answer_echo},	  {"/gather", gather},	      {"/upgrade", answer_upgrade},
		{"/hints", answer_hints}, {"/cut", answer_cut},	      {"/refuse", answer_refuse},
		{"/field", answer_field}, {"/never", answer_never},
	};
	struct answer *answer = calloc(1, sizeof(*answer));

	*answer = (struct answer){.exchange = exchange, .timer = {.expired = on_later}};
	exchange->data = answer;
	script_of(exchange)->requests++;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (asks_for(exchange, paths[i].path)) {
			paths[i].answer(exchange);
			return;
		}
	CU_FAIL("a path that the script does not know");
}

static void on_body(struct http_exchange *exchange)
{
	if (asks_for(exchange, "/gather"))
		gather(exchange);
	else
		echo(exchange);
}

static void on_drained(struct http_exchange *exchange)
{
	if (asks_for(exchange, "/echo") || asks_for(exchange, "/upgrade"))
		echo(exchange);
	else
		push_bytes(exchange);
}

static void release(struct http_exchange *exchange)
{
	struct answer *answer = exchange->data;

	loop_timer_disarm(exchange->server->loop, &answer->timer);
	free(answer);
}

static void on_finished(struct http_exchange *exchange)
{
	script_of(exchange)->finished++;
	script_of(exchange)->broken += exchange->broken;
	release(exchange);
}

static void on_aborted(struct http_exchange *exchange)
{
	script_of(exchange)->aborted++;
	release(exchange);
}

static void on_closed(struct http_server *server)
{
	struct script *script = server->context;

	script->closed++;
}

/* --- the server ------------------------------------------------------------------------- */

static int make_file(void)
{
	int file = memfd_create("content", MFD_CLOEXEC);
	char *content = malloc(FILE_SIZE);

	for (size_t i = 0; i < FILE_SIZE; i++)
		content[i] = script_byte(i);
	CU_ASSERT_EQUAL_FATAL(write(file, content, FILE_SIZE), FILE_SIZE);
	free(content);
	return file;
}

void script_init(struct script *script)
{
	static const struct http_handler handler = {
		.request = on_request,
		.body = on_body,
		.drained = on_drained,
		.finished = on_finished,
		.aborted = on_aborted,
	};

	*script = (struct script){.file = make_file()};
	CU_ASSERT_EQUAL_FATAL(loop_init(&script->loop), 0);
	buffer_pool_init(&script->buffers, 64);
	http_server_settings_init(&script->settings);
	http_server_init(&script->server, &script->loop, &script->buffers, &script->settings,
			 &handler, &script->counters);
	script->server.context = script;
	script->server.connection_closed = on_closed;
}

void script_fini(struct script *script)
{
	http_server_fini(&script->server);
	CU_ASSERT_EQUAL(script->closed, script->counters.connections);
	CU_ASSERT_EQUAL(script->finished + script->aborted, script->requests);
	CU_ASSERT_EQUAL(script->buffers.in_use, 0);
	CU_ASSERT_EQUAL(script->loop.heap_count, 0);
	buffer_pool_fini(&script->buffers);
	loop_fini(&script->loop);
	close(script->file);
}

/* --- clients ---------------------------------------------------------------------------- */

void script_connect(struct script *script, struct script_client *client)
{
	static const struct sockaddr_storage peer = {.ss_family = AF_UNIX};
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*client = (struct script_client){.script = script, .fd = fds[0]};
	client->received = malloc(SCRIPT_RECEIVE_MAX + 1);
	http_server_accept(&script->server, fds[1], NULL, NULL, &peer);
}

void script_close(struct script_client *client)
{
	close(client->fd);
	free(client->received);
}

size_t script_send_bytes(struct script_client *client, const void *bytes, size_t length)
{
	ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL);

	return sent > 0 ? (size_t)sent : 0;
}

void script_send(struct script_client *client, const char *text)
{
	CU_ASSERT_EQUAL(script_send_bytes(client, text, strlen(text)), strlen(text));
}

static void receive_some(struct script_client *client)
{
	ssize_t n = 1;

	while (n > 0 && client->length < SCRIPT_RECEIVE_MAX) {
		n = recv(client->fd, client->received + client->length,
			 SCRIPT_RECEIVE_MAX - client->length, 0);
		if (n > 0)
			client->length += (size_t)n;
	}
	client->received[client->length] = '\0';
	client->ended |= n == 0;
	client->reset |= n < 0 && errno != EAGAIN;
}

struct ticker {
	struct loop_timer timer;
	struct script *script;
};

static void on_tick(struct loop_timer *timer)
{
	loop_stop(&container_of(timer, struct ticker, timer)->script->loop);
}

void script_run(struct script *script, unsigned ms)
{
	struct ticker ticker = {.timer = {.expired = on_tick}, .script = script};

	CU_ASSERT_EQUAL_FATAL(loop_timer_arm(&script->loop, &ticker.timer, ms * NS_PER_MS), 0);
	CU_ASSERT_EQUAL(loop_run(&script->loop), 0);
	if (script->buffers.in_use > script->most_buffers)
		script->most_buffers = (unsigned)script->buffers.in_use;
}

bool script_receive(struct script_client *client, size_t length)
{
	uint64_t end = loop_clock_ns() + SCRIPT_PATIENCE_MS * NS_PER_MS;

	receive_some(client);
	while (client->length < length && !client->ended && !client->reset &&
	       loop_clock_ns() < end) {
		script_run(client->script, 1);
		receive_some(client);
	}
	return client->length >= length;
}

bool script_receive_end(struct script_client *client)
{
	uint64_t end = loop_clock_ns() + SCRIPT_PATIENCE_MS * NS_PER_MS;

	while (!client->ended && !client->reset && loop_clock_ns() < end) {
		script_run(client->script, 1);
		receive_some(client);
	}
	return client->ended || client->reset;
}

static void forget_dates(struct script_client *client)
{
	char *date, *next;

	while ((date = strstr(client->received, "Date: ")) && (next = strchr(date, '\n'))) {
		next++;
		memmove(date, next, client->length - (size_t)(next - client->received) + 1);
		client->length -= (size_t)(next - date);
	}
}

void script_expect(struct script_client *client, const char *text, const char *file, int line)
{
	uint64_t end = loop_clock_ns() + SCRIPT_PATIENCE_MS * NS_PER_MS;

	receive_some(client);
	forget_dates(client);
	while (client->length < strlen(text) && !client->ended && loop_clock_ns() < end) {
		script_run(client->script, 1);
		receive_some(client);
		forget_dates(client);
	}
	unit_assert_text(client->received, text, file, line);
	client->length = 0;
	client->received[0] = '\0';
}

bool script_received_bytes(const struct script_client *client, size_t count)
{
	const char *body = strstr(client->received, "\r\n\r\n");

	if (!body || client->length - (size_t)(body + 4 - client->received) != count)
		return false;
	body += 4;
	for (size_t i = 0; i < count; i++)
		if (body[i] != script_byte(i))
			return false;
	return true;
}
