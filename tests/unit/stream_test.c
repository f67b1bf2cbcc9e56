/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Streams over real sockets, plain and under TLS: two ends on one loop, each of
 * which sends what it has, keeps what it gets, and counts what it is told.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream.h"
#include "tls.h"
#include "../support/certificate.h"
#include "../support/unit.h"

#define BYTES	   (1u << 20)
#define BUFFER_LOW 4096 /* of the sockets: writes are cut short */
#define GIVE_UP_NS (5 * NS_PER_SEC)

struct end {
	struct stream stream;
	bool connected, ended;
	int error;
	unsigned calls, failures, spurious;
	char *received;
	size_t length;
	size_t bite; /* how much is read at a time */
	const char *send;
	size_t left;
	bool finish;	 /* when all is sent */
	bool close_now;	 /* at the next event */
	size_t expected; /* stops the loop when so much has come */
};

static struct loop loop;
static struct tls_server *server_tls;
static SSL_CTX *client_tls;
static struct end near, far; /* far connects, near has accepted */
static char payload[BYTES];
static bool gave_up;

/* --- ends ------------------------------------------------------------------------------ */

static void want(struct end *end)
{
	unsigned events = end->left || end->finish ? STREAM_WRITABLE : 0;

	stream_want(&end->stream, events | (end->ended || !end->bite ? 0 : STREAM_READABLE));
}

static void take(struct end *end)
{
	ssize_t got = stream_read(&end->stream, end->received + end->length, end->bite);

	if (got > 0)
		end->length += (size_t)got;
	else if (got == -EAGAIN)
		end->spurious++;
	else if (got == 0)
		end->ended = true;
	else
		end->error = (int)got;
}

static void give(struct end *end)
{
	ssize_t sent = end->left ? stream_write(&end->stream, end->send, end->left) : 0;

	if (sent > 0) {
		end->send += sent;
		end->left -= (size_t)sent;
	} else if (sent < 0 && sent != -EAGAIN) {
		end->error = (int)sent;
		end->left = 0;
	}
	if (!end->left && end->finish) {
		end->finish = false;
		stream_finish(&end->stream);
	}
}

static void on_event(struct stream *stream, unsigned events)
{
	struct end *end = container_of(stream, struct end, stream);
	bool had_ended = end->ended;

	end->calls++;
	if (end->close_now) {
		stream_close(stream);
		loop_stop(&loop);
		return;
	}
	if (events & STREAM_FAILED) {
		end->failures++;
		end->error = stream->error;
	}
	if (events & STREAM_CONNECTED)
		end->connected = true;
	if (events & STREAM_READABLE)
		take(end);
	if (events & STREAM_WRITABLE)
		give(end);
	want(end);
	if (end->error || (end->expected && end->length >= end->expected) || end->ended > had_ended)
		loop_stop(&loop);
}

static void on_give_up(struct loop_timer *timer)
{
	(void)timer;
	gave_up = true;
	loop_stop(&loop);
}

/* Until an end stops the loop, or for `ns`; false: nothing has stopped it. */
static bool run_for(uint64_t ns)
{
	struct loop_timer timer = {.expired = on_give_up};

	gave_up = false;
	CU_ASSERT_EQUAL_FATAL(loop_timer_arm(&loop, &timer, ns), 0);
	CU_ASSERT_EQUAL(loop_run(&loop), 0);
	loop_timer_disarm(&loop, &timer);
	return !gave_up;
}

static void run_until_stopped(void)
{
	CU_ASSERT(run_for(GIVE_UP_NS));
}

static void let_pass(void)
{
	run_for(20 * NS_PER_MS);
}

/* --- pairs ----------------------------------------------------------------------------- */

static int listener(struct sockaddr_in *at)
{
	socklen_t length = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), low = BUFFER_LOW;

	*at = (struct sockaddr_in){.sin_family = AF_INET};
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)at, length));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &low, sizeof(low));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &low, sizeof(low));
	CU_ASSERT_FATAL(!listen(fd, 1));
	CU_ASSERT_FATAL(!getsockname(fd, (struct sockaddr *)at, &length));
	return fd;
}

