// SPDX-License-Identifier: Apache-2.0
// The record of a training run: lines of stats.jsonl written, read, cut off and interrupted.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/json.h"
#include "app/stats.h"
#include "says.h"

static app_error e;

static char folder[] = "/tmp/atl-stats-XXXXXX";
static char path[64];

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/stats.jsonl", folder);
    return 0;
}

static int clean(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    return rmdir(folder); // fails when something was left beside the file
}

static void write_text(const char *text) {
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

static const char *read_text(void) {
    static char text[8192];
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t n = fread(text, 1, sizeof text - 1, in);
    text[n] = '\0';
    fclose(in);
    return text;
}

static void lines_have_the_official_form(void **state) {
    (void)state;
    app_stats s;
    assert_int_equal(app_stats_open(&s, path, &e), APP_OK);
    app_stats_add(&s, "Progress/kimg", 4);
    for (int i = 1; i <= 3; i++)
        app_stats_add(&s, "Loss/G/loss", i);
    app_stats_add_many(&s, "Loss/G/loss", 1, 4, 16); // 1 2 3 4: mean 2.5, variance 7.5 - 6.25
    assert_true(app_stats_mean(&s, "Loss/G/loss") == 2.5);
    assert_int_equal(app_stats_write(&s, 1690000000, NULL, &e), APP_OK);
    app_stats_add(&s, "Progress/kimg", 8.192);
    app_stats_add(&s, "od\"d\\\n\303\244", 0.1);
    assert_true(isnan(app_stats_mean(&s, "Loss/G/loss"))); // of the tick before
    assert_int_equal(app_stats_write(&s, 1690000000.25, NULL, &e), APP_OK);
    app_stats_close(&s);
    assert_string_equal(
        read_text(),
        "{\"Progress/kimg\": {\"num\": 1, \"mean\": 4.0, \"std\": 0.0}, \"Loss/G/loss\": {\"num\": 4, "
        "\"mean\": 2.5, \"std\": 1.118033988749895}, \"timestamp\": 1690000000.0}\n"
        "{\"Progress/kimg\": {\"num\": 1, \"mean\": 8.192, \"std\": 0.0}, \"od\\\"d\\\\\\u000a??\": "
        "{\"num\": 1, \"mean\": 0.1, \"std\": 0.0}, \"timestamp\": 1690000000.25}\n");
}

// What comes after the last tick, as numbers of its snapshot.
static void the_last_line_takes_more(void **state) {
    (void)state;
    app_stats s;
    app_history h = { 0 };
    assert_int_equal(app_stats_open(&s, path, &e), APP_OK);
    app_stats_add(&s, "Metrics/fid", 3);
    assert_int_equal(app_stats_amend(&s, &h, &e), APP_OK); // no line yet: it waits for one
    app_stats_add(&s, "Progress/kimg", 1);
    assert_int_equal(app_stats_write(&s, 1, &h, &e), APP_OK);
    assert_int_equal(app_stats_amend(&s, &h, &e), APP_OK); // nothing was added
    app_stats_add(&s, "Progress/kimg", 2);
    assert_int_equal(app_stats_write(&s, 2, &h, &e), APP_OK);
    app_stats_add(&s, "Metrics/fid", 5);
    assert_int_equal(app_stats_amend(&s, &h, &e), APP_OK);
    app_stats_close(&s);
    assert_string_equal(read_text(), "{\"Metrics/fid\": {\"num\": 1, \"mean\": 3.0, \"std\": 0.0}, "
                                     "\"Progress/kimg\": {\"num\": 1, \"mean\": 1.0, \"std\": 0.0}, "
                                     "\"timestamp\": 1.0}\n"
                                     "{\"Metrics/fid\": {\"num\": 1, \"mean\": 5.0, \"std\": 0.0}, "
                                     "\"Progress/kimg\": {\"num\": 1, \"mean\": 2.0, \"std\": 0.0}, "
                                     "\"timestamp\": 2.0}\n");
    assert_int_equal(h.ticks, 2);
    assert_true(app_history_get(&h, "Metrics/fid")[0] == 3 && app_history_get(&h, "Metrics/fid")[1] == 5);
    app_history_clear(&h);
}

static void what_is_no_number_is_null(void **state) {
    (void)state;
    app_stats s;
    app_history h = { 0 };
    assert_int_equal(app_stats_open(&s, path, &e), APP_OK);
    app_stats_add(&s, "Progress/kimg", 1);
    app_stats_add(&s, "a", 1);
    app_stats_add(&s, "a", NAN);
    app_stats_add(&s, "b", INFINITY);
    assert_int_equal(app_stats_write(&s, 1, &h, &e), APP_OK);
    app_stats_close(&s);
    assert_non_null(strstr(read_text(), "\"a\": {\"num\": 2, \"mean\": null, \"std\": null}"));
    assert_non_null(strstr(read_text(), "\"b\": {\"num\": 1, \"mean\": null, \"std\": null}"));
    for (int from_file = 0; from_file < 2;
         from_file++) { // the history in memory and the one of the file agree
        assert_int_equal(h.ticks, 1);
        assert_true(isinf(app_history_get(&h, "a")[0]) && isinf(app_history_get(&h, "b")[0]));
        app_history_clear(&h);
        assert_int_equal(app_history_read(&h, path, &e), APP_OK);
    }
    app_history_clear(&h);
}

static void a_tick_needs_kimg(void **state) {
    (void)state;
    app_stats s;
    assert_int_equal(app_stats_open(&s, path, &e), APP_OK);
    app_stats_add(&s, "a", 1);
    assert_says(app_stats_write(&s, 1, NULL, &e), &e, "stats.jsonl: a tick ended without Progress/kimg");
    app_stats_close(&s);
    assert_string_equal(read_text(), "");
}

static void appending_ends_a_line_that_was_cut(void **state) {
    (void)state;
    app_stats s;
    app_history h = { 0 };
    write_text("{\"Progress/kimg\": {\"num\": 1, \"mean\": 2.0, \"std\": 0.0}}\n{\"Progress/kimg\": {\"nu");
    assert_int_equal(app_stats_open(&s, path, &e), APP_OK);
    app_stats_add(&s, "Progress/kimg", 3);
    assert_int_equal(app_stats_write(&s, 1, NULL, &e), APP_OK);
    app_stats_close(&s);
    assert_int_equal(app_history_read(&h, path, &e), APP_OK);
    assert_int_equal(h.ticks, 2);
    assert_true(h.kimg[0] == 2 && h.kimg[1] == 3);
    app_history_clear(&h);
}

static void a_full_disk_is_an_error(void **state) {
    (void)state;
    app_stats s;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(app_stats_open(&s, "/dev/full", &e), APP_OK);
    app_stats_add(&s, "Progress/kimg", 3);
    assert_says(app_stats_write(&s, 1, NULL, &e), &e, "/dev/full: can't be written: No space left");
    app_stats_close(&s);
    assert_says(app_stats_open(&s, "/nowhere/at/all", &e), &e,
                "/nowhere/at/all: can't be written: No such file");
    app_stats_close(&s);
}

// A writer that is killed at any moment leaves whole lines.
static void a_killed_writer_leaves_whole_lines(void **state) {
    (void)state;
    struct stat info = { 0 };
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        app_stats s;
        app_status status = app_stats_open(&s, path, &e);
        for (int tick = 1; status == APP_OK && tick < 100000; tick++) {
            for (int i = 0; i < 40; i++) {
                char name[40];
                snprintf(name, sizeof name, "Loss/some/long/name/%d", i);
                app_stats_add(&s, name, i * 0.1);
            }
            app_stats_add(&s, "Progress/kimg", tick);
            status = app_stats_write(&s, tick, NULL, &e);
        }
        _exit(1);
    }
    while (info.st_size < 200000 && waitpid(child, NULL, WNOHANG) == 0)
        (void)stat(path, &info);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    app_history h = { 0 };
    size_t lines = 0, size = 0;
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    for (int c, last = 0; (c = getc(in)) != EOF || (assert_int_equal(last, '\n'), 0); last = c, size++)
        lines += c == '\n';
    fclose(in);
    assert_true(size >= 200000);
    assert_int_equal(app_history_read(&h, path, &e), APP_OK);
    assert_int_equal(h.ticks, lines); // each was used
    app_history_clear(&h);
}

