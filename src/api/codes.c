// SPDX-License-Identifier: Apache-2.0
// Drawing codes from a transformer; see atelier/codes.h.
#include <atelier/codes.h>
#include <atelier/rng.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"

enum { SIDE_MOST = 4096 };

// How many codes there are, positions, layers, heads, and numbers of a head.
typedef struct sizes {
    int codes, length, layers, heads, head;
} sizes;

typedef struct choice {
    float p; // a logit, then a share
    int32_t code;
} choice;

typedef struct sampler {
    atl_model *m;
    atl_sample_options o;
    sizes s;
    atl_numpy_rng rng;
    const int32_t *condition;
    size_t condition_count, count; // codes of the map
    int32_t *codes;
    float *keys, *values, *row_keys, *row_values; // of "step": kept, and of one position
    float *mask, *logits, *sequence;              // [length], [codes] or [length, codes], [length]
    choice *choices;                              // [codes]
} sampler;

// ---- choosing

static int by_probability(const void *a_, const void *b_) {
    const choice *a = a_, *b = b_;
    return a->p != b->p ? (a->p < b->p ? 1 : -1) : (a->code > b->code) - (a->code < b->code);
}

// Draws a code by its logits.
static int32_t choose(sampler *t, const float *logits) {
    int n = t->s.codes, kept = t->o.top_k > 0 && t->o.top_k < n ? t->o.top_k : n;
    choice *c = t->choices;
    for (int i = 0; i < n; i++)
        c[i] = (choice){ logits[i] / t->o.temperature, i };
    qsort(c, (size_t)n, sizeof *c, by_probability);
    double sum = 0, part = 0;
    for (int i = kept; i-- > 0;) {
        c[i].p = i ? expf(c[i].p - c[0].p) : 1.0f;
        sum += (double)c[i].p;
    }
    int end = 0;
    while (end < kept && (end == 0 || part / sum <= (double)t->o.top_p)) // the first beyond the share is kept
        part += (double)c[end++].p;
    double at = atl_numpy_rng_uniform(&t->rng) * part;
    int i = 0;
    for (; i < end - 1 && at >= (double)c[i].p; i++)
        at -= (double)c[i].p;
    return c[i].code;
}

// ---- position by position

static atl_status put_rows(sampler *t, size_t at) {
    size_t rows = (size_t)t->s.layers * (size_t)t->s.heads, head = (size_t)t->s.head,
           length = (size_t)t->s.length;
    for (size_t r = 0; r < rows; r++) {
        memcpy(t->keys + (r * length + at) * head, t->row_keys + r * head, head * sizeof *t->keys);
        memcpy(t->values + (r * length + at) * head, t->row_values + r * head, head * sizeof *t->values);
    }
    t->mask[at] = 0.0f;
    return ATL_OK;
}

// The logits behind a code at a position, which is kept.
static atl_status step(sampler *t, size_t at, int32_t code) {
    atl_program_key key = { .function = "step", .n = 1 };
    float number = (float)code, position = (float)at;
    atl_program *p;
    ATL_TRY(atl_programs_get(&t->m->programs, &key, &p));
    ATL_TRY(atl_program_write(p, "code", 1, &number));
    ATL_TRY(atl_program_write(p, "position", 1, &position));
    ATL_TRY(atl_program_write(p, "mask", 1, t->mask));
    ATL_TRY(atl_program_write(p, "keys", 1, t->keys));
    ATL_TRY(atl_program_write(p, "values", 1, t->values));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "logits", 1, t->logits));
    ATL_TRY(atl_program_read(p, "keys", 1, t->row_keys));
    ATL_TRY(atl_program_read(p, "values", 1, t->row_values));
    return put_rows(t, at);
}

static bool stops(sampler *t, size_t done) {
    return t->o.told && t->o.told(t->o.user, done, t->count);
}

static atl_status draw_steps(sampler *t) {
    for (int i = 0; i < t->s.length; i++)
        t->mask[i] = -INFINITY;
    for (size_t i = 0; i + 1 < t->condition_count; i++)
        ATL_TRY(step(t, i, t->condition[i]));
    int32_t last = t->condition[t->condition_count - 1];
    for (size_t i = 0; i < t->count; i++) {
        ATL_TRY(step(t, t->condition_count - 1 + i, last));
        if (i >= t->o.given_count)
            t->codes[i] = choose(t, t->logits);
        last = t->codes[i];
        if (stops(t, i + 1))
            return ATL_OK;
    }
    return ATL_OK;
}

// ---- in a window

// Where code i of n stands in a window of w: in its middle, but near the edges of the map.
static int local(int i, int n, int w) {
    return i <= w / 2 ? i : n - i < w / 2 ? w - (n - i) : w / 2;
}

static atl_status draw_windows(sampler *t) {
    atl_program_key key = { .function = "predict", .n = 1 };
    int w = t->o.window, width = t->o.width, height = t->o.height;
    atl_program *p;
    for (size_t i = t->o.given_count; i < t->count; i++) {
        int row = (int)(i / (size_t)width), column = (int)(i % (size_t)width);
        int y = local(row, height, w), x = local(column, width, w);
        memset(t->sequence, 0, (size_t)t->s.length * sizeof *t->sequence);
        t->sequence[0] = (float)t->condition[0];
        for (int k = 0; k < w * w - 1; k++)
            t->sequence[1 + k] =
                (float)t->codes[(size_t)(row - y + k / w) * (size_t)width + (size_t)(column - x + k % w)];
        ATL_TRY(atl_programs_get(&t->m->programs, &key, &p));
        ATL_TRY(atl_program_write(p, "codes", 1, t->sequence));
        ATL_TRY(atl_program_run(p));
        ATL_TRY(atl_program_read(p, "logits", 1, t->logits));
        t->codes[i] = choose(t, t->logits + (size_t)(y * w + x) * (size_t)t->s.codes);
        if (stops(t, i + 1))
            return ATL_OK;
    }
    return ATL_OK;
}

