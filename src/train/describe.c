// SPDX-License-Identifier: Apache-2.0
// Options as JSON, under the names that the command line has for them.
#include "train/describe.h"

#include <stddef.h>

typedef enum kind { TEXT, INTEGER, SIZE, SEED, REAL, AUG } kind;
typedef struct field {
    const char *name;
    kind kind;
    size_t offset;
} field;
#define FIELD(name, kind, member)                                                                            \
    { name, kind, offsetof(atl_train_options, member) }

static const field FIELDS[] = {
    FIELD("data", TEXT, data),
    FIELD("cfg", TEXT, cfg),
    FIELD("cond", INTEGER, cond),
    FIELD("subset", SIZE, subset),
    FIELD("mirror", INTEGER, mirror),
    FIELD("batch", INTEGER, batch),
    FIELD("batch-gpu", INTEGER, batch_gpu),
    FIELD("kimg", REAL, kimg),
    FIELD("tick", REAL, tick),
    FIELD("snap", INTEGER, snap),
    FIELD("gamma", REAL, gamma),
    FIELD("glr", REAL, glr),
    FIELD("dlr", REAL, dlr),
    FIELD("map-depth", INTEGER, map_depth),
    FIELD("mbstd-group", INTEGER, mbstd_group),
    FIELD("cbase", INTEGER, channel_base),
    FIELD("cmax", INTEGER, channel_max),
    FIELD("ema-kimg", REAL, ema_kimg),
    FIELD("ema-rampup", REAL, ema_rampup),
    FIELD("pl-weight", REAL, pl_weight),
    FIELD("style-mixing-prob", REAL, style_mixing_prob),
    FIELD("loss", TEXT, loss),
    FIELD("r2-gamma", REAL, r2_gamma),
    FIELD("aug", AUG, aug),
    FIELD("p", REAL, p),
    FIELD("target", REAL, target),
    FIELD("ada-kimg", REAL, ada_kimg),
    FIELD("augpipe", TEXT, augpipe),
    FIELD("freezed", INTEGER, freezed),
    FIELD("seed", SEED, seed),
    FIELD("workers", INTEGER, workers),
};

static json_t *value_of(const atl_train_options *o, const field *f) {
    static const char *const AUGS[] = { "ada", "fixed", "noaug", "diffaug" };
    const char *at = (const char *)o + f->offset;
    switch (f->kind) {
    case TEXT: return *(const char *const *)at ? json_string(*(const char *const *)at) : json_null();
    case INTEGER: return json_integer(*(const int *)at);
    case SIZE: return json_integer((json_int_t) * (const size_t *)at);
    case SEED: return json_integer((json_int_t) * (const uint32_t *)at);
    case REAL: return json_real(*(const double *)at);
    case AUG: return json_string(AUGS[*(const atl_aug *)at]);
    }
    return NULL;
}

json_t *atl_train_options_json(const atl_train_options *o) {
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        json_object_set_new(json, FIELDS[i].name, value_of(o, &FIELDS[i]));
    return json;
}

char *atl_train_json_text(atl_ctx *ctx, json_t *json, size_t flags) {
    size_t bytes = json ? json_dumpb(json, NULL, 0, flags) : 0;
    char *text = bytes ? atl_calloc(ctx, bytes + 1, 1) : NULL;
    if (text)
        json_dumpb(json, text, bytes, flags);
    else
        atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the description of the run");
    json_decref(json);
    return text;
}

atl_status atl_trainer_describe(atl_trainer *t, char **text) {
    const atl_train_set *s = &t->set;
    json_t *json = atl_train_options_json(&t->options), *set = json_object();
    json_object_set_new(set, "name", json_string(s->name));
    json_object_set_new(set, "pictures", json_integer((json_int_t)s->count));
    json_object_set_new(set, "resolution", json_integer(s->width));
    json_object_set_new(set, "channels", json_integer(s->channels));
    json_object_set_new(set, "label_size", json_integer(s->label_size));
    json_object_set_new(json, "set", set);
    json_object_set(json, "G", t->g.json);
    json_object_set(json, "D", t->d.json);
    json_object_set_new(json, "processes", json_integer(t->state.ranks));
    json_object_set_new(json, "threads", json_integer(t->ctx->threads));
    *text = atl_train_json_text(t->ctx, json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    return *text ? ATL_OK : ATL_NO_MEMORY;
}
