// SPDX-License-Identifier: Apache-2.0
// The operators of the family, built from the engine's ops, with their first and second derivatives.
#include "nn/functions.h"
#include "ops.h"

static atl_node *to_pixels(op_case *c, atl_node *x) { // [n, c, h, w] -> [n, h, w, c]
    return atl_permute(&c->g, x, (int[]){ 0, 2, 3, 1 });
}

static atl_node *to_planes(op_case *c, atl_node *x) { // [n, h, w, c] -> [n, c, h, w]
    return atl_permute(&c->g, x, (int[]){ 0, 3, 1, 2 });
}

// ---- bias and activation

static atl_node *activated(op_case *c, atl_node *x) {
    atl_graph *g = &c->g;
    if (op_is(c, "act", "relu"))
        return atl_relu(g, x);
    if (op_is(c, "act", "lrelu"))
        return atl_lrelu(g, x, op_number(c, "alpha", 0.2f));
    if (op_is(c, "act", "tanh"))
        return atl_tanh(g, x);
    if (op_is(c, "act", "sigmoid"))
        return atl_sigmoid(g, x);
    if (op_is(c, "act", "elu"))
        return atl_elu(g, x, 1.0f);
    if (op_is(c, "act", "selu"))
        return atl_selu(g, x);
    if (op_is(c, "act", "softplus"))
        return atl_softplus(g, x);
    if (op_is(c, "act", "swish"))
        return atl_swish(g, x);
    assert_true(op_is(c, "act", "linear"));
    return x;
}

static atl_node *bias_act(op_case *c) {
    atl_graph *g = &c->g;
    atl_node *x = op_variable(c, "x"), *b = op_variable(c, "b");
    bool root2 = op_is(c, "act", "relu") || op_is(c, "act", "lrelu") || op_is(c, "act", "swish");
    if (b) {
        atl_shape s = { .rank = x->shape.rank, .d = { 1, 1, 1, 1, 1 } };
        s.d[op_int(c, "dim", 1)] = b->shape.d[0];
        x = atl_add(g, x, atl_expand(g, atl_reshape(g, b, s), x->shape));
    }
    x = atl_scale(g, activated(c, x), op_number(c, "gain", root2 ? ATL_SQRT2 : 1.0f));
    float clamp = op_number(c, "clamp", INFINITY);
    return clamp < INFINITY ? atl_clamp(g, x, -clamp, clamp) : x;
}

// ---- statistics

static atl_node *normalize_2nd_moment(op_case *c) {
    atl_node *x = op_variable(c, "x");
    int axis[ATL_RANK_MAX] = { 0, 1, 2, 3, 4 }, dim = op_int(c, "dim", 1), last = x->shape.rank - 1;
    axis[dim] = last, axis[last] = dim; // the layer works on the last dim
    atl_node *y = atl_normalize_2nd_moment(&c->g, atl_permute(&c->g, x, axis), op_number(c, "eps", 1e-8f));
    return atl_permute(&c->g, y, axis);
}

static atl_node *minibatch_std(op_case *c) {
    atl_node *x = to_pixels(c, op_variable(c, "x"));
    // The deviation of two samples is |a - b| / 2: terms near 1 cancel in its second derivative, and what 1e-8
    // under the root leaves of them is 1e-4.  float32 holds such a difference to some 1e-7 of the terms.
    if (op_is(c, "group_size", "2"))
        c->second_scale = 1.0;
    return to_planes(c, atl_minibatch_std(&c->g, x, op_int(c, "group_size", 0), op_int(c, "num_channels", 1)));
}

// ---- convolution with resampling

// A filter as given: absent (one tap), [taps] in both axes, or [fh, fw].
static atl_fir_attr filter(op_case *c, const char *name, bool flip) {
    static const float one[1] = { 1.0f };
    const atl_array *a = op_array(c, name);
    atl_fir_attr f = { 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, flip, 1.0f, one };
    if (!a)
        return f;
    const float *v = op_values(c, name);
    f.fw = (int)a->dims[a->rank - 1], f.fh = (int)a->dims[0], f.f = v;
    if (a->rank == 1) {
        float *square = atl_arena_alloc(&c->g.arena, (size_t)(f.fw * f.fw), sizeof *square);
        assert_non_null(square);
        for (int i = 0; i < f.fw * f.fw; i++)
            square[i] = v[i / f.fw] * v[i % f.fw];
        f.f = square;
    }
    return f;
}

static atl_node *padded(op_case *c, atl_node *x, int x0, int x1, int y0, int y1) {
    atl_fir_attr f = filter(c, "no filter", false);
    f.px0 = x0, f.px1 = x1, f.py0 = y0, f.py1 = y1;
    return atl_upfirdn(&c->g, x, &f);
}

