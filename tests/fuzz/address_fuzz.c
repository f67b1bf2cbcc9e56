/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Addresses, prefixes and endpoints from any text: whatever is accepted, its
 * canonical form means the same and is its own canonical form.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *text)
{
	char canonical[ADDR_TEXT_LEN];
	struct sluice_addr addr, again;

	if (addr_parse(text, &addr))
		return;
	addr_format(&addr, canonical);
	if (addr_parse(canonical, &again) || addr_cmp(&addr, &again))
		abort();
}

static void check_prefix(const char *text)
{
	char canonical[PREFIX_TEXT_LEN];
	struct prefix prefix, again;

	if (prefix_parse(text, &prefix))
		return;
	prefix_format(&prefix, canonical);
	if (prefix_parse(canonical, &again) || addr_cmp(&prefix.addr, &again.addr) ||
	    prefix.bits != again.bits)
		abort();
}

static void check_endpoint(const char *text)
{
	char canonical[ENDPOINT_TEXT_LEN];
	struct endpoint endpoint, again;

	if (endpoint_parse(text, &endpoint))
		return;
	endpoint_format(&endpoint, canonical);
	if (endpoint_parse(canonical, &again) || addr_cmp(&endpoint.addr, &again.addr) ||
	    endpoint.port != again.port)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	check_address(text);
	check_prefix(text);
	check_endpoint(text);
	free(text);
	return 0;
}
