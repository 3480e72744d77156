// SPDX-License-Identifier: Apache-2.0
// Files of torch.save: every recorded file against the safetensors file beside it, tensor by tensor and bit
// by bit, and the whole tree of objects against its JSON; then files that must be refused.
#include "check.h"

#include <dirent.h>
#include <jansson.h>
#include <zip.h>
#include "io/arrays.h"
#include "io/torch.h"

typedef struct comparison {
    atl_ctx *ctx;
    atl_torch *torch;
    atl_arrays *wanted;
    size_t tensors;
} comparison;

static void compare_tensor(comparison *c, const char *path, const atl_tensor *t) {
    const atl_array *a = atl_arrays_find(c->wanted, path);
    if (!a)
        fail_msg("unexpected tensor %s", path);
    assert_int_equal(atl_tensor_dtype(t), a->dtype);
    assert_int_equal(t->rank, a->rank);
    for (int i = 0; i < t->rank; i++)
        assert_int_equal(t->dims[i], a->dims[i]);
    size_t bytes = (size_t)atl_array_count(a) * atl_dtype_size(a->dtype);
    void *got = malloc(bytes + 1);
    assert_ok(c->ctx, atl_tensor_read(c->torch, t, got));
    if (memcmp(got, a->data, bytes) != 0)
        fail_msg("%s differs", path);
    free(got);
    c->tensors++;
}

// A number of any length in decimal, from little endian two's complement.
static json_t *big_json(const atl_object *o) {
    uint8_t digits[256], bytes[64] = { 0 };
    size_t n = o->size, count = 0;
    assert_true(n <= sizeof bytes);
    memcpy(bytes, o->u.text, n);
    int negative = bytes[n - 1] >> 7;
    unsigned carry = 1;
    for (size_t i = 0; negative && i < n; i++) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    for (int any = 1; any;) {
        unsigned rest = 0;
        any = 0;
        for (size_t i = n; i-- > 0;) {
            rest = rest << 8 | bytes[i];
            bytes[i] = (uint8_t)(rest / 10);
            rest %= 10;
            any |= bytes[i];
        }
        digits[count++] = (uint8_t)('0' + rest);
    }
    char text[300] = "int:";
    size_t at = 4;
    if (negative)
        text[at++] = '-';
    while (count)
        text[at++] = (char)digits[--count];
    return json_stringn(text, at);
}

static void key_text(const atl_object *key, char *out, size_t room) {
    switch (key->type) {
    case ATL_OBJECT_STRING: snprintf(out, room, "%.*s", (int)key->size, key->u.text); break;
    case ATL_OBJECT_INT: snprintf(out, room, "%lld", (long long)key->u.integer); break;
    case ATL_OBJECT_FLOAT: snprintf(out, room, "%g", key->u.number); break;
    case ATL_OBJECT_CLASS: snprintf(out, room, "%s.%s", key->u.cls->module, key->u.cls->name); break;
    case ATL_OBJECT_TUPLE:
        assert_int_equal(key->size, 2);
        snprintf(out, room, "(%lld, %lld)", (long long)key->u.items[0]->u.integer,
                 (long long)key->u.items[1]->u.integer);
        break;
    default: fail_msg("a key of type %d", key->type);
    }
}

static json_t *tree(comparison *c, const atl_object *o, const char *path);

static void put_pairs(comparison *c, json_t *out, const atl_object *dict, const char *path) {
    for (size_t i = 0; i < dict->size; i++) {
        const atl_object *name = dict->u.items[2 * i];
        char key[300], child[900];
        key_text(name, key, sizeof key);
        snprintf(child, sizeof child, "%s%s%s", path, *path ? "/" : "",
                 name->type == ATL_OBJECT_CLASS ? name->u.cls->name : key); // paths leave out the module
        json_object_set_new(out, key, tree(c, dict->u.items[2 * i + 1], child));
    }
}

static json_t *list_tree(comparison *c, const atl_object *o, const char *path) {
    json_t *out = json_array();
    for (size_t i = 0; i < o->size; i++) {
        char child[900];
        snprintf(child, sizeof child, "%s/%zu", path, i);
        json_array_append_new(out, tree(c, o->u.items[i], child));
    }
    return out;
}

static json_t *instance_tree(comparison *c, const atl_instance *in, const char *path) {
    char name[300];
    snprintf(name, sizeof name, "%s.%s", in->cls->module, in->cls->name);
    if (strcmp(name, "torch.device") == 0)
        return tree(c, in->args->u.items[0], path);
    json_t *out = json_object();
    json_object_set_new(out, "@class", json_string(name));
    if (in->state)
        put_pairs(c, out, in->state, path);
    return out;
}

static json_t *bytes_tree(const atl_object *o) {
    char text[2048] = "hex:";
    for (size_t i = 0; i < o->size; i++)
        snprintf(text + 4 + 2 * i, 3, "%02x", (uint8_t)o->u.text[i]);
    return json_string(text);
}

