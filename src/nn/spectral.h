// SPDX-License-Identifier: Apache-2.0
// Weights divided by their spectral norm (Miyato et al. 2018), estimated by one half step of the power method
// from a stored vector, or read off two stored vectors.
#ifndef ATL_NN_SPECTRAL_H
#define ATL_NN_SPECTRAL_H

#include "nn/net.h"

typedef struct atl_spectral {
    float eps;
    // Which vectors are stored beside "weight" [out, ...], as the matrix W [out, k]:
    //   false: "u0" [1, out].  v = u W and u' = v W^T, both of length 1; sigma = v W^T u'^T.  The step is
    //          made in evaluation, too, and its result is not kept there.
    //   true:  "weight_u" [out] and "weight_v" [k] beside "weight_orig".  sigma = u W v.
    bool both;
    // Training makes one step and keeps its vectors, once a run however often the weight is used.  Whether
    // the gradient of sigma goes through them, too, as in SAGAN's TensorFlow form; else they count as
    // constants.
    bool through;
} atl_spectral;

// The parameter of the scope, divided.
atl_node *atl_spectral_weight(atl_net *net, atl_shape shape, const atl_spectral *s);

// x [n, in] -> [n, out] in a scope of its own.
atl_node *atl_spectral_dense(atl_net *net, const char *scope, atl_node *x, int64_t out, bool bias,
                             const atl_spectral *s);
// x [n, h, w, in] -> [n, h, w, out]: kernel 1 or 3, padded.
atl_node *atl_spectral_conv(atl_net *net, const char *scope, atl_node *x, int64_t out, int kernel, bool bias,
                            const atl_spectral *s);

#endif
