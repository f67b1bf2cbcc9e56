/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The backstop: what a gateway's kernel must not do by itself, in nftables. One
 * chain drops whatever it would forward. What XDP forwards never gets there, so
 * the chain sees only packets that slipped past it: before it is attached, after
 * it is gone. The other chain drops what comes in for an address of another
 * interface (the strong host model, RFC 1122 3.3.4.2): without it, the inside
 * address of a gateway, and what listens there, answers the outside.
 */
#include "host_internal.h"

#include <errno.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

#define BACKSTOP "inet sluice_backstop"

static const char setup_commands[] =
	"add table " BACKSTOP "\n"
	"add chain " BACKSTOP " forward { type filter hook forward priority 0 ; policy drop ; }\n"
	"chain " BACKSTOP " forward { policy drop ; }\n"
	"flush chain " BACKSTOP " forward\n"
	"add rule " BACKSTOP " forward counter comment \"what XDP did not forward\"\n"
	"add chain " BACKSTOP " input { type filter hook input priority 0 ; policy accept ; }\n"
	"flush chain " BACKSTOP " input\n";

static const char strong_host_commands[] =
	"add rule " BACKSTOP " input iif != \"lo\" fib daddr . iif type != { local, broadcast, "
	"multicast, anycast } counter drop comment \"for an address of another interface\"\n";

static struct nft_ctx *context_create(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft)
		return NULL;
	/* Unread buffers: the library would print to our own streams. */
	if (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft)) {
		nft_ctx_free(nft);
		return NULL;
	}
	return nft;
}

static int run(const char *commands)
{
	struct nft_ctx *nft = context_create();
	int err;

	if (!nft)
		return -ENOMEM;
	errno = 0;
	err = nft_run_cmd_from_buffer(nft, commands) ? -(errno ? errno : EIO) : 0;
	nft_ctx_free(nft);
	return err;
}

/* A base chain on the forward hook whose policy is drop, and no rule that accepts. */
static bool chain_drops(const json_t *item)
{
	const char *hook = NULL, *policy = NULL;

	return !json_unpack((json_t *)item, "{s:{s:s, s:s}}", "chain", "hook", &hook, "policy",
			    &policy) &&
	       !strcmp(hook, "forward") && !strcmp(policy, "drop");
}

static bool rule_is_in(const json_t *item, const char *chain)
{
	const char *in = NULL;

	return !json_unpack((json_t *)item, "{s:{s:s}}", "rule", "chain", &in) &&
	       !strcmp(in, chain);
}

static bool rule_only_counts(const json_t *item)
{
	const json_t *rule = json_object_get(item, "rule"), *statement;
	size_t i;

	if (!rule_is_in(item, "forward"))
		return true;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
		if (!json_object_get(statement, "counter") && !json_object_get(statement, "drop"))
			return false;
	return true;
}

static int judge(const char *listing, bool strong_host)
{
	json_t *root = listing ? json_loads(listing, 0, NULL) : NULL, *item;
	bool drops = false, only_counts = true, is_strong = false;
	size_t i;

	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		drops |= chain_drops(item);
		only_counts &= rule_only_counts(item);
		is_strong |= rule_is_in(item, "input");
	}
	json_decref(root);
	return drops && only_counts && is_strong == strong_host ? 0 : -ENOENT;
}

int backstop_inspect(bool strong_host)
{
	struct nft_ctx *nft = context_create();
	int err;

	if (!nft)
		return -ENOMEM;
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
	err = nft_run_cmd_from_buffer(nft, "list table " BACKSTOP) ? -ENOENT : 0;
	if (!err)
		err = judge(nft_ctx_get_output_buffer(nft), strong_host);
	nft_ctx_free(nft);
	return err;
}

int backstop_setup(bool strong_host)
{
	char commands[sizeof(setup_commands) + sizeof(strong_host_commands)];

	/* One transaction: at no time is there less than before. */
	snprintf(commands, sizeof(commands), "%s%s", setup_commands,
		 strong_host ? strong_host_commands : "");
	return run(commands);
}

int backstop_remove(void)
{
	return run("delete table " BACKSTOP "\n");
}
