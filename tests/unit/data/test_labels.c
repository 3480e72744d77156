// SPDX-License-Identifier: Apache-2.0
// Labels as people write them: forms of a class, names that other programs wrote, folders as classes, and
// what is said when labels can't be used.
#include "check.h"

#include <zip.h>

static void put_pictures(place *p, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        put_picture(p, names[i], "png", 8, 8, 1, (int)i);
}

// Opens the folder or zip file `name`; *warned counts the warnings, the last of which is in `line`.
typedef struct ear {
    int warned;
    char line[1024];
} ear;

static void hear(void *user, atl_log_level level, const char *line) {
    ear *e = user;
    if (level == ATL_LOG_WARNING) {
        e->warned++;
        snprintf(e->line, sizeof e->line, "%s", line);
    }
}

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
}

// The classes of the pictures in their order are the digits of `want`.
static void classes_are(place *p, const char *name, atl_labels labels, const char *want) {
    atl_dataset *set = opened(p, name, labels);
    size_t size = (size_t)atl_dataset_info_get(set)->label_size;
    float label[16];
    assert_int_equal(atl_dataset_info_get(set)->count, strlen(want));
    assert_true(size > 0 && size <= 16);
    for (size_t i = 0; want[i]; i++) {
        atl_dataset_label(set, i, label);
        for (size_t k = 0; k < size; k++)
            assert_true(label[k] == (want[i] - '0' == (int)k ? 1.0f : 0.0f));
    }
    atl_dataset_close(&set);
}

static const char *const three[] = { "s/a.png", "s/b.png", "s/c.png" };

static void classes_have_many_forms(void **state) {
    place *p = *state;
    static const char *const forms[] = {
        "[[\"a.png\", 0.0], [\"b.png\", 1.0], [\"c.png\", 2.0]]",
        "[[\"a.png\", \"0\"], [\"b.png\", \"1\"], [\"c.png\", \"2.0\"]]",
        "[[\"a.png\", false], [\"b.png\", true], [\"c.png\", 2e0]]",
        "{\"a.png\": 0, \"b.png\": 1, \"c.png\": 2}",
        "[[\"a.png\", 0], [\"b.png\", 1], [\"b.png\", 1], [\"c.png\", 2]]",
    };
    folder(p, "s");
    put_pictures(p, three, 3);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int mark = 0; mark < 2; mark++) {
            char text[200];
            snprintf(text, sizeof text, "%s{\"more\": [{\"x\": [1]}], \"labels\": %s}",
                     mark ? "\xef\xbb\xbf" : "", forms[i]);
            put_text(p, "s/dataset.json", text);
            classes_are(p, "s", ATL_LABELS_JSON, "012");
        }
}

static void refusals_name_the_entry(void **state) {
    place *p = *state;
    static const char *const cases[][2] = {
        { "[[\"a.png\", 0], [\"b.png\", 0.5]]", "entry 2, 'b.png': its label is no class" },
        { "[[\"a.png\", 0], [\"b.png\", \"cat\"]]", "entry 2, 'b.png': its label is no number" },
        { "[[\"a.png\", 0], [\"b.png\", -1]]", "entry 2, 'b.png': its label is no class" },
        { "[[\"a.png\", 0], [\"b.png\", {\"x\": 1}]]", "entry 2, 'b.png': its label is no number" },
        { "[[\"a.png\", 0], [\"b.png\", [1]]]", "entry 2, 'b.png': its label is a list" },
        { "[[\"a.png\", [1]], [\"b.png\", 1]]", "entry 2, 'b.png': its label is a class" },
        { "[[\"a.png\", [1]], [\"b.png\", [1, 2]]]", "entry 2, 'b.png': its label is a list, but not all" },
        { "[[\"a.png\", [1]], [\"b.png\", [\"1\"]]]", "entry 2, 'b.png': its list holds something" },
        { "[[\"a.png\", [1]], [\"b.png\", [1e39]]]", "entry 2, 'b.png': its list holds something" },
        { "[[\"a.png\", [1]], [\"b.png\", []]]", "entry 2, 'b.png': its label is an empty list" },
        { "[[\"a.png\", 1], [\"a.png\", 2]]", "entry 2, 'a.png': stands there twice" },
        { "{\"a.png\": 1, \"b.png\": \"x\"}", "entry 2, 'b.png': its label is no number" },
        { "[[\"a.png\", 1], [\"b.png\", null], [\"c.png\", 1]]", "1 of 3 pictures have no label" },
        { "[[\"a.png\", 1], [\"x.png\", 7]]", "and 1 names there are of no picture, like 'x.png'" },
        { "null", "dataset.json holds no labels" },
    };
    folder(p, "s");
    put_pictures(p, three, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"labels\": %s}", cases[i][0]);
        put_text(p, "s/dataset.json", text);
        refused(p, "s", ATL_LABELS_JSON, cases[i][1]);
    }
    put_file(p, "s/dataset.json", "\xff\xfe{\0}\0", 6);
    refused(p, "s", ATL_LABELS_JSON, "is UTF-16");
    unlink(at(p, "s/dataset.json"));
    refused(p, "s", ATL_LABELS_JSON, "there is no dataset.json");
}

