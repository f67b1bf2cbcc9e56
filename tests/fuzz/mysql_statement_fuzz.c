/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SQL of any bytes: the classifier reads nothing outside of it, and a text that
 * it did not see whole is never proved to be a read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/mysqlrouter/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The statement behind a comment means the same, unless it is none itself. */
static void check_comment(const char *text, size_t size, const struct statement *expected)
{
	char *longer = malloc(size + 5);
	struct statement statement;

	if (!longer)
		return;
	memcpy(longer, "/**/ ", 5);
	memcpy(longer + 5, text, size);
	statement = statement_classify((struct span){longer, size + 5}, false);
	if (statement.route != expected->route || statement.flags != expected->flags)
		abort();
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct statement statement;
	char *text = malloc(size ? size : 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	statement = statement_classify((struct span){text, size}, true);
	if (statement.route == STATEMENT_READ || statement.route == STATEMENT_ALL)
		abort();
	statement = statement_classify((struct span){text, size}, false);
	if (statement.route == STATEMENT_READ && statement.flags & STATEMENT_PINS)
		abort();
	check_comment(text, size, &statement);
	free(text);
	return 0;
}
