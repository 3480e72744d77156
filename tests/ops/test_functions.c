// SPDX-License-Identifier: Apache-2.0
// Layers that are functions of nodes against double loops over their definitions, and their derivatives.
#include "closed.h"
#include "nn/functions.h"

// Pairs that differ in the order of float sums only.
static void near(const float *got, double want, double bound, const char *what, int64_t i) {
    if (!(fabs((double)*got - want) <= bound * (1.0 + fabs(want))))
        fail_msg("%s: number %lld is %.9g, not %.9g", what, (long long)i, (double)*got, want);
}

// ---- activations

static double activation(int which, double x) {
    const double low = exp(fmin(x, 0.0)) - 1.0, high = fmax(x, 0.0);
    switch (which) {
    case 0: return high;
    case 1: return high + 0.7 * low;
    case 2: return 1.0507009873554805 * (high + 1.6732632423543772 * low);
    case 3: return x / (1.0 + exp(-x));
    case 4: return log1p(exp(x));
    case 5: return 1.0 / (1.0 + exp(-x));
    case 6: return tanh(x);
    case 7: return x * 0.5 * (1.0 + erf(x / sqrt(2.0)));
    default: return 0.5 * x * (1.0 + tanh(sqrt(2.0 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    }
}

static atl_node *activated(atl_graph *g, int which, atl_node *x) {
    switch (which) {
    case 0: return atl_relu(g, x);
    case 1: return atl_elu(g, x, 0.7f);
    case 2: return atl_selu(g, x);
    case 3: return atl_swish(g, x);
    case 4: return atl_softplus(g, x);
    case 5: return atl_sigmoid(g, x);
    case 6: return atl_tanh(g, x);
    case 7: return atl_gelu(g, x);
    default: return atl_gelu_tanh(g, x);
    }
}

static void activations_are_their_formulas(void **state) {
    fixture *f = *state;
    for (int which = 0; which < 9; which++) {
        atl_node *x = leaf(f, ATL_SHAPE(3, 40)), *y = activated(&f->g, which, x);
        for (int i = 0; i < 120; i++) // also far out, and never within 0.05 of zero, where slopes may jump
            numbers(x)[i] = (i % 2 ? -1.0f : 1.0f) * (0.05f + (float)(i * i) * 7e-4f);
        float *v = values_of(f, y);
        for (int i = 0; i < 120; i++)
            near(&v[i], activation(which, (double)numbers(x)[i]), 1e-6, "activation", which * 1000 + i);
        free(v);
        atl_node *small = leaf(f, ATL_SHAPE(1, 24));
        for (int i = 0; i < 24; i++)
            numbers(small)[i] = (i % 2 ? -0.1f : 0.1f) * (float)(i + 1);
        check_orders(f, activated(&f->g, which, small), &small, 1, 4e-3, "activation");
    }
}

// ---- normalisation: out = (x - mean) / sqrt(var + eps) * scale + bias over the elements with the same key

enum { N = 3, H = 4, W = 5, C = 6 };

static int64_t layer_key(int64_t i) {
    return i / C;
}
static int64_t instance_key(int64_t i) {
    return i / (H * W * C) * C + i % C;
}
static int64_t group_key(int64_t i) {
    return i / (H * W * C) * 3 + i % C / 2;
}
static int64_t batch_key(int64_t i) {
    return i % C;
}

static void statistics(const float *x, int64_t (*key)(int64_t), double *mean, double *variance,
                       int64_t *count) {
    for (int64_t k = 0; k < N * H * W * C; k++)
        mean[k] = variance[k] = 0.0, count[k] = 0;
    for (int64_t i = 0; i < N * H * W * C; i++)
        mean[key(i)] += (double)x[i], count[key(i)]++;
    for (int64_t k = 0; k < N * H * W * C; k++)
        mean[k] /= count[k] ? (double)count[k] : 1.0;
    for (int64_t i = 0; i < N * H * W * C; i++)
        variance[key(i)] += pow((double)x[i] - mean[key(i)], 2.0) / (double)count[key(i)];
}

static void norms_take_their_statistics(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    static int64_t (*const keys[])(int64_t) = { layer_key, instance_key, group_key, batch_key };
    for (int which = 0; which < 4; which++) {
        atl_node *x = leaf(f, ATL_SHAPE(N, H, W, C)), *scale = leaf(f, ATL_SHAPE(C)),
                 *bias = leaf(f, ATL_SHAPE(C));
        for (int i = 0; i < N * H * W * C; i++)
            numbers(x)[i] =
                2.0f * numbers(x)[i] + 30.0f; // far from zero: squares of x would lose the variance
        atl_node *m = NULL, *v = NULL, *y;
        y = which == 0   ? atl_layer_norm(g, x, scale, bias, 1e-3f)
            : which == 1 ? atl_instance_norm(g, x, scale, bias, 1e-3f)
            : which == 2 ? atl_group_norm(g, x, 3, scale, bias, 1e-3f)
                         : atl_batch_norm_train(g, x, scale, bias, 1e-3f, &m, &v);
        static double mean[N * H * W * C], variance[N * H * W * C];
        static int64_t count[N * H * W * C];
        statistics(numbers(x), keys[which], mean, variance, count);
        float *got = values_of(f, y);
        for (int64_t i = 0; i < N * H * W * C; i++) {
            int64_t k = keys[which](i);
            double want = ((double)numbers(x)[i] - mean[k]) / sqrt(variance[k] + 1e-3);
            want = want * (double)numbers(scale)[i % C] + (double)numbers(bias)[i % C];
            near(&got[i], want, 1e-5, "norm", i); // 30 is known to 2e-6
        }
        free(got);
        if (which == 3) {
            float *s = values_of_all(f, (atl_node *[]){ m, v }, 2);
            for (int c = 0; c < C; c++) {
                near(&s[c], mean[c], 1e-6, "mean", c);
                near(&s[C + c], variance[c] * (double)count[c] / (double)(count[c] - 1), 1e-5,
                     "unbiased variance", c);
            }
            free(s);
        }
        for (int i = 0; i < N * H * W * C; i++)
            numbers(x)[i] -= 30.0f;
        check_orders(f, atl_scale(g, y, 0.3f), (atl_node *[]){ x, scale, bias }, 3, 5e-3, "norm");
    }
}

static void batch_norm_uses_the_given_statistics(void **state) {
    fixture *f = *state;
    atl_node *x = leaf(f, ATL_SHAPE(N, H, W, C)), *p[4];
    for (int k = 0; k < 4; k++)
        p[k] = leaf(f, ATL_SHAPE(C));
    for (int c = 0; c < C; c++)
        numbers(p[1])[c] = fabsf(numbers(p[1])[c]) + 0.1f;
    for (int form = 0; form < 4; form++) { // with and without scale and bias
        atl_node *scale = form & 1 ? p[2] : NULL, *bias = form & 2 ? p[3] : NULL;
        float *got = values_of(f, atl_batch_norm(&f->g, x, p[0], p[1], scale, bias, 1e-3f));
        for (int64_t i = 0; i < N * H * W * C; i++) {
            int64_t c = i % C;
            double want =
                ((double)numbers(x)[i] - (double)numbers(p[0])[c]) / sqrt((double)numbers(p[1])[c] + 1e-3);
            want = want * (scale ? (double)numbers(scale)[c] : 1.0) + (bias ? (double)numbers(bias)[c] : 0.0);
            near(&got[i], want, 2e-6, "batch norm", i);
        }
        free(got);
    }
}

static atl_node *const_leaf(fixture *f, atl_shape s, float offset) {
    atl_node *x = leaf(f, s);
    for (int64_t i = 0; i < atl_shape_count(&s); i++)
        numbers(x)[i] = fabsf(numbers(x)[i]) + offset;
    return atl_const(&f->g, s, numbers(x));
}

// With known statistics and weights a convolution, its batch norm and its ReLU are one step.
static void batch_norm_vanishes_into_a_convolution(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(2, 9, 8, 5)), *p[4];
    for (int k = 0; k < 4; k++)
        p[k] = const_leaf(f, ATL_SHAPE(7), 0.1f);
    atl_node *y = atl_conv2d(g, x, const_leaf(f, ATL_SHAPE(7, 5, 3, 3), -0.5f), 2, 0);
    y = atl_relu(g, atl_batch_norm(g, y, p[0], p[1], p[2], p[3], 1e-3f));
    atl_plan *plan;
    if (atl_plan_make(g, f->backend, &y, 1, NULL, &plan) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    if (f->backend->fuses)
        assert_int_equal(plan->n_steps, 1);
    atl_plan_close(&plan);
    float *fused = values_by(f, &y, 1, false), *plain = values_by(f, &y, 1, true);
    for (int64_t i = 0; i < atl_shape_count(&y->shape); i++)
        near(&fused[i], (double)plain[i], 1e-5, "folded batch norm", i); // sums of 45 products, one factor apart
    free(fused);
    free(plain);
}

// ---- softmax

static void softmax_is_stable(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    enum { ROWS = 6, K = 37 };
    atl_node *x = leaf(f, ATL_SHAPE(2, 3, K)), *t = leaf(f, x->shape);
    for (int i = 0; i < ROWS * K; i++)
        numbers(x)[i] = 3.0f * numbers(x)[i] + (i / K == 1 ? 500.0f : i / K == 2 ? -5000.0f : 0.0f);
    float *got = values_of_all(
        f, (atl_node *[]){ atl_softmax(g, x), atl_log_softmax(g, x), atl_cross_entropy(g, x, t) }, 3);
    for (int r = 0; r < ROWS; r++) {
        const float *row = numbers(x) + r * K;
        double most = -INFINITY, sum = 0.0, cross = 0.0;
        for (int k = 0; k < K; k++)
            most = fmax(most, (double)row[k]);
        for (int k = 0; k < K; k++)
            sum += exp((double)row[k] - most);
        for (int k = 0; k < K; k++) {
            double log_p = (double)row[k] - most - log(sum);
            near(&got[r * K + k], exp(log_p), 2e-6, "softmax", k);
            near(&got[ROWS * K + r * K + k], log_p, 2e-6, "log softmax", k);
            cross -= (double)numbers(t)[r * K + k] * log_p;
        }
        near(&got[2 * ROWS * K + r], cross, 1e-5, "cross entropy", r);
    }
    free(got);
    atl_node *small = leaf(f, ATL_SHAPE(2, 2, 5)), *target = leaf(f, small->shape);
    for (int i = 0; i < 20; i++) // far enough apart for the largest to stay the largest
        numbers(small)[i] = 0.3f * (float)(i * 7 % 20);
    check_orders(f, atl_softmax(g, small), &small, 1, 5e-3, "softmax");
    check_orders(f, atl_cross_entropy(g, small, target), (atl_node *[]){ small, target }, 2, 5e-3,
                 "cross entropy");
}

// ---- attention

static void attend(const fixture *f, atl_node *const qkv[3], int heads, const float *mask, bool shared,
                   double *out) {
    (void)f;
    const int64_t n = qkv[0]->shape.d[0], t = qkv[0]->shape.d[1], s = qkv[1]->shape.d[1],
                  c = qkv[0]->shape.d[2], d = qkv[2]->shape.d[2], ch = c / heads, dh = d / heads;
    const float *q = numbers(qkv[0]), *k = numbers(qkv[1]), *v = numbers(qkv[2]);
    for (int64_t b = 0; b < n * heads * t; b++) {
        int64_t i = b % t, h = b / t % heads, m = b / t / heads;
        double score[16], sum = 0.0, most = -INFINITY;
        for (int64_t j = 0; j < s; j++) {
            score[j] = mask ? (double)mask[((shared ? 0 : m) * t + i) * s + j] : 0.0;
            for (int64_t a = 0; a < ch; a++)
                score[j] += (double)q[(m * t + i) * c + h * ch + a] *
                            (double)k[(m * s + j) * c + h * ch + a] / sqrt((double)ch);
            most = fmax(most, score[j]);
        }
        for (int64_t j = 0; j < s; j++)
            sum += score[j] = exp(score[j] - most);
        for (int64_t a = 0; a < dh; a++) {
            double y = 0.0;
            for (int64_t j = 0; j < s; j++)
                y += score[j] / sum * (double)v[(m * s + j) * d + h * dh + a];
            out[(m * t + i) * d + h * dh + a] = y;
        }
    }
}

static void attention_sums_values_by_scores(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int form = 0; form < 4; form++) { // no mask, causal, one per sample; several heads, t not s
        int heads = form == 2 ? 1 : 2;
        int64_t t = 5, s = form == 1 ? 5 : 7;
        atl_node *qkv[3] = { leaf(f, ATL_SHAPE(2, t, 8)), leaf(f, ATL_SHAPE(2, s, 8)),
                             leaf(f, ATL_SHAPE(2, s, 6)) };
        float own[2 * 5 * 7];
        atl_node *mask = form == 0 ? NULL : atl_causal_mask(g, t, s);
        if (form == 3)
            mask = leaf(f, ATL_SHAPE(2, t, s));
        for (int64_t i = 0; form && i < (form == 3 ? 2 : 1) * t * s; i++)
            own[i] = form == 3 ? numbers(mask)[i] : i % s > s - t + i / s ? -INFINITY : 0.0f;
        atl_node *y = atl_attention(g, qkv[0], qkv[1], qkv[2], heads, 0.0f, mask);
        double want[2 * 5 * 6];
        attend(f, qkv, heads, form ? own : NULL, form != 3, want);
        float *got = values_of(f, y);
        for (int i = 0; i < 60; i++)
            near(&got[i], want[i], 2e-6, "attention", i);
        free(got);
        check_orders(f, y, qkv, 3, 1e-2, "attention"); // differences of a loss of some hundred terms
    }
    assert_int_equal(atl_attention(g, leaf(f, ATL_SHAPE(1, 2, 6)), leaf(f, ATL_SHAPE(1, 2, 6)),
                                   leaf(f, ATL_SHAPE(1, 2, 6)), 4, 0.0f, NULL)
                         ->op,
                     ATL_OP_POISON);
}

static void dense_works_on_any_rank(void **state) {
    fixture *f = *state;
    atl_node *x = leaf(f, ATL_SHAPE(2, 3, 7)), *w = leaf(f, ATL_SHAPE(5, 7)), *b = leaf(f, ATL_SHAPE(5));
    float *got = values_of(f, atl_dense(&f->g, x, w, b));
    for (int i = 0; i < 30; i++) {
        double want = (double)numbers(b)[i % 5];
        for (int k = 0; k < 7; k++)
            want += (double)numbers(x)[i / 5 * 7 + k] * (double)numbers(w)[i % 5 * 7 + k];
        near(&got[i], want, 2e-6, "dense", i);
    }
    free(got);
}

// ---- pooling

static int64_t pooled(int64_t size, const atl_pool_options *o) {
    int64_t room = size + 2 * (int64_t)o->pad - o->kernel, count = room / o->stride + 1;
    if (o->ceil_mode && room % o->stride)
        count += count * o->stride < size + o->pad;
    return count;
}

static void check_pool(fixture *f, const atl_pool_options *o, int64_t h, int64_t w) {
    const int64_t c = 3, oh = pooled(h, o), ow = pooled(w, o);
    atl_node *x = leaf(f, ATL_SHAPE(2, h, w, c));
    atl_node *y[2] = { atl_max_pool(&f->g, x, o), atl_average_pool(&f->g, x, o) };
    atl_shape want = ATL_SHAPE(2, oh, ow, c);
    assert_true(atl_shape_same(&y[0]->shape, &want) && atl_shape_same(&y[1]->shape, &want));
    float *got = values_of_all(f, y, 2);
    for (int64_t i = 0; i < 2 * oh * ow * c; i++) {
        int64_t k = i % c, q = i / c % ow, p = i / c / ow % oh, n = i / c / ow / oh;
        double most = -INFINITY, sum = 0.0, area = 0.0;
        for (int64_t v = p * o->stride - o->pad; v < p * o->stride - o->pad + o->kernel; v++)
            for (int64_t u = q * o->stride - o->pad; u < q * o->stride - o->pad + o->kernel; u++) {
                bool inside = v >= 0 && v < h && u >= 0 && u < w;
                area += inside || (o->count_pads && v < h + o->pad && u < w + o->pad);
                double value = inside ? (double)numbers(x)[((n * h + v) * w + u) * c + k] : 0.0;
                most = inside ? fmax(most, value) : most;
                sum += value;
            }
        near(&got[i], most, 0.0, "maximum", i);
        near(&got[2 * oh * ow * c + i], sum / area, 1e-6, "average", i);
    }
    free(got);
}

static void pools_follow_the_usual_sizes(void **state) {
    fixture *f = *state;
    const atl_pool_options forms[] = { { 2, 2, 0, false, false }, { 3, 2, 0, false, false },
                                       { 3, 2, 0, true, false },  { 3, 1, 1, false, false },
                                       { 3, 1, 1, false, true },  { 3, 2, 1, true, true },
                                       { 3, 2, 1, true, false },  { 2, 3, 0, true, false },
                                       { 5, 5, 2, false, true } };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int64_t size = 5; size < 12; size++)
            check_pool(f, &forms[i], size, 16 - size);
    const atl_pool_options wrong[] = { { 3, 0, 0, false, false },
                                       { 0, 1, 0, false, false },
                                       { 2, 2, 2, false, false },
                                       { 9, 1, 0, false, false } };
    atl_node *x = leaf(f, ATL_SHAPE(1, 8, 8, 1));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        f->g.status = ATL_OK;
        assert_int_equal(atl_max_pool(&f->g, x, &wrong[i])->op, ATL_OP_POISON);
        assert_int_equal(f->g.status, ATL_BAD_ARGUMENT);
    }
}

