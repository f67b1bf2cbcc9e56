/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Diagnostics, and the nearest word to a misspelt one. Losing a message for
 * want of memory must not look like success: the list then ends with a static
 * message, which diag_fini() knows not to free.
 */
#include "diag.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 63 /* longer words are not guessed at */

static char out_of_memory[] = "out of memory: more mistakes may be hidden";
static struct diag out_of_memory_list[1] = {{.text = out_of_memory}};

static struct diag *append(struct diag_list *list)
{
	struct diag *items;

	if (list->items == out_of_memory_list)
		return NULL;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items) {
		list->items = items;
		return &items[list->count++];
	}
	if (list->count) {
		struct diag *last = &list->items[list->count - 1];

		if (last->text != out_of_memory)
			free(last->text);
		last->text = out_of_memory;
	} else {
		list->items = out_of_memory_list;
		list->count = 1;
	}
	return NULL;
}

void diag_add(struct diag_list *list, struct place at, const char *format, ...)
{
	struct diag *item = append(list);
	va_list args;

	if (!item)
		return;
	item->at = at;
	va_start(args, format);
	if (vasprintf(&item->text, format, args) < 0)
		item->text = out_of_memory;
	va_end(args);
}

static int by_place(const void *a, const void *b)
{
	const struct diag *left = a, *right = b;

	if (left->at.line != right->at.line)
		return left->at.line < right->at.line ? -1 : 1;
	if (left->at.column != right->at.column)
		return left->at.column < right->at.column ? -1 : 1;
	return strcmp(left->text, right->text);
}

void diag_sort(struct diag_list *list, size_t before)
{
	if (list->count > before)
		qsort(list->items + before, list->count - before, sizeof(*list->items), by_place);
}

void diag_fini(struct diag_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].text != out_of_memory)
			free(list->items[i].text);
	if (list->items != out_of_memory_list)
		free(list->items);
	list->items = NULL;
	list->count = 0;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned differs = a[i - 1] != b[j - 1];

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min3(row[j], before[j - 2] + 1, UINT_MAX);
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_len];
}

const char *diag_nearest(const char *word, const char *const *candidates)
{
	size_t length = strlen(word);
	unsigned best = (unsigned)(length + 2) / 3 + 1; /* a third of it may be wrong */
	const char *nearest = NULL;

	if (length > WORD_MAX)
		return NULL;
	for (; *candidates; candidates++) {
		size_t other = strlen(*candidates);
		unsigned d;

		if (other > WORD_MAX)
			continue;
		d = distance(word, length, *candidates, other);
		if (d < best && d < length) {
			best = d;
			nearest = *candidates;
		}
	}
	return nearest;
}
