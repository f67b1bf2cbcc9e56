/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A check is a small state machine: connecting, the handshake of TLS, talking.
 * Each stage returns 0 (go on), -EAGAIN (the watch waits for what it needs) or
 * 1 (the probe has ended).
 */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "addr.h"
#include "probe_talk.h"

#define READ_BYTES 4096

static const struct {
	const char *token, *words;
} results[] = {
#define PROBE_ENTRY(name, token, words) {token, words},
	PROBE_RESULTS(PROBE_ENTRY)
#undef PROBE_ENTRY
};

const char *probe_result_name(enum probe_result result)
{
	return results[result].token;
}

static const struct talk_kind *const kinds[] = {
	[CHECK_TCP] = &talk_bytes, [CHECK_HTTP] = &talk_http,	[CHECK_HTTPS] = &talk_http,
	[CHECK_UDP] = &talk_bytes, [CHECK_MYSQL] = &talk_mysql,
};

static enum check_type type_of(const struct probe *probe)
{
	return probe->plan->check.type;
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
	if (probe->local_port)
		check_path_leave(probe->path, probe->local_port);
	probe->local_port = 0;
	free(probe->talk);
	probe->talk = NULL;
	probe_plan_put(probe->plan);
	probe->plan = NULL;
	probe->stage = PROBE_IDLE;
}

bool probe_is_running(const struct probe *probe)
{
	return probe->stage != PROBE_IDLE;
}

/* Polite, so that the backend's log does not fill with broken sessions. Once, whatever happens. */
static void say_goodbye(struct probe *probe)
{
	struct probe_talk *talk = probe->talk;

	if (talk && !probe->tls && talk->out_sent < talk->out_length)
		send(probe->watch.fd, talk->out + talk->out_sent, talk->out_length - talk->out_sent,
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	if (probe->tls)
		SSL_shutdown(probe->tls);
}

static bool went_as_intended(const struct probe *probe)
{
	return !probe->is_forwarded || check_path_was_taken(probe->path, probe->watch.fd);
}

/*
 * Whether that can be said only if packets were forwarded: a backend's own address may as
 * well be silent because its host is.
 */
static bool needs_the_way(const struct probe *probe, enum probe_result result)
{
	return probe->leaves_only_forwarded ||
	       (result != PROBE_TIMEOUT && result != PROBE_UNREACHABLE);
}

/* `words`: what is to be said of the result; NULL: what is always said of it. */
static void finish(struct probe *probe, enum probe_result result, const char *words)
{
	uint64_t duration_ns = loop_clock_ns() - probe->started_ns;

	if (result != PROBE_LOCAL && needs_the_way(probe, result) && !went_as_intended(probe)) {
		result = PROBE_LOCAL;
		words = "its packets were not forwarded";
	}
	snprintf(probe->words, sizeof(probe->words), "%s", words ? words : results[result].words);
	if (result == PROBE_OK || result == PROBE_ROLE)
		say_goodbye(probe);
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

static void finish_errno(struct probe *probe, int error)
{
	enum probe_result result = result_of_errno(error);
	bool is_port = result == PROBE_REFUSED && type_of(probe) == CHECK_UDP;

	finish(probe, result,
	       is_port						      ? "port unreachable"
	       : result == PROBE_UNREACHABLE || result == PROBE_LOCAL ? strerror(error)
								      : NULL);
}

/* The time that we ourselves had no CPU is given back, once: it says nothing about the backend. */
static bool extend(struct probe *probe)
{
	uint64_t lost_ns = probe->loop->lost_ns - probe->loop_lost_ns;
	uint64_t limit_ns = probe->plan->check.timeout_ms * NS_PER_MS;

	if (!lost_ns || probe->extended)
		return false;
	probe->extended = true;
	return !loop_timer_arm(probe->loop, &probe->timeout,
			       lost_ns < limit_ns ? lost_ns : limit_ns);
}

/* Of UDP, no news is good news unless an answer is expected; if what was said did go out. */
static void finish_silent(struct probe *probe)
{
	if (went_as_intended(probe))
		finish(probe, PROBE_OK, NULL);
	else
		finish(probe, PROBE_UNREACHABLE, "nothing could be sent");
}

static void on_timeout(struct loop_timer *timer)
{
	static const char *const missing[] = {
		[PROBE_CONNECTING] = "connection",
		[PROBE_HANDSHAKE] = "TLS handshake",
		[PROBE_TALKING] = "answer",
	};
	struct probe *probe = container_of(timer, struct probe, timeout);
	char words[PROBE_WORDS_BYTES];

	if (extend(probe))
		return;
	if (type_of(probe) == CHECK_UDP && !probe->plan->check.expect.length) {
		finish_silent(probe);
		return;
	}
	snprintf(words, sizeof(words), "no %s within %ums", missing[probe->stage],
		 probe->plan->check.timeout_ms);
	finish(probe, PROBE_TIMEOUT, words);
}

/* --- stages: 1 finished, 0 next stage, -EAGAIN wait ----------------------------- */

static int end(struct probe *probe, enum probe_result result, const char *words)
{
	finish(probe, result, words);
	return 1;
}

static int end_errno(struct probe *probe, int error)
{
	finish_errno(probe, error);
	return 1;
}

static int wait_for(struct probe *probe, uint32_t events)
{
	if (loop_watch_set(probe->loop, &probe->watch, events))
		return end(probe, PROBE_LOCAL, "out of memory");
	return -EAGAIN;
}

/* What a kind of talk returned. */
static int go_on(struct probe *probe, int ret)
{
	const char *words = probe->talk->words;
	char copy[PROBE_WORDS_BYTES];

	if (ret == -EAGAIN)
		return 0;
	strcpy(copy, words);
	return end(probe, (enum probe_result)ret, *copy ? copy : NULL);
}

static int run_talk_begin(struct probe *probe)
{
	if (!probe->talk)
		return end(probe, PROBE_OK, NULL);
	probe->stage = PROBE_TALKING;
	return go_on(probe, probe->talk->kind->begin(probe->talk, &probe->host));
}

static int run_connecting(struct probe *probe)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(probe->watch.fd, SOL_SOCKET, SO_ERROR, &error, &length))
		error = errno;
	if (error)
		return end_errno(probe, error);
	if (!probe->tls)
		return run_talk_begin(probe);
	probe->stage = PROBE_HANDSHAKE;
	return 0;
}

