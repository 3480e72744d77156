// SPDX-License-Identifier: Apache-2.0
// Pictures of a set to codes, and codes in the order of training; see coded.h.
#include "train/coded.h"

#include <stdio.h>
#include <string.h>

#include "base/philox.h"

enum { AT_ONCE = 16, PART = 512, STREAM = 31 }; // pictures of a run, and between two agreements of processes

// ---- the autoencoder

static bool encodes(const atl_network *n) {
    return n->row && atl_model_function_find(n->row, "encode") && atl_model_function_find(n->row, "decode");
}

// assume NULL: for the pictures that it was made for.  Of two failures the first is told.
static atl_status open_as(atl_trainer *t, const char *path, const char *assume, atl_network *n) {
    static const char *const names[] = { "vqgan", "G_ema" };
    char why[600] = "";
    for (int i = 0; i < 2; i++) {
        atl_model_options o = ATL_MODEL_OPTIONS_INIT;
        o.net = names[i];
        o.assume = assume;
        o.ignore_unused = 1;
        atl_status status = atl_network_open(t->ctx, path, &o, n);
        if (status == ATL_OK && encodes(n))
            return ATL_OK;
        if (status == ATL_NO_MEMORY || status == ATL_IO)
            return status;
        if (!*why)
            snprintf(why, sizeof why, "%s",
                     status != ATL_OK ? atl_message(t->ctx) : "that network makes no codes");
        atl_network_clear(n);
        atl_message_clear(t->ctx);
    }
    return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "first-stage %s: no autoencoder with codes: %s", path, why);
}

static bool fits(const atl_trainer *t, const atl_network *n) {
    return n->dims.width == t->set.width && n->dims.height == t->set.height;
}

static atl_status open_network(atl_trainer *t, const char *path, atl_network *n) {
    char assume[64];
    ATL_TRY(open_as(t, path, NULL, n));
    if (!fits(t, n)) {
        snprintf(assume, sizeof assume, "height=%d,width=%d", t->set.height, t->set.width);
        atl_network_clear(n);
        ATL_TRY(open_as(t, path, assume, n));
    }
    if (!fits(t, n) || n->dims.channels != t->set.channels)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "first-stage %s: makes codes of pictures of %dx%d with %d channels, and those of %s are "
            "%dx%d with %d",
            path, n->dims.width, n->dims.height, n->dims.channels, t->set.name, t->set.width, t->set.height,
            t->set.channels);
    return ATL_OK;
}

static atl_status encoder(atl_coded *c, atl_program **p) {
    return atl_programs_get(&c->programs, &(atl_program_key){ .function = "encode", .n = AT_ONCE }, p);
}

// What the result says of maps.
static atl_status find_sizes(atl_trainer *t, const char *path, atl_coded *c) {
    atl_program *p;
    ATL_TRY(encoder(c, &p));
    const atl_port *codes = atl_program_out(p, "codes");
    int64_t positions = codes ? codes->node->shape.d[1] : 0;
    c->depth = codes && codes->node->shape.rank > 2 ? (int)codes->node->shape.d[2] : 1;
    int step = 1;
    while (positions && (int64_t)(t->set.width / step) * (t->set.height / step) > positions)
        step *= 2;
    c->rows = t->set.height / step;
    c->columns = t->set.width / step;
    c->vocabulary = c->first.dims.codes;
    int64_t map = (int64_t)c->rows * c->columns;
    c->top = map < positions ? (int)(map / 4) : 0;
    if (!c->vocabulary || map + c->top != positions)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "first-stage %s: has no codes that are known", path);
    c->length = (int)positions * c->depth;
    return ATL_OK;
}

// The order of training leaves out what is held out.
static atl_status hold_out(atl_trainer *t, atl_coded *c) {
    size_t held = (size_t)t->options.held_out, kept = c->count - held, size;
    if (held >= c->count)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "held-out %zu: nothing is left of the %zu pictures to train on", held, c->count);
    atl_loader_options o = { .seed = t->options.seed, .subset = kept };
    atl_sampler *s;
    ATL_TRY(atl_sampler_open(t->ctx, c->count, &o, &s));
    c->held = atl_alloc(t->ctx, held + 1, sizeof *c->held);
    size = atl_sampler_length(s);
    for (size_t i = 0, k = 0; c->held && i < c->count; i++) { // both lists are sorted
        if (k < size && atl_sampler_picture(s, k) == i)
            k++;
        else
            c->held[c->n_held++] = (uint32_t)i;
    }
    atl_sampler_close(&s);
    return c->held ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_coded_open(atl_trainer *t, const char *path, atl_coded *c) {
    size_t local = (size_t)(t->options.batch / t->state.ranks);
    if (!path)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "first-stage: a transformer is trained on the codes of an autoencoder, and none is named");
    ATL_TRY(open_network(t, path, &c->first));
    atl_programs_init(&c->programs, &c->first, t->backend);
    ATL_TRY(find_sizes(t, path, c));
    c->count = t->set.count;
    c->looks = t->options.mirror ? 2 : 1;
    ATL_TRY(hold_out(t, c));
    c->step = atl_calloc(t->ctx, local * (size_t)c->length, sizeof *c->step);
    c->step_classes = atl_calloc(t->ctx, local, sizeof *c->step_classes);
    return c->step && c->step_classes ? ATL_OK : ATL_NO_MEMORY;
}

