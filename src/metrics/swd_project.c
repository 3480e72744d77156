// SPDX-License-Identifier: Apache-2.0
// The second half of SWD: levels made uniform, projected and compared.  Threads share pictures, then
// directions; sums over both are made in their order.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/team.h"
#include "cpu/kernels.h"
#include "metrics/swd_inside.h"
#include "metrics/swd_line.h"

enum { MOST_WIDTH = 3 * ATL_SWD_SIDE * ATL_SWD_SIDE, LINES = ATL_SWD_REPEATS * ATL_SWD_DIRECTIONS };

typedef struct measure {
    atl_swd *s;
    atl_team *team;
    atl_cpu_gemv_kernels gemv;
    atl_swd_work *work; // [lanes]
    uint32_t *scratch;  // [lanes, samples]
    uint32_t *words[2]; // [ATL_SWD_BATCH, samples]
    double *sums;       // [images, channels, 2]
    float *packed;      // directions in panels
    int level, batch;   // what is measured now
    int64_t from;       // picture with which a portion begins
    const atl_watch *watch;
    bool real;
    double mean[2][3], scale[2][3]; // of each side's channels: scale is 1 / deviation
    float offset[2][ATL_SWD_BATCH];
    double distance[LINES];
    double without[ATL_SWD_GROUPS][ATL_SWD_DIRECTIONS]; // of the first repeat
} measure;

static size_t samples(const measure *m) {
    return (size_t)m->s->images * ATL_SWD_PATCHES;
}

static size_t panels(const measure *m) {
    return (ATL_SWD_BATCH + m->gemv.panel - 1) / m->gemv.panel;
}

// All pictures in portions of less than a second; threads share those of a portion.
static atl_status run_images(measure *m, void (*work)(void *job, int lane, int64_t first, int64_t end)) {
    enum { BATCHES = LINES / ATL_SWD_BATCH };
    const int64_t numbers = 1 << 25, least = 16 * atl_team_lanes(m->team);
    int64_t some = numbers / (m->s->channels * m->s->size * m->s->size), left = m->s->images;
    some = some < least ? least : some;
    for (m->from = 0; left > 0; m->from += some, left -= some) {
        ATL_TRY(atl_watch_ask(m->s->ctx, m->watch, m->level * BATCHES + m->batch, m->s->levels * BATCHES));
        atl_team_run(m->team, left < some ? left : some, 1, work, m);
    }
    return ATL_OK;
}

// ---- mean and deviation of each channel

static void sum_images(void *job, int lane, int64_t first, int64_t end) {
    measure *m = job;
    int64_t part = ATL_SWD_SIDE * ATL_SWD_SIDE, channels = m->s->channels;
    for (int64_t i = m->from + first; i < m->from + end; i++) {
        const float *x = atl_swd_patches(m->s, m->real, i, m->level, &m->work[lane]);
        double *sums = m->sums + i * channels * 2;
        memset(sums, 0, (size_t)channels * 2 * sizeof *sums);
        for (int k = 0; k < ATL_SWD_PATCHES; k++)
            for (int64_t c = 0; c < channels; c++, x += part)
                for (int64_t j = 0; j < part; j++) {
                    sums[2 * c] += (double)x[j];
                    sums[2 * c + 1] += (double)x[j] * (double)x[j];
                }
    }
}

static atl_status make_uniform(measure *m) {
    int64_t channels = m->s->channels;
    double n = (double)samples(m) * ATL_SWD_SIDE * ATL_SWD_SIDE;
    ATL_TRY(run_images(m, sum_images));
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < m->s->images; i++) {
            sum += m->sums[(i * channels + c) * 2];
            squares += m->sums[(i * channels + c) * 2 + 1];
        }
        double variance = squares / n - sum / n * (sum / n);
        m->mean[m->real][c] = sum / n;
        m->scale[m->real][c] = variance > 0 ? 1 / sqrt(variance) : 0; // a level without content is all zero
    }
    return ATL_OK;
}

// ---- directions

