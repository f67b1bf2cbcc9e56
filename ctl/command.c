/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From words to a leaf of the command tree and its values. Every mistake is
 * one line that names the word and what was expected in its place.
 */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "help.h"
#include "words.h"

#define WORDS_MAX 64 /* candidates of one suggestion */

struct words {
	int argc;
	char *const *argv;
	int next;
};

void command_error(const struct invocation *inv, const char *format, ...)
{
	const char *gap = inv->place ? ": " : " ";
	va_list args;

	if (inv->quiet)
		return;
	fputs("lbctl", stderr);
	if (inv->place)
		fprintf(stderr, ": %s", inv->place);
	for (size_t i = 0; i < inv->depth; i++, gap = " ")
		fprintf(stderr, "%s%s", gap, inv->path[i]->word);
	fputs(": ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static const struct command *leaf_of(const struct invocation *inv)
{
	return inv->depth ? inv->path[inv->depth - 1] : &command_root;
}

/* "a, b, c" */
static void join_words(const char *const *words, char *out, size_t size)
{
	size_t length = 0;

	*out = '\0';
	for (; *words && length < size; words++)
		length += (size_t)snprintf(out + length, size - length, "%s%s", length ? ", " : "",
					   *words);
}

/* Error for a word that is none of `words`. */
static int unknown_word(const struct invocation *inv, const char *word, const char *const *words)
{
	const char *near = diag_nearest(word, words);
	char list[512];

	join_words(words, list, sizeof(list));
	if (near)
		command_error(inv, "unknown word \"%s\" (did you mean \"%s\"?), expected %s", word,
			      near, list);
	else
		command_error(inv, "unknown word \"%s\", expected %s", word, list);
	return EXIT_USAGE;
}

/* The words that may stand below `command`, with NULL behind the last. */
static void command_words(const struct command *command, const char *words[WORDS_MAX])
{
	size_t count = 0;

	for (const struct command *const *c = command->commands; *c && count < WORDS_MAX - 1; c++)
		words[count++] = (*c)->word;
	words[count] = NULL;
}

/* The options of `inv`'s leaf that were not given yet. */
static void option_words(const struct invocation *inv, const char *words[WORDS_MAX])
{
	const struct parameter *first = leaf_of(inv)->parameters;
	size_t count = 0;

	for (const struct parameter *p = first; parameter_exists(p) && count < WORDS_MAX - 1; p++)
		if (p->word && !(inv->given >> (p - first) & 1))
			words[count++] = p->word;
	words[count] = NULL;
}

static int take_value(struct invocation *inv, const struct parameter *p, const char *text)
{
	const struct argument_type *type = p->type;
	void *member = (char *)inv->args + p->offset;
	const char *name = p->word ? p->word : p->value;
	const char *near = type->words ? diag_nearest(text, type->words) : NULL;
	char list[256];
	int err;

	if (type->parse) {
		err = type->parse(text, member);
	} else {
		*(int *)member = words_find(type->words, text);
		err = *(int *)member < 0 ? -EINVAL : 0;
	}
	inv->given |= 1ULL << (p - leaf_of(inv)->parameters);
	if (!err)
		return EXIT_OK;
	if (type->words)
		join_words(type->words, list, sizeof(list));
	command_error(inv, "%s \"%s\": expected %s%s%s%s%s", name, text,
		      type->expected ? "" : "one of ", type->expected ? type->expected : list,
		      near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return EXIT_USAGE;
}

static int take_option(struct invocation *inv, const struct parameter *p, struct words *words)
{
	unsigned long long bit = 1ULL << (p - leaf_of(inv)->parameters);
	const char *text;

	if (inv->given & bit) {
		command_error(inv, "\"%s\" is given twice", p->word);
		return EXIT_USAGE;
	}
	if (!p->value) {
		*(bool *)((char *)inv->args + p->offset) = true;
		inv->given |= bit;
		return EXIT_OK;
	}
	text = words->next < words->argc ? words->argv[words->next++] : NULL;
	if (text)
		return take_value(inv, p, text);
	inv->pending = p;
	command_error(inv, "\"%s\" needs a value: %s", p->word, p->value);
	return EXIT_USAGE;
}

const struct parameter *command_next_operand(const struct invocation *inv)
{
	const struct parameter *first = leaf_of(inv)->parameters;

	for (const struct parameter *p = first; parameter_exists(p); p++)
		if (!p->word && !(inv->given >> (p - first) & 1))
			return p;
	return NULL;
}

bool command_parameter_given(const struct invocation *inv, const struct parameter *p)
{
	return inv->given >> (p - leaf_of(inv)->parameters) & 1;
}

static const struct parameter *find_option(const struct invocation *inv, const char *word)
{
	for (const struct parameter *p = leaf_of(inv)->parameters; parameter_exists(p); p++)
		if (p->word && !strcmp(p->word, word))
			return p;
	return NULL;
}

/* A required operand comes first: it may be spelt like an option. */
static int take_word(struct invocation *inv, const char *word, struct words *words)
{
	const struct parameter *operand = command_next_operand(inv),
			       *option = find_option(inv, word);
	const char *candidates[WORDS_MAX];

	if (operand && (operand->required || !option) && (*word != '-' || !word[1]))
		return take_value(inv, operand, word);
	if (option)
		return take_option(inv, option, words);
	option_words(inv, candidates);
	if (candidates[0])
		return unknown_word(inv, word, candidates);
	command_error(inv, "unexpected word \"%s\": nothing may follow here", word);
	return EXIT_USAGE;
}

static int check_required(const struct invocation *inv)
{
	const struct command *leaf = leaf_of(inv);

	for (const struct parameter *p = leaf->parameters; parameter_exists(p); p++) {
		if (!p->required || inv->given >> (p - leaf->parameters) & 1)
			continue;
		command_error(inv, "%s%s%s is missing, as in: %s", p->word ? p->word : "",
			      p->word ? " " : "", p->value, help_usage(inv));
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* Options of lbctl itself; false: `word` is none. */
static bool take_global(struct invocation *inv, const char *word, struct words *words)
{
	if (!strcmp(word, "-j") || !strcmp(word, "--json")) {
		inv->out.format = OUTPUT_JSON;
	} else if (!strcmp(word, "-p") || !strcmp(word, "--pretty")) {
		inv->out.format = OUTPUT_PRETTY;
	} else if (!strcmp(word, "--node")) {
		/* An empty name is refused where it is used. */
		inv->node_pending = words->next == words->argc;
		inv->node = words->next < words->argc ? words->argv[words->next++] : "";
	} else if (!strncmp(word, "--node=", 7)) {
		inv->node = word + 7;
	} else if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
		inv->help = true;
	} else if (!strcmp(word, "--version")) {
		inv->version = true;
	} else {
		return false;
	}
	return true;
}

static int descend(struct invocation *inv, const char *word)
{
	const struct command *at = leaf_of(inv);
	const char *candidates[WORDS_MAX];

	for (const struct command *const *c = at->commands; *c; c++) {
		if (strcmp((*c)->word, word))
			continue;
		inv->path[inv->depth++] = *c;
		if ((*c)->commands)
			return EXIT_OK;
		inv->args = calloc(1, (*c)->args_size + 1);
		if (inv->args)
			return EXIT_OK;
		command_error(inv, "out of memory");
		return EXIT_FAILED;
	}
	command_words(at, candidates);
	return unknown_word(inv, word, candidates);
}

static int check_complete(const struct invocation *inv)
{
	const char *candidates[WORDS_MAX];
	char list[512];

	if (inv->help || inv->version || !inv->depth)
		return EXIT_OK;
	if (inv->args)
		return check_required(inv);
	command_words(leaf_of(inv), candidates);
	join_words(candidates, list, sizeof(list));
	command_error(inv, "a command is missing, expected %s", list);
	return EXIT_USAGE;
}

static int follow(struct invocation *inv, int argc, char *const *argv)
{
	struct words words = {.argc = argc, .argv = argv};

	inv->argc = argc;
	inv->argv = argv;
	while (words.next < argc) {
		const char *word = argv[words.next++];
		int code;

		if (inv->args && leaf_of(inv)->raw) {
			inv->rest = argv + words.next - 1;
			inv->rest_count = argc - words.next + 1;
			break;
		}
		if (take_global(inv, word, &words))
			continue;
		code = inv->args ? take_word(inv, word, &words) : descend(inv, word);
		if (code)
			return code;
	}
	return EXIT_OK;
}

int command_parse(struct invocation *inv, int argc, char *const *argv)
{
	int code = follow(inv, argc, argv);

	return code ? code : check_complete(inv);
}

int command_follow(struct invocation *inv, int argc, char *const *argv)
{
	int code;

	inv->quiet = true;
	code = follow(inv, argc, argv);
	return !code && inv->node_pending ? EXIT_USAGE : code;
}

int command_run(struct invocation *inv)
{
	if (inv->version) {
		fputs("lbctl " LBCTL_VERSION "\n", inv->out.stream);
		return EXIT_OK;
	}
	if (inv->help || !inv->args) {
		help_print(inv, inv->out.stream);
		return EXIT_OK;
	}
	return inv->path[inv->depth - 1]->run(inv);
}

void command_fini(struct invocation *inv)
{
	const struct command *leaf = leaf_of(inv);

	if (inv->args && leaf->fini)
		leaf->fini(inv->args);
	free(inv->args);
	inv->args = NULL;
}

bool command_given(const struct invocation *inv, const void *member)
{
	const struct parameter *first = leaf_of(inv)->parameters;
	size_t offset = (size_t)((const char *)member - (const char *)inv->args);

	for (const struct parameter *p = first; parameter_exists(p); p++)
		if (p->offset == offset && inv->given >> (p - first) & 1)
			return true;
	return false;
}

const void *command_option(const struct invocation *inv, const char *word)
{
	const struct parameter *option = inv->args ? find_option(inv, word) : NULL;

	return option ? (const char *)inv->args + option->offset : NULL;
}
