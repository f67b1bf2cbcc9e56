/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "client.h"

#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

volatile sig_atomic_t client_stopping;

static const struct option options[] = {
	{"name", required_argument, NULL, 'n'},
	{"ca", required_argument, NULL, 'c'},
	{"path", required_argument, NULL, 'p'},
	{"port", required_argument, NULL, 'P'},
	{"connections", required_argument, NULL, 'N'},
	{"interval-ms", required_argument, NULL, 'i'},
	{"timeout-ms", required_argument, NULL, 't'},
	{"ipv4", no_argument, NULL, '4'},
	{"ipv6", no_argument, NULL, '6'},
	{},
};

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s --name NAME --ca FILE [--path PATH]... [--port PORT] [--connections N]\n"
		"       [--interval-ms MS] [--timeout-ms MS] [--ipv4|--ipv6]\n",
		program);
	return 1;
}

static int read_options(struct client *client, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'n':
			client->name = optarg;
			break;
		case 'c':
			client->ca = optarg;
			break;
		case 'p':
			if (client->path_count == CLIENT_PATHS)
				return usage(argv[0]);
			client->paths[client->path_count++] = optarg;
			break;
		case 'P':
			client->port = optarg;
			break;
		case 'N':
			client->connections = strtoul(optarg, NULL, 10);
			break;
		case 'i':
			client->interval_ms = strtoul(optarg, NULL, 10);
			break;
		case 't':
			client->timeout_ms = strtoul(optarg, NULL, 10);
			break;
		case '4':
		case '6':
			client->family = c == '4' ? AF_INET : AF_INET6;
			break;
		default:
			return usage(argv[0]);
		}
	}
	return client->name && client->ca && optind == argc ? 0 : usage(argv[0]);
}

static int resolve(struct client *client, SSL_CTX *tls)
{
	const struct addrinfo hints = {.ai_family = client->family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int err = getaddrinfo(client->name, client->port, &hints, &found);

	if (err) {
		fprintf(stderr, "%s: %s\n", client->name, gai_strerror(err));
		return 2;
	}
	for (const struct addrinfo *a = found; a && client->site_count < CLIENT_SITES;
	     a = a->ai_next) {
		struct https_site *site = &client->sites[client->site_count++];

		memcpy(&site->address, a->ai_addr, a->ai_addrlen);
		site->address_len = a->ai_addrlen;
		site->name = client->name;
		site->tls = tls;
	}
	freeaddrinfo(found);
	return 0;
}

static void stop(int number)
{
	(void)number;
	client_stopping = 1;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = stop};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int client_init(struct client *client, int argc, char **argv)
{
	SSL_CTX *tls;
	int code;

	*client = (struct client){
		.port = "443",
		.connections = 1,
		.interval_ms = 250,
		.timeout_ms = 10000,
	};
	code = read_options(client, argc, argv);
	if (code)
		return code;
	tls = SSL_CTX_new(TLS_client_method());
	if (!tls || SSL_CTX_load_verify_file(tls, client->ca) != 1) {
		fprintf(stderr, "%s: cannot read certificates\n", client->ca);
		return 2;
	}
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	catch_signals();
	return resolve(client, tls);
}

void client_fini(struct client *client)
{
	SSL_CTX_free(client->sites[0].tls);
	close(client->epoll);
}