void atl_coded_close(atl_trainer *t, atl_coded *c) {
    if (c->programs.network)
        atl_programs_clear(&c->programs);
    atl_network_clear(&c->first);
    atl_sampler_close(&c->order);
    atl_free(t->ctx, c->codes);
    atl_free(t->ctx, c->classes);
    atl_free(t->ctx, c->held);
    atl_free(t->ctx, c->step);
    atl_free(t->ctx, c->step_classes);
    *c = (atl_coded){ .count = 0 };
}

// ---- encoding

typedef struct batch {
    float *images;         // [AT_ONCE, channels, height, width]
    float *codes;          // [AT_ONCE, length]
    size_t which[AT_ONCE]; // places among the codes of the part
    int size;
    const atl_told *told;
} batch;

static void put(const atl_image *image, bool flip, float *to) {
    size_t w = (size_t)image->width, h = (size_t)image->height, channels = (size_t)image->channels;
    for (size_t k = 0; k < channels; k++)
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                *to++ = (float)image->pixels[(y * w + (flip ? w - 1 - x : x)) * channels + k] / 127.5f - 1.0f;
}

// Of each picture of the batch to its place in `found`.
static atl_status run(atl_coded *c, batch *b, float *found) {
    size_t length = (size_t)c->length;
    atl_program *p;
    if (!b->size)
        return ATL_OK;
    ATL_TRY(encoder(c, &p));
    ATL_TRY(atl_program_write(p, "img", b->size, b->images));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "codes", b->size, b->codes));
    for (int i = 0; i < b->size; i++)
        memcpy(found + b->which[i] * length, b->codes + (size_t)i * length, length * sizeof *found);
    b->size = 0;
    return ATL_OK;
}

static atl_status add_picture(atl_trainer *t, atl_coded *c, batch *b, size_t at, size_t place, float *found) {
    size_t pixels = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height;
    atl_image image = { 0 };
    ATL_TRY(atl_dataset_read(t->data, atl_sampler_picture(t->subset, at / c->looks), &image));
    put(&image, at % c->looks, b->images + (size_t)b->size * pixels);
    atl_image_clear(t->ctx, &image);
    b->which[b->size++] = place;
    return b->size == AT_ONCE ? run(c, b, found) : ATL_OK;
}

// The others are as far.
static atl_status tell(const atl_trainer *t, const atl_coded *c, const batch *b, size_t done) {
    const atl_told *told = b->told;
    if (b->size || !told->progress || !told->progress(told->user, done, c->count * c->looks))
        return ATL_OK;
    return atl_fail(t->ctx, ATL_CANCELLED, "stopped after %zu of %zu pictures were encoded", done, c->count * c->looks);
}

// This process's share of the codes [first, end) of all pictures and their mirror images, zeros elsewhere.
static atl_status encode_share(atl_trainer *t, atl_coded *c, batch *b, size_t first, size_t end,
                               float *found) {
    memset(found, 0, (end - first) * (size_t)c->length * sizeof *found);
    for (size_t i = first; i < end; i++) {
        if (i % (size_t)t->state.ranks != (size_t)t->state.rank)
            continue;
        ATL_TRY(add_picture(t, c, b, i, i - first, found));
        if (i + 1 < end)
            ATL_TRY(tell(t, c, b, i + 1));
    }
    ATL_TRY(run(c, b, found));
    return tell(t, c, b, end);
}

static atl_status encode_parts(atl_trainer *t, atl_coded *c, batch *b, float *found, int32_t *codes) {
    size_t all = c->count * c->looks, length = (size_t)c->length;
    for (size_t first = 0; first < all; first += PART) {
        size_t end = all - first < PART ? all : first + PART;
        b->size = 0;
        ATL_TRY(atl_ranks_agree(t->ranks, encode_share(t, c, b, first, end, found)));
        ATL_TRY(atl_ranks_sum(t->ranks, found, (end - first) * length));
        for (size_t i = 0; i < (end - first) * length; i++)
            codes[first * length + i] = (int32_t)found[i];
    }
    return ATL_OK;
}

// Noise takes the place of pictures: any codes.
static void invent(const atl_trainer *t, const atl_coded *c, int32_t *codes) {
    for (size_t i = 0; i < c->count * c->looks * (size_t)c->length; i++) {
        float u;
        atl_philox_uniform(t->options.seed, STREAM, i, 1, &u);
        int32_t code = (int32_t)(u * (float)c->vocabulary);
        codes[i] = code < c->vocabulary ? code : c->vocabulary - 1;
    }
}

