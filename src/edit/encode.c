// SPDX-License-Identifier: Apache-2.0
// The loop of encoders: codes of a picture, and of what the generator makes of them; atelier/encode.h.
#include "edit/encode.h"

#include <math.h>
#include <string.h>

#include "data/inputs.h"
#include "edit/tuning.h"
#include "run/deltas.h"

enum { STEPS_USUAL = 5, STEPS_MOST = 1000, COLOURS = ATL_INPUT_COLOURS };

struct atl_encoder {
    atl_ctx *ctx;
    atl_programs *encoder, *generator;
    atl_encode_options o;
    atl_encoder_info info;
    int num_ws, own_ws; // of the generator, and of the encoder: 1 or as many
    size_t row_ws, row_img, row_input;
    float *average; // [num_ws, w_dim] which the first codes are added to; NULL: nothing
    float *start;   // the average picture, reduced, [3, height, width]; NULL: not needed
    float *rows;    // [n, channels of the network, height, width]
    float *made;    // [n, ...] pictures of the generator, where the caller wants none
    int room;       // n of the two
    atl_tuning tuning; // with a hypernetwork
};

// ---- opening

static atl_status check(atl_encoder *e) {
    const atl_model_dims *a = &e->encoder->network->dims, *b = &e->generator->network->dims;
    if (a->w_dim != b->w_dim || (a->num_ws != b->num_ws && a->num_ws != 1))
        return atl_fail(
            e->ctx, ATL_BAD_ARGUMENT,
            "the encoder makes %d w of %d numbers, and the generator takes %d of %d: choose the one that it "
            "was trained with, or one of the same size",
            a->num_ws, a->w_dim, b->num_ws, b->w_dim);
    if ((e->info.sees_result || e->tuning.count) && b->channels != COLOURS)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT,
                        "the encoder looks at pictures of %d channels, and the generator makes %d", COLOURS,
                        b->channels);
    if (e->o.steps < 0 || e->o.steps > STEPS_MOST || e->o.factor < 1 || e->o.factor > ATL_INPUT_FACTOR_MOST)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT,
                        "%d steps or a factor of %d: 1 to %d and 1 to %d are possible", e->o.steps,
                        e->o.factor, STEPS_MOST, ATL_INPUT_FACTOR_MOST);
    if (e->o.steps > 1 && !e->info.sees_result && !e->tuning.count)
        return atl_fail(
            e->ctx, ATL_BAD_ARGUMENT,
            "%d steps: this encoder does not see its result, so that a second step would change nothing",
            e->o.steps);
    if (e->o.noise_mode != ATL_NOISE_CONST && e->o.noise_mode != ATL_NOISE_NONE)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "encoding takes the noise modes const and none");
    return ATL_OK;
}

// Whether codes count from an average, as its file says.
static bool from_average(const atl_encoder *e) {
    return json_integer_value(json_object_get(e->encoder->network->json, "start_from_latent_avg")) != 0;
}

static atl_status average_of_generator(atl_encoder *e, atl_w_mean *mean) {
    const atl_model_dims *d = &e->generator->network->dims;
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = 0.0f;
    float *w = atl_calloc(e->ctx, (size_t)d->w_dim, sizeof *w);
    if (!w)
        return ATL_NO_MEMORY;
    atl_status status = atl_truncate(e->generator, mean, 1, w, NULL, &o, e->average);
    atl_free(e->ctx, w);
    return status;
}

static atl_status make_average(atl_encoder *e, atl_w_mean *mean) {
    const atl_params *params = &e->encoder->network->params;
    const atl_param *p = atl_params_find(params, "latent_avg");
    size_t w_dim = (size_t)e->encoder->network->dims.w_dim;
    e->average = atl_alloc(e->ctx, e->row_ws, sizeof *e->average);
    if (!e->average)
        return ATL_NO_MEMORY;
    if (e->o.average == ATL_ENCODER_AVERAGE_GENERATOR)
        return average_of_generator(e, mean);
    if (!p)
        return atl_fail(
            e->ctx, ATL_BAD_FILE,
            "the encoder's file has no latent_avg, which its codes are added to: the generator's own average "
            "can take its place");
    for (size_t i = 0; i < (size_t)e->num_ws; i++)
        memcpy(e->average + i * w_dim, atl_param_data(params, p) + (p->count > w_dim ? i * w_dim : 0),
               w_dim * sizeof *e->average);
    return ATL_OK;
}

