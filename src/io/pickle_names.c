// SPDX-License-Identifier: Apache-2.0
// Which names a pickle may use, and what they mean as data.  Three cases: a name of the table below; a
// class or function of a module that is nobody's tool for harm, which becomes inert; anything else is refused.
// The modules of the list `refused` are refused whole, apart from what the table takes out of them; of those
// in `classes_only` only classes (capital letter) become inert.
//
// Inert means that the name is remembered and that calling it gives an object that remembers its arguments.
// Nothing is executed in any case; refusing what asks to leave the process tells the user about the file.
#include "io/pickle_build.h"

#include <string.h>

typedef struct known {
    const char *module, *name;
    int action;
} known;

// clang-format off
static const known table[] = {
    { "collections", "OrderedDict", ACT_DICT },           { "collections", "defaultdict", ACT_DICT },
    { "collections", "Counter", ACT_DICT },               { "collections", "deque", ACT_LIST },
    { "builtins", "dict", ACT_DICT },                     { "builtins", "list", ACT_LIST },
    { "builtins", "tuple", ACT_TUPLE },                   { "builtins", "set", ACT_SET },
    { "builtins", "frozenset", ACT_SET },                 { "builtins", "bytearray", ACT_BYTES },
    { "builtins", "bytes", ACT_BYTES },                   { "builtins", "object", ACT_INERT },
    { "builtins", "slice", ACT_INERT },                   { "builtins", "complex", ACT_INERT },
    { "builtins", "range", ACT_INERT },                   { "builtins", "int", ACT_INERT },
    { "builtins", "float", ACT_INERT },                   { "builtins", "bool", ACT_INERT },
    { "builtins", "str", ACT_INERT },                     { "builtins", "NoneType", ACT_INERT },
    { "_codecs", "encode", ACT_ENCODE },
    { "copyreg", "_reconstructor", ACT_RECONSTRUCT },     { "copyreg", "__newobj__", ACT_NEW },
    { "dill._dill", "_load_type", ACT_LOAD_TYPE },        { "dill.dill", "_load_type", ACT_LOAD_TYPE },
    { "datetime", "datetime", ACT_INERT },                { "datetime", "date", ACT_INERT },
    { "datetime", "timedelta", ACT_INERT },
    { "numpy", "dtype", ACT_NP_DTYPE },                   { "numpy", "ndarray", ACT_NP_ARRAY },
    { "numpy.core.multiarray", "scalar", ACT_NP_SCALAR },
    { "numpy._core.multiarray", "scalar", ACT_NP_SCALAR },
    { "numpy.core.multiarray", "_reconstruct", ACT_NP_RECONSTRUCT },
    { "numpy._core.multiarray", "_reconstruct", ACT_NP_RECONSTRUCT },
    { "numpy.core.numeric", "_frombuffer", ACT_NP_BUFFER },
    { "numpy._core.numeric", "_frombuffer", ACT_NP_BUFFER },
    { "numpy", "float16", ACT_INERT }, { "numpy", "float32", ACT_INERT }, { "numpy", "float64", ACT_INERT },
    { "numpy", "int8", ACT_INERT },    { "numpy", "int16", ACT_INERT },   { "numpy", "int32", ACT_INERT },
    { "numpy", "int64", ACT_INERT },   { "numpy", "uint8", ACT_INERT },   { "numpy", "uint16", ACT_INERT },
    { "numpy", "uint32", ACT_INERT },  { "numpy", "uint64", ACT_INERT },  { "numpy", "bool_", ACT_INERT },
    { "torch._utils", "_rebuild_tensor", ACT_TENSOR },
    { "torch._utils", "_rebuild_tensor_v2", ACT_TENSOR },
    { "torch._utils", "_rebuild_tensor_v3", ACT_TENSOR_V3 },
    { "torch._utils", "_rebuild_parameter", ACT_PARAMETER },
    { "torch._utils", "_rebuild_parameter_with_state", ACT_PARAMETER },
    { "torch._tensor", "_rebuild_from_type_v2", ACT_FROM_TYPE },
    { "torch.storage", "_load_from_bytes", ACT_LOAD_BYTES },
    { "torch", "Size", ACT_TUPLE },                       { "torch", "device", ACT_INERT },
    { "torch", "strided", ACT_INERT },                    { "torch", "contiguous_format", ACT_INERT },
    { "torch", "channels_last", ACT_INERT },              { "torch", "preserve_format", ACT_INERT },
    { "torch._utils", "_rebuild_device_tensor_from_numpy", ACT_FROM_ARRAY },
    { "torch._utils", "_rebuild_device_tensor_from_cpu_tensor", ACT_FROM_ARRAY },
    // values beside the networks that trainers keep: names, states of generators, options
    { "builtins", "getattr", ACT_ATTRIBUTE },             { "types", "SimpleNamespace", ACT_INERT },
    { "functools", "partial", ACT_PARTIAL },              { "types", "MappingProxyType", ACT_DICT },
    { "builtins", "len", ACT_INERT },                     { "builtins", "abs", ACT_INERT },
    { "builtins", "min", ACT_INERT },                     { "builtins", "max", ACT_INERT },
    { "builtins", "sum", ACT_INERT },                     { "builtins", "round", ACT_INERT },
    { "builtins", "sorted", ACT_INERT },
    { "builtins", "Ellipsis", ACT_INERT },                { "builtins", "NotImplemented", ACT_INERT },
    { "types", "NoneType", ACT_INERT },
    { "numpy.random._pickle", "__randomstate_ctor", ACT_INERT },
    { "numpy.random._pickle", "__generator_ctor", ACT_INERT },
    { "numpy.random._pickle", "__bit_generator_ctor", ACT_INERT },
    { "copyreg", "__newobj_ex__", ACT_NEW },              { "copy_reg", "__newobj_ex__", ACT_NEW },
    { "datetime", "time", ACT_INERT },                    { "datetime", "timezone", ACT_INERT },
    { "torch._utils", "_rebuild_parameter_v2", ACT_PARAMETER },
    // typed lists and dicts of TorchScript
    { "torch.jit._pickle", "build_intlist", ACT_INERT },  { "torch.jit._pickle", "build_boollist", ACT_INERT },
    { "torch.jit._pickle", "build_doublelist", ACT_INERT },
    { "torch.jit._pickle", "build_tensorlist", ACT_INERT },
    { "torch.jit._pickle", "restore_type_tag", ACT_INERT },
};

