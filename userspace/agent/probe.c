/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A check is a small state machine: connecting, then for TLS the handshake,
 * for HTTP sending and reading. Each stage returns 0 (go on), -EAGAIN (the
 * watch waits for what it needs) or ends the probe.
 */
#include "probe.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

#include "addr.h"

static const char *const result_names[] = {
#define PROBE_NAME(name, token) token,
	PROBE_RESULTS(PROBE_NAME)
#undef PROBE_NAME
};

const char *probe_result_name(enum probe_result result)
{
	return result_names[result];
}

SSL_CTX *probe_tls_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context)
		return NULL;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	/* A resumed session would not show that the certificate can be used. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	return context;
}

/* --- HTTP ---------------------------------------------------------------------- */

int probe_parse_status(const char *text, size_t length, unsigned *status)
{
	static const char pattern[] = "HTTP/1.d ddd";
	unsigned value = 0;

	for (size_t i = 0; i < sizeof(pattern) - 1; i++) {
		if (i == length)
			return -EAGAIN;
		if (pattern[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != pattern[i])
			return -EBADMSG;
		if (i > 8)
			value = value * 10 + (text[i] - '0');
	}
	if (length == sizeof(pattern) - 1)
		return -EAGAIN;
	if (text[sizeof(pattern) - 1] != ' ' && text[sizeof(pattern) - 1] != '\r')
		return -EBADMSG;
	if (value < 100 || value > 599)
		return -EBADMSG;
	*status = value;
	return 0;
}

size_t probe_format_request(const struct health_check *check, const struct endpoint *target,
			    char *request, size_t size)
{
	char address[ENDPOINT_TEXT_LEN];
	int length;

	length = snprintf(request, size,
			  "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice-agent\r\n"
			  "Accept: */*\r\nConnection: close\r\n\r\n",
			  check->path[0] ? check->path : "/",
			  check->name[0] ? check->name : endpoint_format(target, address));
	return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

/* --- life of a probe ----------------------------------------------------------- */

void probe_cancel(struct probe *probe)
{
	int fd = probe->watch.fd;

	loop_timer_disarm(probe->loop, &probe->timeout);
	loop_watch_del(probe->loop, &probe->watch);
	SSL_free(probe->tls);
	probe->tls = NULL;
	if (fd != LOOP_NO_FD)
		close(fd);
	probe->stage = PROBE_IDLE;
}

bool probe_is_running(const struct probe *probe)
{
	return probe->stage != PROBE_IDLE;
}

static void finish(struct probe *probe, enum probe_result result)
{
	uint64_t duration_ns = loop_clock_ns() - probe->started_ns;

	/* Say goodbye, so that the backend's log does not fill with broken sessions. */
	if (probe->tls && result == PROBE_OK)
		SSL_shutdown(probe->tls);
	ERR_clear_error();
	probe_cancel(probe);
	probe->done(probe, result, duration_ns);
}

static enum probe_result result_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return PROBE_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES:
	case EPERM:
		return PROBE_UNREACHABLE;
	case ETIMEDOUT:
		return PROBE_TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return PROBE_CLOSED;
	default: /* EMFILE, ENOBUFS, EADDRNOTAVAIL and the like: ours, not the backend's */
		return PROBE_LOCAL;
	}
}

/* The time that we ourselves had no CPU is given back, once: it says nothing about the backend. */
static bool extend(struct probe *probe)
{
	uint64_t lost_ns = probe->loop->lost_ns - probe->loop_lost_ns;
	uint64_t limit_ns = probe->check.timeout_ms * NS_PER_MS;

	if (!lost_ns || probe->extended)
		return false;
	probe->extended = true;
	return !loop_timer_arm(probe->loop, &probe->timeout,
			       lost_ns < limit_ns ? lost_ns : limit_ns);
}

static void on_timeout(struct loop_timer *timer)
{
	struct probe *probe = container_of(timer, struct probe, timeout);

	if (!extend(probe))
		finish(probe, PROBE_TIMEOUT);
}

/* --- stages: 1 finished, 0 next stage, -EAGAIN wait ----------------------------- */

static int end(struct probe *probe, enum probe_result result)
{
	finish(probe, result);
	return 1;
}

static int wait_for(struct probe *probe, uint32_t events)
{
	if (loop_watch_set(probe->loop, &probe->watch, events))
		return end(probe, PROBE_LOCAL);
	return -EAGAIN;
}

static int run_connecting(struct probe *probe)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(probe->watch.fd, SOL_SOCKET, SO_ERROR, &error, &length))
		error = errno;
	if (error)
		return end(probe, result_of_errno(error));
	if (probe->check.type == CHECK_TCP)
		return end(probe, PROBE_OK);
	probe->stage = probe->check.type == CHECK_TLS ? PROBE_HANDSHAKE : PROBE_SENDING;
	return 0;
}

