// SPDX-License-Identifier: Apache-2.0
// Parts of known networks, made of the functions of nn, against recordings: a small GPT (tables, layer norm,
// masked attention, exact GELU, cross entropy) and the first layers of Inception (both resizings in use,
// convolutions without padding, batch norm, maxima, averages that don't count padding).
#include <atelier/array.h>
#include "closed.h"
#include "nn/functions.h"
#include "recipe.h"

static atl_arrays *open_recording(fixture *f, const char *name) {
    char path[1024];
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, sizeof path, "%s/ops/%s.safetensors", data ? data : "tests/data", name);
    atl_arrays *set;
    if (atl_arrays_open(f->ctx, path, &set) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    return set;
}

static void read_numbers(const atl_arrays *set, const char *prefix, const char *name, int64_t count,
                         float *to) {
    char full[64];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    const atl_array *a = atl_arrays_find(set, full);
    if (!a || atl_array_count(a) != count)
        fail_msg("%s is not recorded with %lld numbers", full, (long long)count);
    atl_array_read_f32(a, 0, count, to);
}

// ---- GPT

enum { VOCABULARY = 70, WIDTH = 32, BLOCK = 24, LAYERS = 3, HEADS = 4, N = 2, T = 18 };

static atl_node *linear(const recipe *r, const char *layer, atl_node *x, int64_t out) {
    atl_node *w = recipe_weight(r, layer, "weight", ATL_SHAPE(out, x->shape.d[2]));
    return atl_dense(r->g, x, w, recipe_weight(r, layer, "bias", ATL_SHAPE(out)));
}

static atl_node *layer_norm(const recipe *r, const char *layer, atl_node *x) {
    atl_node *scale = recipe_weight(r, layer, "weight", ATL_SHAPE(WIDTH));
    return atl_layer_norm(r->g, x, scale, recipe_weight(r, layer, "bias", ATL_SHAPE(WIDTH)), 1e-5f);
}

static atl_node *block(const recipe *r, int layer, atl_node *x, atl_node *mask) {
    char name[8][32];
    static const char *const parts[8] = { "ln1",       "attn.query", "attn.key", "attn.value",
                                          "attn.proj", "ln2",        "mlp.0",    "mlp.2" };
    for (int i = 0; i < 8; i++)
        snprintf(name[i], sizeof name[i], "blocks.%d.%s", layer, parts[i]);
    atl_node *y = layer_norm(r, name[0], x);
    atl_node *q = linear(r, name[1], y, WIDTH), *k = linear(r, name[2], y, WIDTH),
             *v = linear(r, name[3], y, WIDTH);
    x = atl_add(r->g, x, linear(r, name[4], atl_attention(r->g, q, k, v, HEADS, 0.0f, mask), WIDTH));
    y = atl_gelu(r->g, linear(r, name[6], layer_norm(r, name[5], x), 4 * WIDTH));
    return atl_add(r->g, x, linear(r, name[7], y, WIDTH));
}

// Causal, but the first `unmasked` positions see each other.
static atl_node *mask_of(fixture *f, int unmasked) {
    if (!unmasked)
        return atl_causal_mask(&f->g, T, T);
    float v[T * T];
    for (int i = 0; i < T * T; i++)
        v[i] = i % T <= i / T || (i % T < unmasked && i / T < unmasked) ? 0.0f : -INFINITY;
    return atl_const(&f->g, ATL_SHAPE(1, T, T), v);
}

static atl_node *gpt(const recipe *r, atl_node *index, atl_node *mask) { // [n, t] -> [n, t, vocabulary]
    atl_node *x =
        atl_embedding(r->g, recipe_weight(r, "tok_emb", "weight", ATL_SHAPE(VOCABULARY, WIDTH)), index);
    atl_node *place =
        atl_slice_axis(r->g, recipe_weight(r, "", "pos_emb", ATL_SHAPE(1, BLOCK, WIDTH)), 1, 0, T);
    x = atl_add(r->g, x, atl_expand(r->g, place, x->shape));
    for (int i = 0; i < LAYERS; i++)
        x = block(r, i, x, mask);
    x = layer_norm(r, "ln_f", x);
    return atl_dense(r->g, x, recipe_weight(r, "head", "weight", ATL_SHAPE(VOCABULARY, WIDTH)), NULL);
}