static atl_status read_classes(const atl_trainer *t, atl_coded *c) {
    size_t size = (size_t)t->set.label_size;
    if (!size || !t->data)
        return ATL_OK;
    float *label = atl_alloc(t->ctx, size, sizeof *label);
    if (!label)
        return ATL_NO_MEMORY;
    atl_status status = ATL_OK;
    for (size_t i = 0; i < c->count && status == ATL_OK; i++) {
        size_t ones = 0, others = 0;
        atl_dataset_label(t->data, atl_sampler_picture(t->subset, i), label);
        for (size_t k = 0; k < size; k++) {
            ones += label[k] == 1.0f;
            others += label[k] != 1.0f && label[k] != 0.0f;
            c->classes[i] = label[k] == 1.0f ? (int32_t)k : c->classes[i];
        }
        if (ones != 1 || others)
            status =
                atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                         "cond: a transformer is trained on classes, and the label of picture %zu of %s is "
                         "none",
                         i, t->set.name);
    }
    atl_free(t->ctx, label);
    return status;
}

static atl_status encode_all(atl_trainer *t, atl_coded *c, const atl_told *told) {
    size_t pixels = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height;
    size_t length = (size_t)c->length;
    batch b = { .images = atl_alloc(t->ctx, AT_ONCE * pixels, sizeof *b.images),
                .codes = atl_alloc(t->ctx, AT_ONCE * length, sizeof *b.codes),
                .told = told };
    float *found = atl_alloc(t->ctx, PART * length, sizeof *found);
    int32_t *codes = atl_calloc(t->ctx, c->count * c->looks, length * sizeof *codes);
    c->classes = c->classes ? c->classes : atl_calloc(t->ctx, c->count, sizeof *c->classes);
    bool room = b.images && b.codes && found && codes && c->classes;
    atl_status status = atl_ranks_agree(t->ranks, room ? ATL_OK : ATL_NO_MEMORY);
    if (status == ATL_OK && !t->data)
        invent(t, c, codes);
    else if (status == ATL_OK)
        status = encode_parts(t, c, &b, found, codes);
    if (status == ATL_OK)
        status = read_classes(t, c);
    atl_free(t->ctx, b.images);
    atl_free(t->ctx, b.codes);
    atl_free(t->ctx, found);
    if (status == ATL_OK)
        c->codes = codes;
    else
        atl_free(t->ctx, codes);
    return status;
}

atl_status atl_coded_encode(atl_trainer *t, atl_coded *c, const atl_told *told) {
    return c->codes ? ATL_OK : encode_all(t, c, told);
}

// ---- steps

static atl_status open_order(const atl_trainer *t, atl_coded *c) {
    atl_loader_options o = { .seed = t->options.seed,
                             .subset = c->count - c->n_held,
                             .mirror = t->options.mirror,
                             .rank = (size_t)t->state.rank,
                             .ranks = (size_t)t->state.ranks,
                             .start = t->state.images };
    if (c->order && c->at == t->state.images)
        return ATL_OK;
    atl_sampler_close(&c->order);
    ATL_TRY(atl_sampler_open(t->ctx, c->count, &o, &c->order));
    c->at = t->state.images;
    return ATL_OK;
}

atl_status atl_coded_fetch(atl_trainer *t, atl_coded *c) {
    size_t length = (size_t)c->length;
    ATL_TRY(open_order(t, c));
    for (size_t i = 0; i < (size_t)t->local; i++) {
        const atl_sample s = atl_sampler_next(c->order);
        const int32_t *from = c->codes + (s.picture * c->looks + s.flip) * length;
        memcpy(c->step + i * length, from, length * sizeof *from);
        c->step_classes[i] = c->classes[s.picture];
    }
    c->at += (uint64_t)t->stage.batch;
    return ATL_OK;
}

const int32_t *atl_coded_sample(const atl_coded *c, const atl_draw_run *run, int i, bool held,
                                int32_t *class) {
    size_t at = run->local + (size_t)i, length = (size_t)c->length;
    if (!held || !c->n_held || !c->codes) {
        if (class)
            *class = c->step_classes[at];
        return c->step + at * length;
    }
    uint64_t number =
        run->iteration * (uint64_t)run->trainer->options.batch + run->first + (uint64_t)i * run->step;
    size_t picture = c->held[number % c->n_held];
    if (class)
        *class = c->classes[picture];
    return c->codes + picture * c->looks * length;
}

// ---- back to pictures

atl_status atl_coded_decode(atl_coded *c, int n, const int32_t *codes, float *images) {
    const atl_model_dims *d = &c->first.dims;
    size_t pixels = (size_t)d->channels * (size_t)d->width * (size_t)d->height, length = (size_t)c->length;
    const atl_program_key key = { .function = "decode", .n = 1 };
    atl_program *p;
    ATL_TRY(atl_programs_get(&c->programs, &key, &p));
    float *row = atl_alloc(c->first.ctx, length, sizeof *row);
    atl_status status = row ? ATL_OK : ATL_NO_MEMORY;
    for (int i = 0; i < n && status == ATL_OK; i++) {
        for (size_t k = 0; k < length; k++)
            row[k] = (float)codes[(size_t)i * length + k];
        status = atl_program_write(p, "codes", 1, row);
        if (status == ATL_OK)
            status = atl_program_run(p);
        if (status == ATL_OK)
            status = atl_program_read(p, "img", 1, images + (size_t)i * pixels);
    }
    atl_free(c->first.ctx, row);
    return status;
}
