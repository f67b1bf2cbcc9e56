/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Edges of epoll become levels here: `kernel` says what the socket could do
 * when it was last heard of, and a short read or write, after which an edge is
 * sure to follow, takes that back. So an exchange costs the calls that move its
 * bytes, and no epoll_ctl(2) after the first.
 *
 * The application is called from the loop only, never from within its own calls.
 */
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "stream_private.h"

#define EDGES (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* --- the socket --------------------------------------------------------------- */

ssize_t stream_receive(struct stream *stream, void *to, size_t size)
{
	ssize_t got;

	if (!(stream->kernel & STREAM_KERNEL_IN))
		return -EAGAIN;
	do
		got = recv(stream->watch.fd, to, size, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		stream->kernel &= ~STREAM_KERNEL_IN;
		return -EAGAIN;
	}
	if (got < 0)
		return stream->error = -errno;
	if (got == 0)
		stream->kernel |= STREAM_KERNEL_END;
	else if ((size_t)got < size && !(stream->kernel & STREAM_KERNEL_HANGUP))
		stream->kernel &= ~STREAM_KERNEL_IN;
	return got;
}

static size_t pieces_length(const struct iovec *pieces, int count)
{
	size_t length = 0;

	for (int i = 0; i < count; i++)
		length += pieces[i].iov_len;
	return length;
}

ssize_t stream_send(struct stream *stream, const struct iovec *pieces, int count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
	ssize_t sent;

	if (!(stream->kernel & STREAM_KERNEL_OUT))
		return -EAGAIN;
	do
		sent = sendmsg(stream->watch.fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	if (sent < (ssize_t)pieces_length(pieces, count))
		stream->kernel &= ~STREAM_KERNEL_OUT;
	return sent < 0 ? -EAGAIN : sent;
}

int stream_bytes_keep(struct stream_bytes *bytes, const void *data, size_t length)
{
	char *copy = malloc(length);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, length);
	*bytes = (struct stream_bytes){.data = copy, .end = length};
	return 0;
}

void stream_bytes_drop(struct stream_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct stream_bytes){0};
}

/* --- plain -------------------------------------------------------------------- */

static int plain_flush(struct stream *stream)
{
	(void)stream;
	return 0;
}

static ssize_t plain_read(struct stream *stream, void *to, size_t size)
{
	ssize_t got = stream_receive(stream, to, size);

	stream->readable = stream->kernel & STREAM_KERNEL_IN;
	return got;
}

static ssize_t plain_sendfile(struct stream *stream, int file, off_t *offset, size_t length)
{
	ssize_t sent;

	if (!(stream->kernel & STREAM_KERNEL_OUT))
		return -EAGAIN;
	do
		sent = sendfile(stream->watch.fd, file, offset, length);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent; /* less than asked for: the socket is full or the file has ended */
	if (errno == EAGAIN)
		stream->kernel &= ~STREAM_KERNEL_OUT;
	return -errno;
}

static bool plain_holds(const struct stream *stream)
{
	(void)stream;
	return false;
}

static void plain_end(struct stream *stream)
{
	(void)stream;
}

static const struct stream_ops plain_ops = {
	.flush = plain_flush,
	.read = plain_read,
	.writev = stream_send,
	.sendfile = plain_sendfile,
	.holds = plain_holds,
	.end = plain_end,
	.release = plain_end,
};

/* --- events ------------------------------------------------------------------- */

static unsigned due_events(const struct stream *stream)
{
	unsigned events = stream->readable ? STREAM_READABLE : 0;

	if (stream->kernel & STREAM_KERNEL_OUT && !stream->unsent.data && !stream->blocked)
		events |= STREAM_WRITABLE;
	return events & stream->wanted;
}

static void fail(struct stream *stream, int err)
{
	loop_post_cancel(stream->loop, &stream->again);
	stream->error = err;
	stream->phase = STREAM_PHASE_FAILED;
	stream->event(stream, STREAM_FAILED);
}

