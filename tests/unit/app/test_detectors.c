// SPDX-License-Identifier: Apache-2.0
// Where detectors are looked for, which of several files is taken, and what is said when there is none.
#include <ctype.h>
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
#include "app/detectors.h"
#include "app/files.h"

static app_error e;
static char top[64], shared[128], mine[128];

static void put(const char *folder, const char *name) {
    char path[256];
    app_file file;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(app_file_open(&file, path, &e), APP_OK);
    assert_int_equal(app_file_commit(&file, &e), APP_OK);
}

static int setup(void **state) {
    (void)state;
    strcpy(top, "/tmp/atl-detectors-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    snprintf(shared, sizeof shared, "%s/atelier/detectors", top);
    snprintf(mine, sizeof mine, "%s/mine", top);
    unsetenv("ATELIER_DETECTORS");
    setenv("XDG_DATA_HOME", top, 1);
    app_error_clear(&e);
    return app_folder_make(shared, &e) != APP_OK || app_folder_make(mine, &e) != APP_OK;
}

static int teardown(void **state) {
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", top);
    return system(command);
}

static void rows_are_whole_and_their_names_unique(void **state) {
    (void)state;
    size_t count = 0;
    for (const app_detector *d; (d = app_detector_row(count)); count++) {
        assert_true(*d->name && *d->roles && *d->use);
        assert_ptr_equal(strncmp(d->url, "https://", 8) ? NULL : d, d);
        assert_true(!d->sha256 || strlen(d->sha256) == 64);
        for (const char *c = d->sha256; c && *c; c++)
            assert_true(isdigit(*c) || (*c >= 'a' && *c <= 'f'));
        for (size_t k = 0; k < count; k++) {
            assert_string_not_equal(app_detector_row(k)->name, d->name);
            assert_string_not_equal(app_detector_row(k)->file, d->file);
        }
        assert_ptr_equal(app_detector_named(d->name, &e), d);
        assert_ptr_equal(app_detector_named(d->file, &e), d);
    }
    assert_int_equal(count, 15 + APP_CLASSIFIERS);
    assert_string_equal(app_classifier_name(0), "male");
    assert_string_equal(app_classifier_name(39), "wearing-necktie");
    assert_null(app_detector_named("inceptoin", &e));
    assert_non_null(strstr(e.text, "inceptoin: no detector is called that"));
}

static void expect(const char *role, const char *folder, const char *path, const char *heads) {
    app_detector_place place;
    char whole[256];
    assert_int_equal(app_detector_find(role, folder, &place, &e), APP_OK);
    snprintf(whole, sizeof whole, "%s/%s", top, path);
    assert_string_equal(place.path, whole);
    snprintf(whole, sizeof whole, "%s%s%s", *heads ? top : "", *heads ? "/" : "", heads);
    assert_string_equal(place.heads, whole);
}

static void folders_are_searched_in_order(void **state) {
    (void)state;
    put(shared, "inception-2015-12-05.pt");
    expect("inception", NULL, "atelier/detectors/inception-2015-12-05.pt", "");
    expect("inception-softmax", mine, "atelier/detectors/inception-2015-12-05.pt", "");
    char environment[160];
    snprintf(environment, sizeof environment, "%s/other", top);
    assert_int_equal(app_folder_make(environment, &e), APP_OK);
    setenv("ATELIER_DETECTORS", environment, 1);
    put(environment, "pt_inception-2015-12-05-6726825d.pth");
    expect("inception", mine, "other/pt_inception-2015-12-05-6726825d.pth", "");
    put(mine, "inception_v3_features.pkl");
    expect("inception", mine, "mine/inception_v3_features.pkl", "");
    expect("inception-softmax", mine, "other/pt_inception-2015-12-05-6726825d.pth", "");
}

static void the_table_decides_within_a_folder(void **state) {
    (void)state;
    app_detector_place place;
    put(mine, "vgg16-397923af.pth");
    expect("vgg16", mine, "mine/vgg16-397923af.pth", "");
    assert_int_equal(app_detector_has("lpips-vgg", mine, &e), 0); // the heads are missing
    put(mine, "vgg.pth");
    expect("lpips-vgg", mine, "mine/vgg16-397923af.pth", "mine/vgg.pth");
    put(mine, "vgg16.pt");
    expect("vgg16", mine, "mine/vgg16.pt", "");
    expect("lpips-vgg", mine, "mine/vgg16.pt", "");
    assert_int_equal(app_detector_find("lpips-vgg", mine, &place, &e), APP_OK);
    assert_string_equal(place.row->name, "vgg16");
    put(mine, "lpips-vgg.safetensors"); // what somebody converted
    expect("lpips-vgg", mine, "mine/lpips-vgg.safetensors", "");
    put(mine, "alexnet-owt-4df8aa71.pth");
    put(mine, "lpips_alex.pth");
    expect("lpips-alex", mine, "mine/alexnet-owt-4df8aa71.pth", "mine/lpips_alex.pth");
    put(mine, "celebahq-classifier-07-bags-under-eyes.pkl");
    expect("classifier-07", mine, "mine/celebahq-classifier-07-bags-under-eyes.pkl", "");
}

static void what_is_missing_is_said_with_the_remedy(void **state) {
    (void)state;
    app_detector_place place;
    char expected[512];
    assert_int_equal(app_detector_find("inception", mine, &place, &e), APP_FAILED);
    snprintf(expected, sizeof expected,
             "inception-2015-12-05.pt (fid, kid, is, sfid) is not in %s, %s: ", mine, shared);
    assert_non_null(strstr(e.text, expected));
    assert_non_null(strstr(e.text, "'atelier detectors --fetch inception' downloads it from https://nvlabs"));
    app_error_clear(&e);
    assert_int_equal(app_detector_find("lpips-alex", NULL, &place, &e), APP_FAILED);
    assert_non_null(strstr(e.text, "--fetch alexnet,lpips-alex-heads' downloads it"));
    app_error_clear(&e);
    assert_int_equal(app_detector_find("clip", NULL, &place, &e), APP_FAILED);
    assert_string_equal(e.text, "clip: no detector has this role");
    app_error_clear(&e);
    snprintf(expected, sizeof expected, "%s/nothing", top);
    assert_int_equal(app_detector_has("inception", expected, &e), -1);
    assert_non_null(strstr(e.text, "there is no such folder"));
    app_error_clear(&e);
    put(mine, "file");
    snprintf(expected, sizeof expected, "%s/file", mine);
    assert_int_equal(app_detector_has("inception", expected, &e), -1);
    assert_non_null(strstr(e.text, "this is no folder"));
    app_error_clear(&e);
    put(mine, "inception.pt"); // a folder of that name is no file
    snprintf(expected, sizeof expected, "%s/vgg16.pt", mine);
    assert_int_equal(mkdir(expected, 0777), 0);
    assert_int_equal(app_detector_has("vgg16", mine, &e), 0);
    assert_int_equal(app_detector_has("inception", mine, &e), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_whole_and_their_names_unique, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_searched_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_table_decides_within_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said_with_the_remedy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
