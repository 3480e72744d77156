// SPDX-License-Identifier: Apache-2.0
// Every kind of source, made by the test itself, and what each says to damage.  It is long since it can write
// every kind.
#include "check.h"

#include <math.h>
#include <zlib.h>
#include <zip.h>
#include <atelier/array.h>
#include "data/example.h"
#ifdef ATL_HAVE_LMDB
#include <lmdb.h>
#endif

static atl_dataset *opened(place *p, const char *name, atl_labels labels) {
    atl_dataset_options o = ATL_DATASET_OPTIONS_INIT;
    atl_dataset *set;
    o.labels = labels;
    assert_ok(p, atl_dataset_open(p->ctx, at(p, name), &o, &set));
    return set;
}

static void refused(place *p, const char *name, atl_labels labels, const char *text) {
    atl_dataset_options o = ATL_DATASET_OPTIONS_INIT;
    atl_dataset *set;
    o.labels = labels;
    assert_fails(p, atl_dataset_open(p->ctx, at(p, name), &o, &set), ATL_BAD_FILE, text);
    assert_null(set);
}

static void holds(place *p, atl_dataset *set, size_t index, int seed) {
    atl_image image;
    assert_ok(p, atl_dataset_read(set, index, &image));
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++)
            for (int c = 0; c < image.channels; c++)
                assert_int_equal(image.pixels[(y * image.width + x) * image.channels + c],
                                 pixel(seed, x, y, c));
    atl_image_clear(p->ctx, &image);
}

// ---- folders

static void folder_is_sorted_and_deep(void **state) {
    place *p = *state;
    folder(p, "s");
    folder(p, "s/b");
    put_picture(p, "s/b/1.png", "png", 8, 8, 3, 2);
    put_picture(p, "s/a.png", "png", 8, 8, 3, 1);
    put_picture(p, "s/.hidden.png", "png", 9, 9, 3, 7);
    put_text(p, "s/notes.txt", "no picture");
    atl_dataset *set = opened(p, "s", ATL_LABELS_AUTO);
    const atl_dataset_info *info = atl_dataset_info_get(set);
    assert_string_equal(info->kind, "folder");
    assert_string_equal(info->name, "s");
    assert_int_equal(info->count, 2);
    assert_int_equal(info->label_size, 0);
    assert_string_equal(atl_dataset_name(set, 0), "a.png");
    assert_string_equal(atl_dataset_name(set, 1), "b/1.png");
    holds(p, set, 0, 1);
    holds(p, set, 1, 2);
    atl_image image;
    assert_fails(p, atl_dataset_read(set, 2, &image), ATL_BAD_ARGUMENT, "picture 2 of 2");
    atl_dataset_close(&set);
}

static void links_to_folders_are_not_followed(void **state) {
    place *p = *state;
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 8, 8, 3, 1);
    assert_int_equal(symlink("..", at(p, "s/up")), 0);
    assert_int_equal(symlink("nowhere", at(p, "s/b.png")), 0);
    assert_int_equal(symlink("a.png", at(p, "s/c.png")), 0);
    atl_dataset *set = opened(p, "s", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->count, 2);
    holds(p, set, 1, 1);
    atl_dataset_close(&set);
}

static void hear(void *user, atl_log_level level, const char *line) {
    if (level == ATL_LOG_WARNING)
        snprintf(user, 300, "%s", line);
}

static void what_is_passed_over_is_counted(void **state) {
    place *p = *state;
    char line[300] = "";
    folder(p, "s");
    static const char *const names[] = { "s/1.avif", "s/2.AVIF", "s/3.ppm", "s/notes.txt", "s/._a.png" };
    for (int i = 0; i < 5; i++)
        put_text(p, names[i], "x");
    refused(p, "s", ATL_LABELS_AUTO,
            "holds no pictures (PNG, JPEG, WebP, GIF, TIFF or BMP), but 3 files of formats "
            "that are not read (2 .avif, 1 .ppm)");
    put_picture(p, "s/a.jfif", "jpg", 8, 8, 3, 1);
    put_picture(p, "s/b.JPE", "jpg", 8, 8, 3, 1);
    assert_int_equal(symlink("..", at(p, "s/up")), 0);
    assert_int_equal(symlink("nowhere", at(p, "s/c.png")), 0);
    p->ctx->log = hear;
    p->ctx->log_user = line;
    atl_dataset *set = opened(p, "s", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->count, 2);
    assert_non_null(
        strstr(line, ": passed over: 3 files of formats that are not read (2 .avif, 1 .ppm) and 2 links"));
    atl_dataset_close(&set);
}

