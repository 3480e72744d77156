// SPDX-License-Identifier: Apache-2.0
// The sliced Wasserstein distance: see swd.h.  This file keeps pictures and cuts patches; swd_project.c does
// the rest.
#include "metrics/swd.h"

#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "metrics/pyramid.h"
#include "metrics/swd_inside.h"

enum { COARSEST = 16, LARGEST = 4096, KEPT_WHOLE = 256 };

static atl_status allocate(atl_swd *s) {
    size_t plane = (size_t)s->channels * (size_t)s->size * (size_t)s->size;
    for (int side = 0; side < 2; side++) {
        s->there[side] = atl_calloc(s->ctx, (size_t)s->images, 1);
        if (!s->there[side])
            return ATL_NO_MEMORY;
        if (s->whole) {
            s->pictures[side] = atl_alloc(s->ctx, (size_t)s->images, plane);
            if (!s->pictures[side])
                return ATL_NO_MEMORY;
            continue;
        }
        for (int l = 0; l < s->levels; l++) {
            s->patches[side][l] =
                atl_alloc(s->ctx, (size_t)s->images, ATL_SWD_PATCHES * (size_t)s->width * sizeof(float));
            if (!s->patches[side][l])
                return ATL_NO_MEMORY;
        }
    }
    return ATL_OK;
}

atl_status atl_swd_open(atl_ctx *ctx, int64_t images, int channels, int64_t size, uint64_t seed,
                        atl_swd **swd) {
    *swd = NULL;
    if (size < COARSEST || size > LARGEST || (size & (size - 1)) || (channels != 1 && channels != 3))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "SWD needs pictures of 16 x 16 to 4096 x 4096, a power of two, gray or RGB, not %lld "
                        "in %d channels",
                        (long long)size, channels);
    if (images < 1 || images > INT32_MAX / ATL_SWD_PATCHES)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "SWD of %lld pictures: give 1 to %d", (long long)images,
                        INT32_MAX / ATL_SWD_PATCHES);
    atl_swd *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    *s = (atl_swd){ .ctx = ctx, .images = images, .channels = channels, .size = size, .seed = seed };
    s->whole = size <= KEPT_WHOLE;
    s->width = channels * ATL_SWD_SIDE * ATL_SWD_SIDE;
    for (int64_t n = size; n >= COARSEST; n /= 2)
        s->levels++;
    atl_status status = allocate(s);
    if (status == ATL_OK && !s->whole)
        status = atl_swd_work_open(s, &s->work);
    if (status == ATL_OK)
        *swd = s;
    else
        atl_swd_close(&s);
    return status;
}

void atl_swd_close(atl_swd **swd) {
    atl_swd *s = swd ? *swd : NULL;
    if (!s)
        return;
    for (int side = 0; side < 2; side++) {
        atl_free(s->ctx, s->there[side]);
        atl_free(s->ctx, s->pictures[side]);
        for (int l = 0; l < s->levels; l++)
            atl_free(s->ctx, s->patches[side][l]);
    }
    atl_swd_work_close(s, &s->work);
    atl_free(s->ctx, s);
    *swd = NULL;
}

int atl_swd_levels(const atl_swd *swd) {
    return swd->levels;
}

// ---- patches

atl_status atl_swd_work_open(const atl_swd *s, atl_swd_work *work) {
    size_t plane = (size_t)s->size * (size_t)s->size;
    work->now = atl_alloc(s->ctx, plane, (size_t)s->channels * sizeof(float));
    work->half = atl_alloc(s->ctx, plane, (size_t)s->channels * sizeof(float));
    work->rows = atl_alloc(s->ctx, plane, sizeof(float));
    work->patches = atl_alloc(s->ctx, ATL_SWD_PATCHES, (size_t)s->width * sizeof(float));
    work->projected = atl_alloc(s->ctx, ATL_SWD_PATCHES, ATL_SWD_BATCH * sizeof(float));
    return work->now && work->half && work->rows && work->patches && work->projected ? ATL_OK : ATL_NO_MEMORY;
}