static void end_init(struct end *end)
{
	*end = (struct end){.bite = 3000, .received = calloc(1, BYTES + 4096)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(end->received);
}

static SSL *client_session(void)
{
	static const struct tls_client_settings any = {.verify = false};

	return tls_client_session(client_tls, &any);
}

static int accept_one(int fd)
{
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	CU_ASSERT_FATAL(accepted >= 0);
	close(fd);
	return accepted;
}

static void open_pair(SSL *near_ssl, SSL *far_ssl)
{
	struct sockaddr_in at;
	int fd;

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	end_init(&near);
	end_init(&far);
	fd = listener(&at);
	CU_ASSERT_EQUAL_FATAL(stream_connect(&far.stream, &loop, (struct sockaddr *)&at, sizeof(at),
					     far_ssl, on_event),
			      0);
	CU_ASSERT_EQUAL_FATAL(stream_open(&near.stream, &loop, accept_one(fd), near_ssl, on_event),
			      0);
}

static void open_connected(bool tls)
{
	open_pair(tls ? tls_server_session(server_tls) : NULL, tls ? client_session() : NULL);
	for (int i = 0; i < 100 && !(near.connected && far.connected); i++)
		run_for(5 * NS_PER_MS);
	CU_ASSERT_FATAL(near.connected && far.connected);
}

static void close_pair(void)
{
	stream_close(&near.stream);
	stream_close(&far.stream);
	CU_ASSERT_PTR_NULL(loop.tasks);
	free(near.received);
	free(far.received);
	loop_fini(&loop);
}

static void send_payload(struct end *from, struct end *to, size_t length)
{
	from->send = payload;
	from->left = length;
	to->expected = length;
	want(from);
	want(to);
}

static void check_received(const struct end *end, size_t length)
{
	CU_ASSERT_EQUAL(end->error, 0);
	CU_ASSERT_EQUAL(end->length, length);
	CU_ASSERT_EQUAL(memcmp(end->received, payload, length), 0);
}

/* --- both transports --------------------------------------------------------------------- */

static void transfer_both_ways(bool tls)
{
	open_connected(tls);
	send_payload(&near, &far, BYTES);
	send_payload(&far, &near, BYTES);
	while (run_for(GIVE_UP_NS) && (near.length < BYTES || far.length < BYTES))
		continue;
	check_received(&near, BYTES);
	check_received(&far, BYTES);
	CU_ASSERT_EQUAL(near.stream.bytes_in, BYTES);
	CU_ASSERT_EQUAL(near.stream.bytes_out, BYTES);
	close_pair();
}

static void bytes_arrive_whole_both_ways(void)
{
	transfer_both_ways(false);
}

static void bytes_arrive_whole_both_ways_under_tls(void)
{
	transfer_both_ways(true);
}

static void half_close(bool tls)
{
	open_connected(tls);
	send_payload(&near, &far, BYTES / 4);
	near.finish = true;
	far.expected = 0;
	run_until_stopped();
	CU_ASSERT(far.ended);
	CU_ASSERT_FALSE(far.stream.truncated);
	check_received(&far, BYTES / 4);
	CU_ASSERT_EQUAL(stream_write(&near.stream, "x", 1), -EPIPE);
	send_payload(&far, &near, BYTES / 4);
	run_until_stopped();
	check_received(&near, BYTES / 4);
	close_pair();
}

static void other_direction_works_after_finish(void)
{
	half_close(false);
}

static void other_direction_works_after_finish_under_tls(void)
{
	half_close(true);
}

static void held_back(bool tls)
{
	open_connected(tls);
	near.bite = 0;
	send_payload(&far, &near, 5000);
	near.expected = 5000;
	let_pass();
	CU_ASSERT_EQUAL(near.length, 0);
	near.calls = 0;
	let_pass();
	CU_ASSERT_EQUAL(near.calls, 0);
	near.bite = 100;
	want(&near);
	run_until_stopped();
	check_received(&near, 5000);
	CU_ASSERT_EQUAL(near.calls, 50);
	close_pair();
}

static void what_is_not_wanted_waits(void)
{
	held_back(false);
}

/* One record is read at once, and given out in small pieces without another edge. */
static void what_openssl_holds_is_delivered(void)
{
	held_back(true);
}

static void closing(bool tls)
{
	open_connected(tls);
	want(&far);
	stream_close(&near.stream);
	stream_close(&near.stream);
	CU_ASSERT_FALSE(stream_is_open(&near.stream));
	run_until_stopped();
	CU_ASSERT(far.ended);
	CU_ASSERT_EQUAL(far.error, 0);
	CU_ASSERT_FALSE(far.stream.truncated);
	close_pair();
}

static void close_is_seen_as_an_end(void)
{
	closing(false);
}

static void close_is_seen_as_an_end_under_tls(void)
{
	closing(true);
}

static void closed_in_callback(bool tls)
{
	open_connected(tls);
	send_payload(&far, &near, 100000);
	near.close_now = true;
	near.calls = 0;
	run_until_stopped();
	CU_ASSERT_FALSE(stream_is_open(&near.stream));
	let_pass();
	CU_ASSERT_EQUAL(near.calls, 1);
	close_pair();
}

static void stream_may_be_closed_in_its_callback(void)
{
	closed_in_callback(false);
	closed_in_callback(true);
}

static void peer_reset(bool tls)
{
	open_connected(tls);
	near.bite = 0;
	want(&near);
	stream_reset(&far.stream);
	run_until_stopped();
	CU_ASSERT_EQUAL(near.failures, 1);
	CU_ASSERT_EQUAL(near.error, -ECONNRESET);
	CU_ASSERT_EQUAL(stream_read(&near.stream, payload, 1), -ECONNRESET);
	CU_ASSERT_EQUAL(stream_write(&near.stream, payload, 1), -ECONNRESET);
	close_pair();
}

static void reset_is_reported_even_if_nothing_is_wanted(void)
{
	peer_reset(false);
	peer_reset(true);
}

static void bytes_before_a_reset_are_read(void)
{
	open_connected(false);
	near.bite = 0;
	send_payload(&far, &near, 1000);
	let_pass();
	stream_reset(&far.stream);
	let_pass();
	CU_ASSERT_EQUAL(near.failures, 0);
	near.bite = 100;
	near.expected = 0;
	want(&near);
	run_until_stopped();
	CU_ASSERT_EQUAL(near.length, 1000);
	CU_ASSERT_EQUAL(near.error, -ECONNRESET);
	close_pair();
}

static void refused_connection_fails(void)
{
	struct sockaddr_in at;

	CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
	end_init(&near);
	end_init(&far);
	close(listener(&at));
	CU_ASSERT_EQUAL(stream_connect(&far.stream, &loop, (struct sockaddr *)&at, sizeof(at), NULL,
				       on_event),
			0);
	run_until_stopped();
	CU_ASSERT_EQUAL(far.failures, 1);
	CU_ASSERT_EQUAL(far.error, -ECONNREFUSED);
	CU_ASSERT_FALSE(far.connected);
	close_pair();
}

/* --- pieces and files ---------------------------------------------------------------------- */

static void pieces(bool tls)
{
	/* Small, empty, across the size of a record, larger than one. */
	static const size_t sizes[] = {10, 0, 16370, 20, 40000, 1, 0};
	struct iovec rest[ARRAY_LEN(sizes)];
	size_t total = 0;
	ssize_t sent;

	open_connected(tls);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		rest[i] = (struct iovec){payload + total, sizes[i]};
		total += sizes[i];
	}
	far.expected = total;
	want(&far);
	sent = stream_writev(&near.stream, rest, ARRAY_LEN(sizes));
	CU_ASSERT(sent > 0 && (size_t)sent <= total);
	send_payload(&near, &far, total);
	near.send += sent;
	near.left -= (size_t)sent;
	if (far.length < total)
		run_until_stopped();
	check_received(&far, total);
	close_pair();
}

