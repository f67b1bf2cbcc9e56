/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl fw block, allow, unblock, blocks: sources that every interface drops, before
 * any rule or flow. It takes effect at once, and is no part of the file.
 */
#include "blocks.h"
#include "change.h"
#include "command.h"
#include "fw_commands.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT 1000 /* of what is listed, if nothing else is said */

struct block_args {
	struct given_prefix prefix;
	unsigned timeout_ms; /* 0: for ever */
	const char *file;
	struct change_args change;
};

struct blocks_args {
	unsigned limit;
};

static int check_network(const struct invocation *inv, const struct prefix *prefix)
{
	struct sluice_addr mask = addr_mask(prefix->bits);
	struct prefix network = {.addr = addr_and(&prefix->addr, &mask), .bits = prefix->bits};
	char text[PREFIX_TEXT_LEN], expected[PREFIX_TEXT_LEN];

	if (!addr_cmp(&network.addr, &prefix->addr))
		return EXIT_OK;
	command_error(inv, "\"%s\": bits are set behind the prefix, expected %s",
		      prefix_format(prefix, text), prefix_format(&network, expected));
	return EXIT_USAGE;
}

static struct block_entry entry_of(const struct prefix *prefix, bool allow, unsigned timeout_ms)
{
	struct block_entry entry = {.prefix = *prefix, .allow = allow};

	if (timeout_ms)
		entry.until_ns = block_set_now_ns() + timeout_ms * 1000000ULL;
	return entry;
}

static int add_one(struct session *session, struct block_set *set, bool allow)
{
	const struct block_args *args = session->inv->args;
	struct block_entry entry = entry_of(&args->prefix.prefix, allow, args->timeout_ms);
	int err = block_set_add(set, &entry);

	if (err)
		return session_failed(session->inv, err, allow ? "allowing" : "blocking");
	if (!args->change.ephemeral)
		blocks_note(session, &entry);
	return EXIT_OK;
}

/* "PREFIX [timeout DURATION]"; what is behind # is a comment. 1: nothing there. */
static int parse_line(const struct invocation *inv, unsigned number, char *line,
		      struct prefix *prefix, unsigned *timeout_ms)
{
	const struct block_args *args = inv->args;
	char *rest, *word, *key, *value;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r\n", &rest);
	if (!word)
		return 1;
	key = strtok_r(NULL, " \t\r\n", &rest);
	value = key ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
	*timeout_ms = args->timeout_ms;
	if (prefix_parse(word, prefix)) {
		command_error(inv, "%s:%u: \"%s\": expected an address or a prefix", args->file,
			      number, word);
		return -EINVAL;
	}
	if (!key)
		return check_network(inv, prefix) ? -EINVAL : 0;
	if (strcmp(key, "timeout") != 0 || !value || strtok_r(NULL, " \t\r\n", &rest) ||
	    duration_parse(value, BLOCK_TIMEOUT_MAX_MS, timeout_ms) || !*timeout_ms) {
		command_error(inv, "%s:%u: \"%s %s\": expected nothing or \"timeout\" and %s",
			      args->file, number, key, value ? value : "", BLOCK_TIMEOUT_EXPECTED);
		return -EINVAL;
	}
	return check_network(inv, prefix) ? -EINVAL : 0;
}

struct block_list {
	struct block_entry *items;
	size_t count, room;
};

static int list_add(struct block_list *list, const struct block_entry *entry)
{
	struct block_entry *more;

	if (list->count == list->room) {
		list->room = list->room * 2 + 1024;
		more = realloc(list->items, list->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->items = more;
	}
	list->items[list->count++] = *entry;
	return 0;
}

/* All of it before anything is blocked: a mistake leaves the set as it was. */
static int read_list(const struct invocation *inv, FILE *file, bool allow, struct block_list *list)
{
	char *line = NULL;
	size_t room = 0;
	int code = EXIT_OK;

	for (unsigned number = 1; !code && getline(&line, &room, file) >= 0; number++) {
		unsigned timeout_ms;
		struct prefix prefix;
		struct block_entry entry;
		int found = parse_line(inv, number, line, &prefix, &timeout_ms);

		if (found == 1)
			continue;
		if (found)
			code = EXIT_USAGE;
		else
			entry = entry_of(&prefix, allow, timeout_ms);
		if (!code && list_add(list, &entry))
			code = session_failed(inv, -ENOMEM, "reading the list");
	}
	free(line);
	return code;
}

static int read_file(const struct invocation *inv, bool allow, struct block_list *list)
{
	const struct block_args *args = inv->args;
	bool is_stdin = !strcmp(args->file, "-");
	FILE *file = is_stdin ? stdin : fopen(args->file, "re");
	int code;

	if (!file) {
		command_error(inv, "%s: %s", args->file, strerror(errno));
		return EXIT_USAGE;
	}
	code = read_list(inv, file, allow, list);
	if (!is_stdin)
		fclose(file);
	return code;
}

static int add_list(struct session *session, struct block_set *set, const struct block_list *list)
{
	const struct block_args *args = session->inv->args;
	int err = 0;

	for (size_t i = 0; i < list->count && !err; i++)
		err = block_set_add(set, &list->items[i]);
	if (!args->change.ephemeral)
		blocks_note_all(session);
	return err ? session_failed(session->inv, err, "blocking") : EXIT_OK;
}

static int add(struct session *session, bool allow, const struct block_list *list)
{
	const struct block_args *args = session->inv->args;
	int code = session->created ? session_publish_empty(session) : EXIT_OK, err;
	struct block_set set;

	if (code)
		return code;
	err = block_set_open(&set, &session->dp);
	if (err)
		return session_failed(session->inv, err, "opening the block set");
	code = args->file ? add_list(session, &set, list) : add_one(session, &set, allow);
	block_set_close(&set);
	return code;
}

static int run_add(struct invocation *inv, bool allow)
{
	const struct block_args *args = inv->args;
	struct block_list list = {0};
	struct session session;
	int code;

	if (!args->file == !args->prefix.given) {
		command_error(inv, "expected either CIDR or -f FILE");
		return EXIT_USAGE;
	}
	code = args->file ? read_file(inv, allow, &list) : check_network(inv, &args->prefix.prefix);
	if (!code) {
		code = session_open(&session, inv, DATAPLANE_CREATE, NULL);
		if (!code)
			code = add(&session, allow, &list);
		session_close(&session);
	}
	free(list.items);
	return code;
}

static int run_block(struct invocation *inv)
{
	return run_add(inv, false);
}

static int run_allow(struct invocation *inv)
{
	return run_add(inv, true);
}

static int unblock(struct session *session)
{
	const struct block_args *args = session->inv->args;
	int err = dataplane_unblock(&session->dp, &args->prefix.prefix);
	char text[PREFIX_TEXT_LEN];

	if (err == -ENOENT) {
		command_error(session->inv, "\"%s\" is not blocked, expected one of \"fw blocks\"",
			      prefix_format(&args->prefix.prefix, text));
		return EXIT_USAGE;
	}
	if (err)
		return session_failed(session->inv, err, "unblocking");
	if (!args->change.ephemeral)
		blocks_note_removal(session, &args->prefix.prefix);
	return EXIT_OK;
}

static int run_unblock(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_WRITE, NULL);

	if (!code)
		code = unblock(&session);
	session_close(&session);
	return code;
}

