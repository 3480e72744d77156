// SPDX-License-Identifier: Apache-2.0
// Filtered leaky ReLU: every instruction set against the definition in double, over sizes, factors, turns
// and channels, with guards around the output; the recorded numbers; and what must be refused.
#include "definition.h"

#include <atelier/array.h>

// ---- the definition, one sample and channel, in double

static plane defined(plane x, const atl_cpu_flrelu_args *a, const float *fu, const float *fd) {
    plane z = stretch(x, a), m = new_plane(z.h - a->up_taps + 1, z.w - a->up_taps + 1);
    for (int i = 0; i < m.h * m.w; i++) {
        double v = filter2(&z, i / m.w, i % m.w, fu, a->up_taps, 0) * a->up * a->up;
        v = (v < 0 ? v * (double)a->slope : v) * (double)a->gain;
        m.p[i] = v > (double)a->clamp ? (double)a->clamp : v < -(double)a->clamp ? -(double)a->clamp : v;
    }
    plane y = new_plane((m.h - a->down_taps) / a->down + 1, (m.w - a->down_taps) / a->down + 1);
    for (int i = 0; i < y.h * y.w; i++)
        y.p[i] = filter2(&m, i / y.w * a->down, i % y.w * a->down, fd, a->down_taps, a->down_radial);
    free(z.p);
    free(m.p);
    return y;
}

typedef struct problem {
    atl_cpu_flrelu_args a;
    float *x, *bias, *fu, *fd;
    int oh, ow;
    float *want; // [n, oh, ow, c]
} problem;

static void define(problem *q) {
    const atl_cpu_flrelu_args *a = &q->a;
    atl_cpu_flrelu_size(a, &q->oh, &q->ow);
    assert_true(q->oh > 0 && q->ow > 0);
    size_t c = (size_t)a->c;
    q->want = malloc((size_t)a->n * (size_t)q->oh * (size_t)q->ow * c * sizeof *q->want);
    assert_non_null(q->want);
    for (size_t s = 0; s < (size_t)a->n; s++)
        for (size_t j = 0; j < c; j++) {
            plane x = new_plane(a->h, a->w);
            for (size_t i = 0; i < (size_t)(a->h * a->w); i++) {
                double v = (double)q->x[(s * (size_t)(a->h * a->w) + i) * c + j];
                x.p[i] = v + (q->bias ? (double)q->bias[j] : 0.0);
            }
            plane y = defined(x, a, q->fu, q->fd);
            assert_int_equal(y.h, q->oh);
            assert_int_equal(y.w, q->ow);
            for (size_t i = 0; i < (size_t)(y.h * y.w); i++)
                q->want[(s * (size_t)(y.h * y.w) + i) * c + j] = (float)y.p[i];
            free(x.p);
            free(y.p);
        }
}

static problem new_problem(atl_cpu_flrelu_args a) {
    problem q = { .a = a };
    size_t c = (size_t)a.c, taps = (size_t)a.down_taps;
    q.x = some_floats((size_t)a.n * (size_t)a.h * (size_t)a.w * c, 1);
    q.bias = some_floats(c, 3);
    q.fu = a.up_taps > 1 ? some_floats((size_t)a.up_taps, 4) : NULL;
    q.fd = taps > 1 ? some_floats(a.down_radial ? taps * taps : taps, 5) : NULL;
    // sums of absolute taps near 1 (per phase, for the first), as those of real filters
    for (size_t i = 0; q.fu && i < (size_t)a.up_taps; i++)
        q.fu[i] *= 2.0f / (float)a.up_taps;
    for (size_t i = 0; q.fd && i < (a.down_radial ? taps * taps : taps); i++)
        q.fd[i] *= 2.0f / (float)(a.down_radial ? taps * taps : taps);
    return q;
}

static void free_problem(problem *q) {
    free(q->x);
    free(q->bias);
    free(q->fu);
    free(q->fd);
    free(q->want);
}

static float *run(atl_ctx *ctx, const problem *q) {
    size_t n = (size_t)q->a.n * (size_t)q->oh * (size_t)q->ow * (size_t)q->a.c;
    atl_cpu_flrelu *fl;
    if (atl_cpu_flrelu_make(ctx, table_of(ctx), team_of(ctx), &q->a, q->fu, q->fd, &fl))
        fail_msg("%s", atl_message(ctx));
    float *got = guarded(n);
    size_t bytes = atl_cpu_flrelu_workspace(fl);
    void *space = NULL;
    assert_int_equal(posix_memalign(&space, 64, bytes + 64), 0);
    memset(space, 0xff, bytes); // NaN wherever a kernel reads what nobody wrote
    memset((char *)space + bytes, 0x5a, 64);
    atl_cpu_flrelu_run(fl, q->x, q->bias, got, space);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(((char *)space)[bytes + i], 0x5a);
    free(space);
    atl_cpu_flrelu_free(&fl);
    return got;
}

