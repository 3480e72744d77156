// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy (one array) and .npz (a zip of them).  The header is a Python dict as text:
//
//     \x93NUMPY, version, length, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// It is read by a scanner for just this form.  Little-endian C-order arrays are used in place; others are
// rearranged into memory of the set.  Arrays of objects are pickles (pickled.c); text and records are
// refused.
#include "io/arrays.h"

#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/names.h"
#include "io/zip.h"
#include "io/zip_write.h"

typedef struct scan {
    const char *at, *end;
} scan;

typedef struct header {
    int dtype;
    bool swapped, fortran;
    int rank;
    int64_t dims[ATL_ARRAY_RANK_MAX];
} header;

static void skip_blanks(scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t'))
        s->at++;
}

static bool accept(scan *s, const char *token) {
    skip_blanks(s);
    size_t n = strlen(token);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, token, n) != 0)
        return false;
    s->at += n;
    return true;
}

static bool quoted(scan *s, char *out, size_t room) {
    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    char quote = *s->at++;
    size_t n = 0;
    for (; s->at < s->end && *s->at != quote; s->at++) {
        if (n + 1 >= room || *s->at == '\\')
            return false;
        out[n++] = *s->at;
    }
    out[n] = '\0';
    return accept(s, (char[]){ quote, '\0' });
}

static bool number(scan *s, int64_t *value) {
    skip_blanks(s);
    const char *start = s->at;
    *value = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        if (*value > (INT64_MAX - 9) / 10)
            return false;
        *value = *value * 10 + (*s->at - '0');
    }
    if (s->at > start)
        accept(s, "L"); // Python 2 wrote long numbers so
    return s->at > start;
}

static bool shape(scan *s, header *h) {
    if (!accept(s, "("))
        return false;
    for (h->rank = 0; !accept(s, ")"); h->rank++) {
        if (h->rank == ATL_ARRAY_RANK_MAX || !number(s, &h->dims[h->rank]))
            return false;
        if (!accept(s, ",")) {
            h->rank++;
            return accept(s, ")");
        }
    }
    return true;
}

// The type of "<f4", "|b1", ...; -1 for one that is not read.
static int type_of(const char *text, bool *swapped) {
    static const struct {
        char name[3];
        int dtype;
    } known[] = {
        { "f2", ATL_F16 }, { "f4", ATL_F32 }, { "f8", ATL_F64 }, { "i1", ATL_I8 },
        { "u1", ATL_U8 },  { "i2", ATL_I16 }, { "u2", ATL_U16 }, { "i4", ATL_I32 },
        { "u4", ATL_U32 }, { "i8", ATL_I64 }, { "u8", ATL_U64 }, { "b1", ATL_BOOL },
    };
    *swapped = text[0] == '>';
    for (size_t i = 0; text[0] && strchr("<>|=", text[0]) && i < sizeof known / sizeof *known; i++)
        if (strcmp(text + 1, known[i].name) == 0)
            return known[i].dtype;
    return -1;
}

static bool parse_header(scan *s, header *h, char *type, size_t room) {
    int seen = 0;
    if (!accept(s, "{"))
        return false;
    while (!accept(s, "}")) {
        char key[16];
        if (!quoted(s, key, sizeof key) || !accept(s, ":"))
            return false;
        if (strcmp(key, "descr") == 0 && quoted(s, type, room)) {
            seen |= 1;
            h->dtype = type_of(type, &h->swapped);
        } else if (strcmp(key, "fortran_order") == 0 &&
                   ((h->fortran = accept(s, "True")) || accept(s, "False"))) {
            seen |= 2;
        } else if (strcmp(key, "shape") == 0 && shape(s, h)) {
            seen |= 4;
        } else {
            return false;
        }
        if (!accept(s, ",")) {
            if (!accept(s, "}"))
                return false;
            break;
        }
    }
    return seen == 7;
}

// Bytes in the other order, or a column-major array: a copy in C order.
static atl_status rearrange(atl_arrays *set, const header *h, const uint8_t *data, size_t bytes,
                            atl_array *a) {
    size_t width = atl_dtype_size(a->dtype), count = bytes / width;
    uint8_t *out = atl_arena_alloc(&set->arena, bytes ? bytes : 1, 1);
    if (!out)
        return ATL_NO_MEMORY;
    int64_t index[ATL_ARRAY_RANK_MAX] = { 0 }, stride[ATL_ARRAY_RANK_MAX], step = 1;
    for (int n = 0; n < h->rank; n++) {
        int i = h->fortran ? n : h->rank - 1 - n;
        stride[i] = step;
        step *= h->dims[i];
    }
    for (size_t at = 0; at < count; at++) {
        int64_t from = 0;
        for (int i = 0; i < h->rank; i++)
            from += index[i] * stride[i];
        for (size_t b = 0; b < width; b++)
            out[at * width + b] = data[(size_t)from * width + (h->swapped ? width - 1 - b : b)];
        for (int i = h->rank; i-- > 0 && ++index[i] == h->dims[i];)
            index[i] = 0;
    }
    a->data = out;
    return ATL_OK;
}

