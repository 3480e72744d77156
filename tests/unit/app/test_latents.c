// SPDX-License-Identifier: Apache-2.0
// What shapes and names of tensors mean, for a network of z and w of one size: the case in which they decide.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <atelier/model.h>
#include "app/latents.h"
#include "says.h"

static char path[64];
static app_error e;

static int open_tests(void **state) {
    snprintf(path, sizeof path, "/tmp/atelier-latents-XXXXXX");
    int handle = mkstemp(path);
    return handle < 0 || close(handle) || atl_ctx_open((atl_ctx **)state, NULL) != ATL_OK;
}

static int close_tests(void **state) {
    unlink(path);
    atl_ctx_close((atl_ctx **)state);
    return 0;
}

// A file with one tensor; what its codes are, and how many: "w 3".  "": refused.
static const char *meaning(atl_ctx *ctx, const char *name, int projected, int rank, const int64_t *dims) {
    static const char *const spaces[] = { "z", "w", "ws" };
    static const float numbers[4096];
    static char text[32];
    atl_model_info info = { .z_dim = 16, .w_dim = 16, .num_ws = 6 };
    atl_array array = { name, ATL_F32, rank, { 0 }, numbers };
    app_latents latents;
    memcpy(array.dims, dims, (size_t)rank * sizeof *dims);
    assert_int_equal(atl_safetensors_write(ctx, path, &array, 1, NULL, 0), ATL_OK);
    app_error_clear(&e);
    if (app_latents_open(ctx, &info, path, projected, &latents, &e) != APP_OK)
        return "";
    snprintf(text, sizeof text, "%s %zu", spaces[latents.space], latents.count);
    app_latents_close(&latents);
    return text;
}

#define MEANS(wanted, name, projected, ...)                                                                  \
    assert_string_equal(meaning(*state, name, projected,                                                     \
                                sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),                        \
                                (int64_t[]){ __VA_ARGS__ }),                                                 \
                        wanted)

static void shapes_decide(void **state) {
    for (int projected = 0; projected < 2; projected++) {
        MEANS("ws 1", "a", projected, 6, 16);
        MEANS("ws 1", "a", projected, 1, 6, 16);
        MEANS("ws 1", "a", projected, 6, 1, 16);
        MEANS("ws 3", "a", projected, 3, 6, 16);
        MEANS("ws 3", "a", projected, 3, 1, 6, 16);
        MEANS("ws 3", "a", projected, 1, 3, 6, 16);
        MEANS("", "a", projected, 2, 3, 6, 16);
        MEANS("", "a", projected, 1, 8, 16); // of a network with eight layers
        MEANS("", "a", projected, 2, 8, 16);
        MEANS("", "a", projected, 3, 6, 15);
        MEANS("", "a", projected, 0, 16);
        MEANS("", "a", projected, 15);
    }
}

static void names_and_options_decide_what_shapes_leave_open(void **state) {
    MEANS("z 1", "a", 0, 16);
    MEANS("w 1", "a", 1, 16);
    MEANS("z 3", "latents", 0, 3, 16);
    MEANS("w 3", "latents", 1, 3, 16);
    MEANS("z 3", "a", 0, 3, 1, 16);
    MEANS("w 3", "w", 0, 3, 16);
    MEANS("w 1", "img/a.png.latent", 0, 16);
    MEANS("z 6", "z", 0, 6, 16); // and no code with a w for each layer
    MEANS("ws 1", "w", 0, 6, 16);
    MEANS("", "ws", 0, 8, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes_decide),
                                        cmocka_unit_test(names_and_options_decide_what_shapes_leave_open) };
    return cmocka_run_group_tests(tests, open_tests, close_tests);
}
