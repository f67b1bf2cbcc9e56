/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "statement.h"

#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "lexer.h"
#include "statement_set.h"
#include "statement_words.h"

/* What is found in tokens from here to the end of a statement. */
struct findings {
	bool stops; /* no mere read */
	bool same;
	bool pins;
};

typedef struct statement classifier(struct lexer *lexer, struct findings *found);

static struct statement route(enum statement_route to)
{
	return (struct statement){.route = (uint8_t)to};
}

static struct statement pinned(void)
{
	return (struct statement){.route = STATEMENT_PRIMARY, .flags = STATEMENT_PINS};
}

/* --- what tokens say --------------------------------------------------------------- */

/* FOR without UPDATE, SHARE or a sequence: SUBSTRING(a FROM 1 FOR 2), USE INDEX FOR JOIN. */
static bool is_harmless_for(const struct token *next)
{
	return next->kind == TOKEN_NUMBER || next->kind == TOKEN_PARAMETER ||
	       token_is_word(next, "join") || token_is_word(next, "order") ||
	       token_is_word(next, "group") || token_is_word(next, "system_time");
}

static void judge_call(const struct token *word, const struct token *before, struct findings *found)
{
	bool names_a_cte = token_is_word(before, "with") || token_is_word(before, "recursive");
	/* JSON_TABLE(document, 'path' COLUMNS (...)): no call can stand behind a string. */
	bool of_json_table = token_is_word(word, "columns") && before->kind == TOKEN_STRING;

	if (word->word & WORD_SAME)
		found->same = true;
	else if (word->word & WORD_PINS)
		found->pins = found->stops = true;
	else if (!names_a_cte && !of_json_table &&
		 (!(word->word & (WORD_PURE | WORD_KEYWORD)) || token_is_symbol(before, '.')))
		found->stops = true;
}

static void judge_word(const struct token *word, const struct token *before,
		       const struct token *next, struct findings *found)
{
	if (token_is_symbol(next, '('))
		judge_call(word, before, found);
	else if (word->word & WORD_STOPS)
		found->stops = true;
	else if (token_is_word(word, "for") && !is_harmless_for(next))
		found->stops = true;
}

/* Values of variables that are the same on each server, or that servers have of their own. */
static void judge_system_variable(const struct token *variable, struct findings *found)
{
	bool session_value = variable->word & WORD_SETTABLE && variable->scope != SCOPE_GLOBAL;

	if (span_is_word(variable->text, "warning_count") ||
	    span_is_word(variable->text, "error_count"))
		found->same = true;
	else if (!session_value && !(variable->word & WORD_READABLE))
		found->stops = true;
}

static void judge(const struct token *token, const struct token *before, const struct token *next,
		  struct findings *found)
{
	switch (token->kind) {
	case TOKEN_WORD:
		judge_word(token, before, next, found);
		break;
	case TOKEN_STRING:
	case TOKEN_QUOTED_NAME:
		found->stops |= token_is_symbol(next, '(') && !token_is_word(before, "as");
		break;
	case TOKEN_SYSTEM_VARIABLE:
		judge_system_variable(token, found);
		break;
	case TOKEN_USER_VARIABLE:
		found->stops = true;
		found->pins |= next->kind == TOKEN_ASSIGN || token_is_word(before, "into");
		break;
	case TOKEN_UNKNOWN:
		found->stops = true;
		break;
	}
}

/* Goes through the rest of the statement, past its semicolon. */
static void scan(struct lexer *lexer, struct token before, struct findings *found)
{
	struct token token = lexer_next(lexer), next;

	for (; token.kind != TOKEN_END && token.kind != TOKEN_UNKNOWN; token = next) {
		if (token_is_symbol(&token, ';'))
			return;
		next = lexer_next(lexer);
		judge(&token, &before, &next, found);
		before = token;
	}
	found->stops |= token.kind == TOKEN_UNKNOWN;
}

/* --- statements by their first word ------------------------------------------------ */

static struct statement classify_read(struct lexer *lexer, struct findings *found)
{
	scan(lexer, (struct token){.kind = TOKEN_WORD, .text = {"select", 6}}, found);
	return route(found->stops ? STATEMENT_PRIMARY : STATEMENT_READ);
}

