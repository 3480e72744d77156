// SPDX-License-Identifier: Apache-2.0
// For layer i of n before the one to RGB, of which the last `critical` are critically sampled:
//
//     e = min(i / (n - critical), 1)
//     cutoff = first_cutoff ((R / 2) / first_cutoff)^e
//     stop = first_stop ((R / 2) last_stop_rel / first_stop)^e
//     rate = 2^ceil(log2(min(2 stop, R)))
//     half width = max(stop, rate / 2) - cutoff
//     size = rate + 2 margin, at the end R
//     channels = min(channel_base / 2 / cutoff, channel_max)
//
// Some stops are powers of two exactly and would double the rate if they came out one bit larger, so the
// expressions keep the order in which they were published.
#include "nn/stylegan3_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/lowpass.h"
#include "nn/net.h"

typedef struct band {
    double cutoff, half_width, rate;
    int size, channels;
} band;

static band band_of(const atl_sg3_options *o, int i) {
    double e = fmin((double)i / (o->layers - o->critical), 1.0), last = o->resolution / 2.0;
    double cutoff = o->first_cutoff * pow(last / o->first_cutoff, e);
    double stop = o->first_stop * pow(last * o->last_stop_rel / o->first_stop, e);
    double rate = exp2(ceil(log2(fmin(stop * 2.0, (double)o->resolution))));
    band b = { cutoff, fmax(stop, rate / 2.0) - cutoff, rate, (int)rate + 2 * o->margin,
               (int)rint(fmin(o->channel_base / 2.0 / cutoff, o->channel_max)) };
    if (i >= o->layers - 1)
        b.size = o->resolution;
    if (i == o->layers)
        b.channels = o->img_channels;
    return b;
}

static atl_sg3_layer layer_of(const atl_sg3_options *o, int i) {
    band in = band_of(o, i > 0 ? i - 1 : 0), out = band_of(o, i);
    bool torgb = i == o->layers, critical = i >= o->layers - o->critical;
    double tmp = fmax(in.rate, out.rate) * (torgb ? 1.0 : 2.0);
    atl_sg3_layer l = { .in_channels = in.channels,
                        .out_channels = out.channels,
                        .in_size = in.size,
                        .out_size = out.size,
                        .in_rate = in.rate,
                        .out_rate = out.rate,
                        .tmp_rate = tmp,
                        .in_cutoff = in.cutoff,
                        .out_cutoff = out.cutoff,
                        .in_half_width = in.half_width,
                        .out_half_width = out.half_width,
                        .kernel = torgb ? 1 : o->kernel,
                        .radial = o->radial && !critical,
                        .critical = critical,
                        .torgb = torgb,
                        .half = out.rate * exp2(o->half_resolutions) > o->resolution };
    snprintf(l.name, sizeof l.name, "L%d_%d_%d", i, out.size, out.channels);
    l.up = (int)(tmp / in.rate);
    l.down = (int)(tmp / out.rate);
    l.up_taps = l.up > 1 && !torgb ? o->filter_size * l.up : 1;
    l.down_taps = l.down > 1 && !torgb ? o->filter_size * l.down : 1;
    int pads =
        (l.out_size - 1) * l.down + 1 - (l.in_size + l.kernel - 1) * l.up + l.up_taps + l.down_taps - 2;
    l.pad_low = atl_half(pads + l.up);
    l.pad_high = pads - l.pad_low;
    return l;
}

static atl_status check_options(atl_ctx *ctx, const atl_sg3_options *o) {
    if (o->resolution < 16 || o->resolution > 16384 || (o->resolution & (o->resolution - 1)))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "StyleGAN3: resolution must be a power of two from 16 to 16384, not %d",
                        o->resolution);
    if (o->critical < 1 || o->layers <= o->critical || o->layers >= ATL_SG3_LAYERS)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "StyleGAN3: %d layers with %d critically sampled ones are impossible; "
                        "at most %d layers, at least one of each sort",
                        o->layers, o->critical, ATL_SG3_LAYERS - 1);
    if (o->img_channels < 1 || o->margin < 0 || o->margin > 1024 || o->kernel < 1 || o->kernel > 15 ||
        o->filter_size < 1 || o->filter_size > 64)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "StyleGAN3: %d channels, margin %d, kernel %d or filter size %d is "
                        "out of range",
                        o->img_channels, o->margin, o->kernel, o->filter_size);
    if (!(o->channel_base > 0.0) || !(o->channel_max >= 1.0) || !(o->channel_max <= 65536.0) ||
        !(o->first_cutoff > 0.0) || !(o->first_cutoff < o->resolution / 2.0) || !(o->last_stop_rel >= 1.0) ||
        !(o->first_stop > o->first_cutoff) || !(o->first_stop < 16384.0))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "StyleGAN3: channels or cutoffs are out of range: base %g, most %g, "
                        "first cutoff %g, first stop %g",
                        o->channel_base, o->channel_max, o->first_cutoff, o->first_stop);
    return ATL_OK;
}

atl_status atl_sg3_plan_make(atl_ctx *ctx, const atl_sg3_options *options, atl_sg3_plan *plan) {
    memset(plan, 0, sizeof *plan);
    ATL_TRY(check_options(ctx, options));
    band first = band_of(options, 0);
    plan->count = options->layers + 1;
    plan->input_channels = first.channels;
    plan->input_size = first.size;
    plan->input_rate = first.rate;
    plan->input_bandwidth = first.cutoff;
    for (int i = 0; i < plan->count; i++) {
        plan->layer[i] = layer_of(options, i);
        if (plan->layer[i].out_channels < 1)
            return atl_fail(ctx, ATL_BAD_ARGUMENT,
                            "StyleGAN3: channel base %g leaves layer %d without channels",
                            options->channel_base, i);
    }
    return ATL_OK;
}

void atl_sg3_layer_filters(const atl_sg3_layer *l, float *up, float *down) {
    if (l->up_taps > 1)
        atl_lowpass(l->up_taps, l->in_cutoff, l->in_half_width * 2.0, l->tmp_rate, up);
    if (l->down_taps > 1 && l->radial)
        atl_lowpass_radial(l->down_taps, l->out_cutoff, l->out_half_width * 2.0, l->tmp_rate, down);
    else if (l->down_taps > 1)
        atl_lowpass(l->down_taps, l->out_cutoff, l->out_half_width * 2.0, l->tmp_rate, down);
}
