/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Command lines of the daemons: what getopt_long() leaves open.
 */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

#include <getopt.h>
#include <stddef.h>

#include "compiler.h"

/*
 * getopt_long() takes any unambiguous beginning of an option: a slip would
 * start a daemon. -EINVAL: there is one, or an unknown option, and `program` has said so.
 */
int options_refuse_abbreviations(const char *program, char **argv,
				 const struct option *names) __must_check;

/*
 * The node that this host is: $SLUICE_NODE, or the host name up to its first
 * dot. Cut to `size`; the caller judges whether it is a name.
 */
void options_default_node(char *node, size_t size);

#endif /* SLUICE_OPTIONS_H */
