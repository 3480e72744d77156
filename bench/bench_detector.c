// SPDX-License-Identifier: Apache-2.0
// Feature networks: time against the machine's peak, and where it goes.  Weights are random.
//
//   bench_detector [inception | vgg16 | lpips-vgg | lpips-alex | lpips-squeeze [batch [size [layers
//   [parts]]]]]
//
// LPIPS is the distance of pairs with its gradient.  R is (work of the direct algorithm / peak) / time.
// parts: what detectors cut their work into, 16; 0: as many as there are threads.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/backend.h"
#include "run/program.h"
#include "table.h"

typedef struct scene {
    atl_network net;
    const char *name;
    int size;
} scene;

static void build(atl_graph *g, atl_call *call, void *user) {
    const scene *s = user;
    atl_net net = atl_network_in(g, &s->net, NULL);
    atl_node *x = atl_call_in(&net, call, "x", ATL_SHAPE(s->size, s->size, 3)), *dx;
    if (strncmp(s->name, "lpips", 5) != 0) {
        bool inception = !strcmp(s->name, "inception");
        const char *port = inception ? "features" : "fc2";
        atl_call_out(&net, call, port,
                     ATL_APPLY(&net, &s->net, inception ? "features" : "classify", port, { "img", x }));
        return;
    }
    atl_node *y = atl_call_in(&net, call, "y", ATL_SHAPE(s->size, s->size, 3));
    atl_node *d = ATL_APPLY(&net, &s->net, "distance", "distance", { "x", x }, { "y", y });
    atl_node *loss = atl_reshape(g, atl_sum(g, d, 3u), ATL_SHAPE(1));
    atl_grad(g, loss, &x, 1, &dx);
    atl_call_out(&net, call, "distance", d);
    atl_call_out(&net, call, "dx", dx);
}

static void fail(const atl_ctx *ctx) {
    printf("%s\n", atl_message(ctx));
    exit(1);
}

static void open_network(atl_ctx *ctx, scene *s) {
    char family[32];
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    json_t *json;
    snprintf(family, sizeof family, "%.*s", (int)strcspn(s->name, "-"), s->name);
    const atl_model_row *row = atl_model_row_for(family, "features");
    o.cfg = s->name;
    o.resolution = s->size;
    o.c_dim = !strcmp(family, "vgg16") ? 1000 : 0;
    if (!row || row->init(ctx, &o, &json) != ATL_OK ||
        atl_network_make(ctx, row, s->name, json, 0, &s->net) != ATL_OK)
        fail(ctx);
}

static void fill(atl_program *p, const char *port, int n, int size) {
    size_t count = (size_t)n * 3 * (size_t)size * (size_t)size;
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; v && i < count; i++)
        v[i] = (float)((i + (size_t)port[0]) * 2654435761u % 1000u) * 2e-3f - 1.0f;
    if (!v || atl_program_write(p, port, n, v) != ATL_OK)
        exit(1);
    free(v);
}

int main(int argc, char **argv) {
    enum { RUNS = 7 };
    atl_ctx *ctx;
    atl_backend *backend;
    atl_program *p;
    scene s = { .name = argc > 1 ? argv[1] : "inception" };
    bool lpips = !strncmp(s.name, "lpips", 5);
    int n = argc > 2 ? atoi(argv[2]) : lpips ? 1 : 8, layers = argc > 4 ? atoi(argv[4]) : 0;
    s.size = argc > 3 ? atoi(argv[3]) : lpips ? 256 : !strcmp(s.name, "inception") ? 299 : 224;
    const atl_backend_options b = { .parts = argc > 5 ? atoi(argv[5]) : 0 };
    if (atl_ctx_open(&ctx, NULL) != ATL_OK || atl_backend_open(ctx, &b, &backend) != ATL_OK)
        return 1;
    open_network(ctx, &s);
    const atl_program_key key = { .function = s.name, .n = n };
    if (atl_program_make(backend, &key, build, &s, &(atl_plan_options){ 0 }, &p) != ATL_OK)
        fail(ctx);
    fill(p, "x", n, s.size);
    if (lpips)
        fill(p, "y", n, s.size);
    double ms, gflop = 1e-9 * atl_plan_flops(p->plan), peak = atl_peak_gflops(ctx);
    if (atl_program_run(p) != ATL_OK || atl_plan_time(p->plan, RUNS, NULL, &ms) != ATL_OK)
        fail(ctx);
    if (layers)
        print_plan(p->plan, layers);
    printf(
        "%s, %d of %dx%d: %.1f ms, %.1f a picture; %.2f GFLOP, %.1f GFLOP/s of %.1f: R %.2f; memory %zu MB\n",
        s.name, n, s.size, s.size, ms, ms / n, gflop, gflop / ms * 1e3, peak, gflop / peak / ms * 1e3,
        atl_plan_bytes(p->plan) >> 20);
    atl_program_free(&p);
    atl_network_clear(&s.net);
    atl_backend_close(&backend);
    atl_ctx_close(&ctx);
    return 0;
}
