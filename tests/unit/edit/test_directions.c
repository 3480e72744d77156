// SPDX-License-Identifier: Apache-2.0
// Sets of directions in files, others' and ours; fits that can't be; styles, and edits within a mask.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/network.h>
#include <atelier/rng.h>
#include "edit/directions.h"
#include "edit/fit.h"

static atl_ctx *ctx;
static const char *corpus;

static void ok(atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static void refused(atl_status status, const char *sentence) {
    if (status == ATL_OK || !strstr(atl_message(ctx), sentence))
        fail_msg("status %d, the sentence is: %s", status, atl_message(ctx));
    atl_message_clear(ctx);
}

static atl_status open_file(const char *name, int *unsure, atl_directions **set) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", corpus, name);
    return atl_directions_open(ctx, path, NULL, unsure, set);
}

static atl_directions *opened(const char *name, int is_unsure, size_t count, atl_direction_space space,
                              int64_t width) {
    atl_directions *set;
    int unsure;
    ok(open_file(name, &unsure, &set));
    assert_int_equal(unsure, is_unsure);
    assert_int_equal(atl_directions_size(set), count);
    assert_int_equal(atl_directions_get(set, 0)->space, space);
    assert_int_equal(atl_directions_get(set, 0)->width, width);
    return set;
}

static void near(double x, double y) {
    if (!(fabs(x - y) <= 1e-6 * (1 + fabs(y))))
        fail_msg("%.9g in place of %.9g", x, y);
}

// ---- files

static void files_of_others_are_recognised(void **state) {
    (void)state;
    atl_directions *set = opened("boundary.npy", 1, 1, ATL_DIRECTION_W, 8);
    atl_directions_close(&set);
    set = opened("ganspace.npz", 1, 3, ATL_DIRECTION_W, 8);
    near((double)atl_directions_get(set, 1)->scale, 2);
    assert_non_null(atl_directions_get(set, 1)->mean);
    atl_directions_close(&set);
    set = opened("edit.pkl", 0, 1, ATL_DIRECTION_W, 8);
    const atl_direction *d = atl_directions_find(set, "Big smile");
    assert_non_null(d);
    assert_true(d->layers == 0x30); // 4 and 5: the end is not among them
    near((double)d->scale, 2.5);
    atl_directions_close(&set);
    set = opened("pose.pt", 0, 1, ATL_DIRECTION_WS, 8);
    assert_int_equal(atl_directions_get(set, 0)->rows, 3);
    atl_directions_close(&set);
    set = opened("pca.pt", 1, 3, ATL_DIRECTION_W, 8);
    near((double)atl_directions_get(set, 1)->values[2],
         8); // comp is stored with its strides the other way round
    near((double)atl_directions_get(set, 0)->scale, 3);
    atl_directions_close(&set);
}

// A direction of factor.pt is a column.
static void factors_are_columns(void **state) {
    (void)state;
    char path[4096];
    float all[16];
    atl_arrays *arrays;
    atl_directions *set = opened("factor.pt", 0, 4, ATL_DIRECTION_W, 4);
    snprintf(path, sizeof path, "%s/factor.pt", corpus);
    ok(atl_arrays_open(ctx, path, &arrays));
    atl_array_read_f32(atl_arrays_find(arrays, "eigvec"), 0, 16, all);
    for (int i = 0; i < 16; i++)
        assert_true(atl_directions_get(set, (size_t)i / 4)->values[i % 4] == all[i % 4 * 4 + i / 4]);
    assert_string_equal(atl_directions_method(set), "sefa");
    atl_arrays_close(&arrays);
    atl_directions_close(&set);
}

static void check_channels(const char *name) {
    atl_directions *set = opened(name, 0, 2, ATL_DIRECTION_S, strstr(name, ".txt") ? 2 : 3);
    const atl_direction *smile = atl_directions_find(set, "smile");
    assert_non_null(smile);
    assert_non_null(atl_directions_find(set, "eyes"));
    assert_int_equal(smile->styles[0], 6);
    assert_int_equal(smile->styles[1], 5);
    assert_int_equal(smile->styles[3], 17);
    near((double)smile->values[0], 12.5);
    near((double)smile->values[1], -3);
    atl_directions_close(&set);
}