static struct statement classify_with(struct lexer *lexer, struct findings *found)
{
	scan(lexer, (struct token){.kind = TOKEN_WORD, .text = {"with", 4}}, found);
	return route(found->stops ? STATEMENT_PRIMARY : STATEMENT_READ);
}

static struct statement classify_write(struct lexer *lexer, struct findings *found)
{
	scan(lexer, (struct token){}, found);
	return route(STATEMENT_PRIMARY);
}

static struct statement classify_pin(struct lexer *lexer, struct findings *found)
{
	scan(lexer, (struct token){}, found);
	return pinned();
}

static struct statement classify_use(struct lexer *lexer, struct findings *found)
{
	scan(lexer, (struct token){}, found);
	return route(STATEMENT_ALL);
}

static bool shows_diagnostics(const struct token *what)
{
	return token_is_word(what, "warnings") || token_is_word(what, "errors") ||
	       token_is_word(what, "count");
}

static struct statement classify_show(struct lexer *lexer, struct findings *found)
{
	struct token what = lexer_next(lexer);

	while (token_is_word(&what, "full") || token_is_word(&what, "extended"))
		what = lexer_next(lexer);
	if (token_is_word(&what, "character"))
		what = lexer_next(lexer); /* SHOW CHARACTER SET */
	scan(lexer, what, found);
	if (shows_diagnostics(&what))
		return route(STATEMENT_SAME);
	if (token_is_word(&what, "set"))
		return route(found->stops ? STATEMENT_PRIMARY : STATEMENT_READ);
	return route(what.word & WORD_READ_SHOW && !found->stops ? STATEMENT_READ
								 : STATEMENT_PRIMARY);
}

/* BEGIN alone; MariaDB's BEGIN NOT ATOMIC is a block of anything. */
static struct statement classify_begin(struct lexer *lexer, struct findings *found)
{
	struct token next = lexer_peek(lexer);
	bool is_block = token_is_word(&next, "not");

	scan(lexer, (struct token){}, found);
	return is_block ? pinned() : route(STATEMENT_PRIMARY);
}

/* START TRANSACTION [modifier [, modifier]...]; START SLAVE and the like. */
static struct statement classify_start(struct lexer *lexer,
				       struct findings *found __attribute__((unused)))
{
	struct token token = lexer_next(lexer), next;
	bool is_transaction = token_is_word(&token, "transaction");
	bool read_only = false, read_write = false;

	for (token = lexer_next(lexer); token.kind != TOKEN_END && token.kind != TOKEN_UNKNOWN &&
					!token_is_symbol(&token, ';');
	     token = next) {
		next = lexer_next(lexer);
		read_only |= token_is_word(&token, "read") && token_is_word(&next, "only");
		read_write |= token_is_word(&token, "read") && token_is_word(&next, "write");
	}
	return route(is_transaction && read_only && !read_write ? STATEMENT_BEGIN_READ_ONLY
								: STATEMENT_PRIMARY);
}

static struct statement classify_create(struct lexer *lexer, struct findings *found)
{
	struct token next = lexer_next(lexer);

	if (token_is_word(&next, "or")) {
		lexer_next(lexer);
		next = lexer_next(lexer);
	}
	scan(lexer, next, found);
	return token_is_word(&next, "temporary") ? pinned() : route(STATEMENT_PRIMARY);
}

/* KILL [HARD | SOFT] [CONNECTION | QUERY] number; others are the server's business. */
static struct statement classify_kill(struct lexer *lexer, struct findings *found)
{
	struct statement statement = route(STATEMENT_KILL);
	struct token token = lexer_next(lexer);

	if (token_is_word(&token, "hard") || token_is_word(&token, "soft"))
		token = lexer_next(lexer);
	if (token_is_word(&token, "query"))
		statement.flags |= STATEMENT_KILL_QUERY;
	if (token_is_word(&token, "query") || token_is_word(&token, "connection"))
		token = lexer_next(lexer);
	if (token.kind != TOKEN_NUMBER || token.text.length > 19)
		statement = route(STATEMENT_PRIMARY);
	for (size_t i = 0; token.kind == TOKEN_NUMBER && i < token.text.length; i++)
		statement.target = statement.target * 10 + (uint64_t)(token.text.bytes[i] - '0');
	scan(lexer, token, found);
	return statement;
}

