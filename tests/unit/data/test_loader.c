// SPDX-License-Identifier: Apache-2.0
// The order of training against a few lines of NumPy (RandomState and its shuffle), and batches.
#include "check.h"
#include "data/loader.h"

static void order_is(place *p, size_t count, atl_loader_options o, const uint32_t *want, size_t length) {
    atl_sampler *s;
    assert_ok(p, atl_sampler_open(p->ctx, count, &o, &s));
    for (size_t i = 0; i < length; i++)
        assert_int_equal(atl_sampler_next(s).picture, want[i]);
    atl_sampler_close(&s);
}

static const uint32_t ten[24] = { 5, 4, 1, 2, 9, 6, 7, 0, 1, 2, 3, 4, 5, 6, 9, 0, 3, 2, 8, 5, 4, 6, 7, 1 };

static void the_official_order(void **state) {
    static const uint32_t seven[14] = { 6, 2, 1, 3, 0, 5, 2, 3, 6, 0, 4, 1, 5, 6 };
    order_is(*state, 10, (atl_loader_options){ .seed = 3 }, ten, 24);
    order_is(*state, 7, (atl_loader_options){ .seed = 0 }, seven, 14);
}

static void ranks_share_one_order(void **state) {
    static const uint32_t odd[8] = { 4, 2, 6, 0, 2, 4, 6, 0 };
    order_is(*state, 10, (atl_loader_options){ .seed = 3, .rank = 1, .ranks = 2 }, odd, 8);
}

static void it_resumes_where_it_was(void **state) {
    order_is(*state, 10, (atl_loader_options){ .seed = 3, .start = 17 }, ten + 17, 7);
}

// RandomState(5).shuffle(arange(20)), the first 6, sorted
static void subset_and_mirror(void **state) {
    place *p = *state;
    static const uint32_t subset[6] = { 1, 2, 5, 12, 17, 19 };
    atl_loader_options o = { .seed = 5, .subset = 6, .mirror = true };
    atl_sampler *s;
    assert_ok(p, atl_sampler_open(p->ctx, 20, &o, &s));
    assert_int_equal(atl_sampler_length(s), 12);
    int seen[20][2] = { { 0 } };
    for (int i = 0; i < 12 * 40; i++) {
        atl_sample sample = atl_sampler_next(s);
        assert_true(sample.picture < 20);
        seen[sample.picture][sample.flip]++;
    }
    atl_sampler_close(&s);
    for (uint32_t i = 0, k = 0; i < 20; i++) {
        int chosen = k < 6 && subset[k] == i;
        k += (uint32_t)chosen;
        assert_int_equal(seen[i][0] > 0, chosen);
        assert_int_equal(seen[i][1] > 0, chosen);
    }
}

static void small_sets_and_bad_options(void **state) {
    place *p = *state;
    static const uint32_t zeros[3] = { 0, 0, 0 };
    atl_sampler *s;
    order_is(p, 1, (atl_loader_options){ .seed = 9 }, zeros, 3);
    atl_loader_options o = { .rank = 2, .ranks = 2 };
    assert_fails(p, atl_sampler_open(p->ctx, 4, &o, &s), ATL_BAD_ARGUMENT, "rank 2 of 2");
    assert_fails(p, atl_sampler_open(p->ctx, 0, &o, &s), ATL_BAD_ARGUMENT, "0 pictures");
}

static void put_set(place *p) {
    folder(p, "s");
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "s/%d.png", i);
        put_picture(p, name, "png", 4, 4, 3, i + 1);
    }
    put_text(
        p, "s/dataset.json",
        "{\"labels\": [[\"0.png\",0],[\"1.png\",1],[\"2.png\",2],[\"3.png\",3],[\"4.png\",4],[\"5.png\",5],"
        "[\"6.png\",6],[\"7.png\",7],[\"8.png\",8],[\"9.png\",9]]}");
}

// Planar pixels of picture `n`, and its label, are those of the sampler's order; for 1 and 3 threads.
static void batches_follow_the_order(void **state) {
    place *p = *state;
    atl_dataset *set;
    put_set(p);
    assert_ok(p, atl_dataset_open(p->ctx, at(p, "s"), NULL, &set));
    for (int threads = 1; threads <= 3; threads += 2) {
        atl_loader_options o = { .seed = 3, .mirror = true, .threads = threads, .ahead = 5 };
        atl_loader *loader;
        atl_sampler *order;
        float images[4][4][4][3];
        float labels[4][10];
        atl_sample which[4];
        assert_ok(p, atl_loader_open(p->ctx, set, &o, &loader));
        assert_ok(p, atl_sampler_open(p->ctx, 10, &o, &order));
        assert_int_equal(atl_loader_length(loader), 20);
        for (int batch = 0; batch < 12; batch++) {
            assert_ok(p, atl_loader_next(loader, 4, &images[0][0][0][0], &labels[0][0], which));
            for (int i = 0; i < 4; i++) {
                atl_sample want = atl_sampler_next(order);
                assert_true(labels[i][want.picture] == 1);
                assert_true(which[i].picture == want.picture && which[i].flip == want.flip);
                for (int y = 0; y < 4; y++)
                    for (int x = 0; x < 4; x++)
                        for (int c = 0; c < 3; c++) {
                            int byte = pixel((int)want.picture + 1, want.flip ? 3 - x : x, y, c);
                            assert_true(images[i][y][x][c] == (float)byte / 127.5f - 1.0f);
                        }
            }
        }
        atl_sampler_close(&order);
        atl_loader_close(&loader);
    }
    atl_dataset_close(&set);
}

static void a_bad_picture_is_reported(void **state) {
    place *p = *state;
    atl_dataset *set;
    atl_loader *loader;
    float images[10 * 48];
    put_set(p);
    put_picture(p, "s/4.png", "png", 5, 4, 3, 1);
    assert_ok(p, atl_dataset_open(p->ctx, at(p, "s"), NULL, &set));
    assert_ok(p, atl_loader_open(p->ctx, set, &(atl_loader_options){ .seed = 3 }, &loader));
    assert_fails(p, atl_loader_next(loader, 10, images, NULL, NULL), ATL_BAD_FILE, "4.png: 5x4 pixels");
    atl_loader_close(&loader);
    atl_dataset_close(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_official_order),        TEST(ranks_share_one_order),      TEST(it_resumes_where_it_was),
        TEST(subset_and_mirror),         TEST(small_sets_and_bad_options), TEST(batches_follow_the_order),
        TEST(a_bad_picture_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
