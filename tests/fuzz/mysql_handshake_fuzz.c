/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets of the handshake from either side, GTIDs and hashes, of any bytes:
 * what is read from them lies inside of them.
 *
 * The first byte picks the reader.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/mysqlrouter/auth.h"
#include "../../userspace/mysqlrouter/gtid.h"
#include "../../userspace/mysqlrouter/handshake.h"
#include "../../userspace/mysqlrouter/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *first, *last;

static void check(struct span span)
{
	if (span.length && (span.bytes < first || span.bytes + span.length > last))
		abort();
}

static void read_reply(const uint8_t *bytes, size_t size, bool change_user)
{
	struct handshake_reply reply;
	int err = change_user ? handshake_change_user_read(bytes, size, UINT32_MAX, &reply)
			      : handshake_reply_read(bytes, size, &reply);

	if (err)
		return;
	check(reply.user);
	check(reply.proof);
	check(reply.database);
}

static void read_greeting(const uint8_t *bytes, size_t size)
{
	struct handshake_greeting greeting;

	if (!handshake_greeting_read(bytes, size, &greeting) &&
	    (strlen(greeting.version) >= sizeof(greeting.version) ||
	     strlen(greeting.plugin) >= sizeof(greeting.plugin)))
		abort();
}

static void read_switch(const uint8_t *bytes, size_t size)
{
	struct handshake_switch change;

	if (handshake_switch_read(bytes, size, &change))
		return;
	check(change.plugin);
	check(change.scramble);
}

/* What is read can be written, and read again as the same. */
static void read_gtids(enum gtid_flavour flavour, const uint8_t *bytes, size_t size)
{
	struct gtid_set set = {}, again = {};
	char text[GTID_TEXT_LEN];

	if (gtid_add_written(flavour, (struct span){(const char *)bytes, size}, &set))
		return;
	gtid_format(&set, text);
	if (gtid_add_written(flavour, (struct span){text, strlen(text)}, &again) ||
	    !gtid_contains(&set, &again) || !gtid_contains(&again, &set))
		abort();
}

static void read_error(const uint8_t *bytes, size_t size)
{
	struct result_error error;

	if (result_error_read(bytes, size, &error))
		return;
	check(error.state);
	check(error.text);
}

static void read_one(uint8_t choice, const uint8_t *bytes, size_t size)
{
	switch (choice % 7) {
	case 0:
		read_greeting(bytes, size);
		break;
	case 1:
		read_reply(bytes, size, false);
		break;
	case 2:
		read_reply(bytes, size, true);
		break;
	case 3:
		read_switch(bytes, size);
		break;
	case 4:
		read_gtids(GTID_MARIADB, bytes, size);
		break;
	case 5:
		read_gtids(GTID_MYSQL, bytes, size);
		break;
	case 6:
		read_error(bytes, size);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	first = (const char *)copy;
	last = first + size - 1;
	read_one(data[0], copy, size - 1);
	free(copy);
	return 0;
}
