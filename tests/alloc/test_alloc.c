// SPDX-License-Identifier: Apache-2.0
// Every public call with its nth allocation failing, for n = 1, 2, ... until it needs no more.
//
// A failed allocation must come back as ATL_NO_MEMORY with a sentence, release everything, and leave no
// file behind.  Fresh memory is filled with a pattern so that a read before the first write shows.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#define ATL_EXPERIMENTAL
#include <atelier/atelier.h>

// ---- an allocator that counts, and fails once

typedef struct counter {
    long calls;     // so far
    long fail_at;   // the call with this number returns NULL; 0: none
    long live;      // blocks not yet released
} counter;

static void *count_alloc(void *user, size_t bytes) {
    counter *c = user;
    c->calls++;
    if (c->calls == c->fail_at)
        return NULL;
    size_t rounded = (bytes + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, rounded ? rounded : 64);
    if (memory) {
        memset(memory, 0xa5, bytes < 4096 ? bytes : 4096);
        c->live++;
    }
    return memory;
}

static void count_release(void *user, void *memory) {
    counter *c = user;
    if (memory)
        c->live--;
    free(memory);
}

// JSON comes from jansson, whose allocator belongs to the process: here it counts with the context's.  Its
// reader doesn't survive missing memory (it goes on after its buffer could not grow), so it is left alone.
static counter *json_counter;
static int json_reading;

static void *json_alloc(size_t bytes) {
    if (!json_counter)
        return malloc(bytes);
    long fail_at = json_counter->fail_at;
    if (json_reading)
        json_counter->fail_at = 0;
    void *memory = count_alloc(json_counter, bytes);
    json_counter->fail_at = fail_at;
    json_counter->calls -= json_reading != 0;
    return memory;
}

static void json_release(void *memory) {
    if (json_counter)
        count_release(json_counter, memory);
    else
        free(memory);
}

json_t *__real_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__real_json_loadb(const char *text, size_t bytes, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t bytes, size_t flags, json_error_t *error);

json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error) {
    json_reading++;
    json_t *json = __real_json_loads(text, flags, error);
    json_reading--;
    return json;
}

json_t *__wrap_json_loadb(const char *text, size_t bytes, size_t flags, json_error_t *error) {
    json_reading++;
    json_t *json = __real_json_loadb(text, bytes, flags, error);
    json_reading--;
    return json;
}

static atl_status open_ctx(counter *c, atl_ctx **ctx) {
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = 1;
    o.allocator = (atl_allocator){ count_alloc, count_release, c };
    return atl_ctx_open(ctx, &o);
}

// ---- a folder for the results, and one with inputs

static char inputs[256], outputs[256];

static const char *in(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", inputs, name);
    return path;
}

static const char *out(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", outputs, name);
    return path;
}

static const char *data_of(const char *name) {
    static char path[512];
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", data ? data : "tests/data", name);
    return path;
}

