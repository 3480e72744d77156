// SPDX-License-Identifier: Apache-2.0
// Configs of new StyleGAN3 and StyleGAN-XL generators, with the keys that official files have.
#include <string.h>

#include "io/json.h"
#include "models/rows.h"
#include "models/stylegan3_init.h"
#include "nn/stylegan3_plan.h"

static json_t *layer_json(const atl_sg3_layer *l) {
    return json_pack("{s:s s:b s:b s:i s:i s:[i,i] s:[i,i] s:f s:f s:f s:f s:f s:f s:f s:i s:f s:i s:i s:i s:i s:b "
                     "s:[i,i,i,i]}", "name", l->name, "is_torgb", (int)l->torgb, "is_critically_sampled",
                     (int)l->critical, "in_channels", l->in_channels, "out_channels", l->out_channels, "in_size",
                     l->in_size, l->in_size, "out_size", l->out_size, l->out_size, "in_sampling_rate", l->in_rate,
                     "out_sampling_rate", l->out_rate, "tmp_sampling_rate", l->tmp_rate, "in_cutoff", l->in_cutoff,
                     "out_cutoff", l->out_cutoff, "in_half_width", l->in_half_width, "out_half_width",
                     l->out_half_width, "conv_kernel", l->kernel, "conv_clamp", 256.0, "up_factor", l->up, "up_taps",
                     l->up_taps, "down_factor", l->down, "down_taps", l->down_taps, "down_radial", (int)l->radial,
                     "padding", l->pad_low, l->pad_high, l->pad_low, l->pad_high);
}

static json_t *synthesis_json(atl_json *b, const atl_sg3_plan *plan, int w_dim) {
    json_t *layers = atl_json_list(b);
    for (int i = 0; i < plan->count; i++)
        atl_json_add(b, layers, layer_json(&plan->layer[i]));
    return json_pack("{s:i s:i s:f s:{s:i s:[i,i] s:f s:f} s:o}", "w_dim", w_dim, "num_ws", plan->count + 1,
                     "output_scale", 0.25, "input", "channels", plan->input_channels, "size", plan->input_size,
                     plan->input_size, "sampling_rate", plan->input_rate, "bandwidth", plan->input_bandwidth, "layers",
                     layers);
}

static bool ends_in_r(const char *cfg) {
    size_t length = cfg ? strlen(cfg) : 0;
    return length > 2 && !strcmp(cfg + length - 2, "-r");
}

atl_status atl_sg3_init_json(atl_ctx *ctx, const atl_init_options *o, const atl_sg3_init *init, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    bool radial = ends_in_r(o->cfg);
    atl_sg3_options p = radial ? (atl_sg3_options)ATL_SG3_OPTIONS_R(o->resolution)
                               : (atl_sg3_options)ATL_SG3_OPTIONS_T(o->resolution);
    double wider = init->widen * (radial ? 2.0 : 1.0);
    p.img_channels = o->img_channels ? o->img_channels : 3;
    p.channel_base = wider * (o->channel_base ? o->channel_base : 32768);
    p.channel_max = wider * (o->channel_max ? o->channel_max : 512);
    atl_sg3_plan plan;
    ATL_TRY(atl_sg3_plan_make(ctx, &p, &plan));
    atl_json b = { .ctx = ctx };
    json_t *all = json_pack(
        "{s:i s:i s:i s:i s:i s:i s:o s:{s:i s:f s:f s:i s:i}}", "z_dim", init->z_dim, "c_dim", o->c_dim,
        "w_dim", 512, "num_ws", plan.count + 1, "img_resolution", o->resolution, "img_channels",
        p.img_channels, "synthesis", synthesis_json(&b, &plan, 512), "mapping", "num_layers",
        o->map_depth ? o->map_depth : 2, "lr_multiplier", 0.01, "w_avg_beta", 0.998, "table_features",
        o->c_dim ? init->table_features : 0, "proj_features", o->c_dim ? init->proj_features : 0);
    return atl_json_end(&b, atl_json_keep(&b, all), "the network's config", json);
}
