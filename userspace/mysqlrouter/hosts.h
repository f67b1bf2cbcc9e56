/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Addresses whose clients fail to log in: counted for a minute in a table of
 * fixed size, in each worker. IPv6 by its /64. When two addresses meet in a
 * place, the one with fewer failures is forgotten.
 */
#ifndef SLUICE_MYSQL_HOSTS_H
#define SLUICE_MYSQL_HOSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOSTS_SLOTS    1024
#define HOSTS_TEXT_LEN 64

struct host_address {
	uint8_t bytes[8]; /* IPv4: in the last four; all zero: none (a UNIX socket) */
};

struct host {
	struct host_address address;
	uint32_t failures;
	uint64_t since_ns;
};

struct hosts {
	struct host slots[HOSTS_SLOTS];
	uint64_t seed;
};

void hosts_init(struct hosts *hosts);
struct host_address host_address(const struct sockaddr_storage *peer);
const char *host_format(struct host_address address, char buf[HOSTS_TEXT_LEN]);
void hosts_failed(struct hosts *hosts, struct host_address address, uint64_t now_ns);
bool hosts_is_blocked(const struct hosts *hosts, struct host_address address, unsigned most,
		      uint64_t now_ns);

#endif /* SLUICE_MYSQL_HOSTS_H */
