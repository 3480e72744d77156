// SPDX-License-Identifier: Apache-2.0
// Transfer learning: a new run starts with what fits of somebody's trained networks.
#include <string.h>

#include "base/names.h"
#include "ckpt/ckpt.h"
#include "train/snapshot.h"
#include "train/trainer.h"

typedef void reporter(void *user, atl_transfer what, const char *net, const char *tensor);

static bool same_shape(const atl_param *a, const atl_param *b) {
    return a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank);
}

// Filters are constants of the architecture that official files store; ours are in the code.
static bool is_filter(const char *name) {
    return atl_ends_in(name, "resample_filter");
}

static size_t copy_matching(const char *key, const atl_params *from, atl_params *to, reporter *report,
                            void *user) {
    size_t used = 0;
    for (size_t i = 0; i < to->size; i++) {
        const atl_param *p = &to->list[i], *q = atl_params_find(from, p->name);
        atl_transfer what = !q                 ? ATL_TRANSFER_MISSING
                            : same_shape(p, q) ? ATL_TRANSFER_USED
                                               : ATL_TRANSFER_SHAPE;
        if (what == ATL_TRANSFER_USED) {
            memcpy(atl_param_data(to, p), atl_param_data(from, q), p->count * sizeof(float));
            used++;
        }
        if (report)
            report(user, what, key, p->name);
    }
    for (size_t i = 0; report && i < from->size; i++)
        if (!atl_params_find(to, from->list[i].name) && !is_filter(from->list[i].name))
            report(user, ATL_TRANSFER_EXTRA, key, from->list[i].name);
    return used;
}

static size_t find_net(const atl_ckpt *ckpt, const char *key) {
    size_t i = 0;
    while (i < atl_ckpt_size(ckpt) && strcmp(atl_ckpt_get(ckpt, i)->key, key) != 0)
        i++;
    return i;
}

// The network `key` of the file, else `other`, else one that begins in the same way.
static atl_status transfer_net(atl_trainer *t, atl_ckpt *ckpt, const char *key, const char *other,
                               atl_params *to, reporter *report, void *user, size_t *used) {
    size_t at = find_net(ckpt, key);
    if (at == atl_ckpt_size(ckpt) && other)
        at = find_net(ckpt, other);
    if (at == atl_ckpt_size(ckpt) && other && t->recipe->trunk)
        at = find_net(ckpt, t->recipe->trunk);
    if (at == atl_ckpt_size(ckpt)) {
        if (report)
            report(user, ATL_TRANSFER_MISSING, key, "*");
        return ATL_OK;
    }
    atl_params from;
    atl_params_init(&from, t->ctx);
    atl_status status = atl_ckpt_load(ckpt, at, &from);
    if (status == ATL_OK)
        *used += copy_matching(key, &from, to, report, user);
    atl_params_clear(&from);
    return status;
}

static atl_status take_strength(atl_trainer *t, const atl_ckpt *ckpt, const char *path) {
    double p;
    ATL_TRY(atl_train_recorded_p(t->ctx, path, &p));
    if (p < 0.0)
        ATL_TRY(atl_ckpt_augment_p(ckpt, &p));
    t->state.augment_p = p >= 0.0 ? p : t->state.augment_p;
    return ATL_OK;
}

atl_status atl_trainer_transfer(atl_trainer *t, const char *path, reporter *report, void *user) {
    atl_ckpt *ckpt;
    size_t used = 0;
    atl_trainer_fetch(t);
    ATL_TRY(atl_ckpt_open(t->ctx, path, &ckpt));
    static const char *const KEYS[] = { "G", "D", "G_ema" };
    const char *const *keys = t->recipe->keys ? t->recipe->keys : KEYS;
    atl_status status = transfer_net(t, ckpt, keys[0], keys[2], &t->g.params, report, user, &used);
    if (status == ATL_OK && t->d.row)
        status = transfer_net(t, ckpt, keys[1], NULL, &t->d.params, report, user, &used);
    if (status == ATL_OK)
        status = transfer_net(t, ckpt, keys[2], keys[0], &t->g_ema.params, report, user, &used);
    if (status == ATL_OK && t->options.aug == ATL_AUG_ADA && t->options.initial_p < 0.0)
        status = take_strength(t, ckpt, path);
    atl_trainer_changed(t);
    if (status == ATL_OK && !used)
        status = atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%s: nothing in it fits this run: its networks are of another architecture, resolution or width",
            path);
    atl_ckpt_close(&ckpt);
    return status;
}
