// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tf.train.Example, and as a file of TFRecords of which every picture is read.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "data/data.h"
#include "data/example.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(atl_ctx *ctx, const char *path) {
    atl_source *source;
    if (atl_source_open(ctx, path, &source) != ATL_OK)
        return;
    for (size_t i = 0; i < source->count; i++) {
        atl_image image;
        if (atl_source_read(source, ctx, i, &image) == ATL_OK)
            atl_image_clear(ctx, &image);
    }
    atl_source_close(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_example e;
    if (atl_example_parse(data, size, &e) && e.data &&
        (e.data < data || e.size > (size_t)(data + size - e.data)))
        __builtin_trap();
    char folder[] = "/tmp/atl-fuzz-XXXXXX", path[64];
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    atl_ctx *ctx;
    if (!mkdtemp(folder) || atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    snprintf(path, sizeof path, "%s/f.tfrecords", folder);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(data, 1, size, file);
        fclose(file);
        read_all(ctx, path);
        unlink(path);
    }
    rmdir(folder);
    atl_ctx_close(&ctx);
    return 0;
}
