// SPDX-License-Identifier: Apache-2.0
// What a collector of features has, for those who fill it from a file or a cache and write it to one.
#ifndef ATL_METRICS_COLLECT_FEATURES_H
#define ATL_METRICS_COLLECT_FEATURES_H

#include "metrics/measure.h"
#include "metrics/moments.h"
#include "run/program.h"

typedef struct atl_collected {
    atl_detector *detector; // of its base, where it has one
    atl_programs head;      // of the network: makes the numbers of the base's
    size_t width;
    // In the first process:
    float *rows;      // [count, width]; NULL: not kept
    uint16_t *halves; // the same as half floats
    atl_moments *moments;
    double *state;                     // of the moments, while it is kept
    double *mean[ATL_COLLECTOR_MARKS]; // [width] when a mark was reached, and behind it the covariance
    int64_t done;
} atl_collected;

// Features in this process of the pictures that were looked at last become those of a collector with a base.
atl_status atl_collected_head_open(atl_collector *c);
atl_status atl_collected_head_run(atl_collector *c, int n, float *seen);

// Fills a collector of the data's features, and sets c->filled, where its measurement was given a file in
// place of the data (which must be of this detector), or where the folder of caches has all that is wanted.
atl_status atl_collected_fill(atl_collector *c);
// Keeps what was collected: features of the data in the cache, those of generated pictures in the file that
// was asked for.
atl_status atl_collected_keep(atl_collector *c);

#endif
