// SPDX-License-Identifier: Apache-2.0
// What the layouts of checkpoints share.  A file is opened once, as arrays (safetensors) or as pickled
// objects; then the first layout whose probe says yes describes its networks and later reads their values.
#ifndef ATL_CKPT_LAYOUT_H
#define ATL_CKPT_LAYOUT_H

#include "ckpt/ckpt.h"
#include "io/arrays.h"
#include "io/torch.h"

typedef struct atl_ckpt_layout {
    const char *name;                                   // for people
    bool (*probe)(const atl_ckpt *ckpt);
    atl_status (*open)(atl_ckpt *ckpt);                 // adds the networks and the record
    atl_status (*load)(atl_ckpt *ckpt, size_t index, atl_params *params); // atl_ckpt_load() checks the values
    atl_ckpt_about about;
} atl_ckpt_layout;

struct atl_ckpt {
    atl_ctx *ctx;
    const char *path;
    json_t *assumed, *consulted; // owned: values of the caller, and which of them were asked for
    atl_arena arena;
    const atl_ckpt_layout *layout;
    atl_arrays *arrays;                                 // one of the two is not NULL
    atl_torch *objects;
    atl_ckpt_net *nets;
    const void **sources;                               // per network: what the layout wants to remember
    json_t **configs;                                   // owned
    size_t size, room;
    json_t *record, *description;                       // owned; may be NULL
    const atl_object *tree;                             // what was read, a set of arrays as a dict too
    struct atl_found *found;                            // networks that a search found in it (find.h)
    size_t found_size;
    struct atl_ckpt_detectors *detectors; // and detectors (detector.h); NULL: none
    const char **left; // what load() could not place; owned, names in the arena
    size_t left_size, left_room;
};

// Adds a network; takes over `config`, also on failure.  key, kind and why are borrowed from the arena.
atl_status atl_ckpt_add(atl_ckpt *ckpt, const char *key, const char *kind, json_t *config, const char *why,
                        const void *source);

// One tensor of a network: what atl_ckpt_load_tensors() reads.
typedef struct atl_ckpt_tensor { const char *name; const atl_tensor *tensor; bool buffer; } atl_ckpt_tensor;
// The order in which values are read: tensors of one storage after each other, so that each is unpacked once.
typedef struct atl_ckpt_place {
    const atl_storage *storage;
    size_t index;
} atl_ckpt_place;
void atl_ckpt_sort_places(atl_ckpt_place *places, size_t count);

atl_status atl_ckpt_load_tensors(atl_ckpt *ckpt, const atl_ckpt_tensor *list, size_t count,
                                 atl_params *params);

// Notes something of the network that is loaded and that nothing uses.  The name is borrowed from the arena.
atl_status atl_ckpt_leave(atl_ckpt *ckpt, const char *name);

extern const atl_ckpt_layout atl_ckpt_native, atl_ckpt_official, atl_ckpt_tf, atl_ckpt_named,
    atl_ckpt_rosinality, atl_ckpt_genforce, atl_ckpt_detector, atl_ckpt_encoder, atl_ckpt_biggan,
    atl_ckpt_codes, atl_ckpt_aligner;

// download.c: what a file is that is no checkpoint, as the rest of a sentence; whether a path is an address.
const char *atl_ckpt_no_checkpoint(const atl_file *file);
bool atl_ckpt_is_address(const char *path);

// assume.c: what the caller says of the file; what of it a layout asks for, or NULL; the rest into the
// configs; and the values of a network that nothing says, for the record.
atl_status atl_ckpt_read_assumptions(atl_ckpt *ckpt, const char *text);
const json_t *atl_ckpt_assumed(atl_ckpt *ckpt, const char *key);
atl_status atl_ckpt_apply_assumptions(atl_ckpt *ckpt);
atl_status atl_ckpt_note_assumed(atl_ckpt *ckpt, size_t index, const char *const *keys, size_t count);

// official_config.c: the taps of one axis of a stored filter [k, k] or [k], whose sum is `gain`.  NULL, or a
// sentence when it is no product of two equal axes.
const char *atl_official_taps(atl_ckpt *ckpt, const atl_tensor *filter, double gain, json_t **taps);

// official_config.c: the kind and config of a pickled module.  *why is NULL or a sentence.
atl_status atl_official_describe(atl_ckpt *ckpt, const atl_object *module, const char **kind, json_t **config,
                                 const char **why);
const atl_object *atl_official_child(const atl_object *module, const char *name); // a submodule or NULL

#endif
