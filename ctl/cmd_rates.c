/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl rates: what happens each second, once or again and again.
 */
#include "commands.h"
#include "rates.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct rates_args {
	unsigned interval, count;
};

static int print_rates(const struct session *session, const struct rates_sample *from,
		       const struct rates_sample *to)
{
	json_t *root;
	int err = rates_json(session, from, to, &root);

	return err ? err : output_emit(&session->inv->out, root, &rates_view);
}

static int show_rates(const struct session *session)
{
	const struct rates_args *args = session->inv->args;
	const struct timespec pause = {.tv_sec = args->interval ? args->interval : 1};
	struct rates_sample *samples = calloc(2, sizeof(*samples));
	unsigned count = args->count ? args->count : 1;
	int err = samples ? rates_sample(session, &samples[0]) : -ENOMEM;

	for (unsigned i = 0; i < count && !err; i++) {
		nanosleep(&pause, NULL);
		err = rates_sample(session, &samples[1]);
		if (!err)
			err = print_rates(session, &samples[0], &samples[1]);
		loads_free(samples[0].loads);
		samples[0] = samples[1];
		samples[1].loads = NULL;
	}
	if (samples)
		loads_free(samples[0].loads);
	free(samples);
	return err ? session_failed(session->inv, err, "reading the counters") : EXIT_OK;
}

static int run_rates(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);

	if (!code)
		code = show_rates(&session);
	session_close(&session);
	return code;
}

static const struct parameter rates_parameters[] = {
	OPTION(struct rates_args, interval, "interval", "N", type_count,
	       "seconds between two looks at the counters; 1 by default"),
	OPTION(struct rates_args, count, "count", "N", type_count,
	       "how many times; once by default"),
	{},
};

const struct command command_rates = {
	.word = "rates",
	.summary = "show packets, bits and new flows a second",
	.detail =
		"By interface, VIP, backend and reason of drops. Bits are those of the frames as\n"
		"received.",
	.parameters = rates_parameters,
	.args_size = sizeof(struct rates_args),
	.run = run_rates,
};
