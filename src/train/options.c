// SPDX-License-Identifier: Apache-2.0
// What a cfg stands for: the published settings of StyleGAN2-ADA (Karras et al. 2020, appendix D), and
// whether options fit together.
#include <string.h>

#include "train/fields.h"
#include "train/trainer.h"

typedef struct preset {
    const char *name;
    int processes; // that its batch was meant for: a batch is split into as many parts
    double kimg;
    int batch, mbstd_group, channel_base, map_depth;
    double lr, gamma, ema_kimg, ema_rampup;
} preset;

static const preset PRESETS[] = {
    // clang-format off
    { "auto",       1, 25000,  0,  0, 0,     2, 0,      0,    0,   0.05 },
    { "stylegan2",  8, 25000,  32, 4, 32768, 8, 0.002,  10,   10,  -1 },
    { "paper256",   8, 25000,  64, 8, 16384, 8, 0.0025, 1,    20,  -1 },
    { "paper512",   8, 25000,  64, 8, 32768, 8, 0.0025, 0.5,  20,  -1 },
    { "paper1024",  8, 25000,  32, 4, 32768, 8, 0.002,  2,    10,  -1 },
    { "cifar",      2, 100000, 64, 32, 32768, 2, 0.0025, 0.01, 500, 0.05 },
    // clang-format on
};

int atl_train_loss(const char *name) {
    return atl_train_field_index(atl_train_field_find("loss"), name);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

static int most(int a, int b) {
    return a > b ? a : b;
}

// The largest divisor of n up to `bound`.
static int divisor(int n, int bound) {
    int d = most(least(n, bound), 1);
    while (n % d)
        d--;
    return d;
}

// The group that statistics are taken in: a divisor of n near `size`, and not 1, which would have no
// deviation.
static int group_of(int n, int size) {
    int d = divisor(n, size);
    while (size > 1 && d < n && (d == 1 || n % d))
        d++;
    return d;
}

// "auto" follows the resolution and the number of processes.
static preset automatic(preset p, int resolution, int batch, int ranks) {
    p.batch = most(least(ranks * least(4096 / resolution, 32), 64), ranks);
    int b = batch ? batch : p.batch;
    p.mbstd_group = most(least(b / ranks, 4), 1);
    p.channel_base = resolution >= 512 ? 32768 : 16384;
    p.lr = resolution >= 1024 ? 0.002 : 0.0025;
    p.gamma = 0.0002 * resolution * resolution / b;
    p.ema_kimg = b * 10 / 32.0;
    return p;
}

static atl_status check_batch(atl_ctx *ctx, int ranks, const atl_train_options *o) {
    int local = o->batch / ranks;
    if (o->batch % ranks)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "batch %d can't be shared by %d processes: choose a multiple of %d", o->batch, ranks,
                        ranks);
    if (local % o->batch_gpu)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "batch-gpu %d does not divide the %d pictures that each process has of batch %d",
                        o->batch_gpu, local, o->batch);
    if (o->mbstd_group < o->batch_gpu && o->batch_gpu % o->mbstd_group)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "mbstd-group %d does not divide the %d pictures that D sees at once (batch-gpu)",
                        o->mbstd_group, o->batch_gpu);
    return ATL_OK;
}

static const preset *find_preset(const char *name) {
    for (size_t i = 0; i < sizeof PRESETS / sizeof *PRESETS; i++)
        if (!strcmp(name, PRESETS[i].name))
            return &PRESETS[i];
    return NULL;
}

// All of them are settings of StyleGAN2.
const char *atl_train_family(const char *cfg) {
    return find_preset(cfg) ? "stylegan2" : NULL;
}

atl_status atl_train_resolve(atl_ctx *ctx, const atl_train_set *set, int ranks, atl_train_options *o) {
    const preset *found = find_preset(o->cfg);
    if (!found)
        return atl_fail(ctx, ATL_INTERNAL, "cfg %s has no settings", o->cfg);
    if (o->cond && !set->label_size)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "cond needs labels, and %s has none: add a dataset.json",
                        set->name);
    preset p = found == PRESETS ? automatic(*found, set->width, o->batch, ranks) : *found;
    bool cifar = !strcmp(o->cfg, "cifar");
    o->batch = o->batch ? o->batch : p.batch;
    if (!o->batch_gpu) // what its makers gave to one device, or the next less that divides
        o->batch_gpu = divisor(o->batch / ranks, o->batch / most(p.processes, ranks));
    if (!o->mbstd_group)
        o->mbstd_group = group_of(o->batch_gpu, p.mbstd_group);
    o->kimg = o->kimg > 0.0 ? o->kimg : p.kimg;
    o->gamma = o->gamma >= 0.0 ? o->gamma : p.gamma;
    o->glr = o->glr != 0.0 ? o->glr : p.lr;
    o->dlr = o->dlr != 0.0 ? o->dlr : p.lr;
    o->map_depth = o->map_depth ? o->map_depth : p.map_depth;
    o->channel_base = o->channel_base ? o->channel_base : p.channel_base;
    o->channel_max = o->channel_max ? o->channel_max : 512;
    o->ema_kimg = o->ema_kimg > 0.0 ? o->ema_kimg : p.ema_kimg;
    o->ema_rampup = o->ema_rampup != 0.0 ? o->ema_rampup : p.ema_rampup;
    o->pl_weight = o->pl_weight >= 0.0 ? o->pl_weight : cifar ? 0.0 : 2.0;
    o->style_mixing_prob = o->style_mixing_prob >= 0.0 ? o->style_mixing_prob : cifar ? 0.0 : 0.9;
    return check_batch(ctx, ranks, o);
}
