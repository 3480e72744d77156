// SPDX-License-Identifier: Apache-2.0
// Directions in latent space: found, read, written, and gone along.
//
//     atl_directions *set;
//     atl_sefa_options o = ATL_SEFA_OPTIONS_INIT;
//     if (atl_directions_sefa(model, &o, &set)) die(atl_message(ctx));
//     const atl_direction *d = atl_directions_get(set, 0);
//     atl_direction_move(ctx, d, NULL, 3.0, info->num_ws, info->w_dim, ws);    // ws [num_ws, w_dim] in place
//     atl_model_synthesize(model, 1, ws, NULL, img);
//     atl_directions_close(&set);
//
// Where they come from: the weights of a generator (SeFa; Shen and Zhou 2021), the spread of its w (GANSpace;
// Harkonen et al. 2020), latents and a score of each (InterFaceGAN; Shen et al. 2020), or files, also those
// of these programs and of e4e.
#ifndef ATELIER_DIRECTIONS_H
#define ATELIER_DIRECTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- sets of directions

typedef enum atl_direction_space {
    ATL_DIRECTION_Z,
    ATL_DIRECTION_W,  // one vector for all layers that it is used in
    ATL_DIRECTION_WS, // a vector for each layer: [num_ws, w_dim]
    ATL_DIRECTION_S   // styles: channels of layers, see atl_model_style()
} atl_direction_space;

typedef struct atl_direction {
    const char *name; // "": none
    atl_direction_space space;
    int rows;              // of values: num_ws of ws, else 1
    int64_t width;         // numbers in a row: z_dim, w_dim, or channels of s
    const float *values;   // [rows, width]
    const int32_t *styles; // of s: [width, 2], the layer and the channel within it; else NULL
    float scale;           // how far strength 1 goes: GANSpace's deviations; 1
    uint64_t layers;       // layers that it is meant for: bit k is layer k; 0: all
    double value;          // eigenvalue, variance or accuracy, by the method; NAN: none
    double offset;         // of a boundary: values . x + offset is 0 on it; 0
    const float *mean;     // [width] that distances are measured from; NULL: 0
} atl_direction;

typedef struct atl_directions atl_directions;

// Opens a file of directions, recognised by its content: Atelier's own (safetensors), boundaries (.npy of
// InterFaceGAN, .pt of e4e), components (.npz and .pkl of GANSpace, .pt of e4e), factor.pt of
// closed_form_factorization.py, any other array [N, width] or [N, num_ws, width], and lists of channels of
// styles as text: lines "LAYER_CHANNEL [VALUE]", or JSON {"NAME": [[LAYER, CHANNEL, VALUE], ...]}.  `array`
// names one of several arrays, NULL: the usual ones.  *unsure (may be NULL) becomes 1 where the file does not
// say whether its latents are z or w: then they count as w.  On failure *set is NULL.
ATL_API atl_status atl_directions_open(atl_ctx *ctx, const char *path, const char *array, int *unsure,
                                       atl_directions **set);
// The same of what the caller has, copied; all of one space and shape.
ATL_API atl_status atl_directions_make(atl_ctx *ctx, const atl_direction *list, size_t count,
                                       const char *method, const char *source, atl_directions **set);
ATL_API void atl_directions_close(atl_directions **set); // NULL and pointers to NULL are fine

// Atelier's file: "directions" [N, (num_ws,) width], "scale" and "value" [N], what else there is, and in the
// metadata format, space, method, names, layers and source.
ATL_API atl_status atl_directions_write(const atl_directions *set, const char *path);

ATL_API size_t atl_directions_size(const atl_directions *set);
ATL_API const atl_direction *atl_directions_get(const atl_directions *set,
                                                size_t index); // NULL: past the end
ATL_API const atl_direction *atl_directions_find(const atl_directions *set, const char *name); // NULL: none
// How they were found ("sefa", "ganspace", "boundary", "lstsq", ...), and of what, as text; "": not known.
ATL_API const char *atl_directions_method(const atl_directions *set);
ATL_API const char *atl_directions_source(const atl_directions *set);