static void labels_of_json(void **state) {
    place *p = *state;
    float label[4];
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 8, 8, 1, 1);
    put_picture(p, "s/b.png", "png", 8, 8, 1, 2);
    put_text(p, "s/dataset.json", "{\"labels\": [[\"b.png\", 2], [\"a.png\", 0], [\"gone.png\", 9]]}");
    atl_dataset *set = opened(p, "s", ATL_LABELS_JSON);
    assert_int_equal(atl_dataset_info_get(set)->label_size, 3);
    atl_dataset_label(set, 1, label);
    assert_true(label[0] == 0 && label[1] == 0 && label[2] == 1);
    atl_dataset_close(&set);
    put_text(p, "s/dataset.json", "{\"labels\": [[\"b.png\", [0.5, -2]], [\"a.png\", [1, 3]]]}");
    set = opened(p, "s", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->label_size, 2);
    atl_dataset_label(set, 1, label);
    assert_true(label[0] == 0.5f && label[1] == -2);
    atl_dataset_close(&set);
    put_text(p, "s/dataset.json", "{\"labels\": null}");
    set = opened(p, "s", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->label_size, 0);
    atl_dataset_close(&set);
}

static void bad_labels_are_refused(void **state) {
    place *p = *state;
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 8, 8, 1, 1);
    put_picture(p, "s/b.png", "png", 8, 8, 1, 2);
    static const char *const cases[][2] = {
        { "{\"labels\": [[\"a.png\", 1]", "no JSON" },
        { "{\"labels\": 3}", "no list" },
        { "[]", "no list" },
        { "{\"labels\": [[\"a.png\"]]}", "no pair" },
        { "{\"labels\": [[\"a.png\", \"cat\"]]}", "no number and no list" },
        { "{\"labels\": [[\"a.png\", -1]]}", "0 to 65535" },
        { "{\"labels\": [[\"a.png\", 1000000000000]]}", "0 to 65535" },
        { "{\"labels\": [[\"a.png\", 1], [\"b.png\", [1]]]}", "is a list, where those before are classes" },
        { "{\"labels\": [[\"a.png\", [1]], [\"b.png\", [1, 2]]]}", "one length" },
        { "{\"labels\": [[\"a.png\", [1e300]]]}", "no number" },
        { "{\"labels\": [[\"a.png\", 1]]}",
          "1 of 2 pictures have no label in dataset.json, the first is 'b.png'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text(p, "s/dataset.json", cases[i][0]);
        refused(p, "s", ATL_LABELS_JSON, cases[i][1]);
    }
}

static void labels_of_folders(void **state) {
    place *p = *state;
    float label[2];
    folder(p, "s");
    folder(p, "s/dog");
    folder(p, "s/cat");
    put_picture(p, "s/dog/1.png", "png", 8, 8, 3, 1);
    put_picture(p, "s/cat/1.png", "png", 8, 8, 3, 2);
    put_picture(p, "s/cat/2.png", "png", 8, 8, 3, 3);
    atl_dataset *set = opened(p, "s", ATL_LABELS_FOLDERS);
    assert_int_equal(atl_dataset_info_get(set)->label_size, 2);
    atl_dataset_label(set, 1, label);
    assert_true(label[0] == 1 && label[1] == 0);
    atl_dataset_label(set, 2, label);
    assert_true(label[0] == 0 && label[1] == 1);
    atl_dataset_close(&set);
    put_picture(p, "s/zebra.png", "png", 8, 8, 3, 4);
    refused(p, "s", ATL_LABELS_FOLDERS, "the first is 'zebra.png'");
}

