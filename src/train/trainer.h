// SPDX-License-Identifier: Apache-2.0
// The inside of a trainer, shared by the files that open it, step it and keep it.
#ifndef ATL_TRAIN_TRAINER_H
#define ATL_TRAIN_TRAINER_H

#include <atelier/train.h>
#include "run/adam.h"
#include "run/backend.h"
#include "run/program.h"
#include "run/ranks.h"
#include "data/loader.h"
#include "data/print.h"
#include "train/draw.h"
#include "train/like.h"
#include "train/recipe.h"

enum { ATL_TRAIN_STATS = 64, ATL_TRAIN_STAGES = 24 }; // at most; two for each resolution from 4 to 4096

struct atl_trainer {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_team *team; // draws inputs
    atl_ranks *ranks;
    atl_train_options options; // its texts are in `texts`
    uint64_t derived;          // bits of the rows of the table that were left open and filled in
    atl_train_like like;
    atl_arena texts;
    atl_train_cost cost;
    atl_train_phase costs[ATL_RECIPE_PHASES]; // those of cost.phases, in the order of `phases`
    atl_train_state state;
    const atl_recipe *recipe;
    void *own;                                // the recipe's
    atl_stage stage;                          // of the last step, or of the first
    uint64_t staged;                          // pictures that were shown before that step
    atl_train_stage stages[ATL_TRAIN_STAGES]; // those of cost.stages
    // statistics: those that the phases report, in that order
    atl_train_stat stats[ATL_TRAIN_STATS];
    atl_train_sum sums[ATL_TRAIN_STATS]; // of the step in progress
    int n_stats;
    // data
    atl_dataset *data;   // NULL: noise
    atl_sampler *subset; // which pictures; NULL: noise
    atl_loader *loader;  // opened when the first step needs it
    atl_train_set set;
    atl_set_print print;        // of all pictures, whatever the subset
    float *reals, *real_labels; // [local, height, width, channels]; [local, label_size]
    atl_sample *which;          // [local] where they come from
    // networks
    atl_network g, d, g_ema;
    atl_adam adam_g, adam_d;
    float lr[ATL_TRAIN_NETS]; // Adam's, before the stage's factor
    bool augments, diffaugs;  // whether D sees through the one or the other
    atl_augment_config augment;
    atl_diffaug_config diffaug;
    // phases
    atl_phase phases[ATL_RECIPE_PHASES]; // those that this run has
    int n_phases;
    int local; // pictures of a step in this process
    atl_processes processes; // of the ranks, for what is added up within a phase
    bool alone;              // this one measures, and the others don't wait for it
    atl_program
        *view; // the average of G from latents to images, batch_gpu at once; of encoders reconstructions
    atl_program *sample; // of encoders: from latents to pictures of the generator; else NULL
    void *block; // memory that the plans use in turn
    size_t block_bytes;
    float *scratch;  // for drawing
    float *gradient; // of one phase: the larger of both networks' spans, resident; then its sum, on the host
    bool agreed;                 // processes have compared what they work on
    bool halfway;                // a step has moved weights and not ended
    // of the adaptive augmentation, since the last change
    double sign_sum, sign_count;
};

// ---- trainer.c
// The sum of all processes' numbers, of the trainer as `user`; while it measures as if they had the same.
atl_status atl_trainer_sum(void *user, float *x, size_t count);
int atl_trainer_find_stat(const atl_trainer *t, const char *name); // its place among the statistics, or -1

// ---- open.c
// As atl_trainer_open(), by a recipe; NULL: that of the cfg.
atl_status atl_trainer_open_with(atl_ctx *ctx, const atl_train_options *options, const atl_recipe *recipe,
                                 atl_trainer **trainer);
// Fills in the defaults of cfg for a set, and checks what does not fit together.
atl_status atl_train_resolve(atl_ctx *ctx, const atl_train_set *set, int ranks, atl_train_options *o);
bool atl_train_crosses(const atl_recipe *recipe,
                       const atl_train_options *o); // whether batch norms see all processes' pictures
int atl_train_loss(const char *name);           // an atl_gan_loss, or -1
int atl_train_divisor(int n, int bound);        // the largest divisor of n up to a bound, at least 1
const char *atl_train_family(const char *cfg);  // whose recipe a cfg is for; NULL: there is no such cfg
atl_status atl_trainer_memory(atl_trainer *t); // block, loader and buffers, when the first step needs them

// ---- stage.c: what a step is made with, which changes where networks grow
// The stage of a step before which so many pictures were shown: makes plans where those at hand don't fit.
atl_status atl_trainer_enter(atl_trainer *t, uint64_t images);
// Goes through all stages of the run for what they cost, and enters the first.
atl_status atl_trainer_survey(atl_trainer *t);
// Whether networks are made of other layers than before.
bool atl_stage_grows(const atl_stage *before, const atl_stage *now);
atl_status atl_trainer_mark_level(atl_trainer *t); // writes the stage's level of detail into the configs
void atl_trainer_leave(atl_trainer *t);            // releases plans, and the memory that was taken for them

// ---- spans.c: memory of the host that training moves on the device
atl_status atl_trainer_hold(atl_trainer *t); // the weights of all networks, from now on
void atl_trainer_release(atl_trainer *t);    // weights and gradient
void atl_trainer_fetch(atl_trainer *t);      // before the host reads weights or moments
void atl_trainer_changed(atl_trainer *t);    // after the host changed them, all of which it had fetched

#endif
