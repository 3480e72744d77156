// SPDX-License-Identifier: Apache-2.0
// StyleGAN3 generators without attributes.  Names say index, size and channels of each layer; everything else
// of its plan (rates, cutoffs, padding) is derived again and believed only if the filters that the file holds
// are those of the plan.
#include "ckpt/named.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "nn/stylegan3_plan.h"

enum { CRITICAL_MOST = 4, MARGIN_MOST = 32, TAPS_MOST = 128, NAME_MOST = 32 };

typedef struct layout3 {
    const atl_found *f;
    char names[ATL_SG3_LAYERS][NAME_MOST];
    int sizes[ATL_SG3_LAYERS];
    int count;
} layout3;

// Layers by their numbers; the names are found among all, since sizes and channels stand in them.
static void list_layers(atl_ckpt *ckpt, layout3 *l) {
    static const char leaf[] = ".magnitude_ema";
    const atl_object *dict = l->f->names.dict;
    bool seen[ATL_SG3_LAYERS] = { false };
    for (size_t i = 0; i < dict->size; i++) {
        const atl_object *key = dict->u.items[2 * i];
        size_t skip = strlen(l->f->prefix);
        if (key->type != ATL_OBJECT_STRING || key->size < skip + sizeof leaf || key->size > 200 ||
            memcmp(key->u.text + key->size - (sizeof leaf - 1), leaf, sizeof leaf - 1))
            continue;
        const char *name = atl_found_name(ckpt, l->f, i);
        int index, size, channels, used = 0;
        if (!name || sscanf(name, "synthesis.L%3d_%6d_%6d%n", &index, &size, &channels, &used) != 3 ||
            strcmp(name + used, leaf) || index < 0 || index >= ATL_SG3_LAYERS)
            continue;
        snprintf(l->names[index], NAME_MOST, "L%d_%d_%d", index, size, channels);
        l->sizes[index] = size;
        seen[index] = true;
    }
    while (l->count < ATL_SG3_LAYERS && seen[l->count])
        l->count++;
}

