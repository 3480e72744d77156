// SPDX-License-Identifier: Apache-2.0
// What a network of a TensorFlow-era pickle is.  The file names the function that built it and the options
// that were given; every other option has the default of that function, which stands here.
#include "ckpt/tf.h"
#include "io/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- reading

const atl_object *atl_tf_component(const atl_object *object, const char *name) {
    const atl_object *c = atl_object_get(atl_object_get(object, "components"), name);
    return c && c->type == ATL_OBJECT_INSTANCE ? c : object;
}

const atl_object *atl_tf_variable(const atl_object *object, const char *name) {
    const atl_object *all = atl_object_get(object, "variables");
    for (size_t i = 0; all && all->type == ATL_OBJECT_LIST && i < all->size; i++) {
        const atl_object *pair = all->u.items[i];
        if ((pair->type == ATL_OBJECT_TUPLE || pair->type == ATL_OBJECT_LIST) && pair->size == 2 &&
            atl_object_equals(pair->u.items[0], name))
            return pair->u.items[1];
    }
    return NULL;
}

typedef struct describe {
    atl_ckpt *ckpt;
    const atl_object *net, *part; // the network, and the component whose options come first
    json_t *config;
    const char *why;
    atl_json json;
} describe;

static void complain(describe *d, const char *why) {
    if (!d->why)
        d->why = why ? why : "out of memory";
}

// An option that was given, also as None; else NULL.
static const atl_object *given(const describe *d, const char *name) {
    const atl_object *v = atl_object_get(atl_object_get(d->part, "static_kwargs"), name);
    return v ? v : atl_object_get(atl_object_get(d->net, "static_kwargs"), name);
}

// An option that was given and is not None; else NULL.
static const atl_object *option(const describe *d, const char *name) {
    const atl_object *v = given(d, name);
    return v && v->type != ATL_OBJECT_NONE ? v : NULL;
}

static bool is_none(const describe *d, const char *name) {
    const atl_object *v = given(d, name);
    return v && v->type == ATL_OBJECT_NONE;
}

static int64_t integer(describe *d, const char *name, int64_t otherwise) {
    const atl_object *v = option(d, name);
    double number;
    int64_t value;
    if (!v)
        return otherwise;
    if (atl_object_int(v, &value))
        return value;
    if (atl_object_number(v, &number) && number > -1e9 && number < 1e9)
        return (int64_t)number;
    complain(d, atl_arena_printf(&d->ckpt->arena, "its option %s is no number", name));
    return otherwise;
}

static double real(describe *d, const char *name, double otherwise) {
    const atl_object *v = option(d, name);
    double number;
    if (!v)
        return otherwise;
    if (atl_object_number(v, &number) && isfinite(number))
        return number;
    complain(d, atl_arena_printf(&d->ckpt->arena, "its option %s is no number", name));
    return otherwise;
}

// Options that the networks here have in one form only: another value, None too, is a sentence.
static void require(describe *d, const char *name, const char *json) {
    const atl_object *v = given(d, name);
    if (!v)
        return;
    json_t *have = atl_object_json(v, 100, &d->json.lost);
    json_t *want = atl_json_keep(&d->json, json_loads(json, JSON_DECODE_ANY, NULL));
    bool same = have && want && json_equal(have, want);
    if (have && json_is_number(have) && json_is_number(want))
        same = json_number_value(have) == json_number_value(want);
    if (!same) {
        char *text = have ? json_dumps(have, JSON_ENCODE_ANY) : NULL;
        complain(d, atl_arena_printf(&d->ckpt->arena, "its option %s = %.60s is not supported (only %s is)",
                                     name, text ? text : "?", json));
        free(text);
    }
    json_decref(have);
    json_decref(want);
}

static json_t *architecture(describe *d, const char *otherwise) {
    const atl_object *v = option(d, "architecture");
    json_t *value = v ? atl_object_json(v, 1, &d->json.lost) : atl_json_string(&d->json, otherwise);
    if (value)
        return value;
    complain(d, "its option architecture is no text");
    return json_null();
}

static void put(describe *d, const char *key, json_t *value) {
    atl_json_set(&d->json, d->config, key, value);
}

static int64_t dim_of(const atl_object *variable, int dim) {
    const atl_tensor *t = variable && variable->type == ATL_OBJECT_TENSOR ? variable->u.tensor : NULL;
    return t && dim < t->rank ? t->dims[dim] : 0;
}

