// SPDX-License-Identifier: Apache-2.0
// Pictures projected into a network: files in, and for each a folder of what was found.  A target alone has
// the folder itself, several have one each, named after their files:
//
//     projected_w.npz   ws as "w" [1, layers, w], the noise maps as "noise.0", ...; "latent_z" in the space z;
//                       in the space s what styles gain over those of w as "style.0" [1, channels], ...
//     target.png        the picture as the network's size has it
//     proj.png          what was found
//     proj.mp4          the way there beside the target
//     project.jsonl     a line for each step, and one about the result
//
// A search that was stopped leaves state-B.safetensors (and its path, state-B.npz) for each batch B in work,
// and goes on bit for bit.
#ifndef APP_PROJECT_H
#define APP_PROJECT_H

#include <atelier/project.h>
#include "detectors.h"
#include "error.h"
#include "seeds.h"
#include "styles.h"

typedef struct app_project_options {
    atl_project_options search; // its loss is the one below
    const char *loss;           // NULL: lpips where it can be had, else mse
    const char *const *targets; // files and folders
    size_t count;
    const char *folder;
    const char *mask;         // a picture; NULL: none
    const char *init;         // "mean", "best-of N" or FILE[:TENSOR]; NULL: mean
    const app_seeds *classes; // one, or one for each target; NULL or empty: none
    int video;                // frames per second; 0: none
    int resume;
    const char *detectors; // folder; NULL: the usual ones
} app_project_options;

typedef struct app_target {
    char *path, *folder; // by malloc
} app_target;

typedef struct app_project {
    atl_ctx *ctx;
    atl_model *model, *features; // features: opened here, or NULL
    const atl_model_info *info;
    app_project_options o;
    int best_of; // of --init
    app_target *targets;
    size_t count, batch; // pictures, and how many at once
    atl_projector *search;
    size_t row_ws, row_img, row_path;
    float *pictures, *img, *ws, *mask, *c, *path; // [batch, ...]; path [batch, frames, row_path]
    app_styles styles;                            // of the space s: the layers, with room for one batch
    int every, frames; // steps from frame to frame of the video, and how many there are
    size_t first, now; // of the batch in work: its first target, how many it has
    double saved;      // seconds of the clock
    // for whoever watches
    size_t batches;
    int step;
    double distance; // mean of the batch
} app_project;

// Opens what must be there before anything is computed.  `model` is borrowed.  A zeroed struct and one after
// a failure may be closed.
app_status app_project_open(app_project *p, atl_ctx *ctx, atl_model *model, const app_project_options *o,
                            app_error *e);
void app_project_close(app_project *p);

// After each step; APP_STOPPED keeps what was found so far and ends.
typedef app_status app_project_use(void *user, const app_project *p, app_error *e);
app_status app_project_run(app_project *p, app_project_use *use, void *user, app_error *e);

// The network that a loss needs: *features is opened, or NULL where none is needed.  loss NULL: LPIPS where
// it can be had, else a warning says what is lost.  Returns the loss's name, or NULL after a failure.
const char *app_features_open(atl_ctx *ctx, const char *loss, const char *detectors, atl_model **features,
                              app_error *e);

#endif
