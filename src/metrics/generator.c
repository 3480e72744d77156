// SPDX-License-Identifier: Apache-2.0
// Drawing and running a generator that is measured.
#include "metrics/generator.h"

#include <string.h>

#include "base/philox.h"
#include "metrics/torch_rng.h"
#include "run/noise.h"

enum {
    REFERENCE_BATCH = 4,    // samples that the official codes generate at once
    INNER_PIXELS = 1 << 18, // a batch with more of them is no faster, only larger
    INNER_MOST = 32
};

// ---- opening

static atl_status check_labels(const atl_generator *g) {
    int c_dim = g->net->dims.c_dim, index = g->o.class_index;
    const atl_dataset_info *info = g->labels ? atl_dataset_info_get(g->labels) : NULL;
    if (index >= 0 && c_dim == 0)
        return atl_fail(g->ctx, ATL_BAD_ARGUMENT, "class_index %d: %s is not conditional", index,
                        g->net->name);
    if (index >= 0 && index >= c_dim)
        return atl_fail(g->ctx, ATL_BAD_ARGUMENT, "class_index %d: %s has the classes 0 to %d", index,
                        g->net->name, c_dim - 1);
    if (c_dim == 0 || index >= 0)
        return ATL_OK;
    if (!info)
        return atl_fail(
            g->ctx, ATL_BAD_ARGUMENT,
            "%s is conditional: labels come from data, which is missing, or class_index chooses one",
            g->net->name);
    if (!info->label_size)
        return atl_fail(g->ctx, ATL_BAD_ARGUMENT,
                        "%s has no labels, and %s is conditional: choose a class_index", info->name,
                        g->net->name);
    if (info->label_size != c_dim)
        return atl_fail(g->ctx, ATL_BAD_ARGUMENT,
                        "%s has labels of %d, and %s takes such of %d: choose a class_index for all pictures",
                        info->name, info->label_size, g->net->name, c_dim);
    return ATL_OK;
}

static int inner_of(const atl_generator *g) {
    int64_t pixels = (int64_t)g->net->dims.height * g->net->dims.width;
    int n = INNER_MOST; // a power of two, so that steps of INNER_MOST are whole runs
    if (g->o.reference_order)
        return REFERENCE_BATCH;
    while (n > 1 && n * pixels > INNER_PIXELS)
        n /= 2;
    return n;
}

atl_status atl_generator_open(const atl_network *net, atl_backend *backend, const atl_dataset *labels,
                              const atl_generator_options *options, atl_generator *g) {
    const atl_model_dims *d = &net->dims;
    atl_ctx *ctx = net->ctx;
    *g = (atl_generator){ .ctx = ctx, .net = net, .labels = labels, .o = *options };
    if (!atl_model_function_find(net->row, "synthesize"))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s is a %s, and generators are measured", net->name,
                        net->row->role);
    if (d->channels != 1 && d->channels != 3)
        return atl_fail(ctx, ATL_UNSUPPORTED, "%s makes %d channels; pictures have 1 or 3", net->name,
                        d->channels);
    ATL_TRY(check_labels(g));
    atl_programs_init(&g->programs, net, backend);
    g->inner = inner_of(g);
    g->z = (size_t)d->z_dim;
    g->c = (size_t)d->c_dim;
    g->w = (size_t)d->w_dim;
    g->ws = (size_t)d->num_ws * g->w;
    g->img = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    atl_numpy_rng_init(&g->torch, options->seed);
    atl_numpy_rng_init(&g->numpy, options->seed);
    return ATL_OK;
}

void atl_generator_close(atl_generator *g) {
    if (!g->ctx)
        return;
    if (g->programs.network)
        atl_programs_clear(&g->programs);
    atl_w_mean_clear(g->ctx, &g->mean);
    memset(g, 0, sizeof *g);
}

// ---- drawing

static uint64_t stream(atl_purpose purpose, atl_drawn what) {
    return (uint64_t)purpose * ATL_DRAWN_STREAMS + (uint64_t)what;
}

