// SPDX-License-Identifier: Apache-2.0
// upfirdn: the reference of the two inner loops, the preparation of a filter, and the walk over strips.
//
//             u = ox downx - px0                  columns of the image with its zeros (upx = 2: x.x.x.x)
//     y[ox] = sum over k of fx[k] xup[u + k]      only k with (u + k) mod upx = 0 meet a pixel, not a zero
//
// so an output column of phase k0 = (-u) mod upx uses the taps k0, k0 + upx, ... on neighbouring pixels.
// Rows follow the same rule.  A strip is a range of output columns whose input rows fit the first-level
// cache; inside it rows go from top to bottom and each input row is met kh times while it is there.
#include "cpu/fir.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"

enum { STRIP_PIXELS = 16, BAND_ROWS = 32 };

struct atl_cpu_fir {
    atl_ctx *ctx;
    atl_cpu_fir_args args;
    atl_team *team;
    int oh, ow;
    int rank1;              // the filter is column (outer) row
    int strip, span;        // output columns per strip; input columns that a strip reads
    int taps_most;          // most taps of one phase of a row
    float *column;          // [kh], carries the gain; all ones when not of rank 1
    float *phases;          // [1 or kh, upx, taps_most]: the row filter(s), taps sorted by phase
    size_t thread_bytes;    // workspace of one thread
    atl_cpu_fir_kernels kernels;
    atl_cpu_pointwise_kernels pointwise;
};

static void combine_ref(float *y, const float *const *rows, const float *t, int taps, size_t length,
                        int add) {
    for (size_t j = 0; j < length; j++) {
        float sum = add ? y[j] : 0.0f;
        for (int i = 0; i < taps; i++)
            sum += t[i] * rows[i][j];
        y[j] = sum;
    }
}

static void pixels_ref(float *y, size_t y_step, const float *x, size_t x_step, size_t tap_step,
                       const float *t, int taps, size_t pixels, size_t c, int add) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < c; j++) {
            float sum = add ? y[p * y_step + j] : 0.0f;
            for (int i = 0; i < taps; i++)
                sum += t[i] * x[p * x_step + (size_t)i * tap_step + j];
            y[p * y_step + j] = sum;
        }
}

void atl_cpu_fir_init(atl_cpu_fir_kernels *k) {
    *k = (atl_cpu_fir_kernels){ combine_ref, pixels_ref };
}

