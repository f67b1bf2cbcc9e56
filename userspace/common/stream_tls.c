/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The transport of a stream under TLS. OpenSSL sees a BIO of our own:
 *
 *   reading asks the kernel only when an edge has said that there is something,
 *   so the read that would find nothing is never made;
 *   writing collects the records of one call, which then go out together; what
 *   the kernel does not take is kept as it is. So SSL_write() always succeeds,
 *   and its rule that the same bytes must be given again binds nobody.
 *
 * OpenSSL's error queue is empty whenever it is called, as SSL_get_error() demands.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#include "stream_private.h"
#include "tls.h"

#define RECORD_BYTES SSL3_RT_MAX_PLAIN_LENGTH
#define RECORD_ROOM  SSL3_RT_MAX_PACKET_SIZE /* with the most that a cipher adds */
#define FILE_BYTES   (4u * RECORD_BYTES)

/* The records of the call that is being made; empty between calls. */
static struct {
	size_t used;
	char bytes[STREAM_UNSENT_MAX];
} staged;

/* --- to the socket -------------------------------------------------------------- */

/* Sends what is staged and keeps the rest: 0 or -errno; then it is lost, as the connection is. */
static int send_staged(struct stream *stream)
{
	const struct iovec piece = {.iov_base = staged.bytes, .iov_len = staged.used};
	ssize_t sent;

	if (!staged.used)
		return 0;
	sent = stream_send(stream, &piece, 1);
	staged.used = 0;
	if (sent == -EAGAIN)
		sent = 0;
	if (sent < 0 || (size_t)sent == piece.iov_len)
		return sent < 0 ? (int)sent : 0;
	return stream_bytes_keep(&stream->unsent, staged.bytes + sent,
				 piece.iov_len - (size_t)sent);
}

static int tls_flush(struct stream *stream)
{
	struct stream_bytes *unsent = &stream->unsent;
	struct iovec piece;
	ssize_t sent;

	if (!unsent->data)
		return 0;
	piece.iov_base = unsent->data + unsent->start;
	piece.iov_len = unsent->end - unsent->start;
	sent = stream_send(stream, &piece, 1);
	if (sent < 0)
		return (int)sent;
	unsent->start += (size_t)sent;
	if (unsent->start < unsent->end)
		return -EAGAIN;
	stream_bytes_drop(unsent);
	stream->readable = true; /* reading may have waited for room to answer */
	return 0;
}

/* --- the BIO -------------------------------------------------------------------- */

static size_t take_ahead(struct stream_bytes *ahead, char *to, size_t size)
{
	size_t length = ahead->end - ahead->start;

	if (length > size)
		length = size;
	memcpy(to, ahead->data + ahead->start, length);
	ahead->start += length;
	if (ahead->start == ahead->end)
		stream_bytes_drop(ahead);
	return length;
}

static int bio_read(BIO *bio, char *to, int size)
{
	struct stream *stream = BIO_get_data(bio);
	ssize_t got;

	BIO_clear_retry_flags(bio);
	if (stream->ahead.data)
		return (int)take_ahead(&stream->ahead, to, (size_t)size);
	got = stream_receive(stream, to, (size_t)size);
	if (got == -EAGAIN)
		BIO_set_retry_read(bio);
	return got < 0 ? -1 : (int)got;
}

static int bio_write(BIO *bio, const char *from, int size)
{
	struct stream *stream = BIO_get_data(bio);
	size_t length = (size_t)size;

	BIO_clear_retry_flags(bio);
	if (staged.used == sizeof(staged.bytes) && send_staged(stream))
		return -1;
	if (stream->unsent.data) {
		BIO_set_retry_write(bio);
		return -1;
	}
	if (length > sizeof(staged.bytes) - staged.used)
		length = sizeof(staged.bytes) - staged.used;
	memcpy(staged.bytes + staged.used, from, length);
	staged.used += length;
	return (int)length;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH; /* at the end of the call */
}

static BIO *make_bio(struct stream *stream)
{
	static BIO_METHOD *method; /* lives as long as the process */
	BIO *bio;

	if (!method) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
		if (!method)
			return NULL;
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	bio = BIO_new(method);
	if (!bio)
		return NULL;
	BIO_set_data(bio, stream);
	BIO_set_init(bio, 1);
	return bio;
}

int stream_tls_attach(struct stream *stream, SSL *ssl)
{
	BIO *bio = make_bio(stream);

	if (!bio)
		return -ENOMEM;
	SSL_set_bio(ssl, bio, bio);
	stream->ssl = ssl;
	stream->ops = &stream_tls_ops;
	stream->readable = true;
	return 0;
}

/* --- what OpenSSL says ------------------------------------------------------------ */

