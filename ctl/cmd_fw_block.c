/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl fw block, unblock, blocks: sources that every interface drops, before
 * any rule or flow. It takes effect at once, and is no part of the file.
 */
#include "blocks.h"
#include "change.h"
#include "command.h"
#include "fw_commands.h"

#include <bpf/bpf.h>
#include <errno.h>

struct block_args {
	struct prefix prefix;
	struct change_args change;
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

static int block(struct session *session)
{
	const struct block_args *args = session->inv->args;
	int code = session->created ? session_publish_empty(session) : EXIT_OK, err;

	if (code)
		return code;
	err = dataplane_block(&session->dp, &args->prefix);
	if (err)
		return session_failed(session->inv, err, "blocking");
	if (!args->change.ephemeral)
		blocks_note(session, &args->prefix, true);
	return EXIT_OK;
}

static int run_block(struct invocation *inv)
{
	const struct block_args *args = inv->args;
	struct session session;
	int code = check_network(inv, &args->prefix);

	if (code)
		return code;
	code = session_open(&session, inv, DATAPLANE_CREATE, NULL);
	if (!code)
		code = block(&session);
	session_close(&session);
	return code;
}

static int unblock(struct session *session)
{
	const struct block_args *args = session->inv->args;
	int err = dataplane_unblock(&session->dp, &args->prefix);
	char text[PREFIX_TEXT_LEN];

	if (err == -ENOENT) {
		command_error(session->inv, "\"%s\" is not blocked, expected one of \"fw blocks\"",
			      prefix_format(&args->prefix, text));
		return EXIT_USAGE;
	}
	if (err)
		return session_failed(session->inv, err, "unblocking");
	if (!args->change.ephemeral)
		blocks_note(session, &args->prefix, false);
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

static int collect(const struct dataplane *dp, json_t *into)
{
	struct sluice_lpm_key key, next;
	const void *at = NULL;
	char text[PREFIX_TEXT_LEN];

	while (!bpf_map_get_next_key(dp->block, at, &next)) {
		struct prefix prefix = {.addr = next.addr, .bits = (unsigned char)next.bits};

		if (json_array_append_new(
			    into, json_pack("{s:s}", "prefix", prefix_format(&prefix, text))))
			return -ENOMEM;
		key = next;
		at = &key;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int show_blocks(const struct session *session)
{
	static const struct output_column columns[] = {{"prefix", "blocked"}, {}};
	static const struct output_table tables[] = {
		{.key = "blocks", .empty = "nothing is blocked", .columns = columns}, {}};
	static const struct output_view view = {.tables = tables};
	json_t *blocks = json_array();
	int err = collect(&session->dp, blocks);

	if (!err)
		err = output_emit(&session->inv->out, json_pack("{s:O}", "blocks", blocks), &view);
	json_decref(blocks);
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
	OPERAND(struct block_args, prefix, "CIDR", type_prefix, "the sources"),
	SWITCH(struct block_args, change.ephemeral, CHANGE_EPHEMERAL, "not to outlive a reboot"),
	{},
};

const struct command command_fw_block = {
	.word = "block",
	.summary = "drop everything from a prefix, at once",
	.parameters = block_parameters,
	.args_size = sizeof(struct block_args),
	.run = run_block,
};

const struct command command_fw_unblock = {
	.word = "unblock",
	.summary = "take a prefix out of the block set",
	.parameters = block_parameters,
	.args_size = sizeof(struct block_args),
	.run = run_unblock,
};

const struct command command_fw_blocks = {
	.word = "blocks",
	.summary = "list the block set",
	.run = run_blocks,
};
