// SPDX-License-Identifier: Apache-2.0
// Latents in, directions out; see fit.h.
#include "fit_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "memory.h"

app_status app_fit_stopped(app_error *e) {
    return app_stop(e, "interrupted before a direction was found; nothing is written");
}

int app_fit_told(const app_fit_options *o, const char *what, size_t done, size_t total) {
    return o->progress && o->progress(o->user, what, done, total);
}

app_status app_fit_describe(atl_ctx *ctx, const atl_directions *found, const app_fit_found *about,
                            atl_directions **set, app_error *e) {
    char source[256];
    size_t count = atl_directions_size(found);
    atl_direction *list = app_array(count, 1, 1, sizeof *list, e);
    for (size_t i = 0; list && i < count; i++) {
        list[i] = *atl_directions_get(found, i);
        if (about->names)
            list[i].name = about->names[i];
        if (about->scales) {
            list[i].scale = about->scales[i];
            list[i].value = about->values[i];
            list[i].mean = about->mean;
        }
    }
    snprintf(source, sizeof source, "%016llx, %zu samples%s%s", (unsigned long long)about->info->fingerprint,
             about->samples, about->layer ? " of " : "", about->layer ? about->layer : "");
    app_status status = list ? APP_OK : APP_FAILED;
    if (list &&
        atl_directions_make(ctx, list, count, about->layer ? "ganspace" : atl_directions_method(found),
                            source, set) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    free(list);
    return status;
}

app_status app_fit_read(atl_ctx *ctx, atl_fit *fit, const app_fit_found *about, atl_directions **set,
                        app_error *e) {
    atl_directions *found;
    if (atl_fit_read(fit, &found) != ATL_OK)
        return app_fail_ctx(e, ctx);
    app_status status = app_fit_describe(ctx, found, about, set, e);
    atl_directions_close(&found);
    return status;
}

// ---- scores

// The judge's score of the pictures of a row.
typedef struct judge {
    atl_model *model;
    const atl_model_info *info;
    size_t output;
    float *img, *logits; // [channels, height, width], [num_logits]
} judge;

static void close_judge(judge *j) {
    atl_model_close(&j->model);
    free(j->img);
    free(j->logits);
}

// "FILE:3"
static app_status open_judge(atl_ctx *ctx, const char *source, judge *j, app_error *e) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    char *path = app_copy(source, e), *colon = path ? strrchr(path, ':') : NULL;
    if (!path)
        return APP_FAILED;
    if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        j->output = strtoul(colon + 1, NULL, 10);
        *colon = '\0';
    }
    o.net = "D";
    o.ignore_unused = 1;
    atl_status status = atl_model_open(ctx, path, &o, &j->model);
    app_status result = status == ATL_OK ? APP_OK : app_fail_ctx(e, ctx);
    if (result == APP_OK) {
        j->info = atl_model_get_info(j->model);
        j->img = app_array((size_t)j->info->channels, (size_t)j->info->height, (size_t)j->info->width,
                           sizeof(float), e);
        j->logits = j->img ? app_array((size_t)j->info->num_logits, 1, 1, sizeof(float), e) : NULL;
        result = j->logits ? APP_OK : APP_FAILED;
        if (result == APP_OK && j->output >= (size_t)j->info->num_logits)
            result = app_fail(e, "%s: has outputs 0 to %d", path, j->info->num_logits - 1);
    }
    free(path);
    return result;
}

// To the judge's size, by means of squares or repetition of pixels.
static app_status resize(const judge *j, const atl_model_info *from, const float *img, app_error *e) {
    int h = j->info->height, w = j->info->width;
    if (from->channels != j->info->channels || from->height % h * (h % from->height) != 0 ||
        from->width % w * (w % from->width) != 0)
        return app_fail(
            e,
            "pictures of %dx%d with %d channels don't become those of %dx%d with %d that the classifier "
            "takes",
            from->width, from->height, from->channels, w, h, j->info->channels);
    int fy = from->height > h ? from->height / h : 1, fx = from->width > w ? from->width / w : 1;
    int gy = h > from->height ? h / from->height : 1, gx = w > from->width ? w / from->width : 1;
    for (int c = 0; c < from->channels; c++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double sum = 0;
                for (int p = 0; p < fy; p++)
                    for (int q = 0; q < fx; q++)
                        sum += (double)img[((size_t)c * (size_t)from->height + (size_t)(y / gy * fy + p)) *
                                               (size_t)from->width +
                                           (size_t)(x / gx * fx + q)];
                j->img[((size_t)c * (size_t)h + (size_t)y) * (size_t)w + (size_t)x] =
                    (float)(sum / (fy * fx));
            }
    return APP_OK;
}

static app_status judged(atl_ctx *ctx, judge *j, app_render *r, double *score, app_error *e) {
    if (app_render_img(r, 1, r->ws, e) != APP_OK || resize(j, r->info, r->img, e) != APP_OK)
        return APP_FAILED;
    if (atl_model_discriminate(j->model, 1, j->img, NULL, j->logits) != ATL_OK)
        return app_fail_ctx(e, ctx);
    *score = (double)j->logits[j->output];
    return APP_OK;
}

