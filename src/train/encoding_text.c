// SPDX-License-Identifier: Apache-2.0
// Options of encoders that are texts: losses with weights, trunks, schedules; see encoding.h.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/encoding.h"

enum { STAGES = 4, UNITS_MOST = 64, CHANNELS_LEAST = 16, CHANNELS_MOST = 4096, CROP_LEAST = 64 };
static const double WEIGHT_MOST = 1e6;

// What a loss needs, and what a run without it loses; NULL: nothing.
static const struct {
    const char *name, *needs, *lost;
} LOSSES[ATL_ENCODING_LOSSES] = {
    [ATL_LOSS_L2] = { "l2", NULL, NULL },
    [ATL_LOSS_LPIPS] = { "lpips", "lpips",
                         "without lpips nothing looks at texture: reconstructions come out softer" },
    [ATL_LOSS_ID] = { "id", "identity",
                      "without identity nothing looks at who it is: faces keep colours and pose, not the "
                      "person" },
    [ATL_LOSS_SIM] = { "sim", "similarity", NULL },
    [ATL_LOSS_W] = { "w", NULL, NULL },
    [ATL_LOSS_W_NORM] = { "w-norm", NULL, NULL },
    [ATL_LOSS_DELTA] = { "delta", NULL, NULL },
    [ATL_LOSS_ADV] = { "adv", NULL, NULL },
    [ATL_LOSS_L2_CROP] = { "l2-crop", NULL, NULL },
    [ATL_LOSS_LPIPS_CROP] = { "lpips-crop", "lpips", NULL },
};

bool atl_encoding_loss_name(int loss, const char **name) {
    *name = loss < ATL_ENCODING_LOSSES ? LOSSES[loss].name : NULL;
    return *name != NULL;
}

static bool has_network(const atl_encoding *e, const char *needs) {
    const atl_network *n = !needs                       ? NULL
                           : !strcmp(needs, "lpips")    ? &e->lpips
                           : !strcmp(needs, "identity") ? &e->identity
                                                        : &e->similarity;
    return !n || n->row;
}

// ---- losses

static int find_loss(const char *text, size_t length) {
    for (int i = 0; i < ATL_ENCODING_LOSSES; i++)
        if (strlen(LOSSES[i].name) == length && !memcmp(LOSSES[i].name, text, length))
            return i;
    return -1;
}

static atl_status bad_losses(const atl_trainer *t, const char *text) {
    return atl_fail(
        t->ctx, ATL_BAD_ARGUMENT,
        "losses %s: expected names and weights from 0 to %g, such as l2:1,lpips:0.8; there are l2, lpips, "
        "id, sim, w, w-norm, delta, adv, l2-crop and lpips-crop",
        text, WEIGHT_MOST);
}

static atl_status parse_losses(const atl_trainer *t, const char *text, atl_encoding *e) {
    memset(e->weights, 0, sizeof e->weights);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ":,");
        int loss = find_loss(at, length);
        char *end = NULL;
        double weight = at[length] == ':' ? strtod(at + length + 1, &end) : -1.0;
        if (loss < 0 || !(weight >= 0.0 && weight <= WEIGHT_MOST) || end == at + length + 1 ||
            (*end && *end != ',') || (*end && !end[1]))
            return bad_losses(t, text);
        e->weights[loss] = (float)weight;
        at = end + (*end == ',');
    }
    return *text ? ATL_OK : bad_losses(t, text);
}

static atl_status check_losses(const atl_trainer *t, const atl_encoding *e) {
    float sum = 0.0f;
    for (int i = 0; i < ATL_ENCODING_LOSSES; i++) {
        if (e->weights[i] > 0.0f && !has_network(e, LOSSES[i].needs))
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                            "losses %s: the loss %s needs a network, and %s names none", t->options.losses,
                            LOSSES[i].name, LOSSES[i].needs);
        sum += e->weights[i];
    }
    if (e->weights[ATL_LOSS_W] > 0.0f && !e->sampled)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "losses %s: the loss w compares with the ws that pictures are made of, which those of a set "
            "don't have: leave it or data out",
            t->options.losses);
    if ((e->weights[ATL_LOSS_ADV] > 0.0f || e->weights[ATL_LOSS_DELTA] > 0.0f) && !e->kind->type)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "losses %s: a hypernetwork has no ws to be judged: adv and delta are "
                        "not for it",
                        t->options.losses);
    if (e->weights[ATL_LOSS_LPIPS_CROP] > 0.0f && e->width < CROP_LEAST)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "losses %s: lpips-crop looks at the middle of pictures of at least %d pixels, and these have %d",
            t->options.losses, CROP_LEAST, e->width);
    if (!(sum > 0.0f))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "losses %s: all weights are 0", t->options.losses);
    return ATL_OK;
}

