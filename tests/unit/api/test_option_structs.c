// SPDX-License-Identifier: Apache-2.0
// Every option struct of the public headers, given to the function that takes it: none at all, one that no
// initialiser has set, one of a newer header, and one of every older header that there can have been.
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "data/check.h"

#include <atelier/align.h>
#include <atelier/codes.h>
#include <atelier/congeal.h>
#include <atelier/directions.h>
#include <atelier/drag.h>
#include <atelier/encode.h>
#include <atelier/ensemble.h>
#include <atelier/generate.h>
#include <atelier/metrics.h>
#include <atelier/model.h>
#include <atelier/network.h>
#include <atelier/path.h>
#include <atelier/ranks.h>
#include <atelier/project.h>
#include <atelier/spectra.h>
#include <atelier/train.h>
#include <atelier/video.h>
#include "base/options.h"

// What the calls work on.
typedef struct bench {
    place *p;
    atl_model *model;
    char file[512], pictures[512];
    float z[512], ws[16 * 512], img[3 * 8 * 8];
} bench;

// One call with options; what came of it goes to *result: status, and a number that hangs on the options.
typedef struct outcome {
    atl_status status;
    double number;
} outcome;

static double sum(size_t n, const float *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)(i + 1);
    return s;
}

static outcome open_ctx(bench *b, const void *o) {
    (void)b;
    atl_ctx *ctx;
    outcome r = { atl_ctx_open(&ctx, o), 0 };
    r.number = ctx ? atl_ctx_threads(ctx) : 0;
    atl_ctx_close(&ctx);
    return r;
}

static outcome open_model(bench *b, const void *o) {
    atl_model *m;
    outcome r = { atl_model_open(b->p->ctx, b->file, o, &m), 0 };
    r.number = m ? atl_model_get_info(m)->width : 0;
    atl_model_close(&m);
    return r;
}

static outcome map(bench *b, const void *o) {
    outcome r = { atl_model_map(b->model, 1, b->z, NULL, o, b->ws), 0 };
    r.number = r.status == ATL_OK ? sum(10, b->ws) : 0;
    return r;
}

static outcome broadcast(bench *b, const void *o) {
    outcome r = { atl_model_broadcast(b->model, 1, b->z, o, b->ws), 0 };
    r.number = r.status == ATL_OK ? sum(10, b->ws) : 0;
    return r;
}

static outcome synthesize(bench *b, const void *o) {
    memset(b->ws, 0, sizeof b->ws);
    outcome r = { atl_model_synthesize(b->model, 1, b->ws, o, b->img), 0 };
    r.number = r.status == ATL_OK ? sum(3 * 8 * 8, b->img) : 0;
    return r;
}

static outcome generate(bench *b, const void *o) {
    atl_image image;
    outcome r = { atl_generate(b->model, o, &image), 0 };
    for (int i = 0; image.pixels && i < image.width * image.height; i++)
        r.number += image.pixels[i] * (i + 1);
    atl_image_clear(b->p->ctx, &image);
    return r;
}

static outcome run(bench *b, const void *o) {
    const atl_model_info *info = atl_model_get_info(b->model);
    atl_array z = { "z", ATL_F32, 2, { 1, info->z_dim }, b->z };
    atl_arrays *out;
    outcome r = { atl_model_run(b->model, "map", &z, 1, o, &out), 0 };
    r.number = out ? sum(10, atl_arrays_get(out, 0)->data) : 0;
    atl_arrays_close(&out);
    return r;
}

static outcome init(bench *b, const void *o) {
    atl_model *m;
    outcome r = { atl_model_init(b->p->ctx, o, &m), 0 };
    r.number = m ? (double)atl_model_get_info(m)->parameters : 0;
    atl_model_close(&m);
    return r;
}

static outcome blend(bench *b, const void *o) {
    atl_model *m;
    outcome r = { atl_model_blend(b->model, b->model, o, &m), 0 };
    atl_model_close(&m);
    return r;
}

static outcome convert(bench *b, const void *o) {
    outcome r = { atl_convert(b->p->ctx, b->file, at(b->p, "other.safetensors"), o), 0 };
    return r;
}

