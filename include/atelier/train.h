// SPDX-License-Identifier: Apache-2.0
// Training: ProGAN, StyleGAN, StyleGAN2, StyleGAN2-ADA, StyleGAN3, SAGAN, BigGAN and VQ-GAN with its
// transformer from a set of pictures, and the encoders of generators with styles: pSp, e4e, ReStyle and
// HyperStyle.
//
//     atl_train_options o;
//     atl_train_options_init(&o, sizeof o);
//     o.data = "faces-256.zip";
//     atl_trainer_open(ctx, &o, &t);
//     while (atl_trainer_get_state(t)->images < 1000 * kimg)
//         atl_trainer_step(t);
//     atl_trainer_save(t, "snapshot.safetensors");
//
// A step is one iteration of the official loop (for StyleGAN2 Karras et al. 2020, "Analyzing and improving
// the image quality of StyleGAN" and "Training generative adversarial networks with limited data"): a main
// step of G, path length regularisation every 4th time, a main step of D, R1 every 16th time.  All random
// numbers are functions of the seed and of the number of the iteration, so a run that is resumed from a
// snapshot goes on bit for bit, and several processes make the steps of one.
#ifndef ATELIER_TRAIN_H
#define ATELIER_TRAIN_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/dataset.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- options

typedef enum atl_aug {
    ATL_AUG_ADA,
    ATL_AUG_FIXED,
    ATL_AUG_NONE,
    ATL_AUG_DIFF,
    ATL_AUG_AUTO // of cfg: adaptive for StyleGAN2 and StyleGAN3, else none
} atl_aug;

