// SPDX-License-Identifier: Apache-2.0
// A phase: one graph with one plan that computes a loss, its gradient with respect to every trained parameter of one
// network, and the numbers that are reported.  What the phases of a family are says its recipe (recipe.h).
//
// A phase is made for a number of samples and run again and again; what changes are its inputs, each of which
// registered how it is drawn (draw.h), and the parameters, which the plan reads where they lie.
#ifndef ATL_TRAIN_PHASE_H
#define ATL_TRAIN_PHASE_H

#include <atelier/train.h>
#include "graph/plan.h"
#include "run/network.h"
#include "train/augment.h"
#include "train/diffaug.h"

typedef enum atl_train_net { ATL_TRAIN_G, ATL_TRAIN_D, ATL_TRAIN_NETS } atl_train_net;

typedef struct atl_recipe atl_recipe;
typedef struct atl_phase_row atl_phase_row;
typedef struct atl_draw atl_draw;

// The augmentation of one batch within a graph: one of both kinds.
typedef struct atl_phase_augment {
    atl_augment ada;
    atl_augment_params *ada_params; // NULL: not this kind
    atl_diffaug diff;
    atl_diffaug_params *diff_params; // NULL: not this kind
    struct atl_phase_augment *next;
} atl_phase_augment;

typedef enum atl_report_kind {
    ATL_REPORT_VALUES, // every number of the node by itself
    ATL_REPORT_SIGNS,  // their signs
    ATL_REPORT_MEAN    // one number, the mean over the samples of the run
} atl_report_kind;

typedef struct atl_report {
    const char *stat; // "Loss/scores/fake"
    atl_node *node;
    atl_report_kind kind;
    int index; // of the statistic in the trainer
} atl_report;

// A buffer of a network that a run moves: value + (buffer - value) keep.
typedef struct atl_phase_update {
    float *buffer; // in the network's span
    size_t count;
    const atl_node *value;
    float keep;
} atl_phase_update;

// What a run leaves for later ones: the other way round of a draw.
typedef struct atl_draw_run atl_draw_run;
typedef void atl_hand_reader(const atl_draw_run *run, const float *values, void *state);
typedef struct atl_hand {
    atl_node *node;
    atl_hand_reader *read;
    void *state;
} atl_hand;

enum { ATL_DRAWS = 256, ATL_REPORTS = 16, ATL_HANDS = 48 };

typedef struct atl_phase {
    atl_ctx *ctx;
    atl_backend *backend;
    const atl_phase_row *row;
    int number; // of the row in its recipe
    int n;
    atl_network *trained;
    atl_graph graph;
    atl_plan *plan;
    double gflop;    // of one run, by the direct algorithms
    atl_draw *draws; // [n_draws], in the graph's arena
    int n_draws;
    atl_phase_augment *augments; // a list
    atl_report reports[ATL_REPORTS];
    int n_reports;
    atl_hand hands[ATL_HANDS];
    int n_hands;
    int norm; // statistic of the gradient's norm; -1: none
    // Values [n] whose mean over all samples of a step must be known before the gradients can be computed: a plan of
    // their own, and that mean.  NULL: there are none.
    atl_node *ahead;
    atl_plan *ahead_plan;
    float ahead_mean;
    atl_node *loss; // [1], of which the gradients are
    atl_node *sum;  // what is added up over all samples of a step besides; NULL: nothing
    atl_phase_update *updates; // [n_updates], of both networks
    int n_updates;
    int n_grads;
    size_t *which;    // [n_grads] positions in trained->params.list
    atl_node **grads; // [n_grads] of those shapes; NULL: zero
} atl_phase;

// What phases are made of.
typedef struct atl_phase_setup {
    atl_network *networks[ATL_TRAIN_NETS];
    const atl_train_options *options;  // with all defaults filled in
    float lod;                         // level of detail of both networks, where they grow
    void *own;                         // the trainer's, of its recipe
    const atl_processes *processes;    // whose batches norms see together; NULL: each its own
    bool whole;                        // a run of a phase has all samples of a step
    const atl_augment_config *augment; // NULL: none
    const atl_diffaug_config *diffaug; // NULL: none
} atl_phase_setup;

// Row `number` of the recipe for n samples.  The plan has no block of its own: lend it one of atl_phase_bytes()
// (atl_plan_attach).  Networks must outlive the phase.
atl_status atl_phase_make(atl_ctx *ctx, atl_backend *backend, const atl_recipe *recipe, int number, int n,
                          const atl_phase_setup *setup, atl_phase *phase);
void atl_phase_clear(atl_phase *phase); // accepts one that is all zeros

// Runs, and adds scale * gradient to `sum`, a resident span of trained->params.total floats in the parameters'
// layout.
atl_status atl_phase_run(atl_phase *phase, float scale, float *sum);

// What layers that work as in training keep of the last run, into the networks' buffers.
atl_status atl_phase_move_buffers(const atl_phase *phase);

size_t atl_phase_bytes(const atl_phase *phase); // of the block that its plans need
size_t atl_phase_sum_size(const atl_phase *phase); // numbers of phase->sum, 0 without one
size_t atl_phase_room(const atl_phase *phase); // floats of the largest thing that is drawn or reported

// ---- what a loss builds with

typedef struct atl_phase_builder {
    atl_phase *phase;
    atl_graph *g;
    int n; // samples
    const atl_phase_setup *setup;
    const atl_train_options *o;
    atl_net nets[ATL_TRAIN_NETS];
    atl_status status; // of what went wrong outside the graph
} atl_phase_builder;

// The mean [1] of `values` [n] over all samples of a step, of all parts and processes: no gradient flows through it.  A
// phase can ask for one; it costs a second run of what the values depend on.  Where setup->whole is true, the mean
// over the run is the same, without that cost and with a gradient.
atl_node *atl_phase_mean_ahead(atl_phase_builder *b, const char *name, atl_node *values);

// What is handed back after each run, but not while it is measured.
void atl_phase_hand(atl_phase_builder *b, atl_node *node, atl_hand_reader *read, void *state);

// What is told of a run, in the sums of the step.
void atl_phase_report(atl_phase_builder *b, const char *stat, atl_node *node, atl_report_kind kind);

#endif