/* --- TLS ----------------------------------------------------------------------------- */

static void note_certificate(struct probe *probe)
{
	X509 *certificate = SSL_get0_peer_certificate(probe->tls);
	struct tm expires;

	if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires))
		probe->certificate_expires_s = timegm(&expires);
}

static int end_tls(struct probe *probe)
{
	long verified = SSL_get_verify_result(probe->tls);
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	char words[PROBE_WORDS_BYTES];

	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return end(probe, PROBE_CLOSED, NULL);
	if (probe->plan->check.ca[0] && verified != X509_V_OK) {
		probe_plan_doubt(probe->plan);
		snprintf(words, sizeof(words), "certificate: %s",
			 X509_verify_cert_error_string(verified));
	} else {
		snprintf(words, sizeof(words), "TLS: %s", reason ? reason : "failed");
	}
	return end(probe, PROBE_TLS, words);
}

/* The same for all that OpenSSL does: 0 is never returned. */
static int run_tls_failure(struct probe *probe, int ret)
{
	switch (SSL_get_error(probe->tls, ret)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(probe, EPOLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(probe, EPOLLOUT);
	case SSL_ERROR_SYSCALL:
		return errno ? end_errno(probe, errno) : end(probe, PROBE_CLOSED, NULL);
	default:
		return end_tls(probe);
	}
}

static int run_handshake(struct probe *probe)
{
	int ret = SSL_do_handshake(probe->tls);

	if (ret != 1)
		return run_tls_failure(probe, ret);
	note_certificate(probe);
	return run_talk_begin(probe);
}

/* --- talking ------------------------------------------------------------------------- */

static int run_sending(struct probe *probe)
{
	struct probe_talk *talk = probe->talk;
	const char *at = talk->out + talk->out_sent;
	size_t length = talk->out_length - talk->out_sent;
	ssize_t count;

	if (probe->tls) {
		count = SSL_write(probe->tls, at, (int)length);
		if (count <= 0)
			return run_tls_failure(probe, (int)count);
	} else {
		count = send(probe->watch.fd, at, length, MSG_NOSIGNAL);
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return wait_for(probe, EPOLLOUT);
		if (count < 0)
			return end_errno(probe, errno);
	}
	talk->out_sent += (size_t)count;
	return 0;
}

static int run_end(struct probe *probe)
{
	return go_on(probe, probe->talk->kind->end(probe->talk));
}

static int take(struct probe *probe, const unsigned char *bytes, size_t count)
{
	int ret = go_on(probe, probe->talk->kind->take(probe->talk, bytes, count));

	if (ret)
		return ret;
	probe->received += count;
	return probe->received >= TALK_RECEIVE_BYTES ? run_end(probe) : 0;
}

static int run_reading(struct probe *probe)
{
	unsigned char bytes[READ_BYTES];
	ssize_t count;

	if (probe->tls) {
		count = SSL_read(probe->tls, bytes, sizeof(bytes));
		if (count <= 0 && SSL_get_error(probe->tls, (int)count) == SSL_ERROR_ZERO_RETURN)
			return run_end(probe);
		if (count <= 0)
			return run_tls_failure(probe, (int)count);
	} else {
		count = recv(probe->watch.fd, bytes, sizeof(bytes), 0);
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return wait_for(probe, EPOLLIN);
		if (count < 0)
			return end_errno(probe, errno);
		if (count == 0 && type_of(probe) != CHECK_UDP)
			return run_end(probe);
	}
	return take(probe, bytes, (size_t)count);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct probe *probe = container_of(watch, struct probe, watch);
	int ret = 0;

	(void)events; /* errors show in the next system call */
	while (ret == 0) {
		errno = 0; /* OpenSSL may fail without one */
		switch (probe->stage) {
		case PROBE_CONNECTING:
			ret = run_connecting(probe);
			break;
		case PROBE_HANDSHAKE:
			ret = run_handshake(probe);
			break;
		case PROBE_TALKING:
			ret = probe->talk->out_sent < probe->talk->out_length ? run_sending(probe)
									      : run_reading(probe);
			break;
		case PROBE_IDLE:
			ret = 1;
			break;
		}
	}
}

/* --- start --------------------------------------------------------------------- */

static int prepare_tls(struct probe *probe)
{
	const char *name = probe->plan->check.name;
	struct sluice_addr literal;
	bool is_address = !addr_parse(name, &literal);

	if (!probe->plan->tls)
		return 0;
	probe->tls = SSL_new(probe->plan->tls);
	if (!probe->tls || !SSL_set_fd(probe->tls, probe->watch.fd))
		return -ENOMEM;
	SSL_set_connect_state(probe->tls);
	/* An address is no server name: RFC 6066, section 3. */
	if (name[0] && !is_address && !SSL_set_tlsext_host_name(probe->tls, name))
		return -ENOMEM;
	if (!name[0])
		return 0;
	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(probe->tls), name) ? 0
										       : -EINVAL;
	return SSL_set1_host(probe->tls, name) ? 0 : -ENOMEM;
}

