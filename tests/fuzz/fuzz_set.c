// SPDX-License-Identifier: Apache-2.0
// Any bytes as a set of pictures, after a first byte that says of which sort: opened, every picture and the
// labels read.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "data/data.h"
#include "data/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A sort is known by its name.
static const char *const NAMES[] = { "f.zip", "cifar-10-python.tar", "cifar-10-python.tar.gz",
                                     "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz" };
enum { KINDS = sizeof NAMES / sizeof *NAMES };

static void read_all(atl_ctx *ctx, const char *path) {
    atl_source *source;
    atl_label_set set;
    if (atl_source_open(ctx, path, &source) != ATL_OK)
        return;
    for (size_t i = 0; i < source->count; i++) {
        atl_image image;
        if (atl_source_read(source, ctx, i, &image) == ATL_OK)
            atl_image_clear(ctx, &image);
        atl_message_clear(ctx);
    }
    if (atl_label_set_read(ctx, source, ATL_LABELS_AUTO, &set) == ATL_OK)
        atl_label_set_clear(ctx, &set);
    atl_source_close(&source);
}

static void write_file(const char *path, const uint8_t *data, size_t size) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return;
    fwrite(data, 1, size, file);
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char folder[] = "/tmp/atl-fuzz-XXXXXX", path[80];
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    atl_ctx *ctx;
    int kind = size ? (data[0] - '0') % KINDS : -1;
    if (kind < 0 || !mkdtemp(folder) || atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    snprintf(path, sizeof path, "%s/%s", folder, NAMES[kind]);
    write_file(path, data + 1, size - 1);
    read_all(ctx, path);
    atl_ctx_close(&ctx);
    unlink(path);
    rmdir(folder);
    return 0;
}
