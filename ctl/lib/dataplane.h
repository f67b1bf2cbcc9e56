/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One node's data plane as seen from userspace: its pinned maps.
 *
 * Pins live in $SLUICE_PIN_ROOT/NODE (default /run/sluice/bpf/NODE), on a
 * bpffs that dataplane_open() mounts at the root if it is missing. No process
 * owns the state: whoever opens it for writing holds an flock on
 * $SLUICE_PIN_ROOT/../NODE.lock until dataplane_close(), and a writer that dies
 * leaves the generation that was in force.
 */
#ifndef SLUICE_DATAPLANE_H
#define SLUICE_DATAPLANE_H

#include <sys/utsname.h>

#include "model.h"

struct dataplane {
	char node[SLUICE_NAME_LEN];
	char pin_dir[256];
	int lock_fd;			/* -1: opened for reading */
	struct sluice_control *control; /* mapped; read only when opened for reading */
	/* map descriptors, -1 where not open */
	/* outer maps of slotted tables */
	int vips, prefixes, quic, nats, rules, vectors, match4, match6, ports, tunnels, intent;
	int classes, classifier, vip_index, wide, digests, rings, backends, flows, conns4, conns6,
		block, block_kinds, block_groups, ledger, rule_use, load, past, capture, events,
		misses, checks, txports, notes, cookie_keys, cookie_services, cookie_count, vlan_in,
		vlan_out, limits, buckets, sources, limit_use, control_fd;
	unsigned confirm_s;		/* not 0: what is published and attached waits so long */
	unsigned past_generations;	/* the first generation of new maps has a higher number */
	struct tables_in_force *tables; /* private to the library */
};

enum dataplane_access {
	DATAPLANE_READ,	     /* -ENOENT if the node has no data plane */
	DATAPLANE_WRITE,     /* the same, and takes the lock (waits up to 10 s, then -EBUSY) */
	DATAPLANE_WRITE_NOW, /* the same, but -EBUSY at once: for a daemon that must not wait */
	DATAPLANE_CREATE,    /* the same, and creates what is missing, of these sizes */
};

/*
 * Opens NODE's maps. -ENOENT no such node; -EPROTO the pins have another ABI
 * version; -EPERM without CAP_BPF. `sizes` count only when the tables are made;
 * a member that is 0, or NULL for all, is the default.
 */
int dataplane_open(struct dataplane *dp, const char *node, enum dataplane_access access,
		   const struct table_sizes *sizes) __must_check;
void dataplane_close(struct dataplane *dp);

/*
 * What libbpf, libxdp or the kernel's verifier said last in the failed call
 * before this one, on one line; "" if nothing. Good until the next call.
 */
const char *dataplane_detail(void);
/*
 * Whether this kernel lacks something that the data plane needs, whatever its roles; its name
 * is written to `text`. Needs the right to load programs: without it, nothing is found lacking.
 */
bool kernel_lacks(char *text, size_t size);

#define OLDEST_KERNEL "6.1" /* that is supported and tested: docs/vm.md */

/* Whether this kernel is older than that; `name` tells its release. */
bool kernel_is_old(struct utsname *name);

/* The number of the configuration in force; 0: none was published. */
static inline unsigned dataplane_generation(const struct dataplane *dp)
{
	return __atomic_load_n(&dp->control->generation.config, __ATOMIC_ACQUIRE);
}

/* The number that the next publication gets. */
static inline unsigned dataplane_next_generation(const struct dataplane *dp)
{
	unsigned now = dataplane_generation(dp);

	/* From 0, the first goes into slot 1. */
	return now ? now + 1 : (dp->past_generations + 1) | 1;
}

/* Its slot: the index into sluice_backend.state and the slotted tables. */
static inline unsigned dataplane_slot(const struct dataplane *dp)
{
	return dataplane_generation(dp) % SLUICE_SLOTS;
}

/* The text of the configuration in force, parsed. An empty model if none was published. */
int dataplane_load_model(const struct dataplane *dp, struct cluster *out) __must_check;

/*
 * Compiles `cluster` for this node and puts it in force, all at once: a packet
 * sees the old configuration or the new one. Flows and counters stay; rings
 * and backends that did not change are not touched. Needs the lock. Problems
 * that only this node can see are appended to `diags` (-EINVAL). -EINPROGRESS: the
 * generation in force waits for a confirmation, and the one before is not to be overwritten.
 */
int dataplane_publish(struct dataplane *dp, struct cluster *cluster,
		      struct diag_list *diags) __must_check;

