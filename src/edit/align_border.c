// SPDX-License-Identifier: Apache-2.0
// What lies beyond a photo: the photo mirrored, which the blur keeps from looking like a second face, and at
// the very edge its median.  As in FFHQ (Karras et al. 2018, appendix C):
//
//     m = max over both axes of 1 - min(x / left, (w - 1 - x) / right)
//     y = x + (blur(x) - x) clip(3 m + 1, 0, 1);   y + (median(y) - y) clip(m, 0, 1)
//
// where m is 1 at the edge and 0 where the photo begins.
//
// A Gaussian of four deviations to each side, columns first, in float; channels one after the other, so that
// two planes of floats are all that it needs.
#include "edit/align.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"

enum { BINS = 1 << 16 }; // of the median, 1/256 of a level each
enum { COLUMNS = 1024 }; // what stays in the first cache

typedef struct job {
    const atl_image *photo;
    atl_image *out;
    const int *add;
    int width, height, channel, radius;
    float *taps;            // [radius + 1]
    float *plane, *blurred; // [height, width]
    float *rows;            // [lanes, width + 2 radius]
    int64_t room;           // width + 2 radius
    float median;
} job;

// np.pad's "reflect": the edge is not repeated.
static int mirrored(int i, int n) {
    int period = 2 * (n - 1);
    if (n == 1)
        return 0;
    i %= period;
    i = i < 0 ? i + period : i;
    return i < n ? i : period - i;
}

// The filter's own border: the edge is repeated.
static int folded(int i, int n) {
    int period = 2 * n;
    i %= period;
    i = i < 0 ? i + period : i;
    return i < n ? i : period - 1 - i;
}

// How far a place is out of the photo, along one axis.
static float out_of(int i, int n, int before, int after) {
    float a = (float)i / (float)before, b = (float)(n - 1 - i) / (float)after;
    return 1.0f - (a < b ? a : b);
}

static float clip(float x) {
    return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
}

static void fill_rows(void *user, int lane, int64_t first, int64_t end) {
    job *j = user;
    (void)lane;
    size_t c = (size_t)j->photo->channels;
    for (int y = (int)first; y < (int)end; y++) {
        const uint8_t *in = j->photo->pixels + j->channel +
                            (size_t)mirrored(y - j->add[1], j->photo->height) * (size_t)j->photo->width * c;
        for (int x = 0; x < j->width; x++)
            j->plane[(size_t)y * (size_t)j->width + (size_t)x] =
                in[(size_t)mirrored(x - j->add[0], j->photo->width) * c];
    }
}

static void blur_columns(void *user, int lane, int64_t first, int64_t end) {
    job *j = user;
    (void)lane;
    size_t w = (size_t)j->width;
    for (int x = 0; x < j->width; x += COLUMNS) {
        int n = j->width - x < COLUMNS ? j->width - x : COLUMNS;
        const float *in = j->plane + x;
        for (int y = (int)first; y < (int)end; y++) {
            float *out = j->blurred + (size_t)y * w + (size_t)x;
            for (int i = 0; i < n; i++)
                out[i] = j->taps[0] * in[(size_t)y * w + (size_t)i];
            for (int t = 1; t <= j->radius; t++) {
                const float *a = in + (size_t)folded(y - t, j->height) * w,
                            *b = in + (size_t)folded(y + t, j->height) * w;
                for (int i = 0; i < n; i++)
                    out[i] += j->taps[t] * (a[i] + b[i]);
            }
        }
    }
}

// Columns [from, to) of a row whose blurred columns are in row[-radius ...]: blurred and blended into x.
static void blend(const job *j, const float *row, int from, int to, float down, float *x) {
    float sum[COLUMNS];
    for (int at = from; at < to; at += COLUMNS) {
        int n = to - at < COLUMNS ? to - at : COLUMNS;
        for (int i = 0; i < n; i++)
            sum[i] = j->taps[0] * row[at + i];
        for (int t = 1; t <= j->radius; t++)
            for (int i = 0; i < n; i++)
                sum[i] += j->taps[t] * (row[at + i - t] + row[at + i + t]);
        for (int i = 0; i < n; i++) {
            float m = fmaxf(out_of(at + i, j->width, j->add[0], j->add[2]), down);
            x[at + i] += (sum[i] - x[at + i]) * clip(3.0f * m + 1.0f);
        }
    }
}

