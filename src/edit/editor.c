// SPDX-License-Identifier: Apache-2.0
// Pictures with moved styles and with a mask: a synthesis of its own, changed while it is built.
//
// A style's move is an input that is added where the layer has made its style.  With a mask inside, a batch
// has the originals in its first half and the edits in its second, and after every layer
//
//     edit = original + mask (edit - original)
//
// so that outside of the mask nothing differs that a next layer could carry on.
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "edit/directions.h"
#include "edit/styles.h"

typedef struct moved {
    const atl_node *node; // [batch, channels]
    int64_t channels;
    float *values;
} moved;

struct atl_editor {
    atl_ctx *ctx;
    const atl_network *network;
    atl_arena arena;
    atl_editor_options o;
    int batch;   // samples of the program: n, or twice that
    float *mask; // [height, width]
    moved *list;
    int count;
    int asked, held; // styles and layers that the network told of
    float *ws;       // [batch, num_ws, w_dim]
    float *img;      // [batch, channels, height, width]
    atl_program *program;
    float **maps; // [n_maps]: of the noise ports in turn; NULL: not given
    int n_maps;
};

// ---- building

static atl_node *add_move(void *user, atl_net *net, int layer, atl_node *s) {
    (void)layer;
    atl_editor *e = user;
    char name[32];
    if (!e->o.styles)
        return s;
    if (e->asked == e->count)
        return atl_graph_fail(net->g, ATL_INTERNAL, "there are more styles than were listed");
    moved *m = &e->list[e->asked++];
    snprintf(name, sizeof name, "style.%d", e->asked - 1);
    atl_node *by = atl_input(net->g, name, s->shape);
    m->node = by;
    return atl_add(net->g, s, by);
}

// The mean of the mask over what a pixel of [h, w] covers.
static float covered(const atl_editor *e, int64_t h, int64_t w, int64_t i, int64_t j) {
    int64_t height = e->network->dims.height, width = e->network->dims.width;
    int64_t top = i * height / h, bottom = ((i + 1) * height + h - 1) / h;
    int64_t left = j * width / w, right = ((j + 1) * width + w - 1) / w;
    double sum = 0;
    for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < right; x++)
            sum += (double)e->mask[y * width + x];
    return (float)(sum / (double)((bottom - top) * (right - left)));
}

static atl_node *hold(void *user, atl_net *net, atl_node *x) {
    atl_editor *e = user;
    atl_graph *g = net->g;
    int64_t n = e->o.n, h = x->shape.d[1], w = x->shape.d[2], c = x->shape.d[3];
    if (!e->o.in_features || x->op == ATL_OP_POISON)
        return x;
    e->held++;
    float *m = atl_arena_alloc(&g->arena, (size_t)(h * w), sizeof *m);
    if (!m)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a mask");
    for (int64_t i = 0; i < h * w; i++)
        m[i] = covered(e, h, w, i / w, i % w);
    atl_node *original = atl_slice_axis(g, x, 0, 0, n), *edit = atl_slice_axis(g, x, 0, n, n);
    atl_node *mask = atl_expand(g, atl_const(g, ATL_SHAPE(1, h, w, 1), m), ATL_SHAPE(n, h, w, c));
    edit = atl_add(g, original, atl_mul(g, mask, atl_sub(g, edit, original)));
    return atl_concat(g, (atl_node *[]){ original, edit }, 2, 0);
}

static void build(atl_graph *g, atl_call *call, void *user) {
    atl_editor *e = user;
    atl_touch touch = { .user = e, .style = add_move, .features = hold };
    atl_net net = atl_network_in(g, e->network, NULL);
    call->touch = &touch;
    atl_network_call(e->network, "synthesize", &net, call);
    call->touch = NULL;
}

// ---- opening

static atl_status check(atl_ctx *ctx, const atl_editor_options *o) {
    if (o->n < 1 || o->n > 1024)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%d edits at once are not possible: 1 to 1024 are", o->n);
    if (o->noise_mode != ATL_NOISE_CONST && o->noise_mode != ATL_NOISE_NONE &&
        o->noise_mode != ATL_NOISE_MAPS)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "edits with styles or a mask have stored noise, given maps or none");
    if (o->in_features && !o->mask)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "an edit within features needs a mask");
    return ATL_OK;
}

static atl_status copy_mask(atl_editor *e) {
    const atl_model_dims *d = &e->network->dims;
    size_t pixels = (size_t)d->height * (size_t)d->width;
    e->mask = atl_arena_alloc(&e->arena, pixels, sizeof *e->mask);
    if (!e->mask)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < pixels; i++) {
        if (!(e->o.mask[i] >= 0 && e->o.mask[i] <= 1))
            return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "a mask has numbers from 0 to 1, and this one %g",
                            (double)e->o.mask[i]);
        e->mask[i] = e->o.mask[i];
    }
    return ATL_OK;
}

