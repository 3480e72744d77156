// SPDX-License-Identifier: Apache-2.0
// The inside of a projector, shared by the files that open it, start it, step it and keep it.
//
// What is moved lies in a store of parameters of its own ("latent", "noise.0", ...), as if it were a network
// that is trained; what stays during a search (targets, masks, their terms) in a second one.  Plans read both
// where they lie, so that nothing is written before a step but the noise on latents.
//
// In the space s the search starts from w ("base"), which stays, and the latent is what is added to the
// styles that the layers make of it, 0 at first.  So the noise of a step is that of w, as the styles show it.
#ifndef ATL_EDIT_PROJECT_H
#define ATL_EDIT_PROJECT_H

#include <atelier/directions.h>
#include <atelier/project.h>
#include "edit/likeness.h"
#include "edit/maps.h"
#include "edit/stores.h"
#include "graph/plan.h"
#include "run/adam.h"

typedef enum atl_space { ATL_SPACE_W, ATL_SPACE_W_PLUS, ATL_SPACE_Z, ATL_SPACE_S } atl_space;

// Plans that run in turn in one block.  Pictures, distances and the terms of targets come from the first part
// of a step: plans of their own would hold the transformed weights of two networks once more.
typedef enum atl_projector_plan { ATL_PROJECT_STEP, ATL_PROJECT_WS, ATL_PROJECT_PLANS } atl_projector_plan;

// Unit normal numbers on the latents of a step, [rows, width] for each sample.
typedef void atl_projector_jitter(void *user, int step, size_t count, float *out);

// Positions in fixed.list.
typedef struct atl_fixed {
    // [n, jitter_rows, jitter_width]; [n, h, w, c]; [1, h, w, 1]; [n, c_dim]; [n, num_ws, w_dim]
    size_t jitter, target, mask, label, base;
    bool has_label, has_base;
} atl_fixed;

// In moved.list: the latent, then the maps.
enum { ATL_LATENT, ATL_FIRST_MAP };

struct atl_projector {
    atl_ctx *ctx;
    atl_backend *backend;
    const atl_network *generator;
    atl_likeness likeness;
    atl_project_options o; // with all defaults filled in
    atl_space space;
    atl_arena texts;
    atl_maps maps;
    int64_t rows, width; // of a latent: [n, rows, width]
    int64_t jitter_rows, jitter_width; // of the noise on it
    atl_style_info *styles;            // of the space s: a latent has the moves of all, one behind the other
    int n_styles;

    atl_params moved, fixed, wanted; // wanted: the terms of the targets
    atl_fixed at;
    atl_adam adam;
    float *gradient; // of moved's layout; resident

    atl_graph graph;
    atl_node *ws, *img;                  // [n, num_ws, w_dim]; [n, h, w, c]
    atl_node *distance, *penalty, *loss; // [n]; penalty NULL: no maps are found
    atl_terms terms;                     // of the picture
    atl_node *grads[1 + ATL_PORTS]; // of moved.list
    atl_plan *plans[ATL_PROJECT_PLANS];
    void *block;
    size_t block_bytes;

    atl_project_state state;
    double *numbers; // [4, n]: those of the state, and the spread of each sample's latents
    uint64_t print;  // of what was begun with
    bool begun;
    atl_projector_jitter *draw;
    void *draw_user;
};

// The generator and the likeness's network outlive the projector; texts of the options are copied.
atl_status atl_projector_make(const atl_network *generator, atl_backend *backend,
                              const atl_likeness *likeness, const atl_project_options *options,
                              atl_projector **projector);

atl_status atl_projector_run(atl_projector *p, atl_projector_plan plan);
// A result of the plan that ran last.
atl_status atl_projector_get(const atl_projector *p, atl_projector_plan plan, const atl_node *node,
                             float *values);
// Without noise on the latents, the distance of each sample.
atl_status atl_projector_measure(atl_projector *p, double *distance);

#endif
