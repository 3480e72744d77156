// SPDX-License-Identifier: Apache-2.0
// Networks: open a checkpoint, ask what it is, map latents, make images.
//
//     atl_ctx *ctx; atl_model *model;
//     atl_ctx_open(&ctx, NULL);
//     if (atl_model_open(ctx, "ffhq.pkl", NULL, &model)) die(atl_message(ctx));
//     float z[512], ws[18 * 512], *img = ...;                  // img: [3, 1024, 1024]
//     atl_seed_to_z(85, 512, z);
//     atl_model_map(model, 1, z, NULL, NULL, ws);
//     atl_model_synthesize(model, 1, ws, NULL, img);
//
// Arrays are C order, float, N,C,H,W.  Files are data: nothing in them is executed.
#ifndef ATELIER_MODEL_H
#define ATELIER_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_model atl_model;

typedef struct atl_model_options {
    size_t size;      // sizeof(atl_model_options)
    const char *net;  // which network of the file: "G_ema", "G" or "D"; NULL: G_ema, else G
    // Level of detail of a network that was trained by growing (ProGAN, StyleGAN, early StyleGAN2): 0 is full
    // size, each 1 halves it, fractions lie between.  -1: what the file says.
    float lod;
    // What nothing here uses (a tensor, an option of its makers) is an error that names it, unless this is
    // not 0.
    int ignore_unused;
    // "key=value,key=value": what a file without a config can't say and the sentence about it asks for; NULL:
    // nothing.
    const char *assume;
    // A file of what a tuned network has changed, as atl_tuner_save_deltas() writes it: those tensors take
    // the place of the network's own.  Deltas of another network are an error.  NULL: none.
    const char *deltas;
} atl_model_options;
#define ATL_MODEL_OPTIONS_INIT                                                                               \
    { sizeof(atl_model_options), NULL, -1.0f, 0, NULL, NULL }

// Opens an official pickle or Atelier's own safetensors, recognised by content.  The file may be
// removed afterwards from a pickle; a safetensors file stays mapped and must not be changed.
// On failure *model is NULL and the context has the sentence.
ATL_API atl_status atl_model_open(atl_ctx *ctx, const char *path, const atl_model_options *options, atl_model **model);
ATL_API void atl_model_close(atl_model **model); // NULL and pointers to NULL are fine

typedef struct atl_model_info {
    const char *kind;          // "stylegan2"
    const char *role;          // "generator" or "discriminator"
    const char *net;           // name in the file: "G_ema"
    int z_dim, c_dim, w_dim;   // c_dim 0: not conditional
    int num_ws;                // style vectors per image
    int channels, height, width;
    int64_t parameters;        // trained numbers, buffers not counted
    uint64_t fingerprint;      // of names, shapes and values: the same in every file format
    float default_psi;         // truncation that the network's makers generate with; 1: none
    int default_cutoff;        // its cutoff; 0: every layer
    int num_logits;            // numbers per image of a discriminator
    // Not 0: truncation is of z, by atl_seed_to_truncated_z(), and default_psi 0 stands for normal z.
    int truncates_z;
    int codes;                 // vectors of an autoencoder's codebook; 0: it has none
} atl_model_info;

ATL_API const atl_model_info *atl_model_get_info(const atl_model *model); // valid while the model is open

// Truncation pulls styles toward their average: w_avg + psi * (w - w_avg), on the first `cutoff`
// layers (Karras et al. 2019, section 4 and appendix B).
typedef struct atl_map_options {
    size_t size;
    float truncation_psi;      // 1: none
    int truncation_cutoff;     // 0: every layer
    // Truncation toward the nearest of these [centroid_count, w_dim] in place of the average (Mokady et al.
    // 2022); NULL: the average.
    const float *centroids;
    int centroid_count;
} atl_map_options;
#define ATL_MAP_OPTIONS_INIT { sizeof(atl_map_options), 1.0f, 0, NULL, 0 }

