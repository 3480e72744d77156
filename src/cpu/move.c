// SPDX-License-Identifier: Apache-2.0
// One strided copy, and the operations that are nothing else.
//
// The copy drops dimensions of size 1 and joins neighbours that walk on in equal steps in both views.
// What is left is a run of neighbours (memcpy), a repeated number, a transposition (the dimension that
// is contiguous in x is not the one contiguous in y: square tiles, so that both sides use whole cache
// lines), or anything else, number by number.
#include "cpu/move.h"

#include <string.h>

enum { R = ATL_MOVE_RANK_MAX, TILE = 16, SMALL = 16384 };

typedef struct view {
    int rank;
    int64_t dims[R], y[R], x[R];
} view;

static view join(int rank, const int64_t *dims, const int64_t *y, const int64_t *x) {
    view v = { 0 };
    for (int i = 0; i < rank; i++) {
        int r = v.rank;
        if (dims[i] == 1)
            continue;
        if (r && v.y[r - 1] == y[i] * dims[i] && v.x[r - 1] == x[i] * dims[i]) {
            v.dims[r - 1] *= dims[i];
            v.y[r - 1] = y[i];
            v.x[r - 1] = x[i];
        } else {
            v.dims[r] = dims[i];
            v.y[r] = y[i];
            v.x[r] = x[i];
            v.rank++;
        }
    }
    if (!v.rank)
        v = (view){ 1, { 1 }, { 1 }, { 1 } };
    return v;
}

static int64_t count_outer(const view *v, int rank) {
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= v->dims[i];
    return n;
}

// Offsets of the index numbered `at` among the first `rank` dimensions.
static void offsets(const view *v, int rank, int64_t at, int64_t *y, int64_t *x) {
    *y = *x = 0;
    for (int d = rank - 1; d >= 0; d--) {
        int64_t i = at % v->dims[d];
        at /= v->dims[d];
        *y += i * v->y[d];
        *x += i * v->x[d];
    }
}

// n numbers of the last dimension.
static void copy_run(float *y, int64_t sy, const float *x, int64_t sx, int64_t n) {
    if (sy == 1 && sx == 1) {
        memcpy(y, x, (size_t)n * sizeof *y);
    } else if (sy == 1 && sx == 0) {
        for (int64_t i = 0; i < n; i++)
            y[i] = *x;
    } else {
        for (int64_t i = 0; i < n; i++)
            y[i * sy] = x[i * sx];
    }
}

typedef struct copying {
    const view *v;
    float *y;
    const float *x;
    int64_t part, parts; // of a row
} copying;

static void copy_parts(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const copying *c = job;
    const view *v = c->v;
    int last = v->rank - 1;
    for (int64_t i = begin; i < end; i++) {
        int64_t oy, ox, at = i % c->parts * c->part, left = v->dims[last] - at;
        offsets(v, last, i / c->parts, &oy, &ox);
        copy_run(c->y + oy + at * v->y[last], v->y[last], c->x + ox + at * v->x[last], v->x[last],
                 left < c->part ? left : c->part);
    }
}

static void copy_rows(const view *v, float *y, const float *x, atl_team *team) {
    int last = v->rank - 1;
    int64_t n = v->dims[last], part = n < SMALL ? n : SMALL, parts = (n + part - 1) / part;
    copying c = { v, y, x, part, parts };
    atl_team_run(team, count_outer(v, last) * parts, SMALL / part, copy_parts, &c);
}

// y[i sy + j] = x[i + j sx]: the last two dimensions of a view, both of one tile.
static void copy_tile(float *y, int64_t sy, const float *x, int64_t sx, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            y[i * sy + j] = x[i + j * sx];
}

static void copy_bands(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const copying *c = job;
    const view *v = c->v;
    int r = v->rank;
    int64_t rows = v->dims[r - 2], columns = v->dims[r - 1], sy = v->y[r - 2], sx = v->x[r - 1];
    for (int64_t at = begin; at < end; at++) {
        int64_t oy, ox, i = at % c->parts * TILE, height = rows - i < TILE ? rows - i : TILE;
        offsets(v, r - 2, at / c->parts, &oy, &ox);
        for (int64_t j = 0; j < columns; j += TILE)
            copy_tile(c->y + oy + i * sy + j, sy, c->x + ox + i + j * sx, sx, height,
                      columns - j < TILE ? columns - j : TILE);
    }
}