static void channels_are_read_as_text_and_json(void **state) {
    (void)state;
    check_channels("channels.txt");
    check_channels("channels.json");
}

static void check_again(const atl_directions *set) {
    char path[] = "/tmp/atl-directions-XXXXXX";
    atl_directions *again;
    int file = mkstemp(path), unsure = 1;
    assert_true(file >= 0);
    close(file);
    ok(atl_directions_write(set, path));
    ok(atl_directions_open(ctx, path, NULL, &unsure, &again));
    assert_int_equal(unsure, 0);
    assert_int_equal(atl_directions_size(again), atl_directions_size(set));
    assert_string_equal(atl_directions_method(again), atl_directions_method(set));
    assert_string_equal(atl_directions_source(again), atl_directions_source(set));
    for (size_t i = 0; i < atl_directions_size(set); i++) {
        const atl_direction *a = atl_directions_get(set, i), *b = atl_directions_get(again, i);
        assert_string_equal(a->name, b->name);
        assert_true(a->space == b->space && a->rows == b->rows && a->width == b->width);
        assert_true(a->layers == b->layers && a->scale == b->scale && a->offset == b->offset);
        assert_true(a->value == b->value || (isnan(a->value) && isnan(b->value)));
        assert_memory_equal(a->values, b->values, (size_t)(a->rows * a->width) * sizeof(float));
        assert_true(!a->mean == !b->mean && !a->styles == !b->styles);
        if (a->styles)
            assert_memory_equal(a->styles, b->styles, (size_t)a->width * 2 * sizeof(int32_t));
    }
    atl_directions_close(&again);
    unlink(path);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    static const char *const names[] = { "boundary.npy",       "ganspace.npz",
                                         "edit.pkl",           "pose.pt",
                                         "channels.txt",       "own.safetensors",
                                         "own-ws.safetensors", "own-styles.safetensors" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        atl_directions *set;
        ok(open_file(names[i], NULL, &set));
        check_again(set);
        atl_directions_close(&set);
    }
}

