// SPDX-License-Identifier: Apache-2.0
// Making a set and checking one: what is written, that it is the same each time, that nothing is left
// after a failure, and that every fault is found in one pass.
#include "check.h"

#include "data/prepare.h"

typedef struct heard {
    char lines[40][200];
    size_t count;
    size_t stop_at; // pictures after which to stop; 0: never
} heard;

static void on_bad(void *user, const char *name, const char *reason) {
    heard *h = user;
    snprintf(h->lines[h->count++ % 40], 200, "%.40s: %.150s", name, reason);
}

static int on_progress(void *user, size_t done, size_t total, const char *name) {
    heard *h = user;
    assert_true(done <= total && *name);
    return h->stop_at && done == h->stop_at;
}

static void on_found(void *user, const atl_finding *f) {
    heard *h = user;
    snprintf(h->lines[h->count++ % 40], 200, "%s %.40s: %.130s", atl_finding_name(f->kind), f->name,
             f->reason);
}

static atl_dataset_make_options options_for(heard *h) {
    atl_dataset_make_options o = ATL_DATASET_MAKE_OPTIONS_INIT;
    *h = (heard){ .count = 0 };
    o.bad = on_bad;
    o.progress = on_progress;
    o.user = h;
    return o;
}

static void put_set(place *p) {
    folder(p, "s");
    folder(p, "s/x");
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "s/x/%d.png", i);
        put_picture(p, name, "png", 8, 8, 3, i + 1);
    }
    put_text(p, "s/dataset.json",
             "{\"labels\": [[\"x/0.png\", 4], [\"x/1.png\", 0], [\"x/2.png\", 1], [\"x/3.png\", 1], "
             "[\"x/4.png\", 2]]}");
}

static void same_bytes_whatever_the_threads(void **state) {
    place *p = *state;
    heard h;
    size_t a, b;
    put_set(p);
    atl_dataset_make_options o = options_for(&h);
    atl_dataset_made made;
    o.threads = 1;
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "1.zip"), &o, &made));
    assert_true(made.written == 5 && made.width == 8 && made.channels == 3 && made.label_size == 5);
    o.threads = 4;
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "2.zip"), &o, NULL));
    uint8_t *one = get_file(p, "1.zip", &a), *two = get_file(p, "2.zip", &b);
    assert_int_equal(a, b);
    assert_memory_equal(one, two, a);
    free(one);
    free(two);
    assert_int_equal(entries_in(p, ""), 3); // no temporary files
}

static void zip_and_folder_read_back(void **state) {
    place *p = *state;
    heard h;
    put_set(p);
    atl_dataset_make_options o = options_for(&h);
    o.max_images = 3;
    folder(p, "d"); // an empty folder may be there
    static const char *const names[] = { "d", "d.zip" };
    for (int i = 0; i < 2; i++) {
        atl_dataset *set;
        float label[8];
        atl_image image;
        assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, names[i]), &o, NULL));
        assert_ok(p, atl_dataset_open(p->ctx, at(p, names[i]), NULL, &set));
        assert_int_equal(atl_dataset_info_get(set)->count, 3);
        assert_string_equal(atl_dataset_info_get(set)->name, "d");
        assert_string_equal(atl_dataset_name(set, 2), "00000/img00000002.png");
        assert_int_equal(atl_dataset_info_get(set)->label_size, 5);
        atl_dataset_label(set, 0, label);
        assert_true(label[4] == 1 && label[0] == 0);
        assert_ok(p, atl_dataset_read(set, 2, &image));
        assert_int_equal(image.pixels[(3 * 8 + 4) * 3 + 1], pixel(3, 4, 3, 1));
        atl_image_clear(p->ctx, &image);
        atl_dataset_close(&set);
    }
    size_t size;
    uint8_t *json = get_file(p, "d/dataset.json", &size);
    static const char want[] =
        "{\"labels\": [[\"00000/img00000000.png\", 4], [\"00000/img00000001.png\", 0], "
        "[\"00000/img00000002.png\", 1]]}";
    assert_int_equal(size, sizeof want - 1);
    assert_memory_equal(json, want, size);
    free(json);
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d"), &o, NULL), ATL_BAD_ARGUMENT,
                 "no empty folder");
}