// 32 random bits of sample i.
static uint32_t bits(const atl_generator *g, atl_purpose purpose, atl_drawn what, int64_t i) {
    uint64_t s = stream(purpose, what);
    const uint32_t counter[4] = { (uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)s,
                                  (uint32_t)(s >> 32) };
    const uint32_t key[2] = { g->o.seed, 0 };
    uint32_t out[4];
    atl_philox_block(counter, key, out);
    return out[0];
}

void atl_generator_z(atl_generator *g, atl_purpose purpose, int64_t first, int n, float *z) {
    atl_philox_normal(g->o.seed, stream(purpose, ATL_DRAWN_Z), (uint64_t)first * g->z, (size_t)n * g->z, z);
}

void atl_generator_uniform(const atl_generator *g, atl_purpose purpose, int64_t first, int n, int each,
                           float *u) {
    size_t row = (size_t)each;
    atl_philox_uniform(g->o.seed, stream(purpose, ATL_DRAWN_OTHER), (uint64_t)first * row, (size_t)n * row,
                       u);
}

uint32_t atl_generator_noise_seed(const atl_generator *g, atl_purpose purpose, int64_t sample) {
    return bits(g, purpose, ATL_DRAWN_NOISE, sample);
}

static void set_label(const atl_generator *g, uint64_t picture, float *c) {
    if (g->o.class_index >= 0) {
        memset(c, 0, g->c * sizeof *c);
        c[g->o.class_index] = 1.0f;
    } else {
        atl_dataset_label(g->labels, (size_t)picture, c);
    }
}

static uint64_t pictures_of(const atl_generator *g) {
    return g->labels ? atl_dataset_info_get(g->labels)->count : 1;
}

void atl_generator_labels(atl_generator *g, atl_purpose purpose, int64_t first, int n, float *c) {
    uint64_t count = pictures_of(g);
    for (int i = 0; g->c && i < n; i++) // high bits of a product: below `count`, as even as 32 bits can be
        set_label(g, bits(g, purpose, ATL_DRAWN_LABEL, first + i) * count >> 32, c + (size_t)i * g->c);
}

// ---- running

static atl_status get_program(atl_generator *g, const char *function, int n, atl_noise_mode noise,
                              atl_program **p) {
    return atl_programs_get(&g->programs, &(atl_program_key){ .function = function, .n = n, .noise = noise },
                            p);
}

atl_status atl_generator_room_open(const atl_generator *g, int n, atl_generator_room *r) {
    size_t rows = (size_t)n;
    *r = (atl_generator_room){ 0 };
    r->z = atl_alloc(g->ctx, rows * g->z + 1, sizeof *r->z);
    r->c = atl_calloc(g->ctx, rows * g->c + 1, sizeof *r->c);
    r->w = atl_alloc(g->ctx, rows * g->w, sizeof *r->w);
    r->ws = atl_alloc(g->ctx, rows * g->ws, sizeof *r->ws);
    r->img = atl_alloc(g->ctx, rows * g->img, sizeof *r->img);
    return r->z && r->c && r->w && r->ws && r->img ? ATL_OK : ATL_NO_MEMORY;
}

void atl_generator_room_close(const atl_generator *g, atl_generator_room *r) {
    atl_free(g->ctx, r->z);
    atl_free(g->ctx, r->c);
    atl_free(g->ctx, r->w);
    atl_free(g->ctx, r->ws);
    atl_free(g->ctx, r->img);
    *r = (atl_generator_room){ 0 };
}

atl_status atl_generator_w(atl_generator *g, int n, const float *z, const float *c, float *w) {
    atl_program *p;
    ATL_TRY(get_program(g, "map", g->inner, ATL_NOISE_CONST, &p));
    if (atl_program_in(p, "z"))
        ATL_TRY(atl_program_write(p, "z", n, z));
    if (atl_program_in(p, "c"))
        ATL_TRY(atl_program_write(p, "c", n, g->c ? c : NULL));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "w", n, w);
}

