// SPDX-License-Identifier: Apache-2.0
// The scanner of JSON: each token, each refusal, and nothing read behind the end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "io/json_scan.h"

// All tokens of `text`, one letter each, with texts and numbers; "!" and the error where it is bad.
static const char *tokens(const char *text, char out[400]) {
    size_t bytes = strlen(text), n = 0;
    char *exact = malloc(bytes ? bytes : 1); // so that a sanitizer sees a byte too far
    atl_json_scan s;
    atl_json_token t;
    memcpy(exact, text, bytes);
    atl_json_scan_init(&s, exact, bytes);
    out[0] = '\0';
    do {
        t = atl_json_next(&s);
        if (t == ATL_JSON_KEY || t == ATL_JSON_TEXT)
            n += (size_t)snprintf(out + n, 400 - n, "%c<%.*s>", t == ATL_JSON_KEY ? 'k' : 't', (int)s.length,
                                  s.text);
        else if (t == ATL_JSON_NUMBER)
            n += (size_t)snprintf(out + n, 400 - n, "%.17g ", s.number);
        else if (t == ATL_JSON_BAD)
            n += (size_t)snprintf(out + n, 400 - n, "!%zu %s", s.line, s.error);
        else
            n += (size_t)snprintf(out + n, 400 - n, "%c", ".!{}[]ktnTFN"[t]);
    } while (t != ATL_JSON_END && t != ATL_JSON_BAD);
    free(exact);
    return out;
}

static void tokens_are_read(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        { "[]", "[]." },
        { " {\"a\" : [1, -2.5e3,0 ] ,\"b\":{}} ", "{k<a>[1 -2500 0 ]k<b>{}}." },
        { "[true,false,null]", "[TFN]." },
        { "\"a\\n\\\"\\u00e9\\ud83d\\udc31\\udcff\"", "t<a\n\"\xc3\xa9\xf0\x9f\x90\xb1\xff>." },
        { "123456789012345678", "1.2345678901234568e+17 ." },
        { "0.1", "0.10000000000000001 ." },
        { "\xef\xbb\xbf[]", "[]." },
        { "", "!1 it ends too early" },
        { "[", "[!1 it ends too early" },
        { "[1\n2]", "[1 !2 no ',' where one must be" },
        { "[1,]", "[1 !1 something that is no value" },
        { "{\"a\":1,}", "{k<a>1 !1 a key that is no text" },
        { "{\"a\" 1}", "{!1 a key without ':'" },
        { "[}", "[!1 something that is no value" },
        { "[1}", "[1 !1 a '}' that ends nothing" },
        { "[] []", "[]!1 something behind its end" },
        { "[NaN]", "[!1 something that is no value" },
        { "[01]", "[!1 a number that is none" },
        { "[1.]", "[!1 a number that is none" },
        { "[-]", "[!1 a number that is none" },
        { "[1e]", "[!1 a number that is none" },
        { "\"a", "!1 text without an end" },
        { "\"a\\", "!1 an unknown escape in text" },
        { "\"\\u12", "!1 an unknown escape in text" },
        { "\"\n\"", "!1 a control character in text" },
        { "tru", "!1 something that is no value" },
    };
    char out[400];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(tokens(cases[i][0], out), cases[i][1]);
}

static void depth_is_bounded(void **state) {
    (void)state;
    char text[600], out[400];
    memset(text, '[', 300);
    memset(text + 300, ']', 300);
    text[599] = '\0';
    tokens(text, out);
    assert_non_null(strstr(out, "!1 too many lists in lists"));
}

static void values_are_skipped(void **state) {
    (void)state;
    static const char text[] = "[{\"a\":[[1],{}]},2]";
    atl_json_scan s;
    atl_json_scan_init(&s, text, sizeof text - 1);
    assert_int_equal(atl_json_next(&s), ATL_JSON_LIST);
    assert_true(atl_json_skip(&s, atl_json_next(&s)));
    assert_int_equal(atl_json_next(&s), ATL_JSON_NUMBER);
    assert_true(s.number == 2);
    atl_json_scan_init(&s, "[[1,", 4);
    assert_int_equal(atl_json_next(&s), ATL_JSON_LIST);
    assert_false(atl_json_skip(&s, atl_json_next(&s)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_read),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(values_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
