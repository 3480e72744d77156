// SPDX-License-Identifier: Apache-2.0
// Checkpoints: an official pickle's networks, configs and values; Atelier's own file in both precisions;
// damaged networks.
#include "check.h"

#include <math.h>
#include "ckpt/ckpt.h"
#include "io/arrays.h"

static const char official[] = "stylegan/sg2-16-orig-gray.pkl";

static atl_ckpt *open_data(atl_ctx *ctx, const char *name) {
    char path[600];
    atl_ckpt *ckpt;
    assert_ok(ctx, atl_ckpt_open(ctx, data_path(path, sizeof path, name), &ckpt));
    return ckpt;
}

static void check_json(const json_t *json, const char *wanted) {
    json_t *want = json_loads(wanted, 0, NULL);
    assert_non_null(want);
    if (!json_equal(json, want))
        fail_msg("got %s", json_dumps(json, JSON_COMPACT));
    json_decref(want);
}

static void official_networks_are_described(void **state) {
    atl_ckpt *ckpt = open_data(*state, official);
    assert_int_equal(atl_ckpt_size(ckpt), 3);
    assert_string_equal(atl_ckpt_get(ckpt, 0)->key, "G_ema");
    assert_string_equal(atl_ckpt_get(ckpt, 1)->key, "G");
    assert_string_equal(atl_ckpt_get(ckpt, 2)->key, "D");
    assert_string_equal(atl_ckpt_get(ckpt, 0)->kind, "stylegan2_generator");
    assert_string_equal(atl_ckpt_get(ckpt, 2)->kind, "stylegan2_discriminator");
    assert_null(atl_ckpt_get(ckpt, 0)->why);
    assert_null(atl_ckpt_get(ckpt, 2)->why);
    assert_null(atl_ckpt_get(ckpt, 3));
    check_json(
        atl_ckpt_get(ckpt, 0)->config,
        "{\"z_dim\":64,\"c_dim\":0,\"w_dim\":64,\"num_ws\":6,\"img_resolution\":16,\"img_channels\":1,"
        "\"block_resolutions\":[4,8,16],\"architecture\":\"orig\",\"conv_clamp\":256,\"use_noise\":true,"
        "\"activation\":\"lrelu\",\"channels\":[32,32,32],\"resample_filter\":[1.0,3.0,3.0,1.0],"
        "\"mapping\":{\"z_dim\":64,\"c_dim\":0,\"w_dim\":64,\"num_ws\":6,\"num_layers\":8,\"w_avg_beta\":0."
        "998,"
        "\"embed_features\":0,\"layer_features\":64,\"lr_multiplier\":0.01,\"activation\":\"lrelu\"}}");
    check_json(atl_ckpt_get(ckpt, 2)->config,
               "{\"c_dim\":0,\"img_resolution\":16,\"img_channels\":1,\"block_resolutions\":[16,8],"
               "\"architecture\":\"orig\","
               "\"conv_clamp\":256,\"activation\":\"lrelu\",\"channels\":[32,32,32],\"cmap_dim\":0,\"mbstd_"
               "group_size\":4,"
               "\"mbstd_num_channels\":1,\"resample_filter\":[1.0,3.0,3.0,1.0],\"mapping\":null}");
    check_json(
        atl_ckpt_record(ckpt),
        "{\"class_name\":\"training.dataset.ImageFolderDataset\",\"path\":\"data.zip\",\"use_labels\":false,"
        "\"max_size\":null,\"xflip\":false,\"resolution\":16}");
    atl_ckpt_close(&ckpt);
}