static void check_gpt(fixture *f, const atl_arrays *set, const char *prefix, int unmasked) {
    static float logits[N * T * VOCABULARY];
    float target[N * T], loss, *hot;
    const recipe r = { &f->g, 1.0, "*_emb*" };
    atl_node *index = leaf(f, ATL_SHAPE(N, T)), *classes = leaf_of(f, ATL_SHAPE(N, T, VOCABULARY), &hot);
    read_numbers(set, prefix, "idx", N * T, numbers(index));
    read_numbers(set, prefix, "targets", N * T, target);
    read_numbers(set, prefix, "logits", N * T * VOCABULARY, logits);
    read_numbers(set, prefix, "loss", 1, &loss);
    for (int i = 0; i < N * T * VOCABULARY; i++)
        hot[i] = i % VOCABULARY == (int)target[i / VOCABULARY] ? 1.0f : 0.0f;
    atl_node *y = gpt(&r, index, mask_of(f, unmasked));
    atl_node *mean = atl_mean(&f->g, atl_cross_entropy(&f->g, y, classes), ALL_AXES);
    float *got = values_of_all(f, (atl_node *[]){ y, mean }, 2);
    double worst = 0.0;
    for (int i = 0; i < N * T * VOCABULARY; i++)
        worst = fmax(worst, fabs((double)got[i] - (double)logits[i]));
    printf("    %-16s worst logit %.2e (at most 1e-5)\n", prefix, worst);
    if (!(worst <= 1e-5)) // of size 1 to 8, after three layers in single precision
        fail_msg("%s: logits are %.3g away", prefix, worst);
    assert_true(fabsf(got[N * T * VOCABULARY] - loss) <= 1e-5f);
    free(got);
}

static void a_transformer_gives_its_logits(void **state) {
    fixture *f = *state;
    atl_arrays *set = open_recording(f, "gpt");
    check_gpt(f, set, "gpt", 0);
    check_gpt(f, set, "gpt_unmasked", 5);
    atl_arrays_close(&set);
}

// ---- Inception (Szegedy et al. 2016, figure 5 for the mixed layer)

// Convolution, batch norm, ReLU.
static atl_node *unit(const recipe *r, const char *name, atl_node *x, int64_t out, int kernel, int stride,
                      int pad) {
    char conv[64], bn[64];
    snprintf(conv, sizeof conv, "%s.conv", name);
    snprintf(bn, sizeof bn, "%s.bn", name);
    atl_node *p[4];
    static const char *const leaves[4] = { "running_mean", "running_var", "weight", "bias" };
    for (int i = 0; i < 4; i++)
        p[i] = recipe_weight(r, bn, leaves[i], ATL_SHAPE(out));
    x = atl_conv2d(r->g, x, recipe_weight(r, conv, "weight", ATL_SHAPE(out, x->shape.d[3], kernel, kernel)),
                   stride, pad);
    return atl_relu(r->g, atl_batch_norm(r->g, x, p[0], p[1], p[2], p[3], 1e-3f));
}

static atl_node *mixed_5b(const recipe *r, atl_node *x) {
    const atl_pool_options around = { 3, 1, 1, false, false };
    atl_node *b[4];
    b[0] = unit(r, "Mixed_5b.branch1x1", x, 64, 1, 1, 0);
    b[1] = unit(r, "Mixed_5b.branch5x5_2", unit(r, "Mixed_5b.branch5x5_1", x, 48, 1, 1, 0), 64, 5, 1, 2);
    b[2] =
        unit(r, "Mixed_5b.branch3x3dbl_2", unit(r, "Mixed_5b.branch3x3dbl_1", x, 64, 1, 1, 0), 96, 3, 1, 1);
    b[2] = unit(r, "Mixed_5b.branch3x3dbl_3", b[2], 96, 3, 1, 1);
    b[3] = unit(r, "Mixed_5b.branch_pool", atl_average_pool(r->g, x, &around), 32, 1, 1, 0);
    return atl_concat(r->g, b, 4, 3);
}