atl_status atl_generator_styles(atl_generator *g, int n, const float *w, const float *c, float *ws) {
    const atl_map_options o = { sizeof o, g->o.psi, g->o.cutoff, NULL, 0 };
    return atl_truncate(&g->programs, &g->mean, n, w, c, &o, ws);
}

atl_status atl_generator_sample(atl_generator *g, atl_purpose purpose, int64_t first, int n,
                                atl_generator_room *r) {
    atl_generator_z(g, purpose, first, n, r->z);
    atl_generator_labels(g, purpose, first, n, r->c);
    ATL_TRY(atl_generator_w(g, n, r->z, r->c, r->w));
    return atl_generator_styles(g, n, r->w, r->c, r->ws);
}

static atl_status get_synthesis(atl_generator *g, int n, atl_noise_mode noise, atl_program **p) {
    return get_program(g, "synthesize", n, noise, p);
}

atl_status atl_generator_moves(atl_generator *g, bool *moves) {
    atl_program *p;
    ATL_TRY(get_synthesis(g, 1, ATL_NOISE_CONST, &p));
    *moves = atl_program_in(p, "transform") != NULL;
    return ATL_OK;
}

static atl_status paint_with(atl_generator *g, atl_program *p, int n, const float *ws,
                             const atl_generator_scene *scene, float *img) {
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    o.noise_mode = scene->noise;
    o.noise_seeds = scene->noise_seeds;
    o.noise_maps = scene->noise_maps;
    ATL_TRY(atl_program_write(p, "ws", n, ws));
    ATL_TRY(atl_noise_write(p, 0, n, (int)g->z, &o));
    if (scene->transform)
        ATL_TRY(atl_program_write(p, "transform", 1, scene->transform));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "img", n, img);
}

atl_status atl_generator_paint(atl_generator *g, int n, const float *ws, const atl_generator_scene *scene,
                               float *img) {
    atl_program *p;
    ATL_TRY(get_synthesis(g, g->inner, scene->noise, &p));
    return paint_with(g, p, n, ws, scene, img);
}

atl_status atl_generator_paint_one(atl_generator *g, const float *ws, const atl_generator_scene *scene,
                                   float *img) {
    atl_program *p;
    ATL_TRY(get_synthesis(g, 1, scene->noise, &p));
    return paint_with(g, p, 1, ws, scene, img);
}

void atl_generator_bytes(const atl_generator *g, int n, const float *img, uint8_t *rgb) {
    size_t channels = (size_t)g->net->dims.channels, area = g->img / channels;
    for (size_t i = 0; i < (size_t)n * 3; i++) {
        const float *x = img + (i / 3 * channels + (channels == 3 ? i % 3 : 0)) * area;
        for (size_t k = 0; k < area; k++) {
            float v = x[k] * 127.5f + 128.0f;
            v = v > 0.0f ? v : 0.0f; // NaN compares false: 0
            v = v < 255.0f ? v : 255.0f;
            rgb[i * area + k] = (uint8_t)v;
        }
    }
}

// ---- pictures

// What a run works on.
typedef struct work {
    atl_generator_room room;
    float *noise; // of all layers, in the reference order
    const float *maps[ATL_PORTS];
    uint32_t seeds[INNER_MOST];
} work;

// The official codes draw z and noise from PyTorch's generator, batch by batch, and labels from NumPy's.
static atl_status draw_reference(atl_generator *g, work *r) {
    uint64_t count = pictures_of(g);
    atl_torch_randn(&g->torch, (size_t)g->inner * g->z, r->room.z);
    for (int i = 0; g->c && i < g->inner; i++)
        set_label(g, atl_numpy_rng_below(&g->numpy, (uint32_t)count), r->room.c + (size_t)i * g->c);
    if (g->o.noise != ATL_NOISE_RANDOM)
        return ATL_OK;
    atl_program *p;
    ATL_TRY(get_synthesis(g, g->inner, ATL_NOISE_MAPS, &p));
    size_t total = 0, at = 0;
    for (int i = 0; i < p->call.n_in; i++)
        if (p->call.in[i].kind == ATL_PORT_NOISE)
            total += (size_t)atl_shape_count(&p->call.in[i].node->shape);
    if (!r->noise)
        r->noise = atl_alloc(g->ctx, total + 1, sizeof *r->noise);
    if (!r->noise)
        return ATL_NO_MEMORY;
    for (int i = 0, k = 0; i < p->call.n_in; i++)
        if (p->call.in[i].kind == ATL_PORT_NOISE) {
            size_t map = (size_t)atl_shape_count(&p->call.in[i].node->shape);
            atl_torch_randn(&g->torch, map, r->noise + at);
            r->maps[k++] = r->noise + at;
            at += map;
        }
    return ATL_OK;
}