static void check_param(const atl_params *params, const char *name, bool buffer, int rank,
                        const int64_t *dims) {
    const atl_param *p = atl_params_find(params, name);
    if (!p)
        fail_msg("%s is missing", name);
    assert_int_equal(p->buffer, buffer);
    assert_int_equal(p->rank, rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(p->dims[i], dims[i]);
}

static void official_values_have_their_names_and_shapes(void **state) {
    atl_ckpt *ckpt = open_data(*state, official);
    atl_params g, d;
    atl_params_init(&g, *state);
    atl_params_init(&d, *state);
    assert_ok(*state, atl_ckpt_load(ckpt, 0, &g));
    assert_ok(*state, atl_ckpt_load(ckpt, 2, &d));
    atl_ckpt_close(&ckpt); // the values are copies
    assert_int_equal(g.size, 60);
    assert_int_equal(d.size, 24);
    check_param(&g, "mapping.w_avg", true, 1, (int64_t[]){ 64 });
    check_param(&g, "mapping.fc7.weight", false, 2, (int64_t[]){ 64, 64 });
    check_param(&g, "synthesis.b4.const", false, 3, (int64_t[]){ 32, 4, 4 });
    check_param(&g, "synthesis.b8.conv0.noise_const", true, 2, (int64_t[]){ 8, 8 });
    check_param(&g, "synthesis.b8.conv0.noise_strength", false, 0, NULL);
    check_param(&g, "synthesis.b16.torgb.affine.bias", false, 1, (int64_t[]){ 32 });
    check_param(&d, "b4.conv.weight", false, 4, (int64_t[]){ 32, 33, 3, 3 });
    check_param(&d, "b16.resample_filter", true, 2, (int64_t[]){ 4, 4 });
    const float *filter = atl_param_data(&d, atl_params_find(&d, "b16.resample_filter"));
    for (int i = 0; i < 16; i++) // the outer product of 1 3 3 1, divided by 64
        assert_true(filter[i] == (float)((i % 4 % 3 ? 3 : 1) * (i / 4 % 3 ? 3 : 1)) / 64.0f);
    atl_params_clear(&g);
    atl_params_clear(&d);
}

// ---- Atelier's own file

typedef struct networks {
    atl_ckpt *ckpt;
    atl_params params[2];
    atl_ckpt_out out[2];
    char path[100];
} networks;

static void write_both(atl_ctx *ctx, atl_dtype dtype, networks *n) {
    n->ckpt = open_data(ctx, official);
    for (int i = 0; i < 2; i++) { // D first: its size leaves the next network unaligned
        const atl_ckpt_net *net = atl_ckpt_get(n->ckpt, i ? 0 : 2);
        atl_params_init(&n->params[i], ctx);
        assert_ok(ctx, atl_ckpt_load(n->ckpt, i ? 0 : 2, &n->params[i]));
        n->out[i] = (atl_ckpt_out){ net->key, net->kind, net->config, &n->params[i], NULL };
    }
    make_file(n->path, sizeof n->path, "", 0);
    assert_ok(ctx, atl_ckpt_write(ctx, n->path, n->out, 2, atl_ckpt_record(n->ckpt), NULL, dtype));
}

static void drop_both(networks *n) {
    drop_file(n->path);
    for (int i = 0; i < 2; i++)
        atl_params_clear(&n->params[i]);
    atl_ckpt_close(&n->ckpt);
}

static void own_file_keeps_everything_and_is_mapped(void **state) {
    networks n;
    write_both(*state, ATL_F32, &n);
    atl_ckpt *own;
    assert_ok(*state, atl_ckpt_open(*state, n.path, &own));
    assert_int_equal(atl_ckpt_size(own), 2);
    assert_true(json_equal(atl_ckpt_record(own), atl_ckpt_record(n.ckpt)));
    atl_params p[2];
    for (int i = 0; i < 2; i++) {
        const atl_ckpt_net *net = atl_ckpt_get(own, (size_t)i);
        assert_string_equal(net->key, n.out[i].key);
        assert_string_equal(net->kind, n.out[i].kind);
        assert_true(json_equal(net->config, n.out[i].config));
        atl_params_init(&p[i], *state);
        assert_ok(*state, atl_ckpt_load(own, (size_t)i, &p[i]));
        assert_non_null(p[i].mapping);
        assert_int_equal((uintptr_t)p[i].data % 64, 0);
    }
    atl_ckpt_close(&own);
    for (int i = 0; i < 2; i++) { // the mappings outlive the checkpoint
        assert_true(atl_params_fingerprint(&p[i]) == atl_params_fingerprint(&n.params[i]));
        for (size_t k = 0; k < p[i].size; k++) {
            const atl_param *a = &p[i].list[k], *b = atl_params_find(&n.params[i], a->name);
            assert_int_equal(a->buffer, b->buffer);
            assert_true(a->offset + a->count <= p[i].total);
        }
        p[i].data[0] += 1; // may be changed in memory: the file is not
        atl_params_clear(&p[i]);
    }
    assert_ok(*state, atl_ckpt_open(*state, n.path, &own));
    atl_params_init(&p[0], *state);
    assert_ok(*state, atl_ckpt_load(own, 0, &p[0]));
    assert_true(atl_params_fingerprint(&p[0]) == atl_params_fingerprint(&n.params[0]));
    atl_params_clear(&p[0]);
    atl_ckpt_close(&own);
    drop_both(&n);
}

static void half_precision_rounds_weights_and_keeps_buffers(void **state) {
    networks n;
    write_both(*state, ATL_F16, &n);
    atl_ckpt *own;
    atl_params p;
    assert_ok(*state, atl_ckpt_open(*state, n.path, &own));
    atl_params_init(&p, *state);
    assert_ok(*state, atl_ckpt_load(own, 1, &p));
    for (size_t i = 0; i < p.size; i++) {
        const atl_param *a = &p.list[i], *b = atl_params_find(&n.params[1], a->name);
        for (size_t k = 0; k < a->count; k++) {
            float x = atl_param_data(&p, a)[k], y = atl_param_data(&n.params[1], b)[k];
            // half of the last of 11 bits, and half of the smallest step near 0
            assert_true(a->buffer ? x == y : fabsf(x - y) <= fabsf(y) * 0x1p-11f + 0x1p-25f);
        }
    }
    atl_params_clear(&p);
    atl_ckpt_close(&own);
    atl_param_data(&n.params[1], atl_params_find(&n.params[1], "synthesis.b4.const"))[5] = 70000;
    assert_fails(*state, atl_ckpt_write(*state, n.path, n.out, 2, NULL, NULL, ATL_F16), ATL_BAD_ARGUMENT,
                 "G_ema.synthesis.b4.const holds 70000");
    assert_fails(*state, atl_ckpt_write(*state, n.path, n.out, 2, NULL, NULL, ATL_I8), ATL_BAD_ARGUMENT,
                 "not as I8");
    drop_both(&n);
}

// ---- damage

// The official file with the 4 bytes of one value replaced, wherever its tensor stands in the file.
static void values_that_are_not_finite_are_refused_by_name(void **state) {
    static const uint32_t bad[] = { 0x7fc00000, 0x7f800000, 0xff800000, 0xffffffff };
    char path[600];
    atl_file file;
    assert_ok(*state, atl_file_map(*state, data_path(path, sizeof path, official), &file));
    uint8_t *bytes = malloc(file.bytes);
    memcpy(bytes, file.data, file.bytes);
    atl_ckpt *ckpt = open_data(*state, official);
    atl_params g;
    atl_params_init(&g, *state);
    assert_ok(*state, atl_ckpt_load(ckpt, 0, &g));
    const uint8_t *wanted = (const uint8_t *)atl_param_data(&g, atl_params_find(&g, "mapping.fc3.weight"));
    size_t at = 0;
    while (memcmp(bytes + at, wanted, 64) != 0)
        assert_true(++at < file.bytes - 64);
    atl_params_clear(&g);
    atl_ckpt_close(&ckpt);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char copy[100];
        memcpy(bytes + at + 4 * 63, &bad[i], 4);
        make_file(copy, sizeof copy, bytes, file.bytes);
        assert_ok(*state, atl_ckpt_open(*state, copy, &ckpt));
        atl_params_init(&g, *state);
        assert_fails(*state, atl_ckpt_load(ckpt, 0, &g), ATL_BAD_FILE,
                     "G_ema.mapping.fc3.weight holds infinite");
        atl_params_clear(&g);
        atl_ckpt_close(&ckpt);
        drop_file(copy);
    }
    free(bytes);
    atl_file_unmap(&file);
}