enum { STAGES = 5 };
static const char *const stages[STAGES] = { "Conv2d_1a_3x3", "Conv2d_2b_3x3", "maxpool1", "maxpool2",
                                            "Mixed_5b" };

static void stem(const recipe *r, atl_node *x, atl_node *out[STAGES]) {
    const atl_pool_options halve = { 3, 2, 0, false, false };
    out[0] = unit(r, stages[0], x, 32, 3, 2, 0);
    out[1] = unit(r, stages[1], unit(r, "Conv2d_2a_3x3", out[0], 32, 3, 1, 0), 64, 3, 1, 1);
    out[2] = atl_max_pool(r->g, out[1], &halve);
    x = unit(r, "Conv2d_4a_3x3", unit(r, "Conv2d_3b_1x1", out[2], 80, 1, 1, 0), 192, 3, 1, 0);
    out[3] = atl_max_pool(r->g, x, &halve);
    out[4] = mixed_5b(r, out[3]);
}

// Mean, deviation, and 30 numbers at even distances in the order [c, h, w].
static void check_probe(const float *v, const atl_shape *s, const float probe[32], const char *what) {
    const int64_t h = s->d[1], w = s->d[2], c = s->d[3], count = h * w * c, step = count / 30;
    double mean = 0.0, square = 0.0;
    for (int64_t i = 0; i < count; i++) {
        mean += (double)v[i] / (double)count;
        square += (double)v[i] * (double)v[i] / (double)count;
    }
    // activations of size 1 in single precision, sums of up to 1600 products; the recording was made in
    // double
    const double deviation = sqrt(square - mean * mean), bound = 2e-5;
    assert_true(fabs(mean - (double)probe[0]) <= bound && fabs(deviation - (double)probe[1]) <= bound);
    for (int64_t k = 0; k < 30; k++) {
        int64_t at = k * step, plane = at / (h * w), pixel = at % (h * w);
        double got = (double)v[pixel * c + plane], want = (double)probe[2 + k];
        if (!(fabs(got - want) <= bound * (1.0 + fabs(want))))
            fail_msg("%s: probe %lld is %.8g, not %.8g", what, (long long)k, got, want);
    }
}

// x [1, 48, 80, 3] of bytes to what the network sees, the way PyTorch's port does it or the original.
static atl_node *preprocessed(atl_graph *g, atl_node *x, bool original) {
    atl_resize_options o = { ATL_BILINEAR, original ? ATL_TOP_LEFT : ATL_CENTRES, false, 0.0f };
    x = atl_resize(g, x, 299, 299, &o);
    return original ? atl_affine(g, x, 1.0f / 128.0f, -1.0f) : atl_affine(g, x, 2.0f / 255.0f, -1.0f);
}

static void inception_begins_as_recorded(void **state) {
    fixture *f = *state;
    atl_arrays *set = open_recording(f, "inception");
    const recipe r = { &f->g, sqrt(2.5), NULL };
    for (int original = 0; original < 2; original++) {
        float image[3 * 48 * 80], probe[32];
        read_numbers(set, "c", "image", 3 * 48 * 80, image);
        atl_node *x = leaf(f, ATL_SHAPE(1, 48, 80, 3)), *out[STAGES];
        for (int i = 0; i < 3 * 48 * 80; i++)
            numbers(x)[i % (48 * 80) * 3 + i / (48 * 80)] = image[i];
        stem(&r, preprocessed(&f->g, x, original), out);
        float *got = values_of_all(f, out, STAGES), *at = got;
        for (int i = 0; i < STAGES; at += atl_shape_count(&out[i++]->shape)) {
            char name[48];
            snprintf(name, sizeof name, "%s.%s.probe", original ? "tf" : "torch", stages[i]);
            read_numbers(set, "c", name, 32, probe);
            check_probe(at, &out[i]->shape, probe, name);
        }
        free(got);
    }
    atl_arrays_close(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_transformer_gives_its_logits, setup, teardown),
        cmocka_unit_test_setup_teardown(inception_begins_as_recorded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
