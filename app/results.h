// SPDX-License-Identifier: Apache-2.0
// What generated images become: a picture each, one sheet of all, or raw floats in one file.
#ifndef APP_RESULTS_H
#define APP_RESULTS_H

#include "generate.h"
#include "picture.h"

typedef enum app_format { APP_PNG, APP_JPG, APP_WEBP, APP_NPY, APP_SAFETENSORS } app_format;
#define APP_FORMAT_WORDS "png|jpg|webp|npy|safetensors"

typedef struct app_results_options {
    const char *folder; // made when missing
    app_format format;
    int quality;            // of jpg and webp
    size_t columns, lines;  // of the sheet; 0: none
    int save_ws;            // the styles, too
    int no_record;          // pictures do not say how they were made
    const char *seeds_text; // the lists as they were written, for the record of a sheet; may be NULL
    const char *class_text;
} app_results_options;

typedef struct app_results {
    app_results_options o;
    const app_generate *g;
    app_sheet sheet;
    float *img, *ws; // [count, ...], or NULL
} app_results;

// Texts are borrowed, and so is `g`.  A zeroed struct and one after a failure may be closed.
app_status app_results_open(app_results *r, const app_generate *g, const app_results_options *o,
                            app_error *e);
app_status app_results_put(app_results *r, const app_generated *image, app_error *e);
app_status app_results_finish(app_results *r, app_error *e); // what holds all of them
void app_results_close(app_results *r);

#endif
