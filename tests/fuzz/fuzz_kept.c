// SPDX-License-Identifier: Apache-2.0
// Any bytes as a measurement that was kept: restored into a new one of a fixed set of pictures, and gone on
// with.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/metrics.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = 16, PICTURES = 16 };

static void write_file(const char *path, const uint8_t *data, size_t size) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return;
    fwrite(data, 1, size, file);
    fclose(file);
}

// A BMP, whose bytes no library decides: a part of what is kept is how large the files were.
static void write_picture(const char *path, int number) {
    uint8_t file[54 + SIDE * SIDE * 3] = {
        'B', 'M', 54, 3, [10] = 54, [14] = 40, [18] = SIDE, [22] = SIDE, [26] = 1, [28] = 24
    };
    for (int k = 0; k < SIDE * SIDE * 3; k++)
        file[54 + k] = (uint8_t)((k * (number + 3) + number * number * 7) % 251);
    write_file(path, file, sizeof file);
}

// Sixteen pictures, the same each time.
static void write_pictures(const char *folder) {
    for (int i = 0; i < PICTURES; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s/%02d.bmp", folder, i);
        write_picture(path, i);
    }
}

static void remove_pictures(const char *folder) {
    for (int i = 0; i < PICTURES; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s/%02d.bmp", folder, i);
        unlink(path);
    }
    rmdir(folder);
}

static void go_on(atl_metrics *m, const char *path) {
    int count = 0;
    if (atl_metrics_restore(m, path) == ATL_OK)
        for (int i = 0; i < 4 && !atl_metrics_get_state(m)->finished; i++)
            if (atl_metrics_step(m) != ATL_OK)
                break;
    const atl_metric_result *r = atl_metrics_get_results(m, &count);
    for (int i = 0; i < count; i++)
        if (r[i].count < 0 || r[i].count > ATL_METRIC_VALUES || !r[i].method)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char folder[] = "/tmp/atl-fuzz-XXXXXX", path[80];
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    options.threads = 1;
    atl_ctx *ctx;
    if (!mkdtemp(folder) || atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    snprintf(path, sizeof path, "%s.partial", folder);
    write_file(path, data, size);
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    o.fakes = folder;
    o.metrics = "msssim16";
    atl_metrics *m = NULL;
    write_pictures(folder);
    if (atl_metrics_open(ctx, &o, &m) != ATL_OK)
        __builtin_trap(); // or nothing would be tested
    go_on(m, path);
    if (getenv("ATL_FUZZ_KEEP")) // a file for what is kept now: seeds of the corpus
        atl_metrics_save(m, getenv("ATL_FUZZ_KEEP"));
    atl_metrics_close(&m);
    atl_ctx_close(&ctx);
    unlink(path);
    remove_pictures(folder);
    return 0;
}