static outcome open_path(bench *b, const void *o) {
    atl_path *path;
    float keys[8] = { 1, 2, 3, 5, 8, 1, 2, 4 }, at[2] = { 0 };
    outcome r = { atl_path_open(b->p->ctx, 4, 2, keys, o, &path), 0 };
    if (path)
        atl_path_at(path, 0.3, at);
    r.number = sum(2, at);
    atl_path_close(&path);
    return r;
}

static outcome open_video(bench *b, const void *o) {
    atl_video *video;
    outcome r = { atl_video_open(b->p->ctx, at(b->p, "film.y4m"), o, &video), 0 };
    atl_video_abort(&video);
    return r;
}

static outcome open_set(bench *b, const void *o) {
    atl_dataset *set;
    outcome r = { atl_dataset_open(b->p->ctx, b->pictures, o, &set), 0 };
    r.number = set ? (double)atl_dataset_info_get(set)->count : 0;
    atl_dataset_close(&set);
    return r;
}

static outcome make_set(bench *b, const void *o) {
    atl_dataset_made made;
    const char *path = at(b->p, "made.zip");
    outcome r = { atl_dataset_make(b->p->ctx, b->pictures, path, o, &made), 0 };
    if (r.status == ATL_OK)
        assert_int_equal(remove(path), 0); // the next one must be new
    r.number = (double)made.written;
    return r;
}

static outcome check_set(bench *b, const void *o) {
    atl_dataset_checked checked;
    outcome r = { atl_dataset_check(b->p->ctx, b->pictures, o, &checked), 0 };
    r.number = (double)checked.count;
    return r;
}

static outcome open_ranks(bench *b, const void *o) {
    atl_ranks *ranks;
    outcome r = { atl_ranks_open(b->p->ctx, o, &ranks), atl_ranks_size(ranks) };
    atl_ranks_close(&ranks, r.status != ATL_OK);
    return r;
}

static outcome open_metrics(bench *b, const void *o) { // of nothing: always a failure
    atl_metrics *m;
    outcome r = { atl_metrics_open(b->p->ctx, o, &m), 0 };
    atl_metrics_close(&m);
    return r;
}

static outcome open_spectrum(bench *b, const void *o) {
    atl_spectrum *s;
    outcome r = { atl_spectrum_open(b->p->ctx, o, &s), 0 };
    atl_spectrum_close(&s);
    return r;
}

// A gray picture with a step in it, and a square across that.
static atl_status gray(bench *b, atl_image *image, atl_quad *quad) {
    atl_align_box(3, 3, 12, quad);
    atl_status status = atl_image_init(b->p->ctx, 20, 20, 1, image);
    for (int i = 200; status == ATL_OK && i < 400; i++)
        image->pixels[i] = 200;
    return status;
}

static outcome align_crop(bench *b, const void *o) {
    atl_image photo, crop;
    atl_quad quad;
    assert_ok(b->p, gray(b, &photo, &quad));
    outcome r = { atl_align_crop(b->p->ctx, &photo, &quad, o, &crop), 0 };
    for (int i = 0; i < crop.width * crop.height; i++)
        r.number += crop.pixels[i] * (i % 7 + 1);
    atl_image_clear(b->p->ctx, &photo);
    atl_image_clear(b->p->ctx, &crop);
    return r;
}

static outcome align_paste(bench *b, const void *o) {
    atl_image photo, crop;
    atl_quad quad;
    assert_ok(b->p, gray(b, &photo, &quad));
    assert_ok(b->p, atl_image_init(b->p->ctx, 8, 8, 1, &crop));
    outcome r = { atl_align_paste(b->p->ctx, &crop, &quad, o, &photo), 0 };
    for (int i = 0; i < 400; i++)
        r.number += photo.pixels[i] * (i % 7 + 1);
    atl_image_clear(b->p->ctx, &photo);
    atl_image_clear(b->p->ctx, &crop);
    return r;
}

static outcome sample_codes(bench *b, const void *o) { // of a generator: always a failure
    int32_t codes[1] = { 0 };
    outcome r = { atl_codes_sample(b->model, o, codes), 0 };
    return r;
}

static outcome open_drag(bench *b, const void *o) {
    const atl_drag_point p = { 2, 3, 5, 4 };
    atl_drag *drag;
    memset(b->ws, 0, sizeof b->ws);
    outcome r = { atl_drag_open(b->model, b->ws, &p, 1, o, &drag), 0 };
    if (drag && (r.status = atl_drag_step(drag)) == ATL_OK)
        atl_drag_read(drag, b->ws);
    r.number = sum(16, b->ws);
    atl_drag_close(&drag);
    return r;
}

