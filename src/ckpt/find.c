// SPDX-License-Identifier: Apache-2.0
// The search for networks: every dict, list and module that can be reached in few steps is looked at once,
// and its names are compared with one name that each kind of network has.
#include "ckpt/find.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/hash.h"

enum {
    DEPTH_MOST = 5,
    VISITS_MOST = 2000,
    FLATTENED_MOST = 8,
    MATCHES_MOST = 4096,
    ENTRIES_MOST = 1 << 23,
    NAME_MOST = 200
};

static const struct {
    const char *name; // that no other kind has
    atl_found_kind kind;
} SIGNATURES[] = {
    { "synthesis.b4.const", ATL_FOUND_STYLEGAN2 },
    { "synthesis.input.freqs", ATL_FOUND_STYLEGAN3 },
    { "b4.out.weight", ATL_FOUND_STYLEGAN2_D },
    { "to_rgb1.bias", ATL_FOUND_PORT },
    { "final_linear.1.weight", ATL_FOUND_PORT_D },
    { "synthesis.early_layer.const", ATL_FOUND_GENFORCE },
    { "body.0.res_layer.1.weight", ATL_FOUND_TRUNK },
    { "body.0.bn1.weight", ATL_FOUND_TRUNK },
    { "stns.0.warp_head.linear.weight", ATL_FOUND_ALIGNER },
    { "stns.0.warp_head.flow_out.0.weight", ATL_FOUND_ALIGNER },
    { "warp_head.linear.weight", ATL_FOUND_ALIGNER }, // of one transform alone
    { "warp_head.flow_out.0.weight", ATL_FOUND_ALIGNER },
    { "to_logits.weight", ATL_FOUND_CLUSTERS },
    { "lat_mean", ATL_FOUND_TARGET },
    { "output_layer.2.u0", ATL_FOUND_BIGGAN },
    { "embed.u0", ATL_FOUND_BIGGAN_D },
    { "generator.conv_to_rgb.weight_orig", ATL_FOUND_PRETRAINED_BIGGAN },
    { "decoder.up.0.block.0.conv1.weight", ATL_FOUND_VQGAN },
    { "discriminator.main.0.weight", ATL_FOUND_PATCH_D },
    { "decoder.to_pixel.1.weight", ATL_FOUND_VIT_VQGAN },
    { "tok_emb.weight", ATL_FOUND_CODES_GPT },
    { "tok_emb_code.weight", ATL_FOUND_VIT_GPT },
    { "encoder.4.block.1.weight", ATL_FOUND_VQVAE },
    { "quantize_t.embed", ATL_FOUND_VQVAE2 },
    { "layers.0.vert_stack.weight", ATL_FOUND_PIXELCNN },
};

typedef struct finder {
    atl_ckpt *ckpt;
    int visits, flattened, matches;
    size_t entries; // of dicts, looked at so far: a large one may be reached many times
    bool inside; // a module
} finder;

// ---- names

static uint64_t hash(const char *text, size_t size) {
    uint64_t h = atl_hash(ATL_HASH_BEGIN, text, size);
    return h ^ h >> 29;
}

// The last entry of a name wins, as in Python.
static atl_status make_names(atl_ckpt *ckpt, const atl_object *dict, atl_ckpt_names *names) {
    size_t count = 16;
    while (count < 2 * dict->size)
        count *= 2;
    *names = (atl_ckpt_names){ dict, atl_arena_alloc(&ckpt->arena, count, sizeof *names->slots), count };
    if (!names->slots)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < dict->size; i++) {
        const atl_object *key = dict->u.items[2 * i];
        if (key->type != ATL_OBJECT_STRING)
            continue;
        size_t at = hash(key->u.text, key->size) & (count - 1);
        for (; names->slots[at]; at = (at + 1) & (count - 1)) {
            const atl_object *other = dict->u.items[2 * (names->slots[at] - 1)];
            if (other->size == key->size && memcmp(other->u.text, key->u.text, key->size) == 0)
                break;
        }
        names->slots[at] = (uint32_t)i + 1;
    }
    return ATL_OK;
}