static void broken_files_are_refused(void **state) {
    (void)state;
    static const char *const names[][2] = {
        { "broken.txt", "line 2 is no channel" },
        { "broken.json", "entry 0 is no [LAYER, CHANNEL, VALUE]" },
        { "zero.json", "is zero everywhere" },
        { "layers.safetensors", "names and layers" },
        { "lists.safetensors", "another length" },
        { "space.safetensors", "version or space" },
        { "negative.safetensors", "channels of styles" },
        { "nan.safetensors", "NaN or infinity" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        atl_directions *set;
        refused(open_file(names[i][0], NULL, &set), names[i][1]);
        assert_null(set);
    }
}

// ---- layers

static void layers_are_written_as_people_do(void **state) {
    (void)state;
    char text[ATL_LAYERS_TEXT];
    uint64_t layers;
    assert_true(atl_layers_parse("0-3,7", &layers) && layers == 0x8f);
    assert_string_equal(atl_layers_text(0x8f, text), "0-3,7");
    assert_string_equal(atl_layers_text(0, text), "");
    assert_string_equal(atl_layers_text(~(uint64_t)0, text), "0-63");
    assert_true(atl_layers_parse("", &layers) && layers == 0);
    assert_false(atl_layers_parse("3-1", &layers));
    assert_false(atl_layers_parse("64", &layers));
    assert_false(atl_layers_parse("1,", &layers));
    assert_false(atl_layers_parse("-1", &layers));
    for (uint64_t i = 0x5555555555555555u; i; i <<= 1) { // the longest texts
        assert_true(atl_layers_parse(atl_layers_text(i, text), &layers));
        assert_true(layers == i);
    }
}

// ---- moving

static void a_direction_moves_its_layers(void **state) {
    (void)state;
    const float v[2] = { 0, 1 };
    float x[6] = { 1, 2, 3, 4, 5, 6 };
    atl_direction d = {
        .name = "", .space = ATL_DIRECTION_W, .rows = 1, .width = 2, .values = v, .scale = 2
    };
    d.layers = 2;
    ok(atl_direction_move(ctx, &d, NULL, 3, 3, 2, x));
    assert_true(x[1] == 2 && x[3] == 10 && x[5] == 6);
    ok(atl_direction_move(ctx, &d, NULL, 0.5, 1, 2, x)); // a w has no layers
    assert_true(x[1] == 3);
    refused(atl_direction_move(ctx, &d, NULL, 1, 3, 3, x), "it is of another network");
    d.layers = 8;
    refused(atl_direction_move(ctx, &d, NULL, 1, 3, 2, x), "these are 0 to 2");
    refused(atl_direction_move(ctx, &d, NULL, (double)NAN, 1, 2, x), "finite");
}

static void nothing_is_left_of_a_direction_without_itself(void **state) {
    (void)state;
    const float v[2][3] = { { 1, 1, 0 }, { 2, 2, 0 } };
    atl_direction d[2];
    atl_directions *set, *left;
    for (int i = 0; i < 2; i++)
        d[i] = (atl_direction){
            .name = "", .space = ATL_DIRECTION_W, .rows = 1, .width = 3, .values = v[i], .scale = 1
        };
    const atl_direction *other = &d[1];
    ok(atl_directions_make(ctx, d, 1, "", "", &set));
    refused(atl_directions_condition(set, 0, &other, 1, &left), "nothing is left");
    assert_null(left);
    refused(atl_directions_condition(set, 1, &other, 1, &left), "there is no direction 1");
    atl_directions_close(&set);
}

// ---- fits

static void samples_that_say_nothing_are_refused(void **state) {
    (void)state;
    const float x[4][2] = { { 1, 2 }, { 1, 2 }, { 1, 2 }, { 1, 2 } }, bad[2] = { 1, NAN };
    const double same[4] = { 5, 5, 5, 5 };
    static const char *const sentences[] = { "all alike", "all alike", "their scores are the same",
                                             "the same in all" };
    for (int method = 0; method < 4; method++) {
        atl_fit_options o = ATL_FIT_OPTIONS_INIT;
        atl_fit *fit;
        atl_directions *set;
        o.method = (atl_fit_method)method;
        o.width = 2;
        o.chosen = 1;
        o.centred = 1;
        ok(atl_fit_open(ctx, &o, &fit));
        refused(atl_fit_read(fit, &set), method == 2 ? "two samples" : "too few");
        refused(atl_fit_add(fit, 1, bad, method < 2 ? NULL : same), "NaN or infinity");
        ok(atl_fit_add(fit, 4, x[0], method < 2 ? NULL : same));
        refused(atl_fit_read(fit, &set), sentences[method]);
        assert_null(set);
        atl_fit_close(&fit);
    }
}

// Samples on either side of a plane, one of them on the wrong side: the intercept is free, and counts.
// Blocks of samples of eight numbers each, which lie among zeros where there are more: block by block the
// same directions, whether columns or rows are multiplied.
static atl_directions *principal(int64_t width) {
    enum { BLOCK = 30, NUMBERS = 8 };
    atl_fit_options o = ATL_FIT_OPTIONS_INIT;
    atl_directions *set;
    atl_fit *fit;
    int64_t apart = width / NUMBERS;
    float *x = calloc((size_t)(BLOCK * width), sizeof *x), z[NUMBERS];
    assert_non_null(x);
    o.method = ATL_FIT_IPCA;
    o.width = width;
    o.count = 3;
    ok(atl_fit_open(ctx, &o, &fit));
    for (uint32_t block = 0; block < 3; block++) {
        for (uint32_t i = 0; i < BLOCK; i++) {
            atl_seed_to_z(block * BLOCK + i, NUMBERS, z);
            for (int64_t k = 0; k < NUMBERS; k++)
                x[i * width + k * apart] = z[k] * (float)(NUMBERS - k) + 0.3f * z[0] + (float)(block * k);
        }
        ok(atl_fit_add(fit, BLOCK, x, NULL));
    }
    ok(atl_fit_read(fit, &set));
    atl_fit_close(&fit);
    free(x);
    return set;
}

static void wide_samples_have_the_directions_of_narrow_ones(void **state) {
    (void)state;
    static const int64_t WIDTHS[] = { 400, 5000 }; // within what columns are for, and beyond
    for (int w = 0; w < 2; w++) {
        atl_directions *narrow = principal(8), *wide = principal(WIDTHS[w]);
        assert_int_equal(atl_directions_size(wide), 3);
        for (size_t i = 0; i < 3; i++) {
            const atl_direction *a = atl_directions_get(narrow, i), *b = atl_directions_get(wide, i);
            double sum = 0;
            near((double)b->scale, (double)a->scale);
            near(b->value, a->value);
            for (int64_t k = 0; k < 8; k++) {
                near((double)b->values[k * (WIDTHS[w] / 8)], (double)a->values[k]);
                near((double)b->mean[k * (WIDTHS[w] / 8)], (double)a->mean[k]);
            }
            for (int64_t k = 0; k < WIDTHS[w]; k++)
                sum += (double)b->values[k] * (double)b->values[k];
            near(sum, 1);
        }
        atl_directions_close(&narrow);
        atl_directions_close(&wide);
    }
}

static void a_boundary_has_an_offset(void **state) {
    (void)state;
    float x[40][2];
    double scores[40];
    atl_fit_options o = ATL_FIT_OPTIONS_INIT;
    atl_fit *fit;
    atl_directions *set;
    for (int i = 0; i < 40; i++) {
        x[i][0] = 10 + (i % 2 ? 1.0f : -1.0f) + (float)(i % 5) * 0.1f;
        x[i][1] = (float)(i % 7) - 3;
        scores[i] = i % 2 ? 1 + i * 0.001 : -1 - i * 0.001;
    }
    o.method = ATL_FIT_BOUNDARY;
    o.width = 2;
    o.chosen = 15;
    ok(atl_fit_open(ctx, &o, &fit));
    ok(atl_fit_add(fit, 40, x[0], scores));
    ok(atl_fit_read(fit, &set));
    const atl_direction *d = atl_directions_get(set, 0);
    const atl_boundary_check *c = atl_fit_check(fit);
    assert_true(d->values[0] > 0.99f);
    assert_true(fabs(d->offset + 10) < 0.6);
    assert_int_equal(c->positive, 10);
    assert_int_equal(c->checked, 10);
    assert_int_equal(c->right, 10);
    assert_int_equal(c->others, 10);
    assert_int_equal(c->others_right, 10);
    near(d->value, 1);
    atl_directions_close(&set);
    atl_fit_close(&fit);
}

// ---- the network's side

static atl_model *tiny(const char *cfg) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_model *model;
    o.cfg = cfg;
    o.resolution = 16;
    o.channel_base = 64;
    o.channel_max = 8;
    o.map_depth = 2;
    ok(atl_model_init(ctx, &o, &model));
    return model;
}

