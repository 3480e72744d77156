// SPDX-License-Identifier: Apache-2.0
// What a cfg stands for: the published settings of StyleGAN2-ADA (Karras et al. 2020, appendix D) and of
// StyleGAN3 (Karras et al. 2021, appendix F), and whether options fit together.
#include <string.h>

#include "train/fields.h"
#include "train/grow.h"
#include "train/trainer.h"

static const double STEPS_ALONE = 10000.0; // of an autoencoder before its discriminator counts, as published
static const double STEPS_COOLING = 150e3; // of one that draws its codes (Ramesh et al. 2021, appendix A.2)

typedef struct preset {
    const char *name, *family;
    int processes; // that its batch was meant for: a batch is split into as many parts
    double kimg;
    int batch, mbstd_group, channel_base, map_depth;
    double glr, dlr, gamma, ema_kimg, ema_rampup, pl_weight, style_mixing_prob, blur_init_sigma;
    int lod_initial; // resolution at first; 0: nothing grows
    // What follows from the set, the batch that was asked for (0: none was) and the processes.  NULL:
    // nothing.
    struct preset (*fit)(struct preset p, int resolution, int batch, int ranks);
} preset;

int atl_train_loss(const char *name) {
    return atl_train_field_index(atl_train_field_find("loss"), name);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

static int most(int a, int b) {
    return a > b ? a : b;
}

int atl_train_divisor(int n, int bound) {
    int d = most(least(n, bound), 1);
    while (n % d)
        d--;
    return d;
}

// The group that statistics are taken in: a divisor of n near `size`, and not 1, which would have no
// deviation.
static int group_of(int n, int size) {
    int d = atl_train_divisor(n, size);
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
    p.glr = p.dlr = resolution >= 1024 ? 0.002 : 0.0025;
    p.gamma = 0.0002 * resolution * resolution / b;
    p.ema_kimg = b * 10 / 32.0;
    return p;
}

// StyleGAN3 leaves gamma and the batch to its user; the documents of its authors begin with 2 at 256x256 and
// 32 pictures, four times as much for four times the pixels.
static preset alias_free(preset p, int resolution, int batch, int ranks) {
    (void)ranks;
    int b = batch ? batch : p.batch;
    p.gamma = resolution / 1024.0 * resolution / b;
    p.ema_kimg = b * 10 / 32.0;
    p.processes = most(b / p.mbstd_group, 1); // parts of 4, of 32 as of fewer
    return p;
}

// What was published for so many devices; with other numbers, as for the next smaller one.
static const struct {
    int devices, batch;
    const char *batches, *rates;
} GROWN[] = {
    { 8, 32, "4:512,8:256,16:128,32:64,64:32", "128:1.5,256:2,512:3,1024:3" },
    { 4, 16, "4:512,8:256,16:128,32:64,64:32,128:16", "256:1.5,512:2,1024:3" },
    { 2, 8, "4:256,8:256,16:128,32:64,64:32,128:16,256:8", "512:1.5,1024:2" },
    { 1, 4, "4:128,8:128,16:128,32:64,64:32,128:16,256:8,512:4", "1024:1.5" },
};

static int grown_for(int ranks) { // row of GROWN
    int i = 0;
    while (GROWN[i].devices > ranks)
        i++;
    return i;
}

static preset grown(preset p, int resolution, int batch, int ranks) {
    (void)resolution;
    (void)batch;
    p.batch = GROWN[grown_for(ranks)].batch;
    return p;
}

// Norms take statistics of what is computed at once, so the published size of that is kept where a batch allows
// it: of SAGAN 128 of 256 pictures, of BigGAN 256 of 2048.
static preset spectral(preset p, int resolution, int batch, int ranks) {
    (void)resolution;
    (void)ranks;
    int b = batch ? batch : p.batch;
    p.processes = most(b / (p.batch / p.processes), 1);
    return p;
}

// Rates follow the batch.
static preset coded(preset p, int resolution, int batch, int ranks) {
    (void)resolution;
    (void)ranks;
    p.glr = p.dlr = 4.5e-6 * (batch ? batch : p.batch);
    return p;
}

static preset coded_alone(preset p, int resolution, int batch, int ranks) {
    p = coded(p, resolution, batch, ranks);
    p.dlr = 0.0;
    return p;
}

static const preset PRESETS[] = {
    // clang-format off
    // name, family, processes, kimg, batch, mbstd, cbase, map, glr, dlr, gamma, ema kimg, ramp-up, pl, mixing, blur,
    // lod
    { "auto",        "stylegan2", 1, 25e3, 0,  0,  0,     2, 0,     0,     0,    0,   0.05, 2, 0.9, 0,  0, automatic },
    { "stylegan2",   "stylegan2", 8, 25e3, 32, 4,  32768, 8, .002,  .002,  10,   10,  -1,   2, 0.9, 0,  0, NULL },
    { "paper256",    "stylegan2", 8, 25e3, 64, 8,  16384, 8, .0025, .0025, 1,    20,  -1,   2, 0.9, 0,  0, NULL },
    { "paper512",    "stylegan2", 8, 25e3, 64, 8,  32768, 8, .0025, .0025, 0.5,  20,  -1,   2, 0.9, 0,  0, NULL },
    { "paper1024",   "stylegan2", 8, 25e3, 32, 4,  32768, 8, .002,  .002,  2,    10,  -1,   2, 0.9, 0,  0, NULL },
    { "cifar",       "stylegan2", 2, 1e5,  64, 32, 32768, 2, .0025, .0025, 0.01, 500, 0.05, 0, 0,   0,  0, NULL },
    { "stylegan3-t", "stylegan3", 8, 25e3, 32, 4,  32768, 2, .0025, .002,  0,    0,   0.05, 0, 0,   0,  0, alias_free },
    { "stylegan3-r", "stylegan3", 8, 25e3, 32, 4,  32768, 2, .0025, .002,  0,    0,   0.05, 0, 0,   10, 0, alias_free },
    { "stylegan1",   "stylegan1", 1, 25e3, 0,  4,  16384, 8, .001,  .001,  10,   10,  -1,   0, 0.9, 0,  8, grown },
    { "progan",      "progan",    1, 12e3, 0,  4,  16384, 0, .001,  .001,  0,    0,   -1,   0, 0,   0,  4, grown },
    { "sagan",       "sagan",     2, 256e3, 256, 1, 64,   0, .0001, .0004, 0,    0,   -1,   0, 0,   0,  0, spectral },
    { "biggan",      "biggan",    8, 307e3, 2048, 1, 96,  0, .0001, .0004, 0,    0,   -1,   0, 0,   0,  0, spectral },
    { "biggan-deep", "biggan-deep", 8, 307e3, 2048, 1, 128, 0, .0001, .0004, 0,  0,   -1,   0, 0,   0,  0, spectral },
    { "vqgan",       "vqgan",     1, 10e3, 12, 1,  128,   0, 0,     0,     0,    0,   -1,   0, 0,   0,  0, coded },
    // Adam at 2e-4, 250,000 steps of 128 (van den Oord et al. 2017); at 3e-4 and 560 times 70,000 pictures
    { "vqvae",       "vqvae",     1, 32e3, 128, 1, 256,   0, 2e-4,  0,     0,    0,   -1,   0, 0,   0,  0, NULL },
    { "vqvae2",      "vqvae2",    1, 39e3, 128, 1, 128,   0, 3e-4,  0,     0,    0,   -1,   0, 0,   0,  0, NULL },
    // 4.5e-6 whatever the batch; R1 of 10 on pictures from 0 to 1
    { "vit-vqgan",   "vit-vqgan", 1, 10e3, 12, 4,  512,   0, 4.5e-6, 4.5e-6, 40, 0,   -1,   0, 0,   0,  0, NULL },
    { "transformer", "transformer", 1, 10e3, 12, 1, 1024, 0, 0,    0,     0,    0,   -1,   0, 0,   0,  0, coded_alone },
    { "pixelcnn",    "pixelcnn",  1, 10e3, 32, 1, 64,     0, 3e-4,  0,     0,    0,   -1,   0, 0,   0,  0, NULL },
    { "vit-transformer", "vit-transformer", 1, 10e3, 12, 1, 1024, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, coded_alone },
    // encoders: Ranger at 1e-4, Adam at 2e-5 for what judges latents, 8 pictures, R1 of 10 (Tov et al. 2021)
    { "psp",         "encoder",   1, 4e3,  8,  0,  0,     0, 1e-4,  2e-5,  0,    0,   -1,   0, 0,   0,  0, NULL },
    { "e4e",         "encoder",   1, 1600, 8,  0,  0,     0, 1e-4,  2e-5,  10,   0,   -1,   0, 0,   0,  0, NULL },
    { "restyle-psp", "encoder",   1, 1600, 8,  0,  0,     0, 1e-4,  2e-5,  0,    0,   -1,   0, 0,   0,  0, NULL },
    { "restyle-e4e", "encoder",   1, 1600, 8,  0,  0,     0, 1e-4,  2e-5,  10,   0,   -1,   0, 0,   0,  0, NULL },
    { "hyperstyle",  "hyperstyle", 1, 1600, 8,  0,  0,     0, 1e-4,  2e-5,  0,    0,   -1,   0, 0,   0,  0, NULL },
    // clang-format on
};

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

const char *atl_train_family(const char *cfg) {
    const preset *p = find_preset(cfg);
    return p ? p->family : NULL;
}

static bool is_auto(const char *text) {
    return !strcmp(text, "auto");
}

static bool is_judged(const atl_recipe *recipe) { // an autoencoder with a D
    bool judged = false;
    for (int i = 0; i < recipe->n_phases; i++)
        judged = judged || recipe->phases[i].trained == ATL_TRAIN_D;
    return recipe->reconstructs && judged;
}

// What is for autoencoders, and for those that a D judges.
static const char *not_for(const atl_recipe *recipe, const atl_train_options *o) {
    if (!recipe->reconstructs && strcmp(o->codebook, "loss") != 0)
        return "codebook";
    if (!recipe->reconstructs && o->restart > 0.0)
        return "restart";
    return is_judged(recipe)                    ? NULL
           : strcmp(o->perceptual, "none") != 0 ? "perceptual"
           : o->perceptual_weight >= 0.0        ? "perceptual-weight"
           : o->disc_start > 0.0                ? "disc-start"
           : o->disc_weight >= 0.0              ? "disc-weight"
           : o->kl_weight != 5e-4               ? "kl-weight"
           : o->cool_kimg > 0.0                 ? "cool-kimg"
                                                : NULL;
}

// Of codes of patches the codebook is trained by its loss, and D counts from the first step on.
static atl_status fill_codes(atl_ctx *ctx, const atl_recipe *recipe, atl_train_options *o) {
    const char *given = !recipe->patches              ? NULL
                        : strcmp(o->codebook, "loss") ? "codebook"
                        : o->restart > 0.0            ? "restart"
                        : o->kl_weight != 5e-4        ? "kl-weight"
                        : o->cool_kimg > 0.0          ? "cool-kimg"
                                                      : NULL;
    if (given)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: the codebook of cfg %s is trained by its loss; leave it out", given,
                        o->cfg);
    bool judged = is_judged(recipe), alone = judged && !recipe->patches;
    if (alone && o->cool_kimg == 0.0)
        o->cool_kimg = STEPS_COOLING * o->batch / 1000.0;
    if (o->disc_start < 0.0)
        o->disc_start = alone ? STEPS_ALONE * o->batch / 1000.0 : 0.0;
    if (!judged)
        return ATL_OK;
    o->perceptual_weight = o->perceptual_weight >= 0.0 ? o->perceptual_weight : recipe->perceptual_weight;
    o->disc_weight = o->disc_weight >= 0.0 ? o->disc_weight : recipe->disc_weight;
    return ATL_OK;
}

