/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is known of words in SQL: functions that change nothing, keywords that
 * may stand before a parenthesis, words that no mere read has, system variables
 * that can be set again on another server. A word that is not listed proves nothing.
 */
#ifndef SLUICE_MYSQL_STATEMENT_WORDS_H
#define SLUICE_MYSQL_STATEMENT_WORDS_H

#include <stdint.h>

#include "wire.h"

enum word_property {
	WORD_PURE = 1 << 0,	 /* function: reads no more than its arguments and tables */
	WORD_KEYWORD = 1 << 1,	 /* may stand before "(" without being a function */
	WORD_STOPS = 1 << 2,	 /* what has it is no mere read */
	WORD_SAME = 1 << 3,	 /* function: of the statement before, on its server */
	WORD_PINS = 1 << 4,	 /* function: leaves something behind in the session */
	WORD_SETTABLE = 1 << 5,	 /* session variable that means the same on each server */
	WORD_READABLE = 1 << 6,	 /* variable that any server may answer for */
	WORD_READ_SHOW = 1 << 7, /* SHOW this: the same on each server */
	WORD_UNSAFE = 1 << 8,	 /* character set whose characters may hold a quote or backslash */
};

/* A set of them; 0: nothing is known. Case does not matter. */
uint16_t word_properties(struct span word);

#endif /* SLUICE_MYSQL_STATEMENT_WORDS_H */
