// SPDX-License-Identifier: Apache-2.0
// Directions from weights alone (Shen and Zhou 2021): what changes styles the most.  Of ProGAN, which has no
// styles, the weights are those of the first layer, and the directions are of z.  Of BigGAN they are all that
// read the z in a layer's w, and of the class nothing is moved.
#include <math.h>
#include <stdio.h>

#include "base/names.h"
#include "base/options.h"
#include "cpu/matrix.h"
#include "edit/directions.h"
#include "edit/styles.h"

enum { WIDTH_MOST = 8192 };

typedef struct sefa {
    atl_ctx *ctx;
    const atl_network *network;
    const atl_sefa_options *o;
    int64_t width; // of a direction
    double *sums;  // [width, width], lower half
    uint64_t used; // layers
} sefa;

// Adds the products of the columns of A that a weight [channels, .] has as its rows: of its columns from
// `from` on, to directions' numbers from `to` on.
static atl_status add_columns(sefa *s, const char *name, int64_t from, int64_t to, int64_t width) {
    const atl_params *params = &s->network->params;
    const atl_param *p = atl_params_find(params, name);
    if (!p || p->rank != 2 || p->dims[1] < from + width)
        return atl_fail(s->ctx, ATL_UNSUPPORTED, "the network has no weights %s to find directions from",
                        name);
    const float *data = atl_param_data(params, p) + from;
    int64_t rows = p->dims[0], all = s->width;
    double *a = atl_calloc(s->ctx, (size_t)rows, (size_t)all * sizeof *a);
    if (!a)
        return ATL_NO_MEMORY;
    for (int64_t i = 0; i < rows; i++) {
        double squares = 0, *row = a + i * all + to;
        for (int64_t k = 0; k < width; k++) {
            row[k] = (double)data[i * p->dims[1] + k];
            squares += row[k] * row[k];
        }
        for (int64_t k = 0; k < width && !s->o->as_stored && squares > 0; k++)
            row[k] /= sqrt(squares);
    }
    atl_matrix m = atl_matrix_of(a, all);
    atl_status status =
        atl_matrix_add_product(s->ctx, s->sums, all, all, rows, atl_matrix_transposed(m), m, 1, true);
    atl_free(s->ctx, a);
    return status;
}

static atl_status add_weight(sefa *s, const char *name) {
    return add_columns(s, name, 0, 0, s->width);
}

// Whether a layer counts: toRGB only as the last, what places StyleGAN3's picture only when it is asked for.
static bool counts(const sefa *s, const atl_style_info *list, int i, int n) {
    uint64_t layers = s->o->layers;
    if (list[i].layer > 63)
        return false;
    if (atl_ends_in(list[i].name, ".torgb") && i < n - 1)
        return false;
    return layers ? layers >> list[i].layer & 1 : !atl_ends_in(list[i].name, ".input");
}

static atl_status refuse_layers(sefa *s) {
    char text[ATL_LAYERS_TEXT];
    return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "layers %s: the network has layers 0 to %d",
                    atl_layers_text(s->o->layers, text), s->network->dims.num_ws - 1);
}

static atl_status add_styles(sefa *s, const atl_style_info *list, int n) {
    char name[ATL_SCOPE_MAX + 32];
    for (int i = 0; i < n; i++) {
        if (!counts(s, list, i, n))
            continue;
        snprintf(name, sizeof name, "%s.affine.weight", list[i].name);
        ATL_TRY(add_weight(s, name));
        s->used |= (uint64_t)1 << list[i].layer;
    }
    return !s->used || (s->o->layers & ~s->used) ? refuse_layers(s) : ATL_OK;
}

// What reads z where there are no styles.
static atl_status add_readers(sefa *s) {
    const atl_network *n = s->network;
    atl_latent_reader r;
    for (int i = 0; n->row->reader(n->config, i, &r); i++) {
        if (r.layer > 63 || (s->o->layers && !(s->o->layers >> r.layer & 1)))
            continue;
        ATL_TRY(add_columns(s, r.name, r.from, r.to, r.count));
        s->used |= (uint64_t)1 << r.layer;
    }
    return !s->used || (s->o->layers & ~s->used) ? refuse_layers(s) : ATL_OK;
}

static atl_status collect(sefa *s, atl_arena *arena, bool *styled) {
    atl_style_info *list;
    int n;
    ATL_TRY(atl_styles_list(s->network, arena, &list, &n));
    const atl_model_row *row = s->network->row;
    *styled = n > 0 || row->reader;
    s->width = *styled ? s->network->dims.w_dim : s->network->dims.z_dim;
    if (s->width < 1 || s->width > WIDTH_MOST)
        return atl_fail(s->ctx, ATL_UNSUPPORTED, "directions of %lld numbers are too large: up to %d",
                        (long long)s->width, WIDTH_MOST);
    s->sums = atl_calloc(s->ctx, (size_t)s->width, (size_t)s->width * sizeof *s->sums);
    if (!s->sums)
        return ATL_NO_MEMORY;
    if (n > 0)
        return add_styles(s, list, n);
    if (row->reader)
        return add_readers(s);
    if (s->o->layers)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "%s has no styles: its directions are of z, without layers",
                        s->network->name);
    return add_weight(s, "synthesis.b4.dense.weight");
}

// How many numbers of w some weight reads.
static int64_t moved(const sefa *s) {
    int64_t count = 0;
    for (int64_t k = 0; k < s->width; k++)
        count += s->sums[k * s->width + k] > 0.0;
    return count;
}

static atl_status make_set(sefa *s, bool styled, atl_directions **set) {
    float *numbers;
    int64_t n = s->width, count = s->o->count ? s->o->count : moved(s);
    double *values = atl_alloc(s->ctx, (size_t)n, ((size_t)n + 1) * sizeof *values), *vectors = values + n;
    if (!values)
        return ATL_NO_MEMORY;
    atl_status status = atl_matrix_eigenvectors(s->ctx, s->sums, n, values, vectors);
    if (status == ATL_OK)
        status = atl_directions_new(s->ctx, (size_t)count, styled ? ATL_DIRECTION_W : ATL_DIRECTION_Z, 1, n,
                                    "sefa", set, &numbers);
    for (int64_t i = 0; status == ATL_OK && i < count; i++) {
        atl_direction *d = &(*set)->list[i];
        d->value = values[i];
        d->layers = s->o->layers ? s->used : 0;
        for (int64_t k = 0; k < n; k++)
            numbers[i * n + k] = (float)vectors[i * n + k];
    }
    atl_free(s->ctx, values);
    return status;
}

atl_status atl_sefa(const atl_network *network, const atl_sefa_options *o, atl_directions **set) {
    sefa s = { .ctx = network->ctx, .network = network, .o = o };
    bool styled;
    atl_arena arena;
    *set = NULL;
    atl_arena_init(&arena, s.ctx, 0);
    atl_status status = collect(&s, &arena, &styled);
    if (status == ATL_OK && (o->count < 0 || o->count > moved(&s)))
        status = atl_fail(s.ctx, ATL_BAD_ARGUMENT, "%d directions of %lld numbers are not possible", o->count,
                          (long long)moved(&s));
    if (status == ATL_OK)
        status = make_set(&s, styled, set);
    if (status == ATL_OK)
        status = atl_directions_check(*set, NULL);
    if (status != ATL_OK)
        atl_directions_close(set);
    atl_free(s.ctx, s.sums);
    atl_arena_clear(&arena);
    return status;
}