// The generator is no encoder: a failure, whatever the options are.
static outcome open_encoder(bench *b, const void *o) {
    atl_encoder *e;
    outcome r = { atl_encoder_open(b->model, b->model, o, &e), 0 };
    atl_encoder_close(&e);
    return r;
}

// Nor does it classify.
static outcome open_classifier(bench *b, const void *o) {
    atl_classifier *c;
    outcome r = { atl_classifier_open(b->model, o, &c), 0 };
    atl_classifier_close(&c);
    return r;
}

static outcome make_views(bench *b, const void *o) {
    static float views[2 * 16 * 512];
    outcome r = { atl_views_make(b->model, o, b->ws, 2, views), 0 };
    r.number = (double)views[0];
    return r;
}

static outcome open_congealer(bench *b, const void *o) {
    atl_congealer *c;
    outcome r = { atl_congealer_open(b->model, o, &c), 0 };
    atl_congealer_close(&c);
    return r;
}

static outcome open_learning(bench *b, const void *o) {
    atl_congeal_trainer *t;
    outcome r = { atl_congeal_trainer_open(b->model, o, &t), 0 };
    atl_congeal_trainer_close(&t);
    return r;
}

static outcome compare_pictures(bench *b, const void *o) {
    uint8_t black[3] = { 0, 0, 0 }, grey[3] = { 128, 128, 128 };
    const atl_image a = { 1, 1, 3, black }, c = { 1, 1, 3, grey };
    atl_pair_likeness likeness = { 0 };
    outcome r = { atl_pictures_compare(b->p->ctx, &a, &c, o, &likeness), 0 };
    r.number = likeness.mse;
    return r;
}

static outcome open_trainer(bench *b, const void *o) { // without pictures or a resolution: always a failure
    atl_trainer *t;
    outcome r = { atl_trainer_open(b->p->ctx, o, &t), 0 };
    atl_trainer_close(&t, 0);
    return r;
}

static outcome open_projector(bench *b, const void *o) {
    atl_projector *p;
    outcome r = { atl_projector_open(b->model, o, &p), 0 };
    r.number = p ? atl_projector_get_state(p)->steps : 0;
    atl_projector_close(&p);
    return r;
}

static outcome open_tuner(bench *b, const void *o) {
    atl_tuner *t;
    outcome r = { atl_tuner_open(b->model, o, &t), 0 };
    double gflop = 0;
    size_t bytes;
    if (t)
        atl_tuner_cost(t, &gflop, &bytes);
    r.number = gflop;
    atl_tuner_close(&t);
    return r;
}

static outcome find_sefa(bench *b, const void *o) {
    atl_directions *set;
    outcome r = { atl_directions_sefa(b->model, o, &set), 0 };
    r.number = set ? sum(10, atl_directions_get(set, 0)->values) + (double)atl_directions_size(set) : 0;
    atl_directions_close(&set);
    return r;
}

static outcome relabel(bench *b, const void *o) {
    const atl_direction d = {
        .name = "d", .space = ATL_DIRECTION_W, .rows = 1, .width = 8, .values = b->z, .scale = 1
    };
    atl_directions *set, *other;
    outcome r = { atl_directions_make(b->p->ctx, &d, 1, "", "", &set), 0 };
    if (r.status == ATL_OK)
        r.status = atl_directions_relabel(set, o, &other);
    r.number = r.status == ATL_OK ? atl_directions_get(other, 0)->space : 0;
    if (r.status == ATL_OK)
        atl_directions_close(&other);
    atl_directions_close(&set);
    return r;
}

static outcome open_fit(bench *b, const void *o) {
    atl_fit *fit;
    outcome r = { atl_fit_open(b->p->ctx, o, &fit), 0 };
    atl_fit_close(&fit);
    return r;
}

static outcome move_along(bench *b, const void *o) {
    const atl_direction d = {
        .name = "", .space = ATL_DIRECTION_W, .rows = 1, .width = 8, .values = b->z, .scale = 1
    };
    float x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    outcome r = { atl_direction_move(b->p->ctx, &d, o, 2, 1, 8, x), 0 };
    r.number = sum(8, x);
    return r;
}

