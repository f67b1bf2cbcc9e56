/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The command tree. One constant tree of words drives dispatch, help, the man
 * page and the suggestions of error messages, so they cannot drift apart.
 *
 * A leaf names its parameters in a table: operands are found by their place,
 * options by their word. Each has a type and is bound to a member of the
 * arguments structure that run() gets.
 */
#ifndef SLUICE_CTL_COMMAND_H
#define SLUICE_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "arguments.h"
#include "output.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_USAGE = 1,	  /* wrong words or an invalid configuration; nothing was done */
	EXIT_FAILED = 2,  /* the kernel or the environment refused */
	EXIT_CHANGES = 3, /* diff found changes */
};

struct parameter {
	const char *word;		  /* "weight", "--force"; NULL: an operand */
	const char *value;		  /* placeholder of its value, "N"; NULL: a switch (bool) */
	const struct argument_type *type; /* NULL for a switch */
	size_t offset;			  /* of its member in the arguments structure */
	bool required;
	const char *help;
};

/* Rows of a parameter table, which ends with {}. */
#define OPERAND(args, member, placeholder, kind, text)                                             \
	{                                                                                          \
		.value = placeholder, .type = &(kind), .offset = offsetof(args, member),           \
		.required = true, .help = text                                                     \
	}
#define OPERAND_OPTIONAL(args, member, placeholder, kind, text)                                    \
	{                                                                                          \
		.value = placeholder, .type = &(kind), .offset = offsetof(args, member),           \
		.help = text                                                                       \
	}
#define OPTION(args, member, key, placeholder, kind, text)                                         \
	{                                                                                          \
		.word = key, .value = placeholder, .type = &(kind),                                \
		.offset = offsetof(args, member), .help = text                                     \
	}
#define OPTION_REQUIRED(args, member, key, placeholder, kind, text)                                \
	{                                                                                          \
		.word = key, .value = placeholder, .type = &(kind),                                \
		.offset = offsetof(args, member), .required = true, .help = text                   \
	}
#define SWITCH(args, member, key, text)                                                            \
	{                                                                                          \
		.word = key, .offset = offsetof(args, member), .help = text                        \
	}

/* False for the row that ends a table, and for no table. */
static inline bool parameter_exists(const struct parameter *p)
{
	return p && (p->word || p->value);
}

struct invocation;

struct command {
	const char *word;
	const char *summary;		       /* one line */
	const char *detail;		       /* more for `help` and the man page; may be NULL */
	const struct command *const *commands; /* below this one; ends with NULL; or a leaf: */
	const struct parameter *parameters;    /* ends with {}; may be NULL */
	size_t args_size;
	int (*run)(struct invocation *inv); /* returns enum exit_code, has printed why */
	void (*fini)(void *args);	    /* frees what the types allocated; may be NULL */
	bool raw;			    /* takes all words behind it as they are: inv->rest */
};

#define COMMAND_DEPTH 4

struct batch;

/* One run of lbctl: the path that was taken through the tree, and its values. */
struct invocation {
	int argc; /* the words, as they were given */
	char *const *argv;
	const char *node;   /* --node, or NULL */
	bool help, version; /* --help, --version */
	struct output out;
	const struct command *path[COMMAND_DEPTH]; /* from below the root to the leaf */
	size_t depth;
	void *args;
	unsigned long long given; /* bit per row of the leaf's parameter table */
	int rest_count;		  /* of a raw command */
	char *const *rest;
	const struct parameter *pending; /* the words ended where its value was to come */
	bool node_pending;		 /* the same of --node */
	bool quiet;			 /* nothing is said of mistakes */
	const char *place;		 /* "FILE:LINE" of a batch; NULL: the command line */
	struct batch *batch;		 /* that it is a line of; NULL: none */
};

extern const struct command command_root;

/*
 * Finds the leaf for argv[0..argc) and fills `inv` (zeroed by the caller).
 * Global options may stand anywhere. Prints one line and returns EXIT_USAGE if
 * a word is unknown, missing, given twice or of the wrong type. With --help,
 * --version or no words at all the path may end above a leaf.
 */
int command_parse(struct invocation *inv, int argc, char *const *argv);
/* What was parsed, or help on it; an exit code. */
int command_run(struct invocation *inv);
void command_fini(struct invocation *inv);

/*
 * The same for words that are not all there yet, and without a word about mistakes: where
 * they lead to, for completion. EXIT_USAGE with `pending` or `node_pending`: in the middle
 * of an option.
 */
int command_follow(struct invocation *inv, int argc, char *const *argv);
/* The operand that comes next, or NULL. */
const struct parameter *command_next_operand(const struct invocation *inv);
bool command_parameter_given(const struct invocation *inv, const struct parameter *p);

/* True if the operator gave the argument that `member` (within inv->args) is bound to. */
bool command_given(const struct invocation *inv, const void *member);

/* The value of the leaf's option of that word, given or not; NULL: it has no such option. */
const void *command_option(const struct invocation *inv, const char *word);

/* "lbctl OBJECT COMMAND: message", or "lbctl: FILE:LINE: OBJECT COMMAND: message", to stderr. */
void command_error(const struct invocation *inv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* SLUICE_CTL_COMMAND_H */
