/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where a node's maps live: a bpffs with a directory per node and a lock file
 * beside it.
 *
 * The maps of a node are made one after the other, and the control map gets
 * its ABI version when all of them are there. So a creation that was cut off
 * is completed by the next one, and a reader takes it for no node at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "dataplane_private.h"
#include "sluice.skel.h"

#define DEFAULT_PIN_ROOT "/run/sluice/bpf"
#define LOCK_WAIT_MS	 10000
#define LOCK_POLL_MS	 5

struct pin {
	const char *name;
	size_t fd_offset; /* of its descriptor in struct dataplane */
	bool mapped;	  /* into memory: refused by the kernel where a descriptor is read-only */
};

#define PIN(map, member)                                                                           \
	{                                                                                          \
		"sluice_" map, offsetof(struct dataplane, member), false                           \
	}

#define PIN_MAPPED(map, member)                                                                    \
	{                                                                                          \
		"sluice_" map, offsetof(struct dataplane, member), true                            \
	}

static const struct pin pins[] = {
	PIN("control", control_fd),
	PIN("vips", vips),
	PIN("rules", rules),
	PIN("vectors", vectors),
	PIN("match4", match4),
	PIN("match6", match6),
	PIN("classes", classes),
	PIN_MAPPED("classifier", classifier),
	PIN("ports", ports),
	PIN("tunnels", tunnels),
	PIN("intent", intent),
	PIN("rings", rings),
	PIN("backends", backends),
	PIN("flows", flows),
	PIN_MAPPED("conns4", conns4),
	PIN_MAPPED("conns6", conns6),
	PIN("vip_index", vip_index),
	PIN("block", block),
	PIN("block_kinds", block_kinds),
	PIN("block_groups", block_groups),
	PIN("ledger", ledger),
	PIN("rule_use", rule_use),
	PIN("load", load),
	PIN_MAPPED("past", past),
	PIN("misses", misses),
	PIN("checks", checks),
	PIN("txports", txports),
	PIN("wide", wide),
	PIN("prefixes", prefixes),
	PIN("quic", quic),
	PIN("nats", nats),
	PIN_MAPPED("cookie_keys", cookie_keys),
	PIN_MAPPED("cookie_services", cookie_services),
	PIN("cookie_count", cookie_count),
	PIN_MAPPED("capture", capture),
	PIN_MAPPED("events", events),
	PIN("notes", notes),
	PIN("digests", digests),
	PIN("vlan_in", vlan_in),
	PIN("vlan_out", vlan_out),
	PIN_MAPPED("limits", limits),
	PIN_MAPPED("buckets", buckets),
	PIN_MAPPED("sources", sources),
	PIN("limit_use", limit_use),
};

/* Made when they are needed first, by others: gone with the rest. */
static const char *const later_pins[] = {"sluice_deadline", "sluice_alarm"};

#define PIN_COUNT (sizeof(pins) / sizeof(pins[0]))

static int *pin_fd(struct dataplane *dp, const struct pin *pin)
{
	return (int *)((char *)dp + pin->fd_offset);
}

const char *pins_root(void)
{
	const char *root = getenv("SLUICE_PIN_ROOT");

	return root && *root ? root : DEFAULT_PIN_ROOT;
}

