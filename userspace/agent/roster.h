/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the agent knows of each service of its node and of each backend: own
 * checks, what other balancers reported, what was agreed, what the data plane
 * was told. A change of configuration makes a new roster that takes over the
 * states of all that stayed: by name, so health is never forgotten.
 */
#ifndef SLUICE_AGENT_ROSTER_H
#define SLUICE_AGENT_ROSTER_H

#include "agreement.h"
#include "check_target.h"
#include "health.h"
#include "loop.h"
#include "model.h"
#include "probe.h"
#include "schedule.h"

#define ROSTER_MAX_PEERS 32 /* other balancers whose views are counted */

/* Longer than three attempts of the kernel to learn a link address. */
#define ROSTER_SETTLE_NS (4 * NS_PER_SEC)

struct checker;

/* One other balancer's word on one backend or service. */
struct report {
	uint64_t heard_ns;     /* 0: never */
	unsigned char opinion; /* enum opinion; of a service: 1 if the peer is blind */
	unsigned char share;   /* of a backend: how far its slow start got there */
};

struct backend_state {
	struct checker *checker;
	struct service_state *service;
	char name[SLUICE_NAME_LEN];
	uint64_t id; /* of the name, the same on every node; see roster_id() */
	struct check_target target;
	enum backend_admin admin;
	bool usable;		   /* may get new flows by configuration */
	struct health own;	   /* by own checks alone */
	uint64_t failing_since_ns; /* start of the first bad check in a row; 0: none */
	uint64_t answered_ns;	   /* start of the last good check */
	bool others_answer;	   /* another one did, between that failure and the running check */
	uint64_t suspect_ns;	   /* end of the last check that failed all the same; 0: none */
	bool credible;		   /* and another one answered right behind it */
	bool confirmed;		   /* own checks said "up" since the agent started */
	bool agreed;		   /* by all balancers: what is in force */
	bool applied;		   /* what the data plane has */
	unsigned share;		   /* percent of its weight that counts; see ramp.h */
	unsigned share_applied;
	uint64_t share_since_ns;
	bool fresh; /* not yet looked up in the data plane */
	struct report reports[ROSTER_MAX_PEERS];

	struct probe probe;
	struct loop_timer timer;			    /* the next check */
	struct backend_state *next_waiting, **waiting_link; /* for its turn; link NULL: not */
	enum probe_result last;
	uint64_t last_duration_ns;
	uint64_t results[PROBE_RESULT_COUNT];
};

struct service_state {
	char name[SLUICE_NAME_LEN];
	uint64_t id; /* of the name, the same on every node */
	struct health_check check;
	struct probe_plan *plan; /* NULL: not checked yet */
	struct vip *vips;
	size_t vip_count;
	int proto;
	const struct service *config; /* in the cluster that the roster was built for */
	struct schedule schedule;     /* by what was agreed */
	uint64_t settled_ns;	      /* until then, no backend is newly called down */
	struct report reports[ROSTER_MAX_PEERS];
	struct backend_state **backends;
	size_t backend_count;
};

struct roster {
	struct service_state *services;
	size_t service_count;
};

/*
 * Builds `out` for the services of `cluster`, which must live as long, as seen from a
 * balancer, or for none if that is NULL. What `from` knew of the same service and backend
 * moves to `out`; what is new begins as up. `from` is left with what is gone, for the
 * caller to free.
 */
int roster_build(struct roster *out, struct roster *from, const struct cluster *cluster,
		 const struct node *balancer) __must_check;
/* Frees states that are neither probed nor timed any more. */
void roster_fini(struct roster *roster);

struct service_state *roster_service(const struct roster *roster, uint64_t id);
struct backend_state *roster_backend(const struct service_state *service, uint64_t id);

/* Identity of a name on the wire: FNV-1a, the last eight bits clear. */
uint64_t roster_id(const char *name);

bool roster_is_fresh(const struct report *report, uint64_t now_ns);

/* Forgets all that the peer in this place said. */
void roster_forget_peer(struct roster *roster, size_t peer);

/*
 * An own check of the backend begins; and ends. True if an opinion changed by it.
 *
 * "Down" becomes an opinion only when another backend of the service answered
 * both before the failed check (and after the first failure) and right behind it:
 * a balancer that loses its own network must not make the others cut flows in
 * the moments before it knows. Nor when the network comes back: for some seconds
 * after it was blind, or unsettled, link addresses may still have to be learnt.
 */
void roster_check_begins(struct backend_state *backend);
bool roster_check_ends(struct backend_state *backend, bool ok, uint64_t started_ns,
		       uint64_t now_ns);
/* This node was not well just now: what it sees for the next ROSTER_SETTLE_NS is no news. */
void roster_unsettle(struct roster *roster, uint64_t now_ns);
/* True if another backend should be checked now, for this one to be called down or not. */
bool roster_wants_witness(const struct backend_state *backend);
/* Whether a check of this one is likely to end well. */
bool roster_is_witness(const struct backend_state *backend);

/*
 * The enum opinion of each backend as own checks have it; opinions has
 * backend_count elements. Returns true if this makes the observer blind.
 */
bool roster_own_view(const struct service_state *service, unsigned char *opinions);

/* Views older than this are not counted. */
#define ROSTER_VIEW_AGE_NS NS_PER_SEC

/*
 * Sets agreed of every backend, and the schedule of every service, from the own view and
 * the fresh reports. -ENOMEM leaves the rest as it was.
 */
int roster_agree(struct roster *roster, uint64_t now_ns) __must_check;

#endif /* SLUICE_AGENT_ROSTER_H */