// The run of `inner` samples that begins with `first`.
static atl_status draw(atl_generator *g, int64_t first, work *r) {
    if (g->o.reference_order) {
        for (; g->followed < first; g->followed += g->inner) // passed over
            ATL_TRY(draw_reference(g, r));
        g->followed += g->inner;
        return draw_reference(g, r);
    }
    atl_generator_z(g, ATL_PURPOSE_PICTURES, first, g->inner, r->room.z);
    atl_generator_labels(g, ATL_PURPOSE_PICTURES, first, g->inner, r->room.c);
    for (int i = 0; i < g->inner; i++)
        r->seeds[i] = atl_generator_noise_seed(g, ATL_PURPOSE_PICTURES, first + i);
    return ATL_OK;
}

// The lines between random pairs of codes, at random places, as ws of the run that begins with `first`.
static void interpolate(const atl_generator *g, int64_t first, float *ws) {
    enum { EACH = 3 };
    float u[EACH * INNER_MOST];
    atl_generator_uniform(g, ATL_PURPOSE_PICTURES, first, g->inner, EACH, u);
    for (int i = 0; i < g->inner; i++) {
        int64_t count = g->o.code_count, a = (int64_t)((double)u[EACH * i] * (double)count);
        int64_t b = (int64_t)((double)u[EACH * i + 1] * (double)(count - 1));
        b += b >= a; // another one
        const float *from = g->o.codes + (size_t)a * g->ws, *to = g->o.codes + (size_t)b * g->ws;
        for (size_t k = 0; k < g->ws; k++)
            ws[(size_t)i * g->ws + k] = from[k] + u[EACH * i + 2] * (to[k] - from[k]);
    }
}

static atl_status paint(atl_generator *g, int64_t first, work *r) {
    bool maps = g->o.reference_order && g->o.noise == ATL_NOISE_RANDOM;
    const atl_generator_scene scene = { .noise = maps ? ATL_NOISE_MAPS : g->o.noise,
                                        .noise_seeds = r->seeds,
                                        .noise_maps = r->maps };
    if (g->o.codes) {
        interpolate(g, first, r->room.ws);
        return atl_generator_paint(g, g->inner, r->room.ws, &scene, r->room.img);
    }
    ATL_TRY(atl_generator_w(g, g->inner, r->room.z, r->room.c, r->room.w));
    ATL_TRY(atl_generator_styles(g, g->inner, r->room.w, r->room.c, r->room.ws));
    return atl_generator_paint(g, g->inner, r->room.ws, &scene, r->room.img);
}

atl_status atl_generator_pictures(atl_generator *g, int64_t first, int n, uint8_t *rgb) {
    size_t area = g->img / (size_t)g->net->dims.channels;
    work r = { .noise = NULL };
    atl_status status = atl_generator_room_open(g, g->inner, &r.room);
    for (int done = 0; status == ATL_OK && done < n;) {
        int64_t run = (first + done) / g->inner * g->inner; // runs begin at multiples, whoever asks
        int skip = (int)(first + done - run), use = g->inner - skip < n - done ? g->inner - skip : n - done;
        status = draw(g, run, &r);
        if (status == ATL_OK)
            status = paint(g, run, &r);
        if (status == ATL_OK)
            atl_generator_bytes(g, use, r.room.img + (size_t)skip * g->img, rgb + (size_t)done * 3 * area);
        done += use;
    }
    atl_generator_room_close(g, &r.room);
    atl_free(g->ctx, r.noise);
    return status;
}
