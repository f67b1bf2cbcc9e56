/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What stream.c and its two kinds of transport share: the plain socket here,
 * TLS in stream_tls.c.
 */
#ifndef SLUICE_STREAM_PRIVATE_H
#define SLUICE_STREAM_PRIVATE_H

#include "stream.h"

enum stream_phase {
	STREAM_PHASE_CLOSED, /* of a zeroed structure */
	STREAM_PHASE_CONNECTING,
	STREAM_PHASE_HANDSHAKE,
	STREAM_PHASE_OPEN,
	STREAM_PHASE_FAILED,
};

/* What the kernel has said last: an edge sets a bit, a call that falls short clears it. */
enum stream_kernel {
	STREAM_KERNEL_IN = 1,
	STREAM_KERNEL_OUT = 2,
	STREAM_KERNEL_HANGUP = 4, /* an end or error is queued: no further edge will tell */
	STREAM_KERNEL_END = 8,	  /* it was read */
};

struct stream_ops {
	/* 0, -EAGAIN or -errno; NULL: there is none. */
	int (*handshake)(struct stream *stream);
	/* Sends what was taken before: 0, -EAGAIN or -errno. */
	int (*flush)(struct stream *stream);
	ssize_t (*read)(struct stream *stream, void *to, size_t size);
	ssize_t (*writev)(struct stream *stream, const struct iovec *pieces, int count);
	ssize_t (*sendfile)(struct stream *stream, int file, off_t *offset, size_t length);
	/* Whether bytes are held beside those in the socket. */
	bool (*holds)(const struct stream *stream);
	/* Says that no more will be written, if it can be said. */
	void (*end)(struct stream *stream);
	void (*release)(struct stream *stream);
};

extern const struct stream_ops stream_tls_ops;

/* Has all bytes go through `ssl`, which is the stream's on success. */
int stream_tls_attach(struct stream *stream, SSL *ssl) __must_check;

/* As recv(2) and sendmsg(2), but -errno, and -EAGAIN at once if that is known to come. */
ssize_t stream_receive(struct stream *stream, void *to, size_t size) __must_check;
ssize_t stream_send(struct stream *stream, const struct iovec *pieces, int count) __must_check;

/* Replaces what is kept by a copy; 0 or -ENOMEM. */
int stream_bytes_keep(struct stream_bytes *bytes, const void *data, size_t length) __must_check;
void stream_bytes_drop(struct stream_bytes *bytes);

#endif /* SLUICE_STREAM_PRIVATE_H */
