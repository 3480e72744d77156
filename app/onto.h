// SPDX-License-Identifier: Apache-2.0
// Edited crops back in the photo that they were cut out of, by the record that lies beside the crop.
#ifndef APP_ONTO_H
#define APP_ONTO_H

#include <atelier/align.h>
#include "error.h"

typedef struct app_onto {
    atl_ctx *ctx;
    atl_alignment record;
    atl_image photo; // RGB, upright, as it was
} app_onto;

// `record`: the .json, or the crop that it lies beside.  `photo` NULL: the one that the record names, seen
// from here or from the record's folder.  A zeroed struct and one after a failure may be closed.
app_status app_onto_open(app_onto *o, atl_ctx *ctx, const char *record, const char *photo, app_error *e);
void app_onto_close(app_onto *o);

// A copy of the photo with a crop of 1 to 4 channels in it, whose transparency is ignored: *out is cleared by
// the caller.  options NULL: the defaults.
app_status app_onto_paste(const app_onto *o, const atl_image *crop, const atl_paste_options *options,
                          atl_image *out, app_error *e);

#endif