static atl_status list_styles(atl_editor *e) {
    atl_style_info *list;
    ATL_TRY(atl_styles_list(e->network, &e->arena, &list, &e->count));
    if (!e->count)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "%s is a %s generator, which has no styles to move",
                        e->network->name, e->network->row->family);
    e->list = atl_arena_alloc(&e->arena, (size_t)e->count, sizeof *e->list);
    if (!e->list)
        return ATL_NO_MEMORY;
    for (int i = 0; i < e->count; i++) {
        e->list[i].channels = list[i].channels;
        e->list[i].values =
            atl_arena_alloc(&e->arena, (size_t)e->batch * (size_t)list[i].channels, sizeof(float));
        if (!e->list[i].values)
            return ATL_NO_MEMORY;
    }
    return ATL_OK;
}

static atl_status prepare(atl_editor *e, atl_backend *backend) {
    const atl_model_dims *d = &e->network->dims;
    size_t ws = (size_t)d->num_ws * (size_t)d->w_dim;
    size_t img = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    e->batch = e->o.mask ? 2 * e->o.n : e->o.n;
    if (e->o.mask)
        ATL_TRY(copy_mask(e));
    if (e->o.styles)
        ATL_TRY(list_styles(e));
    e->ws = atl_arena_alloc(&e->arena, (size_t)e->batch, ws * sizeof *e->ws);
    e->img = atl_arena_alloc(&e->arena, (size_t)e->batch, img * sizeof *e->img);
    if (!e->ws || !e->img)
        return ATL_NO_MEMORY;
    const atl_program_key key = { .function = "synthesize", .n = e->batch, .noise = e->o.noise_mode };
    ATL_TRY(atl_program_make(backend, &key, build, e, NULL, &e->program));
    if (e->o.in_features && !e->held)
        return atl_fail(e->ctx, ATL_UNSUPPORTED,
                        "a mask can't hold within the layers of %s, a %s generator: hold it in the picture",
                        e->network->name, e->network->row->family);
    return ATL_OK;
}

atl_status atl_editor_make(const atl_network *network, atl_backend *backend, const atl_editor_options *o,
                           atl_editor **editor) {
    atl_ctx *ctx = network->ctx;
    *editor = NULL;
    ATL_TRY(check(ctx, o));
    if (!atl_model_function_find(network->row, "synthesize"))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s is a %s, and edits need a generator", network->name,
                        network->row->role);
    atl_editor *e = atl_calloc(ctx, 1, sizeof *e);
    if (!e)
        return ATL_NO_MEMORY;
    e->ctx = ctx;
    e->network = network;
    e->o = *o;
    atl_arena_init(&e->arena, ctx, 0);
    atl_status status = prepare(e, backend);
    e->o.mask = e->mask;
    if (status != ATL_OK)
        atl_editor_close(&e);
    *editor = e;
    return status;
}

void atl_editor_close(atl_editor **editor) {
    atl_editor *e = editor ? *editor : NULL;
    if (!e)
        return;
    atl_program_free(&e->program);
    atl_arena_clear(&e->arena);
    atl_free(e->ctx, e);
    *editor = NULL;
}

// ---- running

void atl_editor_reset(atl_editor *e) {
    for (int i = 0; i < e->count; i++)
        memset(e->list[i].values, 0, (size_t)e->batch * (size_t)e->list[i].channels * sizeof(float));
}

static atl_status check_style(const atl_editor *e, int i, const atl_direction *d) {
    if (!e->o.styles || d->space != ATL_DIRECTION_S)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "%s",
                        e->o.styles ? "this direction is none of styles"
                                    : "the editor was opened without styles");
    if (i < 0 || i >= e->o.n)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "sample %d of %d is not there", i, e->o.n);
    for (int64_t k = 0; k < d->width; k++)
        if (d->styles[2 * k] >= e->count || d->styles[2 * k + 1] >= e->list[d->styles[2 * k]].channels)
            return atl_fail(
                e->ctx, ATL_BAD_ARGUMENT,
                "channel %d of layer %d is not there: the network has %d layers with styles, and this one "
                "%lld channels",
                d->styles[2 * k + 1], d->styles[2 * k], e->count,
                (long long)(d->styles[2 * k] < e->count ? e->list[d->styles[2 * k]].channels : 0));
    return ATL_OK;
}