static void open_text(atl_ctx *ctx, const void *bytes, size_t size, atl_status wanted, const char *text) {
    char path[100];
    atl_ckpt *ckpt;
    make_file(path, sizeof path, bytes, size);
    assert_fails(ctx, atl_ckpt_open(ctx, path, &ckpt), wanted, text);
    assert_null(ckpt);
    drop_file(path);
}

static void other_files_are_refused(void **state) {
    atl_ckpt *ckpt;
    assert_fails(*state, atl_ckpt_open(*state, "/nowhere/net.pkl", &ckpt), ATL_IO, "can't be opened");
    assert_fails(*state, atl_ckpt_open(*state, "/tmp", &ckpt), ATL_IO, "regular file");
    open_text(*state, "", 0, ATL_BAD_FILE, "no checkpoint");
    open_text(*state, "\x89PNG\r\n\x1a\n", 8, ATL_BAD_FILE, "no checkpoint");
    open_text(*state, "\x80\x02}.", 4, ATL_UNSUPPORTED, "holds no network");
    open_text(*state, "\x80\x02K\x01.", 5, ATL_UNSUPPORTED, "holds no network");
    open_text(*state, "\2\0\0\0\0\0\0\0{}", 10, ATL_UNSUPPORTED, "holds no network");
    open_text(*state,
              "\x80\x02"
              "cos\nsystem\nX\x02\0\0\0id\x85R.",
              22, ATL_BAD_FILE, "os.system");
}

