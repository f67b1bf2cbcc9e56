/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sluice-agent: options, and nothing else. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "log.h"
#include "options.h"
#include "sluice/version.h"

enum { EXIT_OK, EXIT_USAGE, EXIT_FAILED };

struct options {
	char node[SLUICE_NAME_LEN];
	bool withdraw;
};

static const char usage[] =
	"Usage: sluice-agent [OPTION]...\n"
	"\n"
	"Checks backends, agrees on their health with the other balancers, announces VIPs,\n"
	"keeps next hops resolved and serves metrics, for the node of this host.\n"
	"\n"
	"  -n, --node NAME   the node; else $SLUICE_NODE, or the host name up to its first dot\n"
	"  -w, --withdraw    tell routers to leave, then remove this host's VIP routes, and exit\n"
	"  -v, --verbose     log what is only of use when looking for a fault\n"
	"      --version     print the version\n"
	"  -h, --help        print this\n";

static int set_node(struct options *options, const char *name)
{
	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) >= sizeof(options->node)) {
		fprintf(stderr,
			"sluice-agent: --node \"%s\": expected the name of a node, 1 to %zu "
			"bytes\n",
			name, sizeof(options->node) - 1);
		return -EINVAL;
	}
	strcpy(options->node, name);
	return 0;
}

static int set_default_node(struct options *options)
{
	char name[256];

	options_default_node(name, sizeof(name));
	return set_node(options, name);
}

/* 0: go on, 1: done, -EINVAL: wrong usage, already explained. */
static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"node", required_argument, NULL, 'n'}, {"withdraw", no_argument, NULL, 'w'},
		{"verbose", no_argument, NULL, 'v'},	{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	{0},
	};
	int letter, err = options_refuse_abbreviations("sluice-agent", argv, names);

	while (!err && (letter = getopt_long(argc, argv, "n:wvh", names, NULL)) != -1) {
		switch (letter) {
		case 'n':
			err = set_node(options, optarg);
			break;
		case 'w':
			options->withdraw = true;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			puts("sluice-agent " SLUICE_VERSION);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default: /* getopt has said what is wrong */
			return -EINVAL;
		}
	}
	if (err)
		return err;
	if (optind < argc) {
		fprintf(stderr, "sluice-agent: \"%s\": expected no argument besides options\n",
			argv[optind]);
		return -EINVAL;
	}
	return options->node[0] ? 0 : set_default_node(options);
}

static int complain(const struct options *options, int err)
{
	if (err == -EBUSY)
		fprintf(stderr, "sluice-agent: node \"%s\": its agent is running already\n",
			options->node);
	else
		fprintf(stderr, "sluice-agent: node \"%s\": %s\n", options->node, strerror(-err));
	return EXIT_FAILED;
}

static int withdraw(const struct options *options)
{
	int lock = agent_lock(options->node), err;

	/* A running agent would announce again what is removed here. */
	if (lock == -EBUSY) {
		fprintf(stderr, "sluice-agent: node \"%s\": stop its agent first\n", options->node);
		return EXIT_FAILED;
	}
	if (lock < 0)
		return complain(options, lock);
	err = announce_withdraw();
	close(lock);
	return err ? complain(options, err) : EXIT_OK;
}

static int run(const struct options *options)
{
	static struct agent agent;
	int err;

	err = agent_init(&agent, options->node);
	if (err)
		return complain(options, err);
	err = agent_run(&agent);
	agent_fini(&agent);
	return err ? complain(options, err) : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int ret = parse_options(&options, argc, argv);

	if (ret)
		return ret < 0 ? EXIT_USAGE : EXIT_OK;
	return options.withdraw ? withdraw(&options) : run(&options);
}