static double assumed(atl_ckpt *ckpt, const char *key, double otherwise) {
    const json_t *v = atl_ckpt_assumed(ckpt, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

// Whether a stored filter is the planned one; a single tap is stored as none.
static bool same_filter(atl_ckpt *ckpt, const layout3 *l, int i, const char *name, int taps, bool radial,
                        const float *planned) {
    const atl_tensor *t = atl_found_tensor(l->f, "synthesis.%s.%s", l->names[i], name);
    static const size_t most = (size_t)TAPS_MOST * TAPS_MOST;
    float stored[TAPS_MOST * TAPS_MOST];
    if (taps <= 1)
        return t == NULL;
    size_t count = (size_t)taps * (radial ? (size_t)taps : 1);
    if (!t || count > most || (size_t)atl_tensor_count(t) != count || t->rank != (radial ? 2 : 1) ||
        atl_tensor_read_f32(ckpt->objects, t, stored) != ATL_OK)
        return false;
    for (size_t k = 0; k < count; k++)
        if (!(fabsf(stored[k] - planned[k]) < 1e-5f))
            return false;
    return true;
}

static bool fits(atl_ckpt *ckpt, const layout3 *l, const atl_sg3_options *o, atl_sg3_plan *plan) {
    float up[TAPS_MOST], down[TAPS_MOST * TAPS_MOST];
    if (atl_sg3_plan_make(ckpt->ctx, o, plan) != ATL_OK) {
        atl_message_clear(ckpt->ctx);
        return false;
    }
    for (int i = 0; i < l->count; i++) {
        const atl_sg3_layer *p = &plan->layer[i];
        if (p->out_size != l->sizes[i] || p->up_taps > TAPS_MOST || p->down_taps > TAPS_MOST)
            return false;
        atl_sg3_layer_filters(p, up, down);
        if (!same_filter(ckpt, l, i, "up_filter", p->up_taps, false, up) ||
            !same_filter(ckpt, l, i, "down_filter", p->down_taps, p->radial, down))
            return false;
    }
    return true;
}

static bool has_radial(const layout3 *l) {
    for (int i = 0; i < l->count; i++) {
        const atl_tensor *t = atl_found_tensor(l->f, "synthesis.%s.down_filter", l->names[i]);
        if (t && t->rank == 2)
            return true;
    }
    return false;
}

// The usual numbers, and of margin and critically sampled layers those that fit.
static bool find_plan(atl_ckpt *ckpt, const layout3 *l, atl_sg3_options *o, atl_sg3_plan *plan) {
    *o = (atl_sg3_options)ATL_SG3_OPTIONS_T(l->sizes[l->count - 1]);
    o->img_channels = 3;
    o->layers = l->count - 1;
    o->kernel = (int)atl_found_dim(l->f, 2, "synthesis.%s.weight", l->names[0]);
    o->radial = has_radial(l);
    o->channel_base = 1 << 24; // channels are those of the weights
    o->channel_max = 65536;
    o->first_cutoff = assumed(ckpt, "first_cutoff", o->first_cutoff);
    o->first_stop = assumed(ckpt, "first_stop", o->first_stop);
    o->last_stop_rel = assumed(ckpt, "last_stop_rel", o->last_stop_rel);
    o->filter_size = (int)assumed(ckpt, "filter_size", o->filter_size);
    int margin = (int)assumed(ckpt, "margin_size", -1), critical = (int)assumed(ckpt, "num_critical", -1);
    for (int m = 0; m <= MARGIN_MOST; m++)
        for (int k = 1; k <= CRITICAL_MOST; k++) {
            o->margin = (10 + m) % (MARGIN_MOST + 1); // the usual one first
            o->critical = k == 1 ? 2 : k == 2 ? 1 : k;
            if ((margin >= 0 && o->margin != margin) || (critical >= 0 && o->critical != critical))
                continue;
            if (fits(ckpt, l, o, plan))
                return true;
        }
    return false;
}

static json_t *layer_json(const layout3 *l, const atl_sg3_layer *p, int i) {
    const char *name = l->names[i];
    json_int_t out = (json_int_t)atl_found_dim(l->f, 0, "synthesis.%s.weight", name),
               in = (json_int_t)atl_found_dim(l->f, 1, "synthesis.%s.weight", name);
    return json_pack(
        "{s:s s:I s:I s:[i,i] s:[i,i] s:i s:i s:i s:i s:[i,i,i,i] s:b s:b s:i s:f s:f s:f s:f s:f s:n}",
        "name", name, "in_channels", in, "out_channels", out, "in_size", p->in_size, p->in_size, "out_size",
        p->out_size, p->out_size, "up_factor", p->up, "down_factor", p->down, "up_taps", p->up_taps,
        "down_taps", p->down_taps, "padding", p->pad_low, p->pad_high, p->pad_low, p->pad_high, "is_torgb",
        p->torgb, "down_radial", p->radial, "conv_kernel", p->kernel, "in_cutoff", p->in_cutoff, "out_cutoff",
        p->out_cutoff, "in_half_width", p->in_half_width, "out_half_width", p->out_half_width,
        "tmp_sampling_rate", p->tmp_rate, "conv_clamp");
}

// NULL: memory was missing.
static json_t *synthesis_json(atl_ckpt *ckpt, const layout3 *l, const atl_sg3_plan *plan) {
    atl_json b = { .ctx = ckpt->ctx };
    json_t *layers = atl_json_list(&b);
    for (int i = 0; i < l->count; i++)
        atl_json_add(&b, layers, layer_json(l, &plan->layer[i], i));
    if (atl_json_end(&b, layers, "the layers of a network", &layers) != ATL_OK)
        return NULL;
    return json_pack("{s:f s:{s:I s:[i,i] s:f s:f} s:o}", "output_scale", 0.25, "input", "channels",
                     (json_int_t)atl_found_dim(l->f, 0, "synthesis.input.freqs"), "size", plan->input_size,
                     plan->input_size, "sampling_rate", plan->input_rate, "bandwidth", plan->input_bandwidth,
                     "layers", layers);
}

atl_status atl_named_generator3(atl_ckpt *ckpt, const atl_found *f) {
    static const char *const keys[] = { "mapping.activation", "mapping.lr_multiplier",
                                        "synthesis.output_scale" };
    layout3 l = { .f = f };
    atl_sg3_options o;
    atl_sg3_plan plan;
    list_layers(ckpt, &l);
    bool found = l.count > 2 && find_plan(ckpt, &l, &o, &plan);
    int64_t z_dim, c_dim, w_dim = atl_found_dim(f, 1, "synthesis.input.affine.weight");
    json_t *mapping = atl_named_mapping(f, 0.998, &z_dim, &c_dim);
    const char *why = atl_named_check_input(ckpt, f, z_dim, w_dim);
    if (!found)
        why = "the sizes and filters of its layers don't follow from the usual numbers, and the file has no "
              "config; give "
              "what differs: assume "
              "first_cutoff=2,first_stop=4.287,last_stop_rel=1.231,filter_size=6,margin_size=10,"
              "num_critical=2";
    const char *last = found ? l.names[l.count - 1] : "";
    json_t *config =
        json_pack("{s:I s:I s:I s:i s:I s:o s:o}", "z_dim", (json_int_t)z_dim, "c_dim", (json_int_t)c_dim,
                  "w_dim", (json_int_t)w_dim, "img_resolution", found ? l.sizes[l.count - 1] : 0,
                  "img_channels", (json_int_t)atl_found_dim(f, 0, "synthesis.%s.bias", last), "synthesis",
                  found ? synthesis_json(ckpt, &l, &plan) : json_object(), "mapping", mapping);
    bool xl = json_object_get(mapping, "table_features") != NULL;
    ATL_TRY(atl_ckpt_add(ckpt, f->key, xl ? "stylegan_xl_generator" : "stylegan3_generator", config, why, f));
    return atl_ckpt_note_assumed(ckpt, ckpt->size - 1, keys, sizeof keys / sizeof *keys);
}