static void add_style(atl_editor *e, int row, const atl_direction *d, double strength) {
    for (int64_t k = 0; k < d->width; k++) {
        moved *m = &e->list[d->styles[2 * k]];
        m->values[row * m->channels + d->styles[2 * k + 1]] +=
            (float)(strength * (double)d->scale * (double)d->values[k]);
    }
}

atl_status atl_editor_style(atl_editor *e, int i, const atl_direction *d, double strength) {
    ATL_TRY(check_style(e, i, d));
    add_style(e, e->mask ? e->o.n + i : i, d, strength);
    return ATL_OK;
}

atl_status atl_editor_base_style(atl_editor *e, int i, const atl_direction *d, double strength) {
    ATL_TRY(check_style(e, i, d));
    add_style(e, i, d, strength);
    if (e->mask)
        add_style(e, e->o.n + i, d, strength);
    return ATL_OK;
}

static const atl_port *noise_port(const atl_editor *e, int index) {
    char name[32];
    snprintf(name, sizeof name, "noise.%d", index);
    return atl_program_in(e->program, name);
}

static size_t map_size(const atl_editor *e, const atl_port *port) {
    return (size_t)atl_shape_count(&port->node->shape) / (size_t)e->batch;
}

atl_status atl_editor_maps(atl_editor *e, const float *const *maps) {
    if (e->o.noise_mode != ATL_NOISE_MAPS)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "the editor was opened without noise maps");
    int count = 0;
    while (noise_port(e, count))
        count++;
    if (!e->maps)
        e->maps = atl_arena_alloc(&e->arena, (size_t)count + 1, sizeof *e->maps);
    for (int i = 0; e->maps && i < count; i++) {
        size_t size = map_size(e, noise_port(e, i));
        if (!e->maps[i])
            e->maps[i] = atl_arena_alloc(&e->arena, size, sizeof **e->maps);
        if (!e->maps[i])
            return ATL_NO_MEMORY;
        memcpy(e->maps[i], maps[i], size * sizeof **e->maps);
        e->n_maps = i + 1;
    }
    return e->maps ? ATL_OK : ATL_NO_MEMORY;
}

// One map for all samples: the others repeat the first.
static atl_status write_maps(atl_editor *e) {
    if (e->o.noise_mode == ATL_NOISE_MAPS && !e->maps && noise_port(e, 0))
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "noise maps were not given to the editor");
    for (int i = 0; i < e->n_maps; i++)
        ATL_TRY(atl_program_write(e->program, noise_port(e, i)->name, 1, e->maps[i]));
    return ATL_OK;
}

// A batch that is not full repeats its first sample.
static void gather(float *to, const float *from, int n, int all, size_t row) {
    for (int i = 0; i < all; i++)
        memcpy(to + (size_t)i * row, from + (size_t)(i < n ? i : 0) * row, row * sizeof *to);
}

static void blend(const atl_editor *e, int n, const float *original, const float *edit, float *img) {
    const atl_model_dims *d = &e->network->dims;
    size_t pixels = (size_t)d->height * (size_t)d->width, planes = (size_t)n * (size_t)d->channels;
    for (size_t i = 0; i < planes * pixels; i++)
        img[i] = original[i] + e->mask[i % pixels] * (edit[i] - original[i]);
}

atl_status atl_editor_run(atl_editor *e, int n, const float *ws, const float *original, float *img) {
    const atl_model_dims *d = &e->network->dims;
    size_t row = (size_t)d->num_ws * (size_t)d->w_dim;
    size_t pixels = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    if (n < 1 || n > e->o.n)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "%d edits at once: the editor was opened for %d", n,
                        e->o.n);
    if (e->mask && !original)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "an edit with a mask needs the original");
    if (e->mask)
        gather(e->ws, original, n, e->o.n, row);
    gather(e->ws + (e->mask ? (size_t)e->o.n * row : 0), ws, n, e->o.n, row);
    ATL_TRY(atl_program_write(e->program, "ws", e->batch, e->ws));
    ATL_TRY(write_maps(e));
    for (int i = 0; i < e->count; i++)
        atl_plan_write(e->program->plan, e->list[i].node, e->list[i].values);
    ATL_TRY(atl_program_run(e->program));
    ATL_TRY(atl_program_read(e->program, "img", e->batch, e->img));
    const float *edit = e->img + (e->mask ? (size_t)e->o.n * pixels : 0);
    if (e->mask)
        blend(e, n, e->img, edit, img); // also of features: the picture's own borders
    else
        memcpy(img, edit, (size_t)n * pixels * sizeof *img);
    return ATL_OK;
}