static void blend_rows(void *user, int lane, int64_t first, int64_t end) {
    job *j = user;
    float *row = j->rows + lane * j->room + j->radius;
    // from here to there only the other axis can ask for blur
    int low = j->add[0] + (j->add[0] + 2) / 3, high = j->width - 1 - j->add[2] - (j->add[2] + 2) / 3;
    for (int y = (int)first; y < (int)end; y++) {
        const float *in = j->blurred + (size_t)y * (size_t)j->width;
        float *x = j->plane + (size_t)y * (size_t)j->width, down = out_of(y, j->height, j->add[1], j->add[3]);
        for (int i = -j->radius; i < j->width + j->radius; i++)
            row[i] = in[folded(i, j->width)];
        if (down > -1.0f / 3.0f || low >= high) {
            blend(j, row, 0, j->width, down, x);
        } else {
            blend(j, row, 0, low + 1, down, x);
            blend(j, row, high, j->width, down, x);
        }
    }
}

// The middle one of all values, to half a bin.
static float median(const job *j, int64_t *bins) {
    int64_t count = (int64_t)j->width * j->height, seen = 0;
    memset(bins, 0, BINS * sizeof *bins);
    for (int64_t i = 0; i < count; i++) {
        float at = j->plane[i] * 256.0f;
        bins[at > 0.0f ? (at < (float)(BINS - 1) ? (int)at : BINS - 1) : 0]++;
    }
    int b = 0;
    while ((seen += bins[b]) * 2 < count)
        b++;
    return ((float)b + (b % 256 ? 0.5f : 0.0f)) / 256.0f; // values that nothing has blurred are whole
}

static void finish_rows(void *user, int lane, int64_t first, int64_t end) {
    job *j = user;
    (void)lane;
    size_t c = (size_t)j->out->channels;
    for (int y = (int)first; y < (int)end; y++) {
        const float *x = j->plane + (size_t)y * (size_t)j->width;
        uint8_t *out = j->out->pixels + j->channel + (size_t)y * (size_t)j->width * c;
        float down = out_of(y, j->height, j->add[1], j->add[3]);
        for (int i = 0; i < j->width; i++) {
            float m = clip(fmaxf(out_of(i, j->width, j->add[0], j->add[2]), down));
            float v = rintf(x[i] + (j->median - x[i]) * m);
            out[(size_t)i * c] = (uint8_t)(v < 0.0f ? 0.0f : v > 255.0f ? 255.0f : v);
        }
    }
}

static void fill_taps(job *j, double sigma) {
    double sum = 1;
    for (int t = 1; t <= j->radius; t++)
        sum += 2 * exp(-0.5 * t * t / (sigma * sigma));
    for (int t = 0; t <= j->radius; t++)
        j->taps[t] = (float)(exp(-0.5 * t * t / (sigma * sigma)) / sum);
}

static void run(job *j, atl_team *team, int64_t *bins) {
    for (j->channel = 0; j->channel < j->out->channels; j->channel++) {
        atl_team_run(team, j->height, 16, fill_rows, j);
        atl_team_run(team, j->height, 16, blur_columns, j);
        atl_team_run(team, j->height, 16, blend_rows, j);
        j->median = median(j, bins);
        atl_team_run(team, j->height, 16, finish_rows, j);
    }
}

atl_status atl_align_border(atl_ctx *ctx, const atl_image *photo, const int add[4], double sigma,
                            atl_image *out) {
    atl_team *team = NULL;
    ATL_TRY(atl_image_init(ctx, photo->width + add[0] + add[2], photo->height + add[1] + add[3],
                           photo->channels, out));
    job j = { .photo = photo,
              .out = out,
              .add = add,
              .width = out->width,
              .height = out->height,
              .radius = (int)(4.0 * sigma + 0.5) };
    size_t area = (size_t)j.width * (size_t)j.height;
    j.room = j.width + 2 * (int64_t)j.radius;
    atl_status status = atl_team_open(ctx, ctx->threads, &team);
    int64_t *bins = atl_alloc(ctx, BINS, sizeof *bins);
    j.taps = atl_alloc(ctx, (size_t)j.radius + 1, sizeof *j.taps);
    j.plane = atl_alloc(ctx, area, sizeof *j.plane);
    j.blurred = atl_alloc(ctx, area, sizeof *j.blurred);
    j.rows = atl_alloc(ctx, (size_t)atl_team_lanes(team), (size_t)j.room * sizeof *j.rows);
    if (status == ATL_OK && !(bins && j.taps && j.plane && j.blurred && j.rows))
        status = ATL_NO_MEMORY;
    if (status == ATL_OK) {
        fill_taps(&j, sigma);
        run(&j, team, bins);
    } else {
        atl_image_clear(ctx, out);
    }
    atl_team_close(&team);
    atl_free(ctx, bins);
    atl_free(ctx, j.taps);
    atl_free(ctx, j.plane);
    atl_free(ctx, j.blurred);
    atl_free(ctx, j.rows);
    return status;
}