static void pictures_must_be_alike(void **state) {
    place *p = *state;
    atl_image image;
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 8, 8, 3, 1);
    put_picture(p, "s/b.png", "png", 9, 8, 3, 1);
    put_picture(p, "s/c.png", "png", 8, 8, 1, 1);
    put_picture(p, "s/d.png", "png", 8, 8, 4, 1);
    atl_dataset *set = opened(p, "s", ATL_LABELS_AUTO);
    assert_fails(p, atl_dataset_read(set, 1, &image), ATL_BAD_FILE, "b.png: 9x8 pixels");
    assert_fails(p, atl_dataset_read(set, 2, &image), ATL_BAD_FILE, "c.png: 8x8 pixels with 1 channel");
    assert_fails(p, atl_dataset_read(set, 3, &image), ATL_BAD_FILE, "d.png: is transparent");
    atl_dataset_close(&set);
    folder(p, "empty");
    refused(p, "empty", ATL_LABELS_AUTO, "holds no pictures");
    assert_fails(p, atl_dataset_open(p->ctx, at(p, "nothing"), NULL, &set), ATL_IO, "No such file");
    put_text(p, "x.txt", "x");
    assert_fails(p, atl_dataset_open(p->ctx, at(p, "x.txt"), NULL, &set), ATL_BAD_ARGUMENT, "not a source");
}

// ---- zip

static void zip_members_are_keys_not_paths(void **state) {
    place *p = *state;
    size_t size;
    put_picture(p, "one.png", "png", 8, 8, 3, 5);
    uint8_t *png = get_file(p, "one.png", &size);
    static const char *const names[] = { "../../evil.png", "a/b.png", "__MACOSX/._b.png", "/abs.png" };
    zip_t *z = zip_open(at(p, "s.zip"), ZIP_CREATE, NULL);
    assert_non_null(z);
    for (size_t i = 0; i < 4; i++)
        zip_file_add(z, names[i], zip_source_buffer(z, png, size, 0), 0);
    static const char json[] = "{\"labels\": [[\"a/b.png\", 1], [\"../../evil.png\", 0], [\"/abs.png\", 0]]}";
    zip_file_add(z, "dataset.json", zip_source_buffer(z, json, sizeof json - 1, 0), 0);
    assert_int_equal(zip_close(z), 0);
    atl_dataset *set = opened(p, "s.zip", ATL_LABELS_JSON);
    assert_string_equal(atl_dataset_info_get(set)->kind, "zip");
    assert_int_equal(atl_dataset_info_get(set)->label_size, 2);
    for (size_t i = 0; i < atl_dataset_info_get(set)->count; i++)
        holds(p, set, i, 5);
    assert_int_equal(entries_in(p, ""), 2); // nothing was extracted
    atl_image image;
    assert_int_equal(truncate(at(p, "s.zip"), 20), 0); // while it is open
    assert_fails(p, atl_dataset_read(set, 0, &image), ATL_BAD_FILE, "somebody has made it shorter");
    atl_dataset_close(&set);
    free(png);
    put_text(p, "cut.zip", "PK\003\004 no zip");
    refused(p, "cut.zip", ATL_LABELS_AUTO, "can't be read");
}

// ---- TFRecords

static size_t frame(uint8_t *out, const uint8_t *data, size_t size) {
    uint32_t table[256], crc;
    uint8_t *begin = out;
    atl_crc32c_init(table);
    for (int i = 0; i < 8; i++)
        *out++ = (uint8_t)((uint64_t)size >> 8 * i);
    crc = atl_crc32c_masked(table, begin, 8);
    for (int i = 0; i < 4; i++)
        *out++ = (uint8_t)(crc >> 8 * i);
    memcpy(out, data, size);
    out += size;
    crc = atl_crc32c_masked(table, data, size);
    for (int i = 0; i < 4; i++)
        *out++ = (uint8_t)(crc >> 8 * i);
    return (size_t)(out - begin);
}