static void pieces_are_joined_in_order(void)
{
	pieces(false);
	pieces(true);
}

static int payload_file(void)
{
	int file = memfd_create("payload", MFD_CLOEXEC);

	CU_ASSERT_FATAL(file >= 0);
	CU_ASSERT_EQUAL_FATAL(write(file, payload, BYTES), BYTES);
	return file;
}

static void file(bool tls)
{
	int fd = payload_file();
	off_t offset = 0;

	open_connected(tls);
	far.expected = BYTES;
	far.bite = 4096;
	want(&far);
	while (offset < BYTES) {
		ssize_t sent = stream_sendfile(&near.stream, fd, &offset, BYTES - (size_t)offset);

		CU_ASSERT_FATAL(sent > 0 || sent == -EAGAIN);
		if (sent == -EAGAIN)
			run_for(NS_PER_MS);
	}
	CU_ASSERT_EQUAL(stream_sendfile(&near.stream, fd, &offset, 1), tls ? -EAGAIN : 0);
	while (far.length < BYTES && run_for(GIVE_UP_NS))
		continue;
	check_received(&far, BYTES);
	let_pass();
	CU_ASSERT_EQUAL(stream_sendfile(&near.stream, fd, &offset, 1), 0);
	CU_ASSERT_EQUAL(offset, BYTES);
	close(fd);
	close_pair();
}

