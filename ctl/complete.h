/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Completion: what may stand in the place of the last word of a command line.
 */
#ifndef SLUICE_CTL_COMPLETE_H
#define SLUICE_CTL_COMPLETE_H

#include "command.h"

/*
 * Appends {"word", "help"} to `into` for all that may follow words[0..count - 1) and begins
 * as words[count - 1] does. *files: names of files may stand there. Returns 0 or -ENOMEM.
 */
int complete_words(int count, char *const *words, json_t *into, bool *files);

#endif /* SLUICE_CTL_COMPLETE_H */
