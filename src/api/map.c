// SPDX-License-Identifier: Apache-2.0
// Mapping: latents to styles.
#include "api/model_api.h"
#include "base/options.h"

atl_status atl_model_broadcast(atl_model *m, int n, const float *w, const atl_map_options *options, float *ws) {
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_map_options", &o, sizeof o, options));
    return atl_truncate(&m->programs, &m->mean, n, w, NULL, &o, ws);
}

// z [n, z_dim], c [n, c_dim] -> w [n, w_dim]
static atl_status map(atl_model *m, int n, const float *z, const float *c, float *w) {
    atl_program *p;
    ATL_TRY(atl_programs_get(&m->programs, &(atl_program_key){ .function = "map", .n = n }, &p));
    if (atl_program_in(p, "z"))
        ATL_TRY(atl_program_write(p, "z", n, z));
    if (atl_program_in(p, "c"))
        ATL_TRY(atl_program_write(p, "c", n, c));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "w", n, w);
}

atl_status atl_model_map(atl_model *m, int n, const float *z, const float *c, const atl_map_options *options,
                         float *ws) {
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_map_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(m, "generator", "map"));
    size_t w_count = (size_t)(n > 0 ? n : 1) * (size_t)m->net.dims.w_dim,
           c_count = c ? 0 : (size_t)m->net.dims.c_dim;
    float *w = atl_alloc(m->ctx, w_count, sizeof *w);
    float *zeros = atl_calloc(m->ctx, (size_t)(n > 0 ? n : 1) * c_count + 1, sizeof *zeros);
    atl_status status = w && zeros ? map(m, n, z, c, w) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_truncate(&m->programs, &m->mean, n, w, c ? c : zeros, &o, ws);
    atl_free(m->ctx, w);
    atl_free(m->ctx, zeros);
    return status;
}
