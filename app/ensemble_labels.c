// SPDX-License-Identifier: Apache-2.0
// Which views are made, and what is known of the pictures: lists of kinds, layers and strengths, and files of
// labels, text with a name and a class on each line or the dataset.json of a set of pictures.
#include "ensemble_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "direction.h"
#include "files.h"
#include "json.h"
#include "memory.h"

enum { FILE_MOST = 256 << 20 };

// ---- rows

// With the strengths of Chai et al. 2021 for faces.
static const struct {
    const char *name;
    atl_view_kind kind;
    const char *strengths;
} KINDS[] = {
    { "isotropic", ATL_VIEW_ISOTROPIC, "0.1,0.2,0.3" },
    { "pca", ATL_VIEW_PCA, "1,2,3" },
    { "stylemix", ATL_VIEW_STYLEMIX, "0" },
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS, WORD = 40 };

// The next word of a list with commas; 0: there is none, or it is too long (then it is empty).
static int next(const char **list, char word[WORD]) {
    size_t length = strcspn(*list, ",");
    if (!**list)
        return 0;
    snprintf(word, WORD, "%.*s", length < WORD ? (int)length : 0, *list);
    *list += length + ((*list)[length] == ',');
    return 1;
}

static app_status find_layers(const app_ensemble *a, const char *word, uint64_t *layers, app_error *e) {
    int rows = a->made->num_ws;
    *layers = atl_view_layers(a->generator, word);
    if (*layers)
        return APP_OK;
    if (!strcmp(word, "fine") || !strcmp(word, "coarse"))
        return app_fail(
            e, "--layers %s: the network has %d layers and none of these; give numbers, such as 0-%d", word,
            rows, rows - 1);
    if (app_layers_parse(word, layers, e) != APP_OK)
        return APP_FAILED;
    if (!*layers || (rows < 64 && *layers >> rows))
        return app_fail(e, "--layers %s: the network has layers 0 to %d", word, rows - 1);
    return APP_OK;
}

static app_status add_row(app_ensemble *a, int kind, const char *layers, uint64_t bits, const char *strength,
                          app_error *e) {
    char *end;
    double x = strtod(strength, &end);
    if (a->row_count == APP_ENSEMBLE_ROWS)
        return app_fail(e, "more than %d kinds of views are not possible in one run", APP_ENSEMBLE_ROWS);
    if (end == strength || *end || !isfinite(x) || x < 0)
        return app_fail(e, "--strength %s: expected numbers from 0 on, with commas between them", strength);
    app_ensemble_row *r = &a->rows[a->row_count++];
    r->kind = KINDS[kind].kind;
    r->layers = bits;
    r->strength = x;
    if (r->kind == ATL_VIEW_STYLEMIX)
        snprintf(r->name, sizeof r->name, "%s-%s", KINDS[kind].name, layers);
    else
        snprintf(r->name, sizeof r->name, "%s-%s-%g", KINDS[kind].name, layers, x);
    for (size_t i = 0; i + 1 < a->row_count; i++)
        if (!strcmp(a->rows[i].name, r->name))
            return app_fail(e, "the views %s are asked for twice", r->name);
    return APP_OK;
}

static app_status add_kind(app_ensemble *a, int kind, app_error *e) {
    char layers[WORD], strength[WORD];
    for (const char *list = a->o.layers; next(&list, layers);) {
        uint64_t bits;
        if (find_layers(a, layers, &bits, e) != APP_OK)
            return APP_FAILED;
        const char *strengths =
            KINDS[kind].kind == ATL_VIEW_STYLEMIX || !a->o.strengths ? KINDS[kind].strengths : a->o.strengths;
        while (next(&strengths, strength))
            if (add_row(a, kind, layers, bits, strength, e) != APP_OK)
                return APP_FAILED;
    }
    return APP_OK;
}

app_status app_ensemble_list_rows(app_ensemble *a, app_error *e) {
    char word[WORD];
    for (const char *list = a->o.kinds; next(&list, word);) {
        int kind = 0;
        while (kind < KIND_COUNT && strcmp(KINDS[kind].name, word) != 0)
            kind++;
        if (kind == KIND_COUNT)
            return app_fail(
                e, "--perturb %s: expected isotropic, pca or stylemix, or several with commas between them",
                word);
        if (add_kind(a, kind, e) != APP_OK)
            return APP_FAILED;
    }
    return a->row_count ? APP_OK : app_fail(e, "no views are asked for: --perturb and --layers name some");
}

// ---- labels

typedef struct labelling {
    app_ensemble *a;
    const char *path;
    size_t at, found; // the photo behind the one that was found last: files are in order mostly
} labelling;

// Sets the label of the photo that has this name, if there is one.
static app_status put(labelling *l, const char *name, double label, app_error *e) {
    app_ensemble *a = l->a;
    if (label != floor(label) || label < 0 || label >= (double)a->classes)
        return app_fail(e, "%s: %.200s has the label %g, and the classifier's classes are 0 to %zu", l->path,
                        name, label, a->classes - 1);
    for (size_t i = 0; i < a->photos.count; i++) {
        size_t k = (l->at + i) % a->photos.count;
        if (!app_photo_is(a->photos.list[k].path, name))
            continue;
        if (a->labels[k] >= 0 && a->labels[k] != (int32_t)label)
            return app_fail(e, "%s: %.200s has two labels, %" PRId32 " and %g", l->path, name, a->labels[k],
                            label);
        l->found += a->labels[k] < 0;
        a->labels[k] = (int32_t)label;
        l->at = k + 1;
        return APP_OK;
    }
    return APP_OK;
}