// Functions that compute and do no more: layers and options keep them as values.
static const char *const mathematics[] = {
    "mean", "sum", "std", "var", "min", "max", "abs", "exp", "log", "sqrt", "square", "sin", "cos", "tanh", "median",
    "clip", "clamp", "round", "floor", "ceil", "maximum", "minimum", "dot", "matmul", "relu", "sigmoid", "softmax",
    "randn", "rand", "zeros", "ones", "linspace", "arange", "stack", "concatenate", "cat", "prod", "argmax", "argmin",
    "leaky_relu", "elu", "selu", "gelu", "softplus", "identity",
};

static const known torch_types[] = { // element types as classes of storages and as dtypes
    { "FloatStorage", "float32", ATL_F32 },  { "HalfStorage", "float16", ATL_F16 },
    { "BFloat16Storage", "bfloat16", ATL_BF16 }, { "DoubleStorage", "float64", ATL_F64 },
    { "CharStorage", "int8", ATL_I8 },       { "ByteStorage", "uint8", ATL_U8 },
    { "ShortStorage", "int16", ATL_I16 },    { "", "uint16", ATL_U16 },
    { "IntStorage", "int32", ATL_I32 },      { "", "uint32", ATL_U32 },
    { "LongStorage", "int64", ATL_I64 },     { "", "uint64", ATL_U64 },
    { "BoolStorage", "bool", ATL_BOOL },     { "UntypedStorage", "", ATL_U8 },
    { "_UntypedStorage", "", ATL_U8 },
    { "", "complex64", -1 }, { "", "complex128", -1 }, { "", "complex32", -1 },
    { "", "qint8", -1 }, { "", "quint8", -1 }, { "", "qint32", -1 },
    { "", "float8_e4m3fn", -1 }, { "", "float8_e5m2", -1 },
};

// Modules whose classes and functions reach outside the process or run code.
static const char *const refused[] = {
    "os", "posix", "nt", "ntpath", "posixpath", "subprocess", "_posixsubprocess", "sys", "shutil",
    "socket", "_socket", "importlib", "_frozen_importlib", "imp", "runpy", "ctypes", "_ctypes",
    "builtins", "__builtin__", "pty", "commands", "popen2", "code", "codeop", "pickle", "_pickle",
    "cPickle", "marshal", "operator", "_operator", "functools", "_functools", "types", "inspect", "pdb",
    "bdb", "timeit", "cProfile", "profile", "trace", "multiprocessing", "threading", "_thread", "asyncio",
    "signal", "tempfile", "webbrowser", "urllib", "urllib2", "http", "httplib", "ftplib", "smtplib",
    "telnetlib", "xmlrpc", "ssl", "platform", "zipimport", "pkgutil", "pip", "setuptools", "distutils",
    "site", "gc", "atexit", "mmap", "fcntl", "resource", "sqlite3", "shelve", "dbm", "logging", "doctest",
    "unittest", "idlelib", "concurrent", "cffi", "py_compile", "compileall", "pydoc", "requests", "paramiko",
    "pexpect", "cloudpickle", "joblib", "numexpr", "ensurepip", "venv", "antigravity", "linecache", "getpass",
};

// Modules whose data are known, so that another function of theirs is no part of a checkpoint.
static const char *const classes_only[] = {
    "torch", "torch_utils", "numpy", "dnnlib", "collections", "copyreg", "_codecs", "codecs", "datetime", "io",
    "_io", "pathlib", "glob", "zipfile", "tarfile", "fileinput", "ast", "_ast", "dis", "random", "time",
};

// Functions within those that layers keep as attributes.
static const char *const of_layers[] = { "torch.nn", "torch._C._nn" };
// clang-format on

