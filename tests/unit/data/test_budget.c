// SPDX-License-Identifier: Apache-2.0
// Memory that the threads of a crew share: large pictures wait for each other, small ones do not, and a
// picture that is larger than all there is works alone.  And the pictures that are refused before that.
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <zlib.h>

#include "base/budget.h"
#include "data/crew.h"

enum { THREADS = 4, WORKS = 24 };

typedef struct yard {
    pthread_mutex_t lock;
    size_t bytes; // that each work takes
    size_t now, most, in;
    int together, wanted; // works that are in at a time; how many the first ones wait for
} yard;

static void change(yard *y, size_t bytes, int enter) {
    pthread_mutex_lock(&y->lock);
    y->now = enter ? y->now + bytes : y->now - bytes;
    y->in = enter ? y->in + 1 : y->in - 1;
    y->most = y->now > y->most ? y->now : y->most;
    y->together = (int)y->in > y->together ? (int)y->in : y->together;
    pthread_mutex_unlock(&y->lock);
}

static int met(yard *y) {
    pthread_mutex_lock(&y->lock);
    int enough = y->together >= y->wanted;
    pthread_mutex_unlock(&y->lock);
    return enough;
}

static void work(void *user, atl_ctx *ctx, size_t value, void *slot) {
    yard *y = user;
    (void)value;
    (void)slot;
    atl_budget_take(ctx, y->bytes);
    change(y, y->bytes, 1);
    while (!met(y))
        sched_yield();
    change(y, y->bytes, 0);
}

static void run(place *p, yard *y, size_t bytes, int wanted) {
    atl_crew *crew;
    size_t done = 0, put = 0, value;
    atl_ctx *ctx;
    *y = (yard){ .bytes = bytes, .wanted = wanted };
    pthread_mutex_init(&y->lock, NULL);
    assert_ok(p, atl_crew_open(p->ctx, THREADS, 2 * THREADS, 1, work, NULL, y, &crew));
    for (; done < WORKS; done++) {
        while (put < WORKS && atl_crew_put(crew, put))
            put++;
        atl_crew_take(crew, &value, &ctx);
        assert_int_equal(value, done);
        atl_crew_free(crew);
    }
    atl_crew_close(&crew);
    pthread_mutex_destroy(&y->lock);
}

static void threads_share_a_budget(void **state) {
    place *p = *state;
    yard y;
    run(p, &y, 1 << 20, THREADS); // all at once, or this never ends
    assert_int_equal(y.together, THREADS);
    run(p, &y, 100 << 20, 1);
    assert_true(y.most <= 384 << 20);
    run(p, &y, 200 << 20, 1);
    assert_int_equal(y.together, 1);
    run(p, &y, (size_t)4 << 30, 1); // more than there is
    assert_int_equal(y.together, 1);
}

static void put_chunk(FILE *f, const char *type, const uint8_t *data, size_t size) {
    uint8_t head[8], tail[4];
    uint32_t crc = (uint32_t)crc32(crc32(0, (const Bytef *)type, 4), data, (uInt)size);
    for (int i = 0; i < 4; i++) {
        head[i] = (uint8_t)(size >> 8 * (3 - i));
        tail[i] = (uint8_t)(crc >> 8 * (3 - i));
    }
    memcpy(head + 4, type, 4);
    fwrite(head, 1, 8, f);
    fwrite(data, 1, size, f);
    fwrite(tail, 1, 4, f);
}

// A gray PNG of one bit per pixel and of this size, all black.
static void put_black(place *p, const char *name, uint32_t side) {
    uint8_t header[13] = { 0, 0, (uint8_t)(side >> 8), (uint8_t)side,
                           0, 0, (uint8_t)(side >> 8), (uint8_t)side,
                           1 };
    size_t bytes = ((size_t)side / 8 + 1) * side;
    uLongf packed = compressBound(bytes);
    uint8_t *rows = calloc(bytes, 1), *body = malloc(packed);
    assert_true(rows && body && compress2(body, &packed, rows, bytes, 9) == Z_OK);
    FILE *f = fopen(at(p, name), "wb");
    assert_non_null(f);
    fwrite("\211PNG\r\n\032\n", 1, 8, f);
    put_chunk(f, "IHDR", header, 13);
    put_chunk(f, "IDAT", body, packed);
    put_chunk(f, "IEND", (const uint8_t *)"", 0);
    fclose(f);
    free(rows);
    free(body);
}

static void a_small_file_can_not_ask_for_gigabytes(void **state) {
    place *p = *state;
    atl_image image;
    put_black(p, "a.png", 4096);
    assert_ok(p, atl_image_read(p->ctx, at(p, "a.png"), &image));
    assert_true(image.width == 4096 && image.channels == 1);
    atl_image_clear(p->ctx, &image);
    put_black(p, "b.png", 12000);
    assert_fails(p, atl_image_read(p->ctx, at(p, "b.png"), &image), ATL_BAD_FILE,
                 "claims 12000x12000 pixels in ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(threads_share_a_budget),
        TEST(a_small_file_can_not_ask_for_gigabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