// Known sizes: 112 -> 56 of VGG16, 149 -> 73 and 35 -> 17 of Inception, 113 -> 56 of SqueezeNet with ceil.
static void pools_of_known_networks(void **state) {
    fixture *f = *state;
    const struct {
        atl_pool_options o;
        int64_t in, out;
    } cases[] = {
        { { 2, 2, 0, false, false }, 112, 56 }, { { 3, 2, 0, false, false }, 147, 73 },
        { { 3, 2, 0, false, false }, 35, 17 },  { { 3, 2, 0, true, false }, 111, 55 },
        { { 3, 2, 0, true, false }, 110, 55 },  { { 3, 2, 1, false, false }, 112, 56 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_node *y = atl_max_pool(&f->g, leaf(f, ATL_SHAPE(1, cases[i].in, cases[i].in, 1)), &cases[i].o);
        assert_int_equal(y->shape.d[1], cases[i].out);
        assert_int_equal(y->shape.d[2], cases[i].out);
    }
}

// ---- resizing

typedef struct row_case {
    atl_resize_options o;
    int in, out;
    double y[8][8]; // the weight of pixel k in result i
} row_case;

#define THIRD (1.0 / 3.0)
static const row_case rows[] = {
    { { ATL_BILINEAR, ATL_CENTRES, false, 0 }, 2, 4, { { 1 }, { 0.75, 0.25 }, { 0.25, 0.75 }, { 0, 1 } } },
    { { ATL_BILINEAR, ATL_CORNERS, false, 0 },
      2,
      4,
      { { 1 }, { 2 * THIRD, THIRD }, { THIRD, 2 * THIRD }, { 0, 1 } } },
    { { ATL_BILINEAR, ATL_TOP_LEFT, false, 0 }, 2, 4, { { 1 }, { 0.5, 0.5 }, { 0, 1 }, { 0, 1 } } },
    { { ATL_BILINEAR, ATL_CENTRES, false, 0 }, 4, 2, { { 0.5, 0.5 }, { 0, 0, 0.5, 0.5 } } },
    // triangles as wide as two pixels, cut off at the edge: (3, 3, 1) / 7
    { { ATL_BILINEAR, ATL_CENTRES, true, 0 },
      4,
      2,
      { { 3 / 7., 3 / 7., 1 / 7. }, { 0, 1 / 7., 3 / 7., 3 / 7. } } },
    { { ATL_BILINEAR, ATL_CENTRES, true, 0 }, 2, 4, { { 1 }, { 0.75, 0.25 }, { 0.25, 0.75 }, { 0, 1 } } },
    { { ATL_NEAREST, ATL_CENTRES, false, 0 }, 3, 2, { { 1 }, { 0, 0, 1 } } },
    { { ATL_NEAREST, ATL_TOP_LEFT, false, 0 }, 3, 2, { { 1 }, { 0, 1 } } },
    { { ATL_NEAREST, ATL_TOP_LEFT, false, 0 }, 2, 4, { { 1 }, { 1 }, { 0, 1 }, { 0, 1 } } },
    { { ATL_AREA, ATL_CENTRES, false, 0 }, 3, 2, { { 2 * THIRD, THIRD }, { 0, THIRD, 2 * THIRD } } },
    { { ATL_AREA, ATL_CENTRES, false, 0 }, 4, 2, { { 0.5, 0.5 }, { 0, 0, 0.5, 0.5 } } },
    // Keys' cubic at distances 1.25, 0.25, 0.75, 1.75; the edge goes on outside
    { { ATL_BICUBIC, ATL_CENTRES, false, -0.75f },
      4,
      8,
      { { 1.10546875, -0.10546875 },
        { 0.87890625 - 0.10546875, 0.26171875, -0.03515625 },
        { -0.03515625 + 0.26171875, 0.87890625, -0.10546875 },
        { -0.10546875, 0.87890625, 0.26171875, -0.03515625 },
        { -0.03515625, 0.26171875, 0.87890625, -0.10546875 },
        { 0, -0.10546875, 0.87890625, 0.22656250 },
        { 0, -0.03515625, 0.26171875, 0.77343750 },
        { 0, 0, -0.10546875, 1.10546875 } } },
    { { ATL_BICUBIC, ATL_CENTRES, false, 0 }, 4, 4, { { 1 }, { 0, 1 }, { 0, 0, 1 }, { 0, 0, 0, 1 } } },
    { { ATL_LANCZOS, ATL_CENTRES, true, 0 }, 3, 3, { { 1 }, { 0, 1 }, { 0, 0, 1 } } },
};

static void resizing_weighs_by_its_filter(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int axis = 1; axis < 3; axis++) {
            const row_case *r = &rows[i];
            const int64_t in = r->in, out = r->out;
            atl_node *x = leaf(f, axis == 1 ? ATL_SHAPE(2, in, 3, 2) : ATL_SHAPE(2, 3, in, 2));
            atl_node *y = atl_resize(&f->g, x, axis == 1 ? out : 3, axis == 1 ? 3 : out, &r->o);
            float *got = values_of(f, y);
            for (int64_t k = 0; k < 2 * out * 3 * 2; k++) {
                int64_t c = k % 2, q = k / 2 % (axis == 1 ? 3 : out),
                        p = k / 2 / (axis == 1 ? 3 : out) % (axis == 1 ? out : 3);
                int64_t n = k / 2 / 3 / out;
                double want = 0.0;
                for (int64_t j = 0; j < in; j++) {
                    int64_t at = axis == 1 ? ((n * in + j) * 3 + q) * 2 + c : ((n * 3 + p) * in + j) * 2 + c;
                    want += r->y[axis == 1 ? p : q][j] * (double)numbers(x)[at];
                }
                near(&got[k], want, 1e-6, "resizing", (int64_t)i * 1000 + k);
            }
            free(got);
            check_adjoint(f, x, y);
        }
}

