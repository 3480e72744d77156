// SPDX-License-Identifier: Apache-2.0
// The program's option parser.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "options.h"

typedef struct values {
    int flag, number, given, choice;
    double real;
    const char *text, *plain[2];
} values;

enum { ARGUMENTS_MAX = 8 };

static int parse(values *v, ...) {
    const cli_option options[] = {
        CLI_OPTION_FLAG("flag", &v->flag, "a flag"),
        CLI_OPTION_INT_GIVEN("number", &v->number, "N", "a number", "7", -5, 100, &v->given),
        CLI_OPTION_REAL("real", &v->real, "X", "a real", NULL, -2, 2),
        CLI_OPTION_TEXT("text", &v->text, "TEXT", "a text", NULL),
        CLI_OPTION_CHOICE("choice", &v->choice, "red|green|blue", "a colour", "red"),
    };
    const cli_spec spec = {
        .command = "test",
        .arguments = "ONE [TWO]",
        .about = "A test.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 2,
    };
    char storage[ARGUMENTS_MAX][40] = { "test" };
    char *argv[ARGUMENTS_MAX] = { storage[0] };
    int argc = 1;
    va_list list;
    va_start(list, v);
    for (const char *a; (a = va_arg(list, const char *)) != NULL; argc++) {
        strcpy(storage[argc], a);
        argv[argc] = storage[argc];
    }
    va_end(list);
    int status = cli_options_parse(&spec, argc, argv, v->plain);
    for (int i = 0; i < 2; i++) // the storage ends with this call: keep only what the tests ask
        v->plain[i] = v->plain[i] ? "given" : NULL;
    v->text = v->text ? (strcmp(v->text, "x=y") ? "other" : "x=y") : NULL;
    return status;
}

static void both_spellings_of_a_value(void **state) {
    (void)state;
    values v = { .number = 7 };
    assert_int_equal(parse(&v, "--number", "12", "a", "--text=x=y", "--choice=blue", NULL), CLI_PROCEED);
    assert_int_equal(v.number, 12);
    assert_int_equal(v.given, 1);
    assert_int_equal(v.choice, 2);
    assert_int_equal(v.flag, 0);
    assert_string_equal(v.text, "x=y");
    assert_non_null(v.plain[0]);
    assert_null(v.plain[1]);
}

static void negative_numbers_are_values(void **state) {
    (void)state;
    values v = { 0 };
    assert_int_equal(parse(&v, "a", "--real", "-1.5", "--number", "-5", "--flag", NULL), CLI_PROCEED);
    assert_true(v.real == -1.5);
    assert_int_equal(v.number, -5);
    assert_int_equal(v.flag, 1);
}

static void flags_take_the_words_of_the_official_scripts(void **state) {
    (void)state;
    values v = { 0 };
    assert_int_equal(parse(&v, "a", "--flag=1", NULL), CLI_PROCEED);
    assert_int_equal(v.flag, 1);
    assert_int_equal(parse(&v, "a", "--flag=false", NULL), CLI_PROCEED);
    assert_int_equal(v.flag, 0);
    static const char *const words[] = { "no", "yes", "False", "True", "OFF", "On",
                                         "N",  "y",   "f",     "T",    "0",   "1" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char argument[16];
        snprintf(argument, sizeof argument, "--flag=%s", words[i]);
        assert_int_equal(parse(&v, "a", argument, NULL), CLI_PROCEED);
        assert_int_equal(v.flag, i % 2);
    }
    assert_int_equal(parse(&v, "a", "--flag=", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "--flag", "0", NULL), CLI_PROCEED); // the name of a file
    assert_int_equal(v.flag, 1);
    assert_non_null(v.plain[0]);
}

static int parse_alone(int *flag, int *quiet, char **argv, int argc) {
    const cli_option options[] = { CLI_OPTION_FLAG("flag", flag, "") },
                     hidden[] = { CLI_OPTION_FLAG("q", quiet, "") };
    const cli_spec spec = { .command = "test",
                            .arguments = "",
                            .about = "",
                            .options = options,
                            .count = 1,
                            .unlisted = hidden,
                            .unlisted_count = 1 };
    *flag = *quiet = 0;
    return cli_options_parse(&spec, argc, argv, NULL);
}

static void flags_take_words_where_nothing_else_can_be_meant(void **state) {
    (void)state;
    int flag, quiet;
    char *falsely[] = { "test", "--flag", "False", "-q" }, *alone[] = { "test", "-q", "--flag" },
         *other[] = { "test", "--flag", "none" }, *unknown[] = { "test", "-f" };
    assert_int_equal(parse_alone(&flag, &quiet, falsely, 4), CLI_PROCEED);
    assert_true(!flag && quiet);
    assert_int_equal(parse_alone(&flag, &quiet, alone, 3), CLI_PROCEED);
    assert_true(flag && quiet);
    assert_int_equal(parse_alone(&flag, &quiet, other, 3), CLI_USAGE);
    assert_int_equal(parse_alone(&flag, &quiet, unknown, 2), CLI_USAGE);
}

static void two_dashes_end_the_options(void **state) {
    (void)state;
    values v = { 0 };
    assert_int_equal(parse(&v, "--", "--flag", "-x", NULL), CLI_PROCEED);
    assert_int_equal(v.flag, 0);
    assert_non_null(v.plain[1]);
}

static void defaults_stay(void **state) {
    (void)state;
    values v = { .number = 7, .choice = 1 };
    assert_int_equal(parse(&v, "a", NULL), CLI_PROCEED);
    assert_int_equal(v.number, 7);
    assert_int_equal(v.given, 0);
    assert_int_equal(v.choice, 1);
}

static void mistakes_are_refused(void **state) {
    (void)state;
    values v = { 0 };
    assert_int_equal(parse(&v, "a", "--number", "101", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--number", "-6", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--number", "1.5", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--number", "", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--number", "99999999999999999999", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--real", "nan", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--real", "2.1", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--choice", "gre", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--choice", "red|green", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--text", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--text=", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--flag=2", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "--flags", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "-f", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, "a", "b", "c", NULL), CLI_USAGE);
    assert_int_equal(parse(&v, NULL), CLI_USAGE);
}

static void near_words_are_suggested(void **state) {
    (void)state;
    const char *const words[] = { "seeds", "outdir", "noise-mode" };
    assert_string_equal(cli_nearest("seed", words, 3, sizeof *words), "seeds");
    assert_string_equal(cli_nearest("noise_mode", words, 3, sizeof *words), "noise-mode");
    assert_string_equal(cli_nearest("outidr", words, 3, sizeof *words), "outdir");
    assert_null(cli_nearest("xyz", words, 3, sizeof *words));
    assert_null(cli_nearest("", words, 3, sizeof *words));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_of_a_value),
        cmocka_unit_test(negative_numbers_are_values),
        cmocka_unit_test(flags_take_the_words_of_the_official_scripts),
        cmocka_unit_test(flags_take_words_where_nothing_else_can_be_meant),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(defaults_stay),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(near_words_are_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
