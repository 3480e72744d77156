// SPDX-License-Identifier: Apache-2.0
// Encoders that are shown something else than the picture: pairs by name, maps of labels, sketches, coarse
// pictures; runs that go on, snapshots that say what they take, and what is refused.
#include "params.h"
#include "place.h"

#include "io/json.h"
#include "train/encoding.h"

enum { PAIRS = 6, WIDE = 32, LABELS = 5, BATCH = 2 };

typedef struct scene {
    place *p;
    char generator[96], targets[96], maps[96], lines[96];
} scene;

static void write_picture(const scene *s, const char *folder, const char *name, const char *format, int side,
                          int channels, int (*byte)(int i, int x, int y), int i) {
    char path[160];
    atl_image img;
    assert_int_equal(atl_image_init(s->p->ctx, side, side, channels, &img), ATL_OK);
    for (int k = 0; k < side * side * channels; k++)
        img.pixels[k] = (uint8_t)byte(i, k / channels % side, k / channels / side);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(atl_image_write(s->p->ctx, path, format, &img, 100, NULL, 0), ATL_OK);
    atl_image_clear(s->p->ctx, &img);
}

static int shade(int i, int x, int y) {
    return 20 * i + 3 * x + y;
}

// Of 64 pixels: every second one counts.
static int label(int i, int x, int y) {
    return (x / 2 + 3 * (y / 2) + i) % LABELS;
}

static int line(int i, int x, int y) {
    return (x + y + i) % 7 ? 255 : 0;
}

static void make_folder(char *to, size_t size, const place *p, const char *name) {
    char command[160];
    snprintf(to, size, "%s/%s", p->folder, name);
    snprintf(command, sizeof command, "mkdir %s", to);
    assert_int_equal(system(command), 0);
}

// Names are in the order of sets.  A map that is nobody's comes first, and some sketches have other endings.
static int setup_scene(void **state) {
    static scene s;
    static const char *const NAMES[PAIRS] = { "a", "b-0", "b", "c.d", "e", "f" };
    assert_int_equal(setup(state), 0);
    s.p = *state;
    make_folder(s.targets, sizeof s.targets, s.p, "targets");
    make_folder(s.maps, sizeof s.maps, s.p, "maps");
    make_folder(s.lines, sizeof s.lines, s.p, "lines");
    for (int i = 0; i < PAIRS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.png", NAMES[i]);
        write_picture(&s, s.targets, name, "png", WIDE, 3, shade, i);
        write_picture(&s, s.maps, name, "png", 2 * WIDE, 1, label, i);
        snprintf(name, sizeof name, "%s.%s", NAMES[i], i % 2 ? "webp" : "png");
        write_picture(&s, s.lines, name, "png", WIDE, 3, line, i); // read by what is in them
    }
    write_picture(&s, s.maps, "0.png", "png", 2 * WIDE, 1, label, 3);
    snprintf(s.generator, sizeof s.generator, "%s/g.safetensors", s.p->folder);
    atl_network n;
    json_t *json = json_loads(
        "{\"z_dim\": 16, \"c_dim\": 0, \"w_dim\": 16, \"num_ws\": 8, \"img_resolution\": 32, "
        "\"img_channels\": 3, \"architecture\": \"skip\", \"channel_base\": 128, \"channel_max\": 8, "
        "\"conv_clamp\": null, \"use_noise\": true, \"mapping\": {\"num_layers\": 2}}",
        0, NULL);
    assert_int_equal(
        atl_network_make(s.p->ctx, atl_model_row_find("stylegan2_generator"), "G_ema", json, 5, &n), ATL_OK);
    atl_ckpt_out out = { "G_ema", n.row->kind, n.json, &n.params, NULL };
    assert_int_equal(atl_ckpt_write(s.p->ctx, s.generator, &out, 1, NULL, NULL, ATL_F32), ATL_OK);
    atl_network_clear(&n);
    *state = &s;
    return 0;
}

static int teardown_scene(void **state) {
    *state = ((scene *)*state)->p;
    return teardown(state);
}

static atl_train_options small(const scene *s) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = "psp";
    o.network = s->generator;
    o.data = s->targets;
    o.batch = BATCH;
    o.kimg = 1;
    o.glr = 1e-3;
    o.trunk = "1,1,1,1:16,16,16,16";
    o.style_width = 8;
    o.seed = 7;
    o.mirror = 1;
    return o;
}

// ---- what is shown

