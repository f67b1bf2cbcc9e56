/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Checks that find slips of the pen, not people with unusual names. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "address.h"
#include "text.h"

const struct address_field address_fields[ADDRESS_PARTS] = {
	[ADDRESS_NAME] = {"name", "Name", "text", "name", "", 80, "Please tell us your name."},
	[ADDRESS_EMAIL] = {"email", "E-mail", "email", "email", "", 120,
			   "Please tell us where to send the receipt."},
	[ADDRESS_STREET] = {"street", "Street and number", "text", "street-address", "", 120,
			    "Please tell us street and number."},
	[ADDRESS_POSTCODE] = {"postcode", "Postcode", "text", "postal-code", "narrow", 12,
			      "Please tell us the postcode."},
	[ADDRESS_CITY] = {"city", "Town", "text", "address-level2", "broad", 80,
			  "Please tell us the town."},
	[ADDRESS_COUNTRY] = {"country", "Country", "select", "country-name", "", 40,
			     "Please choose a country."},
};

const char *const address_countries[] = {
	"Austria", "Belgium",	  "Denmark", "France", "Germany",     "Ireland", "Italy",
	"Norway",  "Netherlands", "Spain",   "Sweden", "Switzerland", NULL,
};

static bool is_domain(const char *text)
{
	char before = '.';
	bool dot = false;

	for (; *text; before = *text++) {
		if (*text == '.') {
			dot = true;
			if (before == '.' || before == '-')
				return false;
		} else if (*text == '-') {
			if (before == '.')
				return false;
		} else if (!isalnum((unsigned char)*text)) {
			return false;
		}
	}
	return dot && before != '.' && before != '-';
}

static bool is_email(const char *text)
{
	const char *at = strchr(text, '@');

	return at && at != text && !strpbrk(text, " <>\"(),;:\\") && is_domain(at + 1);
}

static bool is_postcode(const char *text)
{
	size_t marks = 0;

	for (const char *at = text; *at; at++) {
		if (isalnum((unsigned char)*at))
			marks++;
		else if (*at != ' ' && *at != '-')
			return false;
	}
	return marks >= 3;
}

static bool is_country(const char *text)
{
	for (const char *const *country = address_countries; *country; country++) {
		if (strcmp(*country, text) == 0)
			return true;
	}
	return false;
}

const char *address_mistake(enum address_part part, const char *value)
{
	if (!*value)
		return address_fields[part].missing;
	if (text_length(value) > address_fields[part].most)
		return "That is longer than we can store.";
	if (part == ADDRESS_EMAIL && !is_email(value))
		return "This does not look like an e-mail address: name@example.com.";
	if (part == ADDRESS_POSTCODE && !is_postcode(value))
		return "A postcode has at least three letters or digits, and no other signs.";
	if (part == ADDRESS_COUNTRY && !is_country(value))
		return "We do not deliver there yet.";
	return NULL;
}
