// SPDX-License-Identifier: Apache-2.0
// Inception of December 2015 in the two namings that there are: that of the usual PyTorch port, which is
// ours, and that of the original graph, which the official TorchScript and TensorFlow files have.  The
// original has no factor in its batch norms.
//
//     Mixed_5b.branch5x5_2.conv.weight      mixed/tower/conv_1/weight
//     Mixed_5b.branch5x5_2.bn.running_var   mixed/tower/conv_1/var
#include "ckpt/detector.h"

#include <stdio.h>
#include <string.h>

enum { UNITS_MOST = 16, PARAMETERS = 94 * 5 + 2, WIDTH = 2048, CLASSES = 1008, NAME_MOST = 200 };

// A convolution of a block: the names behind the block's, output channels (0: the block's own), kernel.
typedef struct unit {
    const char *ours, *theirs;
    int out, kh, kw;
} unit;

// clang-format off
static const unit BLOCK_A[UNITS_MOST] = {
    { "branch1x1", "conv", 64, 1, 1 },
    { "branch5x5_1", "tower_conv", 48, 1, 1 }, { "branch5x5_2", "tower_conv_1", 64, 5, 5 },
    { "branch3x3dbl_1", "tower_1_conv", 64, 1, 1 }, { "branch3x3dbl_2", "tower_1_conv_1", 96, 3, 3 },
    { "branch3x3dbl_3", "tower_1_conv_2", 96, 3, 3 },
    { "branch_pool", "tower_2_conv", 0, 1, 1 } };
static const unit BLOCK_B[UNITS_MOST] = {
    { "branch3x3", "conv", 384, 3, 3 },
    { "branch3x3dbl_1", "tower_conv", 64, 1, 1 }, { "branch3x3dbl_2", "tower_conv_1", 96, 3, 3 },
    { "branch3x3dbl_3", "tower_conv_2", 96, 3, 3 } };
static const unit BLOCK_C[UNITS_MOST] = {
    { "branch1x1", "conv", 192, 1, 1 },
    { "branch7x7_1", "tower_conv", 0, 1, 1 }, { "branch7x7_2", "tower_conv_1", 0, 1, 7 },
    { "branch7x7_3", "tower_conv_2", 192, 7, 1 },
    { "branch7x7dbl_1", "tower_1_conv", 0, 1, 1 }, { "branch7x7dbl_2", "tower_1_conv_1", 0, 7, 1 },
    { "branch7x7dbl_3", "tower_1_conv_2", 0, 1, 7 }, { "branch7x7dbl_4", "tower_1_conv_3", 0, 7, 1 },
    { "branch7x7dbl_5", "tower_1_conv_4", 192, 1, 7 },
    { "branch_pool", "tower_2_conv", 192, 1, 1 } };
static const unit BLOCK_D[UNITS_MOST] = {
    { "branch3x3_1", "tower_conv", 192, 1, 1 }, { "branch3x3_2", "tower_conv_1", 320, 3, 3 },
    { "branch7x7x3_1", "tower_1_conv", 192, 1, 1 }, { "branch7x7x3_2", "tower_1_conv_1", 192, 1, 7 },
    { "branch7x7x3_3", "tower_1_conv_2", 192, 7, 1 }, { "branch7x7x3_4", "tower_1_conv_3", 192, 3, 3 } };
static const unit BLOCK_E[UNITS_MOST] = {
    { "branch1x1", "conv", 320, 1, 1 },
    { "branch3x3_1", "tower_conv", 384, 1, 1 }, { "branch3x3_2a", "tower_mixed_conv", 384, 1, 3 },
    { "branch3x3_2b", "tower_mixed_conv_1", 384, 3, 1 },
    { "branch3x3dbl_1", "tower_1_conv", 448, 1, 1 }, { "branch3x3dbl_2", "tower_1_conv_1", 384, 3, 3 },
    { "branch3x3dbl_3a", "tower_1_mixed_conv", 384, 1, 3 }, { "branch3x3dbl_3b", "tower_1_mixed_conv_1", 384, 3, 1 },
    { "branch_pool", "tower_2_conv", 192, 1, 1 } };