// In 8 steps of 2 all 6 pictures come, also flipped.
static void labels_are_those_of_the_pairs(void **state) {
    const scene *s = *state;
    atl_train_options o = small(s);
    o.source = s->maps;
    o.label_nc = LABELS;
    atl_trainer *t = open_trainer(s->p, &o);
    const atl_encoding *e = atl_encoding_of(t);
    int flips = 0;
    assert_int_equal(atl_trainer_input_channels(t), LABELS);
    for (int step = 0; step < 8; step++) {
        steps(s->p, t, 1);
        for (int k = 0; k < BATCH * WIDE * WIDE; k++) {
            int i = k / (WIDE * WIDE), y = k / WIDE % WIDE, x = k % WIDE;
            bool flip = t->which[i].flip;
            int from = flip ? WIDE - 1 - x : x;
            int want = label((int)t->which[i].picture, 2 * from + 1, 2 * y + 1);
            flips += flip;
            for (int c = 0; c < LABELS; c++)
                assert_true(e->in.rows[k * LABELS + c] == (c == want ? 1.0f : 0.0f));
            // the picture itself is the one that the generator is to make; its bytes are less than 256
            float byte = (float)shade((int)t->which[i].picture, from, y);
            assert_true(t->reals[k * 3] == byte / 127.5f - 1.0f);
        }
    }
    assert_true(flips > 0 && flips < 8 * BATCH * WIDE * WIDE);
    float planes[LABELS * WIDE * WIDE];
    assert_int_equal(atl_trainer_input(t, 2, planes), ATL_OK);
    for (int k = 0; k < WIDE * WIDE; k++)
        assert_true(planes[label(2, 2 * (k % WIDE) + 1, 2 * (k / WIDE) + 1) * WIDE * WIDE + k] == 1.0f);
    assert_int_equal(atl_trainer_input(t, PAIRS, planes), ATL_BAD_ARGUMENT);
    atl_message_clear(s->p->ctx);
    atl_trainer_close(&t, 0);
}

static void sketches_are_gray(void **state) {
    const scene *s = *state;
    atl_train_options o = small(s);
    o.source = s->lines;
    o.input_nc = 1;
    o.losses = "auto";
    atl_trainer *t = open_trainer(s->p, &o);
    const atl_encoding *e = atl_encoding_of(t);
    assert_string_equal(atl_trainer_get_options(t)->losses, "l2:1,w-norm:0.005"); // as published for sketches
    steps(s->p, t, 1);
    for (int k = 0; k < BATCH * WIDE * WIDE; k++) {
        int i = k / (WIDE * WIDE), x = k % WIDE, from = t->which[i].flip ? WIDE - 1 - x : x;
        float want = (float)line((int)t->which[i].picture, from, k / WIDE % WIDE) / 255.0f;
        assert_true(fabsf(e->in.rows[k] - want) < 1e-6f); // weights of colours add up to 1
    }
    atl_trainer_close(&t, 0);
}

// Factors come by chance, a function of seed and place; a picture is what encoding makes of it.
static void coarse_pictures_are_those_of_encode(void **state) {
    const scene *s = *state;
    atl_train_options o = small(s);
    o.resize_factors = "1,4,8";
    o.mirror = 0;
    atl_trainer *t = open_trainer(s->p, &o);
    const atl_encoding *e = atl_encoding_of(t);
    static float want[3][3 * WIDE * WIDE];
    int found[3] = { 0 };
    assert_string_equal(atl_trainer_get_options(t)->losses, "l2:1,w-norm:0.005");
    for (int step = 0; step < 12; step++) {
        steps(s->p, t, 1);
        for (int i = 0; i < BATCH; i++) {
            atl_image image;
            int matches = 0;
            assert_int_equal(atl_dataset_read(t->data, t->which[i].picture, &image), ATL_OK);
            for (int f = 0; f < 3; f++) {
                const atl_input_form form = { 3, WIDE, WIDE, f ? 4 * f : 1 };
                assert_int_equal(atl_input_fill(s->p->ctx, &form, &image, want[f]), ATL_OK);
                bool same = true;
                for (int k = 0; k < 3 * WIDE * WIDE; k++)
                    same = same && e->in.rows[i * 3 * WIDE * WIDE + k] == want[f][k % 3 * WIDE * WIDE + k / 3];
                found[f] += same;
                matches += same;
            }
            assert_int_equal(matches, 1);
            atl_image_clear(s->p->ctx, &image);
        }
    }
    assert_true(found[0] > 2 && found[1] > 2 && found[2] > 2); // 8 each on average
    atl_trainer_close(&t, 0);
}

// ---- a run