static void open_own(atl_ctx *ctx, const char *description, atl_status wanted, const char *text) {
    char path[100];
    float x = 1;
    atl_array a = { "G.a", ATL_F32, 0, { 0 }, &x };
    atl_pair metadata = { "atelier", description };
    atl_ckpt *ckpt;
    make_file(path, sizeof path, "", 0);
    assert_ok(ctx, atl_safetensors_write(ctx, path, &a, 1, &metadata, 1));
    atl_status status = atl_ckpt_open(ctx, path, &ckpt);
    if (status == ATL_OK) { // what it announces is looked for on loading
        atl_params params;
        atl_params_init(&params, ctx);
        status = atl_ckpt_load(ckpt, 0, &params);
        atl_params_clear(&params);
        atl_ckpt_close(&ckpt);
    }
    if (wanted == ATL_OK)
        assert_ok(ctx, status);
    else
        assert_fails(ctx, status, wanted, text);
    drop_file(path);
}

static void own_files_with_bad_descriptions_are_refused(void **state) {
    open_own(*state, "{\"version\":1,\"networks\":{\"G\":{\"kind\":\"k\",\"config\":{}}}}", ATL_OK, "");
    open_own(*state, "{\"version\":2,\"networks\":{}}", ATL_UNSUPPORTED, "newer");
    open_own(*state, "{\"networks\":{}}", ATL_UNSUPPORTED, "newer");
    open_own(*state, "{\"version\":1}", ATL_BAD_FILE, "lists none");
    open_own(*state, "{\"version\":1,\"networks\":{\"G\":{\"config\":{}}}}", ATL_BAD_FILE, "lacks");
    open_own(*state, "{\"version\":1,\"networks\":{\"G\":{\"kind\":\"k\"}}}", ATL_BAD_FILE, "lacks");
    open_own(*state, "{\"version\":1,\"networks\":{\"D\":{\"kind\":\"k\",\"config\":{}}}}", ATL_BAD_FILE,
             "no tensors of D");
    open_own(*state, "[", ATL_BAD_FILE, "can't be read");
}

