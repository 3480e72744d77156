// SPDX-License-Identifier: Apache-2.0
// Faces of photos, found by dlib where this build has it.
#ifndef APP_FACES_H
#define APP_FACES_H

#include <atelier/align.h>
#include "error.h"

typedef struct app_finder app_finder;

enum { APP_FACES_MOST = 64 }; // of one photo

// Whether this build knows dlib; the module and the model may still be missing.
int app_finder_built(void);

// `model`: the 68-point model of dlib.net, whose fingerprint is checked; NULL: where Debian's libdlib-data
// has it.  `remedy`: what else can be done, for the sentence when there is no finder.
app_status app_finder_open(const char *model, const char *remedy, app_finder **finder, app_error *e);
void app_finder_close(app_finder **finder);

// Landmarks of each face of an RGB photo, the largest first: faces [APP_FACES_MOST][ATL_LANDMARKS].
app_status app_finder_find(app_finder *finder, const atl_image *photo, atl_point (*faces)[ATL_LANDMARKS],
                           size_t *count, app_error *e);

#endif
