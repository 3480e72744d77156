// SPDX-License-Identifier: Apache-2.0
// Landmark files: FFHQ's list, lines, and what is neither.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/align.h>

typedef struct file {
    char path[32];
    FILE *out;
} file;

static file begin(void) {
    file f = { "/tmp/atl-faces-XXXXXX", NULL };
    f.out = fdopen(mkstemp(f.path), "w");
    assert_non_null(f.out);
    return f;
}

static void pairs(FILE *out, int count, double first, const char *open, const char *between,
                  const char *close) {
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%g%s%g%s", open, first + i, between, 2 * first + i, i + 1 < count ? close : "");
}

static atl_status read_it(file *f, atl_ctx *ctx, atl_faces **faces) {
    fclose(f->out);
    atl_status status = atl_faces_open(ctx, f->path, faces);
    unlink(f->path);
    return status;
}

static void the_list_of_ffhq_is_read(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_faces *faces;
    file f = begin();
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    fprintf(f.out, "{ \"0\": { \"category\": \"training\", \"image\": { \"file_path\": \"images/00000.png\", "
                   "\"face_landmarks\": [");
    pairs(f.out, 68, 1, "[", ",", "],");
    fprintf(f.out, "]] }, \"in_the_wild\": { \"face_rect\": [1, 2, [3]], \"face_landmarks\": [");
    pairs(f.out, 68, 7, "[", ",", "],");
    fprintf(f.out, "]], \"file_path\": \"wild/00000.png\" } }, \"1\": { \"face_landmarks\": [");
    pairs(f.out, 68, 9.5, "[", ",", "],");
    fprintf(f.out, "]] } }");
    assert_int_equal(read_it(&f, ctx, &faces), ATL_OK);
    assert_int_equal(atl_faces_size(faces), 2);
    const atl_face *face = atl_faces_get(faces, 0);
    assert_string_equal(face->photo, "wild/00000.png");
    assert_true(face->landmarks[67].x == 74 && face->landmarks[67].y == 81);
    face = atl_faces_get(faces, 1);
    assert_null(face->photo);
    assert_true(face->landmarks[0].x == 9.5 && face->landmarks[0].y == 19);
    assert_null(atl_faces_get(faces, 2));
    atl_faces_close(&faces);
    atl_ctx_close(&ctx);
}

static void lines_are_read(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_faces *faces;
    file f = begin();
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    fprintf(f.out, "# x,y of each\n\n");
    pairs(f.out, 68, 3, "", " ", " ");
    fprintf(f.out, "\r\nparty.jpg,");
    pairs(f.out, 68, -4, "", ", ", ", ");
    assert_int_equal(read_it(&f, ctx, &faces), ATL_OK);
    assert_int_equal(atl_faces_size(faces), 2);
    assert_null(atl_faces_get(faces, 0)->photo);
    assert_true(atl_faces_get(faces, 0)->landmarks[67].y == 73);
    assert_string_equal(atl_faces_get(faces, 1)->photo, "party.jpg");
    assert_true(atl_faces_get(faces, 1)->landmarks[0].x == -4);
    atl_faces_close(&faces);
    atl_ctx_close(&ctx);
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int pairs;
        const char *word;
    } wrong[] = {
        { "", 0, "no landmarks" },
        { "{\"a\": 1}", 0, "no landmarks" },
        { "x.jpg ", 67, ":1: 134 numbers" },
        { "\n", 69, ":2: more than 136" },
        { "1 2 3 nose ", 3, ":1: a word" },
        { "1 nan ", 2, ":1: a word" },
        { "1e9 ", 2, ":1: 4 numbers" },
        { "[{\"face_landmarks\": [[1,2],[3]]}]", 0, "68 pairs" },
        { "[{\"face_landmarks\": 5}]", 0, "68 pairs" },
        { "[{\"file_path\": 5}]", 0, "name of a photo" },
        { "[{]", 0, ":1:" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        atl_ctx *ctx;
        atl_faces *faces;
        file f = begin();
        assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
        fputs(wrong[i].text, f.out);
        pairs(f.out, wrong[i].pairs, 3, "", " ", " ");
        assert_int_equal(read_it(&f, ctx, &faces), ATL_BAD_FILE);
        assert_null(faces);
        if (!strstr(atl_message(ctx), wrong[i].word))
            fail_msg("%s: %s", wrong[i].text, atl_message(ctx));
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_of_ffhq_is_read),
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
