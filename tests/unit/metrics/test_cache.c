// SPDX-License-Identifier: Apache-2.0
// The content of a set as a hash: the same wherever it lies and however it is packed, another after any edit;
// and caches by it, which are right, or missing.
#include "../data/check.h"
#include <fcntl.h>
#include "base/hash64.h"
#include "metrics/cache.h"
#include "metrics/content.h"

// What the authors' own library makes of (i i + 3 i + 7) mod 256.
static void the_hash_is_xxh64(void **state) {
    static const struct {
        size_t size;
        uint64_t plain, seeded;
    } cases[] = {
        { 0, 0xef46db3751d8e999u, 0x51e24c0e9077a48cu },  { 1, 0xa96c7f0ce858bbb7u, 0x63f3595cc59f5425u },
        { 3, 0x1cfe4c7d3fa931f8u, 0xccdd128aac4ed707u },  { 4, 0xb3d0249ec6602ae6u, 0x16c6b3ca0fbfb258u },
        { 5, 0x257a4b0b3e876c89u, 0xb13c9d0103b49412u },  { 7, 0x2ce5a756e02b7088u, 0xc8ee3c4e841f49fcu },
        { 8, 0xd7a2ebe6ae00a8d8u, 0x3c2d78cd76d0cd32u },  { 12, 0xa34f4d10ce32cc25u, 0x6e4729a426a7ce8bu },
        { 15, 0xe97db7c0adeea219u, 0xa14ff75be51d9ee6u }, { 31, 0xb950e5ab5c8c5b79u, 0x9e72194a924aa2f0u },
        { 32, 0xba78b7ef0c2a6abdu, 0x3176a60f285a940bu }, { 33, 0x7f43e6bad1f4be1eu, 0x0c56125d6b104be9u },
        { 63, 0xe0d59003d86d5b26u, 0x55e7098b2519e221u }, { 64, 0xa95ca0005f85d303u, 0xdc2bc5530cce7d4bu },
        { 95, 0x36a55bae4b6d5f24u, 0xbaffbc62633081f0u }, { 200, 0x690bb9e1125a5df9u, 0xc56d38e9b7d0e025u },
    };
    uint8_t bytes[200];
    (void)state;
    for (int i = 0; i < 200; i++)
        bytes[i] = (uint8_t)(i * i + 3 * i + 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(atl_hash64(bytes, cases[i].size, 0), cases[i].plain);
        assert_int_equal(atl_hash64(bytes, cases[i].size, 0x123456789abcdefu), cases[i].seeded);
    }
}

static const char *content(place *p, const char *name, size_t count, const char *memos,
                           char text[ATL_CONTENT]) {
    atl_dataset *set;
    assert_ok(p, atl_dataset_open(p->ctx, at(p, name), NULL, &set));
    assert_ok(p, atl_content_of(set, count, memos, NULL, text));
    atl_dataset_close(&set);
    return text;
}

static void put_set(place *p, const char *name, const char *format) {
    char path[64];
    folder(p, name);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%d.%s", name, i, format);
        put_picture(p, path, format, 8, 8, 3, i);
    }
}

static void content_is_what_is_seen(void **state) {
    place *p = *state;
    char a[ATL_CONTENT], b[ATL_CONTENT];
    put_set(p, "png", "png");
    put_set(p, "webp", "webp"); // of quality 100: lossless
    content(p, "png", 0, NULL, a);
    assert_memory_equal(a, "5-", 2);
    assert_string_equal(content(p, "webp", 0, NULL, b), a);
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "png"), at(p, "s.zip"), NULL, NULL));
    assert_string_equal(content(p, "s.zip", 0, NULL, b), a);
    assert_string_equal(content(p, "s.zip", 9, NULL, b), a);
    assert_string_not_equal(content(p, "s.zip", 4, NULL, b), a);
    content(p, "png", 4, NULL, a);
    assert_string_equal(b, a);
    unlink(at(p, "png/4.png"));
    assert_string_equal(content(p, "png", 0, NULL, b), a);
}

// 8x8 in 24 bits, so that all have one size.
static void put_bmp(place *p, const char *name, int seed) {
    uint8_t file[54 + 192] = { 'B', 'M', 54 + 192, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40,
                               0,   0,   0,        8, 0, 0, 0, 8, 0, 0, 0,  1, 0, 24 };
    for (int i = 0; i < 192; i++)
        file[54 + i] = pixel(seed, i % 24, i / 24, 0);
    put_file(p, name, file, sizeof file);
}

// Same names, sizes and times, other pixels: never the old content.  And without an edit, and a memo, the
// same.
static void no_edit_is_missed(void **state) {
    place *p = *state;
    char a[ATL_CONTENT], b[ATL_CONTENT], again[ATL_CONTENT], memos[512];
    struct timespec times[2];
    struct stat info;
    snprintf(memos, sizeof memos, "%s", at(p, "caches/below"));
    folder(p, "s");
    put_bmp(p, "s/0.bmp", 0);
    put_bmp(p, "s/1.bmp", 1);
    put_bmp(p, "s/2.bmp", 2);
    content(p, "s", 0, memos, a);
    assert_int_equal(entries_in(p, "caches/below"), 1);
    assert_string_equal(content(p, "s", 0, memos, again), a);
    assert_string_equal(content(p, "s", 0, NULL, again), a);
    assert_int_equal(stat(at(p, "s/2.bmp"), &info), 0);
    times[0] = info.st_atim;
    times[1] = info.st_mtim;
    put_bmp(p, "s/2.bmp", 77);
    assert_int_equal(utimensat(AT_FDCWD, at(p, "s/2.bmp"), times, 0), 0);
    assert_string_not_equal(content(p, "s", 0, memos, b), a);
    put_bmp(p, "s/2.bmp", 2);
    assert_string_equal(content(p, "s", 0, memos, again), a);
    assert_int_equal(rename(at(p, "s/0.bmp"), at(p, "s/9.bmp")), 0); // another order is another content
    assert_string_not_equal(content(p, "s", 0, memos, b), a);
}

