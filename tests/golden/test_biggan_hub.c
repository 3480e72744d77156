// SPDX-License-Identifier: Apache-2.0
// BigGAN of TensorFlow Hub as its converter writes it: a state dict of the PyTorch form, narrow here, with the
// blocks, the attention and the latents of the three published sizes.  What the tensors don't say, two small
// numbers under roots, is told by what nobody else trained, or by the user.
#include "golden.h"
#include "state.h"

#include <math.h>

#include <atelier/atelier.h>

enum { CLASSES = 5, CLASS_DIM = 8, BLOCKS_MOST = 7 };

static const struct hub {
    int resolution, z_dim, piece, attends; // numbers of a latent for each layer; the block before attention
    int widths[BLOCKS_MOST + 1];           // into the blocks, and out of the last
    bool known;                            // by its form
} CASES[] = {
    { 128, 120, 20, 3, { 64, 64, 32, 16, 8, 4 }, false },
    { 256, 140, 20, 4, { 64, 64, 32, 32, 16, 8, 4 }, true },
    { 512, 128, 16, 3, { 64, 64, 32, 32, 16, 8, 4, 4 }, true },
};

static void add(state_dict *d, const char *name, const char *end, int rank, const int64_t *dims) {
    static const state_options plain = { 0 };
    char full[200];
    snprintf(full, sizeof full, "%s.%s", name, end);
    state_fill(&plain, full, rank, dims, state_add(d, NULL, full, rank, dims));
}

// A weight and the vector of its norm; a bias where it has one.
static void add_layer(state_dict *d, const char *name, int64_t out, int64_t in, int64_t k, bool bias) {
    add(d, name, "weight", k ? 4 : 2, (const int64_t[]){ out, in, k, k });
    add(d, name, "u0", 2, (const int64_t[]){ 1, out });
    if (bias)
        add(d, name, "bias", 1, &out);
}

// Small variances, so that what is added to them shows.
static void add_statistics(state_dict *d, const char *name, int64_t c) {
    char full[200];
    add(d, name, "stored_mean", 1, &c);
    snprintf(full, sizeof full, "%s.stored_var", name);
    float *variance = state_add(d, NULL, full, 1, &c);
    for (int64_t i = 0; i < c; i++)
        variance[i] = 1e-2f;
}

static void add_block(state_dict *d, const struct hub *h, int i) {
    char name[100];
    int64_t in = h->widths[i], out = h->widths[i + 1], told = CLASS_DIM + h->piece;
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "blocks.%d.0.conv%d", i, k + 1);
        add_layer(d, name, out, k ? out : in, 3, true);
        snprintf(name, sizeof name, "blocks.%d.0.bn%d", i, k + 1);
        add_statistics(d, name, k ? out : in);
        snprintf(name, sizeof name, "blocks.%d.0.bn%d.gain", i, k + 1);
        add_layer(d, name, k ? out : in, told, 0, false);
        snprintf(name, sizeof name, "blocks.%d.0.bn%d.bias", i, k + 1);
        add_layer(d, name, k ? out : in, told, 0, false);
    }
    snprintf(name, sizeof name, "blocks.%d.0.conv_sc", i);
    add_layer(d, name, out, in, 1, true);
}

static void add_attention(state_dict *d, const struct hub *h) {
    static const struct {
        const char *name;
        int of_in, of_out;
    } parts[] = { { "theta", 8, 1 }, { "phi", 8, 1 }, { "g", 2, 1 }, { "o", 1, 2 } };
    int64_t c = h->widths[h->attends + 1], none = 0;
    char name[100];
    for (int k = 0; k < 4; k++) {
        snprintf(name, sizeof name, "blocks.%d.1.%s", h->attends, parts[k].name);
        int64_t out = k == 3 ? c : c / parts[k].of_in, in = k == 3 ? c / 2 : c;
        add_layer(d, name, out, in, 1, false);
    }
    snprintf(name, sizeof name, "blocks.%d.1", h->attends);
    add(d, name, "gamma", 0, &none);
}

static void write_file(atl_ctx *ctx, const struct hub *h, const char *path) {
    state_dict *d = calloc(1, sizeof *d);
    int64_t first = h->widths[0];
    int blocks = 0;
    assert_non_null(d);
    add(d, "shared", "weight", 2, (const int64_t[]){ CLASSES, CLASS_DIM });
    add_layer(d, "linear", 16 * first, h->piece, 0, true);
    for (; 4 << blocks < h->resolution; blocks++)
        add_block(d, h, blocks);
    add_attention(d, h);
    int64_t last = h->widths[blocks];
    add(d, "output_layer.0", "gain", 1, &last);
    add(d, "output_layer.0", "bias", 1, &last);
    add_statistics(d, "output_layer.0", last);
    add_layer(d, "output_layer.2", 3, last, 3, true);
    state_write(ctx, d, path);
    state_free(d);
}

// The picture of a seed, with what the user says of the file.
static float *picture(atl_ctx *ctx, const struct hub *h, const char *path, const char *assume) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    atl_model *m;
    o.assume = assume;
    if (atl_model_open(ctx, path, &o, &m) != ATL_OK)
        fail_msg("%d: %s", h->resolution, atl_message(ctx));
    const atl_model_info *i = atl_model_get_info(m);
    assert_true(i->z_dim == h->z_dim && i->c_dim == CLASSES && i->width == h->resolution &&
                i->height == h->resolution && i->num_ws == h->z_dim / h->piece && i->truncates_z);
    size_t count = 3 * (size_t)h->resolution * (size_t)h->resolution;
    float z[140], c[CLASSES] = { 0, 0, 1 }, *img = malloc(count * sizeof *img),
          *ws = malloc(sizeof *ws * (size_t)(i->num_ws * i->w_dim));
    assert_true(img && ws);
    atl_seed_to_z(3, (size_t)h->z_dim, z);
    if (atl_model_map(m, 1, z, c, NULL, ws) != ATL_OK || atl_model_synthesize(m, 1, ws, NULL, img) != ATL_OK)
        fail_msg("%d: %s", h->resolution, atl_message(ctx));
    double sum = 0, squares = 0;
    for (size_t k = 0; k < count; k++) {
        assert_true(fabsf(img[k]) <= 1.0f);
        sum += (double)img[k];
        squares += (double)img[k] * (double)img[k];
    }
    assert_true(squares / (double)count - pow(sum / (double)count, 2.0) > 1e-4); // not one colour
    free(ws);
    atl_model_close(&m);
    return img;
}

static void converted_files_open(void **state) {
    (void)state;
    static const char path[] = "biggan-hub.safetensors";
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        const struct hub *h = &CASES[k];
        write_file(ctx, h, path);
        size_t bytes = 3 * (size_t)h->resolution * (size_t)h->resolution * sizeof(float);
        float *plain = picture(ctx, h, path, NULL), *hub = picture(ctx, h, path, "bn_eps=1e-4,sn_eps=1e-4"),
              *usual = picture(ctx, h, path, "bn_eps=1e-5,sn_eps=1e-8");
        assert_memory_not_equal(hub, usual, bytes);
        assert_memory_equal(plain, h->known ? hub : usual, bytes);
        free(plain), free(hub), free(usual);
    }
    remove(path);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(converted_files_open) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
