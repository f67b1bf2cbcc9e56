/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Confirming, turning back, and settling what the timer did.
 */
#include "confirmation.h"

#include <net/if.h>

#include "attach.h"
#include "change.h"
#include "deadline.h"
#include "generations.h"

unsigned confirmation_wanted_s(const struct session *session)
{
	const unsigned *given = command_option(session->inv, CHANGE_CONFIRM);

	return given ? *given : 0;
}

unsigned confirmation_left_s(const struct session *session)
{
	struct sluice_deadline deadline;

	return deadline_read(&session->dp, &deadline) ? 0 : deadline_left_s(&deadline);
}

int confirmation_start(struct session *session)
{
	int err = session->dp.confirm_s ? deadline_renew(&session->dp) : 0;

	return err ? session_kernel_failed(session->inv, err, "the time to confirm") : EXIT_OK;
}

/* A plain program, or none, in the place of a guard: as the configuration in force says. */
static void replace_guard(struct session *session, const char *ifname)
{
	const struct node *node = session_node(session);
	const struct interface *interface = node ? model_interface(node, ifname) : NULL;
	struct attachment now;
	enum attach_mode mode = attach_query(ifname, &now) ? ATTACH_NATIVE : now.mode;
	unsigned confirm_s = session->dp.confirm_s;
	int err;

	session->dp.confirm_s = 0;
	if (interface && interface->roles)
		err = attach_interface(&session->dp, interface, mode, &now);
	else
		err = detach_interface(&session->dp, ifname);
	session->dp.confirm_s = confirm_s;
	if (err)
		session_kernel_failed(
			session->inv, err,
			"warning: interface \"%s\": the guard of a change that is over "
			"could not be replaced",
			ifname);
}

static void replace_guards(struct session *session)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *i = all; i && i->if_index; i++)
		if (attach_is_guarded(i->if_name))
			replace_guard(session, i->if_name);
	if_freenameindex(all);
}

static unsigned number_of(__u64 word)
{
	struct sluice_control control = {.generation_word = word};

	return control.generation.config;
}

/* The generation that waited is over: it stays in the store as undone. */
static void note_undone(struct session *session, const struct sluice_deadline *deadline)
{
	unsigned undone = number_of(deadline->armed_word);
	char by[STORE_BY_LEN];

	(void)!store_remove_file(session->name, STORE_PENDING_BOOT);
	if (deadline->armed_word == deadline->back_word)
		return;
	generations_undone(session, undone);
	snprintf(by, sizeof(by), "generation %u was not confirmed", undone);
	generations_note(session, by);
}

void confirmation_settle(struct session *session)
{
	struct sluice_deadline deadline;

	if (deadline_read(&session->dp, &deadline) || deadline.state == SLUICE_DEADLINE_IDLE ||
	    deadline_is_armed(&session->dp))
		return;
	if (deadline.state == SLUICE_DEADLINE_EXPIRED)
		note_undone(session, &deadline);
	replace_guards(session);
	deadline_move(&session->dp, (enum sluice_deadline_state)deadline.state,
		      SLUICE_DEADLINE_IDLE);
}

int confirmation_give(struct session *session)
{
	static const struct output_column line[] = {
		{"node", "node"}, {"generation", "confirmed"}, {}};
	static const struct output_view view = {.line = line};
	int err;

	if (!deadline_is_armed(&session->dp) ||
	    !deadline_move(&session->dp, SLUICE_DEADLINE_ARMED, SLUICE_DEADLINE_CONFIRMED)) {
		command_error(session->inv,
			      "nothing waits for a confirmation: what was not confirmed in time is "
			      "\"undone\" in \"lbctl show generations\"");
		return EXIT_FAILED;
	}
	generations_confirmed(session);
	deadline_drop_rings(&session->dp);
	confirmation_settle(session);
	err = output_emit(&session->inv->out,
			  json_pack("{s:s, s:I}", "node", session->name, "generation",
				    (json_int_t)dataplane_generation(&session->dp)),
			  &view);
	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

bool confirmation_turn_back(struct session *session)
{
	struct cluster before;

	if (!deadline_turn_back(&session->dp))
		return false;
	if (!dataplane_load_model(&session->dp, &before)) {
		model_fini(&session->cluster);
		session->cluster = before;
	}
	confirmation_settle(session);
	return true;
}

void confirmation_refuse(const struct session *session)
{
	struct sluice_deadline deadline;

	if (deadline_read(&session->dp, &deadline))
		return;
	command_error(
		session->inv,
		"generation %u waits for a confirmation, for %u s yet: \"lbctl confirm\" keeps "
		"it, \"lbctl rollback\" turns it back",
		number_of(deadline.armed_word), deadline_left_s(&deadline));
}
