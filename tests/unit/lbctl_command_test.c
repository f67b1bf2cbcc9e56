/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The command line of lbctl, on its real command tree: what is understood, and
 * the exact line that is said about what is not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../ctl/batch.h"
#include "../../ctl/command.h"
#include "../../ctl/help.h"
#include "../support/capture.h"
#include "../support/unit.h"

#define WORDS_MAX 24

static struct invocation inv;
static char *said;

/* Parses a command line, words separated by single blanks. */
static int parse(const char *line)
{
	static char copy[512];
	char *argv[WORDS_MAX], *rest = copy;
	int argc = 0, code;

	command_fini(&inv);
	free(said);
	memset(&inv, 0, sizeof(inv));
	strcpy(copy, line);
	while (rest && *copy)
		argv[argc++] = strsep(&rest, " ");
	capture_start();
	code = command_parse(&inv, argc, argv);
	said = capture_end();
	return code;
}

static const struct command *leaf(void)
{
	return inv.depth ? inv.path[inv.depth - 1] : NULL;
}

static void words_lead_to_their_command(void)
{
	static const char *const lines[][2] = {
		{"status", "status"},
		{"vip add 192.0.2.1:80", "add"},
		{"vip show", "show"},
		{"vip show [2001:db8::1]:443", "show"},
		{"backend set www tls1 weight 0 state drain", "set"},
		{"backend add www 2001:db8::7", "add"},
		{"fw rule add perimeter web-in to vip proto tcp port 80,443 action accept", "add"},
		{"fw block 10.0.0.0/8", "block"},
		{"trace tcp 192.0.2.7 192.0.2.1:80 dev eth0 flags syn,ack", "trace"},
		{"apply -f site.yaml --dry-run", "apply"},
		{"host setup dev eth0 role firewall,forward", "setup"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CU_ASSERT_EQUAL(parse(lines[i][0]), EXIT_OK);
		UNIT_ASSERT_TEXT(said, "");
		UNIT_ASSERT_TEXT(leaf()->word, lines[i][1]);
		CU_ASSERT_PTR_NOT_NULL(leaf()->run);
	}
}

static void mistakes_are_one_line_that_says_what_was_expected(void)
{
	static const char *const lines[][2] = {
		{"bakend add",
		 "lbctl: unknown word \"bakend\" (did you mean \"backend\"?), expected status, "
		 "top, rates, watch, drops, flows, trace, capture, vip, backend, fw, doctor, "
		 "check, diff, apply, confirm, rollback, "
		 "show, attach, "
		 "detach, "
		 "host, batch, complete, restore, help\n"},
		{"vip", "lbctl vip: a command is missing, expected add, set, del, limit, show\n"},
		{"vip dle 192.0.2.1:80",
		 "lbctl vip: unknown word \"dle\" (did you mean \"del\"?), expected add, set, del, "
		 "limit, show\n"},
		{"vip add",
		 "lbctl vip add: ADDR:PORT is missing, as in: lbctl vip add ADDR:PORT "
		 "[proto tcp|udp] [name NAME] [forward ipip|dsr|gue|nat] "
		 "[affinity none|source|source64] [slow-start TIME] [panic PERCENT] "
		 "[syn-cookies off|always|N/s] [quic N] [--ephemeral] [--confirm SEC]\n"},
		{"vip add 192.0.2.1",
		 "lbctl vip add: ADDR:PORT \"192.0.2.1\": expected ADDRESS:PORT, as 192.0.2.1:443, "
		 "[2001:db8::1]:8000-8099 or 198.51.100.0/24:*\n"},
		{"vip add 192.0.2.1:80 forward dsrr", "lbctl vip add: forward \"dsrr\": expected "
						      "one of ipip, dsr, gue, nat (did you mean "
						      "\"dsr\"?)\n"},
		{"vip add 192.0.2.1:80 proto tcp proto udp",
		 "lbctl vip add: \"proto\" is given twice\n"},
		{"vip add 192.0.2.1:80 proto", "lbctl vip add: \"proto\" needs a value: tcp|udp\n"},
		{"vip del 192.0.2.1:80 forward dsr", "lbctl vip del: unknown word \"forward\", "
						     "expected proto, --ephemeral, --confirm\n"},
		{"backend set www tls1 wieght 5",
		 "lbctl backend set: unknown word \"wieght\" (did you mean \"weight\"?), expected "
		 "address, port, weight, state, backup, server-id, proto, --ephemeral, "
		 "--confirm\n"},
		{"backend set www tls1 weight 1001",
		 "lbctl backend set: weight \"1001\": expected a number from 0 to 1000\n"},
		{"backend set www tls1 weight -1",
		 "lbctl backend set: weight \"-1\": expected a number from 0 to 1000\n"},
		{"status now", "lbctl status: unexpected word \"now\": nothing may follow here\n"},
		{"fw rule add p r action reject",
		 "lbctl fw rule add: action \"reject\": expected one of drop, accept, "
		 "accept-stateless\n"},
		{"fw rule add p r from 10.0.0.0/33 action drop",
		 "lbctl fw rule add: from \"10.0.0.0/33\": expected prefixes and names of sets, "
		 "with commas, as 192.0.2.0/24,inner\n"},
		{"fw rule add p r port 80, action drop",
		 "lbctl fw rule add: port \"80,\": expected ports and ranges, with commas, as "
		 "80,443,8000-8080\n"},
		{"fw rule add p r", "lbctl fw rule add: action accept|accept-stateless|drop is "
				    "missing, as in: lbctl fw rule add POLICY NAME [before NAME] "
				    "[after NAME] [in IF] [from CIDR|SET,..] [to CIDR|SET,..] "
				    "[proto PROTO] [port PORT,..] [sport PORT,..] "
				    "[flags FLAG,../FLAG,..] [icmp TYPE[/CODE]] "
				    "[state new|invalid] action "
				    "accept|accept-stateless|drop [--ephemeral] [--confirm SEC]\n"},
		{"attach dev eth0 role firewal",
		 "lbctl attach: role \"firewal\": expected a list, with commas, of firewall, "
		 "balancer, forward, decap (did you mean \"firewall\"?)\n"},
		{"apply -f", "lbctl apply: \"-f\" needs a value: FILE\n"},
		{"apply --dry-runn -f x",
		 "lbctl apply: unknown word \"--dry-runn\" (did you mean \"--dry-run\"?), "
		 "expected -f, --dry-run, --force, --ephemeral, --confirm\n"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CU_ASSERT_EQUAL(parse(lines[i][0]), EXIT_USAGE);
		UNIT_ASSERT_TEXT(said, lines[i][1]);
	}
}

static void options_of_lbctl_stand_anywhere(void)
{
	CU_ASSERT_EQUAL(parse("-j --node lb1 status"), EXIT_OK);
	CU_ASSERT_EQUAL(inv.out.format, OUTPUT_JSON);
	UNIT_ASSERT_TEXT(inv.node, "lb1");
	CU_ASSERT_EQUAL(parse("vip show -p --node=lb2"), EXIT_OK);
	CU_ASSERT_EQUAL(inv.out.format, OUTPUT_PRETTY);
	UNIT_ASSERT_TEXT(inv.node, "lb2");
	CU_ASSERT_EQUAL(parse("vip add --help"), EXIT_OK);
	CU_ASSERT_TRUE(inv.help);
	CU_ASSERT_EQUAL(parse(""), EXIT_OK);
	CU_ASSERT_EQUAL(inv.depth, 0);
}

static void operand_may_be_spelt_like_an_option(void)
{
	CU_ASSERT_EQUAL(parse("fw rule add in action action drop"), EXIT_OK);
	CU_ASSERT_EQUAL(parse("backend drain weight proto proto tcp"), EXIT_OK);
}

static void arguments_tell_given_from_left_out(void)
{
	const struct parameter *p;

	CU_ASSERT_EQUAL(parse("backend set www tls1 weight 0"), EXIT_OK);
	for (p = leaf()->parameters; parameter_exists(p); p++) {
		bool given = command_given(&inv, (char *)inv.args + p->offset);

		CU_ASSERT_EQUAL(given, !p->word || !strcmp(p->word, "weight"));
	}
}

/* Every leaf can be reached by its words, explains itself, and fits the bit mask of `given`. */
static void check_tree(const struct command *command, struct invocation *path)
{
	size_t count = 0;

	CU_ASSERT_PTR_NOT_NULL(command->summary);
	for (const struct parameter *p = command->parameters; parameter_exists(p); p++) {
		CU_ASSERT_PTR_NOT_NULL(p->help);
		CU_ASSERT_EQUAL(!p->value, !p->type);
		CU_ASSERT_TRUE(!p->type || p->type->expected || p->type->words);
		CU_ASSERT_TRUE(p->offset < command->args_size);
		count++;
	}
	CU_ASSERT_TRUE(count < 64);
	CU_ASSERT_TRUE(strlen(help_usage(path)) < 400);
	for (const struct command *const *c = command->commands; c && *c; c++) {
		CU_ASSERT_TRUE_FATAL(path->depth < COMMAND_DEPTH);
		path->path[path->depth++] = *c;
		check_tree(*c, path);
		path->depth--;
	}
	CU_ASSERT_TRUE(command->commands || command->run);
}

static void tree_is_whole(void)
{
	struct invocation path = {0};

	check_tree(&command_root, &path);
}

static void man_page_names_every_object(void)
{
	char *page = NULL;
	size_t size;
	FILE *stream = open_memstream(&page, &size);

	help_print_man(stream);
	fclose(stream);
	for (const struct command *const *c = command_root.commands; *c; c++) {
		char usage[64];

		snprintf(usage, sizeof(usage), ".SS lbctl %s", (*c)->word);
		CU_ASSERT_PTR_NOT_NULL(strstr(page, usage));
	}
	free(page);
}

static void lines_of_a_batch_are_split_into_words(void)
{
	static const struct {
		const char *line, *words; /* joined by | */
		int count;
	} cases[] = {
		{"", "", 0},
		{"  \t", "", 0},
		{"# vip add", "", 0},
		{"vip add", "vip|add|", 2},
		{" vip\tadd  # x", "vip|add|", 2},
		{"a#b 'c d'\"e\" \"\" 'x\"y'", "a#b|c de||x\"y|", 4},
		{"vip 'add", "", -EINVAL},
		{"a b c d e", "", -E2BIG},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char line[64], seen[64] = "", *words[4];
		int count = batch_split(strcpy(line, cases[i].line), words, 4);

		CU_ASSERT_EQUAL(count, cases[i].count);
		for (int j = 0; j < count; j++)
			strcat(strcat(seen, words[j]), "|");
		UNIT_ASSERT_TEXT(seen, cases[i].words);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(words_lead_to_their_command),
		UNIT_TEST(mistakes_are_one_line_that_says_what_was_expected),
		UNIT_TEST(options_of_lbctl_stand_anywhere),
		UNIT_TEST(operand_may_be_spelt_like_an_option),
		UNIT_TEST(arguments_tell_given_from_left_out),
		UNIT_TEST(tree_is_whole),
		UNIT_TEST(man_page_names_every_object),
		UNIT_TEST(lines_of_a_batch_are_split_into_words),
		{},
	};
	int code = unit_run("lbctl_command", tests);

	command_fini(&inv);
	free(said);
	return code;
}
