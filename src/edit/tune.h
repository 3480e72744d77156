// SPDX-License-Identifier: Apache-2.0
// The inside of a tuner, shared by the files that open it and step it.
//
// The tuned network is a copy that varies; the generator stays as it is and says, at random places near the
// pivots, what pictures were before (the locality regulariser of Roich et al. 2021, section 3.2).
#ifndef ATL_EDIT_TUNE_H
#define ATL_EDIT_TUNE_H

#include <atelier/project.h>
#include "edit/likeness.h"
#include "edit/maps.h"
#include "edit/stores.h"
#include "graph/plan.h"
#include "run/adam.h"
#include "run/truncate.h"

// Plans that run in turn in one block.
typedef enum atl_tuner_plan {
    ATL_TUNE_STEP,
    ATL_TUNE_TARGET, // the terms of the targets
    ATL_TUNE_BEFORE, // the terms of what the generator makes near the pivots
    ATL_TUNE_PLANS
} atl_tuner_plan;

// Positions in fixed.list: [n, h, w, c]; [n, num_ws, w_dim]; [1, num_ws, w_dim]
enum { ATL_TUNE_PICTURE, ATL_TUNE_WS, ATL_TUNE_NEAR };

struct atl_tuner {
    atl_ctx *ctx;
    atl_backend *backend;
    const atl_network *generator;
    atl_network tuned;
    atl_programs programs; // of the generator: its mapping
    atl_w_mean mean;
    atl_likeness likeness;
    atl_tune_options o; // with all defaults filled in
    atl_arena texts;
    atl_maps maps;

    atl_params fixed, wanted; // wanted: the terms of targets, then those near the pivots
    atl_adam adam;
    float *gradient;  // of tuned.params' layout; resident
    size_t *which;    // [n_grads] positions in tuned.params.list, in the graph's arena
    atl_node **grads; // [n_grads]
    int n_grads;

    atl_graph graph;
    atl_node *img, *distance, *perceptual, *locality, *loss; // [n, h, w, c]; [n]; [n]; [1]; [1]
    atl_terms target_terms, before_terms;
    atl_plan *plans[ATL_TUNE_PLANS];
    void *block;
    size_t block_bytes;

    int count;           // pivots
    float *targets, *ws; // [count, h, w, c], [count, num_ws, w_dim]
    double *perceived;   // [count] as they were seen last; below 0: not yet
    uint64_t print;      // of what was begun with
    int shown;           // the first pivot of those in the graph; -1: none
    atl_tune_state state;
};

// The generator and the likeness's network outlive the tuner.
atl_status atl_tuner_make(const atl_network *generator, atl_backend *backend, const atl_likeness *likeness,
                          const atl_tune_options *options, atl_tuner **tuner);

#endif
