/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where an order goes to: the fields of the form, and what may be in them. */
#ifndef FOOBAR_ADDRESS_H
#define FOOBAR_ADDRESS_H

#include <stddef.h>

#define ADDRESS_TEXT_MAX 512 /* bytes; 120 characters of four bytes, and more to see the excess */

enum address_part {
	ADDRESS_NAME,
	ADDRESS_EMAIL,
	ADDRESS_STREET,
	ADDRESS_POSTCODE,
	ADDRESS_CITY,
	ADDRESS_COUNTRY,
	ADDRESS_PARTS,
};

struct address_field {
	const char *key;		 /* of the form, and the database's column */
	const char *label;		 /* in front of it */
	const char *type, *autocomplete; /* HTML's */
	const char *width;		 /* the style sheet's; "" */
	size_t most;			 /* characters */
	const char *missing;		 /* what is said when nothing is in it */
};

extern const struct address_field address_fields[ADDRESS_PARTS];
/* Where we deliver to; NULL behind the last. */
extern const char *const address_countries[];

struct address {
	char parts[ADDRESS_PARTS][ADDRESS_TEXT_MAX]; /* clean: text.h */
};

/* NULL: `value` will do; or what to tell the visitor. */
const char *address_mistake(enum address_part part, const char *value);

#endif /* FOOBAR_ADDRESS_H */
