// SPDX-License-Identifier: Apache-2.0
// A file from the network: into PATH.part, of which the next try goes on, compared with its fingerprint, and
// renamed when it is whole and right.  PATH.part.from remembers of which version the part is.
#ifndef APP_DOWNLOAD_H
#define APP_DOWNLOAD_H

#include <stdint.h>
#include "error.h"
#include "sha256.h"

typedef struct app_download {
    const char *url, *path;
    int64_t bytes;      // what it must have; 0: not known
    const char *sha256; // the same; NULL: not known
    // How far it is; `total` 0: not known.  Not 0 stops.  May be NULL
    int (*progress)(void *user, int64_t done, int64_t total);
    // Looks at what was downloaded before it gets its name; a failure throws it away.  May be NULL
    app_status (*check)(void *user, const char *part, app_error *e);
    void *user;
} app_download;

typedef struct app_downloaded {
    int64_t bytes, kept;          // of the file; of them from an earlier try
    char sha256[APP_SHA256_TEXT]; // what it has
} app_downloaded;

// APP_STOPPED when `progress` stopped it, and a failure of the network, keep the part.
app_status app_download_run(const app_download *download, app_downloaded *done, app_error *e);

#endif