// Removes all files of a folder; returns how many there were.
static int empty(const char *folder) {
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[1024];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

// ---- the calls

static const float NUMBERS[6] = { 1, 2, 3, 4, 5, 6 };

static atl_array array_of(const char *name) {
    return (atl_array){ .name = name, .dtype = ATL_F32, .rank = 2, .dims = { 2, 3 }, .data = NUMBERS };
}

static atl_status write_npy(atl_ctx *ctx, const char *path) {
    atl_array a = array_of("");
    return atl_npy_write(ctx, path, &a);
}

static atl_status write_npz(atl_ctx *ctx, const char *path) {
    atl_array a[2] = { array_of("a"), array_of("b") };
    return atl_npz_write(ctx, path, a, 2);
}

static atl_status write_safetensors(atl_ctx *ctx, const char *path) {
    atl_array a[2] = { array_of("a"), array_of("b") };
    atl_pair note = { "note", "a value" };
    return atl_safetensors_write(ctx, path, a, 2, &note, 1);
}

// The numbers as text, and as a pickled dict of one numpy array.  0 on success.
static int write_bytes(const char *path, const void *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    int bad = !f || fwrite(bytes, 1, size, f) != size;
    return (f && fclose(f)) || bad;
}

static int write_text(const char *path) {
    static const char text[] = "1, 2, 3 # a remark\n4, 5, 6\n";
    return write_bytes(path, text, sizeof text - 1);
}

static int write_channels(const char *path) {
    static const char text[] = "smile:\n0_1 2\n1_0 -1.5\n";
    return write_bytes(path, text, sizeof text - 1);
}

static int write_pickle(const char *path) {
    char bytes[300];
    static const char start[] =
        "\x80\x03}X\x01\0\0\0wcnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tC\1"
        "btR(K\1(K\2K\3tcnumpy\ndtype\n(X\2\0\0\0"
        "f4\x89\x88tR(K\3X\1\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
        "C\x18";
    memcpy(bytes, start, sizeof start - 1);
    memcpy(bytes + sizeof start - 1, NUMBERS, sizeof NUMBERS);
    memcpy(bytes + sizeof start - 1 + sizeof NUMBERS, "tbs.", 4);
    return write_bytes(path, bytes, sizeof start - 1 + sizeof NUMBERS + 4);
}

static atl_status read_arrays(atl_ctx *ctx, const char *path) {
    atl_arrays *set;
    atl_status status = atl_arrays_open(ctx, path, &set);
    if (status == ATL_OK) {
        float f[6] = { 0 };
        atl_array_read_f32(atl_arrays_get(set, 0), 0, 6, f);
        assert_memory_equal(f, NUMBERS, sizeof f);
    } else {
        assert_null(set);
    }
    atl_arrays_close(&set);
    return status;
}

static atl_status write_picture(atl_ctx *ctx, const char *path, const char *format) {
    atl_image image = { 0 };
    atl_status status = atl_image_init(ctx, 20, 10, 3, &image);
    if (status == ATL_OK) {
        atl_pair text = { "seed", "85" };
        status = atl_image_write(ctx, path, format, &image, 0, &text, 1);
    }
    atl_image_clear(ctx, &image);
    return status;
}

// In memory, of the same bytes as in a file.
static atl_status encode_picture(atl_ctx *ctx, const char *format) {
    atl_image image = { 0 };
    char *bytes = NULL;
    size_t size = 1;
    atl_status status = atl_image_init(ctx, 20, 10, 3, &image);
    if (status == ATL_OK) {
        atl_pair text = { "seed", "85" };
        status = atl_image_encode(ctx, format, &image, 0, &text, 1, &bytes, &size);
        assert_int_equal(bytes != NULL, status == ATL_OK);
        assert_int_equal(size > 0, status == ATL_OK);
    }
    atl_text_free(ctx, bytes);
    atl_image_clear(ctx, &image);
    return status;
}

static atl_status read_picture(atl_ctx *ctx, const char *path) {
    atl_image image = { 0 };
    atl_status status = atl_image_read(ctx, path, &image);
    if (status == ATL_OK)
        assert_int_equal(image.width, 20);
    else
        assert_null(image.pixels);
    atl_image_clear(ctx, &image);
    return status;
}

static atl_status init_model_of(atl_ctx *ctx, int resolution, const char *path) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    o.resolution = resolution;
    o.channel_base = 64;
    o.channel_max = 16;
    o.map_depth = 2;
    o.seed = 1;
    atl_model *model;
    atl_status status = atl_model_init(ctx, &o, &model);
    if (status == ATL_OK)
        status = atl_model_save(model, path, ATL_F32);
    else
        assert_null(model);
    atl_model_close(&model);
    return status;
}

static atl_status init_model(atl_ctx *ctx, const char *path) {
    return init_model_of(ctx, 8, path);
}

static atl_status use_model(atl_ctx *ctx, const char *path) {
    atl_model *model;
    atl_status status = atl_model_open(ctx, path, NULL, &model);
    if (status != ATL_OK) {
        assert_null(model);
        return status;
    }
    const atl_model_info *info = atl_model_get_info(model);
    size_t ws_count = (size_t)info->num_ws * (size_t)info->w_dim;
    float *z = malloc((size_t)info->z_dim * sizeof *z), *ws = malloc(ws_count * sizeof *ws);
    float *img = malloc((size_t)info->channels * (size_t)info->height * (size_t)info->width * sizeof *img);
    atl_seed_to_z(1, (size_t)info->z_dim, z);
    status = atl_model_map(model, 1, z, NULL, NULL, ws);
    if (status == ATL_OK)
        status = atl_model_synthesize(model, 1, ws, NULL, img);
    if (status == ATL_OK)
        status = atl_model_broadcast(model, 1, ws, NULL, ws);
    free(img);
    free(ws);
    free(z);
    atl_model_close(&model);
    return status;
}

