/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the data plane library share with each other. Functions
 * that return a descriptor return it, or -errno.
 */
#ifndef SLUICE_DATAPLANE_PRIVATE_H
#define SLUICE_DATAPLANE_PRIVATE_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "compile.h"
#include "dataplane.h"

#define PROGRAM_NAME "sluice_xdp"
#define GUARD_NAME   "sluice_guard"

/* --- kernel_log.c: what libbpf and libxdp say ------------------------------- */

/* Forgets what was said, and listens. Called first in each function that may load. */
void kernel_log_start(void);

/* --- pins.c: where the maps live -------------------------------------------- */

/*
 * Gives `object`, opened and not yet loaded, those pinned maps of `pin_dir`
 * that exist; the others it makes and pins itself when it is loaded.
 */
int pins_reuse(struct bpf_object *object, const char *pin_dir) __must_check;

/* --- stage_pins.c: what keeps the stages of an attached program ------------- */

struct stages_pin {
	char path[320];
};

/* Lets `stages`, of an object not yet loaded, be pinned for the interface when that is. */
int stages_pin(const struct dataplane *dp, unsigned ifindex, struct bpf_map *stages,
	       struct stages_pin *pin) __must_check;
/* The next free name for one of the interface's pins. */
int stages_path(const struct dataplane *dp, unsigned ifindex, struct stages_pin *pin) __must_check;
/* Removes the interface's pins but `keep` (NULL: all); ifindex 0: those of every interface. */
int stages_unpin(const char *pin_dir, unsigned ifindex, const struct stages_pin *keep);

/* --- accept.c: the program of backends that takes SYN cookies ---------------- */

/* Puts it on the interface, in the place of its like. */
int accept_attach(const struct dataplane *dp, unsigned ifindex) __must_check;
/* Takes it off; nothing if it is not there. */
void accept_detach(unsigned ifindex);

/* --- tables.c: inner maps --------------------------------------------------- */

struct table_shape {
	const char *name; /* as bpftool shows it */
	enum bpf_map_type type;
	unsigned key_bytes, value_bytes, entries, flags;
	const char *key_type, *value_type; /* in the BTF of the data plane; NULL: bytes */
};

extern const struct table_shape table_ports, table_rules, table_vectors, table_match4, table_match6,
	table_vips, table_prefixes, table_quic, table_nats, table_tunnels, table_intent, table_ring;

/* The tables that have two slots. */
enum slotted_table {
	SLOTTED_PORTS,
	SLOTTED_RULES,
	SLOTTED_VECTORS,
	SLOTTED_MATCH4,
	SLOTTED_MATCH6,
	SLOTTED_VIPS,
	SLOTTED_PREFIXES,
	SLOTTED_QUIC,
	SLOTTED_NATS,
	SLOTTED_TUNNELS,
	SLOTTED_INTENT,
	SLOTTED_COUNT
};

/*
 * Their inner maps in force, kept open while the generation lasts: kernels
 * before 6.8 wait for a grace period at each look-up in a map of maps.
 */
struct tables_in_force {
	unsigned generation;
	int fds[SLOTTED_COUNT];
	struct btf *types; /* of the data plane's maps; NULL: not read yet */
	int types_fd;
};

/* The memory of an array, as the kernel lays it out. */
struct table_view {
	void *data;
	size_t bytes;
};

int table_outer(const struct dataplane *dp, enum slotted_table which);
/* Borrowed: good until the generation turns, and not to be closed. -ENOENT: none. */
int table_in_force(const struct dataplane *dp, enum slotted_table which);
void tables_in_force_init(struct tables_in_force *tables);
void tables_in_force_fini(struct tables_in_force *tables);

/* A new inner map of `entries` elements. */
int table_create(const struct dataplane *dp, const struct table_shape *shape, unsigned entries);
/* The inner map at `index` of `outer`; -ENOENT: none. */
int table_open(int outer, unsigned index);
/* Its kernel-wide id; 0: none. */
unsigned table_id(int outer, unsigned index);
int table_map(int fd, bool writable, struct table_view *view) __must_check;
void table_unmap(struct table_view *view);

/* The content of a table: an array's elements, or a hash's keys and their values. */
struct table_content {
	const void *keys; /* NULL: an array */
	const void *values;
	size_t key_stride, value_stride; /* from one element to the next, in bytes */
	size_t count;
};

bool table_equals(int fd, const struct table_shape *shape, const struct table_content *content);
int table_fill(int fd, const struct table_content *content) __must_check;

/* --- in_force.c: what the maps hold now ------------------------------------- */

/* Allocates and fills *out, to be freed by in_force_free(). */
int in_force_read(const struct dataplane *dp, struct in_force **out) __must_check;
void in_force_free(struct in_force *now);
/* Room for SLUICE_MAX_VIPS. */
int in_force_vips(const struct dataplane *dp, struct compiled_vip *vips,
		  size_t *count) __must_check;
/* All backend slots, SLUICE_MAX_BACKENDS of them. */
int in_force_backends(const struct dataplane *dp, struct sluice_backend *out) __must_check;

/* --- loads.c: counters of VIPs and backends, from one publication to the next --------- */

/* Before the generation turns: what is new starts at zero. */
int loads_start(const struct dataplane *dp, const struct in_force *now,
		const struct compiled *next) __must_check;
/* Readers of totals wait from here on ... */
void loads_leave(const struct dataplane *dp);
/* ... until, after the turn, what has ended has left its counts. */
void loads_settle(const struct dataplane *dp, const struct in_force *now,
		  const struct compiled *next);

/* --- local_addresses.c: the host's own -------------------------------------- */

/* Those of the caller's network namespace, for the caller to free. */
int local_addresses_read(struct local_address **out, size_t *count) __must_check;

/* --- ring.c: who is in a service's ring ------------------------------------- */

/* Fills SLUICE_RING_ENTRIES entries; slots[i] is the slot of service->backends[i]. */
int ring_build(const struct service *service, const unsigned *slots,
	       const struct sluice_backend *backends, __u16 *ring) __must_check;
/* Of all that ring_build() looks at: two rings of one digest are equal. Never 0. */
int ring_digest(const struct service *service, const unsigned *slots,
		const struct sluice_backend *backends, __u64 *digest) __must_check;
/* Whether ring `id` holds just that. */
bool ring_equals(const struct dataplane *dp, unsigned id, const __u16 *ring);
/* A new inner map with that content. */
int ring_create(const struct dataplane *dp, const __u16 *ring);

#endif /* SLUICE_DATAPLANE_PRIVATE_H */
