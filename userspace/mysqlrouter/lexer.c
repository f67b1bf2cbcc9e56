/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "lexer.h"

#include <string.h>

#include "statement_words.h"

#define HINT "sluice:"

enum character {
	CHARACTER_UNKNOWN,
	CHARACTER_BLANK,
	CHARACTER_WORD, /* letters, _, $, and every byte of a multi-byte character */
	CHARACTER_DIGIT,
	CHARACTER_SYMBOL,
};

static enum character classify(char c)
{
	unsigned char byte = (unsigned char)c;

	if (byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    byte == '_' || byte == '$')
		return CHARACTER_WORD;
	if (byte == ' ' || (byte >= '\t' && byte <= '\r'))
		return CHARACTER_BLANK;
	if (byte >= '0' && byte <= '9')
		return CHARACTER_DIGIT;
	return byte > ' ' && byte < 0x7f ? CHARACTER_SYMBOL : CHARACTER_UNKNOWN;
}

static bool is_word_part(char c)
{
	enum character class = classify(c);

	return class == CHARACTER_WORD || class == CHARACTER_DIGIT;
}

void lexer_init(struct lexer *lexer, struct span text, bool truncated)
{
	*lexer = (struct lexer){
		.at = text.bytes, .end = text.bytes + text.length, .truncated = truncated};
}

static size_t left(const struct lexer *lexer)
{
	return (size_t)(lexer->end - lexer->at);
}

static bool looking_at(const struct lexer *lexer, const char *text)
{
	size_t length = strlen(text);

	return left(lexer) >= length && !memcmp(lexer->at, text, length);
}

static struct token unknown(struct lexer *lexer)
{
	lexer->broken = true;
	lexer->at = lexer->end;
	return (struct token){.kind = TOKEN_UNKNOWN, .text = {"", 0}};
}

/* --- comments ---------------------------------------------------------------------- */

static void skip_line(struct lexer *lexer)
{
	const char *newline = memchr(lexer->at, '\n', left(lexer));

	lexer->at = newline ? newline + 1 : lexer->end;
}

static void read_hint(struct lexer *lexer, struct span comment)
{
	struct span words;

	while (comment.length && classify(*comment.bytes) == CHARACTER_BLANK) {
		comment.bytes++;
		comment.length--;
	}
	if (comment.length < strlen(HINT) || memcmp(comment.bytes, HINT, strlen(HINT)))
		return;
	words = (struct span){comment.bytes + strlen(HINT), comment.length - strlen(HINT)};
	if (memmem(words.bytes, words.length, "primary", strlen("primary")))
		lexer->wants_primary = true;
}

/* The version that an executable comment asks for: five or six digits. */
static void enter_executable(struct lexer *lexer, size_t opening)
{
	lexer->executable = lexer->in_executable = true;
	lexer->at += opening;
	for (size_t i = 0; i < 6 && left(lexer) && classify(*lexer->at) == CHARACTER_DIGIT; i++)
		lexer->at++;
}

/* False: it does not end, or comments are nested, which servers understand differently. */
static bool skip_comment(struct lexer *lexer)
{
	const char *from = lexer->at + 2;
	const char *close;

	if (lexer->in_executable)
		return false;
	if (looking_at(lexer, "/*!")) {
		enter_executable(lexer, 3);
		return true;
	}
	if (looking_at(lexer, "/*M!")) {
		enter_executable(lexer, 4);
		return true;
	}
	close = memmem(from, (size_t)(lexer->end - from), "*/", 2);
	if (!close)
		return false;
	read_hint(lexer, (struct span){from, (size_t)(close - from)});
	lexer->at = close + 2;
	return true;
}

static bool at_dash_comment(const struct lexer *lexer)
{
	if (!looking_at(lexer, "--"))
		return false;
	return left(lexer) == 2 || (unsigned char)lexer->at[2] <= ' ';
}

/* Blanks and comments. False: broken. */
static bool skip_blanks(struct lexer *lexer)
{
	while (left(lexer)) {
		if (classify(*lexer->at) == CHARACTER_BLANK) {
			lexer->at++;
		} else if (*lexer->at == '#' || at_dash_comment(lexer)) {
			skip_line(lexer);
		} else if (looking_at(lexer, "/*")) {
			if (!skip_comment(lexer))
				return false;
		} else if (lexer->in_executable && looking_at(lexer, "*/")) {
			lexer->in_executable = false;
			lexer->at += 2;
		} else {
			break;
		}
	}
	return true;
}

/* --- tokens ------------------------------------------------------------------------ */

