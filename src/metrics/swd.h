// SPDX-License-Identifier: Apache-2.0
// Sliced Wasserstein distance of patches of the Laplacian pyramid (Karras et al. 2018): 128 patches of 7 x 7
// pixels for each picture and level, each channel brought to mean 0 and deviation 1, along 4 x 128 random
// directions; times 1000.
#ifndef ATL_METRICS_SWD_H
#define ATL_METRICS_SWD_H

#include <stdint.h>
#include "metrics/estimate.h"

enum {
    ATL_SWD_LEVELS = 12,
    ATL_SWD_PATCHES = 128,
    ATL_SWD_SIDE = 7,
    ATL_SWD_REPEATS = 4,
    ATL_SWD_DIRECTIONS = 128,
    ATL_SWD_GROUPS = 8
};

typedef struct atl_swd atl_swd;

// Two sets of `images` pictures of size x size, a power of two from 16 up, in `channels` 1 or 3; seed:
// patches, directions.  Pictures up to 256 x 256 are kept as bytes, of larger ones patches: 74 KiB (times
// channels / 3) for each level.
atl_status atl_swd_open(atl_ctx *ctx, int64_t images, int channels, int64_t size, uint64_t seed,
                        atl_swd **swd);
void atl_swd_close(atl_swd **swd);
int atl_swd_levels(const atl_swd *swd); // size to 16

// Picture number `index` of a set, in any order, each once.  rgb [channels, size, size]
atl_status atl_swd_put(atl_swd *swd, bool real, int64_t index, const uint8_t *rgb);

// When all pictures are there: each level's distance, from the finest to 16 x 16, [levels], and their mean.
// error: jackknife over ATL_SWD_GROUPS groups of pictures.  Needs 4 bytes for each of 2 x 32 directions,
// picture and patch: half a gigabyte at 16384 pictures.
atl_status atl_swd_finish(atl_swd *swd, const atl_watch *watch, atl_estimate *levels, atl_estimate *mean);

#endif