// Another set of the same directions: boundaries of z in a file that does not say so, new names, other
// layers.
typedef struct atl_relabel_options {
    size_t size;
    int space;          // atl_direction_space of z or w; -1: as it is
    const char *name;   // of the first; NULL: as it is
    const char *source; // NULL: as it is
} atl_relabel_options;
#define ATL_RELABEL_OPTIONS_INIT                                                                             \
    { sizeof(atl_relabel_options), -1, NULL, NULL }
ATL_API atl_status atl_directions_relabel(const atl_directions *from, const atl_relabel_options *options,
                                          atl_directions **set);

// Direction `index` of a set without what it has of others, which are directions of the same space and shape:
// what is left changes its attribute and keeps theirs (Shen et al. 2020, section 2.3).  Unit length.  Others
// that leave nothing are an error.
ATL_API atl_status atl_directions_condition(const atl_directions *from, size_t index,
                                            const atl_direction *const *others, size_t count,
                                            atl_directions **set);

// ---- from weights

// The directions in which the weights that read w change styles the most: eigenvectors of A AT, A [w_dim,
// channels] of the chosen layers side by side.  Layers are those of ws; of the toRGB layers only the last
// counts.
typedef struct atl_sefa_options {
    size_t size;
    uint64_t layers; // bit k: layer k; 0: all
    int count;       // directions; 0: all, as many as w has numbers
    int as_stored;   // columns of A keep their length, as closed_form_factorization.py has it
} atl_sefa_options;
#define ATL_SEFA_OPTIONS_INIT                                                                                \
    { sizeof(atl_sefa_options), 0, 0, 0 }
ATL_API atl_status atl_directions_sefa(atl_model *model, const atl_sefa_options *options,
                                       atl_directions **set);

// ---- from samples: open, add, read, close

typedef enum atl_fit_method {
    ATL_FIT_PCA,      // principal directions
    ATL_FIT_IPCA,     // the same block by block, with `count` kept between blocks: GANSpace's
    ATL_FIT_BOUNDARY, // the normal of the plane between high and low scores: a linear support vector machine
    ATL_FIT_LSTSQ     // directions for each of several scores, by least squares
} atl_fit_method;

typedef struct atl_fit_options {
    size_t size;
    atl_fit_method method;
    atl_direction_space space; // z, w or ws
    int rows;                  // of ws: num_ws; else 1
    int64_t width;             // numbers in a row
    int count;                 // PCA: directions, 0: all; LSTSQ: scores of a sample, 0: 1
    // BOUNDARY: how many samples of the highest scores are positive, and as many of the lowest negative: a
    // share up to 1 (of them, up to a half is used) or a number above.  0: 0.02.
    double chosen;
    double training; // BOUNDARY: share of the chosen that it is found with, the others check it; 0: 0.7
    double invalid;  // BOUNDARY: samples of this score don't count, where skip is not 0
    int skip;
    double penalty;  // BOUNDARY: C of the support vector machine; 0: 1
    uint32_t seed;   // BOUNDARY: of the choice of those that check it
    int centred;     // LSTSQ: 1: of what differs from the means; 0: as the numbers are
    uint64_t layers; // of the directions; 0: all
} atl_fit_options;
#define ATL_FIT_OPTIONS_INIT                                                                                 \
    { sizeof(atl_fit_options), ATL_FIT_PCA, ATL_DIRECTION_W, 1, 0, 0, 0.0, 0.0, 0.0, 0, 0.0, 0, 0, 0 }

typedef struct atl_fit atl_fit;
ATL_API atl_status atl_fit_open(atl_ctx *ctx, const atl_fit_options *options, atl_fit **fit);
// n samples x [n, rows, width], finite, with their scores [n, count] where the method has some.  For IPCA
// each call is a block.
ATL_API atl_status atl_fit_add(atl_fit *fit, int64_t n, const float *x, const double *scores);
// The directions of what was added so far; more may be added afterwards.
ATL_API atl_status atl_fit_read(atl_fit *fit, atl_directions **set);
ATL_API void atl_fit_close(atl_fit **fit);

