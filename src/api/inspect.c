// SPDX-License-Identifier: Apache-2.0
// What a file holds, as JSON, and conversion to Atelier's own format.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"
#include "io/json.h"
#include "metrics/detector.h"
#include "run/deltas.h"
#include "run/unused.h"

static json_t *shape_json(atl_json *b, int rank, const int64_t *d) {
    json_t *list = atl_json_list(b);
    for (int i = 0; i < rank; i++)
        atl_json_add(b, list, json_integer(d[i]));
    return list;
}

static json_t *tensors_json(atl_json *b, const atl_params *params) {
    json_t *list = atl_json_list(b);
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        json_t *one = atl_json_object(b);
        atl_json_set(b, one, "name", atl_json_string(b, p->name));
        atl_json_set(b, one, "shape", shape_json(b, p->rank, p->dims));
        atl_json_set(b, one, "buffer", json_boolean(p->buffer));
        atl_json_add(b, list, one);
    }
    return list;
}

// Whether node i is a named result, and the first of its name: functions share layers.
static bool is_layer(const atl_graph *g, int i) {
    const atl_node *n = g->nodes[i];
    if (!n->name || n->op == ATL_OP_PARAM || n->op == ATL_OP_INPUT)
        return false;
    for (int k = 0; k < i; k++)
        if (g->nodes[k]->name && !strcmp(g->nodes[k]->name, n->name))
            return false;
    return true;
}

// The named results of a network built for one image, with their shapes in N,C,H,W order.
static json_t *layers_json(atl_json *b, const atl_ckpt_net *net, const atl_model_row *row, atl_params *params,
                           json_t *entry) {
    atl_ctx *ctx = b->ctx;
    json_t *list = atl_json_list(b);
    void *config = atl_calloc(ctx, 1, row->config_bytes);
    atl_model_dims d;
    atl_graph g;
    atl_graph_init(&g, ctx);
    if (!config || row->parse(ctx, net->config, config) || row->dims(ctx, config, params, &d))
        goto done;
    atl_net build = { .g = &g, .params = params };
    atl_network_build(&build, row, config);
    if (g.status != ATL_OK)
        atl_json_set(b, entry, "problem", atl_json_string(b, g.error));
    for (int i = 0; i < g.size; i++) {
        const atl_node *n = g.nodes[i];
        if (!is_layer(&g, i))
            continue;
        int64_t s[ATL_RANK_MAX];
        for (int k = 0; k < n->shape.rank; k++)
            s[k] = n->shape.d[n->shape.rank == 4 ? (int[]){ 0, 3, 1, 2 }[k] : k];
        json_t *one = atl_json_object(b);
        atl_json_set(b, one, "name", atl_json_string(b, n->name));
        atl_json_set(b, one, "shape", shape_json(b, n->shape.rank, s));
        atl_json_add(b, list, one);
    }
    atl_json_set(b, entry, "resolution", json_sprintf("%dx%d", d.width, d.height));
done:
    if (ctx->status != ATL_OK && ctx->status != ATL_NO_MEMORY) { // missing memory is no property of the network
        atl_json_set(b, entry, "problem", atl_json_string(b, ctx->message));
        atl_message_clear(ctx);
    }
    atl_graph_clear(&g);
    atl_free(ctx, config);
    return list;
}

static void set_text(atl_json *b, json_t *entry, const char *key, const char *text) {
    atl_json_set(b, entry, key, atl_json_string(b, text));
}

