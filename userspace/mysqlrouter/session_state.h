/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a session has that a server must be told before it can take the place of
 * another: default schema, settings (statements, in their order), prepared
 * statements; and what it has written, for which its reads wait.
 *
 * Settings and schema have versions, so that a server is told only what is new.
 */
#ifndef SLUICE_MYSQL_SESSION_STATE_H
#define SLUICE_MYSQL_SESSION_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "gtid.h"
#include "wire.h"

#define STATE_MAX_SETTINGS	 32
#define STATE_MAX_SETTING_BYTES	 2048
#define STATE_MAX_PREPARED_BYTES (1u << 20) /* of texts, in all */
#define STATE_LEGS		 2

struct setting {
	uint64_t sets; /* struct statement */
	uint32_t version;
	uint32_t length;
	char text[];
};

struct prepared {
	uint32_t id; /* as the client knows it */
	uint16_t parameters;
	uint8_t route;		/* enum statement_route */
	uint8_t flags;		/* enum statement_flag */
	uint8_t last_leg;	/* where it was executed last: its cursor is there */
	bool has_cursor;	/* so it is not prepared anew elsewhere */
	bool has_long_data;	/* on the primary */
	uint32_t types_version; /* of the parameters' types, told by the client */
	uint8_t *types;		/* two bytes for each parameter; NULL: not told yet */
	struct {
		uint32_t connection; /* leg->number; another connection does not know it */
		uint32_t id;
		uint32_t types_version;
	} on[STATE_LEGS];
	uint32_t length;
	char *text; /* NULL: too long to be kept */
};

struct session_state {
	char *schema; /* NULL: none */
	uint32_t schema_version;
	uint32_t settings_version;
	uint32_t written_version;
	struct setting **settings;
	struct prepared **prepared; /* by id - 1, NULL: closed */
	struct gtid_set *written;   /* NULL: nothing */
	uint32_t prepared_slots, prepared_count, prepared_bytes;
	uint8_t setting_count;
	bool untold_writes; /* that cannot be waited for: reads stay on the primary */
};

/* Forgets all, but not what was written. */
void state_reset(struct session_state *state);
void state_fini(struct session_state *state);

/* -ENOMEM. */
int state_set_schema(struct session_state *state, struct span schema) __must_check;

/*
 * Keeps a SET statement, in place of those that set the same unless it is
 * `relative`. -ENOSPC: too many or too long, -ENOMEM: the session must stay where it is.
 */
int state_add_setting(struct session_state *state, uint64_t sets, bool relative,
		      struct span text) __must_check;
/* The first that is newer than `version`, or NULL. */
const struct setting *state_next_setting(const struct session_state *state, uint32_t version);

/* A new entry with the lowest free id, or NULL: out of memory, or `most` are open. */
struct prepared *state_prepare(struct session_state *state, struct span text, bool keep_text,
			       unsigned most);
struct prepared *state_find_prepared(const struct session_state *state, uint32_t id);
void state_close_prepared(struct session_state *state, struct prepared *prepared);

/* Adds GTIDs; what cannot be added is remembered as such. */
void state_add_written(struct session_state *state, enum gtid_flavour flavour, struct span gtids);

#endif /* SLUICE_MYSQL_SESSION_STATE_H */
