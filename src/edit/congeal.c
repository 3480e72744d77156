// SPDX-License-Identifier: Apache-2.0
// A transformer at work: pictures in, aligned pictures and their warps out; see <atelier/congeal.h>.
#include "edit/warp.h"

#include <math.h>
#include <string.h>

#include "data/resize.h"

enum { COLOURS = 3, SIDE_MOST = 4096, ITERATIONS_MOST = 100 };

struct atl_congealer {
    atl_ctx *ctx;
    const atl_network *network;
    atl_backend *backend;
    atl_congeal_info info;
    atl_warp_options warp;
    bool blend, flip;
    atl_program *program; // of the last number of pictures
    float *heads, *flow;  // [program's n, heads], [n, flow_side, flow_side, 2]
    float *grid, *mirror; // [n, side, side, 2], [n, 3, input, input]
    const atl_network *classifier; // of `sorter`
    atl_program *sorter;           // logits of the last number of pictures
};

// ---- opening

static atl_padding padding_of(const atl_network *t, atl_padding padding) {
    const char *said = json_string_value(json_object_get(t->json, "padding_mode"));
    if (padding != ATL_PADDING_FILE)
        return padding;
    return said && !strcmp(said, "zeros")        ? ATL_PADDING_ZEROS
           : said && !strcmp(said, "reflection") ? ATL_PADDING_REFLECTION
                                                 : ATL_PADDING_BORDER;
}

static atl_status begin(atl_congealer *c, const atl_congeal_options *o) {
    const json_t *json = c->network->json;
    int said = (int)json_integer_value(json_object_get(json, "iters"));
    c->info = (atl_congeal_info){ .input = (int)json_integer_value(json_object_get(json, "supersize")),
                                  .flow_side = c->network->dims.height,
                                  .heads = atl_warp_heads(c->network),
                                  .has_similarity = atl_warp_has(c->network, "similarity"),
                                  .has_flow = atl_warp_has(c->network, "flow") };
    c->info.side = o->side ? o->side : c->info.flow_side;
    c->warp = (atl_warp_options){ .iterations = o->iterations                         ? o->iterations
                                                : said > 0 && said <= ITERATIONS_MOST ? said
                                                                                      : 1,
                                  .side = c->info.side,
                                  .padding = padding_of(c->network, o->padding) };
    c->blend = o->blend != 0;
    c->flip = o->flip && c->info.has_flow;
    if (o->iterations < 0 || o->iterations > ITERATIONS_MOST)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "%d iterations are not possible: 1 to %d are",
                        o->iterations, ITERATIONS_MOST);
    if (o->side < 0 || c->info.side > SIDE_MOST)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "aligned pictures of %d pixels are not possible: 1 to %d are", c->info.side,
                        SIDE_MOST);
    if (o->padding < ATL_PADDING_FILE || o->padding > ATL_PADDING_ZEROS)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "there is no padding of number %d", (int)o->padding);
    return ATL_OK;
}

atl_status atl_congealer_make(atl_programs *transformer, const atl_congeal_options *options,
                              atl_congealer **out) {
    atl_ctx *ctx = transformer->network->ctx;
    atl_congealer *c = *out = atl_calloc(ctx, 1, sizeof *c);
    if (!c)
        return ATL_NO_MEMORY;
    *c = (atl_congealer){ .ctx = ctx, .network = transformer->network, .backend = transformer->backend };
    atl_status status = begin(c, options);
    if (status != ATL_OK)
        atl_congealer_close(out);
    return status;
}

static void drop_program(atl_congealer *c) {
    atl_program_free(&c->program);
    float **rooms[] = { &c->heads, &c->flow, &c->grid, &c->mirror };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        atl_free(c->ctx, *rooms[i]);
        *rooms[i] = NULL;
    }
}

void atl_congealer_close(atl_congealer **c_) {
    atl_congealer *c = c_ ? *c_ : NULL;
    if (!c)
        return;
    drop_program(c);
    atl_program_free(&c->sorter);
    atl_free(c->ctx, c);
    *c_ = NULL;
}

const atl_congeal_info *atl_congealer_get_info(const atl_congealer *c) {
    return &c->info;
}

// ---- pictures

// The square in the middle.
static atl_status cut_square(atl_ctx *ctx, const atl_image *picture, atl_image *square) {
    int side = picture->width < picture->height ? picture->width : picture->height;
    return atl_image_crop(ctx, picture, (picture->width - side) / 2, (picture->height - side) / 2, side, side,
                          square);
}