// Every filter keeps a constant image, and shrinks and enlarges both sides at once.
static void resizing_keeps_a_constant(void **state) {
    fixture *f = *state;
    for (int filter = ATL_NEAREST; filter <= ATL_LANCZOS; filter++)
        for (int form = 0; form < 4; form++) {
            atl_resize_options o = { (atl_filter)filter,
                                     form == 1   ? ATL_CORNERS
                                     : form == 2 ? ATL_TOP_LEFT
                                                 : ATL_CENTRES,
                                     form == 3, 0.0f };
            atl_node *x = leaf(f, ATL_SHAPE(1, 13, 29, 1));
            for (int i = 0; i < 13 * 29; i++)
                numbers(x)[i] = 3.0f;
            float *got = values_of(f, atl_resize(&f->g, x, 31, 7, &o));
            for (int i = 0; i < 31 * 7; i++)
                near(&got[i], 3.0, 1e-6, "constant", filter * 1000 + i);
            free(got);
        }
    atl_resize_options o = { ATL_BILINEAR, ATL_CORNERS, true, 0.0f };
    assert_int_equal(atl_resize(&f->g, leaf(f, ATL_SHAPE(1, 4, 4, 1)), 2, 2, &o)->op, ATL_OP_POISON);
}

static void adaptive_averages_cover_every_pixel(void **state) {
    fixture *f = *state;
    const int64_t h = 7, w = 10, oh = 3, ow = 4;
    atl_node *x = leaf(f, ATL_SHAPE(1, h, w, 1));
    float *got = values_of(f, atl_adaptive_average_pool(&f->g, x, oh, ow));
    for (int64_t i = 0; i < oh * ow; i++) {
        int64_t p = i / ow, q = i % ow, top = p * h / oh, bottom = ((p + 1) * h + oh - 1) / oh,
                left = q * w / ow, right = ((q + 1) * w + ow - 1) / ow;
        double sum = 0.0;
        for (int64_t v = top; v < bottom; v++)
            for (int64_t u = left; u < right; u++)
                sum += (double)numbers(x)[v * w + u];
        near(&got[i], sum / (double)((bottom - top) * (right - left)), 1e-6, "adaptive average", i);
    }
    free(got);
}