// Bytes of an Example: a 3 x 4 x 4 picture, its shape packed or one by one.
static size_t example(uint8_t *out, int seed, int packed) {
    uint8_t data[48];
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < 4; x++)
                data[c * 16 + y * 4 + x] = pixel(seed, x, y, c);
    static const uint8_t one_by_one[] = { 0x0a, 17,   0x0a, 5, 's', 'h', 'a', 'p', 'e', 0x12,
                                          8,    0x1a, 6,    8, 3,   8,   4,   8,   4 };
    static const uint8_t together[] = { 0x0a, 16, 0x0a, 5, 's',  'h', 'a', 'p', 'e',
                                        0x12, 7,  0x1a, 5, 0x0a, 3,   3,   4,   4 };
    static const uint8_t head[] = { 0x0a, 60, 0x0a, 4, 'd', 'a', 't', 'a', 0x12, 52, 0x0a, 50, 0x0a, 48 };
    const uint8_t *shape = packed ? together : one_by_one;
    size_t n = packed ? sizeof together : sizeof one_by_one;
    out[0] = 0x0a;
    out[1] = (uint8_t)(n + sizeof head + 48);
    memcpy(out + 2, shape, n);
    memcpy(out + 2 + n, head, sizeof head);
    memcpy(out + 2 + n + sizeof head, data, 48);
    return 2 + n + sizeof head + 48;
}

static void crc_is_castagnolis(void **state) {
    (void)state;
    uint32_t table[256], crc = 0xe3069283u; // of "123456789", the usual check value
    atl_crc32c_init(table);
    assert_int_equal(atl_crc32c_masked(table, (const uint8_t *)"123456789", 9),
                     (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u));
}

static void tfrecords_and_their_labels(void **state) {
    place *p = *state;
    uint8_t bytes[512], file[1024];
    float label[2];
    folder(p, "t");
    size_t n = frame(file, bytes, example(bytes, 1, 0));
    n += frame(file + n, bytes, example(bytes, 2, 1));
    put_file(p, "t/t-r02.tfrecords", file, n);
    put_text(p, "t/t-r01.tfrecords", "a smaller level is not opened");
    float rows[] = { 0, 1, 1, 0 };
    atl_array labels = { "", ATL_F32, 2, { 2, 2 }, rows };
    assert_ok(p, atl_npy_write(p->ctx, at(p, "t/t-rxx.labels"), &labels));
    for (int alone = 0; alone < 2; alone++) {
        atl_dataset *set = opened(p, alone ? "t/t-r02.tfrecords" : "t", ATL_LABELS_AUTO);
        assert_string_equal(atl_dataset_info_get(set)->kind, "tfrecord");
        assert_int_equal(atl_dataset_info_get(set)->count, 2);
        assert_int_equal(atl_dataset_info_get(set)->label_size, 2);
        holds(p, set, 0, 1);
        holds(p, set, 1, 2);
        atl_dataset_label(set, 0, label);
        assert_true(label[0] == 0 && label[1] == 1);
        atl_dataset_close(&set);
    }
    rows[3] = NAN;
    assert_ok(p, atl_npy_write(p->ctx, at(p, "t/t-rxx.labels"), &labels));
    refused(p, "t", ATL_LABELS_AUTO, "the label of record 1 holds something that is no number");
    rows[3] = 0;
    labels.dims[0] = 1;
    assert_ok(p, atl_npy_write(p->ctx, at(p, "t/t-rxx.labels"), &labels));
    refused(p, "t", ATL_LABELS_AUTO, "a row for each of 2 pictures");
    assert_int_equal(remove(at(p, "t/t-rxx.labels")), 0);
    atl_dataset *open = opened(p, "t", ATL_LABELS_NONE);
    atl_image image;
    memset(file, 0x7f, n); // while it is open
    put_file(p, "t/t-r02.tfrecords", file, n);
    assert_fails(p, atl_dataset_read(open, 0, &image), ATL_BAD_FILE, "record 0 has a wrong checksum");
    put_file(p, "t/t-r02.tfrecords", file, 3);
    assert_fails(p, atl_dataset_read(open, 0, &image), ATL_BAD_FILE, "somebody has made it shorter");
    atl_dataset_close(&open);
}

