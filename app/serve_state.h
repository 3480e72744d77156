// SPDX-License-Identifier: Apache-2.0
// What a picture is to be, as the page says it in JSON:
//
//     {"network": "ffhq.pkl", "latent": {"seed": 85}, "psi": 0.7, "noise": "const"}
//
// docs/studio-api.md has all keys.  Reading touches no file: names are looked up later.
#ifndef APP_SERVE_STATE_H
#define APP_SERVE_STATE_H

#include <jansson.h>
#include "recipe.h"

typedef enum app_spot_kind {
    APP_SPOT_SEED,
    APP_SPOT_AT, // between four seeds: seed x + 100 y, as in the official visualizer
    APP_SPOT_PIN // ws that were kept
} app_spot_kind;

typedef struct app_spot {
    app_spot_kind kind;
    uint32_t seed;
    double x, y;
    const char *pin;
} app_spot;

typedef struct app_change {
    const char *file, *name; // a direction by name or number, "" the first
    int layer, channel;      // of styles, where there is no file
    double strength;
    const char *layers; // as "4-7"; NULL: those of the direction
} app_change;

enum { APP_SPOTS = 64, APP_CHANGES = 16 };

typedef struct app_state {
    const char *network; // NULL: the first one
    const char *other;   // a network to blend with; NULL: none
    double alpha;
    app_recipe recipe;         // psi, cutoff, class, noise, move
    app_spot spots[APP_SPOTS]; // one, or the keyframes of a closed path
    size_t spots_count;
    int is_path;
    double position; // on the path, counted in keyframes
    int ease;        // atl_path_ease
    int mixes;       // layers `styles` come from `column`
    app_spot column;
    const char *styles;
    app_change changes[APP_CHANGES];
    size_t changes_count;
    const char *format; // "png", "jpg", "webp"
    int quality;
    int record; // within the picture
    int side;   // at most so many pixels wide and high; 0: as the network makes it
} app_state;

// Texts are borrowed from the JSON.  Keys that are none are refused, as are numbers out of range.
app_status app_state_read(const json_t *json, app_state *state, app_error *e);

// Whether it is one seed's picture, and which.
int app_spot_is_seed(const app_spot *spot);
uint32_t app_spot_seed(const app_spot *spot);

app_status app_spot_read(const json_t *json, app_spot *spot, app_error *e);

#endif
