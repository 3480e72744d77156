// SPDX-License-Identifier: Apache-2.0
// A code drawn by its logits; see draw_codes.h.
#include "run/draw_codes.h"

#include <math.h>
#include <stdlib.h>

static int by_probability(const void *a_, const void *b_) {
    const atl_code_choice *a = a_, *b = b_;
    return a->p != b->p ? (a->p < b->p ? 1 : -1) : (a->code > b->code) - (a->code < b->code);
}

int32_t atl_choose_code(const atl_sample_options *o, const float *logits, int n, double share,
                        atl_code_choice *c) {
    int kept = o->top_k > 0 && o->top_k < n ? o->top_k : n;
    for (int i = 0; i < n; i++)
        c[i] = (atl_code_choice){ logits[i] / o->temperature, i };
    qsort(c, (size_t)n, sizeof *c, by_probability);
    double sum = 0, part = 0;
    for (int i = kept; i-- > 0;) {
        c[i].p = i ? expf(c[i].p - c[0].p) : 1.0f;
        sum += (double)c[i].p;
    }
    int end = 0;
    while (end < kept && (end == 0 || part / sum <= (double)o->top_p)) // the first beyond the share is kept
        part += (double)c[end++].p;
    double at = share * part;
    int i = 0;
    for (; i < end - 1 && at >= (double)c[i].p; i++)
        at -= (double)c[i].p;
    return c[i].code;
}

atl_status atl_check_sampling(atl_ctx *ctx, const atl_sample_options *o) {
    if (o->height < 1 || o->width < 1 || o->height > ATL_MAP_SIDE_MOST || o->width > ATL_MAP_SIDE_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a map of %d x %d codes is not possible: sides from 1 to %d are", o->height, o->width,
                        ATL_MAP_SIDE_MOST);
    if (!(o->temperature > 0.0f) || !isfinite(o->temperature) || o->top_k < 0 || !(o->top_p >= 0.0f))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a temperature of %g, the %d most probable or a share of %g is out of range",
                        (double)o->temperature, o->top_k, (double)o->top_p);
    return ATL_OK;
}

atl_status atl_check_codes(atl_ctx *ctx, const char *what, const int32_t *codes, size_t count, int most) {
    for (size_t i = 0; i < count; i++)
        if (codes[i] < 0 || codes[i] >= most)
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "code %d of the %s is none of the network's %d codes",
                            (int)codes[i], what, most);
    return ATL_OK;
}