static void styles_are_listed_as_the_network_runs_them(void **state) {
    (void)state;
    static const char *const names[] = { "synthesis.b4.conv1",  "synthesis.b4.torgb", "synthesis.b8.conv0",
                                         "synthesis.b8.conv1",  "synthesis.b8.torgb", "synthesis.b16.conv0",
                                         "synthesis.b16.conv1", "synthesis.b16.torgb" };
    static const int layers[] = { 0, 1, 1, 2, 3, 3, 4, 5 };
    atl_model *model = tiny("stylegan2");
    atl_style_info s;
    for (int i = 0; i < 8; i++) {
        assert_true(atl_model_style(model, i, &s));
        assert_string_equal(s.name, names[i]);
        assert_int_equal(s.layer, layers[i]);
        assert_true(s.channels > 0);
    }
    assert_false(atl_model_style(model, 8, &s));
    atl_model_close(&model);
    model = tiny("progan");
    assert_false(atl_model_style(model, 0, &s));
    atl_model_close(&model);
}

enum { SIDE = 16, PIXELS = 3 * SIDE * SIDE };

static double apart(const float *a, const float *b, int first, int end) {
    double worst = 0;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < SIDE; y++)
            for (int x = first; x < end; x++)
                worst = fmax(
                    worst, fabs((double)a[(c * SIDE + y) * SIDE + x] - (double)b[(c * SIDE + y) * SIDE + x]));
    return worst;
}

