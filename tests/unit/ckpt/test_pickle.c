// SPDX-License-Identifier: Apache-2.0
// The pickle machine: values of every protocol, names that are refused, and hostile streams.
#include "check.h"

#include "io/pickle.h"

typedef struct reading {
    atl_arena arena;
    atl_status status;
    atl_object *root;
} reading;

static reading read_bytes(atl_ctx *ctx, const void *data, size_t size) {
    reading r = { .status = ATL_OK };
    atl_arena_init(&r.arena, ctx, 64 << 20);
    atl_pickle_reader reader = { &r.arena, "test", NULL, NULL, NULL };
    r.status = atl_pickle_read(&reader, data, size, NULL, &r.root);
    return r;
}

#define READ(text) read_bytes(*state, text, sizeof text - 1)

// The JSON of a pickle's value must be as given.
static void check_value(atl_ctx *ctx, const char *data, size_t size, const char *wanted) {
    reading r = read_bytes(ctx, data, size);
    assert_ok(ctx, r.status);
    json_t *json = atl_object_json(r.root, 1000, NULL);
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text || strcmp(text, wanted) != 0)
        fail_msg("wanted %s, got %s", wanted, text ? text : "nothing");
    free(text);
    json_decref(json);
    atl_arena_clear(&r.arena);
}

#define VALUE(pickle, json) check_value(*state, pickle, sizeof pickle - 1, json)

static void check_refused(atl_ctx *ctx, const char *data, size_t size, atl_status wanted, const char *text) {
    reading r = read_bytes(ctx, data, size);
    assert_fails(ctx, r.status, wanted, text);
    atl_arena_clear(&r.arena);
}

// Reads as a tuple.
static void inert(atl_ctx *ctx, const char *data, size_t size) {
    reading r = read_bytes(ctx, data, size);
    assert_ok(ctx, r.status);
    assert_int_equal(r.root->type, ATL_OBJECT_TUPLE);
    assert_true(r.root->size > 0);
    atl_arena_clear(&r.arena);
}

#define REFUSED(pickle, text) check_refused(*state, pickle, sizeof pickle - 1, ATL_BAD_FILE, text)

static void text_protocol_reads(void **state) {
    VALUE("I42\n.", "42");
    VALUE("I01\n.", "true");
    VALUE("I00\n.", "false");
    VALUE("L-12345678901L\n.", "-12345678901");
    VALUE("L9223372036854775807L\n.", "9223372036854775807");
    VALUE("L-9223372036854775808L\n.", "-9223372036854775808");
    VALUE("F-0.25\n.", "-0.25");
    VALUE("S'a\\n\\x41\\'b'\n.", "\"a\\nA'b\"");
    VALUE("V\\u00fcx\xe4\n.", "\"\xc3\xbcx\xc3\xa4\"");
    VALUE("(lp0\nI1\naI2\na.", "[1,2]");
    VALUE("(dp0\nS'k'\np1\nI7\ns.", "{\"k\":7}");
    VALUE("(I1\nI2\nt.", "[1,2]");
    VALUE("(I1\nI2\nl.", "[1,2]");
    VALUE("(S'a'\nI2\nd.", "{\"a\":2}");
    VALUE("(lp5\ng5\n0.", "[]");
}

