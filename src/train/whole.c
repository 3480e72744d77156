// SPDX-License-Identifier: Apache-2.0
// Numbers that are not finite, and sums over names and bytes; see whole.h.
#include "train/whole.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

enum { CHUNK = 4096, NAME_MOST = 512 };

// FNV-1a over words: a byte at a time would take a second for each gigabyte.
static uint64_t hash_words(uint64_t h, const void *bytes, size_t count) {
    const char *p = bytes;
    for (; count >= sizeof(uint32_t); count -= sizeof(uint32_t), p += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, p, sizeof word);
        h = (h ^ word) * 0x100000001b3u;
    }
    return atl_hash(h, p, count);
}

static uint64_t added(uint64_t sum, const char *name, const void *bytes, size_t count) {
    return sum + hash_words(atl_hash(ATL_HASH_BEGIN, name, strlen(name)), bytes, count);
}

static bool finite(const float *x, size_t count) {
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all = all && isfinite(x[i]);
    return all;
}

static atl_status add_numbers(atl_ctx *ctx, const char *name, const float *x, size_t count, uint64_t *sum) {
    if (!finite(x, count))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "%s holds a number that is not finite: the run is lost from some step before this one "
            "on, and nothing of it is saved",
            name);
    *sum = added(*sum, name, x, count * sizeof *x);
    return ATL_OK;
}

atl_status atl_whole_params(atl_ctx *ctx, const char *key, const atl_params *params, uint64_t *sum) {
    char name[NAME_MOST];
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        snprintf(name, sizeof name, "%s.%s", key, p->name);
        ATL_TRY(add_numbers(ctx, name, atl_param_data(params, p), p->count, sum));
    }
    return ATL_OK;
}

static size_t bytes_of(const atl_array *a) {
    return (size_t)atl_array_count(a) * atl_dtype_size(a->dtype);
}

atl_status atl_whole_array(atl_ctx *ctx, const atl_array *a, uint64_t *sum) {
    if (a->dtype == ATL_F32)
        return add_numbers(ctx, a->name, a->data, (size_t)atl_array_count(a), sum);
    *sum = added(*sum, a->name, a->data, bytes_of(a));
    return ATL_OK;
}

void atl_whole_text(uint64_t sum, char text[ATL_WHOLE_TEXT]) {
    snprintf(text, ATL_WHOLE_TEXT, "%016" PRIx64, sum);
}

static atl_status check_finite(atl_ctx *ctx, const char *path, const atl_array *a) {
    float x[CHUNK];
    int64_t count = atl_array_count(a);
    for (int64_t first = 0; a->dtype == ATL_F32 && first < count; first += CHUNK) {
        int64_t some = count - first < CHUNK ? count - first : CHUNK;
        atl_array_read_f32(a, first, some, x);
        if (!finite(x, (size_t)some))
            return atl_fail(ctx, ATL_BAD_FILE, "%s: %s holds a number that is not finite", path, a->name);
    }
    return ATL_OK;
}

// Files have room between networks, too, and others may have added to them.
static bool is_summed(const char *name) {
    static const char *const PREFIXES[] = { "G.", "D.",        "G_ema.", "optimizer.",   "E.",    "encoder.",
                                            "H.", "hypernet.", "state.", "transformer.", "vqgan." };
    for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++)
        if (!strncmp(name, PREFIXES[i], strlen(PREFIXES[i])))
            return true;
    return false;
}

atl_status atl_whole_file(atl_ctx *ctx, const char *path, const atl_arrays *file, const json_t *recorded) {
    char text[ATL_WHOLE_TEXT];
    uint64_t sum = 0;
    for (size_t i = 0; i < atl_arrays_size(file); i++) {
        const atl_array *a = atl_arrays_get(file, i);
        if (!is_summed(a->name))
            continue;
        ATL_TRY(check_finite(ctx, path, a));
        sum = added(sum, a->name, a->data, bytes_of(a));
    }
    atl_whole_text(sum, text);
    if (recorded && (!json_is_string(recorded) || strcmp(json_string_value(recorded), text) != 0))
        return atl_fail(ctx, ATL_BAD_FILE,
                        "%s: its numbers are not those that were written; the file is damaged", path);
    return ATL_OK;
}