// What a run is made of.  atl_train_options_init() fills in the defaults; where a default is "of cfg" it writes a
// number that stands for it, and atl_trainer_get_options() has what was chosen.  atl_train_fields() says of each
// member what it may be.
typedef struct atl_train_options {
    size_t size;          // sizeof(atl_train_options), set by atl_train_options_init()
    const char *data;     // folder, .zip or another source of pictures; borrowed while opening
    int resolution; // when data is NULL: noise of that size takes the place of pictures, to measure; encoders
                    // learn from pictures of that size that the generator makes, at most its own; 0: 256
    const char *cfg; // "auto", "stylegan2", "paper256", "paper512", "paper1024", "cifar",
                     // "stylegan3-t", "stylegan3-r", "stylegan1", "progan", "sagan", "biggan",
                     // "biggan-deep", "vqgan", "transformer", "vit-transformer", "pixelcnn"; encoders are "psp", "e4e",
                     // "restyle-psp", "restyle-e4e", "hyperstyle"
    int cond;             // 1: use the labels
    int subset;           // train on so many pictures, chosen by the seed; 0: all
    int mirror;           // 1: each picture twice, once flipped from left to right
    int batch;            // pictures of a step, over all processes
    int batch_gpu;        // pictures that a process handles at once; the rest follows in turn
    double kimg;          // length of the run in thousands of pictures
    double tick;          // kimg from one record to the next; this, kimg and snap are only kept with the others
    int snap;             // ticks from snapshot to snapshot; 0: only at the end
    double gamma;         // weight of R1
    double glr, dlr;      // learning rates, of encoders glr, and dlr of what judges their latents
    int map_depth;        // layers of the mapping network
    int mbstd_group;      // pictures whose standard deviation D sees
    int channel_base, channel_max;
    double ema_kimg, ema_rampup; // half-life of the average of G; negative ramp-up: none
    double pl_weight;     // path length
    double style_mixing_prob;
    const char *loss;     // "auto", "logistic", "logistic-saturating", "wgan", "wgan-gp", "hinge"
    double r2_gamma;      // weight of R2
    atl_aug aug;
    double p;             // probability of augmentations with ATL_AUG_FIXED
    double target;        // of the sign of D's scores for real pictures, with ATL_AUG_ADA
    double ada_kimg;      // time in which p can go from 0 to 1
    const char *augpipe;  // "bgc" and so on; with ATL_AUG_DIFF policies: "color,translation,cutout"
    int freezed;          // layers of D that aren't trained, from the highest resolution on
    uint32_t seed;        // to INT_MAX
    int workers;          // threads that read pictures
    double stall_seconds; // several processes: how long to wait for one that doesn't answer
    int threads;          // that compute in each process; 0: the context's, or with several processes the share of
                          // the processors.  Other numbers add in another order, so the last bits differ
    double initial_p;     // probability with ATL_AUG_ADA at the start; negative: that of the file that is restored
                          // or transferred from, else 0
    const char *like;     // a checkpoint: what the options leave open of the networks' shapes (widths, depth of the
                          // mapping, sizes of latents) is as in it; NULL: as cfg says
    double blur_init_sigma; // first width of the blur behind which D sees pictures, in pixels; 0: none
    double blur_fade_kimg;  // in which it fades away
    // "stylegan1" and "progan" grow: both networks begin small and double their resolution again and again.
    int lod_initial;             // resolution at first
    double lod_training_kimg;    // at each resolution, before
    double lod_transition_kimg;  // the next one fades in, for so long
    const char *lod_batch;  // "auto", "none" or pictures of a step by resolution, "4:128,8:64"; others have `batch`
    const char *lod_rate;   // the same for factors of both learning rates; others have 1
    const char *g_arch, *d_arch; // of StyleGAN2's networks: "auto", "orig", "skip", "resnet"
    // "sagan", "biggan" and "biggan-deep":
    int d_steps;      // steps of D for one of G, each with pictures of its own
    double ortho;     // strength of the regularisation that holds rows of G's weights orthogonal; 0: none
    double ema_start; // kimg before which the average of G is G itself
    // "vqgan", and but for what concerns D and drawn codes "vqvae" and "vqvae2":
    const char *codebook; // "auto": as cfg says; "loss": trained; "ema": running means of the vectors near its
                          // own; "gumbel": codes are drawn by logits
    double kl_weight;     // of how uneven the probabilities of drawn codes are
    double cool_kimg;     // in which the temperature that they are drawn at falls from 1 to 1/16
    double restart;       // a code used less than this part of an equal share begins anew; 0: none does
    const char *perceptual;   // an LPIPS network, which the distance counts, too; NULL: none
    double perceptual_weight; // how much; negative: as published
    double disc_start;        // kimg before which D is left out
    double disc_weight;   // of D against the distance, once their gradients are alike; negative: as published
    // "vit-vqgan", which has perceptual, disc_start and disc_weight, layers to rates (see below), and no more of that:
    double l1_weight;      // of |x - x'|, beside (x - x')^2
    int patch, quantizers; // pixels of a patch's side, codes of a patch; 0: 8 and 1
    // "transformer", "vit-transformer" and "pixelcnn":
    const char *first_stage; // what makes the codes: a checkpoint of VQ-GAN, ViT-VQGAN, VQ-VAE, of a run
    const char *level;       // which of VQ-VAE-2's maps: "top", "bottom", given the top one; "auto": of one
    int layers, heads;       // 0: of cfg
    double dropout;          // share of numbers left out of embeddings, attention and what layers add
    double pkeep;            // share of the codes before each that it sees as they are; others are any
    double weight_decay;     // of the weights of linear layers, in each step times the learning rate; negative: of cfg
    double warmup;           // kimg in which the learning rate grows from 0
    const char *rates;       // after that: "constant", or "cosine" down to 0 at the end
    int held_out;            // pictures that are only measured on
    // Encoders alone.  Networks that losses look with may be left out: what that costs, atl_trainer_lacks()
    // says.
    const char *network; // the generator, which stays as it is
    const char *losses;  // "auto", or names and weights, "l2:1,lpips:0.8,id:0.1"
    const char *lpips, *identity,
        *similarity;       // files of LPIPS, of an identity network, of a classifier; NULL: none
    const char *w_encoder; // hyperstyle: the encoder into W whose pictures are tuned
    const char *trunk; // "auto" (of cfg), or units and channels of the four stages, "1,1,1,1:32,64,96,128"
    int style_width;   // channels of the convolutions behind it; 0: those of w
    const char *optimizer; // of the encoder: "ranger", "adam"
    int steps;             // in which an encoder that sees its result is trained; 0: of cfg, 5
    const char *progress;  // e4e: "auto" or "FROM:EVERY": the steps before the second w may differ from the
                           // first, and those from w to w; "none": all may from the start
    int pool;              // latents of before that what judges latents sees, too
    // What psp and e4e are shown in place of the pictures, which the generator is to make of it.
    const char *source;         // a set of inputs, called as the pictures; "none": they are made of those
    int label_nc;               // the sources are maps of so many labels; 0: pictures
    int input_nc;               // of which it sees colours (3) or gray (1)
    const char *resize_factors; // of which one, by chance, makes a picture smaller: "1,2,4,8,16"; "none"
    // First weights of "sagan" and both of "biggan": "ortho", orthogonal; "N02", normal with a deviation of 0.02;
    // "xavier"; "auto": "xavier" for sagan, else "ortho".
    const char *g_init, *d_init;
    // Whether the batch norms of these, and of the D of "vqgan", see what all processes compute at once, or each what
    // it computes itself:
    // "on", "off"; "auto": "on".
    const char *cross_replica;
    // How StyleGAN2's D, also against StyleGAN3's G, is told classes: "projection" (Miyato and Koyama 2018);
    // "scores", one for each class, of which the label takes one (Mescheder et al. 2018); "acgan", in which it says
    // which class it sees, and both networks are trained on that, too (Odena et al. 2017); "auto": as in `like`,
    // else "projection".
    const char *d_labels;
} atl_train_options;
// size: sizeof *options, by which the library knows the version of the caller.
ATL_API void atl_train_options_init(atl_train_options *options, size_t size);