static atl_status call_ctx(atl_ctx *ctx) { return ctx ? ATL_OK : ATL_INTERNAL; }
static atl_status call_npy_write(atl_ctx *ctx) { return write_npy(ctx, out("a.npy")); }
static atl_status call_npz_write(atl_ctx *ctx) {
    return write_npz(ctx, out("a.npz"));
}
static atl_status call_safetensors_write(atl_ctx *ctx) { return write_safetensors(ctx, out("a.safetensors")); }
static atl_status call_npy_open(atl_ctx *ctx) { return read_arrays(ctx, in("a.npy")); }
static atl_status call_safetensors_open(atl_ctx *ctx) { return read_arrays(ctx, in("a.safetensors")); }
static atl_status call_text_open(atl_ctx *ctx) {
    return read_arrays(ctx, in("a.txt"));
}
static atl_status call_pickle_open(atl_ctx *ctx) {
    return read_arrays(ctx, in("a.pkl"));
}
static atl_status call_png_write(atl_ctx *ctx) { return write_picture(ctx, out("a.png"), "png"); }
static atl_status call_png_encode(atl_ctx *ctx) { return encode_picture(ctx, "png"); }
static atl_status call_jpg_encode(atl_ctx *ctx) { return encode_picture(ctx, "jpg"); }
static atl_status call_jpg_write(atl_ctx *ctx) { return write_picture(ctx, out("a.jpg"), "jpg"); }
static atl_status call_png_read(atl_ctx *ctx) { return read_picture(ctx, in("a.png")); }
static atl_status call_jpg_read(atl_ctx *ctx) { return read_picture(ctx, in("a.jpg")); }

static atl_status call_text(atl_ctx *ctx) {
    char *value = NULL;
    atl_status status = atl_image_text(ctx, in("a.png"), "seed", &value);
    if (status == ATL_OK)
        assert_string_equal(value, "85");
    else
        assert_null(value);
    atl_text_free(ctx, value);
    return status;
}

static atl_status call_init(atl_ctx *ctx) { return init_model(ctx, out("a.safetensors")); }
static atl_status call_synthesize(atl_ctx *ctx) { return use_model(ctx, in("net.safetensors")); }

static atl_status call_convert(atl_ctx *ctx) {
    atl_convert_options o = ATL_CONVERT_OPTIONS_INIT;
    o.dtype = ATL_F16;
    return atl_convert(ctx, in("net.safetensors"), out("b.safetensors"), &o);
}

static atl_status call_inspect(atl_ctx *ctx) {
    char *json = NULL;
    atl_status status = atl_inspect(ctx, in("net.safetensors"), &json);
    if (status == ATL_OK)
        assert_non_null(strstr(json, "stylegan2"));
    else
        assert_null(json);
    atl_text_free(ctx, json);
    return status;
}

static atl_status call_inspect_detector(atl_ctx *ctx) {
    char *json = NULL;
    atl_status status = atl_inspect(ctx, data_of("metrics/heads_alex.pth"), &json);
    if (status == ATL_OK)
        assert_non_null(strstr(json, "lpips_heads"));
    else
        assert_null(json);
    atl_text_free(ctx, json);
    return status;
}

static atl_status call_formats(atl_ctx *ctx) {
    char *json = NULL;
    atl_status status = atl_formats(ctx, &json);
    assert_true((status == ATL_OK) == (json != NULL));
    atl_text_free(ctx, json);
    return status;
}

static atl_status call_profile(atl_ctx *ctx) {
    atl_model *model;
    atl_profile profile = { 0 };
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    if (status == ATL_OK)
        status = atl_model_profile(model, NULL, 1, 0, 1, 1, &profile);
    if (status == ATL_OK)
        assert_true(profile.layer_count > 0);
    atl_profile_clear(ctx, &profile);
    atl_model_close(&model);
    return status;
}

static atl_status call_blend(atl_ctx *ctx) {
    atl_blend_options o = ATL_BLEND_OPTIONS_INIT;
    atl_model *a, *b = NULL, *model = NULL;
    o.swap_above = 8;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &a);
    if (status == ATL_OK)
        status = atl_model_open(ctx, in("net.safetensors"), NULL, &b);
    if (status == ATL_OK)
        status = atl_model_blend(a, b, &o, &model);
    assert_true((status == ATL_OK) == (model != NULL));
    atl_model_close(&model);
    atl_model_close(&b);
    atl_model_close(&a);
    return status;
}

// SeFa, written, read, and one direction kept apart from another.
static atl_status call_directions(atl_ctx *ctx) {
    atl_model *model;
    atl_directions *set = NULL, *read = NULL, *left = NULL;
    atl_style_info style;
    atl_status status = atl_model_open(ctx, in("narrow.safetensors"), NULL, &model);
    if (status != ATL_OK)
        return status;
    status = atl_directions_sefa(model, NULL, &set);
    if (status == ATL_OK)
        status = atl_directions_write(set, out("d.safetensors"));
    if (status == ATL_OK)
        status = atl_directions_open(ctx, out("d.safetensors"), NULL, NULL, &read);
    const atl_direction *other = status == ATL_OK ? atl_directions_get(read, 1) : NULL;
    if (status == ATL_OK)
        status = atl_directions_condition(read, 0, &other, 1, &left);
    if (status == ATL_OK && !atl_model_style(model, 0, &style))
        status = ATL_NO_MEMORY;
    atl_directions_close(&set);
    atl_directions_close(&read);
    atl_directions_close(&left);
    atl_model_close(&model);
    if (status != ATL_OK)
        unlink(out("d.safetensors")); // whole, from before
    return status;
}