static outcome open_editor(bench *b, const void *o) {
    atl_editor *editor;
    outcome r = { atl_editor_open(b->model, o, &editor), 0 };
    memset(b->ws, 0, sizeof b->ws);
    if (r.status == ATL_OK)
        r.status = atl_editor_run(editor, 1, b->ws, NULL, b->img);
    r.number = r.status == ATL_OK ? sum(3 * 8 * 8, b->img) : 0;
    atl_editor_close(&editor);
    return r;
}

static const atl_sefa_options SEFA = ATL_SEFA_OPTIONS_INIT;
static const atl_relabel_options RELABEL = ATL_RELABEL_OPTIONS_INIT;
static const atl_fit_options FIT = {
    sizeof FIT, ATL_FIT_PCA, ATL_DIRECTION_W, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0
};
static const atl_move_options MOVE = ATL_MOVE_OPTIONS_INIT;
static const atl_editor_options EDITOR = ATL_EDITOR_OPTIONS_INIT;
static const atl_ctx_options CTX = ATL_CTX_OPTIONS_INIT;
static const atl_model_options MODEL = ATL_MODEL_OPTIONS_INIT;
static const atl_map_options MAP = ATL_MAP_OPTIONS_INIT;
static const atl_synthesis_options SYNTHESIS = ATL_SYNTHESIS_OPTIONS_INIT;
static const atl_generate_options GENERATE = ATL_GENERATE_OPTIONS_INIT;
static const atl_run_options RUN = ATL_RUN_OPTIONS_INIT;
static const atl_init_options INIT = { sizeof INIT, "stylegan2", 8, 128, 16, 0, 0, 0, 0, 0, 0, 0 };
static const atl_blend_options BLEND = ATL_BLEND_OPTIONS_INIT;
static const atl_convert_options CONVERT = ATL_CONVERT_OPTIONS_INIT;
static const atl_path_options PATH = ATL_PATH_OPTIONS_INIT;
static const atl_video_options VIDEO = { sizeof VIDEO, 16, 16, 0, NULL, NULL, 0, 0, 0, 0 };
static const atl_dataset_options SET = ATL_DATASET_OPTIONS_INIT;
static const atl_dataset_make_options MAKE = ATL_DATASET_MAKE_OPTIONS_INIT;
static const atl_dataset_check_options CHECK = ATL_DATASET_CHECK_OPTIONS_INIT;
static const atl_ranks_options RANKS = ATL_RANKS_OPTIONS_INIT;
static const atl_metrics_options METRICS = ATL_METRICS_OPTIONS_INIT;
static const atl_spectrum_options SPECTRUM = { sizeof SPECTRUM, 16, 4, 8.0, 0.0, 1.0 };
static const atl_project_options PROJECT = { sizeof PROJECT, 1,     50,   303,  "w",  "mse", NULL, 1,
                                             0.0,            10000, 0.05, 0.75, 0.05, 0.25,  1e5,  1.0 };
static const atl_tune_options TUNE = { sizeof TUNE, 1, 9, 0, "mse", NULL, 3e-4, -1.0, 1.0, 0.1, 30.0, 0.5, NULL };
static const atl_align_options ALIGN = { sizeof ALIGN, 16, 0, 0 };
static const atl_sample_options SAMPLE = ATL_SAMPLE_OPTIONS_INIT;
static const atl_drag_options DRAG = ATL_DRAG_OPTIONS_INIT;
static const atl_pairs_options PAIRS = ATL_PAIRS_OPTIONS_INIT;
static const atl_encode_options ENCODE = ATL_ENCODE_OPTIONS_INIT;
static const atl_classifier_options CLASSIFY = ATL_CLASSIFIER_OPTIONS_INIT;
static const atl_view_options VIEW = { sizeof VIEW, ATL_VIEW_ISOTROPIC, 1, 0.1, NULL, 20, 0, NULL };
static const atl_congeal_options CONGEAL = ATL_CONGEAL_OPTIONS_INIT;
static const atl_congeal_train_options LEARN = ATL_CONGEAL_TRAIN_OPTIONS_INIT;
static const atl_paste_options PASTE = ATL_PASTE_OPTIONS_INIT;
static atl_train_options TRAIN; // filled by its function

// least: where the fields begin that hold what the initialiser sets: the shortest struct that says the same.
typedef struct row {
    const char *name;
    const void *options;
    size_t size, least;
    outcome (*call)(bench *b, const void *options);
} row;