// A module made by hand, whose tensors are numpy arrays for brevity.
#define ARRAY                                                                                                \
    "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"                                         \
    "C\x01"                                                                                                  \
    "b\x87R(K\x01K\x01\x85"                                                                                  \
    "cnumpy\ndtype\nX\x02\0\0\0f4\x89\x88\x87R(K\x03X\x01\0\0\0<"                                            \
    "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"                                                         \
    "C\x04\0\0\x80\x3ftb"
#define EMPTY(name, size) "X" size "\0\0\0" name "}"
#define MODULE(inside)    "cmy.nets\nNet\n)\x81}(" inside "ub"
#define PICKLED(module)   "\x80\x03}X\x01\0\0\0D" module "s."

static void load_text(atl_ctx *ctx, const char *pickle, size_t size, atl_params *params, atl_status wanted,
                      const char *text) {
    char path[100];
    atl_ckpt *ckpt;
    make_file(path, sizeof path, pickle, size);
    assert_ok(ctx, atl_ckpt_open(ctx, path, &ckpt));
    assert_string_equal(atl_ckpt_get(ckpt, 0)->kind, "unknown");
    assert_non_null(strstr(atl_ckpt_get(ckpt, 0)->why, "class Net"));
    atl_params_init(params, ctx);
    atl_status status = atl_ckpt_load(ckpt, 0, params);
    if (wanted == ATL_OK)
        assert_ok(ctx, status);
    else
        assert_fails(ctx, status, wanted, text);
    atl_ckpt_close(&ckpt);
    drop_file(path);
}

static void frozen_weights_among_the_buffers_are_parameters(void **state) {
    static const char pickle[] = PICKLED(MODULE(
        EMPTY("_parameters", "\x0b") EMPTY("_modules", "\x08") "X\x08\0\0\0_buffers}(X\x06\0\0\0weight" ARRAY
                                                               "X\x05\0\0\0w_avg" ARRAY "X\x04\0\0\0noneNu"));
    atl_params p;
    load_text(*state, pickle, sizeof pickle - 1, &p, ATL_OK, "");
    assert_int_equal(p.size, 2); // None is no tensor
    assert_false(atl_params_find(&p, "weight")->buffer);
    assert_true(atl_params_find(&p, "w_avg")->buffer);
    assert_true(*atl_param_data(&p, atl_params_find(&p, "w_avg")) == 1);
    atl_params_clear(&p);
}

static void modules_that_hold_themselves_are_refused(void **state) {
    static const char pickle[] = PICKLED("cmy.nets\nNet\n)\x81q\0}(" EMPTY("_parameters", "\x0b") EMPTY(
        "_buffers", "\x08") "X\x08\0\0\0_modules}X\x01\0\0\0xh\0sub");
    atl_params p;
    load_text(*state, pickle, sizeof pickle - 1, &p, ATL_BAD_FILE, "nest too deeply");
    atl_params_clear(&p);
}

static void things_that_are_no_tensors_are_refused(void **state) {
    static const char number[] = PICKLED(MODULE(EMPTY("_buffers", "\x08") EMPTY(
        "_modules", "\x08") "X\x0b\0\0\0_parametersC\x01xX\x0b\0\0\0_parameters}X\x01\0\0\0xK\x01s"));
    static const char twice[] = PICKLED(MODULE(EMPTY("_buffers", "\x08") EMPTY(
        "_modules", "\x08") "X\x0b\0\0\0_parameters}(X\x01\0\0\0x" ARRAY "X\x01\0\0\0x" ARRAY "u"));
    atl_params p;
    load_text(*state, number, sizeof number - 1, &p, ATL_BAD_FILE, "no tensor");
    atl_params_clear(&p);
    load_text(*state, twice, sizeof twice - 1, &p, ATL_BAD_FILE, "two parameters are named 'x'");
    atl_params_clear(&p);
}

