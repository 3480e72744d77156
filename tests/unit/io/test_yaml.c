// SPDX-License-Identifier: Apache-2.0
// Configs in YAML: what is kept of them, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "io/yaml.h"

static json_t *read_text(atl_ctx *ctx, const char *text) {
    json_t *values;
    if (atl_yaml_read(ctx, "a.yaml", text, strlen(text), &values) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    return values;
}

static void expect(const json_t *values, const char *path, const char *value) {
    const char *found = json_string_value(json_object_get(values, path));
    if (!found || strcmp(found, value))
        fail_msg("%s is %s, expected %s", path, found ? found : "not there", value);
}

static void maps(void **state) {
    atl_ctx *ctx = *state;
    json_t *v = read_text(ctx, "# as trained\n"
                               "model:\n"
                               "  rate: 4.5e-06\n"
                               "  params: {n_embed: 1024, 'deep': {x: \"y z\"}, list: [1, {a: 2}, [3]]}\n"
                               "  keys:\n"
                               "  - a: 1\n"
                               "    b: 2\n"
                               "  after: true # a word\n"
                               "  empty:\n"
                               "top: &anchor 7\n"
                               "again: *anchor\n"
                               "---\n"
                               "second: 1\n");
    expect(v, "model.rate", "4.5e-06");
    expect(v, "model.params.n_embed", "1024");
    expect(v, "model.params.deep.x", "y z");
    expect(v, "model.after", "true");
    expect(v, "model.empty", "");
    expect(v, "top", "7");
    assert_int_equal(json_object_size(v), 6); // no list, no alias, no second document
    json_decref(v);
}

// Keys that are too long hide what lies below them, and nothing else.
static void long_keys(void **state) {
    atl_ctx *ctx = *state;
    char text[2048];
    snprintf(text, sizeof text, "a:\n  %0600d:\n    b: {c: 1}\n  d: 2\n  e: %0100d\nf: 3\n", 1, 5);
    json_t *v = read_text(ctx, text);
    expect(v, "a.d", "2");
    expect(v, "f", "3");
    assert_int_equal(json_object_size(v), 2);
    json_decref(v);
}

static void refuse(atl_ctx *ctx, const char *text, size_t size, const char *why) {
    json_t *values;
    assert_int_equal(atl_yaml_read(ctx, "a.yaml", text, size, &values), ATL_BAD_FILE);
    assert_null(values);
    if (!strstr(atl_message(ctx), why))
        fail_msg("'%s' does not say '%s'", atl_message(ctx), why);
    atl_message_clear(ctx);
}

static void refused(void **state) {
    atl_ctx *ctx = *state;
    char deep[201];
    const size_t large = (1u << 20) + 1;
    refuse(ctx, "a: 1\nb: [1\n", 11, "a.yaml: line 3 is no YAML");
    refuse(ctx, "a: \x01", 4, "is no YAML");
    refuse(ctx, "{[1, 2]: 3}", 11, "a key is a map or a list");
    refuse(ctx, "a: &x 1\n*x : 2\n", 15, "a key is an alias");
    memset(deep, '[', 200);
    refuse(ctx, deep, 200, "nested too deeply");
    for (int i = 0; i < 200; i += 4)
        memcpy(deep + i, "{a: ", 4);
    refuse(ctx, deep, 200, "nested too deeply");
    char *spaces = malloc(large);
    assert_non_null(spaces);
    memset(spaces, ' ', large);
    refuse(ctx, spaces, large, "has 1048577 bytes");
    free(spaces);
}

// Aliases of aliases of lists, which would grow to 9^9 words if they were followed.
static void bomb(void **state) {
    atl_ctx *ctx = *state;
    char text[1024];
    int used = snprintf(text, sizeof text, "a0: &a0 [lol, lol, lol]\n");
    for (int i = 1; i < 9; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i,
                         i - 1, i - 1, i - 1);
    snprintf(text + used, sizeof text - (size_t)used, "b: 1\n");
    json_t *v = read_text(ctx, text);
    expect(v, "b", "1");
    assert_int_equal(json_object_size(v), 1);
    json_decref(v);
}

static int begin(void **state) {
    atl_ctx *ctx;
    int failed = atl_ctx_open(&ctx, NULL) != ATL_OK;
    *state = ctx;
    return failed;
}

static int end(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(maps), cmocka_unit_test(long_keys),
                                        cmocka_unit_test(refused), cmocka_unit_test(bomb) };
    return cmocka_run_group_tests(tests, begin, end);
}
