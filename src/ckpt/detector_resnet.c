// SPDX-License-Identifier: Apache-2.0
// ResNets as torchvision has them, behind any prefix ("state_dict", "module", "encoder_q"), and the form for
// pictures of 32x32 that is trained on CIFAR, which has two other names:
//
//     layer2.0.downsample.0.weight    layer2.0.shortcut.0.weight
//     fc.weight                       linear.weight
//
// How deep and how wide one is, names and shapes say.
#include "ckpt/detector.h"

#include <stdio.h>
#include <string.h>

enum { STAGES = 4, UNITS_MOST = 64, EXPANSION = 4, NORM = 4, NAME_MOST = 96 };

typedef struct search {
    const atl_flat *flat;
    const char *prefix;
    atl_found_detector *d;
    int64_t channels, classes;
    int units[STAGES];
    bool bottleneck;
    const char *missing; // a parameter that the file lacks, or has in another shape
} search;

static const atl_tensor *tensor_of(const atl_object *o) {
    return o && o->type == ATL_OBJECT_TENSOR ? o->u.tensor : NULL;
}

// The name with '_' for '.', as the flat list has it.
static const atl_object *named(const search *s, const char *name) {
    char flat[NAME_MOST];
    snprintf(flat, sizeof flat, "%s", name);
    for (char *p = flat; *p; p++)
        *p = *p == '.' ? '_' : *p;
    return atl_flat_find(s->flat, "%s%s", s->prefix, flat);
}

// Both names of what has two.
static const atl_object *either(const search *s, const char *name) {
    const atl_object *value = named(s, name);
    const char *part = strstr(name, "downsample");
    char other[NAME_MOST];
    if (value)
        return value;
    if (part)
        snprintf(other, sizeof other, "%.*sshortcut%s", (int)(part - name), name,
                 part + strlen("downsample"));
    else if (!strncmp(name, "fc.", 3))
        snprintf(other, sizeof other, "linear.%s", name + 3);
    else
        return NULL;
    return named(s, other);
}

static bool noted(search *s, const char *name, bool good) {
    if (!good && !s->missing)
        s->missing = atl_arena_string(&s->flat->ckpt->arena, name, strlen(name));
    return good;
}

static bool add_conv(search *s, const char *scope, const char *conv, const char *norm, atl_wanted w) {
    static const char *const leaves[NORM] = { "weight", "bias", "running_mean", "running_var" };
    atl_ckpt *ckpt = s->flat->ckpt;
    char name[NAME_MOST];
    snprintf(name, sizeof name, "%s%s.weight", scope, conv);
    if (!noted(s, name, atl_detector_conv(ckpt, s->d, name, either(s, name), w)))
        return false;
    for (int i = 0; i < NORM; i++) {
        snprintf(name, sizeof name, "%s%s.%s", scope, norm, leaves[i]);
        if (!noted(s, name, atl_detector_vector(ckpt, s->d, name, either(s, name), w.out, i > 1)))
            return false;
    }
    return true;
}

static bool add_unit(search *s, int stage, int index, int64_t *in) {
    int64_t c = s->channels << stage, out = s->bottleneck ? c * EXPANSION : c;
    char scope[32];
    snprintf(scope, sizeof scope, "layer%d.%d.", stage + 1, index);
    bool good = s->bottleneck ? add_conv(s, scope, "conv1", "bn1", (atl_wanted){ c, *in, 1, 1 }) &&
                                    add_conv(s, scope, "conv2", "bn2", (atl_wanted){ c, c, 3, 3 }) &&
                                    add_conv(s, scope, "conv3", "bn3", (atl_wanted){ out, c, 1, 1 })
                              : add_conv(s, scope, "conv1", "bn1", (atl_wanted){ c, *in, 3, 3 }) &&
                                    add_conv(s, scope, "conv2", "bn2", (atl_wanted){ c, c, 3, 3 });
    if (good && ((stage > 0 && index == 0) || *in != out))
        good = add_conv(s, scope, "downsample.0", "downsample.1", (atl_wanted){ out, *in, 1, 1 });
    *in = out;
    return good;
}

static bool add_all(search *s, int64_t stem) {
    int64_t in = s->channels;
    bool good = add_conv(s, "", "conv1", "bn1", (atl_wanted){ s->channels, 3, stem, stem });
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; good && i < s->units[stage]; i++)
            good = add_unit(s, stage, i, &in);
    if (!good || !s->classes)
        return good;
    atl_ckpt *ckpt = s->flat->ckpt;
    return noted(
               s, "fc.weight",
               atl_detector_dense(ckpt, s->d, "fc.weight", either(s, "fc.weight"), s->classes, in, false)) &&
           noted(s, "fc.bias",
                 atl_detector_vector(ckpt, s->d, "fc.bias", either(s, "fc.bias"), s->classes, false));
}

// Counts units; false: there are stages without any.
static bool measure(search *s, int64_t stem) {
    const atl_tensor *classes = tensor_of(either(s, "fc.weight"));
    char name[NAME_MOST];
    s->bottleneck = named(s, "layer1.0.conv3.weight") != NULL;
    s->classes = classes && classes->rank == 2 && classes->dims[0] <= 1 << 16 ? classes->dims[0] : 0;
    for (int stage = 0; stage < STAGES; stage++) {
        for (; s->units[stage] < UNITS_MOST; s->units[stage]++) {
            snprintf(name, sizeof name, "layer%d.%d.conv1.weight", stage + 1, s->units[stage]);
            if (!named(s, name))
                break;
        }
        if (!s->units[stage])
            return false;
    }
    return s->channels >= 1 && s->channels <= 1024 && (stem == 7 || stem == 3);
}

static json_t *config_of(const search *s, int64_t stem) {
    int side = stem == 3 ? 32 : 224;
    return json_pack("{s:i s:i s:[i,i,i,i] s:I s:I s:s s:s}", "height", side, "width", side, "units",
                     s->units[0], s->units[1], s->units[2], s->units[3], "channels", (json_int_t)s->channels,
                     "classes", (json_int_t)s->classes, "block", s->bottleneck ? "bottleneck" : "basic",
                     "stem", stem == 3 ? "cifar" : "imagenet");
}

atl_status atl_find_resnet(const atl_flat *flat) {
    atl_ckpt *ckpt = flat->ckpt;
    search s = { .flat = flat, .prefix = atl_flat_prefix(flat, "layer1_0_conv1_weight") };
    const atl_tensor *first = s.prefix ? tensor_of(named(&s, "conv1.weight")) : NULL;
    if (!first || first->rank != 4)
        return ATL_OK;
    int64_t stem = first->dims[2];
    s.channels = first->dims[0];
    if (!measure(&s, stem))
        return ATL_OK;
    size_t convolutions = 1;
    for (int i = 0; i < STAGES; i++)
        convolutions += (size_t)s.units[i] * (s.bottleneck ? 3 : 2) + 1;
    s.d = atl_detector_add(ckpt, "resnet", "resnet", convolutions * (1 + NORM) + 2);
    if (!s.d)
        return ATL_OK;
    if (!add_all(&s, stem)) {
        ckpt->detectors->size--;
        return atl_fail(
            ckpt->ctx, ATL_UNSUPPORTED,
            "%s: is a residual network whose %s is missing, or has another shape than that of a ResNet-18, "
            "-34, -50, -101 or -152",
            ckpt->path, s.missing ? s.missing : "layers");
    }
    s.d->config = config_of(&s, stem);
    return atl_detector_done(ckpt, s.d);
}
