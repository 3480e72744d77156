// SPDX-License-Identifier: Apache-2.0
// Blends of two generators of one architecture: layers swapped at a resolution (Pinkney and Adler 2020) or
// all weights interpolated.  Every tensor gets a share of the second network, by the resolution of its layer.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/model_api.h"
#include "base/dims.h"
#include "base/options.h"

// ---- do the two match?

// Keys of a config that change neither results nor shapes, or only how training went on.
static bool is_free(const char *key) {
    static const char *const keys[] = { "w_avg_beta", "magnitude_ema_beta", "num_fp16_res", "use_fp16", "path_stem",
                                        "truncation_psi", "truncation_cutoff", "lod" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

static atl_status differs(atl_ctx *ctx, const char *path, const json_t *a, const json_t *b) {
    char *one = json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT), *other = json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT);
    atl_status status = atl_fail(ctx, ATL_BAD_ARGUMENT, "the networks can't be blended: %s is %.100s in the first and "
                                 "%.100s in the second", path, one ? one : "?", other ? other : "?");
    free(one);
    free(other);
    return status;
}

// A key that only one of them has is no difference: files of other makers say more or less.
static atl_status compare_configs(atl_ctx *ctx, const char *path, const json_t *a, const json_t *b, int depth) {
    const char *key;
    json_t *value;
    char full[200];
    if (json_is_object(a) && json_is_object(b) && depth < 8) {
        json_object_foreach((json_t *)a, key, value) {
            const json_t *other = json_object_get(b, key);
            snprintf(full, sizeof full, "%s%s%s", path, path[0] ? "." : "", key);
            if (other && !is_free(key))
                ATL_TRY(compare_configs(ctx, full, value, other, depth + 1));
        }
        return ATL_OK;
    }
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b) && depth < 8) {
        for (size_t i = 0; i < json_array_size(a); i++) {
            snprintf(full, sizeof full, "%s[%zu]", path, i);
            ATL_TRY(compare_configs(ctx, full, json_array_get(a, i), json_array_get(b, i), depth + 1));
        }
        return ATL_OK;
    }
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b) ? ATL_OK : differs(ctx, path, a, b);
    return json_equal(a, b) ? ATL_OK : differs(ctx, path, a, b);
}

static atl_status compare_tensors(atl_ctx *ctx, const atl_params *a, const atl_params *b) {
    char one[ATL_DIMS_TEXT], other[ATL_DIMS_TEXT];
    for (size_t i = 0; i < a->size; i++) {
        const atl_param *p = &a->list[i], *q = atl_params_find(b, p->name);
        if (!q)
            return atl_fail(ctx, ATL_BAD_ARGUMENT,
                            "the networks can't be blended: the second has no tensor %s", p->name);
        if (p->rank == q->rank && !memcmp(p->dims, q->dims, sizeof *p->dims * (size_t)p->rank))
            continue;
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "the networks can't be blended: %s has shape %s in the first and %s in the second",
                        p->name, atl_dims_text(p->rank, p->dims, one),
                        atl_dims_text(q->rank, q->dims, other));
    }
    for (size_t i = 0; i < b->size; i++)
        if (!atl_params_find(a, b->list[i].name))
            return atl_fail(ctx, ATL_BAD_ARGUMENT,
                            "the networks can't be blended: the first has no tensor %s", b->list[i].name);
    return ATL_OK;
}

static atl_status check_match(atl_ctx *ctx, const atl_model *a, const atl_model *b) {
    if (a->net.row != b->net.row)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "the networks can't be blended: the first is a %s %s, the second a %s %s",
                        a->net.row->family, a->net.row->role, b->net.row->family, b->net.row->role);
    if (!atl_model_function_find(a->net.row, "synthesize"))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s is a %s; generators can be blended", a->net.name,
                        a->net.row->role);
    ATL_TRY(compare_configs(ctx, "", a->net.json, b->net.json, 0));
    return compare_tensors(ctx, &a->net.params, &b->net.params);
}

// ---- shares

// 1 at and above the threshold, 0 below, with a width in octaves a logistic step whose middle lies between
// the threshold and half of it.
static double step_up(int resolution, int threshold, double width) {
    if (width <= 0.0 || resolution < 1)
        return resolution >= threshold;
    return 1.0 / (1.0 + exp(-(log2((double)resolution / threshold) + 0.5) / width));
}

static double share_of(const atl_model_row *row, const char *name, const atl_blend_options *o) {
    if (!o->swap_below && !o->swap_above)
        return (double)o->alpha;
    int resolution = row->resolution_of ? row->resolution_of(name) : -1;
    if (resolution < 0)
        return 0.0;
    double above = o->swap_above ? step_up(resolution, o->swap_above, (double)o->width) : 0.0;
    double below = o->swap_below ? 1.0 - step_up(resolution, o->swap_below, (double)o->width) : 0.0;
    return fmax(above, below) * (double)o->alpha;
}

static void blend(const atl_model *a, const atl_model *b, const atl_blend_options *o, atl_params *out) {
    for (size_t i = 0; i < out->size; i++) {
        const atl_param *p = &out->list[i];
        const float *x = atl_param_data(&a->net.params, &a->net.params.list[i]);
        const float *y = atl_param_data(&b->net.params, atl_params_find(&b->net.params, p->name));
        float *z = atl_param_data(out, p);
        double share = share_of(a->net.row, p->name, o);
        for (size_t k = 0; k < p->count; k++)
            z[k] = share == 1.0 ? y[k] : (float)((double)x[k] + share * ((double)y[k] - (double)x[k]));
    }
}

// ---- the new model

static atl_status check_options(atl_ctx *ctx, const atl_blend_options *o) {
    if (!isfinite(o->alpha) || !(o->width >= 0.0f) || !isfinite(o->width))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "alpha %g or width %g is not possible", (double)o->alpha,
                        (double)o->width);
    if (o->swap_below < 0 || o->swap_above < 0)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "layers can't be swapped at a negative resolution");
    return ATL_OK;
}

atl_status atl_model_blend(const atl_model *a, const atl_model *b, const atl_blend_options *options,
                           atl_model **model) {
    atl_blend_options o = ATL_BLEND_OPTIONS_INIT;
    *model = NULL;
    ATL_TRY(atl_options_read(a->ctx, "atl_blend_options", &o, sizeof o, options));
    ATL_TRY(check_options(a->ctx, &o));
    ATL_TRY(check_match(a->ctx, a, b));
    atl_network net;
    atl_status status = atl_network_copy(&a->net, &net);
    if (status == ATL_OK)
        blend(a, b, &o, &net.params);
    return atl_model_new(a->ctx, &net, status, model);
}
