/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "https.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

const char *const https_end_names[HTTPS_END_COUNT] = {
#define HTTPS_END_NAME(name, token) [HTTPS_ENDED_##name] = token,
	HTTPS_ENDS(HTTPS_END_NAME)
#undef HTTPS_END_NAME
};

uint64_t https_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void want(struct https *h, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = h};

	epoll_ctl(h->epoll, EPOLL_CTL_MOD, h->fd, &event);
}

static void learn_local_port(struct https *h)
{
	struct sockaddr_storage local = {};
	socklen_t len = sizeof(local);

	getsockname(h->fd, (struct sockaddr *)&local, &len);
	h->local_port =
		ntohs(local.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&local)->sin6_port
						  : ((struct sockaddr_in *)&local)->sin_port);
}

int https_open(struct https *h, int epoll, const struct https_site *site)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = h};
	int one = 1;

	*h = (struct https){.epoll = epoll, .since_ns = https_now_ns()};
	h->fd = socket(site->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (h->fd < 0)
		return -errno;
	h->ssl = SSL_new(site->tls);
	if (!h->ssl || !SSL_set_fd(h->ssl, h->fd) ||
	    !SSL_set_tlsext_host_name(h->ssl, site->name) || !SSL_set1_host(h->ssl, site->name))
		return -ENOMEM;
	SSL_set_connect_state(h->ssl);
	setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, h->fd, &event))
		return -errno;
	if (connect(h->fd, (const struct sockaddr *)&site->address, site->address_len) &&
	    errno != EINPROGRESS)
		https_close(h, HTTPS_ENDED_REFUSED);
	learn_local_port(h);
	return 0;
}

void https_close(struct https *h, enum https_end end)
{
	if (h->phase == HTTPS_ENDED)
		return;
	h->phase = HTTPS_ENDED;
	h->end = end;
	SSL_free(h->ssl);
	close(h->fd);
}

static enum https_event ended(struct https *h, enum https_end end)
{
	https_close(h, end);
	return HTTPS_EVENT_END;
}

static enum https_end end_of_error(int error)
{
	return error == ETIMEDOUT ? HTTPS_ENDED_TIMEOUT : HTTPS_ENDED_RESET;
}

static enum https_event ended_eof(struct https *h)
{
	return ended(h, h->close_announced ? HTTPS_ENDED_ANNOUNCED : HTTPS_ENDED_EOF);
}

static bool is_unexpected_eof(void)
{
	return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* What a failed call of OpenSSL means: wait for the socket, or the end. */
static enum https_event wait_or_end(struct https *h, int result)
{
	int error = errno;

	switch (SSL_get_error(h->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		want(h, EPOLLIN);
		return HTTPS_NOTHING;
	case SSL_ERROR_WANT_WRITE:
		want(h, EPOLLIN | EPOLLOUT);
		return HTTPS_NOTHING;
	case SSL_ERROR_ZERO_RETURN:
		return ended_eof(h);
	case SSL_ERROR_SYSCALL:
		return error ? ended(h, end_of_error(error)) : ended_eof(h);
	default:
		return is_unexpected_eof() ? ended_eof(h) : ended(h, HTTPS_ENDED_TLS);
	}
}

static enum https_event drive_connect(struct https *h)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		return ended(h, error == ETIMEDOUT ? HTTPS_ENDED_TIMEOUT : HTTPS_ENDED_REFUSED);
	h->phase = HTTPS_HANDSHAKE;
	return HTTPS_NOTHING;
}

static enum https_event drive_handshake(struct https *h)
{
	int result;

	errno = 0;
	result = SSL_do_handshake(h->ssl);
	if (result != 1)
		return wait_or_end(h, result);
	h->phase = HTTPS_IDLE;
	want(h, EPOLLIN);
	return HTTPS_READY;
}

void https_get(struct https *h, const struct https_site *site, const char *path)
{
	h->request_len = snprintf(h->request, sizeof(h->request),
				  "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice-test\r\n\r\n",
				  path, site->name);
	h->head_len = 0;
	h->head_complete = false;
	h->status = 0;
	h->tls_node[0] = '\0';
	h->since_ns = https_now_ns();
	h->phase = HTTPS_SENDING;
	want(h, EPOLLIN | EPOLLOUT);
}

static enum https_event drive_send(struct https *h)
{
	int result;

	errno = 0;
	result = SSL_write(h->ssl, h->request, (int)h->request_len);
	if (result <= 0)
		return wait_or_end(h, result);
	h->phase = HTTPS_RECEIVING;
	want(h, EPOLLIN);
	return HTTPS_NOTHING;
}

/* The value of a header line if it is called `name`, else NULL. */
static const char *header_value(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) || line[len] != ':')
		return NULL;
	return line + len + 1 + strspn(line + len + 1, " ");
}