// The last two dimensions are transposed: x is contiguous in the one before the last.
static void copy_tiles(const view *v, float *y, const float *x, atl_team *team) {
    int r = v->rank;
    int64_t bands = (v->dims[r - 2] + TILE - 1) / TILE;
    copying c = { v, y, x, TILE, bands };
    atl_team_run(team, count_outer(v, r - 2) * bands, 1 + SMALL / (TILE * v->dims[r - 1]), copy_bands, &c);
}

static void swap_dims(view *v, int a, int b) {
    int64_t d = v->dims[a], y = v->y[a], x = v->x[a];
    v->dims[a] = v->dims[b];
    v->y[a] = v->y[b];
    v->x[a] = v->x[b];
    v->dims[b] = d;
    v->y[b] = y;
    v->x[b] = x;
}

void atl_cpu_move_copy(int rank, const int64_t *dims, float *y, const int64_t *y_strides, const float *x,
                       const int64_t *x_strides, atl_team *team) {
    for (int i = 0; i < rank; i++)
        if (dims[i] < 1)
            return;
    view v = join(rank, dims, y_strides, x_strides);
    int last = v.rank - 1;
    if (v.y[last] == 1 && v.x[last] != 1 && v.x[last] != 0)
        for (int i = 0; i < last; i++)
            if (v.x[i] == 1) {
                swap_dims(&v, i, last - 1);
                copy_tiles(&v, y, x, team);
                return;
            }
    copy_rows(&v, y, x, team);
}

void atl_cpu_move_fill(float *y, int64_t n, float value, atl_team *team) {
    int64_t one = 1, zero = 0;
    atl_cpu_move_copy(1, &n, y, &one, &value, &zero, team);
}

static void dense(int rank, const int64_t *dims, int64_t *strides) {
    int64_t n = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = n;
        n *= dims[i];
    }
}

static int64_t count(int rank, const int64_t *dims) {
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dims[i];
    return n;
}

void atl_cpu_move_expand(int rank, const int64_t *y_dims, const int64_t *x_dims, float *y, const float *x,
                         atl_team *team) {
    int64_t sy[R], sx[R];
    dense(rank, y_dims, sy);
    dense(rank, x_dims, sx);
    for (int i = 0; i < rank; i++)
        if (x_dims[i] != y_dims[i])
            sx[i] = 0;
    atl_cpu_move_copy(rank, y_dims, y, sy, x, sx, team);
}

void atl_cpu_move_permute(int rank, const int64_t *x_dims, const int *axes, float *y, const float *x,
                          atl_team *team) {
    int64_t dims[R], sy[R], dense_x[R], sx[R];
    dense(rank, x_dims, dense_x);
    for (int i = 0; i < rank; i++) {
        dims[i] = x_dims[axes[i]];
        sx[i] = dense_x[axes[i]];
    }
    dense(rank, dims, sy);
    atl_cpu_move_copy(rank, dims, y, sy, x, sx, team);
}

// The view of `dims` that starts at first and takes every step-th: its offset; strides are scaled.
static int64_t sub_view(int rank, const int64_t *dims, const int64_t *first, const int64_t *step,
                        int64_t *strides) {
    int64_t offset = 0;
    dense(rank, dims, strides);
    for (int i = 0; i < rank; i++) {
        offset += first[i] * strides[i];
        strides[i] *= step ? step[i] : 1;
    }
    return offset;
}

void atl_cpu_move_slice(int rank, const int64_t *x_dims, const int64_t *y_dims, const int64_t *first,
                        const int64_t *step, float *y, const float *x, atl_team *team) {
    int64_t sy[R], sx[R], offset = sub_view(rank, x_dims, first, step, sx);
    dense(rank, y_dims, sy);
    atl_cpu_move_copy(rank, y_dims, y, sy, x + offset, sx, team);
}

void atl_cpu_move_pad(int rank, const int64_t *y_dims, const int64_t *x_dims, const int64_t *first,
                      const int64_t *step, float *y, const float *x, atl_team *team) {
    int64_t sy[R], sx[R], offset = sub_view(rank, y_dims, first, step, sy);
    atl_cpu_move_fill(y, count(rank, y_dims), 0.0f, team);
    dense(rank, x_dims, sx);
    atl_cpu_move_copy(rank, x_dims, y + offset, sy, x, sx, team);
}

void atl_cpu_move_concat(int rank, const int64_t *y_dims, const int64_t *x_dims, int axis, int64_t first,
                         float *y, const float *x, atl_team *team) {
    int64_t sy[R], sx[R];
    dense(rank, y_dims, sy);
    dense(rank, x_dims, sx);
    atl_cpu_move_copy(rank, x_dims, y + first * sy[axis], sy, x, sx, team);
}