// The table of these options.  Defaults, the checks of atl_trainer_open(), the agreement of processes, the record in
// a snapshot, `atelier train --help` and the manual come from it.
typedef enum atl_train_kind {
    ATL_TRAIN_FLAG,       // int, 0 or 1
    ATL_TRAIN_INT,        // int or uint32_t
    ATL_TRAIN_REAL,       // double
    ATL_TRAIN_TEXT,       // const char *
    ATL_TRAIN_CHOICE      // enum: the position of a word among `words`
} atl_train_kind;
typedef struct atl_train_field {
    const char *name;     // on the command line and in records: "batch-gpu"
    const char *group;    // heading in the manual; NULL: the program doesn't offer it
    atl_train_kind kind;
    size_t offset;        // within atl_train_options
    double low, high;     // of numbers
    double initial;       // number that atl_train_options_init() writes; allowed though it may be out of range
    const char *standard; // the default in words: "50", "of cfg"; NULL: none
    const char *words;    // "ada|fixed|noaug|diffaug": of a choice, or what a text must be one of; else NULL
    const char *value;    // what help calls the value: "N"
    const char *help;     // without a full stop
    int agree;            // 1: processes must have the same
    int record;           // 1: snapshots record it
} atl_train_field;
ATL_API const atl_train_field *atl_train_fields(size_t *count);

typedef struct atl_trainer atl_trainer;

// Opens the set and makes the networks and the plans of the phases, but takes no memory for running them yet.
// On failure *trainer is NULL.  Names the picture, option or label that does not fit.
ATL_API atl_status atl_trainer_open(atl_ctx *ctx, const atl_train_options *options, atl_trainer **trainer);
// failed: another process must not be waited for.
ATL_API void atl_trainer_close(atl_trainer **trainer, int failed);

ATL_API const atl_train_options *atl_trainer_get_options(const atl_trainer *trainer); // with all defaults filled in
// The same with the configs of both networks and of the set, as JSON text, freed with atl_text_free().
ATL_API atl_status atl_trainer_describe(atl_trainer *trainer, char **json);

// What a run will cost.
typedef struct atl_train_phase {
    const char *name; // "Gmain", "Greg", "Dmain", "Dreg"; of StyleGAN3 "Gboth", "Dmain", "Dreg"; of networks
                      // that grow, SAGAN and BigGAN "Dmain", "Gmain", as they are at the moment
    int interval;         // every so many steps
    int batch;            // samples of one run of the plan
    int runs;             // of the plan, in one step of this process
    double gflop;         // of one run, by the direct algorithms
    size_t bytes;         // memory of one run
    double ms;            // of one run, after atl_trainer_measure(); else 0
    double seconds;       // that it took in this process since atl_trainer_clear_stats(),
    int steps;            // and in how many steps
} atl_train_phase;

// Where networks grow: the steps between two changes of what they are made of.
typedef struct atl_train_stage {
    int resolution;       // that the networks have
    int fades;            // 1: from half of it
    double kimg;          // thousands of pictures shown before
    int batch;            // pictures of a step
    double rate;          // factor of both learning rates
    size_t bytes;         // memory of the largest phase
    double gflop;         // of a thousand pictures
    double sec_per_kimg;  // after atl_trainer_measure(); else 0
} atl_train_stage;

typedef struct atl_train_cost {
    int64_t g_params, d_params;
    size_t bytes;         // weights, moments, gradients, the average, and the largest phase
    size_t available;     // memory that the system can give
    const atl_train_phase *phases; // those that this run has, in the order of a step
    int n_phases;
    double sec_per_kimg;  // after atl_trainer_measure(): on average over the run; else 0
    const atl_train_stage *stages; // in the order of the run; one where nothing grows
    int n_stages;
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
    double lod;                 // level of detail of networks that grow: halvings of the full size, 0 at the end
    int batch;                  // pictures of a step
} atl_train_state;
ATL_API const atl_train_state *atl_trainer_get_state(const atl_trainer *trainer);

