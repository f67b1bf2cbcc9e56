/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The engine behind the tables: walks a YAML document along a table of fields,
 * fills the model and goes on after every mistake, so that one run finds them
 * all. What it visits is counted, so aliases of aliases cannot blow up.
 */
#include "config_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_array.h"

#define OBJECT_EXPECTED	 "a mapping of keys to values"
#define MAP_EXPECTED	 "a mapping of names"
#define OBJECTS_EXPECTED "a list of mappings"

/* One key of a mapping and its value; name is NULL if the key was refused. */
struct entry {
	const char *name;
	struct place at;
	const yaml_node_t *value;
};

struct entries {
	struct entry *items;
	size_t count;
};

/* --- the document ---------------------------------------------------------------- */

/* NULL: stop, too much was visited. */
static const yaml_node_t *visit(struct reader *r, int index)
{
	const yaml_node_t *node = yaml_document_get_node(&r->document, index);

	if (!r->stopped && ++r->values > CONFIG_MAX_VALUES) {
		r->label[0] = '\0';
		reader_report(r, config_yaml_place_of(node),
			      "too large: aliases make more than %u values of it",
			      CONFIG_MAX_VALUES);
		r->stopped = true;
	}
	return r->stopped ? NULL : node;
}

const char *reader_text(const yaml_node_t *scalar)
{
	const char *text;

	if (scalar->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)scalar->data.scalar.value;
	return strlen(text) == scalar->data.scalar.length ? text : NULL;
}

