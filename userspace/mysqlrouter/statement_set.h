/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SET statements: whether they can be repeated on another server, with what
 * they set as the key by which a later one replaces an earlier one.
 */
#ifndef SLUICE_MYSQL_STATEMENT_SET_H
#define SLUICE_MYSQL_STATEMENT_SET_H

#include "lexer.h"
#include "statement.h"

/* `lexer` stands behind SET. Goes past the statement's semicolon. */
struct statement statement_set_classify(struct lexer *lexer);

#endif /* SLUICE_MYSQL_STATEMENT_SET_H */
