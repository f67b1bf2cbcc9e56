/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The worker's side of the router: a session is a client, its state, and up to
 * two connections to servers ("legs"), one to the primary and one to a replica.
 * One command runs at a time, on one leg; its answer is relayed as it comes.
 *
 *   client ──in──▶ [command] ──▶ leg
 *   client ◀────── [answer]  ◀──in── leg
 *
 * A command goes back to being decided upon whenever its leg turns out not to be
 * ready: first the leg is opened, told of the session's state, made to wait for
 * the session's writes, given the prepared statement; then the command is sent.
 * Private to session*.c, leg*.c and router.c.
 */
#ifndef SLUICE_MYSQL_SESSION_H
#define SLUICE_MYSQL_SESSION_H

#include "answer.h"
#include "buffer.h"
#include "cluster.h"
#include "counters.h"
#include "hosts.h"
#include "process.h"
#include "session_state.h"
#include "statement.h"
#include "stream.h"
#include "uplink.h"

/* What a worker has. */
struct router {
	struct worker *worker;
	const struct router_config *config;
	struct cluster_board *board;
	struct buffer_pool buffers;
	struct session *sessions;
	struct loop_timer tick;
	uint32_t epoch;
	bool ends; /* the daemon does: sessions are closed between transactions */
	uint32_t legs[ROUTER_MAX_SERVERS];		      /* how many there are */
	char reasons[ROUTER_MAX_SERVERS][CLUSTER_REASON_LEN]; /* why the last one failed */
	struct hosts hosts;
};

static inline struct loop *router_loop(struct router *router)
{
	return &router->worker->loop;
}

static inline void router_count(struct router *router, enum mysql_counter counter)
{
	router->worker->counters[counter]++;
}

/* --- legs -------------------------------------------------------------------------- */

enum leg_role { LEG_PRIMARY, LEG_REPLICA, LEG_COUNT };

enum leg_phase {
	LEG_CLOSED,
	LEG_CONNECTING, /* then TLS, greeting, login: leg->login is there */
	LEG_IDLE,
	LEG_ASKED, /* runs a command of the router's own */
	LEG_BUSY,  /* runs the client's */
};

struct leg {
	struct stream stream;
	struct session *session;
	struct buffer in, out;
	struct leg_login *login;
	uint32_t capabilities; /* negotiated; CAPABILITY_MULTI_STATEMENTS as it is now */
	uint32_t thread;       /* the server's number for this connection */
	uint32_t settings;     /* version of the session's settings that it has been told */
	uint32_t schema;       /* the same, of its schema */
	uint32_t number;       /* of this connection among those of the worker */
	uint32_t scanned;      /* LEG_ASKED: bytes of `in` that have been followed */
	uint16_t status;       /* enum server_status, as last told */
	int8_t server;	       /* index in the configuration */
	uint8_t flavour;       /* enum gtid_flavour */
	uint8_t phase;
	uint64_t opened_ns;
	uint32_t applied; /* version of the session's writes that it is known to have */
	bool tracks;	  /* it has been told to report GTIDs and changes of state */
	bool reports;	  /* and does */
};

/* Why a leg, or a command, failed: an error as a client gets it. */
struct failure {
	uint16_t code;
	char state[6];
	char text[256];
};

