// SPDX-License-Identifier: Apache-2.0
// What a file holds, as JSON, and conversion to Atelier's own format.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"
#include "run/unused.h"

static json_t *shape_json(int rank, const int64_t *d) {
    json_t *list = json_array();
    for (int i = 0; list && i < rank; i++)
        json_array_append_new(list, json_integer(d[i]));
    return list;
}

static json_t *tensors_json(const atl_params *params) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < params->size; i++) {
        const atl_param *p = &params->list[i];
        json_array_append_new(list, json_pack("{s:s s:o s:b}", "name", p->name, "shape", shape_json(p->rank, p->dims),
                                              "buffer", (int)p->buffer));
    }
    return list;
}

// The named results of a network built for one image, with their shapes in N,C,H,W order.
static json_t *layers_json(atl_ctx *ctx, const atl_ckpt_net *net, const atl_model_row *row, atl_params *params,
                           json_t *entry) {
    json_t *list = json_array();
    void *config = atl_calloc(ctx, 1, row->config_bytes);
    atl_model_dims d;
    atl_graph g;
    atl_graph_init(&g, ctx);
    if (!list || !config || row->parse(ctx, net->config, config) || row->dims(ctx, config, params, &d))
        goto done;
    atl_net build = { .g = &g, .params = params };
    atl_network_build(&build, row, config);
    if (g.status != ATL_OK)
        json_object_set_new(entry, "problem", json_string(g.error));
    for (int i = 0; i < g.size; i++) {
        const atl_node *n = g.nodes[i];
        if (!n->name || n->op == ATL_OP_PARAM || n->op == ATL_OP_INPUT)
            continue;
        int64_t s[ATL_RANK_MAX];
        for (int k = 0; k < n->shape.rank; k++)
            s[k] = n->shape.d[n->shape.rank == 4 ? (int[]){ 0, 3, 1, 2 }[k] : k];
        json_array_append_new(list, json_pack("{s:s s:o}", "name", n->name, "shape", shape_json(n->shape.rank, s)));
    }
    json_object_set_new(entry, "resolution", json_sprintf("%dx%d", d.width, d.height));
done:
    if (ctx->status != ATL_OK && ctx->status != ATL_NO_MEMORY) { // missing memory is no property of the network
        json_object_set_new(entry, "problem", json_string(ctx->message));
        atl_message_clear(ctx);
    }
    atl_graph_clear(&g);
    atl_free(ctx, config);
    return list;
}

static atl_status net_json(atl_ctx *ctx, atl_ckpt *ckpt, size_t i, json_t **out) {
    const atl_ckpt_net *net = atl_ckpt_get(ckpt, i);
    const atl_model_row *row = net->kind ? atl_model_row_find(net->kind) : NULL;
    json_t *entry = json_pack("{s:s s:s? s:s? s:s? s:O?}", "name", net->key, "kind", net->kind, "problem", net->why,
                              "family", row ? row->family : NULL, "config", net->config);
    if (!entry)
        return atl_fail(ctx, ATL_NO_MEMORY, "out of memory");
    atl_params params;
    atl_params_init(&params, ctx);
    atl_status status = net->why ? ATL_OK : atl_ckpt_load(ckpt, i, &params);
    if (status == ATL_OK && !net->why) {
        char hash[20];
        snprintf(hash, sizeof hash, "%016" PRIx64, atl_params_fingerprint(&params));
        json_object_set_new(entry, "parameters", json_integer(atl_params_trained(&params)));
        json_object_set_new(entry, "fingerprint", json_string(hash));
        json_object_set_new(entry, "tensors", tensors_json(&params));
        json_t *unused = NULL;
        status = atl_unused_names(ctx, ckpt, net, row, &params, &unused);
        if (json_array_size(unused))
            json_object_set(entry, "unused", unused);
        json_decref(unused);
        if (status != ATL_OK &&
            status != ATL_NO_MEMORY) { // the problem of a network that can't be built: see below
            atl_message_clear(ctx);
            status = ATL_OK;
        }
        if (row)
            json_object_set_new(entry, "layers", layers_json(ctx, net, row, &params, entry));
        else
            json_object_set_new(entry, "problem", json_string("this version can't run networks of this kind"));
        if (ctx->status == ATL_NO_MEMORY)
            status = ATL_NO_MEMORY;
    }
    atl_params_clear(&params);
    *out = entry;
    if (status != ATL_OK)
        json_decref(entry);
    return status;
}

atl_status atl_inspect(atl_ctx *ctx, const char *path, char **json) {
    atl_ckpt *ckpt;
    *json = NULL;
    ATL_TRY(atl_ckpt_open(ctx, path, &ckpt));
    json_t *nets = json_array(), *top;
    atl_status status = nets ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; status == ATL_OK && i < atl_ckpt_size(ckpt); i++) {
        json_t *entry = NULL;
        if ((status = net_json(ctx, ckpt, i, &entry)) == ATL_OK)
            json_array_append_new(nets, entry);
    }
    top = json_pack("{s:s s:s s:O? s:O}", "file", path, "format", atl_ckpt_format(ckpt), "record",
                    atl_ckpt_record(ckpt), "networks", nets);
    char *text = status == ATL_OK && top ? json_dumps(top, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    if (text && (*json = atl_alloc(ctx, strlen(text) + 1, 1)) != NULL)
        strcpy(*json, text);
    if (status == ATL_OK && !*json)
        status = atl_fail(ctx, ATL_NO_MEMORY, "%s: out of memory for its description", path);
    free(text);
    json_decref(top);
    json_decref(nets);
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
    const json_t *without;
    atl_params_init(params, c->ctx);
    c->used++;
    ATL_TRY(atl_ckpt_load(c->ckpt, i, params));
    ATL_TRY(set_aside(c, n, params, &without));
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

atl_status atl_convert(atl_ctx *ctx, const char *from, const char *to, const atl_convert_options *options) {
    atl_convert_options o = ATL_CONVERT_OPTIONS_INIT;
    ATL_TRY(atl_options_read(ctx, "atl_convert_options", &o, sizeof o, options));
    conversion c = { .ctx = ctx, .from = from, .o = &o };
    ATL_TRY(atl_ckpt_open_assuming(ctx, from, c.o->assume, &c.ckpt));
    atl_status status = convert_all(&c, to);
    for (size_t i = 0; i < c.used; i++)
        atl_params_clear(&c.params[i]);
    atl_free(ctx, c.params);
    atl_free(ctx, c.out);
    json_decref(c.ignored);
    atl_ckpt_close(&c.ckpt);
    return status;
}
