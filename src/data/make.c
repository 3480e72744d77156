// SPDX-License-Identifier: Apache-2.0
// A new set out of any source: threads read, prepare and encode; this one judges and writes, in order.
// After the first bad picture nothing more is written, but all are read, so that all bad ones are named.
#include <string.h>

#include "base/options.h"
#include "data/crew.h"
#include "data/prepare.h"
#include "data/sink.h"

enum { SLOTS_PER_THREAD = 2, SIDE_LEAST = 4 };

typedef struct slot {
    atl_image_bytes png;
    int width, height, channels;
    atl_prepared prepared;
    atl_status status;
} slot;

typedef struct maker {
    atl_ctx *ctx;
    const atl_dataset_make_options *options;
    atl_source *source;
    atl_label_set labels;
    atl_sink *sink;
    uint32_t *kept; // [written] numbers in the source
    atl_dataset_made made;
} maker;

static void clear_slot(atl_ctx *ctx, void *memory) {
    slot *s = memory;
    atl_free(ctx, s->png.data);
    s->png = (atl_image_bytes){ 0 };
}

static void work(void *user, atl_ctx *ctx, size_t index, void *memory) {
    const maker *m = user;
    slot *s = memory;
    atl_image image;
    clear_slot(ctx, s);
    s->status = atl_prepare(m->source, m->options, ctx, index, &image, &s->prepared);
    if (s->status != ATL_OK || s->prepared.small)
        return;
    s->width = image.width;
    s->height = image.height;
    s->channels = image.channels;
    atl_image_job job = {
        .path = m->source->entries[index].name, .image = &image, .quality = 95, .out = &s->png
    };
    s->status = atl_image_png.write(ctx, &job);
    atl_image_clear(ctx, &image);
}

// Whether the picture is like those before it; the first sets the measure.
static atl_status judge(maker *m, atl_ctx *ctx, const char *name, const slot *s) {
    atl_dataset_made *first = &m->made;
    const atl_dataset_make_options *o = m->options;
    if (s->width < SIDE_LEAST || s->height < SIDE_LEAST)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: is %dx%d, and networks begin at %d pixels", name, s->width,
                        s->height, SIDE_LEAST);
    if (s->width != s->height && !(o->width && o->height))
        return atl_fail(
            ctx, ATL_BAD_FILE,
            "%s: is %dx%d, not square; use the transform center-crop, or a resolution to stretch it", name,
            s->width, s->height);
    if (!first->channels) {
        first->width = s->width;
        first->height = s->height;
        first->channels = s->channels;
    }
    if (s->width != first->width || s->height != first->height)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: is %dx%d, the first is %dx%d; use the resolution %dx%d", name,
                        s->width, s->height, first->width, first->height, first->width, first->height);
    if (s->channels != first->channels)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: is %s, the first is %s; use the color rgb or gray", name,
                        s->channels == 1 ? "gray" : "RGB", first->channels == 1 ? "gray" : "RGB");
    return ATL_OK;
}

static atl_status take_in(maker *m, atl_ctx *from, size_t index, slot *s) {
    const char *name = m->source->entries[index].name;
    if (s->status == ATL_OK && s->prepared.small) {
        m->made.small++;
        return ATL_OK;
    }
    atl_status status = s->status == ATL_OK ? judge(m, from, name, s) : s->status;
    if (status == ATL_NO_MEMORY)
        return atl_fail(m->ctx, status, "%s", atl_message(from));
    if (status != ATL_OK) {
        m->made.bad++;
        if (m->options->bad)
            m->options->bad(m->options->user, name, atl_reason(atl_message(from), name));
        return ATL_OK;
    }
    if (m->made.bad && !m->options->skip_bad)
        return ATL_OK; // only looked at: nothing will be written
    char made[ATL_MADE_NAME];
    atl_made_name(m->made.written, made);
    m->kept[m->made.written++] = (uint32_t)index;
    m->made.lying += s->prepared.lying;
    return atl_sink_add(m->sink, made, s->png.data, s->png.size);
}

static atl_status step(maker *m, atl_crew *crew, size_t done) {
    const atl_dataset_make_options *o = m->options;
    size_t index, count = m->source->count;
    atl_ctx *from;
    slot *s = atl_crew_take(crew, &index, &from);
    atl_status status = take_in(m, from, index, s);
    atl_crew_free(crew);
    if (status == ATL_OK && o->progress && o->progress(o->user, done, count, m->source->entries[index].name))
        status = atl_fail(m->ctx, ATL_CANCELLED, "stopped; nothing was written");
    return status;
}