/* What stands between quotes. False: they do not close. */
static bool take_quoted(struct lexer *lexer, struct span *text)
{
	const char quote = *lexer->at++;
	const char *start = lexer->at;

	while (left(lexer)) {
		char c = *lexer->at++;

		if (c == '\\' && quote != '`') {
			if (left(lexer))
				lexer->at++;
		} else if (c == quote) {
			if (!left(lexer) || *lexer->at != quote) {
				*text = (struct span){start, (size_t)(lexer->at - 1 - start)};
				return true;
			}
			lexer->at++;
		}
	}
	return false;
}

static struct span take_word(struct lexer *lexer)
{
	const char *start = lexer->at;

	while (left(lexer) && is_word_part(*lexer->at))
		lexer->at++;
	return (struct span){start, (size_t)(lexer->at - start)};
}

static struct token word_token(struct lexer *lexer)
{
	struct span text = take_word(lexer);

	return (struct token){.kind = TOKEN_WORD, .text = text, .word = word_properties(text)};
}

static struct token quoted_token(struct lexer *lexer)
{
	enum token_kind kind = *lexer->at == '`' ? TOKEN_QUOTED_NAME : TOKEN_STRING;
	struct token token = {.kind = (uint8_t)kind};

	return take_quoted(lexer, &token.text) ? token : unknown(lexer);
}

static struct token number_token(struct lexer *lexer)
{
	const char *start = lexer->at;

	while (left(lexer) && (classify(*lexer->at) == CHARACTER_DIGIT || *lexer->at == '.'))
		lexer->at++;
	if (!left(lexer) || !is_word_part(*lexer->at))
		return (struct token){.kind = TOKEN_NUMBER,
				      .text = {start, (size_t)(lexer->at - start)}};
	lexer->at = start;
	return word_token(lexer);
}

static enum token_scope take_scope(struct lexer *lexer, struct span *name)
{
	enum token_scope scope = SCOPE_GLOBAL;

	if (!left(lexer) || *lexer->at != '.')
		return SCOPE_DEFAULT;
	if (span_is_word(*name, "session") || span_is_word(*name, "local"))
		scope = SCOPE_SESSION;
	lexer->at++;
	*name = take_word(lexer);
	return scope;
}

static struct token system_variable(struct lexer *lexer)
{
	struct token token = {.kind = TOKEN_SYSTEM_VARIABLE};

	lexer->at += 2;
	token.text = take_word(lexer);
	token.scope = (uint8_t)take_scope(lexer, &token.text);
	token.word = word_properties(token.text);
	return token.text.length ? token : unknown(lexer);
}

static struct token user_variable(struct lexer *lexer)
{
	struct token token = {.kind = TOKEN_USER_VARIABLE};

	lexer->at++;
	if (left(lexer) && strchr("'\"`", *lexer->at))
		return take_quoted(lexer, &token.text) ? token : unknown(lexer);
	token.text.bytes = lexer->at;
	while (left(lexer) && (is_word_part(*lexer->at) || *lexer->at == '.'))
		lexer->at++;
	token.text.length = (size_t)(lexer->at - token.text.bytes);
	return token;
}

static struct token symbol_token(struct lexer *lexer)
{
	struct token token = {.kind = TOKEN_SYMBOL, .symbol = *lexer->at, .text = {lexer->at, 1}};

	if (looking_at(lexer, ":=")) {
		token.kind = TOKEN_ASSIGN;
		lexer->at++;
	} else if (token.symbol == '?') {
		token.kind = TOKEN_PARAMETER;
	}
	lexer->at++;
	return token;
}

/* A point begins a number only where no name stands before it: "t.1" is rare and unproved. */
static struct token other_token(struct lexer *lexer)
{
	switch (*lexer->at) {
	case '\'':
	case '"':
	case '`':
		return quoted_token(lexer);
	case '@':
		return looking_at(lexer, "@@") ? system_variable(lexer) : user_variable(lexer);
	default:
		return symbol_token(lexer);
	}
}

struct token lexer_next(struct lexer *lexer)
{
	if (lexer->broken || !skip_blanks(lexer))
		return unknown(lexer);
	if (!left(lexer))
		return lexer->in_executable ? unknown(lexer)
					    : (struct token){.kind = TOKEN_END, .text = {"", 0}};
	switch (classify(*lexer->at)) {
	case CHARACTER_WORD:
		return word_token(lexer);
	case CHARACTER_DIGIT:
		return number_token(lexer);
	case CHARACTER_SYMBOL:
		return other_token(lexer);
	default:
		return unknown(lexer);
	}
}

struct token lexer_peek(const struct lexer *lexer)
{
	struct lexer copy = *lexer;

	return lexer_next(&copy);
}
