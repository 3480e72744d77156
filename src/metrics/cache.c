// SPDX-License-Identifier: Apache-2.0
// Caches are files of features (features.h) whose text about them holds the key; see cache.h.  What a cut or
// a broken disk has changed is found by the checksums of the zip that they are.
#include "metrics/cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash64.h"
#include "base/mem.h"
#include "io/file.h"

enum { PATH_MOST = 4096 };

void atl_cache_key(char key[ATL_CACHE_KEY], const char *content, const atl_features_of *of,
                   const char *options) {
    snprintf(key, ATL_CACHE_KEY, "content=%s detector=%s use=%s resize=%s fingerprint=%016llx %s", content,
             of->detector, of->use, of->resize, (unsigned long long)of->fingerprint, options);
}

static atl_status path_of(atl_ctx *ctx, const char *folder, const char *key, char path[PATH_MOST]) {
    size_t n = strlen(key);
    int length =
        snprintf(path, PATH_MOST, "%s/%016llx%016llx.npz", folder, (unsigned long long)atl_hash64(key, n, 0),
                 (unsigned long long)atl_hash64(key, n, 1));
    if (length < PATH_MOST)
        return ATL_OK;
    return atl_fail(ctx, ATL_BAD_ARGUMENT, "%.200s...: the name of the folder of caches is too long", folder);
}

atl_status atl_cache_get(atl_ctx *ctx, const char *folder, const char *key, atl_features **found) {
    char path[PATH_MOST];
    *found = NULL;
    ATL_TRY(path_of(ctx, folder, key, path));
    if (access(path, F_OK) != 0)
        return ATL_OK;
    atl_status status = atl_features_open(ctx, path, found);
    if (status == ATL_NO_MEMORY)
        return status;
    if (status != ATL_OK) {
        atl_log(ctx, ATL_LOG_WARNING, "%s (a cache: it is computed again)", atl_message(ctx));
        atl_message_clear(ctx);
    } else if (!(*found)->key || strcmp((*found)->key, key)) {
        atl_log(ctx, ATL_LOG_WARNING, "%s: is a cache of something else; it is computed again", path);
        atl_features_close(found);
    }
    return ATL_OK;
}

atl_status atl_cache_folder(atl_ctx *ctx, const char *folder) {
    char path[PATH_MOST];
    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%.200s...: the name is too long", folder);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return atl_fail_system(ctx, path, "can't be made", errno);
        if (!slash)
            return ATL_OK;
        *slash = '/';
    }
}

atl_status atl_cache_put(atl_ctx *ctx, const char *folder, const char *key, const atl_features *features) {
    char path[PATH_MOST];
    atl_features f = *features;
    f.key = key;
    atl_status status = path_of(ctx, folder, key, path);
    if (status == ATL_OK)
        status = atl_cache_folder(ctx, folder);
    if (status == ATL_OK)
        status = atl_features_write(ctx, path, &f);
    if (status == ATL_OK || status == ATL_NO_MEMORY)
        return status;
    atl_log(ctx, ATL_LOG_WARNING, "%s (a cache: it is done without)", atl_message(ctx));
    atl_message_clear(ctx);
    return ATL_OK;
}