static atl_status synthesize(atl_encoder *e, atl_programs *generator, int n, const float *ws, float *img) {
    atl_program *p;
    ATL_TRY(atl_programs_get(
        generator, &(atl_program_key){ .function = "synthesize", .n = n, .noise = e->o.noise_mode }, &p));
    ATL_TRY(atl_program_write(p, "ws", n, ws));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "img", n, img);
}

void atl_reduce_evenly(const float *x, int channels, int h, int w, float *y, int oh, int ow) {
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < oh * ow; i++) {
            int r = i / ow, q = i % ow;
            int top = (int)((int64_t)r * h / oh), bottom = (int)(((int64_t)(r + 1) * h + oh - 1) / oh);
            int left = (int)((int64_t)q * w / ow), right = (int)(((int64_t)(q + 1) * w + ow - 1) / ow);
            double sum = 0.0;
            for (int a = top; a < bottom; a++)
                for (int b = left; b < right; b++)
                    sum += (double)x[((size_t)c * (size_t)h + (size_t)a) * (size_t)w + (size_t)b];
            y[(size_t)c * (size_t)(oh * ow) + (size_t)i] = (float)(sum / ((bottom - top) * (right - left)));
        }
}

// A picture of the generator as the encoder sees it: the rows in its middle that have the input's shape (cars
// are made square, with bars), reduced.
static void show(const atl_encoder *e, const float *img, float *to) {
    const atl_model_dims *d = &e->generator->network->dims;
    int h = (int)((int64_t)d->width * e->info.height / e->info.width);
    h = h < 1 || h > d->height ? d->height : h;
    size_t skip = (size_t)(d->height - h) / 2 * (size_t)d->width,
           whole = (size_t)d->height * (size_t)d->width;
    size_t small = (size_t)e->info.height * (size_t)e->info.width;
    for (size_t c = 0; c < COLOURS; c++)
        atl_reduce_evenly(img + c * whole + skip, 1, h, d->width, to + c * small, e->info.height,
                          e->info.width);
}

// What the first step sees beside the picture.
static atl_status make_start(atl_encoder *e, atl_w_mean *mean) {
    if (!e->average)
        ATL_TRY(make_average(e, mean));
    float *img = atl_alloc(e->ctx, e->row_img, sizeof *img);
    e->start =
        atl_alloc(e->ctx, (size_t)COLOURS * (size_t)e->info.height * (size_t)e->info.width, sizeof *e->start);
    atl_status status = img && e->start ? synthesize(e, e->generator, 1, e->average, img) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        show(e, img, e->start);
    atl_free(e->ctx, img);
    return status;
}

// The hypernetwork sees pictures of the encoder's size.
static atl_status begin_tuning(atl_encoder *e, atl_programs *hypernet) {
    const atl_model_dims *a = &e->encoder->network->dims, *h = &hypernet->network->dims;
    if (h->channels != 2 * COLOURS || a->channels != COLOURS || a->height != h->height ||
        a->width != h->width)
        return atl_fail(
            e->ctx, ATL_BAD_ARGUMENT,
            "the hypernetwork looks at pictures of %dx%d pixels, %d channels with what was made of "
            "them, and the encoder at %dx%d pixels, %d channels",
            h->width, h->height, h->channels, a->width, a->height, a->channels);
    return atl_tuning_init(&e->tuning, hypernet, e->generator);
}