// z [n, z_dim], c [n, c_dim] (NULL: zeros, or not conditional) -> ws [n, num_ws, w_dim].
//
// Where the file holds no average of w, truncation takes that of 4096 z: the numbers of RandomState(123), row
// by row, and the label 0.  ProGAN has no mapping network: its only "w" is z with the label behind it,
// normalised, which truncation leaves alone; so it does the "w" of BigGAN (atl_model_info.truncates_z).
// StyleGAN-XL keeps an average for each class: truncation pulls toward that of the sample's own, or the mean
// weighted by a label of several.
ATL_API atl_status atl_model_map(atl_model *model, int n, const float *z, const float *c,
                         const atl_map_options *options, float *ws);

// w [n, w_dim] repeated to ws [n, num_ws, w_dim], with truncation (where averages are kept for each class:
// only toward centroids).
ATL_API atl_status atl_model_broadcast(atl_model *model, int n, const float *w, const atl_map_options *options,
                                       float *ws);

typedef enum atl_noise_mode {
    ATL_NOISE_CONST,   // the maps stored in the file
    ATL_NOISE_RANDOM,  // a map per layer and seed
    ATL_NOISE_NONE,
    ATL_NOISE_SG2,     // as StyleGAN2's TensorFlow scripts: the maps follow z in the stream of RandomState(seed)
    ATL_NOISE_MAPS     // the caller's
} atl_noise_mode;

typedef struct atl_synthesis_options {
    size_t size;
    atl_noise_mode noise_mode;
    const uint32_t *noise_seeds;   // random and sg2: one seed per image [n]; NULL: 0 for all
    // Step mode, when dump_dir is not NULL: every node whose name matches the shell pattern `dump`
    // is written to dump_dir/NAME.npy in N,C,H,W order.  Slow, and without fusion.
    const char *dump, *dump_dir;
    // StyleGAN3: moves the image by a 3x3 matrix (row by row; translations in fractions of the image, as
    // the official --translate and --rotate make it).  NULL: the one stored in the file.
    const float *transform;
    // ATL_NOISE_MAPS: one array [n, h, w] per layer, sizes by atl_model_noise_size().
    const float *const *noise_maps;
    // Of z.  BigGAN-deep of pytorch_pretrained_biggan keeps statistics for each truncation; 0: those of 1.
    float truncation;
} atl_synthesis_options;
#define ATL_SYNTHESIS_OPTIONS_INIT                                                                           \
    { sizeof(atl_synthesis_options), ATL_NOISE_CONST, NULL, NULL, NULL, NULL, NULL, 0.0f }

// ws [n, num_ws, w_dim] -> img [n, channels, height, width], about [-1, 1].  The first call with a new n or
// kind of noise makes a plan; the last few are kept, and later calls only run them.
ATL_API atl_status atl_model_synthesize(atl_model *model, int n, const float *ws,
                                const atl_synthesis_options *options, float *img);

// Standing statistics of SAGAN and BigGAN: what batch norms know of their inputs becomes the mean of what
// `passes` batches of n pictures have, computed as in training.  Their z are those of the seeds from `seed`
// on, truncated where truncation isn't 0, and each class is as probable.  A network without batch norms is
// refused.  The fingerprint of atl_model_info stays that of the file.
ATL_API atl_status atl_model_standing_stats(atl_model *model, int passes, int n, uint32_t seed,
                                            float truncation);

// Size of the noise map of layer k, counted from 0; returns 0 when there is no such layer, else 1.
ATL_API int atl_model_noise_size(const atl_model *model, int k, int *height, int *width);

// A discriminator: img [n, channels, height, width], c [n, c_dim] or NULL -> logits [n, num_logits].
ATL_API atl_status atl_model_discriminate(atl_model *model, int n, const float *img, const float *c, float *logits);

// A freshly initialised network.
typedef struct atl_init_options {
    size_t size;
    const char *cfg;           // "stylegan2", "stylegan3-t", "biggan", ...: see atl_formats()
    int resolution;            // power of two, 4 and up
    // 0: those of cfg (stylegan2: 32768, 512; before it 8192, 512).  Of biggan the base is the width ch of
    // its layers.
    int channel_base, channel_max;
    int c_dim, img_channels;   // 0: not conditional; 0: 3
    int map_depth;             // mapping layers, or of a transformer its layers, 0: the default of cfg (8)
    uint64_t seed;
    // Of ViT-VQGAN and its transformers; 0: a head for each 64 channels, 8 pixels, one code (of rq-transformer 4).
    int heads, patch, quantizers; // of each layer; side of a patch in pixels; codes of a patch
} atl_init_options;
#define ATL_INIT_OPTIONS_INIT { sizeof(atl_init_options), "stylegan2", 256, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
ATL_API atl_status atl_model_init(atl_ctx *ctx, const atl_init_options *options, atl_model **model);

