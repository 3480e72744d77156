// SPDX-License-Identifier: Apache-2.0
// Drawing codes from a transformer; see draw_codes.h.
#include "run/draw_codes.h"

#include <atelier/rng.h>

#include <math.h>
#include <string.h>

#include "models/transformer.h"

typedef struct sampler {
    atl_ctx *ctx;
    atl_programs *programs;
    const double *shares; // a number in [0, 1) for each code; NULL: those of the seed
    atl_sample_options o;
    atl_codes_sizes s;
    atl_numpy_rng rng;
    const int32_t *condition;
    size_t condition_count, positions, count; // of the map; count: positions times depth
    int32_t *codes;
    int *order; // the place of each position's code in the map; NULL: row by row
    float *keys, *values, *new_keys, *new_values; // kept, and what a run adds
    float *mask, *sequence;                       // [length], [length]
    float *logits;                                // of the next code, [codes], or of all that a run gives
    float *hidden;   // of the next position, where it has several codes, or of all that a run gives
    float *before;   // what a step leaves to the next one, [kept]
    atl_code_choice *choices; // [codes]
} sampler;

static int32_t choose(sampler *t, const float *logits, size_t at_code) {
    double share = t->shares ? t->shares[at_code] : atl_numpy_rng_uniform(&t->rng);
    return atl_choose_code(&t->o, logits, t->s.codes, share, t->choices);
}

// ---- position by position

// Keeps the first `count` positions of a run of `given`, [layers heads given, head], behind `at` others.
static void keep(sampler *t, size_t at, size_t count, size_t given) {
    size_t rows = (size_t)t->s.layers * (size_t)t->s.heads, head = (size_t)t->s.head,
           length = (size_t)t->s.length;
    for (size_t r = 0; r < rows; r++) {
        size_t to = (r * length + at) * head, from = r * given * head;
        memcpy(t->keys + to, t->new_keys + from, count * head * sizeof *t->keys);
        memcpy(t->values + to, t->new_values + from, count * head * sizeof *t->values);
    }
    for (size_t i = 0; i < count; i++)
        t->mask[at + i] = 0.0f;
}

// What "begin" and "step" give, for the position `row` of it.
static atl_status take(sampler *t, atl_program *p, size_t row) {
    size_t width = t->s.depth > 1 ? (size_t)t->s.heads * (size_t)t->s.head : (size_t)t->s.codes;
    float *all = t->s.depth > 1 ? t->hidden : t->logits;
    ATL_TRY(atl_program_read(p, t->s.depth > 1 ? "hidden" : "logits", 1, all));
    memmove(all, all + row * width, width * sizeof *all);
    ATL_TRY(atl_program_read(p, "keys", 1, t->new_keys));
    ATL_TRY(atl_program_read(p, "values", 1, t->new_values));
    return t->s.kept ? atl_program_read(p, "before", 1, t->before) : ATL_OK;
}

// The condition's positions that are run at once, all or the first of them.
static atl_status begin(sampler *t, size_t *at) {
    atl_program_key key = { .function = "begin", .n = 1 };
    size_t given = (size_t)t->s.begin, count = t->condition_count < given ? t->condition_count : given;
    atl_program *p;
    ATL_TRY(atl_programs_get(t->programs, &key, &p));
    for (size_t i = 0; i < given; i++)
        t->sequence[i] = i < count ? (float)t->condition[i] : 0.0f;
    ATL_TRY(atl_program_write(p, t->s.classes ? "conds" : "codes", 1, t->sequence));
    if (!t->s.condition) {
        for (size_t i = 0; i < given; i++)
            t->sequence[i] = i < count ? 0.0f : -INFINITY;
        ATL_TRY(atl_program_write(p, "mask", 1, t->sequence));
    }
    ATL_TRY(atl_program_run(p));
    ATL_TRY(take(t, p, count - 1));
    keep(t, 0, count, given);
    *at = count;
    return ATL_OK;
}

// The position behind `at` others, with its codes.
static atl_status step(sampler *t, size_t at, const int32_t *codes) {
    atl_program_key key = { .function = "step", .n = 1 };
    float position = (float)at;
    atl_program *p;
    for (int i = 0; i < t->s.depth; i++)
        t->sequence[i] = (float)codes[i];
    ATL_TRY(atl_programs_get(t->programs, &key, &p));
    ATL_TRY(atl_program_write(p, "code", 1, t->sequence));
    ATL_TRY(atl_program_write(p, "position", 1, &position));
    ATL_TRY(atl_program_write(p, "mask", 1, t->mask));
    ATL_TRY(atl_program_write(p, "keys", 1, t->keys));
    ATL_TRY(atl_program_write(p, "values", 1, t->values));
    if (t->s.kept)
        ATL_TRY(atl_program_write(p, "before", 1, t->before));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(take(t, p, 0));
    keep(t, at, 1, 1);
    return ATL_OK;
}

