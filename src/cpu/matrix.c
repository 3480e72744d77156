// SPDX-License-Identifier: Apache-2.0
// Products and factors: see matrix.h.  A product is made of tiles (cpu/dense.h) in blocks of the summed
// dimension: a block of both operands is packed, as double, into panels as high or wide as a tile.
#include "cpu/matrix.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
#include "cpu/kernels.h"

enum { BLOCK = 256 }; // a panel of b, 24 x 256 doubles at most, stays in the nearest caches

typedef struct product {
    atl_cpu_dense_kernels k;
    double *c;
    int64_t m, n, steps; // steps: of this block
    atl_matrix a, b;
    int64_t first;   // step with which it begins
    double *pa, *pb; // packed: [m / rows, steps, rows], [n / columns, steps, columns]
    double sign;
    bool lower;
} product;

static double at(const atl_matrix *x, int64_t i, int64_t l) {
    int64_t place = i * x->row + l * x->column;
    return x->single ? (double)((const float *)x->data)[place] : ((const double *)x->data)[place];
}

// Panel `p` of `high` rows of x [count, .], filled up with zeros.
static void pack(const product *r, const atl_matrix *x, int64_t p, int64_t high, int64_t count, double factor,
                 double *to) {
    for (int64_t i = 0; i < high; i++) {
        int64_t row = p * high + i;
        for (int64_t l = 0; l < r->steps; l++)
            to[l * high + i] = row < count ? factor * at(x, row, r->first + l) : 0;
    }
}

static int64_t parts(int64_t count, size_t each) {
    return (count + (int64_t)each - 1) / (int64_t)each;
}

static void pack_panels(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const product *r = job;
    int64_t of_a = parts(r->m, r->k.rows), rows = (int64_t)r->k.rows, columns = (int64_t)r->k.columns;
    atl_matrix b = atl_matrix_transposed(r->b);
    for (int64_t p = first; p < end; p++)
        if (p < of_a)
            pack(r, &r->a, p, rows, r->m, r->sign, r->pa + p * rows * r->steps);
        else
            pack(r, &b, p - of_a, columns, r->n, 1, r->pb + (p - of_a) * columns * r->steps);
}

// A tile that reaches over the border is made beside c.
static void border_tile(const product *r, int64_t i, int64_t j, const double *a, const double *b) {
    double some[ATL_DENSE_COLUMNS * ATL_DENSE_COLUMNS] = { 0 };
    int64_t columns = (int64_t)r->k.columns;
    r->k.tile(some, r->k.columns, a, b, (size_t)r->steps);
    for (int64_t p = 0; p < (int64_t)r->k.rows && i + p < r->m; p++)
        for (int64_t q = 0; q < columns && j + q < r->n; q++)
            r->c[(i + p) * r->n + j + q] += some[p * columns + q];
}

static void multiply_columns(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const product *r = job;
    int64_t rows = (int64_t)r->k.rows, columns = (int64_t)r->k.columns;
    for (int64_t q = first; q < end; q++) {
        int64_t j = q * columns;
        const double *b = r->pb + j * r->steps;
        for (int64_t i = r->lower ? j / rows * rows : 0; i < r->m; i += rows) {
            const double *a = r->pa + i * r->steps;
            if (i + rows <= r->m && j + columns <= r->n)
                r->k.tile(r->c + i * r->n + j, (size_t)r->n, a, b, (size_t)r->steps);
            else
                border_tile(r, i, j, a, b);
        }
    }
}

