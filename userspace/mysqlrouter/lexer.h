/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Splits SQL text into tokens as MySQL and MariaDB do in their default mode:
 * backslash escapes in strings, "..." is a string, comments of all forms. The
 * content of executable comments is given as if it stood there.
 *
 * It is used to prove things about a statement; whatever it does not know for
 * sure is TOKEN_UNKNOWN, after which nothing is proved.
 */
#ifndef SLUICE_MYSQL_LEXER_H
#define SLUICE_MYSQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,	   /* keyword or name, unquoted; numbers with letters in them too */
	TOKEN_QUOTED_NAME, /* `name`, without the quotes */
	TOKEN_STRING,	   /* without the quotes; escapes are as written */
	TOKEN_NUMBER,	   /* decimal digits and points */
	TOKEN_PARAMETER,   /* ? */
	TOKEN_USER_VARIABLE,
	TOKEN_SYSTEM_VARIABLE, /* the name behind @@ and scope */
	TOKEN_ASSIGN,	       /* := */
	TOKEN_SYMBOL,	       /* one character of punctuation */
	TOKEN_UNKNOWN,	       /* not SQL as we know it; stays so */
};

enum token_scope { SCOPE_DEFAULT, SCOPE_SESSION, SCOPE_GLOBAL };

struct token {
	uint8_t kind;
	uint8_t scope; /* of a system variable */
	uint16_t word; /* enum word_property: what is known of the word */
	char symbol;   /* of TOKEN_SYMBOL */
	struct span text;
};

struct lexer {
	const char *at, *end;
	bool truncated;	    /* the text goes on where it is not to be seen */
	bool executable;    /* an executable comment was met */
	bool in_executable; /* and is not closed yet */
	bool wants_primary; /* a comment says so: "sluice: primary" */
	bool broken;	    /* TOKEN_UNKNOWN was given */
};

void lexer_init(struct lexer *lexer, struct span text, bool truncated);
struct token lexer_next(struct lexer *lexer);
/* The token that comes next, which stays there. */
struct token lexer_peek(const struct lexer *lexer);

static inline bool token_is_symbol(const struct token *token, char symbol)
{
	return token->kind == TOKEN_SYMBOL && token->symbol == symbol;
}

static inline bool token_is_word(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && span_is_word(token->text, word);
}

#endif /* SLUICE_MYSQL_LEXER_H */
