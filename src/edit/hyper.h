// SPDX-License-Identifier: Apache-2.0
// Generators tuned by a hypernetwork: kernels W become W (1 + delta) (Alaluf et al. 2022, section 3.2).
#ifndef ATL_EDIT_HYPER_H
#define ATL_EDIT_HYPER_H

#include "run/network.h"

enum { ATL_HYPER_LAYERS = 32 };

// The parameter of a StyleGAN2 generator's layer, counted conv1, to_rgb1, then conv, conv, to_rgb of each resolution.
const char *atl_hyper_weight(int layer, char name[64]);

// W of that layer becomes W (1 + delta); delta has `count` numbers, [out, in, k, k].
atl_status atl_hyper_apply(atl_network *generator, int layer, const float *delta, size_t count);

#endif
