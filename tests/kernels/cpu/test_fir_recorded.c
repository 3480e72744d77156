// SPDX-License-Identifier: Apache-2.0
// The FIR filter against recorded results of the official operators: upfirdn2d and its three wrappers,
// with all their options, and the gradient with respect to the input.
#include "../check.h"

#include <atelier/array.h>
#include "cpu/move.h"

typedef struct options {
    int op;                       // index in ops
    int up[2], down[2], pad[4];   // x, y;  x0, x1, y0, y1
    int flip;
    float gain;
} options;

static const char *const ops[] = { "upfirdn2d", "filter2d", "upsample2d", "downsample2d" };
enum { UPFIRDN, FILTER, UPSAMPLE, DOWNSAMPLE };

// Reads "a" or "a,b,..." and repeats a single number.
static void read_ints(const char *text, int *out, int n) {
    int count = 0;
    for (const char *p = text; count < n; p = strchr(p, ',') + 1) {
        out[count++] = atoi(p);
        if (!strchr(p, ','))
            break;
    }
    for (int i = 1; count == 1 && i < n; i++)
        out[i] = out[0];
}

static options read_options(const char *words) {
    options o = { UPFIRDN, { 1, 1 }, { 1, 1 }, { 0 }, 0, 1.0f };
    char copy[256], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value++ = '\0';
        if (!strcmp(word, "op")) {
            for (o.op = 0; strcmp(value, ops[o.op]) != 0;)
                o.op++;
            o.up[0] = o.up[1] = o.op == UPSAMPLE ? 2 : 1;
            o.down[0] = o.down[1] = o.op == DOWNSAMPLE ? 2 : 1;
        } else if (!strcmp(word, "up"))
            read_ints(value, o.up, 2);
        else if (!strcmp(word, "down"))
            read_ints(value, o.down, 2);
        else if (!strcmp(word, "padding"))
            read_ints(value, o.pad, 4);
        else if (!strcmp(word, "flip_filter"))
            o.flip = atoi(value);
        else if (!strcmp(word, "gain"))
            o.gain = strtof(value, NULL);
        else
            fail_msg("a word that the test does not know: %s", word);
    }
    return o;
}

// What the wrappers add to padding and gain, for one axis with a filter of `taps` taps.
static void wrap(options *o, int axis, int taps) {
    int up = o->up[axis], down = o->down[axis], *pad = o->pad + 2 * axis;
    if (o->op == UPSAMPLE) {
        pad[0] += (taps + up - 1) / 2;
        pad[1] += (taps - up) / 2;
        o->gain *= (float)up;
    } else if (o->op != UPFIRDN) {
        pad[0] += (taps - down + 1) / 2;
        pad[1] += (taps - down) / 2;
    }
}

static float *read_array(const atl_array *a) {
    float *p = malloc((size_t)atl_array_count(a) * sizeof *p);
    assert_non_null(p);
    atl_array_read_f32(a, 0, atl_array_count(a), p);
    return p;
}

static const atl_array *find(const atl_arrays *set, const char *name, const char *leaf) {
    char full[32];
    snprintf(full, sizeof full, "%s.%s", name, leaf);
    return atl_arrays_find(set, full);
}

