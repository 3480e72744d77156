// SPDX-License-Identifier: Apache-2.0
// The numbers in a snapshot's record of the run, as they are read from files of strangers.
#ifndef ATL_TRAIN_SNAPSHOT_H
#define ATL_TRAIN_SNAPSHOT_H

#include <jansson.h>
#include <atelier/array.h>

#define ATL_TRAIN_RECORD "atelier.training" // the entry of the metadata
enum {
    ATL_TRAIN_RECORD_VERSION = 2, // 1: random numbers were other functions of seed and iteration
    ATL_TRAIN_DIFFERENCE = 256    // room for what differs between two sets
};

// iteration, images and staged, the images before the last step, are whole, from 0 to 2^53; augment_p is from
// 0 to 1; all are finite.
typedef struct atl_train_record {
    double iteration, images, staged, augment_p, pl_mean, sign_sum, sign_count;
} atl_train_record;

// The record as JSON; NULL when there is none.  `path` is for messages.
atl_status atl_train_record_find(atl_ctx *ctx, const char *path, const atl_arrays *file, json_t **json);
atl_status atl_train_damaged(atl_ctx *ctx, const char *path,
                             const char *what); // fails: the record has no usable `what`

// The strength of the augmentation in a file's record of a run; negative: it has none.
atl_status atl_train_recorded_p(atl_ctx *ctx, const char *path, double *p);

// `path` is for messages.  A file without a record is an error.
atl_status atl_train_record_read(atl_ctx *ctx, const char *path, const atl_arrays *file, atl_train_record *record);

#endif
