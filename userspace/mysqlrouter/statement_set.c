/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "statement_set.h"

#include <string.h>

#include "compiler.h"
#include "statement_words.h"

enum target {
	TARGET_SESSION, /* of this session, known */
	TARGET_SERVER,	/* of the server: nothing for other servers, which replicate or not */
	TARGET_UNKNOWN, /* user variables, anything else */
};

struct set_reader {
	struct lexer *lexer;
	struct token token; /* the current one */
	uint64_t sets;	    /* hash of the names */
	bool session, server, unknown;
	bool relative;	/* a value depends on what is set */
	bool next_only; /* SET TRANSACTION */
};

static void advance(struct set_reader *reader)
{
	reader->token = lexer_next(reader->lexer);
}

static bool at_end(const struct set_reader *reader)
{
	return reader->token.kind == TOKEN_END || reader->token.kind == TOKEN_UNKNOWN ||
	       token_is_symbol(&reader->token, ';');
}

static bool at_word(const struct set_reader *reader, const char *word)
{
	return token_is_word(&reader->token, word);
}

static bool take_word(struct set_reader *reader, const char *word)
{
	if (!at_word(reader, word))
		return false;
	advance(reader);
	return true;
}

/* FNV-1a over the names in their order; case does not matter. */
static void add_name(struct set_reader *reader, struct span name)
{
	for (size_t i = 0; i < name.length; i++)
		reader->sets =
			(reader->sets ^ (unsigned char)(name.bytes[i] | 0x20)) * 1099511628211u;
	reader->sets = (reader->sets ^ ',') * 1099511628211u;
}

/* --- values ------------------------------------------------------------------------ */

static bool charset_is_unsafe(struct span name)
{
	return word_properties(name) & WORD_UNSAFE;
}

static bool value_is_unsafe(struct span variable, struct span value)
{
	if (span_is_word(variable, "sql_mode"))
		return statement_mode_is_unsafe(value);
	if (variable.length > 13 && !strncasecmp(variable.bytes, "character_set", 13))
		return charset_is_unsafe(value);
	if (span_is_word(variable, "tx_isolation") ||
	    span_is_word(variable, "transaction_isolation"))
		return span_is_word(value, "serializable");
	return false;
}

/* One token of a value: constants, pure functions, variables that are known. */
static void judge_value(struct set_reader *reader, struct span variable)
{
	const struct token *token = &reader->token;
	struct token next = lexer_peek(reader->lexer);

	switch (token->kind) {
	case TOKEN_WORD:
		if (token_is_symbol(&next, '('))
			reader->relative = true;
		if (token_is_symbol(&next, '(') && !(token->word & WORD_PURE))
			reader->unknown = true;
		reader->unknown |= token->word & WORD_STOPS || token_is_word(token, "select") ||
				   value_is_unsafe(variable, token->text);
		break;
	case TOKEN_STRING:
		reader->unknown |= value_is_unsafe(variable, token->text);
		break;
	case TOKEN_SYSTEM_VARIABLE:
		reader->relative = true;
		reader->unknown |= !(token->word & (WORD_SETTABLE | WORD_READABLE));
		break;
	case TOKEN_NUMBER:
	case TOKEN_SYMBOL:
		break;
	default:
		reader->unknown = true;
	}
}

/* Up to the comma behind it, or the end. */
static void read_value(struct set_reader *reader, struct span variable)
{
	unsigned depth = 0;

	if (at_end(reader) ||
	    (reader->token.kind != TOKEN_ASSIGN && !token_is_symbol(&reader->token, '=')))
		reader->unknown = true;
	else
		advance(reader);
	for (; !at_end(reader); advance(reader)) {
		if (token_is_symbol(&reader->token, ',') && !depth)
			break;
		depth += token_is_symbol(&reader->token, '(');
		depth -= depth && token_is_symbol(&reader->token, ')');
		judge_value(reader, variable);
	}
}

/* --- what is set ------------------------------------------------------------------- */

static void note(struct set_reader *reader, enum target target)
{
	reader->session |= target == TARGET_SESSION;
	reader->server |= target == TARGET_SERVER;
	reader->unknown |= target == TARGET_UNKNOWN;
}

/* NAMES utf8mb4 [COLLATE x], CHARACTER SET x. */
static void read_names(struct set_reader *reader)
{
	add_name(reader, (struct span){"names", 5});
	note(reader, TARGET_SESSION);
	for (; !at_end(reader) && !token_is_symbol(&reader->token, ','); advance(reader)) {
		if (reader->token.kind != TOKEN_WORD && reader->token.kind != TOKEN_STRING)
			reader->unknown = true;
		reader->unknown |= charset_is_unsafe(reader->token.text);
	}
}