#define LINE(kimg) "{\"a\": 1, \"Progress/kimg\": {\"num\": 1, \"mean\": " kimg ", \"std\": 0.0}}"

static void truncation_keeps_lines_up_to_kimg(void **state) {
    (void)state;
    write_text(
        LINE("0.0") "\n" LINE("4.000001") "\n{\"broken\": \n" LINE("8") "\n" LINE("8.001") "\n" LINE("12.0"));
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(app_stats_truncate(path, 8, &e), APP_OK);
    assert_string_equal(read_text(), LINE("0.0") "\n" LINE("4.000001") "\n" LINE("8") "\n");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(app_stats_truncate(path, 4, &e), APP_OK); // 4.000001 is the same picture
    assert_string_equal(read_text(), LINE("0.0") "\n" LINE("4.000001") "\n");
    unlink(path);
    assert_int_equal(app_stats_truncate(path, 4, &e), APP_OK); // nothing to do
    assert_int_equal(stat(path, &info), -1);
}

static void python_writes_nan_and_infinity(void **state) {
    (void)state;
    app_history h = { 0 };
    write_text(
        "{\"a NaN \\\"\": {\"num\": 2, \"mean\": NaN, \"std\": NaN}, \"b\": {\"num\": 1, \"mean\": "
        "-Infinity}, "
        "\"c\": {\"num\": 0, \"mean\": NaN, \"std\": NaN}, \"d\": 2.5, \"Progress/kimg\": {\"num\": 1, "
        "\"mean\": 3.0, \"std\": 0.0}, \"timestamp\": 17.5}\n");
    assert_int_equal(app_history_read(&h, path, &e), APP_OK);
    assert_int_equal(h.ticks, 1);
    assert_true(isinf(app_history_get(&h, "a NaN \"")[0]));
    assert_true(isinf(app_history_get(&h, "b")[0]));
    assert_null(app_history_get(&h, "c")); // no samples
    assert_true(app_history_last(&h, "d") == 2.5);
    assert_true(isnan(app_history_last(&h, "b")));
    assert_true(h.times[0] == 17.5);
    app_history_clear(&h);
}

