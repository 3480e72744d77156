// SPDX-License-Identifier: Apache-2.0
// Average power spectra; public face: <atelier/spectra.h>.
//
// Two planes (channels of pictures, in their order) are transformed as one of complex numbers, z = a + i b.
// Since |A(f)|^2 + |B(f)|^2 = (|Z(f)|^2 + |Z(-f)|^2) / 2, it is enough to add up |Z|^2 and to make the sum
// even in f when it is read.  Rows are transformed first, and only those that are not zero; then columns, a
// few at a time.
#include <atelier/spectra.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "base/mem.h"
#include "base/options.h"
#include "base/team.h"
#include "metrics/fft.h"

enum { V = ATL_FFT_LANES, SIDE_LEAST = 4, SIDE_MOST = 8192, INTERP_MOST = 16, N_MOST = 32768 };

struct atl_spectrum {
    atl_ctx *ctx;
    atl_team *team;
    atl_fft *fft;
    int side, n; // of a picture; of the spectrum
    double mean, deviation;
    size_t pictures, planes;
    bool half;       // only the real part of `plane` is there
    double *window;  // [side]
    float *plane[2]; // [side, side], white: real and imaginary part
    double *rows;    // [2, side, n] transforms of the rows
    double *power;   // [n, n] sums of |Z|^2
    double *work;    // for each lane of the team [4, n, V]
};

// I0, the modified Bessel function of order 0, by its series: Abramowitz and Stegun, 9.6.12.
static double bessel(double x) {
    double sum = 1, term = 1;
    for (int k = 1; term > sum * 1e-17; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

// Symmetric, with squares that add up to 1.
static void make_window(double *window, int n, double beta) {
    double energy = 0;
    for (int i = 0; i < n; i++) {
        double x = n > 1 ? 2.0 * i / (n - 1) - 1 : 0;
        window[i] = bessel(beta * sqrt(fmax(0, 1 - x * x))) / bessel(beta);
        energy += window[i] * window[i];
    }
    for (int i = 0; i < n; i++)
        window[i] /= sqrt(energy);
}

static atl_status check(atl_ctx *ctx, const atl_spectrum_options *o) {
    if (o->side < SIDE_LEAST || o->side > SIDE_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "side %d: a spectrum is of squares with sides of %d to %d pixels", o->side,
                        SIDE_LEAST, SIDE_MOST);
    if (o->interp < 1 || o->interp > INTERP_MOST || o->side * o->interp > N_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "interp %d: expected 1 to %d, and a spectrum of at most %d in a row", o->interp,
                        INTERP_MOST, N_MOST);
    if (!(o->beta >= 0 && o->beta <= 50))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "beta %g: expected 0 to 50", o->beta);
    if (!isfinite(o->mean) || !isfinite(o->deviation) || !(o->deviation > 0))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "mean %g and deviation %g: expected numbers, the second above 0", o->mean,
                        o->deviation);
    return ATL_OK;
}