static size_t put_length(uint8_t *out, size_t value) { // a varint of two bytes
    out[0] = (uint8_t)(value | 0x80);
    out[1] = (uint8_t)(value >> 7);
    return 2;
}

// An Example with the feature `key` that holds `size` bytes.
static size_t encoded_example(uint8_t *out, const char *key, const uint8_t *data, size_t size) {
    size_t name = strlen(key), list = size + 3, feature = list + 3, entry = 2 + name + 3 + feature, n = 0;
    assert_true(entry + 3 < 1 << 14 && name < 128);
    out[n++] = 0x0a;
    n += put_length(out + n, entry + 3);
    out[n++] = 0x0a;
    n += put_length(out + n, entry);
    out[n++] = 0x0a;
    out[n++] = (uint8_t)name;
    memcpy(out + n, key, name);
    n += name;
    out[n++] = 0x12;
    n += put_length(out + n, feature);
    out[n++] = 0x0a;
    n += put_length(out + n, list);
    out[n++] = 0x0a;
    n += put_length(out + n, size);
    memcpy(out + n, data, size);
    return n + size;
}

static void records_of_forks_hold_files(void **state) {
    place *p = *state;
    static const char *const keys[] = { "img", "image/encoded", "data" };
    uint8_t bytes[4096], file[8192];
    size_t png_size, other_size;
    put_picture(p, "a.png", "png", 8, 8, 3, 1);
    put_picture(p, "b.png", "png", 8, 8, 3, 2);
    uint8_t *png = get_file(p, "a.png", &png_size), *other = get_file(p, "b.png", &other_size);
    for (int i = 0; i < 3; i++) {
        size_t n = frame(file, bytes, encoded_example(bytes, keys[i], png, png_size));
        n += frame(file + n, bytes, encoded_example(bytes, keys[i], other, other_size));
        put_file(p, "t.tfrecords", file, n);
        atl_dataset *set = opened(p, "t.tfrecords", ATL_LABELS_AUTO);
        assert_int_equal(atl_dataset_info_get(set)->count, 2);
        holds(p, set, 0, 1);
        holds(p, set, 1, 2);
        atl_dataset_close(&set);
    }
    put_file(p, "t.tfrecords", file, frame(file, bytes, encoded_example(bytes, "img", png, png_size - 30)));
    refused(p, "t.tfrecords", ATL_LABELS_AUTO, "00000000: damaged PNG");
    put_file(p, "t.tfrecords", file,
             frame(file, bytes, encoded_example(bytes, "img", png + 1, png_size - 1)));
    refused(p, "t.tfrecords", ATL_LABELS_AUTO, "holds no picture");
    put_file(p, "t.tfrecords", "\x1f\x8b\x08", 3);
    refused(p, "t.tfrecords", ATL_LABELS_AUTO, "is packed by gzip");
    free(png);
    free(other);
}

static void broken_records_are_refused(void **state) {
    place *p = *state;
    uint8_t bytes[512], file[1024];
    size_t n = frame(file, bytes, example(bytes, 1, 0));
    put_file(p, "a.tfrecords", file, n - 1);
    refused(p, "a.tfrecords", ATL_LABELS_AUTO, "record 0 claims");
    put_file(p, "a.tfrecords", file, 9);
    refused(p, "a.tfrecords", ATL_LABELS_AUTO, "cut in record 0 at byte 0");
    file[30] ^= 1;
    put_file(p, "a.tfrecords", file, n);
    refused(p, "a.tfrecords", ATL_LABELS_AUTO, "record 0 has a wrong checksum");
    file[7] ^= 0x80;
    put_file(p, "a.tfrecords", file, n);
    refused(p, "a.tfrecords", ATL_LABELS_AUTO, "at byte 0 has a wrong checksum");
    memset(file, 0xff, 8); // a length of 2^64 - 1 with the right checksum
    uint32_t table[256];
    atl_crc32c_init(table);
    uint32_t crc = atl_crc32c_masked(table, file, 8);
    for (int i = 0; i < 4; i++)
        file[8 + i] = (uint8_t)(crc >> 8 * i);
    put_file(p, "a.tfrecords", file, n);
    refused(p, "a.tfrecords", ATL_LABELS_AUTO, "claims 18446744073709551615 bytes");
    put_file(p, "a.tfrecords", file, frame(file, (const uint8_t *)"\x0a\x00", 2));
    refused(p, "a.tfrecords", ATL_LABELS_AUTO, "holds no picture");
}