static void vectors_are_written_as_python_would(void **state) {
    place *p = *state;
    size_t size;
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 8, 8, 1, 1);
    put_text(p, "s/dataset.json", "{\"labels\": [[\"a.png\", [1, -0.1, 1e-9]]]}");
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d"), NULL, NULL));
    uint8_t *json = get_file(p, "d/dataset.json", &size);
    static const char want[] = "{\"labels\": [[\"00000/img00000000.png\", [1.0, -0.1, 1e-09]]]}";
    assert_int_equal(size, sizeof want - 1);
    assert_memory_equal(json, want, size);
    free(json);
}

static void all_bad_ones_are_named_in_one_pass(void **state) {
    place *p = *state;
    heard h;
    put_set(p);
    put_picture(p, "s/x/1.png", "png", 9, 7, 3, 1);
    put_picture(p, "s/x/2.png", "png", 8, 8, 1, 1);
    put_text(p, "s/x/3.png", "\211PNG but no");
    put_picture(p, "s/x/4.png", "png", 8, 8, 4, 1);
    atl_dataset_make_options o = options_for(&h);
    atl_dataset_made made;
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d.zip"), &o, &made), ATL_BAD_FILE,
                 "4 of 5 pictures can't be used, and nothing was written");
    assert_int_equal(made.bad, 4);
    assert_int_equal(h.count, 4);
    static const char *const reasons[] = { "x/1.png: is 9x7, not square",
                                           "x/2.png: is gray, the first is RGB",
                                           "x/3.png: ", "x/4.png: is transparent" };
    for (int i = 0; i < 4; i++)
        assert_non_null(strstr(h.lines[i], reasons[i]));
    assert_false(exists(p, "d.zip"));
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d"), &o, &made), ATL_BAD_FILE, "4 of 5");
    assert_int_equal(entries_in(p, ""), 1); // the source alone
    o.skip_bad = 1;
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d.zip"), &o, &made));
    assert_true(made.written == 1 && made.bad == 4);
}

static void stopping_leaves_nothing(void **state) {
    place *p = *state;
    heard h;
    put_set(p);
    atl_dataset_make_options o = options_for(&h);
    h.stop_at = 2;
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d.zip"), &o, NULL), ATL_CANCELLED, "stopped");
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "d"), &o, NULL), ATL_CANCELLED, "stopped");
    assert_int_equal(entries_in(p, ""), 1);
}

static void places_are_made_and_unmade(void **state) {
    place *p = *state;
    heard h;
    put_set(p);
    atl_dataset_make_options o = options_for(&h);
    h.stop_at = 2;
    folder(p, "there");
    folder(p, "there/lost+found");
    static const char *const places[] = { "a/b/c", "a/b.zip", "there" };
    for (int i = 0; i < 3; i++) {
        assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, places[i]), &o, NULL), ATL_CANCELLED,
                     "stopped");
        assert_int_equal(entries_in(p, ""), 2);
    }
    assert_int_equal(entries_in(p, "there"), 1);
    h.stop_at = 0;
    for (int i = 0; i < 3; i++)
        assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, places[i]), &o, NULL));
    assert_int_equal(entries_in(p, "a"), 2);
    assert_int_equal(entries_in(p, "a/b"), 1);
    assert_int_equal(entries_in(p, "there"), 3); // 00000, dataset.json and what was there
    assert_int_equal(entries_in(p, "there/00000"), 5);
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "a/b.zip"), &o, NULL), ATL_BAD_ARGUMENT,
                 "is there already");
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "a/b.zip"), at(p, "a/b.zip"), &o, NULL), ATL_BAD_ARGUMENT,
                 "is what the set is to be made of");
    assert_int_equal(symlink("x", at(p, "link")), 0);
    folder(p, "x");
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, "link"), &o, NULL));
    assert_int_equal(entries_in(p, "x"), 2);
}