// What is for some recipes alone.
static atl_status fill_turns(atl_ctx *ctx, atl_train_options *o) {
    const atl_recipe *recipe = atl_recipe_find(atl_train_family(o->cfg));
    bool waits = false;
    for (int i = 0; i < recipe->n_phases; i++)
        waits = waits || recipe->phases[i].waits;
    if (o->d_steps > 1 && !waits)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "d-steps %d: with cfg %s D makes one step for each of G", o->d_steps,
                        o->cfg);
    if (o->ortho > 0.0 && !recipe->orthogonal)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "ortho %g: weights of cfg %s are not held orthogonal; leave it out",
                        o->ortho, o->cfg);
    if (!is_auto(o->cross_replica) && !recipe->norms)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "cross-replica %s: networks of cfg %s have no batch norms that it is for; leave it out",
                        o->cross_replica, o->cfg);
    if (recipe->norms && is_auto(o->cross_replica))
        o->cross_replica = "on";
    const char *first = !is_auto(o->g_init) ? "g-init" : !is_auto(o->d_init) ? "d-init" : NULL;
    if (first && !recipe->first)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: networks of cfg %s have first weights of their own; leave it out",
                        first, o->cfg);
    if (recipe->first) {
        o->g_init = is_auto(o->g_init) ? recipe->first : o->g_init;
        o->d_init = is_auto(o->d_init) ? recipe->first : o->d_init;
    }
    if (is_auto(o->codebook))
        o->codebook = recipe->codebook ? recipe->codebook : "loss";
    const char *given = not_for(recipe, o);
    if (given)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: networks of cfg %s have %s; leave it out", given, o->cfg,
                        recipe->reconstructs ? "none of it" : "no codes");
    ATL_TRY(fill_codes(ctx, recipe, o));
    if (o->ema_start < 0.0)
        o->ema_start = (double)recipe->ema_start * o->d_steps * o->batch / 1000.0;
    return ATL_OK;
}