/* Why a call returned `result` <= 0: 0 for the end, -EAGAIN, or -errno. */
static int failure(struct stream *stream, int result)
{
	switch (SSL_get_error(stream->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (stream->error)
			return stream->error;
		if (stream->kernel & STREAM_KERNEL_END)
			stream->truncated = true;
		return stream->truncated ? 0 : (stream->error = -ECONNRESET);
	default:
		stream->tls_error = ERR_peek_last_error();
		ERR_clear_error();
		return stream->error = -EPROTO;
	}
}

static int handshake_step(struct stream *stream)
{
	int sent, result, err;

	ERR_clear_error();
	result = SSL_do_handshake(stream->ssl);
	err = result == 1 ? 0 : failure(stream, result);
	if (result != 1 && err == 0) /* the peer has left */
		err = stream->error = -ECONNRESET;
	sent = send_staged(stream);
	return err ? err : sent;
}

static int tls_handshake(struct stream *stream)
{
	int err = tls_flush(stream);

	if (!err)
		err = handshake_step(stream);
	if (err != -EAGAIN)
		tls_handshake_ended(stream->ssl, err == 0,
				    loop_clock_ns() - stream->handshake_began_ns);
	return err;
}

/* --- bytes ------------------------------------------------------------------------ */

static bool tls_holds(const struct stream *stream)
{
	return stream->ahead.data || SSL_has_pending(stream->ssl);
}

/* OpenSSL may hold part of a record: that is no reason to read again before there is more. */
static ssize_t tls_read(struct stream *stream, void *to, size_t size)
{
	size_t total = 0, got;
	int result, err;

	ERR_clear_error();
	do {
		result = SSL_read_ex(stream->ssl, (char *)to + total, size - total, &got);
		if (result == 1)
			total += got;
	} while (result == 1 && total < size && SSL_has_pending(stream->ssl));
	err = result == 1 ? 0 : failure(stream, result);
	send_staged(stream); /* the next write will meet its error; what was read is good */
	if (result == 1)
		stream->readable = stream->kernel & STREAM_KERNEL_IN || tls_holds(stream);
	else if (err == -EAGAIN)
		stream->readable = false;
	return total ? (ssize_t)total : err;
}

/* Pieces that are yet to be made into records. */
struct pieces {
	const struct iovec *at;
	int count;
	size_t offset;
};

/* The plaintext of the next record: as it lies, or joined from several pieces. 0: none is left. */
static size_t next_record(struct pieces *pieces, const char **data)
{
	static char joined[RECORD_BYTES];
	size_t used = 0;

	*data = joined;
	while (pieces->count && used < RECORD_BYTES) {
		const char *from = (const char *)pieces->at->iov_base + pieces->offset;
		size_t left = pieces->at->iov_len - pieces->offset;
		size_t length = left < RECORD_BYTES - used ? left : RECORD_BYTES - used;
		bool alone = !used && length && (length == RECORD_BYTES || pieces->count == 1);

		pieces->offset += length;
		if (pieces->offset == pieces->at->iov_len)
			*pieces = (struct pieces){pieces->at + 1, pieces->count - 1, 0};
		if (alone) {
			*data = from;
			return length;
		}
		memcpy(joined + used, from, length);
		used += length;
	}
	return used;
}

static int ready_to_write(struct stream *stream)
{
	int err = tls_flush(stream);

	if (err)
		return err;
	return stream->kernel & STREAM_KERNEL_OUT && !stream->blocked ? 0 : -EAGAIN;
}

static int write_record(struct stream *stream, const char *data, size_t length)
{
	size_t written;
	int err, result = SSL_write_ex(stream->ssl, data, length, &written);

	if (result == 1)
		return 0;
	err = failure(stream, result);
	stream->blocked = err == -EAGAIN; /* it has to read first: there is room for writing */
	return err ? err : -EPIPE;
}

static ssize_t tls_writev(struct stream *stream, const struct iovec *pieces, int count)
{
	struct pieces rest = {pieces, count, 0};
	int sent, err = ready_to_write(stream);
	size_t length, taken = 0;
	const char *data;

	if (err)
		return err;
	ERR_clear_error();
	while (!err && sizeof(staged.bytes) - staged.used >= RECORD_ROOM &&
	       (length = next_record(&rest, &data))) {
		err = write_record(stream, data, length);
		if (!err)
			taken += length;
	}
	sent = send_staged(stream);
	if (sent)
		return sent;
	return taken ? (ssize_t)taken : err;
}

static ssize_t tls_sendfile(struct stream *stream, int file, off_t *offset, size_t length)
{
	static char content[FILE_BYTES];
	int err = ready_to_write(stream);
	struct iovec piece = {.iov_base = content};
	ssize_t got;

	if (err)
		return err;
	do
		got = pread(file, content, length < FILE_BYTES ? length : FILE_BYTES, *offset);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -errno : 0;
	piece.iov_len = (size_t)got;
	got = tls_writev(stream, &piece, 1);
	if (got > 0)
		*offset += got;
	return got;
}

/* --- the end ------------------------------------------------------------------------ */

static void tls_end(struct stream *stream)
{
	if (stream->error || SSL_get_shutdown(stream->ssl) & SSL_SENT_SHUTDOWN)
		return;
	ERR_clear_error();
	SSL_shutdown(stream->ssl);
	send_staged(stream); /* if that fails, there is nobody to be told */
}

static void tls_release(struct stream *stream)
{
	SSL_free(stream->ssl);
	stream->ssl = NULL;
	stream_bytes_drop(&stream->unsent);
	stream_bytes_drop(&stream->ahead);
	ERR_clear_error();
}

const char *stream_tls_error(const struct stream *stream)
{
	const char *words = NULL;

	if (stream->tls_error)
		words = ERR_reason_error_string(stream->tls_error);
	return words ? words : "";
}

const struct stream_ops stream_tls_ops = {
	.handshake = tls_handshake,
	.flush = tls_flush,
	.read = tls_read,
	.writev = tls_writev,
	.sendfile = tls_sendfile,
	.holds = tls_holds,
	.end = tls_end,
	.release = tls_release,
};