static atl_status begin(atl_encoder *e, atl_w_mean *mean) {
    const atl_model_dims *a = &e->encoder->network->dims, *b = &e->generator->network->dims;
    e->info = (atl_encoder_info){ .channels = a->channels, .height = a->height, .width = a->width };
    e->info.sees_result = a->channels == 2 * COLOURS;
    if (e->info.sees_result)
        e->info.channels = COLOURS;
    e->num_ws = b->num_ws;
    e->own_ws = a->num_ws;
    e->row_ws = (size_t)b->num_ws * (size_t)b->w_dim;
    e->row_img = (size_t)b->channels * (size_t)b->height * (size_t)b->width;
    e->row_input = (size_t)e->info.channels * (size_t)a->height * (size_t)a->width;
    ATL_TRY(check(e));
    bool several = e->info.sees_result || e->tuning.count;
    e->info.steps = e->o.steps ? e->o.steps : several ? STEPS_USUAL : 1;
    if (from_average(e))
        ATL_TRY(make_average(e, mean));
    return e->info.sees_result ? make_start(e, mean) : ATL_OK;
}

atl_status atl_encoder_make(atl_programs *encoder, atl_programs *generator, atl_programs *hypernet,
                            atl_w_mean *mean, const atl_encode_options *options, atl_encoder **out) {
    atl_ctx *ctx = encoder->network->ctx;
    atl_encoder *e = *out = atl_calloc(ctx, 1, sizeof *e);
    if (!e)
        return ATL_NO_MEMORY;
    *e = (atl_encoder){ .ctx = ctx, .encoder = encoder, .generator = generator, .o = *options };
    atl_status status = hypernet ? begin_tuning(e, hypernet) : ATL_OK;
    if (status == ATL_OK)
        status = begin(e, mean);
    if (status != ATL_OK)
        atl_encoder_close(out);
    return status;
}

void atl_encoder_close(atl_encoder **e_) {
    atl_encoder *e = e_ ? *e_ : NULL;
    if (!e)
        return;
    atl_free(e->ctx, e->average);
    atl_free(e->ctx, e->start);
    atl_free(e->ctx, e->rows);
    atl_free(e->ctx, e->made);
    atl_tuning_clear(&e->tuning);
    atl_free(e->ctx, e);
    *e_ = NULL;
}

const atl_encoder_info *atl_encoder_get_info(const atl_encoder *e) {
    return &e->info;
}

// ---- inputs

atl_status atl_encoder_input(atl_encoder *e, const atl_image *picture, float *input) {
    const atl_input_form form = { e->info.channels, e->info.height, e->info.width, e->o.factor };
    return atl_input_fill(e->ctx, &form, picture, input);
}

// ---- running

static atl_status make_room(atl_encoder *e, int n) {
    if (n <= e->room)
        return ATL_OK;
    int channels = e->tuning.count ? 2 * COLOURS : e->encoder->network->dims.channels;
    size_t row = (size_t)channels * (size_t)e->info.height * (size_t)e->info.width;
    atl_free(e->ctx, e->rows);
    atl_free(e->ctx, e->made);
    e->room = 0;
    e->rows = atl_alloc(e->ctx, (size_t)n * row, sizeof *e->rows);
    e->made = atl_alloc(e->ctx, (size_t)n * e->row_img, sizeof *e->made);
    if (!e->rows || !e->made)
        return ATL_NO_MEMORY;
    e->room = n;
    return ATL_OK;
}

// The picture, and behind it what was made of it so far; img NULL: the average picture.
static const float *rows_of(atl_encoder *e, int n, const float *inputs, const float *img) {
    size_t seen = (size_t)COLOURS * (size_t)e->info.height * (size_t)e->info.width;
    if (!e->info.sees_result)
        return inputs;
    for (size_t i = 0; i < (size_t)n; i++) {
        float *row = e->rows + i * (e->row_input + seen);
        memcpy(row, inputs + i * e->row_input, e->row_input * sizeof *row);
        if (img)
            show(e, img + i * e->row_img, row + e->row_input);
        else
            memcpy(row + e->row_input, e->start, seen * sizeof *row);
    }
    return e->rows;
}

