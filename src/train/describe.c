// SPDX-License-Identifier: Apache-2.0
// Options as JSON, under the names that the command line has for them.
#include "train/describe.h"

#include "train/fields.h"

static json_t *value_of(const atl_train_options *o, const atl_train_field *f) {
    char word[64];
    if (f->kind == ATL_TRAIN_TEXT) {
        const char *text = atl_train_field_text(f, o);
        return text ? json_string(text) : json_null();
    }
    double x = atl_train_field_number(f, o);
    if (f->kind == ATL_TRAIN_REAL)
        return json_real(x);
    if (f->kind == ATL_TRAIN_CHOICE && atl_train_field_word(f, (int)x, word, sizeof word))
        return json_string(word);
    return json_integer((json_int_t)x);
}

json_t *atl_train_options_json(const atl_train_options *o) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    json_t *json = json_object();
    for (size_t i = 0; i < count; i++)
        if (fields[i].record)
            json_object_set_new(json, fields[i].name, value_of(o, &fields[i]));
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
    json_object_set_new(json, "threads", json_integer(t->threads));
    *text = atl_train_json_text(t->ctx, json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    return *text ? ATL_OK : ATL_NO_MEMORY;
}
