// SPDX-License-Identifier: Apache-2.0
// Lists of seeds as people write them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "app/seeds.h"
#include "says.h"

static app_error e;

static void lists_keep_their_order(void **state) {
    (void)state;
    static const uint32_t expected[] = { 7, 0, 3, 5, 6, 7, 4294967294u, 4294967295u };
    app_seeds seeds;
    assert_int_equal(app_seeds_parse("7,0,3,5-7,4294967294-4294967295", &seeds, &e), APP_OK);
    assert_int_equal(seeds.count, 8);
    assert_memory_equal(seeds.items, expected, sizeof expected);
    app_seeds_clear(&seeds);
}

static void wrong_lists_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } wrong[] = {
        { "", ": expected numbers" },
        { ",", ",: expected numbers from 0 to 4294967295 and ranges, such as 0,3,5-9" },
        { "1,", "1,: expected" },
        { ",1", "expected" },
        { "1,,2", "expected" },
        { "a", "a: expected" },
        { "1-", "expected" },
        { "-1", "expected" },
        { "5-3", "5-3: a range must run upward, such as 5-9" },
        { "1 2", "expected" },
        { "1-2-3", "expected" },
        { "4294967296", "expected" },
        { "0-4294967295", "the list is too long: 10000000 numbers at most" },
        { "99999999999999999999", "expected" },
        { "1.5", "expected" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        app_seeds seeds;
        assert_says(app_seeds_parse(wrong[i].text, &seeds, &e), &e, wrong[i].says);
        assert_null(seeds.items);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_keep_their_order),
        cmocka_unit_test(wrong_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
