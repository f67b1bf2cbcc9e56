/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Help texts and the man page, generated from the command tree. */
#ifndef SLUICE_CTL_HELP_H
#define SLUICE_CTL_HELP_H

#include "command.h"

#define LBCTL_VERSION "0.1.0"

/* Options of lbctl itself, which may stand anywhere; ends with {}. */
extern const struct parameter help_global_options[];

/* "lbctl vip add ADDR:PORT [proto tcp|udp]": of inv's path, in a static buffer. */
const char *help_usage(const struct invocation *inv);

/* Help on the command at the end of inv's path; on all of lbctl if it is empty. */
void help_print(const struct invocation *inv, FILE *stream);

/* The whole tree as a man page, section 8. */
void help_print_man(FILE *stream);

#endif /* SLUICE_CTL_HELP_H */
