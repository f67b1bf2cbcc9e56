/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What `lbctl top` shows: in each table the rows that hold the filter's text, sorted by one of
 * its columns of numbers. No terminal is needed here.
 */
#include "rates_screen.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Most tables have fewer columns of numbers than the one that has most: sorted by their last. */
#define SORT_COLUMNS 6

/* --- keys ------------------------------------------------------------------- */

static void type_key(struct rates_screen *screen, int key)
{
	size_t length = strlen(screen->filter);

	if (key == '\n' || key == '\r' || key == 27) {
		screen->typing = false;
		if (key == 27)
			*screen->filter = '\0';
	} else if ((key == SCREEN_KEY_BACKSPACE || key == '\b') && length) {
		screen->filter[length - 1] = '\0';
	} else if (key > 0 && key < 128 && isprint(key) && length < SCREEN_FILTER_MAX) {
		screen->filter[length] = (char)key;
		screen->filter[length + 1] = '\0';
	}
}

bool rates_screen_key(struct rates_screen *screen, int key)
{
	if (screen->typing) {
		type_key(screen, key);
		return true;
	}
	if (key == 's')
		screen->sort = (screen->sort + 1) % SORT_COLUMNS;
	else if (key == 'r')
		screen->ascending = !screen->ascending;
	else if (key == 'p' || key == ' ')
		screen->paused = !screen->paused;
	else if (key == '/')
		screen->typing = true;
	else if (key >= '1' && key <= '8')
		screen->hidden ^= 1U << (key - '1');
	else if (key == SCREEN_KEY_DOWN || key == 'j')
		screen->top++;
	else if ((key == SCREEN_KEY_UP || key == 'k') && screen->top)
		screen->top--;
	return key != 'q';
}

/* --- rows ------------------------------------------------------------------- */

/* The key of the table's how manieth column of numbers, or of its last one. */
static const char *sort_key(const struct output_table *table, const json_t *rows, unsigned sort)
{
	const json_t *first = json_array_get(rows, 0);
	const char *found = NULL;

	for (const struct output_column *c = table->columns; c->key; c++) {
		if (!json_is_integer(json_object_get(first, c->key)))
			continue;
		found = c->key;
		if (!sort--)
			break;
	}
	return found;
}

static bool holds(const json_t *row, const struct output_column *columns, const char *filter)
{
	for (; columns->key; columns++) {
		const char *text = json_string_value(json_object_get(row, columns->key));

		if (text && strcasestr(text, filter))
			return true;
	}
	return false;
}

struct ranked {
	json_t *row;
	json_int_t value;
	size_t place; /* among equals, as they came */
	int sign;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->value != right->value)
		return (left->value < right->value ? -1 : 1) * left->sign;
	return left->place < right->place ? -1 : 1;
}

static json_t *select_rows(const struct rates_screen *screen, const struct output_table *table,
			   const json_t *rows)
{
	const char *key = sort_key(table, rows, screen->sort);
	struct ranked *ranked = calloc(json_array_size(rows) + 1, sizeof(*ranked));
	json_t *out = ranked ? json_array() : NULL, *row;
	size_t i, count = 0;

	json_array_foreach(rows, i, row) {
		if (!ranked || (*screen->filter && !holds(row, table->columns, screen->filter)))
			continue;
		ranked[count] = (struct ranked){
			.row = row,
			.value = key ? json_integer_value(json_object_get(row, key)) : 0,
			.place = count,
			.sign = screen->ascending ? 1 : -1,
		};
		count++;
	}
	if (count)
		qsort(ranked, count, sizeof(*ranked), by_value);
	for (i = 0; out && i < count; i++)
		json_array_append(out, ranked[i].row);
	free(ranked);
	return out;
}

json_t *rates_screen_select(const struct rates_screen *screen, const json_t *root)
{
	json_t *out = json_copy((json_t *)root);
	unsigned number = 0;

	for (const struct output_table *t = screen->view->tables; out && t->key; t++, number++) {
		json_t *rows = screen->hidden >> number & 1
				       ? json_array()
				       : select_rows(screen, t, json_object_get(root, t->key));

		if (rows && !json_object_set_new(out, t->key, rows))
			continue;
		json_decref(out);
		out = NULL;
	}
	return out;
}

void rates_screen_status(const struct rates_screen *screen, char *out, size_t size)
{
	if (screen->typing)
		snprintf(out, size, "filter: %s_  (Enter: done, Esc: none)", screen->filter);
	else
		snprintf(out, size,
			 "%ssorted by number column %u%s%s%s  [s]ort [r]everse [p]ause [/]filter "
			 "[1-4] tables [q]uit",
			 screen->paused ? "PAUSED  " : "", screen->sort + 1,
			 screen->ascending ? ", smallest first" : "",
			 *screen->filter ? ", filter: " : "", screen->filter);
}
