// SPDX-License-Identifier: Apache-2.0
// The containers around pickles.
//
//   zip:    TOP/data.pkl, the pickle; TOP/data/KEY, the elements of storage KEY; TOP/byteorder
//   stream: pickles of a magic number, of 1001 and of a dict about the machine; the pickle; a pickled list of
//           keys; then for each key the number of elements (int64) and the elements
//
// In both a storage is a persistent id: ("storage", class, key, location, elements[, view]).  The streams
// that the official checkpoints keep inside their pickles (one per tensor) are of the second kind.
#include "io/torch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/hash.h"
#include "base/names.h"
#include "io/arrays.h"
#include "io/pickle.h"
#include "io/zip.h"

static const uint8_t magic[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };

struct atl_torch {
    atl_ctx *ctx;
    const char *path;
    atl_file file;
    atl_arena arena;
    atl_zip *zip;    // NULL: not a zip
    const char *top; // "archive/": what the names of its members begin with
    atl_object *root;
    const atl_storage *loaded; // whose elements, read from the zip, are in `buffer`
    uint8_t *buffer;
    size_t inflated; // bytes read from the zip so far
};

// The storages of one pickle, by key.
typedef struct table {
    atl_torch *torch;
    atl_object **list; // STORAGE objects, in order of appearance
    size_t size, room;
    uint32_t *slots; // hash table of positions + 1; a power of two
    size_t slot_count;
    bool nested; // a stream inside a pickle: it has no streams inside itself
} table;

#define TORCH_FAIL(t, ...) torch_fail(t, ATL_BAD_FILE, __VA_ARGS__)

static atl_status torch_fail(atl_torch *t, atl_status status, const char *format, ...) ATL_PRINTF(3, 4);
static atl_status read_stream(atl_torch *t, const uint8_t *data, size_t bytes, bool nested, atl_object **out);

