// SPDX-License-Identifier: Apache-2.0
// The parameter store: one span of floats with named views.  Names are those of the official PyTorch
// state dict ("synthesis.b64.conv1.weight"); shapes and order are the official ones (O,I,H,W).
//
// A store is filled in one of two ways: a checkpoint reader adds every tensor that it found, or the
// model itself declares what it wants (atl_network_declare) and the values are initialised.
#ifndef ATL_NN_PARAMS_H
#define ATL_NN_PARAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <atelier/array.h>
#include "base/mem.h"

typedef enum atl_init_kind { ATL_INIT_ZERO, ATL_INIT_NORMAL, ATL_INIT_FILL } atl_init_kind;

typedef struct atl_param {
    const char *name;
    int rank;
    int64_t dims[ATL_ARRAY_RANK_MAX];
    size_t offset, count;      // in floats from the start of the span
    bool buffer;               // saved and loaded, not trained
    atl_init_kind init;
    float init_value;          // standard deviation of NORMAL, value of FILL
} atl_param;

typedef struct atl_params {
    atl_ctx *ctx;
    atl_arena arena;           // names and the index
    atl_param *list;           // in order of addition
    size_t size, capacity;
    uint32_t *index;           // hash table of positions + 1 in list
    size_t slots;
    float *data;               // the span; NULL before atl_params_allocate()
    size_t total;              // floats
    uint64_t version;          // raised by whoever writes values that somebody may have copied
    const void *mapping;       // when the span lies inside a mapped file: start and length
    size_t mapping_bytes;
} atl_params;

void atl_params_init(atl_params *params, atl_ctx *ctx);
void atl_params_clear(atl_params *params);

// Adds a parameter; its place in the span follows the last one, aligned to 16 floats.  A second
// addition of the same name is an error.  *param (may be NULL) is valid until the next addition.
atl_status atl_params_add(atl_params *params, const char *name, int rank, const int64_t *dims, bool buffer,
                          atl_param **param);
// The span; all values are the caller's to write, and what lies between them is zeros.
atl_status atl_params_allocate(atl_params *params);

atl_param *atl_params_find(const atl_params *params, const char *name); // NULL: not there
static inline float *atl_param_data(const atl_params *params, const atl_param *p) { return params->data + p->offset; }

// Fills every parameter as its init says; numbers depend on seed and the parameter's name only.
void atl_params_randomise(atl_params *params, uint64_t seed);

// Hash of names, shapes and values, in order of names.
uint64_t atl_params_fingerprint(const atl_params *params);

#endif