// ws of a seed, and another a step along the first direction of SeFa.
static void two(atl_model *model, float *a, float *b) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t n = (size_t)info->num_ws * (size_t)info->w_dim;
    float *z = malloc((size_t)info->z_dim * sizeof *z);
    atl_directions *set;
    assert_non_null(z);
    atl_seed_to_z(3, (size_t)info->z_dim, z);
    ok(atl_model_map(model, 1, z, NULL, NULL, a));
    memcpy(b, a, n * sizeof *b);
    ok(atl_directions_sefa(model, NULL, &set));
    ok(atl_direction_move(ctx, atl_directions_get(set, 0), NULL, 8, info->num_ws, info->w_dim, b));
    atl_directions_close(&set);
    free(z);
}

// Left of the middle the original (to what Winograd's transforms leave of single precision), where the mask
// holds in the picture or in every layer; right of it the edit, of which a mask in the layers keeps what
// comes over the border.
static void a_mask_keeps_the_rest(void **state) {
    (void)state;
    static float a[16 * 512], b[16 * 512], mask[SIDE * SIDE], plain[PIXELS], edit[PIXELS], got[PIXELS];
    for (int i = 0; i < SIDE * SIDE; i++)
        mask[i] = i % SIDE >= SIDE / 2;
    static const char *const kinds[] = { "stylegan2", "stylegan1" };
    // a new StyleGAN begins with ones, of which normalisation makes rounding times 1e4
    static const double bounds[] = { 1e-4, 2e-2 };
    for (size_t k = 0; k < 2; k++) {
        atl_model *model = tiny(kinds[k]);
        two(model, a, b);
        ok(atl_model_synthesize(model, 1, a, NULL, plain));
        ok(atl_model_synthesize(model, 1, b, NULL, edit));
        assert_true(apart(plain, edit, 0, SIDE / 2) > 3 * bounds[k]);
        for (int inside = 0; inside < 2; inside++) {
            atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
            atl_editor *editor;
            o.n = 2;
            o.mask = mask;
            o.in_features = inside;
            ok(atl_editor_open(model, &o, &editor));
            ok(atl_editor_run(editor, 1, b, a, got));
            assert_true(apart(got, plain, 0, SIDE / 2) < bounds[k]);
            assert_true(apart(got, plain, SIDE / 2, SIDE) > 3 * bounds[k]);
            if (!inside)
                assert_true(apart(got, edit, SIDE / 2, SIDE) < bounds[k]);
            refused(atl_editor_run(editor, 1, b, NULL, got), "needs the original");
            atl_editor_close(&editor);
        }
        atl_model_close(&model);
    }
}

// Moving all styles by what a step of w makes of them is that step.
static void styles_move_as_w_moves_them(void **state) {
    (void)state;
    static float a[16 * 512], b[16 * 512], edit[PIXELS], got[PIXELS], values[1024];
    static int32_t styles[2048];
    atl_model *model = tiny("stylegan2");
    const atl_model_info *info = atl_model_get_info(model);
    atl_style_info s;
    two(model, a, b);
    atl_direction d = {
        .name = "", .space = ATL_DIRECTION_S, .rows = 1, .values = values, .styles = styles, .scale = 0.5f
    };
    for (int i = 0; atl_model_style(model, i, &s); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.affine.weight", s.name);
        const atl_array *weight = atl_model_tensor(model, name);
        assert_non_null(weight);
        for (int c = 0; c < s.channels; c++) {
            double sum = 0;
            for (int k = 0; k < info->w_dim; k++)
                sum += (double)((const float *)weight->data)[c * info->w_dim + k] *
                       ((double)b[s.layer * info->w_dim + k] - (double)a[s.layer * info->w_dim + k]);
            values[d.width] = (float)(sum / sqrt((double)info->w_dim));
            styles[2 * d.width] = i;
            styles[2 * d.width + 1] = c;
            d.width++;
        }
    }
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    atl_editor *editor;
    o.styles = 1;
    ok(atl_editor_open(model, &o, &editor));
    ok(atl_editor_style(editor, 0, &d, 2));
    ok(atl_editor_run(editor, 1, a, NULL, got));
    ok(atl_model_synthesize(model, 1, b, NULL, edit));
    assert_true(apart(got, edit, 0, SIDE) < 1e-4);
    atl_editor_reset(editor);
    ok(atl_editor_run(editor, 1, b, NULL, got));
    assert_true(apart(got, edit, 0, SIDE) < 1e-4);
    styles[1] = 4000;
    refused(atl_editor_style(editor, 0, &d, 2), "channel 4000 of layer 0 is not there");
    atl_editor_close(&editor);
    atl_model_close(&model);
}

