// SPDX-License-Identifier: Apache-2.0
// Convolution in its three slots and matrix products, against their definitions in double.
#include "forms.h"

#include <atelier/model.h>
#include "cpu/gemm.h"

static const atl_cpu_conv_shape shapes[] = {
    { ATL_SLOT_Y, 2, 7, 9, 5, 7, 9, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0 },
    { ATL_SLOT_Y, 1, 8, 8, 16, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0 },
    { ATL_SLOT_Y, 2, 9, 9, 8, 4, 4, 16, 3, 3, 2, 2, 0, 0, 0, 0, 1, 0 },
    { ATL_SLOT_Y, 1, 10, 9, 3, 4, 4, 7, 3, 3, 2, 2, 0, 0, 0, 0, 1, 0 },
    { ATL_SLOT_Y, 1, 6, 5, 33, 6, 5, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0 },
    { ATL_SLOT_Y, 3, 4, 4, 17, 2, 2, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0 },
    { ATL_SLOT_Y, 1, 11, 11, 4, 11, 11, 16, 5, 5, 1, 1, 2, 2, 2, 2, 1, 0 },
    { ATL_SLOT_Y, 4, 4, 4, 65, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0 },
    { ATL_SLOT_Y, 2, 9, 8, 5, 9, 8, 6, 1, 7, 1, 1, 0, 0, 3, 3, 1, 0 },     // one row of taps
    { ATL_SLOT_Y, 2, 9, 8, 16, 9, 8, 16, 7, 1, 1, 1, 3, 3, 0, 0, 1, 0 },   // one column
    { ATL_SLOT_Y, 1, 8, 11, 4, 4, 4, 8, 3, 3, 2, 3, 0, 1, 1, 0, 1, 0 },    // strides and pads that differ
    { ATL_SLOT_Y, 1, 5, 5, 3, 6, 7, 4, 1, 1, 1, 1, 0, 1, 2, 0, 1, 0 },     // whole kernels in the pads
    { ATL_SLOT_Y, 2, 7, 9, 6, 7, 9, 8, 3, 3, 1, 1, 1, 1, 1, 1, 2, 0 },     // groups
    { ATL_SLOT_Y, 2, 8, 7, 32, 4, 4, 64, 3, 3, 2, 2, 1, 1, 1, 1, 4, 0 },
    { ATL_SLOT_Y, 1, 9, 10, 21, 5, 5, 21, 5, 5, 2, 2, 2, 2, 1, 2, 21, 0 }, // depthwise
    { ATL_SLOT_Y, 1, 6, 7, 5, 6, 7, 10, 3, 3, 1, 1, 1, 1, 1, 1, 5, 0 },    // two outputs of each channel
};

static void check_conv(atl_ctx *ctx, atl_cpu_conv_shape s, atl_slot slot, int constant, int swapped) {
    s.slot = slot;
    s.swapped = swapped;
    float *x = some_floats(x_size(&s), 1), *w = some_floats(w_size(&s), 2), *y = some_floats(y_size(&s), 3);
    size_t size = form_size(&s);
    float *out = guarded(size), *want = form_of(&s, x, w, y);
    atl_cpu_conv *conv;
    if (atl_cpu_conv_make(ctx, table_of(ctx), team_of(ctx), &s, constant ? w : NULL, &conv) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    void *aligned;
    assert_int_equal(posix_memalign(&aligned, 64, atl_cpu_conv_workspace(conv) + 64), 0);
    const float *a = slot == ATL_SLOT_X ? y : x, *b = slot == ATL_SLOT_W ? y : constant ? NULL : w;
    for (int turn = 0; turn < 2; turn++) { // a run leaves nothing behind that changes the next one
        assert_int_equal(atl_cpu_conv_run(conv, a, b, out, aligned), ATL_OK);
        same(out, want, size, F32_CONTRACT, "convolution");
    }
    release_guarded(out, size);
    atl_cpu_conv_free(&conv);
    assert_null(conv);
    free(aligned);
    free(want);
    free(x);
    free(w);
    free(y);
}

static void convolution_slots_are_one_form(void **state) {
    (void)state;
    for (int threads = 1; threads <= 5; threads++) { // samples together, apart, and cut into bands of rows
        atl_ctx *ctx = open_ctx(threads, NULL);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int slot = ATL_SLOT_Y; slot <= ATL_SLOT_W; slot++)
                for (int constant = 0; constant <= (slot != ATL_SLOT_W); constant++)
                    for (int swapped = 0; swapped < (shapes[i].groups > 1 ? 1 : 2); swapped++)
                        check_conv(ctx, shapes[i], (atl_slot)slot, constant, swapped);
        atl_ctx_close(&ctx);
    }
}

static void convolution_refuses_a_size_that_does_not_fit(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(1, NULL);
    atl_cpu_conv_shape s = shapes[0];
    s.oh = 9;
    atl_cpu_conv *conv;
    assert_int_equal(atl_cpu_conv_make(ctx, table_of(ctx), team_of(ctx), &s, NULL, &conv), ATL_BAD_ARGUMENT);
    assert_null(conv);
    assert_non_null(strstr(atl_message(ctx), "9x9"));
    atl_ctx_close(&ctx);
}

