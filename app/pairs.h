// SPDX-License-Identifier: Apache-2.0
// Pictures of one folder beside those of the same names in another: what an encoder or an edit has kept.  Each metric
// is the mean over all pairs.
#ifndef APP_PAIRS_H
#define APP_PAIRS_H

#include <atelier/metrics.h>
#include "error.h"

typedef struct app_pairs {
    const char *fakes, *data; // folders
    const char *metrics;      // names with commas, of app_pairs_name()
    const char *identity;     // file of the network that tells faces; NULL: none
    const char *detectors;    // folder; NULL: the usual ones
    const char *outdir;       // for metric-NAME.jsonl; NULL: none
    int (*progress)(void *user, size_t done, size_t total); // not 0 stops
    void (*result)(void *user, const char *subject, const atl_metric_result *result);
    void *user;
} app_pairs;

// The metrics of pairs: names, and what they say; NULL past the last one.
const char *app_pairs_name(size_t index, const char **about);

// Whether the names of a list are of pairs: 1 all, 0 none, -1 some.
int app_pairs_asked(const char *metrics);

app_status app_pairs_run(atl_ctx *ctx, const app_pairs *p, app_error *e);

#endif
