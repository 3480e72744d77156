// SPDX-License-Identifier: Apache-2.0
// Metrics: how good a generator, or a set of generated pictures, is beside real pictures.
//
//     atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
//     o.network = "network-snapshot-000200.safetensors";
//     o.data = "faces-256.zip";
//     o.metrics = "swd16k,msssim20k";
//     atl_metrics_open(ctx, &o, &m);
//     while (!atl_metrics_get_state(m)->finished)
//         atl_metrics_step(m);
//     const atl_metric_result *r = atl_metrics_get_results(m, &count);
//
// Definitions are those of the papers and the official codes.  Everything random is a function of the seed
// and of a sample's number: results don't depend on batch, threads or processes.  docs/metrics.md tells of
// each metric.
#ifndef ATELIER_METRICS_H
#define ATELIER_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include <atelier/ranks.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_metrics atl_metrics;

typedef struct atl_metrics_state {
    const char *what;    // is done now: "pictures of faces-256", "ppl2_wend"
    int64_t done, total; // of its steps
    int task, tasks;     // it is number `task` of so many, from 0; -1: while the measurement is opened
    int finished;        // 1: all results are there
} atl_metrics_state;

// Texts are borrowed while opening.
typedef struct atl_metrics_options {
    size_t size;               // sizeof(atl_metrics_options), set by ATL_METRICS_OPTIONS_INIT
    const char *metrics;       // names with commas, "fid50k_full,kid10k"; NULL: those that need no detector
    const char *network;       // a checkpoint with a generator, or
    const char *fakes;         // pictures in its place: a folder or a .zip
    const char *data;          // what is compared with, and where labels are drawn from; NULL: nothing
    const atl_model_options *model; // how the network is opened; NULL: as usual
    int64_t num;               // pictures in place of the number in each name; 0: as the names say
    int mirror;                // 1: flipped pictures of the data, too, where not all are taken
    float truncation_psi;      // 1: none
    int truncation_cutoff;     // 0: every layer
    int class_index;           // of all generated pictures; -1: labels are drawn from the data
    atl_noise_mode noise_mode; // of pictures: random, as in the official codes, const or none
    uint32_t seed;
    int batch;                 // pictures at once; 0: 64.  It changes memory and speed alone
    // Which files hold the detector of a role, "inception" or "lpips-vgg": *path, and *heads where a second
    // file belongs to it, else NULL.  Returns NULL, or a sentence that says why there is none.  NULL: no
    // detectors.
    const char *(*find_detector)(void *user, const char *role, const char **path, const char **heads);
    void *user;
    const char *resize;        // before Inception: "tf", as the official codes, or "torch", as FID's port for
                               // PyTorch; NULL: "tf"
    const char *cache;         // folder where features of the data are kept for the next time; NULL: they
                               // are not
    const char *save_features; // file for the features of generated pictures, .npz; NULL: none
    const char *real_features; // features or statistics in place of the data's: .npz, or a cache of the
                               // official codes; NULL: none
    int reference_order;       // 1: latents, labels and noise of pictures are those that the official code
                               // draws in one process on a processor after PyTorch and NumPy were seeded
    atl_ranks *ranks;          // processes that share the work; NULL: this one alone
    // Asked now and then while a call computes for long, as at the end of a metric; not 0: the call fails
    // with ATL_CANCELLED, and a measurement that was open can go on.  `user` is that of find_detector.  NULL:
    // nobody is asked.
    int (*stop)(void *user, const atl_metrics_state *state);
    // Codes of a network's pictures [code_count, num_ws, w_dim], borrowed while the metrics are open: in
    // place of random latents it is given what lies between two of them, chosen by chance, anywhere on the
    // line.  So FID tells whether codes can be edited.  For metrics of pictures alone; truncation is left to
    // the codes.  NULL: none.
    const float *codes;
    int64_t code_count, code_size; // 2 at least; num_ws * w_dim, for a check
} atl_metrics_options;
#define ATL_METRICS_OPTIONS_INIT                                                                             \
    {                                                                                                        \
        sizeof(atl_metrics_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 1.0f, 0, -1, ATL_NOISE_RANDOM, 0,   \
            0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, 0                                 \
    }

// Opens the network and the sets, and finds out what there is to do; computes nothing yet.  Names the metric
// that can't be had and what it lacks.  On failure *metrics is NULL.
//
// Of several processes all make each of these calls, with the same options.  A failure of one is one of all,
// with its sentence.  The first process alone has results, keeps and writes; numbers are those of one
// process.
ATL_API atl_status atl_metrics_open(atl_ctx *ctx, const atl_metrics_options *options, atl_metrics **metrics);
ATL_API void atl_metrics_close(atl_metrics **metrics);

ATL_API const atl_metrics_state *atl_metrics_get_state(const atl_metrics *metrics);

// The next batch, or the arithmetic at the end of a metric.  Nothing when all is finished.
ATL_API atl_status atl_metrics_step(atl_metrics *metrics);

typedef struct atl_metric_value {
    const char *name; // "fid50k_full", "pr50k3_full_recall", as the official codes call it
    double value;
    double error; // standard error; NAN: not known
} atl_metric_value;

enum { ATL_METRIC_VALUES = 16 };

typedef struct atl_metric_result {
    const char *metric; // as it was asked for: "fid50k_full"
    const atl_metric_value *values;
    int count;
    const char *method;   // of the errors: "jackknife over 100 parts of the pictures"
    const char *how;      // what else decides the number: detector, resize, noise; may be ""
    int64_t fakes, reals; // pictures that it is of; 0: none
    double seconds;       // of this metric alone and its share of what several have in common
} atl_metric_result;

// Those that are there so far, in the order of their names in the options.  Of several processes the first
// one has them.
ATL_API const atl_metric_result *atl_metrics_get_results(const atl_metrics *metrics, int *count);

// What has been measured so far, to go on another day: written beside `path`, then renamed.  Of several
// processes the first one writes; others need not call it.
ATL_API atl_status atl_metrics_save(atl_metrics *metrics, const char *path);
// Goes on from a file of atl_metrics_save(), before the first step.  Other metrics, pictures, networks or
// options than it was saved with are an error that says what differs.
ATL_API atl_status atl_metrics_restore(atl_metrics *metrics, const char *path);

// The metrics there are, in the order of the documents.
typedef struct atl_metric_info {
    const char *name;     // with the usual number of pictures: "fid50k_full"
    const char *about;    // "Frechet distance of Inception features to those of all data"
    const char *detector; // role of the detector that it needs, or of the first of them, "classifier-00", of
                          // forty; NULL: none
    int higher;           // 1: higher is better, -1: lower, 0: what the data's pictures have
    int data, network;    // 1: it needs data; a network rather than pictures
} atl_metric_info;
ATL_API int atl_metric_get_info(size_t index, atl_metric_info *info); // 0: past the last one
// Of a metric with any number of pictures; 0: there is none of that name.  info->name has the usual number.
ATL_API int atl_metric_find(const char *name, atl_metric_info *info);

// ---- pairs of pictures that show the same thing: a picture and its reconstruction, before an edit and after

typedef struct atl_pairs_options {
    size_t size;         // sizeof(atl_pairs_options)
    int side;            // both are made so large, as Pillow does it bilinearly; 0: 256
    atl_model *lpips;    // NULL: without
    atl_model *identity; // a network that tells faces, of aligned pictures; NULL: without
} atl_pairs_options;
#define ATL_PAIRS_OPTIONS_INIT                                                                               \
    { sizeof(atl_pairs_options), 0, NULL, NULL }

typedef struct atl_pair_likeness {
    double mse;    // mean squared difference of values from -1 to 1
    double msssim; // multi-scale structural similarity: 1 of equal pictures
    double lpips;  // NAN: without
    double idsim;  // cosine between what the identity network makes of both: 1 of equal faces; NAN: without
} atl_pair_likeness;

ATL_API atl_status atl_pictures_compare(atl_ctx *ctx, const atl_image *a, const atl_image *b,
                                        const atl_pairs_options *options, atl_pair_likeness *likeness);

#ifdef __cplusplus
}
#endif
#endif
