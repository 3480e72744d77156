// SPDX-License-Identifier: Apache-2.0
// Style mixing (Karras et al. 2019, section 3.1).  The image in row r and column c has the styles of source
// r, except the chosen layers, which come from source c.  Also handed out: the sources, in row or column 0.
#ifndef APP_MIX_H
#define APP_MIX_H

#include "render.h"

// The sources of the rows, or of the columns: seeds, or the codes of a file.
typedef struct app_mix_side {
    app_seeds seeds;
    const char *file; // FILE[:TENSOR]; two dimensions mean w.  NULL: seeds
} app_mix_side;

typedef struct app_mix_options {
    app_recipe recipe; // all that determines the images, but for the sources
    const app_mix_side *rows, *cols;
    const app_seeds *classes; // one, or one for each seed, rows first; may be empty or NULL
    const app_seeds *styles;  // layers that come from the column
} app_mix_options;

typedef struct app_mix {
    app_mix_options o;
    app_seeds row_classes, col_classes; // parts of o.classes
    app_render render, cols;            // of the rows and of all images; of the columns
    float *sources;                     // ws of rows, then columns [.., num_ws, w_dim]
    float *mixed;                       // [num_ws, w_dim]
    size_t count;                       // images in all
} app_mix;

typedef struct app_mixed {
    size_t row, column; // place in a sheet with the sources in its first row and column
    char name[56];      // "85-100": the seeds, or "r00-c01" of files
    const float *img;   // [channels, height, width]
    app_recipe recipe;  // its record
} app_mixed;

// APP_STOPPED: end here.
typedef app_status app_mix_use(void *user, const app_mixed *image, app_error *e);

// The options are borrowed.  A zeroed struct and one after a failure may be closed.
app_status app_mix_open(app_mix *m, atl_ctx *ctx, atl_model *model, const app_mix_options *o, app_error *e);
app_status app_mix_run(app_mix *m, app_mix_use *use, void *user, app_error *e);
void app_mix_close(app_mix *m);

#endif
