// SPDX-License-Identifier: Apache-2.0
// Files, folders, tensors by name and records: what works, and the sentence of each failure.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/files.h"
#include "app/json.h"
#include "app/memory.h"
#include "app/move.h"
#include "app/recipe.h"
#include "app/report.h"
#include "app/tensor.h"
#include "says.h"

static app_error e;
static char folder[] = "/tmp/atl-files-XXXXXX";
static char path[64];

static int setup(void **state) {
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.txt", folder);
    return atl_ctx_open((atl_ctx **)state, NULL) != ATL_OK;
}

static int teardown(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    return rmdir(folder); // fails when something was left
}

static void write_text(const char *text) {
    app_file file;
    assert_int_equal(app_file_open(&file, path, &e), APP_OK);
    fputs(text, file.out);
    assert_int_equal(app_file_commit(&file, &e), APP_OK);
}

static void files_are_replaced_whole(void **state) {
    (void)state;
    size_t size;
    app_file file;
    write_text("one\n");
    assert_int_equal(app_file_open(&file, path, &e), APP_OK);
    fputs("two", file.out);
    app_file_discard(&file);
    char *text = app_file_read(path, 100, &size, &e);
    assert_string_equal(text, "one\n");
    assert_int_equal(size, 4);
    free(text);
    assert_null(app_file_read(path, 3, &size, &e));
    assert_non_null(strstr(e.text, "a.txt: is larger than any file of its kind"));
    app_error_clear(&e);
    assert_null(app_file_read(folder, 3, &size, &e));
    assert_non_null(strstr(e.text, ": is no ordinary file"));
    app_error_clear(&e);
    assert_null(app_file_read("/nowhere/a", 3, &size, NULL)); // nobody wants to know
    assert_says(app_file_open(&file, "/nowhere/a", &e), &e, "/nowhere/a: can't be written: No such file");
    unlink(path);
}

static void folders_are_made_with_those_above(void **state) {
    (void)state;
    char deep[96], below[96];
    write_text("");
    snprintf(deep, sizeof deep, "%s/b/c", folder);
    snprintf(below, sizeof below, "%s/d", path);
    assert_int_equal(app_folder_make(deep, &e), APP_OK);
    assert_int_equal(app_folder_make(deep, &e), APP_OK); // it is there
    assert_says(app_folder_make(below, &e), &e, "a.txt/d: the folder can't be made: Not a directory");
    assert_int_equal(rmdir(deep), 0);
    snprintf(deep, sizeof deep, "%s/b", folder);
    assert_int_equal(rmdir(deep), 0);
    unlink(path);
}