atl_status atl_congealer_input(atl_congealer *c, const atl_image *picture, float *input) {
    atl_image square = { 0 }, small = { 0 };
    const size_t pixels = (size_t)c->info.input * (size_t)c->info.input;
    if (!picture->pixels || picture->width < 1 || picture->height < 1 || picture->channels < 1 ||
        picture->channels > 4)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "the picture is empty");
    atl_status status = cut_square(c->ctx, picture, &square);
    if (status == ATL_OK)
        status = atl_image_resize(c->ctx, &square, c->info.input, c->info.input, ATL_RESIZE_LANCZOS, &small);
    for (size_t i = 0; status == ATL_OK && i < pixels; i++)
        for (size_t k = 0; k < COLOURS; k++) {
            const uint8_t *p = small.pixels + i * (size_t)small.channels;
            input[k * pixels + i] = (float)p[small.channels < COLOURS ? 0 : k] / 127.5f - 1.0f;
        }
    atl_image_clear(c->ctx, &square);
    atl_image_clear(c->ctx, &small);
    return status;
}

// ---- running

static atl_node *as_rows(atl_graph *g, atl_node *x) { // so that the caller gets it in this order
    if (x->op == ATL_OP_POISON)
        return x;
    return atl_reshape(g, x, ATL_SHAPE(x->shape.d[0], atl_shape_count(&x->shape) / x->shape.d[0]));
}

static void build(atl_graph *g, atl_call *call, void *user) {
    const atl_congealer *c = user;
    atl_net net = atl_network_in(g, c->network, NULL);
    atl_node *img = atl_call_in(&net, call, "img", ATL_SHAPE(c->info.input, c->info.input, COLOURS));
    atl_node *head = c->info.heads > 1 ? atl_call_in(&net, call, "head", ATL_SHAPE(c->info.heads)) : NULL;
    atl_node *alpha = c->blend ? atl_call_in(&net, call, "alpha", ATL_SHAPE(1)) : NULL;
    if (alpha && alpha->op != ATL_OP_POISON)
        alpha = atl_reshape(g, alpha, ATL_SHAPE(call->n));
    atl_warp_nodes w = atl_warp_build(&net, c->network, img, head, alpha, &c->warp);
    atl_call_out(&net, call, "img", w.img);
    atl_call_out(&net, call, "grid", as_rows(g, w.grid));
    if (w.matrix)
        atl_call_out(&net, call, "matrix", as_rows(g, w.matrix));
    if (w.flow)
        atl_call_out(&net, call, "flow", as_rows(g, w.flow));
}

// Numbers of one picture: of what comes in, of its grid, of its flow.
static size_t row_in(const atl_congealer *c) {
    return COLOURS * (size_t)c->info.input * (size_t)c->info.input;
}

static size_t row_grid(const atl_congealer *c) {
    return 2 * (size_t)c->info.side * (size_t)c->info.side;
}

static size_t row_flow(const atl_congealer *c) {
    return 2 * (size_t)c->info.flow_side * (size_t)c->info.flow_side;
}

static atl_status make_program(atl_congealer *c, int n) {
    if (c->program && c->program->call.n == n)
        return ATL_OK;
    drop_program(c);
    const atl_program_key key = { .function = "congeal", .n = n };
    const atl_plan_options options = { 0 };
    ATL_TRY(atl_program_make(c->backend, &key, build, c, &options, &c->program));
    c->heads = atl_calloc(c->ctx, (size_t)n, (size_t)c->info.heads * sizeof *c->heads);
    c->flow = atl_calloc(c->ctx, (size_t)n, row_flow(c) * sizeof *c->flow);
    c->grid = atl_calloc(c->ctx, (size_t)n, row_grid(c) * sizeof *c->grid);
    c->mirror = c->flip ? atl_calloc(c->ctx, (size_t)n, row_in(c) * sizeof *c->mirror) : c->heads;
    bool made = c->heads && c->flow && c->grid && c->mirror;
    c->mirror = c->flip ? c->mirror : NULL;
    if (made)
        return ATL_OK;
    drop_program(c);
    return ATL_NO_MEMORY;
}

static atl_status write_heads(atl_congealer *c, int n, const int *head) {
    const size_t heads = (size_t)c->info.heads;
    memset(c->heads, 0, (size_t)n * heads * sizeof *c->heads);
    for (int i = 0; i < n; i++) {
        int at = head ? head[i] : 0;
        if (at < 0 || at >= c->info.heads)
            return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "there is no cluster %d: the transformer has 0 to %d",
                            at, c->info.heads - 1);
        c->heads[(size_t)i * heads + (size_t)at] = 1.0f;
    }
    return c->info.heads > 1 ? atl_program_write(c->program, "head", n, c->heads) : ATL_OK;
}