// Also of an encoder that grows and is judged, and of one that sees its result; the snapshot says how many
// channels it takes.
static void a_resumed_run_is_the_same_run(void **state) {
    const scene *s = *state;
    static const char *const CFGS[] = { "psp", "e4e", "restyle-psp" };
    for (int i = 0; i < 3; i++) {
        atl_train_options o = small(s);
        o.cfg = CFGS[i];
        o.source = i < 2 ? s->maps : "none";
        o.label_nc = i < 2 ? LABELS : 0;
        o.resize_factors = i < 2 ? "none" : "2,4";
        o.progress = i == 1 ? "1:1" : "none";
        o.steps = i == 2 ? 2 : 0;
        atl_trainer *t = open_trainer(s->p, &o);
        steps(s->p, t, 4);
        save(s->p, t, s->p->a);
        atl_trainer_close(&t, 0);
        t = open_trainer(s->p, &o);
        assert_int_equal(atl_trainer_measure(t, 1), ATL_OK); // before anything was read
        steps(s->p, t, 2);
        save(s->p, t, s->p->b);
        atl_trainer_close(&t, 0);
        t = open_trainer(s->p, &o);
        assert_int_equal(atl_trainer_restore(t, s->p->b), ATL_OK);
        steps(s->p, t, 2);
        save(s->p, t, s->p->b);
        static float input[LABELS * WIDE * WIDE], made[3 * WIDE * WIDE];
        assert_int_equal(atl_trainer_input(t, 1, input), ATL_OK);
        assert_int_equal(atl_trainer_reconstruct(t, 1, input, made), ATL_OK);
        atl_trainer_close(&t, 0);
        assert_same_bytes(s->p->a, s->p->b);
        atl_network n;
        atl_model_options mo = ATL_MODEL_OPTIONS_INIT;
        mo.net = "encoder";
        assert_int_equal(atl_network_open(s->p->ctx, s->p->b, &mo, &n), ATL_OK);
        assert_int_equal(n.dims.channels, i < 2 ? LABELS : 6);
        atl_network_clear(&n);
    }
}

// ---- what is refused

static void what_does_not_fit_is_refused(void **state) {
    const scene *s = *state;
    place *p = s->p;
    atl_train_options good = small(s), o;
#define REFUSED(change, part) (o = good, change, assert_refused(p, &o, part))
    REFUSED(o.label_nc = LABELS, "source names no maps");
    REFUSED((o.label_nc = 3, o.source = s->maps), "leave a class empty");
    REFUSED((o.label_nc = 1, o.source = s->maps), "leave a class empty");
    REFUSED(o.input_nc = 2, "3 (colours) and 1");
    REFUSED((o.label_nc = LABELS, o.source = s->maps, o.resize_factors = "2"), "no coarser form");
    REFUSED(o.resize_factors = "2,", "expected up to");
    REFUSED(o.resize_factors = "0", "expected up to");
    REFUSED(o.resize_factors = "257", "expected up to");
    REFUSED(o.resize_factors = "2;4", "expected up to");
    REFUSED(o.resize_factors = "", "expected up to");
    REFUSED(o.resize_factors = "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "expected up to");
    REFUSED((o.data = NULL, o.source = s->maps), "data names no pictures");
    REFUSED((o.data = NULL, o.resize_factors = "2"), "data, which names none");
    REFUSED((o.source = p->set, o.label_nc = LABELS), "has no picture called as a.png");
    REFUSED(o.source = p->a, p->a);
    REFUSED((o.cfg = "restyle-psp", o.input_nc = 1), "colours beside its result");
    write_picture(s, s->lines, "a.jpg", "jpeg", WIDE, 3, line, 0);
    REFUSED((o.source = s->lines, o.input_nc = 1), "the same but for their endings");
#undef REFUSED
}

// It is named, and where.
static void a_label_too_large_stops_the_step(void **state) {
    const scene *s = *state;
    atl_train_options o = small(s);
    o.source = s->maps;
    o.label_nc = LABELS - 1;
    atl_trainer *t = open_trainer(s->p, &o);
    assert_int_equal(atl_trainer_step(t), ATL_BAD_FILE);
    assert_non_null(strstr(atl_message(s->p->ctx), ".png: the map has the label 4 at ("));
    atl_message_clear(s->p->ctx);
    atl_trainer_close(&t, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_scene, teardown_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(labels_are_those_of_the_pairs), TEST(sketches_are_gray),
        TEST(coarse_pictures_are_those_of_encode), TEST(a_resumed_run_is_the_same_run),
        TEST(what_does_not_fit_is_refused), TEST(a_label_too_large_stops_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
