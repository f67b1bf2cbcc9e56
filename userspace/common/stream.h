/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A connected stream socket on a loop, plain or under TLS, behind one set of
 * calls. `event` is called again and again as long as there is something that
 * is wanted (stream_want) and possible. What is wanted may change at any time
 * and costs nothing: the socket is registered once, edge-triggered, and the
 * stream remembers what the kernel has said.
 *
 * Reading and writing may be tried at any time; what is known to be impossible
 * is answered without a system call. Under TLS a wanted direction is what the
 * application wants; that reading may have to write, and data that OpenSSL
 * holds already, are taken care of. Records that the kernel does not take at
 * once are kept (at most STREAM_UNSENT_MAX) and sent before anything else.
 */
#ifndef SLUICE_STREAM_H
#define SLUICE_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "loop.h"

#define STREAM_UNSENT_MAX (68u << 10) /* four TLS records */

enum stream_event {
	STREAM_READABLE = 1,  /* there are bytes, or the end */
	STREAM_WRITABLE = 2,  /* there is room, and what was written before is with the kernel */
	STREAM_CONNECTED = 4, /* connection and handshake are complete: comes once, first, alone */
	STREAM_FAILED = 8,    /* stream->error says why; nothing more will come */
};

/* Bytes that wait for the peer's handshake, or for room in the socket. */
struct stream_bytes {
	char *data; /* NULL: none */
	size_t start, end;
};

struct stream {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_task again; /* when more is possible than was done in `event` */
	const struct stream_ops *ops;
	SSL *ssl; /* NULL: plain */
	/* May close or free the stream. `events`: a set of enum stream_event. */
	void (*event)(struct stream *stream, unsigned events);
	int error;		      /* -errno; -EPROTO: TLS, see stream_tls_error() */
	uint8_t wanted;		      /* STREAM_READABLE, STREAM_WRITABLE */
	bool truncated;		      /* TLS: the end came without a close_notify */
	uint64_t bytes_in, bytes_out; /* as the application sees them */

	/* private to stream*.c */
	uint8_t phase, kernel;
	bool readable, blocked, finishing, finished;
	unsigned long tls_error;
	uint64_t handshake_began_ns;
	struct stream_bytes unsent, ahead;
};

/*
 * Takes over a connected, non-blocking socket. `ssl` (taken over too, or NULL)
 * is in accept or connect state; its handshake is driven before
 * STREAM_CONNECTED, which for a plain socket comes from the loop as well.
 * Nothing is wanted at first. On error the socket and `ssl` are closed.
 */
int stream_open(struct stream *stream, struct loop *loop, int fd, SSL *ssl,
		void (*event)(struct stream *stream, unsigned events)) __must_check;

/*
 * Makes a socket and connects it; STREAM_CONNECTED or STREAM_FAILED tell the
 * end, of which the caller sets the deadline. On error `ssl` is freed.
 */
int stream_connect(struct stream *stream, struct loop *loop, const struct sockaddr *to,
		   socklen_t to_length, SSL *ssl,
		   void (*event)(struct stream *stream, unsigned events)) __must_check;

/*
 * For protocols that begin TLS within the connection: all further bytes go
 * through `ssl`; STREAM_CONNECTED is reported once more when its handshake is
 * done. `ahead` is what was read already and belongs to TLS; it is copied. On
 * error `ssl` is freed and the stream is as it was.
 */
int stream_start_tls(struct stream *stream, SSL *ssl, const void *ahead,
		     size_t ahead_length) __must_check;

/*
 * Closes at once, with a close_notify if TLS is up and there is room. Records
 * that still wait for room are lost: see stream_has_unsent(). Harmless on a
 * closed stream.
 */
void stream_close(struct stream *stream);
/* No more will be written: close_notify and FIN. What was written before is delivered. */
void stream_finish(struct stream *stream);
/* Closes so that the peer sees a reset, not an end. */
void stream_reset(struct stream *stream);
bool stream_is_open(const struct stream *stream);

/*
 * Whether records of what was written are still kept here, under TLS: to be
 * asked before stream_close(). STREAM_WRITABLE tells when they are not.
 */
static inline bool stream_has_unsent(const struct stream *stream)
{
	return stream->unsent.data;
}

/* Which of STREAM_READABLE and STREAM_WRITABLE are to be reported. */
void stream_want(struct stream *stream, unsigned events);

/*
 * Bytes read; 0: the peer has ended (under TLS, see `truncated`); -EAGAIN: none
 * now; other -errno: failed.
 */
ssize_t stream_read(struct stream *stream, void *to, size_t size) __must_check;
/*
 * Bytes taken, at least 1; -EAGAIN: none now; other -errno: failed. Never raises
 * SIGPIPE. What was not taken may be given again in any other form, or not at all.
 */
ssize_t stream_write(struct stream *stream, const void *from, size_t length) __must_check;
/* The same for several pieces; under TLS small ones are joined into one record. */
ssize_t stream_writev(struct stream *stream, const struct iovec *pieces, int count) __must_check;
/* The same from a file; *offset moves on. Under TLS by way of memory. 0: it has ended early. */
ssize_t stream_sendfile(struct stream *stream, int file, off_t *offset, size_t length) __must_check;

/* What OpenSSL says of STREAM_FAILED with -EPROTO, in words; "" if nothing. Static memory. */
const char *stream_tls_error(const struct stream *stream);

#endif /* SLUICE_STREAM_H */