static int out_size(int size, int up, int before, int after, int taps, int down) {
    int64_t n = atl_floor_div((int64_t)size * up + before + after - taps, down) + 1;
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

void atl_cpu_fir_size(const atl_cpu_fir_args *a, int *oh, int *ow) {
    *oh = out_size(a->h, a->upy, a->py0, a->py1, a->kh, a->downy);
    *ow = out_size(a->w, a->upx, a->px0, a->px1, a->kw, a->downx);
}

// ---- preparation

// Is f = column (outer) row, to rounding?  Taken from the row and the column of the largest element.
static int split_rank1(const float *f, int kh, int kw, float *column, float *row) {
    int best = 0;
    for (int i = 1; i < kh * kw; i++)
        if (fabsf(f[i]) > fabsf(f[best]))
            best = i;
    float top = f[best];
    for (int s = 0; s < kw; s++)
        row[s] = top != 0.0f ? f[best / kw * kw + s] / top : 0.0f;
    for (int r = 0; r < kh; r++)
        column[r] = f[r * kw + best % kw];
    for (int r = 0; r < kh; r++)
        for (int s = 0; s < kw; s++)
            if (!(fabsf(column[r] * row[s] - f[r * kw + s]) <= 2e-7f * fabsf(top)))
                return 0;
    return 1;
}

static void sort_phases(atl_cpu_fir *fir, const float *row, float *phases) {
    int up = fir->args.upx;
    for (int s = 0; s < fir->args.kw; s++)
        phases[s % up * fir->taps_most + s / up] = row[s];
}

static atl_status prepare(atl_cpu_fir *fir, const float *filter) {
    const atl_cpu_fir_args *a = &fir->args;
    int kh = a->kh, kw = a->kw, count = kh * kw;
    fir->taps_most = (kw + a->upx - 1) / a->upx;
    size_t phase_floats = (size_t)a->upx * (size_t)fir->taps_most;
    fir->column = atl_alloc(fir->ctx, (size_t)kh, sizeof(float));
    fir->phases = atl_calloc(fir->ctx, (size_t)kh * phase_floats, sizeof(float));
    float *f = atl_alloc(fir->ctx, (size_t)count + (size_t)kw, sizeof(float)); // then one row
    if (!fir->column || !fir->phases || !f) {
        atl_free(fir->ctx, f);
        return ATL_NO_MEMORY;
    }
    for (int i = 0; i < count; i++)
        f[i] = filter[a->flip ? i : count - 1 - i] * a->gain;
    fir->rank1 = split_rank1(f, kh, kw, fir->column, f + count);
    if (fir->rank1) {
        sort_phases(fir, f + count, fir->phases);
    } else {
        for (int r = 0; r < kh; r++) {
            fir->column[r] = 1.0f;
            sort_phases(fir, f + r * kw, fir->phases + (size_t)r * phase_floats);
        }
    }
    atl_free(fir->ctx, f);
    return ATL_OK;
}

// The rows that a strip reads fit half of L1.
static void size_strips(atl_cpu_fir *fir, const atl_cpu_caches *caches) {
    const atl_cpu_fir_args *a = &fir->args;
    int64_t cycle = a->upx / atl_gcd(a->upx, a->downx), ow = fir->ow;
    int64_t strip = (int64_t)(caches->l1 / 2 / sizeof(float)) / a->c * a->upx / a->downx;
    strip = strip < STRIP_PIXELS ? STRIP_PIXELS : strip;
    strip = (strip + cycle - 1) / cycle * cycle;
    fir->strip = (int)(strip < ow ? strip : ow);
    int64_t span = ((int64_t)(fir->strip - 1) * a->downx + a->kw - 1) / a->upx + 2;
    fir->span = (int)span;
    int most = a->kh > a->kw ? a->kh : a->kw;
    fir->thread_bytes = atl_round_bytes((size_t)most * sizeof(float *)) +
                        atl_round_bytes((size_t)a->kh * sizeof(float)) +
                        atl_round_bytes((size_t)span * (size_t)a->c * sizeof(float));
}

static atl_status check_args(atl_ctx *ctx, const atl_cpu_fir_args *a) {
    int least = a->n;
    const int sizes[] = { a->h, a->w, a->c, a->kh, a->kw, a->upx, a->upy, a->downx, a->downy };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        least = sizes[i] < least ? sizes[i] : least;
    int oh, ow;
    if (least < 1 || a->kh > 1024 || a->kw > 1024)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "upfirdn: sizes and factors must be at least 1 and a filter at most "
                        "1024 taps long, not %dx%d",
                        a->kh, a->kw);
    atl_cpu_fir_size(a, &oh, &ow);
    if (oh < 1 || ow < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "upfirdn: filter %dx%d and padding leave nothing of the image %dx%d", a->kh, a->kw,
                        a->h, a->w);
    return ATL_OK;
}

atl_status atl_cpu_fir_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                            const atl_cpu_fir_args *args, const float *filter, atl_cpu_fir **fir) {
    *fir = NULL;
    ATL_TRY(check_args(ctx, args));
    atl_cpu_fir *f = atl_calloc(ctx, 1, sizeof *f);
    if (!f)
        return ATL_NO_MEMORY;
    f->ctx = ctx;
    f->args = *args;
    f->team = team;
    atl_cpu_fir_size(args, &f->oh, &f->ow);
    f->kernels = kernels->fir;
    f->pointwise = kernels->pointwise;
    size_strips(f, &kernels->caches);
    atl_status status = prepare(f, filter);
    if (status != ATL_OK)
        atl_cpu_fir_free(&f);
    *fir = f;
    return status;
}

