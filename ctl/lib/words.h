/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The word lists behind the *_name() and *_parse() functions of model.h, for
 * messages that say what was expected. Each is indexed by its enumeration
 * (roles: by bit) and ends with NULL.
 */
#ifndef SLUICE_WORDS_H
#define SLUICE_WORDS_H

extern const char *const check_type_words[];
extern const char *const check_via_words[];
extern const char *const check_method_words[];
extern const char *const check_read_only_words[];
extern const char *const backend_admin_words[];
extern const char *const forward_words[];
extern const char *const affinity_words[];
extern const char *const action_words[];
extern const char *const measure_words[];
extern const char *const yes_no_words[];
extern const char *const role_words[];
extern const char *const flow_state_words[];
extern const char *const flow_table_words[]; /* of firewalls, of balancers */
extern const char *const proto_words[];	     /* in no order: see proto_parse() */

/* "500ms", "30s", "1m", in milliseconds. */
int duration_parse(const char *word, unsigned max_ms, unsigned *out);
/* "50%": 0 to 100. */
int percent_parse(const char *word, unsigned *out);

/* Index of `word`, or -1. */
int words_find(const char *const *words, const char *word);

#endif /* SLUICE_WORDS_H */
