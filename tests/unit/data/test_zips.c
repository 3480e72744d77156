// SPDX-License-Identifier: Apache-2.0
// Zip files that can't be read, each with the reason: a password, a compression, a checksum, a claim.
#include "check.h"

#include <zip.h>

static void put_zip(place *p, const char *name, const char *member, const void *bytes, size_t size) {
    size_t png_size;
    put_picture(p, "one.png", "png", 8, 8, 1, 5);
    uint8_t *png = get_file(p, "one.png", &png_size);
    zip_t *z = zip_open(at(p, name), ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(z);
    zip_int64_t i = zip_file_add(z, "a.png", zip_source_buffer(z, png, png_size, 0), 0);
    zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0);
    if (member)
        zip_file_add(z, member, zip_source_buffer(z, bytes, size, 0), 0);
    assert_int_equal(zip_close(z), 0);
    free(png);
    unlink(at(p, "one.png"));
}

// Sets the flags and the method of the only member, in its header and in the directory.
static void patch(place *p, const char *name, uint8_t flags, uint8_t method) {
    size_t size;
    uint8_t *zip = get_file(p, name, &size);
    for (size_t i = 0; i + 12 < size; i++) {
        size_t skip = !memcmp(zip + i, "PK\1\2", 4) ? 2 : 0;
        if (skip || !memcmp(zip + i, "PK\3\4", 4)) {
            zip[i + 6 + skip] = flags;
            zip[i + 8 + skip] = method;
        }
    }
    put_file(p, name, zip, size);
    free(zip);
}

static void refused(place *p, const char *name, const char *text) {
    atl_dataset *set;
    assert_fails(p, atl_dataset_open(p->ctx, at(p, name), NULL, &set), ATL_BAD_FILE, text);
    assert_null(set);
}

static void passwords_and_methods_are_named(void **state) {
    place *p = *state;
    static const struct {
        uint8_t flags, method;
        const char *text;
    } cases[] = {
        { 1, 0, "member 'a.png' is encrypted; unpack the archive" },
        { 1, 8, "is encrypted" },
        { 0, 9, "is compressed by Deflate64, which is not read; pack the archive anew" },
        { 0, 98, "is compressed by PPMd" },
        { 0, 77, "is compressed by method 77" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_zip(p, "s.zip", NULL, NULL, 0);
        patch(p, "s.zip", cases[i].flags, cases[i].method);
        refused(p, "s.zip", cases[i].text);
    }
}

static void damage_is_told_from_that(void **state) {
    place *p = *state;
    size_t size;
    put_zip(p, "s.zip", NULL, NULL, 0);
    uint8_t *zip = get_file(p, "s.zip", &size);
    zip[60] ^= 1; // within the picture
    put_file(p, "s.zip", zip, size);
    refused(p, "s.zip", "member 'a.png' can't be read: it has a wrong checksum; the file is damaged");
    free(zip);
}

// 80 MiB of blanks in 80 KiB, as the label file and as a picture.
static void claims_are_bounded(void **state) {
    place *p = *state;
    size_t size = 80 << 20;
    char *blanks = malloc(size);
    assert_non_null(blanks);
    memset(blanks, ' ', size);
    put_zip(p, "s.zip", "dataset.json", blanks, size);
    refused(p, "s.zip", "claims to unpack to 83886080, which nothing honest does");
    put_zip(p, "s.zip", "b.png", blanks, size);
    atl_dataset *set;
    atl_image image;
    assert_ok(p, atl_dataset_open(p->ctx, at(p, "s.zip"), NULL, &set));
    assert_fails(p, atl_dataset_read(set, 1, &image), ATL_BAD_FILE, "member 'b.png' of ");
    atl_dataset_close(&set);
    free(blanks);
}

static void empty_files_are_no_pictures(void **state) {
    place *p = *state;
    atl_dataset *set;
    zip_t *z = zip_open(at(p, "s.zip"), ZIP_CREATE, NULL);
    assert_non_null(z);
    zip_file_add(z, "a.png", zip_source_buffer(z, "", 0, 0), 0);
    zip_file_add(z, "b.png", zip_source_buffer(z, "x", 1, 0), 0);
    assert_int_equal(zip_close(z), 0);
    assert_fails(p, atl_dataset_open(p->ctx, at(p, "s.zip"), NULL, &set), ATL_BAD_FILE,
                 "each of its 2 pictures has less than 16 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(passwords_and_methods_are_named),
        TEST(damage_is_told_from_that),
        TEST(claims_are_bounded),
        TEST(empty_files_are_no_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
