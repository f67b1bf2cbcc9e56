/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The pins that keep the stages of attached programs: one array of programs for each
 * interface. A new program brings an array of its own, pinned under another digit before it
 * is attached; the old one's pin goes when the old program is gone. So whoever dies in
 * between leaves no program without its stages.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_private.h"

#define DIGITS 10

static int set_path(const char *pin_dir, const char *name, struct stages_pin *pin)
{
	int length = snprintf(pin->path, sizeof(pin->path), "%s/%s", pin_dir, name);

	return length < 0 || (size_t)length >= sizeof(pin->path) ? -ENAMETOOLONG : 0;
}

int stages_path(const struct dataplane *dp, unsigned ifindex, struct stages_pin *pin)
{
	char name[sizeof(SLUICE_STAGES_PIN) + 24];
	int err;

	for (unsigned digit = 0; digit < DIGITS; digit++) {
		snprintf(name, sizeof(name), SLUICE_STAGES_PIN "%u_%u", ifindex, digit);
		err = set_path(dp->pin_dir, name, pin);
		if (err)
			return err;
		if (access(pin->path, F_OK))
			return 0;
	}
	return -EEXIST;
}

int stages_pin(const struct dataplane *dp, unsigned ifindex, struct bpf_map *stages,
	       struct stages_pin *pin)
{
	int err = stages_path(dp, ifindex, pin);

	return err ? err : bpf_map__set_pin_path(stages, pin->path);
}

/* Those of interfaces that are gone are nobody's. */
static bool is_wanted(const char *name, unsigned ifindex)
{
	char ifname[IF_NAMESIZE];
	unsigned of;

	return sscanf(name, SLUICE_STAGES_PIN "%u_", &of) == 1 && of != ifindex &&
	       if_indextoname(of, ifname);
}

int stages_unpin(const char *pin_dir, unsigned ifindex, const struct stages_pin *keep)
{
	const size_t prefix = strlen(SLUICE_STAGES_PIN);
	struct dirent *entry;
	struct stages_pin pin;
	int err = 0;
	DIR *dir = opendir(pin_dir);

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, SLUICE_STAGES_PIN, prefix) ||
		    (ifindex && is_wanted(entry->d_name, ifindex)))
			continue;
		err = set_path(pin_dir, entry->d_name, &pin);
		if (!err && !(keep && !strcmp(keep->path, pin.path)) && unlink(pin.path))
			err = -errno;
	}
	closedir(dir);
	return err;
}