static atl_status torch_fail(atl_torch *t, atl_status status, const char *format, ...) {
    char text[ATL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return atl_fail(t->ctx, status, "%s: %s", t->path, text);
}

// ---- storages

static uint64_t hash(const char *key, size_t size) {
    uint64_t h = atl_hash(ATL_HASH_BEGIN, key, size);
    return h ^ h >> 29;
}

static uint32_t *find_slot(const table *tab, const char *key, size_t size) {
    size_t at = hash(key, size) & (tab->slot_count - 1);
    while (tab->slots[at]) {
        const char *other = tab->list[tab->slots[at] - 1]->u.storage->key;
        if (strlen(other) == size && memcmp(other, key, size) == 0)
            break;
        at = (at + 1) & (tab->slot_count - 1);
    }
    return &tab->slots[at];
}

static atl_storage *find_storage(const table *tab, const char *key, size_t size) {
    uint32_t found = tab->slots ? *find_slot(tab, key, size) : 0;
    return found ? tab->list[found - 1]->u.storage : NULL;
}

static atl_status add_storage(table *tab, atl_object *storage) {
    atl_ctx *ctx = tab->torch->ctx;
    if (tab->size == tab->room) {
        size_t room = tab->room ? tab->room * 2 : 64;
        atl_object **list = atl_grow(ctx, tab->list, tab->size, room, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        tab->list = list;
        tab->room = room;
        atl_free(ctx, tab->slots);
        tab->slot_count = room * 2;
        tab->slots = atl_calloc(ctx, tab->slot_count, sizeof *tab->slots);
        if (!tab->slots)
            return ATL_NO_MEMORY;
        for (size_t i = 0; i < tab->size; i++) {
            const char *key = tab->list[i]->u.storage->key;
            *find_slot(tab, key, strlen(key)) = (uint32_t)i + 1;
        }
    }
    const char *key = storage->u.storage->key;
    tab->list[tab->size++] = storage;
    *find_slot(tab, key, strlen(key)) = (uint32_t)tab->size;
    return ATL_OK;
}

static void clear_table(table *tab) {
    atl_free(tab->torch->ctx, tab->list);
    atl_free(tab->torch->ctx, tab->slots);
}

// Finds the member of a storage and checks that it is long enough.
static atl_status locate_member(atl_torch *t, atl_storage *s) {
    char name[512];
    int n = snprintf(name, sizeof name, "%sdata/%s", t->top, s->key);
    s->member = n > 0 && (size_t)n < sizeof name ? atl_zip_find(t->zip, name) : atl_zip_size(t->zip);
    if (s->member == atl_zip_size(t->zip))
        return TORCH_FAIL(t, "the data of storage %s are missing; the file is damaged", s->key);
    size_t have = atl_zip_bytes(t->zip, s->member),
           want = (size_t)s->count * atl_dtype_size((atl_dtype)s->dtype);
    if (have != want) // more would be inflated for nothing
        return TORCH_FAIL(t, "storage %s has %zu bytes and should have %zu; the file is damaged", s->key,
                          have, want);
    return ATL_OK;
}

static atl_status new_storage(table *tab, const atl_object *key, int dtype, int64_t count, atl_object **out) {
    atl_torch *t = tab->torch;
    atl_storage *s = atl_arena_alloc(&t->arena, 1, sizeof *s);
    *out = atl_arena_alloc(&t->arena, 1, sizeof **out);
    if (!s || !*out)
        return ATL_NO_MEMORY;
    s->key = atl_object_text(key, &t->arena);
    if (!s->key)
        return TORCH_FAIL(t, "a storage has a key that is no text; the file is damaged");
    s->dtype = dtype;
    s->count = count;
    (*out)->type = ATL_OBJECT_STORAGE;
    (*out)->u.storage = s;
    if (t->zip)
        ATL_TRY(locate_member(t, s));
    return add_storage(tab, *out);
}

// A view of older streams, (key, offset, elements), must lie in its storage.
static atl_status view_of(table *tab, atl_object *root, const atl_object *view, atl_object **out) {
    atl_torch *t = tab->torch;
    int64_t offset, count;
    *out = root;
    if (!view || view->type == ATL_OBJECT_NONE)
        return ATL_OK;
    if (view->type != ATL_OBJECT_TUPLE || view->size != 3 || !atl_object_int(view->u.items[1], &offset) ||
        !atl_object_int(view->u.items[2], &count) || offset < 0 || count < 0 ||
        count > root->u.storage->count || offset > root->u.storage->count - count)
        return TORCH_FAIL(t, "a view lies outside its storage; the file is damaged");
    if (offset || count != root->u.storage->count)
        return torch_fail(t, ATL_UNSUPPORTED,
                          "a storage is a part of another one, a form that torch.save has given up; "
                          "load and save the file with a newer torch first");
    return ATL_OK;
}

// Persistent ids: ("storage", class, key, location, elements[, view]) and ("module", class, ...).
static atl_status persistent(void *user, const atl_object *id, atl_object **out) {
    table *tab = user;
    atl_torch *t = tab->torch;
    if (id->type == ATL_OBJECT_TUPLE && id->size >= 2 && atl_object_equals(id->u.items[0], "module")) {
        *out = id->u.items[1]; // the class; its source is not looked at
        return ATL_OK;
    }
    if (id->type != ATL_OBJECT_TUPLE || id->size < 5 || id->size > 6 ||
        !atl_object_equals(id->u.items[0], "storage"))
        return TORCH_FAIL(t, "refers to outside data in an unknown way; the file is damaged");
    const atl_object *cls = id->u.items[1], *key = id->u.items[2];
    int64_t count;
    if (cls->type != ATL_OBJECT_CLASS || key->type != ATL_OBJECT_STRING ||
        !atl_object_int(id->u.items[4], &count) || count < 0 || count > INT64_MAX / 16)
        return TORCH_FAIL(t, "describes a storage badly; the file is damaged");
    if (cls->u.cls->dtype < 0)
        return torch_fail(t, ATL_UNSUPPORTED, "holds elements of the type %s, which is not read",
                          cls->u.cls->name);
    const atl_storage *known = find_storage(tab, key->u.text, key->size);
    if (!known) {
        ATL_TRY(new_storage(tab, key, cls->u.cls->dtype, count, out));
    } else {
        if (known->count != count || known->dtype != cls->u.cls->dtype)
            return TORCH_FAIL(t, "describes storage %s in two ways; the file is damaged", known->key);
        *out = tab->list[*find_slot(tab, key->u.text, key->size) - 1];
    }
    return view_of(tab, *out, id->size == 6 ? id->u.items[5] : NULL, out);
}

static atl_status stream(void *user, const atl_object *bytes, atl_object **out) {
    table *tab = user;
    if (tab->nested)
        return TORCH_FAIL(tab->torch, "nests torch streams; the file is damaged or hostile");
    return read_stream(tab->torch, (const uint8_t *)bytes->u.text, bytes->size, true, out);
}

static atl_pickle_reader reader_of(table *tab) {
    atl_torch *t = tab->torch;
    return (atl_pickle_reader){ &t->arena, t->path, tab, persistent, stream };
}

// ---- streams

// The storages' elements: a pickled list of keys, then count and elements for each.
static atl_status read_elements(table *tab, const uint8_t *data, size_t bytes, size_t at) {
    atl_torch *t = tab->torch;
    atl_pickle_reader reader = reader_of(tab);
    atl_object *keys;
    size_t used, filled = 0;
    ATL_TRY(atl_pickle_read(&reader, data + at, bytes - at, &used, &keys));
    at += used;
    if (keys->type != ATL_OBJECT_LIST)
        return TORCH_FAIL(t, "has no list of storages; the file is damaged");
    for (size_t i = 0; i < keys->size; i++) {
        const atl_object *key = keys->u.items[i];
        atl_storage *s = key->type == ATL_OBJECT_STRING ? find_storage(tab, key->u.text, key->size) : NULL;
        if (!s || s->data)
            return TORCH_FAIL(t, "lists a storage that is not used or listed before; the file is damaged");
        uint64_t count = bytes - at >= 8 ? atl_little(data + at, 8) : 0;
        size_t size = (size_t)s->count * atl_dtype_size((atl_dtype)s->dtype);
        if (bytes - at < 8 || count != (uint64_t)s->count || size > bytes - at - 8)
            return TORCH_FAIL(
                t,
                "storage %s should have %lld elements and is cut or of another size; the file is "
                "damaged",
                s->key, (long long)s->count);
        s->data = data + at + 8;
        at += 8 + size;
        filled++;
    }
    if (filled != tab->size)
        return TORCH_FAIL(t, "holds the data of %zu storages out of %zu; the file is damaged", filled,
                          tab->size);
    return ATL_OK;
}

static bool is_magic(const atl_object *o) {
    return o->type == ATL_OBJECT_BIG && o->size == sizeof magic &&
           memcmp(o->u.text, magic, sizeof magic) == 0;
}

static atl_status read_stream_with(table *tab, const uint8_t *data, size_t bytes, atl_object **out) {
    atl_torch *t = tab->torch;
    atl_pickle_reader reader = reader_of(tab);
    atl_object *head[3];
    size_t at = 0, used;
    for (int i = 0; i < 3; i++, at += used) {
        ATL_TRY(atl_pickle_read(&reader, data + at, bytes - at, &used, &head[i]));
        if (i == 0 && !is_magic(head[0]))
            return TORCH_FAIL(t, "does not begin with torch's magic number; it is no file of torch.save");
    }
    int64_t version;
    if (!atl_object_int(head[1], &version) || version != 1001)
        return torch_fail(t, ATL_UNSUPPORTED,
                          "is of an unknown version of torch's stream format; 1001 is read");
    const atl_object *little = atl_object_get(head[2], "little_endian");
    if (little && little->type == ATL_OBJECT_BOOL && !little->u.truth)
        return torch_fail(t, ATL_UNSUPPORTED, "was written on a big-endian machine, which is not read");
    ATL_TRY(atl_pickle_read(&reader, data + at, bytes - at, &used, out));
    return read_elements(tab, data, bytes, at + used);
}

static atl_status read_stream(atl_torch *t, const uint8_t *data, size_t bytes, bool nested,
                              atl_object **out) {
    table tab = { .torch = t, .nested = nested };
    atl_status status = read_stream_with(&tab, data, bytes, out);
    clear_table(&tab);
    return status;
}

// ---- zip

// What a zip file without a torch file's pickle is.
static atl_status refuse_zip(atl_torch *t) {
    static const char *const ends[] = { ".pkl", ".pt", ".pth", ".ckpt", ".safetensors", ".bin" };
    size_t count = atl_zip_size(t->zip);
    if (atl_zip_find(t->zip, "data.pkl") != count)
        return TORCH_FAIL(
            t, "is a torch file that was unpacked and zipped again (zipped twice), without the folder that "
               "it had: download it again and leave it as it is");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
            if (atl_ends_in(atl_zip_name(t->zip, i), ends[k]) &&
                !atl_ends_in(atl_zip_name(t->zip, i), "/data.pkl"))
                return TORCH_FAIL(t, "is a zip file that holds %.200s: unpack it first",
                                  atl_zip_name(t->zip, i));
    return TORCH_FAIL(t, "is a zip file without data.pkl; it is no file of torch.save");
}

bool atl_torch_is_script(const atl_torch *t) {
    char name[512];
    int n = t->zip ? snprintf(name, sizeof name, "%sconstants.pkl", t->top) : 0;
    return n > 0 && (size_t)n < sizeof name && atl_zip_find(t->zip, name) != atl_zip_size(t->zip);
}

// The one member TOP/data.pkl, with TOP a single folder.
static atl_status find_pickle(atl_torch *t, size_t *member) {
    static const char suffix[] = "/data.pkl";
    size_t count = atl_zip_size(t->zip), tail = sizeof suffix - 1;
    *member = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = atl_zip_name(t->zip, i);
        size_t n = strlen(name);
        if (n <= tail || strcmp(name + n - tail, suffix) != 0 || strchr(name, '/') != name + n - tail)
            continue;
        if (*member != count)
            return TORCH_FAIL(t, "holds two pickles, '%s' and '%s'; the file can't be trusted",
                              atl_zip_name(t->zip, *member), name);
        *member = i;
        t->top = atl_arena_string(&t->arena, name, n - tail + 1);
        if (!t->top)
            return ATL_NO_MEMORY;
    }
    return *member == count ? refuse_zip(t) : ATL_OK;
}

static atl_status check_byte_order(atl_torch *t) {
    char name[512], text[8] = "";
    int n = snprintf(name, sizeof name, "%sbyteorder", t->top);
    size_t i = n > 0 && (size_t)n < sizeof name ? atl_zip_find(t->zip, name) : atl_zip_size(t->zip);
    if (i == atl_zip_size(t->zip))
        return ATL_OK;
    if (atl_zip_bytes(t->zip, i) >= sizeof text)
        return TORCH_FAIL(t, "names its byte order badly; the file is damaged");
    ATL_TRY(atl_zip_read(t->zip, i, text));
    if (strcmp(text, "little") != 0)
        return torch_fail(t, ATL_UNSUPPORTED, "was written in byte order '%s'; only little is read", text);
    return ATL_OK;
}

static atl_status read_zip(atl_torch *t) {
    size_t member, bytes;
    ATL_TRY(atl_zip_open(t->ctx, t->path, t->file.data, t->file.bytes, &t->zip));
    ATL_TRY(find_pickle(t, &member));
    ATL_TRY(check_byte_order(t));
    bytes = atl_zip_bytes(t->zip, member);
    uint8_t *pickle = atl_arena_alloc(&t->arena, bytes ? bytes : 1, 1);
    if (!pickle)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_zip_read(t->zip, member, pickle));
    table tab = { .torch = t };
    atl_pickle_reader reader = reader_of(&tab);
    atl_status status = atl_pickle_read(&reader, pickle, bytes, NULL, &t->root);
    clear_table(&tab);
    return status;
}