static void examples_are_bounded(void **state) {
    (void)state;
    uint8_t bytes[512], whole[512];
    atl_example e;
    size_t n = example(whole, 3, 0);
    assert_true(atl_example_parse(whole, n, &e));
    assert_int_equal(e.rank, 3);
    assert_int_equal(e.size, 48);
    for (size_t cut = 1; cut < n; cut++)
        assert_false(atl_example_parse(whole, cut, &e));
    static const uint8_t endless[] = {
        0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
    };
    assert_false(atl_example_parse(endless, sizeof endless, &e));
    memset(bytes, 8, sizeof bytes); // varint fields of number 1: skipped
    assert_true(atl_example_parse(bytes, 2, &e));
    assert_int_equal(e.rank, 0);
}

// ---- MNIST, CIFAR

static void put_gzip(place *p, const char *name, const void *bytes, size_t size) {
    gzFile f = gzopen(at(p, name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)size), size);
    gzclose(f);
}

static void mnist_gets_a_border(void **state) {
    place *p = *state;
    static const uint8_t head[16] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28 };
    static const uint8_t labels[10] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 0 };
    uint8_t file[16 + 2 * 784];
    memcpy(file, head, 16);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 784; k++)
            file[16 + i * 784 + k] = pixel(i, k % 28, k / 28, 0);
    put_gzip(p, "t-images-idx3-ubyte.gz", file, sizeof file);
    put_gzip(p, "t-labels-idx1-ubyte.gz", labels, sizeof labels);
    atl_dataset *set = opened(p, "t-images-idx3-ubyte.gz", ATL_LABELS_AUTO);
    const atl_dataset_info *info = atl_dataset_info_get(set);
    assert_true(info->count == 2 && info->width == 32 && info->channels == 1 && info->label_size == 8);
    atl_image image;
    assert_ok(p, atl_dataset_read(set, 1, &image));
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++) {
            int inside = x >= 2 && x < 30 && y >= 2 && y < 30;
            assert_int_equal(image.pixels[y * 32 + x], inside ? pixel(1, x - 2, y - 2, 0) : 0);
        }
    atl_image_clear(p->ctx, &image);
    atl_dataset_close(&set);
    put_gzip(p, "t-labels-idx1-ubyte.gz", labels, sizeof labels - 1);
    refused(p, "t-images-idx3-ubyte.gz", ATL_LABELS_AUTO, "no list of 2 labels");
    put_gzip(p, "u-images-idx3-ubyte.gz", file, sizeof file - 5);
    refused(p, "u-images-idx3-ubyte.gz", ATL_LABELS_AUTO, "it is cut");
    put_file(p, "u-images-idx3-ubyte", file, sizeof file); // not packed
    set = opened(p, "u-images-idx3-ubyte", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->count, 2);
    atl_dataset_close(&set);
    file[7] = 1;
    put_gzip(p, "u-images-idx3-ubyte.gz", file, sizeof file);
    refused(p, "u-images-idx3-ubyte.gz", ATL_LABELS_AUTO,
            "promises 1 pictures, which are 784 bytes, and has 1568: it is damaged");
    put_file(p, "u-images-idx3-ubyte.gz", "\x1f\x8b\x08 cut", 7);
    refused(p, "u-images-idx3-ubyte.gz", ATL_LABELS_AUTO, "gzip");
}