static atl_status call_fit(atl_ctx *ctx) {
    static const float x[6][3] = { { 1, 0, 0 },  { 2, 1, 0 }, { -1, 0, 1 },
                                   { -2, 3, 0 }, { 0, 1, 4 }, { 3, 1, 1 } };
    static const double scores[6] = { 1, 2, -1, -2, 0, 3 };
    atl_status status = ATL_OK;
    for (int method = 0; method < 4 && status == ATL_OK; method++) {
        atl_fit_options o = ATL_FIT_OPTIONS_INIT;
        atl_fit *fit;
        atl_directions *set = NULL;
        o.method = (atl_fit_method)method;
        o.width = 3;
        o.chosen = 1;
        status = atl_fit_open(ctx, &o, &fit);
        for (int i = 0; i < 6 && status == ATL_OK; i += 3)
            status = atl_fit_add(fit, 3, x[i], method < 2 ? NULL : scores + i);
        if (status == ATL_OK)
            status = atl_fit_read(fit, &set);
        atl_directions_close(&set);
        atl_fit_close(&fit);
    }
    return status;
}

// Channels of a list, moved within a mask.
static atl_status call_editor(atl_ctx *ctx) {
    static float mask[8 * 8] = { 1, 0.5f }, ws[16 * 512], img[3 * 8 * 8];
    atl_model *model;
    atl_directions *set = NULL;
    atl_editor *editor = NULL;
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    if (status == ATL_OK)
        status = atl_directions_open(ctx, in("channels.txt"), NULL, NULL, &set);
    o.styles = o.in_features = 1;
    o.mask = mask;
    if (status == ATL_OK)
        status = atl_editor_open(model, &o, &editor);
    if (status == ATL_OK)
        status = atl_editor_style(editor, 0, atl_directions_get(set, 0), 2);
    if (status == ATL_OK)
        status = atl_editor_run(editor, 1, ws, ws, img);
    atl_editor_close(&editor);
    atl_directions_close(&set);
    atl_model_close(&model);
    return status;
}

// A StyleGAN-XL network, made and truncated toward a class and toward a centroid.
static atl_status call_truncate(atl_ctx *ctx) {
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    static float z[64], ws[16 * 512], centroid[512];
    const float label[2] = { 0, 1 };
    atl_model *model;
    init.cfg = "stylegan-xl";
    init.resolution = 16;
    init.channel_base = 32;
    init.channel_max = 4;
    init.c_dim = 2;
    atl_status status = atl_model_init(ctx, &init, &model);
    o.truncation_psi = 0.5f;
    if (status == ATL_OK)
        status = atl_model_map(model, 1, z, label, &o, ws);
    o.centroids = centroid;
    o.centroid_count = 1;
    if (status == ATL_OK)
        status = atl_model_map(model, 1, z, NULL, &o, ws);
    atl_model_close(&model);
    return status;
}

static atl_status call_generate(atl_ctx *ctx) {
    atl_model *model;
    atl_image image;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    if (status != ATL_OK)
        return status;
    status = atl_generate(model, NULL, &image);
    assert_true((status == ATL_OK) == (image.pixels != NULL));
    atl_image_clear(ctx, &image);
    atl_model_close(&model);
    return status;
}

static atl_status call_run(atl_ctx *ctx) {
    static float ws[16 * 512];
    atl_model *model;
    atl_arrays *results = NULL;
    const atl_port_info *ports;
    size_t count;
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    if (status != ATL_OK)
        return status;
    const atl_model_info *info = atl_model_get_info(model);
    atl_array styles = { "ws", ATL_F32, 3, { 1, info->num_ws, info->w_dim }, ws };
    o.noise_mode = ATL_NOISE_SG2;
    o.features = "synthesis.b*.conv1";
    status = atl_model_ports(model, "map", &ports, &count);
    assert_true((status == ATL_OK) == (ports != NULL));
    if (status == ATL_OK)
        status = atl_model_run(model, "synthesize", &styles, 1, &o, &results);
    assert_true((status == ATL_OK) == (results != NULL));
    atl_arrays_close(&results);
    atl_model_close(&model);
    return status;
}

