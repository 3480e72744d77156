// SPDX-License-Identifier: Apache-2.0
// Identity networks: an IR or IR-SE trunk whose last map becomes a vector of unit length.  Two pictures show
// the same face as far as the product of their vectors is near 1.  ArcFace (Deng et al. 2019) is IR-SE-50
// with the factor in its last norm, CurricularFace (Huang et al. 2020) IR-101 without.
//
// Pictures are [n, 112, 112, 3] from -1 to 1; "embed_face" takes any size, cut and reduced as losses of
// encoders do.
#include "models/backbone.h"
#include "models/rows.h"
#include "models/trunk.h"
#include "nn/functions.h"

enum { SIZE = 112, SIDE = SIZE / 16, WIDTH_MOST = 1 << 14 };

typedef struct config {
    atl_trunk trunk;
    atl_picture_size size; // of pictures for "embed_face", where the caller binds none
    int width;             // numbers of a vector, 512
    bool affine;           // the last norm has factor and offset
} config;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    int affine = 1;
    *c = (config){ .size = { 256, 256 } };
    ATL_TRY(atl_config_trunk(ctx, json, &c->trunk));
    ATL_TRY(atl_config_int(ctx, json, "width", 1, WIDTH_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, json, "affine", 0, 1, &affine));
    c->affine = affine != 0;
    return c->trunk.kind != ATL_TRUNK_RESNET
               ? ATL_OK
               : atl_fail(ctx, ATL_UNSUPPORTED,
                          "the network's config has a trunk that no identity network has");
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)config_;
    (void)params;
    *d = (atl_model_dims){ .channels = 3, .height = SIZE, .width = SIZE };
    return ATL_OK;
}

// x [n, 112, 112, 3] -> [n, width]
static atl_node *vector_of(atl_net *net, const config *c, atl_node *x) {
    atl_graph *g = net->g;
    x = atl_trunk_run(net, &c->trunk, x).c3;
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_trunk_norm(net, "output_layer.0", x, true);
    x = atl_permute(g, x, (const int[]){ 0, 3, 1, 2 }); // rows of the matrix are c, h, w
    x = atl_reshape(g, x, ATL_SHAPE(x->shape.d[0], (int64_t)c->trunk.channels[3] * SIDE * SIDE));
    x = atl_name_result(net, "output_layer.3", atl_plain_linear(net, "output_layer.3", x, c->width));
    x = atl_trunk_norm(net, "output_layer.4", x, c->affine);
    atl_node *length = atl_sqrt(g, atl_sum(g, atl_square(g, x), 1u << 1));
    return atl_div(g, x, atl_expand(g, length, x->shape));
}

// "img" [112, 112, 3] -> "embedding" [n, width]
static void embed(atl_net *net, const void *config_, atl_call *call) {
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(SIZE, SIZE, 3));
    atl_call_out(net, call, "embedding", vector_of(net, config_, x));
}

// The face in a picture that was aligned as FFHQ's are: rows 35 to 222 and columns 32 to 219 of 256, in other
// sizes the same part, reduced to 112x112.
static atl_node *face_of(atl_net *net, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2];
    const int64_t begin[] = { 0, h * 35 / 256, w * 32 / 256, 0 };
    x = atl_slice(g, x, begin, ATL_SHAPE(n, h * 188 / 256, w * 188 / 256, 3));
    return atl_name_result(net, "face", atl_adaptive_average_pool(g, x, SIZE, SIZE));
}

// "img" [h, w, 3], an aligned picture -> "embedding" [n, width]
static void embed_face(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *x = atl_call_picture(net, call, "img", &c->size);
    atl_call_out(net, call, "embedding", vector_of(net, c, face_of(net, x)));
}

const atl_model_row atl_face_embedding = {
    .kind = "face_embedding",
    .family = "arcface",
    .role = "identity",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "embed", embed, false }, { "embed_face", embed_face, false } },
};
