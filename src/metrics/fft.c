// SPDX-License-Identifier: Apache-2.0
// Stockham's transform (in the form of Swarztrauber's FFTPACK: Vectorizing the FFTs, 1982) with radix 4, 2
// and any other prime.  A pass with radix p takes sequences of p m numbers apart into p of m each:
//
//     out[j, k, i] = w(p m)^(i j)  sum over q of  in[k, q, i] w(p)^(j q)
//
// for j, q < p, i < m, and k < l, the number of sequences so far; w(n) = e^(-2 pi i / n).  After the last
// pass the frequencies are in order.  All indices count vectors of lanes.
#include "metrics/fft.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"

enum { V = ATL_FFT_LANES, FACTORS = 24, MOST = 1 << 20 };

struct atl_fft {
    atl_ctx *ctx;
    int n, passes, radix[FACTORS];
    double *c, *s; // [n] cosine and sine of -2 pi t / n
};

typedef struct pass {
    const atl_fft *fft;
    int l, m, p;
    const double *re, *im;
    double *out_re, *out_im;
} pass;

static void factor(atl_fft *f) {
    int left = f->n;
    while (left % 4 == 0) {
        f->radix[f->passes++] = 4;
        left /= 4;
    }
    for (int p = 2; left > 1; p += 1) {
        if ((long)p * p > left)
            p = left; // what is left is prime
        while (left % p == 0) {
            f->radix[f->passes++] = p;
            left /= p;
        }
    }
}

