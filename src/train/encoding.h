// SPDX-License-Identifier: Apache-2.0
// Training of encoders, shared by the files that say what they are made of, what they lose, and how they
// step: pSp (Richardson et al. 2021), e4e (Tov et al. 2021), ReStyle (Alaluf et al. 2021) and HyperStyle
// (Alaluf et al. 2022).
//
// G of the trainer is what is trained, an encoder or a hypernetwork; D, where there is one, judges latents.
// The generator and the networks that losses look with stay as they are and are held here.
#ifndef ATL_TRAIN_ENCODING_H
#define ATL_TRAIN_ENCODING_H

#include "data/inputs.h"
#include "train/recipe.h"
#include "train/trainer.h"

typedef enum atl_encoding_loss {
    ATL_LOSS_L2,         // squared differences of pixels
    ATL_LOSS_LPIPS,      // needs o->lpips
    ATL_LOSS_ID,         // 1 - cosine of the vectors of an identity network: o->identity
    ATL_LOSS_SIM,        // 1 - cosine of the last features of a classifier or of MoCo: o->similarity
    ATL_LOSS_W,          // squared differences of ws; needs pictures of the generator
    ATL_LOSS_W_NORM,     // length of all that codes differ by from the average
    ATL_LOSS_DELTA,      // lengths of what each w differs by from the first
    ATL_LOSS_ADV,        // what judges latents takes them for the mapping network's
    ATL_LOSS_L2_CROP,    // of the middle of a face
    ATL_LOSS_LPIPS_CROP, // likewise
    ATL_ENCODING_LOSSES
} atl_encoding_loss;

typedef struct atl_encoding_kind {
    const char *cfg;
    const char *type;   // of the encoder; NULL: a hypernetwork
    const char *losses; // as published; those whose network is missing are left out
    bool sees_result;   // beside the picture, and is trained in steps
    bool grows;         // one w for all layers at first
    const char *trunk;  // as configs call it
} atl_encoding_kind;

enum { ATL_ENCODING_LACKS = 4, ATL_ENCODING_LAYERS = 32, ATL_ENCODING_FACTORS = 16 };

// What encoders are shown where that is not the picture itself.
typedef struct atl_encoding_inputs {
    atl_input_form form;
    atl_dataset *source; // NULL: inputs are made of the pictures of the set
    uint32_t *partner;   // of each picture of the set, there
    int factors[ATL_ENCODING_FACTORS], n_factors;
    float *planes; // of one picture
    float *rows;   // [local, height, width, channels] of a step
} atl_encoding_inputs;

typedef struct atl_encoding {
    const atl_encoding_kind *kind;
    atl_network generator, lpips, identity, similarity, w_encoder; // row NULL: not there
    int height, width;                                             // of pictures that encoders see
    atl_encoding_inputs in;
    int num_ws, w_dim;
    bool sampled; // pictures are the generator's own
    float weights[ATL_ENCODING_LOSSES];
    int steps;              // 1: not in steps
    uint64_t from, every;   // steps with one w, and from layer to layer; every 0: all layers from the start
    float *average, *start; // [w_dim]; what the generator makes of it [height, width, 3]
    // Latents of before that D sees, too [pool, w_dim]: of the mapping network and of the encoder.
    float *reals, *fakes;
    float *news; // [2, batch, w_dim]: this step's, which may come into the pools
    size_t pool;
    // Where the numbers of a phase that is followed belong: buffers of batch norms, in order.
    size_t tracks[2 * ATL_NORMS];
    int n_tracks;
    // Layers that a hypernetwork tunes, and where their kernels are in the generator.
    int layers[ATL_ENCODING_LAYERS];
    size_t kernels[ATL_ENCODING_LAYERS];
    int n_layers;
    const char *lacks[ATL_ENCODING_LACKS];
    int n_lacks;
} atl_encoding;

static inline atl_encoding *atl_encoding_of(const atl_trainer *t) {
    return t->own;
}

// ---- encoding_text.c: options that are texts
atl_status atl_encoding_read_losses(atl_trainer *t, atl_encoding *e); // "auto" becomes what it stands for
atl_status atl_encoding_read_trunk(atl_trainer *t, atl_encoding *e, int units[4], int channels[4]);
atl_status atl_encoding_read_progress(atl_trainer *t, atl_encoding *e);
bool atl_encoding_loss_name(int loss, const char **name);