static atl_status net_json(atl_json *b, atl_ckpt *ckpt, size_t i, json_t *entry) {
    const atl_ckpt_net *net = atl_ckpt_get(ckpt, i);
    const atl_model_row *row = net->kind ? atl_model_row_find(net->kind) : NULL;
    atl_ctx *ctx = b->ctx;
    set_text(b, entry, "name", net->key);
    set_text(b, entry, "kind", net->kind);
    set_text(b, entry, "problem", net->why);
    set_text(b, entry, "family", row ? row->family : NULL);
    atl_json_set_known(b, entry, "config", net->config);
    atl_params params;
    atl_params_init(&params, ctx);
    atl_status status = net->why ? ATL_OK : atl_ckpt_load(ckpt, i, &params);
    if (status == ATL_OK && !net->why) {
        char hash[20];
        snprintf(hash, sizeof hash, "%016" PRIx64, atl_params_fingerprint(&params));
        atl_json_set(b, entry, "parameters", json_integer(atl_params_trained(&params)));
        set_text(b, entry, "fingerprint", hash);
        atl_json_set(b, entry, "tensors", tensors_json(b, &params));
        json_t *unused = NULL;
        status = atl_unused_names(ctx, ckpt, net, row, &params, &unused);
        if (json_array_size(unused))
            atl_json_set_known(b, entry, "unused", unused);
        json_decref(unused);
        if (status != ATL_OK &&
            status != ATL_NO_MEMORY) { // the problem of a network that can't be built: see below
            atl_message_clear(ctx);
            status = ATL_OK;
        }
        if (row)
            atl_json_set(b, entry, "layers", layers_json(b, net, row, &params, entry));
        else
            set_text(b, entry, "problem", "this version can't run networks of this kind");
        if (atl_deltas_base(ckpt))
            set_text(b, entry, "problem", "these are the tensors alone that a tuned network has changed");
        if (ctx->status == ATL_NO_MEMORY)
            status = ATL_NO_MEMORY;
    }
    atl_params_clear(&params);
    return status;
}

atl_status atl_inspect(atl_ctx *ctx, const char *path, char **json) {
    atl_ckpt *ckpt;
    *json = NULL;
    ATL_TRY(atl_ckpt_open(ctx, path, &ckpt));
    atl_json b = { .ctx = ctx };
    json_t *top = atl_json_object(&b), *nets = atl_json_list(&b);
    set_text(&b, top, "file", path);
    set_text(&b, top, "format", atl_ckpt_format(ckpt));
    if (atl_ckpt_record(ckpt))
        atl_json_set_known(&b, top, "record", atl_ckpt_record(ckpt));
    else
        set_text(&b, top, "record", NULL);
    atl_json_set(&b, top, "networks", nets);
    atl_status status = atl_json_check(&b, "a file's description");
    for (size_t i = 0; status == ATL_OK && i < atl_ckpt_size(ckpt); i++) {
        json_t *entry = atl_json_object(&b);
        atl_json_add(&b, nets, entry); // which owns it from here on
        status = net_json(&b, ckpt, i, entry);
    }
    if (status == ATL_OK)
        status =
            atl_json_text(&b, top, JSON_INDENT(2) | JSON_REAL_PRECISION(9), "a file's description", json);
    else
        json_decref(top);
    atl_ckpt_close(&ckpt);
    return status;
}

// ---- conversion

typedef struct conversion {
    atl_ctx *ctx;
    const char *from;
    const atl_convert_options *o;
    atl_ckpt *ckpt;
    atl_ckpt_out *out; // per network of the file, `used` of them filled
    atl_params *params;
    json_t *ignored; // by network: names of what is left out
    size_t used;
} conversion;

static bool is_wanted(const conversion *c, const atl_ckpt_net *n) {
    return c->o->net ? !strcmp(c->o->net, n->key) : n->why == NULL;
}

// Sets aside what nothing uses, or refuses it.
static atl_status set_aside(conversion *c, const atl_ckpt_net *n, atl_params *params, const json_t **names) {
    json_t *list;
    ATL_TRY(
        atl_unused_names(c->ctx, c->ckpt, n, n->kind ? atl_model_row_find(n->kind) : NULL, params, &list));
    atl_status status = c->o->ignore_unused ? ATL_OK : atl_unused_refuse(c->ctx, n->key, list);
    if (json_array_size(list) && status == ATL_OK && json_object_set(c->ignored, n->key, list))
        status = atl_fail(c->ctx, ATL_NO_MEMORY, "out of memory");
    json_decref(list);
    *names = json_object_get(c->ignored, n->key);
    return status;
}

