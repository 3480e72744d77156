// SPDX-License-Identifier: Apache-2.0
// Models as a program sees them: opened, described, saved.
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"

// ---- opening

void atl_model_close(atl_model **model) {
    atl_model *m = model ? *model : NULL;
    if (!m)
        return;
    atl_programs_clear(&m->programs);
    atl_w_mean_clear(m->ctx, &m->mean);
    atl_network_clear(&m->net);
    atl_arena_clear(&m->texts);
    atl_free(m->ctx, m);
    *model = NULL;
}

int64_t atl_params_trained(const atl_params *params) {
    int64_t count = 0;
    for (size_t i = 0; i < params->size; i++)
        if (!params->list[i].buffer)
            count += (int64_t)params->list[i].count;
    return count;
}

static void fill_info(atl_model *m) {
    const atl_model_dims *d = &m->net.dims;
    m->info = (atl_model_info){
        .kind = m->net.row->family,
        .role = m->net.row->role,
        .net = m->net.name,
        .z_dim = d->z_dim,
        .c_dim = d->c_dim,
        .w_dim = d->w_dim,
        .num_ws = d->num_ws,
        .channels = d->channels,
        .height = d->height,
        .width = d->width,
        .parameters = atl_params_trained(&m->net.params),
        .default_psi = d->default_psi != 0.0f || d->cuts_z ? d->default_psi : 1.0f,
        .default_cutoff = d->default_cutoff,
        .num_logits = d->num_logits ? d->num_logits : 1,
        .truncates_z = d->cuts_z,
        .codes = d->codes,
    };
}

atl_status atl_model_new(atl_ctx *ctx, atl_network *network, atl_status status, atl_model **model) {
    *model = NULL;
    if (status != ATL_OK)
        return status;
    atl_model *m = atl_calloc(ctx, 1, sizeof *m);
    if (!m) {
        atl_network_clear(network);
        return ATL_NO_MEMORY;
    }
    m->ctx = ctx;
    m->net = *network;
    atl_arena_init(&m->texts, ctx, 0);
    status = atl_backend_of(ctx, &m->backend);
    if (status == ATL_OK)
        status = atl_model_list_tensors(m);
    if (status == ATL_OK) {
        atl_programs_init(&m->programs, &m->net, m->backend);
        fill_info(m);
    } else {
        atl_model_close(&m);
    }
    *model = m;
    return status;
}

atl_status atl_model_open(atl_ctx *ctx, const char *path, const atl_model_options *options, atl_model **model) {
    atl_network net;
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    *model = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_model_options", &o, sizeof o, options));
    atl_status status = atl_network_open(ctx, path, &o, &net);
    return atl_model_new(ctx, &net, status, model);
}

const atl_model_info *atl_model_get_info(const atl_model *model) {
    atl_model *m = (atl_model *)model; // the fingerprint reads every parameter: made when first asked
    if (!m->described) {
        m->info.fingerprint = atl_params_fingerprint(&m->net.params);
        m->described = true;
    }
    return &m->info;
}

static const char *article(const char *word) {
    return strchr("aeiou", *word) ? "an" : "a";
}

atl_status atl_model_need(const atl_model *m, const char *role, const char *function) {
    const char *its = m->net.row->role;
    if (atl_model_function_find(m->net.row, function))
        return ATL_OK;
    return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is %s %s, and this needs %s %s", m->net.name, article(its), its,
                    article(role), role);
}

// ---- small functions

int atl_model_noise_size(const atl_model *model, int k, int *height, int *width) {
    atl_model *m = (atl_model *)model; // the ports are listed when first asked for
    const atl_port_info *ports;
    size_t count;
    if (!atl_model_function_find(m->net.row, "synthesize") ||
        atl_model_ports(m, "synthesize", &ports, &count) != ATL_OK)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (ports[i].kind == ATL_PORT_NOISE && k-- == 0) {
            *height = (int)ports[i].dims[2]; // [1, 1, h, w]
            *width = (int)ports[i].dims[3];
            return 1;
        }
    return 0;
}

atl_status atl_model_discriminate(atl_model *m, int n, const float *img, const float *c, float *logits) {
    atl_program *p;
    ATL_TRY(atl_model_need(m, "discriminator", "discriminate"));
    ATL_TRY(atl_programs_get(&m->programs, &(atl_program_key){ .function = "discriminate", .n = n }, &p));
    ATL_TRY(atl_program_write(p, "img", n, img));
    if (atl_program_in(p, "c"))
        ATL_TRY(atl_program_write(p, "c", n, c));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "logits", n, logits);
}

// ---- saving

atl_status atl_model_save(atl_model *m, const char *path, atl_dtype dtype) {
    atl_ckpt_out out = { m->net.name, m->net.row->kind, m->net.json, &m->net.params, NULL };
    return atl_ckpt_write(m->ctx, path, &out, 1, NULL, NULL, dtype);
}