static int join(char *out, size_t size, const char *dir, const char *name)
{
	int length = snprintf(out, size, "%s/%s", dir, name);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* --- the bpffs -------------------------------------------------------------- */

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static int make_dirs(const char *path)
{
	char partial[256];

	if (strlen(path) >= sizeof(partial))
		return -ENAMETOOLONG;
	strcpy(partial, path);
	for (char *slash = partial + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(partial, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(partial, 0755) && errno != EEXIST ? -errno : 0;
}

static int open_parent_of_root(void)
{
	char parent[256];
	int err = join(parent, sizeof(parent), pins_root(), "..");
	int fd;

	if (err)
		return err;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Two nodes' first commands may race: a second bpffs would hide the pins of the first. */
static int mount_root(void)
{
	const char *root = pins_root();
	int err = make_dirs(root);
	int parent;

	if (err || is_bpffs(root))
		return err;
	parent = open_parent_of_root();
	if (parent < 0)
		return parent;
	if (flock(parent, LOCK_EX) ||
	    (!is_bpffs(root) && mount("bpffs", root, "bpf", 0, "mode=0700")))
		err = -errno;
	close(parent);
	return err;
}

/* --- the lock --------------------------------------------------------------- */

static int lock_path(char *out, size_t size, const char *node)
{
	char name[SLUICE_NAME_LEN + sizeof("../.lock")];

	snprintf(name, sizeof(name), "../%.*s.lock", SLUICE_NAME_LEN - 1, node);
	return join(out, size, pins_root(), name);
}

/* The file may have been removed, with its node, while we waited for it. */
static bool is_still_at(int fd, const char *path)
{
	struct stat held, there;

	return !fstat(fd, &held) && !stat(path, &there) && held.st_ino == there.st_ino &&
	       held.st_dev == there.st_dev;
}

static int lock_node(const char *node, int wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
	char path[256];
	int err = lock_path(path, sizeof(path), node);

	if (err)
		return err;
	for (int waited = 0; waited <= wait_ms; waited += LOCK_POLL_MS) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			return -errno;
		if (!flock(fd, LOCK_EX | LOCK_NB) && is_still_at(fd, path))
			return fd;
		close(fd);
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/* --- creation --------------------------------------------------------------- */

/*
 * Not left to libbpf: it compares what it finds with the object, and takes
 * the read-only flag that the kernel adds to device maps for a difference.
 */
int pins_reuse(struct bpf_object *object, const char *pin_dir)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		char path[320];
		int fd, err;

		if (!bpf_map__pin_path(map))
			continue;
		err = join(path, sizeof(path), pin_dir, bpf_map__name(map));
		if (err)
			return err;
		fd = bpf_obj_get(path);
		if (fd < 0 && errno != ENOENT)
			return -errno;
		if (fd < 0)
			continue;
		err = bpf_map__reuse_fd(map, fd);
		close(fd);
		if (err)
			return err;
	}
	return 0;
}

/* As a plain array, which is not made either, libbpf does not try to fill the stages' one. */
static void leave_programs_out(struct sluice_bpf *skel)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program, false);
	bpf_map__set_type(skel->maps.sluice_stages, BPF_MAP_TYPE_ARRAY);
	bpf_map__set_autocreate(skel->maps.sluice_stages, false);
}

/* Connections and sources are in lines of four. */
static int set_sizes(struct sluice_bpf *skel, const struct table_sizes *sizes)
{
	const struct {
		struct bpf_map *map;
		unsigned entries;
	} tables[] = {
		{skel->maps.sluice_flows, sizes->flows},
		{skel->maps.sluice_conns4, sizes->connections / SLUICE_WAYS},
		{skel->maps.sluice_conns6, sizes->connections / SLUICE_WAYS},
		{skel->maps.sluice_sources, sizes->sources / SLUICE_WAYS},
		{skel->maps.sluice_block, sizes->blocks},
		{skel->maps.sluice_notes, sizes->fragments},
		{skel->maps.sluice_misses, sizes->next_hops},
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !err; i++)
		err = bpf_map__set_max_entries(tables[i].map, tables[i].entries);
	return err;
}

static int create_maps(const char *pin_dir, const struct table_sizes *sizes)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pin_dir);
	struct sluice_bpf *skel = sluice_bpf__open_opts(&opts);
	int err;

	if (!skel)
		return -errno;
	leave_programs_out(skel);
	err = set_sizes(skel, sizes);
	if (!err)
		err = pins_reuse(skel->obj, pin_dir);
	if (!err)
		err = bpf_object__load(skel->obj);
	sluice_bpf__destroy(skel);
	return err;
}

static int stamp(struct dataplane *dp)
{
	__u64 seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	dp->control->flow_seed = seed;
	snprintf(dp->control->node, sizeof(dp->control->node), "%s", dp->node);
	__atomic_store_n(&dp->control->abi, SLUICE_ABI_VERSION, __ATOMIC_RELEASE);
	return 0;
}

/* --- opening ---------------------------------------------------------------- */

static int open_pin(struct dataplane *dp, const struct pin *pin, __u32 flags)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = flags);
	char path[320];
	int err = join(path, sizeof(path), dp->pin_dir, pin->name);
	int fd;

	if (err)
		return err;
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return -errno;
	*pin_fd(dp, pin) = fd;
	return 0;
}

/*
 * The control map; its ABI version is 0 while the other maps are being made.
 * The kernel maps no descriptor that was opened for reading: the mapping is.
 */
