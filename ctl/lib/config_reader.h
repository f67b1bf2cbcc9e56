/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The typed tables that drive the configuration reader. One line of a table is
 * one key: where its value goes, how it is parsed and what a mistake is told.
 * For files of any kind: the cluster's, and those of the daemons.
 */
#ifndef SLUICE_CONFIG_READER_H
#define SLUICE_CONFIG_READER_H

#include <stddef.h>

#include "config_yaml.h"
#include "model.h"
#include "model_validate.h"

struct reader {
	yaml_document_t document;
	struct diag_list *diags;
	struct unreadable_list unreadable;
	struct place object; /* of the model's object being filled */
	char label[256];     /* "policy "web": rule "http": ", for messages */
	size_t mistakes;
	size_t values; /* visited, aliases followed */
	bool stopped;  /* too much of either, or out of memory */
	bool out_of_memory;
};

struct field {
	const char *key; /* NULL ends a table */
	void (*read)(struct reader *r, const struct field *field, const yaml_node_t *value,
		     void *object);
	/* One scalar to a value at `out`: 0 or -EINVAL. */
	int (*parse)(const struct field *field, const char *text, void *out);
	size_t offset; /* of the member in the object */
	size_t size;   /* of the member; of one element of a list */
	size_t beside; /* offset of a list's count, or of the flag that it was given */
	unsigned min, max;
	const char *expected;	  /* NULL: told by `words` or by min and max */
	const char *const *words; /* ends with NULL */
	const char *(*suggest)(const char *text, char buf[VIP_TEXT_LEN]); /* may be NULL */
	const struct field *members; /* of a nested object, of each object in a map or list */
	const struct field *element; /* instead: each value in a map is this one field */
	const char *kind;	     /* of the objects in a map or list: "service" */
	/* Appends an object of a map or list; NULL: out of memory. */
	void *(*add)(void *object, const char *name);
	bool (*name_is_valid)(const char *name);
	bool required;
};

/* clang-format off */
#define FIELD_MEMBER(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define FIELD_LIST(type, member, count) \
	.offset = offsetof(type, member), .size = sizeof(*((type *)0)->member), \
	.beside = offsetof(type, count)
/* clang-format on */

/* --- files (config_document.c) ------------------------------------------------------ */

/*
 * Loads a file that is one mapping, for reader_close(); messages go to
 * r->diags. `beginning` tells who wrote something else how such files begin; "": anyhow.
 */
int reader_open(struct reader *r, const char *text, size_t length,
		const char *beginning) __must_check;
void reader_close(struct reader *r);

/* Reads a whole file of these members. -EINVAL: mistakes, all of them in `diags`, by place. */
int config_read_members(const char *text, size_t length, const struct field *members, void *object,
			struct diag_list *diags) __must_check;

/* --- values (config_reader.c) ------------------------------------------------------- */

void read_scalar(struct reader *r, const struct field *field, const yaml_node_t *value,
		 void *object);
void read_scalar_and_flag(struct reader *r, const struct field *field, const yaml_node_t *value,
			  void *object);
/* A scalar, or a list of scalars. */
void read_list(struct reader *r, const struct field *field, const yaml_node_t *value, void *object);
/* A mapping of the keys in `members`. */
void read_members(struct reader *r, const struct field *members, const yaml_node_t *mapping,
		  void *object);
void read_object(struct reader *r, const struct field *field, const yaml_node_t *value,
		 void *object);
/* A mapping of names to objects; nothing behind the name means all defaults. */
void read_map(struct reader *r, const struct field *field, const yaml_node_t *value, void *object);
/* A list of objects, which may have a key "name". */
void read_objects(struct reader *r, const struct field *field, const yaml_node_t *value,
		  void *object);

/* For readers of their own: calls `each` for every scalar of a scalar or list. */
void reader_each_scalar(struct reader *r, const struct field *field, const yaml_node_t *value,
			void *object,
			void (*each)(struct reader *r, const struct field *field,
				     const yaml_node_t *scalar, void *object));
const char *reader_text(const yaml_node_t *scalar);
/* Room for one more element of a list; NULL, and the reader stopped: out of memory. */
void *reader_list_add(struct reader *r, const struct field *field, void *object);
/* What the field expects, in words. */
const char *field_describe(const struct field *field, char *buf, size_t size);
/* What was probably meant by `text`, or NULL. */
const char *field_suggest(const struct field *field, const char *text, char buf[VIP_TEXT_LEN]);
/* For fields that take networks: without the bits behind the prefix. */
const char *suggest_network(const char *text, char buf[VIP_TEXT_LEN]);

/* --- messages (config_report.c) ---------------------------------------------------- */

#define READER_QUOTE_LEN 64

void reader_report(struct reader *r, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void reader_out_of_memory(struct reader *r);
/* Text from the file as it can be shown on one line. */
const char *reader_quote(const char *text, char buf[READER_QUOTE_LEN]);

/* Messages until reader_leave(), which takes the result, begin with kind and name. */
size_t reader_enter(struct reader *r, const char *kind, const char *name);
size_t reader_enter_numbered(struct reader *r, const char *kind, size_t number);
void reader_leave(struct reader *r, size_t before);

/* The value is not what the field expects. */
void reader_mistake(struct reader *r, const struct field *field, const yaml_node_t *value);
/* It is a list, a mapping or a value where another of these is `expected`. */
void reader_wrong_shape(struct reader *r, const struct field *field, const yaml_node_t *value,
			const char *expected);
/* The same for an object in a map or list of which then nothing is known. */
void reader_not_an_object(struct reader *r, const struct field *field, const yaml_node_t *value);
/* Reports whatever comes at `index` and is beyond the field's maximum. */
bool reader_too_many(struct reader *r, const struct field *field, size_t index, struct place at);
/* What follows only from this key of the object being read is not worth a message. */
void reader_mark_unreadable(struct reader *r, const char *key);

/* --- scalars (config_values.c) ----------------------------------------------------- */

int parse_number(const struct field *field, const char *text, void *out);
int parse_duration_ms(const struct field *field, const char *text, void *out);
int parse_syn_cookies(const struct field *field, const char *text, void *out);
int parse_percent(const struct field *field, const char *text, void *out);
int parse_bool(const struct field *field, const char *text, void *out);
int parse_word(const struct field *field, const char *text, void *out);
int parse_name(const struct field *field, const char *text, void *out);
int parse_ifname(const struct field *field, const char *text, void *out);
int parse_text(const struct field *field, const char *text, void *out); /* printable ASCII */
int parse_absolute_path(const struct field *field, const char *text, void *out);
int parse_tcp_flags_match(const struct field *field, const char *text, void *out);
int parse_icmp_match(const struct field *field, const char *text, void *out);
int parse_rule_state(const struct field *field, const char *text, void *out);
int parse_protocol(const struct field *field, const char *text, void *out);
int parse_port_range(const struct field *field, const char *text, void *out);
int parse_address(const struct field *field, const char *text, void *out);
/* The prefix must be given: an address alone would silently be /32 or /128. */
int parse_interface_address(const struct field *field, const char *text, void *out);
int parse_network(const struct field *field, const char *text, void *out);
int parse_endpoint(const struct field *field, const char *text, void *out);
int parse_vip(const struct field *field, const char *text, void *out);

#endif /* SLUICE_CONFIG_READER_H */