static const atl_object *look_up(const atl_ckpt_names *names, const char *text, size_t size) {
    size_t mask = names->slot_count - 1;
    for (size_t at = hash(text, size) & mask; names->slots[at]; at = (at + 1) & mask) {
        size_t i = names->slots[at] - 1;
        const atl_object *key = names->dict->u.items[2 * i];
        if (key->size == size && memcmp(key->u.text, text, size) == 0)
            return names->dict->u.items[2 * i + 1];
    }
    return NULL;
}

const atl_object *atl_found_get(const atl_found *found, const char *name) {
    char full[2 * NAME_MOST];
    int length = snprintf(full, sizeof full, "%s%s", found->prefix, name);
    return length > 0 && (size_t)length < sizeof full ? look_up(&found->names, full, (size_t)length) : NULL;
}

static const atl_tensor *tensor_of(const atl_found *found, const char *format, va_list args) {
    char name[NAME_MOST];
    vsnprintf(name, sizeof name, format, args);
    const atl_object *o = atl_found_get(found, name);
    return o && o->type == ATL_OBJECT_TENSOR ? o->u.tensor : NULL;
}

const atl_tensor *atl_found_tensor(const atl_found *found, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const atl_tensor *t = tensor_of(found, format, args);
    va_end(args);
    return t;
}

const atl_tensor *atl_found_beside(const atl_found *found, const char *own, const char *name) {
    char full[2 * NAME_MOST];
    size_t all = strlen(found->prefix), end = strlen(own);
    if (all < end || memcmp(found->prefix + all - end, own, end) != 0)
        return NULL;
    int length = snprintf(full, sizeof full, "%.*s%s", (int)(all - end), found->prefix, name);
    if (length < 0 || (size_t)length >= sizeof full)
        return NULL;
    const atl_object *o = look_up(&found->names, full, (size_t)length);
    return o && o->type == ATL_OBJECT_TENSOR ? o->u.tensor : NULL;
}

int64_t atl_found_dim(const atl_found *found, int dim, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const atl_tensor *t = tensor_of(found, format, args);
    va_end(args);
    return t && dim < t->rank ? t->dims[dim] : 0;
}

const char *atl_found_name(atl_ckpt *ckpt, const atl_found *found, size_t i) {
    const atl_object *key = found->names.dict->u.items[2 * i];
    size_t skip = strlen(found->prefix);
    if (key->type != ATL_OBJECT_STRING || key->size < skip || memcmp(key->u.text, found->prefix, skip))
        return NULL;
    const char *name = atl_object_text(key, &ckpt->arena);
    return name ? name + skip : NULL;
}

// ---- keys

static bool holds_word(const char *where, const char *word) {
    size_t n = strlen(word);
    for (const char *p = where; (p = strstr(p, word)) != NULL; p++) {
        char before = p == where ? '.' : p[-1], after = p[n];
        bool starts = before == '.' || before == '_' || before == '-';
        if (starts && (after == '\0' || after == '.' || after == '_' || after == '-'))
            return true;
    }
    return false;
}

// What a place ("g_ema", "models.generator_smooth", "G.") says of a generator.
static const char *key_of(const char *where, bool generator) {
    static const char *const averages[] = { "ema", "smooth", "EMA", "avg", "average", "Gs" };
    if (!generator)
        return "D";
    for (size_t i = 0; i < sizeof averages / sizeof *averages; i++)
        if (holds_word(where, averages[i]))
            return "G_ema";
    return holds_word(where, "G") || holds_word(where, "g") || holds_word(where, "generator") ? "G" : "G_ema";
}