// Runs one filter; releases x.
static float *apply(atl_ctx *ctx, atl_cpu_fir_args *a, const float *f, float *x) {
    int oh, ow;
    atl_cpu_fir_size(a, &oh, &ow);
    atl_cpu_fir *fir;
    if (atl_cpu_fir_make(ctx, table_of(ctx), team_of(ctx), a, f, &fir) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    float *y = malloc((size_t)(a->n * oh * ow * a->c) * sizeof *y);
    void *space = malloc(atl_cpu_fir_workspace(fir));
    assert_non_null(y);
    assert_non_null(space);
    atl_cpu_fir_run(fir, x, y, NULL, space);
    atl_cpu_fir_free(&fir);
    free(space);
    free(x);
    a->h = oh;
    a->w = ow;
    return y;
}

// Filters x [n, c, h, w] as `all` says: at once, or along x and then along y for a separable filter.
static float *filter(atl_ctx *ctx, const atl_cpu_fir_args *all, const float *f, int separable,
                     const float *x) {
    const int64_t dims[4] = { all->n, all->c, all->h, all->w };
    float *v = malloc((size_t)(all->n * all->c * all->h * all->w) * sizeof *v);
    assert_non_null(v);
    atl_cpu_move_permute(4, dims, (const int[]){ 0, 2, 3, 1 }, v, x, team_with(1));
    atl_cpu_fir_args a = *all;
    if (separable) {
        a.gain = sqrtf(all->gain);
        a.kh = a.upy = a.downy = 1;
        a.py0 = a.py1 = 0;
        v = apply(ctx, &a, f, v);
        a = (atl_cpu_fir_args){ all->n, a.h,        a.w, all->c, all->kh,  1,        1,         all->upy,
                                1,      all->downy, 0,   0,      all->py0, all->py1, all->flip, a.gain };
    }
    v = apply(ctx, &a, f, v);
    const int64_t out[4] = { a.n, a.h, a.w, a.c };
    float *y = malloc((size_t)(a.n * a.h * a.w * a.c) * sizeof *y);
    assert_non_null(y);
    atl_cpu_move_permute(4, out, (const int[]){ 0, 3, 1, 2 }, y, v, team_with(1));
    free(v);
    return y;
}

static atl_cpu_fir_args transposed(const atl_cpu_fir_args *a) {
    int oh, ow;
    atl_cpu_fir_size(a, &oh, &ow);
    return (atl_cpu_fir_args){ a->n,
                               oh,
                               ow,
                               a->c,
                               a->kh,
                               a->kw,
                               a->downx,
                               a->downy,
                               a->upx,
                               a->upy,
                               a->kw - 1 - a->px0,
                               a->w * a->upx - ow * a->downx + a->px0 - a->upx + 1,
                               a->kh - 1 - a->py0,
                               a->h * a->upy - oh * a->downy + a->py0 - a->upy + 1,
                               !a->flip,
                               a->gain };
}

static void check_against(atl_ctx *ctx, const atl_cpu_fir_args *a, const float *f, int separable,
                          const atl_array *in, const atl_array *out, const char *name) {
    float *x = read_array(in), *want = read_array(out), *y = filter(ctx, a, f, separable, x);
    int oh, ow;
    atl_cpu_fir_size(a, &oh, &ow);
    assert_int_equal(oh, out->dims[2]);
    assert_int_equal(ow, out->dims[3]);
    double largest = 0.0;
    for (int64_t i = 0; i < atl_array_count(out); i++)
        largest = fmax(largest, fabs((double)want[i]));
    // the record is double rounded once; ours are sums of up to 576 products in float
    same(y, want, (size_t)atl_array_count(out), F32_FIR_RECORDED * (1.0 + largest), name);
    free(x);
    free(want);
    free(y);
}

static void check_case(atl_ctx *ctx, const atl_arrays *set, const char *name) {
    const char *words = atl_arrays_metadata(set, name);
    assert_non_null(words);
    options o = read_options(words);
    const atl_array *x = find(set, name, "x"), *fa = find(set, name, "f"), *y = find(set, name, "y");
    assert_non_null(x);
    assert_non_null(y);
    int separable = fa && fa->rank == 1;
    int kw = fa ? (int)fa->dims[fa->rank - 1] : 1, kh = fa ? (int)fa->dims[0] : 1;
    float identity = 1.0f, *f = fa ? read_array(fa) : NULL;
    wrap(&o, 0, kw);
    wrap(&o, 1, kh);
    atl_cpu_fir_args a = {
        (int)x->dims[0], (int)x->dims[2], (int)x->dims[3], (int)x->dims[1], kh,       kw,
        o.up[0],         o.up[1],         o.down[0],       o.down[1],       o.pad[0], o.pad[1],
        o.pad[2],        o.pad[3],        o.flip,          o.gain
    };
    check_against(ctx, &a, f ? f : &identity, separable, x, y, name);
    atl_cpu_fir_args t = transposed(&a);
    check_against(ctx, &t, f ? f : &identity, separable, find(set, name, "dy"), find(set, name, "dx"), name);
    free(f);
}

static void fir_is_the_recorded_one(void **state) {
    (void)state;
    char path[1024];
    const char *folder = getenv("ATL_TEST_DATA");
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/ops/upfirdn2d.safetensors", folder);
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_ctx *ctx = open_ctx(1, atl_cpu_name((atl_cpu_set)set));
        atl_arrays *arrays;
        if (atl_arrays_open(ctx, path, &arrays) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        int cases = atoi(atl_arrays_metadata(arrays, "cases"));
        assert_int_equal(cases, 39);
        for (int i = 0; i < cases; i++) {
            char name[16];
            snprintf(name, sizeof name, "c%02d", i);
            check_case(ctx, arrays, name);
        }
        atl_arrays_close(&arrays);
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(fir_is_the_recorded_one) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