// How the last boundary that was read does on its samples.
typedef struct atl_boundary_check {
    int64_t positive, negative;   // samples that it was found with
    int64_t checked, right;       // of those kept apart
    int64_t others, others_right; // of all others, by the middle between the highest and the lowest score
} atl_boundary_check;
ATL_API const atl_boundary_check *atl_fit_check(const atl_fit *fit); // NULL: none was read

// ---- moving

typedef enum atl_move_how {
    ATL_MOVE_BY, // x + strength scale direction
    ATL_MOVE_TO  // so that x lies `strength` scale from the mean along the direction: InterFaceGAN's in z and
                 // w
} atl_move_how;

typedef struct atl_move_options {
    size_t size;
    atl_move_how how;
    uint64_t layers; // bit k: layer k; 0: those of the direction
} atl_move_options;
#define ATL_MOVE_OPTIONS_INIT                                                                                \
    { sizeof(atl_move_options), ATL_MOVE_BY, 0 }

// Moves x [rows, width] in place: a z (one row), a w (one row), or ws, a row for each layer.  Directions of
// styles are for atl_editor_run().  Another width, or layers that x lacks, are errors.
ATL_API atl_status atl_direction_move(atl_ctx *ctx, const atl_direction *direction,
                                      const atl_move_options *options, double strength, int rows,
                                      int64_t width, float *x);

// ---- styles

// The layers that read styles, in the order in which the network runs them, toRGB among them: their names
// ("synthesis.b8.conv0"), the layer of ws that each reads, and how many channels its style has.  Returns 0
// past the last one, else 1.  A network without styles (ProGAN) has none.
typedef struct atl_style_info {
    const char *name; // valid while the model is open
    int layer, channels;
} atl_style_info;
ATL_API int atl_model_style(atl_model *model, int index, atl_style_info *info);

// ---- edited pictures

// What a plain synthesis can't do: styles that are moved, and edits that a mask holds to a part of the
// picture.
typedef struct atl_editor_options {
    size_t size;
    int n;             // samples at once, 1 to 1024
    int styles;        // 1: styles are moved
    const float *mask; // [height, width] of the network, 0 (keep) to 1 (edit); NULL: edit all.  Copied.
    int in_features;   // 1: the mask holds in every layer of the synthesis, not in the finished picture
    atl_noise_mode noise_mode; // const, none, or maps: those of atl_editor_maps()
} atl_editor_options;
#define ATL_EDITOR_OPTIONS_INIT                                                                              \
    { sizeof(atl_editor_options), 1, 0, NULL, 0, ATL_NOISE_CONST }

typedef struct atl_editor atl_editor;
ATL_API atl_status atl_editor_open(atl_model *model, const atl_editor_options *options, atl_editor **editor);
ATL_API void atl_editor_close(atl_editor **editor); // before the model

// Styles go back to what ws make of them; then atl_editor_style() adds to sample i's.
ATL_API void atl_editor_reset(atl_editor *editor);
ATL_API atl_status atl_editor_style(atl_editor *editor, int i, const atl_direction *direction,
                                    double strength);
// The same to the edit and to the original that a mask keeps: styles that both have to begin with.
ATL_API atl_status atl_editor_base_style(atl_editor *editor, int i, const atl_direction *direction,
                                         double strength);

// The noise of all samples from now on: one map [h, w] per layer, sizes by atl_model_noise_size().  Copied.
ATL_API atl_status atl_editor_maps(atl_editor *editor, const float *const *maps);

// Pictures of n edited ws [n, num_ws, w_dim] -> img [n, channels, height, width].  `original`: ws of what the
// mask keeps, needed with a mask.
ATL_API atl_status atl_editor_run(atl_editor *editor, int n, const float *ws, const float *original,
                                  float *img);

#ifdef __cplusplus
}
#endif
#endif
