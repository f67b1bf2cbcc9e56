/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "privileges.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_kept(const int *capabilities, size_t count, int capability)
{
	for (size_t i = 0; i < count; i++)
		if (capabilities[i] == capability)
			return true;
	return false;
}

/* The bounding set needs CAP_SETPCAP, so it comes first; without it, it is not ours to drop. */
static void drop_bounding(const int *capabilities, size_t count)
{
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!is_kept(capabilities, count, i))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

int privileges_keep(const int *capabilities, size_t count)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, sets))
		return -errno;
	drop_bounding(capabilities, count);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3 * 32; i++) {
		struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(i)];
		__u32 keep = is_kept(capabilities, count, i) ? ~0u : ~CAP_TO_MASK(i);

		set->permitted &= keep;
		set->effective &= keep;
	}
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].inheritable = 0;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return syscall(SYS_capset, &header, sets) ? -errno : 0;
}
