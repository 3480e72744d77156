// SPDX-License-Identifier: Apache-2.0
// Models as a program sees them: open, map, synthesise.  Joins checkpoints, networks, plans and a backend.
#define _DEFAULT_SOURCE // madvise
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "api/model_api.h"
#include <atelier/rng.h>
#include "base/options.h"
#include "base/philox.h"

// ---- opening

static void close_function(atl_function *f) {
    atl_plan_close(&f->plan);
    atl_graph_clear(&f->graph);
    memset(f, 0, sizeof *f);
}

void atl_model_close(atl_model **model) {
    atl_model *m = model ? *model : NULL;
    if (!m)
        return;
    for (int i = 0; i < ATL_CACHED_PLANS; i++)
        close_function(&m->functions[i]);
    atl_backend_close(&m->backend);
    atl_params_clear(&m->params);
    json_decref(m->json);
    atl_free(m->ctx, m->w_avg);
    atl_free(m->ctx, m->config);
    atl_free(m->ctx, m);
    *model = NULL;
}

atl_status atl_model_new(atl_ctx *ctx, const atl_model_row *row, const char *net, atl_model **model) {
    atl_model *m = atl_calloc(ctx, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    m->ctx = ctx;
    m->row = row;
    snprintf(m->net, sizeof m->net, "%s", net);
    atl_params_init(&m->params, ctx);
    m->config = atl_calloc(ctx, 1, row->config_bytes);
    atl_status status = m->config ? atl_cpu_backend_open(ctx, NULL, &m->backend) : ATL_NO_MEMORY;
    if (status != ATL_OK)
        atl_model_close(&m);
    *model = m;
    return status;
}

int64_t atl_params_trained(const atl_params *params) {
    int64_t count = 0;
    for (size_t i = 0; i < params->size; i++)
        if (!params->list[i].buffer)
            count += (int64_t)params->list[i].count;
    return count;
}

void atl_model_fill_info(atl_model *m) {
    const atl_model_dims *d = &m->dims;
    m->info = (atl_model_info){ m->row->family, m->row->role, m->net, d->z_dim, d->c_dim, d->w_dim, d->num_ws,
                                d->channels, d->height, d->width, atl_params_trained(&m->params), 0,
                                d->default_psi != 0.0f ? d->default_psi : 1.0f, d->default_cutoff,
                                d->num_logits ? d->num_logits : 1 };
}

// The network of the file that the caller means: the named one, else G_ema, else G, else the only one.
static atl_status choose_net(atl_ctx *ctx, const atl_ckpt *ckpt, const char *path, const char *asked, size_t *index) {
    const char *const order[] = { asked ? asked : "G_ema", asked ? NULL : "G", NULL };
    size_t size = atl_ckpt_size(ckpt);
    for (int k = 0; order[k]; k++)
        for (size_t i = 0; i < size; i++)
            if (!strcmp(atl_ckpt_get(ckpt, i)->key, order[k])) {
                *index = i;
                return ATL_OK;
            }
    char have[256] = "";
    for (size_t i = 0; i < size; i++) {
        size_t at = strlen(have);
        snprintf(have + at, sizeof have - at, "%s%s", i ? ", " : "", atl_ckpt_get(ckpt, i)->key);
    }
    if (!asked && size == 1) {
        *index = 0;
        return ATL_OK;
    }
    return atl_fail(ctx, ATL_BAD_FILE, "%s: there is no network %s in the file, which holds: %s", path,
                    asked ? asked : "G_ema or G", have[0] ? have : "none");
}

// Puts the file's name in front of a message that was left without it.
static atl_status name_file(atl_ctx *ctx, atl_status status, const char *path) {
    if (status == ATL_OK || !strncmp(ctx->message, path, strlen(path)))
        return status;
    char sentence[ATL_MESSAGE_MAX];
    memcpy(sentence, ctx->message, sizeof sentence);
    atl_message_clear(ctx);
    return atl_fail(ctx, status, "%s: %.900s", path, sentence);
}

// Puts the level of detail that the caller wants into the config.
static atl_status set_lod(atl_model *m, float lod) {
    if (lod < 0.0f)
        return ATL_OK;
    if (!json_is_number(json_object_get(m->json, "lod")))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "%s was not trained by growing: it has no level of detail to choose", m->net);
    if (json_object_set_new(m->json, "lod", json_real((double)lod)))
        return atl_fail(m->ctx, ATL_NO_MEMORY, "out of memory");
    return ATL_OK;
}

