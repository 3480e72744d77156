// SPDX-License-Identifier: Apache-2.0
// A crew reads ahead in the order of numbers.
#include "metrics/reader.h"

#include "data/crew.h"

enum { AHEAD = 64 };

typedef struct slot {
    atl_image image;
    atl_status status;
} slot;

struct atl_reader {
    atl_ctx *ctx;
    const atl_dataset *set;
    atl_crew *crew;
    atl_reader_order o;
    int64_t next; // number that the crew gets
};

static void clear_slot(atl_ctx *ctx, void *memory) {
    atl_image_clear(ctx, &((slot *)memory)->image);
}

static void work(void *user, atl_ctx *ctx, size_t value, void *memory) {
    const atl_reader *r = user;
    slot *s = memory;
    atl_image_clear(ctx, &s->image);
    s->status = atl_dataset_read_with(r->set, ctx, value % r->set->info.count, &s->image);
}

static void fill(atl_reader *r) {
    while (r->next < r->o.end && atl_crew_put(r->crew, (size_t)r->next)) {
        r->next++;
        if (r->next == r->o.first + r->o.run) {
            r->o.first = r->next + r->o.skip;
            r->next = r->o.first;
        }
    }
}

atl_status atl_reader_open(atl_ctx *ctx, const atl_dataset *set, const atl_reader_order *order,
                           atl_reader **reader) {
    *reader = NULL;
    atl_reader *r = atl_calloc(ctx, 1, sizeof *r);
    if (!r)
        return ATL_NO_MEMORY;
    *r = (atl_reader){ .ctx = ctx, .set = set, .o = *order, .next = order->first };
    atl_status status = atl_crew_open(ctx, ctx->threads, AHEAD, sizeof(slot), work, clear_slot, r, &r->crew);
    if (status == ATL_OK)
        fill(r);
    else
        atl_reader_close(&r);
    *reader = r;
    return status;
}

void atl_reader_close(atl_reader **reader) {
    if (!*reader)
        return;
    atl_crew_close(&(*reader)->crew);
    atl_free((*reader)->ctx, *reader);
    *reader = NULL;
}

// Interleaved rows to [3, height, width].
static void to_planes(const atl_image *image, bool flip, uint8_t *rgb) {
    size_t width = (size_t)image->width, height = (size_t)image->height, channels = (size_t)image->channels;
    for (size_t k = 0; k < 3; k++)
        for (size_t y = 0; y < height; y++) {
            const uint8_t *row = image->pixels + y * width * channels + (channels == 3 ? k : 0);
            for (size_t x = 0; x < width; x++)
                *rgb++ = row[(flip ? width - 1 - x : x) * channels];
        }
}

atl_status atl_reader_next(atl_reader *r, int n, uint8_t *rgb) {
    const atl_dataset_info *info = &r->set->info;
    size_t picture = 3 * (size_t)info->width * (size_t)info->height;
    for (int i = 0; i < n; i++) {
        size_t value;
        atl_ctx *from;
        const slot *s = atl_crew_take(r->crew, &value, &from);
        if (!s)
            return atl_fail(r->ctx, ATL_INTERNAL,
                            "more pictures were asked for than the reader was opened for");
        atl_status status = s->status;
        if (status == ATL_OK)
            to_planes(&s->image, value >= info->count, rgb + (size_t)i * picture);
        else
            atl_fail(r->ctx, status, "%s", atl_message(from));
        atl_crew_free(r->crew);
        fill(r);
        ATL_TRY(status);
    }
    return ATL_OK;
}
