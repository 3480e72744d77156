// SPDX-License-Identifier: Apache-2.0
// Checkpoints: files of many makers -> networks as a kind, a config and a parameter store.
//
// A checkpoint is opened in two steps so that a file of 360 MB is never held twice: atl_ckpt_open maps
// and parses (values stay where they are in the file), atl_ckpt_load copies one network's values.
#ifndef ATL_CKPT_CKPT_H
#define ATL_CKPT_CKPT_H

#include <jansson.h>
#include "nn/params.h"

typedef struct atl_ckpt atl_ckpt;

// One network of a file, before its values are read.
typedef struct atl_ckpt_net {
    const char *key;       // "G_ema", "G", "D"
    const char *kind;      // name of the model that runs it: "stylegan2_generator"
    const json_t *config;  // what that model needs to know; borrowed from the checkpoint
    const char *why;       // not NULL: this network can't be run, and this sentence says why
} atl_ckpt_net;

atl_status atl_ckpt_open(atl_ctx *ctx, const char *path, atl_ckpt **ckpt);
// The same with values that the file does not say, "key=value,...": they take the place of those in the
// configs.
atl_status atl_ckpt_open_assuming(atl_ctx *ctx, const char *path, const char *assume, atl_ckpt **ckpt);
void atl_ckpt_close(atl_ckpt **ckpt);
atl_ctx *atl_ckpt_ctx(const atl_ckpt *ckpt);

const char *atl_ckpt_format(const atl_ckpt *ckpt);          // "pickle of StyleGAN2-ADA-PyTorch or StyleGAN3", ...
const json_t *atl_ckpt_record(const atl_ckpt *ckpt);        // training set record and such; may be NULL
size_t atl_ckpt_size(const atl_ckpt *ckpt);                 // number of networks
const atl_ckpt_net *atl_ckpt_get(const atl_ckpt *ckpt, size_t index);

// Reads the values of one network into an empty store (init done by the caller).  Infinite and NaN
// values are an error that names the tensor.  A safetensors file of f32 is mapped, not copied.
atl_status atl_ckpt_load(atl_ckpt *ckpt, size_t index, atl_params *params);

// How strongly the trainer that wrote the file augmented, from 0 to 1; negative: it does not say.
atl_status atl_ckpt_augment_p(const atl_ckpt *ckpt, double *p);

// Names of what the layout could not place in the network that was loaded last; valid until the next load.
const char *const *atl_ckpt_leftover(const atl_ckpt *ckpt, size_t *count);

// One row per layout; adding one is a new file and a line in the table of ckpt.c.
struct atl_ckpt_layout;

// What people want to know of a layout.
typedef struct atl_ckpt_about {
    const char *endings;   // of file names: ".pkl"
    const char *makers;    // programs that write it
    const char *read;      // what is read of it
} atl_ckpt_about;
const char *atl_ckpt_layout_get(size_t index, const atl_ckpt_about **about); // its name; NULL: past the end

// Writes networks as Atelier's safetensors: names "KEY.NAME", config as JSON in the metadata.
typedef struct atl_ckpt_out {
    const char *key, *kind;
    const json_t *config;
    const atl_params *params;
    const json_t *without; // names that are left out; NULL: none
} atl_ckpt_out;
// What a writer keeps beside the networks, for itself: tensors, and entries of the metadata.
typedef struct atl_ckpt_extra {
    const atl_array *arrays;
    size_t count;
    const atl_pair *metadata;
    size_t pairs;
} atl_ckpt_extra;
// `record` and `extra` may be NULL.
atl_status atl_ckpt_write(atl_ctx *ctx, const char *path, const atl_ckpt_out *nets, size_t count,
                          const json_t *record, const atl_ckpt_extra *extra, atl_dtype dtype);

#endif