// Three pictures in folders, and names for them as other programs write names.
static void names_of_other_programs_fit(void **state) {
    place *p = *state;
    static const char *const pictures[] = { "s/x/a.png", "s/x/b.png", "s/y/a.png" };
    static const char *const prefixes[] = { "",      "./",        "/home/me/set/", "C:\\\\set\\\\",
                                            ".\\\\", "photos/./", "photos//",      "../set/" };
    folder(p, "s");
    folder(p, "s/x");
    folder(p, "s/y");
    put_pictures(p, pictures, 3);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        for (int back = 0; back < 2; back++) {
            char text[400];
            const char *pre = prefixes[i], *sep = back ? "\\\\" : "/";
            snprintf(text, sizeof text,
                     "{\"labels\": [[\"%sx%sa.png\", 2], [\"%sx%sb.png\", 0], [\"%sy%sa.png\", 1]]}", pre,
                     sep, pre, sep, pre, sep);
            put_text(p, "s/dataset.json", text);
            classes_are(p, "s", ATL_LABELS_JSON, "201");
        }
    put_text(p, "s/dataset.json",
             "{\"labels\": [[\"x\\u002fa.png\", 2], [\"\\u0078/b.png\", 0], [\"y/a.png\", 1]]}");
    classes_are(p, "s", ATL_LABELS_JSON, "201");
}

// Cutting "train/" and "val/" off would lay two labels on one picture.
static void different_folders_are_not_mixed_up(void **state) {
    place *p = *state;
    ear e = { 0 };
    folder(p, "s");
    put_pictures(p, three, 3);
    put_text(p, "s/dataset.json",
             "{\"labels\": [[\"train/a.png\", 0], [\"val/a.png\", 1], [\"val/b.png\", 1], "
             "[\"val/c.png\", 1]]}");
    static const char text[] =
        "none of the 4 names in dataset.json is that of a picture: it says 'train/a.png', a "
        "picture is called 'a.png'";
    refused(p, "s", ATL_LABELS_JSON, text);
    p->ctx->log = hear;
    p->ctx->log_user = &e;
    atl_dataset *set = opened(p, "s", ATL_LABELS_AUTO);
    assert_int_equal(atl_dataset_info_get(set)->label_size, 0);
    assert_int_equal(e.warned, 1);
    assert_non_null(strstr(e.line, text));
    atl_dataset_close(&set);
}

// Python writes a name that is no UTF-8 with surrogates.
static void names_of_any_bytes_fit(void **state) {
    place *p = *state;
    static const char *const pictures[] = { "s/caf\xe9.png", "s/na\xc3\xafve.png", "s/\xf0\x9f\x90\xb1.png" };
    folder(p, "s");
    put_pictures(p, pictures, 3);
    put_text(
        p, "s/dataset.json",
        "{\"labels\": [[\"caf\\udce9.png\", 1], [\"na\\u00efve.png\", 0], [\"\\ud83d\\udc31.png\", 2]]}");
    classes_are(p, "s", ATL_LABELS_JSON, "102");
}

static void folders_are_sorted_by_their_names(void **state) {
    place *p = *state;
    static const char *const pictures[] = { "s/cat (3)/1.png", "s/cat-2/1.png", "s/cat/1.png",
                                            "s/Dog/1.png",     "s/10/1.png",    "s/9/1.png" };
    static const char *const folders[] = {
        "s", "s/cat (3)", "s/cat-2", "s/cat", "s/Dog", "s/10", "s/9", "o"
    };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        folder(p, folders[i]);
    put_pictures(p, pictures, 6);
    // 10, 9, Dog, cat, cat (3), cat-2; the pictures come as 10, 9, Dog, cat (3), cat-2, cat
    classes_are(p, "s", ATL_LABELS_FOLDERS, "012453");
    assert_int_equal(rename(at(p, "s"), at(p, "o/photos")), 0); // a folder around all is no class
    classes_are(p, "o", ATL_LABELS_FOLDERS, "012453");
    folder(p, "one");
    folder(p, "one/cat");
    put_picture(p, "one/cat/1.png", "png", 8, 8, 1, 1); // but the only one is
    classes_are(p, "one", ATL_LABELS_FOLDERS, "0");
    put_picture(p, "one/1.png", "png", 8, 8, 1, 1);
    refused(p, "one", ATL_LABELS_FOLDERS,
            "1 of 2 pictures lie in no folder of their own class, the first is '1.png'");
}