// ---- reading by index

static double reflect(double t, double low, double high) {
    if (low == high)
        return low;
    while (t < low || t > high)
        t = t < low ? 2.0 * low - t : 2.0 * high - t;
    return t;
}

static double pixel(const float *x, int64_t h, int64_t w, int64_t v, int64_t u) {
    return v >= 0 && v < h && u >= 0 && u < w ? (double)x[v * w + u] : 0.0;
}

static double place(double t, int64_t size, atl_border border, bool corners) {
    t = corners ? (t + 1.0) / 2.0 * (double)(size - 1) : ((t + 1.0) * (double)size - 1.0) / 2.0;
    if (border == ATL_BORDER_REFLECT)
        t = corners ? reflect(t, 0.0, (double)(size - 1)) : reflect(t, -0.5, (double)size - 0.5);
    return border == ATL_BORDER_ZERO ? t : fmin(fmax(t, 0.0), (double)(size - 1));
}

static void grids_sample_between_pixels(void **state) {
    fixture *f = *state;
    const int64_t h = 5, w = 6, q = 40;
    for (int form = 0; form < 6; form++) {
        atl_border border = (atl_border)(form % 3);
        bool corners = form / 3;
        atl_node *x = leaf(f, ATL_SHAPE(2, h, w, 1)), *grid = leaf(f, ATL_SHAPE(2, 4, q / 4, 2));
        atl_node *y = atl_grid_sample(&f->g, x, grid, border, corners);
        numbers(grid)[7] = 1e20f; // far outside; index and weight must not meet as infinity times zero
        float *got = values_of(f, y);
        for (int64_t i = 0; i < 2 * q; i++) {
            double u = place((double)numbers(grid)[2 * i], w, border, corners);
            double v = i == 3 ? 1e20 : place((double)numbers(grid)[2 * i + 1], h, border, corners);
            if (i == 3 && border != ATL_BORDER_ZERO)
                continue; // where so large a number is reflected to is rounding
            int64_t u0 = (int64_t)floor(u), v0 = i == 3 ? h : (int64_t)floor(v);
            double fu = u - floor(u), fv = i == 3 ? 0.0 : v - floor(v);
            const float *image = numbers(x) + i / q * h * w;
            double top = pixel(image, h, w, v0, u0) * (1 - fu) + pixel(image, h, w, v0, u0 + 1) * fu;
            double low = pixel(image, h, w, v0 + 1, u0) * (1 - fu) + pixel(image, h, w, v0 + 1, u0 + 1) * fu;
            near(&got[i], top * (1 - fv) + low * fv, 1e-5, "grid sample", form * 1000 + i);
        }
        free(got);
        check_adjoint(f, x, y);
    }
}