static atl_status descend(atl_graph *g, atl_model *model) {
    static float ws[16 * 512], gradient[16 * 512];
    const atl_model_info *info = atl_model_get_info(model);
    atl_node *in_ws = atl_input(g, "ws", ATL_SHAPE(1, info->num_ws, info->w_dim)), *slope;
    atl_node *img = atl_model_apply(g, model, "G", "synthesize", "img", &(atl_bound){ "ws", in_ws }, 1);
    atl_node *loss = atl_reshape(g, atl_mean(g, atl_square(g, img), 15), ATL_SHAPE(1));
    atl_plan *plan;
    atl_grad(g, loss, &in_ws, 1, &slope);
    atl_status status = atl_plan_open(g, &slope, 1, &plan);
    assert_true((status == ATL_OK) == (plan != NULL));
    if (status == ATL_OK)
        status = atl_plan_set(plan, in_ws, ws);
    if (status == ATL_OK)
        status = atl_plan_run(plan);
    if (status == ATL_OK)
        status = atl_plan_get(plan, slope, gradient);
    atl_plan_close(&plan);
    return status;
}

static atl_status call_graph(atl_ctx *ctx) {
    atl_model *model;
    atl_graph *g = NULL;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    if (status == ATL_OK)
        status = atl_graph_open(ctx, &g);
    if (status == ATL_OK)
        status = descend(g, model);
    atl_graph_close(&g);
    atl_model_close(&model);
    return status;
}

static atl_status call_path(atl_ctx *ctx) {
    atl_path *path;
    atl_status status = atl_path_open(ctx, 3, 2, NUMBERS, NULL, &path);
    atl_path_close(&path);
    return status;
}

// What the encoding thread allocates is not the context's.
static atl_status call_video(atl_ctx *ctx) {
    uint8_t pixel[3] = { 1, 2, 3 };
    atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
    atl_video *video;
    o.width = o.height = 1;
    atl_status status = atl_video_open(ctx, out("a.y4m"), &o, &video);
    if (status == ATL_OK)
        status = atl_video_write(video, &(atl_image){ 1, 1, 3, pixel });
    if (status == ATL_OK)
        return atl_video_finish(&video);
    atl_video_abort(&video);
    return status;
}

#include "training.h"
#include "encoders.h" // which uses the file above

// Two pictures and their similarity, kept after the pictures and gone on with.
static atl_status call_metrics(atl_ctx *ctx) {
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    atl_metrics *m;
    o.network = in("measured.safetensors");
    o.metrics = "msssim2";
    o.batch = 1;
    atl_status status = atl_metrics_open(ctx, &o, &m);
    if (status == ATL_OK)
        status = atl_metrics_step(m);
    if (status == ATL_OK)
        status = atl_metrics_save(m, out("measured.partial"));
    atl_metrics_close(&m);
    if (status == ATL_OK)
        status = atl_metrics_open(ctx, &o, &m);
    if (status == ATL_OK)
        status = atl_metrics_restore(m, out("measured.partial"));
    while (status == ATL_OK && !atl_metrics_get_state(m)->finished)
        status = atl_metrics_step(m);
    atl_metrics_close(&m);
    remove(out("measured.partial"));
    return status;
}

static atl_status call_spectrum(atl_ctx *ctx) {
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    atl_spectrum *s;
    atl_image image = { 0 };
    double power[36 * 36];
    o.side = 12;
    o.interp = 3;
    atl_status status = atl_spectrum_open(ctx, &o, &s);
    if (status == ATL_OK)
        status = atl_image_init(ctx, 12, 12, 3, &image);
    if (status == ATL_OK)
        status = atl_spectrum_add(s, &image);
    if (status == ATL_OK)
        status = atl_spectrum_read(s, power);
    atl_image_clear(ctx, &image);
    atl_spectrum_close(&s);
    return status;
}

// Codes from a small transformer.
static atl_status call_codes(atl_ctx *ctx) {
    const atl_init_options small = { sizeof small, "transformer", 16, 8, 5, 0, 0, 1, 0, 0, 0, 0 };
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    int32_t codes[4];
    atl_model *model;
    atl_status status = atl_model_init(ctx, &small, &model);
    if (status != ATL_OK)
        return status;
    o.height = o.width = 2;
    status = atl_codes_sample(model, &o, codes);
    atl_model_close(&model);
    return status;
}

// Standing statistics of a small SAGAN.
static atl_status call_standing(atl_ctx *ctx) {
    const atl_init_options small = { sizeof small, "sagan", 32, 8, 0, 2, 0, 0, 0, 0, 0, 0 };
    atl_model *model;
    atl_status status = atl_model_init(ctx, &small, &model);
    if (status != ATL_OK)
        return status;
    status = atl_model_standing_stats(model, 1, 2, 0, 0.5f);
    atl_model_close(&model);
    return status;
}

static atl_status call_drag(atl_ctx *ctx) {
    const atl_drag_point p = { 2, 3, 5, 4 };
    float ws[64 * 64] = { 0 };
    uint8_t mask[64 * 64] = { 1 };
    atl_drag_options o = ATL_DRAG_OPTIONS_INIT;
    atl_model *model;
    atl_drag *drag;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    if (status != ATL_OK)
        return status;
    o.mask = mask;
    status = atl_drag_open(model, ws, &p, 1, &o, &drag);
    if (status == ATL_OK)
        status = atl_drag_step(drag);
    atl_drag_close(&drag);
    atl_model_close(&model);
    return status;
}

