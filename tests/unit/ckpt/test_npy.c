// SPDX-License-Identifier: Apache-2.0
// NumPy files: round trips, orders of bytes and of dimensions, archives, damage.
#include "check.h"

#include <zip.h>
#include "io/arrays.h"

// An .npy image of version 1 with this header and data.
static size_t image(uint8_t *out, const char *header, const void *data, size_t size) {
    size_t n = strlen(header);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (uint8_t)n;
    out[9] = (uint8_t)(n >> 8);
    memcpy(out + 10, header, n);
    memcpy(out + 10 + n, data, size);
    return 10 + n + size;
}

static atl_status open_image(atl_ctx *ctx, uint8_t *bytes, const char *header, size_t size,
                             atl_arrays **set) {
    static const uint8_t data[64] = { 0, 0, 128, 63, 0, 0, 0,   64, 0, 0, 64,  64,
                                      0, 0, 128, 64, 0, 0, 160, 64, 0, 0, 192, 64 };
    return atl_arrays_open_memory(ctx, "test", bytes, image(bytes, header, data, size), set); // 1 to 6
}

static void what_is_written_reads_back(void **state) {
    static const atl_dtype types[] = { ATL_F32, ATL_F16, ATL_F64, ATL_I8,  ATL_U8,  ATL_I16,
                                       ATL_U16, ATL_I32, ATL_U32, ATL_I64, ATL_U64, ATL_BOOL };
    uint8_t data[48];
    char path[100];
    for (size_t b = 0; b < sizeof data; b++)
        data[b] = (uint8_t)b & 1;
    make_file(path, sizeof path, "", 0);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int rank = 0; rank < 4; rank++) {
            atl_array a = { "", types[i], rank, { rank == 1 ? 6 : 3, 2, 1 }, data };
            atl_arrays *set;
            assert_ok(*state, atl_npy_write(*state, path, &a));
            assert_ok(*state, atl_arrays_open(*state, path, &set));
            const atl_array *b = atl_arrays_get(set, 0);
            assert_int_equal(b->dtype, types[i]);
            assert_int_equal(b->rank, rank);
            for (int k = 0; k < rank; k++)
                assert_int_equal(b->dims[k], a.dims[k]);
            assert_memory_equal(b->data, data, (size_t)atl_array_count(&a) * atl_dtype_size(types[i]));
            assert_int_equal(((const uint8_t *)b->data - atl_arrays_file(set)->data) % 64, 0);
            atl_arrays_close(&set);
        }
    drop_file(path);
}

static void bf16_has_no_npy(void **state) {
    atl_array a = { "", ATL_BF16, 0, { 0 }, "\0" };
    assert_fails(*state, atl_npy_write(*state, "/nowhere/x.npy", &a), ATL_UNSUPPORTED, "BF16");
}

static void column_major_arrays_are_turned(void **state) {
    uint8_t bytes[512];
    atl_arrays *set;
    float x[6];
    assert_ok(*state, open_image(*state, bytes,
                                 "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", 24, &set));
    atl_array_read_f32(atl_arrays_get(set, 0), 0, 6, x);
    const float wanted[] = { 1, 3, 5, 2, 4, 6 };
    assert_memory_equal(x, wanted, sizeof wanted);
    atl_arrays_close(&set);
}

static void big_endian_arrays_are_turned(void **state) {
    uint8_t bytes[512];
    atl_arrays *set;
    float x[2];
    assert_ok(*state, open_image(*state, bytes,
                                 "{\"shape\": (2,), \"descr\": \">u2\", \"fortran_order\": False}", 4, &set));
    atl_array_read_f32(atl_arrays_get(set, 0), 0, 2, x); // bytes 00 00 80 3f
    assert_true(x[0] == 0 && x[1] == 0x803f);
    atl_arrays_close(&set);
}

