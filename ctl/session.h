/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a command works on: the node's data plane and the configuration in
 * force there. Imperative commands edit that configuration and publish it
 * whole, under the lock, so that they can do nothing that a file could not.
 *
 * All functions that return an exit code have printed why it is not EXIT_OK.
 */
#ifndef SLUICE_CTL_SESSION_H
#define SLUICE_CTL_SESSION_H

#include "command.h"
#include "dataplane.h"

struct session {
	const struct invocation *inv;
	char name[SLUICE_NAME_LEN]; /* of the node */
	struct dataplane dp;
	bool is_open;
	bool created; /* the node had no data plane before */
	bool failed;  /* what was created is to be removed */
	struct cluster cluster;
	struct cluster boot; /* what a boot restores, if it differs: see generations.h */
	bool knows_boot, has_boot, has_pending;
	bool ephemeral;	   /* some of its changes are */
	char *boot_before; /* its text before this session's publication; NULL: none */
	size_t boot_before_length;
	bool restoring; /* what was in force before, after a failure */
	struct diag_list diags;
};

/*
 * The node meant: --node, $SLUICE_NODE, the only node below the pin root, the
 * host name.
 */
int session_node_name(const struct invocation *inv, char name[SLUICE_NAME_LEN]);

/*
 * Opens the node and loads its model. Only DATAPLANE_CREATE may find no node;
 * then its tables are made with these sizes (NULL: the defaults).
 */
int session_open(struct session *session, const struct invocation *inv,
		 enum dataplane_access access, const struct table_sizes *sizes);
/* The same to read, but a node without a data plane is EXIT_OK, and is_open false. */
int session_open_if_present(struct session *session, const struct invocation *inv);
/* Frees everything. A data plane that was created and never published to is removed. */
void session_close(struct session *session);

/* The node's entry in the model; NULL: it has none. */
struct node *session_node(const struct session *session);
/* The same, made if it is missing; NULL: out of memory, printed. */
struct node *session_node_make(struct session *session);

/* Prints what is wrong with the model: EXIT_USAGE. */
int session_validate(struct session *session);

/* Validates the model, puts it in force and stores it as a generation. */
int session_publish(struct session *session);

/* Publishes the model as it is, with an entry for this node. */
int session_publish_empty(struct session *session);

/* The model as it is now, for session_restore(); the caller frees it. */
int session_copy_model(struct session *session, struct cluster *out);
/*
 * Puts `before` in force again, after a change that was published could not be
 * completed. A data plane that this session created is removed instead.
 */
void session_restore(struct session *session, struct cluster *before);

/*
 * Calls `edit` for the model in force and, where ephemeral changes make that another, for
 * what a boot restores.
 */
int session_change(struct session *session, int (*edit)(struct session *session));

/*
 * Opens with `access`, calls `edit`, publishes: the body of every imperative
 * command. DATAPLANE_CREATE for what may be a node's first command.
 */
int session_edit(const struct invocation *inv, enum dataplane_access access,
		 int (*edit)(struct session *session));

/* Reads a file whole, "-": standard input; the caller frees *text. Returns 0 or -errno. */
int session_read_text(const char *path, char **text, size_t *length);

/* Reads and validates a cluster file. *out is valid only with EXIT_OK. */
int session_read_file(const struct invocation *inv, const char *path, struct cluster *out);

/*
 * "lbctl OBJECT COMMAND: what: text of the error"; returns EXIT_FAILED. The
 * second adds what libbpf, libxdp or the verifier said in the call that failed.
 */
int session_failed(const struct invocation *inv, int err, const char *what, ...)
	__attribute__((format(printf, 3, 4)));
int session_kernel_failed(const struct invocation *inv, int err, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* SLUICE_CTL_SESSION_H */