typedef struct product {
    int64_t batch, m, n, k;
    int trans_a, trans_b, shared_a, shared_b;
} product;

static const product products[] = {
    { 1, 1, 512, 512, 0, 1, 0, 0 },
    { 1, 1, 33, 65, 0, 1, 0, 0 },
    { 1, 5, 70, 31, 0, 0, 0, 0 },
    { 1, 16, 65, 64, 0, 1, 0, 0 },
    { 1, 17, 40, 33, 0, 1, 0, 0 },
    { 1, 40, 30, 20, 1, 0, 0, 0 },
    { 1, 3, 30, 20, 1, 1, 0, 0 },
    { 3, 8, 24, 16, 0, 0, 0, 0 },
    { 3, 8, 24, 16, 1, 0, 0, 0 },
    { 4, 2, 24, 16, 0, 1, 0, 1 },
    { 4, 20, 24, 16, 1, 0, 0, 1 },
    { 4, 20, 24, 16, 0, 1, 1, 0 },
    { 1, 1, 1, 1, 0, 0, 0, 0 },
    { 5, 1, 7, 9, 0, 1, 0, 1 },
    // cut into parts: by rows, by columns, by batches
    { 1, 300, 70, 50, 0, 0, 0, 0 },
    { 1, 301, 71, 50, 1, 1, 0, 0 },
    { 1, 10, 513, 200, 0, 1, 0, 0 },
    { 1, 10, 513, 200, 1, 0, 0, 0 },
    { 7, 60, 50, 40, 0, 1, 0, 0 },
    { 7, 60, 50, 40, 1, 0, 0, 1 },
    { 7, 60, 50, 40, 0, 1, 1, 0 },
};

static void check_product(atl_ctx *ctx, const product *p, int constant) {
    atl_cpu_gemm_shape s = { p->batch,
                             p->m,
                             p->n,
                             p->k,
                             p->trans_a,
                             p->trans_b,
                             p->shared_a ? 0 : p->m * p->k,
                             p->shared_b ? 0 : p->k * p->n,
                             p->m * p->n };
    float *a = some_floats((size_t)(p->batch * p->m * p->k), 1),
          *b = some_floats((size_t)(p->batch * p->k * p->n), 2);
    size_t size = (size_t)(p->batch * p->m * p->n);
    float *c = guarded(size), *want = malloc(size * sizeof *want);
    assert_non_null(want);
    for (int64_t t = 0; t < p->batch; t++)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                double sum = 0.0;
                const float *at = a + t * s.stride_a, *bt = b + t * s.stride_b;
                for (int64_t l = 0; l < p->k; l++)
                    sum += (double)at[p->trans_a ? l * p->m + i : i * p->k + l] *
                           (double)bt[p->trans_b ? j * p->k + l : l * p->n + j];
                want[(t * p->m + i) * p->n + j] = (float)sum;
            }
    atl_cpu_gemm *gemm;
    if (atl_cpu_gemm_make(ctx, table_of(ctx), team_of(ctx), &s, constant ? b : NULL, &gemm) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    void *space;
    assert_int_equal(posix_memalign(&space, 64, atl_cpu_gemm_workspace(gemm) + 64), 0);
    assert_int_equal(atl_cpu_gemm_run(gemm, a, constant ? NULL : b, c, space), ATL_OK);
    same(c, want, size, F32_CONTRACT, "matrix product");
    atl_cpu_gemm_free(&gemm);
    release_guarded(c, size);
    free(space);
    free(want);
    free(a);
    free(b);
}

static void products_are_sums_on_every_set(void **state) {
    (void)state;
    // the highest set first: oneDNN accepts a ceiling once per process, our own kernels each time
    for (int set = (int)atl_cpu_detect(); set >= 0; set--) {
        for (int threads = 1; threads <= 3; threads++) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name((atl_cpu_set)set));
            for (size_t i = 0; i < sizeof products / sizeof *products; i++)
                for (int constant = 0; constant < 2; constant++)
                    check_product(ctx, &products[i], constant);
            atl_ctx_close(&ctx);
        }
    }
}

static void product_refuses_an_empty_matrix(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(1, NULL);
    atl_cpu_gemm_shape s = { 1, 4, 0, 4, 0, 0, 0, 0, 0 };
    atl_cpu_gemm *gemm;
    assert_int_equal(atl_cpu_gemm_make(ctx, table_of(ctx), team_of(ctx), &s, NULL, &gemm), ATL_BAD_ARGUMENT);
    assert_null(gemm);
    atl_ctx_close(&ctx);
}

// Less than a million operations per second, or ten thousand billion on a thread, is no measurement.
static void peak_is_plausible_on_every_set(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_ctx *ctx = open_ctx(1, atl_cpu_name((atl_cpu_set)set));
        double gflops = atl_peak_gflops(ctx);
        assert_true(gflops > 1e-3 && gflops < 1e4);
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_slots_are_one_form),
        cmocka_unit_test(convolution_refuses_a_size_that_does_not_fit),
        cmocka_unit_test(products_are_sums_on_every_set),
        cmocka_unit_test(product_refuses_an_empty_matrix),
        cmocka_unit_test(peak_is_plausible_on_every_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
