// SPDX-License-Identifier: Apache-2.0
// The schedule of growing; see grow.h.
#include "train/grow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/growing.h"
#include "train/draw.h"
#include "train/trainer.h"

enum { COARSEST = 4, FINEST = 4096 };

// ---- tables

// One "RESOLUTION:VALUE" at *at, which moves behind it and the comma that follows; false: it is none.
static bool read_entry(const char **at, int *resolution, double *value) {
    char *end;
    long r = strtol(*at, &end, 10);
    if (end == *at || *end != ':' || r < COARSEST || r > FINEST || (r & (r - 1)))
        return false;
    const char *number = end + 1;
    *value = strtod(number, &end);
    if (end == number || !isfinite(*value) || (*end && *end != ','))
        return false;
    *at = end + (*end == ',' && end[1]);
    *resolution = (int)r;
    return true;
}

static bool is_none(const char *table) {
    return !strcmp(table, "none");
}

double atl_grow_table(const char *table, int resolution, double other) {
    int r;
    double value;
    for (const char *at = table; !is_none(table) && *at && read_entry(&at, &r, &value);)
        if (r == resolution)
            return value;
    return other;
}

static atl_status check_table(atl_ctx *ctx, const char *option, const char *table, double low, double high,
                              bool whole) {
    int r;
    double value = 0.0;
    const char *at = table;
    while (*at && read_entry(&at, &r, &value))
        if (!(value >= low && value <= high) || (whole && value != floor(value)))
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s %s: %g for resolution %d, where %g to %g is possible",
                            option, table, value, r, low, high);
    if (is_none(table) || (*table && !*at))
        return ATL_OK;
    return atl_fail(ctx, ATL_BAD_ARGUMENT,
                    "%s %s: expected resolutions and values, such as 4:128,8:64, or none", option, table);
}

// ---- the schedule

// How often the first resolution doubles.
static int doublings(const atl_train_options *o, int resolution) {
    int n = 0;
    for (int r = o->lod_initial; r < resolution; r *= 2)
        n++;
    return n;
}

// The level of detail after so many pictures, and when its kind of plan is over.
static double level_at(const atl_train_options *o, int total, uint64_t images, uint64_t *until) {
    double training = o->lod_training_kimg * 1000.0, transition = o->lod_transition_kimg * 1000.0;
    double phase = training + transition, at = (double)images, k = total ? floor(at / phase) : 0.0;
    *until = 0;
    if (!(k < total))
        return 0.0;
    double within = at - k * phase;
    if (within <= training) {
        *until = (uint64_t)(k * phase + training) + 1;
        return total - k;
    }
    *until = (uint64_t)ceil((k + 1.0) * phase);
    return fmax(total - k - (within - training) / transition, 0.0);
}

atl_stage atl_grow_stage_of(const atl_train_options *o, int resolution, int ranks, uint64_t images) {
    atl_stage s = { 0 };
    double lod = level_at(o, doublings(o, resolution), images, &s.until);
    int top = resolution >> (int)lod;
    s.lod = (float)lod;
    s.fade = s.lod - floorf(s.lod);
    s.rate = atl_grow_table(o->lod_rate, top, 1.0);
    s.batch = (int)atl_grow_table(o->lod_batch, top, o->batch);
    s.batch_gpu = atl_train_divisor(s.batch / ranks, o->batch_gpu);
    return s;
}

atl_stage atl_grow_stage(const atl_trainer *t, uint64_t images) {
    return atl_grow_stage_of(&t->options, t->set.width, t->state.ranks, images);
}

int atl_grow_largest(const atl_train_options *o, int resolution) {
    double largest = 1.0;
    for (int r = o->lod_initial; r <= resolution; r *= 2)
        largest = fmax(largest, atl_grow_table(o->lod_batch, r, o->batch));
    return (int)fmin(largest, 65536.0);
}

// ---- bad input

static atl_status check_batch(atl_ctx *ctx, int ranks, int resolution, const atl_stage *s,
                              const atl_train_options *o) {
    if (s->batch % ranks)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "batch %d at %dx%d can't be shared by %d processes: give multiples of %d with lod-batch or batch",
            s->batch, resolution, resolution, ranks, ranks);
    if (o->mbstd_group < s->batch_gpu && s->batch_gpu % o->mbstd_group)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "mbstd-group %d does not divide the %d pictures that D sees at once at %dx%d",
                        o->mbstd_group, s->batch_gpu, resolution, resolution);
    return ATL_OK;
}

static atl_status check_length(atl_ctx *ctx, int total, const atl_train_options *o) {
    double phase = o->lod_training_kimg + o->lod_transition_kimg, whole = total * phase;
    if (total && !(phase > 0.0))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "lod-training-kimg and lod-transition-kimg are both 0, so the networks would never grow: make "
            "one larger, or give the full size with lod-initial");
    if (total && !(whole < o->kimg))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "the networks come to full size after %g kimg (%d times %g), and the run ends at %g kimg: make "
            "lod-training-kimg and lod-transition-kimg smaller, lod-initial larger, or kimg",
            whole, total, phase, o->kimg);
    return ATL_OK;
}

atl_status atl_grow_check(atl_ctx *ctx, const atl_train_set *set, int ranks, const atl_train_options *o) {
    int first = o->lod_initial, size = set->width;
    if (first > size || (first & (first - 1)))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "lod-initial %d can't grow to %dx%d, the size of the pictures: 4, 8, 16 and so on to %d can",
            first, size, size, size);
    ATL_TRY(check_table(ctx, "lod-batch", o->lod_batch, 1, 65536, true));
    ATL_TRY(check_table(ctx, "lod-rate", o->lod_rate, 1e-6, 1e6, false));
    ATL_TRY(check_length(ctx, doublings(o, size), o));
    uint64_t images = 0;
    do {
        atl_stage s = atl_grow_stage_of(o, size, ranks, images);
        ATL_TRY(check_batch(ctx, ranks, size >> (int)s.lod, &s, o));
        images = s.until;
    } while (images);
    return ATL_OK;
}

// ---- pictures

atl_node *atl_grow_real(atl_phase_builder *b) {
    const atl_network *d = b->setup->networks[ATL_TRAIN_D];
    atl_graph *g = b->g;
    atl_node *x = atl_draw_real(b, "real");
    atl_level level = atl_level_of(b->setup->lod, d->dims.width);
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_box_down_times(g, x, level.halvings);
    if (level.fade > 0.0f) {
        atl_node *t = atl_draw_fade(b, "fade_real");
        atl_node *coarse = atl_nearest_up(g, atl_box_down(g, x));
        t = atl_expand(g, atl_reshape(g, t, ATL_SHAPE(1, 1, 1, 1)), x->shape);
        x = atl_add(g, x, atl_mul(g, atl_sub(g, coarse, x), t));
    }
    return atl_nearest_up_times(g, x, level.halvings);
}