static void read_header(struct https *h, const char *line, bool *has_length)
{
	const char *value;

	value = header_value(line, "Content-Length");
	if (value) {
		h->body_left = strtoull(value, NULL, 10);
		*has_length = true;
	}
	value = header_value(line, "X-Sluice-Tls");
	if (value)
		snprintf(h->tls_node, sizeof(h->tls_node), "%s", value);
	value = header_value(line, "Connection");
	if (value && !strcasecmp(value, "close"))
		h->close_announced = true;
}

/* Reads the head that ends at `end`; false if it is not what a test's server sends. */
static bool read_head(struct https *h, char *end)
{
	bool has_length = false;
	char *line, *next;

	*end = '\0';
	if (sscanf(h->head, "HTTP/1.1 %d", &h->status) != 1)
		return false;
	for (line = strstr(h->head, "\r\n"); line; line = next) {
		line += 2;
		next = strstr(line, "\r\n");
		if (next)
			*next = '\0';
		read_header(h, line, &has_length);
	}
	return has_length;
}

static enum https_event answered(struct https *h)
{
	h->phase = HTTPS_IDLE;
	return HTTPS_ANSWERED;
}

static enum https_event receive_head(struct https *h, const char *data, size_t len)
{
	size_t body;
	char *end;

	if (h->head_len + len >= sizeof(h->head))
		return ended(h, HTTPS_ENDED_HTTP);
	memcpy(h->head + h->head_len, data, len);
	h->head_len += len;
	h->head[h->head_len] = '\0';
	end = strstr(h->head, "\r\n\r\n");
	if (!end)
		return HTTPS_NOTHING;
	body = h->head + h->head_len - (end + 4);
	if (!read_head(h, end) || body > h->body_left)
		return ended(h, HTTPS_ENDED_HTTP);
	h->head_complete = true;
	h->body_left -= body;
	return h->body_left ? HTTPS_NOTHING : answered(h);
}

static enum https_event receive(struct https *h, const char *data, size_t len)
{
	if (h->phase != HTTPS_RECEIVING)
		return ended(h, HTTPS_ENDED_HTTP); /* nothing was asked */
	if (!h->head_complete)
		return receive_head(h, data, len);
	if (len > h->body_left)
		return ended(h, HTTPS_ENDED_HTTP);
	h->body_left -= len;
	return h->body_left ? HTTPS_NOTHING : answered(h);
}

static enum https_event drive_receive(struct https *h)
{
	enum https_event event = HTTPS_NOTHING;
	char data[4096];
	int result;

	while (event == HTTPS_NOTHING) {
		errno = 0;
		result = SSL_read(h->ssl, data, sizeof(data));
		if (result <= 0)
			return wait_or_end(h, result);
		event = receive(h, data, result);
	}
	return event;
}

enum https_event https_drive(struct https *h)
{
	enum https_event event = HTTPS_NOTHING;

	ERR_clear_error();
	if (h->phase == HTTPS_CONNECTING)
		event = drive_connect(h);
	if (event == HTTPS_NOTHING && h->phase == HTTPS_HANDSHAKE)
		return drive_handshake(h);
	if (event == HTTPS_NOTHING && h->phase == HTTPS_SENDING)
		event = drive_send(h);
	if (event == HTTPS_NOTHING && (h->phase == HTTPS_RECEIVING || h->phase == HTTPS_IDLE))
		event = drive_receive(h);
	return event;
}