// Places well inside of a pixel's square, where the surface is smooth.
static void grids_have_derivatives(void **state) {
    fixture *f = *state;
    atl_node *x = leaf(f, ATL_SHAPE(1, 5, 6, 2)), *grid = leaf(f, ATL_SHAPE(1, 2, 3, 2));
    for (int i = 0; i < 6; i++) {
        numbers(grid)[2 * i] = 2.0f * ((float)(i % 4) + 0.4f + 0.04f * (float)i) / 5.0f - 1.0f;
        numbers(grid)[2 * i + 1] = 2.0f * ((float)(i % 3) + 0.6f - 0.04f * (float)i) / 4.0f - 1.0f;
    }
    atl_node *y = atl_grid_sample(&f->g, x, grid, ATL_BORDER_ZERO, true);
    check_orders(f, y, (atl_node *[]){ x, grid }, 2, 5e-3, "grid sample");
}

static void shifts_and_tables_copy(void **state) {
    fixture *f = *state;
    const int64_t h = 4, w = 5;
    atl_node *x = leaf(f, ATL_SHAPE(3, h, w, 2)), *by = leaf(f, ATL_SHAPE(3, 2));
    const float moves[6] = { 0, 0, 1, -2, -3, 9 };
    memcpy(numbers(by), moves, sizeof moves);
    float *got = values_of(f, atl_shift(&f->g, x, by));
    for (int64_t i = 0; i < 3 * h * w * 2; i++) {
        int64_t c = i % 2, u = i / 2 % w, v = i / 2 / w % h, n = i / 2 / w / h;
        v -= (int64_t)moves[2 * n], u -= (int64_t)moves[2 * n + 1];
        bool inside = v >= 0 && v < h && u >= 0 && u < w;
        near(&got[i], inside ? (double)numbers(x)[((n * h + v) * w + u) * 2 + c] : 0.0, 0.0, "shift", i);
    }
    free(got);
    atl_node *table = leaf(f, ATL_SHAPE(7, 3)), *index = leaf(f, ATL_SHAPE(2, 3));
    const float rows_of[6] = { 3, 0, 6, 7, -1, 3 };
    memcpy(numbers(index), rows_of, sizeof rows_of);
    atl_node *y = atl_embedding(&f->g, table, index);
    assert_int_equal(y->shape.rank, 3);
    got = values_of(f, y);
    for (int i = 0; i < 18; i++) {
        int row = (int)rows_of[i / 3];
        near(&got[i], row >= 0 && row < 7 ? (double)numbers(table)[row * 3 + i % 3] : 0.0, 0.0, "table", i);
    }
    free(got);
    check_adjoint(f, table, y);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(activations_are_their_formulas, setup, teardown),
        cmocka_unit_test_setup_teardown(norms_take_their_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(batch_norm_uses_the_given_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(batch_norm_vanishes_into_a_convolution, setup, teardown),
        cmocka_unit_test_setup_teardown(softmax_is_stable, setup, teardown),
        cmocka_unit_test_setup_teardown(attention_sums_values_by_scores, setup, teardown),
        cmocka_unit_test_setup_teardown(dense_works_on_any_rank, setup, teardown),
        cmocka_unit_test_setup_teardown(pools_follow_the_usual_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(pools_of_known_networks, setup, teardown),
        cmocka_unit_test_setup_teardown(resizing_weighs_by_its_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(resizing_keeps_a_constant, setup, teardown),
        cmocka_unit_test_setup_teardown(adaptive_averages_cover_every_pixel, setup, teardown),
        cmocka_unit_test_setup_teardown(grids_sample_between_pixels, setup, teardown),
        cmocka_unit_test_setup_teardown(grids_have_derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(shifts_and_tables_copy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
