/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- schema ------------------------------------------------------------------------ */

int state_set_schema(struct session_state *state, struct span schema)
{
	char *copy;

	if (state->schema && span_is(schema, state->schema))
		return 0;
	copy = strndup(schema.bytes, schema.length);
	if (!copy)
		return -ENOMEM;
	free(state->schema);
	state->schema = copy;
	state->schema_version++;
	return 0;
}

/* --- settings ---------------------------------------------------------------------- */

static void drop_same(struct session_state *state, uint64_t sets)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < state->setting_count; i++) {
		if (state->settings[i]->sets == sets)
			free(state->settings[i]);
		else
			state->settings[kept++] = state->settings[i];
	}
	state->setting_count = (uint8_t)kept;
}

int state_add_setting(struct session_state *state, uint64_t sets, bool relative, struct span text)
{
	struct setting *setting, **settings;

	if (text.length > STATE_MAX_SETTING_BYTES)
		return -ENOSPC;
	if (!relative)
		drop_same(state, sets);
	if (state->setting_count == STATE_MAX_SETTINGS)
		return -ENOSPC;
	setting = malloc(sizeof(*setting) + text.length);
	if (!setting)
		return -ENOMEM;
	settings = reallocarray(state->settings, state->setting_count + 1u, sizeof(*settings));
	if (!settings) {
		free(setting);
		return -ENOMEM;
	}
	*setting = (struct setting){.sets = sets,
				    .version = ++state->settings_version,
				    .length = (uint32_t)text.length};
	memcpy(setting->text, text.bytes, text.length);
	state->settings = settings;
	settings[state->setting_count++] = setting;
	return 0;
}

const struct setting *state_next_setting(const struct session_state *state, uint32_t version)
{
	for (unsigned i = 0; i < state->setting_count; i++)
		if (state->settings[i]->version > version)
			return state->settings[i];
	return NULL;
}

/* --- prepared statements ----------------------------------------------------------- */

static uint32_t free_slot(const struct session_state *state)
{
	uint32_t slot = 0;

	while (slot < state->prepared_slots && state->prepared[slot])
		slot++;
	return slot;
}

static bool grow_slots(struct session_state *state)
{
	uint32_t count = state->prepared_slots ? state->prepared_slots * 2 : 4;
	struct prepared **slots = reallocarray(state->prepared, count, sizeof(struct prepared *));

	if (!slots)
		return false;
	memset(slots + state->prepared_slots, 0,
	       (count - state->prepared_slots) * sizeof(struct prepared *));
	state->prepared = slots;
	state->prepared_slots = count;
	return true;
}

struct prepared *state_prepare(struct session_state *state, struct span text, bool keep_text,
			       unsigned most)
{
	uint32_t slot = free_slot(state);
	struct prepared *prepared;

	if (state->prepared_count >= most || (slot == state->prepared_slots && !grow_slots(state)))
		return NULL;
	prepared = calloc(1, sizeof(*prepared));
	if (!prepared)
		return NULL;
	if (keep_text && state->prepared_bytes + text.length <= STATE_MAX_PREPARED_BYTES)
		prepared->text = malloc(text.length ? text.length : 1);
	if (prepared->text) {
		memcpy(prepared->text, text.bytes, text.length);
		prepared->length = (uint32_t)text.length;
		state->prepared_bytes += prepared->length;
	}
	prepared->id = slot + 1;
	state->prepared[slot] = prepared;
	state->prepared_count++;
	return prepared;
}

struct prepared *state_find_prepared(const struct session_state *state, uint32_t id)
{
	return id && id <= state->prepared_slots ? state->prepared[id - 1] : NULL;
}

void state_close_prepared(struct session_state *state, struct prepared *prepared)
{
	state->prepared[prepared->id - 1] = NULL;
	state->prepared_count--;
	state->prepared_bytes -= prepared->length;
	free(prepared->text);
	free(prepared->types);
	free(prepared);
}

/* --- writes ------------------------------------------------------------------------ */

void state_add_written(struct session_state *state, enum gtid_flavour flavour, struct span gtids)
{
	if (!state->written)
		state->written = calloc(1, sizeof(*state->written));
	state->written_version++;
	if (!state->written || gtid_add_written(flavour, gtids, state->written))
		state->untold_writes = true;
}

/* --- all --------------------------------------------------------------------------- */

void state_reset(struct session_state *state)
{
	for (unsigned i = 0; i < state->setting_count; i++)
		free(state->settings[i]);
	for (uint32_t i = 0; i < state->prepared_slots; i++)
		if (state->prepared[i])
			state_close_prepared(state, state->prepared[i]);
	free(state->settings);
	free(state->prepared);
	*state = (struct session_state){
		.schema = state->schema,
		.schema_version = state->schema_version,
		.settings_version = state->settings_version,
		.written = state->written,
		.written_version = state->written_version,
		.untold_writes = state->untold_writes,
	};
}

void state_fini(struct session_state *state)
{
	state_reset(state);
	free(state->schema);
	free(state->written);
	*state = (struct session_state){};
}
