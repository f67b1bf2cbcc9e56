/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fuzzing of the cluster file: whatever is read either gives messages that fit
 * a line, or a model that is written and read back as an equal model, by equal
 * bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "model.h"
#include "../support/model_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

static void check_messages(const struct diag_list *diags)
{
	REQUIRE(diags->count);
	for (size_t i = 0; i < diags->count; i++)
		for (const char *c = diags->items[i].text; *c; c++)
			REQUIRE(*c >= ' ' && *c <= '~');
}

static void check_round_trip(const struct cluster *cluster)
{
	char *text, *again_text;
	size_t length, again_length;
	struct diag_list diags = {};
	struct cluster again;

	REQUIRE(!config_write(cluster, &text, &length));
	REQUIRE(!config_read(text, length, &again, &diags));
	REQUIRE(model_equal(cluster, &again));
	REQUIRE(!config_write(&again, &again_text, &again_length));
	REQUIRE(length == again_length && !__builtin_memcmp(text, again_text, length));
	free(text);
	free(again_text);
	model_fini(&again);
}

static void check_copy(const struct cluster *cluster)
{
	struct cluster copy;

	REQUIRE(!model_copy(&copy, cluster));
	REQUIRE(model_equal(cluster, &copy));
	model_fini(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag_list diags = {};
	struct cluster cluster;

	if (config_read((const char *)data, size, &cluster, &diags)) {
		check_messages(&diags);
	} else {
		check_round_trip(&cluster);
		check_copy(&cluster);
	}
	diag_fini(&diags);
	model_fini(&cluster);
	return 0;
}