// 80 MiB of zeros in 80 KiB.
static void gzip_may_not_claim_much(void **state) {
    place *p = *state;
    size_t size = 80 << 20;
    uint8_t *zeros = calloc(size, 1);
    assert_non_null(zeros);
    put_gzip(p, "t-images-idx3-ubyte.gz", zeros, size);
    refused(p, "t-images-idx3-ubyte.gz", ATL_LABELS_AUTO, "unpacks to more than ");
    assert_int_equal(rename(at(p, "t-images-idx3-ubyte.gz"), at(p, "cifar-10-python.tar.gz")), 0);
    refused(p, "cifar-10-python.tar.gz", ATL_LABELS_AUTO, "unpacks to more than ");
    free(zeros);
}

// A batch as Python 2 pickled it: raw strings, a numpy array of `count` rows, a list of labels.
static size_t cifar_batch(uint8_t *out, int count) {
    uint8_t *at = out;
    static const char start[] = "\x80\x02}(U\x06labels](K\x03K\x09"
                                "eU\x04"
                                "data"
                                "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
                                "K\0\x85U\x01"
                                "b\x87R(K\x01K\x02M\x00\x0c\x86"
                                "cnumpy\ndtype\nU\x02u1K\0K\x01\x87R"
                                "(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T";
    memcpy(at, start, sizeof start - 1);
    at += sizeof start - 1;
    size_t bytes = (size_t)count * 3072;
    for (int i = 0; i < 4; i++)
        *at++ = (uint8_t)(bytes >> 8 * i);
    for (int n = 0; n < count; n++)
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < 32; y++)
                for (int x = 0; x < 32; x++)
                    *at++ = pixel(n + 1, x, y, c);
    memcpy(at, "tbu.", 4);
    return (size_t)(at + 4 - out);
}

