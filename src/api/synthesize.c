// SPDX-License-Identifier: Apache-2.0
// Synthesis: styles to images, with noise, a transform, and layers as files.
#include <math.h>

#include "api/model_api.h"
#include "base/options.h"
#include "run/dump.h"
#include "run/noise.h"

// The inverse of a 3x3 matrix by cofactors, in double.
static bool invert(const float *m, float *out) {
    double c[9], det = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            int a = (i + 1) % 3, b = (i + 2) % 3, x = (k + 1) % 3, y = (k + 2) % 3;
            c[3 * k + i] =
                (double)m[3 * a + x] * (double)m[3 * b + y] - (double)m[3 * a + y] * (double)m[3 * b + x];
        }
    for (int k = 0; k < 3; k++)
        det += (double)m[k] * c[3 * k];
    for (int i = 0; i < 9; i++)
        out[i] = (float)(c[i] / det);
    return isfinite(1.0 / det);
}

static atl_status write_transform(atl_model *m, atl_program *p, const float *transform) {
    float inverse[9];
    if (!transform)
        return ATL_OK;
    if (!atl_program_in(p, "transform"))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "only StyleGAN3 networks can be moved and turned; this one is %s",
                        m->net.row->family);
    if (!invert(transform, inverse))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "the transform has no inverse");
    return atl_program_write(p, "transform", 1, inverse);
}

// Norms that know several truncations, the last of them 1: the weights of their rows.  Between two of them
// the weights are exchanged, and a row is found by a quotient in double: so the published statistics are read
// by their makers.
static atl_status write_truncation(atl_model *m, atl_program *p, float truncation) {
    const atl_port *port = atl_program_in(p, "statistics");
    if (!port || truncation == 0.0f)
        return ATL_OK;
    if (!(truncation > 0.0f && truncation <= 1.0f))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "a truncation of %g is not possible: %s knows those above 0 to 1", (double)truncation,
                        m->net.name);
    int rows = (int)port->node->shape.d[1];
    // 0.4 as people write it
    double at = round((double)truncation * 1e6) / 1e6 / (1.0 / (double)(rows - 1)), whole,
           part = modf(at, &whole);
    float *weights = atl_calloc(m->ctx, (size_t)rows, sizeof *weights);
    if (!weights)
        return ATL_NO_MEMORY;
    int row = (int)whole < rows - 1 ? (int)whole : rows - 1;
    weights[row] = part != 0.0 ? (float)part : 1.0f;
    if (part != 0.0 && row + 1 < rows)
        weights[row + 1] = (float)(1.0 - part);
    atl_status status = atl_program_write(p, "statistics", 1, weights);
    atl_free(m->ctx, weights);
    return status;
}

// Images of a large batch in parts: beyond a few hundred thousand pixels a batch is no faster, only larger.
int atl_model_part(const atl_model *m, int n) {
    int64_t pixels = (int64_t)m->net.dims.height * m->net.dims.width;
    int64_t most = ((int64_t)1 << 18) / (pixels > 0 ? pixels : 1);
    most = most < 1 ? 1 : most;
    int64_t parts = (n + most - 1) / most;
    return parts > 1 ? (int)((n + parts - 1) / parts) : n;
}

static atl_status synthesize_part(atl_model *m, int first, int n, const float *ws,
                                  const atl_synthesis_options *o, float *img) {
    const atl_model_dims *d = &m->net.dims;
    atl_program *p;
    atl_program_key key = {
        .function = "synthesize", .n = n, .noise = o->noise_mode, .step_mode = o->dump_dir != NULL
    };
    ATL_TRY(atl_programs_get(&m->programs, &key, &p));
    ATL_TRY(atl_program_write(p, "ws", n, ws + (size_t)first * (size_t)d->num_ws * (size_t)d->w_dim));
    ATL_TRY(atl_noise_write(p, first, n, d->z_dim, o));
    ATL_TRY(write_transform(m, p, o->transform));
    ATL_TRY(write_truncation(m, p, o->truncation));
    ATL_TRY(atl_program_run(p));
    size_t image = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    ATL_TRY(atl_program_read(p, "img", n, img + (size_t)first * image));
    return o->dump_dir ? atl_dump(p, o->dump ? o->dump : "*", o->dump_dir) : ATL_OK;
}

atl_status atl_model_synthesize(atl_model *m, int n, const float *ws, const atl_synthesis_options *options,
                                float *img) {
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_synthesis_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(m, "generator", "synthesize"));
    int part = o.dump_dir ? n : atl_model_part(m, n), first = 0;
    do { // at least once, so that an impossible n is refused
        ATL_TRY(synthesize_part(m, first, n - first < part ? n - first : part, ws, &o, img));
        first += part;
    } while (first < n);
    return ATL_OK;
}