static int prepare_talk(struct probe *probe)
{
	const struct talk_kind *kind = kinds[type_of(probe)];

	if (!kind)
		return 0;
	probe->talk = calloc(1, kind->bytes);
	if (!probe->talk)
		return -ENOMEM;
	probe->talk->kind = kind;
	probe->talk->plan = probe->plan;
	return 0;
}

static int prepare(struct probe *probe, const struct check_target *target)
{
	int type = type_of(probe) == CHECK_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int family = addr_is_v4(&target->peer.addr) ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = loop_watch_add(probe->loop, &probe->watch, fd, EPOLLOUT);
	if (err) {
		close(fd);
		return err;
	}
	if (target->is_forwarded)
		err = check_path_enter(probe->path, fd, &target->way, &probe->local_port);
	if (!err)
		err = prepare_tls(probe);
	if (!err)
		err = prepare_talk(probe);
	return err ? err
		   : loop_timer_arm(probe->loop, &probe->timeout,
				    probe->plan->check.timeout_ms * NS_PER_MS);
}

void probe_init(struct probe *probe, struct loop *loop, struct check_path *path,
		void (*done)(struct probe *, enum probe_result, uint64_t))
{
	*probe = (struct probe){
		.loop = loop,
		.path = path,
		.done = done,
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.timeout = {.expired = on_timeout},
		.stage = PROBE_IDLE,
	};
}

void probe_start(struct probe *probe, const struct check_target *target, struct probe_plan *plan)
{
	struct sockaddr_storage address;
	socklen_t length = endpoint_to_sockaddr(&target->peer, &address);
	int err;

	probe->plan = probe_plan_get(plan);
	probe->host = target->host;
	probe->is_forwarded = target->is_forwarded;
	probe->leaves_only_forwarded =
		target->is_forwarded && !addr_cmp(&target->peer.addr, &target->host.addr);
	probe->started_ns = loop_clock_ns();
	probe->loop_lost_ns = probe->loop->lost_ns;
	probe->extended = false;
	probe->received = 0;
	probe->stage = PROBE_CONNECTING;
	if (!probe_plan_is_ready(plan)) {
		finish(probe, PROBE_LOCAL, plan->problem);
		return;
	}
	err = prepare(probe, target);
	if (!err && connect(probe->watch.fd, (struct sockaddr *)&address, length) &&
	    errno != EINPROGRESS)
		err = -errno;
	if (err)
		finish_errno(probe, -err);
}