static void put_lod(describe *d) {
    const atl_object *lod = atl_tf_variable(d->net, "lod"); // the outer one overwrites that of synthesis
    double value = 0;
    if (lod && !atl_object_number(lod, &value) && lod->type == ATL_OBJECT_TENSOR &&
        atl_tensor_count(lod->u.tensor) == 1) {
        float one;
        if (atl_tensor_read_f32(d->ckpt->objects, lod->u.tensor, &one) == ATL_OK)
            value = (double)one;
    }
    put(d, "lod", json_real(value >= 0 && value < 100 ? value : 0));
}

static void put_image(describe *d, int64_t resolution, int64_t channels) {
    put(d, "img_resolution", json_integer(integer(d, "resolution", resolution)));
    put(d, "img_channels", json_integer(integer(d, "num_channels", channels)));
    put(d, "channel_max", json_integer(integer(d, "fmap_max", 512)));
}

// The taps of the resampling filter.  None is a box.
static void put_taps(describe *d) {
    const atl_object *v = option(d, "resample_kernel");
    json_t *list = v                               ? atl_object_json(v, 100, &d->json.lost)
                   : is_none(d, "resample_kernel") ? json_pack("[i, i]", 1, 1)
                                                   : NULL;
    bool numbers = !v || json_array_size(list) > 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        numbers = numbers && json_is_number(json_array_get(list, i));
    if (!numbers)
        complain(d, "its option resample_kernel is no list of numbers, which alone is supported");
    if (list)
        put(d, "resample_filter", list);
}

// The name of an activation; the model knows which there are.
static json_t *activation(describe *d, const char *name) {
    const atl_object *v = given(d, name);
    json_t *text = v ? atl_object_json(v, 1, &d->json.lost) : json_string("lrelu");
    if (json_is_string(text))
        return text;
    json_decref(text);
    complain(d, atl_arena_printf(&d->ckpt->arena, "its option %s is no name of an activation", name));
    return json_string("lrelu");
}

// ---- blocks: 4x4, 8x8, ... or, in forks that make rectangles, 5x3, 10x6, ...

int atl_tf_block(const atl_tf_net *net, int h, int w) {
    for (int k = 0; k < 20 && (int64_t)net->base_h << k <= h; k++)
        if ((int64_t)net->base_h << k == h && (int64_t)net->base_w << k == w && 4 << k <= net->resolution)
            return 4 << k;
    return 0;
}

static bool block_of(const atl_object *variable, int *h, int *w) {
    const atl_object *name =
        variable && (variable->type == ATL_OBJECT_TUPLE || variable->type == ATL_OBJECT_LIST) &&
                variable->size == 2
            ? variable->u.items[0]
            : NULL;
    char text[32] = "";
    int used = 0;
    if (!name || name->type != ATL_OBJECT_STRING)
        return false;
    memcpy(text, name->u.text, name->size < sizeof text ? name->size : sizeof text - 1);
    return sscanf(text, "%5dx%5d/%n", h, w, &used) == 2 && used && *h > 0 && *w > 0;
}

// The sizes of the coarsest and the finest block that variables stand in.
static bool find_blocks(const describe *d, int low[2], int high[2]) {
    const atl_object *all = atl_object_get(d->part, "variables");
    bool found = false;
    for (size_t i = 0; all && all->type == ATL_OBJECT_LIST && i < all->size; i++) {
        int h, w;
        if (!block_of(all->u.items[i], &h, &w))
            continue;
        if (!found || h < low[0])
            low[0] = h, low[1] = w;
        if (!found || h > high[0])
            high[0] = h, high[1] = w;
        found = true;
    }
    return found;
}

// Networks that did not grow have the sizes of their variables; what the options say of them must agree.
static void put_blocks(describe *d, atl_tf_net *net) {
    int low[2] = { 4, 4 }, high[2] = { 4, 4 }, k = 0;
    if (!find_blocks(d, low, high))
        return;
    while (k < 12 && low[0] << k < high[0])
        k++;
    int64_t height = integer(d, "resolution_h", integer(d, "resolution", high[0]));
    int64_t width = integer(d, "resolution_w", low[0] == low[1] ? height : high[1]);
    if (option(d, "res_log2")) {
        int64_t doublings = integer(d, "res_log2", 0);
        bool possible = doublings >= 0 && doublings < 13;
        height = possible ? integer(d, "min_h", 4) << doublings : 0;
        width = possible ? integer(d, "min_w", 4) << doublings : 0;
    }
    if (height != high[0] || width != high[1] || low[0] << k != high[0] || low[1] << k != high[1])
        complain(d,
                 atl_arena_printf(&d->ckpt->arena, "its options say %lldx%lld and its variables end at %dx%d",
                                  (long long)height, (long long)width, high[0], high[1]));
    net->base_h = low[0];
    net->base_w = low[1];
    put(d, "img_resolution", json_integer(4 << k));
    if (low[0] != 4 || low[1] != 4)
        put(d, "base_size", json_pack("[i, i]", low[0], low[1]));
}

