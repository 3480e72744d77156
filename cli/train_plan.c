// SPDX-License-Identifier: Apache-2.0
// What a run will cost, before it begins.
#include <string.h>
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

// Where networks grow: what they are made of and when.
static void print_stages(FILE *out, const atl_train_cost *c) {
    fprintf(out, "  %9s %14s %7s %6s %8s %12s %10s\n", "from kimg", "resolution", "batch", "rate", "MB",
            "GFLOP/kimg", "s/kimg");
    for (int i = 0; i < c->n_stages; i++) {
        const atl_train_stage *s = &c->stages[i];
        char resolution[32], seconds[32] = "-";
        if (s->fades)
            snprintf(resolution, sizeof resolution, "%d to %d", s->resolution / 2, s->resolution);
        else
            snprintf(resolution, sizeof resolution, "%d", s->resolution);
        if (s->sec_per_kimg > 0)
            snprintf(seconds, sizeof seconds, "%.2f", s->sec_per_kimg);
        fprintf(out, "  %9g %14s %7d %6g %8.0f %12.0f %10s\n", s->kimg, resolution, s->batch, s->rate,
                mb(s->bytes), s->gflop, seconds);
    }
}

static void print_steps(FILE *out, const atl_train_cost *c) {
    if (c->n_stages > 1)
        print_stages(out, c);
    else
        print_phases(out, c);
}

static void print_settings(FILE *out, const atl_train_options *o, int processes) {
    static const char *const augs[] = { "adaptive", "fixed", "none", "differentiable" };
    char batch[64];
    snprintf(batch, sizeof batch, "batch %d in parts of %d", o->batch, o->batch_gpu);
    if (o->lod_initial) // the stages have their own
        snprintf(batch, sizeof batch, "loss %s", o->loss);
    fprintf(out, "settings      cfg %s, %s, gamma %g, learning rates %g and %g, augmentation %s%s%s%s\n",
            o->cfg, batch, o->gamma, o->glr, o->dlr, augs[o->aug], o->aug == ATL_AUG_NONE ? "" : " ",
            o->aug == ATL_AUG_NONE ? "" : o->augpipe,
            processes > 1 && !strcmp(o->cross_replica, "on") ? ", norms over all processes" : "");
    if (o->patch) // transformers over patches
        fprintf(out, "              %d layers of %d channels and %d heads, patches of %d with %d of %d codes%s\n",
                o->layers, o->channel_base, o->heads, o->patch, o->quantizers, o->channel_max,
                strcmp(o->rates, "cosine") ? "" : ", rates that fall as a cosine");
}

static void print_autoencoder(FILE *out, const atl_train_options *o) { // which nothing judges
    fprintf(out, "settings      cfg %s, batch %d in parts of %d, learning rate %g, codebook of %d by %s", o->cfg,
            o->batch, o->batch_gpu, o->glr, o->channel_max, !strcmp(o->codebook, "ema") ? "running means" : "its loss");
    if (o->restart > 0)
        fprintf(out, ", codes begin anew below %g of an equal share", o->restart);
    fprintf(out, "\n");
}

static void print_transformer(FILE *out, const atl_train_options *o) {
    fprintf(out, "settings      cfg %s, batch %d in parts of %d, %d layers of %d channels", o->cfg, o->batch,
            o->batch_gpu, o->layers, o->channel_base);
    if (o->heads)
        fprintf(out, " and %d heads", o->heads);
    if (strcmp(o->level, "auto") != 0)
        fprintf(out, ", the %s map", o->level);
    fprintf(out, ", learning rate %g", o->glr);
    if (o->warmup > 0)
        fprintf(out, " after %g kimg", o->warmup);
    fprintf(out, "%s, dropout %g", strcmp(o->rates, "cosine") ? "" : " that falls as a cosine", o->dropout);
    if (o->pkeep < 1)
        fprintf(out, ", %g of the codes kept", o->pkeep);
    if (o->held_out)
        fprintf(out, ", %d pictures held out", o->held_out);
    fprintf(out, "\n");
}

