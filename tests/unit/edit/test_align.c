// SPDX-License-Identifier: Apache-2.0
// Squares of faces, their pictures against those that Pillow and numpy made of the same photo by the steps of
// src/edit/align.c (tests/data/align), pasting back, and records.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/align.h>

typedef struct scene {
    const char *name;
    int width, height;
    double x, y, size, turn; // of the face
    atl_align_options options;
} scene;

static const scene scenes[] = {
    { "inside", 97, 83, 48, 40, 5, 0.3, { sizeof(atl_align_options), 32, 0, 0 } },
    { "shrunk", 160, 120, 80, 62, 14, -0.4, { sizeof(atl_align_options), 12, 0, 0 } },
    { "beyond", 97, 83, 80, 60, 12, 0.2, { sizeof(atl_align_options), 32, 0, 0 } },
    { "exact", 97, 83, 30, 20, 12, -0.2, { sizeof(atl_align_options), 32, 1, 0 } },
    { "bare", 97, 83, 80, 60, 12, 0.2, { sizeof(atl_align_options), 32, 0, 1 } },
};
enum { SCENES = sizeof scenes / sizeof *scenes };

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    return ctx;
}

static void draw(atl_ctx *ctx, int w, int h, atl_image *photo) {
    assert_int_equal(atl_image_init(ctx, w, h, 3, photo), ATL_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint8_t *p = photo->pixels + 3 * (y * w + x);
            int far = (x - w / 2) * (x - w / 2) / 8 + (y - h / 2) * (y - h / 2) / 6;
            p[0] = (uint8_t)(x * 3 + y * 2 + 40 * ((x / 7 + y / 5) & 1));
            p[1] = (uint8_t)(255 - (far < 255 ? far : 255));
            p[2] = (uint8_t)(x * y / 16 + (x ^ y));
        }
}

// Smooth, so that what is sampled there and back is nearly itself.
static void draw_smooth(atl_ctx *ctx, int w, int h, atl_image *photo) {
    assert_int_equal(atl_image_init(ctx, w, h, 3, photo), ATL_OK);
    for (int i = 0; i < w * h; i++)
        for (int k = 0; k < 3; k++)
            photo->pixels[3 * i + k] =
                (uint8_t)(128 + 100 * sin((i % w) * 0.05 + k) * cos((i / w) * 0.04 - k));
}

// Eyes and mouth; the other points don't count.
static void landmarks(const scene *s, atl_point p[ATL_LANDMARKS]) {
    memset(p, 0, ATL_LANDMARKS * sizeof *p);
    for (int i = 0; i < 6; i++) {
        double a = 2 * 3.14159265358979323846 * i / 6, x = 0.25 * cos(a), y = -0.6 + 0.15 * sin(a);
        p[36 + i] = (atl_point){ x - 1, y };
        p[42 + i] = (atl_point){ x + 1, y };
    }
    p[48] = (atl_point){ -0.7, 1.1 };
    p[54] = (atl_point){ 0.7, 1.0 };
    for (int i = 0; i < ATL_LANDMARKS; i++) {
        double x = p[i].x, y = p[i].y, c = cos(s->turn), n = sin(s->turn);
        p[i] = (atl_point){ s->x + s->size * (c * x - n * y), s->y + s->size * (n * x + c * y) };
    }
}

