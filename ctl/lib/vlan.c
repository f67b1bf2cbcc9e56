/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Ranges of VLAN ids as text. */
#include "vlan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

int vlan_range_parse(const char *word, struct sluice_vlan_range *out)
{
	unsigned min, max;
	const char *end;

	if (!strcmp(word, "any") || !strcmp(word, "none")) {
		*out = (struct sluice_vlan_range){0, 0};
		if (*word == 'a')
			*out = (struct sluice_vlan_range){1, SLUICE_VLAN_ID_MAX};
		return 0;
	}
	end = number_scan(word, SLUICE_VLAN_ID_MAX, &min);
	if (!end)
		return -EINVAL;
	max = min;
	if (*end == '-')
		end = number_scan(end + 1, SLUICE_VLAN_ID_MAX, &max);
	if (!end || *end || !min || max < min)
		return -EINVAL;
	*out = (struct sluice_vlan_range){(__u16)min, (__u16)max};
	return 0;
}

const char *vlan_range_format(const struct sluice_vlan_range *range, char buf[VLAN_RANGE_TEXT_LEN])
{
	if (!range->max)
		return "none";
	if (range->min == 1 && range->max == SLUICE_VLAN_ID_MAX)
		return "any";
	if (range->min == range->max)
		snprintf(buf, VLAN_RANGE_TEXT_LEN, "%u", range->min);
	else
		snprintf(buf, VLAN_RANGE_TEXT_LEN, "%u-%u", range->min, range->max);
	return buf;
}
