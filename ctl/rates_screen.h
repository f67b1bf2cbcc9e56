/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The screen of `lbctl top`: tables of rates, sorted and filtered as the keys say. What is
 * shown is decided here, and drawn by whoever has a terminal.
 */
#ifndef SLUICE_CTL_RATES_SCREEN_H
#define SLUICE_CTL_RATES_SCREEN_H

#include "output.h"

#define SCREEN_FILTER_MAX 63

struct rates_screen {
	const struct output_view *view; /* its tables; at most 8 */
	unsigned sort;			/* the how manieth column of numbers, from 0 */
	bool ascending, paused, typing; /* typing: keys go to the filter */
	char filter[SCREEN_FILTER_MAX + 1];
	unsigned hidden; /* bit per table */
	unsigned top;	 /* first line of the tables that is shown */
};

/* False: the key ends it. */
bool rates_screen_key(struct rates_screen *screen, int key);

/*
 * The rows of `root`'s tables as they are to be shown, in the same form. NULL: out of memory.
 * `root` is not changed.
 */
json_t *rates_screen_select(const struct rates_screen *screen, const json_t *root);

/* One line that says how it is sorted and which keys there are. */
void rates_screen_status(const struct rates_screen *screen, char *out, size_t size);

/* Keys that are no characters. */
#define SCREEN_KEY_BACKSPACE 127
#define SCREEN_KEY_UP	     (-1)
#define SCREEN_KEY_DOWN	     (-2)

#endif /* SLUICE_CTL_RATES_SCREEN_H */
