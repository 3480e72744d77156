// SPDX-License-Identifier: Apache-2.0
// Files of detectors: the networks that metrics and perceptual losses compare pictures by.  They come in more
// forms than generators do (state dicts, pickled modules, TorchScript, TensorFlow's variables), so a file is
// first made a flat list of named tensors, and then looked through for the layers of each network.
#ifndef ATL_CKPT_DETECTOR_H
#define ATL_CKPT_DETECTOR_H

#include "ckpt/mapped.h"

// One tensor; `name` is its path with every separator as '_', so that "mixed_9.tower.conv" and
// "mixed_9/tower/conv" are one name.
typedef struct atl_flat_tensor {
    const char *name;
    const atl_object *value; // TENSOR
} atl_flat_tensor;

typedef struct atl_flat {
    atl_ckpt *ckpt;
    atl_flat_tensor *list; // in the order of the file
    size_t size;
} atl_flat;

// A network that a file holds, and which of its tensors become which parameters.
typedef struct atl_found_detector {
    const char *key, *kind;
    json_t *config;
    atl_ckpt_source *list; // in the arena
    size_t size, room;
} atl_found_detector;

enum { ATL_FOUND_DETECTORS = 4 };

struct atl_ckpt_detectors {
    atl_found_detector list[ATL_FOUND_DETECTORS];
    size_t size;
};

// Fills ckpt->detectors when the file holds any.
atl_status atl_ckpt_find_detectors(atl_ckpt *ckpt);

// ---- for the networks' files

// The tensor of a name; NULL: there is none.  The first one counts.
const atl_object *atl_flat_find(const atl_flat *flat, const char *format, ...) ATL_PRINTF(2, 3);
// What stands before `end` in the first name that ends in it: where a network's names begin.  NULL: none.
const char *atl_flat_prefix(const atl_flat *flat, const char *end);

// Begins a network with room for `most` parameters; NULL: out of memory, or of room.
atl_found_detector *atl_detector_add(atl_ckpt *ckpt, const char *key, const char *kind, size_t most);
atl_status atl_detector_done(atl_ckpt *ckpt, const atl_found_detector *d); // whether its config could be made
// The tensor becomes the parameter; false: it has another shape, or there is none.  Weights of convolutions
// may be [o, i, h, w] or [h, w, i, o], those of dense layers [o, i] or, with `turned` set, [i, o]; vectors
// may have dims of 1 around.
typedef struct atl_wanted {
    int64_t out, in, kh, kw; // in 0: any
} atl_wanted;
bool atl_detector_conv(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_object *value,
                       atl_wanted w);
bool atl_detector_dense(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_object *value,
                        int64_t out, int64_t in, bool turned);
bool atl_detector_vector(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_object *value,
                         int64_t count, bool buffer);

// detector_inception.c, detector_lpips.c, detector_resnet.c: add what they find.
atl_status atl_find_inception(const atl_flat *flat);
atl_status atl_find_lpips(const atl_flat *flat);
atl_status atl_find_resnet(const atl_flat *flat);

#endif
