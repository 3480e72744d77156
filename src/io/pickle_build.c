// SPDX-License-Identifier: Apache-2.0
// What calls, constructions and states in a pickle stand for.  A "call" of a known function is replaced by
// the value that it would return; a call of an unknown class makes an inert instance.
#include "io/pickle_build.h"

#include <string.h>

static atl_status bad_args(atl_machine *m, const atl_class *c) {
    return MACHINE_FAIL(m, "%s.%s is given the wrong arguments; the file is damaged", c->module, c->name);
}

static bool is_sequence(const atl_object *o) {
    return o && (o->type == ATL_OBJECT_LIST || o->type == ATL_OBJECT_TUPLE || o->type == ATL_OBJECT_SET);
}

static atl_status instance(atl_machine *m, const atl_class *c, atl_object *args, atl_object **out) {
    atl_instance *in = atl_arena_alloc(m->arena, 1, sizeof *in);
    *out = atl_machine_new(m, ATL_OBJECT_INSTANCE);
    if (!in || !*out)
        return ATL_NO_MEMORY;
    in->cls = c;
    in->args = args && args->size ? args : NULL;
    (*out)->u.instance = in;
    return ATL_OK;
}

// A list, tuple or set with the items of another sequence (or none).
static atl_status sequence(atl_machine *m, const atl_class *c, atl_object_type type, const atl_object *from,
                           atl_object **out) {
    *out = atl_machine_new(m, type);
    if (!*out)
        return ATL_NO_MEMORY;
    if (from && !is_sequence(from))
        return bad_args(m, c);
    for (size_t i = 0; from && i < from->size; i++)
        ATL_TRY(atl_machine_append(m, *out, from->u.items[i]));
    return ATL_OK;
}

// dict(), dict(other), dict([(key, value), ...]), defaultdict(list, ...)
static atl_status dict(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    *out = atl_machine_new(m, ATL_OBJECT_DICT);
    if (!*out)
        return ATL_NO_MEMORY;
    for (size_t a = 0; a < args->size; a++) {
        const atl_object *from = args->u.items[a];
        bool pairs = from->type == ATL_OBJECT_DICT;
        if (!pairs && !is_sequence(from))
            continue; // the factory of a defaultdict
        for (size_t i = 0; i < from->size; i++) {
            const atl_object *pair = from->u.items[i];
            if (!pairs && (!is_sequence(pair) || pair->size != 2))
                return bad_args(m, c);
            atl_object **entry = pairs ? from->u.items + 2 * i : pair->u.items;
            ATL_TRY(atl_machine_put(m, *out, entry[0], entry[1]));
        }
    }
    return ATL_OK;
}

// bytes written as text by protocols without a bytes opcode: every character is a byte.
static atl_status encode(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    const atl_object *text = atl_build_arg(args, 0), *coding = atl_build_arg(args, 1);
    if (!text || text->type != ATL_OBJECT_STRING ||
        !(atl_object_equals(coding, "latin1") || atl_object_equals(coding, "latin-1")))
        return bad_args(m, c);
    char *bytes = atl_arena_alloc(m->arena, text->size ? text->size : 1, 1);
    if (!bytes)
        return ATL_NO_MEMORY;
    size_t size = 0;
    for (size_t i = 0; i < text->size; i++) {
        uint8_t b = (uint8_t)text->u.text[i];
        if (b >= 0x80 && !text->raw) { // the two UTF-8 bytes of a character below 256
            uint8_t next = i + 1 < text->size ? (uint8_t)text->u.text[i + 1] : 0;
            if ((b != 0xc2 && b != 0xc3) || (next & 0xc0) != 0x80)
                return bad_args(m, c);
            b = (uint8_t)(b << 6 | (next & 0x3f));
            i++;
        }
        bytes[size++] = (char)b;
    }
    *out = atl_machine_text(m, ATL_OBJECT_BYTES, bytes, size);
    return *out ? ATL_OK : ATL_NO_MEMORY;
}