// A crop that leaves its photo, and back, with its record; and a file of landmarks.
static atl_status call_align(atl_ctx *ctx) {
    atl_align_options o = ATL_ALIGN_OPTIONS_INIT;
    atl_image photo = { 0 }, crop = { 0 };
    atl_alignment record = { .pixels = 4, .faces = 1 };
    atl_faces *faces = NULL;
    atl_status status = atl_align_photo(ctx, in("a.png"), &photo);
    o.pixels = 4;
    atl_align_box(-2, 0, photo.width, &record.quad);
    record.width = photo.width, record.height = photo.height, record.photo = (char *)in("a.png");
    if (status == ATL_OK)
        status = atl_align_crop(ctx, &photo, &record.quad, &o, &crop);
    if (status == ATL_OK)
        status = atl_align_paste(ctx, &crop, &record.quad, NULL, &photo);
    if (status == ATL_OK)
        status = atl_alignment_write(ctx, out("a.json"), &record);
    record = (atl_alignment){ 0 };
    if (status == ATL_OK)
        status = atl_alignment_read(ctx, out("a.json"), &record);
    if (status == ATL_OK)
        status = atl_faces_open(ctx, in("faces.txt"), &faces);
    if (status == ATL_OK)
        atl_faces_close(&faces);
    if (status == ATL_OK)
        status = atl_faces_open(ctx, in("faces.json"), &faces);
    atl_faces_close(&faces);
    atl_alignment_clear(ctx, &record);
    atl_image_clear(ctx, &photo);
    atl_image_clear(ctx, &crop);
    remove(out("a.json"));
    return status;
}

// Twenty faces, so that the list has to grow, as lines or as JSON.
static int write_faces(const char *path, int json) {
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    for (int k = 0; k < 20; k++) {
        fputs(!json ? "photo.png"
              : k   ? ",{\"file_path\":\"p\",\"face_landmarks\":["
                    : "[{\"face_landmarks\":[",
              f);
        for (int i = 0; i < 68; i++)
            fprintf(f, json ? "%s[%d,%d]" : "%s %d %d", json && i ? "," : "", i, k);
        fputs(json ? "]}" : "\n", f);
    }
    fputs(json ? "]" : "", f);
    return fclose(f);
}

// A search, kept and taken up again; without a network of features.
static atl_status call_project(atl_ctx *ctx) {
    static float img[3 * 64 * 64], ws[64 * 64];
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    atl_project_start start = ATL_PROJECT_START_INIT;
    atl_model *model;
    atl_projector *p = NULL;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    o.loss = "mse";
    o.space = "s"; // which needs the most
    o.samples = 2;
    start.targets = img;
    start.best_of = 2;
    if (status == ATL_OK)
        status = atl_projector_open(model, &o, &p);
    if (status == ATL_OK)
        status = atl_projector_begin(p, &start);
    if (status == ATL_OK)
        status = atl_projector_step(p);
    if (status == ATL_OK)
        status = atl_projector_save(p, out("search.safetensors"));
    if (status == ATL_OK)
        status = atl_projector_restore(p, out("search.safetensors"));
    if (status == ATL_OK)
        status = atl_projector_read(p, ws);
    if (status == ATL_OK)
        status = atl_projector_look(p, img, NULL);
    atl_projector_close(&p);
    atl_model_close(&model);
    remove(out("search.safetensors"));
    return status;
}

static atl_status call_tune(atl_ctx *ctx) {
    static float img[3 * 64 * 64], ws[64 * 64];
    atl_tune_options o = ATL_TUNE_OPTIONS_INIT;
    atl_tune_start start = ATL_TUNE_START_INIT;
    atl_model_options mo = ATL_MODEL_OPTIONS_INIT;
    atl_model *model;
    atl_tuner *t = NULL;
    atl_status status = atl_model_open(ctx, in("net.safetensors"), NULL, &model);
    o.loss = "mse";
    start.targets = img;
    start.ws = ws;
    if (status == ATL_OK)
        status = atl_tuner_open(model, &o, &t);
    if (status == ATL_OK)
        status = atl_tuner_begin(t, &start);
    if (status == ATL_OK)
        status = atl_tuner_step(t);
    if (status == ATL_OK)
        status = atl_tuner_keep(t, out("tuning.safetensors"));
    if (status == ATL_OK)
        status = atl_tuner_restore(t, out("tuning.safetensors"));
    if (status == ATL_OK)
        status = atl_tuner_save(t, out("tuned.safetensors"), ATL_F32);
    if (status == ATL_OK)
        status = atl_tuner_save_deltas(t, out("tuned.safetensors"), ATL_F32);
    atl_tuner_close(&t);
    atl_model_close(&model);
    mo.deltas = out("tuned.safetensors");
    if (status == ATL_OK)
        status = atl_model_open(ctx, in("net.safetensors"), &mo, &model);
    atl_model_close(&model);
    remove(out("tuning.safetensors"));
    if (status != ATL_OK) // saved, but not opened again
        remove(out("tuned.safetensors"));
    return status;
}