static void an_upright_face_is_in_the_middle(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_point p[ATL_LANDMARKS] = { { 0 } };
    atl_quad q;
    for (int i = 36; i < 42; i++) {
        p[i] = (atl_point){ 40, 50 };
        p[i + 6] = (atl_point){ 60, 50 };
    }
    p[48] = (atl_point){ 45, 70 };
    p[54] = (atl_point){ 55, 70 };
    assert_int_equal(atl_align_face(ctx, p, &q), ATL_OK);
    // 20 between the eyes and 20 to the mouth: half a side of 2 * 20 around the eyes, a tenth of the way down
    const atl_point want[4] = { { 10, 12 }, { 10, 92 }, { 90, 92 }, { 90, 12 } };
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(q.corner[i].x - want[i].x) < 1e-9);
        assert_true(fabs(q.corner[i].y - want[i].y) < 1e-9);
    }
    memset(p, 0, sizeof p);
    assert_int_equal(atl_align_face(ctx, p, &q), ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

static void crops_are_those_of_pillow(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    for (int i = 0; i < SCENES; i++) {
        char path[512];
        atl_image photo, crop, want;
        atl_point p[ATL_LANDMARKS];
        atl_quad q;
        int worst = 0;
        draw(ctx, scenes[i].width, scenes[i].height, &photo);
        landmarks(&scenes[i], p);
        assert_int_equal(atl_align_face(ctx, p, &q), ATL_OK);
        assert_int_equal(atl_align_crop(ctx, &photo, &q, &scenes[i].options, &crop), ATL_OK);
        snprintf(path, sizeof path, "%s/align/%s.png", getenv("ATL_TEST_DATA"), scenes[i].name);
        assert_int_equal(atl_image_read(ctx, path, &want), ATL_OK);
        assert_int_equal(crop.width, want.width);
        assert_int_equal(crop.channels, want.channels);
        for (int k = 0; k < crop.width * crop.height * crop.channels; k++) {
            int d = abs(crop.pixels[k] - want.pixels[k]);
            worst = d > worst ? d : worst;
        }
        if (worst > 1)
            fail_msg("%s: %d levels", scenes[i].name, worst); // one: floats that are rounded the other way
        atl_image_clear(ctx, &photo);
        atl_image_clear(ctx, &crop);
        atl_image_clear(ctx, &want);
    }
    atl_ctx_close(&ctx);
}

// Threads share rows; nothing must hang on which.
static void threads_do_not_show(void **state) {
    (void)state;
    atl_image crops[2];
    for (int i = 0; i < 2; i++) {
        atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
        atl_ctx *ctx;
        atl_image photo;
        atl_point p[ATL_LANDMARKS];
        atl_quad q;
        o.threads = 1 + 2 * i;
        assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
        draw(ctx, scenes[2].width, scenes[2].height, &photo);
        landmarks(&scenes[2], p);
        assert_int_equal(atl_align_face(ctx, p, &q), ATL_OK);
        assert_int_equal(atl_align_crop(ctx, &photo, &q, &scenes[2].options, &crops[i]), ATL_OK);
        atl_image_clear(ctx, &photo);
        if (i)
            assert_memory_equal(crops[0].pixels, crops[1].pixels, 32 * 32 * 3);
        if (i)
            atl_image_clear(ctx, &crops[1]);
        if (i == 0) { // keep it beyond its context
            uint8_t *copy = malloc(32 * 32 * 3);
            memcpy(copy, crops[0].pixels, 32 * 32 * 3);
            atl_image_clear(ctx, &crops[0]);
            crops[0].pixels = copy;
        }
        atl_ctx_close(&ctx);
    }
    free(crops[0].pixels);
}

static double mean_difference(const atl_image *a, const atl_image *b) {
    double sum = 0;
    int n = a->width * a->height * a->channels;
    for (int i = 0; i < n; i++)
        sum += abs(a->pixels[i] - b->pixels[i]);
    return sum / n;
}

// A crop that nobody edited changes next to nothing, whether it is larger than its square, smaller, or was
// read from a photo that had been made smaller.
static void a_crop_comes_back_where_it_was(void **state) {
    (void)state;
    static const int sizes[] = { 48, 100, 12, 240 };
    atl_ctx *ctx = open_ctx();
    for (int i = 0; i < 4; i++) {
        atl_image photo, copy, crop;
        atl_quad q;
        atl_point p[ATL_LANDMARKS];
        atl_align_options o = ATL_ALIGN_OPTIONS_INIT;
        draw_smooth(ctx, 160, 120, &photo);
        draw_smooth(ctx, 160, 120, &copy);
        landmarks(&scenes[1], p);
        o.pixels = sizes[i];
        assert_int_equal(atl_align_face(ctx, p, &q), ATL_OK);
        assert_int_equal(atl_align_crop(ctx, &photo, &q, &o, &crop), ATL_OK);
        assert_int_equal(atl_align_paste(ctx, &crop, &q, NULL, &photo), ATL_OK);
        double off = mean_difference(&photo, &copy);
        assert_true(off > 0);
        if (off > 0.6) // truncating to 8 bits costs half a level within the square
            fail_msg("%d pixels: %.3f levels", sizes[i], off);
        atl_image_clear(ctx, &photo);
        atl_image_clear(ctx, &copy);
        atl_image_clear(ctx, &crop);
    }
    atl_ctx_close(&ctx);
}

static void borders_fade_and_masks_count(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_image photo, crop, mask;
    atl_quad q;
    atl_paste_options o = ATL_PASTE_OPTIONS_INIT;
    assert_int_equal(atl_image_init(ctx, 60, 50, 1, &photo), ATL_OK);
    assert_int_equal(atl_image_init(ctx, 20, 20, 1, &crop), ATL_OK);
    assert_int_equal(atl_image_init(ctx, 20, 20, 1, &mask), ATL_OK);
    memset(crop.pixels, 200, 400);
    atl_align_box(10, 5, 40, &q);
    o.border = 0.25;
    assert_int_equal(atl_align_paste(ctx, &crop, &q, &o, &photo), ATL_OK);
    const uint8_t *row = photo.pixels + 25 * 60;
    assert_int_equal(row[9], 0);
    assert_int_equal(row[50], 0);
    for (int x = 10; x < 20; x++)
        assert_true(row[x] <= row[x + 1]);
    assert_true(row[10] < 20 && row[14] > 60 && row[14] < 140);
    for (int x = 20; x < 40; x++)
        assert_int_equal(row[x], 200);
    assert_int_equal(photo.pixels[4 * 60 + 30], 0);
    // half of it masked
    memset(photo.pixels, 0, 60 * 50);
    for (int y = 0; y < 20; y++)
        memset(mask.pixels + y * 20 + 10, 255, 10);
    o.mask = &mask;
    o.border = 0;
    assert_int_equal(atl_align_paste(ctx, &crop, &q, &o, &photo), ATL_OK);
    for (int x = 0; x < 26; x++)
        assert_int_equal(row[x], 0);
    for (int x = 34; x < 50; x++)
        assert_int_equal(row[x], 200);
    // what does not fit
    mask.width = 10;
    assert_int_equal(atl_align_paste(ctx, &crop, &q, &o, &photo), ATL_BAD_ARGUMENT);
    mask.width = 20;
    o.border = 0.6;
    assert_int_equal(atl_align_paste(ctx, &crop, &q, &o, &photo), ATL_BAD_ARGUMENT);
    atl_image_clear(ctx, &photo);
    atl_image_clear(ctx, &crop);
    atl_image_clear(ctx, &mask);
    atl_ctx_close(&ctx);
}

static void bad_squares_are_refused(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_image photo, crop;
    atl_quad q;
    draw(ctx, 40, 30, &photo);
    const double wrong[][3] = {
        { 100, 5, 10 }, { 0, 0, 0 }, { -300, -300, 600 }, { NAN, 0, 5 }, { 0, 0, INFINITY }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        atl_align_box(wrong[i][0], wrong[i][1], wrong[i][2], &q);
        assert_int_equal(atl_align_crop(ctx, &photo, &q, NULL, &crop), ATL_BAD_ARGUMENT);
        assert_null(crop.pixels);
    }
    atl_align_box(0, 0, 10, &q);
    q.corner[2].x += 5;
    assert_int_equal(atl_align_crop(ctx, &photo, &q, NULL, &crop), ATL_BAD_ARGUMENT);
    atl_image_clear(ctx, &photo);
    atl_ctx_close(&ctx);
}

static void records_come_back(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    char path[] = "/tmp/atl-record-XXXXXX";
    char photo[] = "a \"folder\"/photo.jpg", source[] = "landmarks";
    close(mkstemp(path));
    atl_alignment a = { .pixels = 256,
                        .width = 640,
                        .height = 480,
                        .face = 1,
                        .faces = 2,
                        .photo = photo,
                        .source = source },
                  b;
    atl_align_box(100.25, 50, 200, &a.quad);
    assert_int_equal(atl_alignment_write(ctx, path, &a), ATL_OK);
    assert_int_equal(atl_alignment_read(ctx, path, &b), ATL_OK);
    assert_memory_equal(&a.quad, &b.quad, sizeof a.quad);
    assert_int_equal(b.pixels, 256);
    assert_int_equal(b.width, 640);
    assert_int_equal(b.height, 480);
    assert_int_equal(b.face, 1);
    assert_int_equal(b.faces, 2);
    assert_string_equal(b.photo, photo);
    assert_string_equal(b.source, source);
    atl_alignment_clear(ctx, &b);
    static const char *const damaged[] = {
        "",
        "{}",
        "[1]",
        "{\"format\":\"atelier alignment 2\"}",
        "{\"format\":\"atelier alignment "
        "1\",\"size\":8,\"photo_size\":[9,9],\"quad\":[[0,0],[0,8],[8,8],[8]]}",
        "{\"format\":\"atelier alignment "
        "1\",\"size\":8,\"photo_size\":[9,9],\"quad\":[[0,0],[0,8],[8,8],[8,1]]}",
        "{\"format\":\"atelier alignment "
        "1\",\"size\":0,\"photo_size\":[9,9],\"quad\":[[0,0],[0,8],[8,8],[8,0]]}",
        "{\"format\":\"atelier alignment "
        "1\",\"size\":8,\"photo_size\":[9,9],\"quad\":[[0,0],[0,8],[8,8],[8,0]]",
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        FILE *f = fopen(path, "w");
        fputs(damaged[i], f);
        fclose(f);
        assert_int_not_equal(atl_alignment_read(ctx, path, &b), ATL_OK);
        assert_null(b.photo);
        atl_message_clear(ctx);
    }
    unlink(path);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upright_face_is_in_the_middle),
        cmocka_unit_test(crops_are_those_of_pillow),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(a_crop_comes_back_where_it_was),
        cmocka_unit_test(borders_fade_and_masks_count),
        cmocka_unit_test(bad_squares_are_refused),
        cmocka_unit_test(records_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
