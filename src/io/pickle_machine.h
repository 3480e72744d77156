// SPDX-License-Identifier: Apache-2.0
// What pickle.c (opcodes, stack, memo) and pickle_build.c (meaning of names) share.
#ifndef ATL_IO_PICKLE_MACHINE_H
#define ATL_IO_PICKLE_MACHINE_H

#include "io/pickle.h"

typedef struct atl_machine {
    const atl_pickle_reader *reader;
    atl_ctx *ctx;
    atl_arena *arena;
    const uint8_t *data;
    size_t bytes, at;             // input and position
    atl_object **stack;
    size_t depth, stack_room;
    size_t *marks;                // depths of the stack
    size_t mark_depth, mark_room;
    atl_object **memo;
    size_t memo_next, memo_room;  // next number of MEMOIZE
    atl_object *none, *no, *yes, *empty;
    atl_object *small[256];       // the integers 0 to 255, made once each
} atl_machine;

// A failure: the sentence starts with the path.
#define MACHINE_FAIL(m, ...) atl_machine_fail(m, ATL_BAD_FILE, __VA_ARGS__)
atl_status atl_machine_fail(atl_machine *m, atl_status status, const char *format, ...) ATL_PRINTF(3, 4);

// New objects in the arena; NULL with a message when memory is missing.
atl_object *atl_machine_new(atl_machine *m, atl_object_type type);
atl_object *atl_machine_int(atl_machine *m, int64_t value);
atl_object *atl_machine_float(atl_machine *m, double value);
atl_object *atl_machine_text(atl_machine *m, atl_object_type type, const char *text, size_t size); // borrowed

// Adds to a LIST, TUPLE or SET; for a DICT adds a key and a value.
atl_status atl_machine_append(atl_machine *m, atl_object *list, atl_object *item);
atl_status atl_machine_put(atl_machine *m, atl_object *dict, atl_object *key, atl_object *value);

// Input: bytes, a little-endian number, bytes after their own length, a line without its end.
typedef struct atl_view { const uint8_t *data; size_t size; } atl_view;
atl_status atl_machine_take(atl_machine *m, size_t size, atl_view *v);
atl_status atl_machine_take_number(atl_machine *m, int width, uint64_t *value);
atl_status atl_machine_take_counted(atl_machine *m, int width, atl_view *v);
atl_status atl_machine_take_line(atl_machine *m, atl_view *v);
atl_status atl_machine_push(atl_machine *m, atl_object *o); // NULL: memory was missing

// pickle_values.c: opcodes; the argument is the width of their number in bytes, or a variant.
atl_status atl_op_unsigned(atl_machine *m, int argument);
atl_status atl_op_signed(atl_machine *m, int argument);
atl_status atl_op_long(atl_machine *m, int argument);
atl_status atl_op_decimal(atl_machine *m, int argument);
atl_status atl_op_float_text(atl_machine *m, int argument);
atl_status atl_op_float(atl_machine *m, int argument);
atl_status atl_op_constant(atl_machine *m, int argument);
atl_status atl_op_text(atl_machine *m, int argument);
atl_status atl_op_bytes(atl_machine *m, int argument);
atl_status atl_op_raw_text(atl_machine *m, int argument);
atl_status atl_op_escaped(atl_machine *m, int argument);
atl_status atl_parse_decimal(atl_machine *m, atl_view v, atl_object **out);

// The class or function "module.name", or an error when it is not data.
atl_status atl_build_global(atl_machine *m, const char *module, size_t module_size, const char *name,
                            size_t name_size, atl_object **out);
// Whether a name is that of a class, as far as its spelling tells: capital letters, and no module that acts.
bool atl_pickle_is_class(const atl_class *cls);
// What calling `callable` with a tuple of arguments stands for.
atl_status atl_build_call(atl_machine *m, const atl_object *callable, atl_object *args, atl_object **out);
// A new object of a class, as by its __new__.
atl_status atl_build_new(atl_machine *m, const atl_object *cls, atl_object *args, atl_object **out);
// Sets the state of an object.
atl_status atl_build_state(atl_machine *m, atl_object *object, atl_object *state);

// Items to where they belong: the container itself, or the part of an instance.
atl_status atl_build_append(atl_machine *m, atl_object *target, atl_object *item);
atl_status atl_build_put(atl_machine *m, atl_object *target, atl_object *key, atl_object *value);

#endif