// ---- latents with scores

static app_status check_rows(const app_render *r, const app_fit_options *o, const app_scores *s,
                             app_error *e) {
    static const char *const words[] = { "z", "w", "ws" };
    if (s->rows && s->rows != r->latents.count)
        return app_fail(e, "%s: has scores of %zu samples, and there are %zu latents", o->scores, s->rows,
                        r->latents.count);
    int have = r->latents.space == APP_Z ? 0 : r->latents.space == APP_W ? 1 : 2;
    if ((o->fit.space == ATL_DIRECTION_Z && have != 0) || (o->fit.space == ATL_DIRECTION_W && have == 2))
        return app_fail(e, "--space %s: the latents are %s; choose --space %s", words[o->fit.space],
                        words[have], words[have]);
    return APP_OK;
}

// A row's numbers in the space of the fit, after app_render_ws().
static const float *numbers_of(const app_render *r, const app_fit_options *o) {
    return o->fit.space == ATL_DIRECTION_Z ? r->latent : r->ws; // w: the first layer's, which all have
}

static app_status add_rows(atl_ctx *ctx, const app_fit_options *o, app_render *r, const app_scores *s,
                           judge *j, atl_fit *fit, app_error *e) {
    for (size_t i = 0; i < r->latents.count; i++) {
        double score;
        const double *scores = s->rows ? s->values + i * s->columns : &score;
        r->labels.only = 1;
        r->labels.first = r->labels.rows > 1 ? i : 0;
        if (app_render_ws(r, i, 1, e) != APP_OK || (j->model && judged(ctx, j, r, &score, e) != APP_OK))
            return APP_FAILED;
        if (atl_fit_add(fit, 1, numbers_of(r, o), scores) != ATL_OK)
            return app_fail_ctx(e, ctx);
        if (app_fit_told(o, j->model ? "pictures" : "latents", i + 1, r->latents.count))
            return app_fit_stopped(e);
    }
    return APP_OK;
}

static app_status fit_rows(atl_ctx *ctx, atl_model *model, const app_fit_options *o, const app_scores *s,
                           judge *j, atl_boundary_check *check, atl_directions **set, app_error *e) {
    const atl_model_info *info = atl_model_get_info(model);
    const app_render_source source = {
        .seeds = s->seeds ? s->seeds : o->seeds, .count = s->seeds ? s->rows : o->count, .walk = 1, .batch = 1
    };
    app_render r = { 0 };
    atl_fit_options f = o->fit;
    atl_fit *fit = NULL;
    app_status status = app_render_open(&r, ctx, model, &o->recipe, &source, e);
    r.recipe.psi = 1; // where truncation would pull all to one place
    if (status == APP_OK)
        status = check_rows(&r, o, s, e);
    f.rows = f.space == ATL_DIRECTION_WS ? info->num_ws : 1;
    f.width = f.space == ATL_DIRECTION_Z ? info->z_dim : info->w_dim;
    f.count = s->rows ? (int)s->columns : 1;
    if (status == APP_OK && f.method == ATL_FIT_BOUNDARY && f.count > 1)
        status = app_fail(e, "%s: has %d columns; a boundary takes one, as in %s:0", o->scores, f.count,
                          o->scores);
    if (status == APP_OK && atl_fit_open(ctx, &f, &fit) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    if (status == APP_OK)
        status = add_rows(ctx, o, &r, s, j, fit, e);
    if (status == APP_OK)
        status = app_fit_read(ctx, fit,
                              &(app_fit_found){ .info = info, .samples = r.latents.count, .names = s->names },
                              set, e); // a direction for each column
    if (status == APP_OK && check && atl_fit_check(fit))
        *check = *atl_fit_check(fit);
    atl_fit_close(&fit);
    app_render_close(&r);
    return status;
}

app_status app_fit_scores(atl_ctx *ctx, atl_model *model, const app_fit_options *o, atl_boundary_check *check,
                          atl_directions **set, app_error *e) {
    app_scores s = { 0 };
    judge j = { 0 };
    app_status status = APP_OK;
    *set = NULL;
    if (o->scores)
        status = app_scores_read(o->scores, &s, e);
    else if (o->good)
        status = app_scores_sorted(ctx, o->good, o->bad, atl_model_get_info(model)->fingerprint, &s, e);
    else
        status = open_judge(ctx, o->classifier, &j, e);
    if (status == APP_OK && s.seeds && (o->seeds || o->recipe.latents))
        status = app_fail(e, "%s says whose scores these are: --seeds and --latents don't go with it",
                          o->scores ? o->scores : o->good);
    if (status == APP_OK && !s.seeds && !o->seeds && !o->recipe.latents)
        status = app_fail(e, "expected --seeds LIST or --latents FILE: whose scores these are");
    if (status == APP_OK)
        status = fit_rows(ctx, model, o, &s, &j, check, set, e);
    app_scores_close(&s);
    close_judge(&j);
    return status;
}
