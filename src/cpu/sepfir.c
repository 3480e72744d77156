// SPDX-License-Identifier: Apache-2.0
// A separable filter per image: along x, then along y.  The transpose filters along y and then along x, each time
// into a strip with margins, which are then folded onto the pixels that they mirror.
#include "cpu/sepfir.h"

#include <string.h>
#include "cpu/sizes.h"

static int64_t reflect(int64_t i, int64_t size) {
    int64_t period = 2 * (size - 1);
    if (!period)
        return 0;
    i = (i % period + period) % period;
    return i < size ? i : period - i;
}

// Of one thread: a row with margins on both sides, its folded counterpart, an image with margins, where taps read.
typedef struct space { float *strip, *folded, *rest; const float **rows; size_t floats; } space;

static space space_of(const atl_cpu_sepfir_dims *d, void *workspace, int thread) {
    int64_t margins = d->taps - 1;
    size_t strip = atl_round_floats((size_t)((d->w + 2 * margins) * d->c)),
           rest = atl_round_floats((size_t)((d->h + margins) * d->w * d->c)),
           pointers = atl_round_floats((size_t)d->taps * sizeof(float *) / sizeof(float));
    space s = { .floats = 2 * strip + rest + pointers };
    if (workspace) {
        s.strip = (float *)workspace + s.floats * (size_t)thread;
        s.folded = s.strip + strip;
        s.rest = s.folded + strip;
        s.rows = (const float **)(void *)(s.rest + rest);
    }
    return s;
}

size_t atl_cpu_sepfir_workspace(const atl_cpu_sepfir_dims *d, atl_team *team) {
    return space_of(d, NULL, 0).floats * sizeof(float) * (size_t)atl_team_lanes(team);
}

static void copy(float *to, const float *from, int64_t count) {
    memcpy(to, from, (size_t)count * sizeof *to);
}

static void add(float *to, const float *from, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void filter(const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d, const float *f, const float *x,
                   float *y, const space *s) {
    int64_t c = d->c, line = d->w * c, radius = d->taps / 2;
    for (int64_t row = 0; row < d->h; row++) {
        const float *from = x + row * line;
        for (int64_t i = 0; i < radius; i++) {
            copy(s->strip + i * c, from + reflect(i - radius, d->w) * c, c);
            copy(s->strip + (radius + d->w + i) * c, from + reflect(d->w + i, d->w) * c, c);
        }
        copy(s->strip + radius * c, from, line);
        for (int t = 0; t < d->taps; t++)
            s->rows[t] = s->strip + t * c;
        k->combine(s->rest + row * line, s->rows, f, d->taps, (size_t)line, 0);
    }
    for (int64_t row = 0; row < d->h; row++) {
        for (int t = 0; t < d->taps; t++)
            s->rows[t] = s->rest + reflect(row + t - radius, d->h) * line;
        k->combine(y + row * line, s->rows, f, d->taps, (size_t)line, 0);
    }
}

// Position m of a strip, m = 0 at the start of its margin, gets f[t] of pixel m - t.
static void filter_transposed(const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d, const float *f,
                              const float *y, float *x, const space *s) {
    int64_t c = d->c, line = d->w * c, radius = d->taps / 2, margins = 2 * radius;
    for (int64_t m = 0; m < d->h + margins; m++) {
        int64_t first = m - d->h + 1 > 0 ? m - d->h + 1 : 0, last = m < margins ? m : margins;
        for (int64_t t = first; t <= last; t++)
            s->rows[t - first] = y + (m - t) * line;
        k->combine(s->rest + m * line, s->rows, f + first, (int)(last - first + 1), (size_t)line, 0);
    }
    for (int64_t i = 0; i < radius; i++) {
        add(s->rest + (radius + reflect(i - radius, d->h)) * line, s->rest + i * line, line);
        add(s->rest + (radius + reflect(d->h + i, d->h)) * line, s->rest + (radius + d->h + i) * line, line);
    }
    memset(s->strip, 0, (size_t)((d->w + 2 * margins) * c) * sizeof *s->strip);
    for (int t = 0; t < d->taps; t++)
        s->rows[t] = s->strip + (margins - t) * c;
    for (int64_t row = 0; row < d->h; row++) {
        float *to = s->folded + radius * c;
        copy(s->strip + margins * c, s->rest + (radius + row) * line, line);
        k->combine(s->folded, s->rows, f, d->taps, (size_t)((d->w + margins) * c), 0);
        for (int64_t i = 0; i < radius; i++) {
            add(to + reflect(i - radius, d->w) * c, s->folded + i * c, c);
            add(to + reflect(d->w + i, d->w) * c, to + (d->w + i) * c, c);
        }
        copy(x + row * line, to, line);
    }
}

typedef void function(const atl_cpu_fir_kernels *, const atl_cpu_sepfir_dims *, const float *, const float *,
                      float *, const space *);

typedef struct call {
    function *run;
    const atl_cpu_fir_kernels *k;
    const atl_cpu_sepfir_dims *d;
    const float *f, *from;
    float *to;
    void *workspace;
} call;

static void images(void *job, int lane, int64_t first, int64_t end) {
    const call *r = job;
    int64_t image = r->d->h * r->d->w * r->d->c;
    space s = space_of(r->d, r->workspace, lane);
    for (int64_t i = first; i < end; i++) {
        const float *f = r->f + i * r->d->taps;
        atl_cpu_sepfir_dims own = *r->d;
        for (; own.taps > 1 && f[0] == 0.0f && f[own.taps - 1] == 0.0f; own.taps -= 2)
            f++; // a blur that fades ends as one tap, and a picture that is not augmented has one
        r->run(r->k, &own, f, r->from + i * image, r->to + i * image, &s);
    }
}

static void each_image(function *run, const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d,
                       const float *f, const float *from, float *to, atl_team *team, void *workspace) {
    atl_team_run(team, d->n, 1, images, &(call){ run, k, d, f, from, to, workspace });
}

void atl_cpu_sepfir(const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d, const float *f,
                    const float *x, float *y, atl_team *team, void *workspace) {
    each_image(filter, k, d, f, x, y, team, workspace);
}

void atl_cpu_sepfir_t(const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d, const float *f,
                      const float *y, float *x, atl_team *team, void *workspace) {
    each_image(filter_transposed, k, d, f, y, x, team, workspace);
}
