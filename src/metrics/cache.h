// SPDX-License-Identifier: Apache-2.0
// What was computed of real pictures, kept for the next time.  A cache belongs to the content of the pictures
// (content.h), to a detector and to options, never to a path; its whole key is in the file, and in its name
// as a hash.  Files are written beside their place and renamed; one that is damaged counts as missing.
#ifndef ATL_METRICS_CACHE_H
#define ATL_METRICS_CACHE_H

#include "metrics/features.h"

enum { ATL_CACHE_KEY = 512 };

// `content`: of atl_content_of(); `options`: whatever else the numbers depend on, as "num=50000 mirror=1".
void atl_cache_key(char key[ATL_CACHE_KEY], const char *content, const atl_features_of *of,
                   const char *options);

// Makes the folder, and those above it.
atl_status atl_cache_folder(atl_ctx *ctx, const char *folder);

// ATL_OK and *found NULL: it is not there, or is no longer good, which a line of the log tells.
atl_status atl_cache_get(atl_ctx *ctx, const char *folder, const char *key, atl_features **found);

// Makes the folder.  What can't be written is a line of the log: only missing memory is a failure.
atl_status atl_cache_put(atl_ctx *ctx, const char *folder, const char *key, const atl_features *features);

#endif