static atl_status allocate(atl_spectrum *s) {
    size_t side = (size_t)s->side, n = (size_t)s->n;
    s->window = atl_alloc(s->ctx, side, sizeof *s->window);
    s->plane[0] = atl_alloc(s->ctx, side * side, sizeof(float));
    s->plane[1] = atl_alloc(s->ctx, side * side, sizeof(float));
    s->rows = atl_alloc(s->ctx, 2 * side * n, sizeof *s->rows);
    s->power = atl_calloc(s->ctx, n * n, sizeof *s->power);
    s->work = atl_alloc(s->ctx, (size_t)atl_team_lanes(s->team) * 4 * n * V, sizeof *s->work);
    return s->window && s->plane[0] && s->plane[1] && s->rows && s->power && s->work ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status set_up(atl_spectrum *s, double beta) {
    ATL_TRY(atl_team_open(s->ctx, s->ctx->threads, &s->team));
    ATL_TRY(atl_fft_make(s->ctx, s->n, &s->fft));
    ATL_TRY(allocate(s));
    make_window(s->window, s->side, beta);
    return ATL_OK;
}

atl_status atl_spectrum_open(atl_ctx *ctx, const atl_spectrum_options *options, atl_spectrum **spectrum) {
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    *spectrum = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_spectrum_options", &o, sizeof o, options));
    ATL_TRY(check(ctx, &o));
    atl_spectrum *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    s->ctx = ctx;
    s->side = o.side;
    s->n = o.side * o.interp;
    s->mean = o.mean;
    s->deviation = o.deviation;
    atl_status status = set_up(s, o.beta);
    if (status != ATL_OK)
        atl_spectrum_close(&s);
    *spectrum = s;
    return status;
}

void atl_spectrum_close(atl_spectrum **spectrum) {
    if (!spectrum || !*spectrum)
        return;
    atl_spectrum *s = *spectrum;
    atl_ctx *ctx = s->ctx;
    atl_team_close(&s->team);
    atl_fft_free(&s->fft);
    atl_free(ctx, s->window);
    atl_free(ctx, s->plane[0]);
    atl_free(ctx, s->plane[1]);
    atl_free(ctx, s->rows);
    atl_free(ctx, s->power);
    atl_free(ctx, s->work);
    atl_free(ctx, s);
    *spectrum = NULL;
}

size_t atl_spectrum_count(const atl_spectrum *s) {
    return s->pictures;
}

// ---- two planes

// Rows [first, end) of groups of V, windowed, to s->rows.
static void transform_rows(void *job, int lane, int64_t first, int64_t end) {
    atl_spectrum *s = job;
    size_t n = (size_t)s->n, side = (size_t)s->side;
    double *re = s->work + (size_t)lane * 4 * n * V, *im = re + n * V;
    for (size_t y = (size_t)first * V; y < (size_t)end * V && y < side; y += V) {
        memset(re, 0, 2 * n * V * sizeof *re);
        for (size_t v = 0; v < V && y + v < side; v++)
            for (size_t x = 0; x < side; x++) {
                double w = s->window[y + v] * s->window[x];
                re[x * V + v] = w * (double)s->plane[0][(y + v) * side + x];
                im[x * V + v] = w * (double)s->plane[1][(y + v) * side + x];
            }
        atl_fft_run(s->fft, re, im, im + n * V);
        for (size_t v = 0; v < V && y + v < side; v++)
            for (size_t f = 0; f < n; f++) {
                s->rows[(y + v) * n + f] = re[f * V + v];
                s->rows[(side + y + v) * n + f] = im[f * V + v];
            }
    }
}

// Columns [first, end) of groups of V: their power is added.
static void transform_columns(void *job, int lane, int64_t first, int64_t end) {
    atl_spectrum *s = job;
    size_t n = (size_t)s->n, side = (size_t)s->side;
    double *re = s->work + (size_t)lane * 4 * n * V, *im = re + n * V;
    for (size_t x = (size_t)first * V; x < (size_t)end * V && x < n; x += V) {
        size_t lanes = n - x < V ? n - x : V;
        memset(re, 0, 2 * n * V * sizeof *re);
        for (size_t y = 0; y < side; y++)
            for (size_t v = 0; v < lanes; v++) {
                re[y * V + v] = s->rows[y * n + x + v];
                im[y * V + v] = s->rows[(side + y) * n + x + v];
            }
        atl_fft_run(s->fft, re, im, im + n * V);
        for (size_t f = 0; f < n; f++)
            for (size_t v = 0; v < lanes; v++)
                s->power[f * n + x + v] += re[f * V + v] * re[f * V + v] + im[f * V + v] * im[f * V + v];
    }
}

static void transform(atl_spectrum *s) {
    atl_team_run(s->team, (s->side + V - 1) / V, 1, transform_rows, s);
    atl_team_run(s->team, (s->n + V - 1) / V, 1, transform_columns, s);
    s->half = false;
}

static void add_plane(atl_spectrum *s, const atl_image *image, int channel) {
    float *plane = s->plane[s->half];
    size_t count = (size_t)s->side * (size_t)s->side, step = (size_t)image->channels;
    for (size_t i = 0; i < count; i++)
        plane[i] = (float)((image->pixels[i * step + (size_t)channel] - s->mean) / s->deviation);
    s->planes++;
    if (s->half)
        transform(s);
    else
        s->half = true;
}

atl_status atl_spectrum_add(atl_spectrum *s, const atl_image *image) {
    if (image->width != s->side || image->height != s->side)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "a picture of %dx%d: the spectrum is of %dx%d",
                        image->width, image->height, s->side, s->side);
    if (image->channels != 1 && image->channels != 3)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "a picture of %d channels: expected gray or RGB",
                        image->channels);
    for (int c = 0; c < image->channels; c++)
        add_plane(s, image, c);
    s->pictures++;
    return ATL_OK;
}

atl_status atl_spectrum_read(atl_spectrum *s, double *power) {
    size_t n = (size_t)s->n;
    if (!s->planes)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "a spectrum of no pictures: add one first");
    if (s->half) { // alone, and as if the next one came with another
        memset(s->plane[1], 0, (size_t)s->side * (size_t)s->side * sizeof(float));
        transform(s);
    }
    for (size_t y = 0; y < n; y++)
        for (size_t x = 0; x < n; x++) {
            size_t there = (n - y) % n * n + (n - x) % n;
            power[y * n + x] = (s->power[y * n + x] + s->power[there]) / (2 * (double)s->planes);
        }
    return ATL_OK;
}