static atl_status run(maker *m) {
    int threads = m->options->threads ? m->options->threads : m->ctx->threads;
    size_t count = m->source->count, put = 0;
    atl_crew *crew;
    ATL_TRY(atl_crew_open(m->ctx, threads, (size_t)threads * SLOTS_PER_THREAD, sizeof(slot), work, clear_slot,
                          m, &crew));
    atl_status status = ATL_OK;
    for (size_t done = 0; done < count && status == ATL_OK; done++) {
        while (put < count && atl_crew_put(crew, put))
            put++;
        status = step(m, crew, done + 1);
    }
    atl_crew_close(&crew);
    return status;
}

// Labels that training will refuse are no reason not to write them.
static atl_status warn_of_gaps(maker *m) {
    char text[300];
    bool gap;
    ATL_TRY(atl_label_set_find_gap(m->ctx, &m->labels, m->kept, m->made.written, text, sizeof text, &gap));
    if (gap)
        atl_log(m->ctx, ATL_LOG_WARNING, "%s: %s", m->source->path, text);
    return ATL_OK;
}

static atl_status finish(maker *m) {
    atl_image_bytes json = { 0 };
    if (m->made.bad && !m->options->skip_bad)
        return atl_fail(m->ctx, ATL_BAD_FILE,
                        "%s: %zu of %zu pictures can't be used, and nothing was written; mend them, or leave "
                        "them out (skip-bad)",
                        m->source->path, m->made.bad, m->source->count);
    if (m->made.written == 0)
        return atl_fail(m->ctx, ATL_BAD_FILE, "%s: no picture is left to write", m->source->path);
    ATL_TRY(warn_of_gaps(m));
    atl_status status = atl_label_set_write(m->ctx, &m->labels, m->kept, m->made.written, &json);
    if (status == ATL_OK)
        status = atl_sink_add(m->sink, "dataset.json", json.data, json.size);
    atl_free(m->ctx, json.data);
    return status == ATL_OK ? atl_sink_commit(&m->sink) : status;
}

static atl_status make(maker *m, const char *source, const char *dest) {
    const atl_dataset_make_options *o = m->options;
    ATL_TRY(atl_source_open(m->ctx, source, &m->source));
    if (o->max_images && o->max_images < m->source->count)
        m->source->count = o->max_images;
    ATL_TRY(atl_source_require(m->ctx, m->source));
    ATL_TRY(atl_label_set_require(m->ctx, m->source, o->labels, &m->labels));
    m->made.label_size = (int)m->labels.size;
    m->kept = atl_alloc(m->ctx, m->source->count, sizeof *m->kept);
    if (!m->kept)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_sink_open(m->ctx, source, dest, &m->sink));
    ATL_TRY(run(m));
    return finish(m);
}

static atl_status check_options(atl_ctx *ctx, const atl_dataset_make_options *o) {
    if ((unsigned)o->labels > ATL_LABELS_NONE || (unsigned)o->crop > ATL_CROP_CENTER_WIDE ||
        (unsigned)o->filter > ATL_RESIZE_BICUBIC || (unsigned)o->alpha > ATL_ALPHA_BLACK ||
        (unsigned)o->color > ATL_COLOR_GRAY || o->threads < 0 || o->threads > 4096)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "atl_dataset_make_options: labels %d, crop %d, filter %d, alpha %d, color %d or threads %d is "
            "out of range",
            (int)o->labels, (int)o->crop, (int)o->filter, (int)o->alpha, (int)o->color, o->threads);
    if (o->width < 0 || o->height < 0 || o->width > ATL_IMAGE_SIDE_MAX || o->height > ATL_IMAGE_SIDE_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a resolution of %dx%d: each side must be %d to %d", o->width,
                        o->height, SIDE_LEAST, ATL_IMAGE_SIDE_MAX);
    if (o->crop == ATL_CROP_CENTER_WIDE && (!o->width || !o->height || o->height > o->width))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "center-crop-wide needs a resolution WxH with W not below H, like 512x384");
    return ATL_OK;
}

atl_status atl_dataset_make(atl_ctx *ctx, const char *source, const char *dest,
                            const atl_dataset_make_options *options, atl_dataset_made *made) {
    atl_dataset_make_options o = ATL_DATASET_MAKE_OPTIONS_INIT;
    maker m = { .ctx = ctx, .options = &o };
    atl_status status = atl_options_read(ctx, "atl_dataset_make_options", &o, sizeof o, options);
    if (status == ATL_OK)
        status = check_options(ctx, &o);
    if (status == ATL_OK)
        status = make(&m, source, dest);
    atl_sink_abort(&m.sink);
    atl_label_set_clear(ctx, &m.labels);
    atl_free(ctx, m.kept);
    atl_source_close(&m.source);
    if (made)
        *made = m.made;
    return status;
}
