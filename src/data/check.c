// SPDX-License-Identifier: Apache-2.0
// The doctor: every picture is read once, what it is like is kept, and at the end each is compared with
// what most are like.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "data/alike.h"
#include "data/crew.h"
#include "data/dataset.h"

enum { REASON = 256, SLOTS_PER_THREAD = 2 };
enum {
    SIDE_LEAST = 8,
    SIDE_MOST = 4096,
    SIDE_PROPOSED = 1024
}; // of what networks make; of what most have been

typedef struct portrait {
    int width, height;
    uint8_t channels; // without an opaque alpha channel; 0: could not be read
    uint8_t transparent;
    atl_facts facts;
    char *damage; // why it could not be read
} portrait;

typedef struct slot {
    portrait portrait;
    atl_look look;
    atl_status status;
} slot;

typedef struct doctor {
    atl_ctx *ctx;
    const atl_dataset_check_options *options;
    atl_source *source;
    atl_label_set labels;
    portrait *portraits; // [count]
    atl_look *looks;     // [count]
    uint8_t *readable;   // [count]
    uint32_t *twin;      // [count]
    atl_arena words;
    atl_dataset_checked *result;
} doctor;

static const struct {
    const char *name;
    int fatal;
} findings[ATL_FINDINGS] = {
    [ATL_FINDING_DAMAGED] = { "damaged", 1 },     [ATL_FINDING_SIZE] = { "size", 1 },
    [ATL_FINDING_SHAPE] = { "shape", 1 },         [ATL_FINDING_MODE] = { "mode", 1 },
    [ATL_FINDING_FORMAT] = { "format", 0 },       [ATL_FINDING_LABEL] = { "label", 1 },
    [ATL_FINDING_DEPTH] = { "depth", 0 },         [ATL_FINDING_CMYK] = { "cmyk", 0 },
    [ATL_FINDING_PALETTE] = { "palette", 0 },     [ATL_FINDING_ANIMATED] = { "animated", 0 },
    [ATL_FINDING_ROTATED] = { "rotated", 0 },     [ATL_FINDING_HIDDEN] = { "hidden", 0 },
    [ATL_FINDING_DUPLICATE] = { "duplicate", 0 }, [ATL_FINDING_CLASS] = { "class", 1 },
    [ATL_FINDING_LINK] = { "link", 0 },
};

const char *atl_finding_name(atl_finding_kind kind) {
    return (unsigned)kind < ATL_FINDINGS ? findings[kind].name : "unknown";
}

// ---- reading one picture, on a thread of the crew

static void portray(portrait *p, atl_image *image) {
    size_t c = (size_t)image->channels, area = (size_t)image->width * (size_t)image->height;
    bool alpha = c == 2 || c == 4;
    for (size_t i = 0; alpha && i < area && !p->transparent; i++)
        p->transparent = image->pixels[i * c + c - 1] != 255;
    p->width = image->width;
    p->height = image->height;
    p->channels = (uint8_t)(alpha ? c - 1 : c);
}

static void look_at(void *user, atl_ctx *ctx, size_t index, void *memory) {
    const atl_source *s = user;
    slot *out = memory;
    atl_image image;
    *out = (slot){ 0 };
    out->status = atl_source_read_facts(s, ctx, index, &image, &out->portrait.facts);
    if (out->status != ATL_OK)
        return;
    portray(&out->portrait, &image);
    out->status = atl_look_make(ctx, &image, &out->look);
    atl_image_clear(ctx, &image);
}

static atl_status collect(doctor *d, size_t index, const slot *s, const atl_ctx *from) {
    d->portraits[index] = s->portrait;
    d->looks[index] = s->look;
    d->readable[index] = s->status == ATL_OK;
    if (s->status == ATL_OK)
        return ATL_OK;
    // A picture over the limit of its size is one that is told; missing memory is no fault of a picture.
    if (s->status == ATL_NO_MEMORY && strstr(atl_message(from), "out of memory"))
        return atl_fail(d->ctx, ATL_NO_MEMORY, "%s", atl_message(from));
    const char *why = atl_reason(atl_message(from), d->source->entries[index].name);
    d->portraits[index].channels = 0;
    d->portraits[index].damage = atl_arena_string(&d->words, why, strlen(why));
    return d->portraits[index].damage ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status read_all(doctor *d) {
    const atl_dataset_check_options *o = d->options;
    int threads = o->threads ? o->threads : d->ctx->threads;
    size_t count = d->source->count, put = 0;
    atl_crew *crew;
    ATL_TRY(atl_crew_open(d->ctx, threads, (size_t)threads * SLOTS_PER_THREAD, sizeof(slot), look_at, NULL,
                          d->source, &crew));
    atl_status status = ATL_OK;
    for (size_t done = 0; done < count && status == ATL_OK; done++) {
        while (put < count && atl_crew_put(crew, put))
            put++;
        size_t index;
        atl_ctx *from;
        const slot *s = atl_crew_take(crew, &index, &from);
        status = collect(d, index, s, from);
        atl_crew_free(crew);
        if (status == ATL_OK && o->progress &&
            o->progress(o->user, done + 1, count, d->source->entries[index].name))
            status = atl_fail(d->ctx, ATL_CANCELLED, "the check was stopped");
    }
    atl_crew_close(&crew);
    return status;
}

// ---- what most pictures are like

static int by_shape(const void *a, const void *b) {
    const portrait *p = *(const portrait *const *)a, *q = *(const portrait *const *)b;
    int order = (p->width > q->width) - (p->width < q->width);
    order = order ? order : (p->height > q->height) - (p->height < q->height);
    return order ? order : (p->channels > q->channels) - (p->channels < q->channels);
}

// The most frequent size and number of channels.  Among equals the smallest.
static atl_status find_common(doctor *d) {
    size_t count = d->source->count, best = 0;
    const portrait **order = atl_alloc(d->ctx, count, sizeof *order);
    if (!order)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        order[i] = &d->portraits[i];
    if (count)
        qsort(order, count, sizeof *order, by_shape);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && by_shape(&order[i], &order[end]) == 0;)
            end++;
        if (order[i]->channels && end - i > best) {
            best = end - i;
            d->result->width = order[i]->width;
            d->result->height = order[i]->height;
            d->result->channels = order[i]->channels;
        }
    }
    atl_free(d->ctx, order);
    return ATL_OK;
}

