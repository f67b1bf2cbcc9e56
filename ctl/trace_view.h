/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The steps that a traced packet took, in words. */
#ifndef SLUICE_CTL_TRACE_VIEW_H
#define SLUICE_CTL_TRACE_VIEW_H

#include "session.h"

/*
 * [{"step", "detail", and the step's numbers by their names in abi.h}]; names
 * of rules, services, backends and interfaces are those of session's model.
 */
json_t *trace_view_steps(const struct session *session, const struct interface *in,
			 const struct sluice_trace_step *steps);
/* The outcome at the end of `steps`, SLUICE_CONTINUE if there is none. */
enum sluice_outcome trace_view_outcome(const struct sluice_trace_step *steps);

#endif /* SLUICE_CTL_TRACE_VIEW_H */