// What the first step needs and takes long: the codes of a set, where a run learns from them.  Else, and when it is
// done already, it does nothing; atl_trainer_step() does it, too.  `progress` (may be NULL) sees how many of `total`
// pictures, their mirror images among them, all processes have; not 0 in one of them ends it in all with
// ATL_CANCELLED, and another call begins anew.
ATL_API atl_status atl_trainer_prepare(atl_trainer *trainer,
                                       int (*progress)(void *user, size_t done, size_t total), void *user);
ATL_API atl_status atl_trainer_step(atl_trainer *trainer);

// What the steps since atl_trainer_clear_stats() said: sums over their samples, over all processes.
typedef struct atl_train_stat {
    const char *name;           // "Loss/scores/fake", as the official trainers call it
    double count, sum, squares; // count 0: no step said anything of it
} atl_train_stat;
ATL_API const atl_train_stat *atl_trainer_get_stats(const atl_trainer *trainer, int *count);
ATL_API void atl_trainer_clear_stats(atl_trainer *trainer); // and the phases' seconds

// *flag becomes 1 in all processes when it is not 0 in one.
ATL_API atl_status atl_trainer_any(atl_trainer *trainer, int *flag);

// n images of the average of G from latents z [n, z_dim], labels c [n, c_dim] or NULL, with the stored noise ->
// [n, channels, height, width].
ATL_API atl_status atl_trainer_generate(atl_trainer *trainer, int n, const float *z, const float *c, float *images);
ATL_API int atl_trainer_z_dim(const atl_trainer *trainer);
// Whether G makes pictures again: then a z is a picture, [channels, height, width] from -1 to 1.
ATL_API int atl_trainer_reconstructs(const atl_trainer *trainer);
// Whether pictures of G are drawn code by code, which takes its time.  A z chooses the codes.
ATL_API int atl_trainer_draws_codes(const atl_trainer *trainer);
// Encoders: what the generator makes of n inputs [n, input channels, height, width] of the set's size: pictures
// from -1 to 1, or what the options `source`, `label_nc`, `input_nc` and `resize_factors` put in their place.  Then
// atl_trainer_generate() gives pictures of the generator in that size, with and without a set of pictures.
ATL_API atl_status atl_trainer_reconstruct(atl_trainer *trainer, int n, const float *inputs, float *images);
ATL_API int atl_trainer_input_channels(const atl_trainer *trainer);
// What the encoder is shown of a picture of atl_trainer_get_data(): [input channels, height, width].
ATL_API atl_status atl_trainer_input(atl_trainer *trainer, size_t picture, float *input);
ATL_API int atl_trainer_is_encoder(const atl_trainer *trainer);
// What the run does without, and what that costs, in a line each; NULL: it lacks nothing, or there is no such
// line.
ATL_API const char *atl_trainer_lacks(const atl_trainer *trainer, int index);
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
// then renamed.  A checkpoint like any other: generate and the rest open its G_ema.  After a step that failed before it
// changed anything (a picture that can't be read) it is still possible.  ATL_BAD_ARGUMENT: there is nothing worth
// keeping, since a number is not finite or a step failed half way; ATL_IO may pass.
ATL_API atl_status atl_trainer_save(atl_trainer *trainer, const char *path);
// Goes on from a file of atl_trainer_save(): exactly, when all options are the same.  Other pictures are an error, and
// so are networks of other shapes and numbers that are not those that were written.
ATL_API atl_status atl_trainer_restore(atl_trainer *trainer, const char *path);
// What a snapshot records of its run, as JSON text, freed with atl_text_free(): "options" (names as in `atelier train
// --help`), "derived" (those of them that were left open and filled in), "place" (where the pictures lay), "kernels"
// and "direct" (those of the context), and its numbers.  *json is NULL when the file holds networks alone.  Fails when
// the snapshot is damaged anywhere.
ATL_API atl_status atl_train_snapshot_record(atl_ctx *ctx, const char *path, char **json);
// Whether the pictures at `data` are those of that run, wherever they lie.  *difference is NULL when they are, else
// what follows the name of the set in a sentence ("has 20 pictures, where it had 40"), freed with atl_text_free().
ATL_API atl_status atl_train_snapshot_compare(atl_ctx *ctx, const char *path, const char *data, char **difference);

// Transfer learning: takes what fits by name and shape from the G, D and G_ema of any checkpoint and calls `report`
// (may be NULL) for each tensor.  The strength of adaptive augmentation is taken over, too, where a file has it.
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
