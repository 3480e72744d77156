// SPDX-License-Identifier: Apache-2.0
// A detector at work: pictures in, a row of numbers for each out.  It is a feature network with what comes
// before it: resizing and the range of the colours.
//
// Pictures are worked on in batches of a fixed size, cut into a fixed number of parts.  So whoever
// hands over the same pictures in the same order, starting at a multiple of atl_detector_batch(), gets the
// same bits, however many a call brings and however many threads work.
//
//     family     use         numbers per picture                                   resize
//     inception  "features"  2048: FID and KID                                     "tf" (default), "torch"
//                "softmax"   1008: the Inception score; without the classes' bias  the same
//                "logits"    1008, with the bias                                   the same
//                "spatial"   7 maps of 17 x 17: sFID                               the same
//     vgg16      "features"  4096, before the activation: precision and recall     "torch", "tf", "area"
//     lpips      "lpips"     the squared distance of two rows is LPIPS             none: any size is taken
//     progan     "scores"    1: a classifier of faces, for linear separability     "area"
#ifndef ATL_METRICS_DETECTOR_H
#define ATL_METRICS_DETECTOR_H

#include "graph/backend.h"
#include "run/network.h"

typedef struct atl_detector atl_detector;

typedef struct atl_detector_options {
    int height, width;    // of the pictures, all alike
    const char *resize;   // NULL: the first that the use has
    atl_backend *backend; // of atl_detector_backend(), outlives the detector; NULL: one of its own
} atl_detector_options;

// ---- networks

// The network of a file that a detector's role asks for: a role that begins with "inception", "vgg16" or
// "lpips" means that network of the file, another one the only one.  heads: the file with LPIPS's heads, when
// `path` has the backbone alone; else NULL.
atl_status atl_detector_network(atl_ctx *ctx, const char *role, const char *path, const char *heads,
                                atl_network *network);

// LPIPS of a backbone and the heads for it, which stay as they are.  On failure *lpips is all zeros.
atl_status atl_lpips_join(const atl_network *trunk, const atl_network *heads, atl_network *lpips);

// ---- detectors

// What work is cut into: as many threads have some in every step.  A convolution of 8 pictures falls into
// their halves.
enum { ATL_DETECTOR_PARTS = 16 };

// A backend whose results are the same for any number of threads, for detectors and for whatever feeds them.
// Closed by atl_backend_close().
atl_status atl_detector_backend(atl_ctx *ctx, atl_backend **backend);

// `network` must outlive the detector.  A use that the network does not have, and a resize that the use does
// not have, are errors that name those that there are.
atl_status atl_detector_open(const atl_network *network, const char *use, const atl_detector_options *options,
                             atl_detector **detector);
void atl_detector_close(atl_detector **detector); // accepts a pointer to NULL

int64_t atl_detector_width(const atl_detector *d);      // numbers per picture
int atl_detector_batch(const atl_detector *d);          // pictures that are worked on together
const char *atl_detector_resize(const atl_detector *d); // "tf"; "" where nothing is resized

// `n` pictures rgb [n, 3, height, width] from 0 to 255 -> out [n, width].
atl_status atl_detector_run(atl_detector *d, const uint8_t *rgb, int64_t n, float *out);
// The same for numbers that were not rounded.
atl_status atl_detector_run_float(atl_detector *d, const float *rgb, int64_t n, float *out);

// Tells whether two runs give comparable numbers: a hash of the weights, the use and the resize.
uint64_t atl_detector_fingerprint(const atl_detector *d);

#endif
