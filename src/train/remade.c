// SPDX-License-Identifier: Apache-2.0
// Autoencoders in training; see remade.h.
#include "train/remade.h"

#include <stdio.h>
#include <string.h>

#include "graph/resident.h"
#include "models/codes.h"
#include "train/draw.h"
#include "train/loss.h"

atl_status atl_remade_open(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    atl_network *lpips = t->own = atl_calloc(t->ctx, 1, sizeof *lpips);
    if (!lpips)
        return ATL_NO_MEMORY;
    if (!strcmp(o->perceptual, "none"))
        return o->perceptual_weight == t->recipe->perceptual_weight
                   ? ATL_OK
                   : atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                              "perceptual-weight %g: of no network; perceptual names its file",
                              o->perceptual_weight);
    ATL_TRY(atl_network_open(t->ctx, o->perceptual, NULL, lpips));
    if (strcmp(lpips->row->family, "lpips") != 0)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "perceptual %s: is a network of %s, where one of lpips is needed", o->perceptual,
                        lpips->row->family);
    return t->set.channels == 3
               ? ATL_OK
               : atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                          "perceptual: looks at colours, and pictures of %s have %d channels", t->set.name,
                          t->set.channels);
}

void atl_remade_close(atl_trainer *t) {
    atl_network_clear(t->own);
    atl_free(t->ctx, t->own);
    t->own = NULL;
}

const char *atl_remade_lacks(const atl_trainer *t, int index) {
    const atl_network *lpips = t->own;
    return index || lpips->row ? NULL
                               : "without perceptual nothing looks at texture: pictures come out softer than "
                                 "published ones";
}

atl_node *atl_remade_far(atl_phase_builder *b, atl_node *img, atl_node *real) {
    const atl_network *lpips = b->setup->own;
    if (!lpips || !lpips->row)
        return NULL;
    atl_net net = atl_network_in(b->g, lpips, "perceptual");
    atl_node *far = ATL_APPLY(&net, lpips, "distance", "distance", { "x", img }, { "y", real });
    far = atl_loss_mean(b->g, far);
    atl_phase_report(b, "Loss/lpips", far, ATL_REPORT_MEAN);
    return far;
}

static void write_start(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_trainer *t = run->trainer;
    room[0] = (double)t->state.images < t->options.disc_start * 1000.0 ? 0.0f : 1.0f;
    atl_plan_write(plan, d->input, room);
}

atl_node *atl_remade_begun(atl_phase_builder *b) {
    return atl_draw_with(b, "begun", ATL_SHAPE(1), write_start, NULL);
}

// ---- several processes

static float *values(const atl_network *n, const char *name, size_t *count) {
    const atl_param *p = atl_params_find(&n->params, name);
    *count = p ? p->count : 0;
    return p ? atl_param_data(&n->params, p) : NULL;
}

// The mean over all processes: what each has moved began the same.
static atl_status share(atl_trainer *t, float *x, size_t count) {
    atl_resident_fetch(t->backend, x, count);
    ATL_TRY(atl_ranks_sum(t->ranks, x, count));
    for (size_t i = 0; i < count; i++)
        x[i] /= (float)t->state.ranks;
    atl_resident_push(t->backend, x, count);
    return ATL_OK;
}

atl_status atl_remade_follow(atl_trainer *t, const char *scope, const char *vectors, bool columns) {
    char name[3][64];
    size_t k, of_sum, of_book;
    snprintf(name[0], sizeof name[0], "%s.cluster_size", scope);
    snprintf(name[1], sizeof name[1], "%s.embed_avg", scope);
    snprintf(name[2], sizeof name[2], "%s.%s", scope, vectors);
    float *size = values(&t->g, name[0], &k), *sum = values(&t->g, name[1], &of_sum),
          *book = values(&t->g, name[2], &of_book);
    if (!size || !sum || !book || of_sum != of_book || of_sum % k)
        return atl_fail(t->ctx, ATL_INTERNAL, "the codebook %s has not what it follows", scope);
    ATL_TRY(share(t, size, k));
    ATL_TRY(share(t, sum, of_sum));
    atl_code_means(book, sum, size, k, of_sum / k, columns);
    atl_resident_push(t->backend, book, of_book);
    return ATL_OK;
}

atl_status atl_remade_check_restart(const atl_trainer *t) {
    if (t->state.ranks == 1 || t->options.restart <= 0.0)
        return ATL_OK;
    return atl_fail(t->ctx, ATL_UNSUPPORTED,
                    "restart: codes begin anew with vectors of one process's pictures: start one process, or leave it "
                    "out");
}
