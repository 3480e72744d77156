// SPDX-License-Identifier: Apache-2.0
// A thin layer over libzip: opens from memory, lists members once, reads them whole.
#include "io/zip.h"

#include <stdbool.h>
#include <string.h>
#include <zip.h>

enum { MEMBERS_MOST = 1 << 20 };

typedef struct member {
    const char *name;
    size_t bytes;
} member;

struct atl_zip {
    atl_ctx *ctx;
    const char *path;
    zip_t *handle;
    member *list;
    uint32_t *order; // sorted by name
    size_t size;
};

static int compare(const atl_zip *z, uint32_t a, uint32_t b) {
    return strcmp(z->list[a].name, z->list[b].name);
}

static void sift(atl_zip *z, size_t root, size_t size) {
    for (size_t child; (child = 2 * root + 1) < size; root = child) {
        if (child + 1 < size && compare(z, z->order[child], z->order[child + 1]) < 0)
            child++;
        if (compare(z, z->order[root], z->order[child]) >= 0)
            return;
        uint32_t swap = z->order[root];
        z->order[root] = z->order[child];
        z->order[child] = swap;
    }
}

static void sort(atl_zip *z) {
    for (size_t i = z->size / 2; i-- > 0;)
        sift(z, i, z->size);
    for (size_t end = z->size; end-- > 1;) {
        uint32_t largest = z->order[0];
        z->order[0] = z->order[end];
        z->order[end] = largest;
        sift(z, 0, end);
    }
}

static atl_status list_members(atl_zip *z) {
    zip_int64_t count = zip_get_num_entries(z->handle, 0);
    if (count < 0 || count > MEMBERS_MOST)
        return atl_fail(z->ctx, ATL_BAD_FILE, "%s: holds %lld members; at most %d are read", z->path,
                        (long long)count, MEMBERS_MOST);
    z->list = atl_calloc(z->ctx, (size_t)count + 1, sizeof *z->list);
    z->order = atl_calloc(z->ctx, (size_t)count + 1, sizeof *z->order);
    if (!z->list || !z->order)
        return ATL_NO_MEMORY;
    for (z->size = 0; z->size < (size_t)count; z->size++) {
        zip_stat_t info;
        if (zip_stat_index(z->handle, z->size, 0, &info) != 0 || !(info.valid & ZIP_STAT_SIZE) ||
            !(info.valid & ZIP_STAT_NAME) || info.size > SIZE_MAX / 2)
            return atl_fail(z->ctx, ATL_BAD_FILE, "%s: member %zu of the zip file is damaged", z->path,
                            z->size);
        z->list[z->size] = (member){ info.name, (size_t)info.size };
        z->order[z->size] = (uint32_t)z->size;
    }
    sort(z);
    for (size_t i = 1; i < z->size; i++)
        if (compare(z, z->order[i - 1], z->order[i]) == 0)
            return atl_fail(z->ctx, ATL_BAD_FILE,
                            "%s: holds two members named '%s'; the file can't be trusted", z->path,
                            z->list[z->order[i]].name);
    return ATL_OK;
}

atl_status atl_zip_open(atl_ctx *ctx, const char *path, const void *data, size_t bytes, atl_zip **zip) {
    *zip = NULL;
    atl_zip *z = atl_calloc(ctx, 1, sizeof *z);
    if (!z)
        return ATL_NO_MEMORY;
    z->ctx = ctx;
    z->path = path;
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(data, bytes, 0, &error);
    if (source)
        z->handle = zip_open_from_source(source, ZIP_RDONLY, &error);
    atl_status status;
    if (!z->handle) {
        status = atl_fail(ctx, ATL_BAD_FILE, "%s: the zip file can't be read: %s; is it cut?", path,
                          zip_error_strerror(&error));
        if (source)
            zip_source_free(source);
    } else {
        status = list_members(z);
    }
    zip_error_fini(&error);
    if (status != ATL_OK)
        atl_zip_close(&z);
    *zip = z;
    return status;
}

void atl_zip_close(atl_zip **zip) {
    if (!zip || !*zip)
        return;
    atl_zip *z = *zip;
    atl_ctx *ctx = z->ctx;
    if (z->handle)
        zip_discard(z->handle);
    atl_free(ctx, z->list);
    atl_free(ctx, z->order);
    atl_free(ctx, z);
    *zip = NULL;
}

size_t atl_zip_size(const atl_zip *zip) {
    return zip->size;
}

const char *atl_zip_name(const atl_zip *zip, size_t index) {
    return zip->list[index].name;
}

size_t atl_zip_bytes(const atl_zip *zip, size_t index) {
    return zip->list[index].bytes;
}

size_t atl_zip_find(const atl_zip *zip, const char *name) {
    size_t low = 0, high = zip->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, zip->list[zip->order[middle]].name);
        if (order == 0)
            return zip->order[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return zip->size;
}

atl_status atl_zip_read(atl_zip *zip, size_t index, void *out) {
    const member *m = &zip->list[index];
    zip_file_t *file = zip_fopen_index(zip->handle, index, 0);
    bool good = file != NULL;
    for (size_t at = 0; good && at < m->bytes;) {
        zip_int64_t n = zip_fread(file, (char *)out + at, m->bytes - at);
        good = n > 0;
        at += good ? (size_t)n : 0;
    }
    char extra;
    good = good && zip_fread(file, &extra, 1) == 0; // the end: here the checksum is compared
    if (file)
        good = zip_fclose(file) == 0 && good;
    if (!good)
        return atl_fail(zip->ctx, ATL_BAD_FILE,
                        "%s: member '%s' can't be read: wrong checksum, wrong size or an "
                        "unknown compression; the file is damaged",
                        zip->path, m->name);
    return ATL_OK;
}