atl_status atl_matrix_add_product(atl_ctx *ctx, double *c, int64_t m, int64_t n, int64_t k, atl_matrix a,
                                  atl_matrix b, double sign, bool lower) {
    atl_cpu_kernels kernels;
    atl_cpu_kernels_init(&kernels, ctx->cpu);
    product r = { .k = kernels.dense, .c = c, .m = m, .n = n, .a = a, .b = b, .sign = sign, .lower = lower };
    int64_t of_a = parts(m, r.k.rows), of_b = parts(n, r.k.columns), most = k < BLOCK ? k : BLOCK;
    atl_team *team;
    ATL_TRY(atl_team_open(ctx, ctx->threads, &team));
    r.pa = atl_alloc(ctx, (size_t)(of_a * most), r.k.rows * sizeof *r.pa);
    r.pb = atl_alloc(ctx, (size_t)(of_b * most), r.k.columns * sizeof *r.pb);
    atl_status status = r.pa && r.pb ? ATL_OK : ATL_NO_MEMORY;
    for (r.first = 0; r.first < k && status == ATL_OK; r.first += BLOCK) {
        r.steps = k - r.first < BLOCK ? k - r.first : BLOCK;
        atl_team_run(team, of_a + of_b, 4, pack_panels, &r);
        atl_team_run(team, of_b, 1, multiply_columns, &r);
    }
    atl_free(ctx, r.pa);
    atl_free(ctx, r.pb);
    atl_team_close(&team);
    return status;
}

void atl_matrix_mirror(double *a, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            a[j * n + i] = a[i * n + j];
}

// ---- the factor

typedef struct factor {
    int64_t n, first, now; // columns of f that s knows of already; column that is made
    double *s, *f, *left;  // left: what remains of the diagonal; negative: a row that was a pivot
    int64_t pivot;
    double root;
} factor;

static void make_rows(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    factor *r = job;
    const double *p = r->f + r->pivot * r->n;
    for (int64_t i = first; i < end; i++) {
        double *row = r->f + i * r->n;
        if (r->left[i] < 0) { // before the pivot in order: zero by definition
            row[r->now] = 0;
            continue;
        }
        double sum = i >= r->pivot ? r->s[i * r->n + r->pivot] : r->s[r->pivot * r->n + i];
        for (int64_t l = r->first; l < r->now; l++)
            sum -= row[l] * p[l];
        row[r->now] = i == r->pivot ? r->root : sum / r->root;
    }
}

static int64_t largest(const double *x, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

// One more column: that of the largest pivot.  False: all that is left is rounding.
static bool make_column(atl_team *team, factor *r, double least) {
    r->pivot = largest(r->left, r->n);
    if (!(r->left[r->pivot] > least))
        return false;
    r->root = sqrt(r->left[r->pivot]);
    atl_team_run(team, r->n, 64, make_rows, r);
    for (int64_t i = 0; i < r->n; i++) {
        double x = r->f[i * r->n + r->now];
        if (r->left[i] >= 0)
            r->left[i] = fmax(r->left[i] - x * x, 0);
    }
    r->left[r->pivot] = -1;
    r->now++;
    return true;
}

// Columns within a block are subtracted from s when they are needed, those of a whole block by a product.
atl_status atl_matrix_factor(atl_ctx *ctx, double *s, int64_t n, double *f, int64_t *rank) {
    enum { COLUMNS = 48 };
    atl_team *team;
    factor r = { .n = n, .s = s, .f = f, .left = atl_alloc(ctx, (size_t)n, sizeof *r.left) };
    *rank = 0;
    if (!r.left)
        return ATL_NO_MEMORY;
    atl_status status = atl_team_open(ctx, ctx->threads, &team);
    for (int64_t i = 0; i < n; i++)
        r.left[i] = fmax(s[i * n + i], 0);
    // Rounding of a sum of n terms as large as the largest of the diagonal.
    double least = (double)n * 0x1p-53 * r.left[largest(r.left, n)];
    bool more = true;
    while (status == ATL_OK && more && r.now < n) {
        int64_t end = r.first + COLUMNS < n ? r.first + COLUMNS : n;
        while (more && r.now < end)
            more = make_column(team, &r, least);
        if (more && r.now < n) {
            atl_matrix block = atl_matrix_of(f + r.first, n);
            status = atl_matrix_add_product(ctx, s, n, n, r.now - r.first, block,
                                            atl_matrix_transposed(block), -1, true);
            r.first = r.now;
        }
    }
    *rank = r.now;
    atl_free(ctx, r.left);
    atl_team_close(&team);
    return status;
}
