// SPDX-License-Identifier: Apache-2.0
// What encoders are shown where that is not the picture that the generator is to make: sketches and maps of
// labels beside the pictures, pictures made coarse; see encoding.h.
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/philox.h"
#include "train/draw.h"
#include "train/encoding.h"

enum { COLOURS = 3 };
static const uint64_t STREAM = UINT64_MAX; // of factors; those of phases count from 0 on

bool atl_encoding_has_inputs(const atl_encoding *e) {
    const atl_encoding_inputs *in = &e->in;
    return in->source || in->n_factors || in->form.channels != COLOURS;
}

// ---- options

static atl_status read_factors(const atl_trainer *t, atl_encoding_inputs *in) {
    const char *text = t->options.resize_factors;
    if (!strcmp(text, "none"))
        return ATL_OK;
    for (const char *at = text; at;) {
        char *end;
        long factor = strtol(at, &end, 10);
        if (end == at || factor < 1 || factor > ATL_INPUT_FACTOR_MOST || (*end && *end != ',') ||
            in->n_factors == ATL_ENCODING_FACTORS)
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                            "resize-factors %s: expected up to %d numbers from 1 to %d, such as 1,2,4,8,16",
                            text, ATL_ENCODING_FACTORS, ATL_INPUT_FACTOR_MOST);
        in->factors[in->n_factors++] = (int)factor;
        at = *end ? end + 1 : NULL;
    }
    return ATL_OK;
}

static bool names_source(const atl_train_options *o) {
    return o->source && strcmp(o->source, "none") != 0;
}

static atl_status check(const atl_trainer *t, const atl_encoding *e) {
    const atl_train_options *o = &t->options;
    const atl_encoding_inputs *in = &e->in;
    bool labels = o->label_nc != 0;
    if (o->input_nc == 2)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "input-nc 2: 3 (colours) and 1 (gray, sketches) are there");
    if (labels && (o->label_nc < 2 || o->label_nc == COLOURS || o->label_nc == 2 * COLOURS))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "label-nc %d: an encoder of as many channels looks at pictures; leave a class empty",
                        o->label_nc);
    if (labels && !names_source(o))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "label-nc %d: source names no maps of labels", o->label_nc);
    if (labels && in->n_factors)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "resize-factors %s: labels have no coarser form",
                        o->resize_factors);
    if (!atl_encoding_has_inputs(e))
        return ATL_OK;
    if (!t->data)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "input-nc and resize-factors: belong to the pictures of data, which names none");
    if (!e->kind->type || (e->kind->sees_result && in->form.channels != COLOURS))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "source, label-nc, input-nc and resize-factors: cfg %s looks at %s; psp and e4e look at "
                        "other things, too",
                        e->kind->cfg, e->kind->type ? "colours beside its result" : "the picture itself");
    return ATL_OK;
}

// ---- pairs

typedef struct stem {
    const char *name; // of a picture, without what follows the last dot
    size_t length;
    uint32_t picture;
} stem;

static stem stem_of(const atl_dataset *set, size_t picture) {
    const char *name = atl_dataset_name(set, picture), *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    bool ends = dot && (!slash || dot > slash);
    return (stem){ name, ends ? (size_t)(dot - name) : strlen(name), (uint32_t)picture };
}

static int by_name(const void *a_, const void *b_) {
    const stem *a = a_, *b = b_;
    int order = memcmp(a->name, b->name, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static atl_status pair(atl_trainer *t, atl_encoding_inputs *in, stem *sources) {
    size_t count = atl_dataset_info_get(in->source)->count, targets = atl_dataset_info_get(t->data)->count;
    for (size_t i = 0; i < count; i++)
        sources[i] = stem_of(in->source, i);
    qsort(sources, count, sizeof *sources, by_name);
    for (size_t i = 1; i < count; i++)
        if (!by_name(&sources[i - 1], &sources[i]))
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "source %s: %s and %s are the same but for their endings",
                            t->options.source, sources[i - 1].name, sources[i].name);
    for (size_t i = 0; i < targets; i++) {
        stem wanted = stem_of(t->data, i);
        const stem *found = bsearch(&wanted, sources, count, sizeof *sources, by_name);
        if (!found)
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                            "source %s: has no picture called as %s of data: pairs have the same names",
                            t->options.source, wanted.name);
        in->partner[i] = found->picture;
    }
    return ATL_OK;
}

static atl_status open_source(atl_trainer *t, atl_encoding_inputs *in) {
    atl_dataset_options open = ATL_DATASET_OPTIONS_INIT;
    open.labels = ATL_LABELS_NONE;
    ATL_TRY(atl_dataset_open(t->ctx, t->options.source, &open, &in->source));
    in->partner = atl_alloc(t->ctx, atl_dataset_info_get(t->data)->count, sizeof *in->partner);
    stem *sources = atl_alloc(t->ctx, atl_dataset_info_get(in->source)->count, sizeof *sources);
    atl_status status = in->partner && sources ? pair(t, in, sources) : ATL_NO_MEMORY;
    atl_free(t->ctx, sources);
    return status;
}

