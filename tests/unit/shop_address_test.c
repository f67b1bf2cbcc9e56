/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What visitors type: made clean, and checked. */
#include <stdbool.h>
#include <string.h>

#include "../../userspace/apps/foobar/address.h"
#include "../../userspace/apps/foobar/text.h"
#include "../support/unit.h"

static void cleaned_is(const char *text, const char *expected)
{
	char out[64];

	text_clean(text, out, sizeof(out));
	UNIT_ASSERT_TEXT(out, expected);
}

static void text_becomes_one_clean_line(void)
{
	cleaned_is(NULL, "");
	cleaned_is("", "");
	cleaned_is("  \t ", "");
	cleaned_is("Ada", "Ada");
	cleaned_is("  Ada \r\n  Lovelace\v", "Ada Lovelace");
	cleaned_is("Ada\xc2\xa0Lovelace", "Ada Lovelace");
	cleaned_is("a\x01\x1b[31mb\x7f", "a[31mb");
	cleaned_is("<b>&\"'", "<b>&\"'");
	cleaned_is("Zoë Wałęsa 東京 🔧", "Zoë Wałęsa 東京 🔧");
	cleaned_is("\xe2\x80\xaetxt.exe", "txt.exe");
}

static void bytes_that_are_no_utf8_become_question_marks(void)
{
	cleaned_is("\xff", "?");
	cleaned_is("a\x80z", "a?z");
	cleaned_is("a\xc3", "a?");
	cleaned_is("\xc0\xaf", "??");
	cleaned_is("\xe0\x80\xaf", "???");
	cleaned_is("\xed\xa0\x80", "???");
	cleaned_is("\xf4\x90\x80\x80", "????");
	cleaned_is("\xf8\x88\x80\x80\x80", "?????");
}

static void what_does_not_fit_is_cut_between_characters(void)
{
	char out[5];

	text_clean("abcdef", out, sizeof(out));
	UNIT_ASSERT_TEXT(out, "abcd");
	text_clean("abcé", out, sizeof(out));
	UNIT_ASSERT_TEXT(out, "abc");
	text_clean("abc d", out, sizeof(out));
	UNIT_ASSERT_TEXT(out, "abc");
	text_clean("é東", out, sizeof(out));
	UNIT_ASSERT_TEXT(out, "é");
	text_clean("é", out, 1);
	UNIT_ASSERT_TEXT(out, "");
}

static void length_counts_characters(void)
{
	CU_ASSERT_EQUAL(text_length(""), 0);
	CU_ASSERT_EQUAL(text_length("Zoë 東京"), 6);
}

static void empty_fields_are_asked_for(void)
{
	for (int part = 0; part < ADDRESS_PARTS; part++)
		UNIT_ASSERT_TEXT(address_mistake(part, ""), address_fields[part].missing);
}

static void lengths_are_counted_in_characters(void)
{
	char name[2 * 81 + 1] = "";

	for (int i = 0; i < 80; i++)
		strcat(name, "é");
	CU_ASSERT_PTR_NULL(address_mistake(ADDRESS_NAME, name));
	strcat(name, "é");
	CU_ASSERT_PTR_NOT_NULL(address_mistake(ADDRESS_NAME, name));
}

static void all_are(enum address_part part, const char *const *values, bool good)
{
	for (; *values; values++) {
		if (!address_mistake(part, *values) != good)
			printf("\n    %s: %s", address_fields[part].key, *values);
		CU_ASSERT_EQUAL(!address_mistake(part, *values), good);
	}
}

static void e_mail_addresses_are_told_from_slips(void)
{
	static const char *const good[] = {
		"a@b.c", "ada.lovelace+shop@mail.example.org", "o'hara@x-y.example", "jö@ex.at",
		NULL,
	};
	static const char *const bad[] = {
		"ada",	   "@b.c",     "ada@",	   "ada@b",    "ada@b.",
		"ada@.b",  "ada@b..c", "ada@-b.c", "ada@b-.c", "ada@b.c-",
		"a b@c.d", "a@b@c.d",  "<a@b.c>",  "a@b_c.d",  NULL,
	};

	all_are(ADDRESS_EMAIL, good, true);
	all_are(ADDRESS_EMAIL, bad, false);
}

static void postcodes_of_many_countries_pass(void)
{
	static const char *const good[] = {"1010", "SW1A 1AA", "D-10115", "12345-678", NULL};
	static const char *const bad[] = {"12", "--- -", "12#4", "1234567890123", NULL};

	all_are(ADDRESS_POSTCODE, good, true);
	all_are(ADDRESS_POSTCODE, bad, false);
}

static void only_countries_of_the_list_pass(void)
{
	static const char *const bad[] = {"austria", "Atlantis", NULL};

	all_are(ADDRESS_COUNTRY, address_countries, true);
	all_are(ADDRESS_COUNTRY, bad, false);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(text_becomes_one_clean_line),
		UNIT_TEST(bytes_that_are_no_utf8_become_question_marks),
		UNIT_TEST(what_does_not_fit_is_cut_between_characters),
		UNIT_TEST(length_counts_characters),
		UNIT_TEST(empty_fields_are_asked_for),
		UNIT_TEST(lengths_are_counted_in_characters),
		UNIT_TEST(e_mail_addresses_are_told_from_slips),
		UNIT_TEST(postcodes_of_many_countries_pass),
		UNIT_TEST(only_countries_of_the_list_pass),
		{},
	};

	return unit_run("shop_address", tests);
}
