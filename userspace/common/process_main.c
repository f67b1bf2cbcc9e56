/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The command line of a daemon, and its configuration as far as all daemons
 * share it.
 */
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "process_private.h"
#include "settings.h"
#include "sluice/version.h"

enum { EXIT_OK, EXIT_USAGE, EXIT_FAILED };

/* --- settings ----------------------------------------------------------------------- */

static unsigned usable_cpus(void)
{
	cpu_set_t cpus;
	unsigned count = 1;

	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		count = (unsigned)CPU_COUNT(&cpus);
	return count < PROCESS_MAX_WORKERS ? count : PROCESS_MAX_WORKERS;
}

void process_settings_init(struct process_settings *settings)
{
	*settings = (struct process_settings){
		.workers = usable_cpus(),
		.connections = 16384,
		.drain_ms = 30000,
		.watchdog_ms = 10000,
		.user = "nobody",
	};
	options_default_node(settings->node, sizeof(settings->node));
}

static void check_listeners(const struct configuration *conf, struct diag_list *diags)
{
	char text[LISTENER_TEXT_LEN];

	for (size_t i = 1; i < conf->listeners_total; i++)
		for (size_t j = 0; j < i; j++)
			if (listener_equal(&conf->listeners[i], &conf->listeners[j]))
				diag_add(diags, (struct place){0},
					 "%s is given twice: expected each address once",
					 listener_format(&conf->listeners[i], text));
}

static void find_user(struct configuration *conf, struct diag_list *diags)
{
	const struct passwd *user;

	conf->uid = (uid_t)-1;
	conf->gid = (gid_t)-1;
	if (geteuid())
		return;
	user = getpwnam(conf->settings->user);
	if (user) {
		conf->uid = user->pw_uid;
		conf->gid = user->pw_gid;
	} else {
		diag_add(diags, (struct place){0}, "user \"%s\": there is no such user",
			 conf->settings->user);
	}
}

/* What all daemons have in common; true: it is in order. */
static bool complete(const struct process_daemon *daemon, struct configuration *conf,
		     struct diag_list *diags)
{
	size_t before = diags->count, count;

	conf->settings = daemon->settings(conf->config);
	count = daemon->listeners(conf->config, conf->listeners);
	conf->listener_count = conf->listeners_total = count;
	if (conf->settings->has_metrics)
		conf->listeners[conf->listeners_total++] =
			(struct process_listener){.at = conf->settings->metrics};
	/* By default it comes from outside: a file's is valid. */
	if (!model_name_is_valid(conf->settings->node))
		diag_add(diags, (struct place){0},
			 "this host's name \"%s\" cannot name a node: give one by \"node\"",
			 conf->settings->node);
	check_listeners(conf, diags);
	find_user(conf, diags);
	return diags->count == before;
}

int configuration_read(const struct process_daemon *daemon, const char *path,
		       struct configuration *out)
{
	struct diag_list diags = {.file = path};
	int err;

	*out = (struct configuration){0};
	err = daemon->configure(path, &out->config, &diags);
	if (!err && !complete(daemon, out, &diags)) {
		configuration_release(daemon, out);
		err = -EINVAL;
	}
	if (err && !diags.count)
		diag_add(&diags, (struct place){0}, "%s", strerror(-err));
	settings_print(daemon->name, &diags);
	diag_fini(&diags);
	return err;
}

void configuration_release(const struct process_daemon *daemon, struct configuration *conf)
{
	daemon->release(conf->config);
	conf->config = NULL;
}

/* --- the command line ---------------------------------------------------------------- */

static void print_usage(const struct process_daemon *daemon)
{
	printf("Usage: %s [OPTION]...\n"
	       "\n"
	       "%s\n"
	       "\n"
	       "  -c, --config FILE  the configuration; else %s\n"
	       "      --check        say whether the configuration is right, and exit\n"
	       "  -v, --verbose      log what is only of use when looking for a fault\n"
	       "      --version      print the version\n"
	       "  -h, --help         print this\n"
	       "\n"
	       "SIGHUP reads the configuration again, SIGUSR1 opens the access log anew, SIGTERM\n"
	       "finishes what runs and ends; a second one ends at once.\n",
	       daemon->name, daemon->synopsis, daemon->config_path);
}

struct options {
	const char *config;
	bool check;
};

/* 0: go on, 1: done, -EINVAL: wrong usage, already explained. */
static int parse_options(const struct process_daemon *daemon, struct options *options, int argc,
			 char **argv)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'C'},
		{"verbose", no_argument, NULL, 'v'},	  {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	  {0},
	};
	int letter, err = options_refuse_abbreviations(daemon->name, argv, names);

	while (!err && (letter = getopt_long(argc, argv, "c:vh", names, NULL)) != -1) {
		switch (letter) {
		case 'c':
			options->config = optarg;
			break;
		case 'C':
			options->check = true;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			printf("%s %s\n", daemon->name, SLUICE_VERSION);
			return 1;
		case 'h':
			print_usage(daemon);
			return 1;
		default: /* getopt has said what is wrong */
			return -EINVAL;
		}
	}
	if (!err && optind < argc) {
		fprintf(stderr, "%s: \"%s\": expected no argument besides options\n", daemon->name,
			argv[optind]);
		err = -EINVAL;
	}
	return err;
}

int process_main(const struct process_daemon *daemon, int argc, char **argv)
{
	struct options options = {.config = daemon->config_path};
	struct configuration conf;
	int ret = parse_options(daemon, &options, argc, argv);

	if (ret)
		return ret < 0 ? EXIT_USAGE : EXIT_OK;
	if (configuration_read(daemon, options.config, &conf))
		return EXIT_USAGE;
	if (options.check) {
		printf("%s: %s: ok\n", daemon->name, options.config);
		configuration_release(daemon, &conf);
		return EXIT_OK;
	}
	return master_run(daemon, options.config, &conf) ? EXIT_FAILED : EXIT_OK;
}