// ---- encoding.c: networks and state
atl_status atl_encoding_begin(atl_trainer *t);
atl_status atl_encoding_networks(atl_trainer *t);
void atl_encoding_close(atl_trainer *t);
uint64_t atl_encoding_stays(const atl_trainer *t);
float *atl_encoding_state(const atl_trainer *t, int index, const char **name, size_t *count);
// How many layers have a w of their own beside the first in a step.
int atl_encoding_stage(const atl_encoding *e, uint64_t iteration);

// ---- encoding_parts.c
// Pictures of the set, or of the generator: then *ws are those that they were made of, else NULL.
atl_node *atl_encoding_pictures(atl_phase_builder *b, const atl_encoding *e, atl_net *generator,
                                atl_node **ws);
atl_node *atl_encoding_average(atl_graph *g, const atl_encoding *e, int64_t n); // w of all layers
atl_node *atl_encoding_start(atl_graph *g, const atl_encoding *e,
                             int64_t n); // what the generator makes of it
// Codes [n, num_ws, w_dim] of img [n, h, w, 3 or 6]; share NULL: all layers.
atl_node *atl_encoding_codes(atl_net *net, const atl_network *encoder, atl_node *img, atl_node *share);
atl_node *atl_encoding_beside(atl_graph *g, atl_node *x, atl_node *y); // channels of both
// [num_ws]: 1 for layers that have a w of their own, else 0.  NULL: all always have.
atl_node *atl_encoding_share(atl_phase_builder *b, const atl_encoding *e);
atl_norms *atl_encoding_in_training(atl_phase_builder *b); // batch norms of what is trained, from here on

// ---- encoding_inputs.c
atl_status atl_encoding_open_inputs(atl_trainer *t, atl_encoding *e);
void atl_encoding_close_inputs(atl_trainer *t, atl_encoding *e);
uint64_t atl_encoding_hash_inputs(const atl_encoding *e, uint64_t hash); // of what processes must agree on
bool atl_encoding_has_inputs(const atl_encoding *e); // other than pictures
atl_status atl_encoding_read_inputs(atl_trainer *t); // of the step to come
int atl_encoding_channels(const atl_trainer *t);
atl_status atl_encoding_input(atl_trainer *t, size_t picture, float *planes);
// What the encoder sees of a picture [n, h, w, 3].
atl_node *atl_encoding_shown(atl_phase_builder *b, const atl_encoding *e, atl_node *picture);

// ---- encoding_critic.c
atl_node *atl_encoding_d_main(atl_phase_builder *b);
atl_status atl_encoding_d_agree(atl_trainer *t, const atl_phase *p);
atl_node *atl_encoding_d_reg(atl_phase_builder *b);

// ---- encoding_view.c: programs of the run, of the trainer as `user`
void atl_encoding_view(atl_graph *g, atl_call *call, void *user);   // "picture" -> "img"
void atl_encoding_sample(atl_graph *g, atl_call *call, void *user); // "z" -> "img"

// ---- encoding_hyper.c: hypernetworks
json_t *atl_encoding_hyper_config(atl_json *b, atl_encoding *e, const int units[4], const int channels[4],
                                  int width);
// Pictures [n, height, width, 3] of the generator with kernels W (1 + delta) of each sample's own.
// deltas: [n, out, in, 3, 3] of each layer that is tuned; NULL: none yet.
atl_node *atl_encoding_tuned(atl_graph *g, const atl_encoding *e, int n, atl_node *ws,
                             atl_node *const *deltas);
atl_shape atl_encoding_delta_shape(const atl_encoding *e, int layer, int64_t n);
// The deltas that a hypernetwork gives for img [n, h, w, 6].
void atl_encoding_tune(atl_net *net, const atl_network *hyper, const atl_encoding *e, atl_node *img,
                       atl_node **deltas);

// ---- encoding_losses.c
typedef struct atl_encoded {
    atl_node *picture, *made; // [n, h, w, 3]
    atl_node *ws, *target;    // [n, num_ws, w_dim]; target NULL: not known
    atl_node *codes;          // that were added to the average or to the ws before
    atl_node *share;          // [num_ws] layers that have a w of their own: 1, else 0; NULL: all
    atl_node *scale;          // [1] of the loss delta
} atl_encoded;
atl_node *atl_encoding_loss_of(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x); // [1]
// Pictures of the generator in the size of encoders.
atl_node *atl_encoding_reduced(atl_graph *g, const atl_encoding *e, atl_node *img);

#endif