// What is for transformers over codes alone, and what those over patches have, too.
static const char *not_transformers(const atl_recipe *recipe, const atl_train_options *o) {
    const char *given = o->first_stage                 ? "first-stage"
                        : o->dropout > 0.0             ? "dropout"
                        : o->pkeep < 1.0               ? "pkeep"
                        : o->held_out                  ? "held-out"
                        : recipe->patches              ? NULL
                        : o->layers                    ? "layers"
                        : o->heads                     ? "heads"
                        : o->weight_decay >= 0.0       ? "weight-decay"
                        : o->warmup > 0.0              ? "warmup"
                        : strcmp(o->rates, "constant") ? "rates"
                                                       : NULL;
    return recipe->fetch ? NULL : given;
}

static atl_status refuse_patches(atl_ctx *ctx, const atl_train_options *o) {
    const char *given = o->patch             ? "patch"
                        : o->quantizers      ? "quantizers"
                        : o->l1_weight > 0.0 ? "l1-weight"
                                             : NULL;
    return given ? atl_fail(ctx, ATL_BAD_ARGUMENT,
                            "%s: networks of cfg %s make no codes of patches; leave it out", given, o->cfg)
                 : ATL_OK;
}

// Of networks whose layers are counted what the recipe says where the options don't, and what nobody else has.
static atl_status fill_transformer(atl_ctx *ctx, atl_train_options *o) {
    enum { HEAD = 64, PATCH = 8 };
    const atl_recipe *recipe = atl_recipe_find(atl_train_family(o->cfg));
    const char *given = not_transformers(recipe, o);
    if (!is_auto(o->level) && !recipe->masks)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "level: networks of cfg %s are no PixelCNNs; leave it out", o->cfg);
    if (recipe->masks && (o->heads || o->weight_decay >= 0.0))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: PixelCNNs have none of it; leave it out",
                        o->heads ? "heads" : "weight-decay");
    if (given)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s: networks of cfg %s are no transformers over codes; leave it out", given, o->cfg);
    if (recipe->patches) {
        o->patch = o->patch ? o->patch : PATCH;
        o->quantizers = o->quantizers ? o->quantizers : 1;
    } else {
        ATL_TRY(refuse_patches(ctx, o));
    }
    if (!recipe->layers)
        return ATL_OK;
    o->layers = o->layers ? o->layers : recipe->layers;
    if (recipe->masks)
        return ATL_OK;
    o->weight_decay = o->weight_decay >= 0.0 ? o->weight_decay : recipe->weight_decay;
    o->heads = o->heads ? o->heads : most(o->channel_base / HEAD, 1);
    return ATL_OK;
}

