// SPDX-License-Identifier: Apache-2.0
// The reference of the window maximum, and the functions that split images over threads: rows of results
// going there, and coming back where they don't meet; channels where they do.  Whole rows of one channel,
// which the maximum along an axis is, have a kernel of their own.
#include "cpu/pick.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cpu/move.h"

// Floats from the window's first pixel to the one whose number is largest.
static size_t place(const float *s, const atl_cpu_pick_window *w) {
    size_t best = 0;
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t q = 0; q < w->columns; q++) {
            size_t at = (size_t)r * w->row + (size_t)q * w->pixel;
            if (s[at] > s[best] || isnan(s[at]))
                best = at;
        }
    return best;
}

static void take_ref(float *y, const float *s, const float *x, const atl_cpu_pick_window *w, size_t n) {
    for (size_t j = 0; j < n; j++)
        y[j] = x[place(s + j, w) + j];
}

static void give_ref(float *x, const float *s, const float *y, const atl_cpu_pick_window *w, size_t n) {
    for (size_t j = 0; j < n; j++)
        x[place(s + j, w) + j] += y[j];
}

static size_t largest_ref(const float *s, size_t n) {
    atl_cpu_pick_window row = { 1, (int64_t)n, n, 1 };
    return place(s, &row);
}

void atl_cpu_pick_init(atl_cpu_pick_kernels *k) {
    *k = (atl_cpu_pick_kernels){ take_ref, give_ref, largest_ref };
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Window (p, q) and where it begins, in floats from the image's first.
static atl_cpu_pick_window window_at(const atl_cpu_pick_dims *d, int64_t p, int64_t q, size_t *first) {
    int64_t top = most(p * d->sy - d->py, 0), bottom = least(p * d->sy - d->py + d->kh, d->h);
    int64_t left = most(q * d->sx - d->px, 0), right = least(q * d->sx - d->px + d->kw, d->w);
    *first = (size_t)((top * d->w + left) * d->c);
    return (atl_cpu_pick_window){ bottom - top, right - left, (size_t)(d->w * d->c), (size_t)d->c };
}

static bool is_whole_rows(const atl_cpu_pick_dims *d) {
    return d->c == 1 && d->kh == 1 && d->sy == 1 && d->py == 0 && d->ow == 1 && d->px == 0 && d->kw == d->w;
}

typedef struct call {
    const atl_cpu_pick_kernels *k;
    const atl_cpu_pick_dims *d;
    const float *s, *from;
    float *to;
} call;

// Rows of results of which one thread takes at least some thousand numbers.
static int64_t grain_of(const atl_cpu_pick_dims *d) {
    return 1 + (1 << 14) / (d->ow * d->c * d->kh * d->kw);
}

static void take_rows(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *r = job;
    const atl_cpu_pick_dims *d = r->d;
    for (int64_t line = begin; line < end; line++)
        r->to[line] = r->from[(size_t)(line * d->w) + r->k->largest(r->s + line * d->w, (size_t)d->w)];
}

static void take_windows(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *r = job;
    const atl_cpu_pick_dims *d = r->d;
    for (int64_t line = begin; line < end; line++)
        for (int64_t q = 0; q < d->ow; q++) {
            size_t first;
            atl_cpu_pick_window w = window_at(d, line % d->oh, q, &first);
            first += (size_t)(line / d->oh * d->h * d->w * d->c);
            r->k->take(r->to + (line * d->ow + q) * d->c, r->s + first, r->from + first, &w, (size_t)d->c);
        }
}

void atl_cpu_pick(const atl_cpu_pick_kernels *k, const atl_cpu_pick_dims *d, const float *s, const float *x,
                  float *y, atl_team *team) {
    call r = { k, d, s, x, y };
    atl_team_run(team, d->n * d->oh, grain_of(d), is_whole_rows(d) ? take_rows : take_windows, &r);
}

// The windows of row p of one image, channels c to c + count.
static void give_row(const atl_cpu_pick_kernels *k, const atl_cpu_pick_dims *d, const float *s, const float *y,
                     float *x, int64_t p, int64_t c, int64_t count) {
    for (int64_t q = 0; q < d->ow; q++) {
        size_t first;
        atl_cpu_pick_window w = window_at(d, p, q, &first);
        first += (size_t)c;
        k->give(x + first, s + first, y + (p * d->ow + q) * d->c + c, &w, (size_t)count);
    }
}

// Rows of windows that don't meet: each has rows of the image to itself, which it clears before it adds to them.
static void give_apart(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *r = job;
    const atl_cpu_pick_dims *d = r->d;
    int64_t line = d->w * d->c, image = d->h * line, results = d->oh * d->ow * d->c;
    for (int64_t i = begin; i < end; i++) {
        int64_t n = i / d->oh, p = i % d->oh;
        int64_t top = p ? p * d->sy - d->py : 0, bottom = p + 1 < d->oh ? (p + 1) * d->sy - d->py : d->h;
        memset(r->to + n * image + top * line, 0, (size_t)((bottom - top) * line) * sizeof *r->to);
        give_row(r->k, d, r->s + n * image, r->from + n * results, r->to + n * image, p, 0, d->c);
    }
}

static void give_whole_rows(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *r = job;
    int64_t w = r->d->w;
    for (int64_t line = begin; line < end; line++)
        r->to[(size_t)(line * w) + r->k->largest(r->s + line * w, (size_t)w)] = r->from[line];
}

enum { CHANNELS = 32 }; // that one thread takes where windows meet: two cache lines

static void give_channels(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *r = job;
    const atl_cpu_pick_dims *d = r->d;
    int64_t image = d->h * d->w * d->c, results = d->oh * d->ow * d->c,
            parts = (d->c + CHANNELS - 1) / CHANNELS;
    for (int64_t i = begin; i < end; i++) {
        int64_t n = i / parts, c = i % parts * CHANNELS;
        for (int64_t p = 0; p < d->oh; p++)
            give_row(r->k, d, r->s + n * image, r->from + n * results, r->to + n * image, p, c,
                     least(d->c - c, CHANNELS));
    }
}

void atl_cpu_pick_t(const atl_cpu_pick_kernels *k, const atl_cpu_pick_dims *d, const float *s, const float *y,
                    float *x, atl_team *team) {
    call r = { k, d, s, y, x };
    if (!is_whole_rows(d) && d->kh <= d->sy) {
        atl_team_run(team, d->n * d->oh, grain_of(d), give_apart, &r);
        return;
    }
    atl_cpu_move_fill(x, d->n * d->h * d->w * d->c, 0.0f, team);
    if (is_whole_rows(d))
        atl_team_run(team, d->n * d->oh, grain_of(d), give_whole_rows, &r);
    else
        atl_team_run(team, d->n * ((d->c + CHANNELS - 1) / CHANNELS), 1, give_channels, &r);
}