static void a_resumed_run_replaces_what_it_repeats(void **state) {
    (void)state;
    app_history h = { 0 };
    write_text(LINE("0") "\n" LINE("4") "\n\n" LINE("8") "\n[1]\n{}\n" LINE("null") "\n" LINE("4.5") "\n");
    assert_int_equal(app_history_read(&h, path, &e), APP_OK);
    assert_int_equal(h.ticks, 3);
    assert_true(h.kimg[0] == 0 && h.kimg[1] == 4 && h.kimg[2] == 4.5);
    assert_int_equal(app_history_set(&h, "late", 7, &e), APP_OK); // begins at the last tick
    assert_true(isnan(app_history_get(&h, "late")[0]) && app_history_get(&h, "late")[2] == 7);
    app_history_clear(&h);
}

static void numbers_are_short_and_read_back(void **state) {
    (void)state;
    static const struct {
        double x;
        const char *text;
    } cases[] = { { 0, "0.0" },         { -0.5, "-0.5" },
                  { 0.1, "0.1" },       { 120, "120.0" },
                  { 25000, "25000.0" }, { 1690000000, "1690000000.0" },
                  { 1e-7, "1e-07" },    { 1.0 / 3, "0.3333333333333333" },
                  { 1e300, "1e+300" },  { NAN, "null" },
                  { -INFINITY, "null" } };
    char text[APP_JSON_NUMBER];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        app_json_number(cases[i].x, text);
        assert_string_equal(text, cases[i].text);
    }
    app_json_number(-1.2345678901234567e-300, text); // the longest
    assert_true(strtod(text, NULL) == -1.2345678901234567e-300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(lines_have_the_official_form, clean),
        cmocka_unit_test_teardown(the_last_line_takes_more, clean),
        cmocka_unit_test_teardown(what_is_no_number_is_null, clean),
        cmocka_unit_test_teardown(a_tick_needs_kimg, clean),
        cmocka_unit_test_teardown(appending_ends_a_line_that_was_cut, clean),
        cmocka_unit_test_teardown(a_full_disk_is_an_error, clean),
        cmocka_unit_test_teardown(a_killed_writer_leaves_whole_lines, clean),
        cmocka_unit_test_teardown(truncation_keeps_lines_up_to_kimg, clean),
        cmocka_unit_test_teardown(python_writes_nan_and_infinity, clean),
        cmocka_unit_test_teardown(a_resumed_run_replaces_what_it_repeats, clean),
        cmocka_unit_test(numbers_are_short_and_read_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