// ---- beginning

static atl_status read_sizes(atl_model *m, sizes *s) {
    const json_t *j = m->net.json;
    int width;
    ATL_TRY(atl_config_int(m->ctx, j, "vocab_size", 1, 1 << 22, &s->codes));
    ATL_TRY(atl_config_int(m->ctx, j, "block_size", 1, 1 << 15, &s->length));
    ATL_TRY(atl_config_int(m->ctx, j, "n_layer", 1, 1 << 10, &s->layers));
    ATL_TRY(atl_config_int(m->ctx, j, "n_head", 1, 1 << 10, &s->heads));
    ATL_TRY(atl_config_int(m->ctx, j, "n_embd", 1, 1 << 14, &width));
    s->head = width / s->heads;
    return ATL_OK;
}

static atl_status check_codes(const sampler *t, const char *what, const int32_t *codes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (codes[i] < 0 || codes[i] >= t->s.codes)
            return atl_fail(t->m->ctx, ATL_BAD_ARGUMENT,
                            "code %d of the %s is none of the transformer's %d codes", (int)codes[i], what,
                            t->s.codes);
    return ATL_OK;
}

static atl_status check(const sampler *t) {
    const atl_sample_options *o = &t->o;
    atl_ctx *ctx = t->m->ctx;
    if (o->height < 1 || o->width < 1 || o->height > SIDE_MOST || o->width > SIDE_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a map of %d x %d codes is not possible: sides from 1 to %d are", o->height, o->width,
                        SIDE_MOST);
    if (!(o->temperature > 0.0f) || !isfinite(o->temperature) || o->top_k < 0 || !(o->top_p >= 0.0f))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a temperature of %g, the %d most probable or a share of %g is out of range",
                        (double)o->temperature, o->top_k, (double)o->top_p);
    if (o->given_count > t->count)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%zu codes are given for a map of %zu", o->given_count,
                        t->count);
    if (t->condition_count > (size_t)t->s.length)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a condition of %zu codes is longer than the transformer's %d positions",
                        t->condition_count, t->s.length);
    ATL_TRY(check_codes(t, "condition", t->condition, t->condition_count));
    return check_codes(t, "picture", o->given, o->given_count);
}

static atl_status check_window(const sampler *t) {
    int w = t->o.window;
    if (w < 2 || w > SIDE_MOST || w > t->o.height || w > t->o.width || w * w > t->s.length ||
        t->condition_count != 1)
        return atl_fail(
            t->m->ctx, ATL_BAD_ARGUMENT,
            "%d x %d codes and a condition of %zu are more than the transformer's %d positions, and a window "
            "of %d x %d does not help",
            t->o.height, t->o.width, t->condition_count, t->s.length, w, w);
    return ATL_OK;
}

static atl_status make_room(sampler *t, bool steps) {
    atl_ctx *ctx = t->m->ctx;
    size_t length = (size_t)t->s.length, codes = (size_t)t->s.codes;
    size_t rows = (size_t)t->s.layers * (size_t)t->s.heads * (size_t)t->s.head;
    t->choices = atl_alloc(ctx, codes, sizeof *t->choices);
    t->mask = atl_calloc(ctx, length, sizeof *t->mask);
    t->sequence = atl_calloc(ctx, length, sizeof *t->sequence);
    t->logits = atl_calloc(ctx, codes * (steps ? 1 : length), sizeof *t->logits);
    t->keys = atl_calloc(ctx, steps ? rows * length : 1, sizeof *t->keys);
    t->values = atl_calloc(ctx, steps ? rows * length : 1, sizeof *t->values);
    t->row_keys = atl_calloc(ctx, rows, sizeof *t->row_keys);
    t->row_values = atl_calloc(ctx, rows, sizeof *t->row_values);
    bool all = t->choices && t->mask && t->sequence && t->logits && t->keys && t->values && t->row_keys &&
               t->row_values;
    return all ? ATL_OK : ATL_NO_MEMORY;
}

static void clear(sampler *t) {
    void *const rooms[] = { t->choices, t->mask,   t->sequence, t->logits,
                            t->keys,    t->values, t->row_keys, t->row_values };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        atl_free(t->m->ctx, rooms[i]);
}

atl_status atl_codes_sample(atl_model *m, const atl_sample_options *options, int32_t *codes) {
    static const int32_t none[] = { 0 };
    sampler t = { .m = m, .o = ATL_SAMPLE_OPTIONS_INIT, .codes = codes };
    ATL_TRY(atl_options_read(m->ctx, "atl_sample_options", &t.o, sizeof t.o, options));
    ATL_TRY(atl_model_need(m, "transformer", "step"));
    ATL_TRY(read_sizes(m, &t.s));
    t.condition = t.o.condition_count ? t.o.condition : none;
    t.condition_count = t.o.condition_count ? t.o.condition_count : 1;
    t.count = t.o.height > 0 && t.o.width > 0 ? (size_t)t.o.height * (size_t)t.o.width : 0;
    ATL_TRY(check(&t));
    bool steps = t.condition_count - 1 + t.count <= (size_t)t.s.length;
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
