// SPDX-License-Identifier: Apache-2.0
// MNIST: NAME-images-idx3-ubyte(.gz) and, beside it, NAME-labels-idx1-ubyte(.gz).  Pictures of 28x28 get
// a black border of two pixels, as the official tool gives them: 32 is a power of two.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum { SIDE = 28, BORDER = 2, HEAD_IMAGES = 16, HEAD_LABELS = 8 };

static const char images_mark[] = "-images-idx3-ubyte", labels_mark[] = "-labels-idx1-ubyte";

static const char *mark_in(const char *path) {
    const char *slash = strrchr(path, '/');
    return strstr(slash ? slash : path, images_mark);
}

static bool probe(const char *path, bool folder) {
    const char *mark = mark_in(path);
    if (folder || !mark)
        return false;
    const char *rest = mark + sizeof images_mark - 1;
    return !*rest || !strcmp(rest, ".gz");
}

static atl_status take_labels(atl_source *s, const char *path, const atl_data_bytes *file) {
    if (file->size < HEAD_LABELS || atl_big(file->data, 4) != 0x801 ||
        atl_big(file->data + 4, 4) != s->count || file->size != HEAD_LABELS + s->count)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: is no list of %zu labels; download it again", path,
                        s->count);
    s->classes = atl_arena_alloc(&s->arena, s->count, sizeof *s->classes);
    if (!s->classes)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < s->count; i++)
        s->classes[i] = file->data[HEAD_LABELS + i];
    return ATL_OK;
}

static atl_status read_labels(atl_source *s) {
    char *path = atl_arena_string(&s->arena, s->path, strlen(s->path));
    if (!path)
        return ATL_NO_MEMORY;
    char *mark = path + (mark_in(s->path) - s->path); // both marks have the same length
    memcpy(mark, labels_mark, sizeof labels_mark - 1);
    FILE *there = fopen(path, "rb");
    if (!there)
        return ATL_OK;
    fclose(there);
    atl_data_bytes file;
    ATL_TRY(atl_data_unpack(s->ctx, path, &file));
    atl_status status = take_labels(s, path, &file);
    atl_data_bytes_clear(s->ctx, &file);
    return status;
}

static atl_status mnist_open(atl_source *s) {
    atl_data_bytes *file = atl_arena_alloc(&s->arena, 1, sizeof *file);
    if (!file)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_data_unpack(s->ctx, s->path, file));
    s->state = file;
    const uint8_t *data = file->data;
    size_t size = file->size;
    if (size < HEAD_IMAGES || atl_big(data, 4) != 0x803 || atl_big(data + 8, 4) != SIDE ||
        atl_big(data + 12, 4) != SIDE)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: is no MNIST file of %dx%d pictures", s->path, SIDE, SIDE);
    size_t count = atl_big(data + 4, 4), have = size - HEAD_IMAGES;
    uint64_t want = (uint64_t)count * SIDE * SIDE;
    if (have != want)
        return atl_fail(s->ctx, ATL_BAD_FILE,
                        "%s: promises %zu pictures, which are %llu bytes, and has %zu: it is %s", s->path,
                        count, (unsigned long long)want, have, have < want ? "cut" : "damaged");
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%08zu", i);
        ATL_TRY(atl_source_add(s, name, i));
    }
    return read_labels(s);
}

static void mnist_close(atl_source *s) {
    if (s->state)
        atl_data_bytes_clear(s->ctx, s->state);
}

static atl_status mnist_pixels(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image) {
    enum { WIDE = SIDE + 2 * BORDER };
    ATL_TRY(atl_image_init(ctx, WIDE, WIDE, 1, image));
    const atl_data_bytes *file = s->state;
    const uint8_t *from = file->data + HEAD_IMAGES + s->entries[index].key * SIDE * SIDE;
    for (size_t y = 0; y < SIDE; y++)
        memcpy(image->pixels + (y + BORDER) * WIDE + BORDER, from + y * SIDE, SIDE);
    return ATL_OK;
}

const atl_source_kind atl_source_mnist = { "mnist", probe, mnist_open, mnist_close, NULL, mnist_pixels };