atl_status atl_encoding_open_inputs(atl_trainer *t, atl_encoding *e) {
    atl_encoding_inputs *in = &e->in;
    const atl_train_options *o = &t->options;
    in->form = (atl_input_form){ o->label_nc ? o->label_nc : o->input_nc, e->height, e->width, 1 };
    ATL_TRY(read_factors(t, in));
    if (names_source(o) && t->data)
        ATL_TRY(open_source(t, in));
    else if (names_source(o))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "source %s: data names no pictures that it belongs to",
                        o->source);
    ATL_TRY(check(t, e));
    size_t size = atl_input_size(&in->form), local = (size_t)(o->batch / t->state.ranks);
    in->planes = atl_alloc(t->ctx, size, sizeof *in->planes);
    if (atl_encoding_has_inputs(e))
        in->rows = atl_calloc(t->ctx, local * size, sizeof *in->rows);
    return in->planes && (in->rows || !atl_encoding_has_inputs(e)) ? ATL_OK : ATL_NO_MEMORY;
}

void atl_encoding_close_inputs(atl_trainer *t, atl_encoding *e) {
    atl_dataset_close(&e->in.source);
    atl_free(t->ctx, e->in.partner);
    atl_free(t->ctx, e->in.planes);
    atl_free(t->ctx, e->in.rows);
}

uint64_t atl_encoding_hash_inputs(const atl_encoding *e, uint64_t hash) {
    const atl_dataset *set = e->in.source;
    for (size_t i = 0; set && i < atl_dataset_info_get(set)->count; i++) {
        const char *name = atl_dataset_name(set, i);
        hash = atl_hash(hash, name, strlen(name) + 1);
    }
    return hash;
}

// ---- inputs of a step

// Each picture of the run has a factor of its own.
static int factor_at(const atl_trainer *t, const atl_encoding_inputs *in, uint64_t number) {
    float u;
    if (!in->n_factors)
        return 1;
    atl_philox_uniform(t->options.seed, STREAM, number, 1, &u);
    int i = (int)(u * (float)in->n_factors);
    return in->factors[i < in->n_factors ? i : in->n_factors - 1];
}

// Planes of a picture of the set, which is number `number` of the run.
static atl_status fill(atl_trainer *t, const atl_encoding *e, size_t picture, uint64_t number, float *planes) {
    const atl_encoding_inputs *in = &e->in;
    const atl_dataset *set = in->source ? in->source : t->data;
    size_t index = in->source ? in->partner[picture] : picture;
    atl_input_form form = in->form;
    atl_image image = { 0 };
    form.factor = factor_at(t, in, number);
    ATL_TRY(atl_dataset_read_with(set, t->ctx, index, &image));
    atl_status status = atl_input_fill(t->ctx, &form, &image, planes);
    atl_image_clear(t->ctx, &image);
    if (status == ATL_BAD_ARGUMENT) {
        char why[256];
        snprintf(why, sizeof why, "%s", atl_message(t->ctx));
        atl_message_clear(t->ctx);
        status = atl_fail(t->ctx, ATL_BAD_FILE, "%s: %s", atl_dataset_name(set, index), why);
    }
    return status;
}

// Planes [c, h, w] to rows [h, w, c], from right to left with `flip`.
static void put_rows(const atl_input_form *form, const float *planes, bool flip, float *rows) {
    size_t c = (size_t)form->channels, h = (size_t)form->height, w = (size_t)form->width;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            for (size_t k = 0; k < c; k++)
                *rows++ = planes[(k * h + y) * w + (flip ? w - 1 - x : x)];
}

atl_status atl_encoding_read_inputs(atl_trainer *t) {
    atl_encoding *e = atl_encoding_of(t);
    size_t size = atl_input_size(&e->in.form), local = (size_t)t->local;
    for (size_t i = 0; i < local && atl_encoding_has_inputs(e); i++) {
        uint64_t number = t->state.images + (uint64_t)t->state.rank + i * (uint64_t)t->state.ranks;
        ATL_TRY(fill(t, e, t->which[i].picture, number, e->in.planes));
        put_rows(&e->in.form, e->in.planes, t->which[i].flip, e->in.rows + i * size);
    }
    return ATL_OK;
}

int atl_encoding_channels(const atl_trainer *t) {
    return atl_encoding_of(t)->in.form.channels;
}

atl_status atl_encoding_input(atl_trainer *t, size_t picture, float *planes) {
    return fill(t, atl_encoding_of(t), picture, picture, planes);
}

static void write_inputs(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_encoding_inputs *in = &atl_encoding_of(run->trainer)->in;
    (void)room;
    atl_plan_write(plan, d->input, in->rows + run->local * atl_input_size(&in->form));
}

// What the encoder sees of a picture [n, h, w, 3].
atl_node *atl_encoding_shown(atl_phase_builder *b, const atl_encoding *e, atl_node *picture) {
    if (!atl_encoding_has_inputs(e))
        return picture;
    return atl_draw_with(b, "input", ATL_SHAPE(b->n, e->height, e->width, e->in.form.channels), write_inputs,
                         NULL);
}
