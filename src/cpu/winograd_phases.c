// SPDX-License-Identifier: Apache-2.0
// Tiles and products of convolutions that tell even pixels from odd ones: what the up-convolution and stride
// 2 have in common.
#include "cpu/winograd_inside.h"

atl_cpu_wino_planes atl_cpu_wino_planes_of(const atl_cpu_wino *w, float *base, size_t channels, size_t i) {
    size_t t = (size_t)w->plan.tiles, c = channels;
    atl_cpu_wino_planes p = { base, base + 25 * t * c, base + 65 * t * c, c, c, 10 * c, c };
    if (w->plan.split) {
        p.ee_step = t * c;
        p.point = 4 * t * c;
        p.line = c;
    }
    p.ee += i * (w->plan.split ? c : 25 * c);
    p.eo += i * 4 * p.line;
    p.oo += i * 16 * c;
    return p;
}

void atl_cpu_wino_phase_product(const atl_cpu_wino *w, float *v, float *m, size_t tiles, size_t p) {
    size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co;
    atl_cpu_wino_planes from = atl_cpu_wino_planes_of(w, v, ci, 0), to = atl_cpu_wino_planes_of(w, m, co, 0);
    const float *weight = w->weight + p * ci * co;
    if (p < 25)
        w->kernels.product(from.ee + p * ci, 25 * ci, weight, to.ee + p * co, 25 * co, tiles, co, ci);
    else if (p < 35)
        w->kernels.product(from.eo + (p - 25) * ci, 10 * ci, weight, to.eo + (p - 25) * co, 10 * co,
                           4 * tiles, co, ci);
    else
        w->kernels.product(from.oo, ci, weight, to.oo, co, 16 * tiles, co, ci);
}

// Largest first: 14 of four rows per tile (the sixteen in four parts), 25 of one.
void atl_cpu_wino_split_product(const atl_cpu_wino *w, const atl_cpu_wino_space *s, int u) {
    size_t t = (size_t)w->plan.tiles, ci = (size_t)w->shape.ci, co = (size_t)w->shape.co;
    int wide = u < 14;
    size_t plane = wide ? 25 + 4 * (size_t)u : (size_t)u - 14,
           matrix = wide ? (u < 10 ? 25 + (size_t)u : 35) : plane;
    atl_cpu_wino_split_rows(w, s->v + plane * t * ci, matrix, s->m + plane * t * co, wide ? 4 * t : t);
}