static const unit STEM[UNITS_MOST] = {
    { "Conv2d_1a_3x3", "conv", 32, 3, 3 }, { "Conv2d_2a_3x3", "conv_1", 32, 3, 3 },
    { "Conv2d_2b_3x3", "conv_2", 64, 3, 3 }, { "Conv2d_3b_1x1", "conv_3", 80, 1, 1 },
    { "Conv2d_4a_3x3", "conv_4", 192, 3, 3 } };

static const struct {
    const char *ours, *theirs;
    const unit *units;
    int own; // channels
} BLOCKS[] = {
    { "", "", STEM, 0 },
    { "Mixed_5b", "mixed", BLOCK_A, 32 },     { "Mixed_5c", "mixed_1", BLOCK_A, 64 },
    { "Mixed_5d", "mixed_2", BLOCK_A, 64 },   { "Mixed_6a", "mixed_3", BLOCK_B, 0 },
    { "Mixed_6b", "mixed_4", BLOCK_C, 128 },  { "Mixed_6c", "mixed_5", BLOCK_C, 160 },
    { "Mixed_6d", "mixed_6", BLOCK_C, 160 },  { "Mixed_6e", "mixed_7", BLOCK_C, 192 },
    { "Mixed_7a", "mixed_8", BLOCK_D, 0 },    { "Mixed_7b", "mixed_9", BLOCK_E, 0 },
    { "Mixed_7c", "mixed_10", BLOCK_E, 0 },
};

// The parameters of a unit, and the ends that their names have in files.
static const struct {
    const char *ours;
    bool buffer;
    const char *ends[6];
} LEAVES[] = {
    { "conv.weight", false, { "conv_weight", "weight", "weights", "conv2d_params" } },
    { "bn.bias", false, { "bn_bias", "beta", "batchnorm_beta" } },
    { "bn.running_mean", true, { "bn_running_mean", "mean", "moving_mean", "batchnorm_moving_mean" } },
    { "bn.running_var", true, { "bn_running_var", "var", "variance", "moving_variance",
                                "batchnorm_moving_variance" } },
    { "bn.weight", false, { "bn_weight", "gamma", "batchnorm_gamma" } },
};
// clang-format on

enum { LEAVES_COUNT = sizeof LEAVES / sizeof *LEAVES, WEIGHT = 0, SCALE = LEAVES_COUNT - 1 };

typedef struct search {
    const atl_flat *flat;
    const char *prefix;
    bool port; // the naming is that of the PyTorch port
    atl_found_detector *d;
    int scales;          // batch norms that have a factor
    const char *missing; // a parameter that the file lacks, or has in another shape
} search;

static const atl_object *leaf(const search *s, const char *unit_name, int which) {
    const atl_object *value = NULL;
    for (int i = 0; i < 6 && LEAVES[which].ends[i] && !value; i++)
        value = atl_flat_find(s->flat, "%s%s_%s", s->prefix, unit_name, LEAVES[which].ends[i]);
    return value;
}

static bool add_unit(search *s, const char *ours, const char *in_file, const unit *u, int out) {
    atl_ckpt *ckpt = s->flat->ckpt;
    for (int i = 0; i < LEAVES_COUNT; i++) {
        char name[NAME_MOST + 32];
        const atl_object *value = leaf(s, in_file, i);
        snprintf(name, sizeof name, "%s.%s", ours, LEAVES[i].ours);
        if (i == SCALE && !value)
            continue;
        s->scales += i == SCALE;
        bool good = i == WEIGHT
                        ? atl_detector_conv(ckpt, s->d, name, value, (atl_wanted){ out, 0, u->kh, u->kw })
                        : atl_detector_vector(ckpt, s->d, name, value, out, LEAVES[i].buffer);
        if (!good) {
            s->missing = atl_arena_string(&ckpt->arena, name, strlen(name));
            return false;
        }
    }
    return true;
}

static void join(char name[NAME_MOST], const char *block, const char *separator, const char *unit_name) {
    snprintf(name, NAME_MOST, "%s%s%s", block, block[0] ? separator : "", unit_name);
}