static atl_status add_numbers(atl_arrays *set, const char *name, const header *h, const uint8_t *data,
                              size_t left) {
    size_t size;
    atl_array *a;
    if (!atl_dims_bytes(h->rank, h->dims, (atl_dtype)h->dtype, &size) || size != left)
        return atl_fail(set->ctx, ATL_BAD_FILE,
                        "%s: %s%s%s%zu bytes, which does not match its shape; the file is cut or damaged",
                        set->path, *name ? "array '" : "", name, *name ? "' has " : "has ", left);
    ATL_TRY(atl_arrays_add(set, &a));
    *a = (atl_array){ .name = name, .dtype = (atl_dtype)h->dtype, .rank = h->rank, .data = data };
    memcpy(a->dims, h->dims, sizeof a->dims);
    bool columns = h->fortran && h->rank > 1;
    return h->swapped || columns ? rearrange(set, h, data, size, a) : ATL_OK;
}

// Why a header is not read.
static atl_status refuse(atl_arrays *set, const char *name, const char *type, bool known) {
    char whose[300] = "";
    if (*name)
        snprintf(whose, sizeof whose, "array '%.200s': ", name);
    if (!known && *type)
        return atl_fail(set->ctx, ATL_UNSUPPORTED,
                        "%s: %sits element type (%s) is not read; plain numbers and pickled objects are",
                        set->path, whose, type);
    return atl_fail(set->ctx, ATL_BAD_FILE,
                    "%s: %sits header is not read; that of an array of at most %d dimensions is", set->path,
                    whose, ATL_ARRAY_RANK_MAX);
}

// One .npy image; `name` outlives the set.
static atl_status add_one(atl_arrays *set, const char *name, const uint8_t *data, size_t bytes) {
    header h = { .dtype = -1 };
    char type[32] = "";
    size_t start = bytes >= 10 && data[6] == 1 ? 10 : 12;
    if (bytes < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 || data[6] > 3)
        return atl_fail(set->ctx, ATL_BAD_FILE, "%s: %s%s%s does not begin like a .npy file", set->path,
                        *name ? "array '" : "", name, *name ? "'" : "it");
    size_t length = (size_t)atl_little(data + 8, start - 8);
    if (length > bytes - start)
        return atl_fail(set->ctx, ATL_BAD_FILE, "%s: the header of %s%s%s is cut; the file is damaged",
                        set->path, *name ? "array '" : "its array", name, *name ? "'" : "");
    scan s = { (const char *)data + start, (const char *)data + start + length };
    bool whole = parse_header(&s, &h, type, sizeof type);
    if (whole && strcmp(type, "|O") == 0) {
        static const atl_pair container = { "container", "numpy objects" };
        set->metadata = &container;
        set->pairs = 1;
        return atl_pickled_parse(set, name, data + start + length, bytes - start - length);
    }
    if (!whole || h.dtype < 0)
        return refuse(set, name, type, h.dtype >= 0);
    return add_numbers(set, name, &h, data + start + length, bytes - start - length);
}

atl_status atl_npy_parse(atl_arrays *set) {
    return add_one(set, "", set->file.data, set->file.bytes);
}

// Numbers of networks don't compress well.
static atl_status check_size(const atl_arrays *set, const atl_zip *zip) {
    size_t most = atl_file_most(set->file.bytes, 64), sum = 0;
    for (size_t i = 0; i < atl_zip_size(zip); i++) {
        size_t bytes = atl_zip_bytes(zip, i);
        if (bytes > most - sum)
            return atl_fail(
                set->ctx, ATL_BAD_FILE,
                "%s: array '%.200s' and those before it are far larger than the file; it is damaged or "
                "hostile",
                set->path, atl_zip_name(zip, i));
        sum += bytes;
    }
    return ATL_OK;
}

static atl_status read_members(atl_arrays *set, atl_zip *zip) {
    ATL_TRY(check_size(set, zip));
    for (size_t i = 0; i < atl_zip_size(zip); i++) {
        const char *name = atl_zip_name(zip, i);
        size_t length = strlen(name), bytes = atl_zip_bytes(zip, i);
        if (length < 4 || strcmp(name + length - 4, ".npy") != 0)
            return atl_fail(set->ctx, ATL_BAD_FILE, "%s: member '%s' is no array; this is no .npz file",
                            set->path, name);
        const char *key = atl_arena_string(&set->arena, name, length - 4);
        void *data = atl_arena_alloc(&set->arena, bytes ? bytes : 1, 1);
        if (!key || !data)
            return ATL_NO_MEMORY;
        ATL_TRY(atl_zip_read(zip, i, data));
        ATL_TRY(add_one(set, key, data, bytes));
    }
    return ATL_OK;
}

