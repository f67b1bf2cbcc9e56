/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Runs one suite of CUnit tests from main(): each test named by the behaviour
 * that it shows.
 */
#ifndef SLUICE_UNIT_H
#define SLUICE_UNIT_H

#include <CUnit/Basic.h>

struct unit_test {
	const char *name; /* NULL ends a list */
	void (*run)(void);
};

#define UNIT_TEST(function)                                                                        \
	{                                                                                          \
#function, function                                                                \
	}

/* Prints CUnit's run summary; returns the exit code for main(). */
int unit_run(const char *suite, const struct unit_test *tests);

/* CU_ASSERT_STRING_EQUAL that shows both strings when they differ. */
void unit_assert_text(const char *actual, const char *expected, const char *file, int line);
#define UNIT_ASSERT_TEXT(actual, expected) unit_assert_text(actual, expected, __FILE__, __LINE__)

#endif /* SLUICE_UNIT_H */