static bool add_units(search *s, int *units) {
    for (size_t b = 0; b < sizeof BLOCKS / sizeof *BLOCKS; b++)
        for (const unit *u = BLOCKS[b].units; u->ours; u++, ++*units) {
            char ours[NAME_MOST], in_file[NAME_MOST];
            join(ours, BLOCKS[b].ours, ".", u->ours);
            join(in_file, s->port ? BLOCKS[b].ours : BLOCKS[b].theirs, "_", s->port ? u->ours : u->theirs);
            if (!add_unit(s, ours, in_file, u, u->out ? u->out : BLOCKS[b].own))
                return false;
        }
    return true;
}

// The matrix of classes has as many rows as there are classes, or as many columns.  Features need none.
static bool add_classes(search *s, int64_t *classes) {
    static const char *const names[][2] = { { "fc_weight", "fc_bias" },
                                            { "output_weight", "output_bias" },
                                            { "softmax_weights", "softmax_biases" },
                                            { "softmax_weight", "softmax_bias" } };
    const atl_flat *f = s->flat;
    *classes = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *prefix = atl_flat_prefix(f, names[i][0]);
        if (!prefix)
            continue;
        const atl_object *w = atl_flat_find(f, "%s%s", prefix, names[i][0]);
        const atl_tensor *t = w->u.tensor;
        bool turned = t->rank == 2 && t->dims[0] == WIDTH && t->dims[1] != WIDTH;
        *classes = t->rank == 2 ? t->dims[turned] : 0;
        return atl_detector_dense(f->ckpt, s->d, "fc.weight", w, *classes, WIDTH, turned) &&
               atl_detector_vector(f->ckpt, s->d, "fc.bias", atl_flat_find(f, "%s%s", prefix, names[i][1]),
                                   *classes, false);
    }
    return true;
}

// torchvision's own network of the same layers, for 1000 classes, gives other features.
static atl_status refuse_other(const atl_flat *flat, int64_t classes) {
    return atl_fail(
        flat->ckpt->ctx, ATL_UNSUPPORTED,
        "%s: is an Inception of %lld classes; FID is defined by that of December 2015, which has %d",
        flat->ckpt->path, (long long)classes, CLASSES);
}

static const char *where(const atl_flat *flat, bool port) {
    for (int i = 0; i < 6 && LEAVES[WEIGHT].ends[i]; i++) {
        char end[NAME_MOST];
        snprintf(end, sizeof end, "%s_%s", port ? "Mixed_7c_branch_pool" : "mixed_10_tower_2_conv",
                 LEAVES[WEIGHT].ends[i]);
        const char *prefix = atl_flat_prefix(flat, end);
        if (prefix)
            return prefix;
    }
    return NULL;
}

atl_status atl_find_inception(const atl_flat *flat) {
    search s = { .flat = flat, .port = true };
    s.prefix = where(flat, true);
    if (!s.prefix) {
        s.port = false;
        s.prefix = where(flat, false);
    }
    if (!s.prefix)
        return ATL_OK;
    atl_ckpt *ckpt = flat->ckpt;
    int units = 0;
    int64_t classes;
    s.d = atl_detector_add(ckpt, "inception", "inception_v3", PARAMETERS);
    if (!s.d)
        return ATL_NO_MEMORY;
    bool good = add_units(&s, &units) && add_classes(&s, &classes);
    if (!good && ckpt->ctx->status == ATL_NO_MEMORY)
        return ATL_NO_MEMORY;
    if (!good)
        return atl_fail(
            ckpt->ctx, ATL_BAD_FILE,
            "%s: is an Inception, but has no %s, or has it in another shape: it is another network, or "
            "the file is damaged",
            ckpt->path, s.missing ? s.missing : "matrix of classes");
    if (s.scales && s.scales != units)
        return atl_fail(
            ckpt->ctx, ATL_BAD_FILE,
            "%s: is an Inception of which %d batch norms out of %d have a factor; the file is damaged",
            ckpt->path, s.scales, units);
    if (classes && classes != CLASSES)
        return refuse_other(flat, classes);
    s.d->config = json_pack("{s:i s:i}", "classes", (int)classes, "norm_scale", s.scales ? 1 : 0);
    return atl_detector_done(ckpt, s.d);
}
