// SPDX-License-Identifier: Apache-2.0
// Filtered leaky ReLU: what may be asked for, and its filters as the passes read them.
#include <math.h>

#include "base/mem.h"
#include "cpu/flrelu_inside.h"
#include "cpu/sizes.h"

enum { FACTOR_MOST = 16, TAPS_MOST = 1024 };

atl_status atl_cpu_flrelu_check(atl_ctx *ctx, const atl_cpu_flrelu_args *a, const float *fu,
                                const float *fd) {
    int oh, ow;
    if (a->n < 1 || a->h < 1 || a->w < 1 || a->c < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "filtered leaky ReLU: sizes must be at least 1, not %dx%dx%dx%d", a->n, a->h, a->w,
                        a->c);
    if (a->up < 1 || a->up > FACTOR_MOST || a->down < 1 || a->down > FACTOR_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "filtered leaky ReLU: factors must be 1 to %d, not up %d, down %d", FACTOR_MOST,
                        a->up, a->down);
    if (a->up_taps < 1 || a->up_taps > TAPS_MOST || a->down_taps < 1 || a->down_taps > TAPS_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "filtered leaky ReLU: filters must have 1 to %d taps, not %d and %d", TAPS_MOST,
                        a->up_taps, a->down_taps);
    if ((!fu && a->up_taps != 1) || (!fd && a->down_taps != 1))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "filtered leaky ReLU: a filter of several taps is missing");
    atl_cpu_flrelu_size(a, &oh, &ow);
    if (oh < 1 || ow < 1 || oh == INT32_MAX || ow == INT32_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "filtered leaky ReLU: padding %d,%d,%d,%d makes %dx%d of a picture "
                        "of %dx%d",
                        a->px0, a->px1, a->py0, a->py1, oh, ow, a->h, a->w);
    return ATL_OK;
}

// Sorts a filter's taps by the members of a group.  The first meets tap `turn`, turn + up, ...
static void sort_phases(const atl_cpu_flrelu_args *a, const float *f, int turn, double gain, int per_phase,
                        float *to) {
    for (int p = 0; p < a->up; p++)
        for (int k = (turn - p + a->up) % a->up, i = 0; k < a->up_taps; k += a->up, i++) {
            float tap = f ? f[a->up_taps - 1 - k] : 1.0f;
            to[p * per_phase + i] = (float)(tap * gain);
        }
}

static float down_tap(const float *f, int i, int taps) {
    return f ? f[taps - 1 - i] : 1.0f;
}

static void place_down(const atl_cpu_flrelu_args *a, atl_cpu_flrelu_filter *filter, const float *f, float *to,
                       double sign) {
    int side = filter->outputs * a->down, taps = a->down_taps;
    if (!a->down_radial) {
        for (int i = 0; i < taps; i++) {
            to[i] = down_tap(f, i, taps);
            to[side + i] = (float)(sign * down_tap(f, i, taps));
        }
        filter->down_x = to;
        filter->down_y = to + side;
        return;
    }
    float *xy = to;
    filter->mirrored = 1;
    for (int i = 0; i < taps * taps; i++)
        xy[i / taps * side + i % taps] = (float)(sign * down_tap(f, i, taps * taps));
    for (int i = 0; i < side * side; i++) {
        int row = i / side, column = i % side;
        if (xy[i] != xy[(side - 1 - row) * side + column] || xy[i] != xy[row * side + side - 1 - column])
            filter->mirrored = 0;
    }
    filter->down_xy = xy;
}

// leaky ReLU(a x) = a leaky ReLU(x) for a > 0, and clamping is symmetric: the gain's size goes into the first
// filter, its sign into the second.
atl_status atl_cpu_flrelu_prepare(atl_ctx *ctx, const atl_cpu_flrelu_args *a, const float *fu,
                                  const float *fd, atl_cpu_flrelu_filter *f, float **made) {
    *f = (atl_cpu_flrelu_filter){ .up = a->up, .down = a->down, .slope = a->slope, .clamp = a->clamp };
    f->up_taps = (a->up_taps + a->up - 1) / a->up;
    f->outputs = (a->down_taps + a->down - 1) / a->down;
    f->turn_x = (int)(a->px0 - atl_floor_div(a->px0, a->up) * a->up);
    f->turn_y = (int)(a->py0 - atl_floor_div(a->py0, a->up) * a->up);
    size_t phases = (size_t)(a->up * f->up_taps), side = (size_t)(f->outputs * a->down);
    float *to = *made =
        atl_calloc(ctx, 2 * phases + (a->down_radial ? side * side : 2 * side), sizeof(float));
    if (!to)
        return ATL_NO_MEMORY;
    sort_phases(a, fu, f->turn_x, a->up, f->up_taps, to);
    sort_phases(a, fu, f->turn_y, a->up * fabs((double)a->gain), f->up_taps, to + phases);
    f->up_x = to;
    f->up_y = to + phases;
    place_down(a, f, fd, to + 2 * phases, a->gain < 0.0f ? -1.0 : 1.0);
    return ATL_OK;
}