atl_status atl_fft_make(atl_ctx *ctx, int n, atl_fft **fft) {
    *fft = NULL;
    if (n < 1 || n > MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a transform of %d numbers: 1 to %d can be done", n, MOST);
    atl_fft *f = atl_calloc(ctx, 1, sizeof *f);
    if (!f)
        return ATL_NO_MEMORY;
    f->ctx = ctx;
    f->n = n;
    factor(f);
    f->c = atl_alloc(ctx, (size_t)n, sizeof *f->c);
    f->s = atl_alloc(ctx, (size_t)n, sizeof *f->s);
    if (!f->c || !f->s) {
        atl_fft_free(&f);
        return ATL_NO_MEMORY;
    }
    for (int t = 0; t < n; t++) {
        double angle = -2 * 3.14159265358979323846 * t / n;
        f->c[t] = cos(angle);
        f->s[t] = sin(angle);
    }
    *fft = f;
    return ATL_OK;
}

void atl_fft_free(atl_fft **fft) {
    if (!fft || !*fft)
        return;
    atl_ctx *ctx = (*fft)->ctx;
    atl_free(ctx, (*fft)->c);
    atl_free(ctx, (*fft)->s);
    atl_free(ctx, *fft);
    *fft = NULL;
}

// out[j, k, i] = w(n)^t (a + b i), t = i j l
static inline void put(const pass *s, int j, int k, int i, const double *restrict a,
                       const double *restrict b) {
    size_t at = ((size_t)(j * s->l + k) * (size_t)s->m + (size_t)i) * V;
    size_t t = (size_t)i * (size_t)j * (size_t)s->l;
    double c = s->fft->c[t], d = s->fft->s[t];
    double *restrict re = s->out_re + at, *restrict im = s->out_im + at;
    for (int v = 0; v < V; v++) {
        re[v] = a[v] * c - b[v] * d;
        im[v] = a[v] * d + b[v] * c;
    }
}

static inline void butterfly2(const pass *s, int k, int i) {
    size_t step = (size_t)s->m * V, at = ((size_t)k * 2 * (size_t)s->m + (size_t)i) * V;
    const double *re = s->re + at, *im = s->im + at;
    double a[2][V], b[2][V];
    for (int v = 0; v < V; v++) {
        a[0][v] = re[v] + re[step + v];
        b[0][v] = im[v] + im[step + v];
        a[1][v] = re[v] - re[step + v];
        b[1][v] = im[v] - im[step + v];
    }
    put(s, 0, k, i, a[0], b[0]);
    put(s, 1, k, i, a[1], b[1]);
}

static inline void butterfly4(const pass *s, int k, int i) {
    size_t step = (size_t)s->m * V, at = ((size_t)k * 4 * (size_t)s->m + (size_t)i) * V;
    const double *re = s->re + at, *im = s->im + at;
    double a[4][V], b[4][V];
    for (int v = 0; v < V; v++) {
        double sum_re = re[v] + re[2 * step + v], sum_im = im[v] + im[2 * step + v];
        double dif_re = re[v] - re[2 * step + v], dif_im = im[v] - im[2 * step + v];
        double odd_re = re[step + v] + re[3 * step + v], odd_im = im[step + v] + im[3 * step + v];
        double off_re = re[step + v] - re[3 * step + v], off_im = im[step + v] - im[3 * step + v];
        a[0][v] = sum_re + odd_re;
        b[0][v] = sum_im + odd_im;
        a[1][v] = dif_re + off_im; // times w(4) = -i
        b[1][v] = dif_im - off_re;
        a[2][v] = sum_re - odd_re;
        b[2][v] = sum_im - odd_im;
        a[3][v] = dif_re - off_im;
        b[3][v] = dif_im + off_re;
    }
    put(s, 0, k, i, a[0], b[0]);
    put(s, 1, k, i, a[1], b[1]);
    put(s, 2, k, i, a[2], b[2]);
    put(s, 3, k, i, a[3], b[3]);
}

static inline void butterfly(const pass *s, int k, int i) {
    int p = s->p, root = s->fft->n / p;
    size_t step = (size_t)s->m * V, at = ((size_t)k * (size_t)p * (size_t)s->m + (size_t)i) * V;
    for (int j = 0; j < p; j++) {
        double a[V] = { 0 }, b[V] = { 0 };
        for (int q = 0, t = 0; q < p; q++, t = (t + j) % p) {
            const double *re = s->re + at + (size_t)q * step, *im = s->im + at + (size_t)q * step;
            double c = s->fft->c[(size_t)t * (size_t)root], d = s->fft->s[(size_t)t * (size_t)root];
            for (int v = 0; v < V; v++) {
                a[v] += re[v] * c - im[v] * d;
                b[v] += re[v] * d + im[v] * c;
            }
        }
        put(s, j, k, i, a, b);
    }
}

static void radix2(const pass *s) {
    for (int k = 0; k < s->l; k++)
        for (int i = 0; i < s->m; i++)
            butterfly2(s, k, i);
}

static void radix4(const pass *s) {
    for (int k = 0; k < s->l; k++)
        for (int i = 0; i < s->m; i++)
            butterfly4(s, k, i);
}

static void radix_any(const pass *s) {
    for (int k = 0; k < s->l; k++)
        for (int i = 0; i < s->m; i++)
            butterfly(s, k, i);
}

void atl_fft_run(const atl_fft *f, double *re, double *im, double *spare) {
    size_t count = (size_t)f->n * V;
    pass s = { .fft = f, .l = 1, .m = f->n, .re = re, .im = im, .out_re = spare, .out_im = spare + count };
    for (int i = 0; i < f->passes; i++) {
        s.p = f->radix[i];
        s.m /= s.p;
        void (*work)(const pass *) = s.p == 4 ? radix4 : s.p == 2 ? radix2 : radix_any;
        work(&s);
        s.l *= s.p;
        double *was_re = (double *)s.re, *was_im = (double *)s.im; // ours: re, im or spare
        s.re = s.out_re;
        s.im = s.out_im;
        s.out_re = was_re;
        s.out_im = was_im;
    }
    if (s.re != re) {
        memcpy(re, s.re, count * sizeof *re);
        memcpy(im, s.im, count * sizeof *im);
    }
}
