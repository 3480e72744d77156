// SPDX-License-Identifier: Apache-2.0
// Pictures of a set in their order, read ahead by threads: what is compared with generated pictures.
#ifndef ATL_METRICS_READER_H
#define ATL_METRICS_READER_H

#include "data/dataset.h"

typedef struct atl_reader atl_reader;

// Which pictures: `run` numbers from `first` on, then as many after each `skip` others, below `end`.
typedef struct atl_reader_order {
    int64_t first, end, run, skip;
} atl_reader_order;

// Numbers beyond the set are its pictures again, flipped from left to right, as the official loaders number
// them.  `set` must outlive the reader.
atl_status atl_reader_open(atl_ctx *ctx, const atl_dataset *set, const atl_reader_order *order,
                           atl_reader **reader);
void atl_reader_close(atl_reader **reader); // accepts a pointer to NULL

// The next n pictures: rgb [n, 3, height, width], gray three times.
atl_status atl_reader_next(atl_reader *reader, int n, uint8_t *rgb);

#endif