static void tar_header(uint8_t *head, const char *name, size_t size) {
    memset(head, 0, 512);
    strcpy((char *)head, name);
    snprintf((char *)head + 124, 12, "%011zo", size);
    head[156] = '0';
    memset(head + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += head[i];
    snprintf((char *)head + 148, 8, "%06o", sum);
}

static void cifar_of_python_2(void **state) {
    place *p = *state;
    float label[10];
    uint8_t *tar = calloc(1, 16384);
    size_t n = cifar_batch(tar + 512, 2);
    tar_header(tar, "cifar-10-batches-py/data_batch_1", n);
    put_gzip(p, "cifar-10-python.tar.gz", tar, 16384);
    atl_dataset *set = opened(p, "cifar-10-python.tar.gz", ATL_LABELS_AUTO);
    const atl_dataset_info *info = atl_dataset_info_get(set);
    assert_true(info->count == 2 && info->width == 32 && info->channels == 3 && info->label_size == 10);
    holds(p, set, 0, 1);
    holds(p, set, 1, 2);
    atl_dataset_label(set, 1, label);
    assert_true(label[9] == 1 && label[3] == 0);
    atl_dataset_close(&set);
    put_gzip(p, "cifar-10-python.tar.gz", tar, 4096); // ends within the member
    refused(p, "cifar-10-python.tar.gz", ATL_LABELS_AUTO, "damaged or cut tar file");
    tar_header(tar, "cifar-10-batches-py/data_batch_1", n - 2);
    put_gzip(p, "cifar-10-python.tar.gz", tar, 16384);
    refused(p, "cifar-10-python.tar.gz", ATL_LABELS_AUTO, "cifar-10-python.tar.gz");
    tar[3] ^= 1; // the checksum of the header
    put_gzip(p, "cifar-10-python.tar.gz", tar, 16384);
    refused(p, "cifar-10-python.tar.gz", ATL_LABELS_AUTO, "damaged or cut tar file");
    free(tar);
}

// ---- LMDB

#ifdef ATL_HAVE_LMDB
static void put_lmdb(place *p, const char *name, const char *const *keys, const char *const *files,
                     size_t count) {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    folder(p, name);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, at(p, name), 0, 0666), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(files[i]);
        uint8_t *bytes = strchr(files[i], '.') ? get_file(p, files[i], &size) : (uint8_t *)strdup(files[i]);
        MDB_val key = { strlen(keys[i]), (void *)keys[i] }, value = { size, bytes };
        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
        free(bytes);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void lmdb_of_both_kinds(void **state) {
    place *p = *state;
    put_picture(p, "8.png", "png", 8, 8, 3, 1);
    put_picture(p, "8b.png", "png", 8, 8, 3, 2);
    put_picture(p, "4.png", "png", 4, 4, 3, 3);
    static const char *const keys[] = { "length", "8-00000", "8-00001", "4-00000", "4-00001" };
    static const char *const files[] = { "2", "8.png", "8b.png", "4.png", "4.png" };
    put_lmdb(p, "ros", keys, files, 5);
    put_lmdb(p, "lsun", keys + 1, files + 1, 2);
    static const char *const names[] = { "ros", "lsun" };
    for (int i = 0; i < 2; i++) {
        atl_dataset *set = opened(p, names[i], ATL_LABELS_AUTO);
        assert_string_equal(atl_dataset_info_get(set)->kind, "lmdb");
        assert_int_equal(atl_dataset_info_get(set)->count, 2);
        holds(p, set, 0, 1);
        holds(p, set, 1, 2);
        atl_dataset_close(&set);
    }
    assert_int_equal(rename(at(p, "lsun/data.mdb"), at(p, "lsun.lmdb")), 0); // the file by itself
    atl_dataset *alone = opened(p, "lsun.lmdb", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(alone)->count, 2);
    atl_dataset_close(&alone);
    put_lmdb(p, "gap", keys, (const char *const[]){ "3", "8.png", "8b.png" }, 3);
    refused(p, "gap", ATL_LABELS_AUTO, "has no picture '8-00002'");
}

// Enough entries for pages below pages, of which some have pages of their own; then the file cut at every
// page.
static void lmdb_that_is_cut(void **state) {
    place *p = *state;
    enum { COUNT = 300, PAGE = 4096 };
    static char names[COUNT][16];
    const char *keys[COUNT], *files[COUNT];
    put_picture(p, "8.png", "png", 8, 8, 3, 1);
    put_picture(p, "40.png", "png", 40, 50, 3, 2);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "key%05d", i);
        keys[i] = names[i];
        files[i] = i % 50 == 7 ? "40.png" : "8.png";
    }
    put_lmdb(p, "l", keys, files, COUNT);
    atl_dataset *set = opened(p, "l", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(atl_dataset_name(set, i), names[i]);
    holds(p, set, COUNT - 1, 1);
    atl_dataset_close(&set);
    size_t size;
    uint8_t *bytes = get_file(p, "l/data.mdb", &size);
    assert_true(size >= 10 * PAGE);
    put_file(p, "l/data.mdb", "", 0);
    refused(p, "l", ATL_LABELS_AUTO, "is no LMDB file");
    for (size_t n = 1000; n < size; n += PAGE) {
        put_file(p, "l/data.mdb", bytes, n);
        refused(p, "l", ATL_LABELS_AUTO, "which it needs: it is cut");
    }
    free(bytes);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(folder_is_sorted_and_deep),
        TEST(links_to_folders_are_not_followed),
        TEST(what_is_passed_over_is_counted),
        TEST(labels_of_json),
        TEST(bad_labels_are_refused),
        TEST(labels_of_folders),
        TEST(pictures_must_be_alike),
        TEST(zip_members_are_keys_not_paths),
        TEST(crc_is_castagnolis),
        TEST(tfrecords_and_their_labels),
        TEST(records_of_forks_hold_files),
        TEST(broken_records_are_refused),
        TEST(examples_are_bounded),
        TEST(mnist_gets_a_border),
        TEST(gzip_may_not_claim_much),
        TEST(cifar_of_python_2),
#ifdef ATL_HAVE_LMDB
        TEST(lmdb_of_both_kinds),
        TEST(lmdb_that_is_cut),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
