// SPDX-License-Identifier: Apache-2.0
// Which augmentations there are, and how strong they should be: see augment.h.  Nodes are made in augment_nodes.c,
// numbers in augment_params.c and augment_draw.c.
#include "train/augment.h"

#include <math.h>
#include <string.h>

atl_augment_config atl_augment_off(void) {
    return (atl_augment_config){ .xint_max = 0.125f, .scale_std = 0.2f, .rotate_max = 1.0f, .aniso_std = 0.2f,
                                 .xfrac_std = 0.125f, .brightness_std = 0.2f, .contrast_std = 0.5f, .hue_max = 1.0f,
                                 .saturation_std = 1.0f, .imgfilter_bands = { 1.0f, 1.0f, 1.0f, 1.0f },
                                 .imgfilter_std = 1.0f, .noise_std = 0.1f, .cutout_size = 0.5f };
}

enum { BLIT = 1, GEOM = 2, COLOR = 4, FILTER = 8, NOISE = 16, CUTOUT = 32 };

static const struct {
    const char *name;
    unsigned groups;
} PIPES[] = {
    { "blit", BLIT },
    { "geom", GEOM },
    { "color", COLOR },
    { "filter", FILTER },
    { "noise", NOISE },
    { "cutout", CUTOUT },
    { "bg", BLIT | GEOM },
    { "bgc", BLIT | GEOM | COLOR },
    { "bgcf", BLIT | GEOM | COLOR | FILTER },
    { "bgcfn", BLIT | GEOM | COLOR | FILTER | NOISE },
    { "bgcfnc", BLIT | GEOM | COLOR | FILTER | NOISE | CUTOUT },
};

bool atl_augment_pipe(const char *name, atl_augment_config *config) {
    for (size_t i = 0; i < sizeof PIPES / sizeof *PIPES; i++) {
        if (strcmp(name, PIPES[i].name) != 0)
            continue;
        unsigned groups = PIPES[i].groups;
        atl_augment_config c = atl_augment_off();
        if (groups & BLIT)
            c.xflip = c.rotate90 = c.xint = 1.0f;
        if (groups & GEOM)
            c.scale = c.rotate = c.aniso = c.xfrac = 1.0f;
        if (groups & COLOR)
            c.brightness = c.contrast = c.lumaflip = c.hue = c.saturation = 1.0f;
        c.imgfilter = groups & FILTER ? 1.0f : 0.0f;
        c.noise = groups & NOISE ? 1.0f : 0.0f;
        c.cutout = groups & CUTOUT ? 1.0f : 0.0f;
        *config = c;
        return true;
    }
    return false;
}

// Karras et al. 2020, section 3.1: by a fixed amount, up when overfitting is too strong, else down.
float atl_augment_adapt(float p, double mean_sign, double target, double images, double kimg, bool *limit) {
    double sign = mean_sign > target ? 1.0 : mean_sign < target ? -1.0 : 0.0;
    double next = (double)p + (sign != 0.0 ? sign * images / (kimg * 1000.0) : 0.0);
    if (limit)
        *limit = next > 1.0;
    return (float)fmin(fmax(next, 0.0), 1.0);
}
