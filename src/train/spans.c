// SPDX-License-Identifier: Apache-2.0
// The spans of a trainer on its device: weights of the three networks, moments of both optimisers.  Adam and
// the averages change them there; the host is told when somebody wants to read.
#include "graph/resident.h"
#include "train/trainer.h"

enum { NETWORKS = 3 };

static void list(atl_trainer *t, atl_params *params[NETWORKS]) {
    params[0] = &t->g.params;
    params[1] = &t->d.params;
    params[2] = &t->g_ema.params;
}

atl_status atl_trainer_hold(atl_trainer *t) {
    atl_params *params[NETWORKS];
    list(t, params);
    for (int i = 0; i < NETWORKS; i++) // a recipe may have no D
        if (params[i]->total)
            ATL_TRY(
                atl_resident_take(t->backend, params[i]->data, params[i]->total, params[i]->version, NULL));
    return ATL_OK;
}

void atl_trainer_release(atl_trainer *t) {
    atl_params *params[NETWORKS];
    list(t, params);
    for (int i = 0; t->backend && i < NETWORKS; i++)
        atl_resident_drop(t->backend, params[i]->data);
}

void atl_trainer_fetch(atl_trainer *t) {
    atl_params *params[NETWORKS];
    list(t, params);
    for (int i = 0; i < NETWORKS; i++)
        if (params[i]->total)
            atl_resident_fetch(t->backend, params[i]->data, params[i]->total);
    atl_adam_fetch(&t->adam_g);
    if (t->d.row)
        atl_adam_fetch(&t->adam_d);
}

void atl_trainer_changed(atl_trainer *t) {
    atl_params *params[NETWORKS];
    list(t, params);
    for (int i = 0; i < NETWORKS; i++)
        if (params[i]->total)
            atl_resident_renew(t->backend, params[i]->data, ++params[i]->version);
    atl_adam_changed(&t->adam_g);
    if (t->d.row)
        atl_adam_changed(&t->adam_d);
}
