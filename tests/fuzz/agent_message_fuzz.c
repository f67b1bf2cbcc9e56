/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Datagrams between agents: one of any bytes is not believed, and a walk over
 * one that a peer has signed, whatever it signed, stays inside of it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/agent/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct message_key key = {.length = 16, .bytes = "sixteen secrets"};

static void visit_service(void *context, uint64_t service, bool blind)
{
	*(uint64_t *)context ^= service + blind;
}

static void visit_backend(void *context, uint64_t backend, bool up, unsigned share)
{
	if (backend & 0xff || share > 127)
		abort();
	*(uint64_t *)context ^= backend + up + share;
}

/* A buffer of exactly the datagram's size, so that a byte read behind it is seen. */
static int verify_and_walk(const uint8_t *data, size_t size)
{
	static const struct message_visitor visitor = {visit_service, visit_backend};
	unsigned char *copy = malloc(size ? size : 1);
	struct message_header header;
	uint64_t sum = 0;
	int err = -ENOMEM;

	if (!copy)
		return err;
	if (size)
		memcpy(copy, data, size);
	err = message_verify(copy, size, &key, &header);
	if (!err)
		message_walk(copy, size, &visitor, &sum);
	free(copy);
	return err;
}

/* `data` as the records behind a good header. */
static void sign_and_walk(const uint8_t *data, size_t size)
{
	static struct message_writer writer;

	if (size > MESSAGE_MAX_BYTES - MESSAGE_HEADER_BYTES - MESSAGE_TAIL_BYTES)
		return;
	message_begin(&writer, &(struct message_header){.node = "peer"});
	if (size)
		memcpy(writer.bytes + writer.used, data, size);
	writer.used += size;
	if (!message_finish(&writer, &key) && verify_and_walk(writer.bytes, writer.used) == -EACCES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!verify_and_walk(data, size))
		abort();
	sign_and_walk(data, size);
	return 0;
}