// bytes() and bytearray(), of bytes, or of latin-1 text (text, coding) as protocol 2 writes them
static atl_status bytes_of(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    const atl_object *from = atl_build_arg(args, 0);
    if (from && from->type == ATL_OBJECT_STRING && args->size == 2)
        return encode(m, c, args, out);
    if (from && from->type != ATL_OBJECT_BYTES && !(from->type == ATL_OBJECT_STRING && from->raw))
        return bad_args(m, c);
    *out = atl_machine_text(m, ATL_OBJECT_BYTES, from ? from->u.text : "", from ? from->size : 0);
    return *out ? ATL_OK : ATL_NO_MEMORY;
}

// copyreg._reconstructor(class, base, value of the base)
static atl_status reconstruct(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    const atl_object *cls = atl_build_arg(args, 0);
    atl_object *value = atl_build_arg(args, 2);
    if (!cls || cls->type != ATL_OBJECT_CLASS || !value)
        return bad_args(m, c);
    ATL_TRY(atl_build_new(m, cls, m->empty, out));
    if ((*out)->type != ATL_OBJECT_INSTANCE)
        return ATL_OK;
    atl_instance *in = (*out)->u.instance;
    if (value->type == ATL_OBJECT_DICT)
        in->dict = value;
    else if (value->type == ATL_OBJECT_LIST || value->type == ATL_OBJECT_SET)
        in->list = value;
    else if (value->type == ATL_OBJECT_TUPLE)
        in->args = value;
    return ATL_OK;
}

// The official networks: a dict with the source of the class (not looked at), its name and the state.
static atl_status persistent(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    enum {
        ENTRIES_MOST = 64
    }; // there are five; a large dict that many objects share would be searched for each
    const atl_object *meta = atl_build_arg(args, 0);
    if (!meta || meta->type != ATL_OBJECT_DICT || meta->size > ENTRIES_MOST)
        return bad_args(m, c);
    const char *name = atl_object_text(atl_object_get(meta, "class_name"), m->arena);
    atl_object *state = (atl_object *)atl_object_get(meta, "state");
    if (!name || !state || state->type != ATL_OBJECT_DICT)
        return bad_args(m, c);
    atl_class *named = atl_arena_alloc(m->arena, 1, sizeof *named);
    if (!named)
        return ATL_NO_MEMORY;
    *named = (atl_class){ c->module, name, ACT_INERT, -1 };
    ATL_TRY(instance(m, named, NULL, out));
    (*out)->u.instance->state = state;
    return ATL_OK;
}

// getattr(a class, name): a member of an enumeration or a function of a class, which stay names.  Of anything
// else it would reach into the interpreter.
static atl_status attribute(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    const atl_object *of = atl_build_arg(args, 0), *name = atl_build_arg(args, 1);
    bool plain = name && name->type == ATL_OBJECT_STRING && name->size && name->u.text[0] != '_';
    if (!of || of->type != ATL_OBJECT_CLASS || args->size != 2 || !plain || !atl_pickle_is_class(of->u.cls))
        return MACHINE_FAIL(
            m,
            "asks for %s.%s, which of %s.%s is not data that a checkpoint may hold; nothing was "
            "executed, and the file can't be trusted",
            c->module, c->name, of && of->type == ATL_OBJECT_CLASS ? of->u.cls->module : "something",
            of && of->type == ATL_OBJECT_CLASS ? of->u.cls->name : "else");
    return instance(m, of->u.cls, (atl_object *)args, out);
}

// functools.partial(a name that stays one): an option with some arguments filled in
static atl_status partial(atl_machine *m, const atl_class *c, atl_object *args, atl_object **out) {
    const atl_object *of = atl_build_arg(args, 0);
    if (!of || (of->type != ATL_OBJECT_CLASS && of->type != ATL_OBJECT_INSTANCE))
        return MACHINE_FAIL(
            m,
            "asks for %s.%s, of something that is no class: that is not data that a checkpoint may "
            "hold; nothing was executed, and the file can't be trusted",
            c->module, c->name);
    return instance(m, c, args, out);
}