static bool same(const char *text, size_t size, const char *known_text) {
    return strlen(known_text) == size && memcmp(text, known_text, size) == 0;
}

// Whether the outermost package of a module is in a list.
static bool is_in(const char *const *list, size_t count, const char *module, size_t size) {
    const char *dot = memchr(module, '.', size);
    size_t first = dot ? (size_t)(dot - module) : size;
    for (size_t i = 0; i < count; i++)
        if (same(module, first, list[i]))
            return true;
    return false;
}

static bool is_of_layers(const char *module, size_t size) {
    for (size_t i = 0; i < sizeof of_layers / sizeof *of_layers; i++) {
        size_t length = strlen(of_layers[i]);
        if (size >= length && same(module, length, of_layers[i]) && (size == length || module[length] == '.'))
            return true;
    }
    return false;
}

// Letters, digits, _ and dots; each part of a class name starts with a capital.
static bool is_plain(const char *text, size_t size, bool classes) {
    bool start = true;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool upper = c >= 'A' && c <= 'Z',
             word = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (c == '.' ? start : !word || (classes && start && !upper && c != '_'))
            return false;
        start = c == '.' || (classes && start && c == '_');
    }
    return size && !start;
}

// A function of numpy or torch itself that computes.
static bool is_mathematics(const char *module, size_t module_size, const char *name, size_t name_size) {
    if (!same(module, module_size, "numpy") && !same(module, module_size, "torch"))
        return false;
    for (size_t i = 0; i < sizeof mathematics / sizeof *mathematics; i++)
        if (same(name, name_size, mathematics[i]))
            return true;
    return false;
}

// The function that makes the official networks, in torch_utils or in a copy of it inside another package.
static bool is_persistence(const char *module, size_t size, const char *name, size_t name_size) {
    static const char end[] = "torch_utils.persistence";
    size_t length = sizeof end - 1;
    return same(name, name_size, "_reconstruct_persistent_obj") && size >= length &&
           !memcmp(module + size - length, end, length) &&
           (size == length || module[size - length - 1] == '.');
}

static int action_of(const char *module, size_t module_size, const char *name, size_t name_size) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (same(module, module_size, table[i].module) && same(name, name_size, table[i].name))
            return table[i].action;
    bool never = is_in(refused, sizeof refused / sizeof *refused, module, module_size);
    if (!never && is_plain(module, module_size, false) &&
        is_persistence(module, module_size, name, name_size))
        return ACT_PERSISTENT;
    if (is_mathematics(module, module_size, name, name_size))
        return ACT_INERT;
    if (never || !is_plain(module, module_size, false) || !is_plain(name, name_size, false))
        return ACT_REFUSED;
    bool function = !is_plain(name, name_size, true);
    if (function && is_in(classes_only, sizeof classes_only / sizeof *classes_only, module, module_size) &&
        !is_of_layers(module, module_size))
        return ACT_REFUSED;
    return ACT_INERT;
}

bool atl_pickle_is_class(const atl_class *cls) {
    return is_plain(cls->name, strlen(cls->name), true) &&
           !is_in(refused, sizeof refused / sizeof *refused, cls->module, strlen(cls->module));
}

// The element type that a class of torch stands for: -1 for a type that we can't read, -2 for none.
static int torch_type(const char *module, size_t module_size, const char *name, size_t name_size) {
    bool torch = same(module, module_size, "torch"), cuda = same(module, module_size, "torch.cuda");
    if (!torch && !cuda && !same(module, module_size, "torch.storage"))
        return -2;
    for (size_t i = 0; i < sizeof torch_types / sizeof *torch_types; i++)
        if (same(name, name_size, torch_types[i].module) ||
            (torch && same(name, name_size, torch_types[i].name)))
            return torch_types[i].action;
    return -2;
}

atl_status atl_build_global(atl_machine *m, const char *module, size_t module_size, const char *name,
                            size_t name_size, atl_object **out) {
    if (same(module, module_size, "__builtin__")) // the names that Python 2 wrote
        module = "builtins", module_size = 8;
    else if (same(module, module_size, "copy_reg"))
        module = "copyreg", module_size = 7;
    int action = action_of(module, module_size, name, name_size);
    int dtype = torch_type(module, module_size, name, name_size);
    if (action == ACT_REFUSED && dtype == -2)
        return MACHINE_FAIL(
            m,
            "asks for %.*s.%.*s, which is not data that a checkpoint may hold; nothing was executed, "
            "and the file can't be trusted",
            (int)module_size, module, (int)name_size, name);
    *out = atl_machine_new(m, ATL_OBJECT_CLASS);
    atl_class *c = atl_arena_alloc(m->arena, 1, sizeof *c);
    if (!*out || !c)
        return ATL_NO_MEMORY;
    c->module = atl_arena_string(m->arena, module, module_size);
    c->name = atl_arena_string(m->arena, name, name_size);
    c->action = action == ACT_REFUSED ? ACT_INERT : action;
    c->dtype = dtype < 0 ? -1 : dtype;
    (*out)->u.cls = c;
    return c->module && c->name ? ATL_OK : ATL_NO_MEMORY;
}