// A batch that was asked for is that of all resolutions, unless a table was asked for, too.
static void fill_growth(atl_train_options *o, const preset *p, int ranks) {
    int i = grown_for(ranks);
    const atl_recipe *recipe = atl_recipe_find(p->family);
    if (is_auto(o->loss))
        o->loss = recipe->loss;
    if (o->aug == ATL_AUG_AUTO)
        o->aug = recipe->aug;
    if (is_auto(o->lod_batch))
        o->lod_batch = p->lod_initial && !o->batch ? GROWN[i].batches : "none";
    if (is_auto(o->lod_rate))
        o->lod_rate = !p->lod_initial ? "none" : GROWN[recipe->rates_by_devices ? i : 0].rates;
    if (!p->lod_initial)
        return;
    o->lod_initial = o->lod_initial ? o->lod_initial : p->lod_initial;
    o->lod_training_kimg = o->lod_training_kimg >= 0.0 ? o->lod_training_kimg : 600.0; // as published
    o->lod_transition_kimg = o->lod_transition_kimg >= 0.0 ? o->lod_transition_kimg : 600.0;
}

// What is for networks that grow and was given for others.  To begin at full size is what these do.
static atl_status refuse_growth(atl_ctx *ctx, int resolution, atl_train_options *o) {
    o->lod_initial = o->lod_initial == resolution ? 0 : o->lod_initial;
    const char *given = o->lod_initial                      ? "lod-initial"
                        : o->lod_training_kimg >= 0.0       ? "lod-training-kimg"
                        : o->lod_transition_kimg >= 0.0     ? "lod-transition-kimg"
                        : strcmp(o->lod_batch, "none") != 0 ? "lod-batch"
                        : strcmp(o->lod_rate, "none") != 0  ? "lod-rate"
                                                            : NULL;
    if (!given)
        return ATL_OK;
    return atl_fail(ctx, ATL_BAD_ARGUMENT,
                    "%s: networks of cfg %s don't grow; those of progan and stylegan1 do", given, o->cfg);
}

