// SPDX-License-Identifier: Apache-2.0
// The generator inside an encoder's checkpoint at its real size, 256x256, with weights that are functions of their
// names, and what is recorded of its pictures.  The file, 120 MB, is written here: the older stream of torch.save,
// with all values in one storage:
//
//     { "state_dict": { "encoder.linear.bias": ..., "decoder.style.1.weight": ..., ... }, "latent_avg": ... }
#ifndef ATL_TESTS_DECODER_H
#define ATL_TESTS_DECODER_H

#include "golden.h"
#include "recipe.h"

#include <stdbool.h>
#include <unistd.h>

enum { STYLE = 512, STYLES = 14, SIZE = 256, LAYERS = 13, TENSORS_MOST = 200 };

typedef struct tensor {
    char name[64];
    int rank, dims[5];
} tensor;

typedef struct listing {
    int size;
    tensor tensors[TENSORS_MOST];
} listing;

// ---- the tensors

static void add(listing *l, const char *name, int rank, int a, int b, int c, int d, int e) {
    assert_true(l->size < TENSORS_MOST);
    tensor *t = &l->tensors[l->size++];
    *t = (tensor){ .rank = rank, .dims = { a, b, c, d, e } };
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void add_layer(listing *l, const char *prefix, int out, int in, int taps) {
    char name[64];
    snprintf(name, sizeof name, "%s.conv.weight", prefix);
    add(l, name, 5, 1, out, in, taps, taps);
    snprintf(name, sizeof name, "%s.conv.modulation.weight", prefix);
    add(l, name, 2, in, STYLE, 0, 0, 0);
    snprintf(name, sizeof name, "%s.conv.modulation.bias", prefix);
    add(l, name, 1, in, 0, 0, 0, 0);
    if (taps == 1) {
        snprintf(name, sizeof name, "%s.bias", prefix);
        add(l, name, 4, 1, 3, 1, 1, 0);
        return;
    }
    snprintf(name, sizeof name, "%s.noise.weight", prefix);
    add(l, name, 1, 1, 0, 0, 0, 0);
    snprintf(name, sizeof name, "%s.activate.bias", prefix);
    add(l, name, 1, out, 0, 0, 0, 0);
}

static int channels(int resolution) {
    return resolution < 128 ? 512 : 32768 / resolution;
}

static void list_tensors(listing *l) {
    char name[64];
    add(l, "encoder.linear.bias", 1, 5, 0, 0, 0, 0); // not ours
    for (int i = 1; i <= 8; i++) {
        snprintf(name, sizeof name, "decoder.style.%d.weight", i);
        add(l, name, 2, STYLE, STYLE, 0, 0, 0);
        snprintf(name, sizeof name, "decoder.style.%d.bias", i);
        add(l, name, 1, STYLE, 0, 0, 0, 0);
    }
    add(l, "decoder.input.input", 4, 1, 512, 4, 4, 0);
    add_layer(l, "decoder.conv1", 512, 512, 3);
    add_layer(l, "decoder.to_rgb1", 3, 512, 1);
    for (int i = 0, r = 8; r <= SIZE; i++, r *= 2) {
        snprintf(name, sizeof name, "decoder.convs.%d", 2 * i);
        add_layer(l, name, channels(r), channels(r / 2), 3);
        snprintf(name, sizeof name, "decoder.convs.%d.conv.blur.kernel", 2 * i);
        add(l, name, 2, 4, 4, 0, 0, 0);
        snprintf(name, sizeof name, "decoder.convs.%d", 2 * i + 1);
        add_layer(l, name, channels(r), channels(r), 3);
        snprintf(name, sizeof name, "decoder.to_rgbs.%d", i);
        add_layer(l, name, 3, channels(r), 1);
    }
    for (int i = 0; i < LAYERS; i++) {
        snprintf(name, sizeof name, "decoder.noises.noise_%d", i);
        add(l, name, 4, 1, 1, 4 << (i + 1) / 2, 4 << (i + 1) / 2, 0);
    }
    add(l, "latent_avg", 2, STYLES, STYLE, 0, 0, 0);
}

static size_t count_of(const tensor *t) {
    size_t count = 1;
    for (int i = 0; i < t->rank; i++)
        count *= (size_t)t->dims[i];
    return count;
}

// ---- their values

static void fill(const tensor *t, float *values) {
    static const int taps[4] = { 1, 3, 3, 1 };
    size_t count = count_of(t);
    uint64_t seed = recipe_seed(t->name);
    double middle = 0.0, reach = 0.1;
    if (recipe_ends(t->name, "modulation.bias") || recipe_ends(t->name, "noise.weight"))
        middle = 1.0;
    else if (t->rank > 1 && !recipe_ends(t->name, "bias"))
        reach = sqrt(3.0);
    for (size_t i = 0; i < count; i++)
        values[i] = recipe_ends(t->name, "kernel") ? (float)(taps[i / 4] * taps[i % 4]) / 16.0f
                                                 : (float)(middle + reach * (double)recipe_uniform(seed, i));
}

// ---- the file

static void put(FILE *f, const void *bytes, size_t size) {
    assert_int_equal(fwrite(bytes, 1, size, f), size);
}

static void put_code(FILE *f, const char *opcodes) {
    put(f, opcodes, strlen(opcodes));
}

static void put_number(FILE *f, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        assert_int_not_equal(fputc((int)(value >> 8 * i & 255), f), EOF);
}

static void put_int(FILE *f, size_t value) {
    put_code(f, "J"); // BININT
    put_number(f, value, 4);
}

static void put_text(FILE *f, const char *text) {
    put_code(f, "X"); // BINUNICODE
    put_number(f, strlen(text), 4);
    put_code(f, text);
}

// Name and value of an item: _rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())
static void put_tensor(FILE *f, const char *name, const tensor *t, size_t offset, size_t total) {
    put_text(f, name);
    put_code(f, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(f, "storage");
    put_code(f, "ctorch\nFloatStorage\n");
    put_text(f, "0");
    put_text(f, "cpu");
    put_int(f, total);
    put_code(f, "NtQ");
    put_int(f, offset);
    put_code(f, "(");
    for (int i = 0; i < t->rank; i++)
        put_int(f, (size_t)t->dims[i]);
    put_code(f, "t(");
    size_t stride = count_of(t);
    for (int i = 0; i < t->rank; i++)
        put_int(f, stride /= (size_t)t->dims[i]);
    put_code(f, "t\x89" "ccollections\nOrderedDict\n)RtR");
}

static void put_head(FILE *f) {
    put_code(f, "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."); // the magic number
    put_code(f, "\x80\x02M\xe9\x03.");                                     // the protocol, 1001
    put_code(f, "\x80\x02}(");
    put_text(f, "protocol_version");
    put_code(f, "M\xe9\x03");
    put_text(f, "little_endian");
    put_code(f, "\x88");
    put_text(f, "type_sizes");
    put_code(f, "}u.");
}

static void write_checkpoint(FILE *f, const listing *l) {
    size_t total = 0, offset = 0, most = 0;
    for (int i = 0; i < l->size; i++) {
        size_t count = count_of(&l->tensors[i]);
        total += count;
        most = count > most ? count : most;
    }
    put_head(f);
    put_code(f, "\x80\x02}(");
    put_text(f, "state_dict");
    put_code(f, "}(");
    for (int i = 0; i < l->size; offset += count_of(&l->tensors[i++])) {
        if (i == l->size - 1)
            put_code(f, "u"); // the last is a neighbour of state_dict
        put_tensor(f, l->tensors[i].name, &l->tensors[i], offset, total);
    }
    put_code(f, "u.\x80\x02](");
    put_text(f, "0");
    put_code(f, "e.");
    put_number(f, total, 8);
    float *values = malloc(most * sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < l->size; i++) {
        fill(&l->tensors[i], values);
        put(f, values, count_of(&l->tensors[i]) * sizeof *values);
    }
    free(values);
}

static char checkpoint[1024];

static int make_checkpoint(void **state) {
    (void)state;
    static listing l;
    const char *base = getenv("TMPDIR");
    snprintf(checkpoint, sizeof checkpoint, "%s/atl-decoder-XXXXXX", base && *base ? base : "/tmp");
    int descriptor = mkstemp(checkpoint);
    FILE *f = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    assert_non_null(f);
    list_tensors(&l);
    write_checkpoint(f, &l);
    return fclose(f);
}

static int drop_checkpoint(void **state) {
    (void)state;
    return unlink(checkpoint);
}

// ---- the picture

// Averages of side x side pixels from row and column `first` on: [3, size, size]
static void reduce(const float *img, int first, int side, int size, float *out) {
    for (int i = 0; i < 3 * size * size; i++) {
        int c = i / (size * size), y = first + i / size % size * side, x = first + i % size * side;
        double sum = 0.0;
        for (int k = 0; k < side * side; k++)
            sum += (double)img[(c * SIZE + y + k / side) * SIZE + x + k % side];
        out[i] = (float)(sum / (side * side));
    }
}

static void check_part(golden *truth, const char *name, const float *img, int first, int side, int size) {
    size_t count = 0;
    float *want = golden_read(truth, name, &count), *got = malloc(sizeof *got * 3 * (size_t)(size * size));
    assert_true(want && got);
    assert_int_equal(count, 3 * size * size);
    reduce(img, first, side, size, got);
    golden_check(truth->name, name, got, want, count, F32_IMAGE_WINOGRAD);
    free(want);
    free(got);
}

#endif
