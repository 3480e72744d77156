// SPDX-License-Identifier: Apache-2.0
// The table of training options, and what is done with all of them by a walk over it: defaults, checks of
// single values, copies, hashes.  What a cfg stands for and what must fit together is in options.c.
#include "train/fields.h"

#include <string.h>

#include "base/ctx.h"
#include "base/hash.h"

#define AT(member) offsetof(atl_train_options, member)
#define FLAG(name, member, help)                                                                             \
    { name, GROUP, ATL_TRAIN_FLAG, AT(member), 0, 1, 0, NULL, NULL, NULL, help, 1, 1 }
#define INT(name, member, low, high, initial, help)                                                          \
    { name, GROUP, ATL_TRAIN_INT, AT(member), low, high, initial, #initial, NULL, "N", help, 1, 1 }
#define REAL(name, member, low, high, initial, help)                                                         \
    { name, GROUP, ATL_TRAIN_REAL, AT(member), low, high, initial, #initial, NULL, "X", help, 1, 1 }
// Numbers whose default isn't `initial` but what the words say.
#define INT_WORDS(name, member, low, high, initial, words, help)                                             \
    { name, GROUP, ATL_TRAIN_INT, AT(member), low, high, initial, words, NULL, "N", help, 1, 1 }
#define REAL_CFG(name, member, low, high, initial, help)                                                     \
    { name, GROUP, ATL_TRAIN_REAL, AT(member), low, high, initial, "of cfg", NULL, "X", help, 1, 1 }
#define TEXT(name, member, standard, words, help)                                                            \
    { name, GROUP, ATL_TRAIN_TEXT, AT(member), 0, 0, 0, standard, words, "NAME", help, 1, 1 }

#define PATH(name, member, standard, help, record)                                                           \
    { name, GROUP, ATL_TRAIN_TEXT, AT(member), 0, 0, 0, standard, NULL, "FILE", help, 0, record }

static const atl_train_field FIELDS[] = {
// clang-format off
#define GROUP "Pictures"
    { "data", GROUP, ATL_TRAIN_TEXT, AT(data), 0, 0, 0, NULL, NULL, "PATH",
      "a folder, .zip or another source of equal squares of 8, 16, 32 ... 4096 pixels", 0, 1 },
    FLAG("mirror", mirror, "also show each picture flipped from left to right"),
    FLAG("cond", cond, "train on the labels of the set"),
    INT_WORDS("subset", subset, 1, 1 << 30, 0, "all", "train on N pictures, chosen by the seed"),
    { "workers", GROUP, ATL_TRAIN_INT, AT(workers), 1, 256, 3, "3", NULL, "N", "threads that read pictures", 0, 1 },
#undef GROUP
#define GROUP "Length"
    REAL_CFG("kimg", kimg, 0.001, 1e9, 0, "length of the run in thousands of pictures"),
    REAL("tick", tick, 0.001, 1e6, 4, "kimg from line to line"),
    INT("snap", snap, 0, 1 << 30, 50, "ticks from snapshot to snapshot; 0: only at the end"),
#undef GROUP
#define GROUP "Steps"
    TEXT("cfg", cfg, "auto",
         "auto|stylegan2|paper256|paper512|paper1024|cifar|stylegan3-t|stylegan3-r|stylegan1|progan|sagan|biggan|"
         "biggan-deep|vqgan|vit-vqgan|vqvae|vqvae2|transformer|vit-transformer|pixelcnn|psp|e4e|restyle-psp|"
         "restyle-e4e|hyperstyle",
         "published settings, which the options after it change"),
    INT_WORDS("batch", batch, 1, 65536, 0, "of cfg", "pictures of a step"),
    INT_WORDS("batch-gpu", batch_gpu, 1, 65536, 0, "of cfg", "pictures at once in each process"),
    TEXT("cross-replica", cross_replica, "auto", "on|off|auto",
         "whether batch norms of sagan, biggan and vqgan see all processes' pictures; auto: on"),
    REAL_CFG("glr", glr, 1e-9, 10, 0, "learning rate of G, or of an encoder"),
    REAL_CFG("dlr", dlr, 1e-9, 10, 0, "learning rate of D"),
    REAL_CFG("ema-kimg", ema_kimg, 0.001, 1e6, 0, "half-life of the average of G, in kimg"),
    REAL_CFG("ema-rampup", ema_rampup, -1, 1e3, 0, "most of it, as a part of the run so far; negative: no limit"),
    REAL_CFG("ema-start", ema_start, 0, 1e9, -1, "kimg before which it is G itself"),
    INT("d-steps", d_steps, 1, 64, 1, "steps of D for one of G, of sagan and biggan"),
    INT("seed", seed, 0, 2147483647, 0, "seed of all random numbers"),
#undef GROUP
#define GROUP "Networks"
    INT_WORDS("cbase", channel_base, 1, 1 << 24, 0, "of cfg", "channels times resolution"),
    INT_WORDS("cmax", channel_max, 1, 1 << 14, 0, "512", "most channels of a layer"),
    INT_WORDS("map-depth", map_depth, 1, 64, 0, "of cfg", "layers of the mapping network"),
    INT_WORDS("mbstd-group", mbstd_group, 1, 65536, 0, "of cfg", "pictures that D compares"),
    TEXT("g-arch", g_arch, "auto", "orig|skip|resnet|auto", "how StyleGAN2's G joins resolutions; auto: skip"),
    TEXT("d-arch", d_arch, "auto", "orig|skip|resnet|auto", "how its D does; auto: resnet, of cifar orig"),
    TEXT("g-init", g_init, "auto", "ortho|N02|xavier|auto",
         "first weights of G, of sagan and biggan: orthogonal, normal of deviation 0.02, Xavier's; auto: of cfg"),
    TEXT("d-init", d_init, "auto", "ortho|N02|xavier|auto", "those of D"),
    TEXT("d-labels", d_labels, "auto", "projection|scores|acgan|auto",
         "how StyleGAN2's D is told classes: by projection, with a score for each, or it also says which it sees; "
         "auto: by projection"),
    INT("freezed", freezed, 0, 100, 0, "layers of D that stay as they are, from the highest resolution on"),
#undef GROUP
#define GROUP "Growing, of progan and stylegan1"
    INT_WORDS("lod-initial", lod_initial, 4, 4096, 0, "of cfg", "resolution at first"),
    REAL_CFG("lod-training-kimg", lod_training_kimg, 0, 1e6, -1, "kimg at a resolution before the next fades in"),
    REAL_CFG("lod-transition-kimg", lod_transition_kimg, 0, 1e6, -1, "kimg in which it fades in"),
    TEXT("lod-batch", lod_batch, "auto", NULL, "batches by resolution, 4:128,8:64; none; auto: of cfg, without batch"),
    TEXT("lod-rate", lod_rate, "auto", NULL, "factors of learning rates by resolution, 128:1.5; none; auto: of cfg"),
#undef GROUP
#define GROUP "Losses"
    TEXT("loss", loss, "auto", "logistic|logistic-saturating|wgan|wgan-gp|hinge|auto",
         "what G and D compete for; auto: wgan-gp for progan, hinge for sagan, biggan and vqgan, else logistic"),
    REAL_CFG("gamma", gamma, 0, 1e6, -1, "weight of R1"),
    REAL("r2-gamma", r2_gamma, 0, 1e6, 0, "weight of R2"),
    REAL("ortho", ortho, 0, 1, 0, "strength that holds rows of G's weights orthogonal, of sagan and biggan"),
    REAL_CFG("pl-weight", pl_weight, 0, 1e6, -1, "weight of path length regularisation"),
    REAL_CFG("style-mixing-prob", style_mixing_prob, 0, 1, -1, "share of steps that mix styles"),
    REAL_CFG("blur-init-sigma", blur_init_sigma, 0, 64, -1, "first width of the blur that D sees through, in pixels"),
    REAL_CFG("blur-fade-kimg", blur_fade_kimg, 0.001, 1e6, 0, "kimg in which that blur fades away"),
#undef GROUP
#define GROUP "Codes, of vqgan, vit-vqgan, vqvae and vqvae2"
    TEXT("codebook", codebook, "auto", "loss|ema|gumbel|auto",
         "how it moves: by its loss, as running means of what is near, or with codes that are drawn by logits; auto: "
         "ema for vqvae2, else loss"),
    REAL("kl-weight", kl_weight, 0, 1e6, 5e-4, "of how uneven the probabilities of drawn codes are"),
    REAL_CFG("cool-kimg", cool_kimg, 0.001, 1e9, 0,
             "kimg in which the temperature of drawn codes falls from 1 to 1/16"),
    REAL("restart", restart, 0, 1, 0, "a code used less than this part of an equal share begins anew; 0: none does"),
    { "perceptual", GROUP, ATL_TRAIN_TEXT, AT(perceptual), 0, 0, 0, "none", NULL, "FILE",
      "an LPIPS network, which the distance counts, too", 1, 1 },
    REAL_CFG("perceptual-weight", perceptual_weight, 0, 1e6, -1,
             "how much, where |x - x'|, of vit-vqgan (x - x')^2, counts 1"),
    REAL("l1-weight", l1_weight, 0, 1e6, 0, "of vit-vqgan: how much |x - x'| counts"),
    REAL_CFG("disc-start", disc_start, 0, 1e9, -1, "kimg before which D is left out"),
    REAL_CFG("disc-weight", disc_weight, 0, 1e6, -1,
             "weight of D, of vqgan once its gradient is as long as the distance's"),
    INT_WORDS("patch", patch, 1, 256, 0, "8", "of vit-vqgan: pixels of a patch's side"),
    INT_WORDS("quantizers", quantizers, 1, 64, 0, "1", "of vit-vqgan: codes of a patch"),
#undef GROUP
#define GROUP "Transformers and PixelCNNs over codes, transformers over patches"
    { "first-stage", GROUP, ATL_TRAIN_TEXT, AT(first_stage), 0, 0, 0, NULL, NULL, "FILE",
      "what makes the codes: a VQ-GAN, a ViT-VQGAN, a VQ-VAE, or a run's snapshot of one", 1, 0 },
    TEXT("level", level, "auto", "auto|top|bottom",
         "which of VQ-VAE-2's maps a PixelCNN draws, the bottom one given the top one"),
    INT_WORDS("layers", layers, 1, 1024, 0, "of cfg", "layers of the transformer"),
    INT_WORDS("heads", heads, 1, 1024, 0, "cbase / 64", "heads of each layer"),
    REAL("dropout", dropout, 0, 0.95, 0, "share of numbers left out of embeddings, attention and what layers add"),
    REAL("pkeep", pkeep, 0, 1, 1, "share of codes that it sees as they are when the next one is asked for"),
    REAL_CFG("weight-decay", weight_decay, 0, 1, -1, "of the weights of linear layers, of vit-vqgan of all"),
    REAL("warmup", warmup, 0, 1e9, 0, "kimg in which the learning rate grows from 0"),
    TEXT("rates", rates, "constant", "constant|cosine", "what it does then: cosine falls to 0 at the end of the run"),
    INT("held-out", held_out, 0, 1 << 30, 0, "pictures that are only measured on, chosen by the seed"),
#undef GROUP
#define GROUP "Augmentation of what D sees"
    { "aug", GROUP, ATL_TRAIN_CHOICE, AT(aug), 0, 4, 4, "auto", "ada|fixed|noaug|diffaug|auto", NULL,
      "adaptive, of a fixed probability, none, DiffAugment; auto: adaptive for the later StyleGANs, else none", 1, 1 },
    TEXT("augpipe", augpipe, "bgc", NULL,
         "blit, geom, color, filter, noise, cutout, bg, bgc, bgcf, bgcfn, bgcfnc, or policies of diffaug"),
    REAL("p", p, 0, 1, 0.2, "probability of a fixed augmentation"),
    { "initial-p", GROUP, ATL_TRAIN_REAL, AT(initial_p), 0, 1, -1, "of the file, else 0", NULL, "X",
      "probability of an adaptive augmentation at the start", 1, 0 },
    REAL("target", target, -1, 1, 0.6, "mean sign of D for pictures that adaptive augmentation aims at"),
    REAL("ada-kimg", ada_kimg, 0.001, 1e6, 500, "kimg in which its probability may go from 0 to 1"),
#undef GROUP
#define GROUP "Encoders"
    PATH("network", network, NULL, "the generator, which stays as it is", 0),
    PATH("lpips", lpips, "none", "an LPIPS network for the loss lpips", 1),
    PATH("identity", identity, "none", "an identity network (ArcFace) for the loss id", 1),
    PATH("similarity", similarity, "none",
         "MoCo's ResNet, or a classifier (ResNet, VGG16, AlexNet, SqueezeNet), for the loss sim", 1),
    PATH("w-encoder", w_encoder, NULL, "of hyperstyle: the encoder whose codes the generator is tuned for", 0),
    TEXT("losses", losses, "auto", NULL,
         "names and weights of l2, lpips, id, sim, w, w-norm, delta, adv, l2-crop, lpips-crop: l2:1,lpips:0.8"),
    TEXT("trunk", trunk, "auto", NULL, "units and channels of the four stages, 1,1,1,1:32,64,96,128; auto: of cfg"),
    INT_WORDS("style-width", style_width, 1, 1 << 14, 0, "those of w", "channels of the convolutions of styles"),
    TEXT("optimizer", optimizer, "ranger", "ranger|adam", "how the encoder's weights are moved"),
    INT_WORDS("steps", steps, 1, 100, 0, "of cfg", "steps of encoders that see their result"),
    TEXT("progress", progress, "auto", NULL,
         "of e4e: steps with one w for all layers, and steps from layer to layer, 20000:2000; none; auto: of cfg"),
    INT("pool", pool, 0, 65536, 50, "latents of earlier steps that the loss adv is trained with"),
    { "source", GROUP, ATL_TRAIN_TEXT, AT(source), 0, 0, 0, "none", NULL, "PATH",
      "what the encoder sees of each picture: a set with the same names", 0, 1 },
    INT("label-nc", label_nc, 0, 255, 0, "the source are maps of labels, so many; 0: pictures"),
    INT("input-nc", input_nc, 1, 3, 3, "channels that it sees of pictures: 3, or 1 for sketches"),
    TEXT("resize-factors", resize_factors, "none", NULL,
         "factors that it sees pictures reduced by, one by chance, 1,2,4,8,16; none"),
#undef GROUP
    { "stall", "Several processes", ATL_TRAIN_REAL, AT(stall_seconds), 1, 1e6, 600, "600", NULL, "S",
      "seconds to wait for one that does not answer", 0, 0 },
    { "resolution", NULL, ATL_TRAIN_INT, AT(resolution), 8, 4096, 0, NULL, NULL, "N",
      "of pictures without data", 1, 1 },
    { "threads", NULL, ATL_TRAIN_INT, AT(threads), 1, 4096, 0, NULL, NULL, "N", "threads of each process", 0, 1 },
    { "like", NULL, ATL_TRAIN_TEXT, AT(like), 0, 0, 0, NULL, NULL, "FILE", "a file whose shapes are taken", 0, 0 },
    // clang-format on
};
enum { COUNT = sizeof FIELDS / sizeof *FIELDS };

const atl_train_field *atl_train_fields(size_t *count) {
    *count = COUNT;
    return FIELDS;
}

const atl_train_field *atl_train_field_find(const char *name) {
    for (const atl_train_field *f = FIELDS; f < FIELDS + COUNT; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

void atl_train_options_init(atl_train_options *options, size_t size) {
    atl_train_options all = { .size = size };
    for (const atl_train_field *f = FIELDS; f < FIELDS + COUNT; f++) {
        char *at = (char *)&all + f->offset;
        switch (f->kind) {
        case ATL_TRAIN_TEXT: *(const char **)at = f->standard; break;
        case ATL_TRAIN_REAL: *(double *)at = f->initial; break;
        default: *(int *)at = (int)f->initial;
        }
    }
    memcpy(options, &all, size < sizeof all ? size : sizeof all);
}

const char *atl_train_field_text(const atl_train_field *f, const atl_train_options *o) {
    return *(const char *const *)((const char *)o + f->offset);
}

double atl_train_field_number(const atl_train_field *f, const atl_train_options *o) {
    const char *at = (const char *)o + f->offset;
    return f->kind == ATL_TRAIN_REAL ? *(const double *)at : (double)*(const int *)at;
}

bool atl_train_field_word(const atl_train_field *f, int index, char *word, size_t room) {
    const char *at = f->words;
    for (; index > 0 && *at; index--) {
        at += strcspn(at, "|");
        at += *at == '|';
    }
    size_t length = strcspn(at, "|");
    if (index < 0 || !length || length >= room)
        return false;
    memcpy(word, at, length);
    word[length] = 0;
    return true;
}

int atl_train_field_index(const atl_train_field *f, const char *text) {
    char word[64];
    for (int i = 0; atl_train_field_word(f, i, word, sizeof word); i++)
        if (!strcmp(word, text))
            return i;
    return -1;
}

static atl_status check_text(atl_ctx *ctx, const atl_train_field *f, const char *text) {
    if (!f->words || (text && atl_train_field_index(f, text) >= 0))
        return ATL_OK;
    return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s %s: expected one of %s", f->name, text ? text : "(NULL)",
                    f->words);
}

atl_status atl_train_fields_check(atl_ctx *ctx, const atl_train_options *o) {
    for (const atl_train_field *f = FIELDS; f < FIELDS + COUNT; f++) {
        if (f->kind == ATL_TRAIN_TEXT) {
            ATL_TRY(check_text(ctx, f, atl_train_field_text(f, o)));
            continue;
        }
        double x = atl_train_field_number(f, o);
        if (x != f->initial && !(x >= f->low && x <= f->high)) // NaN too
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s %.9g: expected a %snumber from %.9g to %.9g", f->name,
                            x, f->kind == ATL_TRAIN_REAL ? "" : "whole ", f->low, f->high);
    }
    return ATL_OK;
}

bool atl_train_fields_keep(atl_arena *arena, atl_train_options *o) {
    for (const atl_train_field *f = FIELDS; f < FIELDS + COUNT; f++) {
        const char **text = (const char **)((char *)o + f->offset);
        if (f->kind != ATL_TRAIN_TEXT)
            continue;
        if (!*text)
            *text = f->standard;
        if (*text && !(*text = atl_arena_string(arena, *text, strlen(*text))))
            return false;
    }
    return true;
}

uint64_t atl_train_field_bit(const atl_train_field *f) {
    int numbers = 0;
    for (const atl_train_field *g = FIELDS; g < f; g++)
        numbers += g->kind != ATL_TRAIN_TEXT;
    return f->kind == ATL_TRAIN_TEXT || numbers > 63 ? 0 : UINT64_C(1) << numbers;
}

uint64_t atl_train_fields_filled(const atl_train_options *given, const atl_train_options *now) {
    uint64_t filled = 0;
    for (int i = 0; i < COUNT; i++) {
        const atl_train_field *f = &FIELDS[i];
        if (f->kind == ATL_TRAIN_TEXT)
            continue;
        double before = atl_train_field_number(f, given);
        if (before == f->initial && before != atl_train_field_number(f, now))
            filled |= atl_train_field_bit(f);
    }
    return filled;
}

uint64_t atl_train_field_hash(const atl_train_field *f, const atl_train_options *o) {
    if (f->kind == ATL_TRAIN_TEXT) {
        const char *text = atl_train_field_text(f, o);
        return atl_hash(ATL_HASH_BEGIN, text ? text : "", text ? strlen(text) + 1 : 0);
    }
    double x = atl_train_field_number(f, o);
    return atl_hash(ATL_HASH_BEGIN, &x, sizeof x);
}