static void read_transaction(struct set_reader *reader, enum token_scope scope)
{
	add_name(reader, (struct span){"transaction", 11});
	note(reader, scope == SCOPE_GLOBAL ? TARGET_SERVER : TARGET_SESSION);
	reader->next_only = scope == SCOPE_DEFAULT;
	for (; !at_end(reader); advance(reader))
		reader->unknown |= at_word(reader, "serializable") && scope != SCOPE_GLOBAL;
}

static enum target find_target(const struct token *variable, enum token_scope scope)
{
	if (variable->kind != TOKEN_WORD && variable->kind != TOKEN_SYSTEM_VARIABLE)
		return TARGET_UNKNOWN;
	if (scope == SCOPE_GLOBAL)
		return TARGET_SERVER;
	return variable->word & WORD_SETTABLE ? TARGET_SESSION : TARGET_UNKNOWN;
}

static void read_variable(struct set_reader *reader, enum token_scope scope)
{
	struct token variable = reader->token;

	if (variable.kind == TOKEN_SYSTEM_VARIABLE)
		scope = variable.scope;
	note(reader, find_target(&variable, scope));
	add_name(reader, variable.text);
	advance(reader);
	read_value(reader, variable.text);
}

/* Its scope goes for one variable of the list. */
static void read_assignment(struct set_reader *reader)
{
	enum token_scope scope = SCOPE_DEFAULT;

	if (take_word(reader, "global") || take_word(reader, "persist") ||
	    take_word(reader, "persist_only"))
		scope = SCOPE_GLOBAL;
	else if (take_word(reader, "session") || take_word(reader, "local"))
		scope = SCOPE_SESSION;
	if (take_word(reader, "transaction"))
		read_transaction(reader, scope);
	else if (take_word(reader, "names") || take_word(reader, "charset"))
		read_names(reader);
	else if (take_word(reader, "character"))
		read_names(reader);
	else
		read_variable(reader, scope);
}

/* PASSWORD and the like change the server, whatever follows; MariaDB's STATEMENT sets for one. */
static bool is_of_the_server(const struct set_reader *reader)
{
	return at_word(reader, "password") || at_word(reader, "default") ||
	       at_word(reader, "resource") || at_word(reader, "statement");
}

static struct statement verdict(const struct set_reader *reader)
{
	struct statement statement = {.route = STATEMENT_PRIMARY, .sets = reader->sets};

	if (reader->unknown || (reader->session && reader->server)) {
		statement.flags = STATEMENT_PINS;
	} else if (reader->next_only) {
		statement.flags = STATEMENT_NEXT_TOO;
	} else if (reader->session) {
		statement.route = STATEMENT_ALL;
		statement.flags = STATEMENT_SETS;
		if (reader->relative)
			statement.flags |= STATEMENT_SETS_RELATIVE;
	}
	return statement;
}

struct statement statement_set_classify(struct lexer *lexer)
{
	struct set_reader reader = {.lexer = lexer, .sets = 14695981039346656037u};

	advance(&reader);
	if (is_of_the_server(&reader)) {
		while (!at_end(&reader))
			advance(&reader);
		reader.server = true;
	}
	while (!at_end(&reader)) {
		read_assignment(&reader);
		if (token_is_symbol(&reader.token, ','))
			advance(&reader);
	}
	reader.unknown |= reader.token.kind == TOKEN_UNKNOWN || (!reader.session && !reader.server);
	return verdict(&reader);
}

/* --- what text may mean ------------------------------------------------------------ */

bool statement_charset_is_unsafe(uint16_t collation)
{
	static const uint16_t unsafe[] = {1, 13, 28, 84, 87, 88, 95, 96, 248, 249, 250};

	for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
		if (unsafe[i] == collation)
			return true;
	return false;
}

bool statement_mode_is_unsafe(struct span sql_mode)
{
	static const char *const unsafe[] = {
		"ansi", "no_backslash_escapes", "oracle", "mssql", "postgresql", "db2", "maxdb"};
	char text[1024];

	if (sql_mode.length >= sizeof(text))
		return true;
	memcpy(text, sql_mode.bytes, sql_mode.length);
	text[sql_mode.length] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
		if (strcasestr(text, unsafe[i]))
			return true;
	return false;
}