// Codes of one step, added to what was there: `before` [n, num_ws, w_dim], or the average.
static atl_status add_codes(atl_encoder *e, int n, const float *rows, const float *before, float *ws) {
    size_t w_dim = e->row_ws / (size_t)e->num_ws;
    atl_program *p;
    ATL_TRY(atl_programs_get(e->encoder, &(atl_program_key){ .function = "encode", .n = n }, &p));
    ATL_TRY(atl_program_write(p, "img", n, rows));
    ATL_TRY(atl_program_run(p));
    size_t own = (size_t)e->own_ws * w_dim;
    float *read = atl_alloc(e->ctx, (size_t)n * own, sizeof *read);
    if (!read)
        return ATL_NO_MEMORY;
    atl_status status = atl_program_read(p, "codes", n, read);
    for (size_t i = 0; status == ATL_OK && i < (size_t)n * e->row_ws; i++) {
        size_t sample = i / e->row_ws, at = i % e->row_ws;
        float base = before ? before[i] : e->average && from_average(e) ? e->average[at] : 0.0f;
        ws[i] = base + read[sample * own + (e->own_ws == 1 ? at % w_dim : at)];
    }
    atl_free(e->ctx, read);
    return status;
}

// One picture: its w stays, and the generator changes.  img NULL: not wanted.
static atl_status tune(atl_encoder *e, int at, int n, const float *input, float *ws, float *img) {
    atl_tuning *t = &e->tuning;
    const float *codes = ws + (size_t)at * e->row_ws;
    ATL_TRY(synthesize(e, e->generator, 1, codes, e->made));
    atl_tuning_begin(t);
    for (int step = 0; step < e->info.steps; step++) {
        size_t to = (size_t)step * (size_t)n + (size_t)at;
        memcpy(e->rows, input, e->row_input * sizeof *e->rows);
        show(e, e->made, e->rows + e->row_input);
        ATL_TRY(atl_tuning_step(t, e->rows));
        if (img || step + 1 < e->info.steps)
            ATL_TRY(synthesize(e, &t->programs, 1, codes, e->made));
        if (img)
            memcpy(img + to * e->row_img, e->made, e->row_img * sizeof *img);
        memmove(ws + to * e->row_ws, codes, e->row_ws * sizeof *ws);
    }
    return ATL_OK;
}

atl_status atl_encoder_run(atl_encoder *e, int n, const float *inputs, float *ws, float *img) {
    const float *before = NULL, *seen = NULL;
    if (n < 1)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT, "%d pictures can't be encoded", n);
    ATL_TRY(make_room(e, n));
    if (e->tuning.count) {
        ATL_TRY(add_codes(e, n, inputs, NULL, ws));
        for (int i = 0; i < n; i++)
            ATL_TRY(tune(e, i, n, inputs + (size_t)i * e->row_input, ws, img));
        return ATL_OK;
    }
    for (int step = 0; step < e->info.steps; step++) {
        float *now = ws + (size_t)step * (size_t)n * e->row_ws;
        float *made = img ? img + (size_t)step * (size_t)n * e->row_img : e->made;
        ATL_TRY(add_codes(e, n, rows_of(e, n, inputs, seen), before, now));
        if (img || step + 1 < e->info.steps)
            ATL_TRY(synthesize(e, e->generator, n, now, made));
        before = now;
        seen = made;
    }
    return ATL_OK;
}

atl_status atl_encoder_save_deltas(const atl_encoder *e, const char *path, atl_dtype dtype) {
    if (!e->tuning.count)
        return atl_fail(e->ctx, ATL_BAD_ARGUMENT,
                        "%s: without a hypernetwork nothing of the generator has changed", path);
    return atl_deltas_write(e->tuning.base, &e->tuning.tuned, path, dtype);
}