void failure_set(struct failure *failure, uint16_t code, const char *state, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same from an ERR packet of a server. */
void failure_from_packet(struct failure *failure, const void *payload, size_t size);

/*
 * Connects and logs in as the session's user. The end is told by
 * session_leg_ready() or session_leg_failed(), which may come from within this call.
 */
void leg_open(struct leg *leg, struct session *session, int server);
/* At once; harmless on a closed one. With COM_QUIT if it is idle. */
void leg_close(struct leg *leg);
/* Closes it and tells the session, which decides what becomes of the command. */
void leg_fail(struct leg *leg, uint16_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Runs a command of the router's own: the end is session_leg_answered() or _failed(). */
void leg_ask(struct leg *leg, uint8_t command, const void *text, size_t length);
/* Sends bytes that it may not be ready to take; at most a buffer of them is kept. */
void leg_send(struct leg *leg, const void *bytes, size_t length);
const struct server_config *leg_server(const struct leg *leg);
struct server_board *leg_board(const struct leg *leg);
/* Reads what there is behind what is there. 0, or -errno: -EAGAIN none, -ENOBUFS no room. */
int leg_read(struct leg *leg) __must_check;
void leg_login_step(struct leg *leg, unsigned events);
void leg_login_free(struct leg *leg);
bool leg_is_encrypted(const struct leg *leg);

/* The beginning of an execution, with the types of its parameters, that is sent at once. */
#define SESSION_MAX_TYPES_BYTES 4096

/* --- sessions ---------------------------------------------------------------------- */

enum session_phase {
	SESSION_WAITING,  /* for the first checks of the servers */
	SESSION_GREETED,  /* reply expected, or a request for TLS */
	SESSION_SECURING, /* TLS handshake */
	SESSION_PROVING,  /* more of the password's exchange expected */
	SESSION_ENTERING, /* the first leg is being opened */
	SESSION_IDLE,
	SESSION_READYING, /* a command is there, its leg is being made ready */
	SESSION_RUNNING,
	SESSION_LOADING, /* the client sends a local file */
	SESSION_LEAVING, /* the last bytes are on their way */
	SESSION_CLOSED,
};

enum session_step { /* what a leg was asked */
		    STEP_TRACK,
		    STEP_OPTION,
		    STEP_SCHEMA,
		    STEP_SETTING,
		    STEP_WAIT,
		    STEP_PREPARE,
};

struct command {
	uint8_t code;	/* enum mysql_command */
	uint8_t answer; /* enum answer_kind */
	uint8_t leg;	/* enum leg_role */
	struct statement statement;
	struct prepared *prepared; /* that it is about */
	uint32_t whole;		   /* bytes of it in client_in; 0: more than fit, it streams */
	uint32_t sent;		   /* of `whole` */
	struct uplink uplink;	   /* when it streams */
	bool has_no_answer;
	bool may_retry, retried;
	bool avoids[LEG_COUNT]; /* it was tried, or is behind */
	bool relayed;		/* some of the answer is on its way to the client */
	bool succeeded;		/* at least one of its results did */
	int8_t failed_server, wanted_server;
};

struct session {
	struct router *router;
	struct session *next, **link;
	struct stream client;
	struct buffer client_in, client_out;
	struct loop_timer timer;
	struct loop_task reaper, again;
	struct leg legs[LEG_COUNT];
	struct client_login *login;
	const struct user *user;
	struct auth_secret *secret; /* learned at login; NULL: user->secret */
	struct session_state state;
	struct command command;
	struct answer answer;
	uint32_t ready;	       /* bytes at the front of the leg's buffer that the client may get */
	uint32_t id;	       /* as the client knows it */
	uint32_t capabilities; /* the client's */
	uint16_t charset;
	uint8_t phase, step, sequence;
	uint8_t last_leg;  /* where the last command ran */
	bool pinned;	   /* the primary has state of it that others have not */
	bool next_too;	   /* the next statement belongs to the last, on the primary */
	bool is_local;	   /* UNIX socket */
	bool changes_user; /* the login is COM_CHANGE_USER */
	bool unsafe;	   /* its text cannot be judged */
	bool hurried;	   /* the deadline is not that of an idle client */
	uint32_t commands;
	uint64_t began_ns;
	struct host_address host;
	uint8_t scramble[SCRAMBLE_BYTES];
};

/* session.c: life */
void session_open(struct router *router, int fd, const struct process_listener *listener,
		  const struct sockaddr_storage *peer);
void session_close(struct session *session);
/* Sends an error as the last thing that the client gets. */
void session_refuse(struct session *session, uint16_t code, const char *state, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));
/* The same for bytes that are not the protocol; counted. */
void session_malformed(struct session *session, const char *what);
/* Puts packets behind what is on its way to the client. */
void session_put(struct session *session, const void *bytes, size_t length);
/* An answer of the router's own to a command. */
void session_put_ok(struct session *session);
void session_put_error(struct session *session, const struct failure *failure);
/* No later than this from now; the phase decides what happens then. */
void session_deadline(struct session *session, unsigned ms);
/* The deadline of a client that has nothing to do; cheap when it was so before. */
void session_at_ease(struct session *session);
/* Reads behind what is there. 0, or -errno: -EAGAIN none, -ENOBUFS full, -EPIPE the end. */
int session_read(struct session *session) __must_check;
/* Reading from the client goes on; so does writing, if something waits to be written. */
void session_listen(struct session *session);
/* Once nothing is on its way any more, and before sleeping. */
void session_release_buffers(struct session *session);
bool session_is_bound(const struct session *session, enum leg_role *leg);
bool session_has_state(const struct session *session);
/* Servers have come or gone. */
void session_review(struct session *session);
void session_pin(struct session *session);
/* Whether statements of a session that has just begun can be judged by their text. */
void session_judge_text(struct session *session);

/* session_login.c */
void session_login_begin(struct session *session);
void session_login_input(struct session *session);
void session_login_secured(struct session *session);
/* COM_CHANGE_USER. */
void session_login_change(struct session *session, const uint8_t *payload, size_t size);
/* The first leg is open, or cannot be. */
void session_login_entered(struct session *session);
void session_login_failed(struct session *session, const struct failure *failure);
void session_login_free(struct session *session);

/* The payload of a command, or its beginning. */
struct request {
	uint8_t *payload;
	size_t size;
	bool whole;
};

/* session_command.c */
void session_input(struct session *session);
/* The command runs on this leg, once that is ready for it. */
void session_run_on(struct session *session, enum leg_role leg, enum answer_kind answer);
/* It is answered by the router, by an error, or not at all. */
void session_answer_error(struct session *session, enum mysql_counter reason, uint16_t code,
			  const char *text);
void session_answer_nothing(struct session *session);
/* The command has its answer, or an error instead; the next may come. */
void session_command_done(struct session *session);
void session_command_failed(struct session *session, const struct failure *failure);

/* session_prepared.c: COM_STMT_PREPARE, and the commands that name a statement */
void session_prepare(struct session *session, struct request request);
void session_run_prepared(struct session *session, struct request request);

/* session_route.c: which leg, counted */
enum leg_role session_route(struct session *session, const struct statement *statement);
/* The leg's server may be asked for reads of this session, or there is one that may. */
bool session_may_read_replica(const struct session *session);

/* session_ready.c */
void session_make_ready(struct session *session);
void session_leg_ready(struct leg *leg);
void session_leg_answered(struct leg *leg, const struct failure *failure, struct span value);
void session_leg_failed(struct leg *leg, const struct failure *failure);

/* session_effects.c: what an answer's packets say; sizes are what is left for the client */
void session_note_status(struct session *session, struct leg *leg, uint16_t status);
size_t session_note_ok(struct session *session, struct leg *leg, struct answer_packet *packet);
void session_note_prepared(struct session *session, struct leg *leg,
			   const struct answer_packet *packet);
/* The command has been carried out. */
void session_note_effects(struct session *session, struct leg *leg);

/* session_relay.c */
void session_run(struct session *session);
/* Bytes of the command, or of the file, to the server. */
void session_push(struct session *session);
/* Bytes of the answer to the client. */
void session_pull(struct session *session);
/* The leg fails: what the client may still get of the answer is taken from it... */
void session_keep_answer(struct session *session);
/* ...and an error put behind it, or the client's connection ends if that cannot be. */
void session_abort_answer(struct session *session, const struct failure *failure);

#endif /* SLUICE_MYSQL_SESSION_H */
