// SPDX-License-Identifier: Apache-2.0
// The inside of the reader of TensorFlow-era pickles: tf.c names their variables, tf_config.c says what the
// networks are.
#ifndef ATL_CKPT_TF_H
#define ATL_CKPT_TF_H

#include "ckpt/mapped.h"

typedef enum atl_tf_family { ATL_TF_STYLEGAN2, ATL_TF_STYLEGAN1, ATL_TF_PROGAN } atl_tf_family;

// What the names of variables depend on.
typedef struct atl_tf_net {
    const atl_object *object;
    atl_tf_family family;
    bool generator;
    int resolution;
    int base_h, base_w; // of the coarsest block: 4 x 4, other sizes in forks that make rectangles
    int fused_from; // resolution from which on up-convolutions are stored fused (SIZE: never)
    const char **unknown; // options that were given and mean nothing here: "the option NAME = VALUE"
    size_t unknown_size;
} atl_tf_net;

// Fills `net`, kind and config out of a pickled Network.  *why is NULL or says why it can't be run.
atl_status atl_tf_describe(atl_ckpt *ckpt, const atl_object *object, atl_tf_net *net, const char **kind,
                           json_t **config, const char **why);

// Lists the options of a network and its components that mean nothing here.
void atl_tf_list_unknown(atl_ckpt *ckpt, atl_tf_net *net);

// The resolution of ours, 4 << k, that a block of h x w stands for; 0: none.
int atl_tf_block(const atl_tf_net *net, int h, int w);

// The component of a network ("synthesis"), or the network itself when it has none of that name.
const atl_object *atl_tf_component(const atl_object *object, const char *name);

// A variable of the network: "synthesis/4x4/Const/const" in the component, else NULL.
const atl_object *atl_tf_variable(const atl_object *object, const char *name);

#endif
