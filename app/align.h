// SPDX-License-Identifier: Apache-2.0
// Photos to crops, each with the record of where it lies: STEM.png and STEM.json, or STEM-0.png, ... where a
// photo has several faces.
#ifndef APP_ALIGN_H
#define APP_ALIGN_H

#include <atelier/align.h>
#include "error.h"
#include "faces.h"
#include "photos.h"

typedef enum app_no_face { APP_NO_FACE_FAIL, APP_NO_FACE_SKIP, APP_NO_FACE_CROP } app_no_face;

enum { APP_FACES_ALL = -1, APP_FACES_ONE = -2 };

typedef struct app_align_options {
    atl_align_options crop;
    const char *outdir;
    const char *landmarks; // a file; NULL: they are found
    const char *model;     // of landmarks, see faces.h; NULL: the usual
    app_no_face no_face;   // CROP: no face is looked for; the middle, or `box`, is cut out
    const double *box;     // x, y, side; NULL: the largest square in the middle
    int face;              // the one with this number, from 0; or all of a photo, or the only one
    // What can be done where no face is found, in the caller's options; NULL: as `atelier align` has them.
    const char *remedy;
} app_align_options;

typedef struct app_align {
    app_align_options o;
    atl_ctx *ctx;
    app_photos photos;
    app_finder *finder;
    atl_faces *list;
    const atl_face **by_name; // [named] of the list, by malloc
    size_t named;
    size_t faceless; // photos in which there was no face
} app_align;

typedef struct app_aligned {
    const app_photo *photo;
    size_t crops; // that it became
} app_aligned;

// APP_STOPPED: end after this photo.
typedef app_status app_align_use(void *user, const app_aligned *photo, app_error *e);

// All is borrowed.  A zeroed struct and one after a failure may be closed.
app_status app_align_open(app_align *a, atl_ctx *ctx, const app_align_options *o, const char *const *paths,
                          size_t count, app_error *e);
app_status app_align_run(app_align *a, app_align_use *use, void *user, app_error *e);
void app_align_close(app_align *a);

#endif
