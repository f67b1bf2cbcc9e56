/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Server ids of QUIC backends: as text, and as their addresses give them.
 */
#include <errno.h>
#include <string.h>

#include "model.h"

__u64 model_server_id(const struct service *service, const struct backend *backend)
{
	const struct sluice_addr *addr = backend->has4 ? &backend->addr4 : &backend->addr6;
	unsigned first = backend->has4 ? 12 : 0; /* of its octets, behind the mapped prefix */
	__u64 id = 0;

	if (backend->server_id.length)
		return backend->server_id.value;
	if (16 - service->quic > first)
		first = 16 - service->quic;
	for (unsigned i = first; i < 16; i++)
		id = id << 8 | addr->bytes[i];
	return id;
}

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

int server_id_parse(const char *text, struct server_id *out)
{
	size_t digits = strlen(text);
	__u64 value = 0;

	if (strncmp(text, "0x", 2) || digits < 4 || digits % 2 ||
	    digits > 2 + 2 * SLUICE_MAX_SERVER_ID)
		return -EINVAL;
	for (text += 2; *text; text++) {
		int digit = digit_value(*text);

		if (digit < 0)
			return -EINVAL;
		value = value << 4 | (__u64)digit;
	}
	*out = (struct server_id){.length = (unsigned)(digits - 2) / 2, .value = value};
	return 0;
}