static void binary_protocols_read(void **state) {
    VALUE("\x80\x02K\xff.", "255");
    VALUE("\x80\x02M\xff\xff.", "65535");
    VALUE("\x80\x02J\xfe\xff\xff\xff.", "-2");
    VALUE("\x80\x02\x8a\x00.", "0");
    VALUE("\x80\x02\x8a\x02\x00\x80.", "-32768");
    VALUE("\x80\x02\x8b\x01\x00\x00\x00\x7f.", "127");
    VALUE("\x80\x02G\x3f\xf8\0\0\0\0\0\0.", "1.5");
    VALUE("\x80\x02U\x02hi.", "\"hi\"");
    VALUE("\x80\x02](\x88\x89Ne.", "[true,false,null]");
    VALUE("\x80\x03]\x8c\x01za.", "[\"z\"]");
    VALUE("\x80\x02K\x01K\x02K\x03\x87.", "[1,2,3]");
    VALUE("\x80\x02}(X\x01\0\0\0aK\x01X\x01\0\0\0bK\x02u.", "{\"a\":1,\"b\":2}");
    VALUE("\x80\x04\x8f(K\x01K\x02\x90.", "[1,2]");
    VALUE("\x80\x04(K\x01\x91.", "[1]");
    VALUE("\x80\x04\x8c\x01q\x94h\x00\x86.", "[\"q\",\"q\"]");
}

static void memo_and_frames_read(void **state) {
    VALUE("\x80\x04\x95\x0b\0\0\0\0\0\0\0](\x8c\x01q\x94h\0K\x05"
          "e.",
          "[\"q\",\"q\",5]");
    VALUE("\x80\x02](X\x01\0\0\0qq\x09h\x09r\x0a\0\0\0j\x0a\0\0\0e.", "[\"q\",\"q\",\"q\"]");
}

static void known_names_become_values(void **state) {
    VALUE("\x80\x02"
          "ccollections\nOrderedDict\n)R(X\x01\0\0\0aK\x01u.",
          "{\"a\":1}");
    VALUE("\x80\x02"
          "ccollections\nOrderedDict\n](]X\x01\0\0\0aaK\x01"
          "a]X\x01\0\0\0baK\x02"
          "ae\x85R.",
          "{\"a\":1,\"b\":2}");
    VALUE("\x80\x02"
          "c__builtin__\nset\n](K\x01K\x02"
          "e\x85R.",
          "[1,2]");
    VALUE("\x80\x02"
          "ctorch\nSize\n(K\x03K\x04t\x85R.",
          "[3,4]");
    VALUE("\x80\x02"
          "cdnnlib.util\nEasyDict\n)\x81(X\x01\0\0\0aK\x01u.",
          "{\"a\":1}");
    VALUE("\x80\x02"
          "cdill._dill\n_load_type\nX\x03\0\0\0set\x85R](K\x01"
          "e\x85R.",
          "[1]");
}

static void inert_objects_remember_where_they_came_from(void **state) {
    reading r = READ("\x80\x02"
                     "cpl.callbacks\nModel.Checkpoint\n)\x81}X\x01\0\0\0kK\x05sb.");
    assert_ok(*state, r.status);
    int64_t k = 0;
    assert_true(atl_object_is(r.root, "Model.Checkpoint"));
    assert_string_equal(r.root->u.instance->cls->module, "pl.callbacks");
    assert_true(atl_object_int(atl_object_get(r.root, "k"), &k));
    assert_int_equal(k, 5);
    atl_arena_clear(&r.arena);
}

// Files of StyleGAN-XL name the functions that their discriminators are made with.
static void functions_of_layers_are_inert(void **state) {
    static const char *const names[] = { "timm.models\ncreate_model", "pg_modules.blocks\nconv2d",
                                         "torch.nn.functional\nrelu", "some.module\nClass.method",
                                         "dill._dill\n_create_function" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char pickle[200];
        size_t head = (size_t)snprintf(pickle, sizeof pickle,
                                       "\x80\x02"
                                       "c%s\n",
                                       names[i]);
        memcpy(pickle + head, "K\x05\x85R.", 5);
        reading r = read_bytes(*state, pickle, head + 5);
        assert_ok(*state, r.status);
        assert_true(atl_object_is(r.root, strchr(names[i], '\n') + 1));
        assert_int_equal(r.root->u.instance->args->size, 1);
        atl_arena_clear(&r.arena);
    }
    reading r = READ("\x80\x02"
                     "cdill._dill\n_load_type\nX\x08\0\0\0CodeType\x85R.");
    assert_ok(*state, r.status);
    assert_int_equal(r.root->type, ATL_OBJECT_CLASS);
    atl_arena_clear(&r.arena);
}