// ---- mapping networks

// What was given, None being "none", else the default.
static void put_truncation(describe *d, double psi, int64_t cutoff) {
    put(d, "truncation_psi",
        is_none(d, "truncation_psi") ? json_null() : json_real(real(d, "truncation_psi", psi)));
    put(d, "truncation_cutoff",
        json_integer(is_none(d, "truncation_cutoff") ? 0 : integer(d, "truncation_cutoff", cutoff)));
}

// A size that was given, else that of the variable, else the default.
static int64_t size_of(describe *d, const char *option_name, int64_t stored, int64_t otherwise) {
    return integer(d, option_name, stored > 0 ? stored : otherwise);
}

static void put_mapping(describe *d, double psi, int64_t cutoff, const char *only) {
    const atl_object *part = d->part, *mapping = atl_tf_component(d->net, "mapping");
    d->part = mapping;
    int64_t layers = integer(d, "mapping_layers", 8), labels = integer(d, "label_size", 0);
    const atl_object *embed = atl_tf_variable(mapping, "LabelEmbed/weight"),
                     *concat = atl_tf_variable(mapping, "LabelConcat/weight"),
                     *first = atl_tf_variable(mapping, "Dense0/weight");
    char last[32];
    snprintf(last, sizeof last, "Dense%d/bias", layers > 0 && layers < 1000 ? (int)layers - 1 : 0);
    int64_t label = labels ? dim_of(embed ? embed : concat, 1) : 0, in = dim_of(first, 0) - label;
    int64_t features = layers > 1 ? dim_of(first, 1) : 0;
    if (only)
        require(d, "mapping_nonlinearity", only);
    require(d, "normalize_latents", "true");
    require(d, "use_wscale", "true");
    put(d, "z_dim", json_integer(size_of(d, "latent_size", in, 512)));
    put(d, "c_dim", json_integer(labels));
    put(d, "w_dim", json_integer(size_of(d, "dlatent_size", dim_of(atl_tf_variable(mapping, last), 0), 512)));
    json_t *m = json_pack("{s:I s:f s:I s:I s:f s:b s:o}", "num_layers", (json_int_t)layers, "lr_multiplier",
                          real(d, "mapping_lrmul", 0.01), "layer_features",
                          (json_int_t)(layers > 1 ? size_of(d, "mapping_fmaps", features, 512) : 0),
                          "embed_features", (json_int_t)dim_of(embed, 1), "w_avg_beta",
                          real(d, "dlatent_avg_beta", 0.995), "label_concat", (int)(labels && !embed),
                          "activation", activation(d, "mapping_nonlinearity"));
    put(d, "mapping", m);
    put_truncation(d, psi, cutoff);
    d->part = part;
}

static void put_noise(describe *d) {
    const atl_object *v = given(d, "use_noise");
    int64_t truth = 1;
    atl_object_int(v, &truth);
    put(d, "use_noise", json_boolean(truth != 0 && !is_none(d, "use_noise")));
}

// ---- networks

static void stylegan2_generator(describe *d, atl_tf_net *net, bool grows) {
    put_image(d, 1024, 3);
    put(d, "channel_base", json_integer(2 * integer(d, "fmap_base", 16 << 10)));
    put_mapping(d, 0.5, 0, NULL);
    put(d, "architecture", grows ? json_string("orig") : architecture(d, "skip"));
    put(d, "conv_clamp", option(d, "conv_clamp") ? json_real(real(d, "conv_clamp", 0)) : json_null());
    put_noise(d);
    if (grows)
        put_lod(d);
    else
        put_blocks(d, net);
    put(d, "activation", activation(d, "nonlinearity"));
    put_taps(d);
}