void atl_cpu_fir_free(atl_cpu_fir **fir) {
    if (!fir || !*fir)
        return;
    atl_ctx *ctx = (*fir)->ctx;
    atl_free(ctx, (*fir)->column);
    atl_free(ctx, (*fir)->phases);
    atl_free(ctx, *fir);
    *fir = NULL;
}

size_t atl_cpu_fir_workspace(const atl_cpu_fir *fir) {
    return fir->thread_bytes * (size_t)atl_team_lanes(fir->team);
}

// ---- running

// A strip of one sample: output columns [ox, ox + width), input columns [first, first + span), of which
// [left, right) exist; the others are zeros.
typedef struct strip {
    const atl_cpu_fir *fir;
    const float *x;          // the sample
    float *y;
    const atl_cpu_epilogue *epilogue;
    int sample, ox, width, left, right;
    int64_t first;
    const float **rows;      // workspace of this thread
    float *t, *v;
} strip;

// The row pass: v (span pixels) to y (width pixels).
static void filter_row(const strip *s, const float *phases, float *y, int add) {
    const atl_cpu_fir *fir = s->fir;
    const atl_cpu_fir_args *a = &fir->args;
    size_t c = (size_t)a->c;
    if (a->upx == 1 && a->downx == 1) { // every tap is the whole row, moved: any c fills the lanes
        for (int i = 0; i < a->kw; i++)
            s->rows[i] = s->v + (size_t)i * c;
        fir->kernels.combine(y, s->rows, phases, a->kw, (size_t)s->width * c, add);
        return;
    }
    int g = atl_gcd(a->upx, a->downx), cycle = a->upx / g;
    for (int r = 0; r < cycle && r < s->width; r++) {
        int64_t u = (int64_t)(s->ox + r) * a->downx - a->px0;
        int64_t pixel = -atl_floor_div(-u, a->upx), k0 = pixel * a->upx - u; // first pixel at or after u
        int taps = k0 < a->kw ? (a->kw - (int)k0 + a->upx - 1) / a->upx : 0;
        int64_t at = taps ? pixel - s->first : 0;
        fir->kernels.pixels(y + (size_t)r * c, (size_t)cycle * c, s->v + at * (int64_t)c,
                            (size_t)(a->downx / g) * c, c, phases + k0 * fir->taps_most, taps,
                            (size_t)((s->width - r + cycle - 1) / cycle), c, add);
    }
}

// The rows that meet output row oy: their pointers and taps.  Returns how many.
static int meet_rows(const strip *s, int oy, int *first_tap) {
    const atl_cpu_fir_args *a = &s->fir->args;
    int64_t u = (int64_t)oy * a->downy - a->py0, row = -atl_floor_div(-u, a->upy);
    int count = 0;
    for (int64_t k = row * a->upy - u; k < a->kh; k += a->upy, row++) {
        if (row < 0 || row >= a->h)
            continue;
        if (!count)
            *first_tap = (int)k;
        s->rows[count] = s->x + ((size_t)row * (size_t)a->w + (size_t)s->left) * (size_t)a->c;
        s->t[count++] = s->fir->column[k];
    }
    return count;
}

