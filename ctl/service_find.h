/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which service the operator means. Functions print why they found none. */
#ifndef SLUICE_CTL_SERVICE_FIND_H
#define SLUICE_CTL_SERVICE_FIND_H

#include "session.h"

/* By VIP; proto 0: TCP or UDP, whichever there is, but not both. */
struct service *service_find_vip(const struct session *session, const struct vip *vip, int proto);
/* By name, or by VIP written as text. */
struct service *service_find(const struct session *session, const char *text, int proto);
/* By node name or address, in any way of writing it; printing nothing: NULL if absent. */
struct backend *service_find_backend(const struct service *service, const char *text);

#endif /* SLUICE_CTL_SERVICE_FIND_H */