// Of pSp, by what it is shown.
static const char *published(const atl_encoding *e) {
    if (strcmp(e->kind->cfg, "psp") != 0 || !atl_encoding_has_inputs(e))
        return e->kind->losses;
    return e->in.n_factors ? "l2:1,lpips:0.8,id:0.1,w-norm:0.005"
           : e->in.form.channels != ATL_INPUT_COLOURS ? "l2:1,lpips:0.8,w-norm:0.005"
                                                      : e->kind->losses;
}

// The published weights of what can be computed, with what takes the place of identity where that is no
// matter.
static atl_status choose_losses(atl_trainer *t, atl_encoding *e) {
    char text[256] = "";
    size_t used = 0;
    ATL_TRY(parse_losses(t, published(e), e));
    if (!e->identity.row && e->similarity.row)
        e->weights[ATL_LOSS_SIM] = 0.5f; // as published for other domains
    for (int i = 0; i < ATL_ENCODING_LOSSES; i++) {
        bool instead = i == ATL_LOSS_ID && e->similarity.row;
        if (e->weights[i] == 0.0f)
            continue;
        if (has_network(e, LOSSES[i].needs))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%g", used ? "," : "",
                                     LOSSES[i].name, (double)e->weights[i]);
        else if (LOSSES[i].lost && !instead && e->n_lacks < ATL_ENCODING_LACKS)
            e->lacks[e->n_lacks++] = LOSSES[i].lost;
    }
    t->options.losses = atl_arena_printf(&t->texts, "%s", text);
    return t->options.losses ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_encoding_read_losses(atl_trainer *t, atl_encoding *e) {
    if (!strcmp(t->options.losses, "auto"))
        ATL_TRY(choose_losses(t, e));
    ATL_TRY(parse_losses(t, t->options.losses, e));
    return check_losses(t, e);
}

// ---- trunks

// Four numbers with commas at *at, which moves behind them.
static bool read_four(const char **at, int low, int high, int *values) {
    for (int i = 0; i < STAGES; i++) {
        char *end;
        long v = strtol(*at, &end, 10);
        if (end == *at || v < low || v > high || (i + 1 < STAGES && *end != ','))
            return false;
        values[i] = (int)v;
        *at = end + (i + 1 < STAGES);
    }
    return true;
}

// As published for pictures of 256 pixels; smaller pictures have less to be told of.
static const char *usual_trunk(const atl_encoding *e) {
    bool resnet = !e->kind->type;
    if (e->width >= 256)
        return resnet ? "3,4,6,3:64,128,256,512" : "3,4,14,3:64,128,256,512";
    return e->width >= 128 ? "2,2,4,2:32,64,128,256" : "1,1,2,1:32,64,96,128";
}

atl_status atl_encoding_read_trunk(atl_trainer *t, atl_encoding *e, int units[4], int channels[4]) {
    if (!strcmp(t->options.trunk, "auto"))
        t->options.trunk = usual_trunk(e);
    const char *at = t->options.trunk;
    bool good = read_four(&at, 1, UNITS_MOST, units) && *at++ == ':' &&
                read_four(&at, CHANNELS_LEAST, CHANNELS_MOST, channels) && !*at;
    if (!good)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "trunk %s: expected four numbers of units from 1 to %d and four of channels from %d to %d, such "
            "as 3,4,14,3:64,128,256,512",
            t->options.trunk, UNITS_MOST, CHANNELS_LEAST, CHANNELS_MOST);
    if (!t->options.style_width)
        t->options.style_width = e->width >= 256 ? e->w_dim : channels[3];
    return ATL_OK;
}

// ---- progress

// As published, 20000 steps of 200000 and 2000 for each layer, for runs of other lengths in proportion.
static const double WITH_ONE = 0.1, FOR_EACH = 0.01;

static atl_status choose_progress(atl_trainer *t, const atl_encoding *e) {
    double steps = t->options.kimg * 1000.0 / t->options.batch;
    double each = fmax(1.0, round(steps * FOR_EACH));
    t->options.progress =
        e->kind->grows ? atl_arena_printf(&t->texts, "%.0f:%.0f", round(steps * WITH_ONE), each) : "none";
    return t->options.progress ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_encoding_read_progress(atl_trainer *t, atl_encoding *e) {
    if (!strcmp(t->options.progress, "auto"))
        ATL_TRY(choose_progress(t, e));
    const char *text = t->options.progress;
    if (!strcmp(text, "none"))
        return ATL_OK;
    char *end;
    double from = strtod(text, &end), every = *end == ':' ? strtod(end + 1, &end) : 0.0;
    if (*end || !(from >= 0.0 && from <= 1e12 && every >= 1.0 && every <= 1e12))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "progress %s: expected numbers of steps, such as 20000:2000, or none", text);
    if (!e->kind->grows)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "progress %s: with cfg %s all layers have a w of their own from the start", text,
                        e->kind->cfg);
    e->from = (uint64_t)from;
    e->every = (uint64_t)every;
    return ATL_OK;
}