// (array, dtype, device, requires_grad): a tensor of a device that keeps its values elsewhere
static atl_status from_array(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    atl_object *array = atl_build_arg(args, 0);
    if (!array || array->type != ATL_OBJECT_TENSOR)
        return bad_args(m, c);
    *out = array;
    return ATL_OK;
}

static atl_status load_type(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    const atl_object *name = atl_build_arg(args, 0);
    if (!name || name->type != ATL_OBJECT_STRING)
        return bad_args(m, c);
    // CodeType, CellType and the like: what dill writes for functions that layers keep; inert
    if (name->size > 4 && name->u.text[0] >= 'A' && name->u.text[0] <= 'Z')
        return atl_build_global(m, c->module, strlen(c->module), name->u.text, name->size, out);
    return atl_build_global(m, "builtins", 8, name->u.text, name->size, out);
}

static atl_status parameter(atl_machine *m, const atl_class *c, const atl_object *args, atl_object **out) {
    const atl_object *data = atl_build_arg(args, 0);
    if (!data || data->type != ATL_OBJECT_TENSOR)
        return bad_args(m, c);
    *out = atl_machine_new(m, ATL_OBJECT_TENSOR);
    atl_tensor *copy = atl_arena_alloc(m->arena, 1, sizeof *copy);
    if (!*out || !copy)
        return ATL_NO_MEMORY;
    *copy = *data->u.tensor;
    copy->parameter = true;
    (*out)->u.tensor = copy;
    return ATL_OK;
}

static atl_status call_torch(atl_machine *m, const atl_class *c, atl_object *args, atl_object **out) {
    switch (c->action) {
    case ACT_TENSOR: return atl_build_tensor(m, args, false, out);
    case ACT_TENSOR_V3: return atl_build_tensor(m, args, true, out);
    case ACT_PARAMETER: return parameter(m, c, args, out);
    case ACT_PERSISTENT: return persistent(m, c, args, out);
    case ACT_LOAD_BYTES:
        if (!m->reader->stream || !atl_build_arg(args, 0) || atl_build_arg(args, 0)->type != ATL_OBJECT_BYTES)
            return bad_args(m, c);
        return m->reader->stream(m->reader->user, atl_build_arg(args, 0), out);
    case ACT_FROM_ARRAY: return from_array(m, c, args, out);
    case ACT_ATTRIBUTE: return attribute(m, c, args, out);
    case ACT_PARTIAL: return partial(m, c, args, out);
    case ACT_NP_DTYPE: return atl_build_np_dtype(m, args, out);
    case ACT_NP_SCALAR: return atl_build_np_scalar(m, args, out);
    case ACT_NP_ARRAY:
    case ACT_NP_RECONSTRUCT: return atl_build_np_empty(m, out);
    case ACT_NP_BUFFER: return atl_build_np_buffer(m, args, out);
    default: return instance(m, c, args, out);
    }
}

static atl_status call(atl_machine *m, const atl_class *c, atl_object *args, atl_object **out) {
    switch (c->action) {
    case ACT_DICT: return dict(m, c, args, out);
    case ACT_LIST: return sequence(m, c, ATL_OBJECT_LIST, atl_build_arg(args, 0), out);
    case ACT_TUPLE: return sequence(m, c, ATL_OBJECT_TUPLE, atl_build_arg(args, 0), out);
    case ACT_SET: return sequence(m, c, ATL_OBJECT_SET, atl_build_arg(args, 0), out);
    case ACT_BYTES: return bytes_of(m, c, args, out);
    case ACT_ENCODE: return encode(m, c, args, out);
    case ACT_RECONSTRUCT: return reconstruct(m, c, args, out);
    case ACT_LOAD_TYPE: return load_type(m, c, args, out);
    case ACT_NEW: {
        const atl_object *cls = atl_build_arg(args, 0);
        if (!cls || cls->type != ATL_OBJECT_CLASS)
            return bad_args(m, c);
        return instance(m, cls->u.cls, args, out); // its first argument is the class itself
    }
    default: return call_torch(m, c, args, out);
    }
}