// ---- what is wrong

static void report(doctor *d, atl_finding_kind kind, const char *name, const char *reason) {
    atl_finding f = { kind, findings[kind].fatal, name, reason };
    size_t *counter = f.fatal ? &d->result->fatal : &d->result->notes;
    ++*counter;
    if (d->options->found)
        d->options->found(d->options->user, &f);
}

static void report_shape(doctor *d, size_t index) {
    const portrait *p = &d->portraits[index];
    const atl_dataset_checked *most = d->result;
    const char *name = d->source->entries[index].name;
    char reason[REASON];
    if (p->width != most->width || p->height != most->height) {
        snprintf(reason, sizeof reason, "is %dx%d, most are %dx%d; a resolution makes them equal", p->width,
                 p->height, most->width, most->height);
        report(d, ATL_FINDING_SIZE, name, reason);
    } else if (p->width != p->height) {
        snprintf(reason, sizeof reason, "is %dx%d, not square; use the transform center-crop", p->width,
                 p->height);
        report(d, ATL_FINDING_SHAPE, name, reason);
    }
    if (p->channels != most->channels) {
        snprintf(reason, sizeof reason, "is %s, most are %s; a color makes them equal",
                 p->channels == 1 ? "gray" : "RGB", most->channels == 1 ? "gray" : "RGB");
        report(d, ATL_FINDING_MODE, name, reason);
    }
    if (p->transparent)
        report(d, ATL_FINDING_MODE, name, "is transparent in places; lay it over a colour with alpha");
}

// ---- what would mend it

static bool is_trainable(int width, int height) {
    return width == height && width >= SIDE_LEAST && width <= SIDE_MOST && (width & (width - 1)) == 0;
}

// Pictures that are alike, but of a size that no network has.
static void report_common_size(doctor *d) {
    const atl_dataset_checked *most = d->result;
    char reason[REASON];
    if (!most->channels || most->width != most->height || is_trainable(most->width, most->height))
        return;
    snprintf(reason, sizeof reason,
             "most are %dx%d, and training takes squares of 8, 16, 32 and so on to %d pixels", most->width,
             most->height, SIDE_MOST);
    report(d, ATL_FINDING_SIZE, d->source->path, reason);
}

static int by_number(const void *a, const void *b) {
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

// The largest power of two that is above the shorter side of at most one picture in ten.
static atl_status choose_side(doctor *d) {
    size_t count = 0;
    int *sides = atl_alloc(d->ctx, d->source->count, sizeof *sides), side = SIDE_LEAST;
    if (!sides)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < d->source->count; i++) {
        const portrait *p = &d->portraits[i];
        if (d->readable[i])
            sides[count++] = p->width < p->height ? p->width : p->height;
    }
    if (count)
        qsort(sides, count, sizeof *sides, by_number);
    while (count && side * 2 <= sides[count / 10] && side < SIDE_PROPOSED)
        side *= 2;
    d->result->side = count ? side : 0;
    atl_free(d->ctx, sides);
    return ATL_OK;
}

static atl_status prescribe(doctor *d) {
    atl_dataset_checked *r = d->result;
    bool sizes = r->channels && !is_trainable(r->width, r->height);
    for (size_t i = 0; i < d->source->count; i++) {
        const portrait *p = &d->portraits[i];
        r->orient |= p->facts.orientation != 1;
        r->skip_bad |= !d->readable[i];
        if (!d->readable[i])
            continue;
        sizes = sizes || p->width != r->width || p->height != r->height;
        r->rgb |= p->channels != r->channels;
        r->ground |= p->transparent;
    }
    return sizes ? choose_side(d) : ATL_OK;
}

// ---- facts

