// SPDX-License-Identifier: Apache-2.0
// A picture in one call: latent, label, styles, synthesis, 8 bits.
#include <atelier/generate.h>
#include <atelier/rng.h>

#include <string.h>

#include "api/model_api.h"
#include "base/options.h"

// What a call works on.
typedef struct room {
    float *z, *c, *ws, *img;
} room;

static atl_status check(const atl_model *m, const atl_generate_options *o) {
    const atl_model_dims *d = &m->net.dims;
    ATL_TRY(atl_model_need(m, "generator", "synthesize"));
    if (o->noise_mode == ATL_NOISE_MAPS)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "noise maps are given to atl_model_synthesize()");
    if (!d->c_dim && (o->class_index >= 0 || o->label))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is not conditional: it takes no class", m->net.name);
    if (d->c_dim && !o->label && (o->class_index < 0 || o->class_index >= d->c_dim))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is conditional: class_index %d is not from 0 to %d",
                        m->net.name, o->class_index, d->c_dim - 1);
    return ATL_OK;
}

static atl_status make_room(atl_model *m, room *r) {
    const atl_model_dims *d = &m->net.dims;
    r->z = atl_calloc(m->ctx, (size_t)d->z_dim + 1, sizeof *r->z);
    r->c = atl_calloc(m->ctx, (size_t)d->c_dim + 1, sizeof *r->c);
    r->ws = atl_alloc(m->ctx, (size_t)d->num_ws * (size_t)d->w_dim, sizeof *r->ws);
    r->img = atl_alloc(m->ctx, (size_t)d->channels * (size_t)d->height * (size_t)d->width, sizeof *r->img);
    return r->z && r->c && r->ws && r->img ? ATL_OK : ATL_NO_MEMORY;
}

static void clear_room(atl_model *m, room *r) {
    atl_free(m->ctx, r->z);
    atl_free(m->ctx, r->c);
    atl_free(m->ctx, r->ws);
    atl_free(m->ctx, r->img);
}

static atl_status generate(atl_model *m, const atl_generate_options *o, room *r) {
    const atl_model_dims *d = &m->net.dims;
    atl_map_options map = ATL_MAP_OPTIONS_INIT;
    atl_synthesis_options synthesis = ATL_SYNTHESIS_OPTIONS_INIT;
    map.truncation_psi = o->truncation_psi;
    map.truncation_cutoff = o->truncation_cutoff;
    synthesis.noise_mode = o->noise_mode;
    synthesis.noise_seeds = &o->seed;
    synthesis.transform = o->transform;
    if (o->z)
        memcpy(r->z, o->z, (size_t)d->z_dim * sizeof *r->z);
    else if (d->cuts_z && o->truncation_psi != d->default_psi)
        atl_seed_to_truncated_z(o->seed, (size_t)d->z_dim, (double)o->truncation_psi, r->z);
    else
        atl_seed_to_z(o->seed, (size_t)d->z_dim, r->z);
    if (o->label)
        memcpy(r->c, o->label, (size_t)d->c_dim * sizeof *r->c);
    else if (d->c_dim)
        r->c[o->class_index] = 1.0f;
    ATL_TRY(atl_model_map(m, 1, r->z, d->c_dim ? r->c : NULL, &map, r->ws));
    return atl_model_synthesize(m, 1, r->ws, &synthesis, r->img);
}

atl_status atl_generate(atl_model *m, const atl_generate_options *options, atl_image *image) {
    atl_generate_options o = ATL_GENERATE_OPTIONS_INIT;
    room r = { 0 };
    *image = (atl_image){ 0 };
    ATL_TRY(atl_options_read(m->ctx, "atl_generate_options", &o, sizeof o, options));
    ATL_TRY(check(m, &o));
    atl_status status = make_room(m, &r);
    if (status == ATL_OK)
        status = generate(m, &o, &r);
    if (status == ATL_OK)
        status = atl_image_init(m->ctx, m->net.dims.width, m->net.dims.height, m->net.dims.channels, image);
    if (status == ATL_OK)
        atl_image_from_float(r.img, image);
    clear_room(m, &r);
    return status;
}