// Huber's function of the difference, with its bend at 1.
static double huber(float a, float b) {
    double d = fabs((double)a - (double)b);
    return d < 1.0 ? 0.5 * d * d : d - 0.5;
}

// Means over the differences along rows and along columns, added.
static double total_variation(const float *flow, size_t side) {
    double along = 0.0, down = 0.0;
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            for (size_t k = 0; k < 2; k++) {
                const float *p = flow + 2 * (y * side + x) + k;
                along += x + 1 < side ? huber(p[2], p[0]) : 0.0;
                down += y + 1 < side ? huber(p[2 * side], p[0]) : 0.0;
            }
    return side < 2 ? 0.0 : (along + down) / (2.0 * (double)side * (double)(side - 1));
}

static double outside_of(const float *grid, size_t pixels) {
    size_t count = 0;
    for (size_t i = 0; i < pixels; i++)
        count += fabsf(grid[2 * i]) > 1.0f || fabsf(grid[2 * i + 1]) > 1.0f;
    return (double)count / (double)pixels;
}

// The results of the program's last run.
static atl_status read_all(atl_congealer *c, int n, const atl_congealed *out) {
    if (out->img)
        ATL_TRY(atl_program_read(c->program, "img", n, out->img));
    if (out->grid || out->outside)
        ATL_TRY(atl_program_read(c->program, "grid", n, c->grid));
    if (out->grid)
        memcpy(out->grid, c->grid, (size_t)n * row_grid(c) * sizeof *c->grid);
    if (out->matrix && c->info.has_similarity)
        ATL_TRY(atl_program_read(c->program, "matrix", n, out->matrix));
    for (int i = 0; out->matrix && !c->info.has_similarity && i < n; i++)
        memcpy(out->matrix + 6 * (size_t)i, (const float[6]){ 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f },
               6 * sizeof(float));
    if (c->info.has_flow && (out->flow || out->tv))
        ATL_TRY(atl_program_read(c->program, "flow", n, c->flow));
    if (out->flow)
        memcpy(out->flow, c->flow, (size_t)n * row_flow(c) * sizeof *c->flow);
    for (size_t i = 0; i < (size_t)n; i++) {
        if (out->tv)
            out->tv[i] = total_variation(c->flow + i * row_flow(c), (size_t)c->info.flow_side);
        if (out->outside)
            out->outside[i] = outside_of(c->grid + i * row_grid(c), row_grid(c) / 2);
        if (out->flipped)
            out->flipped[i] = 0;
    }
    return ATL_OK;
}

static atl_status run_once(atl_congealer *c, int n, const float *inputs, const float *alpha) {
    if (alpha)
        ATL_TRY(atl_program_write(c->program, "alpha", n, alpha));
    ATL_TRY(atl_program_write(c->program, "img", n, inputs));
    return atl_program_run(c->program);
}

// ---- clusters

static void build_sorter(atl_graph *g, atl_call *call, void *user) {
    const atl_congealer *c = user;
    atl_net net = atl_network_in(g, c->classifier, NULL);
    atl_node *img = atl_call_in(&net, call, "img", ATL_SHAPE(c->info.input, c->info.input, COLOURS));
    atl_call_out(&net, call, "logits", atl_warp_logits(&net, c->classifier, img));
}

atl_status atl_congealer_sort(atl_congealer *c, const atl_network *classifier, int n, const float *inputs, int *head,
                              int *flipped) {
    const int classes = classifier->dims.num_logits, heads = c->info.heads;
    if ((classes != heads && classes != 2 * heads) || classifier->dims.height != c->info.flow_side)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "the classifier tells %d clusters of pictures of %d pixels apart, and the transformer has %d "
                        "of %d: it belongs to another one",
                        classes, classifier->dims.height, heads, c->info.flow_side);
    if (n < 1)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "%d pictures can't be sorted", n);
    if (!c->sorter || c->classifier != classifier || c->sorter->call.n != n) {
        const atl_program_key key = { .function = "sort", .n = n };
        const atl_plan_options options = { 0 };
        atl_program_free(&c->sorter);
        c->classifier = classifier;
        ATL_TRY(atl_program_make(c->backend, &key, build_sorter, c, &options, &c->sorter));
    }
    float *logits = atl_alloc(c->ctx, (size_t)n, (size_t)classes * sizeof *logits);
    atl_status status = logits ? atl_program_write(c->sorter, "img", n, inputs) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_program_run(c->sorter);
    if (status == ATL_OK)
        status = atl_program_read(c->sorter, "logits", n, logits);
    for (int i = 0; status == ATL_OK && i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)classes;
        int best = 0;
        for (int k = 1; k < classes; k++)
            best = row[k] > row[best] ? k : best;
        head[i] = best % heads;
        if (flipped)
            flipped[i] = best / heads;
    }
    atl_free(c->ctx, logits);
    return status;
}

