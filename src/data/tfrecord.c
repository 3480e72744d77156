// SPDX-License-Identifier: Apache-2.0
// TFRecords of the TensorFlow-era networks: NAME-rLL.tfrecords, uncompressed, each record framed as
// u64 length, its masked CRC-32C, the data, their masked CRC-32C.  Pictures are raw, or encoded as forks
// keep them.  A folder stands for its file of the highest resolution.  NAME-rxx.labels, a .npy of floats [n,
// size], may lie beside it.
#include "data/data.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <atelier/array.h>

#include "base/bytes.h"
#include "data/example.h"
#include "io/image_format.h"

enum { FRAME_HEAD = 12, FRAME_TAIL = 4, TABLE = 256, SUFFIX = 14 }; // "-rLL.tfrecords"

typedef struct tfrecord_state {
    atl_file file;
    char *path; // of the file within a folder
    uint32_t crc[TABLE];
} tfrecord_state;

// LL of ".../NAME-rLL.tfrecords", or -1
static int level_of(const char *name) {
    size_t n = strlen(name);
    if (n < SUFFIX || strcmp(name + n - 10, ".tfrecords") || name[n - 14] != '-' || name[n - 13] != 'r' ||
        !isdigit((unsigned char)name[n - 12]) || !isdigit((unsigned char)name[n - 11]))
        return -1;
    return (name[n - 12] - '0') * 10 + (name[n - 11] - '0');
}

