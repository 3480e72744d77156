// SPDX-License-Identifier: Apache-2.0
// Options as JSON, under the names that the command line has for them.
#include "train/describe.h"

#include <string.h>

#include "train/fields.h"
#include "train/trainer.h"

static json_t *value_of(atl_json *b, const atl_train_options *o, const atl_train_field *f) {
    char word[64];
    if (f->kind == ATL_TRAIN_TEXT)
        return atl_json_string(b, atl_train_field_text(f, o));
    double x = atl_train_field_number(f, o);
    if (f->kind == ATL_TRAIN_REAL)
        return atl_json_number(b, x);
    if (f->kind == ATL_TRAIN_CHOICE && atl_train_field_word(f, (int)x, word, sizeof word))
        return atl_json_string(b, word);
    return json_integer((json_int_t)x);
}

// Options of encoders stand in their records alone.
static bool belongs(const atl_train_field *f, const atl_train_options *o) {
    const char *family = atl_train_family(o->cfg);
    bool encoder = family && (!strcmp(family, "encoder") || !strcmp(family, "hyperstyle"));
    return f->record && (encoder || (strcmp(f->name, "resolution") != 0 &&
                                     (!f->group || strcmp(f->group, "Encoders") != 0)));
}

json_t *atl_train_options_json(atl_json *b, const atl_train_options *o) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    json_t *json = atl_json_object(b);
    for (size_t i = 0; i < count; i++)
        if (belongs(&fields[i], o))
            atl_json_set(b, json, fields[i].name, value_of(b, o, &fields[i]));
    return json;
}

static json_t *set_json(atl_json *b, const atl_train_set *s) {
    json_t *set = atl_json_object(b);
    atl_json_set(b, set, "name", atl_json_string(b, s->name));
    atl_json_set(b, set, "pictures", json_integer((json_int_t)s->count));
    atl_json_set(b, set, "resolution", json_integer(s->width));
    atl_json_set(b, set, "channels", json_integer(s->channels));
    atl_json_set(b, set, "label_size", json_integer(s->label_size));
    return set;
}

atl_status atl_trainer_describe(atl_trainer *t, char **text) {
    atl_json b = { .ctx = t->ctx };
    json_t *json = atl_train_options_json(&b, &t->options);
    atl_json_set(&b, json, "set", set_json(&b, &t->set));
    atl_json_set_known(&b, json, t->recipe->keys ? t->recipe->keys[2] : "G", t->g.json);
    if (t->d.row)
        atl_json_set_known(&b, json, "D", t->d.json);
    atl_json_set(&b, json, "processes", json_integer(t->state.ranks));
    return atl_json_text(&b, json, JSON_INDENT(2) | JSON_REAL_PRECISION(9), "the description of the run",
                         text);
}
