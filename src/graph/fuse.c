// SPDX-License-Identifier: Apache-2.0
// The table of rewrites, in order.  They come after gradients, so no fused kernel ever needs a derivative.
#include "graph/fuse.h"

#include <math.h>

#define ROOT(op) (UINT64_C(1) << ATL_OP_##op)

static const struct {
    const char *name;
    uint64_t roots; // ops of clones that it is tried on
    void (*try)(atl_fuser *f, int i);
} PATTERNS[] = {
    // the ending of a StyleGAN layer, some fifteen nodes
    { "style", ROOT(BINARY), atl_fuse_style },
    // step(x) reads lrelu(x) or what follows it, so that x itself may vanish
    { "step", ROOT(UNARY), atl_fuse_step },
    // conv(x * s[n, c], w), and of both tensors that give a weight gradient
    { "in-scale", ROOT(CONV), atl_fuse_in_scale },
    // upfirdn(transposed conv): the upsampling layer of StyleGAN2
    { "up-filter", ROOT(UPFIRDN), atl_fuse_up_filter },
    // conv(x, turned w), turned weight gradient: what is beside a transposed convolution in gradients
    { "turned", ROOT(CONV) | ROOT(PERMUTE), atl_fuse_turned },
    // conv | upfirdn | matmul, then * scale[n, c], + noise[n, h, w], + bias[c], lrelu, * gain, clamp,
    // * step(tensor) (the slope of an activation, in gradients), + tensor
    { "epilogue", ROOT(CONV) | ROOT(UPFIRDN) | ROOT(MATMUL), atl_fuse_epilogue },
    // the same chain after anything else, when it is two or more nodes
    { "pointwise", ROOT(UNARY) | ROOT(BINARY), atl_fuse_pointwise },
    // sum(x * y), sum(x * x)
    { "product", ROOT(SUM), atl_fuse_product },
    // of these the gradient of an epilogue's scale, which then reads the epilogue's result
    { "scale-grad", ROOT(SUM), atl_fuse_scale_grad },
};

const atl_fusion atl_fusion_none = { .in_scale = -1,
                                     .scale = -1,
                                     .noise = -1,
                                     .bias = -1,
                                     .gate = -1,
                                     .residual = -1,
                                     .slope = 1.0f,
                                     .gain = 1.0f,
                                     .clamp = INFINITY,
                                     .gate_slope = 1.0f };

bool atl_fuse_wanted(const atl_fuser *f, const atl_node *candidate, const atl_fusion *fusion) {
    atl_node n = *candidate;
    n.fusion = fusion;
    return f->backend->fuses(f->backend, &n);
}

void atl_fuse_put(atl_fuser *f, atl_node *n, const atl_fusion *fusion) {
    atl_fusion *own = atl_arena_alloc(f->arena, 1, sizeof *own);
    f->lost = f->lost || !own;
    if (own)
        *own = *fusion;
    n->fusion = own;
}

atl_node *atl_fuse_expanded(const atl_node *n, unsigned keep) {
    if (n->op != ATL_OP_EXPAND)
        return NULL;
    const atl_shape *from = &n->src[0]->shape;
    for (int i = 0; i < from->rank; i++) {
        bool repeated = from->d[i] == 1 && (i == 0 && from->rank > 1);
        if (keep >> i & 1 ? from->d[i] != n->shape.d[i] && !repeated : from->d[i] != 1)
            return NULL;
    }
    return n->src[0];
}

static void count_uses(atl_fuser *f) {
    for (int i = 0; i < f->size; i++)
        f->list[i].uses = 0;
    for (int i = 0; i < f->size; i++)
        for (int k = 0; f->list[i].n->op != ATL_OP_POISON && k < f->list[i].n->n_src; k++)
            f->list[f->list[i].n->src[k]->id].uses++;
}

atl_status atl_fuse(atl_arena *arena, const atl_backend *backend, atl_fuse_node *list, int size) {
    atl_fuser f = { arena, backend, list, size, false };
    for (size_t p = 0; backend->fuses && p < sizeof PATTERNS / sizeof *PATTERNS; p++) {
        count_uses(&f);
        for (int i = 0; i < size && !f.lost; i++) // patterns read what earlier ones have put
            if (PATTERNS[p].roots >> list[i].n->op & 1)
                PATTERNS[p].try(&f, i);
    }
    return f.lost ? ATL_NO_MEMORY : ATL_OK;
}