// ---- the loop

// Files that a finished call leaves in the folder of results.  Calls with thousands of allocations are sampled: every
// one of the first `all`, then one in n / all.
static void fails_cleanly(atl_status (*call)(atl_ctx *ctx), int files, long all) {
    for (long n = 1;; n += n < all ? 1 : n / all) {
        counter c = { 0, n, 0 };
        atl_ctx *ctx = NULL;
        json_counter = &c;
        atl_status status = open_ctx(&c, &ctx);
        if (status == ATL_OK) {
            status = call(ctx);
            if (c.calls >= n && status != ATL_OK && !strstr(atl_message(ctx), "memory"))
                fail_msg("allocation %ld failed; the sentence does not say so: \"%s\"", n, atl_message(ctx));
        }
        if (c.calls < n && status != ATL_OK)
            fail_msg("no allocation failed, but the call did: %s: %s", atl_status_name(status), atl_message(ctx));
        int enough = c.calls < n;
        if (!enough && status != ATL_NO_MEMORY)
            fail_msg("allocation %ld of %ld failed, the status is \"%s\"", n, c.calls, atl_status_name(status));
        atl_ctx_close(&ctx);
        json_counter = NULL;
        if (c.live)
            fail_msg("allocation %ld failed, %ld blocks were not released", n, c.live);
        int left = empty(outputs);
        if (left != (enough ? files : 0))
            fail_msg("allocation %ld failed, %d files were left", n, left);
        if (enough) {
            print_message("%ld allocations\n", n - 1);
            return;
        }
    }
}

#define SAMPLED(name, files, all)                    \
    static void name##_fails_cleanly(void **state) { \
        (void)state;                                 \
        fails_cleanly(call_##name, files, all);      \
    }
#define CASE(name, files) SAMPLED(name, files, 1L << 30)
CASE(ctx, 0)
CASE(npy_write, 1)
CASE(npz_write, 1)
CASE(metrics, 0)
CASE(spectrum, 0)
CASE(align, 0)
SAMPLED(codes, 0, 100)
SAMPLED(standing, 0, 100)
SAMPLED(drag, 0, 100)
SAMPLED(encode, 0, 100)
SAMPLED(hyper, 1, 100)
SAMPLED(congeal, 0, 100)
SAMPLED(learn, 1, 20)
CASE(compare, 0)
SAMPLED(ensemble, 0, 100)
SAMPLED(project, 0, 100)
SAMPLED(tune, 1, 100)
CASE(safetensors_write, 1)
CASE(npy_open, 0)
CASE(safetensors_open, 0)
CASE(text_open, 0)
CASE(pickle_open, 0)
CASE(png_write, 1)
CASE(jpg_write, 1)
CASE(png_encode, 0)
CASE(jpg_encode, 0)
CASE(png_read, 0)
CASE(jpg_read, 0)
CASE(text, 0)
CASE(init, 1)
CASE(synthesize, 0)
CASE(convert, 1)
CASE(inspect, 0)
CASE(inspect_detector, 0)
CASE(formats, 0)
CASE(profile, 0)
CASE(blend, 0)
CASE(truncate, 0)
CASE(directions, 1)
CASE(fit, 0)
CASE(editor, 0)
CASE(generate, 0)
CASE(run, 0)
SAMPLED(graph, 0, 400)
CASE(path, 0)
CASE(video, 1)
SAMPLED(train, 1, 100)
SAMPLED(transfer, 0, 100)
SAMPLED(train_encoder, 1, 40)
SAMPLED(vqvae, 1, 30)
SAMPLED(vqvae2, 1, 30)
SAMPLED(vit_vqgan, 1, 30)
SAMPLED(biggan, 1, 30)
SAMPLED(pixelcnn, 1, 30)
SAMPLED(transformer, 1, 30)