atl_status atl_build_call(atl_machine *m, const atl_object *callable, atl_object *args, atl_object **out) {
    // A tensor with attributes wraps another call: (function, type, its arguments, state).  Tuples are made
    // of older objects, so the chain ends.
    while (callable->type == ATL_OBJECT_CLASS && callable->u.cls->action == ACT_FROM_TYPE &&
           args->type == ATL_OBJECT_TUPLE && args->size >= 3) {
        callable = args->u.items[0];
        args = args->u.items[2];
    }
    if (callable->type != ATL_OBJECT_CLASS || args->type != ATL_OBJECT_TUPLE)
        return MACHINE_FAIL(
            m, "the pickle calls something that is no class (at byte %zu); the file is damaged", m->at);
    return call(m, callable->u.cls, args, out);
}

atl_status atl_build_new(atl_machine *m, const atl_object *cls, atl_object *args, atl_object **out) {
    if (cls->type != ATL_OBJECT_CLASS || args->type != ATL_OBJECT_TUPLE)
        return MACHINE_FAIL(m,
                            "the pickle makes an object of something that is no class (at byte %zu); "
                            "the file is damaged",
                            m->at);
    switch (cls->u.cls->action) {
    case ACT_DICT:
    case ACT_LIST:
    case ACT_TUPLE:
    case ACT_SET:
    case ACT_BYTES:
    case ACT_NP_DTYPE:
    case ACT_NP_ARRAY: return call(m, cls->u.cls, args, out);
    default: return instance(m, cls->u.cls, args, out);
    }
}

atl_status atl_build_state(atl_machine *m, atl_object *o, atl_object *state) {
    switch (o->type) {
    case ATL_OBJECT_INSTANCE: o->u.instance->state = state; return ATL_OK;
    case ATL_OBJECT_TENSOR: return o->u.tensor->array ? atl_build_np_state(m, o, state) : ATL_OK;
    case ATL_OBJECT_DTYPE: return atl_build_np_dtype_state(m, o, state);
    case ATL_OBJECT_DICT: // attributes of an OrderedDict, such as _metadata: not needed
    case ATL_OBJECT_LIST:
    case ATL_OBJECT_SET: return ATL_OK;
    default:
        return MACHINE_FAIL(m,
                            "the pickle sets a state on something that has none (at byte %zu); "
                            "the file is damaged",
                            m->at);
    }
}

atl_status atl_build_append(atl_machine *m, atl_object *target, atl_object *item) {
    if (target->type == ATL_OBJECT_INSTANCE) {
        atl_instance *in = target->u.instance;
        if (!in->list)
            in->list = atl_machine_new(m, ATL_OBJECT_LIST);
        if (!in->list)
            return ATL_NO_MEMORY;
        target = in->list;
    }
    if (target->type != ATL_OBJECT_LIST && target->type != ATL_OBJECT_SET)
        return MACHINE_FAIL(m,
                            "the pickle adds items to something that is no list (at byte %zu); "
                            "the file is damaged",
                            m->at);
    return atl_machine_append(m, target, item);
}

atl_status atl_build_put(atl_machine *m, atl_object *target, atl_object *key, atl_object *value) {
    if (target->type == ATL_OBJECT_INSTANCE) {
        atl_instance *in = target->u.instance;
        if (!in->dict)
            in->dict = atl_machine_new(m, ATL_OBJECT_DICT);
        if (!in->dict)
            return ATL_NO_MEMORY;
        target = in->dict;
    }
    if (target->type != ATL_OBJECT_DICT)
        return MACHINE_FAIL(m,
                            "the pickle adds keys to something that is no dict (at byte %zu); "
                            "the file is damaged",
                            m->at);
    return atl_machine_put(m, target, key, value);
}