/* `key:` with nothing behind it. */
static bool is_nothing(const yaml_node_t *value)
{
	return value->type == YAML_SCALAR_NODE && !value->data.scalar.length &&
	       value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static int by_name_then_place(const void *a, const void *b)
{
	const struct entry *left = *(const struct entry *const *)a;
	const struct entry *right = *(const struct entry *const *)b;
	int order = strcmp(left->name, right->name);

	return order ? order : left < right ? -1 : left > right;
}

static void refuse_duplicates(struct reader *r, struct entries *entries)
{
	struct entry **sorted = calloc(entries->count + 1, sizeof(struct entry *));
	struct entry *first = NULL;
	size_t count = 0;

	if (!sorted) {
		reader_out_of_memory(r);
		return;
	}
	for (size_t i = 0; i < entries->count; i++)
		if (entries->items[i].name)
			sorted[count++] = &entries->items[i];
	qsort(sorted, count, sizeof(struct entry *), by_name_then_place);
	for (size_t i = 0; i < count; i++) {
		char shown[READER_QUOTE_LEN];

		if (!first || strcmp(first->name, sorted[i]->name)) {
			first = sorted[i];
			continue;
		}
		reader_report(r, sorted[i]->at, "key \"%s\" is given twice: first on line %u",
			      reader_quote(first->name, shown), first->at.line);
		sorted[i]->name = NULL;
	}
	free(sorted);
}

static void entries_fini(struct entries *entries)
{
	free(entries->items);
}

static void entries_init(struct reader *r, struct entries *entries, const yaml_node_t *mapping)
{
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	size_t most = (size_t)(mapping->data.mapping.pairs.top - pair);

	entries->count = 0;
	entries->items = calloc(most + 1, sizeof(*entries->items));
	if (!entries->items) {
		reader_out_of_memory(r);
		return;
	}
	for (; pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = visit(r, pair->key);
		const yaml_node_t *value = visit(r, pair->value);
		struct entry *entry;

		if (!key || !value)
			break;
		entry = &entries->items[entries->count++];
		*entry = (struct entry){reader_text(key), config_yaml_place_of(key), value};
		if (!entry->name)
			reader_report(r, entry->at, "a key is expected to be a word");
	}
	refuse_duplicates(r, entries);
}

/* --- scalars and lists of them ----------------------------------------------------- */

static void *member(void *object, size_t offset)
{
	return (char *)object + offset;
}

void read_scalar(struct reader *r, const struct field *field, const yaml_node_t *value,
		 void *object)
{
	const char *text = reader_text(value);

	if (!text || field->parse(field, text, member(object, field->offset)))
		reader_mistake(r, field, value);
}

void read_scalar_and_flag(struct reader *r, const struct field *field, const yaml_node_t *value,
			  void *object)
{
	*(bool *)member(object, field->beside) = true;
	read_scalar(r, field, value, object);
}

void reader_each_scalar(struct reader *r, const struct field *field, const yaml_node_t *value,
			void *object,
			void (*each)(struct reader *r, const struct field *field,
				     const yaml_node_t *scalar, void *object))
{
	const yaml_node_item_t *item;

	if (value->type != YAML_SEQUENCE_NODE) {
		each(r, field, value, object);
		return;
	}
	item = value->data.sequence.items.start;
	for (size_t i = 0; &item[i] < value->data.sequence.items.top; i++) {
		const yaml_node_t *scalar = visit(r, item[i]);

		if (!scalar || reader_too_many(r, field, i, config_yaml_place_of(scalar)))
			break;
		each(r, field, scalar, object);
	}
}

void *reader_list_add(struct reader *r, const struct field *field, void *object)
{
	void *added = model_array_add(member(object, field->offset), member(object, field->beside),
				      field->size);

	if (!added)
		reader_out_of_memory(r);
	return added;
}

static void read_list_item(struct reader *r, const struct field *field, const yaml_node_t *scalar,
			   void *object)
{
	const char *text = reader_text(scalar);
	void *added = reader_list_add(r, field, object);

	if (!added)
		return;
	if (!text || field->parse(field, text, added)) {
		--*(size_t *)member(object, field->beside);
		reader_mistake(r, field, scalar);
	}
}

void read_list(struct reader *r, const struct field *field, const yaml_node_t *value, void *object)
{
	reader_each_scalar(r, field, value, object, read_list_item);
}

/* --- objects --------------------------------------------------------------------- */

static const struct field *find_field(const struct field *members, const char *key)
{
	for (; members->key; members++)
		if (!strcmp(members->key, key))
			return members;
	return NULL;
}

/* Reports the key; returns the field that was meant, or NULL. */
static const struct field *unknown_key(struct reader *r, const struct field *members,
				       const struct entry *entry)
{
	const char *keys[32], *meant;
	char shown[READER_QUOTE_LEN];
	size_t count = 0;

	while (members[count].key && count < 31) {
		keys[count] = members[count].key;
		count++;
	}
	keys[count] = NULL;
	meant = diag_nearest(entry->name, keys);
	if (!meant) {
		reader_report(r, entry->at, "unknown key \"%s\"", reader_quote(entry->name, shown));
		return NULL;
	}
	reader_mark_unreadable(r, meant);
	reader_report(r, entry->at, "unknown key \"%s\" (did you mean \"%s\"?)",
		      reader_quote(entry->name, shown), meant);
	return find_field(members, meant);
}

/* What must stand there: for a map or list, `expected` may be about what is in it. */
static const char *describe_missing(const struct field *field, char *buf, size_t size)
{
	if (field->read == read_map)
		return MAP_EXPECTED;
	if (field->expected || !field->members)
		return field_describe(field, buf, size);
	return field->read == read_objects ? OBJECTS_EXPECTED : OBJECT_EXPECTED;
}

static void require_members(struct reader *r, const struct field *members, unsigned given,
			    struct place at)
{
	char expected[256];

	for (size_t i = 0; members[i].key; i++) {
		if (!members[i].required || given & 1U << i)
			continue;
		reader_mark_unreadable(r, members[i].key);
		reader_report(r, at, "missing key \"%s\": expected %s", members[i].key,
			      describe_missing(&members[i], expected, sizeof(expected)));
	}
}

void read_members(struct reader *r, const struct field *members, const yaml_node_t *mapping,
		  void *object)
{
	struct entries entries;
	unsigned given = 0;

	entries_init(r, &entries, mapping);
	for (size_t i = 0; i < entries.count && !r->stopped; i++) {
		const struct entry *entry = &entries.items[i];
		const struct field *field;

		if (!entry->name)
			continue;
		field = find_field(members, entry->name);
		if (field)
			field->read(r, field, entry->value, object);
		else
			field = unknown_key(r, members, entry);
		if (field)
			given |= 1U << (field - members);
	}
	require_members(r, members, given, config_yaml_place_of(mapping));
	entries_fini(&entries);
}

void read_object(struct reader *r, const struct field *field, const yaml_node_t *value,
		 void *object)
{
	size_t before = strlen(r->label);

	if (value->type != YAML_MAPPING_NODE) {
		reader_wrong_shape(r, field, value, OBJECT_EXPECTED);
		return;
	}
	snprintf(r->label + before, sizeof(r->label) - before, "%s: ", field->key);
	read_members(r, field->members, value, member(object, field->offset));
	reader_leave(r, before);
}

/* Every object of the model begins with its place. */
static void read_named_object(struct reader *r, const struct field *field, struct place at,
			      const yaml_node_t *value, void *object)
{
	struct place outer = r->object;

	memcpy(object, &at, sizeof(at));
	r->object = at;
	if (field->element)
		field->element->read(r, field->element, value, object);
	else if (value->type == YAML_MAPPING_NODE)
		read_members(r, field->members, value, object);
	else if (is_nothing(value))
		require_members(r, field->members, 0, at);
	else
		reader_not_an_object(r, field, value);
	r->object = outer;
}

static void read_map_entry(struct reader *r, const struct field *field, const struct entry *entry,
			   void *object)
{
	size_t before = reader_enter(r, field->kind, entry->name);
	void *added;

	if (!field->name_is_valid(entry->name)) {
		reader_report(r, entry->at, "not a valid name: expected %s", field->expected);
	} else {
		added = field->add(object, entry->name);
		if (added)
			read_named_object(r, field, entry->at, entry->value, added);
		else
			reader_out_of_memory(r);
	}
	reader_leave(r, before);
}

void read_map(struct reader *r, const struct field *field, const yaml_node_t *value, void *object)
{
	struct entries entries;

	if (is_nothing(value))
		return;
	if (value->type != YAML_MAPPING_NODE) {
		reader_wrong_shape(r, field, value, MAP_EXPECTED);
		return;
	}
	entries_init(r, &entries, value);
	for (size_t i = 0; i < entries.count && !r->stopped; i++) {
		if (reader_too_many(r, field, i, entries.items[i].at))
			break;
		if (entries.items[i].name)
			read_map_entry(r, field, &entries.items[i], object);
	}
	entries_fini(&entries);
}

/* The value of the key "name", if it is there to be shown. */
static const char *name_of(struct reader *r, const yaml_node_t *value)
{
	if (value->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start;
	     pair < value->data.mapping.pairs.top; pair++) {
		const char *key = reader_text(yaml_document_get_node(&r->document, pair->key));

		if (key && !strcmp(key, "name"))
			return reader_text(yaml_document_get_node(&r->document, pair->value));
	}
	return NULL;
}

static void read_objects_item(struct reader *r, const struct field *field, size_t index,
			      const yaml_node_t *value, void *object)
{
	const char *name = name_of(r, value);
	size_t before = name ? reader_enter(r, field->kind, name)
			     : reader_enter_numbered(r, field->kind, index + 1);
	void *added = field->add(object, "");

	if (added)
		read_named_object(r, field, config_yaml_place_of(value), value, added);
	else
		reader_out_of_memory(r);
	reader_leave(r, before);
}

void read_objects(struct reader *r, const struct field *field, const yaml_node_t *value,
		  void *object)
{
	const yaml_node_item_t *item;

	if (is_nothing(value))
		return;
	if (value->type != YAML_SEQUENCE_NODE) {
		reader_wrong_shape(r, field, value, OBJECTS_EXPECTED);
		return;
	}
	item = value->data.sequence.items.start;
	for (size_t i = 0; &item[i] < value->data.sequence.items.top; i++) {
		const yaml_node_t *element = visit(r, item[i]);

		if (!element || reader_too_many(r, field, i, config_yaml_place_of(element)))
			break;
		read_objects_item(r, field, i, element, object);
	}
}
