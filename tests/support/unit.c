/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The runner of the unit tests: CUnit's basic interface, and an exit code that
 * says whether all tests were run and passed.
 */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int register_tests(const char *name, const struct unit_test *tests)
{
	CU_pSuite suite = CU_add_suite(name, NULL, NULL);

	if (!suite)
		return -1;
	for (; tests->name; tests++)
		if (!CU_add_test(suite, tests->name, tests->run))
			return -1;
	return 0;
}

int unit_run(const char *suite, const struct unit_test *tests)
{
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS || register_tests(suite, tests)) {
		fprintf(stderr, "%s: %s\n", suite, CU_get_error_msg());
		CU_cleanup_registry();
		return EXIT_FAILURE;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		failures = 1;
	else
		failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

void unit_assert_text(const char *actual, const char *expected, const char *file, int line)
{
	bool equal = actual && !strcmp(actual, expected);

	if (!equal)
		printf("\n    expected: %s\n    actual:   %s\n", expected,
		       actual ? actual : "(null)");
	CU_assertImplementation(equal, (unsigned)line, "texts are equal", file, "", CU_FALSE);
}
