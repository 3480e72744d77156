// SPDX-License-Identifier: Apache-2.0
// CIFAR-10 and CIFAR-100 as their authors publish them: Python pickles in a .tar.gz, read by the safe
// pickle machine.  Training pictures only: data_batch_1 to data_batch_5, or `train`.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

#include "io/pickle.h"

enum { SIDE = 32, ROW = 3 * SIDE * SIDE, BLOCK = 512, BATCHES = 5 };

typedef struct member {
    const uint8_t *data;
    size_t size;
} member;

static bool probe(const char *path, bool folder) {
    const char *slash = strrchr(path, '/');
    return !folder && !strncmp(slash ? slash + 1 : path, "cifar-10", 8) &&
           (atl_name_ends(path, ".tar.gz") || atl_name_ends(path, ".tgz") || atl_name_ends(path, ".tar"));
}

// A number in octal digits, as tar has them; -1: it is none.
static int64_t octal(const uint8_t *text, size_t length) {
    int64_t value = 0;
    size_t i = 0, digits = 0;
    while (i < length && text[i] == ' ')
        i++;
    for (; i < length && text[i] >= '0' && text[i] <= '7'; i++, digits++)
        value = value * 8 + (text[i] - '0');
    return digits && (i == length || text[i] == 0 || text[i] == ' ') ? value : -1;
}

// The sum of a header's bytes, its own field (8 bytes from 148) counted as blanks.
static bool header_good(const uint8_t *head) {
    int64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : head[i];
    return octal(head + 148, 8) == sum;
}

// Batches by their number; `train` of CIFAR-100 is the first.
static void keep(const char *name, const uint8_t *data, size_t size, member batches[BATCHES]) {
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    size_t i = BATCHES;
    if (!strncmp(name, "data_batch_", 11) && name[11] >= '1' && name[11] <= '5' && !name[12])
        i = (size_t)(name[11] - '1');
    else if (!strcmp(name, "train"))
        i = 0;
    if (i < BATCHES)
        batches[i] = (member){ data, size };
}

static atl_status list_tar(atl_source *s, const uint8_t *data, size_t size, member batches[BATCHES]) {
    for (size_t at = 0; size - at >= BLOCK && data[at];) {
        const uint8_t *head = data + at;
        int64_t bytes = octal(head + 124, 12);
        at += BLOCK;
        if (!header_good(head) || bytes < 0 || (uint64_t)bytes > size - at)
            return atl_fail(s->ctx, ATL_BAD_FILE, "%s: damaged or cut tar file; download it again", s->path);
        char name[101] = { 0 };
        memcpy(name, head, 100);
        if (head[156] == '0' || head[156] == 0)
            keep(name, data + at, (size_t)bytes, batches);
        size_t padded = ((size_t)bytes + BLOCK - 1) / BLOCK * BLOCK;
        at = padded < size - at ? at + padded : size;
    }
    return ATL_OK;
}

static atl_status refuse(const atl_source *s, size_t batch, const char *what) {
    return atl_fail(s->ctx, ATL_BAD_FILE, "%s: batch %zu %s", s->path, batch + 1, what);
}

// data: uint8 [n, 3072], contiguous
static const uint8_t *rows_of(const atl_object *data, size_t *count) {
    if (!data || data->type != ATL_OBJECT_TENSOR)
        return NULL;
    const atl_tensor *t = data->u.tensor;
    if (!t->storage || !t->storage->data || t->storage->dtype != ATL_U8 || t->rank != 2 ||
        t->dims[1] != ROW || t->strides[1] != 1 || (t->dims[0] > 1 && t->strides[0] != ROW))
        return NULL;
    *count = (size_t)t->dims[0];
    return t->storage->data + t->offset;
}

static atl_status read_batch(atl_source *s, member *m, size_t batch, int32_t **labels) {
    atl_pickle_reader reader = { .arena = &s->arena, .path = s->path };
    atl_object *top;
    ATL_TRY(atl_pickle_read(&reader, m->data, m->size, NULL, &top));
    size_t count = 0;
    const uint8_t *rows = rows_of(atl_object_get(top, "data"), &count);
    if (!rows)
        return refuse(s, batch, "has no array 'data' of n x 3072 bytes");
    const atl_object *list = atl_object_get(top, "labels");
    list = list ? list : atl_object_get(top, "fine_labels");
    if (!list || list->type != ATL_OBJECT_LIST || list->size != count)
        return refuse(s, batch, "has not one label for each picture");
    int32_t *larger = atl_grow(s->ctx, *labels, s->count, s->count + count, sizeof **labels);
    if (!larger)
        return ATL_NO_MEMORY;
    *labels = larger;
    for (size_t i = 0; i < count; i++) {
        int64_t label;
        char name[48];
        if (!atl_object_int(list->u.items[i], &label) || label < 0 || label > 99)
            return atl_fail(s->ctx, ATL_BAD_FILE, "%s: picture %zu of batch %zu has a label that is no class",
                            s->path, i, batch + 1);
        snprintf(name, sizeof name, "batch_%zu/%05zu", batch + 1, i);
        larger[s->count] = (int32_t)label;
        ATL_TRY(atl_source_add(s, name, (uint64_t)(uintptr_t)(rows + i * ROW)));
    }
    return ATL_OK;
}

static atl_status read_all(atl_source *s, const atl_data_bytes *tar) {
    member batches[BATCHES] = { { NULL, 0 } };
    int32_t *labels = NULL;
    ATL_TRY(list_tar(s, tar->data, tar->size, batches));
    atl_status status = ATL_OK;
    for (size_t i = 0; i < BATCHES && status == ATL_OK; i++)
        if (batches[i].data)
            status = read_batch(s, &batches[i], i, &labels);
    if (status == ATL_OK && s->count) {
        s->classes = atl_arena_alloc(&s->arena, s->count, sizeof *s->classes);
        if (s->classes)
            memcpy(s->classes, labels, s->count * sizeof *labels);
        else
            status = ATL_NO_MEMORY;
    }
    atl_free(s->ctx, labels);
    return status;
}

// The pickles' arrays point into the tar file, which stays.
static atl_status cifar_open(atl_source *s) {
    atl_data_bytes *tar = atl_arena_alloc(&s->arena, 1, sizeof *tar);
    if (!tar)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_data_unpack(s->ctx, s->path, tar));
    s->state = tar;
    return read_all(s, tar);
}

static void cifar_close(atl_source *s) {
    if (s->state)
        atl_data_bytes_clear(s->ctx, s->state);
}

static atl_status cifar_pixels(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image) {
    ATL_TRY(atl_image_init(ctx, SIDE, SIDE, 3, image));
    const uint8_t *from = (const uint8_t *)(uintptr_t)s->entries[index].key; // [3, 32, 32]
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < SIDE * SIDE; i++)
            image->pixels[i * 3 + c] = from[c * SIDE * SIDE + i];
    return ATL_OK;
}

const atl_source_kind atl_source_cifar = { "cifar", probe, cifar_open, cifar_close, NULL, cifar_pixels };