// Directions first to first + ATL_SWD_BATCH - 1 of the side, each of length 1, with the scale of the channels
// in them and their mean in the offset.
static void pack_directions(measure *m, int first) {
    int64_t width = m->s->width, part = width / m->s->channels;
    size_t panel = m->gemv.panel;
    memset(m->packed, 0, panels(m) * panel * (size_t)width * sizeof *m->packed);
    uint64_t stream = UINT64_C(0x646972) << 8 | (uint64_t)m->level;
    for (int d = 0; d < ATL_SWD_BATCH; d++) {
        float normal[MOST_WIDTH];
        double squares = 0, offset = 0;
        atl_philox_normal(m->s->seed, stream, (uint64_t)(first + d) * MOST_WIDTH, (size_t)width, normal);
        for (int64_t k = 0; k < width; k++)
            squares += (double)normal[k] * (double)normal[k];
        float *to = m->packed + (size_t)d / panel * panel * (size_t)width + (size_t)d % panel;
        for (int64_t k = 0; k < width; k++) {
            double w = (double)normal[k] / sqrt(squares) * m->scale[m->real][k / part];
            to[(size_t)k * panel] = (float)w;
            offset -= (double)(float)w * m->mean[m->real][k / part];
        }
        m->offset[m->real][d] = (float)offset;
    }
}

static void project_images(void *job, int lane, int64_t first, int64_t end) {
    measure *m = job;
    size_t n = samples(m), width = (size_t)m->s->width, panel = m->gemv.panel;
    for (int64_t i = m->from + first; i < m->from + end; i++) {
        atl_swd_work *work = &m->work[lane];
        const float *x = atl_swd_patches(m->s, m->real, i, m->level, work);
        for (size_t at = 0; at < ATL_SWD_BATCH; at += panel)
            m->gemv.run(work->projected + at, ATL_SWD_BATCH, x, width, m->packed + at * width,
                        ATL_SWD_PATCHES, ATL_SWD_BATCH - at < panel ? ATL_SWD_BATCH - at : panel, width);
        int group = atl_estimate_group(i, ATL_SWD_GROUPS);
        for (size_t d = 0; d < ATL_SWD_BATCH; d++) {
            uint32_t *to = m->words[m->real] + d * n + (size_t)i * ATL_SWD_PATCHES;
            for (size_t k = 0; k < ATL_SWD_PATCHES; k++)
                to[k] = atl_swd_word(work->projected[k * ATL_SWD_BATCH + d] + m->offset[m->real][d], group);
        }
    }
}

static void compare_lines(void *job, int lane, int64_t first, int64_t end) {
    measure *m = job;
    size_t n = samples(m);
    for (int64_t d = first; d < end; d++) {
        uint32_t *a = m->words[0] + (size_t)d * n, *b = m->words[1] + (size_t)d * n;
        uint32_t *scratch = m->scratch + (size_t)lane * n;
        int64_t line = m->batch * ATL_SWD_BATCH + d;
        atl_swd_sort(a, n, scratch);
        atl_swd_sort(b, n, scratch);
        m->distance[line] = atl_swd_line(a, b, n);
        for (int g = 0; g < ATL_SWD_GROUPS && line < ATL_SWD_DIRECTIONS; g++)
            m->without[g][line] = atl_swd_line_without(a, b, n, g);
    }
}

// ---- levels

static const char *const method = "jackknife over 8 groups of pictures";

// without [ATL_SWD_GROUPS]: the level's distance without each group
static atl_status measure_level(measure *m, atl_estimate *level, double *without) {
    enum { BATCHES = LINES / ATL_SWD_BATCH };
    m->batch = 0;
    for (int side = 0; side < 2; side++) {
        m->real = side;
        ATL_TRY(make_uniform(m));
    }
    for (m->batch = 0; m->batch < BATCHES; m->batch++) {
        for (int side = 0; side < 2; side++) {
            m->real = side;
            pack_directions(m, m->batch * ATL_SWD_BATCH);
            ATL_TRY(run_images(m, project_images));
        }
        atl_team_run(m->team, ATL_SWD_BATCH, 1, compare_lines, m);
    }
    double sum = 0;
    for (int i = 0; i < LINES; i++)
        sum += m->distance[i];
    for (int g = 0; g < ATL_SWD_GROUPS; g++) {
        without[g] = 0;
        for (int i = 0; i < ATL_SWD_DIRECTIONS; i++)
            without[g] += 1e3 * m->without[g][i] / ATL_SWD_DIRECTIONS;
    }
    bool enough = m->s->images >= 2 * ATL_SWD_GROUPS;
    *level = (atl_estimate){ 1e3 * sum / LINES,
                             enough ? atl_estimate_jackknife(without, ATL_SWD_GROUPS) : NAN, method };
    return ATL_OK;
}