// The picture of number 0 of a set, made with `o` from one picture of 3 channels.
static void make_one(place *p, const atl_dataset_make_options *o, int width, int height, int channels,
                     atl_image *image) {
    atl_dataset *set;
    remove_tree(at(p, "one"));
    remove_tree(at(p, "out"));
    folder(p, "one");
    put_picture(p, "one/a.png", "png", width, height, channels, 1);
    assert_ok(p, atl_dataset_make(p->ctx, at(p, "one"), at(p, "out"), o, NULL));
    assert_ok(p, atl_dataset_open(p->ctx, at(p, "out"), NULL, &set));
    assert_ok(p, atl_dataset_read(set, 0, image));
    atl_dataset_close(&set);
}

static void crops_come_from_the_middle(void **state) {
    place *p = *state;
    heard h;
    atl_image image;
    atl_dataset_make_options o = options_for(&h);
    o.crop = ATL_CROP_CENTER;
    make_one(p, &o, 13, 8, 3, &image); // columns 2 to 9
    assert_true(image.width == 8 && image.height == 8);
    assert_int_equal(image.pixels[(5 * 8 + 3) * 3 + 2], pixel(1, 5, 5, 2));
    atl_image_clear(p->ctx, &image);
    o.crop = ATL_CROP_CENTER_WIDE;
    o.width = 8;
    o.height = 4;
    make_one(p, &o, 8, 8, 3, &image); // rows 2 to 5 go to rows 2 to 5 of a black square
    assert_true(image.width == 8 && image.height == 8);
    assert_int_equal(image.pixels[(3 * 8 + 6) * 3], pixel(1, 6, 3, 0));
    for (int i = 0; i < 8 * 3; i++)
        assert_true(image.pixels[8 * 3 + i] == 0 && image.pixels[6 * 8 * 3 + i] == 0);
    atl_image_clear(p->ctx, &image);
    atl_dataset_made made;
    remove_tree(at(p, "one"));
    folder(p, "one");
    put_picture(p, "one/a.png", "png", 7, 7, 3, 1);
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "one"), at(p, "no.zip"), &o, &made), ATL_BAD_FILE,
                 "no picture is left");
    assert_int_equal(made.small, 1);
    o.height = 0;
    assert_fails(p, atl_dataset_make(p->ctx, at(p, "one"), at(p, "no.zip"), &o, &made), ATL_BAD_ARGUMENT,
                 "center-crop-wide needs");
}

static void colours_and_transparency(void **state) {
    place *p = *state;
    heard h;
    atl_image image;
    atl_dataset_make_options o = options_for(&h);
    o.alpha = ATL_ALPHA_WHITE;
    make_one(p, &o, 8, 8, 4, &image);
    unsigned alpha = pixel(1, 2, 3, 3), want = (pixel(1, 2, 3, 0) * alpha + 255 * (255 - alpha) + 127) / 255;
    assert_int_equal(image.channels, 3);
    assert_int_equal(image.pixels[(3 * 8 + 2) * 3], want);
    atl_image_clear(p->ctx, &image);
    o.color = ATL_COLOR_GRAY;
    make_one(p, &o, 8, 8, 3, &image);
    assert_int_equal(image.channels, 1);
    double luma = 0.299 * pixel(1, 2, 3, 0) + 0.587 * pixel(1, 2, 3, 1) + 0.114 * pixel(1, 2, 3, 2);
    assert_true(abs(image.pixels[3 * 8 + 2] - (int)(luma + 0.5)) <= 1); // 16 bits of weights against doubles
    atl_image_clear(p->ctx, &image);
    o.color = ATL_COLOR_RGB;
    make_one(p, &o, 8, 8, 1, &image);
    assert_int_equal(image.channels, 3);
    assert_int_equal(image.pixels[(3 * 8 + 2) * 3 + 1], pixel(1, 2, 3, 0));
    atl_image_clear(p->ctx, &image);
}

// ---- check

static void copy_recorded(place *p, const char *name, const char *to) {
    char path[512];
    const char *root = getenv("ATL_TEST_DATA");
    assert_non_null(root);
    snprintf(path, sizeof path, "%s/pictures/%s", root, name);
    FILE *f = fopen(path, "rb");
    uint8_t bytes[4096];
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    put_file(p, to, bytes, n);
}