static void print_data(FILE *out, const atl_train_options *o, const atl_train_set *s) {
    if (o->data)
        fprintf(out, "data          %s: %zu pictures%s of %dx%d, %s", s->name, s->count,
                o->mirror ? " and their mirror images" : "", s->width, s->height,
                s->channels == 1 ? "gray" : "RGB");
    else
        fprintf(out, "data          pictures of %dx%d that the generator makes", s->width, s->height);
    if (s->label_size)
        fprintf(out, ", labels of %d numbers", s->label_size);
    fprintf(out, "\n");
}

// What an encoder sees in place of the pictures.
static void print_input(FILE *out, const atl_train_options *o) {
    int reduced = strcmp(o->resize_factors, "none") != 0, source = strcmp(o->source, "none") != 0;
    if (!source && o->input_nc == 3 && !reduced)
        return;
    fprintf(out, "input         ");
    if (o->label_nc)
        fprintf(out, "maps of %d labels", o->label_nc);
    else
        fprintf(out, o->input_nc == 1 ? "gray" : "colours");
    fprintf(out, " of %s", source ? o->source : "the pictures");
    if (reduced)
        fprintf(out, ", reduced by %s", o->resize_factors);
    fprintf(out, "\n");
}

static void print_encoder(FILE *out, const atl_trainer *trainer) {
    const atl_train_options *o = atl_trainer_get_options(trainer);
    fprintf(out, "settings      cfg %s, batch %d in parts of %d, trunk %s, styles of %d channels, %s at %g",
            o->cfg, o->batch, o->batch_gpu, o->trunk, o->style_width, o->optimizer, o->glr);
    if (o->steps > 1)
        fprintf(out, ", %d steps", o->steps);
    if (strcmp(o->progress, "none") != 0)
        fprintf(out, ", progress %s", o->progress);
    fprintf(out, "\n");
    print_input(out, o);
    fprintf(out, "losses        %s\n", o->losses);
}

void cli_train_print_plan(FILE *out, const atl_trainer *trainer) {
    const atl_train_options *o = atl_trainer_get_options(trainer);
    const atl_train_cost *c = atl_trainer_get_cost(trainer);
    const atl_train_set *s = atl_trainer_get_set(trainer);
    const atl_train_state *state = atl_trainer_get_state(trainer);
    char time[32];
    print_data(out, o, s);
    int codes = atl_trainer_draws_codes(trainer);
    fprintf(out, "networks      %s %.2f million parameters",
            atl_trainer_is_encoder(trainer) ? "encoder"
            : codes                         ? strcmp(o->cfg, "pixelcnn") ? "transformer" : "PixelCNN"
                                            : "G",
            (double)c->g_params / 1e6);
    if (!codes && c->d_params)
        fprintf(out, ", D %.2f million", (double)c->d_params / 1e6);
    fprintf(out, "\n");
    if (atl_trainer_is_encoder(trainer))
        print_encoder(out, trainer);
    else if (codes)
        print_transformer(out, o);
    else if (atl_trainer_reconstructs(trainer) && !c->d_params)
        print_autoencoder(out, o);
    else
        print_settings(out, o, state->ranks);
    for (int i = 0; atl_trainer_lacks(trainer, i); i++)
        fprintf(out, "%s%s\n", i ? "              " : "note          ", atl_trainer_lacks(trainer, i));
    if (state->ranks > 1)
        fprintf(out, "processes     %d, each with %d pictures of a batch\n", state->ranks,
                c->phases[0].batch * c->phases[0].runs);
    print_steps(out, c);
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
    print_steps(stderr, c);
    return cli_error(
        "this run needs %.0f MB and %.0f MB are free: make --batch-gpu smaller than %d (the batch then goes "
        "in more parts), or %s",
        mb(c->bytes), mb(c->available), o->batch_gpu,
        atl_trainer_is_encoder(trainer)    ? "--trunk or --style-width"
        : atl_trainer_draws_codes(trainer) ? "--cbase or --layers"
                                           : "--cbase or --cmax");
}
