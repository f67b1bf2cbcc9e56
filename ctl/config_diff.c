/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The difference of two configurations as values: objects member by member,
 * arrays of named objects (rules) by name and order, all else as a whole.
 */
#include "config_diff.h"

#include <errno.h>
#include <string.h>

#include "interfaces.h"
#include "model_json.h"

#define PATH_MAX_LEN 256

struct walk {
	json_t *changes;
	char path[PATH_MAX_LEN];
	bool failed;
};

static void compare(struct walk *walk, const json_t *from, const json_t *to);

static void note(struct walk *walk, const json_t *from, const json_t *to)
{
	const char *change = !from ? "add" : !to ? "del" : "set";
	json_t *item = json_pack("{s:s, s:s, s:O?, s:O?}", "change", change, "path", walk->path,
				 "from", (json_t *)from, "to", (json_t *)to);

	if (json_array_append_new(walk->changes, item))
		walk->failed = true;
}

/* One level down and back. */
static void compare_member(struct walk *walk, const char *key, const json_t *from, const json_t *to)
{
	size_t length = strlen(walk->path);

	snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s", length ? "." : "", key);
	compare(walk, from, to);
	walk->path[length] = '\0';
}

static void compare_objects(struct walk *walk, const json_t *from, const json_t *to)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)from, key, value)
		compare_member(walk, key, value, json_object_get(to, key));
	json_object_foreach((json_t *)to, key, value)
		if (!json_object_get(from, key))
			compare_member(walk, key, NULL, value);
}

static const char *name_of(const json_t *item)
{
	return json_string_value(json_object_get(item, "name"));
}

static bool is_named_list(const json_t *array)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (!name_of(item))
			return false;
	return json_array_size(array);
}

/* The items by their names: lists of thousands are compared. NULL: out of memory. */
static json_t *by_name(const json_t *array)
{
	json_t *index = json_object(), *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (json_object_set(index, name_of(item), item))
			break;
	if (i == json_array_size(array))
		return index;
	json_decref(index);
	return NULL;
}

/* The names that are in `other` as well, in the order of `array`. */
static json_t *common_names(const json_t *array, const json_t *other)
{
	json_t *out = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (json_object_get(other, name_of(item)))
			json_array_append_new(out, json_string(name_of(item)));
	return out;
}

static void compare_named_lists(struct walk *walk, const json_t *from, const json_t *to)
{
	json_t *in_from = by_name(from), *in_to = by_name(to), *before, *after;
	const json_t *item;
	size_t i;

	walk->failed |= !in_from || !in_to;
	json_array_foreach(from, i, item)
		compare_member(walk, name_of(item), item, json_object_get(in_to, name_of(item)));
	json_array_foreach(to, i, item)
		if (!json_object_get(in_from, name_of(item)))
			compare_member(walk, name_of(item), NULL, item);
	before = common_names(from, in_to);
	after = common_names(to, in_from);
	if (!json_equal(before, after))
		compare_member(walk, "(order)", before, after);
	json_decref(before);
	json_decref(after);
	json_decref(in_from);
	json_decref(in_to);
}

static void compare(struct walk *walk, const json_t *from, const json_t *to)
{
	if (from && to && json_equal(from, to))
		return;
	if (json_is_object(from) && json_is_object(to))
		compare_objects(walk, from, to);
	else if (is_named_list(from) && is_named_list(to))
		compare_named_lists(walk, from, to);
	else
		note(walk, from, to);
}

json_t *config_diff(const json_t *from, const json_t *to)
{
	struct walk walk = {.changes = json_array()};

	compare(&walk, from, to);
	if (!walk.failed)
		return walk.changes;
	json_decref(walk.changes);
	return NULL;
}

/* Interfaces that should have a program and have none, or the other way round. */
static int add_attachments(json_t *changes, const struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++) {
		const struct interface *interface = &node->interfaces[i];
		struct attachment attachment;
		bool is = !attach_query(interface->name, &attachment);

		if (is == !!interface->roles)
			continue;
		if (json_array_append_new(changes,
					  json_pack("{s:s, s:s+, s:s, s:s}", "change", "set",
						    "path", "program on ", interface->name, "from",
						    is ? "attached" : "not attached", "to",
						    is ? "not attached" : "attached")))
			return -ENOMEM;
	}
	return 0;
}

static json_t *compare_models(const struct cluster *from, const struct cluster *to)
{
	json_t *before = model_json(from), *after = model_json(to);
	json_t *changes = before && after ? config_diff(before, after) : NULL;

	json_decref(before);
	json_decref(after);
	return changes;
}

int config_diff_print(const struct invocation *inv, const struct session *session,
		      const struct cluster *wanted, bool *changes)
{
	static const struct output_column columns[] = {
		{"change", ""}, {"path", "what"}, {"from", "in force"}, {"to", "file"}, {}};
	static const struct output_table tables[] = {
		{.key = "changes", .empty = "no changes", .columns = columns}, {}};
	static const struct output_view view = {.tables = tables};
	const struct node *node = model_node(wanted, session->name);
	json_t *list = compare_models(&session->cluster, wanted);
	int err = list ? 0 : -ENOMEM;

	if (!err && node)
		err = add_attachments(list, node);
	*changes = json_array_size(list) > 0;
	if (!err)
		err = output_emit(&inv->out,
				  json_pack("{s:s, s:O}", "node", session->name, "changes", list),
				  &view);
	json_decref(list);
	return err ? session_failed(inv, err, "comparing") : EXIT_OK;
}