static void damaged_headers_are_refused(void **state) {
    static const struct {
        const char *header;
        size_t size;
        const char *text;
    } bad[] = {
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", 24, "match its shape" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", 24, "match its shape" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000, 1000000000), }", 24,
          "match its shape" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 24, "not read" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 24, "not read" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, "not read" },
        { "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "opcode 0x00" },
        { "{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", 20, "(<U5)" },
        { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "not read" },
        { "{'descr': '<f4', 'shape': (1,), }", 4, "not read" },
        { "{'descr': '<f4', 'fortran_order': maybe, 'shape': (1,), }", 4, "not read" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4, "not read" },
        { "", 24, "not read" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t bytes[512];
        atl_arrays *set;
        atl_status status = open_image(*state, bytes, bad[i].header, bad[i].size, &set);
        assert_true(status == ATL_BAD_FILE || status == ATL_UNSUPPORTED);
        assert_fails(*state, status, status, bad[i].text);
    }
    atl_arrays *set;
    assert_fails(*state,
                 atl_arrays_open_memory(*state, "test", (const uint8_t *)"\x93NUMPY\1\0\xff\xff{}", 12, &set),
                 ATL_BAD_FILE, "cut");
    assert_fails(*state, atl_arrays_open_memory(*state, "test", (const uint8_t *)"\x93NUMPY\1\0\0", 9, &set),
                 ATL_BAD_FILE, "begin");
}

static void make_npz(char *path, size_t room, const char *const *names, const uint8_t *data, size_t size,
                     int count, int method) {
    int code;
    make_file(path, room, "", 0);
    unlink(path);
    zip_t *z = zip_open(path, ZIP_CREATE, &code);
    assert_non_null(z);
    for (int i = 0; i < count; i++) {
        zip_int64_t at = zip_file_add(z, names[i], zip_source_buffer(z, data, size, 0), 0);
        assert_true(at >= 0);
        zip_set_file_compression(z, (zip_uint64_t)at, method, 0);
    }
    assert_int_equal(zip_close(z), 0);
}

static void archives_are_read_stored_or_deflated(void **state) {
    static const float values[2] = { 1, -2 };
    const char *names[] = { "w.npy", "folder/z.npy" };
    uint8_t bytes[256];
    size_t size =
        image(bytes, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", values, sizeof values);
    for (int deflated = 0; deflated < 2; deflated++) {
        char path[100];
        float x[2];
        atl_arrays *set;
        make_npz(path, sizeof path, names, bytes, size, 2, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE);
        assert_ok(*state, atl_arrays_open(*state, path, &set));
        assert_int_equal(atl_arrays_size(set), 2);
        atl_array_read_f32(atl_arrays_find(set, "folder/z"), 0, 2, x);
        assert_memory_equal(x, values, sizeof values);
        assert_non_null(atl_arrays_find(set, "w"));
        atl_arrays_close(&set);
        drop_file(path);
    }
}

static void archives_of_other_things_are_refused(void **state) {
    const char *names[] = { "picture.png" };
    char path[100];
    atl_arrays *set;
    make_npz(path, sizeof path, names, (const uint8_t *)"x", 1, 1, ZIP_CM_STORE);
    assert_fails(*state, atl_arrays_open(*state, path, &set), ATL_BAD_FILE, "picture.png");
    drop_file(path);
}

static void small_archives_ask_for_little_memory(void **state) {
    enum { ZEROS = 80 << 20 };
    const char *names[] = { "z.npy" };
    char path[100];
    atl_arrays *set;
    uint8_t *bytes = calloc(1, ZEROS + 256);
    assert_non_null(bytes);
    size_t size =
        image(bytes, "{'descr': '|u1', 'fortran_order': False, 'shape': (83886080,), }", bytes + 256, 0);
    make_npz(path, sizeof path, names, bytes, size + ZEROS, 1, ZIP_CM_DEFLATE);
    assert_fails(*state, atl_arrays_open(*state, path, &set), ATL_BAD_FILE, "far larger than the file");
    drop_file(path);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_reads_back),           TEST(bf16_has_no_npy),
        TEST(column_major_arrays_are_turned),       TEST(big_endian_arrays_are_turned),
        TEST(damaged_headers_are_refused),          TEST(small_archives_ask_for_little_memory),
        TEST(archives_are_read_stored_or_deflated), TEST(archives_of_other_things_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