// A PNG with an eXIf chunk after its header that asks to turn it by 90 degrees.
static void put_rotated(place *p, const char *name) {
    static const uint8_t exif[] = { 0, 0, 0,    26, 'e', 'X', 'I', 'f', 'M', 'M', 0, 42, 0, 0, 0, 8, 0,
                                    1, 1, 0x12, 0,  3,   0,   0,   0,   1,   0,   6, 0,  0, 0, 0, 0, 0 };
    uint8_t *out = malloc(1 << 16);
    size_t size;
    put_picture(p, name, "png", 8, 8, 3, 21);
    uint8_t *png = get_file(p, name, &size);
    memcpy(out, png, 33);
    memcpy(out + 33, exif, sizeof exif);
    memcpy(out + 33 + sizeof exif, "\x50\x3f\x7a\x1e", 4); // libpng passes over an eXIf with a wrong checksum
    memcpy(out + 37 + sizeof exif, png + 33, size - 33);
    put_file(p, name, out, size + sizeof exif + 4);
    free(png);
    free(out);
}

// A picture of the letters ab cd ef, as it is to be seen for each orientation.
static void all_orientations(void **state) {
    place *p = *state;
    static const char *const seen[9] = { "abcdef", "abcdef", "badcfe", "fedcba", "efcdab",
                                         "acebdf", "ecafdb", "fdbeca", "bdface" };
    for (int orientation = 0; orientation < 10; orientation++) {
        const char *want = seen[orientation < 9 ? orientation : 0];
        atl_image image;
        assert_ok(p, atl_image_init(p->ctx, 2, 3, 1, &image));
        memcpy(image.pixels, "abcdef", 6);
        assert_ok(p, atl_image_turn(p->ctx, orientation, &image));
        assert_int_equal(image.width, orientation >= 5 && orientation <= 8 ? 3 : 2);
        assert_memory_equal(image.pixels, want, 6);
        atl_image_clear(p->ctx, &image);
    }
}

static void pictures_are_turned_when_asked(void **state) {
    place *p = *state;
    heard h;
    folder(p, "s");
    put_rotated(p, "s/a.png");
    put_picture(p, "s/b.png", "png", 8, 8, 3, 21);
    atl_dataset_make_options o = options_for(&h);
    atl_dataset_made made;
    for (o.orient = 0; o.orient < 2; o.orient++) {
        atl_dataset *set;
        atl_image image;
        const char *name = o.orient ? "turned" : "lying";
        assert_ok(p, atl_dataset_make(p->ctx, at(p, "s"), at(p, name), &o, &made));
        assert_int_equal(made.lying, !o.orient);
        assert_ok(p, atl_dataset_open(p->ctx, at(p, name), NULL, &set));
        assert_ok(p, atl_dataset_read(set, 0, &image));
        assert_int_equal(image.pixels[(2 * 8 + 5) * 3],
                         o.orient ? pixel(21, 2, 7 - 5, 0) : pixel(21, 5, 2, 0));
        atl_image_clear(p->ctx, &image);
        assert_ok(p, atl_dataset_read(set, 1, &image));
        assert_int_equal(image.pixels[(2 * 8 + 5) * 3], pixel(21, 5, 2, 0));
        atl_image_clear(p->ctx, &image);
        atl_dataset_close(&set);
    }
}

static void expect(const heard *h, const char *text) {
    for (size_t i = 0; i < h->count; i++)
        if (strstr(h->lines[i], text))
            return;
    for (size_t i = 0; i < h->count; i++)
        print_error("%s\n", h->lines[i]);
    fail_msg("no finding '%s'", text);
}

