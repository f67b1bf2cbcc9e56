/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The two lengths of the frames that are replayed, in bytes without FCS. */
#ifndef SLUICE_BENCH_REPLAY_H
#define SLUICE_BENCH_REPLAY_H

#define FRAME_V4 64
#define FRAME_V6 80

#endif /* SLUICE_BENCH_REPLAY_H */