// A file of torch.save is a zip, too.
static bool holds_pickle(const atl_zip *zip) {
    for (size_t i = 0; i < atl_zip_size(zip); i++)
        if (atl_ends_in(atl_zip_name(zip, i), "data.pkl"))
            return true;
    return false;
}

atl_status atl_npz_parse(atl_arrays *set) {
    atl_zip *zip;
    ATL_TRY(atl_zip_open(set->ctx, set->path, set->file.data, set->file.bytes, &zip));
    bool torch = holds_pickle(zip);
    atl_status status = torch ? ATL_OK : read_members(set, zip);
    atl_zip_close(&zip);
    return torch ? atl_pickled_parse(set, "", set->file.data, set->file.bytes) : status;
}

// ---- writing

enum { HEADER_ROOM = 320 };

// The header of a .npy, *size bytes, and how many bytes follow it; `path` is for messages.
static atl_status make_header(atl_ctx *ctx, const char *path, const atl_array *array, char text[HEADER_ROOM],
                              size_t *size, size_t *bytes) {
    static const char *const types[ATL_DTYPES] = {
        [ATL_F32] = "<f4", [ATL_F16] = "<f2", [ATL_F64] = "<f8", [ATL_I8] = "|i1",
        [ATL_U8] = "|u1",  [ATL_I16] = "<i2", [ATL_U16] = "<u2", [ATL_I32] = "<i4",
        [ATL_U32] = "<u4", [ATL_I64] = "<i8", [ATL_U64] = "<u8", [ATL_BOOL] = "|b1",
    };
    if (!types[array->dtype])
        return atl_fail(ctx, ATL_UNSUPPORTED, "%s: .npy has no element type %s; convert to F32 first", path,
                        atl_dtype_name(array->dtype));
    if (array->rank > ATL_ARRAY_RANK_MAX || !atl_dims_bytes(array->rank, array->dims, array->dtype, bytes))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: the array is too large", path);
    char dims[200] = "";
    int n = 0;
    for (int i = 0; i < array->rank; i++)
        n += snprintf(dims + n, sizeof dims - (size_t)n, "%lld,%s", (long long)array->dims[i],
                      i + 1 < array->rank ? " " : "");
    n = snprintf(text + 10, HEADER_ROOM - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                 types[array->dtype], dims);
    size_t end = ((size_t)n + 10 + 1 + 63) / 64 * 64; // the data start at a multiple of 64
    memcpy(text, "\x93NUMPY\1\0", 8);
    memset(text + 10 + n, ' ', end - 10 - (size_t)n);
    text[end - 1] = '\n';
    text[8] = (char)((end - 10) & 255);
    text[9] = (char)((end - 10) >> 8);
    *size = end;
    return ATL_OK;
}

atl_status atl_npy_write(atl_ctx *ctx, const char *path, const atl_array *array) {
    char text[HEADER_ROOM];
    size_t size, bytes;
    atl_writer *w;
    ATL_TRY(make_header(ctx, path, array, text, &size, &bytes));
    ATL_TRY(atl_writer_open(ctx, path, &w));
    atl_status status = atl_writer_write(w, text, size);
    if (status == ATL_OK)
        status = atl_writer_write(w, array->data, bytes);
    if (status == ATL_OK)
        return atl_writer_commit(&w);
    atl_writer_abort(&w);
    return status;
}

static atl_status add_member(atl_ctx *ctx, const char *path, atl_zip_writer *zip, const atl_array *array) {
    char text[HEADER_ROOM], name[256];
    size_t size, bytes;
    ATL_TRY(make_header(ctx, path, array, text, &size, &bytes));
    if (snprintf(name, sizeof name, "%s.npy", array->name) >= (int)sizeof name)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: an array has too long a name", path);
    return atl_zip_writer_add_two(zip, name, text, size, array->data, bytes);
}

atl_status atl_npz_write(atl_ctx *ctx, const char *path, const atl_array *arrays, size_t count) {
    atl_zip_writer *zip;
    ATL_TRY(atl_zip_writer_open(ctx, path, &zip));
    atl_status status = ATL_OK;
    for (size_t i = 0; i < count && status == ATL_OK; i++)
        status = add_member(ctx, path, zip, &arrays[i]);
    if (status == ATL_OK)
        return atl_zip_writer_commit(&zip);
    atl_zip_writer_abort(&zip);
    return status;
}