#define ROW(type, value, field, call)                                                                        \
    { #type, &(value), sizeof(value), offsetof(type, field), call }
static const row ROWS[] = {
    ROW(atl_ctx_options, CTX, threads, open_ctx),
    ROW(atl_model_options, MODEL, net, open_model),
    ROW(atl_map_options, MAP, truncation_psi, map),
    ROW(atl_map_options, MAP, truncation_psi, broadcast),
    ROW(atl_synthesis_options, SYNTHESIS, noise_mode, synthesize),
    ROW(atl_generate_options, GENERATE, noise_mode, generate),
    ROW(atl_run_options, RUN, noise_mode, run),
    ROW(atl_init_options, INIT, c_dim, init),
    ROW(atl_blend_options, BLEND, swap_below, blend),
    ROW(atl_convert_options, CONVERT, net, convert),
    ROW(atl_sefa_options, SEFA, layers, find_sefa),
    ROW(atl_relabel_options, RELABEL, name, relabel),
    ROW(atl_fit_options, FIT, count, open_fit),
    ROW(atl_move_options, MOVE, how, move_along),
    ROW(atl_editor_options, EDITOR, styles, open_editor),
    ROW(atl_path_options, PATH, ease, open_path),
    ROW(atl_video_options, VIDEO, fps, open_video),
    ROW(atl_dataset_options, SET, labels, open_set),
    ROW(atl_dataset_make_options, MAKE, labels, make_set),
    ROW(atl_dataset_check_options, CHECK, labels, check_set),
    ROW(atl_ranks_options, RANKS, stall_seconds, open_ranks),
    ROW(atl_metrics_options, METRICS, metrics, open_metrics),
    ROW(atl_spectrum_options, SPECTRUM, interp, open_spectrum),
    ROW(atl_project_options, PROJECT, features, open_projector),
    ROW(atl_tune_options, TUNE, features, open_tuner),
    ROW(atl_align_options, ALIGN, exact, align_crop),
    ROW(atl_sample_options, SAMPLE, told, sample_codes),
    ROW(atl_drag_options, DRAG, layer, open_drag),
    ROW(atl_pairs_options, PAIRS, lpips, compare_pictures),
    ROW(atl_encode_options, ENCODE, average, open_encoder),
    ROW(atl_classifier_options, CLASSIFY, colours, open_classifier),
    ROW(atl_view_options, VIEW, strength, make_views),
    ROW(atl_congeal_options, CONGEAL, padding, open_congealer),
    ROW(atl_congeal_train_options, LEARN, identity, open_learning),
    ROW(atl_paste_options, PASTE, mask, align_paste),
    ROW(atl_train_options, TRAIN, data, open_trainer),
};
enum { ROW_COUNT = sizeof ROWS / sizeof *ROWS };

static void set_up(bench *b, void **state) {
    atl_train_options_init(&TRAIN, sizeof TRAIN);
    atl_init_options tiny = { sizeof tiny, "stylegan2", 8, 64, 8, 0, 0, 2, 7, 0, 0, 0 };
    *b = (bench){ .p = *state, .z = { 1, -2, 3, 0.5f, -1, 2, 0.25f, 1 } };
    place *p = b->p;
    snprintf(b->file, sizeof b->file, "%s", at(p, "net.safetensors"));
    snprintf(b->pictures, sizeof b->pictures, "%s", at(p, "pictures"));
    assert_ok(p, atl_model_init(p->ctx, &tiny, &b->model));
    const atl_model_info *info = atl_model_get_info(b->model);
    assert_true(info->z_dim <= 512 && info->w_dim <= 512 && info->num_ws <= 16);
    assert_ok(p, atl_model_save(b->model, b->file, ATL_F32));
    folder(p, "pictures");
    for (int i = 0; i < 3; i++)
        put_picture(p, (const char *[]){ "pictures/a.png", "pictures/b.png", "pictures/c.png" }[i], "png", 8,
                    8, 3, i);
}

static void done(bench *b) {
    atl_model_close(&b->model);
}

// The struct as a caller of `length` bytes has it; what lies behind is not zero.
static void *cut(void *room, const row *r, size_t length) {
    memset(room, 0xff, r->size + 64);
    memcpy(room, r->options, length < r->size ? length : r->size);
    memcpy(room, &length, sizeof length);
    return room;
}

static void test_an_older_and_shorter_struct_means_the_same(void **state) {
    bench b;
    alignas(16) char room[1024];
    set_up(&b, state);
    for (int i = 0; i < ROW_COUNT; i++) {
        const row *r = &ROWS[i];
        outcome whole = r->call(&b, r->options);
        char sentence[1024];
        snprintf(sentence, sizeof sentence, "%s", atl_message(b.p->ctx));
        size_t least = r->least > sizeof(size_t) ? r->least : 2 * sizeof(size_t);
        int lengths = 0;
        for (size_t length = (least + 7) & ~(size_t)7; length < r->size; length += 8, lengths++) {
            atl_message_clear(b.p->ctx);
            outcome part = r->call(&b, cut(room, r, length));
            if (part.status != whole.status || part.number != whole.number ||
                strcmp(atl_message(b.p->ctx), sentence) != 0)
                fail_msg(
                    "%s of %zu bytes in place of %zu: status %d in place of %d, number %g in place of %g, %s",
                    r->name, length, r->size, part.status, whole.status, part.number, whole.number,
                    atl_message(b.p->ctx));
        }
        atl_message_clear(b.p->ctx);
        if (r->size > 24 && !lengths)
            fail_msg("%s was not cut", r->name);
    }
    done(&b);
}

static void test_a_longer_struct_and_one_without_a_size_are_refused(void **state) {
    bench b;
    alignas(16) char room[1024];
    set_up(&b, state);
    for (int i = 0; i < ROW_COUNT; i++) {
        const row *r = &ROWS[i];
        const size_t wrong[] = { 0, sizeof(size_t), r->size + 1, r->size + 8, SIZE_MAX };
        assert_true(r->size + 64 <= sizeof room);
        for (int k = 0; k < 5; k++) {
            outcome o = r->call(&b, cut(room, r, wrong[k]));
            char begin[64], size[64];
            snprintf(begin, sizeof begin, "%s: size is %zu", r->name, wrong[k]);
            snprintf(size, sizeof size, "knows %zu bytes", r->size);
            const char *sentence = atl_message(b.p->ctx);
            bool said = r->call == open_ctx || // there is no context yet that could hold a sentence
                        (!strncmp(sentence, begin, strlen(begin)) && (k < 2 || strstr(sentence, size)));
            if (o.status != ATL_BAD_ARGUMENT || !said)
                fail_msg("%s with size %zu: status %d, %s", r->name, wrong[k], o.status, sentence);
            atl_message_clear(b.p->ctx);
        }
    }
    done(&b);
}

static void test_no_struct_means_the_defaults(void **state) {
    bench b;
    set_up(&b, state);
    for (int i = 0; i < ROW_COUNT; i++) {
        const row *r = &ROWS[i];
        bool missing = r->call == open_video || r->call == open_metrics || r->call == open_spectrum ||
                       r->call == open_trainer || r->call == open_fit || r->call == open_tuner ||
                       r->call == open_encoder || r->call == sample_codes || r->call == open_classifier ||
                       r->call == make_views || r->call == open_congealer || r->call == open_learning ||
                       r->call == open_projector; // a size, what to measure, or a network must be given
        outcome o = r->call(&b, NULL);
        if (o.status != (missing ? ATL_BAD_ARGUMENT : ATL_OK))
            fail_msg("%s: NULL gives status %d, %s", r->name, o.status, atl_message(b.p->ctx));
        atl_message_clear(b.p->ctx);
    }
    done(&b);
}

static void test_the_reader_keeps_what_an_older_caller_does_not_know(void **state) {
    typedef struct own {
        size_t size;
        int a;
        int b;
        const char *c;
    } own;
    place *p = *state;
    own o = { sizeof o, 1, 2, "three" };
    const own theirs = { offsetof(own, b), 10, 20, "thirty" };
    assert_ok(p, atl_options_read(p->ctx, "own", &o, sizeof o, &theirs));
    assert_int_equal(o.size, sizeof o); // of what is held now
    assert_int_equal(o.a, 10);
    assert_int_equal(o.b, 2);
    assert_string_equal(o.c, "three");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_an_older_and_shorter_struct_means_the_same),
        TEST(test_a_longer_struct_and_one_without_a_size_are_refused),
        TEST(test_no_struct_means_the_defaults),
        TEST(test_the_reader_keeps_what_an_older_caller_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
