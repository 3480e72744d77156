// SPDX-License-Identifier: Apache-2.0
// Training: StyleGAN2 and StyleGAN2-ADA from a set of pictures.
//
//     atl_train_options o = ATL_TRAIN_OPTIONS_INIT;
//     o.data = "faces-256.zip";
//     atl_trainer_open(ctx, &o, &t);
//     while (atl_trainer_get_state(t)->images < 1000 * kimg)
//         atl_trainer_step(t, &stats);
//     atl_trainer_save(t, "snapshot.safetensors");
//
// A step is one iteration of the official loop (Karras et al. 2020, "Analyzing and improving the image quality of
// StyleGAN" and "Training generative adversarial networks with limited data"): a main step of G, path length
// regularisation every 4th time, a main step of D, R1 every 16th time.  All random numbers are functions of the seed
// and of the number of the iteration, so a run that is resumed from a snapshot goes on bit for bit, and several
// processes make the steps of one.
#ifndef ATELIER_TRAIN_H
#define ATELIER_TRAIN_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/dataset.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum atl_aug { ATL_AUG_ADA, ATL_AUG_FIXED, ATL_AUG_NONE, ATL_AUG_DIFF } atl_aug;

// Zero (or NULL, or negative where zero means something) stands for the default of `cfg`; atl_trainer_get_options()
// has the numbers that were chosen.
typedef struct atl_train_options {
    size_t size;          // sizeof(atl_train_options), set by ATL_TRAIN_OPTIONS_INIT
    const char *data;     // folder, .zip or another source of pictures; borrowed while opening
    int resolution;       // when data is NULL: noise of that size takes the place of pictures, to measure
    const char *cfg;      // "auto", "stylegan2", "paper256", "paper512", "paper1024", "cifar"
    int cond;             // 1: use the labels
    size_t subset;        // train on so many pictures, chosen by the seed; 0: all
    int mirror;           // 1: each picture twice, once flipped from left to right
    int batch;            // pictures of a step, over all processes
    int batch_gpu;        // pictures that a process handles at once; the rest follows in turn
    double kimg;          // length of the run in thousands of pictures
    double tick;          // kimg from one record to the next; this, kimg and snap are only kept with the others
    int snap;             // ticks from snapshot to snapshot; 0: only at the end
    double gamma;         // weight of R1; negative: default
    double glr, dlr;      // learning rates
    int map_depth;        // layers of the mapping network
    int mbstd_group;      // pictures whose standard deviation D sees
    int channel_base, channel_max;
    double ema_kimg, ema_rampup; // half-life of the average of G; negative ramp-up: none
    double pl_weight;     // path length; negative: default
    double style_mixing_prob; // negative: default
    const char *loss;     // "logistic", "logistic-saturating", "wgan", "wgan-gp", "hinge"
    double r2_gamma;      // weight of R2
    atl_aug aug;
    double p;             // probability of augmentations with ATL_AUG_FIXED
    double target;        // of the sign of D's scores for real pictures, with ATL_AUG_ADA
    double ada_kimg;      // time in which p can go from 0 to 1
    const char *augpipe;  // "bgc" and so on; with ATL_AUG_DIFF policies: "color,translation,cutout"
    int freezed;          // layers of D that aren't trained, from the highest resolution on
    uint32_t seed;
    int workers;          // threads that read pictures
    double stall_seconds; // several processes: how long to wait for one that doesn't answer; 0: 600
    int keep_threads;     // several processes: 1: each has the context's number of threads, else its share of the
                          // processors
} atl_train_options;
#define ATL_TRAIN_OPTIONS_INIT                                                                                    \
    {                                                                                                             \
        sizeof(atl_train_options), NULL, 0, "auto", 0, 0, 0, 0, 0, 0.0, 4.0, 50, -1.0, 0.0, 0.0, 0, 0, 0, 0, 0.0,    \
            0.0, -1.0, -1.0, "logistic", 0.0, ATL_AUG_ADA, 0.0, 0.6, 500.0, "bgc", 0, 0, 3, 0.0, 0                \
    }

typedef struct atl_trainer atl_trainer;

// Opens the set and makes the networks and the plans of the four phases, but takes no memory for running them yet.
// On failure *trainer is NULL.  Names the picture, option or label that does not fit.
ATL_API atl_status atl_trainer_open(atl_ctx *ctx, const atl_train_options *options, atl_trainer **trainer);
// failed: another process must not be waited for.
ATL_API void atl_trainer_close(atl_trainer **trainer, int failed);

ATL_API const atl_train_options *atl_trainer_get_options(const atl_trainer *trainer); // with all defaults filled in
// The same with the configs of both networks and of the set, as JSON text, freed with atl_text_free().
ATL_API atl_status atl_trainer_describe(atl_trainer *trainer, char **json);

