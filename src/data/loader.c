// SPDX-License-Identifier: Apache-2.0
// A crew reads ahead along the sampler's order; the bit 0 of a value is the flip.
#include "data/loader.h"

#include "data/crew.h"

enum { THREADS = 2, AHEAD = 64 };

typedef struct slot {
    atl_image image;
    atl_status status;
} slot;

struct atl_loader {
    atl_ctx *ctx;
    const atl_dataset *set;
    atl_sampler *sampler;
    atl_crew *crew;
    size_t waiting; // the value that did not fit in the ring
    bool has_waiting;
};

static void clear_slot(atl_ctx *ctx, void *memory) {
    atl_image_clear(ctx, &((slot *)memory)->image);
}

static void work(void *user, atl_ctx *ctx, size_t value, void *memory) {
    const atl_loader *l = user;
    slot *s = memory;
    atl_image_clear(ctx, &s->image);
    s->status = atl_dataset_read_with(l->set, ctx, value / 2, &s->image);
}

static void fill(atl_loader *l) {
    for (;;) {
        if (!l->has_waiting) {
            atl_sample sample = atl_sampler_next(l->sampler);
            l->waiting = (size_t)sample.picture * 2 + sample.flip;
            l->has_waiting = true;
        }
        if (!atl_crew_put(l->crew, l->waiting))
            return;
        l->has_waiting = false;
    }
}

atl_status atl_loader_open(atl_ctx *ctx, const atl_dataset *set, const atl_loader_options *o,
                           atl_loader **loader) {
    *loader = NULL;
    if (o->threads < 0 || o->threads > 4096 || o->ahead > 1 << 20)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a loader with %d threads and %zu pictures ahead", o->threads,
                        o->ahead);
    atl_loader *l = atl_calloc(ctx, 1, sizeof *l);
    if (!l)
        return ATL_NO_MEMORY;
    l->ctx = ctx;
    l->set = set;
    atl_status status = atl_sampler_open(ctx, set->info.count, o, &l->sampler);
    if (status == ATL_OK)
        status = atl_crew_open(ctx, o->threads ? o->threads : THREADS, o->ahead ? o->ahead : AHEAD,
                               sizeof(slot), work, clear_slot, l, &l->crew);
    if (status == ATL_OK)
        fill(l);
    else
        atl_loader_close(&l);
    *loader = l;
    return status;
}

void atl_loader_close(atl_loader **loader) {
    if (!loader || !*loader)
        return;
    atl_loader *l = *loader;
    atl_crew_close(&l->crew);
    atl_sampler_close(&l->sampler);
    atl_free(l->ctx, l);
    *loader = NULL;
}

size_t atl_loader_length(const atl_loader *l) {
    return atl_sampler_length(l->sampler);
}

static void copy_pixels(const atl_image *image, bool flip, float *out) {
    size_t width = (size_t)image->width, height = (size_t)image->height, channels = (size_t)image->channels;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = image->pixels + y * width * channels;
        for (size_t x = 0; x < width; x++) {
            const uint8_t *pixel = row + (flip ? width - 1 - x : x) * channels;
            for (size_t c = 0; c < channels; c++)
                *out++ = (float)pixel[c] / 127.5f - 1.0f;
        }
    }
}

atl_status atl_loader_next(atl_loader *l, size_t count, float *images, float *labels, atl_sample *which) {
    const atl_dataset_info *info = &l->set->info;
    size_t pixels = (size_t)info->width * (size_t)info->height * (size_t)info->channels;
    for (size_t i = 0; i < count; i++) {
        size_t value;
        atl_ctx *from;
        const slot *s = atl_crew_take(l->crew, &value, &from);
        atl_status status = s->status;
        if (status == ATL_OK)
            copy_pixels(&s->image, value & 1, images + i * pixels);
        else
            atl_fail(l->ctx, status, "%s", atl_message(from));
        atl_crew_free(l->crew);
        fill(l);
        if (status != ATL_OK)
            return status;
        if (which)
            which[i] = (atl_sample){ (uint32_t)(value / 2), value & 1 };
        if (labels)
            atl_dataset_label(l->set, value / 2, labels + i * (size_t)info->label_size);
    }
    return ATL_OK;
}