static struct statement classify_set(struct lexer *lexer,
				     struct findings *found __attribute__((unused)))
{
	return statement_set_classify(lexer);
}

static const struct {
	const char *word;
	classifier *classify;
} first_words[] = {
	{"select", classify_read},    {"insert", classify_write},     {"update", classify_write},
	{"delete", classify_write},   {"set", classify_set},	      {"commit", classify_write},
	{"begin", classify_begin},    {"start", classify_start},      {"rollback", classify_write},
	{"replace", classify_write},  {"show", classify_show},	      {"use", classify_use},
	{"with", classify_with},      {"values", classify_read},      {"table", classify_read},
	{"call", classify_write},     {"desc", classify_read},	      {"describe", classify_read},
	{"explain", classify_read},   {"kill", classify_kill},	      {"create", classify_create},
	{"alter", classify_write},    {"drop", classify_write},	      {"truncate", classify_write},
	{"rename", classify_write},   {"load", classify_write},	      {"savepoint", classify_write},
	{"release", classify_write},  {"grant", classify_write},      {"revoke", classify_write},
	{"analyze", classify_write},  {"optimize", classify_write},   {"check", classify_write},
	{"checksum", classify_write}, {"repair", classify_write},     {"flush", classify_write},
	{"reset", classify_write},    {"purge", classify_write},      {"unlock", classify_write},
	{"execute", classify_write},  {"do", classify_write},	      {"get", classify_write},
	{"signal", classify_write},   {"change", classify_write},     {"stop", classify_write},
	{"help", classify_write},     {"deallocate", classify_write}, {"prepare", classify_pin},
	{"lock", classify_pin},	      {"handler", classify_pin},      {"xa", classify_pin},
};

/* A statement of a kind that is not known may leave anything behind. */
static classifier *find_classifier(const struct token *first)
{
	if (token_is_symbol(first, '('))
		return classify_read;
	for (size_t i = 0; i < ARRAY_LEN(first_words); i++)
		if (token_is_word(first, first_words[i].word))
			return first_words[i].classify;
	return classify_pin;
}

/* --- one statement, or several ----------------------------------------------------- */

static struct statement classify_one(struct lexer *lexer, bool *more)
{
	struct findings found = {};
	struct token token = lexer_next(lexer);
	struct statement statement = {.route = STATEMENT_PRIMARY, .flags = STATEMENT_EMPTY};

	if (token.kind != TOKEN_END && token.kind != TOKEN_UNKNOWN &&
	    !token_is_symbol(&token, ';')) {
		statement = find_classifier(&token)(lexer, &found);
		if (found.same && statement.route == STATEMENT_READ)
			statement.route = STATEMENT_SAME;
		if (found.pins)
			statement.flags |= STATEMENT_PINS;
	}
	token = lexer_peek(lexer);
	*more = token.kind != TOKEN_END;
	return statement;
}

/* What was proved of the part that was seen, seen with what was not. */
static void distrust(struct statement *statement, const struct lexer *lexer)
{
	bool sets = statement->route == STATEMENT_ALL && lexer->truncated;
	bool keeps_route = statement->route == STATEMENT_ALL || statement->route == STATEMENT_KILL;

	if (sets || (lexer->broken && statement->route == STATEMENT_ALL))
		*statement = pinned();
	else if (lexer->truncated || lexer->broken || lexer->wants_primary ||
		 (lexer->executable && !keeps_route))
		statement->route = STATEMENT_PRIMARY;
}

struct statement statement_classify(struct span text, bool truncated)
{
	struct statement statement, next;
	struct lexer lexer;
	bool more;

	lexer_init(&lexer, text, truncated);
	statement = classify_one(&lexer, &more);
	while (more && !lexer.broken) {
		next = classify_one(&lexer, &more);
		if (next.route == STATEMENT_ALL || statement.route == STATEMENT_ALL)
			statement.flags |= STATEMENT_PINS;
		statement.flags = (statement.flags | next.flags) & STATEMENT_PINS;
		statement.route = STATEMENT_PRIMARY;
	}
	distrust(&statement, &lexer);
	return statement;
}
