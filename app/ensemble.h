// SPDX-License-Identifier: Apache-2.0
// Pictures classified together with what a generator makes of codes near theirs (Chai et al. 2021).  A folder
// of results:
//
//     ensemble.txt       the table: how many of the pictures with labels are right, alone and with each kind
//     of views ensemble.json      the same, with all weights that were tried, and how it was made
//     predictions.csv    for each picture what was said of it alone and with the views that did best
//     predictions.npz    "original" and "reconstructed" [pictures, classes], "label" [pictures] (-1: none),
//     and of each
//                        kind of views, under its name, [pictures, views, classes]
//     encoded, projected the codes, where they were found here
//
// Work that was stopped leaves partial.npz and goes on with `resume`.
#ifndef APP_ENSEMBLE_H
#define APP_ENSEMBLE_H

#include <stdint.h>
#include <atelier/ensemble.h>
#include "error.h"
#include "photos.h"

typedef struct app_ensemble_options {
    const char *network; // the generator; NULL: the one beside the encoder
    const char *net;     // which of the file; NULL: G_ema, else G
    int ignore_unused;
    const char *assume;
    const char *classifier;          // file
    atl_classifier_options classify; // its sizes and colours
    const char *const *inputs;       // files and folders
    size_t count;
    // Where codes come from: a file with one for each picture, an encoder, or a search.
    const char *latents, *encoder;
    int steps;             // of the search
    const char *loss;      // of it; NULL: LPIPS where it is here
    const char *detectors; // folder; NULL: the usual ones
    const char *labels;    // file with a class for each picture; NULL: none
    const char *kinds;     // "isotropic,pca,stylemix"
    const char *layers;    // "fine,coarse", also numbers: "8-11"
    const char *strengths; // "0.1,0.2"; NULL: those of the kind
    int views;
    uint32_t seed;
    double weight;          // of generated views; negative: chosen on pictures with labels
    double validation;      // the part of them that it is chosen on
    int crops, image_crops; // random ones of each view and of the picture itself; 1: the middle alone
    const char *components; // directions of w for pca; NULL: found here
    const char *outdir;
    int batch; // pictures of the generator at once
    int resume;
    int (*progress)(void *user, const char *what, size_t done, size_t total); // not 0 stops
    void *user;
} app_ensemble_options;

enum { APP_ENSEMBLE_ROWS = 64, APP_ENSEMBLE_NAME = 80 };

// One kind of views, and how it did.
typedef struct app_ensemble_row {
    char name[APP_ENSEMBLE_NAME]; // "isotropic-fine-0.1"
    atl_view_kind kind;
    uint64_t layers;
    double strength;
    double weight;                       // of the views, as given or chosen
    int64_t tried[ATL_ENSEMBLE_WEIGHTS]; // right on the validation part with each weight
    int64_t right_validation, right_test;
    float *views; // [photos.count, views, classes], by malloc
} app_ensemble_row;

typedef struct app_ensemble {
    atl_ctx *ctx;
    app_ensemble_options o;
    atl_model *generator, *network;
    atl_classifier *classifier;
    const atl_classifier_info *info;
    const atl_model_info *made; // of the generator
    atl_directions *components;
    app_photos photos;
    size_t row_ws, row_img, classes;
    float *ws;                // [photos.count, row_ws]
    float *original;          // [photos.count, classes]
    float *remade;            // [photos.count, classes]
    int32_t *labels;          // [photos.count]; -1: none
    unsigned char *validates; // [photos.count] 1: of the validation part
    size_t done;
    app_ensemble_row rows[APP_ENSEMBLE_ROWS];
    size_t row_count, best;
    // of pictures with labels
    int64_t validation, test;
    int64_t alone_validation, alone_test, remade_validation, remade_test; // right without views
    // work
    float *picture, *img, *views, *probabilities, *deep, *mixed;
    double saved; // seconds of the clock
} app_ensemble;

// Opens all and finds the codes.  A zeroed struct and one after a failure may be closed.
app_status app_ensemble_open(app_ensemble *a, atl_ctx *ctx, const app_ensemble_options *o, app_error *e);
void app_ensemble_close(app_ensemble *a);

// Looks at all pictures and writes the results; after it the rows are filled.
app_status app_ensemble_run(app_ensemble *a, app_error *e);

// The lines of the table, from 0 on; 0 past the last one, else 1.
enum { APP_ENSEMBLE_LINE = 160 };
int app_ensemble_line(const app_ensemble *a, size_t index, char text[APP_ENSEMBLE_LINE]);

#endif
