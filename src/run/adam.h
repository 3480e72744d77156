// SPDX-License-Identifier: Apache-2.0
// What happens to weights outside the graph: Adam or Ranger over one span, and moving averages of weights.
// Spans are those of atl_params; parts of them are parameters.  The loops are the backend's
// (graph/backend.h): pointers here are those of the host, of spans that are resident (graph/resident.h).
#ifndef ATL_RUN_ADAM_H
#define ATL_RUN_ADAM_H

#include "graph/backend.h"
#include "nn/params.h"

typedef struct atl_adam_options {
    float lr, beta1, beta2, eps;
    bool ranger; // instead of Adam
    // Of the parameters that are marked: each step first takes lr * decay of their values (Loshchilov and
    // Hutter 2019, "Decoupled weight decay regularization").
    float decay;
} atl_adam_options;

// StyleGAN's: betas 0 and 0.99, eps 1e-8 (Karras et al. 2018, appendix A.1).
#define ATL_ADAM_OPTIONS_INIT                                                                                \
    { 0.0025f, 0.0f, 0.99f, 1e-8f, false, 0.0f }

// Ranger: Adam whose step is rectified (Liu et al. 2020, "On the variance of the adaptive learning rate and
// beyond"), on gradients without their mean over all dims but the first (Yong et al. 2020, "Gradient
// centralization"); every sixth step slow weights go half the way, and the weights with them (Zhang et al.
// 2019, "Lookahead optimizer").  The numbers are those that the encoders of the pSp line are trained with.
#define ATL_RANGER_OPTIONS_INIT                                                                              \
    { 1e-4f, 0.95f, 0.999f, 1e-5f, true, 0.0f }

// Lazy regularisation (Karras et al. 2020, appendix B): a loss that is added every k-th iteration only makes k + 1
// steps out of k.  With c = k / (k + 1): lr * c and betas ^ c.
atl_adam_options atl_adam_lazy(atl_adam_options o, int interval);

// A parameter: where it is in the span, and how many steps it has made.  One that had no gradient in a step
// keeps its count, so that its bias correction stays right.
typedef struct atl_adam_part {
    size_t first, count;
    size_t rows; // of a parameter of several dims; else 0
    uint64_t steps;
    bool decays;
} atl_adam_part;

typedef struct atl_adam {
    atl_backend *backend;
    atl_adam_options options;
    float *m, *v;     // first and second moments [total], of the span's layout; resident
    float *slow;      // Ranger's slow weights [total], resident; else NULL
    uint64_t version; // of all
    size_t total;
    atl_adam_part *parts;   // of params->list, in that order
    size_t n_parts;
} atl_adam;

// For the parameters of a store.  Buffers are parts too; whoever steps leaves them out.
atl_status atl_adam_init(atl_adam *a, atl_backend *backend, const atl_params *params,
                         const atl_adam_options *options);
void atl_adam_clear(atl_adam *a); // accepts one that is all zeros
void atl_adam_restart(atl_adam *a); // as if no step had been made

// One step of part `index`: w and gradient are the whole spans.  The part's gradient is made finite first:
// NaN to 0, infinities to +-1e5.
void atl_adam_step(atl_adam *a, size_t index, float *w, float *gradient);

// Moments between device and host: the host's are old after a step, the device's after a change on the host.
void atl_adam_fetch(atl_adam *a);
void atl_adam_changed(atl_adam *a);

// Weight of the old average in one step: 0.5 ^ (batch / half-life), with a half-life of kimg thousand images and
// at most `rampup` of the images shown so far (0: no ramp).
float atl_ema_beta(double batch, double kimg, double rampup, double images);

// average = w + (average - w) * beta for parameters, and with a beta of their own for buffers, mostly 0. Both
// stores hold the same network; a name or size that differs is an error.
atl_status atl_ema_update(atl_backend *b, atl_params *average, const atl_params *w, float beta,
                          float buffers);

#endif
