/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Writing pcapng (draft-ietf-opsawg-pcapng): one section in the byte order of this machine,
 * Ethernet interfaces, times in nanoseconds. A stream that fails says so by ferror().
 */
#ifndef SLUICE_CTL_PCAPNG_H
#define SLUICE_CTL_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pcapng_packet {
	uint32_t interface; /* by the order of pcapng_interface() */
	uint64_t unix_ns;
	const unsigned char *bytes;
	uint32_t captured, length; /* bytes of the frame that are here, and in all */
	bool outbound;
	const char *comment;
};

void pcapng_begin(FILE *out, const char *application);
void pcapng_interface(FILE *out, const char *name, const char *description, uint32_t snaplen);
void pcapng_packet(FILE *out, const struct pcapng_packet *packet);
/* What the interface saw and lost, at the end. */
void pcapng_statistics(FILE *out, uint32_t interface, uint64_t unix_ns, uint64_t dropped);

#endif /* SLUICE_CTL_PCAPNG_H */
