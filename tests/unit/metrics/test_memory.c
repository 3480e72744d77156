// SPDX-License-Identifier: Apache-2.0
// Every metric with its nth allocation failing, for n = 1, 2, ... until it needs no more: it says so,
// releases what it had, and can be asked again.
#include "recorded.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "base/team.h"
#include "metrics/equivariance.h"
#include "metrics/fid.h"
#include "metrics/inception_score.h"
#include "metrics/kid.h"
#include "metrics/moments.h"
#include "metrics/msssim.h"
#include "metrics/path_length.h"
#include "metrics/precision_recall.h"
#include "metrics/separability.h"
#include "metrics/swd.h"

static long live;

static void *count_alloc(void *user, size_t bytes) {
    (void)user;
    void *memory = aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    if (memory) {
        live++;
        memset(memory, 0xa5, bytes < 4096 ? bytes : 4096);
    }
    return memory;
}

static void count_release(void *user, void *memory) {
    (void)user;
    live -= memory != NULL;
    free(memory);
}

enum { N = 24, WIDTH = 5, SIZE = 16 };
static float x[N * WIDTH], y[N * WIDTH];

static atl_status moments(atl_ctx *ctx) {
    atl_moments *m;
    double mean[WIDTH], cov[WIDTH * WIDTH];
    ATL_TRY(atl_moments_open(ctx, WIDTH, &m));
    atl_status status = atl_moments_add(m, x, N);
    if (status == ATL_OK)
        status = atl_moments_finish(m, mean, cov);
    atl_moments_close(&m);
    return status;
}

static atl_status fid(atl_ctx *ctx) {
    double mean[WIDTH] = { 0 }, cov[WIDTH * WIDTH] = { 0 };
    atl_fid_result r;
    for (int i = 0; i < WIDTH; i++)
        cov[i * WIDTH + i] = 1;
    return atl_fid_estimate(ctx, &(atl_gaussian){ WIDTH, mean, cov }, x, N, 0, NULL, &r);
}

static atl_status kid(atl_ctx *ctx) {
    atl_estimate e;
    return atl_kid(ctx, x, N, y, N, WIDTH, &(atl_kid_options){ 2, 9, 0 }, NULL, &e);
}

static atl_status inception_score(atl_ctx *ctx) {
    atl_estimate e;
    double deviation;
    return atl_inception_score(ctx, y, N, WIDTH, 2, &e, &deviation);
}

static atl_status precision_recall(atl_ctx *ctx) {
    uint16_t half[2][N * WIDTH];
    atl_pr_result r;
    atl_pr_round(x, N * WIDTH, half[0]);
    atl_pr_round(y, N * WIDTH, half[1]);
    return atl_precision_recall(ctx, half[0], N, half[1], N, WIDTH, 3, NULL, &r);
}

static atl_status path_length(atl_ctx *ctx) {
    atl_estimate e;
    return atl_ppl_mean(ctx, y, N, 0, &e);
}

static atl_status separability(atl_ctx *ctx) {
    atl_boundary b;
    return atl_separability(ctx, x, y, N, WIDTH, N - 2, &b, NULL, NULL, NULL, NULL);
}

static atl_status msssim(atl_ctx *ctx) {
    atl_msssim *m;
    ATL_TRY(atl_msssim_open(ctx, 1, SIZE, SIZE, &m));
    atl_msssim_close(&m);
    return ATL_OK;
}

static atl_status equivariance(atl_ctx *ctx) {
    static float picture[SIZE * SIZE];
    for (int kind = ATL_EQT_INT; kind <= ATL_EQR; kind++) {
        atl_equi_sum sum = { 0 };
        atl_equi_move m = atl_equi_draw((atl_equi_kind)kind, 0, 0, SIZE, SIZE);
        ATL_TRY(atl_equi_add(ctx, &m, picture, picture, 1, SIZE, SIZE, &sum));
    }
    return ATL_OK;
}

static atl_status measure_swd(atl_ctx *ctx, int64_t size) {
    static uint8_t gray[512 * 512];
    atl_estimate levels[ATL_SWD_LEVELS], mean;
    atl_swd *s;
    ATL_TRY(atl_swd_open(ctx, 1, 1, size, 0, &s));
    atl_status status = atl_swd_put(s, true, 0, gray);
    if (status == ATL_OK)
        status = atl_swd_put(s, false, 0, gray);
    if (status == ATL_OK)
        status = atl_swd_finish(s, NULL, levels, &mean);
    atl_swd_close(&s);
    return status;
}

static atl_status swd(atl_ctx *ctx) {
    return measure_swd(ctx, 16);
}

static atl_status swd_of_patches(atl_ctx *ctx) {
    return measure_swd(ctx, 512);
}

static void fails_well(atl_ctx *ctx, const char *name, atl_status (*call)(atl_ctx *)) {
    long before = live, n = 0;
    for (;; n++) {
        ctx->fail_after = n;
        atl_status status = call(ctx);
        ctx->fail_after = -1;
        if (live != before)
            fail_msg("%s with allocation %ld failing leaves %ld blocks", name, n, live - before);
        if (status == ATL_OK)
            break;
        assert_int_equal(status, ATL_NO_MEMORY);
        assert_true(*atl_message(ctx));
        atl_message_clear(ctx);
    }
    printf("    %s: %ld allocations\n", name, n);
    assert_true(n > 0);
}

static void missing_memory_is_said_and_nothing_is_kept(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_team *team;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = 2;
    o.allocator = (atl_allocator){ count_alloc, count_release, NULL };
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    assert_int_equal(atl_team_open(ctx, 2, &team), ATL_OK); // the context's own, which it keeps
    for (int i = 0; i < N * WIDTH; i++)
        x[i] = (float)(i * i % 37) - 18.0f, y[i] = (float)(i * 7 % 11) / 11.0f;
    const struct {
        const char *name;
        atl_status (*call)(atl_ctx *);
    } calls[] = {
        { "moments", moments },
        { "fid", fid },
        { "kid", kid },
        { "inception score", inception_score },
        { "precision and recall", precision_recall },
        { "path length", path_length },
        { "separability", separability },
        { "MS-SSIM", msssim },
        { "equivariance", equivariance },
        { "SWD", swd },
        { "SWD of patches", swd_of_patches },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        fails_well(ctx, calls[i].name, calls[i].call);
    atl_team_close(&team);
    atl_ctx_close(&ctx);
    assert_int_equal(live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(missing_memory_is_said_and_nothing_is_kept) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