void atl_swd_work_close(const atl_swd *s, atl_swd_work *work) {
    atl_free(s->ctx, work->now);
    atl_free(s->ctx, work->half);
    atl_free(s->ctx, work->rows);
    atl_free(s->ctx, work->patches);
    atl_free(s->ctx, work->projected);
    *work = (atl_swd_work){ 0 };
}

// Where the patches of a picture lie, all places equally likely.
static void cut(const atl_swd *s, bool real, int64_t index, int level, int64_t size, const float *x,
                float *patches) {
    float u[2 * ATL_SWD_PATCHES];
    uint64_t stream = UINT64_C(0x737764) << 8 | (uint64_t)level << 1 | (uint64_t)real;
    atl_philox_uniform(s->seed, stream, (uint64_t)index * (2 * ATL_SWD_PATCHES), 2 * ATL_SWD_PATCHES, u);
    int64_t places = size - ATL_SWD_SIDE + 1;
    for (int i = 0; i < ATL_SWD_PATCHES; i++) {
        // at most 4090 places times at most 1 - 2^-24 is exact in double
        int64_t top = (int64_t)((double)u[2 * i] * (double)places);
        int64_t left = (int64_t)((double)u[2 * i + 1] * (double)places);
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t r = 0; r < ATL_SWD_SIDE; r++, patches += ATL_SWD_SIDE)
                memcpy(patches, x + (c * size + top + r) * size + left, ATL_SWD_SIDE * sizeof(float));
    }
}

// Level by level from the picture in work->now; where only one level is wanted, `out` is the same for all,
// and what finer ones leave there is written over.
static void pyramid(const atl_swd *s, bool real, int64_t index, int first, int last, atl_swd_work *work,
                    float *const *out) {
    int64_t size = s->size;
    for (int l = 0; l <= last; l++, size /= 2) {
        int64_t n = size / 2;
        if (l < s->levels - 1)
            for (int64_t c = 0; c < s->channels; c++) {
                float *x = work->now + c * size * size, *half = work->half + c * n * n;
                atl_pyramid_reduce(x, size, work->rows, half);
                if (l >= first)
                    atl_pyramid_subtract(x, size, half, work->rows);
            }
        if (l >= first)
            cut(s, real, index, l, size, work->now, out[l]);
        float *swap = work->now;
        work->now = work->half;
        work->half = swap;
    }
}

static void spread(const atl_swd *s, const uint8_t *rgb, float *x) {
    int64_t count = s->channels * s->size * s->size;
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)rgb[i];
}

const float *atl_swd_patches(const atl_swd *s, bool real, int64_t index, int level, atl_swd_work *work) {
    if (!s->whole)
        return s->patches[real][level] + index * ATL_SWD_PATCHES * s->width;
    float *out[ATL_SWD_LEVELS] = { 0 };
    out[level] = work->patches;
    spread(s, s->pictures[real] + index * s->channels * s->size * s->size, work->now);
    pyramid(s, real, index, level, level, work, out);
    return work->patches;
}

atl_status atl_swd_put(atl_swd *s, bool real, int64_t index, const uint8_t *rgb) {
    if (index < 0 || index >= s->images || s->there[real][index])
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT,
                        "picture %lld of %lld was given already, or is not asked for", (long long)index,
                        (long long)s->images);
    s->there[real][index] = 1;
    if (s->whole) {
        int64_t bytes = s->channels * s->size * s->size;
        memcpy(s->pictures[real] + index * bytes, rgb, (size_t)bytes);
        return ATL_OK;
    }
    float *out[ATL_SWD_LEVELS];
    for (int l = 0; l < s->levels; l++)
        out[l] = s->patches[real][l] + index * ATL_SWD_PATCHES * s->width;
    spread(s, rgb, s->work.now);
    pyramid(s, real, index, 0, s->levels - 1, &s->work, out);
    return ATL_OK;
}
