// SPDX-License-Identifier: Apache-2.0
// One function per alarm.  Each looks back over so many ticks that a healthy run's noise can't ring it; where
// a threshold comes from stands beside it.  A tick is 4 kimg unless the user says otherwise.
#include "alarms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "stats.h"

typedef struct view {
    const app_history *history;
    size_t tick;
} view;

// The `n` values of a scalar up to and with this tick, oldest first; 0 when one of them is missing or no
// finite number.
static int consecutive(const view *v, const char *name, size_t n, double *out) {
    const double *values = app_history_get(v->history, name);
    if (!values || v->tick + 1 < n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = values[v->tick + 1 - n + i];
        if (!isfinite(out[i]))
            return 0;
    }
    return 1;
}

// The last `n` measured values up to this tick, the newest first, with gaps between them; how many.
// *before: the tick of the oldest, so that all earlier ones lie in [0, *before).
static size_t measured(const view *v, const char *name, size_t n, double *out, size_t *before) {
    const double *values = app_history_get(v->history, name);
    size_t found = 0;
    *before = 0;
    for (size_t i = values ? v->tick + 1 : 0; i > 0 && found < n; i--) {
        if (!isfinite(values[i - 1]))
            continue;
        out[found++] = values[i - 1];
        *before = i - 1;
    }
    return found;
}