static const char *key_of_kind(const char *place, atl_found_kind kind) {
    if (kind == ATL_FOUND_CODES_GPT || kind == ATL_FOUND_VIT_GPT || kind == ATL_FOUND_PIXELCNN)
        return "transformer";
    if (kind == ATL_FOUND_VQVAE || kind == ATL_FOUND_VQVAE2)
        return "vqgan"; // as the autoencoder of codes is called, whatever it is
    if (kind == ATL_FOUND_ALIGNER) // "t" goes on, "t_ema" is its average
        return holds_word(place, "t") && !holds_word(place, "ema") ? "T" : "T_ema";
    if (kind == ATL_FOUND_CLUSTERS || kind == ATL_FOUND_TARGET)
        return kind == ATL_FOUND_CLUSTERS ? "classifier" : "target";
    if (kind == ATL_FOUND_VQGAN ||
        kind == ATL_FOUND_VIT_VQGAN) // a transformer's file may hold a second one, for its conditions
        return strstr(place, "cond_stage") || strstr(place, "cond_model") ? "cond_vqgan" : "vqgan";
    return key_of(place, kind != ATL_FOUND_STYLEGAN2_D && kind != ATL_FOUND_PORT_D &&
                             kind != ATL_FOUND_BIGGAN_D && kind != ATL_FOUND_PATCH_D);
}

static bool has_key(const atl_ckpt *ckpt, const char *key) {
    for (size_t i = 0; i < ckpt->found_size; i++)
        if (!strcmp(ckpt->found[i].key, key))
            return true;
    return false;
}

// The first network of a key counts.
static void add(atl_ckpt *ckpt, const atl_found *found) {
    if (ckpt->found_size < ATL_FOUND_MOST && !has_key(ckpt, found->key))
        ckpt->found[ckpt->found_size++] = *found;
}

// ---- the search

static const atl_object *tensor_or_null(const atl_object *o) {
    return o && o->type == ATL_OBJECT_TENSOR ? o : NULL;
}

// A name that ends in a signature: what stands before it is the prefix.  The first network of a key counts.
static atl_status consider(finder *f, const atl_object *dict, const atl_object *parent, const char *where,
                           size_t i, size_t signature, atl_ckpt_names *names) {
    atl_ckpt *ckpt = f->ckpt;
    const atl_object *name = dict->u.items[2 * i];
    atl_found_kind kind = SIGNATURES[signature].kind;
    int length = (int)(name->size - strlen(SIGNATURES[signature].name));
    char place[2 * NAME_MOST + 16];
    snprintf(place, sizeof place, "%.200s.%.*s", where, length, name->u.text);
    const char *key = key_of_kind(place, kind);
    if (kind != ATL_FOUND_TRUNK && has_key(ckpt, key))
        return ATL_OK;
    if (!names->dict)
        ATL_TRY(make_names(ckpt, dict, names));
    const char *prefix = atl_arena_string(&ckpt->arena, name->u.text, (size_t)length);
    if (!prefix)
        return ATL_NO_MEMORY;
    const atl_object *average = look_up(names, "latent_avg", strlen("latent_avg"));
    average = average ? average : atl_object_get(parent, "latent_avg");
    atl_found found = { .kind = kind, .key = key, .names = *names, .prefix = prefix };
    found.average = tensor_or_null(average);
    found.parent = parent ? parent : dict;
    if (kind == ATL_FOUND_TRUNK)
        found.key = atl_encoder_key(&found);
    add(ckpt, &found);
    return ATL_OK;
}

static bool ends_in_signature(const atl_object *key, size_t signature) {
    size_t n = strlen(SIGNATURES[signature].name);
    return key->type == ATL_OBJECT_STRING && key->size >= n && key->size <= NAME_MOST &&
           memcmp(key->u.text + key->size - n, SIGNATURES[signature].name, n) == 0 &&
           (key->size == n || key->u.text[key->size - n - 1] == '.');
}

