// SPDX-License-Identifier: Apache-2.0
// Safetensors: what is written reads back, and headers that lie are refused.
#include "check.h"

#include "io/arrays.h"

// A file with this header and `data` bytes of data.
static size_t image(uint8_t *out, const char *header, size_t data) {
    size_t n = strlen(header);
    memset(out, 0, 8 + n + data);
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)n >> (8 * i));
    memcpy(out + 8, header, n);
    return 8 + n + data;
}

static void refused(atl_ctx *ctx, const char *header, size_t data, atl_status status, const char *text) {
    uint8_t bytes[2048];
    atl_arrays *set;
    size_t n = image(bytes, header, data);
    assert_fails(ctx, atl_arrays_open_memory(ctx, "test", bytes, n, &set), status, text);
    assert_null(set);
}

#define ENTRY(name, shape, from, to)                                                                         \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void headers_that_lie_are_refused(void **state) {
    refused(*state, "{" ENTRY("a", "[2]", 0, 8) "," ENTRY("b", "[2]", 4, 12) "}", 12, ATL_BAD_FILE,
            "overlap");
    refused(*state, "{" ENTRY("a", "[2]", 0, 8) "," ENTRY("b", "[2]", 0, 8) "}", 8, ATL_BAD_FILE, "overlap");
    refused(*state, "{" ENTRY("a", "[2]", 0, 8) "," ENTRY("b", "[1]", 12, 16) "}", 16, ATL_BAD_FILE, "hole");
    refused(*state, "{" ENTRY("a", "[2]", 4, 12) "}", 12, ATL_BAD_FILE, "hole");
    refused(*state, "{" ENTRY("a", "[2]", 0, 8) "}", 12, ATL_BAD_FILE, "take 8 bytes, but 12");
    refused(*state, "{" ENTRY("a", "[4]", 0, 16) "}", 12, ATL_BAD_FILE, "outside the file");
    refused(*state, "{" ENTRY("a", "[2]", 0, 12) "}", 12, ATL_BAD_FILE, "match its shape");
    refused(*state, "{" ENTRY("a", "[2]", 8, 0) "}", 8, ATL_BAD_FILE, "bad offsets");
    refused(*state, "{" ENTRY("a", "[-2]", 0, 8) "}", 8, ATL_BAD_FILE, "no number");
    refused(*state, "{" ENTRY("a", "[1000000000,1000000000,1000000000]", 0, 8) "}", 8, ATL_BAD_FILE,
            "match its shape");
    refused(*state, "{" ENTRY("a", "[4294967296,4294967296]", 0, 0) "}", 0, ATL_BAD_FILE, "match its shape");
    refused(*state, "{" ENTRY("a", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, ATL_UNSUPPORTED,
            "more than 8 dimensions");
    refused(*state, "{" ENTRY("a", "[1]", 0, 4) "," ENTRY("a", "[1]", 4, 8) "}", 8, ATL_BAD_FILE, "uplicate");
    refused(*state, "{\"a\":{\"dtype\":\"F31\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, ATL_UNSUPPORTED,
            "type F31");
    refused(*state, "{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, ATL_BAD_FILE, "lacks");
    refused(*state, "{\"a\":7}", 4, ATL_BAD_FILE, "lacks");
    refused(*state, "{\"__metadata__\":{\"a\":7}}", 0, ATL_BAD_FILE, "no text");
    refused(*state, "{\"__metadata__\":[]}", 0, ATL_BAD_FILE, "no object");
    refused(*state, "{\"a\":", 0, ATL_BAD_FILE, "can't be read");
}

static void long_headers_are_refused(void **state) {
    uint8_t bytes[64];
    atl_arrays *set;
    size_t n = image(bytes, "{}", 0);
    bytes[0] = 100; // announces more than there is
    assert_fails(*state, atl_arrays_open_memory(*state, "test", bytes, n, &set), ATL_BAD_FILE,
                 "header of 100 bytes");
    memset(bytes, 0xff, 6);
    assert_fails(*state, atl_arrays_open_memory(*state, "test", bytes, n, &set), ATL_BAD_FILE, "header of");
    bytes[7] = 0xff; // no length of anything
    assert_fails(*state, atl_arrays_open_memory(*state, "test", bytes, n, &set), ATL_BAD_FILE,
                 "is no .safetensors");
    assert_fails(*state, atl_arrays_open_memory(*state, "test", bytes, 3, &set), ATL_BAD_FILE,
                 "is no .safetensors");
}

static void good_headers_are_read(void **state) {
    uint8_t bytes[2048];
    atl_arrays *set;
    size_t n = image(bytes,
                     "{\"__metadata__\":{\"k\":\"v\"}," ENTRY("b", "[]", 8, 12) "," ENTRY(
                         "a", "[2,1]", 0, 8) "," ENTRY("empty", "[0,3]", 0, 0) "}",
                     12);
    bytes[n - 1] = 0x40; // b = 2
    assert_ok(*state, atl_arrays_open_memory(*state, "test", bytes, n, &set));
    assert_int_equal(atl_arrays_size(set), 3);
    assert_string_equal(atl_arrays_get(set, 0)->name, "b"); // the order of the file
    assert_string_equal(atl_arrays_metadata(set, "k"), "v");
    assert_null(atl_arrays_metadata(set, "missing"));
    assert_null(atl_arrays_find(set, "missing"));
    float x = 0;
    atl_array_read_f32(atl_arrays_find(set, "b"), 0, 1, &x);
    assert_true(x == 2);
    assert_int_equal(atl_array_count(atl_arrays_find(set, "empty")), 0);
    atl_arrays_close(&set);
}

static void every_type_survives_writing(void **state) {
    uint8_t data[ATL_DTYPES][24];
    char names[ATL_DTYPES][8], path[100];
    atl_array arrays[ATL_DTYPES] = { 0 };
    for (int i = 0; i < ATL_DTYPES; i++) {
        for (size_t b = 0; b < sizeof data[i]; b++)
            data[i][b] = (uint8_t)(i + (int)b) & 1;
        snprintf(names[i], sizeof names[i], "t%d", i);
        arrays[i] = (atl_array){ names[i], (atl_dtype)i, 2, { 3, 1 }, data[i] };
    }
    atl_pair metadata = { "note", "caf\xc3\xa9" };
    make_file(path, sizeof path, "", 0);
    assert_ok(*state, atl_safetensors_write(*state, path, arrays, ATL_DTYPES, &metadata, 1));
    atl_arrays *set;
    assert_ok(*state, atl_arrays_open(*state, path, &set));
    assert_int_equal(atl_arrays_size(set), ATL_DTYPES);
    assert_string_equal(atl_arrays_metadata(set, "note"), "caf\xc3\xa9");
    assert_int_equal(((const uint8_t *)atl_arrays_get(set, 0)->data - atl_arrays_file(set)->data) % 64, 0);
    for (int i = 0; i < ATL_DTYPES; i++) {
        const atl_array *a = atl_arrays_find(set, names[i]);
        assert_int_equal(a->dtype, i);
        assert_memory_equal(a->data, data[i], 3 * atl_dtype_size((atl_dtype)i));
    }
    atl_arrays_close(&set);
    drop_file(path);
}

static void two_tensors_of_one_name_are_not_written(void **state) {
    float x = 1;
    char path[100];
    atl_array arrays[2] = { { "a", ATL_F32, 0, { 0 }, &x }, { "a", ATL_F32, 0, { 0 }, &x } };
    make_file(path, sizeof path, "old", 3);
    assert_fails(*state, atl_safetensors_write(*state, path, arrays, 2, NULL, 0), ATL_BAD_ARGUMENT,
                 "two tensors");
    FILE *f = fopen(path, "rb"); // what was there stays
    char old[4] = "";
    assert_int_equal(fread(old, 1, 4, f), 3);
    assert_string_equal(old, "old");
    fclose(f);
    drop_file(path);
}

static void every_type_becomes_float(void **state) {
    (void)state;
    float x[2];
#define CONVERTS(type, bytes, a, b)                                                                          \
    do {                                                                                                     \
        const char shifted[] = "?" bytes; /* at an odd address */                                            \
        atl_array array = { "", type, 1, { 2 }, shifted + 1 };                                               \
        atl_array_read_f32(&array, 0, 2, x);                                                                 \
        assert_true(x[0] == (a) && x[1] == (b));                                                             \
        atl_array_read_f32(&array, 1, 1, x);                                                                 \
        assert_true(x[0] == (b));                                                                            \
    } while (0)
    CONVERTS(ATL_F32, "\0\0\x80\x3f\0\0\0\xc0", 1.0f, -2.0f);
    CONVERTS(ATL_F16, "\x01\0\0\xc4", 0x1p-24f, -4.0f);
    CONVERTS(ATL_BF16, "\x80\x3f\0\xc0", 1.0f, -2.0f);
    CONVERTS(ATL_F64, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0", 1.0f, -2.0f);
    CONVERTS(ATL_I8, "\xff\x7f", -1.0f, 127.0f);
    CONVERTS(ATL_U8, "\xff\x7f", 255.0f, 127.0f);
    CONVERTS(ATL_I16, "\xff\xff\0\x01", -1.0f, 256.0f);
    CONVERTS(ATL_U16, "\xff\xff\0\x01", 65535.0f, 256.0f);
    CONVERTS(ATL_I32, "\xff\xff\xff\xff\0\0\1\0", -1.0f, 65536.0f);
    CONVERTS(ATL_U32, "\0\0\0\x80\0\0\1\0", 2147483648.0f, 65536.0f);
    CONVERTS(ATL_I64, "\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0\0\0\0\0\0", -1.0f, 1.0f);
    CONVERTS(ATL_U64, "\0\0\0\0\0\0\0\x80\1\0\0\0\0\0\0\0", 0x1p63f, 1.0f);
    CONVERTS(ATL_BOOL, "\0\1", 0.0f, 1.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(headers_that_lie_are_refused),
        TEST(long_headers_are_refused),
        TEST(good_headers_are_read),
        TEST(every_type_survives_writing),
        TEST(two_tensors_of_one_name_are_not_written),
        TEST(every_type_becomes_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