// ---- open and close

static atl_status read_plain(atl_torch *t) {
    table tab = { .torch = t };
    atl_pickle_reader reader = { &t->arena, t->path, &tab, NULL, stream };
    atl_status status = atl_pickle_read(&reader, t->file.data, t->file.bytes, NULL, &t->root);
    clear_table(&tab);
    return status;
}

static atl_status parse(atl_torch *t, bool plain) {
    const uint8_t *d = t->file.data;
    size_t n = t->file.bytes;
    if (n >= 4 && memcmp(d, "PK\3\4", 4) == 0)
        return read_zip(t);
    if (n >= 4 + sizeof magic && d[0] == 0x80 &&
        (memcmp(d + 4, magic, sizeof magic) ==
             0 || // LONG1 after PROTO; in protocol 4 a frame's header between
         (n >= 13 + sizeof magic && memcmp(d + 13, magic, sizeof magic) == 0)))
        return read_stream(t, d, n, false, &t->root);
    if (!plain)
        return TORCH_FAIL(t, "is no file of torch.save");
    if (n == 0)
        return TORCH_FAIL(t, "is empty");
    return read_plain(t);
}

// Data are worth some memory per byte of file.
static size_t memory_for(const atl_ctx *ctx, size_t bytes) {
    size_t allowed = atl_file_most(bytes, 64);
    return allowed < ctx->memory_cap ? allowed : ctx->memory_cap;
}

