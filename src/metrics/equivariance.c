// SPDX-License-Identifier: Apache-2.0
// Moves of pictures and the ratio of what is left: see equivariance.h.  Karras et al. 2021, appendix E.  The
// filter of rotation has a file of its own.
#include "metrics/equivariance.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/team.h"
#include "metrics/rotation_filter.h"

static const double pi = 3.14159265358979323846;

enum { LANCZOS = 3, TAPS = 2 * LANCZOS };

atl_equi_move atl_equi_draw(atl_equi_kind kind, uint64_t seed, uint64_t index, int64_t h, int64_t w) {
    const double reach = 0.125; // the paper's largest translation
    const uint64_t stream = 0x6571 + (uint64_t)kind;
    float u[2];
    atl_philox_uniform(seed, stream, 2 * index, 2, u);
    double a = 2 * (double)u[0] - 1, b = 2 * (double)u[1] - 1;
    atl_equi_move m = { .kind = kind };
    if (kind == ATL_EQR) {
        m.angle = a * pi;
    } else {
        m.tx = a * reach, m.ty = b * reach;
        if (kind == ATL_EQT_INT)
            m.tx = rint(m.tx * (double)w) / (double)w, m.ty = rint(m.ty * (double)h) / (double)h;
    }
    // the network asks for the map from the moved picture to the one at rest
    double c = cos(m.angle), s = sin(m.angle);
    const double inverse[9] = { c, -s, -m.tx, s, c, -m.ty, 0, 0, 1 };
    memcpy(m.input, inverse, sizeof inverse);
    return m;
}

// ---- translation

atl_status atl_equi_translate_int(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double tx,
                                  double ty, float *y, uint8_t *mask) {
    (void)ctx;
    double dx = rint(tx * (double)w), dy = rint(ty * (double)h);
    for (int64_t p = 0; p < h; p++)
        for (int64_t q = 0; q < w; q++) {
            double r = (double)p - dy, s = (double)q - dx;
            bool inside = r >= 0 && r < (double)h && s >= 0 && s < (double)w;
            mask[p * w + q] = inside;
            for (int64_t i = 0; i < c; i++)
                y[(i * h + p) * w + q] = inside ? x[(i * h + (int64_t)r) * w + (int64_t)s] : 0.0f;
        }
    return ATL_OK;
}

static double sinc(double x) {
    return fabs(x) < 1e-12 ? 1 : sin(pi * x) / (pi * x);
}

// A shift by t pixels along one axis: y[q] = sum over k of tap[k] x[q - first - k].
typedef struct shift {
    double first; // whole pixels, which may be many more than the picture has
    double tap[TAPS];
} shift;

static shift shift_by(double t) {
    double whole = floor(t), sum = 0;
    shift s = { .first = whole - (LANCZOS - 1) };
    for (int k = 0; k < TAPS; k++) {
        double at = k - (LANCZOS - 1) - (t - whole);
        sum += s.tap[k] = fabs(at) < LANCZOS ? sinc(at) * sinc(at / LANCZOS) : 0;
    }
    for (int k = 0; k < TAPS; k++)
        s.tap[k] /= sum;
    return s;
}

static bool all_inside(const shift *s, int64_t q, int64_t size) {
    return (double)q - s->first - (TAPS - 1) >= 0 && (double)q - s->first < (double)size;
}

static void shift_line(const shift *s, const double *x, double *y, int64_t size) {
    for (int64_t q = 0; q < size; q++) {
        double sum = 0;
        for (int k = 0; k < TAPS; k++) {
            double from = (double)q - s->first - k;
            if (from >= 0 && from < (double)size)
                sum += s->tap[k] * x[(int64_t)from];
        }
        y[q] = sum;
    }
}

atl_status atl_equi_translate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double tx,
                              double ty, float *y, uint8_t *mask) {
    int64_t longer = h > w ? h : w;
    double *plane = atl_alloc(ctx, (size_t)h, (size_t)w * sizeof *plane);
    double *line = atl_alloc(ctx, (size_t)longer, 2 * sizeof *line);
    if (!plane || !line) {
        atl_free(ctx, plane);
        atl_free(ctx, line);
        return ATL_NO_MEMORY;
    }
    shift across = shift_by(tx * (double)w), down = shift_by(ty * (double)h);
    double *from = line, *to = line + longer;
    for (int64_t i = 0; i < c; i++) {
        for (int64_t p = 0; p < h; p++) {
            for (int64_t q = 0; q < w; q++)
                from[q] = (double)x[(i * h + p) * w + q];
            shift_line(&across, from, plane + p * w, w);
        }
        for (int64_t q = 0; q < w; q++) {
            for (int64_t p = 0; p < h; p++)
                from[p] = plane[p * w + q];
            shift_line(&down, from, to, h);
            for (int64_t p = 0; p < h; p++)
                y[(i * h + p) * w + q] = (float)to[p];
        }
    }
    for (int64_t p = 0; p < h; p++)
        for (int64_t q = 0; q < w; q++)
            mask[p * w + q] = all_inside(&across, q, w) && all_inside(&down, p, h);
    atl_free(ctx, plane);
    atl_free(ctx, line);
    return ATL_OK;
}

