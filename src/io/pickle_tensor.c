// SPDX-License-Identifier: Apache-2.0
// Torch tensors and numpy arrays out of pickles.  A tensor is a strided view whose whole reach is checked
// against its storage here, once: readers may follow offset, dims and strides without further tests.
#include "io/pickle_build.h"

#include <string.h>
#include "base/half.h"

static const int64_t COUNT_MOST = INT64_C(1)
                                  << 46; // elements: far beyond any memory, and products stay in range

static atl_status bad_tensor(atl_machine *m, const char *why) {
    return MACHINE_FAIL(m, "a tensor of the pickle %s; the file is damaged or hostile", why);
}

// Copies a tuple of sizes or strides.
static atl_status read_dims(atl_machine *m, const atl_object *o, int64_t *dims, int *rank) {
    if (!o || (o->type != ATL_OBJECT_TUPLE && o->type != ATL_OBJECT_LIST))
        return bad_tensor(m, "has no shape");
    if (o->size > ATL_ARRAY_RANK_MAX)
        return atl_machine_fail(m, ATL_UNSUPPORTED, "a tensor has %zu dimensions; at most %d are read",
                                o->size, ATL_ARRAY_RANK_MAX);
    *rank = (int)o->size;
    for (int i = 0; i < *rank; i++) {
        const atl_object *d = o->u.items[i];
        if (d->type != ATL_OBJECT_INT || d->u.integer < 0 || d->u.integer > COUNT_MOST)
            return bad_tensor(m, "has a negative or absurd size or stride");
        dims[i] = d->u.integer;
    }
    return ATL_OK;
}

// The tensor must lie in its storage: offset + sum((dim - 1) * stride) < elements.
static atl_status check_reach(atl_machine *m, const atl_tensor *t) {
    bool empty = false;
    int64_t count = 1, last = t->offset;
    for (int i = 0; i < t->rank; i++)
        empty |= t->dims[i] == 0;
    if (empty)
        return ATL_OK;
    for (int i = 0; i < t->rank; i++) {
        if (t->dims[i] > COUNT_MOST / count)
            return bad_tensor(m, "has an absurd shape");
        count *= t->dims[i];
        if (t->strides[i] && t->dims[i] - 1 > COUNT_MOST / t->strides[i])
            return bad_tensor(m, "reaches outside its storage");
        last += (t->dims[i] - 1) * t->strides[i];
    }
    if (last >= t->storage->count)
        return MACHINE_FAIL(
            m, "a tensor reaches element %lld of a storage of %lld; the file is damaged or hostile",
            (long long)last, (long long)t->storage->count);
    return ATL_OK;
}

static atl_status new_tensor(atl_machine *m, atl_object **out) {
    *out = atl_machine_new(m, ATL_OBJECT_TENSOR);
    atl_tensor *t = atl_arena_alloc(m->arena, 1, sizeof *t);
    if (!*out || !t)
        return ATL_NO_MEMORY;
    (*out)->u.tensor = t;
    return ATL_OK;
}

// A storage of bytes seen as elements of another type (the third form of rebuilding).
static atl_status retype(atl_machine *m, atl_storage **storage, const atl_object *cls) {
    if (!cls || cls->type != ATL_OBJECT_CLASS || cls->u.cls->dtype < 0)
        return atl_machine_fail(m, ATL_UNSUPPORTED, "a tensor has an element type that is not read");
    atl_dtype dtype = (atl_dtype)cls->u.cls->dtype;
    atl_storage *typed = atl_arena_alloc(m->arena, 1, sizeof *typed);
    if (!typed)
        return ATL_NO_MEMORY;
    *typed = **storage;
    typed->count =
        typed->count * (int64_t)atl_dtype_size((atl_dtype)typed->dtype) / (int64_t)atl_dtype_size(dtype);
    typed->dtype = (int)dtype;
    *storage = typed;
    return ATL_OK;
}