static int run_handshake(struct probe *probe)
{
	int ret = SSL_do_handshake(probe->tls);

	if (ret == 1)
		return end(probe, PROBE_OK);
	switch (SSL_get_error(probe->tls, ret)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(probe, EPOLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(probe, EPOLLOUT);
	case SSL_ERROR_SYSCALL:
		return end(probe, errno ? result_of_errno(errno) : PROBE_CLOSED);
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return end(probe, PROBE_CLOSED);
		return end(probe, PROBE_TLS);
	}
}

static int run_sending(struct probe *probe)
{
	ssize_t count = send(probe->watch.fd, probe->request + probe->sent,
			     probe->request_length - probe->sent, MSG_NOSIGNAL);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return wait_for(probe, EPOLLOUT);
	if (count < 0)
		return end(probe, result_of_errno(errno));
	probe->sent += count;
	if (probe->sent == probe->request_length)
		probe->stage = PROBE_READING;
	return 0;
}

static int run_reading(struct probe *probe)
{
	ssize_t count = recv(probe->watch.fd, probe->answer + probe->answered,
			     sizeof(probe->answer) - probe->answered, 0);
	unsigned status;
	int err;

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return wait_for(probe, EPOLLIN);
	if (count < 0)
		return end(probe, result_of_errno(errno));
	if (count == 0)
		return end(probe, PROBE_CLOSED);
	probe->answered += count;
	err = probe_parse_status(probe->answer, probe->answered, &status);
	if (err == -EAGAIN)
		return 0;
	if (err)
		return end(probe, PROBE_PROTOCOL);
	return end(probe, status == probe->check.status ? PROBE_OK : PROBE_STATUS);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct probe *probe = container_of(watch, struct probe, watch);
	int ret = 0;

	(void)events; /* errors show in the next system call */
	while (ret == 0) {
		switch (probe->stage) {
		case PROBE_CONNECTING:
			ret = run_connecting(probe);
			break;
		case PROBE_HANDSHAKE:
			ret = run_handshake(probe);
			break;
		case PROBE_SENDING:
			ret = run_sending(probe);
			break;
		case PROBE_READING:
			ret = run_reading(probe);
			break;
		case PROBE_IDLE:
			ret = 1;
			break;
		}
	}
}

/* --- start --------------------------------------------------------------------- */

static int prepare_tls(struct probe *probe, SSL_CTX *context, int fd)
{
	struct sluice_addr literal;

	if (!context)
		return -EINVAL;
	probe->tls = SSL_new(context);
	if (!probe->tls || !SSL_set_fd(probe->tls, fd))
		return -ENOMEM;
	SSL_set_connect_state(probe->tls);
	/* An address is no server name: RFC 6066, section 3. */
	if (probe->check.name[0] && addr_parse(probe->check.name, &literal))
		if (!SSL_set_tlsext_host_name(probe->tls, probe->check.name))
			return -EINVAL;
	return 0;
}

static int prepare(struct probe *probe, const struct endpoint *target, SSL_CTX *context, int fd)
{
	int err;

	probe->sent = 0;
	probe->answered = 0;
	probe->request_length = 0;
	if (probe->check.type == CHECK_HTTP) {
		probe->request_length = probe_format_request(&probe->check, target, probe->request,
							     sizeof(probe->request));
		if (!probe->request_length)
			return -EINVAL;
	}
	if (probe->check.type == CHECK_TLS) {
		err = prepare_tls(probe, context, fd);
		if (err)
			return err;
	}
	err = loop_timer_arm(probe->loop, &probe->timeout, probe->check.timeout_ms * NS_PER_MS);
	return err ? err : loop_watch_add(probe->loop, &probe->watch, fd, EPOLLOUT);
}

void probe_init(struct probe *probe, struct loop *loop,
		void (*done)(struct probe *, enum probe_result, uint64_t))
{
	*probe = (struct probe){
		.loop = loop,
		.done = done,
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.timeout = {.expired = on_timeout},
		.stage = PROBE_IDLE,
	};
}

void probe_start(struct probe *probe, const struct endpoint *target,
		 const struct health_check *check, SSL_CTX *tls)
{
	struct sockaddr_storage address;
	socklen_t length = endpoint_to_sockaddr(target, &address);
	int fd;

	probe->check = *check;
	probe->started_ns = loop_clock_ns();
	probe->loop_lost_ns = probe->loop->lost_ns;
	probe->extended = false;
	probe->stage = PROBE_CONNECTING;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		finish(probe, PROBE_LOCAL);
		return;
	}
	if (prepare(probe, target, tls, fd)) {
		if (probe->watch.fd == LOOP_NO_FD)
			close(fd);
		finish(probe, PROBE_LOCAL);
		return;
	}
	if (connect(fd, (struct sockaddr *)&address, length) && errno != EINPROGRESS)
		finish(probe, result_of_errno(errno));
}
