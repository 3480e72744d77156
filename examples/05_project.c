// SPDX-License-Identifier: Apache-2.0
// A picture back into the space of styles: plain gradient descent on w, with the mean squared difference of
// pixels as loss.  It shows the experimental graph: a loss of one's own over an opened network, with its
// gradient.  (Better pictures need a loss of features and noise that is optimised, too.)
//
//     ./project ffhq.pkl face.png 200 out.png
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATL_EXPERIMENTAL
#include <atelier/atelier.h>

typedef struct loss {
    atl_graph *graph;
    atl_plan *plan;
    atl_node *w, *target, *value, *gradient; // [1, 1, w_dim]; [1, h, w, c]; [1]; as w
} loss;

static atl_status build(atl_ctx *ctx, atl_model *model, loss *l) {
    const atl_model_info *info = atl_model_get_info(model);
    atl_status status = atl_graph_open(ctx, &l->graph);
    if (status)
        return status;
    atl_graph *g = l->graph;
    l->w = atl_input(g, "w", ATL_SHAPE(1, 1, info->w_dim));
    l->target = atl_input(g, "target", ATL_SHAPE(1, info->height, info->width, info->channels));
    atl_bound ws = { "ws", atl_expand(g, l->w, ATL_SHAPE(1, info->num_ws, info->w_dim)) };
    atl_node *img = atl_model_apply(g, model, "G", "synthesize", "img", &ws, 1);
    atl_node *difference = atl_square(g, atl_sub(g, img, l->target));
    l->value = atl_reshape(g, atl_mean(g, difference, 1 | 2 | 4 | 8), ATL_SHAPE(1));
    atl_grad(g, l->value, &l->w, 1, &l->gradient);
    return atl_plan_open(g, (atl_node *[]){ l->value, l->gradient }, 2, &l->plan);
}

// Descent with a rate that finds itself: it grows while the loss falls; when the loss rises, the step is
// taken back and made half as long.
static atl_status descend(const loss *l, size_t w_dim, int steps, float *w) {
    float *kept = calloc(2 * w_dim, sizeof *kept), *slope = kept + w_dim; // the best w so far, its gradient
    float value, best = INFINITY;
    double rate = 1.0;
    atl_status status = kept ? ATL_OK : ATL_NO_MEMORY;
    for (int k = 0; k < steps && !status; k++) {
        atl_plan_set(l->plan, l->w, w);
        status = atl_plan_run(l->plan);
        if (!status)
            status = atl_plan_get(l->plan, l->value, &value);
        if (!status && value < best) {
            best = value;
            rate *= 1.5;
            memcpy(kept, w, w_dim * sizeof *w);
            status = atl_plan_get(l->plan, l->gradient, slope);
        } else {
            rate *= 0.5;
        }
        for (size_t i = 0; i < w_dim; i++)
            w[i] = kept[i] - (float)(rate * (double)slope[i]);
        if (k % 10 == 0 || k == steps - 1)
            printf("step %4d  mean squared difference %.5f\n", k, (double)best);
    }
    if (kept)
        memcpy(w, kept, w_dim * sizeof *w);
    free(kept);
    return status;
}

// The average of w: where truncation with psi 0 leads.
static atl_status start(atl_model *model, float *ws) {
    const atl_model_info *info = atl_model_get_info(model);
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    float *z = calloc((size_t)info->z_dim, sizeof *z);
    o.truncation_psi = 0.0f;
    if (!z)
        return ATL_NO_MEMORY;
    atl_seed_to_z(0, (size_t)info->z_dim, z);
    atl_status status = atl_model_map(model, 1, z, NULL, &o, ws);
    free(z);
    return status;
}

static atl_status project(atl_ctx *ctx, atl_model *model, atl_image *picture, int steps) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t count = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    loss l = { 0 };
    float *target = malloc(count * sizeof *target), *img = malloc(count * sizeof *img);
    float *w =
        malloc((size_t)info->num_ws * (size_t)info->w_dim * sizeof *w); // one for each layer, all alike
    float *ws = malloc((size_t)info->num_ws * (size_t)info->w_dim * sizeof *ws);
    if (picture->width != info->width || picture->height != info->height ||
        picture->channels != info->channels) {
        fprintf(stderr, "the picture must be %d x %d with %d channels\n", info->width, info->height,
                info->channels);
        free(target), free(img), free(w), free(ws);
        return ATL_BAD_ARGUMENT;
    }
    for (size_t i = 0; target && i < count; i++)
        target[i] = (float)picture->pixels[i] / 127.5f - 1.0f; // interleaved, as the graph has it
    atl_status status = target && img && w && ws ? build(ctx, model, &l) : ATL_NO_MEMORY;
    if (!status)
        status = atl_plan_set(l.plan, l.target, target);
    if (!status)
        status = start(model, w);
    if (!status)
        status = descend(&l, (size_t)info->w_dim, steps, w);
    if (!status)
        status = atl_model_broadcast(model, 1, w, NULL, ws);
    if (!status)
        status = atl_model_synthesize(model, 1, ws, NULL, img);
    if (!status)
        atl_image_from_float(img, picture);
    atl_plan_close(&l.plan);
    atl_graph_close(&l.graph);
    free(target);
    free(img);
    free(w);
    free(ws);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s NETWORK PICTURE STEPS RESULT.png\n", argv[0]);
        return 2;
    }
    atl_ctx *ctx;
    atl_model *model = NULL;
    atl_image picture = { 0 };
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = atl_model_open(ctx, argv[1], NULL, &model);
    if (!status)
        status = atl_image_read(ctx, argv[2], &picture);
    if (!status)
        status = project(ctx, model, &picture, atoi(argv[3]));
    if (!status)
        status = atl_image_write(ctx, argv[4], "png", &picture, 0, NULL, 0);
    if (status)
        fprintf(stderr, "%s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_image_clear(ctx, &picture);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
