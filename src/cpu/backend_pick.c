// SPDX-License-Identifier: Apache-2.0
// Steps that choose pixels: window maximum and gathering, each with its transpose.
#include "cpu/backend_cpu.h"

atl_status atl_cpu_run_pick(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    const atl_node *n = s->node;
    bool back = n->op == ATL_OP_PICK_T;
    const int64_t *x = n->src[0]->shape.d, *y = back ? n->src[1]->shape.d : n->shape.d;
    const atl_pick_attr *a = &n->at.pick;
    atl_cpu_pick_dims d = { x[0], x[1], x[2], x[3], y[1], y[2], a->kh, a->kw, a->sy, a->sx, a->py0, a->px0 };
    (back ? atl_cpu_pick_t : atl_cpu_pick)(&b->kernels.pick, &d, s->src[0].data, s->src[1].data, s->out,
                                           b->team);
    return ATL_OK;
}

atl_status atl_cpu_run_gather(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    const atl_node *n = s->node;
    bool back = n->op == ATL_OP_GATHER_T;
    const int64_t *x = back ? n->shape.d : n->src[0]->shape.d, *index = n->src[1]->shape.d;
    int64_t each = index[1] * index[2];
    atl_cpu_gather_dims d = {
        x[0], x[1], index[1], index[2], x[2], index[0] > 1 ? each : 0, n->src[2]->shape.d[0] > 1 ? each : 0
    };
    (back ? atl_cpu_gather_t : atl_cpu_gather)(&b->kernels.gather, &d, s->src[0].data, s->src[1].data,
                                               s->src[2].data, s->out, b->team);
    return ATL_OK;
}
