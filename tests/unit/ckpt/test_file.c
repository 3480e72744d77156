// SPDX-License-Identifier: Apache-2.0
// Mapping files, and the writer that leaves either the old file or the new one.
#include "check.h"

#include <dirent.h>
#include <sys/stat.h>
#include "io/file.h"

static int entries(const char *file) { // files in the folder of a file
    char folder[100];
    snprintf(folder, sizeof folder, "%s", file);
    *strrchr(folder, '/') = '\0';
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void written_bytes_read_back(void **state) {
    enum { SIZE = 3 << 20 };
    char path[100];
    uint8_t *data = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    make_file(path, sizeof path, "old", 3);
    atl_writer *w;
    assert_ok(*state, atl_writer_open(*state, path, &w));
    size_t at = 0;
    for (size_t step = 0; at < SIZE;
         step = step * 3 + 1) { // from nothing to much at once, over the buffer's end
        size_t n = step % 700000 < SIZE - at ? step % 700000 : SIZE - at;
        assert_ok(*state, atl_writer_write(w, data + at, n));
        at += n;
    }
    assert_int_equal(entries(path), 2);
    assert_ok(*state, atl_writer_commit(&w));
    assert_null(w);
    assert_int_equal(entries(path), 1);
    atl_file file;
    assert_ok(*state, atl_file_map(*state, path, &file));
    assert_int_equal(file.bytes, SIZE);
    assert_memory_equal(file.data, data, SIZE);
    atl_file_unmap(&file);
    atl_file_unmap(&file); // harmless
    free(data);
    drop_file(path);
}

static void abort_leaves_the_old_file(void **state) {
    char path[100];
    make_file(path, sizeof path, "old", 3);
    atl_writer *w;
    assert_ok(*state, atl_writer_open(*state, path, &w));
    assert_ok(*state, atl_writer_write(w, "new!", 4));
    atl_writer_abort(&w);
    assert_null(w);
    atl_writer_abort(&w);
    assert_int_equal(entries(path), 1);
    atl_file file;
    assert_ok(*state, atl_file_map(*state, path, &file));
    assert_int_equal(file.bytes, 3);
    assert_memory_equal(file.data, "old", 3);
    atl_file_unmap(&file);
    drop_file(path);
}

static void the_mode_of_a_replaced_file_stays(void **state) {
    char path[100];
    struct stat info;
    make_file(path, sizeof path, "old", 3);
    chmod(path, 0640);
    atl_writer *w;
    assert_ok(*state, atl_writer_open(*state, path, &w));
    assert_ok(*state, atl_writer_commit(&w));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    drop_file(path);
}

static void impossible_files_are_errors(void **state) {
    atl_file file;
    atl_writer *w;
    assert_fails(*state, atl_file_map(*state, "/nowhere/x", &file), ATL_IO,
                 "/nowhere/x: can't be opened: No such file");
    assert_fails(*state, atl_file_map(*state, "/dev/null", &file), ATL_IO, "regular file");
    assert_fails(*state, atl_writer_open(*state, "/nowhere/x", &w), ATL_IO, "can't be written: No such file");
    assert_null(w);
    assert_fails(*state, atl_writer_open(*state, "/tmp", &w), ATL_IO, "folder");
    assert_fails(*state, atl_writer_open(*state, "/dev/null", &w), ATL_IO, "device");
}

static void empty_files_are_no_special_case(void **state) {
    char path[100];
    atl_file file;
    make_file(path, sizeof path, "", 0);
    assert_ok(*state, atl_file_map(*state, path, &file));
    assert_int_equal(file.bytes, 0);
    assert_non_null(file.data);
    atl_file_unmap(&file);
    drop_file(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(written_bytes_read_back),           TEST(abort_leaves_the_old_file),
        TEST(the_mode_of_a_replaced_file_stays), TEST(impossible_files_are_errors),
        TEST(empty_files_are_no_special_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
