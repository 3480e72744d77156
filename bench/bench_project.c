// SPDX-License-Identifier: Apache-2.0
// Where the time and the memory of a step of projection, or of tuning, goes: each step of its plan, summed by
// kernel and by layer, and what lies in memory when most does.
//
//   bench_project [project|tune [resolution [cbase [lpips|mse [layers]]]]]     layers: how many lines
#include <math.h>

#define ATL_EXPERIMENTAL // before the first header: the engine is declared, too
#include <atelier/atelier.h>
#include "edit/project.h"
#include "edit/tune.h"
#include "table.h"

// Bytes of what is alive at a step: values that share memory count once, as long as the last of them lives.
static size_t alive_at(const atl_plan *p, int t) {
    size_t sum = 0;
    for (int i = 0; i < p->n_values; i++) {
        const atl_value *v = &p->values[i];
        if (v->placed && v->reuses < 0 && v->first <= t && t <= v->last)
            sum += v->count * sizeof(float);
    }
    return sum;
}

static void print_memory(const atl_plan *p) {
    enum { LEAST = 8 << 20 };
    int worst = 0;
    for (int t = 1; t < p->n_steps; t++)
        if (alive_at(p, t) > alive_at(p, worst))
            worst = t;
    printf("  block %zu MB; most at step %d, %s %s: %zu MB\n", p->block_bytes >> 20, worst,
           p->steps[worst].kernel, atl_step_name(&p->steps[worst]), alive_at(p, worst) >> 20);
    for (int t = 0; t < p->n_steps; t++)
        for (int w = 0; w < 2; w++) {
            const atl_value *v = &p->values[w ? p->workspaces + t : p->steps[t].value];
            char shape[ATL_SHAPE_TEXT];
            if (v->placed && v->reuses < 0 && v->first <= worst && worst <= v->last &&
                v->count * sizeof(float) > LEAST)
                printf("    %5zu MB  %d to %d  %s%s %s %s\n", v->count * sizeof(float) >> 20, v->first,
                       v->last, w ? "workspace of " : "", p->steps[t].kernel,
                       atl_node_shape_text(p->steps[t].node, shape), atl_step_name(&p->steps[t]));
        }
}

static atl_status open_step(atl_ctx *ctx, int argc, char **argv, atl_projector **project, atl_tuner **tune) {
    atl_init_options g = ATL_INIT_OPTIONS_INIT, f = ATL_INIT_OPTIONS_INIT;
    atl_project_options po = ATL_PROJECT_OPTIONS_INIT;
    atl_tune_options to = ATL_TUNE_OPTIONS_INIT;
    atl_model *model, *lpips = NULL;
    g.resolution = argc > 2 ? atoi(argv[2]) : 1024;
    g.channel_base = argc > 3 ? atoi(argv[3]) : 32768;
    f.cfg = "lpips-vgg";
    bool looks = argc <= 4 || strcmp(argv[4], "mse") != 0;
    ATL_TRY(atl_model_init(ctx, &g, &model));
    if (looks)
        ATL_TRY(atl_model_init(ctx, &f, &lpips));
    po.features = to.features = lpips;
    po.loss = looks ? "lpips" : "mse";
    to.loss = looks ? "lpips+mse" : "mse";
    return argc > 1 && !strcmp(argv[1], "tune") ? atl_tuner_open(model, &to, tune)
                                                : atl_projector_open(model, &po, project);
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_projector *project = NULL;
    atl_tuner *tune = NULL;
    if (atl_ctx_open(&ctx, NULL) != ATL_OK || open_step(ctx, argc, argv, &project, &tune) != ATL_OK) {
        printf("%s\n", atl_message(ctx));
        return 1;
    }
    atl_plan *plan = project ? project->plans[ATL_PROJECT_STEP] : tune->plans[ATL_TUNE_STEP];
    print_memory(plan);
    print_plan(plan, argc > 5 ? atoi(argv[5]) : 0);
    return 0;
}
