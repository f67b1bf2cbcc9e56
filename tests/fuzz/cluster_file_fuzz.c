/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A cluster file of any bytes: it is refused with a message, or it is read,
 * and what is written from it reads back as an equal model.
 */
#include <stdint.h>
#include <stdlib.h>

#include "model.h"
#include "../support/model_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct cluster *cluster)
{
	struct diag_list diags = {};
	struct cluster again;
	size_t length;
	char *text;

	if (config_write(cluster, &text, &length))
		abort();
	if (config_read(text, length, &again, &diags) || !model_equal(cluster, &again))
		abort();
	model_fini(&again);
	diag_fini(&diags);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag_list diags = {};
	struct cluster cluster;

	if (!config_read((const char *)data, size, &cluster, &diags))
		check_round_trip(&cluster);
	else if (diags.count == 0)
		abort();
	model_fini(&cluster);
	diag_fini(&diags);
	return 0;
}
