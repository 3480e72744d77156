// SPDX-License-Identifier: Apache-2.0
// The builder of JSON: what it writes, and that nothing is lost in silence.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/json.h"

static int open_ctx(void **state) {
    return atl_ctx_open((atl_ctx **)state, NULL) == ATL_OK ? 0 : -1;
}

static int close_ctx(void **state) {
    atl_ctx_close((atl_ctx **)state);
    return 0;
}

static void values_come_back(void **state) {
    atl_json b = { .ctx = *state };
    json_t *top = atl_json_object(&b), *list = atl_json_list(&b);
    atl_json_add(&b, list, json_integer(3));
    atl_json_add(&b, list, atl_json_number(&b, 0.5));
    atl_json_add(&b, list, atl_json_number(&b, NAN));
    atl_json_set(&b, top, "list", list);
    atl_json_set(&b, top, "name", atl_json_string(&b, "caf\xc3\xa9"));
    atl_json_set(&b, top, "raw", atl_json_string(&b, "caf\xe9")); // a file's name in Latin-1
    atl_json_set(&b, top, "none", atl_json_string(&b, NULL));
    char *text;
    assert_int_equal(atl_json_text(&b, top, JSON_COMPACT, "the test", &text), ATL_OK);
    assert_string_equal(text, "{\"list\":[3,0.5,null],\"name\":\"caf\xc3\xa9\",\"raw\":\"caf?\",\"none\":null}");
    atl_free(b.ctx, text);
}

static void what_was_lost_is_told(void **state) {
    atl_json b = { .ctx = *state };
    json_t *top = atl_json_object(&b), *value;
    atl_json_set(&b, top, "a", NULL); // what jansson returns without memory
    atl_json_set(&b, top, "b", json_integer(1));
    assert_int_equal(atl_json_end(&b, top, "the test", &value), ATL_NO_MEMORY);
    assert_null(value);
    assert_string_equal(atl_message(b.ctx), "out of memory for the test");
    atl_message_clear(b.ctx);
    b.lost = false;
    atl_json_set(&b, NULL, "a", json_integer(1));
    assert_true(b.lost);
    char *text = (char *)"";
    assert_int_equal(atl_json_text(&b, json_object(), 0, "the test", &text), ATL_NO_MEMORY);
    assert_null(text);
    atl_message_clear(b.ctx);
}

// Our judgement of UTF-8 is jansson's, for every sequence of up to three bytes and for the borders of four.
static void utf8_is_what_jansson_takes(void **state) {
    (void)state;
    unsigned accepted = 0;
    for (uint32_t code = 0; code < 1u << 24; code += code < 1u << 16 ? 1 : 37) {
        const char bytes[3] = { (char)code, (char)(code >> 8), (char)(code >> 16) };
        size_t n = code < 1u << 8 ? 1 : code < 1u << 16 ? 2 : 3;
        json_t *value = json_stringn(bytes, n);
        assert_int_equal(atl_json_utf8(bytes, n), value != NULL);
        accepted += value != NULL;
        json_decref(value);
    }
    assert_true(accepted > 10000);
    static const char *const four[] = { "\xf0\x8f\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x80" };
    for (size_t i = 0; i < sizeof four / sizeof *four; i++) {
        json_t *value = json_string(four[i]);
        assert_int_equal(atl_json_utf8(four[i], strlen(four[i])), value != NULL);
        json_decref(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(what_was_lost_is_told),
        cmocka_unit_test(utf8_is_what_jansson_takes),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