static void put_zip(place *p, const char *name, const char *const *members, size_t count,
                    const char *json_name, const char *json) {
    size_t size;
    put_picture(p, "one.png", "png", 8, 8, 1, 5);
    uint8_t *png = get_file(p, "one.png", &size);
    zip_t *z = zip_open(at(p, name), ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(z);
    for (size_t i = 0; i < count; i++)
        zip_file_add(z, members[i], zip_source_buffer(z, png, size, 0), 0);
    zip_file_add(z, json_name, zip_source_buffer(z, json, strlen(json), 0), 0);
    assert_int_equal(zip_close(z), 0);
    free(png);
    unlink(at(p, "one.png"));
}

static void one_folder_around_all(void **state) {
    place *p = *state;
    static const char *const members[] = { "photos/in/a.png", "photos/in/b.png", "__MACOSX/photos/._a.png",
                                           "photos/.DS_Store" };
    static const char *const windows[] = { "in\\a.png", "in\\b.png" };
    put_zip(p, "s.zip", members, 4, "photos/dataset.json",
            "{\"labels\": [[\"in/a.png\", 1], [\"in/b.png\", 0]]}");
    classes_are(p, "s.zip", ATL_LABELS_JSON, "10");
    put_zip(p, "s.zip", members, 4, "photos/in/dataset.json",
            "{\"labels\": [[\"a.png\", 1], [\"b.png\", 0]]}");
    classes_are(p, "s.zip", ATL_LABELS_JSON, "10");
    put_zip(p, "s.zip", members, 4, "dataset.json",
            "{\"labels\": [[\"photos/in/a.png\", 1], [\"photos/in/b.png\", 0]]}");
    classes_are(p, "s.zip", ATL_LABELS_JSON, "10");
    put_zip(p, "s.zip", windows, 2, "dataset.json",
            "{\"labels\": [[\"in\\\\a.png\", 1], [\"in\\\\b.png\", 0]]}");
    classes_are(p, "s.zip", ATL_LABELS_JSON, "10");
    folder(p, "o");
    folder(p, "o/photos");
    put_picture(p, "o/photos/a.png", "png", 8, 8, 1, 1);
    put_picture(p, "o/photos/b.png", "png", 8, 8, 1, 1);
    put_text(p, "o/photos/dataset.json", "{\"labels\": [[\"a.png\", 1], [\"b.png\", 0]]}");
    classes_are(p, "o", ATL_LABELS_JSON, "10");
}

static void on_found(void *user, const atl_finding *f) {
    char *lines = user;
    size_t n = strlen(lines);
    snprintf(lines + n, 2000 - n, "%s %s: %s\n", atl_finding_name(f->kind), f->name, f->reason);
}

// Checks "s" with `labels` and dataset.json = `json`, and looks for `text` in what was found; NULL: nothing.
static void finds(place *p, atl_labels labels, const char *json, const char *text) {
    char lines[2000] = "";
    atl_dataset_check_options o = ATL_DATASET_CHECK_OPTIONS_INIT;
    atl_dataset_checked c;
    o.labels = labels;
    o.found = on_found;
    o.user = lines;
    put_text(p, "s/dataset.json", json);
    assert_ok(p, atl_dataset_check(p->ctx, at(p, "s"), &o, &c));
    if (c.fatal != (text ? 1u : 0u) || (text && !strstr(lines, text)))
        fail_msg("wanted '%s', found '%s'", text ? text : "", lines);
}

static void check_knows_what_training_refuses(void **state) {
    place *p = *state;
    folder(p, "s");
    put_pictures(p, three, 3);
    finds(p, ATL_LABELS_AUTO, "{\"labels\": [[\"a.png\", 1], [\"b.png\", 2], [\"c.png\", 1]]}",
          "class dataset.json: its classes begin at 1: class 0 of 3 has no picture");
    finds(p, ATL_LABELS_AUTO, "{\"labels\": [[\"a.png\", 0], [\"b.png\", 2], [\"c.png\", 5]]}",
          "class dataset.json: 3 of its 6 classes have no picture, the first is 1");
    finds(p, ATL_LABELS_AUTO, "{\"labels\": [[\"a.png\", [0, 1]], [\"b.png\", [0, 1]], [\"c.png\", [0, 1]]]}",
          "class dataset.json: its classes begin at 1");
    finds(p, ATL_LABELS_AUTO, "{\"labels\": [[\"a.png\", [0, 1]], [\"b.png\", [0, 0]], [\"c.png\", [0, 1]]]}",
          NULL);
    finds(p, ATL_LABELS_AUTO, "{\"labels\": [[\"a.png\", 0], [\"b.png\", 1], [\"c.png\", 1]]}", NULL);
    finds(p, ATL_LABELS_NONE, "{\"labels\": [[\"a.png\", 1], [\"b.png\", 2], [\"c.png\", 1]]}", NULL);
    finds(p, ATL_LABELS_AUTO, "{\"labels\": [[\"no.png\", 0]]}", "label dataset.json: none of the 1 names");
    finds(p, ATL_LABELS_JSON, "{\"labels\": null}", "label dataset.json: dataset.json holds no labels");
    finds(p, ATL_LABELS_AUTO, "{\"labels\": null}", NULL);
}

// ---- memory

typedef struct purse {
    size_t most, now;
} purse;

static void *purse_alloc(void *user, size_t bytes) {
    purse *u = user;
    size_t *block = aligned_alloc(64, ((bytes + 63) & ~(size_t)63) + 64);
    if (!block)
        return NULL;
    *block = bytes;
    u->now += bytes;
    u->most = u->now > u->most ? u->now : u->most;
    return block + 64 / sizeof *block;
}

static void purse_release(void *user, void *memory) {
    purse *u = user;
    if (!memory)
        return;
    size_t *block = (size_t *)memory - 64 / sizeof *block;
    u->now -= *block;
    free(block);
}

// Two million entries for one picture: what is kept depends on the pictures, not on the text.
static void memory_does_not_follow_the_text(void **state) {
    place *p = *state;
    purse u = { 0, 0 };
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.allocator = (atl_allocator){ purse_alloc, purse_release, &u };
    folder(p, "s");
    put_picture(p, "s/a.png", "png", 8, 8, 1, 1);
    FILE *f = fopen(at(p, "s/dataset.json"), "wb");
    assert_non_null(f);
    fputs("{\"labels\": [[\"a.png\", 0]", f);
    for (int i = 0; i < 2000000; i++)
        fputs(",[\"b\",[0]]", f);
    fputs("]}", f);
    fclose(f);
    atl_ctx *ctx;
    atl_dataset *set;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    if (atl_dataset_open(ctx, at(p, "s"), NULL, &set) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    assert_int_equal(atl_dataset_info_get(set)->label_size, 1);
    atl_dataset_close(&set);
    atl_ctx_close(&ctx);
    assert_true(u.most < 1 << 20 && u.now == 0);
}

// One list of 65536 numbers for 300 pictures would be 79 MB of labels out of 131 kB of text.
static void one_list_asks_for_no_room_for_all(void **state) {
    place *p = *state;
    size_t size;
    folder(p, "s");
    put_picture(p, "s/000.png", "png", 8, 8, 1, 1);
    uint8_t *png = get_file(p, "s/000.png", &size);
    for (int i = 1; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "s/%03d.png", i);
        put_file(p, name, png, size);
    }
    free(png);
    FILE *f = fopen(at(p, "s/dataset.json"), "wb");
    assert_non_null(f);
    fputs("{\"labels\": [[\"000.png\", [0", f);
    for (int i = 1; i < 65536; i++)
        fputs(",0", f);
    fputs("]]]}", f);
    fclose(f);
    refused(p, "s", ATL_LABELS_AUTO, "has labels of 65536 numbers, but not for each of the 300 pictures");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(classes_have_many_forms),         TEST(refusals_name_the_entry),
        TEST(names_of_other_programs_fit),     TEST(different_folders_are_not_mixed_up),
        TEST(names_of_any_bytes_fit),          TEST(folders_are_sorted_by_their_names),
        TEST(one_folder_around_all),           TEST(check_knows_what_training_refuses),
        TEST(memory_does_not_follow_the_text), TEST(one_list_asks_for_no_room_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
