// SPDX-License-Identifier: Apache-2.0
// The run of the convolution at stride 2.
//
// Even rows and columns of x meet taps 0 and 2, odd ones tap 1.  What even ones give to four pixels is a
// correlation with two taps, for which five multiplications do; so a tile of 4x4 pixels of y needs 9x9
// products in place of 4x4 pixels by 9 taps.  This is the up-convolution without its filter, transposed: its
// planes, weights and products. Tiles touch nothing of each other.
#include "cpu/winograd_inside.h"

#include "cpu/sizes.h"

typedef struct call {
    const atl_cpu_wino *w;
    const float *x, *in_scale;
    float *y;
    const atl_cpu_epilogue *e;
    int tiles;
    void *workspace;
} call;

// Tiles first to first + count - 1 are numbers `at` and following of v.
static void tiles_in(const call *c, int first, int count, float *v, int at) {
    const atl_cpu_wino *w = c->w;
    int per = w->tile_rows * w->tile_columns, pad = w->shape.pad;
    for (int i = 0; i < count; i++) {
        int tile = first + i, row = tile % per / w->tile_columns, column = tile % w->tile_columns;
        atl_cpu_wino_source from = atl_cpu_wino_source_of(w, c->x, c->in_scale, tile / per);
        atl_cpu_wino_planes planes = atl_cpu_wino_planes_of(w, v, (size_t)w->shape.ci, (size_t)(at + i));
        w->kernels.down_in(&from, 8 * row - pad, 8 * column - pad, &planes);
    }
}

static void tiles_out(const call *c, int first, int count, float *m, int at) {
    const atl_cpu_wino *w = c->w;
    int per = w->tile_rows * w->tile_columns;
    for (int i = 0; i < count; i++) {
        int tile = first + i, row = tile % per / w->tile_columns, column = tile % w->tile_columns;
        atl_cpu_wino_target to = atl_cpu_wino_target_of(w, c->y, c->e, tile / per);
        atl_cpu_wino_planes planes = atl_cpu_wino_planes_of(w, m, (size_t)w->shape.co, (size_t)(at + i));
        w->kernels.down_out(&to, &planes, 4 * row, 4 * column, 0, to.c);
    }
}

static void blocks(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(c->w, c->workspace, lane);
    int t = c->w->plan.tiles;
    for (int b = (int)begin; b < end; b++) {
        int first = b * t, count = c->tiles - first < t ? c->tiles - first : t;
        tiles_in(c, first, count, s.v, 0);
        for (size_t p = 0; p < ATL_WINO_MATRICES; p++)
            atl_cpu_wino_phase_product(c->w, s.v, s.m, (size_t)count, p);
        tiles_out(c, first, count, s.m, 0);
    }
}

static void split_in(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    tiles_in(c, (int)begin, (int)(end - begin), atl_cpu_wino_space_of(c->w, c->workspace, lane).v,
             (int)begin);
}

static void split_products(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(c->w, c->workspace, lane);
    for (int u = (int)begin; u < end; u++)
        atl_cpu_wino_split_product(c->w, &s, u);
}

static void split_out(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    tiles_out(c, (int)begin, (int)(end - begin), atl_cpu_wino_space_of(c->w, c->workspace, lane).m,
              (int)begin);
}

void atl_cpu_wino_down_run(const atl_cpu_wino *w, const float *x, const float *in_scale, float *y,
                           const atl_cpu_epilogue *e, void *workspace) {
    call c = { w, x, in_scale, y, e, w->shape.n * w->tile_rows * w->tile_columns, workspace };
    if (!w->plan.split) {
        atl_team_run(w->team, atl_ceil_div(c.tiles, w->plan.tiles), 1, blocks, &c);
        return;
    }
    atl_team_run(w->team, c.tiles, 1, split_in, &c);
    atl_team_run(w->team, ATL_WINO_SPLIT_PRODUCTS, 1, split_products, &c);
    atl_team_run(w->team, c.tiles, 1, split_out, &c);
}