static void numpy_values_read(void **state) {
#define F8                                                                                                   \
    "cnumpy\ndtype\nX\x02\0\0\0f8K\0K\x01\x87R(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
#define F8_BIG                                                                                               \
    "cnumpy\ndtype\nX\x02\0\0\0f8K\0K\x01\x87R(K\x03X\x01\0\0\0>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    VALUE("\x80\x03"
          "cnumpy.core.multiarray\nscalar\n" F8 "C\x08\0\0\0\0\0\0\xf8\x3f\x86R.",
          "1.5");
    VALUE("\x80\x03"
          "cnumpy._core.multiarray\nscalar\n" F8_BIG "C\x08\x3f\xf8\0\0\0\0\0\0\x86R.",
          "1.5");
    // bytes as latin-1 text: U+00F8 stands for byte f8
    VALUE("\x80\x02"
          "cnumpy.core.multiarray\nscalar\n" F8
          "c_codecs\nencode\nX\x09\0\0\0\0\0\0\0\0\0\xc3\xb8\x3fX\x06\0\0\0latin1\x86R\x86R.",
          "1.5");
    reading r = READ("\x80\x03"
                     "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
                     "C\x01"
                     "b\x87R(K\x01K\x02\x85" F8 "\x89"
                     "C\x10\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\x40tb.");
    assert_ok(*state, r.status);
    assert_int_equal(r.root->type, ATL_OBJECT_TENSOR);
    assert_int_equal(r.root->u.tensor->dims[0], 2);
    atl_arena_clear(&r.arena);
    // three elements announced, two present
    REFUSED("\x80\x03"
            "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
            "C\x01"
            "b\x87R(K\x01K\x03\x85" F8 "\x89"
            "C\x10\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\x40tb.",
            "as many bytes as its shape");
}

// What trainers keep beside networks stays a name with its arguments; each has a twin above or below that
// would act.
static void harmless_values_are_inert(void **state) {
#define INERT(bytes) inert(*state, bytes, sizeof bytes - 1)
    INERT("\x80\x02(ctypes\nSimpleNamespace\n)R}X\x01\0\0\0"
          "aK\x01sbt.");
    INERT("\x80\x02(cfunctools\npartial\ncbuiltins\ndict\n\x85R(cbuiltins\ndict\n)}Ntbt.");
    INERT("\x80\x02(cbuiltins\ngetattr\ncconfig\nMode\nX\x01\0\0\0A\x86Rt.");
    INERT("\x80\x02(cbuiltins\ngetattr\nctorch._C\n_VariableFunctionsClass\nX\x05\0\0\0randn\x86Rt.");
    INERT("\x80\x02(cnumpy\nmean\ncbuiltins\nlen\nctorch._C._nn\nsoftplus\nt.");
    INERT("\x80\x02(cnumpy.random._pickle\n__randomstate_ctor\nX\x07\0\0\0MT19937"
          "cnumpy.random._pickle\n__bit_generator_ctor\n\x86R}bt.");
    INERT("\x80\x02(crandom\nRandom\n)RK\x03)N\x87"
          "bt.");
    // of a module, of something that is no class, by a name that starts within Python's own
    REFUSED("\x80\x02"
            "cbuiltins\ngetattr\ncsome.module\nfunction\nX\x01\0\0\0A\x86R.",
            "builtins.getattr");
    REFUSED("\x80\x02"
            "cbuiltins\ngetattr\nctypes\nSimpleNamespace\nX\x01\0\0\0A\x86R.",
            "builtins.getattr");
    REFUSED("\x80\x02"
            "cbuiltins\ngetattr\ncconfig\nMode\nX\x09\0\0\0__class__\x86R.",
            "builtins.getattr");
    // what getattr stands for can't be called
    REFUSED("\x80\x02"
            "cbuiltins\ngetattr\ncconfig\nMode\nX\x01\0\0\0A\x86R)R.",
            "calls something");
}