static atl_status look_at_names(finder *f, const atl_object *dict, const atl_object *parent,
                                const char *where) {
    atl_ckpt_names names = { NULL, NULL, 0 };
    f->entries += dict->size;
    if (f->entries > ENTRIES_MOST)
        return ATL_OK;
    for (size_t i = 0; i < dict->size && f->matches < MATCHES_MOST; i++)
        for (size_t s = 0; s < sizeof SIGNATURES / sizeof *SIGNATURES; s++)
            if (ends_in_signature(dict->u.items[2 * i], s)) {
                f->matches++;
                ATL_TRY(consider(f, dict, parent, where, i, s, &names));
            }
    return ATL_OK;
}

static bool is_usual_key(const char *where) {
    return !strcmp(where, ".G_ema") || !strcmp(where, ".G") || !strcmp(where, ".D");
}

static void add_module(atl_ckpt *ckpt, const atl_object *module, const char *where) {
    bool generator = atl_official_child(module, "synthesis") != NULL;
    atl_found found = { .kind = ATL_FOUND_MODULE, .module = module, .prefix = "" };
    found.key = is_usual_key(where) ? where + 1 : key_of(where, generator);
    add(ckpt, &found);
}

static atl_status visit(finder *f, const atl_object *o, const atl_object *parent, const char *where,
                        int depth);

static atl_status visit_children(finder *f, const atl_object *o, const char *where, int depth) {
    bool pairs = o->type == ATL_OBJECT_DICT;
    f->entries += o->size;
    for (size_t i = 0; i < o->size && f->entries <= ENTRIES_MOST && f->visits < VISITS_MOST; i++) {
        const atl_object *child = o->u.items[pairs ? 2 * i + 1 : i];
        if (child->type != ATL_OBJECT_DICT && child->type != ATL_OBJECT_INSTANCE &&
            child->type != ATL_OBJECT_LIST && child->type != ATL_OBJECT_TUPLE)
            continue;
        const char *name = pairs ? atl_object_text(o->u.items[2 * i], &f->ckpt->arena) : "";
        const char *place = atl_arena_printf(&f->ckpt->arena, "%.200s.%.100s", where, name ? name : "");
        if (!place)
            return ATL_NO_MEMORY;
        ATL_TRY(visit(f, child, o, place, depth + 1));
    }
    return ATL_OK;
}

// A module of a kind without a config: its parts, which may have one; else its tensors by name.
static atl_status visit_module(finder *f, const atl_object *module, const atl_object *parent,
                               const char *where, int depth) {
    atl_ckpt *ckpt = f->ckpt;
    const atl_object *parts = atl_object_get(module, "_modules");
    size_t before = ckpt->found_size;
    bool outermost = !f->inside;
    f->inside = true;
    atl_status status = parts->type == ATL_OBJECT_DICT ? visit_children(f, parts, where, depth) : ATL_OK;
    if (outermost)
        f->inside = false;
    if (status != ATL_OK || ckpt->found_size != before || !outermost || f->flattened++ >= FLATTENED_MOST)
        return status;
    atl_object *flat = atl_official_flatten(ckpt, module);
    if (flat)
        ATL_TRY(look_at_names(f, flat, parent, where));
    else if (ckpt->ctx->status == ATL_NO_MEMORY)
        return ATL_NO_MEMORY;
    if (ckpt->ctx->status != ATL_OK) // damaged inside: said when it is loaded
        atl_message_clear(ckpt->ctx);
    if (ckpt->found_size == before && is_usual_key(where))
        add_module(ckpt, module, where); // with a sentence that names its class
    return ATL_OK;
}

static atl_status visit(finder *f, const atl_object *o, const atl_object *parent, const char *where,
                        int depth) {
    if (depth > DEPTH_MOST || f->visits++ >= VISITS_MOST)
        return ATL_OK;
    if (atl_official_is_known(o)) {
        add_module(f->ckpt, o, where);
        return ATL_OK;
    }
    if (atl_official_is_module(o))
        return visit_module(f, o, parent, where, depth);
    if (o->type == ATL_OBJECT_INSTANCE)
        o = o->u.instance->dict ? o->u.instance->dict : o->u.instance->state;
    if (!o || (o->type != ATL_OBJECT_DICT && o->type != ATL_OBJECT_LIST && o->type != ATL_OBJECT_TUPLE))
        return ATL_OK;
    if (o->type == ATL_OBJECT_DICT)
        ATL_TRY(look_at_names(f, o, parent, where));
    return visit_children(f, o, where, depth);
}

