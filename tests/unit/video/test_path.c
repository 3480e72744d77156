// SPDX-License-Identifier: Apache-2.0
// Paths through keyframes against recorded numbers: SciPy's spline as the official video script uses it,
// and slerp and lerp.  Results are doubles rounded once, so they may differ by one rounding of a float.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <atelier/array.h>
#include <atelier/path.h>

enum { ROOM = 512 };

static atl_ctx *ctx;
static atl_arrays *set;

// The numbers of a tensor; returns its first dimension.
static size_t numbers(const char *name, float *out, size_t *row) {
    const atl_array *a = atl_arrays_find(set, name);
    assert_non_null(a);
    int64_t count = atl_array_count(a);
    assert_true(count <= ROOM);
    atl_array_read_f32(a, 0, count, out);
    *row = (size_t)(count / a->dims[0]);
    return (size_t)a->dims[0];
}

static void near(float a, float b) {
    assert_true(fabsf(a - b) <= 1.2e-7f * (1 + fabsf(b))); // FLT_EPSILON
}

static void spline_case(const char *name, int wraps) {
    float keys[ROOM], frames[ROOM], point[ROOM];
    char tensor[64];
    size_t width, row;
    snprintf(tensor, sizeof tensor, "%s.keyframes", name);
    size_t n = numbers(tensor, keys, &width);
    snprintf(tensor, sizeof tensor, "%s.frames", name);
    size_t count = numbers(tensor, frames, &row);
    assert_int_equal(row, width);
    assert_int_equal(count, 6 * n);
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    o.wraps = wraps;
    atl_path *path;
    assert_int_equal(atl_path_open(ctx, n, width, keys, &o, &path), ATL_OK);
    for (size_t i = 0; i < count; i++) {
        atl_path_at(path, (double)i / 6, point);
        for (size_t k = 0; k < width; k++)
            near(point[k], frames[i * width + k]);
    }
    atl_path_close(&path);
    assert_null(path);
}

static void cubic_is_the_official_spline(void **state) {
    (void)state;
    spline_case("video2", 0); // 0: the default, 2
    spline_case("video5", 2);
    spline_case("video3", 1);
}

static void slerp_and_lerp_are_the_recorded_ones(void **state) {
    (void)state;
    static const char *const at[] = { "0.0", "0.25", "0.5", "0.9", "1.0" };
    float a[ROOM], b[ROOM], expected[ROOM], got[ROOM];
    char tensor[64];
    size_t width, rows = numbers("interp.a", a, &width);
    numbers("interp.b", b, &width);
    for (size_t t = 0; t < 5; t++) {
        for (int sphere = 0; sphere < 2; sphere++) {
            snprintf(tensor, sizeof tensor, "interp.%s@%s", sphere ? "slerp" : "lerp", at[t]);
            numbers(tensor, expected, &width);
            for (size_t r = 0; r < rows; r++) {
                (sphere ? atl_path_slerp : atl_path_lerp)(width, a + r * width, b + r * width, atof(at[t]), got);
                for (size_t k = 0; k < width; k++)
                    near(got[k], expected[r * width + k]);
            }
        }
    }
}

static void slerp_of_one_direction_stays(void **state) {
    (void)state;
    const float a[2] = { 3, 4 }, twice[2] = { 6, 8 }, opposite[2] = { -3, -4 }, zero[2] = { 0, 0 };
    float got[2];
    atl_path_slerp(2, a, twice, 0.5, got);
    near(got[0], 0.6f);
    near(got[1], 0.8f);
    atl_path_slerp(2, a, opposite, 0.5, got);
    near(got[0], 0.6f);
    atl_path_slerp(2, zero, zero, 0.5, got);
    assert_true(got[0] == 0 && got[1] == 0);
}

static const float keyframes[3][2] = { { 1, 0 }, { 0, 2 }, { -3, 0 } };

static atl_path *open_path(atl_path_ease ease, int sphere) {
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    o.ease = ease;
    o.sphere = sphere;
    atl_path *path;
    assert_int_equal(atl_path_open(ctx, 3, 2, keyframes[0], &o, &path), ATL_OK);
    return path;
}