static void stylegan2_discriminator(describe *d, atl_tf_net *net, bool grows) {
    bool embed = atl_tf_variable(d->net, "LabelEmbed/weight") != NULL;
    int64_t labels = integer(d, "label_size", 0), group = integer(d, "mbstd_group_size", embed ? 0 : 4);
    put_image(d, 1024, 3);
    put(d, "channel_base", json_integer(2 * integer(d, "fmap_base", 16 << 10)));
    put(d, "architecture", grows ? json_string("orig") : architecture(d, "resnet"));
    put(d, "conv_clamp", option(d, "conv_clamp") ? json_real(real(d, "conv_clamp", 0)) : json_null());
    put(d, "c_dim", json_integer(labels));
    put(d, "cmap_dim",
        json_integer(labels && embed ? dim_of(atl_tf_variable(d->net, "Output/weight"), 1) : 0));
    put(d, "select_label", json_boolean(labels && !embed));
    put(d, "mbstd_group_size", group ? json_integer(group) : json_null());
    put(d, "mbstd_num_channels", json_integer(group == 1 ? 0 : integer(d, "mbstd_num_features", 1)));
    json_t *m = json_pack("{s:I s:f s:I s:o}", "num_layers", (json_int_t)integer(d, "mapping_layers", 0),
                          "lr_multiplier", real(d, "mapping_lrmul", 0.1), "embed_features",
                          (json_int_t)dim_of(atl_tf_variable(d->net, "LabelEmbed/weight"), 1), "activation",
                          activation(d, "mapping_nonlinearity"));
    put(d, "mapping", m);
    if (grows)
        put_lod(d);
    else
        put_blocks(d, net);
    put(d, "activation", activation(d, "nonlinearity"));
    put_taps(d);
}

// 'auto', True or False as the resolution from which on layers are fused.
static int fused_from(describe *d, int otherwise) {
    const atl_object *v = option(d, "fused_scale");
    if (!v)
        return otherwise;
    if (v->type == ATL_OBJECT_BOOL)
        return v->u.truth ? 0 : INT_MAX;
    if (!atl_object_equals(v, "auto"))
        complain(d, "its option fused_scale is neither True nor False nor 'auto'");
    return 128; // min(height, width) * 2 >= 128
}

static void put_growing(describe *d, int64_t resolution, int64_t channels, int64_t base) {
    put_image(d, resolution, channels);
    put(d, "channel_base", json_integer(integer(d, "fmap_base", base)));
    put_lod(d);
    require(d, "use_wscale", "true");
    require(d, "fmap_decay", "1.0");
}

static void stylegan1_generator(describe *d) {
    put_growing(d, 1024, 3, 8192);
    put_mapping(d, 0.7, 8, "\"lrelu\"");
    put_noise(d);
    require(d, "nonlinearity", "\"lrelu\"");
    require(d, "use_styles", "true");
    require(d, "const_input_layer", "true");
    require(d, "use_pixel_norm", "false");
    require(d, "use_instance_norm", "true");
    require(d, "blur_filter", "[1, 2, 1]");
}

static void put_statistics(describe *d) {
    int64_t group = integer(d, "mbstd_group_size", 4);
    put(d, "mbstd_group_size", json_integer(group));
    put(d, "mbstd_num_channels", json_integer(group > 1 ? integer(d, "mbstd_num_features", 1) : 0));
}

static void stylegan1_discriminator(describe *d) {
    put_growing(d, 1024, 1, 8192);
    put(d, "c_dim", json_integer(integer(d, "label_size", 0)));
    put_statistics(d);
    require(d, "nonlinearity", "\"lrelu\"");
    require(d, "blur_filter", "[1, 2, 1]");
}

static void progan_generator(describe *d) {
    int64_t labels = integer(d, "label_size", 0);
    int64_t rows =
        dim_of(atl_tf_variable(d->net, "4x4/Dense/weight"), 0) - labels; // the default depends on channels
    put_growing(d, 32, 1, 8192);
    put(d, "c_dim", json_integer(labels));
    put(d, "z_dim", json_integer(integer(d, "latent_size", rows > 0 ? rows : 512)));
    require(d, "normalize_latents", "true");
    require(d, "use_pixelnorm", "true");
    require(d, "use_leakyrelu", "true");
    require(d, "pixelnorm_epsilon", "1e-8");
    require(d, "tanh_at_end", "null");
}

static void progan_discriminator(describe *d) {
    put_growing(d, 32, 1, 8192);
    put(d, "label_size", json_integer(integer(d, "label_size", 0)));
    put(d, "fused_scale", json_boolean(fused_from(d, 0) == 0));
    put_statistics(d);
}

// The classifiers of faces by which linear separability is measured (Karras et al. 2019, section 4.2):
// ProGAN's discriminator with one logit, without statistics of the batch, under builders of several names.
static bool is_classifier(const describe *d) {
    return dim_of(atl_tf_variable(d->net, "4x4/Dense1/weight"), 1) == 1 &&
           atl_tf_variable(d->net, "FromRGB_lod0/weight") && atl_tf_variable(d->net, "4x4/Conv/weight");
}