static void check_finds_everything(void **state) {
    place *p = *state;
    heard h = { .count = 0 };
    put_set(p);
    put_picture(p, "s/big.png", "png", 9, 8, 3, 11);
    put_picture(p, "s/gray.png", "png", 8, 8, 1, 12);
    put_picture(p, "s/alpha.png", "png", 8, 8, 4, 13);
    put_picture(p, "s/twin.png", "png", 8, 8, 3, 3); // of x/2.png, which comes later
    put_picture(p, "s/.hidden.png", "png", 8, 8, 3, 14);
    put_text(p, "s/anim.avif", "x");
    put_text(p, "s/note.txt", "x");
    copy_recorded(p, "cut.png", "s/cut.png");
    copy_recorded(p, "gray16.png", "s/deep.png");
    copy_recorded(p, "palette.png", "s/palette.png");
    copy_recorded(p, "cmyk_adobe.jpg", "s/cmyk.jpg");
    put_rotated(p, "s/turned.png");
    atl_dataset_check_options o = ATL_DATASET_CHECK_OPTIONS_INIT;
    atl_dataset_checked c;
    o.found = on_found;
    o.progress = on_progress;
    o.user = &h;
    assert_ok(p, atl_dataset_check(p->ctx, at(p, "s"), &o, &c));
    assert_true(c.count == 14 && c.width == 8 && c.height == 8 && c.channels == 3);
    assert_int_equal(c.fatal + c.notes, h.count);
    static const char *const wanted[] = {
        "size big.png: is 9x8, most are 8x8",
        "mode gray.png: is gray, most are RGB",
        "mode alpha.png: is transparent",
        "duplicate x/2.png: looks like 'twin.png'",
        "hidden .hidden.png",
        "format anim.avif",
        "damaged cut.png: ",
        "depth deep.png",
        "palette palette.png",
        "cmyk cmyk.jpg",
        "rotated turned.png: EXIF orientation 6",
        "label big.png",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        expect(&h, wanted[i]);
    assert_true(c.side == 8 && c.rgb && c.ground && c.orient && c.skip_bad);
    h = (heard){ .stop_at = 3 };
    assert_fails(p, atl_dataset_check(p->ctx, at(p, "s"), &o, &c), ATL_CANCELLED, "stopped");
}

// Pictures alike, of 100 pixels: what a network would want, and what the check proposes.
static void check_proposes_a_size(void **state) {
    place *p = *state;
    heard h = { .count = 0 };
    atl_dataset_check_options o = ATL_DATASET_CHECK_OPTIONS_INIT;
    atl_dataset_checked c;
    o.found = on_found;
    o.user = &h;
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 100, 100, 3, 1);
    put_picture(p, "s/b.png", "png", 100, 100, 3, 2);
    assert_ok(p, atl_dataset_check(p->ctx, at(p, "s"), &o, &c));
    assert_true(c.fatal == 1 && h.count == 1 && c.side == 64 && !c.rgb && !c.ground && !c.orient &&
                !c.skip_bad);
    expect(&h, "most are 100x100, and training takes squares of 8, 16, 32 and so on to 4096 pixels");
    put_picture(p, "s/a.png", "png", 70, 128, 3, 1);
    put_picture(p, "s/b.png", "png", 200, 33, 3, 1);
    for (int i = 0; i < 18; i++) {
        char name[16];
        snprintf(name, sizeof name, "s/%02d.png", i);
        put_picture(p, name, "png", 300, 70 + i, 3, 1);
    }
    assert_ok(p, atl_dataset_check(p->ctx, at(p, "s"), &o, &c));
    assert_int_equal(c.side, 64);
    folder(p, "good");
    put_picture(p, "good/a.png", "png", 16, 16, 3, 1);
    assert_ok(p, atl_dataset_check(p->ctx, at(p, "good"), &o, &c));
    assert_true(c.fatal == 0 && c.side == 0);
}

static void check_of_a_good_set_is_silent(void **state) {
    place *p = *state;
    heard h = { .count = 0 };
    atl_dataset_check_options o = ATL_DATASET_CHECK_OPTIONS_INIT;
    atl_dataset_checked c;
    put_set(p);
    put_text(p, "s/dataset.json", "{\"labels\": null}"); // those of the set have a gap
    o.found = on_found;
    o.user = &h;
    assert_ok(p, atl_dataset_check(p->ctx, at(p, "s"), &o, &c));
    assert_true(c.count == 5 && c.fatal == 0 && c.notes == 0 && h.count == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(same_bytes_whatever_the_threads),
        TEST(zip_and_folder_read_back),
        TEST(vectors_are_written_as_python_would),
        TEST(all_bad_ones_are_named_in_one_pass),
        TEST(stopping_leaves_nothing),
        TEST(places_are_made_and_unmade),
        TEST(crops_come_from_the_middle),
        TEST(colours_and_transparency),
        TEST(all_orientations),
        TEST(pictures_are_turned_when_asked),
        TEST(check_finds_everything),
        TEST(check_proposes_a_size),
        TEST(check_of_a_good_set_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
