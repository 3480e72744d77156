// SPDX-License-Identifier: Apache-2.0
// The opcodes of pickle protocols 0 to 5: a table of small functions over a stack, a stack of marks and
// a memo.  The loop is iterative: nesting costs stack entries, never C stack.  Every read is checked
// against the input, every pop against the mark below it.
#include "io/pickle_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum {
    STACK_MOST = 1 << 24, // entries of stack, marks and memo: far beyond what real files need
    NAME_MOST = 512       // bytes of a module's or class's name
};

atl_status atl_machine_fail(atl_machine *m, atl_status status, const char *format, ...) {
    char text[ATL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return atl_fail(m->ctx, status, "%s: %s", m->reader->path, text);
}

// ---- objects

atl_object *atl_machine_new(atl_machine *m, atl_object_type type) {
    atl_object *o = atl_arena_alloc(m->arena, 1, sizeof *o);
    if (o)
        o->type = type;
    return o;
}

atl_object *atl_machine_int(atl_machine *m, int64_t value) {
    bool shared = value >= 0 && value < 256;
    if (shared && m->small[value])
        return m->small[value];
    atl_object *o = atl_machine_new(m, ATL_OBJECT_INT);
    if (o)
        o->u.integer = value;
    if (shared)
        m->small[value] = o;
    return o;
}

atl_object *atl_machine_float(atl_machine *m, double value) {
    atl_object *o = atl_machine_new(m, ATL_OBJECT_FLOAT);
    if (o)
        o->u.number = value;
    return o;
}

atl_object *atl_machine_text(atl_machine *m, atl_object_type type, const char *text, size_t size) {
    atl_object *o = atl_machine_new(m, type);
    if (o) {
        o->u.text = text;
        o->size = size;
    }
    return o;
}

// Room for one more entry of `width` pointers.  Capacity is a power of two from 4 on, so it follows from
// the size: a full container is one whose size is 0 or such a power.
static atl_status make_room(atl_machine *m, atl_object *list, size_t width) {
    size_t n = list->size;
    if (n && (n < 4 || (n & (n - 1))))
        return ATL_OK;
    size_t room = n ? n * 2 : 4;
    atl_object **items = atl_arena_alloc(m->arena, room, width * sizeof *items);
    if (!items)
        return ATL_NO_MEMORY;
    if (n)
        memcpy(items, list->u.items, n * width * sizeof *items);
    list->u.items = items;
    return ATL_OK;
}

atl_status atl_machine_append(atl_machine *m, atl_object *list, atl_object *item) {
    ATL_TRY(make_room(m, list, 1));
    list->u.items[list->size++] = item;
    return ATL_OK;
}

atl_status atl_machine_put(atl_machine *m, atl_object *dict, atl_object *key, atl_object *value) {
    ATL_TRY(make_room(m, dict, 2));
    dict->u.items[2 * dict->size] = key;
    dict->u.items[2 * dict->size + 1] = value;
    dict->size++;
    return ATL_OK;
}

// ---- stack and input

static atl_status grow(atl_machine *m, void **memory, size_t *room, size_t needed, size_t size,
                       const char *what) {
    if (needed <= *room)
        return ATL_OK;
    if (needed > STACK_MOST)
        return MACHINE_FAIL(m, "the pickle's %s passes %d entries; the file is damaged or hostile", what,
                            STACK_MOST);
    size_t larger = *room ? *room * 2 : 256;
    while (larger < needed)
        larger *= 2;
    void *grown = atl_grow(m->ctx, *memory, *room, larger, size);
    if (!grown)
        return ATL_NO_MEMORY;
    memset((char *)grown + *room * size, 0, (larger - *room) * size);
    *memory = grown;
    *room = larger;
    return ATL_OK;
}

atl_status atl_machine_push(atl_machine *m, atl_object *o) {
    if (!o)
        return ATL_NO_MEMORY;
    ATL_TRY(grow(m, (void **)&m->stack, &m->stack_room, m->depth + 1, sizeof *m->stack, "stack"));
    m->stack[m->depth++] = o;
    return ATL_OK;
}

static size_t floor_of(const atl_machine *m) {
    return m->mark_depth ? m->marks[m->mark_depth - 1] : 0;
}

static atl_status pop(atl_machine *m, atl_object **o) {
    *o = m->none;
    if (m->depth <= floor_of(m))
        return MACHINE_FAIL(m,
                            "the pickle takes more from its stack than it put there (at byte %zu); "
                            "the file is damaged",
                            m->at);
    *o = m->stack[--m->depth];
    return ATL_OK;
}

static atl_status top(atl_machine *m, atl_object **o) {
    ATL_TRY(pop(m, o));
    m->depth++;
    return ATL_OK;
}

// Takes everything above the topmost mark: `items` stay valid until the next push.
static atl_status pop_mark(atl_machine *m, atl_object ***items, size_t *count) {
    *items = NULL;
    *count = 0;
    if (!m->mark_depth)
        return MACHINE_FAIL(m, "the pickle misses a mark (at byte %zu); the file is damaged", m->at);
    size_t start = m->marks[--m->mark_depth];
    *items = m->depth > start ? m->stack + start : NULL;
    *count = m->depth - start;
    m->depth = start;
    return ATL_OK;
}

atl_status atl_machine_take(atl_machine *m, size_t size, atl_view *v) {
    *v = (atl_view){ m->data, 0 };
    if (size > m->bytes - m->at)
        return MACHINE_FAIL(m,
                            "the pickle ends early: %zu bytes wanted at byte %zu, %zu left; the file is cut "
                            "or damaged",
                            size, m->at, m->bytes - m->at);
    *v = (atl_view){ m->data + m->at, size };
    m->at += size;
    return ATL_OK;
}

atl_status atl_machine_take_number(atl_machine *m, int width, uint64_t *value) {
    atl_view v;
    ATL_TRY(atl_machine_take(m, (size_t)width, &v));
    *value = atl_little(v.data, v.size);
    return ATL_OK;
}

// Bytes that follow their own length, a number of `width` bytes.
atl_status atl_machine_take_counted(atl_machine *m, int width, atl_view *v) {
    uint64_t size;
    ATL_TRY(atl_machine_take_number(m, width, &size));
    return atl_machine_take(m, size > SIZE_MAX ? SIZE_MAX : (size_t)size, v);
}

atl_status atl_machine_take_line(atl_machine *m, atl_view *v) {
    *v = (atl_view){ m->data, 0 };
    const uint8_t *end = memchr(m->data + m->at, '\n', m->bytes - m->at);
    if (!end)
        return MACHINE_FAIL(m, "the pickle ends inside a line; the file is cut or damaged");
    *v = (atl_view){ m->data + m->at, (size_t)(end - (m->data + m->at)) };
    m->at += v->size + 1;
    return ATL_OK;
}

// ---- containers

static atl_status op_mark(atl_machine *m, int unused) {
    (void)unused;
    ATL_TRY(grow(m, (void **)&m->marks, &m->mark_room, m->mark_depth + 1, sizeof *m->marks, "marks"));
    m->marks[m->mark_depth++] = m->depth;
    return ATL_OK;
}

static atl_status op_pop(atl_machine *m, int mark) {
    atl_object *o, **items;
    size_t count;
    if (mark || (m->mark_depth && m->depth == floor_of(m))) // POP also removes a mark on top
        return pop_mark(m, &items, &count);
    return pop(m, &o);
}

static atl_status op_dup(atl_machine *m, int unused) {
    (void)unused;
    atl_object *o;
    ATL_TRY(top(m, &o));
    return atl_machine_push(m, o);
}

static atl_status op_empty(atl_machine *m, int type) {
    return atl_machine_push(m, atl_machine_new(m, (atl_object_type)type));
}

static atl_status make_tuple(atl_machine *m, atl_object **items, size_t count, atl_object **out) {
    *out = atl_machine_new(m, ATL_OBJECT_TUPLE);
    atl_object **copy = atl_arena_alloc(m->arena, count ? count : 1, sizeof *copy);
    if (!*out || !copy)
        return ATL_NO_MEMORY;
    if (count)
        memcpy(copy, items, count * sizeof *copy);
    (*out)->u.items = copy;
    (*out)->size = count;
    return ATL_OK;
}

static atl_status op_tuple(atl_machine *m, int count) {
    atl_object *items[3] = { NULL }, *tuple;
    for (int i = count; i-- > 0;)
        ATL_TRY(pop(m, &items[i]));
    ATL_TRY(make_tuple(m, items, (size_t)count, &tuple));
    return atl_machine_push(m, tuple);
}

static atl_status op_marked_tuple(atl_machine *m, int unused) {
    (void)unused;
    atl_object **items, *tuple;
    size_t count;
    ATL_TRY(pop_mark(m, &items, &count));
    ATL_TRY(make_tuple(m, items, count, &tuple));
    return atl_machine_push(m, tuple);
}

// A list, set or dict of everything above the mark.
static atl_status op_marked(atl_machine *m, int type) {
    atl_object **items, *o = atl_machine_new(m, (atl_object_type)type);
    size_t count;
    if (!o)
        return ATL_NO_MEMORY;
    ATL_TRY(pop_mark(m, &items, &count));
    bool pairs = type == ATL_OBJECT_DICT;
    if (pairs && count % 2)
        return MACHINE_FAIL(m, "the pickle has a key without a value; the file is damaged");
    for (size_t i = 0; i < count; i += pairs ? 2 : 1)
        ATL_TRY(pairs ? atl_machine_put(m, o, items[i], items[i + 1]) : atl_machine_append(m, o, items[i]));
    return atl_machine_push(m, o);
}

static atl_status op_append(atl_machine *m, int unused) {
    (void)unused;
    atl_object *item, *target;
    ATL_TRY(pop(m, &item));
    ATL_TRY(top(m, &target));
    return atl_build_append(m, target, item);
}

static atl_status op_put_item(atl_machine *m, int unused) {
    (void)unused;
    atl_object *key, *value, *target;
    ATL_TRY(pop(m, &value));
    ATL_TRY(pop(m, &key));
    ATL_TRY(top(m, &target));
    return atl_build_put(m, target, key, value);
}

static atl_status op_add_all(atl_machine *m, int pairs) {
    atl_object **items, *target;
    size_t count;
    ATL_TRY(pop_mark(m, &items, &count));
    ATL_TRY(top(m, &target));
    if (pairs && count % 2)
        return MACHINE_FAIL(m, "the pickle has a key without a value; the file is damaged");
    for (size_t i = 0; i < count; i += pairs ? 2 : 1)
        ATL_TRY(pairs ? atl_build_put(m, target, items[i], items[i + 1])
                      : atl_build_append(m, target, items[i]));
    return ATL_OK;
}

// ---- memo

static atl_status memo_put(atl_machine *m, uint64_t index) {
    atl_object *o;
    ATL_TRY(top(m, &o));
    if (index >= m->bytes) // each entry costs at least a byte of the pickle
        return MACHINE_FAIL(m, "the pickle numbers an object %llu; the file is damaged",
                            (unsigned long long)index);
    ATL_TRY(grow(m, (void **)&m->memo, &m->memo_room, (size_t)index + 1, sizeof *m->memo, "memo"));
    m->memo_next += !m->memo[index];
    m->memo[index] = o;
    return ATL_OK;
}

static atl_status memo_get(atl_machine *m, uint64_t index) {
    if (index >= m->memo_room || !m->memo[index])
        return MACHINE_FAIL(m,
                            "the pickle refers to object %llu, which it did not number; the file is damaged",
                            (unsigned long long)index);
    return atl_machine_push(m, m->memo[index]);
}

static atl_status memo_text(atl_machine *m, uint64_t *index) {
    atl_view v;
    atl_object *o;
    ATL_TRY(atl_machine_take_line(m, &v));
    ATL_TRY(atl_parse_decimal(m, v, &o));
    if (o->type != ATL_OBJECT_INT || o->u.integer < 0)
        return MACHINE_FAIL(m, "the pickle has a bad object number; the file is damaged");
    *index = (uint64_t)o->u.integer;
    return ATL_OK;
}

static atl_status op_memo_put(atl_machine *m, int width) {
    uint64_t index = 0;
    ATL_TRY(width ? atl_machine_take_number(m, width, &index) : memo_text(m, &index));
    return memo_put(m, index);
}

static atl_status op_memo_get(atl_machine *m, int width) {
    uint64_t index = 0;
    ATL_TRY(width ? atl_machine_take_number(m, width, &index) : memo_text(m, &index));
    return memo_get(m, index);
}

static atl_status op_memoize(atl_machine *m, int unused) {
    (void)unused;
    return memo_put(m, m->memo_next);
}

// ---- names and objects

static atl_status global_from(atl_machine *m, atl_view module, atl_view name, atl_object **out) {
    if (module.size > NAME_MOST || name.size > NAME_MOST)
        return MACHINE_FAIL(m, "the pickle names a class with %zu letters; the file is damaged",
                            module.size + name.size);
    return atl_build_global(m, (const char *)module.data, module.size, (const char *)name.data, name.size,
                            out);
}

static atl_status op_global(atl_machine *m, int unused) {
    (void)unused;
    atl_view module, name;
    atl_object *o;
    ATL_TRY(atl_machine_take_line(m, &module));
    ATL_TRY(atl_machine_take_line(m, &name));
    ATL_TRY(global_from(m, module, name, &o));
    return atl_machine_push(m, o);
}

static atl_status op_stack_global(atl_machine *m, int unused) {
    (void)unused;
    atl_object *module, *name, *o;
    ATL_TRY(pop(m, &name));
    ATL_TRY(pop(m, &module));
    if (name->type != ATL_OBJECT_STRING || module->type != ATL_OBJECT_STRING)
        return MACHINE_FAIL(m, "the pickle names a class by something that is no text; the file is damaged");
    ATL_TRY(global_from(m, (atl_view){ (const uint8_t *)module->u.text, module->size },
                        (atl_view){ (const uint8_t *)name->u.text, name->size }, &o));
    return atl_machine_push(m, o);
}

static atl_status op_reduce(atl_machine *m, int unused) {
    (void)unused;
    atl_object *args, *callable, *o;
    ATL_TRY(pop(m, &args));
    ATL_TRY(pop(m, &callable));
    ATL_TRY(atl_build_call(m, callable, args, &o));
    return atl_machine_push(m, o);
}

static atl_status op_new(atl_machine *m, int keywords) {
    atl_object *args, *cls, *o, *named = NULL;
    if (keywords)
        ATL_TRY(pop(m, &named));
    ATL_TRY(pop(m, &args));
    ATL_TRY(pop(m, &cls));
    ATL_TRY(atl_build_new(m, cls, args, &o));
    if (named && named->type == ATL_OBJECT_DICT && named->size && o->type == ATL_OBJECT_INSTANCE)
        o->u.instance->state = named; // the nearest thing to attributes
    return atl_machine_push(m, o);
}

// INST (the class as two lines) and OBJ (the class as the first item above the mark).
static atl_status op_instance(atl_machine *m, int lines) {
    atl_object **items, *cls = NULL, *args, *o;
    size_t count;
    atl_view module, name;
    if (lines) {
        ATL_TRY(atl_machine_take_line(m, &module));
        ATL_TRY(atl_machine_take_line(m, &name));
        ATL_TRY(global_from(m, module, name, &cls));
    }
    ATL_TRY(pop_mark(m, &items, &count));
    if (!lines) {
        if (!count)
            return MACHINE_FAIL(m, "the pickle has an object without a class; the file is damaged");
        cls = *items++;
        count--;
    }
    ATL_TRY(make_tuple(m, items, count, &args));
    ATL_TRY(atl_build_call(m, cls, args, &o));
    return atl_machine_push(m, o);
}

static atl_status op_build(atl_machine *m, int unused) {
    (void)unused;
    atl_object *state, *o;
    ATL_TRY(pop(m, &state));
    ATL_TRY(top(m, &o));
    return atl_build_state(m, o, state);
}

static atl_status op_persistent(atl_machine *m, int line) {
    atl_object *id, *o = NULL;
    if (line) {
        atl_view v;
        ATL_TRY(atl_machine_take_line(m, &v));
        id = atl_machine_text(m, ATL_OBJECT_STRING, (const char *)v.data, v.size);
        if (!id)
            return ATL_NO_MEMORY;
    } else {
        ATL_TRY(pop(m, &id));
    }
    if (!m->reader->persistent)
        return MACHINE_FAIL(m, "the pickle refers to data outside of it; is it a part of a torch file?");
    ATL_TRY(m->reader->persistent(m->reader->user, id, &o));
    return atl_machine_push(m, o);
}

static atl_status op_protocol(atl_machine *m, int unused) {
    (void)unused;
    uint64_t version;
    ATL_TRY(atl_machine_take_number(m, 1, &version));
    if (version > 5)
        return atl_machine_fail(m, ATL_UNSUPPORTED, "pickle protocol %d is not known; 0 to 5 are",
                                (int)version);
    return ATL_OK;
}

static atl_status op_frame(atl_machine *m, int unused) {
    (void)unused;
    uint64_t size;
    ATL_TRY(atl_machine_take_number(m, 8, &size));
    if (size > m->bytes - m->at)
        return MACHINE_FAIL(m, "the pickle announces %llu bytes and has %zu; the file is cut or damaged",
                            (unsigned long long)size, m->bytes - m->at);
    return ATL_OK;
}

typedef struct opcode {
    atl_status (*run)(atl_machine *m, int argument);
    int argument;
} opcode;

// clang-format off
static const opcode opcodes[256] = {
    ['(']  = { op_mark, 0 },                         ['0']  = { op_pop, 0 },
    ['1']  = { op_pop, 1 },                          ['2']  = { op_dup, 0 },
    ['N']  = { atl_op_constant, 0 },                 [0x88] = { atl_op_constant, 1 },
    [0x89] = { atl_op_constant, 2 },                 [')']  = { atl_op_constant, 3 },
    ['I']  = { atl_op_decimal, 1 },                  ['L']  = { atl_op_decimal, 0 },
    ['J']  = { atl_op_signed, 4 },                   ['K']  = { atl_op_unsigned, 1 },
    ['M']  = { atl_op_unsigned, 2 },                 [0x8a] = { atl_op_long, 1 },
    [0x8b] = { atl_op_long, 4 },                     ['F']  = { atl_op_float_text, 0 },
    ['G']  = { atl_op_float, 0 },                    ['S']  = { atl_op_escaped, 0 },
    ['V']  = { atl_op_escaped, 1 },                  ['T']  = { atl_op_raw_text, 4 },
    ['U']  = { atl_op_raw_text, 1 },                 ['X']  = { atl_op_text, 4 },
    [0x8c] = { atl_op_text, 1 },                     [0x8d] = { atl_op_text, 8 },
    ['B']  = { atl_op_bytes, 4 },                    ['C']  = { atl_op_bytes, 1 },
    [0x8e] = { atl_op_bytes, 8 },                    [0x96] = { atl_op_bytes, 8 },
    [']']  = { op_empty, ATL_OBJECT_LIST },          ['}']  = { op_empty, ATL_OBJECT_DICT },
    [0x8f] = { op_empty, ATL_OBJECT_SET },           ['l']  = { op_marked, ATL_OBJECT_LIST },
    ['d']  = { op_marked, ATL_OBJECT_DICT },         [0x91] = { op_marked, ATL_OBJECT_SET },
    ['t']  = { op_marked_tuple, 0 },                 [0x85] = { op_tuple, 1 },
    [0x86] = { op_tuple, 2 },                        [0x87] = { op_tuple, 3 },
    ['a']  = { op_append, 0 },                       ['e']  = { op_add_all, 0 },
    [0x90] = { op_add_all, 0 },                      ['s']  = { op_put_item, 0 },
    ['u']  = { op_add_all, 1 },                      ['p']  = { op_memo_put, 0 },
    ['q']  = { op_memo_put, 1 },                     ['r']  = { op_memo_put, 4 },
    ['g']  = { op_memo_get, 0 },                     ['h']  = { op_memo_get, 1 },
    ['j']  = { op_memo_get, 4 },                     [0x94] = { op_memoize, 0 },
    ['c']  = { op_global, 0 },                       [0x93] = { op_stack_global, 0 },
    ['R']  = { op_reduce, 0 },                       [0x81] = { op_new, 0 },
    [0x92] = { op_new, 1 },                          ['i']  = { op_instance, 1 },
    ['o']  = { op_instance, 0 },                     ['b']  = { op_build, 0 },
    ['P']  = { op_persistent, 1 },                   ['Q']  = { op_persistent, 0 },
    [0x80] = { op_protocol, 0 },                     [0x95] = { op_frame, 0 },
};
// clang-format on

static atl_status run(atl_machine *m, atl_object **out) {
    for (;;) {
        atl_view code;
        ATL_TRY(atl_machine_take(m, 1, &code));
        if (*code.data == '.')
            return pop(m, out);
        const opcode *op = &opcodes[*code.data];
        if (!op->run)
            return MACHINE_FAIL(m, "pickle opcode 0x%02x at byte %zu is not one that builds data", *code.data,
                                m->at - 1);
        ATL_TRY(op->run(m, op->argument));
    }
}

static atl_status constants(atl_machine *m) {
    m->none = atl_machine_new(m, ATL_OBJECT_NONE);
    m->no = atl_machine_new(m, ATL_OBJECT_BOOL);
    m->yes = atl_machine_new(m, ATL_OBJECT_BOOL);
    m->empty = atl_machine_new(m, ATL_OBJECT_TUPLE);
    if (!m->none || !m->no || !m->yes || !m->empty)
        return ATL_NO_MEMORY;
    m->yes->u.truth = true;
    return ATL_OK;
}

atl_status atl_pickle_read(const atl_pickle_reader *reader, const uint8_t *data, size_t bytes, size_t *used,
                           atl_object **out) {
    static const uint8_t nothing[1]; // no arithmetic on a null pointer
    atl_machine m = { .reader = reader, .ctx = reader->arena->ctx, .arena = reader->arena, .bytes = bytes };
    m.data = bytes ? data : nothing;
    atl_status status = constants(&m);
    if (status == ATL_OK)
        status = run(&m, out);
    if (used)
        *used = m.at;
    atl_free(m.ctx, m.stack);
    atl_free(m.ctx, m.marks);
    atl_free(m.ctx, m.memo);
    return status;
}
