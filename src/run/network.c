// SPDX-License-Identifier: Apache-2.0
// Networks at rest.  New ones: building one against an empty store lists its parameters.  Those of files: one
// of a checkpoint's.
#include "run/network.h"

#include <string.h>

#include "base/names.h"
#include "run/deltas.h"
#include "run/unused.h"

// ---- in a graph

atl_net atl_network_in(atl_graph *g, const atl_network *network, const char *as) {
    return (atl_net){ .g = g, .params = (atl_params *)&network->params, .as = as };
}

static void build(const atl_function_row *function, atl_net *net, const void *config, atl_call *call) {
    atl_net_mark mark = atl_net_enter(net);
    function->build(net, config, call);
    atl_call_check(net->g, call, function->name);
    atl_net_leave(net, mark);
}

void atl_network_call(const atl_network *network, const char *function, atl_net *net, atl_call *call) {
    const atl_function_row *row = atl_model_function_find(network->row, function);
    if (row)
        build(row, net, network->config, call);
    else
        atl_graph_fail(net->g, ATL_BAD_ARGUMENT, "%s is a %s %s, which can't %s", network->name,
                       network->row->family, network->row->role, function);
}

atl_node *atl_apply(atl_net *net, const atl_network *network, const char *function, const char *out,
                    const atl_bound *in, int count) {
    return atl_apply_touched(net, network, function, out, in, count, NULL);
}

atl_node *atl_apply_touched(atl_net *net, const atl_network *network, const char *function, const char *out,
                            const atl_bound *in, int count, const atl_touch *touch) {
    atl_call call = { .closed = true, .touch = touch };
    for (int i = 0; i < count; i++) {
        if (in[i].node && in[i].node->op == ATL_OP_POISON)
            return in[i].node;
        if (in[i].node && !call.n_in)
            call.n = (int)in[i].node->shape.d[0];
        if (in[i].node)
            atl_call_bind(net->g, &call, in[i].name, in[i].node);
    }
    if (!call.n_in)
        return atl_graph_fail(net->g, ATL_BAD_ARGUMENT, "%s is given no input", function);
    atl_network_call(network, function, net, &call);
    return atl_call_result(net->g, &call, out);
}

// ---- parameters by building

void atl_network_build(atl_net *net, const atl_model_row *row, const void *config) {
    for (int i = 0; i < ATL_FUNCTIONS && row->functions[i].name; i++) {
        atl_call call = { .n = 1, .noise = ATL_NOISE_CONST, .listing = true };
        build(&row->functions[i], net, config, &call);
    }
}

atl_status atl_network_declare(atl_ctx *ctx, const atl_model_row *row, const void *config,
                               const atl_model_dims *d, atl_params *params) {
    atl_graph g;
    atl_graph_init(&g, ctx);
    atl_net net = { .g = &g, .params = params, .declare = true };
    atl_network_build(&net, row, config);
    if (row->average && g.status == ATL_OK)
        atl_net_buffer(&net, row->average,
                       d->class_averages ? ATL_SHAPE(d->c_dim, d->w_dim) : ATL_SHAPE(d->w_dim), ATL_INIT_ZERO,
                       0.0f);
    atl_status status = g.status == ATL_OK ? ATL_OK : atl_fail(ctx, g.status, "%s", g.error);
    atl_graph_clear(&g);
    return status;
}

// ---- making

// Row, name and config.  The store is empty and the sizes are not known yet.
static atl_status begin(atl_ctx *ctx, const atl_model_row *row, const char *name, json_t *json,
                        atl_network *n) {
    *n = (atl_network){ .ctx = ctx, .row = row, .json = json };
    atl_params_init(&n->params, ctx);
    if (!json)
        return atl_fail(ctx, ATL_NO_MEMORY, "%s: out of memory for the network's config", name);
    n->config = atl_calloc(ctx, 1, row->config_bytes);
    n->name = atl_arena_string(&n->params.arena, name, strlen(name));
    if (!n->config || !n->name)
        return ATL_NO_MEMORY;
    return row->parse(ctx, json, n->config);
}

static atl_status find_sizes(atl_network *n) {
    return n->row->dims(n->ctx, n->config, &n->params, &n->dims);
}

static atl_status finish(atl_network *n, atl_status status) {
    if (status != ATL_OK)
        atl_network_clear(n);
    return status;
}

// Room for its parameters.  Sizes come before it: some rows check the values that they find.
static atl_status make_room(atl_network *n) {
    ATL_TRY(find_sizes(n));
    ATL_TRY(atl_network_declare(n->ctx, n->row, n->config, &n->dims, &n->params));
    ATL_TRY(find_sizes(n));
    return atl_params_allocate(&n->params);
}

static atl_status fill(atl_network *n, uint64_t seed) {
    ATL_TRY(make_room(n));
    atl_params_randomise(&n->params, seed);
    if (n->row->finish)
        ATL_TRY(n->row->finish(n->ctx, n->config, &n->params, seed));
    return find_sizes(n);
}

atl_status atl_network_make(atl_ctx *ctx, const atl_model_row *row, const char *name, json_t *json,
                            uint64_t seed, atl_network *network) {
    atl_status status = begin(ctx, row, name, json, network);
    return finish(network, status == ATL_OK ? fill(network, seed) : status);
}

atl_status atl_network_make_empty(atl_ctx *ctx, const atl_model_row *row, const char *name, json_t *json,
                                  atl_network *network) {
    atl_status status = begin(ctx, row, name, json, network);
    return finish(network, status == ATL_OK ? make_room(network) : status);
}

