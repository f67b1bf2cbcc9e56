/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the test clients share: options, the site's addresses, how they are told to stop. */
#ifndef SLUICE_TESTS_CLIENT_H
#define SLUICE_TESTS_CLIENT_H

#include <signal.h>

#include "https.h"

#define CLIENT_SITES 8
#define CLIENT_PATHS 8

struct client {
	const char *name, *ca, *port;
	const char *paths[CLIENT_PATHS]; /* take turns */
	size_t path_count;
	int family; /* AF_UNSPEC: all addresses that the name has, in turn */
	unsigned connections, interval_ms, timeout_ms;
	struct https_site sites[CLIENT_SITES];
	size_t site_count;
	int epoll;
};

/* Set by SIGTERM and SIGINT: finish what was begun, report, and exit. */
extern volatile sig_atomic_t client_stopping;

/* Options, resolver, certificates: 0, or the program's exit code after one line of error. */
int client_init(struct client *client, int argc, char **argv);
void client_fini(struct client *client);

/* The site of the i-th connection: the addresses take turns. */
static inline const struct https_site *client_site(const struct client *client, size_t i)
{
	return &client->sites[i % client->site_count];
}

/* The path of the n-th request. */
static inline const char *client_path(const struct client *client, size_t n)
{
	return client->path_count ? client->paths[n % client->path_count] : "/";
}

#endif /* SLUICE_TESTS_CLIENT_H */