static double mean(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static double kimg(const view *v) {
    return v->history->kimg[v->tick];
}

// ---- Numbers that are none

static int is_watched(const char *name) {
    return !strncmp(name, "Loss/", 5) || !strncmp(name, "Gradient/", 9) || !strncmp(name, "Spread/", 7);
}

// One is enough: arithmetic never leads back from NaN.  In half precision a single infinite step can be
// survived, but weights that were updated with it can't.
static int not_finite(const view *v, app_alarm *a) {
    char names[200] = "";
    size_t count = 0, used = 0;
    for (size_t i = 0; i < v->history->count; i++) {
        const app_series *s = &v->history->series[i];
        if (!is_watched(s->name) || !isinf(s->values[v->tick]))
            continue;
        if (count++ < 3 && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%.50s", used ? ", " : "", s->name);
    }
    if (!count)
        return 0;
    a->fatal = 1;
    snprintf(
        a->text, sizeof a->text,
        "%s%s %s no finite number at %g kimg. The networks are lost; go on from the last snapshot before "
        "this, with a larger gamma (2 to 4 times) or a smaller learning rate (half).",
        names, count > 3 ? ", ..." : "", count == 1 ? "is" : "are", kimg(v));
    return 1;
}

// ---- Fakes that are all alike

// Over a healthy run the spread of the fakes grows to that of the reals and then stays within some ten
// percent of it; where all pictures become variants of one, it falls to a small part.  Two grids, so that a
// single odd snapshot does not count; below half of what it once was, so that a start from gray pictures
// does not count; and below 0.4 of the reals', so that a wild start does not count.  What was measured in the
// first 100 kimg is no peak: an untrained network draws noise, which is more varied than any picture.
static const double collapse_of_peak = 0.5, collapse_of_reals = 0.4, collapse_young = 100;

static int collapse(const view *v, app_alarm *a) {
    double last[2], peak = 0;
    size_t before;
    if (measured(v, APP_STAT_FAKE_SPREAD, 2, last, &before) < 2)
        return 0;
    const double *spread = app_history_get(v->history, APP_STAT_FAKE_SPREAD);
    for (size_t i = 0; i < before; i++)
        if (v->history->kimg[i] >= collapse_young && isfinite(spread[i]) && spread[i] > peak)
            peak = spread[i];
    double worst = last[0] > last[1] ? last[0] : last[1], reals, bound = collapse_of_peak * peak;
    if (measured(v, APP_STAT_REAL_SPREAD, 1, &reals, &before) && collapse_of_reals * reals < bound)
        bound = collapse_of_reals * reals;
    if (worst >= bound)
        return 0;
    snprintf(
        a->text, sizeof a->text,
        "The fakes have become alike: their spread fell from %.3g to %.3g. The generator is collapsing; go "
        "on "
        "from a snapshot before the fall with a larger gamma (2 to 4 times), and look for near duplicates "
        "in the training set.",
        peak, last[0]);
    return 1;
}

// Wasserstein's scores have no zero that parts reals from fakes, and D's loss is mostly their distance, taken
// negative: signs say nothing there.  The other losses are never negative.
static int has_signs(const view *v) {
    double loss, length;
    return !(consecutive(v, APP_STAT_D_LOSS, 1, &loss) && loss < 0) &&
           !consecutive(v, APP_STAT_GRADIENT_LENGTH, 1, &length);
}

// ---- A discriminator that is always right

// The logistic losses of D at scores of +-4.3 and beyond are below 2 * 0.0135; sound runs stay above 0.3 (D
// is uncertain about a fifth of the pictures and more).  While D is that sure, the non-saturating loss of G
// still has a gradient, but it points to no better picture (Arjovsky and Bottou 2017).
enum { WON_TICKS = 8 };
static const double won_loss = 0.05, won_signs = 0.98;

static int d_won(const view *v, app_alarm *a) {
    double loss[WON_TICKS], real[WON_TICKS], fake[WON_TICKS];
    if (!has_signs(v) || !consecutive(v, APP_STAT_D_LOSS, WON_TICKS, loss) ||
        !consecutive(v, APP_STAT_REAL_SIGNS, WON_TICKS, real) ||
        !consecutive(v, APP_STAT_FAKE_SIGNS, WON_TICKS, fake))
        return 0;
    for (int i = 0; i < WON_TICKS; i++)
        if (loss[i] > won_loss || real[i] < won_signs || fake[i] > -won_signs)
            return 0;
    snprintf(
        a->text, sizeof a->text,
        "For %d ticks the discriminator has told every picture (its loss is %.2g), and the generator learns "
        "nothing from it. Go on from an earlier snapshot with a larger gamma (4 times) or a smaller learning "
        "rate of the discriminator; with few pictures use adaptive augmentation.",
        WON_TICKS, loss[WON_TICKS - 1]);
    return 1;
}

// ---- A discriminator that tells nothing

// Scores of 0 give D the loss 2 log 2.  Every run starts there, and a sound one leaves it within some ten
// kimg.
enum { STALLED_TICKS = 12 };
static const double stalled_loss = 1.3863, stalled_width = 0.01, stalled_scores = 0.02;

static int d_stalled(const view *v, app_alarm *a) {
    double loss[STALLED_TICKS], real[STALLED_TICKS], fake[STALLED_TICKS];
    if (!consecutive(v, APP_STAT_D_LOSS, STALLED_TICKS, loss) ||
        !consecutive(v, APP_STAT_REAL_SCORES, STALLED_TICKS, real) ||
        !consecutive(v, APP_STAT_FAKE_SCORES, STALLED_TICKS, fake))
        return 0;
    for (int i = 0; i < STALLED_TICKS; i++)
        if (fabs(loss[i] - stalled_loss) > stalled_width || fabs(real[i] - fake[i]) > stalled_scores)
            return 0;
    snprintf(a->text, sizeof a->text,
             "For %d ticks the discriminator has scored reals and fakes alike (its loss is %.3f, that of a "
             "guess). "
             "Its penalty outweighs what it could learn: use a smaller gamma (a tenth), or check that the "
             "pictures of reals.png are what you meant.",
             STALLED_TICKS, loss[STALLED_TICKS - 1]);
    return 1;
}

// ---- Augmentation that runs away

// Augmentations begin to leak into the fakes at a probability of about 0.8 (Karras et al. 2020a, figure 4);
// above 0.85 and still rising, p will not settle below.  The official trainers let it pass 1, where no
// picture is left as it was.
enum { AUGMENT_TICKS = 8 };
static const double augment_leaks = 0.85, augment_rise = 0.01;

static int augmentation(const view *v, app_alarm *a) {
    double p[AUGMENT_TICKS], now;
    if (!consecutive(v, APP_STAT_AUGMENT, 1, &now) || now <= augment_leaks)
        return 0;
    int rising = consecutive(v, APP_STAT_AUGMENT, AUGMENT_TICKS, p) && now > p[0] + augment_rise;
    if (now < 1 && !rising)
        return 0;
    snprintf(
        a->text, sizeof a->text,
        "Augmentation runs away: p is %.2f%s, and from about 0.8 on augmented pictures show up among the "
        "fakes. The set is too small for a run of this length: add pictures, mirror them (--mirror), start "
        "from a trained network (--resume), use a larger gamma, or keep the best snapshot so far.",
        now, rising ? " and rising" : "");
    return 1;
}

// ---- A discriminator that knows the set by heart

// r_t, the mean sign of real scores, nears 1 as D overfits; adaptive augmentation holds it at 0.6 (Karras et
// al. 2020a, section 3).  Before 500 kimg a high r_t may only mean that the fakes are still poor.
enum { OVERFIT_TICKS = 16 };
static const double overfit_signs = 0.9, overfit_kimg = 500;

static int overfitting(const view *v, app_alarm *a) {
    double real[OVERFIT_TICKS];
    app_alarm other;
    if (!has_signs(v) || kimg(v) < overfit_kimg || !consecutive(v, APP_STAT_REAL_SIGNS, OVERFIT_TICKS, real) ||
        mean(real, OVERFIT_TICKS) < overfit_signs || d_won(v, &other))
        return 0;
    snprintf(
        a->text, sizeof a->text,
        "The discriminator knows the training set by heart: over %d ticks it called %.0f%% of the reals real "
        "(about 80%% is sound). From here on fakes get worse: use adaptive augmentation, mirror the pictures "
        "(--mirror), use a larger gamma, or keep the best snapshot so far.",
        OVERFIT_TICKS, 50 * (1 + mean(real, OVERFIT_TICKS)));
    return 1;
}

// ---- A generator without a gradient

// The norm wanders within a factor of ten or so; a thousandth of its usual size (the geometric mean, which a
// few spikes do not move, of up to 200 ticks before) for 4 ticks means saturated activations or a D that is
// flat around the fakes.
enum { GRADIENT_TICKS = 4, GRADIENT_BEFORE = 200, GRADIENT_LEAST = 16 };
static const double gradient_part = 1e-3;

static int g_gradient(const view *v, app_alarm *a) {
    double last[GRADIENT_TICKS], logs = 0, usual;
    size_t before, count = 0;
    if (measured(v, APP_STAT_G_GRADIENT, GRADIENT_TICKS, last, &before) < GRADIENT_TICKS)
        return 0;
    const double *norm = app_history_get(v->history, APP_STAT_G_GRADIENT);
    for (size_t i = before; i > 0 && count < GRADIENT_BEFORE; i--) {
        if (!isfinite(norm[i - 1]) || norm[i - 1] <= 0)
            continue;
        logs += log(norm[i - 1]);
        count++;
    }
    if (count < GRADIENT_LEAST)
        return 0;
    usual = exp(logs / (double)count);
    for (int i = 0; i < GRADIENT_TICKS; i++)
        if (last[i] >= gradient_part * usual)
            return 0;
    snprintf(
        a->text, sizeof a->text,
        "The generator's gradient vanishes: its norm is %.2g, usually %.2g. It has stopped learning; go on "
        "from a snapshot before this with a larger gamma (2 to 4 times) or a smaller learning rate (half).",
        last[0], usual);
    return 1;
}

// ---- All of them

typedef struct rule {
    const char *name;
    int (*rings)(const view *v, app_alarm *a); // 1: it fills `text` and, where it is so, `fatal`
} rule;

static const rule rules[APP_ALARM_KINDS] = {
    // in the order of app_alarm_kind
    { "not-finite", not_finite },   { "collapse", collapse },   { "d-won", d_won },
    { "g-gradient", g_gradient },   { "d-stalled", d_stalled }, { "augmentation", augmentation },
    { "overfitting", overfitting },
};

const char *app_alarm_name(app_alarm_kind kind) {
    return rules[kind].name;
}

int app_alarm_goes_on(app_ringing *r, size_t tick) {
    enum { SILENCE = 4 };
    int same = r->known && tick - r->tick <= SILENCE;
    *r = (app_ringing){ 1, tick };
    return same;
}

int app_alarms_check(const app_history *history, size_t tick, app_alarm alarms[APP_ALARM_KINDS]) {
    const view v = { history, tick };
    int count = 0;
    if (tick >= history->ticks)
        return 0;
    for (int i = 0; i < APP_ALARM_KINDS; i++) {
        alarms[count] = (app_alarm){ .kind = (app_alarm_kind)i };
        count += rules[i].rings(&v, &alarms[count]);
    }
    return count;
}