bool atl_train_crosses(const atl_recipe *recipe, const atl_train_options *o) {
    return recipe->norms && strcmp(o->cross_replica, "off") != 0;
}

// Where networks grow, batch_gpu bounds the parts of each batch; else the batch has equal parts of that size.
static void fill_batch(atl_train_options *o, const preset *p, const atl_train_set *set, int ranks) {
    o->batch = o->batch ? o->batch : p->batch;
    if (!o->batch_gpu && p->lod_initial)
        o->batch_gpu = atl_grow_largest(o, set->width) / ranks;
    // What its makers gave to one device, or the next less that divides; of all processes together where norms
    // see them.
    int devices = atl_train_crosses(atl_recipe_find(p->family), o) ? most(p->processes, 1) * ranks
                                                                   : most(p->processes, ranks);
    if (!o->batch_gpu)
        o->batch_gpu = atl_train_divisor(o->batch / ranks, most(o->batch / devices, 1));
    if (!o->mbstd_group)
        o->mbstd_group = group_of(o->batch_gpu, p->mbstd_group);
}

atl_status atl_train_resolve(atl_ctx *ctx, const atl_train_set *set, int ranks, atl_train_options *o) {
    const preset *found = find_preset(o->cfg);
    if (!found)
        return atl_fail(ctx, ATL_INTERNAL, "cfg %s has no settings", o->cfg);
    if (o->cond && !set->label_size)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "cond needs labels, and %s has none: add a dataset.json",
                        set->name);
    preset p = found->fit ? found->fit(*found, set->width, o->batch, ranks) : *found;
    fill_growth(o, &p, ranks);
    fill_batch(o, &p, set, ranks);
    ATL_TRY(fill_turns(ctx, o));
    o->kimg = o->kimg > 0.0 ? o->kimg : p.kimg;
    o->gamma = o->gamma >= 0.0 ? o->gamma : p.gamma;
    o->glr = o->glr != 0.0 ? o->glr : p.glr;
    o->dlr = o->dlr != 0.0 ? o->dlr : p.dlr;
    o->map_depth = o->map_depth ? o->map_depth : p.map_depth;
    o->channel_base = o->channel_base ? o->channel_base : p.channel_base;
    int usual = atl_recipe_find(p.family)->channel_max;
    o->channel_max = o->channel_max ? o->channel_max : usual ? usual : 512;
    ATL_TRY(fill_transformer(ctx, o));
    o->ema_kimg = o->ema_kimg > 0.0 ? o->ema_kimg : p.ema_kimg;
    o->ema_rampup = o->ema_rampup != 0.0 ? o->ema_rampup : p.ema_rampup;
    o->pl_weight = o->pl_weight >= 0.0 ? o->pl_weight : p.pl_weight;
    o->style_mixing_prob = o->style_mixing_prob >= 0.0 ? o->style_mixing_prob : p.style_mixing_prob;
    o->blur_init_sigma = o->blur_init_sigma >= 0.0 ? o->blur_init_sigma : p.blur_init_sigma;
    if (o->blur_init_sigma > 0.0 && o->blur_fade_kimg == 0.0)
        o->blur_fade_kimg = o->batch * 200 / 32.0; // as many steps as 200 kimg have with 32 pictures
    if (!p.lod_initial) {
        ATL_TRY(refuse_growth(ctx, set->width, o));
        return check_batch(ctx, ranks, o);
    }
    return atl_grow_check(ctx, set, ranks, o);
}