static void compare(const float *got, const problem *q, const char *what) {
    size_t n = (size_t)q->a.n * (size_t)q->oh * (size_t)q->ow * (size_t)q->a.c;
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = fabs((double)q->want[i]) > most ? fabs((double)q->want[i]) : most;
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)q->want[i]) <= F32_FLRELU * most))
            fail_msg("%s, up %d/%d, down %d/%d%s, pads %d %d %d %d, %dx%dx%dx%d: number %zu is %.9g, not %.9g",
                     what, q->a.up, q->a.up_taps, q->a.down, q->a.down_taps, q->a.down_radial ? " radial" : "",
                     q->a.px0, q->a.px1, q->a.py0, q->a.py1, q->a.n, q->a.h, q->a.w, q->a.c, i, (double)got[i],
                     (double)q->want[i]);
}

// Every set below the machine's, with one and three threads; the number of threads changes no bit.
static void check_problem(problem q) {
    atl_cpu_flrelu_args a = q.a;
    define(&q);
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        const char *name = atl_cpu_name((atl_cpu_set)set);
        size_t n = (size_t)a.n * (size_t)q.oh * (size_t)q.ow * (size_t)a.c;
        atl_ctx *one = open_ctx(1, name), *three = open_ctx(3, name);
        float *got = run(one, &q), *more = run(three, &q);
        compare(got, &q, name);
        assert_memory_equal(got, more, n * sizeof *got);
        release_guarded(got, n);
        release_guarded(more, n);
        atl_ctx_close(&one);
        atl_ctx_close(&three);
    }
    free_problem(&q);
}

static void check(atl_cpu_flrelu_args a) {
    check_problem(new_problem(a));
}

// up/down 2/2 and 4/2 with the paddings of StyleGAN3-T and -R, and their last, cropping layers.
static void layers_match_double(void **state) {
    (void)state;
    check((atl_cpu_flrelu_args)LAYER(1, 38, 38, 17, 2, 2, 0, 9, 8));
    check((atl_cpu_flrelu_args)LAYER(1, 38, 38, 3, 4, 2, 0, -6, -9));
    check((atl_cpu_flrelu_args)LAYER(1, 54, 54, 5, 2, 2, 0, -11, -12));
    check((atl_cpu_flrelu_args)LAYER(1, 36, 36, 17, 2, 2, 1, 11, 10));
    check((atl_cpu_flrelu_args)LAYER(1, 36, 36, 3, 4, 2, 1, -2, -5));
    check((atl_cpu_flrelu_args)LAYER(1, 54, 54, 5, 2, 2, 0, -9, -10));
    check((atl_cpu_flrelu_args)LAYER(2, 26, 26, 9, 4, 2, 0, 6, 3));
}

// A 2-D filter with each sort of symmetry, which decides what may be added before it is multiplied, and with
// one tap that breaks it.
static void mirrored_filters(void **state) {
    (void)state;
    for (int kind = 0; kind < 5; kind++)
        for (int w = 9; w <= 12; w++) {
            problem q = new_problem((atl_cpu_flrelu_args)LAYER(1, 10, w, 3, kind % 2 ? 2 : 4, 2, 1, 11, 10));
            for (int i = 0; i < 144; i++) {
                int row = i / 12, column = i % 12;
                row = kind != 1 && row > 5 ? 11 - row : row;
                column = kind != 2 && column > 5 ? 11 - column : column;
                q.fd[i] = q.fd[row * 12 + column];
            }
            q.fd[kind == 3 ? 143 : 0] += kind > 2 ? 0.5f : 0.0f;
            check_problem(q);
        }
}

static void any_channels(void **state) {
    (void)state;
    for (int c = 1; c <= 40; c++)
        check((atl_cpu_flrelu_args)LAYER(c % 3 + 1, 5 + c % 4, 9 - c % 3, c, c % 2 ? 2 : 4, 2, c % 5 == 0, 9,
                                         8));
    check((atl_cpu_flrelu_args)LAYER(1, 6, 5, 130, 2, 2, 0, 9, 8));
}

static void any_padding(void **state) {
    (void)state;
    for (int up = 2; up <= 4; up += 2)
        for (int radial = 0; radial <= 1; radial++)
            for (int p = -7; p <= 13; p++) {
                atl_cpu_flrelu_args a = LAYER(1, 12, 15, 4, up, 2, radial, 0, 0);
                a.px0 = p;
                a.px1 = 20 - p;
                a.py0 = 12 - p;
                a.py1 = p + 9;
                check(a);
            }
}

