/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * sluice-tlsproxy: sluice-tlsproxy(8).
 */
#include "tlsproxy.h"

int main(int argc, char **argv)
{
	return process_main(&tlsproxy_daemon, argc, argv);
}