static atl_status refuse_unused(atl_ctx *ctx, const atl_ckpt *ckpt, const atl_ckpt_net *net, atl_model *m) {
    json_t *names;
    ATL_TRY(atl_unused_names(ctx, ckpt, net, m->row, &m->params, &names));
    atl_status status = atl_unused_refuse(ctx, net->key, names);
    json_decref(names);
    return status;
}

static atl_status load(atl_ctx *ctx, atl_ckpt *ckpt, size_t index, const atl_model_options *o,
                       atl_model **model) {
    const atl_ckpt_net *net = atl_ckpt_get(ckpt, index);
    const atl_model_row *row = net->kind ? atl_model_row_find(net->kind) : NULL;
    if (net->why)
        return atl_fail(ctx, ATL_UNSUPPORTED, "%s: %s", net->key, net->why);
    if (!row)
        return atl_fail(ctx, ATL_UNSUPPORTED, "%s is a network of the kind %s, which this version can't run yet",
                        net->key, net->kind ? net->kind : "(unknown)");
    ATL_TRY(atl_model_new(ctx, row, net->key, model));
    atl_model *m = *model;
    m->json = json_deep_copy(net->config);
    atl_status status = m->json ? set_lod(m, o->lod) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = row->parse(ctx, m->json, m->config);
    if (status == ATL_OK)
        status = atl_ckpt_load(ckpt, index, &m->params);
    if (status == ATL_OK)
        status = row->dims(ctx, m->config, &m->params, &m->dims);
    if (status == ATL_OK && !o->ignore_unused)
        status = refuse_unused(ctx, ckpt, net, m);
    if (status == ATL_OK)
        atl_model_fill_info(m);
    else
        atl_model_close(model);
    return status;
}

atl_status atl_model_open(atl_ctx *ctx, const char *path, const atl_model_options *options, atl_model **model) {
    atl_ckpt *ckpt;
    size_t index = 0;
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    *model = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_model_options", &o, sizeof o, options));
    atl_status status = atl_ckpt_open_assuming(ctx, path, o.assume, &ckpt);
    if (status != ATL_OK)
        return name_file(ctx, status, path);
    status = choose_net(ctx, ckpt, path, o.net, &index);
    if (status == ATL_OK)
        status = load(ctx, ckpt, index, &o, model);
    atl_ckpt_close(&ckpt);
    return name_file(ctx, status, path);
}

const atl_model_info *atl_model_get_info(const atl_model *model) {
    atl_model *m = (atl_model *)model; // the fingerprint reads every parameter: made when first asked
    if (!m->described) {
        m->info.fingerprint = atl_params_fingerprint(&m->params);
        m->described = true;
    }
    return &m->info;
}

// ---- functions

static void build_map(atl_model *m, atl_net *net, atl_function *f) {
    atl_graph *g = net->g;
    if (m->dims.z_dim)
        f->inputs[0] = atl_input(g, "z", ATL_SHAPE(f->n, m->dims.z_dim));
    if (m->dims.c_dim)
        f->inputs[1] = atl_input(g, "c", ATL_SHAPE(f->n, m->dims.c_dim));
    f->result = f->output = m->row->map(net, m->config, f->inputs[0], f->inputs[1]);
}

static void build_synthesis(atl_model *m, atl_net *net, atl_function *f) {
    atl_graph *g = net->g;
    f->inputs[0] = atl_input(g, "ws", ATL_SHAPE(f->n, m->dims.num_ws, m->dims.w_dim));
    f->output = m->row->synthesize(net, m->config, f->inputs[0], &f->noise);
    f->result = atl_permute(g, f->output, (int[]){ 0, 3, 1, 2 });
    if (f->output->op == ATL_OP_POISON)
        f->result = f->output;
}

static void build_critic(atl_model *m, atl_net *net, atl_function *f) {
    atl_graph *g = net->g;
    f->inputs[0] = atl_input(g, "img", ATL_SHAPE(f->n, m->dims.channels, m->dims.height, m->dims.width));
    if (m->dims.c_dim)
        f->inputs[1] = atl_input(g, "c", ATL_SHAPE(f->n, m->dims.c_dim));
    atl_node *img = atl_permute(g, f->inputs[0], (int[]){ 0, 2, 3, 1 });
    f->result = f->output = m->row->discriminate(net, m->config, img, f->inputs[1]);
}