static int open_control(struct dataplane *dp)
{
	int prot = dp->lock_fd < 0 ? PROT_READ : PROT_READ | PROT_WRITE;
	int err = open_pin(dp, &pins[0], 0);
	void *mapped;

	if (err)
		return err;
	mapped = mmap(NULL, sizeof(*dp->control), prot, MAP_SHARED, dp->control_fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	dp->control = mapped;
	if (dp->control->abi && dp->control->abi != SLUICE_ABI_VERSION)
		return -EPROTO;
	return 0;
}

static int open_others(struct dataplane *dp)
{
	__u32 flags = dp->lock_fd < 0 ? BPF_F_RDONLY : 0;
	int err = 0;

	for (size_t i = 1; i < PIN_COUNT && !err; i++)
		err = open_pin(dp, &pins[i], pins[i].mapped ? 0 : flags);
	return err;
}

/* Before anything is touched, because the maps of another ABI are not ours to complete. */
static int create(struct dataplane *dp, const struct table_sizes *sizes)
{
	struct table_sizes settled = table_sizes_settle(sizes);
	int err = open_control(dp);

	if (err && err != -ENOENT)
		return err;
	if (!err && dp->control->abi)
		return 0;
	if (mkdir(dp->pin_dir, 0700) && errno != EEXIST)
		return -errno;
	err = create_maps(dp->pin_dir, &settled);
	if (!err && !dp->control)
		err = open_control(dp);
	return err ? err : stamp(dp);
}

static int init(struct dataplane *dp, const char *node)
{
	memset(dp, 0, sizeof(*dp));
	for (size_t i = 0; i < PIN_COUNT; i++)
		*pin_fd(dp, &pins[i]) = -1;
	dp->lock_fd = -1;
	if (!*node || strlen(node) >= sizeof(dp->node) || strchr(node, '/') || *node == '.')
		return -EINVAL;
	strcpy(dp->node, node);
	return join(dp->pin_dir, sizeof(dp->pin_dir), pins_root(), node);
}

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static int prepare(struct dataplane *dp, enum dataplane_access access,
		   const struct table_sizes *sizes)
{
	int err = 0;

	if (access == DATAPLANE_CREATE)
		err = mount_root();
	else if (!exists(dp->pin_dir))
		err = -errno;
	if (err || access == DATAPLANE_READ)
		return err;
	dp->lock_fd = lock_node(dp->node, access == DATAPLANE_WRITE_NOW ? 0 : LOCK_WAIT_MS);
	if (dp->lock_fd < 0)
		return dp->lock_fd;
	return access == DATAPLANE_CREATE ? create(dp, sizes) : 0;
}

int dataplane_open(struct dataplane *dp, const char *node, enum dataplane_access access,
		   const struct table_sizes *sizes)
{
	int err = init(dp, node);

	if (err)
		return err;
	kernel_log_start();
	dp->tables = malloc(sizeof(*dp->tables));
	if (!dp->tables)
		return -ENOMEM;
	*dp->tables = (struct tables_in_force){0};
	tables_in_force_init(dp->tables);
	err = prepare(dp, access, sizes);
	if (!err && !dp->control)
		err = open_control(dp);
	if (!err && !dp->control->abi)
		err = -ENOENT;
	if (!err)
		err = open_others(dp);
	if (err)
		dataplane_close(dp);
	return err;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void dataplane_close(struct dataplane *dp)
{
	if (dp->control)
		munmap(dp->control, sizeof(*dp->control));
	dp->control = NULL;
	if (dp->tables)
		tables_in_force_fini(dp->tables);
	free(dp->tables);
	dp->tables = NULL;
	for (size_t i = 0; i < PIN_COUNT; i++)
		close_fd(pin_fd(dp, &pins[i]));
	close_fd(&dp->lock_fd);
}

/* --- removal ---------------------------------------------------------------- */

static int remove_pin(const char *pin_dir, const char *name)
{
	char path[320];
	int err = join(path, sizeof(path), pin_dir, name);

	if (err)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

/* The control map first: without it, what is left counts as no node. */
static int remove_pins(const char *pin_dir)
{
	int err = 0;

	for (size_t i = 0; i < PIN_COUNT && !err; i++)
		err = remove_pin(pin_dir, pins[i].name);
	for (size_t i = 0; i < sizeof(later_pins) / sizeof(later_pins[0]) && !err; i++)
		err = remove_pin(pin_dir, later_pins[i]);
	if (!err)
		err = stages_unpin(pin_dir, 0, NULL);
	if (err)
		return err;
	return rmdir(pin_dir) ? -errno : 0;
}

int dataplane_destroy(const char *node)
{
	struct dataplane dp;
	char path[256];
	int err = init(&dp, node);

	if (!err)
		err = lock_path(path, sizeof(path), node);
	if (err)
		return err;
	if (!exists(dp.pin_dir))
		return -ENOENT;
	dp.lock_fd = lock_node(node, LOCK_WAIT_MS);
	if (dp.lock_fd < 0)
		return dp.lock_fd;
	err = remove_pins(dp.pin_dir);
	if (!err)
		unlink(path);
	close(dp.lock_fd);
	return err;
}
