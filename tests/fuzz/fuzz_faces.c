// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of landmarks, of which each face is aligned and cropped, and as the record of a crop,
// which is pasted.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/align.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 24, HEIGHT = 16, SIDE = 8, FACES = 3 };

static void crop(atl_ctx *ctx, const atl_quad *quad, int pixels, atl_image *photo) {
    atl_align_options o = ATL_ALIGN_OPTIONS_INIT;
    atl_image picture;
    o.pixels = pixels;
    if (atl_align_crop(ctx, photo, quad, &o, &picture) == ATL_OK) {
        if (picture.width != pixels || atl_align_paste(ctx, &picture, quad, NULL, photo) != ATL_OK)
            __builtin_trap();
        atl_image_clear(ctx, &picture);
    }
}

static void read_faces(atl_ctx *ctx, const char *path, atl_image *photo) {
    atl_faces *faces;
    if (atl_faces_open(ctx, path, &faces) != ATL_OK)
        return;
    size_t count = atl_faces_size(faces);
    for (size_t i = 0; i < count; i++) {
        const atl_face *face = atl_faces_get(faces, i);
        atl_quad quad;
        for (int k = 0; k < ATL_LANDMARKS; k++)
            if (!isfinite(face->landmarks[k].x) || !isfinite(face->landmarks[k].y))
                __builtin_trap();
        if (face->photo && strlen(face->photo) > 1 << 20)
            __builtin_trap();
        if (i < FACES && atl_align_face(ctx, face->landmarks, &quad) == ATL_OK)
            crop(ctx, &quad, SIDE, photo);
    }
    atl_faces_close(&faces);
}

static void read_record(atl_ctx *ctx, const char *path, atl_image *photo) {
    atl_alignment record;
    if (atl_alignment_read(ctx, path, &record) != ATL_OK)
        return;
    if (record.pixels < 1 || record.width < 1 || record.height < 1)
        __builtin_trap();
    crop(ctx, &record.quad, record.pixels < SIDE ? record.pixels : SIDE, photo);
    atl_alignment_clear(ctx, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    options.threads = 1;
    atl_ctx *ctx;
    char path[] = "/tmp/atl-fuzz-XXXXXX";
    int handle = mkstemp(path);
    if (handle < 0 || atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    atl_image photo;
    if (write(handle, data, size) == (ssize_t)size &&
        atl_image_init(ctx, WIDTH, HEIGHT, 3, &photo) == ATL_OK) {
        read_faces(ctx, path, &photo);
        read_record(ctx, path, &photo);
        atl_image_clear(ctx, &photo);
    }
    atl_ctx_close(&ctx);
    close(handle);
    unlink(path);
    return 0;
}