static atl_status open_torch(atl_ctx *ctx, const char *path, atl_file file, bool plain, atl_torch **torch) {
    atl_file owned = file;
    atl_status status = ATL_NO_MEMORY;
    atl_torch *t = atl_calloc(ctx, 1, sizeof *t);
    if (!t) {
        if (owned.handle >= 0)
            atl_file_unmap(&owned);
        return ATL_NO_MEMORY;
    }
    t->ctx = ctx;
    t->file = file;
    atl_arena_init(&t->arena, ctx, memory_for(ctx, file.bytes));
    t->path = atl_arena_string(&t->arena, path, strlen(path));
    if (t->path)
        status = parse(t, plain);
    if (status != ATL_OK)
        atl_torch_close(&t);
    *torch = t;
    return atl_name_file(ctx, status, path);
}

atl_status atl_torch_open(atl_ctx *ctx, const char *path, bool plain, atl_torch **torch) {
    atl_file file;
    *torch = NULL;
    ATL_TRY(atl_file_map(ctx, path, &file));
    return open_torch(ctx, path, file, plain, torch);
}

atl_status atl_torch_open_file(atl_ctx *ctx, const char *path, atl_file *file, bool plain,
                               atl_torch **torch) {
    atl_file taken = *file;
    *file = (atl_file){ 0 };
    *torch = NULL;
    return open_torch(ctx, path, taken, plain, torch);
}

