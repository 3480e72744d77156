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
#include "app/sha256.h"

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

// FIPS 180-4's examples, and lengths around the end of a block; in pieces of several lengths.
static void sums_are_those_of_the_standard(void **state) {
    static const struct {
        const char *text;
        size_t times;
        const char *sum;
    } cases[] = {
        { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
        { "x", 55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072" },
        { "x", 56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e" },
        { "x", 63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2" },
        { "x", 64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c" },
        { "x", 65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9" },
        { "x", 119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c" },
        { "x", 128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].text), all = length * cases[i].times;
        char *text = malloc(all + 1), sum[APP_SHA256_TEXT];
        assert_non_null(text);
        for (size_t k = 0; k < cases[i].times; k++)
            memcpy(text + k * length, cases[i].text, length);
        for (size_t piece = 1; piece < 200; piece += 61) {
            app_sha256 s;
            app_sha256_init(&s);
            for (size_t at = 0; at < all; at += piece)
                app_sha256_add(&s, text + at, all - at < piece ? all - at : piece);
            app_sha256_end(&s, sum);
            assert_string_equal(sum, cases[i].sum);
        }
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_standard),
        cmocka_unit_test_setup_teardown(rows_are_whole_and_their_names_unique, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_searched_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_table_decides_within_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said_with_the_remedy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