static void classifier(describe *d) {
    char name[64];
    int64_t resolution = 4;
    const atl_object *rgb = atl_tf_variable(d->net, "FromRGB_lod0/weight");
    do {
        resolution *= 2;
        snprintf(name, sizeof name, "%lldx%lld/Conv0/weight", (long long)resolution, (long long)resolution);
    } while (resolution < 1 << 14 && atl_tf_variable(d->net, name));
    resolution /= 2;
    int64_t before = dim_of(atl_tf_variable(d->net, "8x8/Conv1_down/weight"), 3);
    if (!before)
        before = dim_of(atl_tf_variable(d->net, "8x8/Conv1/weight"), 3);
    if (before && dim_of(atl_tf_variable(d->net, "4x4/Conv/weight"), 2) != before)
        complain(d, "it has one logit and takes statistics of the batch: it is neither a classifier nor a "
                    "discriminator that is known");
    put_growing(d, resolution, dim_of(rgb, 2), 8192);
    put(d, "label_size", json_integer(0));
    put(d, "fused_scale", json_true()); // means come before the activation, fused or not
    put(d, "mbstd_group_size", json_integer(0));
    put(d, "mbstd_num_channels", json_integer(0));
}

// ---- by the function that built the network

static const char *builder(const describe *d, const atl_object *object) {
    const char *text = atl_object_text(atl_object_get(object, "build_func_name"), &d->ckpt->arena);
    return text ? text : "";
}

static bool describe_kind(describe *d, atl_tf_net *net, const char **kind) {
    const char *f = builder(d, d->net);
    d->part = atl_tf_component(d->net, "synthesis");
    const char *inner = builder(d, d->part);
    bool revised = !strcmp(inner, "G_synthesis_stylegan_revised"), grows = !strcmp(f, "D_stylegan");
    net->generator = f[0] == 'G';
    net->fused_from = INT_MAX;
    if (!strcmp(f, "G_main") &&
        (revised || !strcmp(inner, "G_synthesis_stylegan2") || !strcmp(inner, "G_synthesis"))) {
        *kind = "stylegan2_generator";
        stylegan2_generator(d, net, revised);
    } else if (!strcmp(f, "D_stylegan2") || !strcmp(f, "D_main") || grows) {
        *kind = "stylegan2_discriminator";
        stylegan2_discriminator(d, net, grows);
    } else if (!strcmp(f, "G_style")) {
        *kind = "stylegan1_generator";
        net->family = ATL_TF_STYLEGAN1;
        net->fused_from = fused_from(d, 128);
        stylegan1_generator(d);
    } else if (!strcmp(f, "D_basic")) {
        *kind = "stylegan1_discriminator";
        net->family = ATL_TF_STYLEGAN1;
        stylegan1_discriminator(d);
    } else if (!strcmp(f, "G_paper")) {
        *kind = "progan_generator";
        net->family = ATL_TF_PROGAN;
        net->fused_from = fused_from(d, 0);
        progan_generator(d);
    } else if (!strcmp(f, "D_paper")) {
        *kind = "progan_discriminator";
        net->family = ATL_TF_PROGAN;
        progan_discriminator(d);
    } else if (f[0] != 'G' && is_classifier(d)) {
        *kind = "progan_discriminator";
        net->family = ATL_TF_PROGAN;
        classifier(d);
    } else {
        *kind = "unknown";
        complain(d, atl_arena_printf(&d->ckpt->arena,
                                     "it was built by the function %.100s%s%.100s, which is not known", f,
                                     d->part != d->net ? " with " : "", d->part != d->net ? inner : ""));
        return false;
    }
    return true;
}

atl_status atl_tf_describe(atl_ckpt *ckpt, const atl_object *object, atl_tf_net *net, const char **kind,
                           json_t **config, const char **why) {
    describe d = { .ckpt = ckpt, .net = object, .part = object, .json = { .ctx = ckpt->ctx } };
    d.config = atl_json_object(&d.json);
    *net = (atl_tf_net){ .object = object, .base_h = 4, .base_w = 4 };
    if (describe_kind(&d, net, kind)) {
        json_int_t r = json_integer_value(json_object_get(d.config, "img_resolution"));
        net->resolution =
            r >= 4 && r <= 1 << 14 ? (int)r : 4; // a wrong one is refused when the config is read
        atl_tf_list_unknown(ckpt, net);
    }
    *why = d.why;
    ATL_TRY(atl_json_end(&d.json, d.config, "a network's config", config));
    if (ckpt->ctx->status != ATL_OK) {
        json_decref(*config);
        *config = NULL;
        return ckpt->ctx->status;
    }
    return ATL_OK;
}