// The file of the highest level in a folder goes to `best` (room for a name); false: there is none.
static bool find_best(const char *folder, char *best, size_t room) {
    DIR *list = opendir(folder);
    int level = -1;
    struct dirent *entry;
    while (list && (entry = readdir(list))) {
        int l = level_of(entry->d_name);
        bool better = l > level || (l >= 0 && l == level && strcmp(entry->d_name, best) < 0);
        if (better && strlen(entry->d_name) < room) {
            level = l;
            memcpy(best, entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    if (list)
        closedir(list);
    return level >= 0;
}

static bool is_records(const char *path) {
    return atl_name_ends(path, ".tfrecords") || atl_name_ends(path, ".tfrecord");
}

static bool probe(const char *path, bool folder) {
    char best[256];
    return folder ? find_best(path, best, sizeof best) : is_records(path);
}

static atl_status list_records(atl_source *s, tfrecord_state *t) {
    const uint8_t *data = t->file.data;
    size_t bytes = t->file.bytes;
    if (bytes >= 2 && data[0] == 0x1f && data[1] == 0x8b)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: is packed by gzip; unpack it first", t->path);
    for (size_t at = 0; at < bytes;) {
        if (bytes - at < FRAME_HEAD + FRAME_TAIL)
            return atl_fail(s->ctx, ATL_BAD_FILE, "%s: cut in record %zu at byte %zu; copy it again", t->path,
                            s->count, at);
        uint64_t length = atl_little(data + at, 8);
        if (atl_little(data + at + 8, 4) != atl_crc32c_masked(t->crc, data + at, 8))
            return atl_fail(s->ctx, ATL_BAD_FILE,
                            "%s: record %zu at byte %zu has a wrong checksum: damaged, or no TFRecords",
                            t->path, s->count, at);
        if (length > bytes - at - FRAME_HEAD - FRAME_TAIL)
            return atl_fail(s->ctx, ATL_BAD_FILE, "%s: record %zu claims %llu bytes, the file has %zu left",
                            t->path, s->count, (unsigned long long)length, bytes - at - FRAME_HEAD);
        char name[32];
        snprintf(name, sizeof name, "%08zu", s->count);
        ATL_TRY(atl_source_add(s, name, at));
        at += FRAME_HEAD + (size_t)length + FRAME_TAIL;
    }
    return ATL_OK;
}

static atl_status check_labels(const atl_source *s, const char *path) {
    for (size_t i = 0; i < s->count * s->vector_size; i++)
        if (!isfinite(s->vectors[i]))
            return atl_fail(s->ctx, ATL_BAD_FILE,
                            "%s: the label of record %zu holds something that is no number", path,
                            i / s->vector_size);
    return ATL_OK;
}

static atl_status read_labels(atl_source *s, const tfrecord_state *t) {
    if (level_of(t->path) < 0)
        return ATL_OK;
    char *path = atl_arena_printf(&s->arena, "%.*s-rxx.labels", (int)(strlen(t->path) - SUFFIX), t->path);
    if (!path)
        return ATL_NO_MEMORY;
    FILE *there = fopen(path, "rb");
    if (!there)
        return ATL_OK;
    fclose(there);
    atl_arrays *set;
    ATL_TRY(atl_arrays_open(s->ctx, path, &set));
    const atl_array *a = atl_arrays_size(set) == 1 ? atl_arrays_get(set, 0) : NULL;
    atl_status status = ATL_OK;
    if (!a || a->rank != 2 || a->dims[0] < 0 || (uint64_t)a->dims[0] < s->count || a->dims[1] > 1 << 16)
        status = atl_fail(s->ctx, ATL_BAD_FILE, "%s: is no table with a row for each of %zu pictures", path,
                          s->count);
    if (status == ATL_OK && a->dims[1] > 0) {
        s->vector_size = (size_t)a->dims[1];
        s->vectors = atl_arena_alloc(&s->arena, s->count, s->vector_size * sizeof(float));
        if (s->vectors)
            atl_array_read_f32(a, 0, (int64_t)(s->count * s->vector_size), s->vectors);
        status = s->vectors ? check_labels(s, path) : ATL_NO_MEMORY;
    }
    atl_arrays_close(&set);
    return status;
}

static atl_status tfrecord_open(atl_source *s) {
    tfrecord_state *t = atl_arena_alloc(&s->arena, 1, sizeof *t);
    if (!t)
        return ATL_NO_MEMORY;
    t->file.handle = -1;
    s->state = t;
    atl_crc32c_init(t->crc);
    char best[256];
    bool folder = find_best(s->path, best, sizeof best);
    if (!folder && !is_records(s->path))
        return atl_fail(s->ctx, ATL_IO, "%s: its .tfrecords files are gone", s->path);
    t->path = folder ? atl_arena_printf(&s->arena, "%s/%s", s->path, best)
                     : atl_arena_string(&s->arena, s->path, strlen(s->path));
    if (!t->path)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_file_map(s->ctx, t->path, &t->file));
    ATL_TRY(list_records(s, t));
    return read_labels(s, t);
}

static void tfrecord_close(atl_source *s) {
    tfrecord_state *t = s->state;
    if (t)
        atl_file_unmap(&t->file);
}

static bool shape_good(const atl_example *e) {
    if (e->rank != 3 || !e->data || e->shape[0] < 1 || e->shape[0] > 4)
        return false;
    for (int i = 1; i < 3; i++)
        if (e->shape[i] < 1 || e->shape[i] > 32768)
            return false;
    return (uint64_t)(e->shape[0] * e->shape[1] * e->shape[2]) == e->size;
}

static atl_status tfrecord_pixels(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image) {
    const tfrecord_state *t = s->state;
    size_t at = (size_t)s->entries[index].key;
    ATL_TRY(atl_data_check_mapped(ctx, t->path, &t->file));
    const uint8_t *frame = t->file.data + at, *record = frame + FRAME_HEAD;
    size_t length = (size_t)atl_little(frame, 8); // checked when the file was opened, but it may have changed
    if (length > t->file.bytes - at - FRAME_HEAD - FRAME_TAIL ||
        atl_little(record + length, 4) != atl_crc32c_masked(t->crc, record, length))
        return atl_fail(ctx, ATL_BAD_FILE, "%s: record %zu has a wrong checksum: it is damaged", t->path,
                        index);
    atl_example e;
    bool parsed = atl_example_parse(record, length, &e);
    if (parsed && !shape_good(&e) && e.encoded)
        return atl_image_decode(ctx, &(atl_image_source){ s->entries[index].name, e.encoded, e.encoded_size },
                                image);
    if (!parsed || !shape_good(&e))
        return atl_fail(ctx, ATL_BAD_FILE,
                        "%s: record %zu holds no picture: it needs `shape` [channels, height, width] and as "
                        "many bytes of `data`, or the bytes of a PNG or JPEG",
                        t->path, index);
    ATL_TRY(atl_image_init(ctx, (int)e.shape[2], (int)e.shape[1], (int)e.shape[0], image));
    size_t channels = (size_t)e.shape[0], area = (size_t)(e.shape[1] * e.shape[2]);
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < area; i++)
            image->pixels[i * channels + c] = e.data[c * area + i];
    return ATL_OK;
}

const atl_source_kind atl_source_tfrecord = { "tfrecord",     probe, tfrecord_open,
                                              tfrecord_close, NULL,  tfrecord_pixels };