// ---- mirror images

static void mirror_rows(const float *x, float *y, size_t rows, size_t side) {
    for (size_t i = 0; i < rows * side; i++)
        y[i] = x[i / side * side + side - 1 - i % side];
}

// Picture i of the mirrored ones takes the place of that which is there.
static void take_mirrored(const atl_congealer *c, size_t i, const atl_congealed *from,
                          const atl_congealed *out) {
    const size_t img = COLOURS * row_grid(c) / 2, grid = row_grid(c), flow = row_flow(c);
    if (out->img)
        memcpy(out->img + i * img, from->img + i * img, img * sizeof *out->img);
    for (size_t k = 0; out->grid && k < grid; k++)
        out->grid[i * grid + k] = (k % 2 ? 1.0f : -1.0f) * from->grid[i * grid + k];
    for (size_t k = 0; out->matrix && k < 6; k++)
        out->matrix[6 * i + k] = (k < 3 ? -1.0f : 1.0f) * from->matrix[6 * i + k];
    if (out->flow)
        memcpy(out->flow + i * flow, from->flow + i * flow, flow * sizeof *out->flow);
    if (out->outside)
        out->outside[i] = from->outside[i];
    if (out->flipped)
        out->flipped[i] = 1;
    out->tv[i] = from->tv[i];
}

static void clear_results(atl_ctx *ctx, const atl_congealed *r) {
    atl_free(ctx, r->img);
    atl_free(ctx, r->grid);
    atl_free(ctx, r->matrix);
    atl_free(ctx, r->flow);
    atl_free(ctx, r->tv);
    atl_free(ctx, r->outside);
}

// Runs the mirror images, too, and keeps of each pair the one with the smoother flow.  out->tv is there.
static atl_status run_mirrored(atl_congealer *c, int n, const float *inputs, const float *alpha,
                               const atl_congealed *out) {
    const size_t count = (size_t)n, side = (size_t)c->info.input;
    const atl_congealed own = {
        .img = out->img ? atl_alloc(c->ctx, count, COLOURS * row_grid(c) / 2 * sizeof(float)) : NULL,
        .grid = out->grid ? atl_alloc(c->ctx, count, row_grid(c) * sizeof(float)) : NULL,
        .matrix = out->matrix ? atl_alloc(c->ctx, count, 6 * sizeof(float)) : NULL,
        .flow = out->flow ? atl_alloc(c->ctx, count, row_flow(c) * sizeof(float)) : NULL,
        .tv = atl_alloc(c->ctx, count, sizeof(double)),
        .outside = out->outside ? atl_alloc(c->ctx, count, sizeof(double)) : NULL
    };
    atl_status status = ATL_NO_MEMORY;
    if (!own.img == !out->img && !own.grid == !out->grid && !own.matrix == !out->matrix &&
        !own.flow == !out->flow && own.tv && !own.outside == !out->outside) {
        mirror_rows(inputs, c->mirror, count * COLOURS * side, side);
        status = run_once(c, n, c->mirror, alpha);
    }
    if (status == ATL_OK)
        status = read_all(c, n, &own);
    for (size_t i = 0; status == ATL_OK && i < count; i++)
        if (own.tv[i] < out->tv[i])
            take_mirrored(c, i, &own, out);
    clear_results(c->ctx, &own);
    return status;
}

atl_status atl_congealer_run_part(atl_congealer *c, int n, const float *inputs, const int *head,
                                  const float *alpha, const atl_congealed *out_) {
    atl_congealed out = *out_;
    if (n < 1)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "%d pictures can't be aligned", n);
    if (!alpha != !c->blend)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "parts of the way are gone where, and only where, blend is set");
    ATL_TRY(make_program(c, n));
    ATL_TRY(write_heads(c, n, head));
    ATL_TRY(run_once(c, n, inputs, alpha));
    double *own = c->flip && !out.tv ? atl_alloc(c->ctx, (size_t)n, sizeof *own) : NULL;
    if (c->flip && !out.tv && !own)
        return ATL_NO_MEMORY;
    out.tv = own ? own : out.tv;
    atl_status status = read_all(c, n, &out);
    if (status == ATL_OK && c->flip)
        status = run_mirrored(c, n, inputs, alpha, &out);
    atl_free(c->ctx, own);
    return status;
}

atl_status atl_congealer_run(atl_congealer *c, int n, const float *inputs, const int *head,
                             const atl_congealed *out) {
    return atl_congealer_run_part(c, n, inputs, head, NULL, out);
}
