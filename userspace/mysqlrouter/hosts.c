/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "hosts.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "loop.h"

#define PERIOD_NS (60 * NS_PER_SEC)

void hosts_init(struct hosts *hosts)
{
	*hosts = (struct hosts){};
	RAND_bytes((unsigned char *)&hosts->seed, sizeof(hosts->seed));
}

struct host_address host_address(const struct sockaddr_storage *peer)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
	struct host_address address = {};

	if (peer->ss_family == AF_INET)
		memcpy(address.bytes + 4, &v4->sin_addr, 4);
	else if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		memcpy(address.bytes + 4, v6->sin6_addr.s6_addr + 12, 4);
	else if (peer->ss_family == AF_INET6)
		memcpy(address.bytes, &v6->sin6_addr, 8);
	return address;
}

static bool is_v4(struct host_address address)
{
	return !memcmp(address.bytes, (uint8_t[4]){}, 4);
}

static bool is_none(struct host_address address)
{
	return !memcmp(address.bytes, (uint8_t[8]){}, 8);
}

const char *host_format(struct host_address address, char buf[HOSTS_TEXT_LEN])
{
	const uint8_t *b = address.bytes;

	if (is_none(address))
		snprintf(buf, HOSTS_TEXT_LEN, "local");
	else if (is_v4(address))
		snprintf(buf, HOSTS_TEXT_LEN, "%u.%u.%u.%u", b[4], b[5], b[6], b[7]);
	else
		snprintf(buf, HOSTS_TEXT_LEN, "%x:%x:%x:%x::/64", b[0] << 8 | b[1],
			 b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7]);
	return buf;
}

static size_t slot_of(const struct hosts *hosts, struct host_address address)
{
	uint64_t key;

	memcpy(&key, address.bytes, sizeof(key));
	key = (key ^ hosts->seed) * 0x9e3779b97f4a7c15ull;
	return (size_t)(key >> 32) % HOSTS_SLOTS;
}

static bool is_current(const struct host *host, uint64_t now_ns)
{
	return host->failures && now_ns - host->since_ns < PERIOD_NS;
}

void hosts_failed(struct hosts *hosts, struct host_address address, uint64_t now_ns)
{
	struct host *host = &hosts->slots[slot_of(hosts, address)];

	if (is_none(address))
		return;
	if (is_current(host, now_ns) && !memcmp(&host->address, &address, sizeof(address))) {
		host->failures++;
		return;
	}
	if (is_current(host, now_ns) && --host->failures)
		return;
	*host = (struct host){.address = address, .failures = 1, .since_ns = now_ns};
}

bool hosts_is_blocked(const struct hosts *hosts, struct host_address address, unsigned most,
		      uint64_t now_ns)
{
	const struct host *host = &hosts->slots[slot_of(hosts, address)];

	return is_current(host, now_ns) && host->failures >= most &&
	       !memcmp(&host->address, &address, sizeof(address));
}
