/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Help texts and the man page: walks over the command tree, nothing else.
 */
#include "help.h"

#include <string.h>

#define USAGE_MAX    1024
#define SCREEN_WIDTH 80

static const char global_usage[] = "lbctl [-j|-p] [--node NAME] OBJECT COMMAND [KEY VALUE]...";

const struct parameter help_global_options[] = {
	{.word = "-j", .help = "print JSON on one line"},
	{.word = "-p", .help = "print JSON for people"},
	{.word = "--node",
	 .value = "NAME",
	 .help = "the node; else $SLUICE_NODE, the only one on this host, or the host name"},
	{.word = "--help", .help = "what may follow the words before it"},
	{.word = "--version", .help = "print the version"},
	{},
};

struct exit_help {
	enum exit_code code;
	const char *help;
};

static const struct exit_help exit_helps[] = {
	{EXIT_OK, "done"},
	{EXIT_USAGE, "wrong words or an invalid configuration: nothing was changed"},
	{EXIT_FAILED, "the operation failed: what it had changed was taken back"},
	{EXIT_CHANGES, "diff found changes"},
};

static const struct command *end_of(const struct invocation *inv)
{
	return inv->depth ? inv->path[inv->depth - 1] : &command_root;
}

static void append(char *out, const char *text)
{
	strncat(out, text, USAGE_MAX - strlen(out) - 1);
}

static void append_parameter(char *out, const struct parameter *p)
{
	append(out, p->required ? " " : " [");
	if (p->word)
		append(out, p->word);
	if (p->word && p->value)
		append(out, " ");
	if (p->value)
		append(out, p->value);
	append(out, p->required ? "" : "]");
}

const char *help_usage(const struct invocation *inv)
{
	static char out[USAGE_MAX];
	const struct command *end = end_of(inv);

	if (!inv->depth)
		return global_usage;
	strcpy(out, "lbctl");
	for (size_t i = 0; i < inv->depth; i++) {
		append(out, " ");
		append(out, inv->path[i]->word);
	}
	if (end->commands)
		append(out, " COMMAND");
	for (const struct parameter *p = end->parameters; parameter_exists(p); p++)
		append_parameter(out, p);
	return out;
}

/* Length of the word at `text`, up to a blank that is in no brackets. */
static size_t word_length(const char *text)
{
	size_t length = 0;
	int depth = 0;

	for (; text[length] && (depth || text[length] != ' '); length++)
		depth += (text[length] == '[') - (text[length] == ']');
	return length;
}

/* Words, the first line of them already `column` wide, the others indented by `indent`. */
static void print_wrapped(const char *text, int column, int indent, FILE *stream)
{
	const char *gap = "";

	while (*text) {
		int length = (int)word_length(text);

		if (*gap && column + 1 + length > SCREEN_WIDTH) {
			fprintf(stream, "\n%*s", indent, "");
			column = indent;
			gap = "";
		}
		fprintf(stream, "%s%.*s", gap, length, text);
		column += (int)strlen(gap) + length;
		gap = " ";
		text += length + (text[length] == ' ');
	}
	fputc('\n', stream);
}

static int parameter_width(const struct parameter *p)
{
	return (int)(p->word ? strlen(p->word) : 0) + (p->word && p->value) +
	       (int)(p->value ? strlen(p->value) : 0);
}

static void print_parameters(const struct parameter *parameters, FILE *stream)
{
	int width = 0;

	for (const struct parameter *p = parameters; parameter_exists(p); p++)
		if (parameter_width(p) > width)
			width = parameter_width(p);
	for (const struct parameter *p = parameters; parameter_exists(p); p++) {
		fprintf(stream, "  %s%s%s%*s  ", p->word ? p->word : "",
			p->word && p->value ? " " : "", p->value ? p->value : "",
			width - parameter_width(p), "");
		print_wrapped(p->help, width + 4, width + 4, stream);
	}
}

