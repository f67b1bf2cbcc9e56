/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who asks, and by what name the request goes: what trusted proxies tell, else
 * what the connection shows. In X-Forwarded-For the nearest address that is no trusted proxy's is
 * the client's; what stands before it may be forged.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "http/value.h"
#include "request.h"

#define HOPS_MAX  32
#define ID_BYTES  12
#define ID_SUPPLY (64 * ID_BYTES) /* random bytes fetched at a time */
#define ID_CHARS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool is_trusted(const struct app_config *config, const struct sluice_addr *addr)
{
	for (size_t i = 0; i < config->trusted_count; i++)
		if (prefix_contains(&config->trusted[i], addr))
			return true;
	return false;
}

static char *copy(struct app_request *r, struct http_slice text)
{
	char *made = arena_copy(&r->arena, text.at, text.len);

	if (!made)
		request_out_of_memory(r);
	return made;
}

/* The last elements of all X-Forwarded-For fields, the nearest last. */
static size_t read_hops(const struct http_head *head, struct http_slice hops[HOPS_MAX])
{
	const struct http_header *header = http_head_find(head, HTTP_FIELD_X_FORWARDED_FOR);
	struct http_slice rest, hop;
	size_t count = 0;

	for (; header; header = http_head_next(head, header)) {
		rest = header->value;
		while (http_list_next(&rest, &hop)) {
			if (count == HOPS_MAX)
				memmove(hops, hops + 1, --count * sizeof(*hops));
			hops[count++] = hop;
		}
	}
	return count;
}

static const char *find_client(struct app_request *r)
{
	struct http_slice hops[HOPS_MAX];
	size_t count = read_hops(&r->exchange->request, hops);
	char text[ADDR_TEXT_LEN] = "";
	struct sluice_addr addr;

	http_exchange_peer(r->exchange, text);
	for (bool trusted = r->trusted; trusted && count;) {
		char hop[ADDR_TEXT_LEN];

		if (hops[--count].len >= sizeof(hop))
			break;
		*(char *)mempcpy(hop, hops[count].at, hops[count].len) = '\0';
		if (addr_parse(hop, &addr))
			break;
		addr_format(&addr, text);
		trusted = is_trusted(r->worker->config, &addr);
	}
	return copy(r, http_slice_of(text));
}

static const char *make_id(struct app_request *r)
{
	static unsigned char supply[ID_SUPPLY];
	static size_t left;
	char id[2 * ID_BYTES + 1];

	if (!left) {
		if (RAND_bytes(supply, sizeof(supply)) != 1)
			return "-";
		left = sizeof(supply);
	}
	left -= ID_BYTES;
	for (size_t i = 0; i < ID_BYTES; i++)
		sprintf(id + 2 * i, "%02x", supply[left + i]);
	return copy(r, http_slice_of(id));
}

static const char *find_id(struct app_request *r)
{
	struct http_slice id = http_head_value(&r->exchange->request, HTTP_FIELD_X_REQUEST_ID);

	if (!r->trusted || !id.len || id.len >= REQUEST_ID_LEN)
		return make_id(r);
	for (size_t i = 0; i < id.len; i++)
		if (!memchr(ID_CHARS, id.at[i], sizeof(ID_CHARS) - 1))
			return make_id(r);
	return copy(r, id);
}

void request_identify(struct app_request *r)
{
	const struct http_head *head = &r->exchange->request;
	struct sluice_addr peer;

	/* Whoever may use a UNIX socket of this host is a proxy. */
	r->trusted = addr_from_sockaddr((const struct sockaddr *)r->exchange->peer, &peer) ||
		     is_trusted(r->worker->config, &peer);
	r->client = find_client(r);
	r->id = find_id(r);
	r->https = r->exchange->ssl ||
		   (r->trusted &&
		    http_slice_equal_nocase(http_head_value(head, HTTP_FIELD_X_FORWARDED_PROTO),
					    HTTP_SLICE("https")));
}