// Two generators of one architecture, blended: a new model with the config of `a`.  Networks that do not match
// are an error that says what differs.
//
// Without a swap every tensor is a + alpha (b - a).  With one, the layers of synthesis at its side of a
// resolution are b's and everything else, mapping included, is a's (Pinkney and Adler 2020).  The resolution
// of a StyleGAN3 layer is the size in its name.
typedef struct atl_blend_options {
    size_t size;
    int swap_below, swap_above; // layers below R; at R and above; 0: none
    float width;                // of a smooth step in place of a swap, in doublings of the resolution; 0: a swap
    float alpha;                // share of b
} atl_blend_options;
#define ATL_BLEND_OPTIONS_INIT { sizeof(atl_blend_options), 0, 0, 0.0f, 1.0f }
// Both models belong to one context.
ATL_API atl_status atl_model_blend(const atl_model *a, const atl_model *b, const atl_blend_options *options,
                           atl_model **model);

// Writes the networks of a file (or a model) as safetensors.  dtype ATL_F32 or ATL_F16 (weights
// rounded to nearest even; numbers beyond f16's range are an error that names the tensor).
ATL_API atl_status atl_model_save(atl_model *model, const char *path, atl_dtype dtype);
typedef struct atl_convert_options {
    size_t size;
    const char *net; // NULL: all networks of the file, else the one named
    atl_dtype dtype;
    int ignore_unused; // as in atl_model_options: what is left out is named in the new file's record
    const char *assume;
    const char *heads; // a file with the heads of LPIPS: of `from`, its backbone, both together are written
} atl_convert_options;
#define ATL_CONVERT_OPTIONS_INIT                                                                             \
    { sizeof(atl_convert_options), NULL, ATL_F32, 0, NULL, NULL }
ATL_API atl_status atl_convert(atl_ctx *ctx, const char *from, const char *to,
                               const atl_convert_options *options);

// What a file holds, as JSON text: format, networks with config, parameter count, fingerprint, tensors
// with shapes, layers with output shapes, training set record.  *json is freed with atl_text_free().
ATL_API atl_status atl_inspect(atl_ctx *ctx, const char *path, char **json);

// What this build opens and runs, as JSON text: "layouts" of checkpoints with makers, endings and what is read
// of them, and "networks" with kind, family, role and whether a new one can be made.  Freed with atl_text_free().
ATL_API atl_status atl_formats(atl_ctx *ctx, char **json);

// ---- measurement

typedef struct atl_layer_time {
    const char *name;     // "synthesis.b64.conv1", valid while the model is open
    const char *op;       // what ran: "winograd", "conv", "upfirdn", ...
    int64_t dims[4];      // output n, c, h, w
    double ms;            // median over the runs
    double gflop;         // of the direct algorithm
} atl_layer_time;

typedef struct atl_profile {
    const char *function;        // "synthesize"; valid as long as the library
    double ms;                   // median time of a whole run, for n images
    double direct_gflop;         // convolution, FIR and matrix products of the direct algorithm, n images
    atl_layer_time *layers;      // NULL unless asked for; freed by atl_profile_clear()
    size_t layer_count;
} atl_profile;

// Runs a function of n images `runs` times after `warmup` runs.  function NULL: "synthesize", or "decode" of
// an autoencoder, or "encode" of an encoder.  layers: also times each step.
ATL_API atl_status atl_model_profile(atl_model *model, const char *function, int n, int warmup, int runs,
                                     int layers, atl_profile *profile);
ATL_API void atl_profile_clear(atl_ctx *ctx, atl_profile *profile);

// Multiply-add throughput of all the context's threads with the widest allowed vectors, in GFLOP/s:
// the best of several short runs on registers.
ATL_API double atl_peak_gflops(atl_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
