// SPDX-License-Identifier: Apache-2.0
// Arrays out of pickled objects and out of text: names, values, and what is refused.
#include "check.h"

#include <zip.h>
#include "io/arrays.h"

static atl_status open_bytes(atl_ctx *ctx, const void *bytes, size_t size, atl_arrays **set) {
    return atl_arrays_open_memory(ctx, "test", bytes, size, set);
}

#define OPEN(ctx, text, set) open_bytes(ctx, text, sizeof(text) - 1, set)

// A numpy array of two floats, 1 and 2, as pickle; the first of a file imports, the others take from the
// memo.
#define ARRAY                                                                                                \
    "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01"                                   \
    "btR(K\x01(K\x02tcnumpy\ndtype\n(X\x02\0\0\0"                                                            \
    "f4\x89\x88tR(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"                         \
    "C\x08\0\0\x80\x3f\0\0\0\x40tb"

static void assert_pair(const atl_array *a) {
    float x[2];
    assert_non_null(a);
    assert_int_equal(a->rank, 1);
    assert_int_equal(a->dims[0], 2);
    atl_array_read_f32(a, 0, 2, x);
    assert_true(x[0] == 1 && x[1] == 2);
}

static void arrays_are_named_by_the_way_to_them(void **state) {
    atl_arrays *set;
    assert_ok(*state, OPEN(*state, "\x80\x03" ARRAY ".", &set));
    assert_pair(atl_arrays_find(set, ""));
    atl_arrays_close(&set);
    assert_ok(*state, OPEN(*state,
                           "\x80\x03}X\x05\0\0\0"
                           "a.png}(X\x01\0\0\0w" ARRAY "K\x07" ARRAY "us.",
                           &set));
    assert_int_equal(atl_arrays_size(set), 2);
    assert_pair(atl_arrays_find(set, "a.png.w"));
    assert_pair(atl_arrays_find(set, "a.png.7"));
    atl_arrays_close(&set);
    assert_ok(*state, OPEN(*state,
                           "\x80\x03](X\x01\0\0\0t" ARRAY "(" ARRAY "tN"
                           "e.",
                           &set));
    assert_pair(atl_arrays_find(set, "1"));
    assert_pair(atl_arrays_find(set, "2.0"));
    atl_arrays_close(&set);
}

static void pickles_without_numbers_are_refused(void **state) {
    atl_arrays *set;
    assert_fails(*state, OPEN(*state, "\x80\x02}X\x01\0\0\0aX\x01\0\0\0bs.", &set), ATL_UNSUPPORTED,
                 "test: holds pickled objects, but no array of numbers");
    assert_fails(*state, OPEN(*state, "\x80\x02]q\0h\0a.", &set), ATL_UNSUPPORTED,
                 "nest deeper"); // in itself
    assert_fails(*state,
                 OPEN(*state,
                      "\x80\x02"
                      "cos\nsystem\n(X\x02\0\0\0lstR.",
                      &set),
                 ATL_BAD_FILE, "system");
}

// A file of torch.save with one tensor: `sizes` and `strides` over a storage of two floats.
static void make_torch(char *path, size_t room, const char *sizes, const char *strides) {
    static const float data[2] = { 1, 2 };
    char pickle[400];
    int code,
        n = snprintf(pickle, sizeof pickle,
                     "\x80\x02"
                     "ctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI2\n"
                     "tQI0\n(%st(%stI00\nccollections\nOrderedDict\n(tRtR.",
                     sizes, strides);
    make_file(path, room, "", 0);
    unlink(path);
    zip_t *z = zip_open(path, ZIP_CREATE, &code);
    assert_non_null(z);
    assert_true(zip_file_add(z, "a/data.pkl", zip_source_buffer(z, pickle, (zip_uint64_t)n, 0), 0) >= 0);
    assert_true(zip_file_add(z, "a/data/0", zip_source_buffer(z, data, sizeof data, 0), 0) >= 0);
    assert_int_equal(zip_close(z), 0);
}

