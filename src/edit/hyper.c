// SPDX-License-Identifier: Apache-2.0
// Deltas of a hypernetwork and the kernels that they belong to; edit/hyper.h.
#include "edit/hyper.h"

#include <stdio.h>

const char *atl_hyper_weight(int layer, char name[64]) {
    static const char *const kinds[] = { "conv0", "conv1", "torgb" };
    if (layer < 2)
        snprintf(name, 64, "synthesis.b4.%s.weight", kinds[1 + layer]);
    else
        snprintf(name, 64, "synthesis.b%d.%s.weight", 8 << (layer - 2) / 3, kinds[(layer - 2) % 3]);
    return name;
}

atl_status atl_hyper_apply(atl_network *generator, int layer, const float *delta, size_t count) {
    char name[64];
    const atl_param *p = layer >= 0 && layer < ATL_HYPER_LAYERS
                             ? atl_params_find(&generator->params, atl_hyper_weight(layer, name))
                             : NULL;
    if (!p || p->count != count)
        return atl_fail(generator->ctx, ATL_BAD_ARGUMENT,
                        "the generator has no layer %d of %zu weights, for which the hypernetwork has deltas", layer,
                        count);
    float *w = atl_param_data(&generator->params, p);
    for (size_t i = 0; i < count; i++)
        w[i] *= 1.0f + delta[i];
    generator->params.version++;
    return ATL_OK;
}
