// SPDX-License-Identifier: Apache-2.0
// Deltas of networks; see deltas.h.
#include "run/deltas.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/json.h"

typedef char fingerprint[24];

static const char *print_of(const atl_network *n, fingerprint text) {
    snprintf(text, sizeof(fingerprint), "%016" PRIx64, atl_params_fingerprint(&n->params));
    return text;
}

// ---- writing

static bool is_same(const atl_network *base, const atl_network *changed, const atl_param *p) {
    const atl_param *q = atl_params_find(&base->params, p->name);
    return q && q->count == p->count &&
           !memcmp(atl_param_data(&base->params, q), atl_param_data(&changed->params, p),
                   p->count * sizeof(float));
}

static atl_status list_same(const atl_network *base, const atl_network *changed, json_t **names) {
    atl_json b = { .ctx = base->ctx };
    json_t *list = atl_json_list(&b);
    for (size_t i = 0; i < changed->params.size; i++)
        if (is_same(base, changed, &changed->params.list[i]))
            atl_json_add(&b, list, atl_json_string(&b, changed->params.list[i].name));
    return atl_json_end(&b, list, "the names of tensors that stayed", names);
}

static atl_status make_record(const atl_network *base, json_t **record) {
    fingerprint text;
    atl_json b = { .ctx = base->ctx };
    json_t *top = atl_json_object(&b), *deltas = atl_json_object(&b);
    atl_json_set(&b, deltas, "network", atl_json_string(&b, print_of(base, text)));
    atl_json_set(&b, top, "deltas", deltas);
    return atl_json_end(&b, top, "the record of deltas", record);
}

atl_status atl_deltas_write(const atl_network *base, const atl_network *changed, const char *path,
                            atl_dtype dtype) {
    json_t *same, *record = NULL;
    ATL_TRY(list_same(base, changed, &same));
    atl_status status = make_record(base, &record);
    if (status == ATL_OK && json_array_size(same) == changed->params.size)
        status = atl_fail(base->ctx, ATL_BAD_ARGUMENT,
                          "%s: nothing of the network has changed, so there is nothing to "
                          "write",
                          path);
    const atl_ckpt_out out = { changed->name, changed->row->kind, changed->json, &changed->params, same };
    if (status == ATL_OK)
        status = atl_ckpt_write(base->ctx, path, &out, 1, record, NULL, dtype);
    json_decref(record);
    json_decref(same);
    return status;
}

// ---- reading

const char *atl_deltas_base(const atl_ckpt *ckpt) {
    const json_t *record = atl_ckpt_record(ckpt), *deltas = record ? json_object_get(record, "deltas") : NULL;
    return deltas ? json_string_value(json_object_get(deltas, "network")) : NULL;
}

atl_status atl_deltas_refuse(atl_ctx *ctx, const atl_ckpt *ckpt) {
    const char *base = atl_deltas_base(ckpt);
    if (!base)
        return ATL_OK;
    return atl_fail(
        ctx, ATL_BAD_ARGUMENT,
        "holds only what a tuned network has changed: open the one that was tuned (its fingerprint is "
        "%s), and give this file as its deltas",
        base);
}

static atl_status check(const atl_ckpt *ckpt, const atl_network *n) {
    fingerprint text;
    const char *base = atl_deltas_base(ckpt);
    if (!base || atl_ckpt_size(ckpt) != 1)
        return atl_fail(n->ctx, ATL_BAD_ARGUMENT,
                        "is no file of deltas: those hold what a tuned network has changed");
    if (strcmp(base, print_of(n, text)) != 0)
        return atl_fail(
            n->ctx, ATL_BAD_ARGUMENT,
            "holds what differs from the network of the fingerprint %s, and this one is %s: open the "
            "network that was tuned",
            base, text);
    return ATL_OK;
}

static atl_status check_tensors(const atl_params *from, const atl_network *n) {
    for (size_t i = 0; i < from->size; i++) {
        const atl_param *p = &from->list[i], *q = atl_params_find(&n->params, p->name);
        if (!q || q->rank != p->rank || memcmp(q->dims, p->dims, (size_t)p->rank * sizeof *p->dims) != 0)
            return atl_fail(n->ctx, ATL_BAD_FILE, "%s is no tensor of the network, or has another shape",
                            p->name);
    }
    return ATL_OK;
}

// Checks all before it changes anything.
static atl_status take(atl_ckpt *ckpt, atl_network *n, atl_params *from) {
    ATL_TRY(check(ckpt, n));
    ATL_TRY(atl_ckpt_load(ckpt, 0, from));
    ATL_TRY(check_tensors(from, n));
    for (size_t i = 0; i < from->size; i++) {
        const atl_param *p = &from->list[i], *q = atl_params_find(&n->params, p->name);
        memcpy(atl_param_data(&n->params, q), atl_param_data(from, p), p->count * sizeof(float));
    }
    n->params.version++;
    return ATL_OK;
}

atl_status atl_deltas_apply(const char *path, atl_network *network) {
    atl_ckpt *ckpt;
    atl_params from;
    ATL_TRY(atl_ckpt_open(network->ctx, path, &ckpt));
    atl_params_init(&from, network->ctx);
    atl_status status = take(ckpt, network, &from);
    atl_params_clear(&from);
    atl_ckpt_close(&ckpt);
    return atl_name_file(network->ctx, status, path);
}