static atl_status measure_levels(measure *m, atl_estimate *levels, atl_estimate *mean) {
    double without[ATL_SWD_GROUPS], all[ATL_SWD_GROUPS] = { 0 }, sum = 0;
    for (m->level = 0; m->level < m->s->levels; m->level++) {
        ATL_TRY(measure_level(m, &levels[m->level], without));
        sum += levels[m->level].value;
        for (int g = 0; g < ATL_SWD_GROUPS; g++)
            all[g] += without[g] / m->s->levels;
    }
    *mean = (atl_estimate){ sum / m->s->levels, atl_estimate_jackknife(all, ATL_SWD_GROUPS), method };
    if (m->s->images < 2 * ATL_SWD_GROUPS)
        mean->error = NAN;
    return ATL_OK;
}

static atl_status allocate(measure *m, int lanes) {
    atl_ctx *ctx = m->s->ctx;
    size_t n = samples(m);
    m->work = atl_calloc(ctx, (size_t)lanes, sizeof *m->work);
    m->scratch = atl_alloc(ctx, (size_t)lanes, n * sizeof *m->scratch);
    m->words[0] = atl_alloc(ctx, ATL_SWD_BATCH, n * sizeof *m->words[0]);
    m->words[1] = atl_alloc(ctx, ATL_SWD_BATCH, n * sizeof *m->words[1]);
    m->sums = atl_alloc(ctx, (size_t)m->s->images, (size_t)m->s->channels * 2 * sizeof *m->sums);
    m->packed = atl_alloc(ctx, panels(m) * m->gemv.panel, (size_t)m->s->width * sizeof *m->packed);
    if (!m->work || !m->scratch || !m->words[0] || !m->words[1] || !m->sums || !m->packed)
        return ATL_NO_MEMORY;
    for (int i = 0; i < lanes; i++)
        ATL_TRY(atl_swd_work_open(m->s, &m->work[i]));
    return ATL_OK;
}

static void release(measure *m, int lanes) {
    atl_ctx *ctx = m->s->ctx;
    for (int i = 0; m->work && i < lanes; i++)
        atl_swd_work_close(m->s, &m->work[i]);
    atl_free(ctx, m->work);
    atl_free(ctx, m->scratch);
    atl_free(ctx, m->words[0]);
    atl_free(ctx, m->words[1]);
    atl_free(ctx, m->sums);
    atl_free(ctx, m->packed);
    atl_team_close(&m->team);
    atl_free(ctx, m);
}

atl_status atl_swd_finish(atl_swd *s, const atl_watch *watch, atl_estimate *levels, atl_estimate *mean) {
    for (int side = 0; side < 2; side++)
        if (memchr(s->there[side], 0, (size_t)s->images))
            return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "SWD: fewer than %lld %s pictures are there",
                            (long long)s->images, side ? "real" : "generated");
    measure *m = atl_calloc(s->ctx, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    atl_cpu_kernels kernels;
    atl_cpu_kernels_init(&kernels, s->ctx->cpu);
    m->s = s, m->gemv = kernels.gemv, m->watch = watch;
    atl_status status = atl_team_open(s->ctx, s->ctx->threads, &m->team);
    int lanes = atl_team_lanes(m->team);
    if (status == ATL_OK)
        status = allocate(m, lanes);
    if (status == ATL_OK)
        status = measure_levels(m, levels, mean);
    release(m, lanes);
    return status;
}
