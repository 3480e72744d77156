// SPDX-License-Identifier: Apache-2.0
// What a run will cost, before it begins.
#include "app/progress.h"
#include "train.h"

static double mb(size_t bytes) {
    return (double)bytes / 1e6;
}

static void print_phases(FILE *out, const atl_train_cost *c) {
    fprintf(out, "  %-8s %8s %8s %8s %10s %10s\n", "phase", "every", "batch", "MB", "GFLOP", "ms");
    for (int k = 0; k < c->n_phases; k++) {
        const atl_train_phase *p = &c->phases[k];
        char ms[32] = "-";
        if (p->ms > 0)
            snprintf(ms, sizeof ms, "%.1f", p->ms * p->runs);
        fprintf(out, "  %-8s %8d %8d %8.0f %10.2f %10s\n", p->name, p->interval, p->batch * p->runs,
                mb(p->bytes), p->gflop * p->runs, ms);
    }
}

void cli_train_print_plan(FILE *out, const atl_trainer *trainer) {
    static const char *const augs[] = { "adaptive", "fixed", "none", "differentiable" };
    const atl_train_options *o = atl_trainer_get_options(trainer);
    const atl_train_cost *c = atl_trainer_get_cost(trainer);
    const atl_train_set *s = atl_trainer_get_set(trainer);
    const atl_train_state *state = atl_trainer_get_state(trainer);
    char time[32];
    fprintf(out, "data          %s: %zu pictures%s of %dx%d, %s", s->name, s->count,
            o->mirror ? " and their mirror images" : "", s->width, s->height,
            s->channels == 1 ? "gray" : "RGB");
    if (s->label_size)
        fprintf(out, ", labels of %d numbers", s->label_size);
    fprintf(out, "\nnetworks      G %.2f million parameters, D %.2f million\n", (double)c->g_params / 1e6,
            (double)c->d_params / 1e6);
    fprintf(out,
            "settings      cfg %s, batch %d in parts of %d, gamma %g, learning rates %g and %g, augmentation "
            "%s%s%s\n",
            o->cfg, o->batch, o->batch_gpu, o->gamma, o->glr, o->dlr, augs[o->aug],
            o->aug == ATL_AUG_NONE ? "" : " ", o->aug == ATL_AUG_NONE ? "" : o->augpipe);
    if (state->ranks > 1)
        fprintf(out, "processes     %d, each with %d pictures of a batch\n", state->ranks,
                o->batch / state->ranks);
    print_phases(out, c);
    fprintf(out, "memory        %.0f MB of %.0f MB that are free\n", mb(c->bytes), mb(c->available));
    if (c->sec_per_kimg > 0) {
        double left = o->kimg - (double)state->images / 1000;
        fprintf(out, "time          %.2f s per kimg, so about %s for %g kimg\n", c->sec_per_kimg,
                app_time_text(c->sec_per_kimg * (left > 0 ? left : 0), time), left > 0 ? left : 0);
    }
    fflush(out);
}

int cli_train_check_memory(const atl_trainer *trainer) {
    const atl_train_cost *c = atl_trainer_get_cost(trainer);
    const atl_train_options *o = atl_trainer_get_options(trainer);
    if (!c->available || c->bytes <= c->available)
        return CLI_SUCCESS;
    print_phases(stderr, c);
    return cli_error(
        "this run needs %.0f MB and %.0f MB are free: make --batch-gpu smaller than %d (the batch then goes "
        "in more parts), or --cbase or --cmax",
        mb(c->bytes), mb(c->available), o->batch_gpu);
}