static atl_status convert_one(conversion *c, size_t i) {
    const atl_ckpt_net *n = atl_ckpt_get(c->ckpt, i);
    if (!is_wanted(c, n))
        return ATL_OK;
    if (n->why)
        return atl_fail(c->ctx, ATL_UNSUPPORTED, "%s: %s: %s", c->from, n->key, n->why);
    atl_params *params = &c->params[c->used];
    const json_t *without = NULL;
    atl_params_init(params, c->ctx);
    c->used++;
    ATL_TRY(atl_name_file(c->ctx, atl_ckpt_load(c->ckpt, i, params), c->from));
    ATL_TRY(atl_name_file(c->ctx, set_aside(c, n, params, &without), c->from));
    c->out[c->used - 1] = (atl_ckpt_out){ n->key, n->kind, n->config, params, without };
    return ATL_OK;
}

static atl_status convert_all(conversion *c, const char *to) {
    size_t size = atl_ckpt_size(c->ckpt);
    c->out = atl_calloc(c->ctx, size + 1, sizeof *c->out);
    c->params = atl_calloc(c->ctx, size + 1, sizeof *c->params);
    c->ignored = json_object();
    if (!c->out || !c->params || !c->ignored)
        return atl_fail(c->ctx, ATL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < size; i++)
        ATL_TRY(convert_one(c, i));
    if (!c->used)
        return atl_fail(c->ctx, ATL_BAD_FILE, "%s: there is no network %s to convert", c->from,
                        c->o->net ? c->o->net : "in the file");
    const json_t *record = atl_ckpt_record(c->ckpt);
    if (!json_object_size(c->ignored))
        return atl_ckpt_write(c->ctx, to, c->out, c->used, record, NULL, c->o->dtype);
    json_t *more = record ? json_copy((json_t *)record) : json_object();
    if (!more || json_object_set(more, "ignored", c->ignored)) {
        json_decref(more);
        return atl_fail(c->ctx, ATL_NO_MEMORY, "out of memory");
    }
    atl_status status = atl_ckpt_write(c->ctx, to, c->out, c->used, more, NULL, c->o->dtype);
    json_decref(more);
    return status;
}

// LPIPS out of two files.
static atl_status convert_joined(atl_ctx *ctx, const char *from, const char *to,
                                 const atl_convert_options *o) {
    atl_network lpips;
    if (o->net)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "net %s: with heads one network is written, lpips", o->net);
    ATL_TRY(atl_detector_network(ctx, "lpips", from, o->heads, &lpips));
    const atl_ckpt_out out = { lpips.name, lpips.row->kind, lpips.json, &lpips.params, NULL };
    atl_status status = atl_ckpt_write(ctx, to, &out, 1, NULL, NULL, o->dtype);
    atl_network_clear(&lpips);
    return status;
}

atl_status atl_convert(atl_ctx *ctx, const char *from, const char *to, const atl_convert_options *options) {
    atl_convert_options o = ATL_CONVERT_OPTIONS_INIT;
    ATL_TRY(atl_options_read(ctx, "atl_convert_options", &o, sizeof o, options));
    if (o.heads)
        return convert_joined(ctx, from, to, &o);
    conversion c = { .ctx = ctx, .from = from, .o = &o };
    ATL_TRY(atl_ckpt_open_assuming(ctx, from, c.o->assume, &c.ckpt));
    atl_status status = atl_name_file(ctx, atl_deltas_refuse(ctx, c.ckpt), from);
    if (status == ATL_OK)
        status = convert_all(&c, to);
    for (size_t i = 0; i < c.used; i++)
        atl_params_clear(&c.params[i]);
    atl_free(ctx, c.params);
    atl_free(ctx, c.out);
    json_decref(c.ignored);
    atl_ckpt_close(&c.ckpt);
    return status;
}