static void any_width(void **state) {
    (void)state;
    for (int w = 1; w <= 21; w++)
        check((atl_cpu_flrelu_args)LAYER(1, 22 - w, w, 2, w % 2 ? 2 : 4, 2, w % 4 > 1, 17, 16));
    check((atl_cpu_flrelu_args)LAYER(1, 9, 300, 18, 2, 2, 0, 9, 8));
    check((atl_cpu_flrelu_args)LAYER(1, 10, 150, 18, 4, 2, 1, -2, -1));
    check((atl_cpu_flrelu_args)LAYER(1, 200, 7, 2, 2, 2, 1, 11, 10));
}

// What has no tuned kernel, and no filter at all.
static void any_factors(void **state) {
    (void)state;
    for (int up = 1; up <= 5; up++)
        for (int down = 1; down <= 5; down++)
            for (int radial = 0; radial <= 1; radial++) {
                atl_cpu_flrelu_args a = LAYER(2, 19, 16, 3, up, down, radial, 7, 8);
                a.up_taps = 1 + (up * 7 + down) % 13;
                a.down_taps = 1 + (up + down * 5) % 14;
                a.py0 = up + 6;
                a.gain = up % 2 ? -0.7f : 1.3f;
                a.slope = down % 2 ? 1.5f : -0.25f;
                check(a);
            }
    check((atl_cpu_flrelu_args){ 2, 5, 3, 19, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1.0f, 1.0f, 0.25f });
    check((atl_cpu_flrelu_args){ 2, 5, 3, 19, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0.2f, -1.5f, INFINITY });
    check((atl_cpu_flrelu_args){ 1, 5, 3, 4, 3, 2, 1, 1, 0, 1, 0, 0, 2, 0.2f, 1.5f, INFINITY });
}

// ---- recorded numbers

static float word(const char *words, const char *name, float absent) {
    char key[32];
    snprintf(key, sizeof key, " %s=", name);
    const char *at = strncmp(words, key + 1, strlen(key) - 1) ? strstr(words, key) : words - 1;
    if (!at)
        fail_msg("no word %s in \"%s\"", name, words);
    at += strlen(key);
    return strncmp(at, "none", 4) ? strtof(at, NULL) : absent;
}

// [n, c, h, w] to [n, h, w, c].
static float *to_channels_last(const atl_array *x) {
    size_t count = (size_t)atl_array_count(x), c = (size_t)x->dims[1], hw = (size_t)(x->dims[2] * x->dims[3]);
    float *from = malloc(count * sizeof *from), *to = malloc(count * sizeof *to);
    assert_true(from && to);
    atl_array_read_f32(x, 0, (int64_t)count, from);
    for (size_t i = 0; i < count; i++)
        to[(i / (c * hw) * hw + i % hw) * c + i / hw % c] = from[i];
    free(from);
    return to;
}

static const atl_array *part(const atl_arrays *set, int number, const char *name) {
    char key[32];
    snprintf(key, sizeof key, "c%02d.%s", number, name);
    return atl_arrays_find(set, key);
}

static void read_pads(const char *words, atl_cpu_flrelu_args *a) {
    int *pads[] = { &a->px0, &a->px1, &a->py0, &a->py1 };
    const char *at = strstr(words, "padding=") + 8;
    char *end;
    for (int i = 0; i < 4; i++, at = end + (*end == ',')) {
        *pads[i] = (int)strtol(at, &end, 10);
        if (*end != ',' && i < 3) { // one number is for all sides
            *pads[1] = *pads[2] = *pads[3] = *pads[0];
            return;
        }
    }
}

// A filter, with rows or columns of zeros where it is not square; *grown counts rows added at its end.
static float *read_filter(const atl_array *f, int *taps, int *radial, int *grown) {
    *taps = 1;
    *radial = *grown = 0;
    if (!f)
        return NULL;
    int h = (int)f->dims[0], w = f->rank == 2 ? (int)f->dims[1] : h;
    *radial = f->rank == 2;
    *taps = w;
    *grown = w - h;
    float *to = calloc((size_t)(w * w), sizeof *to);
    assert_non_null(to);
    atl_array_read_f32(f, 0, atl_array_count(f), to);
    return to;
}

static void mirror(float *f, int count) {
    for (int i = 0; f && i < count / 2; i++) {
        float keep = f[i];
        f[i] = f[count - 1 - i];
        f[count - 1 - i] = keep;
    }
}