static void torch_files_are_read(void **state) {
    char path[100];
    atl_arrays *set;
    make_torch(path, sizeof path, "I2\n", "I1\n");
    assert_ok(*state, atl_arrays_open(*state, path, &set));
    assert_pair(atl_arrays_get(set, 0));
    atl_arrays_close(&set);
    drop_file(path);
}

static void views_far_larger_than_their_file_are_refused(void **state) {
    char path[100];
    atl_arrays *set;
    make_torch(path, sizeof path, "I100000\nI100000\n", "I0\nI0\n"); // 40 GB out of one number
    assert_fails(*state, atl_arrays_open(*state, path, &set), ATL_BAD_FILE, "far larger than the file");
    drop_file(path);
}

static void long_keys_are_refused(void **state) {
    static char pickle[8 + 3000 + 3] = "\x80\x02}X\xb8\x0b";
    atl_arrays *set;
    memset(pickle + 8, 'k', 3000);
    memcpy(pickle + 8 + 3000, "]s.", 3);
    assert_fails(*state, open_bytes(*state, pickle, sizeof pickle, &set), ATL_UNSUPPORTED,
                 "test: a key has a 0");
}

static void limits_name_the_file(void **state) {
    enum { LISTS = 3 << 20 };
    static char pickle[LISTS + 2] = "\x80\x02";
    char path[100];
    int code;
    atl_arrays *set;
    memset(pickle + 2, ']', LISTS); // a few bytes when packed, and hundreds of megabytes as objects
    make_file(path, sizeof path, "", 0);
    unlink(path);
    zip_t *z = zip_open(path, ZIP_CREATE, &code);
    assert_non_null(z);
    assert_true(zip_file_add(z, "a/data.pkl", zip_source_buffer(z, pickle, sizeof pickle, 0), 0) >= 0);
    assert_int_equal(zip_close(z), 0);
    assert_fails(*state, atl_arrays_open(*state, path, &set), ATL_NO_MEMORY, path);
    drop_file(path);
}

// ---- text

static void assert_text(atl_ctx *ctx, const char *text, int rank, int rows, int columns, double last) {
    atl_arrays *set;
    assert_ok(ctx, open_bytes(ctx, text, strlen(text), &set));
    const atl_array *a = atl_arrays_get(set, 0);
    float x;
    assert_int_equal(a->rank, rank);
    assert_int_equal(a->dims[0], rows);
    if (rank == 2)
        assert_int_equal(a->dims[1], columns);
    atl_array_read_f32(a, atl_array_count(a) - 1, 1, &x);
    assert_true(x == (float)last);
    atl_arrays_close(&set);
}

static void numbers_as_text_are_read(void **state) {
    assert_text(*state, "0\n1\n2\n", 1, 3, 0, 2);
    assert_text(*state, "\xef\xbb\xbf# classes\r\n\r\n0\r\n 17 # a remark\r\n", 1, 2, 0, 17);
    assert_text(*state, "0, 1 ,2", 2, 1, 3, 2);
    assert_text(*state, "1.5e-1 -2\n+3\t.25", 2, 2, 2, 0.25);
}

static void other_text_is_refused(void **state) {
    atl_arrays *set;
    assert_fails(*state, OPEN(*state, "0\n1\ncat\n", &set), ATL_BAD_FILE, "test: line 3: 'cat' is no number");
    assert_fails(*state, OPEN(*state, "0x10\n", &set), ATL_BAD_FILE, "line 1: '0x10' is no number");
    assert_fails(*state, OPEN(*state, "1 2\n3\n", &set), ATL_BAD_FILE,
                 "line 2 has 1 numbers, those before it have 2");
    assert_fails(*state, OPEN(*state, "# nothing\n", &set), ATL_BAD_FILE, "text without a number");
    assert_fails(*state, OPEN(*state, "cat\n", &set), ATL_BAD_FILE, "no list of numbers");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(arrays_are_named_by_the_way_to_them),
        TEST(pickles_without_numbers_are_refused),
        TEST(long_keys_are_refused),
        TEST(limits_name_the_file),
        TEST(torch_files_are_read),
        TEST(views_far_larger_than_their_file_are_refused),
        TEST(numbers_as_text_are_read),
        TEST(other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
