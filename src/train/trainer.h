// SPDX-License-Identifier: Apache-2.0
// The inside of a trainer, shared by the files that open it, step it and keep it.
#ifndef ATL_TRAIN_TRAINER_H
#define ATL_TRAIN_TRAINER_H

#include <atelier/train.h>
#include "run/backend.h"
#include "run/program.h"
#include "data/loader.h"
#include "train/adam.h"
#include "train/draw.h"
#include "train/ranks.h"

enum atl_train_stat_kind {
    ATL_STAT_SCORES_FAKE, ATL_STAT_SIGNS_FAKE, ATL_STAT_G_LOSS, // of G main
    ATL_STAT_PL_LENGTH, ATL_STAT_PL_PENALTY,                    // of G reg
    ATL_STAT_SCORES_REAL, ATL_STAT_SIGNS_REAL, ATL_STAT_D_LOSS, // of D main
    ATL_STAT_R1_PENALTY, ATL_STAT_D_REG,                        // of D reg
    ATL_STAT_G_GRADIENT, ATL_STAT_D_GRADIENT,                   // L2 norms of the main gradients
    ATL_STATS
};
typedef struct atl_train_sum { double count, sum, squares; } atl_train_sum;

struct atl_trainer {
    atl_ctx *ctx;
    atl_backend *backend;
    int threads; // of this process: the context's, or its share of the machine's
    atl_ranks *ranks;
    atl_train_options options; // its texts are in `texts`
    atl_arena texts;
    atl_train_cost cost;
    atl_train_phase costs[ATL_PHASES]; // those of cost.phases
    atl_train_state state;
    atl_train_stat stats[ATL_STATS];
    // data
    atl_dataset *data;   // NULL: noise
    atl_sampler *subset; // which pictures; NULL: noise
    atl_loader *loader;  // opened when the first step needs it
    atl_train_set set;
    uint8_t *pixels;            // [local, channels, height, width]
    float *reals, *real_labels; // [local, height, width, channels]; [local, label_size]
    // networks
    atl_network g, d, g_ema;
    double w_avg_beta;
    atl_adam adam_g, adam_d;
    atl_augment_config augment;
    atl_diffaug_config diffaug;
    // phases
    atl_phase phases[ATL_PHASES];
    bool has[ATL_PHASES];
    int local; // pictures of a step in this process
    atl_program *view; // the average of G from latents to images, batch_gpu at once
    void *block; // memory that the plans use in turn
    size_t block_bytes;
    float *scratch;  // for drawing
    float
        *gradient; // sum of one phase: the larger of both networks' spans, resident; then w_sum, on the host
    size_t gradient_size;        // of the resident part
    bool agreed;                 // processes have compared what they work on
    // of the adaptive augmentation, since the last change
    double sign_sum, sign_count;
};

// ---- open.c
// Fills in the defaults of cfg for a set, and checks what does not fit together.
atl_status atl_train_resolve(atl_ctx *ctx, const atl_train_set *set, int ranks, atl_train_options *o);
int atl_train_loss(const char *name); // an atl_gan_loss, or -1
int atl_phase_interval(atl_phase_kind kind);
atl_status atl_trainer_memory(atl_trainer *t); // block, loader and buffers, when the first step needs them

// ---- spans.c: memory of the host that training moves on the device
atl_status atl_trainer_hold(atl_trainer *t); // the weights of all networks, from now on
void atl_trainer_release(atl_trainer *t);    // weights and gradient
void atl_trainer_fetch(atl_trainer *t);      // before the host reads weights or moments
void atl_trainer_changed(atl_trainer *t);    // after the host changed them, all of which it had fetched

#endif