// ---- rotation

typedef struct turn {
    const atl_rotation_filter *f;
    const float *x;
    float *y;
    uint8_t *mask;
    int64_t c, h, w;
    double cos, sin;
} turn;

// Adds `factor` times the filter at point (row, column) of the grid that is `up` times finer to the taps of a
// window whose first pixel is (top, left).  Of the fine grid only each up-th point holds a pixel: the
// filter's taps that meet one are those of one phase.
static void add_phase(const atl_rotation_filter *f, int64_t row, int64_t column, double factor, int64_t top,
                      int64_t left, int64_t side, double *window) {
    int64_t reach = f->side / 2;
    for (int64_t r = 0; r < side; r++) {
        int64_t dy = row - (top + r) * f->up + reach;
        if (dy < 0 || dy >= f->side)
            continue;
        for (int64_t s = 0; s < side; s++) {
            int64_t dx = column - (left + s) * f->up + reach;
            if (dx >= 0 && dx < f->side)
                window[r * side + s] += factor * f->tap[dy * f->side + dx];
        }
    }
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

// The pixel at (v, u) of the fine grid, between whose points the picture is linear.
static void turned_pixel(const turn *t, double v, double u, int64_t at) {
    const atl_rotation_filter *f = t->f;
    enum { SIDE = 2 * ATL_ROTATION_RADIUS + 1 };
    double window[SIDE * SIDE] = { 0 };
    int64_t row = (int64_t)floor(v), column = (int64_t)floor(u);
    double fv = v - (double)row, fu = u - (double)column;
    int64_t top = floor_div(row - f->side / 2 + f->up - 1, f->up),
            left = floor_div(column - f->side / 2 + f->up - 1, f->up);
    for (int corner = 0; corner < 4; corner++) {
        double factor = (corner & 2 ? fv : 1 - fv) * (corner & 1 ? fu : 1 - fu);
        if (factor != 0)
            add_phase(f, row + (corner >> 1), column + (corner & 1), factor, top, left, SIDE, window);
    }
    for (int64_t i = 0; i < t->c; i++) {
        double sum = 0;
        for (int64_t r = 0; r < SIDE; r++)
            for (int64_t s = 0; s < SIDE; s++)
                if (top + r >= 0 && top + r < t->h && left + s >= 0 && left + s < t->w)
                    sum += window[r * SIDE + s] * (double)t->x[(i * t->h + top + r) * t->w + left + s];
        t->y[i * t->h * t->w + at] = (float)sum;
    }
}

// Where the fine point nearest to v is so far from the border that the filter sees pixels alone.  One point
// more is lost at the end, and the range is one point earlier than its mirror image: the official mask is so.
static bool known(double v, int64_t size, const atl_rotation_filter *f) {
    int64_t reach = f->side / 2;
    double nearest = rint(v), first = f->up > 1 ? (double)(reach - 1) : (double)reach;
    int64_t count = size * f->up - 2 * reach - (f->up > 1 ? 2 : 0);
    return nearest >= first && nearest < first + (double)count;
}

static void turn_rows(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const turn *t = job;
    double up = (double)t->f->up;
    for (int64_t p = first; p < end; p++)
        for (int64_t q = 0; q < t->w; q++) {
            double y = (double)p + 0.5 - (double)t->h / 2, x = (double)q + 0.5 - (double)t->w / 2;
            double v = (t->sin * x + t->cos * y + (double)t->h / 2 - 0.5) * up;
            double u = (t->cos * x - t->sin * y + (double)t->w / 2 - 0.5) * up;
            t->mask[p * t->w + q] = known(v, t->h, t->f) && known(u, t->w, t->f);
            turned_pixel(t, v, u, p * t->w + q);
        }
}

static atl_status turn_by(atl_ctx *ctx, turn *t, double angle, double filter_angle, int up) {
    atl_rotation_filter *f = NULL;
    atl_team *team;
    ATL_TRY(atl_team_open(ctx, ctx->threads, &team));
    atl_status status = atl_rotation_filter_make(ctx, filter_angle, up, &f);
    if (status == ATL_OK) {
        t->f = f, t->cos = cos(angle), t->sin = sin(angle);
        atl_team_run(team, t->h, 1, turn_rows, t);
    }
    atl_free(ctx, f);
    atl_team_close(&team);
    return status;
}

atl_status atl_equi_rotate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double angle,
                           float *y, uint8_t *mask) {
    turn t = { .x = x, .y = y, .mask = mask, .c = c, .h = h, .w = w };
    return turn_by(ctx, &t, angle, angle, 4);
}