atl_status atl_torch_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                 bool plain, atl_torch **torch) {
    *torch = NULL;
    return open_torch(ctx, path, (atl_file){ data, bytes, -1 }, plain, torch);
}

void atl_torch_close(atl_torch **torch) {
    if (!torch || !*torch)
        return;
    atl_torch *t = *torch;
    atl_ctx *ctx = t->ctx;
    atl_zip_close(&t->zip);
    if (t->file.handle >= 0) // else the bytes are the caller's
        atl_file_unmap(&t->file);
    atl_arena_clear(&t->arena);
    atl_free(ctx, t->buffer);
    atl_free(ctx, t);
    *torch = NULL;
}

const atl_object *atl_torch_root(const atl_torch *torch) {
    return torch->root;
}

// ---- values

int atl_tensor_dtype(const atl_tensor *tensor) {
    return tensor->storage ? tensor->storage->dtype : -1;
}

// Values don't compress well, and a network is read a few times at most.
static size_t inflated_most(const atl_torch *t) {
    return atl_file_most(t->file.bytes, 64);
}

// The elements of a storage: in the mapping, or read from the zip.  The last one read is kept, because views
// of one storage follow each other.
static atl_status elements(atl_torch *t, const atl_storage *s, const uint8_t **data) {
    *data = s->data;
    if (s->data)
        return ATL_OK;
    if (!t->zip)
        return atl_fail(t->ctx, ATL_INTERNAL, "%s: a storage has no data", t->path);
    if (t->loaded != s) {
        size_t bytes = atl_zip_bytes(t->zip, s->member);
        t->loaded = NULL;
        atl_free(t->ctx, t->buffer);
        t->buffer = NULL;
        if (bytes > t->ctx->memory_cap)
            return torch_fail(t, ATL_NO_MEMORY, "storage %s has %zu bytes, more than the limit of %zu",
                              s->key, bytes, t->ctx->memory_cap);
        t->inflated += bytes;
        if (t->inflated > inflated_most(t))
            return TORCH_FAIL(
                t,
                "storage %s and those before it unpack to %zu bytes out of a file of %zu; the file is "
                "damaged or hostile",
                s->key, t->inflated, t->file.bytes);
        t->buffer = atl_alloc(t->ctx, bytes, 1);
        if (!t->buffer)
            return ATL_NO_MEMORY;
        ATL_TRY(atl_zip_read(t->zip, s->member, t->buffer));
        t->loaded = s;
    }
    *data = t->buffer;
    return ATL_OK;
}

