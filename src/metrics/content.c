// SPDX-License-Identifier: Apache-2.0
// Hashes of all pictures of a set, made by a crew of threads and joined in the order of the set; see
// content.h.
#include "metrics/content.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/hash64.h"
#include "base/mem.h"
#include "data/crew.h"
#include "io/file.h"
#include "metrics/cache.h"

enum { PATH_MOST = 4096, SLOTS_PER_THREAD = 4 };

// Changes when what a decoder makes of the same bytes does.
static const uint64_t DECODERS = 1;

typedef struct work {
    const atl_dataset *set;
    bool encoded; // the bytes of the files, not the pixels
} work;

typedef struct slot {
    atl_status status;
    uint64_t hash;
} slot;

static atl_status hash_bytes(const atl_source *s, atl_ctx *ctx, size_t index, uint64_t *hash) {
    atl_data_bytes bytes;
    ATL_TRY(s->kind->bytes(s, ctx, index, &bytes));
    *hash = atl_hash64(bytes.data, bytes.size, 0);
    atl_data_bytes_clear(ctx, &bytes);
    return ATL_OK;
}

static atl_status hash_pixels(const atl_dataset *set, atl_ctx *ctx, size_t index, uint64_t *hash) {
    atl_image image;
    ATL_TRY(atl_dataset_read_with(set, ctx, index, &image));
    size_t bytes = (size_t)image.width * (size_t)image.height * (size_t)image.channels;
    *hash = atl_hash64(image.pixels, bytes, 0);
    atl_image_clear(ctx, &image);
    return ATL_OK;
}

static void look_at(void *user, atl_ctx *ctx, size_t index, void *memory) {
    const work *w = user;
    slot *out = memory;
    out->status = w->encoded ? hash_bytes(w->set->source, ctx, index, &out->hash)
                             : hash_pixels(w->set, ctx, index, &out->hash);
}

// The hash of `count` hashes.
static atl_status hash_all(const work *w, size_t count, const atl_watch *watch, uint64_t *hash) {
    atl_ctx *ctx = w->set->ctx, *from;
    size_t put = 0, index;
    int threads = ctx->threads;
    atl_crew *crew;
    uint64_t *hashes = atl_alloc(ctx, count, sizeof *hashes);
    if (!hashes)
        return ATL_NO_MEMORY;
    atl_status status = atl_crew_open(ctx, threads, (size_t)threads * SLOTS_PER_THREAD, sizeof(slot), look_at,
                                      NULL, (void *)w, &crew);
    for (size_t done = 0; done < count && status == ATL_OK; done++) {
        while (put < count && atl_crew_put(crew, put))
            put++;
        const slot *s = atl_crew_take(crew, &index, &from);
        hashes[done] = s->hash;
        if (s->status != ATL_OK)
            status = atl_fail(ctx, s->status, "%s", atl_message(from));
        atl_crew_free(crew);
        if (status == ATL_OK)
            status = atl_watch_ask(ctx, watch, (int64_t)done + 1, (int64_t)count);
    }
    atl_crew_close(&crew);
    if (status == ATL_OK)
        *hash = atl_hash64(hashes, count * sizeof *hashes, DECODERS);
    atl_free(ctx, hashes);
    return status;
}

// ---- the memo: from encoded bytes to pixels

static bool memo_path(const char *folder, uint64_t encoded, size_t count, char path[PATH_MOST]) {
    return snprintf(path, PATH_MOST, "%s/%016" PRIx64 "-%zu.content", folder, encoded, count) < PATH_MOST;
}

// Files of this kind have one line of fixed length, so that one that was cut is none.
static bool memo_get(const char *path, uint64_t encoded, uint64_t *pixels) {
    uint64_t key = 0, sum = 0;
    char end = 0;
    FILE *in = fopen(path, "r");
    int n = in ? fscanf(in, "content 1 %16" SCNx64 " %16" SCNx64 " %16" SCNx64 "%c", &key, pixels, &sum, &end)
               : 0;
    if (in)
        fclose(in);
    return n == 4 && end == '\n' && key == encoded && sum == atl_hash64(pixels, sizeof *pixels, encoded);
}

// A courtesy to the next run: what can't be written is left.
static void memo_put(atl_ctx *ctx, const char *folder, const char *path, uint64_t encoded, uint64_t pixels) {
    char text[80];
    int n = snprintf(text, sizeof text, "content 1 %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", encoded,
                     pixels, atl_hash64(&pixels, sizeof pixels, encoded));
    if (atl_cache_folder(ctx, folder) != ATL_OK || atl_file_write(ctx, path, text, (size_t)n) != ATL_OK)
        atl_message_clear(ctx);
}

atl_status atl_content_of(const atl_dataset *set, size_t count, const char *folder, const atl_watch *watch,
                          char content[ATL_CONTENT]) {
    char path[PATH_MOST] = "";
    uint64_t encoded = 0, pixels;
    work w = { set, true };
    const atl_dataset_info *info = &set->info;
    count = count && count < info->count ? count : info->count;
    bool memo = folder && set->source->kind->bytes; // others are decoded as fast as they are read
    if (memo) {
        ATL_TRY(hash_all(&w, count, watch, &encoded));
        memo = memo_path(folder, encoded, count, path);
    }
    if (!memo || !memo_get(path, encoded, &pixels)) {
        w.encoded = false;
        ATL_TRY(hash_all(&w, count, watch, &pixels));
        if (memo)
            memo_put(set->ctx, folder, path, encoded, pixels);
    }
    const uint64_t whole[] = { (uint64_t)info->width, (uint64_t)info->height, (uint64_t)info->channels,
                               pixels };
    snprintf(content, ATL_CONTENT, "%zu-%016" PRIx64, count, atl_hash64(whole, sizeof whole, 0));
    return ATL_OK;
}
