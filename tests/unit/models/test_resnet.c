// SPDX-License-Identifier: Apache-2.0
// ResNets against plain loops in double precision: both kinds of units, both beginnings, odd sizes, and
// statistics of batch norms that are not those of a fresh network.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/network.h>
#include "api/model_api.h"

enum { ROOM = 1 << 16, CLASSES = 5 };

// A map [c, h, w].
typedef struct map {
    int c, h, w;
    double x[ROOM];
} map;

static const float *values(const atl_model *m, const char *scope, const char *name, int64_t *first) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", scope, name);
    const atl_array *a = atl_model_tensor(m, full);
    if (!a)
        fail_msg("%s is missing", full);
    *first = a->dims[0];
    return a->data;
}

static double pixel(const map *m, int c, int y, int x) {
    return y < 0 || x < 0 || y >= m->h || x >= m->w ? 0.0 : m->x[(c * m->h + y) * m->w + x];
}

// A convolution and the batch norm behind it.
static void conv(const atl_model *m, const char *scope, const char *name, const char *norm, const map *in,
                 int kernel, int stride, map *out) {
    char text[64];
    int64_t co, same;
    snprintf(text, sizeof text, "%s.weight", name);
    const float *w = values(m, scope, text, &co), *n[4];
    static const char *const leaves[] = { "weight", "bias", "running_mean", "running_var" };
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "%s.%s", norm, leaves[i]);
        n[i] = values(m, scope, text, &same);
        assert_int_equal(same, co);
    }
    *out = (map){ .c = (int)co, .h = (in->h + stride - 1) / stride, .w = (in->w + stride - 1) / stride };
    for (int o = 0; o < out->c; o++)
        for (int y = 0; y < out->h; y++)
            for (int x = 0; x < out->w; x++) {
                double sum = 0;
                for (int c = 0; c < in->c; c++)
                    for (int r = 0; r < kernel; r++)
                        for (int s = 0; s < kernel; s++)
                            sum += (double)w[((o * in->c + c) * kernel + r) * kernel + s] *
                                   pixel(in, c, y * stride + r - kernel / 2, x * stride + s - kernel / 2);
                out->x[(o * out->h + y) * out->w + x] =
                    (sum - (double)n[2][o]) / sqrt((double)n[3][o] + 1e-5) * (double)n[0][o] +
                    (double)n[1][o];
            }
}

static void relu(map *m) {
    for (int i = 0; i < m->c * m->h * m->w; i++)
        m->x[i] = m->x[i] > 0 ? m->x[i] : 0;
}

// The maximum over 3x3, every second pixel.
static void pool(const map *in, map *out) {
    *out = (map){ .c = in->c, .h = (in->h + 1) / 2, .w = (in->w + 1) / 2 };
    for (int c = 0; c < out->c; c++)
        for (int y = 0; y < out->h; y++)
            for (int x = 0; x < out->w; x++) {
                double most = -1e300;
                for (int r = 2 * y - 1; r <= 2 * y + 1; r++)
                    for (int s = 2 * x - 1; s <= 2 * x + 1; s++)
                        if (r >= 0 && s >= 0 && r < in->h && s < in->w)
                            most = fmax(most, pixel(in, c, r, s));
                out->x[(c * out->h + y) * out->w + x] = most;
            }
}

static void unit(const atl_model *m, const char *scope, int bottleneck, int stride, map *x) {
    static map a, b, shortcut;
    char name[96];
    snprintf(name, sizeof name, "%sdownsample.0.weight", scope);
    shortcut = *x;
    if (atl_model_tensor(m, name))
        conv(m, scope, "downsample.0", "downsample.1", x, 1, stride, &shortcut);
    if (bottleneck) {
        conv(m, scope, "conv1", "bn1", x, 1, 1, &a);
        relu(&a);
        conv(m, scope, "conv2", "bn2", &a, 3, stride, &b);
        relu(&b);
        conv(m, scope, "conv3", "bn3", &b, 1, 1, &a);
    } else {
        conv(m, scope, "conv1", "bn1", x, 3, stride, &b);
        relu(&b);
        conv(m, scope, "conv2", "bn2", &b, 3, 1, &a);
    }
    for (int i = 0; i < a.c * a.h * a.w; i++)
        a.x[i] += shortcut.x[i];
    relu(&a);
    *x = a;
}

