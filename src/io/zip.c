// SPDX-License-Identifier: Apache-2.0
// A thin layer over libzip: opens from memory, lists members once, reads them whole.
#include "io/zip.h"

#include <stdbool.h>
#include <string.h>
#include <zip.h>

enum { CLAIM_FREE = 64 << 20, CLAIM_RATIO = 64 };

typedef struct member {
    const char *name;
    size_t bytes, packed;
} member;

struct atl_zip {
    atl_ctx *ctx;
    const char *path;
    zip_t *handle;
    member *list;
    uint32_t *order; // sorted by name
    size_t size;
    size_t whole; // bytes of the archive
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
    // each has its place in the file, so a small file can't claim many
    zip_int64_t count = zip_get_num_entries(z->handle, 0);
    if (count < 0 || count >= UINT32_MAX)
        return atl_fail(z->ctx, ATL_BAD_FILE, "%s: holds %lld members, more than can be counted", z->path,
                        (long long)count);
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
        size_t packed =
            info.valid & ZIP_STAT_COMP_SIZE && info.comp_size < z->whole ? (size_t)info.comp_size : z->whole;
        z->list[z->size] = (member){ info.name, (size_t)info.size, packed };
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
    z->whole = bytes;
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

atl_status atl_zip_check_claim(const atl_zip *zip, size_t index) {
    const member *m = &zip->list[index];
    if (m->bytes <= CLAIM_FREE || (m->bytes - CLAIM_FREE) / CLAIM_RATIO <= m->packed)
        return ATL_OK;
    return atl_fail(
        zip->ctx, ATL_BAD_FILE,
        "%s: member '%s' of %zu bytes claims to unpack to %zu, which nothing honest does; if it is, pack it "
        "without compression",
        zip->path, m->name, m->packed, m->bytes);
}

static const char *method_name(unsigned method) {
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {
        { ZIP_CM_SHRINK, "Shrink" },   { ZIP_CM_IMPLODE, "Implode" }, { ZIP_CM_DEFLATE64, "Deflate64" },
        { ZIP_CM_BZIP2, "bzip2" },     { ZIP_CM_LZMA, "LZMA" },       { 20, "Zstandard" },
        { 93, "Zstandard" },           { ZIP_CM_XZ, "XZ" },           { ZIP_CM_JPEG, "WinZip's JPEG" },
        { ZIP_CM_WAVPACK, "WavPack" }, { ZIP_CM_PPMD, "PPMd" },       { 99, "AES" }
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].method == method)
            return names[i].name;
    return NULL;
}

// Why a member can't be read, by libzip's code.
static atl_status refuse(const atl_zip *z, size_t index, int code) {
    const char *name = z->list[index].name, *method;
    zip_stat_t info;
    bool known = zip_stat_index(z->handle, index, 0, &info) == 0;
    if (known && info.valid & ZIP_STAT_ENCRYPTION_METHOD && info.encryption_method != ZIP_EM_NONE)
        return atl_fail(
            z->ctx, ATL_BAD_FILE,
            "%s: member '%s' is encrypted; unpack the archive with its password and pack it without one",
            z->path, name);
    if (known && info.valid & ZIP_STAT_COMP_METHOD && code == ZIP_ER_COMPNOTSUPP &&
        (method = method_name(info.comp_method)) != NULL)
        return atl_fail(
            z->ctx, ATL_BAD_FILE,
            "%s: member '%s' is compressed by %s, which is not read; pack the archive anew with Deflate or "
            "without compression",
            z->path, name, method);
    if (known && code == ZIP_ER_COMPNOTSUPP)
        return atl_fail(
            z->ctx, ATL_BAD_FILE,
            "%s: member '%s' is compressed by method %u, which is not read; pack the archive anew with "
            "Deflate or without compression",
            z->path, name, (unsigned)info.comp_method);
    const char *what = code == ZIP_ER_CRC   ? "has a wrong checksum"
                       : code == ZIP_ER_EOF ? "ends too early"
                                            : "has another size than its header says, or wrong data";
    return atl_fail(z->ctx, code == ZIP_ER_MEMORY ? ATL_NO_MEMORY : ATL_BAD_FILE,
                    "%s: member '%s' can't be read: it %s; the file is damaged", z->path, name, what);
}

atl_status atl_zip_read(atl_zip *zip, size_t index, void *out) {
    const member *m = &zip->list[index];
    zip_file_t *file = zip_fopen_index(zip->handle, index, 0);
    if (!file)
        return refuse(zip, index, zip_error_code_zip(zip_get_error(zip->handle)));
    bool good = true;
    for (size_t at = 0; good && at < m->bytes;) {
        zip_int64_t n = zip_fread(file, (char *)out + at, m->bytes - at);
        good = n > 0;
        at += good ? (size_t)n : 0;
    }
    char extra;
    good = good && zip_fread(file, &extra, 1) == 0; // the end: here the checksum is compared
    int code = zip_error_code_zip(zip_file_get_error(file)), closed = zip_fclose(file);
    return good && closed == 0 ? ATL_OK : refuse(zip, index, code ? code : closed);
}