// Every position where the kernel meets the image.  As a true convolution it is the transposed form of the
// kernel with the channels of each group exchanged.
static atl_node *conv_valid(op_case *c, atl_node *x, atl_node *w, int groups, bool correlate) {
    atl_graph *g = &c->g;
    const int64_t *d = w->shape.d, o = d[0] / groups, i = d[1], kh = d[2], kw = d[3];
    if (correlate) {
        atl_conv_attr a = { ATL_SLOT_Y, 1, 1, 0, 0, 0, 0, groups };
        return atl_conv(g, x, w, &a);
    }
    atl_node *turned = atl_permute(g, atl_reshape(g, w, ATL_SHAPE(groups, o, i, kh, kw)), (int[]){ 0, 2, 1, 3, 4 });
    int ph = (int)kh - 1, pw = (int)kw - 1;
    atl_conv_attr a = { ATL_SLOT_X, 1, 1, ph, ph, pw, pw, groups };
    atl_shape s = ATL_SHAPE(x->shape.d[0], x->shape.d[1] - ph, x->shape.d[2] - pw, d[0]);
    return atl_conv_form(g, a, s, atl_reshape(g, turned, ATL_SHAPE(groups * i, o, kh, kw)), x);
}

static int floor_half(int a) {
    return (a - (a & 1)) / 2;
}

// x [n, h, w, i] -> [n, h, w, o]: pad and upsample, convolve, downsample
static atl_node *resampled(op_case *c, atl_node *x, atl_node *w) {
    atl_graph *g = &c->g;
    int up = op_int(c, "up", 1), down = op_int(c, "down", 1), groups = op_int(c, "groups", 1), p[4];
    atl_fir_attr f = filter(c, "f", op_int(c, "flip_filter", 0)), first = up > 1 ? f : filter(c, "no filter", false);
    op_padding(c, p);
    for (int i = 0; i < 4; i += 2) {
        int taps = i ? f.fh : f.fw;
        p[i] += (up > 1 ? floor_half(taps + up - 1) : 0) + (down > 1 ? floor_half(taps - down + 1) : 0);
        p[i + 1] += (up > 1 ? floor_half(taps - up) : 0) + (down > 1 ? floor_half(taps - down) : 0);
    }
    first.upx = first.upy = up;
    first.px0 = p[0], first.px1 = p[1], first.py0 = p[2], first.py1 = p[3];
    first.gain = (float)(up * up);
    x = atl_upfirdn(g, x, &first);
    x = conv_valid(c, x, w, groups, op_int(c, "flip_weight", 1));
    f.downx = f.downy = down;
    return down > 1 ? atl_upfirdn(g, x, &f) : x;
}

static atl_node *conv2d_resample(op_case *c) {
    atl_node *x = op_variable(c, "x"), *w = op_variable(c, "w");
    return to_planes(c, resampled(c, to_pixels(c, x), w));
}

// ---- modulated convolution

// 1 / |weights * style| per sample and output channel, [n, o]
static atl_node *demodulation(op_case *c, atl_node *s, atl_node *w) {
    atl_graph *g = &c->g;
    atl_node *w2 = atl_reshape(g, atl_sum(g, atl_square(g, w), 4u | 8u), ATL_SHAPE(w->shape.d[0], w->shape.d[1]));
    return atl_rsqrt(g, atl_affine(g, atl_matmul(g, atl_square(g, s), w2, false, true), 1.0f, 1e-8f));
}

// The layer of src/nn resamples by [1,3,3,1] only, and not down.
static bool is_layer(op_case *c) {
    static const float taps[4] = { 0.125f, 0.375f, 0.375f, 0.125f };
    atl_fir_attr f = filter(c, "f", false);
    if (op_int(c, "down", 1) != 1 || (op_int(c, "up", 1) == 2 && (f.fw != 4 || f.fh != 4)))
        return false;
    for (int i = 0; op_int(c, "up", 1) == 2 && i < 16; i++)
        if (fabsf(f.f[i] - taps[i / 4] * taps[i % 4]) > 1e-7f)
            return false;
    return true;
}

static atl_node *modulated_conv2d_sg2(op_case *c) {
    atl_graph *g = &c->g;
    atl_node *x = op_variable(c, "x"), *w = op_variable(c, "w"), *s = op_variable(c, "s");
    atl_node *noise = op_variable(c, "noise"), *y;
    bool demodulate = op_int(c, "demodulate", 1);
    x = to_pixels(c, x);
    if (is_layer(c)) {
        y = atl_modulated_conv(g, x, s, w, op_int(c, "up", 1), demodulate, NULL);
    } else {
        y = resampled(c, atl_scale_channels(g, x, s), w);
        y = demodulate ? atl_scale_channels(g, y, demodulation(c, s, w)) : y;
    }
    if (noise)
        y = atl_add(g, y, atl_expand(g, to_pixels(c, noise), y->shape));
    return to_planes(c, y);
}

static atl_node *unit_rms(op_case *c, atl_node *x, unsigned axes) {
    atl_node *m = atl_rsqrt(&c->g, atl_mean(&c->g, atl_square(&c->g, x), axes));
    return atl_mul(&c->g, x, atl_expand(&c->g, m, x->shape));
}