void atl_network_copy_values(const atl_network *from, atl_network *to) {
    for (size_t i = 0; i < from->params.size; i++) {
        const atl_param *p = &from->params.list[i],
                        *q = &to->params.list[i]; // a mapped file may have other gaps
        memcpy(atl_param_data(&to->params, q), atl_param_data(&from->params, p), p->count * sizeof(float));
    }
}

static atl_status copy_params(const atl_network *from, atl_network *to) {
    for (size_t i = 0; i < from->params.size; i++) {
        const atl_param *p = &from->params.list[i];
        ATL_TRY(atl_params_add(&to->params, p->name, p->rank, p->dims, p->buffer, NULL));
    }
    ATL_TRY(atl_params_allocate(&to->params));
    atl_network_copy_values(from, to);
    return find_sizes(to);
}

atl_status atl_network_copy(const atl_network *from, atl_network *to) {
    atl_status status = begin(from->ctx, from->row, from->name, json_deep_copy(from->json), to);
    return finish(to, status == ATL_OK ? copy_params(from, to) : status);
}

void atl_network_clear(atl_network *network) {
    if (!network->ctx)
        return;
    json_decref(network->json);
    atl_free(network->ctx, network->config);
    atl_params_clear(&network->params);
    memset(network, 0, sizeof *network);
}

atl_status atl_network_set_lod(atl_network *n, float lod) {
    if (!json_object_get(n->json, "lod"))
        return ATL_OK;
    if (json_object_set_new(n->json, "lod", json_real((double)lod)))
        return atl_fail(n->ctx, ATL_NO_MEMORY, "out of memory");
    return n->row->parse(n->ctx, n->json, n->config);
}

// ---- from files

// Puts the level of detail that the caller wants into a config.
static atl_status set_lod(atl_ctx *ctx, const char *name, json_t *json, float lod) {
    if (lod < 0.0f || !json)
        return ATL_OK;
    if (!json_is_number(json_object_get(json, "lod")))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s was not trained by growing: it has no level of detail to choose", name);
    if (json_object_set_new(json, "lod", json_real((double)lod)))
        return atl_fail(ctx, ATL_NO_MEMORY, "out of memory");
    return ATL_OK;
}

static atl_status refuse_unused(const atl_ckpt *ckpt, const atl_ckpt_net *net, atl_network *n) {
    json_t *names;
    ATL_TRY(atl_unused_names(n->ctx, ckpt, net, n->row, &n->params, &names));
    atl_status status = atl_unused_refuse(n->ctx, net->key, names);
    json_decref(names);
    return status;
}

static atl_status load(atl_ckpt *ckpt, size_t index, const atl_model_options *options, atl_network *network) {
    static const atl_model_options defaults = ATL_MODEL_OPTIONS_INIT;
    const atl_model_options *o = options ? options : &defaults;
    atl_ctx *ctx = atl_ckpt_ctx(ckpt);
    const atl_ckpt_net *net = atl_ckpt_get(ckpt, index);
    const atl_model_row *row = net->kind ? atl_model_row_find(net->kind) : NULL;
    *network = (atl_network){ 0 };
    ATL_TRY(atl_deltas_refuse(ctx, ckpt));
    if (net->why)
        return atl_fail(ctx, ATL_UNSUPPORTED, "%s: %s", net->key, net->why);
    if (!row)
        return atl_fail(ctx, ATL_UNSUPPORTED,
                        "%s is a network of the kind %s, which this version can't run yet", net->key,
                        net->kind ? net->kind : "(unknown)");
    json_t *json = json_deep_copy(net->config);
    atl_status status = set_lod(ctx, net->key, json, o->lod);
    if (status != ATL_OK) {
        json_decref(json);
        return status;
    }
    status = begin(ctx, row, net->key, json, network);
    if (status == ATL_OK)
        status = atl_ckpt_load(ckpt, index, &network->params);
    if (status == ATL_OK)
        status = find_sizes(network);
    if (status == ATL_OK && !o->ignore_unused)
        status = refuse_unused(ckpt, net, network);
    return finish(network, status);
}

// The network of the file that the caller means: the named one, else G_ema, else G, else the only one.
static atl_status choose(atl_ctx *ctx, const atl_ckpt *ckpt, const char *path, const char *asked,
                         size_t *index) {
    const char *const order[] = { asked ? asked : "G_ema", asked ? NULL : "G", NULL };
    size_t size = atl_ckpt_size(ckpt);
    for (int k = 0; order[k]; k++)
        for (size_t i = 0; i < size; i++)
            if (!strcmp(atl_ckpt_get(ckpt, i)->key, order[k])) {
                *index = i;
                return ATL_OK;
            }
    char have[256] = "";
    for (size_t i = 0; i < size; i++)
        atl_names_add(have, sizeof have, atl_ckpt_get(ckpt, i)->key);
    if (!asked && size == 1) {
        *index = 0;
        return ATL_OK;
    }
    return atl_fail(ctx, ATL_BAD_FILE, "%s: there is no network %s in the file, which holds: %s", path,
                    asked ? asked : "G_ema or G", have[0] ? have : "none");
}

atl_status atl_network_open(atl_ctx *ctx, const char *path, const atl_model_options *options,
                            atl_network *network) {
    atl_ckpt *ckpt;
    size_t index = 0;
    *network = (atl_network){ 0 };
    atl_status status = atl_ckpt_open_assuming(ctx, path, options ? options->assume : NULL, &ckpt);
    if (status == ATL_OK)
        status = choose(ctx, ckpt, path, options ? options->net : NULL, &index);
    if (status == ATL_OK)
        status = load(ckpt, index, options, network);
    atl_ckpt_close(&ckpt);
    status = atl_name_file(ctx, status, path);
    if (status == ATL_OK && options && options->deltas)
        status = finish(network, atl_deltas_apply(options->deltas, network));
    return status;
}