// Objects that share one large dict would search it once each.
static void descriptions_of_modules_are_small(void **state) {
    char pickle[2000] = "\x80\x02"
                        "ctorch_utils.persistence\n_reconstruct_persistent_obj\n}(";
    size_t size = strlen(pickle);
    for (int i = 0; i < 100; i++)
        size += (size_t)snprintf(pickle + size, sizeof pickle - size, "I%d\nN", i);
    size += (size_t)snprintf(pickle + size, sizeof pickle - size, "S'class_name'\nS'G'\nS'state'\n}u\x85R.");
    check_refused(*state, pickle, size, ATL_BAD_FILE, "wrong arguments");
}

static void what_reaches_outside_is_refused_by_name(void **state) {
    static const char *const names[] = {
        "os\nsystem",
        "posix\nsystem",
        "nt\nsystem",
        "subprocess\nPopen",
        "subprocess\ncheck_output",
        "builtins\neval",
        "builtins\ngetattr",
        "builtins\n__import__",
        "builtins\nopen",
        "sys\nexit",
        "shutil\nrmtree",
        "socket\nsocket",
        "importlib\nimport_module",
        "runpy\nrun_path",
        "ctypes\nCDLL",
        "pickle\nloads",
        "operator\nattrgetter",
        "functools\npartial",
        "functools\nreduce",
        "types\nCodeType",
        "types\nModuleType",
        "builtins\ntype",
        "builtins\nmap",
        "numpy.random._pickle\nloads",
        "numpy\nloadtxt",
        "torch\nsave",
        "torch_utils.persistence\nexec",
        "os.torch_utils.persistence\n_reconstruct_persistent_obj",
        "types\nFunctionType",
        "numpy\nsave",
        "torch\nload",
        "torch.hub\nload",
        "torch._utils\n_rebuild_sparse_tensor",
        "os.path\nPurePath",
        "dnnlib.util\nopen_url",
        "code\nInteractiveInterpreter",
        "numpy.random\nseed",
        "torch.nnx\nload",
        "io\nopen",
        "pydoc\nlocate",
        "some.module\n",
        "\nClass",
        "some module\nClass",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char pickle[200], wanted[200];
        size_t head = (size_t)snprintf(pickle, sizeof pickle,
                                       "\x80\x02"
                                       "c%s\n",
                                       names[i]);
        memcpy(pickle + head, "(X\x02\0\0\0idtR.", 11);
        snprintf(wanted, sizeof wanted, "asks for %s,", names[i]);
        *strchr(wanted, '\n') = '.';
        check_refused(*state, pickle, head + 11, ATL_BAD_FILE, wanted);
    }
    REFUSED("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", "os.system"); // by STACK_GLOBAL
    REFUSED("c__builtin__\nexec\n.", "builtins.exec");
    REFUSED("(S'id'\nios\nsystem\n.", "os.system");          // by INST
    REFUSED("\x80\x02(cos\nsystem\nS'id'\no.", "os.system"); // by OBJ
    REFUSED("\x80\x02"
            "cdill._dill\n_load_type\nX\x04\0\0\0eval\x85R.",
            "builtins.eval");
}