// The logits of one of several codes of a position, behind those before it.
static atl_status look_within(sampler *t, const int32_t *codes, int at, const float **logits) {
    atl_program_key key = { .function = "depth", .n = 1 };
    atl_program *p;
    for (int i = 0; i < t->s.depth; i++)
        t->sequence[i] = i < at ? (float)codes[i] : 0.0f;
    ATL_TRY(atl_programs_get(t->programs, &key, &p));
    ATL_TRY(atl_program_write(p, "hidden", 1, t->hidden));
    ATL_TRY(atl_program_write(p, "codes", 1, t->sequence));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "logits", 1, t->logits));
    *logits = t->logits + (size_t)at * (size_t)t->s.codes;
    return ATL_OK;
}

// The codes of position i.
static int32_t *codes_at(const sampler *t, size_t i) {
    return t->codes + (t->order ? (size_t)t->order[i] : i) * (size_t)t->s.depth;
}

static bool stops(sampler *t, size_t done) {
    return t->o.told && t->o.told(t->o.user, done, t->count);
}

static atl_status draw_steps(sampler *t) {
    size_t at = 0, depth = (size_t)t->s.depth;
    for (int i = 0; i < t->s.length; i++)
        t->mask[i] = -INFINITY;
    if (t->s.begin)
        ATL_TRY(begin(t, &at));
    for (; at < t->condition_count; at++)
        ATL_TRY(step(t, at, t->condition + at));
    for (size_t i = 0; i < t->positions; i++) {
        int32_t *codes = codes_at(t, i);
        if (i)
            ATL_TRY(step(t, at++, codes_at(t, i - 1)));
        for (size_t d = 0; d < depth; d++) {
            const float *logits = t->logits;
            if ((size_t)(codes - t->codes) + d < t->o.given_count)
                continue;
            if (depth > 1)
                ATL_TRY(look_within(t, codes, (int)d, &logits));
            codes[d] = choose(t, logits, i * depth + d);
        }
        if (stops(t, (i + 1) * depth))
            return ATL_OK;
    }
    return ATL_OK;
}

// ---- in a window

// Where code i of n stands in a window of w: in its middle, but near the edges of the map.
static int local(int i, int n, int w) {
    return i <= w / 2 ? i : n - i < w - w / 2 ? w - (n - i) : w / 2;
}

// The first `count` numbers of a window of a map.
static void look(const sampler *t, const int32_t *map, int row, int column, int count, float *out) {
    int w = t->o.window;
    for (int k = 0; k < count; k++)
        out[k] = (float)map[(size_t)(row + k / w) * (size_t)t->o.width + (size_t)(column + k % w)];
}

// Before the codes of the window stands the condition: its single code, or the same window of its map.
static atl_status draw_windows(sampler *t) {
    atl_program_key key = { .function = "predict", .n = 1 };
    int w = t->o.window, width = t->o.width, height = t->o.height;
    bool whole = t->condition_count > 1;
    int before = whole ? w * w : 1;
    atl_program *p;
    for (size_t i = t->o.given_count; i < t->count; i++) {
        int row = (int)(i / (size_t)width), column = (int)(i % (size_t)width);
        int y = local(row, height, w), x = local(column, width, w);
        memset(t->sequence, 0, (size_t)t->s.length * sizeof *t->sequence);
        if (whole)
            look(t, t->condition, row - y, column - x, w * w, t->sequence);
        else
            t->sequence[0] = (float)t->condition[0];
        look(t, t->codes, row - y, column - x, w * w - 1, t->sequence + before);
        ATL_TRY(atl_programs_get(t->programs, &key, &p));
        ATL_TRY(atl_program_write(p, "codes", 1, t->sequence));
        ATL_TRY(atl_program_run(p));
        ATL_TRY(atl_program_read(p, "logits", 1, t->logits));
        t->codes[i] = choose(t, t->logits + (size_t)(before - 1 + y * w + x) * (size_t)t->s.codes, i);
        if (stops(t, i + 1))
            return ATL_OK;
    }
    return ATL_OK;
}

// ---- beginning

static atl_status read_sizes(const atl_network *n, atl_codes_sizes *s) {
    bool taming = !strcmp(n->row->kind, "codes_gpt");
    return taming ? atl_codes_gpt_sizes(n->ctx, n->json, s) : atl_vit_gpt_sizes(n->ctx, n->json, s);
}

static atl_status check_condition(const sampler *t) {
    atl_ctx *ctx = t->ctx;
    size_t count = t->condition_count;
    if (t->s.condition && t->o.condition_count != (size_t)t->s.condition)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a condition of %zu codes, where the transformer takes %d of %d%s",
                        t->o.condition_count, t->s.condition, t->s.classes,
                        t->s.condition == 1 ? ": say which class" : "");
    if (count > (size_t)t->s.length)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a condition of %zu codes is longer than the transformer's %d positions", count,
                        t->s.length);
    return atl_check_codes(ctx, "condition", t->condition, count, t->s.classes ? t->s.classes : t->s.codes);
}

static atl_status check(const sampler *t) {
    const atl_sample_options *o = &t->o;
    atl_ctx *ctx = t->ctx;
    ATL_TRY(atl_check_sampling(ctx, o));
    if (o->given_count > t->count)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%zu codes are given for a map of %zu", o->given_count,
                        t->count);
    if (o->depth != t->s.depth)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "the transformer draws %d codes for each position, and %d are wanted", t->s.depth,
                        o->depth);
    ATL_TRY(check_condition(t));
    return atl_check_codes(ctx, "picture", o->given, o->given_count, t->s.codes);
}