void atl_model_build(atl_model *m, enum atl_cached what, atl_net *net, atl_function *f) {
    static void (*const BUILD[])(atl_model *, atl_net *, atl_function *) = {
        [ATL_CACHED_MAP] = build_map, [ATL_CACHED_SYNTHESIS] = build_synthesis, [ATL_CACHED_CRITIC] = build_critic,
    };
    BUILD[what](m, net, f);
}

// Parameters inside a mapped file can be read again: give their memory back once kernels have packed them.
static void release_mapped(const atl_params *p) {
    if (p->mapping)
        madvise((void *)p->mapping, p->mapping_bytes, MADV_DONTNEED);
}

static bool fits(const atl_function *f, enum atl_cached what, int n, atl_noise_mode noise, bool step_mode) {
    bool batch = f->n == n || (what != ATL_CACHED_CRITIC && !step_mode && n < f->n && 2 * n >= f->n);
    return f->plan && batch && f->noise.mode == noise && f->step_mode == step_mode;
}

atl_status atl_model_function(atl_model *m, enum atl_cached what, int n, atl_noise_mode noise, bool step_mode,
                              atl_function **function) {
    atl_function *f = &m->functions[what];
    *function = f;
    if (n < 1 || n > 65536)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "a batch of %d is not possible: 1 to 65536 are", n);
    if (fits(f, what, n, noise, step_mode))
        return ATL_OK;
    close_function(f);
    atl_graph_init(&f->graph, m->ctx);
    f->n = n;
    f->noise.mode = noise;
    f->step_mode = step_mode;
    atl_net net = { .g = &f->graph, .params = &m->params };
    atl_model_build(m, what, &net, f);
    atl_plan_options options = { .step_mode = step_mode };
    atl_status status = atl_plan_make(&f->graph, m->backend, &f->result, 1, &options, &f->plan);
    release_mapped(&m->params);
    if (status != ATL_OK)
        close_function(f);
    return status;
}

// ---- what the functions share

atl_status atl_model_need_role(atl_model *m, const char *role, bool has) {
    if (has)
        return ATL_OK;
    return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is a %s, and this needs a %s", m->net, m->row->role, role);
}

// Writes n rows of an input that was built for a batch of f->n; rows that nobody asked for repeat the first.
atl_status atl_model_write_rows(atl_model *m, atl_function *f, int index, int n, const float *rows) {
    const atl_node *input = f->inputs[index];
    if (!input)
        return ATL_OK;
    size_t row = (size_t)atl_shape_count(&input->shape) / (size_t)f->n;
    if (rows && n == f->n) {
        atl_plan_write(f->plan, input, rows);
        return ATL_OK;
    }
    float *all = atl_calloc(m->ctx, (size_t)f->n * row, sizeof *all);
    if (!all)
        return ATL_NO_MEMORY;
    for (int i = 0; rows && i < f->n; i++)
        memcpy(all + (size_t)i * row, rows + (size_t)(i < n ? i : 0) * row, row * sizeof *all);
    atl_plan_write(f->plan, input, all);
    atl_free(m->ctx, all);
    return ATL_OK;
}

// The first n rows of the result.
atl_status atl_model_read_rows(atl_model *m, const atl_function *f, int n, float *out) {
    size_t row = (size_t)atl_shape_count(&f->result->shape) / (size_t)f->n;
    if (n == f->n) {
        atl_plan_read(f->plan, f->result, out);
        return ATL_OK;
    }
    float *all = atl_alloc(m->ctx, (size_t)f->n * row, sizeof *all);
    if (!all)
        return ATL_NO_MEMORY;
    atl_plan_read(f->plan, f->result, all);
    memcpy(out, all, (size_t)n * row * sizeof *out);
    atl_free(m->ctx, all);
    return ATL_OK;
}

// ---- synthesis

// Map k of the images from `first` on, [n, row].  random: a function of seed and k alone, whatever the
// batch.  sg2: the next numbers of each image's stream.
static void fill_maps(const atl_synthesis_options *o, int k, int first, int n, size_t row, atl_numpy_rng *streams,
                      float *maps) {
    for (int i = 0; i < n; i++) {
        float *to = maps + (size_t)i * row;
        if (o->noise_mode == ATL_NOISE_RANDOM)
            atl_philox_normal(o->noise_seeds ? o->noise_seeds[first + i] : 0, (uint64_t)k, 0, row, to);
        else if (o->noise_mode == ATL_NOISE_MAPS)
            memcpy(to, o->noise_maps[k] + (size_t)(first + i) * row, row * sizeof *to);
        else
            for (size_t p = 0; p < row; p++)
                to[p] = (float)atl_numpy_rng_normal(&streams[i]);
    }
}