// The memo of a set: cut, changed, or of other pictures, it does not count.
static void memos_are_checked(void **state) {
    place *p = *state;
    char a[ATL_CONTENT], again[ATL_CONTENT], memos[512], name[300] = "";
    snprintf(memos, sizeof memos, "%s", at(p, "caches"));
    put_set(p, "s", "png");
    content(p, "s", 0, memos, a);
    DIR *list = opendir(memos);
    for (struct dirent *e; list && (e = readdir(list));)
        if (*e->d_name != '.')
            snprintf(name, sizeof name, "caches/%s", e->d_name);
    closedir(list);
    size_t size;
    uint8_t *text = get_file(p, name, &size);
    for (size_t i = 0; i < size; i++) {
        put_file(p, name, text, i);
        assert_string_equal(content(p, "s", 0, memos, again), a);
        text[i] = (uint8_t)(text[i] == '0' ? '1' : '0');
        put_file(p, name, text, size);
        assert_string_equal(content(p, "s", 0, memos, again), a);
        put_file(p, name, text, 0);
        free(text);
        content(p, "s", 0, memos, again); // written anew
        text = get_file(p, name, &size);
    }
    free(text);
}

static bool never(void *user, int64_t done, int64_t all) {
    (void)user, (void)done, (void)all;
    return false;
}

static void broken_pictures_and_wishes_end_it(void **state) {
    place *p = *state;
    char a[ATL_CONTENT];
    atl_dataset *set;
    put_set(p, "s", "png");
    put_text(p, "s/3.png", "no picture");
    assert_ok(p, atl_dataset_open(p->ctx, at(p, "s"), NULL, &set));
    assert_fails(p, atl_content_of(set, 0, NULL, NULL, a), ATL_BAD_FILE, "3.png");
    const atl_watch stop = { never, NULL };
    assert_int_equal(atl_content_of(set, 2, NULL, &stop, a), ATL_CANCELLED);
    atl_message_clear(p->ctx);
    atl_dataset_close(&set);
}

static int warnings;
static char said[1024];

static void on_log(void *user, atl_log_level level, const char *line) {
    (void)user, (void)level;
    warnings++;
    snprintf(said, sizeof said, "%s", line);
}

static void caches_are_right_or_missing(void **state) {
    place *p = *state;
    const double mean[2] = { 1, 2 }, cov[4] = { 3, 0.5, 0.5, 4 };
    const atl_features f = {
        .of = { "inception", "features", "tf", 5 }, .width = 2, .count = 9, .mean = mean, .cov = cov
    };
    char key[ATL_CACHE_KEY], other[ATL_CACHE_KEY], caches[512], name[300] = "";
    atl_features *g;
    p->ctx->log = on_log;
    warnings = 0;
    snprintf(caches, sizeof caches, "%s", at(p, "caches"));
    atl_cache_key(key, "9-00", &f.of, "num=9 mirror=0");
    atl_cache_key(other, "9-00", &f.of, "num=9 mirror=1");
    assert_ok(p, atl_cache_get(p->ctx, caches, key, &g));
    assert_null(g);
    assert_ok(p, atl_cache_put(p->ctx, caches, key, &f));
    assert_ok(p, atl_cache_get(p->ctx, caches, key, &g));
    assert_non_null(g);
    assert_memory_equal(g->mean, mean, sizeof mean);
    assert_memory_equal(g->cov, cov, sizeof cov);
    atl_features_close(&g);
    assert_ok(p, atl_cache_get(p->ctx, caches, other, &g));
    assert_null(g);
    assert_int_equal(entries_in(p, "caches"), 1); // nothing half written
    assert_int_equal(warnings, 0);

    DIR *list = opendir(caches);
    for (struct dirent *e; list && (e = readdir(list));)
        if (*e->d_name != '.')
            snprintf(name, sizeof name, "caches/%s", e->d_name);
    closedir(list);
    size_t size;
    uint8_t *bytes = get_file(p, name, &size);
    put_file(p, name, bytes, size / 2);
    assert_ok(p, atl_cache_get(p->ctx, caches, key, &g));
    assert_null(g);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(said, "(a cache: it is computed again)"));
    assert_ok(p, atl_cache_put(p->ctx, caches, other, &f)); // and one under another's name
    put_file(p, name, bytes, size);
    assert_ok(p, atl_cache_get(p->ctx, caches, key, &g));
    assert_non_null(g);
    atl_features_close(&g);
    unlink(at(p, name));
    list = opendir(caches);
    char wrong[300] = "";
    for (struct dirent *e; list && (e = readdir(list));)
        if (*e->d_name != '.')
            snprintf(wrong, sizeof wrong, "caches/%s", e->d_name);
    closedir(list);
    assert_int_equal(rename(at(p, wrong), at(p, name)), 0);
    assert_ok(p, atl_cache_get(p->ctx, caches, key, &g));
    assert_null(g);
    assert_non_null(strstr(said, "is a cache of something else"));
    free(bytes);

    warnings = 0; // where nothing can be written it is done without
    put_text(p, "file", "");
    assert_ok(p, atl_cache_put(p->ctx, at(p, "file/caches"), key, &f));
    assert_int_equal(warnings, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_xxh64),
        TEST(content_is_what_is_seen),
        TEST(no_edit_is_missed),
        TEST(memos_are_checked),
        TEST(broken_pictures_and_wishes_end_it),
        TEST(caches_are_right_or_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
