// SPDX-License-Identifier: Apache-2.0
// Downloading a detector: the only thing in this project that goes to the network, and only when it is asked
// to.
#ifndef APP_DETECTORS_FETCH_H
#define APP_DETECTORS_FETCH_H

#include <atelier/model.h>
#include "detectors.h"
#include "download.h"

typedef struct app_fetch_options {
    const char *folder; // where it is put; NULL: the first that is searched.  Made when missing
    const char *url;    // a copy elsewhere; NULL: where it is published
    const char *sha256; // NULL: the table's
    int (*progress)(void *user, int64_t done, int64_t total); // see download.h
    void *user;
} app_fetch_options;

typedef struct app_fetched {
    char path[APP_DETECTOR_PATH];
    int there;    // it was there before and is right: nothing was downloaded
    int compared; // with a fingerprint; else it was opened, and nothing else is known about it
    app_downloaded download;
} app_fetched;

// A file that is there already is compared, and never replaced.
app_status app_detector_fetch(atl_ctx *ctx, const app_detector *d, const app_fetch_options *o,
                              app_fetched *done, app_error *e);

#endif