static void filter_strip_row(const strip *s, int oy) {
    const atl_cpu_fir *fir = s->fir;
    const atl_cpu_fir_args *a = &fir->args;
    size_t c = (size_t)a->c, inner = (size_t)(s->right - s->left) * c;
    float *v = inner ? s->v + (size_t)(s->left - s->first) * c : s->v;
    float *y = s->y + ((size_t)oy * (size_t)fir->ow + (size_t)s->ox) * c;
    int tap = 0, count = inner ? meet_rows(s, oy, &tap) : 0;
    if (fir->rank1) {
        if (inner)
            fir->kernels.combine(v, s->rows, s->t, count, inner, 0);
        filter_row(s, fir->phases, y, 0);
    } else if (!count) {
        memset(y, 0, (size_t)s->width * c * sizeof *y);
    } else {
        const float *x = s->rows[0]; // filter_row uses rows again
        for (int i = 0; i < count; i++, tap += a->upy, x += (size_t)a->w * c) {
            memcpy(v, x, inner * sizeof *v);
            filter_row(s, fir->phases + (size_t)tap * (size_t)a->upx * (size_t)fir->taps_most, y, i > 0);
        }
    }
    if (s->epilogue) {
        size_t at = (size_t)oy * (size_t)fir->ow + (size_t)s->ox;
        atl_cpu_epilogue e =
            atl_cpu_epilogue_at(s->epilogue, s->sample, at, (size_t)fir->oh * (size_t)fir->ow, c);
        fir->pointwise.epilogue(y, y, (size_t)s->width, c, &e);
    }
}

static void filter_strip(strip *s, int top, int bottom) {
    const atl_cpu_fir_args *a = &s->fir->args;
    int64_t u = (int64_t)s->ox * a->downx - a->px0;
    s->first = -atl_floor_div(-u, a->upx);
    int64_t end = s->first + s->fir->span;
    end = end < a->w ? end : a->w;
    s->left = (int)(s->first < 0 ? 0 : s->first < a->w ? s->first : a->w);
    s->right = (int)(end < s->left ? s->left : end);
    memset(s->v, 0, (size_t)s->fir->span * (size_t)a->c * sizeof *s->v);
    for (int oy = top; oy < bottom; oy++)
        filter_strip_row(s, oy);
}

typedef struct call {
    const atl_cpu_fir *fir;
    const float *x;
    float *y;
    const atl_cpu_epilogue *epilogue;
    char *workspace;
    int bands, strips;
} call;

static void filter_some(void *job, int lane, int64_t first, int64_t end) {
    const call *r = job;
    const atl_cpu_fir *fir = r->fir;
    const atl_cpu_fir_args *a = &fir->args;
    size_t c = (size_t)a->c, in = (size_t)a->h * (size_t)a->w * c,
           out = (size_t)fir->oh * (size_t)fir->ow * c;
    size_t rows_bytes = atl_round_bytes((size_t)(a->kh > a->kw ? a->kh : a->kw) * sizeof(float *));
    char *mine = r->workspace + fir->thread_bytes * (size_t)lane;
    for (int64_t i = first; i < end; i++) {
        int64_t sample = i / r->strips / r->bands;
        int ox = (int)(i % r->strips) * fir->strip, top = (int)(i / r->strips % r->bands) * BAND_ROWS;
        strip s = { .fir = fir,
                    .x = r->x + (size_t)sample * in,
                    .y = r->y + (size_t)sample * out,
                    .epilogue = r->epilogue,
                    .sample = (int)sample,
                    .ox = ox,
                    .width = fir->ow - ox < fir->strip ? fir->ow - ox : fir->strip,
                    .rows = (const float **)(void *)mine,
                    .t = (float *)(void *)(mine + rows_bytes),
                    .v = (float *)(void *)(mine + rows_bytes +
                                           atl_round_bytes((size_t)a->kh * sizeof(float))) };
        filter_strip(&s, top, top + BAND_ROWS < fir->oh ? top + BAND_ROWS : fir->oh);
    }
}

void atl_cpu_fir_run(const atl_cpu_fir *fir, const float *x, float *y, const atl_cpu_epilogue *epilogue,
                     void *workspace) {
    int bands = (fir->oh + BAND_ROWS - 1) / BAND_ROWS, strips = (fir->ow + fir->strip - 1) / fir->strip;
    int64_t out = (int64_t)fir->oh * fir->ow * fir->args.c;
    call r = { fir, x, y, epilogue, workspace, bands, strips };
    atl_team_run(out > 16384 ? fir->team : NULL, (int64_t)fir->args.n * bands * strips, 1, filter_some, &r);
}
