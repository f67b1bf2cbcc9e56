/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The backstop: an nftables chain that drops whatever the kernel itself would
 * forward. What XDP forwards never gets there, so the chain sees only packets
 * that slipped past it: before it is attached, after it is gone.
 */
#include "host_internal.h"

#include <errno.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <string.h>

#define BACKSTOP "inet sluice_backstop"

static const char setup_commands[] =
	"add table " BACKSTOP "\n"
	"add chain " BACKSTOP " forward { type filter hook forward priority 0 ; policy drop ; }\n"
	"chain " BACKSTOP " forward { policy drop ; }\n"
	"flush chain " BACKSTOP " forward\n"
	"add rule " BACKSTOP " forward counter comment \"what XDP did not forward\"\n";

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

static bool rule_only_counts(const json_t *item)
{
	const json_t *rule = json_object_get(item, "rule"), *statement;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i,
			   statement) if (!json_object_get(statement, "counter") &&
					  !json_object_get(statement, "drop")) return false;
	return true;
}

static int judge(const char *listing)
{
	json_t *root = listing ? json_loads(listing, 0, NULL) : NULL, *item;
	bool drops = false, only_counts = true;
	size_t i;

	json_array_foreach(json_object_get(root, "nftables"), i, item)
	{
		drops |= chain_drops(item);
		only_counts &= rule_only_counts(item);
	}
	json_decref(root);
	return drops && only_counts ? 0 : -ENOENT;
}

int backstop_inspect(void)
{
	struct nft_ctx *nft = context_create();
	int err;

	if (!nft)
		return -ENOMEM;
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
	err = nft_run_cmd_from_buffer(nft, "list table " BACKSTOP) ? -ENOENT : 0;
	if (!err)
		err = judge(nft_ctx_get_output_buffer(nft));
	nft_ctx_free(nft);
	return err;
}

int backstop_setup(void)
{
	return run(setup_commands);
}

int backstop_remove(void)
{
	return run("delete table " BACKSTOP "\n");
}
