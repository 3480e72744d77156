// SPDX-License-Identifier: Apache-2.0
// What the two files of SWD share: see swd.h.
#ifndef ATL_METRICS_SWD_INSIDE_H
#define ATL_METRICS_SWD_INSIDE_H

#include "metrics/swd.h"

enum { ATL_SWD_BATCH = 32 }; // directions whose projections are in memory together

typedef struct atl_swd_work { // of one thread
    float *now, *half;        // [channels, size, size]: a level, the next one
    float *rows;              // [size, size]
    float *patches;           // [ATL_SWD_PATCHES, width]
    float *projected;         // [ATL_SWD_PATCHES, ATL_SWD_BATCH]
} atl_swd_work;

struct atl_swd {
    atl_ctx *ctx;
    int64_t images, channels, size;
    uint64_t seed;
    int levels;
    bool whole;                        // pictures are kept, not patches
    int64_t width;                     // numbers in a patch
    uint8_t *there[2];                 // [images]; [1]: real
    uint8_t *pictures[2];              // [images, channels, size, size]
    float *patches[2][ATL_SWD_LEVELS]; // [images, ATL_SWD_PATCHES, width]
    atl_swd_work work;                 // of those who put
};

// On failure close it, too.
atl_status atl_swd_work_open(const atl_swd *s, atl_swd_work *work);
void atl_swd_work_close(const atl_swd *s, atl_swd_work *work);

// [ATL_SWD_PATCHES, width], valid until the next call with this work.
const float *atl_swd_patches(const atl_swd *s, bool real, int64_t index, int level, atl_swd_work *work);

#endif
