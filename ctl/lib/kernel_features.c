/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the data plane asks of a kernel, read from its object: the types of its maps and
 * the helpers that its programs call. Each is tried by itself, as libbpf does it, so that an
 * older kernel, or one built without something, is told by that thing's name instead of by
 * what became of the load.
 */
#include <errno.h>
#include <stdio.h>

#include "dataplane.h"
#include "sluice.skel.h"

#define OLDEST_KERNEL_MAJOR 6 /* OLDEST_KERNEL, in numbers */
#define OLDEST_KERNEL_MINOR 1

#define HELPER_NAME(name) "bpf_" #name

static const char *const helper_names[] = {__BPF_FUNC_MAPPER(HELPER_NAME)};

#define HELPER_COUNT (sizeof(helper_names) / sizeof(*helper_names))

static bool calls_helper(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == 0 && insn->imm > 0 &&
	       (unsigned)insn->imm < HELPER_COUNT;
}

/* An answer other than 0 is "yes", or "cannot be told". */
static bool lacks_map_type(const struct bpf_object *object, char *text, size_t size)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		enum bpf_map_type type = bpf_map__type(map);

		if (libbpf_probe_bpf_map_type(type, NULL))
			continue;
		snprintf(text, size, "maps of type %s", libbpf_bpf_map_type_str(type));
		return true;
	}
	return false;
}

static bool lacks_helper(const struct bpf_object *object, char *text, size_t size)
{
	bool known[HELPER_COUNT] = {0};
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, object) {
		const struct bpf_insn *insns = bpf_program__insns(prog);

		for (size_t i = 0; i < bpf_program__insn_cnt(prog); i++) {
			int helper = insns[i].imm;

			if (!calls_helper(&insns[i]) || known[helper])
				continue;
			known[helper] = true;
			if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, (enum bpf_func_id)helper,
						    NULL))
				continue;
			snprintf(text, size, "the helper %s() for XDP", helper_names[helper]);
			return true;
		}
	}
	return false;
}

bool kernel_is_old(struct utsname *name)
{
	unsigned major, minor;

	return !uname(name) && sscanf(name->release, "%u.%u", &major, &minor) == 2 &&
	       (major < OLDEST_KERNEL_MAJOR ||
		(major == OLDEST_KERNEL_MAJOR && minor < OLDEST_KERNEL_MINOR));
}

bool kernel_lacks(char *text, size_t size)
{
	struct sluice_bpf *skel;
	bool lacks;

	if (!libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL)) {
		snprintf(text, size, "programs of type xdp");
		return true;
	}
	skel = sluice_bpf__open();
	if (!skel)
		return false;
	lacks = lacks_map_type(skel->obj, text, size) || lacks_helper(skel->obj, text, size);
	sluice_bpf__destroy(skel);
	return lacks;
}