static void file_is_sent_to_its_end(void)
{
	file(false);
	file(true);
}

/* --- TLS alone ----------------------------------------------------------------------------- */

static void end_without_close_notify_is_told_apart(void)
{
	open_connected(true);
	send_payload(&far, &near, 1000);
	run_until_stopped();
	near.expected = 0;
	shutdown(far.stream.watch.fd, SHUT_WR);
	run_until_stopped();
	CU_ASSERT(near.ended);
	CU_ASSERT(near.stream.truncated);
	CU_ASSERT_EQUAL(near.error, 0);
	CU_ASSERT_EQUAL(stream_read(&near.stream, payload, 1), 0);
	send_payload(&near, &far, 1000);
	run_until_stopped();
	check_received(&far, 1000);
	close_pair();
}

static void bytes_that_are_no_tls_fail_the_handshake(void)
{
	open_pair(tls_server_session(server_tls), NULL);
	far.send = "GET / HTTP/1.1\r\n\r\n";
	far.left = strlen(far.send);
	far.expected = 1;
	want(&far);
	while (!near.error && run_for(GIVE_UP_NS))
		continue;
	CU_ASSERT_EQUAL(near.failures, 1);
	CU_ASSERT_EQUAL(near.error, -EPROTO);
	CU_ASSERT_STRING_NOT_EQUAL(stream_tls_error(&near.stream), "");
	CU_ASSERT_FALSE(near.connected);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	close_pair();
}

static void peer_that_leaves_in_the_handshake_fails_it(void)
{
	open_pair(tls_server_session(server_tls), NULL);
	far.finish = true;
	while (!near.error && run_for(GIVE_UP_NS))
		continue;
	CU_ASSERT_EQUAL(near.failures, 1);
	CU_ASSERT_EQUAL(near.error, -ECONNRESET);
	close_pair();
}

static void certificate_of_a_stranger_is_refused(void)
{
	struct tls_client_settings strict = {.verify = true, .name = "www.example.net"};
	struct diag_list diags = {0};
	SSL_CTX *context;

	CU_ASSERT_EQUAL_FATAL(tls_client_create(&strict, &context, &diags), 0);
	open_pair(tls_server_session(server_tls), tls_client_session(context, &strict));
	while (!(near.error && far.error) && run_for(GIVE_UP_NS))
		continue;
	CU_ASSERT_EQUAL(far.error, -EPROTO);
	CU_ASSERT_EQUAL(near.error, -EPROTO);
	UNIT_ASSERT_TEXT(stream_tls_error(&far.stream), "certificate verify failed");
	close_pair();
	SSL_CTX_free(context);
}