// (storage, offset, sizes, strides, ...); v3 has the element type as seventh argument
atl_status atl_build_tensor(atl_machine *m, const atl_object *args, bool v3, atl_object **out) {
    const atl_object *storage = atl_build_arg(args, 0), *offset = atl_build_arg(args, 1);
    if (!storage || storage->type != ATL_OBJECT_STORAGE || !offset || offset->type != ATL_OBJECT_INT ||
        offset->u.integer < 0 || offset->u.integer > COUNT_MOST)
        return bad_tensor(m, "has no storage or a bad offset");
    ATL_TRY(new_tensor(m, out));
    atl_tensor *t = (*out)->u.tensor;
    int ranks;
    t->storage = storage->u.storage;
    t->offset = offset->u.integer;
    ATL_TRY(read_dims(m, atl_build_arg(args, 2), t->dims, &t->rank));
    ATL_TRY(read_dims(m, atl_build_arg(args, 3), t->strides, &ranks));
    if (ranks != t->rank)
        return bad_tensor(m, "has a shape and strides of different length");
    if (v3)
        ATL_TRY(retype(m, &t->storage, atl_build_arg(args, 6)));
    return check_reach(m, t);
}

// ---- numpy

// "f4", "<i8", "b1", ...
static int dtype_from(const atl_object *text, bool *swapped) {
    static const struct {
        char kind, size;
        int8_t dtype;
    } known[] = {
        { 'f', '2', ATL_F16 }, { 'f', '4', ATL_F32 }, { 'f', '8', ATL_F64 }, { 'i', '1', ATL_I8 },
        { 'i', '2', ATL_I16 }, { 'i', '4', ATL_I32 }, { 'i', '8', ATL_I64 }, { 'u', '1', ATL_U8 },
        { 'u', '2', ATL_U16 }, { 'u', '4', ATL_U32 }, { 'u', '8', ATL_U64 }, { 'b', '1', ATL_BOOL },
    };
    const char *s = text->u.text;
    size_t size = text->size;
    *swapped = false;
    if (size == 3 && strchr("<>|=", s[0]) && s[0]) {
        *swapped = s[0] == '>';
        s++, size--;
    }
    for (size_t i = 0; size == 2 && i < sizeof known / sizeof *known; i++)
        if (s[0] == known[i].kind && s[1] == known[i].size)
            return known[i].dtype;
    return -1;
}

atl_status atl_build_np_dtype(atl_machine *m, const atl_object *args, atl_object **out) {
    const atl_object *text = atl_build_arg(args, 0);
    *out = atl_machine_new(m, ATL_OBJECT_DTYPE);
    if (!*out)
        return ATL_NO_MEMORY;
    (*out)->u.dtype = text && text->type == ATL_OBJECT_STRING ? dtype_from(text, &(*out)->raw) : -1;
    return ATL_OK;
}

// (version, byte order, ...)
atl_status atl_build_np_dtype_state(atl_machine *m, atl_object *dtype, const atl_object *state) {
    (void)m;
    if (state->type == ATL_OBJECT_TUPLE && state->size > 1 && state->u.items[1]->type == ATL_OBJECT_STRING)
        dtype->raw = atl_object_equals(state->u.items[1], ">");
    return ATL_OK;
}

static bool is_bytes(const atl_object *o) {
    return o && (o->type == ATL_OBJECT_BYTES || (o->type == ATL_OBJECT_STRING && o->raw));
}

// The bytes in our byte order.
static atl_status ordered(atl_machine *m, const atl_object *bytes, const atl_object *dtype,
                          const uint8_t **out) {
    size_t width = atl_dtype_size((atl_dtype)dtype->u.dtype);
    *out = (const uint8_t *)bytes->u.text;
    if (!dtype->raw || width == 1)
        return ATL_OK;
    uint8_t *copy = atl_arena_alloc(m->arena, bytes->size ? bytes->size : 1, 1);
    if (!copy)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i + width <= bytes->size; i += width)
        for (size_t b = 0; b < width; b++)
            copy[i + b] = (uint8_t)bytes->u.text[i + width - 1 - b];
    *out = copy;
    return ATL_OK;
}