// Maps that are given are those of a plain synthesis with the same maps.
static void noise_maps_go_with_an_edit(void **state) {
    (void)state;
    static float a[16 * 512], b[16 * 512], mask[SIDE * SIDE], plain[PIXELS], got[PIXELS],
        noise[8][SIDE * SIDE];
    const float *maps[8];
    atl_model *model = tiny("stylegan2");
    atl_synthesis_options s = ATL_SYNTHESIS_OPTIONS_INIT;
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    atl_editor *editor;
    for (int i = 0; i < 8; i++) {
        maps[i] = noise[i];
        for (int k = 0; k < SIDE * SIDE; k++)
            noise[i][k] = (float)((k * 37 + i * 11) % 19) - 9;
    }
    for (size_t i = 0; atl_model_tensor_get(model, i); i++) // a new network's noise has no strength
        if (strstr(atl_model_tensor_get(model, i)->name, "noise_strength"))
            *(float *)(uintptr_t)atl_model_tensor_get(model, i)->data = 0.3f;
    two(model, a, b);
    s.noise_mode = ATL_NOISE_MAPS;
    s.noise_maps = maps;
    ok(atl_model_synthesize(model, 1, a, &s, plain));
    o.noise_mode = ATL_NOISE_MAPS;
    o.mask = mask; // nothing is edited
    ok(atl_editor_open(model, &o, &editor));
    refused(atl_editor_run(editor, 1, b, a, got), "were not given");
    ok(atl_editor_maps(editor, maps));
    ok(atl_editor_run(editor, 1, b, a, got));
    assert_true(apart(got, plain, 0, SIDE) < 1e-4);
    ok(atl_model_synthesize(model, 1, a, NULL, plain));
    assert_true(apart(got, plain, 0, SIDE) > 1e-2); // and they count
    atl_editor_close(&editor);
    atl_model_close(&model);
}

static const atl_array *weights(atl_model *model, const char *name) {
    for (size_t i = 0; atl_model_tensor_get(model, i); i++)
        if (!strcmp(atl_model_tensor_get(model, i)->name, name))
            return atl_model_tensor_get(model, i);
    fail_msg("there is no %s", name);
    return NULL;
}

// The sum of squares of what the rows of a weight, each of length 1, make of v.
static double answered(const atl_array *weight, const float *v) {
    const float *w = weight->data;
    double all = 0;
    for (int64_t i = 0; i < weight->dims[0]; i++, w += weight->dims[1]) {
        double dot = 0, squares = 0;
        for (int64_t k = 0; k < weight->dims[1]; k++) {
            dot += (double)w[k] * (double)v[k];
            squares += (double)w[k] * (double)w[k];
        }
        all += dot * dot / squares;
    }
    return all;
}