static void print_commands(const struct command *command, FILE *stream)
{
	for (const struct command *const *c = command->commands; *c; c++)
		fprintf(stream, "  %-8s  %s\n", (*c)->word, (*c)->summary);
}

void help_print(const struct invocation *inv, FILE *stream)
{
	const struct command *end = end_of(inv);

	fprintf(stream, "%s\n\n  ", end->summary);
	print_wrapped(help_usage(inv), 2, 6, stream);
	if (end->commands || parameter_exists(end->parameters))
		fputc('\n', stream);
	if (end->commands)
		print_commands(end, stream);
	else
		print_parameters(end->parameters, stream);
	if (end->detail)
		fprintf(stream, "\n%s\n", end->detail);
	if (inv->depth)
		return;
	fputc('\n', stream);
	print_parameters(help_global_options, stream);
}

/* Text in which roff would see requests, escapes or quotes. */
static void man_text(const char *text, FILE *stream)
{
	bool start = true;

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stream);
		if (*text == '\\')
			fputs("\\e", stream);
		else if (*text == '-')
			fputs("\\-", stream);
		else
			fputc(*text, stream);
		start = *text == '\n';
	}
}

static void man_parameters(const struct parameter *parameters, FILE *stream)
{
	for (const struct parameter *p = parameters; parameter_exists(p); p++) {
		fputs(".TP\n", stream);
		if (p->word) {
			fputs("\\fB", stream);
			man_text(p->word, stream);
			fputs(p->value ? "\\fR " : "\\fR", stream);
		}
		if (p->value) {
			fputs("\\fI", stream);
			man_text(p->value, stream);
			fputs("\\fR", stream);
		}
		fputc('\n', stream);
		man_text(p->help, stream);
		fputc('\n', stream);
	}
}

static void man_leaf(const struct invocation *inv, FILE *stream)
{
	const struct command *leaf = end_of(inv);

	fputs(".SS ", stream);
	man_text(help_usage(inv), stream);
	fputc('\n', stream);
	man_text(leaf->summary, stream);
	fputs(".\n", stream);
	if (leaf->detail) {
		fputs(".PP\n", stream);
		man_text(leaf->detail, stream);
		fputc('\n', stream);
	}
	man_parameters(leaf->parameters, stream);
}

static void man_tree(struct invocation *inv, FILE *stream)
{
	const struct command *at = end_of(inv);

	if (!at->commands) {
		man_leaf(inv, stream);
		return;
	}
	for (const struct command *const *c = at->commands; *c; c++) {
		inv->path[inv->depth++] = *c;
		man_tree(inv, stream);
		inv->depth--;
	}
}

void help_print_man(FILE *stream)
{
	struct invocation inv = {0};

	fputs(".TH LBCTL 8 \"\" \"Sluice " LBCTL_VERSION "\"\n.SH NAME\nlbctl \\- ", stream);
	man_text(command_root.summary, stream);
	fputs("\n.SH SYNOPSIS\n", stream);
	man_text(global_usage, stream);
	fputs("\n.SH DESCRIPTION\n", stream);
	man_text(command_root.detail, stream);
	fputs("\n.SH OPTIONS\n", stream);
	man_parameters(help_global_options, stream);
	fputs(".SH COMMANDS\n", stream);
	man_tree(&inv, stream);
	fputs(".SH EXIT STATUS\n", stream);
	for (size_t i = 0; i < sizeof(exit_helps) / sizeof(*exit_helps); i++) {
		fprintf(stream, ".TP\n\\fB%d\\fR\n", exit_helps[i].code);
		man_text(exit_helps[i].help, stream);
		fputc('\n', stream);
	}
	fputs(".SH ENVIRONMENT\n.TP\n\\fBSLUICE_NODE\\fR\nThe node, where \\-\\-node does not say "
	      "it.\n.TP\n\\fBSLUICE_PIN_ROOT\\fR\nWhere the nodes' maps are pinned; "
	      "/run/sluice/bpf by default.\n",
	      stream);
}
