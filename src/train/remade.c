// SPDX-License-Identifier: Apache-2.0
// Autoencoders in training; see remade.h.
#include "train/remade.h"

#include <string.h>

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