// A set of arrays as a dict of tensors whose values lie in the mapped file.
static atl_status dict_of_arrays(atl_ckpt *ckpt, atl_object **out) {
    size_t count = atl_arrays_size(ckpt->arrays);
    atl_object *dict = atl_arena_alloc(&ckpt->arena, 1, sizeof *dict);
    atl_object *objects = atl_arena_alloc(&ckpt->arena, 2 * count + 1, sizeof *objects);
    atl_tensor *tensors = atl_arena_alloc(&ckpt->arena, count + 1, sizeof *tensors);
    atl_storage *storages = atl_arena_alloc(&ckpt->arena, count + 1, sizeof *storages);
    atl_object **items = atl_arena_alloc(&ckpt->arena, 2 * count + 1, sizeof *items);
    if (!dict || !objects || !tensors || !storages || !items)
        return ATL_NO_MEMORY;
    *dict = (atl_object){ .type = ATL_OBJECT_DICT, .size = count, .u.items = items };
    for (size_t i = 0; i < count; i++) {
        const atl_array *a = atl_arrays_get(ckpt->arrays, i);
        storages[i] =
            (atl_storage){ .dtype = a->dtype, .count = atl_array_count(a), .data = a->data, .key = "" };
        tensors[i] = (atl_tensor){ .storage = &storages[i], .rank = a->rank };
        int64_t stride = 1;
        for (int k = a->rank; k-- > 0; stride *= a->dims[k] ? a->dims[k] : 1) {
            tensors[i].dims[k] = a->dims[k];
            tensors[i].strides[k] = stride;
        }
        objects[2 * i] =
            (atl_object){ .type = ATL_OBJECT_STRING, .size = strlen(a->name), .u.text = a->name };
        objects[2 * i + 1] = (atl_object){ .type = ATL_OBJECT_TENSOR, .u.tensor = &tensors[i] };
        items[2 * i] = &objects[2 * i];
        items[2 * i + 1] = &objects[2 * i + 1];
    }
    *out = dict;
    return ATL_OK;
}

// G_ema, G, D, then the others as they stand in the file.
static void put_in_order(atl_ckpt *ckpt) {
    static const char *const order[] = { "G_ema", "G", "D" };
    size_t at = 0;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t i = at; i < ckpt->found_size; i++)
            if (!strcmp(ckpt->found[i].key, order[k])) {
                atl_found swap = ckpt->found[at];
                ckpt->found[at++] = ckpt->found[i];
                ckpt->found[i] = swap;
                break;
            }
}

atl_status atl_ckpt_find(atl_ckpt *ckpt) {
    finder f = { .ckpt = ckpt };
    ckpt->found = atl_arena_alloc(&ckpt->arena, ATL_FOUND_MOST, sizeof *ckpt->found);
    if (!ckpt->found)
        return ATL_NO_MEMORY;
    if (ckpt->objects) {
        ckpt->tree = atl_torch_root(ckpt->objects);
    } else {
        atl_object *dict;
        ATL_TRY(dict_of_arrays(ckpt, &dict));
        ckpt->tree = dict;
    }
    ATL_TRY(visit(&f, ckpt->tree, NULL, "", 0));
    put_in_order(ckpt);
    return ATL_OK;
}

bool atl_ckpt_holds(const atl_ckpt *ckpt, unsigned kinds) {
    for (size_t i = 0; i < ckpt->found_size; i++)
        if (kinds & 1u << ckpt->found[i].kind)
            return true;
    return false;
}
