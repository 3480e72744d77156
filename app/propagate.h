// SPDX-License-Identifier: Apache-2.0
// An overlay drawn once, over the average of aligned pictures or over one picture, and carried to all others
// (Peebles et al. 2022, section 4.4).  What was drawn over a picture goes to the aligned place first.
#ifndef APP_PROPAGATE_H
#define APP_PROPAGATE_H

#include <atelier/video.h>
#include "aligner.h"
#include "photos.h"

typedef struct app_propagate_options {
    app_aligner_options aligner;
    const char *overlay; // a picture with transparent parts
    const char *on;      // the picture that it was drawn over; NULL: the average
    int resolution;      // side of the overlay in the aligned place, where it comes from a picture
    double opacity;
    int cluster;
    const char *const *inputs; // files and folders, in the order of names, or a single video
    size_t count;
} app_propagate_options;

typedef struct app_propagate {
    app_propagate_options o;
    app_aligner aligner;
    app_photos photos;       // none of a video
    atl_video_reader *video; // NULL: of pictures
    atl_image overlay; // in the aligned place
    float *input, *grid;
} app_propagate;

// A zeroed struct and one after a failure may be closed.
app_status app_propagate_open(app_propagate *p, atl_ctx *ctx, const app_propagate_options *o, app_error *e);
void app_propagate_close(app_propagate *p);

// How many pictures there will be; 0: a video that does not say.
size_t app_propagate_count(const app_propagate *p);

// Each picture with the overlay on it, by its name within its argument, of a video "frame000000"; APP_STOPPED ends.
typedef app_status app_propagate_use(void *user, const char *name, const atl_image *picture, app_error *e);
app_status app_propagate_run(app_propagate *p, app_propagate_use *use, void *user, app_error *e);

#endif
