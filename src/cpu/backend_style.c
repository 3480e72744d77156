// SPDX-License-Identifier: Apache-2.0
// The step of a StyleGAN layer's ending.
#include "cpu/backend_cpu.h"

atl_status atl_cpu_prepare_style(atl_cpu *b, atl_step *step) {
    (void)b;
    const atl_shape *y = &step->node->shape;
    step->workspace_bytes =
        atl_cpu_style_workspace((int)y->d[0], (size_t)(y->d[1] * y->d[2]), (size_t)y->d[3]);
    return ATL_OK;
}

atl_status atl_cpu_run_style(atl_cpu *b, const atl_step *step, const atl_run *run) {
    (void)run;
    const atl_node *n = step->node;
    bool noise = n->n_src == 6;
    size_t pixels = (size_t)(n->shape.d[1] * n->shape.d[2]);
    atl_cpu_style_norm s = { .bias = step->src[1].data,
                             .scale = step->src[2].data,
                             .offset = step->src[3].data,
                             .noise = noise ? step->src[4].data : NULL,
                             .weight = noise ? step->src[5].data : NULL,
                             .slope = n->at.style_norm.slope,
                             .eps = n->at.style_norm.eps };
    s.noise_stride = noise && n->src[4]->shape.d[0] > 1 ? (ptrdiff_t)pixels : 0;
    atl_cpu_style_run(&b->kernels.style, &b->kernels.pointwise, &s, step->out, step->src[0].data,
                      (int)n->shape.d[0], pixels, (size_t)n->shape.d[3], b->team, step->workspace);
    return ATL_OK;
}