static void names_are_joined_with_one_slash(void **state) {
    (void)state;
    static const char *const cases[][3] = { { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "", "b", "b" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *joined = app_join(cases[i][0], cases[i][1], &e);
        assert_string_equal(joined, cases[i][2]);
        free(joined);
    }
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    assert_null(app_array(SIZE_MAX / 8, 4, 1, 8, &e));
    assert_non_null(strstr(e.text, "out of memory"));
    app_error_clear(&e);
    void *nothing = app_array(0, 5, 5, 8, &e); // room for none is no failure
    assert_non_null(nothing);
    free(nothing);
}

static void the_oldest_sentence_stays(void **state) {
    (void)state;
    assert_int_equal(app_fail(&e, "the %s", "cause"), APP_FAILED);
    assert_int_equal(app_stop(&e, "the consequence"), APP_STOPPED);
    assert_string_equal(e.text, "the cause");
    app_excuse(&e); // nobody listens: it is gone
    assert_string_equal(e.text, "");
    app_excuse(&e);
}

static void tensors_are_found_by_name(void **state) {
    static const char *const usual[] = { "up", NULL };
    char source[96], shape[APP_SHAPE];
    float numbers[6] = { 1, 2, 3, 4, 5, 6 };
    const atl_array arrays[] = { { "left", ATL_F32, 2, { 2, 3 }, numbers },
                                 { "right", ATL_F32, 1, { 6 }, numbers } };
    atl_arrays *set = NULL;
    const atl_array *found;
    snprintf(source, sizeof source, "%s/t.safetensors", folder);
    assert_int_equal(atl_safetensors_write(*state, source, arrays, 2, NULL, 0), ATL_OK);
    assert_says(app_tensor_open(*state, source, usual, &set, &found, &e), &e,
                "t.safetensors: holds \"left\" [2, 3], \"right\" [6]; name one, as in ");
    atl_arrays_close(&set);
    snprintf(source, sizeof source, "%s/t.safetensors:left", folder);
    assert_int_equal(app_tensor_open(*state, source, usual, &set, &found, &e), APP_OK);
    assert_string_equal(app_tensor_shape(found, shape), "[2, 3]");
    atl_arrays_close(&set);
    snprintf(source, sizeof source, "%s/t.safetensors:up", folder);
    assert_says(app_tensor_open(*state, source, usual, &set, &found, &e), &e,
                "t.safetensors: has no tensor called \"up\"");
    atl_arrays_close(&set);
    snprintf(source, sizeof source, "%s/t.safetensors", folder);
    unlink(source);
}

static void records_say_all_and_damaged_ones_nothing(void **state) {
    (void)state;
    app_recipe r = APP_RECIPE_INIT, again;
    json_t *owner;
    r.network = "a \xff.pkl"; // no UTF-8
    r.net = "G";
    r.fingerprint = 0x0123456789abcdefu;
    r.has_seed = 1;
    r.seed = 4294967295u;
    r.col = 3;
    r.styles = "0-3";
    r.psi = 0.7;
    r.class_index = 2;
    r.translate[1] = -0.5;
    r.noise = ATL_NOISE_RANDOM;
    char *text = app_recipe_write(&r);
    assert_int_equal(app_recipe_read("p.png", text, &again, &owner, &e), APP_OK);
    assert_string_equal(again.network, "a ?.pkl");
    assert_true(again.fingerprint == r.fingerprint && again.seed == r.seed && again.col == 3 &&
                again.psi == 0.7);
    assert_true(again.class_index == 2 && again.translate[1] == -0.5 && again.noise == ATL_NOISE_RANDOM);
    json_decref(owner);
    for (size_t cut = 0; cut < strlen(text); cut += 7) {
        char part[1024];
        snprintf(part, sizeof part, "%.*s", (int)cut, text);
        assert_says(app_recipe_read("p.png", part, &again, &owner, &e), &e,
                    "p.png: its record is damaged, so the image can't be made again");
        assert_null(owner);
    }
    free(text);
}

static void only_runs_get_a_report(void **state) {
    assert_says(app_report_write(*state, "/nowhere", NULL, &e), &e,
                "/nowhere: can't be opened: No such file");
    assert_says(app_report_write(*state, folder, NULL, &e), &e, ": is no training run: it has no");
    write_text("");
    assert_says(app_report_write(*state, path, NULL, &e), &e,
                "is no folder; name the folder of a training run");
    unlink(path);
}

static void moves_are_two_numbers(void **state) {
    (void)state;
    static const char *const wrong[] = { "", "1", "1,", ",1", "1,2,3", "a,b", "nan,0", "1e999,0" };
    double by[2];
    assert_true(app_move_parse("0.25,-0.1", by) && by[0] == 0.25 && by[1] == -0.1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(app_move_parse(wrong[i], by));
    app_move still = { 0 }, turned = { .degrees = 90 };
    assert_null(app_move_matrix(&still));
    assert_true(app_move_matrix(&turned)[1] == 1 && turned.matrix[3] == -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(folders_are_made_with_those_above),
        cmocka_unit_test(names_are_joined_with_one_slash),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(the_oldest_sentence_stays),
        cmocka_unit_test(tensors_are_found_by_name),
        cmocka_unit_test(records_say_all_and_damaged_ones_nothing),
        cmocka_unit_test(only_runs_get_a_report),
        cmocka_unit_test(moves_are_two_numbers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
