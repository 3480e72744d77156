// SPDX-License-Identifier: Apache-2.0
// MNIST: NAME-images-idx3-ubyte(.gz) and, beside it, NAME-labels-idx1-ubyte(.gz).  Pictures of 28x28 get
// a black border of two pixels, as the official tool gives them: 32 is a power of two.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

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

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// Maps and unpacks `path` into the arena of the source.
static atl_status load(atl_source *s, const char *path, const uint8_t **data, size_t *size) {
    atl_file file;
    ATL_TRY(atl_file_map(s->ctx, path, &file));
    atl_status status = atl_gunzip(&s->arena, path, file.data, file.bytes, data, size);
    if (status == ATL_OK && *data == file.data) {
        *data = (const uint8_t *)atl_arena_string(&s->arena, (const char *)file.data, file.bytes);
        status = *data ? ATL_OK : ATL_NO_MEMORY;
    }
    atl_file_unmap(&file);
    return status;
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
    const uint8_t *data;
    size_t size;
    ATL_TRY(load(s, path, &data, &size));
    if (size < HEAD_LABELS || big_endian(data) != 0x801 || big_endian(data + 4) != s->count ||
        size != HEAD_LABELS + s->count)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: is no list of %zu labels; download it again", path,
                        s->count);
    s->classes = atl_arena_alloc(&s->arena, s->count, sizeof *s->classes);
    if (!s->classes)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < s->count; i++)
        s->classes[i] = data[HEAD_LABELS + i];
    return ATL_OK;
}

static atl_status mnist_open(atl_source *s) {
    const uint8_t *data;
    size_t size;
    ATL_TRY(load(s, s->path, &data, &size));
    if (size < HEAD_IMAGES || big_endian(data) != 0x803 || big_endian(data + 8) != SIDE ||
        big_endian(data + 12) != SIDE)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: is no MNIST file of %dx%d pictures", s->path, SIDE, SIDE);
    size_t count = big_endian(data + 4);
    if ((size - HEAD_IMAGES) / (SIDE * SIDE) != count || (size - HEAD_IMAGES) % (SIDE * SIDE))
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: promises %zu pictures, has bytes for %zu: it is cut",
                        s->path, count, (size - HEAD_IMAGES) / (SIDE * SIDE));
    s->state = (void *)(data + HEAD_IMAGES);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%08zu", i);
        ATL_TRY(atl_source_add(s, name, i));
    }
    return read_labels(s);
}

static atl_status mnist_pixels(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image) {
    enum { WIDE = SIDE + 2 * BORDER };
    ATL_TRY(atl_image_init(ctx, WIDE, WIDE, 1, image));
    const uint8_t *from = (const uint8_t *)s->state + s->entries[index].key * SIDE * SIDE;
    for (size_t y = 0; y < SIDE; y++)
        memcpy(image->pixels + (y + BORDER) * WIDE + BORDER, from + y * SIDE, SIDE);
    return ATL_OK;
}

const atl_source_kind atl_source_mnist = { "mnist", probe, mnist_open, NULL, NULL, mnist_pixels };
