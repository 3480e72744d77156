// SPDX-License-Identifier: Apache-2.0
// Which fused nodes have good kernels here.  All epilogues and prologues do; a filter behind a transposed
// convolution only in the form of StyleGAN2's upsampling layer, which Winograd takes.
#include "cpu/backend_cpu.h"

// The filter as one of four taps per axis with padding 1: smaller ones get zeros around them.
static bool four_taps(const atl_fir_attr *a) {
    return a->fw >= 1 && a->fw <= 4 && a->fh >= 1 && a->fh <= 4 && a->px0 >= 0 && a->px0 <= 1 &&
           a->py0 >= 0 && a->py0 <= 1 && a->px0 + 3 >= a->fw && a->py0 + 3 >= a->fh;
}

void atl_cpu_four_taps(const atl_fir_attr *a, float fir[16]) {
    for (int i = 0; i < 16; i++)
        fir[i] = 0.0f;
    for (int r = 0; r < a->fh; r++)
        for (int s = 0; s < a->fw; s++) {
            int tap = r * a->fw + s, mirrored = a->fh * a->fw - 1 - tap;
            // tap fw - 1 of a convolution meets the pixel at -px0, tap 3 of ours the one at -1
            fir[(r + 3 - a->fh + a->py0) * 4 + s + 3 - a->fw + a->px0] =
                a->f[a->flip ? mirrored : tap] * a->gain;
        }
}

static bool upsamples(const atl_node *n) {
    const atl_conv_attr *v = &n->at.conv;
    const atl_shape *x = &n->src[1]->shape, *w = &n->src[0]->shape;
    return v->sy == 2 && v->sx == 2 && v->groups == 1 && v->py0 + v->py1 + v->px0 + v->px1 == 0 &&
           w->d[2] == 3 && w->d[3] == 3 && n->shape.d[1] == 2 * x->d[1] && n->shape.d[2] == 2 * x->d[2] &&
           four_taps(&n->fusion->fir);
}

bool atl_cpu_fuses(const atl_backend *b, const atl_node *n) {
    (void)b;
    if (n->op == ATL_OP_CONV && n->fusion->turned && !n->fusion->up_fir)
        return n->at.conv.sy > 1 || n->at.conv.sx > 1; // the others may go by Winograd
    return n->op != ATL_OP_CONV || !n->fusion->up_fir || upsamples(n);
}