static json_t *tree(comparison *c, const atl_object *o, const char *path) {
    json_t *out = NULL;
    switch (o->type) {
    case ATL_OBJECT_TENSOR:
        compare_tensor(c, path, o->u.tensor);
        return json_string(o->u.tensor->array ? "@array" : "@tensor");
    case ATL_OBJECT_BIG: return big_json(o);
    case ATL_OBJECT_BYTES: return bytes_tree(o);
    case ATL_OBJECT_LIST:
    case ATL_OBJECT_TUPLE:
    case ATL_OBJECT_SET: return list_tree(c, o, path);
    case ATL_OBJECT_DICT:
        out = json_object();
        put_pairs(c, out, o, path);
        return out;
    case ATL_OBJECT_INSTANCE: return instance_tree(c, o->u.instance, path);
    case ATL_OBJECT_CLASS: return json_sprintf("%s.%s", o->u.cls->module, o->u.cls->name);
    default: return atl_object_json(o, 1, NULL);
    }
}

// Equality of JSON where 2 and 2.0 are the same number.
static int same(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!same(json_array_get(a, i), json_array_get(b, i)))
                return 0;
        return 1;
    }
    if (json_is_object(a) && json_is_object(b) && json_object_size(a) == json_object_size(b)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)a, key, value) if (!same(value, json_object_get(b, key))) return 0;
        return 1;
    }
    return json_equal(a, b);
}

static void compare_file(atl_ctx *ctx, const char *path) {
    char wanted[900];
    snprintf(wanted, sizeof wanted, "%s", path);
    strcpy(strrchr(wanted, '.'), ".safetensors");
    comparison c = { .ctx = ctx };
    assert_ok(ctx, atl_torch_open(ctx, path, false, &c.torch));
    assert_ok(ctx, atl_arrays_open(ctx, wanted, &c.wanted));
    json_t *want = json_loads(atl_arrays_metadata(c.wanted, "tree"), JSON_DECODE_ANY, NULL);
    json_t *got = tree(&c, atl_torch_root(c.torch), "");
    assert_non_null(want);
    if (!same(want, got))
        fail_msg("%s: the trees differ:\n%s\n%s", path, json_dumps(want, 0), json_dumps(got, 0));
    assert_int_equal(c.tensors, atl_arrays_size(c.wanted));
    json_decref(want);
    json_decref(got);
    atl_arrays_close(&c.wanted);
    atl_torch_close(&c.torch);
}

static void every_recorded_file_reads_as_recorded(void **state) {
    char folder[512];
    DIR *dir = opendir(data_path(folder, sizeof folder, "torch"));
    assert_non_null(dir);
    int files = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        const char *end = strrchr(e->d_name, '.');
        if (!end || (strcmp(end, ".pt") && strcmp(end, ".pth") && strcmp(end, ".ckpt")))
            continue;
        char path[800];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        compare_file(*state, path);
        files++;
    }
    closedir(dir);
    assert_int_equal(files, 22);
}

static void broken_files_are_refused_with_a_sentence(void **state) {
    static const struct {
        const char *name, *text;
    } broken[] = {
        { "empty.pt", "no file of torch.save" },
        { "legacy_cut_half.pt", "cut" },
        { "legacy_cut_tail.pt", "cut" },
        { "pickle_only.pt", "no file of torch.save" },
        { "text.pt", "no file of torch.save" },
        { "zip_bad_memo.pt", "did not number" },
        { "zip_calls_system.pt", "posix.system" },
        { "zip_cut_half.pt", "zip" },
        { "zip_cut_tail.pt", "zip" },
        { "zip_missing_storage.pt", "missing" },
        { "zip_pickle_cut.pt", "ends early" },
        { "zip_short_storage.pt", "should have 432" },
        { "zip_stack_underflow.pt", "stack" },
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char name[100], path[600];
        atl_torch *t;
        snprintf(name, sizeof name, "torch/broken/%s", broken[i].name);
        data_path(path, sizeof path, name);
        assert_fails(*state, atl_torch_open(*state, path, false, &t), ATL_BAD_FILE, broken[i].text);
        assert_null(t);
    }
}

// ---- zip files made here

static void make_zip(char *path, size_t room, const char *const *names, const char *const *data,
                     const size_t *sizes, int count) {
    make_file(path, room, "", 0);
    unlink(path);
    int code;
    zip_t *z = zip_open(path, ZIP_CREATE, &code);
    assert_non_null(z);
    for (int i = 0; i < count; i++) {
        zip_int64_t at = zip_file_add(z, names[i], zip_source_buffer(z, data[i], sizes[i], 0), 0);
        assert_true(at >= 0);
        zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0);
    }
    assert_int_equal(zip_close(z), 0);
}

static void open_zip_fails(atl_ctx *ctx, const char *const *names, const char *const *data,
                           const size_t *sizes, int count, atl_status wanted, const char *text) {
    char path[100];
    atl_torch *t;
    make_zip(path, sizeof path, names, data, sizes, count);
    assert_fails(ctx, atl_torch_open(ctx, path, false, &t), wanted, text);
    drop_file(path);
}