atl_status atl_equi_pseudo_rotate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double angle,
                                  float *y, uint8_t *mask) {
    turn t = { .x = x, .y = y, .mask = mask, .c = c, .h = h, .w = w };
    return turn_by(ctx, &t, 0, -angle, 1);
}

// ---- the ratio

typedef struct scratch {
    float *known, *seen;    // [c, h, w]: what the picture should be, what it is
    uint8_t *mask, *second; // [h, w]
} scratch;

static atl_status move_both(atl_ctx *ctx, const atl_equi_move *m, const float *still, const float *moved,
                            int64_t c, int64_t h, int64_t w, scratch *s) {
    if (m->kind == ATL_EQT_INT)
        return atl_equi_translate_int(ctx, still, c, h, w, m->tx, m->ty, s->known, s->mask);
    if (m->kind == ATL_EQT_FRAC)
        return atl_equi_translate(ctx, still, c, h, w, m->tx, m->ty, s->known, s->mask);
    ATL_TRY(atl_equi_rotate(ctx, still, c, h, w, m->angle, s->known, s->mask));
    ATL_TRY(atl_equi_pseudo_rotate(ctx, moved, c, h, w, m->angle, s->seen, s->second));
    for (int64_t i = 0; i < h * w; i++)
        s->mask[i] &= s->second[i];
    return ATL_OK;
}

static void compare(const scratch *s, const float *seen, int64_t c, int64_t pixels, atl_equi_sum *sum) {
    double squares = 0, weight = 0;
    for (int64_t i = 0; i < c * pixels; i++) {
        double d = (double)s->known[i] - (double)seen[i];
        if (s->mask[i % pixels])
            squares += d * d, weight += 1;
    }
    atl_equi_merge(
        sum, &(atl_equi_sum){ 1, squares, weight, squares * squares, squares * weight, weight * weight });
}

atl_status atl_equi_add(atl_ctx *ctx, const atl_equi_move *move, const float *still, const float *moved,
                        int64_t c, int64_t h, int64_t w, atl_equi_sum *sum) {
    size_t pixels = (size_t)h * (size_t)w;
    scratch s = { atl_alloc(ctx, pixels, (size_t)c * sizeof(float)),
                  atl_alloc(ctx, pixels, (size_t)c * sizeof(float)), atl_alloc(ctx, pixels, 1),
                  atl_alloc(ctx, pixels, 1) };
    atl_status status = ATL_NO_MEMORY;
    if (s.known && s.seen && s.mask && s.second)
        status = move_both(ctx, move, still, moved, c, h, w, &s);
    if (status == ATL_OK)
        compare(&s, move->kind == ATL_EQR ? s.seen : moved, c, (int64_t)pixels, sum);
    atl_free(ctx, s.known);
    atl_free(ctx, s.seen);
    atl_free(ctx, s.mask);
    atl_free(ctx, s.second);
    return status;
}

void atl_equi_merge(atl_equi_sum *sum, const atl_equi_sum *later) {
    sum->samples += later->samples;
    sum->squares += later->squares;
    sum->weight += later->weight;
    sum->ss += later->ss;
    sum->sw += later->sw;
    sum->ww += later->ww;
}

// With r = sum s / sum w, the residuals s - r w have mean 0; their sum of squares over (sum w)^2 is the
// variance of r (linearisation of a ratio: Cochran 1977, section 6.4).  dB is 10 / ln 10 times the logarithm.
atl_estimate atl_equi_psnr(const atl_equi_sum *sum) {
    atl_estimate e = { NAN, NAN, "delta method over samples" };
    if (!(sum->weight > 0))
        return e;
    double n = (double)sum->samples, r = sum->squares / sum->weight;
    e.value = 20 * log10(2.0) - 10 * log10(r); // numbers from -1 to 1: the peak is 2
    double residual = sum->ss - 2 * r * sum->sw + r * r * sum->ww;
    if (sum->samples > 1 && r > 0)
        e.error = 10 / log(10.0) / r * sqrt(fmax(residual, 0) * n / (n - 1)) / sum->weight;
    return e;
}