// "NAME LABEL", "NAME,LABEL": what stands behind the last blank, comma or tab is the label.
static app_status read_line(labelling *l, size_t number, char *line, app_error *e) {
    char *end = line + strlen(line), *stop;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        *--end = '\0';
    if (!*line || *line == '#')
        return APP_OK;
    char *cut = end;
    while (cut > line && !strchr(" ,\t;", cut[-1]))
        cut--;
    double label = strtod(cut, &stop);
    int is_number = stop != cut && !*stop && isfinite(label);
    if (!is_number && number == 1) // names of columns
        return APP_OK;
    while (cut > line && strchr(" ,\t;", cut[-1]))
        *--cut = '\0';
    if (!is_number || !*line)
        return app_fail(e, "%s: line %zu: expected the name of a picture and the number of a class", l->path,
                        number);
    return put(l, line, label, e);
}

static app_status read_text(labelling *l, char *text, app_error *e) {
    size_t number = 0;
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        if (read_line(l, ++number, line, e) != APP_OK)
            return APP_FAILED;
    }
    return APP_OK;
}

// {"labels": [["NAME", K], ...]} or {"labels": {"NAME": K, ...}}
static app_status read_json(labelling *l, const json_t *json, app_error *e) {
    json_t *labels = json_object_get(json, "labels"), *value;
    const char *name;
    size_t i;
    if (json_is_object(labels)) {
        json_object_foreach(
            labels, name, value) if (!json_is_number(value) ||
                                     put(l, name, json_number_value(value), e) !=
                                         APP_OK) return app_fail(e,
                                                                 "%s: \"%.200s\" has no number as its label",
                                                                 l->path, name);
        return APP_OK;
    }
    if (!json_is_array(labels))
        return app_fail(e, "%s: has no \"labels\"; expected a list of [\"NAME\", CLASS], as in dataset.json",
                        l->path);
    json_array_foreach(labels, i, value) {
        name = json_string_value(json_array_get(value, 0));
        const json_t *label = json_array_get(value, 1);
        if (!name || !json_is_number(label))
            return app_fail(e, "%s: entry %zu of \"labels\" is not [\"NAME\", CLASS]", l->path, i);
        if (put(l, name, json_number_value(label), e) != APP_OK)
            return APP_FAILED;
    }
    return APP_OK;
}

static app_status read_file(labelling *l, app_error *e) {
    size_t size;
    char *text = app_file_read(l->path, FILE_MOST, &size, e);
    if (!text)
        return APP_FAILED;
    json_t *json = text[strspn(text, " \t\r\n")] == '{' ? app_json_parse(text, size) : NULL;
    app_status status = APP_FAILED;
    if (json)
        status = read_json(l, json, e);
    else if (text[strspn(text, " \t\r\n")] == '{')
        status = app_fail(e, "%s: is no JSON that can be read", l->path);
    else
        status = read_text(l, text, e);
    json_decref(json);
    free(text);
    return status;
}

// The first of those with labels, in an order of chance, are for the choice of the weight.
static app_status divide(app_ensemble *a, size_t labelled, app_error *e) {
    uint32_t *order = app_array(labelled + 1, 1, 1, sizeof *order, e);
    size_t used = 0;
    atl_numpy_rng rng;
    if (!order)
        return APP_FAILED;
    for (size_t i = 0; i < a->photos.count; i++)
        if (a->labels[i] >= 0)
            order[used++] = (uint32_t)i;
    atl_numpy_rng_init(&rng, a->o.seed);
    atl_numpy_rng_shuffle(&rng, order, (uint32_t)labelled);
    a->validation = a->o.weight < 0 ? (int64_t)floor((double)labelled * a->o.validation + 0.5) : 0;
    a->test = (int64_t)labelled - a->validation;
    for (int64_t i = 0; i < a->validation; i++)
        a->validates[order[i]] = 1;
    free(order);
    return APP_OK;
}

app_status app_ensemble_read_labels(app_ensemble *a, app_error *e) {
    labelling l = { .a = a, .path = a->o.labels };
    for (size_t i = 0; i < a->photos.count; i++)
        a->labels[i] = -1;
    if (!a->o.labels)
        return a->o.weight >= 0
                   ? APP_OK
                   : app_fail(e, "which part the views have in the average is chosen on pictures whose class "
                                 "is known: --labels FILE, or --weight X to say it");
    if (read_file(&l, e) != APP_OK)
        return APP_FAILED;
    if (!l.found)
        return app_fail(e, "%s: none of its names is that of a picture", l.path);
    if (l.found < a->photos.count)
        app_warn(e, "%s: %zu of %zu pictures have no label, and count neither as right nor as wrong", l.path,
                 a->photos.count - l.found, a->photos.count);
    if (divide(a, l.found, e) != APP_OK)
        return APP_FAILED;
    if (a->o.weight < 0 && !a->validation)
        return app_fail(e, "--validation %g: leaves none of %zu pictures with labels to choose the weight on",
                        a->o.validation, l.found);
    return APP_OK;
}
