/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl complete: what shells ask when a word is to be completed. A line for each candidate,
 * the word and, behind a tab, what it means; the line ":files" asks for names of files.
 */
#include "commands.h"
#include "complete.h"
#include "session.h"

#include <errno.h>

static int print_candidates(const struct output *out, json_t *candidates, bool files)
{
	static const struct output_view none = {0}; /* shells want no table */
	const json_t *row;
	size_t i;

	if (out->format != OUTPUT_TEXT)
		return output_emit(
			out, json_pack("{s:b, s:O}", "files", files, "candidates", candidates),
			&none);
	json_array_foreach(candidates, i, row)
		fprintf(out->stream, "%s\t%s\n", json_string_value(json_object_get(row, "word")),
			json_string_value(json_object_get(row, "help")));
	if (files)
		fputs(":files\n", out->stream);
	return fflush(out->stream) ? -EIO : 0;
}

static int run_complete(struct invocation *inv)
{
	json_t *candidates = json_array();
	bool files;
	int err = candidates ? complete_words(inv->rest_count, inv->rest, candidates, &files)
			     : -ENOMEM;

	if (!err)
		err = print_candidates(&inv->out, candidates, files);
	json_decref(candidates);
	return err ? session_failed(inv, err, "completing") : EXIT_OK;
}

const struct command command_complete = {
	.word = "complete",
	.summary = "say what may follow, for completion in shells",
	.detail = "Behind it stand the words of a command line, the last one not yet complete, or\n"
		  "empty. Bash and zsh ask this by themselves where the files of\n"
		  "packaging/completion are installed.",
	.run = run_complete,
	.raw = true,
};