atl_status atl_build_np_scalar(atl_machine *m, const atl_object *args, atl_object **out) {
    const atl_object *dtype = atl_build_arg(args, 0);
    atl_object *bytes = atl_build_arg(args, 1);
    if (!dtype || dtype->type != ATL_OBJECT_DTYPE || !bytes)
        return MACHINE_FAIL(m, "a numpy number of the pickle has no type; the file is damaged");
    if (dtype->u.dtype < 0) { // text, an object, ...: what was stored is the value
        *out = bytes;
        return ATL_OK;
    }
    atl_dtype type = (atl_dtype)dtype->u.dtype;
    if (!is_bytes(bytes) || bytes->size != atl_dtype_size(type))
        return MACHINE_FAIL(m, "a numpy number of the pickle has the wrong size; the file is damaged");
    const uint8_t *b;
    ATL_TRY(ordered(m, bytes, dtype, &b));
    if (type == ATL_F64 || type == ATL_F32 || type == ATL_F16) {
        double wide = 0;
        float narrow;
        if (type == ATL_F64)
            memcpy(&wide, b, sizeof wide);
        else if (type == ATL_F32)
            memcpy(&narrow, b, sizeof narrow), wide = narrow;
        else
            wide = atl_f16_to_f32((uint16_t)(b[0] | b[1] << 8));
        *out = atl_machine_float(m, wide);
    } else if (type == ATL_BOOL) {
        *out = *b ? m->yes : m->no;
    } else if (type == ATL_U64 && b[7] & 0x80) { // beyond int64: nine bytes, the ninth being the sign
        char *big = atl_arena_alloc(m->arena, 9, 1);
        if (!big)
            return ATL_NO_MEMORY;
        memcpy(big, b, 8);
        *out = atl_machine_text(m, ATL_OBJECT_BIG, big, 9);
    } else {
        bool negative = b[bytes->size - 1] & 0x80 &&
                        (type == ATL_I8 || type == ATL_I16 || type == ATL_I32 || type == ATL_I64);
        uint64_t bits = negative ? UINT64_MAX : 0;
        for (size_t i = bytes->size; i-- > 0;)
            bits = bits << 8 | b[i];
        *out = atl_machine_int(m, (int64_t)bits);
    }
    return *out ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_build_np_empty(atl_machine *m, atl_object **out) {
    ATL_TRY(new_tensor(m, out));
    (*out)->u.tensor->array = true;
    return ATL_OK;
}

// Fills an array from its shape, dtype, order and bytes.  Arrays of text stay without values; those of
// objects keep the list that stands in place of bytes.
static atl_status fill(atl_machine *m, atl_tensor *t, const atl_object *shape, const atl_object *dtype,
                       bool fortran, const atl_object *bytes) {
    if (!dtype || dtype->type != ATL_OBJECT_DTYPE)
        return bad_tensor(m, "(a numpy array) has no type");
    if (dtype->u.dtype < 0) {
        t->objects = bytes && bytes->type == ATL_OBJECT_LIST ? bytes : NULL;
        return ATL_OK;
    }
    ATL_TRY(read_dims(m, shape, t->dims, &t->rank));
    int64_t count = 1;
    for (int n = 0; n < t->rank; n++) {
        int i = fortran ? n : t->rank - 1 - n; // the innermost first
        t->strides[i] = count;
        if (t->dims[i] && count > COUNT_MOST / t->dims[i])
            return bad_tensor(m, "(a numpy array) has an absurd shape");
        count *= t->dims[i];
    }
    size_t width = atl_dtype_size((atl_dtype)dtype->u.dtype);
    if (!is_bytes(bytes) || bytes->size % width || bytes->size / width != (uint64_t)count)
        return bad_tensor(m, "(a numpy array) has not as many bytes as its shape wants");
    atl_storage *s = atl_arena_alloc(m->arena, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    s->dtype = dtype->u.dtype;
    s->count = count;
    s->key = "";
    ATL_TRY(ordered(m, bytes, dtype, &s->data));
    t->storage = s;
    return ATL_OK;
}

// ([version,] shape, dtype, is_fortran, bytes)
atl_status atl_build_np_state(atl_machine *m, atl_object *array, const atl_object *state) {
    if (state->type != ATL_OBJECT_TUPLE || (state->size != 4 && state->size != 5) || array->u.tensor->storage)
        return bad_tensor(m, "(a numpy array) has a bad state");
    atl_object **p = state->u.items + (state->size - 4);
    return fill(m, array->u.tensor, p[0], p[1],
                p[2]->type == ATL_OBJECT_BOOL ? p[2]->u.truth
                                              : p[2]->type == ATL_OBJECT_INT && p[2]->u.integer,
                p[3]);
}

// (bytes, dtype, shape, "C" or "F"): protocol 5
atl_status atl_build_np_buffer(atl_machine *m, const atl_object *args, atl_object **out) {
    ATL_TRY(atl_build_np_empty(m, out));
    if (args->size != 4)
        return bad_tensor(m, "(a numpy array) has a bad state");
    return fill(m, (*out)->u.tensor, args->u.items[2], args->u.items[1],
                atl_object_equals(args->u.items[3], "F"), args->u.items[0]);
}