static atl_node *modulated_conv2d_sg3(op_case *c) {
    atl_graph *g = &c->g;
    atl_node *x = op_variable(c, "x"), *w = op_variable(c, "w"), *s = op_variable(c, "s"), *d = NULL;
    atl_node *gain = op_leaf(c, "input_gain");
    if (op_int(c, "demodulate", 1)) {
        w = unit_rms(c, w, 2u | 4u | 8u);
        s = unit_rms(c, s, 1u | 2u);
        d = demodulation(c, s, w);
    }
    if (gain) { // one number, one per channel, or one per sample and channel
        int64_t rows = gain->shape.rank == 2 ? gain->shape.d[0] : 1;
        gain = atl_reshape(g, gain, ATL_SHAPE(rows, gain->shape.d[gain->shape.rank - 1]));
        s = atl_mul(g, s, atl_expand(g, gain, s->shape));
    }
    const int64_t *y_dims = op_array(c, "y")->dims; // rows and columns may be padded differently
    int ph = (int)(y_dims[2] + w->shape.d[2] - 1 - x->shape.d[2]) / 2;
    int pw = (int)(y_dims[3] + w->shape.d[3] - 1 - x->shape.d[3]) / 2;
    atl_node *y = padded(c, atl_scale_channels(g, to_pixels(c, x), s), pw, pw, ph, ph);
    y = atl_conv2d(g, y, w, 1, 0);
    return to_planes(c, d ? atl_scale_channels(g, y, d) : y);
}

// ---- filtered leaky ReLU

static const float *mirrored(op_case *c, const char *name, bool flip) {
    const atl_array *a = op_array(c, name);
    float *v = op_values(c, name);
    int64_t count = a ? atl_array_count(a) : 0;
    for (int64_t i = 0; flip && i < count / 2; i++) {
        float keep = v[i];
        v[i] = v[count - 1 - i];
        v[count - 1 - i] = keep;
    }
    return v;
}

// Filters that the op doesn't know (rectangles, 2-D upsampling): its definition with plain ones.
static atl_node *flrelu_by_hand(op_case *c, atl_node *x, const atl_flrelu_attr *a, bool flip) {
    atl_graph *g = &c->g;
    atl_fir_attr fu = filter(c, "fu", flip), fd = filter(c, "fd", flip);
    fu.upx = fu.upy = a->up;
    fu.gain = (float)(a->up * a->up);
    fu.px0 = a->px0, fu.px1 = a->px1, fu.py0 = a->py0, fu.py1 = a->py1;
    x = atl_scale(g, atl_lrelu(g, atl_upfirdn(g, x, &fu), a->slope), a->gain);
    fd.downx = fd.downy = a->down;
    return atl_upfirdn(g, atl_clamp(g, x, -a->clamp, a->clamp), &fd);
}

static atl_node *filtered_lrelu(op_case *c) {
    atl_graph *g = &c->g;
    atl_node *x = op_variable(c, "x"), *b = op_variable(c, "b");
    const atl_array *fu = op_array(c, "fu"), *fd = op_array(c, "fd");
    bool flip = op_int(c, "flip_filter", 0);
    int p[4];
    op_padding(c, p);
    atl_flrelu_attr a = { .up = op_int(c, "up", 1), .down = op_int(c, "down", 1), .px0 = p[0], .px1 = p[1], .py0 = p[2],
                          .py1 = p[3], .slope = op_number(c, "slope", 0.2f), .gain = op_number(c, "gain", ATL_SQRT2),
                          .clamp = op_number(c, "clamp", INFINITY) };
    x = to_pixels(c, x);
    if (!b)
        b = atl_fill(g, ATL_SHAPE(x->shape.d[3]), 0.0f);
    if ((fu && fu->rank == 2) || (fd && fd->rank == 2 && fd->dims[0] != fd->dims[1]))
        return to_planes(c, flrelu_by_hand(c, atl_add_bias(g, x, b), &a, flip));
    a.radial = fd && fd->rank == 2;
    a.up_taps = fu ? (int)fu->dims[0] : 0;
    a.down_taps = fd ? (int)fd->dims[0] : 0;
    a.fu = mirrored(c, "fu", flip);
    a.fd = mirrored(c, "fd", flip);
    return to_planes(c, atl_flrelu(g, x, b, &a));
}

#define FILE_TEST(name)                                    \
    static void name##_has_its_derivatives(void **state) { \
        (void)state;                                       \
        op_check_file(#name, name);                        \
    }
FILE_TEST(bias_act)
FILE_TEST(normalize_2nd_moment)
FILE_TEST(minibatch_std)
FILE_TEST(conv2d_resample)
FILE_TEST(modulated_conv2d_sg2)
FILE_TEST(modulated_conv2d_sg3)
FILE_TEST(filtered_lrelu)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bias_act_has_its_derivatives),
        cmocka_unit_test(normalize_2nd_moment_has_its_derivatives),
        cmocka_unit_test(minibatch_std_has_its_derivatives),
        cmocka_unit_test(conv2d_resample_has_its_derivatives),
        cmocka_unit_test(modulated_conv2d_sg2_has_its_derivatives),
        cmocka_unit_test(modulated_conv2d_sg3_has_its_derivatives),
        cmocka_unit_test(filtered_lrelu_has_its_derivatives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