static void damaged_streams_are_refused(void **state) {
    REFUSED("", "ends early");
    REFUSED("\x80\x02", "ends early");
    REFUSED("\x80\x02X\xff\xff\xff\xffq.", "ends early");
    REFUSED("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffq.", "ends early");
    REFUSED("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", "announces");
    REFUSED("0.", "more from its stack");
    REFUSED(".", "more from its stack");
    REFUSED("N(.", "more from its stack"); // the mark hides what is below it
    REFUSED("N(R.", "more from its stack");
    REFUSED("e.", "misses a mark");
    REFUSED("h\x05.", "did not number");
    REFUSED("Nr\xff\xff\xff\x7f.", "numbers an object 2147483647");
    REFUSED("\x80\x02"
            "K\x01K\x02"
            "a.",
            "no list");
    REFUSED("\x80\x02](K\x01u.", "without a value");
    REFUSED("\x80\x02K\x01K\x02R.", "no class");
    REFUSED("\x80\x02K\x01)\x81.", "no class");
    REFUSED("\x80\x02K\x01}b.", "none");
    REFUSED("\x80\x02\x82\x01.", "opcode 0x82"); // extension registry
    REFUSED("\x80\x05\x97.", "opcode 0x97");     // out-of-band buffers
    REFUSED("\x80\x02K\x01Q.", "outside of it");
    REFUSED("Snoquotes\n.", "without quotes");
    REFUSED("Ixyz\n.", "number");
    check_refused(*state, "\x80\x06N.", 4, ATL_UNSUPPORTED, "protocol 6");
}

// A million nested lists: parsing needs no C stack, and turning them into JSON stops at its own depth.
static void endless_nesting_is_only_long(void **state) {
    size_t depth = 1000000;
    char *data = malloc(2 * depth + 1);
    memset(data, ']', depth);
    memset(data + depth, 'a', depth - 1);
    data[2 * depth - 1] = '.';
    reading r = read_bytes(*state, data, 2 * depth);
    assert_ok(*state, r.status);
    assert_null(atl_object_json(r.root, 10, NULL));
    atl_arena_clear(&r.arena);
    memset(data, '(', 2 * depth); // and marks
    r = read_bytes(*state, data, 2 * depth);
    assert_fails(*state, r.status, ATL_BAD_FILE, "ends early");
    atl_arena_clear(&r.arena);
    free(data);
}

static void a_list_may_hold_itself(void **state) {
    reading r = READ("\x80\x02]q\0h\0a.");
    assert_ok(*state, r.status);
    assert_ptr_equal(r.root->u.items[0], r.root);
    assert_null(atl_object_json(r.root, 1000, NULL));
    atl_arena_clear(&r.arena);
}

// Doubling through the memo would be 2^60 values when written out.
static void sharing_does_not_explode(void **state) {
    char data[600] = "\x80\x02]q";
    size_t n = 4;
    data[n++] = 0;
    for (int i = 0; i < 60; i++) {
        data[n++] = 'h', data[n++] = (char)i;
        data[n++] = 'h', data[n++] = (char)i;
        data[n++] = (char)0x86;
        if (i < 59)
            data[n++] = 'q', data[n++] = (char)(i + 1);
    }
    data[n++] = '.';
    reading r = read_bytes(*state, data, n);
    assert_ok(*state, r.status);
    assert_null(atl_object_json(r.root, 1000, NULL));
    atl_arena_clear(&r.arena);
}

static void the_memory_limit_holds(void **state) {
    size_t size = 4 << 20;
    char *data = malloc(size);
    memset(data, ']', size); // each byte makes an object
    atl_object *root;
    atl_arena arena;
    atl_arena_init(&arena, *state, 1 << 20);
    atl_pickle_reader reader = { &arena, "test", NULL, NULL, NULL };
    assert_fails(*state, atl_pickle_read(&reader, (const uint8_t *)data, size, NULL, &root), ATL_NO_MEMORY,
                 "limit");
    atl_arena_clear(&arena);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(text_protocol_reads),
        TEST(binary_protocols_read),
        TEST(memo_and_frames_read),
        TEST(known_names_become_values),
        TEST(inert_objects_remember_where_they_came_from),
        TEST(functions_of_layers_are_inert),
        TEST(numpy_values_read),
        TEST(harmless_values_are_inert),
        TEST(descriptions_of_modules_are_small),
        TEST(what_reaches_outside_is_refused_by_name),
        TEST(damaged_streams_are_refused),
        TEST(endless_nesting_is_only_long),
        TEST(a_list_may_hold_itself),
        TEST(sharing_does_not_explode),
        TEST(the_memory_limit_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
