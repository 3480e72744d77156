// SPDX-License-Identifier: Apache-2.0
// Two hashes that differ in at most 3 bits agree in at least one of their four quarters.  So each picture
// is compared only with those that share a quarter, and joins the lists only when it is like none of them.
#include "data/alike.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/resize.h"

enum { QUARTERS = 4, VALUES = 1 << 16, BITS_APART = 3, LEVELS_APART = 3 };

static uint8_t luma(const uint8_t *p, int channels) {
    if (channels < 3)
        return p[0];
    return (uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
}

atl_status atl_look_make(atl_ctx *ctx, const atl_image *image, atl_look *look) {
    atl_image small;
    ATL_TRY(atl_image_resize(ctx, image, ATL_LOOK_WIDTH, ATL_LOOK_HEIGHT, ATL_RESIZE_AREA, &small));
    for (size_t i = 0; i < ATL_LOOK; i++)
        look->gray[i] = luma(small.pixels + i * (size_t)small.channels, small.channels);
    atl_image_clear(ctx, &small);
    look->hash = 0;
    for (size_t y = 0; y < ATL_LOOK_HEIGHT; y++)
        for (size_t x = 0; x + 1 < ATL_LOOK_WIDTH; x++) {
            const uint8_t *p = &look->gray[y * ATL_LOOK_WIDTH + x];
            look->hash = look->hash << 1 | (p[0] < p[1]);
        }
    return ATL_OK;
}

static int bits(uint64_t x) {
    int n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

static bool alike(const atl_look *a, const atl_look *b) {
    if (bits(a->hash ^ b->hash) > BITS_APART)
        return false;
    int sum = 0;
    for (size_t i = 0; i < ATL_LOOK; i++)
        sum += abs(a->gray[i] - b->gray[i]);
    return sum <= LEVELS_APART * ATL_LOOK;
}

// One list per quarter and value: heads[quarter][value], next[quarter][picture]
typedef struct lists {
    uint32_t *heads, *next;
    uint32_t count;
} lists;

static uint32_t *head_of(const lists *l, const atl_look *look, uint32_t quarter) {
    return &l->heads[quarter * VALUES + (look->hash >> 16 * quarter & 0xffff)];
}

static uint32_t find_twin(const lists *l, const atl_look *looks, uint32_t i) {
    uint32_t found = UINT32_MAX;
    for (uint32_t q = 0; q < QUARTERS; q++)
        for (uint32_t j = *head_of(l, &looks[i], q); j != UINT32_MAX; j = l->next[(size_t)q * l->count + j])
            if (j < found && alike(&looks[i], &looks[j]))
                found = j;
    return found;
}

atl_status atl_looks_compare(atl_ctx *ctx, const atl_look *looks, const uint8_t *present, uint32_t count,
                             uint32_t *twin) {
    lists l = { .count = count };
    l.heads = atl_alloc(ctx, QUARTERS * VALUES, sizeof *l.heads);
    l.next = atl_alloc(ctx, (size_t)count * QUARTERS, sizeof *l.next);
    atl_status status = l.heads && l.next ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; l.heads && i < QUARTERS * VALUES; i++)
        l.heads[i] = UINT32_MAX;
    for (uint32_t i = 0; i < count && status == ATL_OK; i++) {
        twin[i] = present[i] ? find_twin(&l, looks, i) : UINT32_MAX;
        for (uint32_t q = 0; present[i] && twin[i] == UINT32_MAX && q < QUARTERS; q++) {
            uint32_t *head = head_of(&l, &looks[i], q);
            l.next[(size_t)q * count + i] = *head;
            *head = i;
        }
    }
    atl_free(ctx, l.heads);
    atl_free(ctx, l.next);
    return status;
}