// -> logits [CLASSES]
static void reference(const atl_model *m, const int *units, int bottleneck, int small, map *x,
                      double *logits) {
    static map t;
    int64_t classes;
    conv(m, "", "conv1", "bn1", x, small ? 3 : 7, small ? 1 : 2, &t);
    relu(&t);
    if (small)
        *x = t;
    else
        pool(&t, x);
    for (int s = 0; s < 4; s++)
        for (int i = 0; i < units[s]; i++) {
            char scope[32];
            snprintf(scope, sizeof scope, "layer%d.%d.", s + 1, i);
            unit(m, scope, bottleneck, s && !i ? 2 : 1, x);
        }
    const float *w = values(m, "fc", ".weight", &classes), *bias = values(m, "fc", ".bias", &classes);
    for (int k = 0; k < CLASSES; k++) {
        logits[k] = (double)bias[k];
        for (int c = 0; c < x->c; c++) {
            double mean = 0;
            for (int i = 0; i < x->h * x->w; i++)
                mean += x->x[c * x->h * x->w + i] / (x->h * x->w);
            logits[k] += mean * (double)w[k * x->c + c];
        }
    }
}

// Numbers from 0 to 1 that look random.
static double noise(uint32_t i) {
    i = (i ^ 61u ^ (i >> 16)) * 9u;
    i = (i ^ (i >> 4)) * 0x27d4eb2du;
    return (double)(i ^ (i >> 15)) / 4294967296.0;
}

static void compare(const int *units, int bottleneck, int small, int channels, int h, int w) {
    static map x;
    static float img[ROOM];
    double want[CLASSES];
    atl_ctx *ctx;
    atl_network net;
    atl_model *m;
    atl_arrays *out;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    json_t *config =
        json_pack("{s:i s:i s:[i,i,i,i] s:i s:i s:s s:s}", "height", h, "width", w, "units", units[0],
                  units[1], units[2], units[3], "channels", channels, "classes", CLASSES, "block",
                  bottleneck ? "bottleneck" : "basic", "stem", small ? "cifar" : "imagenet");
    atl_status status = atl_network_make(ctx, atl_model_row_find("resnet"), "resnet", config, 3, &net);
    assert_int_equal(status, ATL_OK);
    for (size_t i = 0; i < net.params.size; i++) { // no norm and no bias as fresh ones are
        const atl_param *p = &net.params.list[i];
        for (size_t k = 0; p->rank == 1 && k < p->count; k++)
            atl_param_data(&net.params, p)[k] += (float)(0.4 * noise((uint32_t)(i * 1000 + k)));
    }
    assert_int_equal(atl_model_new(ctx, &net, ATL_OK, &m), ATL_OK);
    x = (map){ .c = 3, .h = h, .w = w };
    for (int i = 0; i < 3 * h * w; i++)
        x.x[i] = (double)(img[i] = (float)(4 * noise((uint32_t)i + 77) - 2));
    reference(m, units, bottleneck, small, &x, want);
    const atl_array in = { "img", ATL_F32, 4, { 1, 3, h, w }, img };
    if (atl_model_run(m, "classify", &in, 1, NULL, &out) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    const atl_array *logits = atl_arrays_find(out, "logits");
    assert_int_equal(atl_array_count(logits), CLASSES);
    double far = 0, size = 0;
    for (int k = 0; k < CLASSES; k++) {
        double d = (double)((const float *)logits->data)[k] - want[k];
        far += d * d;
        size += want[k] * want[k];
    }
    assert_true(size > 0 &&
                sqrt(far / size) < 2e-5); // float32 sums in another order, through up to 13 convolutions
    atl_arrays_close(&out);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void basic_units_give_what_plain_loops_do(void **state) {
    (void)state;
    compare((const int[]){ 2, 1, 1, 2 }, 0, 0, 4, 48, 37);
    compare((const int[]){ 1, 2, 1, 1 }, 0, 1, 3, 32, 32);
}

static void bottlenecks_give_what_plain_loops_do(void **state) {
    (void)state;
    compare((const int[]){ 1, 1, 2, 1 }, 1, 0, 4, 33, 50);
    compare((const int[]){ 1, 1, 1, 1 }, 1, 1, 2, 32, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_units_give_what_plain_loops_do),
        cmocka_unit_test(bottlenecks_give_what_plain_loops_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