/* Posted in advance: the callback may free the stream, or want something else. */
static void report(struct stream *stream, unsigned events)
{
	loop_post(stream->loop, &stream->again);
	stream->event(stream, events);
}

static void shake_hands(struct stream *stream)
{
	int err = stream->ops->handshake ? stream->ops->handshake(stream) : 0;

	if (err == -EAGAIN)
		return;
	if (err) {
		fail(stream, err);
		return;
	}
	stream->phase = STREAM_PHASE_OPEN;
	report(stream, STREAM_CONNECTED);
}

static void finish_if_possible(struct stream *stream)
{
	if (stream->unsent.data)
		return;
	stream->ops->end(stream);
	if (stream->unsent.data)
		return;
	stream->finishing = false;
	shutdown(stream->watch.fd, SHUT_WR);
}

static void carry_on(struct stream *stream)
{
	unsigned events;
	int err = stream->ops->flush(stream);

	if (err && err != -EAGAIN) {
		fail(stream, err);
		return;
	}
	if (stream->finishing)
		finish_if_possible(stream);
	events = due_events(stream);
	if (events)
		report(stream, events);
}

static void progress(struct stream *stream)
{
	if (stream->phase == STREAM_PHASE_HANDSHAKE)
		shake_hands(stream);
	else if (stream->phase == STREAM_PHASE_OPEN)
		carry_on(stream);
}

static void on_again(struct loop_task *task)
{
	progress(container_of(task, struct stream, again));
}

static int pending_error(const struct stream *stream)
{
	socklen_t length = sizeof(int);
	int err = 0;

	getsockopt(stream->watch.fd, SOL_SOCKET, SO_ERROR, &err, &length);
	return err ? -err : -ECONNRESET;
}

/* What came before an error is worth reading. */
static bool holds_bytes(const struct stream *stream)
{
	int bytes = 0;

	ioctl(stream->watch.fd, FIONREAD, &bytes);
	return bytes > 0 || stream->ops->holds(stream);
}

static void note_edge(struct stream *stream, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream->kernel |= STREAM_KERNEL_HANGUP;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		stream->kernel |= STREAM_KERNEL_IN;
		stream->readable = true;
		stream->blocked = false;
	}
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		stream->kernel |= STREAM_KERNEL_OUT;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct stream *stream = container_of(watch, struct stream, watch);

	if (stream->phase == STREAM_PHASE_FAILED)
		return;
	note_edge(stream, events);
	if (events & EPOLLERR && !holds_bytes(stream)) {
		fail(stream, pending_error(stream));
		return;
	}
	if (stream->phase == STREAM_PHASE_CONNECTING && events & EPOLLOUT) {
		stream->phase = STREAM_PHASE_HANDSHAKE;
		stream->handshake_began_ns = stream->loop->now_ns;
	}
	progress(stream);
}

/* --- life --------------------------------------------------------------------- */

static int open_socket(struct stream *stream, struct loop *loop, int fd, SSL *ssl,
		       void (*event)(struct stream *stream, unsigned events))
{
	int err;

	*stream = (struct stream){
		.loop = loop,
		.watch = {.fd = LOOP_NO_FD, .ready = on_ready},
		.again = {.run = on_again},
		.ops = &plain_ops,
		.event = event,
		.phase = STREAM_PHASE_CONNECTING,
	};
	err = ssl ? stream_tls_attach(stream, ssl) : 0;
	if (!err)
		err = loop_watch_add(loop, &stream->watch, fd, EDGES);
	if (!err)
		return 0;
	if (stream->ssl)
		stream->ops->release(stream);
	else
		SSL_free(ssl);
	stream->phase = STREAM_PHASE_CLOSED;
	close(fd);
	return err;
}

int stream_open(struct stream *stream, struct loop *loop, int fd, SSL *ssl,
		void (*event)(struct stream *stream, unsigned events))
{
	return open_socket(stream, loop, fd, ssl, event);
}