struct listing {
	json_t *into;
	unsigned limit;
	size_t total;
	__u64 now_ns;
};

static int list_entry(const struct block_entry *entry, void *data)
{
	struct listing *listing = data;
	char text[PREFIX_TEXT_LEN];
	json_t *row;

	if (listing->total++ >= listing->limit)
		return 0;
	row = json_pack("{s:s, s:s}", "prefix", prefix_format(&entry->prefix, text), "action",
			entry->allow ? "allow" : "block");
	if (row && entry->until_ns)
		json_object_set_new(row, "expires_in_s",
				    json_integer((json_int_t)((entry->until_ns - listing->now_ns) /
							      1000000000ULL)));
	return json_array_append_new(listing->into, row) ? -ENOMEM : 0;
}

static int show_blocks(const struct session *session)
{
	static const struct output_column columns[] = {
		{"prefix", "prefix"}, {"action", "action"}, {"expires_in_s", "expires in s"}, {}};
	static const struct output_table tables[] = {
		{.key = "blocks", .empty = "nothing is blocked", .columns = columns}, {}};
	static const struct output_view view = {.tables = tables};
	const struct blocks_args *args = session->inv->args;
	struct listing listing = {.into = json_array(),
				  .limit = args->limit ? args->limit : LIST_LIMIT,
				  .now_ns = block_set_now_ns()};
	int err = block_set_each(&session->dp, list_entry, &listing);

	if (!err)
		err = output_emit(&session->inv->out,
				  json_pack("{s:O, s:I}", "blocks", listing.into, "total",
					    (json_int_t)listing.total),
				  &view);
	if (!err && listing.total > listing.limit)
		command_error(session->inv, "%zu of %zu are shown: see limit",
			      (size_t)listing.limit, listing.total);
	json_decref(listing.into);
	return err ? session_failed(session->inv, err, "reading the block set") : EXIT_OK;
}

static int run_blocks(struct invocation *inv)
{
	struct session session;
	int code = session_open(&session, inv, DATAPLANE_READ, NULL);

	if (!code)
		code = show_blocks(&session);
	session_close(&session);
	return code;
}

static const struct parameter block_parameters[] = {
	OPERAND_OPTIONAL(struct block_args, prefix, "CIDR", type_given_prefix, "the sources"),
	OPTION(struct block_args, timeout_ms, "timeout", "DURATION", type_timeout,
	       "for how long, such as 10m; for ever without"),
	OPTION(struct block_args, file, "-f", "FILE", type_file,
	       "a list, a prefix on each line, with its timeout if it has one; - is standard "
	       "input"),
	SWITCH(struct block_args, change.ephemeral, CHANGE_EPHEMERAL, "not to outlive a reboot"),
	{},
};

static const struct parameter unblock_parameters[] = {
	OPERAND(struct block_args, prefix, "CIDR", type_given_prefix, "the sources"),
	SWITCH(struct block_args, change.ephemeral, CHANGE_EPHEMERAL, "not to outlive a reboot"),
	{},
};

static const struct parameter blocks_parameters[] = {
	OPTION(struct blocks_args, limit, "limit", "N", type_count,
	       "list so many at most; 1000 by default"),
	{},
};

const struct command command_fw_block = {
	.word = "block",
	.summary = "drop everything from a prefix, at once",
	.parameters = block_parameters,
	.args_size = sizeof(struct block_args),
	.run = run_block,
};

const struct command command_fw_allow = {
	.word = "allow",
	.summary = "leave a prefix out of what the block set drops",
	.parameters = block_parameters,
	.args_size = sizeof(struct block_args),
	.run = run_allow,
};

const struct command command_fw_unblock = {
	.word = "unblock",
	.summary = "take a prefix out of the block set",
	.parameters = unblock_parameters,
	.args_size = sizeof(struct block_args),
	.run = run_unblock,
};

const struct command command_fw_blocks = {
	.word = "blocks",
	.summary = "list the block set",
	.parameters = blocks_parameters,
	.args_size = sizeof(struct blocks_args),
	.run = run_blocks,
};
