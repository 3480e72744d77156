// SPDX-License-Identifier: Apache-2.0
// The four phases of an iteration, each one graph with one plan: a loss, its gradient with respect to every
// trained parameter of one network, and the numbers that are reported.
//
//   G main   loss of G on D(augment(G(z)))               every iteration
//   G reg    path length regularisation                   every 4th
//   D main   loss of D on generated and real pictures     every iteration
//   D reg    R1 (and R2) through the augmentation         every 16th
//
// A phase is made for a number of samples and run again and again; what changes are its inputs (draw.h) and
// the parameters, which the plan reads where they lie.
#ifndef ATL_TRAIN_PHASE_H
#define ATL_TRAIN_PHASE_H

#include "graph/plan.h"
#include "run/network.h"
#include "train/augment.h"
#include "train/diffaug.h"

typedef enum atl_phase_kind {
    ATL_PHASE_G_MAIN,
    ATL_PHASE_G_REG,
    ATL_PHASE_D_MAIN,
    ATL_PHASE_D_REG,
    ATL_PHASES
} atl_phase_kind;

const char *atl_phase_name(atl_phase_kind kind); // "Gmain", "Greg", "Dmain", "Dreg"

typedef enum atl_gan_loss {
    ATL_GAN_LOGISTIC, // non-saturating
    ATL_GAN_LOGISTIC_SATURATING,
    ATL_GAN_WGAN,    // with the drift term
    ATL_GAN_WGAN_GP, // and the gradient penalty
    ATL_GAN_HINGE,
    ATL_GAN_LOSSES
} atl_gan_loss;

typedef struct atl_phase_options {
    int batch; // samples of one run
    atl_gan_loss loss;
    float r1_gamma, r2_gamma; // 0: none
    float pl_weight;
    int pl_shrink;                     // G reg takes batch / pl_shrink samples, at least 1
    bool mixing;                       // style mixing regularisation
    int freeze_d;                      // so many layers of D, from the highest resolution on, are not trained
    const atl_augment_config *augment; // NULL: none
    const atl_diffaug_config *diffaug; // NULL: none
} atl_phase_options;

// The augmentation of one batch within a graph: one of both kinds, or none.
typedef struct atl_phase_augment {
    atl_augment ada;
    atl_augment_params *ada_params; // NULL: none
    atl_diffaug diff;
    atl_diffaug_params *diff_params; // NULL: none
} atl_phase_augment;

typedef struct atl_phase {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_phase_kind kind;
    atl_network *g, *d, *trained;
    int n;
    atl_graph graph;
    atl_plan *plan;
    double gflop; // of one run, by the direct algorithms
    // inputs; NULL where the phase has none
    atl_node *z, *z_mix, *c;      // [n, z_dim] twice; labels of generated pictures [n, c_dim]
    atl_node *mix;                // [1, num_ws, 1]: 1 where a layer takes its w from z_mix
    atl_node *real, *real_c;      // [n, h, w, c]; [n, c_dim]
    atl_node *pl_noise, *pl_mean; // [n, h, w, c]; [1]
    atl_node *between;            // [n]: shares of the generated picture in mixed ones (gradient penalty)
    atl_port asked[ATL_PORTS];    // what networks asked for besides: noise maps in order of layers, settings
    int n_asked;
    atl_phase_augment fake_augment, real_augment, mix_augment;
    // results; NULL where the phase has none
    atl_node *loss;                      // [1], of which the gradients are
    atl_node *fake_scores, *real_scores; // [n, 1]
    atl_node *penalties;                 // [n]: squared norms of R1
    atl_node *lengths;                   // [n]: path lengths
    atl_node *w_sum;                     // [w_dim]: sum of w over the samples
    int n_grads;
    size_t *which;    // [n_grads] positions in trained->params.list
    atl_node **grads; // [n_grads] of those shapes; NULL: zero
} atl_phase;

// The plan has no block of its own: lend it one of atl_plan_bytes() (atl_plan_attach).  Networks must
// outlive the phase.
atl_status atl_phase_make(atl_ctx *ctx, atl_backend *backend, atl_phase_kind kind, atl_network *g,
                          atl_network *d, const atl_phase_options *options, atl_phase *phase);
void atl_phase_clear(atl_phase *phase); // accepts one that is all zeros

// Runs, and adds scale * gradient to `sum`, a resident span of trained->params.total floats in the
// parameters' layout.
atl_status atl_phase_run(atl_phase *phase, float scale, float *sum);

// Whether parameter `name` belongs to the first `layers` layers of a discriminator, counted from the picture
// on (Mo et al. 2020, "Freeze the discriminator").  The last block never does.
bool atl_layer_frozen(const atl_network *d, const char *name, int layers);

#endif
