/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A configuration file as a whole: one YAML document, whose root is a mapping.
 */
#include "config_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int reader_open(struct reader *r, const char *text, size_t length, const char *beginning)
{
	const yaml_node_t *root;
	char expected[128];
	int err;

	snprintf(expected, sizeof(expected), "a mapping of keys to values%s%s",
		 *beginning ? ", " : "", beginning);
	err = config_yaml_load(text, length, expected, &r->document, r->diags);
	if (err)
		return err;
	root = yaml_document_get_root_node(&r->document);
	if (root->type == YAML_MAPPING_NODE)
		return 0;
	diag_add(r->diags, config_yaml_place_of(root), "expected %s", expected);
	yaml_document_delete(&r->document);
	return -EINVAL;
}

void reader_close(struct reader *r)
{
	yaml_document_delete(&r->document);
	free(r->unreadable.items);
}

int config_read_members(const char *text, size_t length, const struct field *members, void *object,
			struct diag_list *diags)
{
	struct reader r = {.diags = diags};
	size_t before = diags->count;
	int err;

	err = reader_open(&r, text, length, "");
	if (err)
		return err;
	read_members(&r, members, yaml_document_get_root_node(&r.document), object);
	diag_sort(diags, before);
	if (r.out_of_memory)
		err = -ENOMEM;
	else if (r.mistakes)
		err = -EINVAL;
	reader_close(&r);
	return err;
}