static void odd_zips_are_refused(void **state) {
    static const char pickle[] = "\x80\x02]q\0.";
    const char *two[] = { "a/data.pkl", "b/data.pkl" }, *deep[] = { "a/b/data.pkl" },
               *big[] = { "a/data.pkl", "a/byteorder" };
    const char *data[] = { pickle, pickle }, *order[] = { pickle, "big" };
    const size_t sizes[] = { 6, 6 }, order_sizes[] = { 6, 3 };
    open_zip_fails(*state, two, data, sizes, 2, ATL_BAD_FILE, "two pickles");
    open_zip_fails(*state, deep, data, sizes, 1, ATL_BAD_FILE, "without data.pkl");
    open_zip_fails(*state, big, order, order_sizes, 2, ATL_UNSUPPORTED, "byte order 'big'");
}

// A tensor of a zip, with a storage key that climbs out of its folder: a key is never a path on disk.
static void keys_that_look_like_paths_are_only_names(void **state) {
    static const char pickle[] =
        "\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x10\0\0\0../../etc/passwdX\x03\0\0\0cpuK\x01tQ.";
    const char *names[] = { "a/data.pkl" }, *data[] = { pickle };
    const size_t sizes[] = { sizeof pickle - 1 };
    open_zip_fails(*state, names, data, sizes, 1, ATL_BAD_FILE, "../../etc/passwd are missing");
}

#define STORAGE                                                                                              \
    "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"                                                   \
    "0X\x03\0\0\0cpuK\x02tQ"
#define REBUILD(offset, sizes, strides)                                                                      \
    "\x80\x02"                                                                                               \
    "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE offset sizes strides "\x89)tR."

static void reach_fails(atl_ctx *ctx, const char *pickle, size_t size, const char *text) {
    const char *names[] = { "a/data.pkl", "a/data/0" }, *data[] = { pickle, "12345678" };
    const size_t sizes[] = { size, 8 };
    open_zip_fails(ctx, names, data, sizes, 2, ATL_BAD_FILE, text);
}

static void tensors_beyond_their_storage_are_refused(void **state) {
    static const char offset[] = REBUILD("K\x01", "K\x02\x85", "K\x01\x85");            // 1 .. 2 of 2
    static const char stride[] = REBUILD("K\0", "K\x02\x85", "K\x02\x85");              // 0, 2
    static const char billion[] = REBUILD("K\0", "J\xff\xff\xff\x7f\x85", "K\x01\x85"); // a huge shape
    static const char overflow[] = REBUILD("K\0", "J\xff\xff\xff\x7f\x85",              // size * stride
                                           "\x8a\x08\0\0\0\0\0\x20\0\0\x85");
    static const char many[] =
        REBUILD("K\0", "(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft", "K\0K\0\x86"); // 2^62 elements
    static const char negative[] = REBUILD("K\0", "J\xff\xff\xff\xff\x85", "K\x01\x85");
    static const char uneven[] = REBUILD("K\0", "K\x01K\x02\x86", "K\x01\x85");
    reach_fails(*state, offset, sizeof offset - 1, "reaches element 2 of a storage of 2");
    reach_fails(*state, stride, sizeof stride - 1, "reaches element 2 of a storage of 2");
    reach_fails(*state, billion, sizeof billion - 1, "reaches element");
    reach_fails(*state, overflow, sizeof overflow - 1, "reaches outside");
    reach_fails(*state, many, sizeof many - 1, "absurd shape");
    reach_fails(*state, negative, sizeof negative - 1, "negative or absurd");
    reach_fails(*state, uneven, sizeof uneven - 1, "different length");
}

static void a_good_tensor_of_that_form_is_read(void **state) { // so that the refusals above mean something
    static const char pickle[] = REBUILD("K\x01", "K\x03\x85", "K\0\x85"); // element 1, three times
    const char *names[] = { "a/data.pkl", "a/data/0" }, *data[] = { pickle, "\0\0\x80\x3f\0\0\0\x40" };
    const size_t sizes[] = { sizeof pickle - 1, 8 };
    char path[100];
    atl_torch *t;
    float x[3];
    make_zip(path, sizeof path, names, data, sizes, 2);
    assert_ok(*state, atl_torch_open(*state, path, false, &t));
    assert_int_equal(atl_torch_root(t)->type, ATL_OBJECT_TENSOR);
    assert_ok(*state, atl_tensor_read_f32(t, atl_torch_root(t)->u.tensor, x));
    assert_true(x[0] == 2 && x[1] == 2 && x[2] == 2);
    atl_torch_close(&t);
    drop_file(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_recorded_file_reads_as_recorded),
        TEST(broken_files_are_refused_with_a_sentence),
        TEST(odd_zips_are_refused),
        TEST(keys_that_look_like_paths_are_only_names),
        TEST(tensors_beyond_their_storage_are_refused),
        TEST(a_good_tensor_of_that_form_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
