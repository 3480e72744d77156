// SPDX-License-Identifier: Apache-2.0
// Names of metrics: "fid50k_full" is a row of a table and a number of pictures.
#ifndef ATL_METRICS_NAMES_H
#define ATL_METRICS_NAMES_H

#include <stdbool.h>
#include "base/ctx.h"

typedef enum atl_metric_kind {
    ATL_METRIC_FID,
    ATL_METRIC_KID,
    ATL_METRIC_IS,
    ATL_METRIC_PR,
    ATL_METRIC_PPL,
    ATL_METRIC_EQT,
    ATL_METRIC_EQR,
    ATL_METRIC_LS,
    ATL_METRIC_SWD,
    ATL_METRIC_MSSSIM
} atl_metric_kind;

typedef struct atl_metric_row {
    const char *head, *tail; // what stands around the number: "fid", "_full"
    bool counted;            // a number is part of the name; else it may follow `head`, or be left out
    int64_t thousand;        // what "k" stands for
    int64_t standard;        // pictures where the name has no number
    atl_metric_kind kind;
    const char *detector;     // role that it needs: "inception", "vgg16", ...; NULL: none
    const char *use;          // of the detector
    bool real;                // it compares with the data
    int64_t real_most;        // of the data's pictures; 0: as many as of the others
    bool draws;               // it needs a network, not only pictures
    const char *variant;      // "wend", "int", "frac"; NULL: there is one kind
    const char *name, *about; // with the usual number, for lists
} atl_metric_row;

enum { ATL_METRIC_NAME = 32, ATL_METRICS_MOST = 64 };

typedef struct atl_metric {
    char name[ATL_METRIC_NAME]; // as it was asked for
    const atl_metric_row *row;
    int64_t count; // pictures to generate, or pairs
} atl_metric;

// "fid50k_full,swd" -> list [ATL_METRICS_MOST].  An unknown name is an error that lists the known ones.
// count: pictures in place of the number in each name; 0: as the names say.
atl_status atl_metrics_parse(atl_ctx *ctx, const char *text, int64_t count, atl_metric *list, int *size);

#endif