static atl_status check_window(const sampler *t) {
    int w = t->o.window;
    bool whole = t->condition_count > 1 && t->condition_count == t->positions;
    if (w < 2 || w > ATL_MAP_SIDE_MOST || w > t->o.height || w > t->o.width ||
        (whole ? 2 * w * w - 1 : w * w) > t->s.length || (t->condition_count != 1 && !whole) || t->s.condition)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%d x %d codes and a condition of %zu are more than the transformer's %d positions, and a window "
            "of %d x %d does not help",
            t->o.height, t->o.width, t->condition_count, t->s.length, w, w);
    return ATL_OK;
}

// An order is of a map's places, whose count says no sides: those of a square one are equal.
static atl_status check_order(const sampler *t) {
    int side = 1;
    while (side * side < t->s.ordered)
        side++;
    bool square = side * side == t->s.ordered;
    if ((size_t)t->s.ordered == t->positions && (!square || t->o.height == side))
        return ATL_OK;
    return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                    "the transformer draws the %d codes of %s in an order of its own, and %d x %d are wanted",
                    t->s.ordered, square ? "a square map" : "a map", t->o.height, t->o.width);
}

static atl_status make_room(sampler *t, bool steps) {
    atl_ctx *ctx = t->ctx;
    size_t length = (size_t)t->s.length, codes = (size_t)t->s.codes, width, given, depth = (size_t)t->s.depth;
    width = (size_t)t->s.heads * (size_t)t->s.head;
    given = t->s.begin ? (size_t)t->s.begin : 1; // positions of a run
    size_t rows = (size_t)t->s.layers * width, most = given > depth ? given : depth;
    t->choices = atl_alloc(ctx, codes, sizeof *t->choices);
    t->order = t->s.ordered ? atl_alloc(ctx, (size_t)t->s.ordered, sizeof *t->order) : NULL;
    t->mask = atl_calloc(ctx, length, sizeof *t->mask);
    t->sequence = atl_calloc(ctx, length > depth ? length : depth, sizeof *t->sequence);
    t->logits = atl_calloc(ctx, steps ? most : length, codes * sizeof *t->logits);
    t->hidden = atl_calloc(ctx, given, width * sizeof *t->hidden);
    t->before = atl_calloc(ctx, (size_t)t->s.kept + 1, sizeof *t->before);
    t->keys = atl_calloc(ctx, steps ? length : 1, rows * sizeof *t->keys);
    t->values = atl_calloc(ctx, steps ? length : 1, rows * sizeof *t->values);
    t->new_keys = atl_calloc(ctx, given, rows * sizeof *t->new_keys);
    t->new_values = atl_calloc(ctx, given, rows * sizeof *t->new_values);
    if (t->order)
        atl_codes_gpt_order(t->programs->network->json, t->order);
    bool all = t->choices && (t->order || !t->s.ordered) && t->mask && t->sequence && t->logits &&
               t->hidden && t->before && t->keys && t->values && t->new_keys && t->new_values;
    return all ? ATL_OK : ATL_NO_MEMORY;
}

static void clear(sampler *t) {
    void *const rooms[] = { t->choices, t->order, t->mask,   t->sequence, t->logits,    t->hidden,
                            t->before,  t->keys,  t->values, t->new_keys, t->new_values };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        atl_free(t->ctx, rooms[i]);
}

atl_status atl_draw_codes(atl_programs *programs, const atl_sample_options *options, const double *shares,
                          int32_t *codes) {
    static const int32_t none[] = { 0 };
    atl_ctx *ctx = programs->network->ctx;
    if (!strcmp(programs->network->row->kind, "pixelcnn"))
        return atl_draw_pixels(programs, options, shares, codes);
    sampler t = { .ctx = ctx, .programs = programs, .o = *options, .shares = shares, .codes = codes };
    ATL_TRY(read_sizes(programs->network, &t.s));
    t.condition = t.o.condition_count ? t.o.condition : none;
    t.condition_count = t.o.condition_count ? t.o.condition_count : 1;
    t.positions = t.o.height > 0 && t.o.width > 0 ? (size_t)t.o.height * (size_t)t.o.width : 0;
    t.count = t.positions * (size_t)t.s.depth;
    ATL_TRY(check(&t));
    if (t.s.ordered)
        ATL_TRY(check_order(&t));
    size_t before = t.s.condition ? t.condition_count : t.condition_count - 1;
    bool steps = before + t.positions <= (size_t)t.s.length;
    if (!steps)
        ATL_TRY(check_window(&t));
    memset(codes, 0, t.count * sizeof *codes);
    if (t.o.given_count)
        memcpy(codes, t.o.given, t.o.given_count * sizeof *codes);
    atl_numpy_rng_init(&t.rng, t.o.seed);
    atl_status status = make_room(&t, steps);
    if (status == ATL_OK)
        status = steps ? draw_steps(&t) : draw_windows(&t);
    clear(&t);
    return status;
}