int stream_connect(struct stream *stream, struct loop *loop, const struct sockaddr *to,
		   socklen_t to_length, SSL *ssl,
		   void (*event)(struct stream *stream, unsigned events))
{
	const int on = 1;
	int err = 0, fd;

	*stream = (struct stream){0};
	fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err = -errno;
	else if (to->sa_family != AF_UNIX &&
		 setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		err = -errno;
	else if (connect(fd, to, to_length) && errno != EINPROGRESS)
		err = -errno;
	if (!err)
		return open_socket(stream, loop, fd, ssl, event);
	if (fd >= 0)
		close(fd);
	SSL_free(ssl);
	return err;
}

int stream_start_tls(struct stream *stream, SSL *ssl, const void *ahead, size_t ahead_length)
{
	int err = 0;

	if (ahead_length)
		err = stream_bytes_keep(&stream->ahead, ahead, ahead_length);
	if (!err)
		err = stream_tls_attach(stream, ssl);
	if (err) {
		stream_bytes_drop(&stream->ahead);
		SSL_free(ssl);
		return err;
	}
	stream->phase = STREAM_PHASE_HANDSHAKE;
	stream->handshake_began_ns = stream->loop->now_ns;
	loop_post(stream->loop, &stream->again);
	return 0;
}

static void dispose(struct stream *stream)
{
	int fd = stream->watch.fd;

	loop_post_cancel(stream->loop, &stream->again);
	loop_watch_del(stream->loop, &stream->watch);
	stream->ops->release(stream);
	stream->phase = STREAM_PHASE_CLOSED;
	close(fd);
}

void stream_close(struct stream *stream)
{
	if (stream->phase == STREAM_PHASE_CLOSED)
		return;
	if (stream->phase == STREAM_PHASE_OPEN && !stream->unsent.data)
		stream->ops->end(stream);
	dispose(stream);
}

void stream_finish(struct stream *stream)
{
	if (stream->phase != STREAM_PHASE_OPEN || stream->finished)
		return;
	stream->finished = stream->finishing = true;
	finish_if_possible(stream);
}

void stream_reset(struct stream *stream)
{
	const struct linger at_once = {.l_onoff = 1};

	if (stream->phase == STREAM_PHASE_CLOSED)
		return;
	setsockopt(stream->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	dispose(stream);
}

bool stream_is_open(const struct stream *stream)
{
	return stream->phase != STREAM_PHASE_CLOSED;
}

/* --- what the application does -------------------------------------------------- */

void stream_want(struct stream *stream, unsigned events)
{
	stream->wanted = (uint8_t)events;
	if (stream->phase == STREAM_PHASE_OPEN && due_events(stream))
		loop_post(stream->loop, &stream->again);
}

static int usable(const struct stream *stream)
{
	if (stream->error)
		return stream->error;
	return stream->phase == STREAM_PHASE_OPEN ? 0 : -EAGAIN;
}

ssize_t stream_read(struct stream *stream, void *to, size_t size)
{
	int err = usable(stream);
	ssize_t got;

	if (err)
		return err;
	got = stream->ops->read(stream, to, size);
	if (got > 0)
		stream->bytes_in += (size_t)got;
	return got;
}

static int may_write(const struct stream *stream)
{
	return stream->finished ? -EPIPE : usable(stream);
}

ssize_t stream_writev(struct stream *stream, const struct iovec *pieces, int count)
{
	int err = may_write(stream);
	ssize_t sent;

	if (err)
		return err;
	sent = stream->ops->writev(stream, pieces, count);
	if (sent > 0)
		stream->bytes_out += (size_t)sent;
	return sent;
}

ssize_t stream_write(struct stream *stream, const void *from, size_t length)
{
	const struct iovec piece = {.iov_base = (void *)from, .iov_len = length};

	return stream_writev(stream, &piece, 1);
}

ssize_t stream_sendfile(struct stream *stream, int file, off_t *offset, size_t length)
{
	int err = may_write(stream);
	ssize_t sent;

	if (err)
		return err;
	sent = stream->ops->sendfile(stream, file, offset, length);
	if (sent > 0)
		stream->bytes_out += (size_t)sent;
	return sent;
}
