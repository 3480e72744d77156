// SPDX-License-Identifier: Apache-2.0
// A loss of your own over two networks: how far a generated picture is from another one in the features of
// VGG16, and which way to go in w.  usage: 06_gradient GENERATOR.safetensors [VGG16.safetensors]
//
// Without a file the weights of VGG16 are random numbers, whose features still tell textures apart.
#define ATL_EXPERIMENTAL
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <atelier/atelier.h>

static int die(atl_ctx *ctx) {
    fprintf(stderr, "06_gradient: %s\n", atl_message(ctx));
    return 1;
}

// Mean square distance of the features of two pictures, [n, h, w, 3] in -1 to 1.
static atl_node *distance(atl_graph *g, atl_model *vgg, atl_node *x, atl_node *y) {
    static const float mean[] = { 0.485f, 0.456f, 0.406f }, deviation[] = { 0.229f, 0.224f, 0.225f };
    static const char *const layers[] = { "conv1_2", "conv2_2", "conv3_3" };
    float scale[3], offset[3]; // from -1 ... 1 to what the training set was given as
    for (int c = 0; c < 3; c++) {
        scale[c] = 0.5f / deviation[c];
        offset[c] = (0.5f - mean[c]) / deviation[c];
    }
    atl_node *s = atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, 1, 3), scale), atl_node_shape(x));
    atl_node *o = atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, 1, 3), offset), atl_node_shape(x));
    atl_bound a = { "img", atl_add(g, atl_mul(g, x, s), o) }, b = { "img", atl_add(g, atl_mul(g, y, s), o) };
    atl_node *sum = NULL;
    for (int k = 0; k < 3; k++) {
        atl_node *d = atl_sub(g, atl_model_apply(g, vgg, "vgg", "features", layers[k], &a, 1),
                              atl_model_apply(g, vgg, "vgg", "features", layers[k], &b, 1));
        atl_node *part = atl_reshape(g, atl_mean(g, atl_square(g, d), 15u), ATL_SHAPE(1));
        sum = sum ? atl_add(g, sum, part) : part;
    }
    return sum;
}

// The loss of seed 1's picture against seed 2's, and its gradient with respect to ws.
static int run(atl_ctx *ctx, atl_model *generator, atl_model *vgg) {
    const atl_model_info *info = atl_model_get_info(generator);
    size_t z_dim = (size_t)info->z_dim, row = (size_t)info->num_ws * (size_t)info->w_dim;
    float *z = calloc(2 * z_dim, sizeof *z), *ws = calloc(2 * row, sizeof *ws), *gradient = calloc(row, sizeof *ws);
    atl_graph *g = NULL;
    atl_plan *plan = NULL;
    int status = 1;
    float loss = 0.0f;
    double norm = 0.0;
    if (!z || !ws || !gradient)
        goto done;
    atl_seed_to_z(1, z_dim, z);
    atl_seed_to_z(2, z_dim, z + z_dim);
    if (atl_model_map(generator, 2, z, NULL, NULL, ws) || atl_graph_open(ctx, &g))
        goto done;

    atl_node *from = atl_input(g, "from", ATL_SHAPE(1, info->num_ws, info->w_dim)), *slope;
    atl_node *to = atl_input(g, "to", ATL_SHAPE(1, info->num_ws, info->w_dim));
    atl_node *x = atl_model_apply(g, generator, "G", "synthesize", "img", &(atl_bound){ "ws", from }, 1);
    atl_node *y = atl_model_apply(g, generator, "G", "synthesize", "img", &(atl_bound){ "ws", to }, 1);
    atl_node *far = distance(g, vgg, x, y);
    atl_grad(g, far, &from, 1, &slope);
    if (atl_plan_open(g, (atl_node *[]){ far, slope }, 2, &plan))
        goto done;
    if (atl_plan_set(plan, from, ws) || atl_plan_set(plan, to, ws + row) || atl_plan_run(plan) ||
        atl_plan_get(plan, far, &loss) || atl_plan_get(plan, slope, gradient))
        goto done;

    for (size_t i = 0; i < row; i++)
        norm += (double)gradient[i] * (double)gradient[i];
    printf("distance %.4f, length of the gradient %.4f\n", (double)loss, sqrt(norm));
    status = 0;
done:
    atl_plan_close(&plan);
    atl_graph_close(&g);
    free(z);
    free(ws);
    free(gradient);
    return status ? die(ctx) : 0;
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_model *generator = NULL, *vgg = NULL;
    atl_init_options features = ATL_INIT_OPTIONS_INIT;
    features.cfg = "vgg16";
    features.resolution = 32;
    if (argc < 2) {
        fprintf(stderr, "usage: 06_gradient GENERATOR.safetensors [VGG16.safetensors]\n");
        return 2;
    }
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    int status = atl_model_open(ctx, argv[1], NULL, &generator) ||
                         (argc > 2 ? atl_model_open(ctx, argv[2], NULL, &vgg) : atl_model_init(ctx, &features, &vgg))
                     ? die(ctx)
                     : run(ctx, generator, vgg);
    atl_model_close(&generator);
    atl_model_close(&vgg);
    atl_ctx_close(&ctx);
    return status;
}