static void report_facts(doctor *d, size_t index) {
    const atl_facts *f = &d->portraits[index].facts;
    const char *name = d->source->entries[index].name;
    char reason[REASON];
    if (f->deep)
        report(d, ATL_FINDING_DEPTH, name, "has 16 bits per channel: 8 are used");
    if (f->cmyk)
        report(d, ATL_FINDING_CMYK, name, "is CMYK: converted to RGB without its colour profile");
    if (f->palette)
        report(d, ATL_FINDING_PALETTE, name, "has a palette: converted, but other programs may not");
    if (f->animated)
        report(d, ATL_FINDING_ANIMATED, name, "has more than one frame: at most the first is used");
    if (f->orientation != 1) {
        snprintf(reason, sizeof reason,
                 "EXIF orientation %d asks to turn it, training does not; make a set with orient",
                 f->orientation);
        report(d, ATL_FINDING_ROTATED, name, reason);
    }
}

static void report_one(doctor *d, size_t index) {
    const char *name = d->source->entries[index].name;
    if (d->readable[index])
        report_shape(d, index);
    else
        report(d, ATL_FINDING_DAMAGED, name, d->portraits[index].damage);
    report_facts(d, index);
    if (d->labels.given && !d->labels.given[index])
        report(d, ATL_FINDING_LABEL, name, "has no label, while others have one");
    if (d->twin[index] != UINT32_MAX) {
        char reason[REASON];
        snprintf(reason, sizeof reason, "looks like '%.200s'", d->source->entries[d->twin[index]].name);
        report(d, ATL_FINDING_DUPLICATE, name, reason);
    }
}

static void report_skip(doctor *d, const atl_source_skip *s) {
    if (s->why == ATL_SKIP_HIDDEN)
        report(d, ATL_FINDING_HIDDEN, s->name, "is hidden and so passed over");
    else if (s->why == ATL_SKIP_LINK)
        report(d, ATL_FINDING_LINK, s->name, "is a link to a folder or to nothing, and so passed over");
    else
        report(d, ATL_FINDING_FORMAT, s->name, "is of a format that is not read; convert it to PNG");
}

// What is wrong with the labels as a whole.
static atl_status report_labels(doctor *d) {
    char reason[700];
    bool gap;
    if (atl_label_set_is_lost(&d->labels, d->source, d->options->labels, reason, sizeof reason))
        report(d, ATL_FINDING_LABEL, "dataset.json", reason);
    ATL_TRY(atl_label_set_find_gap(d->ctx, &d->labels, NULL, d->source->count, reason, sizeof reason, &gap));
    if (gap)
        report(d, ATL_FINDING_CLASS, d->labels.names ? "dataset.json" : "labels", reason);
    return ATL_OK;
}

static void report_all(doctor *d) {
    const atl_source *s = d->source;
    size_t i = 0, k = 0;
    while (i < s->count || k < s->skipped)
        if (k == s->skipped || (i < s->count && strcmp(s->entries[i].name, s->skips[k].name) < 0))
            report_one(d, i++);
        else
            report_skip(d, &s->skips[k++]);
}

static atl_status examine(doctor *d) {
    size_t count = d->source->count;
    d->result->count = count;
    ATL_TRY(atl_label_set_read(d->ctx, d->source, d->options->labels, &d->labels));
    d->portraits = atl_calloc(d->ctx, count, sizeof *d->portraits);
    d->looks = atl_calloc(d->ctx, count, sizeof *d->looks);
    d->readable = atl_calloc(d->ctx, count, 1);
    d->twin = atl_calloc(d->ctx, count, sizeof *d->twin);
    if (!d->portraits || !d->looks || !d->readable || !d->twin)
        return ATL_NO_MEMORY;
    ATL_TRY(read_all(d));
    ATL_TRY(find_common(d));
    ATL_TRY(atl_looks_compare(d->ctx, d->looks, d->readable, (uint32_t)count, d->twin));
    ATL_TRY(report_labels(d));
    report_common_size(d);
    report_all(d);
    return prescribe(d);
}

atl_status atl_dataset_check(atl_ctx *ctx, const char *path, const atl_dataset_check_options *options,
                             atl_dataset_checked *checked) {
    atl_dataset_check_options o = ATL_DATASET_CHECK_OPTIONS_INIT;
    doctor d = { .ctx = ctx, .options = &o, .result = checked };
    *checked = (atl_dataset_checked){ 0 };
    ATL_TRY(atl_options_read(ctx, "atl_dataset_check_options", &o, sizeof o, options));
    if ((unsigned)o.labels > ATL_LABELS_NONE || o.threads < 0 || o.threads > 4096)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "atl_dataset_check_options: labels %d or threads %d is out of range", (int)o.labels,
                        o.threads);
    atl_arena_init(&d.words, ctx, 0);
    atl_status status = atl_source_open(ctx, path, &d.source);
    if (status == ATL_OK)
        status = examine(&d);
    atl_label_set_clear(ctx, &d.labels);
    atl_free(ctx, d.portraits);
    atl_free(ctx, d.looks);
    atl_free(ctx, d.readable);
    atl_free(ctx, d.twin);
    atl_arena_clear(&d.words);
    atl_source_close(&d.source);
    return status;
}