static atl_status write_noise(atl_model *m, atl_function *f, int first, int n, const atl_synthesis_options *o) {
    atl_numpy_rng *streams = NULL;
    if (f->noise.count && o->noise_mode == ATL_NOISE_MAPS && !o->noise_maps)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "the noise mode is maps, and no maps were given");
    if (f->noise.count && o->noise_mode == ATL_NOISE_SG2) {
        streams = atl_alloc(m->ctx, (size_t)n, sizeof *streams);
        if (!streams)
            return ATL_NO_MEMORY;
        for (int i = 0; i < n; i++) {
            atl_numpy_rng_init(&streams[i], o->noise_seeds ? o->noise_seeds[first + i] : 0);
            for (int k = 0; k < m->dims.z_dim; k++)
                atl_numpy_rng_normal(&streams[i]);
        }
    }
    atl_status status = ATL_OK;
    for (int k = 0; status == ATL_OK && k < f->noise.count; k++) {
        const atl_node *input = f->noise.inputs[k];
        size_t row = (size_t)atl_shape_count(&input->shape) / (size_t)f->n;
        float *maps = atl_calloc(m->ctx, (size_t)f->n * row, sizeof *maps);
        if (maps) {
            fill_maps(o, k, first, n, row, streams, maps);
            atl_plan_write(f->plan, input, maps);
        }
        status = maps ? ATL_OK : ATL_NO_MEMORY;
        atl_free(m->ctx, maps);
    }
    atl_free(m->ctx, streams);
    return status;
}

int atl_model_noise_size(const atl_model *m, int k, int *height, int *width) {
    for (int r = 4, at = 0; r <= m->dims.height || r <= m->dims.width; r *= 2)
        for (int layer = 0; layer < 2; layer++) {
            char name[64];
            snprintf(name, sizeof name, "synthesis.b%d.conv%d.noise_const", r, layer);
            const atl_param *p = atl_params_find(&m->params, name);
            if (!p || p->rank != 2 || at++ != k)
                continue;
            *height = (int)p->dims[0];
            *width = (int)p->dims[1];
            return 1;
        }
    return 0;
}

// The inverse of a 3x3 matrix by cofactors, in double.
static bool invert(const float *m, float *out) {
    double c[9], det = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            int a = (i + 1) % 3, b = (i + 2) % 3, x = (k + 1) % 3, y = (k + 2) % 3;
            c[3 * k + i] = (double)m[3 * a + x] * (double)m[3 * b + y] - (double)m[3 * a + y] * (double)m[3 * b + x];
        }
    for (int k = 0; k < 3; k++)
        det += (double)m[k] * c[3 * k];
    for (int i = 0; i < 9; i++)
        out[i] = (float)(c[i] / det);
    return isfinite(1.0 / det);
}

static atl_status write_transform(atl_model *m, atl_function *f, const float *transform) {
    float inverse[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    if (!f->noise.transform) {
        if (transform)
            return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "only StyleGAN3 networks can be moved and turned; this one is %s",
                            m->row->family);
        return ATL_OK;
    }
    const atl_param *stored = atl_params_find(&m->params, "synthesis.input.transform");
    if (transform && !invert(transform, inverse))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "the transform has no inverse");
    if (!transform && stored && stored->count == 9)
        memcpy(inverse, atl_param_data(&m->params, stored), sizeof inverse);
    atl_plan_write(f->plan, f->noise.transform, inverse);
    return ATL_OK;
}

// Writes a node's value as .npy, images in N,C,H,W order.
static atl_status dump_node(atl_model *m, const atl_plan *plan, const atl_node *node, const char *dir) {
    const atl_shape *s = &node->shape;
    size_t count = (size_t)atl_shape_count(s);
    float *raw = atl_alloc(m->ctx, count, sizeof *raw), *field = atl_alloc(m->ctx, count, sizeof *field);
    atl_status status = raw && field ? ATL_OK : ATL_NO_MEMORY;
    atl_array a = { "", ATL_F32, s->rank, { 0 }, raw };
    for (int i = 0; i < s->rank; i++)
        a.dims[i] = s->d[i];
    if (status == ATL_OK && atl_plan_read(plan, node, raw)) {
        if (s->rank == 4 && node->op != ATL_OP_PARAM) {
            int64_t n = s->d[0], h = s->d[1], w = s->d[2], c = s->d[3];
            for (int64_t i = 0; i < n; i++)
                for (int64_t p = 0; p < h * w; p++)
                    for (int64_t k = 0; k < c; k++)
                        field[(i * c + k) * h * w + p] = raw[(i * h * w + p) * c + k];
            a = (atl_array){ "", ATL_F32, 4, { n, c, h, w }, field };
        }
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.npy", dir, node->name);
        status = atl_npy_write(m->ctx, path, &a);
    }
    atl_free(m->ctx, raw);
    atl_free(m->ctx, field);
    return status;
}