static void recorded_case(const atl_arrays *set, int number) {
    char key[16];
    int radial, grown, flip;
    snprintf(key, sizeof key, "c%02d", number);
    const char *words = atl_arrays_metadata(set, key);
    assert_non_null(words);
    const atl_array *x = part(set, number, "x"), *y = part(set, number, "y"), *b = part(set, number, "b");
    assert_true(x && y);
    problem q = { .a = { (int)x->dims[0], (int)x->dims[2], (int)x->dims[3], (int)x->dims[1],
                         .up = (int)word(words, "up", 1), .down = (int)word(words, "down", 1),
                         .slope = word(words, "slope", 1), .gain = word(words, "gain", 1),
                         .clamp = word(words, "clamp", INFINITY) } };
    read_pads(words, &q.a);
    flip = (int)word(words, "flip_filter", 0);
    q.fu = read_filter(part(set, number, "fu"), &q.a.up_taps, &radial, &grown);
    if (radial) { // a 2-D first filter occurs in no network and is not offered
        free(q.fu);
        return;
    }
    q.fd = read_filter(part(set, number, "fd"), &q.a.down_taps, &q.a.down_radial, &grown);
    if (flip)
        q.a.py1 += grown; // rows of zeros after the taps, which meet one row more
    else
        q.a.py0 += grown;
    if (flip) { // a correlation is a convolution with the mirrored filter
        mirror(q.fu, q.a.up_taps);
        mirror(q.fd, q.a.down_radial ? q.a.down_taps * q.a.down_taps : q.a.down_taps);
    }
    q.x = to_channels_last(x);
    if (b) {
        q.bias = malloc((size_t)q.a.c * sizeof *q.bias);
        assert_non_null(q.bias);
        atl_array_read_f32(b, 0, q.a.c, q.bias);
    }
    q.want = to_channels_last(y);
    atl_cpu_flrelu_size(&q.a, &q.oh, &q.ow);
    assert_int_equal(q.oh, y->dims[2]);
    assert_int_equal(q.ow, y->dims[3]);
    for (int i = 0; i <= (int)atl_cpu_detect(); i++) {
        atl_ctx *ctx = open_ctx(1, atl_cpu_name((atl_cpu_set)i));
        float *got = run(ctx, &q);
        compare(got, &q, key);
        release_guarded(got, (size_t)atl_array_count(y));
        atl_ctx_close(&ctx);
    }
    free_problem(&q);
}

static void recorded_numbers(void **state) {
    (void)state;
    const char *folder = getenv("ATL_TEST_DATA");
    char path[1024];
    atl_arrays *set;
    atl_ctx *ctx = open_ctx(1, NULL);
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/ops/filtered_lrelu.safetensors", folder);
    if (atl_arrays_open(ctx, path, &set))
        fail_msg("%s", atl_message(ctx));
    int cases = atoi(atl_arrays_metadata(set, "cases"));
    assert_int_equal(cases, 17);
    for (int i = 0; i < cases; i++)
        recorded_case(set, i);
    atl_arrays_close(&set);
    atl_ctx_close(&ctx);
}

// ---- refusals

static void refused(atl_ctx *ctx, atl_cpu_flrelu_args a, const float *fu, const float *fd, const char *says) {
    atl_cpu_flrelu *fl;
    atl_message_clear(ctx);
    assert_int_equal(atl_cpu_flrelu_make(ctx, table_of(ctx), team_of(ctx), &a, fu, fd, &fl),
                     ATL_BAD_ARGUMENT);
    assert_null(fl);
    if (!strstr(atl_message(ctx), says))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(ctx), says);
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    static const float f[24] = { 1.0f };
    atl_ctx *ctx = open_ctx(1, NULL);
    refused(ctx, (atl_cpu_flrelu_args)LAYER(1, 4, 0, 4, 2, 2, 0, 9, 8), f, f, "1x4x0x4");
    refused(ctx, (atl_cpu_flrelu_args)LAYER(1, 4, 4, 4, 17, 2, 0, 9, 8), f, f, "up 17");
    refused(ctx, (atl_cpu_flrelu_args)LAYER(1, 4, 4, 4, 2, 2, 0, 9, 8), f, NULL, "missing");
    refused(ctx, (atl_cpu_flrelu_args)LAYER(1, 4, 4, 4, 2, 2, 0, -9, -9), f, f, "-9,-9,-9,-9");
    atl_ctx_close(&ctx);
}

static void failed_allocation_leaves_nothing(void **state) {
    (void)state;
    static const float f[24] = { 1.0f };
    atl_cpu_flrelu_args a = LAYER(1, 4, 4, 4, 2, 2, 0, 9, 8);
    for (long i = 0; i < 2; i++) {
        atl_ctx *ctx = open_ctx(1, NULL);
        atl_cpu_flrelu *fl;
        ctx->fail_after = i;
        assert_int_equal(atl_cpu_flrelu_make(ctx, table_of(ctx), team_of(ctx), &a, f, f, &fl), ATL_NO_MEMORY);
        assert_null(fl);
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_match_double),
        cmocka_unit_test(mirrored_filters),
        cmocka_unit_test(any_channels),
        cmocka_unit_test(any_padding),
        cmocka_unit_test(any_width),
        cmocka_unit_test(any_factors),
        cmocka_unit_test(recorded_numbers),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(failed_allocation_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
