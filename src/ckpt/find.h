// SPDX-License-Identifier: Apache-2.0
// Finding networks in what people save: a module as a whole, a dict of tensors under any key, names behind
// any prefix ("module.", "G_ema.", "decoder."), pickled or as safetensors.
#ifndef ATL_CKPT_FIND_H
#define ATL_CKPT_FIND_H

#include "ckpt/layout.h"

typedef enum atl_found_kind {
    ATL_FOUND_MODULE,    // an official module with its attributes
    ATL_FOUND_STYLEGAN2, // official names, without a config
    ATL_FOUND_STYLEGAN2_D,
    ATL_FOUND_STYLEGAN3,
    ATL_FOUND_PORT, // the PyTorch port
    ATL_FOUND_PORT_D,
    ATL_FOUND_GENFORCE,
    ATL_FOUND_TRUNK,   // of an encoder or an identity network (encoder.c)
    ATL_FOUND_ALIGNER, // a spatial transformer and what was trained beside it (aligner.c)
    ATL_FOUND_CLUSTERS,
    ATL_FOUND_TARGET,
    ATL_FOUND_BIGGAN,
    ATL_FOUND_BIGGAN_D,
    ATL_FOUND_PRETRAINED_BIGGAN,
    ATL_FOUND_VQGAN,
    ATL_FOUND_PATCH_D, // the discriminator of VQ-GAN, in its loss
    ATL_FOUND_VIT_VQGAN,
    ATL_FOUND_CODES_GPT, // the transformer over its codes
    ATL_FOUND_VIT_GPT,   // and of the second, one or two
    ATL_FOUND_VQVAE,
    ATL_FOUND_VQVAE2,
    ATL_FOUND_PIXELCNN // over the codes of either
} atl_found_kind;

// A dict whose text keys are looked up by hash.
typedef struct atl_ckpt_names {
    const atl_object *dict; // DICT
    uint32_t *slots;        // positions + 1; a power of two
    size_t slot_count;
} atl_ckpt_names;

typedef struct atl_found {
    atl_found_kind kind;
    const char *key;          // "G_ema", "G", "D", "encoder", "hypernet", "identity"
    const atl_object *module; // of a MODULE
    atl_ckpt_names names;     // of the others, and in front of each of their names:
    const char *prefix;
    const atl_object *average; // latent_avg beside the network, or NULL
    const atl_object *parent;  // what holds the dict of names, or the dict itself
} atl_found;

enum { ATL_FOUND_MOST = 16 };

// Fills ckpt->found with the networks of the file, in a fixed order of keys.
atl_status atl_ckpt_find(atl_ckpt *ckpt);

// The value of prefix + name, or NULL; and as a tensor.
const atl_object *atl_found_get(const atl_found *found, const char *name);
const atl_tensor *atl_found_tensor(const atl_found *found, const char *format, ...) ATL_PRINTF(2, 3);
// The tensor `name` that stands beside a network whose prefix ends in `own`: of "net.transformer.", whose own is
// "transformer.", "net." + name.  NULL: there is none.
const atl_tensor *atl_found_beside(const atl_found *found, const char *own, const char *name);
int64_t atl_found_dim(const atl_found *found, int dim, const char *format, ...) ATL_PRINTF(3, 4); // 0: none

// The name of entry i without the prefix, ended in the arena; NULL: not one of the network.
const char *atl_found_name(atl_ckpt *ckpt, const atl_found *found, size_t i);

// Whether a file holds one of these kinds; and each of them in turn.
bool atl_ckpt_holds(const atl_ckpt *ckpt, unsigned kinds);

// encoder.c: the plain values of the dict or Namespace `key` beside the network as an object, which is owned;
// NULL: memory is missing.
json_t *atl_ckpt_options(atl_ckpt *ckpt, const atl_found *found, const char *key);

// encoder.c: what a network with a trunk is: "encoder", "hypernet" or "identity".
const char *atl_encoder_key(const atl_found *found);

// official.c: the tensors of a module as a dict of names, in the arena; NULL when memory is missing.
atl_object *atl_official_flatten(atl_ckpt *ckpt, const atl_object *module);
bool atl_official_is_module(const atl_object *object);
bool atl_official_is_known(const atl_object *module); // of a kind that has a config

#endif