// What a run will cost.
typedef struct atl_train_phase_cost {
    const char *name;     // "Gmain", "Greg", "Dmain", "Dreg"; NULL: this run has no such phase
    int interval;         // every so many steps
    int batch;            // samples of one run of the plan
    int runs;             // of the plan, in one step of this process
    double gflop;         // of one run, by the direct algorithms
    size_t bytes;         // memory of one run
    double ms;            // of one run, after atl_trainer_measure(); else 0
} atl_train_phase_cost;

enum { ATL_TRAIN_PHASES = 4 };
typedef struct atl_train_cost {
    int64_t g_params, d_params;
    size_t bytes;         // weights, moments, gradients, the average, and the largest phase
    size_t available;     // memory that the system can give
    atl_train_phase_cost phases[ATL_TRAIN_PHASES];
    double sec_per_kimg;  // after atl_trainer_measure(); else 0
} atl_train_cost;
ATL_API const atl_train_cost *atl_trainer_get_cost(const atl_trainer *trainer);
// Runs each phase `runs` times without any effect on the networks and takes the median times.
ATL_API atl_status atl_trainer_measure(atl_trainer *trainer, int runs);

// ---- running

typedef struct atl_train_state {
    uint64_t iteration, images; // steps and pictures so far
    double augment_p;
    int augment_bounded;        // p was to go beyond 1 and was kept there
    double pl_mean;
    int rank, ranks;            // of this process, and how many there are
} atl_train_state;
ATL_API const atl_train_state *atl_trainer_get_state(const atl_trainer *trainer);

// Sums over the samples of a step, over all processes.
typedef struct atl_train_sum { double count, sum, squares; } atl_train_sum;
enum atl_train_stat {
    ATL_STAT_SCORES_FAKE, ATL_STAT_SIGNS_FAKE, ATL_STAT_G_LOSS, // of G main
    ATL_STAT_PL_LENGTH, ATL_STAT_PL_PENALTY,                    // of G reg
    ATL_STAT_SCORES_REAL, ATL_STAT_SIGNS_REAL, ATL_STAT_D_LOSS, // of D main
    ATL_STAT_R1_PENALTY, ATL_STAT_D_REG,                        // of D reg
    ATL_STAT_G_GRADIENT, ATL_STAT_D_GRADIENT,                   // L2 norms of the main gradients
    ATL_STATS
};
// "Loss/scores/fake", as the official trainers call it.
ATL_API const char *atl_train_stat_name(enum atl_train_stat stat);
typedef struct atl_train_stats {
    atl_train_sum stats[ATL_STATS];
    double seconds[ATL_TRAIN_PHASES]; // that each phase took in this process; 0: it was not its turn
} atl_train_stats;

// One step.  Adds to *stats (may be NULL); the caller clears it.
ATL_API atl_status atl_trainer_step(atl_trainer *trainer, atl_train_stats *stats);

// *flag becomes 1 in all processes when it is not 0 in one.
ATL_API atl_status atl_trainer_any(atl_trainer *trainer, int *flag);

// n images of the average of G from latents z [n, z_dim], labels c [n, c_dim] or NULL, with the stored noise ->
// [n, channels, height, width].
ATL_API atl_status atl_trainer_generate(atl_trainer *trainer, int n, const float *z, const float *c, float *images);
ATL_API int atl_trainer_z_dim(const atl_trainer *trainer);
typedef struct atl_train_set {
    size_t count;
    int width, height, channels, label_size;
    const char *name;
} atl_train_set;
// count is that of the subset, without mirroring.
ATL_API const atl_train_set *atl_trainer_get_set(const atl_trainer *trainer);
ATL_API atl_dataset *atl_trainer_get_data(atl_trainer *trainer); // borrowed; NULL: noise

// ---- keeping

// All of a run: G, D, G_ema, moments of both optimisers, averages, augmentation, position.  Written beside `path`,
// then renamed.  A checkpoint like any other: generate and the rest open its G_ema.
ATL_API atl_status atl_trainer_save(atl_trainer *trainer, const char *path);
// Goes on from a file of atl_trainer_save(): exactly, when all options are the same.  Networks of other shapes are an
// error that names the tensor.
ATL_API atl_status atl_trainer_restore(atl_trainer *trainer, const char *path);
// The options that a snapshot was made with, as JSON text (names as in `atelier train --help`), freed with
// atl_text_free().  *json is NULL when the file holds networks alone.
ATL_API atl_status atl_train_snapshot_options(atl_ctx *ctx, const char *path, char **json);

// Transfer learning: takes what fits by name and shape from the G, D and G_ema of any checkpoint and calls `report`
// (may be NULL) for each tensor.
typedef enum atl_transfer {
    ATL_TRANSFER_USED,
    ATL_TRANSFER_SHAPE,   // it has another shape here
    ATL_TRANSFER_MISSING, // the file has none: starts anew
    ATL_TRANSFER_EXTRA    // the network has none
} atl_transfer;
ATL_API atl_status atl_trainer_transfer(atl_trainer *trainer, const char *path,
                                void (*report)(void *user, atl_transfer what, const char *net, const char *tensor),
                                void *user);

#ifdef __cplusplus
}
#endif
#endif