static double strength_of(atl_ctx *ctx, const char *path) {
    double p = 7;
    atl_ckpt *ckpt;
    assert_ok(ctx, atl_ckpt_open(ctx, path, &ckpt));
    assert_ok(ctx, atl_ckpt_augment_p(ckpt, &p));
    atl_ckpt_close(&ckpt);
    return p;
}

// The official file with another p in its pipe, which is the only 1.0 of a storage of one element there.
static double strength_with(atl_ctx *ctx, float p) {
    static const char one[] = "\1\0\0\0\0\0\0\0\0\0\x80\x3f", path[] = "strength.pkl";
    char from[600];
    atl_file file;
    size_t at = 0;
    assert_ok(ctx, atl_file_map(ctx, data_path(from, sizeof from, official), &file));
    uint8_t *bytes = malloc(file.bytes);
    assert_non_null(bytes);
    memcpy(bytes, file.data, file.bytes);
    while (memcmp(bytes + at, "augment_pipe", 12) != 0)
        assert_true(++at + 12 < file.bytes);
    while (memcmp(bytes + at, one, 12) != 0)
        assert_true(++at + 12 < file.bytes);
    memcpy(bytes + at + 8, &p, sizeof p);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, file.bytes, out), file.bytes);
    assert_int_equal(fclose(out), 0);
    free(bytes);
    atl_file_unmap(&file);
    double found = strength_of(ctx, path);
    assert_int_equal(remove(path), 0);
    return found;
}

static void strengths_of_augmentation_are_found(void **state) {
    char path[600];
    assert_true(strength_with(*state, 0.25f) == 0.25);
    assert_true(strength_with(*state, 0.0f) == 0.0);
    assert_true(strength_with(*state, 34.0f) == 1.0);
    assert_true(strength_with(*state, NAN) < 0.0);
    assert_true(strength_with(*state, 1.0f) < 0.0); // no trainer has set it
    assert_true(strength_of(*state, data_path(path, sizeof path, "cases/bare-G.pkl")) < 0.0);
}

// Every allocation of opening and loading fails once: an error each time, no crash, no leak.
static void missing_memory_is_an_error(void **state) {
    atl_ctx *ctx = *state;
    char path[600];
    data_path(path, sizeof path, official);
    for (long n = 0;; n++) {
        atl_ckpt *ckpt = NULL;
        atl_params p;
        atl_params_init(&p, ctx);
        ctx->fail_after = n;
        atl_status status = atl_ckpt_open(ctx, path, &ckpt);
        if (status == ATL_OK)
            status = atl_ckpt_load(ckpt, 2, &p);
        bool spent = ctx->fail_after < 0;
        ctx->fail_after = -1;
        atl_params_clear(&p);
        atl_ckpt_close(&ckpt);
        if (!spent) { // fewer allocations than that: all of them have been tried
            assert_ok(ctx, status);
            assert_true(n > 10);
            return;
        }
        assert_fails(ctx, status, ATL_NO_MEMORY, "memory");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(official_networks_are_described),
        TEST(official_values_have_their_names_and_shapes),
        TEST(own_file_keeps_everything_and_is_mapped),
        TEST(half_precision_rounds_weights_and_keeps_buffers),
        TEST(values_that_are_not_finite_are_refused_by_name),
        TEST(other_files_are_refused),
        TEST(own_files_with_bad_descriptions_are_refused),
        TEST(frozen_weights_among_the_buffers_are_parameters),
        TEST(modules_that_hold_themselves_are_refused),
        TEST(things_that_are_no_tensors_are_refused),
        TEST(strengths_of_augmentation_are_found),
        TEST(missing_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
