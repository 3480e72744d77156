// SPDX-License-Identifier: Apache-2.0
// What a trainer shows: its options, state and costs, and images of the average of G.
#include <string.h>

#include "train/trainer.h"

const atl_train_options *atl_trainer_get_options(const atl_trainer *t) {
    return &t->options;
}
const atl_train_cost *atl_trainer_get_cost(const atl_trainer *t) {
    return &t->cost;
}
const atl_train_state *atl_trainer_get_state(const atl_trainer *t) {
    return &t->state;
}
const atl_train_set *atl_trainer_get_set(const atl_trainer *t) {
    return &t->set;
}
atl_dataset *atl_trainer_get_data(atl_trainer *t) {
    return t->data;
}

int atl_trainer_z_dim(const atl_trainer *t) {
    return t->g.dims.z_dim;
}

atl_status atl_trainer_generate(atl_trainer *t, int n, const float *z, const float *c, float *images) {
    atl_train_view *v = &t->view;
    size_t z_dim = (size_t)t->g.dims.z_dim, c_dim = (size_t)t->g.dims.c_dim;
    size_t image = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height,
           batch = (size_t)v->n;
    ATL_TRY(atl_trainer_memory(t));
    float *room = atl_alloc(t->ctx, batch * (image > z_dim + c_dim ? image : z_dim + c_dim), sizeof *room);
    if (!room)
        return ATL_NO_MEMORY;
    atl_plan_attach(v->plan, t->block);
    atl_status status = ATL_OK;
    for (size_t first = 0; status == ATL_OK && first < (size_t)n; first += batch) {
        size_t count = (size_t)n - first < batch ? (size_t)n - first : batch;
        memset(room, 0, batch * (z_dim + c_dim) * sizeof *room);
        memcpy(room, z + first * z_dim, count * z_dim * sizeof *room);
        atl_plan_write(v->plan, v->z, room);
        if (v->c && c)
            memcpy(room + batch * z_dim, c + first * c_dim, count * c_dim * sizeof *room);
        if (v->c)
            atl_plan_write(v->plan, v->c, room + batch * z_dim);
        status = atl_plan_run(v->plan);
        if (status == ATL_OK && atl_plan_read(v->plan, v->images, room))
            memcpy(images + first * image, room, count * image * sizeof *room);
    }
    atl_free(t->ctx, room);
    return status;
}