// How many elements, from the innermost dimension outward, lie in a row in C order.
static int64_t run_length(const atl_tensor *x, int *outer) {
    int64_t run = 1;
    *outer = x->rank;
    while (*outer > 0 && (x->dims[*outer - 1] == 1 || x->strides[*outer - 1] == run))
        run *= x->dims[--*outer];
    return run;
}

typedef void (*copy_fn)(atl_dtype dtype, const uint8_t *from, size_t count, size_t at, void *out);

static void copy_raw(atl_dtype dtype, const uint8_t *from, size_t count, size_t at, void *out) {
    size_t width = atl_dtype_size(dtype);
    memcpy((char *)out + at * width, from, count * width);
}

static void copy_f32(atl_dtype dtype, const uint8_t *from, size_t count, size_t at, void *out) {
    atl_convert_f32(dtype, from, count, (float *)out + at);
}

static atl_status read_tensor(atl_torch *t, const atl_tensor *x, copy_fn copy, void *out) {
    const uint8_t *data;
    if (!x->storage)
        return torch_fail(t, ATL_UNSUPPORTED, "an array has elements that are not numbers");
    int64_t count = atl_tensor_count(x), index[ATL_ARRAY_RANK_MAX] = { 0 };
    if (count == 0)
        return ATL_OK;
    ATL_TRY(elements(t, x->storage, &data));
    atl_dtype dtype = (atl_dtype)x->storage->dtype;
    int outer;
    int64_t run = run_length(x, &outer), from = x->offset;
    for (int64_t at = 0; at < count; at += run) {
        copy(dtype, data + (size_t)from * atl_dtype_size(dtype), (size_t)run, (size_t)at, out);
        for (int i = outer; i-- > 0;) {
            from += x->strides[i];
            if (++index[i] < x->dims[i])
                break;
            from -= x->strides[i] * x->dims[i];
            index[i] = 0;
        }
    }
    return ATL_OK;
}

atl_status atl_tensor_read(atl_torch *torch, const atl_tensor *tensor, void *out) {
    return read_tensor(torch, tensor, copy_raw, out);
}

atl_status atl_tensor_read_f32(atl_torch *torch, const atl_tensor *tensor, float *out) {
    return read_tensor(torch, tensor, copy_f32, out);
}