// Of SAGAN the first layer alone reads z; each layer of plain BigGAN a piece of its own; the class stays.
static void layers_that_read_z_have_directions(void **state) {
    (void)state;
    enum { CLASSES = 3, ROW = 128, PIECE = 32 };
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_sefa_options s = ATL_SEFA_OPTIONS_INIT;
    atl_directions *set;
    atl_model *model;
    init.resolution = 32;
    init.channel_base = 4;
    init.c_dim = CLASSES;
    init.cfg = "sagan";
    ok(atl_model_init(ctx, &init, &model));
    ok(atl_directions_sefa(model, NULL, &set));
    const atl_direction *d = atl_directions_get(set, 0);
    assert_int_equal(d->space, ATL_DIRECTION_W);
    assert_int_equal(atl_directions_size(set), ROW);
    near(answered(weights(model, "linear.weight"), d->values + CLASSES), d->value);
    for (int k = 0; k < CLASSES; k++)
        assert_true(d->values[k] == 0.0f);
    atl_directions_close(&set);
    s.layers = 2;
    refused(atl_directions_sefa(model, &s, &set), "the network has layers 0 to 3");
    atl_model_close(&model);
    init.cfg = "biggan";
    ok(atl_model_init(ctx, &init, &model));
    s.layers = 1 << 2; // of which norms of block 1 are told
    ok(atl_directions_sefa(model, &s, &set));
    d = atl_directions_get(set, 0);
    assert_int_equal(atl_directions_size(set), PIECE);
    assert_int_equal(d->layers, 1 << 2);
    for (int k = 0; k < ROW + 4 * PIECE; k++)
        assert_true((d->values[k] != 0.0f) == (k >= ROW + 2 * PIECE && k < ROW + 3 * PIECE));
    atl_directions_close(&set);
    s.count = PIECE + 1;
    refused(atl_directions_sefa(model, &s, &set), "33 directions of 32 numbers are not possible");
    atl_model_close(&model);
}

static void networks_without_what_an_edit_needs_say_so(void **state) {
    (void)state;
    static float mask[SIDE * SIDE];
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    atl_editor *editor;
    atl_sefa_options s = ATL_SEFA_OPTIONS_INIT;
    atl_directions *set;
    atl_model *model = tiny("progan");
    o.styles = 1;
    refused(atl_editor_open(model, &o, &editor), "has no styles to move");
    s.layers = 1;
    refused(atl_directions_sefa(model, &s, &set), "has no styles");
    ok(atl_directions_sefa(model, NULL, &set));
    assert_int_equal(atl_directions_get(set, 0)->space, ATL_DIRECTION_Z);
    atl_directions_close(&set);
    atl_model_close(&model);
    model = tiny("stylegan3-t");
    o.styles = 0;
    o.mask = mask;
    o.in_features = 1;
    refused(atl_editor_open(model, &o, &editor), "hold it in the picture");
    s.layers = (uint64_t)1 << 40;
    refused(atl_directions_sefa(model, &s, &set), "the network has layers 0 to");
    ok(atl_directions_sefa(model, NULL, &set));
    atl_directions_close(&set);
    mask[3] = 1.5f;
    o.in_features = 0;
    refused(atl_editor_open(model, &o, &editor), "numbers from 0 to 1");
    atl_model_close(&model);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_others_are_recognised),
        cmocka_unit_test(factors_are_columns),
        cmocka_unit_test(channels_are_read_as_text_and_json),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(layers_are_written_as_people_do),
        cmocka_unit_test(a_direction_moves_its_layers),
        cmocka_unit_test(nothing_is_left_of_a_direction_without_itself),
        cmocka_unit_test(samples_that_say_nothing_are_refused),
        cmocka_unit_test(wide_samples_have_the_directions_of_narrow_ones),
        cmocka_unit_test(a_boundary_has_an_offset),
        cmocka_unit_test(styles_are_listed_as_the_network_runs_them),
        cmocka_unit_test(a_mask_keeps_the_rest),
        cmocka_unit_test(styles_move_as_w_moves_them),
        cmocka_unit_test(noise_maps_go_with_an_edit),
        cmocka_unit_test(layers_that_read_z_have_directions),
        cmocka_unit_test(networks_without_what_an_edit_needs_say_so),
    };
    corpus = argc > 1 ? argv[1] : "tests/fuzz/corpus/directions";
    if (atl_ctx_open(&ctx, NULL) != ATL_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    atl_ctx_close(&ctx);
    return failed;
}