static atl_status dump_nodes(atl_model *m, const atl_plan *plan, const atl_synthesis_options *o) {
    const atl_node *node;
    int at = 0, written = 0;
    while ((node = atl_plan_next_named(plan, o->dump ? o->dump : "*", &at)) != NULL) {
        ATL_TRY(dump_node(m, plan, node, o->dump_dir));
        written++;
    }
    if (!written)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "no layer's name matches %s: see the names in 'atelier inspect'",
                        o->dump);
    return ATL_OK;
}

// All modes whose maps are inputs share a plan.
static atl_noise_mode plan_mode(atl_noise_mode mode) {
    return mode == ATL_NOISE_CONST || mode == ATL_NOISE_NONE ? mode : ATL_NOISE_RANDOM;
}

// Images of a large batch in parts: beyond a few hundred thousand pixels a batch is no faster, only larger.
int atl_model_part(const atl_model *m, int n) {
    int64_t pixels = (int64_t)m->dims.height * m->dims.width, most = ((int64_t)1 << 18) / (pixels > 0 ? pixels : 1);
    most = most < 1 ? 1 : most;
    int64_t parts = (n + most - 1) / most;
    return parts > 1 ? (int)((n + parts - 1) / parts) : n;
}

static atl_status synthesize_part(atl_model *m, int first, int n, const float *ws, const atl_synthesis_options *o,
                                  float *img) {
    atl_function *f;
    atl_noise_mode mode = plan_mode(o->noise_mode);
    ATL_TRY(atl_model_function(m, ATL_CACHED_SYNTHESIS, n, mode, o->dump_dir != NULL, &f));
    size_t row = (size_t)m->dims.num_ws * (size_t)m->dims.w_dim;
    ATL_TRY(atl_model_write_rows(m, f, 0, n, ws + (size_t)first * row));
    ATL_TRY(write_noise(m, f, first, n, o));
    ATL_TRY(write_transform(m, f, o->transform));
    ATL_TRY(atl_plan_run(f->plan));
    size_t image = (size_t)m->dims.channels * (size_t)m->dims.height * (size_t)m->dims.width;
    ATL_TRY(atl_model_read_rows(m, f, n, img + (size_t)first * image));
    return o->dump_dir ? dump_nodes(m, f->plan, o) : ATL_OK;
}

atl_status atl_model_synthesize(atl_model *m, int n, const float *ws, const atl_synthesis_options *options,
                                float *img) {
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_synthesis_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need_role(m, "generator", m->row->synthesize));
    int part = o.dump_dir ? n : atl_model_part(m, n), first = 0;
    do { // at least once, so that an impossible n is refused
        ATL_TRY(synthesize_part(m, first, n - first < part ? n - first : part, ws, &o, img));
        first += part;
    } while (first < n);
    return ATL_OK;
}

atl_status atl_model_discriminate(atl_model *m, int n, const float *img, const float *c, float *logits) {
    atl_function *f;
    ATL_TRY(atl_model_need_role(m, "discriminator", m->row->discriminate));
    ATL_TRY(atl_model_function(m, ATL_CACHED_CRITIC, n, ATL_NOISE_CONST, false, &f));
    ATL_TRY(atl_model_write_rows(m, f, 0, n, img));
    ATL_TRY(atl_model_write_rows(m, f, 1, n, c));
    ATL_TRY(atl_plan_run(f->plan));
    return atl_model_read_rows(m, f, n, logits);
}

// ---- saving

atl_status atl_model_save(atl_model *m, const char *path, atl_dtype dtype) {
    atl_ckpt_out out = { m->net, m->row->kind, m->json, &m->params, NULL };
    return atl_ckpt_write(m->ctx, path, &out, 1, NULL, NULL, dtype);
}
