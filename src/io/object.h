// SPDX-License-Identifier: Apache-2.0
// What a pickle holds, as data: numbers, text, containers, tensors, and inert objects that remember the
// class they came from.  All of it lives in the arena of its reader; text and bytes are views into the
// file where possible.  Containers may hold themselves and nest deeply: whoever walks them limits depth.
#ifndef ATL_IO_OBJECT_H
#define ATL_IO_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <atelier/array.h>
#include "base/mem.h"

typedef enum atl_object_type {
    ATL_OBJECT_NONE, ATL_OBJECT_BOOL, ATL_OBJECT_INT, ATL_OBJECT_BIG, ATL_OBJECT_FLOAT,
    ATL_OBJECT_STRING, ATL_OBJECT_BYTES, ATL_OBJECT_LIST, ATL_OBJECT_TUPLE, ATL_OBJECT_SET,
    ATL_OBJECT_DICT, ATL_OBJECT_CLASS, ATL_OBJECT_INSTANCE, ATL_OBJECT_TENSOR, ATL_OBJECT_STORAGE,
    ATL_OBJECT_DTYPE
} atl_object_type;

typedef struct atl_object atl_object;

// A class or function that the pickle names.  `action` is the pickle machine's own.
typedef struct atl_class {
    const char *module, *name;
    int action;
    int dtype;               // element type of a torch dtype or storage class; -1: none
} atl_class;

// An object of a class that means nothing to the machine.  Each part may be NULL.
typedef struct atl_instance {
    const atl_class *cls;
    atl_object *args;        // TUPLE given to the constructor
    atl_object *state;       // what BUILD set: mostly a DICT of attributes
    atl_object *list, *dict; // items of a subclass of list or dict
} atl_instance;

// One block of elements.  `data` is NULL for a member of a zip file until it is read.
typedef struct atl_storage {
    int dtype;
    int64_t count;           // elements
    const uint8_t *data;
    size_t member;           // index in the zip file
    const char *key;
} atl_storage;

// A strided view of a storage; torch tensors and numpy arrays alike.  Its reach lies in the storage.
typedef struct atl_tensor {
    atl_storage *storage;    // NULL: an array that was announced and never filled
    int64_t offset;          // elements
    int rank;
    int64_t dims[ATL_ARRAY_RANK_MAX], strides[ATL_ARRAY_RANK_MAX]; // in elements, not negative
    bool array;              // came from numpy
    const atl_object *objects; // LIST of an array whose elements are objects, else NULL
    bool parameter;          // was wrapped as a torch Parameter
} atl_tensor;

struct atl_object {
    atl_object_type type;
    bool raw;                // STRING: 8-bit text of Python 2, not UTF-8; DTYPE: other byte order
    size_t size;             // bytes of STRING, BYTES, BIG; items of LIST, TUPLE, SET; pairs of DICT
    union {
        bool truth;
        int64_t integer;
        double number;
        const char *text;    // STRING, BYTES: not ended by 0; BIG: little endian two's complement
        atl_object **items;  // DICT: key, value, key, value, ...
        atl_class *cls;
        atl_instance *instance;
        atl_tensor *tensor;
        atl_storage *storage;
        int dtype;           // DTYPE: an atl_dtype, -1 for one that we don't read
    } u;
};

// Looks up a text key in a DICT, or an attribute (then an item) of an INSTANCE.  The last entry wins, as
// in Python.  NULL: no such key, or `object` is NULL or something else.
const atl_object *atl_object_get(const atl_object *object, const char *key);

// Whether `object` is an instance of the class `name`, of any module.
bool atl_object_is(const atl_object *object, const char *name);
bool atl_object_equals(const atl_object *object, const char *text); // a STRING with this text

// A copy of a STRING that ends in 0, or NULL when it is no STRING, holds a 0 or memory is missing.
const char *atl_object_text(const atl_object *string, atl_arena *arena);

// Numbers out of INT, BOOL and FLOAT; false when it is none or does not fit.
bool atl_object_int(const atl_object *object, int64_t *value);
bool atl_object_number(const atl_object *object, double *value);

// Number of elements of a tensor.
int64_t atl_tensor_count(const atl_tensor *tensor);

// Plain values as JSON: None, booleans, numbers that JSON can hold, UTF-8 text, lists, tuples, sets,
// dicts with text keys.  NULL for anything else, and for what nests deeper than 16 levels or holds more
// than `most` values.  The caller owns the result.
// *lost (may be NULL) becomes true when it is NULL for lack of memory.
json_t *atl_object_json(const atl_object *object, size_t most, bool *lost);

#endif