/*
 * Reads the slot numbers that publish() gave out. A service's index, a backend's
 * slot, an interface's port: -ENOENT if it is not in force.
 */
int dataplane_service_index(const struct dataplane *dp, const struct service *service,
			    unsigned *index) __must_check;
int dataplane_backend_slot(const struct dataplane *dp, unsigned service_index,
			   const struct backend *backend, unsigned *slot) __must_check;
int dataplane_port_slot(const struct dataplane *dp, const char *ifname,
			unsigned *port) __must_check;

/*
 * Operational health, decided by the agents: sets the backend's state in the
 * data plane to its admin state combined with `healthy`, and swaps the ring of
 * its service if that changed it. Needs the lock. Health outlives publish().
 */
struct backend_health {
	const char *service, *backend; /* names */
	bool healthy;
	unsigned share; /* percent of its weight that counts; 0: all of it */
};
int dataplane_set_health(struct dataplane *dp, const struct cluster *cluster,
			 const struct backend_health *health, size_t count) __must_check;

/* Sums over all CPUs. */
int dataplane_read_ledger(const struct dataplane *dp, unsigned port,
			  struct sluice_ledger *out) __must_check;
int dataplane_read_rule_use(const struct dataplane *dp, unsigned rule,
			    struct sluice_count *out) __must_check;
/* What a limit refused, by the index of its service or SLUICE_MAX_SERVICES plus its rule's id. */
int dataplane_read_limit_use(const struct dataplane *dp, unsigned limit,
			     struct sluice_limit_use *out) __must_check;
/* One entry of sluice_load; what a VIP or a backend did in all: loads_read(). */
int dataplane_read_load(const struct dataplane *dp, unsigned entry,
			struct sluice_load *out) __must_check;
/* By service index. */
int dataplane_read_cookies(const struct dataplane *dp, unsigned service_index,
			   struct sluice_cookie_count *out) __must_check;
int dataplane_read_port(const struct dataplane *dp, unsigned port,
			struct sluice_port *out) __must_check;
int dataplane_read_backend(const struct dataplane *dp, unsigned slot,
			   struct sluice_backend *out) __must_check;

/*
 * The traffic of all VIPs and backends in force, read at once; loads_free() ends it. Each
 * total counts from when the VIP or the backend was made, and never goes down.
 */
struct loads;
int loads_read(const struct dataplane *dp, struct loads **out) __must_check;
void loads_free(struct loads *loads);
/* Zero if it is not in force. */
struct sluice_load loads_of_vip(const struct loads *loads, const struct vip *vip, int proto);
/* The backend's entry, good as long as `loads`; NULL: not in force, and *load untouched. */
const struct sluice_backend *loads_of_backend(const struct loads *loads,
					      const struct service *service,
					      const struct backend *backend,
					      struct sluice_load *load);

/* What SYN cookies did for the service. False: it has none, or is not in force. */
bool loads_cookies(const struct loads *loads, const struct service *service,
		   struct sluice_cookie_count *out);

/* How the agent's last check of the backend ended; false: it tells of none. */
bool loads_last_check(const struct loads *loads, const struct service *service,
		      const struct backend *backend, struct sluice_check *out);

/* One prefix of the block set (block_set.h), for ever: idempotent; -ENOENT if absent. */
int dataplane_block(struct dataplane *dp, const struct prefix *prefix) __must_check;
int dataplane_unblock(struct dataplane *dp, const struct prefix *prefix) __must_check;

/* Waits until every packet that was in the data plane at the call has left it. */
int dataplane_synchronize(void);

/* The lock of a node's agent, with pins_root() and the node's name. */
#define AGENT_LOCK_PATH "%s/../%s.agent.lock"

/* $SLUICE_PIN_ROOT, or the default. */
const char *pins_root(void);

/*
 * How the data plane tells the time of connections: jiffies a second, and the shift from
 * jiffies to their unit, half a second or a little more.
 */
struct connection_clock {
	unsigned hz, shift;
};

struct connection_clock connection_clock(void);
/* Now, in that unit, as far as userspace can tell: jiffies go with CLOCK_MONOTONIC. */
__u32 connection_now(void);
/* What is left of the time of a connection with this value, in that unit; 0: it is over. */
__u32 connection_left(__u64 value, __u32 now);
/* Counts the connections in the table of one family that are not over; *capacity: entries. */
int dataplane_count_connections(const struct dataplane *dp, bool v6, unsigned long *count,
				unsigned long *capacity) __must_check;

/* Removes the node's pins: its maps go with the last program that uses them. */
int dataplane_destroy(const char *node) __must_check;

#endif /* SLUICE_DATAPLANE_H */
