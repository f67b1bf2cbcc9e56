/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fuzzing of the command line: bytes are lines of a batch, split into words, parsed on the
 * real command tree, and completed. Nothing is run. What a line was refused for is one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../ctl/batch.h"
#include "../../ctl/command.h"
#include "../../ctl/help.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 64

static void parse(int count, char *const *words)
{
	struct invocation inv = {.quiet = true}, follow = {0};
	int code = command_parse(&inv, count, words);

	if (code != EXIT_OK && code != EXIT_USAGE)
		__builtin_trap();
	if (!code && strlen(help_usage(&inv)) >= 1024)
		__builtin_trap();
	command_fini(&inv);
	(void)command_follow(&follow, count, words);
	command_fini(&follow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *line, *words[WORDS_MAX];

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		int count = batch_split(line, words, WORDS_MAX);

		if (count >= 0)
			parse(count, words);
	}
	free(text);
	return 0;
}
