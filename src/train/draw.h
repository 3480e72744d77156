// SPDX-License-Identifier: Apache-2.0
// Inputs of phases that register how they are drawn.  Every number is a function of the seed, the iteration, the
// phase, the place of the input among the phase's inputs and the sample's number within the batch of all processes: it
// does not matter who draws it, nor when.
#ifndef ATL_TRAIN_DRAW_H
#define ATL_TRAIN_DRAW_H

#include "base/team.h"
#include "train/phase.h"

// What the inputs of one run depend on.
struct atl_draw_run {
    const atl_trainer *trainer;
    int phase; // its number in the recipe
    uint64_t seed, iteration;
    uint64_t first, step; // sample i of the run is number first + i * step of the batch
    size_t local;         // number of the first sample among those of this process
    int n;
    int turn;       // of a part of the batch, from 0 on
    atl_team *team; // that draws
};

// Brings one input up to date: values go through `room` (of the input's size) into the plan.
typedef void atl_draw_writer(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room);

struct atl_draw {
    const char *name;
    atl_node *input; // NULL: the writer has inputs of its own
    atl_draw_writer *write;
    const void *state; // for the writer
    int purpose;       // which of the phase's streams is its own
};

// ---- registering; all shapes begin with the number of samples, unless said otherwise

atl_node *atl_draw_normal(atl_phase_builder *b, const char *name, atl_shape shape);  // N(0, 1)
atl_node *atl_draw_uniform(atl_phase_builder *b, const char *name, atl_shape shape); // U(0, 1)
atl_node *atl_draw_real(atl_phase_builder *b, const char *name);                     // pictures [n, h, w, c]
// Labels [n, c_dim] of those pictures; of random pictures of the set, for generated ones.  NULL: no labels.
atl_node *atl_draw_real_label(atl_phase_builder *b, const char *name);
atl_node *atl_draw_label(atl_phase_builder *b, const char *name);
// What lies at `values` when the phase runs; the shape may be any.
atl_node *atl_draw_state(atl_phase_builder *b, const char *name, atl_shape shape, const float *values);
// The part of the stage's level of detail behind the point, [1].
atl_node *atl_draw_fade(atl_phase_builder *b, const char *name);
// A way of one's own; the shape may be any.
atl_node *atl_draw_with(atl_phase_builder *b, const char *name, atl_shape shape, atl_draw_writer *write,
                        const void *state);
// What a network's function asked for and nobody had bound: noise maps are normal, settings have their own value, but
// "fade" that of the stage.
void atl_draw_asked(atl_phase_builder *b, const atl_call *call);
// img [n, h, w, c] as D sees it, with the run's augmentation.
atl_node *atl_draw_augmented(atl_phase_builder *b, atl_node *img);

// ---- drawing

uint64_t atl_draw_stream(const atl_draw_run *run, const atl_draw *d);
void atl_draw_inputs(const atl_draw_run *run, const atl_phase *phase, atl_plan *plan, float *room);
atl_draw *atl_draw_find(const atl_phase *phase, const char *name); // NULL: there is none

#endif
