// SPDX-License-Identifier: Apache-2.0
// Sizes of caches from files as Linux writes them, from files that say nothing, and from files that lie.
#include "../check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cpu/caches.h"

typedef struct cache {
    const char *level, *type, *size, *shared;
} cache;

static const char *const names[] = { "level", "type", "size", "shared_cpu_list" };

static void path_of(char path[256], const char *folder, int index, const char *name) {
    snprintf(path, 256, name ? "%s/index%d/%s" : "%s/index%d", folder, index, name);
}

static atl_cpu_caches read_caches(const cache *list, int count) {
    char folder[] = "/tmp/atelier-caches-XXXXXX", path[256];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < count; i++) {
        const char *const text[] = { list[i].level, list[i].type, list[i].size, list[i].shared };
        path_of(path, folder, i, NULL);
        assert_int_equal(mkdir(path, 0700), 0);
        for (int k = 0; k < 4; k++)
            if (text[k]) {
                path_of(path, folder, i, names[k]);
                FILE *f = fopen(path, "w");
                assert_non_null(f);
                fprintf(f, "%s\n", text[k]);
                assert_int_equal(fclose(f), 0);
            }
    }
    atl_cpu_caches c = atl_cpu_caches_read(folder);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 4; k++) {
            path_of(path, folder, i, names[k]);
            unlink(path);
        }
        path_of(path, folder, i, NULL);
        assert_int_equal(rmdir(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    return c;
}

static void are(atl_cpu_caches c, double l1, double l2, double l3) {
    if (c.l1 != l1 || c.l2 != l2 || c.l3 != l3)
        fail_msg("%.0f, %.0f and %.0f bytes, not %.0f, %.0f and %.0f", c.l1, c.l2, c.l3, l1, l2, l3);
}

static void threads_of_a_core_share(void **state) {
    (void)state;
    const cache desktop[] = { { "1", "Data", "48K", "0-1" },
                              { "1", "Instruction", "32K", "0-1" },
                              { "2", "Unified", "2048K", "0-1" },
                              { "3", "Unified", "36M", "0-15" } };
    const cache server[] = { { "1", "Data", "32K", "0,64" },
                             { "2", "Unified", "1024K", "0,64" },
                             { "3", "Unified", "32768K", "0-7,64-71" } };
    are(read_caches(desktop, 4), 24.0 * 1024, 1024.0 * 1024, 36.0 * 1024 * 1024);
    are(read_caches(server, 3), 16.0 * 1024, 512.0 * 1024, 32.0 * 1024 * 1024);
}

static void what_is_missing_is_usual(void **state) {
    (void)state;
    const cache second[] = { { "2", "Unified", "1024K", NULL } };
    atl_cpu_caches none = atl_cpu_caches_read("/nonexistent"), c = read_caches(second, 1);
    are(none, 32e3, 512e3, 16e6);
    are(c, 32e3, 1024.0 * 1024, 16e6);
    atl_cpu_caches here = atl_cpu_caches_find();
    assert_true(here.l1 >= 16e3 && here.l2 >= 128e3 && here.l3 >= 1e6 && here.l3 <= 64e6);
}

static void absurd_sizes_are_bounded(void **state) {
    (void)state;
    const cache large[] = { { "1", "Data", "999999999999M", "0" },
                            { "2", "Unified", "99999M", "x" },
                            { "3", "Unified", "268435456K", "0-255" } };
    const cache small[] = { { "1", "Data", "-5K", "0" },
                            { "2", "Unified", "", "0" },
                            { "3", "Unified", "1K", "9-1,5-99999999999999999999" } };
    are(read_caches(large, 3), 256e3, 16e6, 64e6);
    are(read_caches(small, 3), 16e3, 128e3, 1e6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_of_a_core_share),
        cmocka_unit_test(what_is_missing_is_usual),
        cmocka_unit_test(absurd_sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