static void keys_are_updated_while_bytes_flow(void)
{
	open_connected(true);
	send_payload(&near, &far, BYTES);
	send_payload(&far, &near, BYTES);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(SSL_key_update(far.stream.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		run_for(NS_PER_MS);
	}
	while ((near.length < BYTES || far.length < BYTES) && run_for(GIVE_UP_NS))
		continue;
	check_received(&near, BYTES);
	check_received(&far, BYTES);
	close_pair();
}

/* OpenSSL's own rule, the same bytes again, would be a trap. */
static void other_bytes_may_follow_a_full_socket(void)
{
	size_t sent = 0;
	ssize_t n;

	open_connected(true);
	while ((n = stream_write(&near.stream, payload + sent, BYTES - sent)) > 0)
		sent += (size_t)n;
	CU_ASSERT_EQUAL(n, -EAGAIN);
	CU_ASSERT(sent < BYTES);
	send_payload(&near, &far, sent + 3);
	near.send = payload + sent;
	near.left = 3;
	run_until_stopped();
	check_received(&far, sent + 3);
	close_pair();
}

static void foreign_errors_in_the_queue_do_no_harm(void)
{
	open_connected(true);
	ERR_raise(ERR_LIB_USER, 1);
	send_payload(&far, &near, 1000);
	run_until_stopped();
	check_received(&near, 1000);
	close_pair();
	ERR_clear_error();
}

static void tls_begins_within_a_connection_after_bytes_were_read_ahead(void)
{
	open_connected(false);
	CU_ASSERT_EQUAL_FATAL(stream_start_tls(&far.stream, client_session(), NULL, 0), 0);
	far.connected = near.connected = false;
	near.expected = 100; /* of the ClientHello */
	want(&near);
	run_until_stopped();
	CU_ASSERT_FALSE(far.connected);
	near.expected = 0;
	CU_ASSERT_EQUAL_FATAL(stream_start_tls(&near.stream, tls_server_session(server_tls),
					       near.received, near.length),
			      0);
	near.length = 0;
	for (int i = 0; i < 100 && !(near.connected && far.connected); i++)
		run_for(5 * NS_PER_MS);
	send_payload(&far, &near, BYTES);
	run_until_stopped();
	check_received(&near, BYTES);
	close_pair();
}

/* --- main ---------------------------------------------------------------------------------- */

static void start_tls_of_tests(const char *directory)
{
	struct certificate www = {.names = "DNS:www.example.net", .common_name = "www"};
	struct tls_server_settings settings = {.certificate_count = 1,
					       .min_version = TLS1_2_VERSION};
	struct tls_client_settings any = {.verify = false};
	struct diag_list diags = {0};

	snprintf(settings.certificates[0].chain, sizeof(settings.certificates[0].chain),
		 "%s/www.pem", directory);
	certificate_write(&www, settings.certificates[0].chain, NULL);
	CU_ASSERT_EQUAL_FATAL(tls_server_create(&settings, &server_tls, &diags), 0);
	CU_ASSERT_EQUAL_FATAL(tls_client_create(&any, &client_tls, &diags), 0);
	unlink(settings.certificates[0].chain);
}

static void setting_up(void)
{
	char directory[] = "/tmp/stream_test.XXXXXX";

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	start_tls_of_tests(directory);
	rmdir(directory);
	for (size_t i = 0; i < BYTES; i++)
		payload[i] = (char)(i * 2654435761u >> 24);
}

static void tearing_down(void)
{
	tls_server_destroy(server_tls);
	SSL_CTX_free(client_tls);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(setting_up),
		UNIT_TEST(bytes_arrive_whole_both_ways),
		UNIT_TEST(bytes_arrive_whole_both_ways_under_tls),
		UNIT_TEST(other_direction_works_after_finish),
		UNIT_TEST(other_direction_works_after_finish_under_tls),
		UNIT_TEST(what_is_not_wanted_waits),
		UNIT_TEST(what_openssl_holds_is_delivered),
		UNIT_TEST(close_is_seen_as_an_end),
		UNIT_TEST(close_is_seen_as_an_end_under_tls),
		UNIT_TEST(stream_may_be_closed_in_its_callback),
		UNIT_TEST(reset_is_reported_even_if_nothing_is_wanted),
		UNIT_TEST(bytes_before_a_reset_are_read),
		UNIT_TEST(refused_connection_fails),
		UNIT_TEST(pieces_are_joined_in_order),
		UNIT_TEST(file_is_sent_to_its_end),
		UNIT_TEST(end_without_close_notify_is_told_apart),
		UNIT_TEST(bytes_that_are_no_tls_fail_the_handshake),
		UNIT_TEST(peer_that_leaves_in_the_handshake_fails_it),
		UNIT_TEST(certificate_of_a_stranger_is_refused),
		UNIT_TEST(keys_are_updated_while_bytes_flow),
		UNIT_TEST(other_bytes_may_follow_a_full_socket),
		UNIT_TEST(foreign_errors_in_the_queue_do_no_harm),
		UNIT_TEST(tls_begins_within_a_connection_after_bytes_were_read_ahead),
		UNIT_TEST(tearing_down),
		{0},
	};

	return unit_run("stream", tests);
}