static void every_path_meets_its_keyframes_and_closes(void **state) {
    (void)state;
    for (int ease = ATL_PATH_CUBIC; ease <= ATL_PATH_SMOOTH; ease++) {
        for (int sphere = 0; sphere < 2; sphere++) {
            atl_path *path = open_path((atl_path_ease)ease, sphere);
            for (int k = -3; k < 7; k++) {
                const float *key = keyframes[(k + 3) % 3];
                float got[2], scale = sphere ? sqrtf(2) / hypotf(key[0], key[1]) : 1;
                atl_path_at(path, k, got);
                near(got[0], scale * key[0]);
                near(got[1], scale * key[1]);
            }
            atl_path_close(&path);
        }
    }
}

static void ease_is_the_speed_between_keyframes(void **state) {
    (void)state;
    float got[2];
    atl_path *path = open_path(ATL_PATH_LINEAR, 0);
    atl_path_at(path, 2.25, got); // from keyframe 2 back to keyframe 0
    near(got[0], -2);
    atl_path_close(&path);
    path = open_path(ATL_PATH_SMOOTH, 0);
    atl_path_at(path, 2.25, got); // 3 / 16 - 2 / 64 of the way
    near(got[0], -3 + 4 * 0.15625f);
    atl_path_close(&path);
    path = open_path(ATL_PATH_LINEAR, 1);
    atl_path_at(path, 0.5, got); // half of a right angle, at length sqrt(2)
    near(got[0], 1);
    near(got[1], 1);
    atl_path_close(&path);
    path = open_path(ATL_PATH_CUBIC, 1);
    atl_path_at(path, 0.3, got);
    near(hypotf(got[0], got[1]), sqrtf(2));
    atl_path_close(&path);
}

static void one_keyframe_is_a_point(void **state) {
    (void)state;
    float key[1] = { 7 }, got[1];
    atl_path *path;
    assert_int_equal(atl_path_open(ctx, 1, 1, key, NULL, &path), ATL_OK);
    atl_path_at(path, 0.4, got);
    assert_true(got[0] == 7);
    atl_path_at(path, -1e-18, got); // rounds up to a whole turn
    assert_true(got[0] == 7);
    atl_path_at(path, NAN, got);
    assert_true(got[0] == 7);
    atl_path_close(&path);
    atl_path_close(&path);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    float keys[2] = { 0, INFINITY };
    atl_path *path;
    assert_int_equal(atl_path_open(ctx, 2, 1, keys, NULL, &path), ATL_BAD_ARGUMENT);
    assert_null(path);
    assert_string_equal(atl_message(ctx), "keyframe 1 of a path holds a number that is not finite");
    atl_message_clear(ctx);
    assert_int_equal(atl_path_open(ctx, 0, 1, keys, NULL, &path), ATL_BAD_ARGUMENT);
    assert_int_equal(atl_path_open(ctx, SIZE_MAX / 8, 16, keys, NULL, &path), ATL_BAD_ARGUMENT);
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    o.wraps = 17;
    assert_int_equal(atl_path_open(ctx, 1, 1, keys, &o, &path), ATL_BAD_ARGUMENT);
    o.wraps = 1;
    o.size++;
    assert_int_equal(atl_path_open(ctx, 1, 1, keys, &o, &path), ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
}

static int setup(void **state) {
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/editing_video.safetensors", getenv("ATL_TEST_DATA"));
    return atl_ctx_open(&ctx, NULL) != ATL_OK || atl_arrays_open(ctx, path, &set) != ATL_OK;
}

static int teardown(void **state) {
    (void)state;
    atl_arrays_close(&set);
    atl_ctx_close(&ctx);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cubic_is_the_official_spline),
        cmocka_unit_test(slerp_and_lerp_are_the_recorded_ones),
        cmocka_unit_test(slerp_of_one_direction_stays),
        cmocka_unit_test(every_path_meets_its_keyframes_and_closes),
        cmocka_unit_test(ease_is_the_speed_between_keyframes),
        cmocka_unit_test(one_keyframe_is_a_point),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
