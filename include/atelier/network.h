// SPDX-License-Identifier: Apache-2.0
// What an opened network can do, by name: its functions and their ports, its tensors, its layers.
//
// A network is a few functions: a generator's are "map" (z, c -> w) and "synthesize" (ws -> img), a
// discriminator's is "discriminate" (img, c -> logits).  Inputs and results of a function are its ports;
// arrays go in and come out by the ports' names.  Layers inside are results, too, when a pattern asks for
// them:
//
//     atl_array ws = { "ws", ATL_F32, 3, { 4, info->num_ws, info->w_dim }, values };
//     atl_run_options o = ATL_RUN_OPTIONS_INIT;
//     atl_arrays *out;
//     o.features = "synthesis.b*.conv1";
//     if (atl_model_run(model, "synthesize", &ws, 1, &o, &out)) die(atl_message(ctx));
//     const atl_array *x = atl_arrays_find(out, "synthesis.b64.conv1"); // [4, 512, 64, 64]
//     atl_arrays_close(&out);
//
// Images and layers of images are N,C,H,W.
#ifndef ATELIER_NETWORK_H
#define ATELIER_NETWORK_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/array.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- functions and ports

// Names of the functions of a network, in turn; NULL past the last one.  Static storage.
ATL_API const char *atl_model_function(const atl_model *model, size_t index);

typedef enum atl_port_kind {
    ATL_PORT_EACH,    // an input with a row for each sample: [n, ...]
    ATL_PORT_NOISE,   // the same, of independent normal numbers: the maps "noise.0", "noise.1", ... of layers
    ATL_PORT_SETTING, // an input with one value for all samples, and one that it has when nothing is given
    ATL_PORT_RESULT,  // [n, ...]
} atl_port_kind;

typedef struct atl_port_info {
    const char *name; // "ws"
    atl_port_kind kind;
    int rank;
    int64_t dims[ATL_ARRAY_RANK_MAX]; // for one sample: the first is 1, but for a setting
    const float *initial;             // of a setting; else NULL
} atl_port_info;

// The ports of a function: *ports has *count of them, inputs first.  Valid while the model is open.  A
// network has no function of that name: an error that says what it is.
ATL_API atl_status atl_model_ports(atl_model *model, const char *function, const atl_port_info **ports,
                                   size_t *count);

typedef struct atl_run_options {
    size_t size;                 // sizeof(atl_run_options)
    atl_noise_mode noise_mode;   // where no maps are given: all modes but ATL_NOISE_MAPS
    const uint32_t *noise_seeds; // as in atl_synthesis_options
    const char *features;        // shell pattern of names of layers that are results, too; NULL: none
} atl_run_options;
#define ATL_RUN_OPTIONS_INIT                                                                                 \
    { sizeof(atl_run_options), ATL_NOISE_CONST, NULL, NULL }

// Runs a function of n samples, n being the first dimension of the first array that is no setting.  `in` are
// `count` arrays, each named as a port and shaped as it, of any dtype; they are borrowed during the call.  A
// label "c" that is not given is zeros; noise maps are given all together or not at all; any other input that
// is missing is an error that names it.
//
// *results has the function's results and the layers that were asked for, as floats; the caller closes it
// with atl_arrays_close(), before the context.  On failure it is NULL.  The first call of a kind makes a
// plan, which is kept with a few others; later ones only run it.
ATL_API atl_status atl_model_run(atl_model *model, const char *function, const atl_array *in, size_t count,
                                 const atl_run_options *options, atl_arrays **results);

// ---- tensors

// A stored tensor of the network by the name that the official files give it ("synthesis.b64.conv1.weight",
// in their shape; 'atelier inspect' lists them); NULL: there is none.  Valid while the model is open, and
// read only.
ATL_API const atl_array *atl_model_tensor(const atl_model *model, const char *name);
ATL_API const atl_array *atl_model_tensor_get(const atl_model *model,
                                              size_t index); // NULL: past the last one

#ifdef __cplusplus
}
#endif
#endif
