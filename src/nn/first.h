// SPDX-License-Identifier: Apache-2.0
// First weights of layers in other ways than a network declares them.
#ifndef ATL_NN_FIRST_H
#define ATL_NN_FIRST_H

#include "nn/params.h"

typedef enum atl_first {
    ATL_FIRST_ORTHOGONAL, // rows or columns, whichever are fewer, are orthonormal (Saxe et al. 2014)
    ATL_FIRST_NORMAL,     // as declared: normal with a deviation of its own
    ATL_FIRST_XAVIER,     // uniform, as wide as inputs and outputs say (Glorot and Bengio 2010, equation 16)
} atl_first;

// Makes anew the weights of two and more axes [out, in, ...] that were filled with normal numbers
// (atl_params_randomise()), of which the new ones are a function.
atl_status atl_params_first(atl_params *params, atl_first kind);

#endif