static int make_inputs(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(inputs, sizeof inputs, "%s/atelier-alloc-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(inputs))
        return -1;
    snprintf(outputs, sizeof outputs, "%s", inputs);
    strcpy(outputs + strlen(outputs) - 6, "XXXXXX");
    if (!mkdtemp(outputs))
        return -1;
    atl_ctx *ctx;
    int bad = atl_ctx_open(&ctx, NULL) != ATL_OK;
    bad = bad || write_npy(ctx, in("a.npy")) || write_safetensors(ctx, in("a.safetensors")) ||
          write_text(in("a.txt")) || write_channels(in("channels.txt")) || write_pickle(in("a.pkl")) ||
          write_picture(ctx, in("a.png"), "png") || write_picture(ctx, in("a.jpg"), "jpg") ||
          write_faces(in("faces.txt"), 0) || write_faces(in("faces.json"), 1) ||
          init_model(ctx, in("net.safetensors")) ||
          atl_convert(ctx, data_of("cases/bare-G.pkl"), in("narrow.safetensors"), NULL) || // w of 32 numbers
          init_model_of(ctx, 16, in("measured.safetensors")) ||
          make_first_stage(ctx) || make_set(ctx) ||
          train_once(ctx, NULL, in("run.safetensors")) || train_encoder(ctx, NULL, in("encoder.safetensors"));
    if (bad)
        fprintf(stderr, "setup: %s\n", ctx ? atl_message(ctx) : "no context");
    atl_ctx_close(&ctx);
    return bad ? -1 : 0;
}

static int remove_inputs(void **state) {
    (void)state;
    int left = remove_set();
    empty(inputs);
    empty(outputs);
    return left || rmdir(inputs) || rmdir(outputs) ? -1 : 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ctx_fails_cleanly),        cmocka_unit_test(npy_write_fails_cleanly),
        cmocka_unit_test(npz_write_fails_cleanly),  cmocka_unit_test(metrics_fails_cleanly),
        cmocka_unit_test(spectrum_fails_cleanly),   cmocka_unit_test(safetensors_write_fails_cleanly),
        cmocka_unit_test(npy_open_fails_cleanly),   cmocka_unit_test(safetensors_open_fails_cleanly),
        cmocka_unit_test(text_open_fails_cleanly),  cmocka_unit_test(pickle_open_fails_cleanly),
        cmocka_unit_test(png_write_fails_cleanly),  cmocka_unit_test(jpg_write_fails_cleanly),
        cmocka_unit_test(png_encode_fails_cleanly), cmocka_unit_test(jpg_encode_fails_cleanly),
        cmocka_unit_test(png_read_fails_cleanly),   cmocka_unit_test(jpg_read_fails_cleanly),
        cmocka_unit_test(text_fails_cleanly),       cmocka_unit_test(init_fails_cleanly),
        cmocka_unit_test(synthesize_fails_cleanly), cmocka_unit_test(convert_fails_cleanly),
        cmocka_unit_test(inspect_fails_cleanly),    cmocka_unit_test(inspect_detector_fails_cleanly),
        cmocka_unit_test(formats_fails_cleanly),    cmocka_unit_test(profile_fails_cleanly),
        cmocka_unit_test(blend_fails_cleanly),      cmocka_unit_test(truncate_fails_cleanly),
        cmocka_unit_test(generate_fails_cleanly),   cmocka_unit_test(run_fails_cleanly),
        cmocka_unit_test(graph_fails_cleanly),      cmocka_unit_test(path_fails_cleanly),
        cmocka_unit_test(video_fails_cleanly),      cmocka_unit_test(train_fails_cleanly),
        cmocka_unit_test(transfer_fails_cleanly),   cmocka_unit_test(directions_fails_cleanly),
        cmocka_unit_test(fit_fails_cleanly),        cmocka_unit_test(editor_fails_cleanly),
        cmocka_unit_test(align_fails_cleanly),      cmocka_unit_test(drag_fails_cleanly),
        cmocka_unit_test(project_fails_cleanly),    cmocka_unit_test(tune_fails_cleanly),
        cmocka_unit_test(encode_fails_cleanly),     cmocka_unit_test(hyper_fails_cleanly),
        cmocka_unit_test(congeal_fails_cleanly),    cmocka_unit_test(learn_fails_cleanly),
        cmocka_unit_test(compare_fails_cleanly),    cmocka_unit_test(codes_fails_cleanly),
        cmocka_unit_test(ensemble_fails_cleanly),   cmocka_unit_test(train_encoder_fails_cleanly),
        cmocka_unit_test(standing_fails_cleanly),   cmocka_unit_test(vqvae_fails_cleanly),
        cmocka_unit_test(vqvae2_fails_cleanly),     cmocka_unit_test(vit_vqgan_fails_cleanly),
        cmocka_unit_test(biggan_fails_cleanly),     cmocka_unit_test(pixelcnn_fails_cleanly),
        cmocka_unit_test(transformer_fails_cleanly),
    };
    json_set_alloc_funcs(json_alloc, json_release);
    return cmocka_run_group_tests(tests, make_inputs, remove_inputs);
}
