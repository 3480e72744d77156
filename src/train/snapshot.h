// SPDX-License-Identifier: Apache-2.0
// The numbers in a snapshot's record of the run, as they are read from files of strangers.
#ifndef ATL_TRAIN_SNAPSHOT_H
#define ATL_TRAIN_SNAPSHOT_H

#include <atelier/array.h>

// iteration and images are whole, from 0 to 2^53; augment_p is from 0 to 1; all are finite.
typedef struct atl_train_record {
    double iteration, images, augment_p, pl_mean, sign_sum, sign_count;
} atl_train_record;

// `path` is for messages.  A file without a record is an error.
atl_status atl_train_record_read(atl_ctx *ctx, const char *path, const atl_arrays *file, atl_train_record *record);

#endif
