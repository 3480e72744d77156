// SPDX-License-Identifier: Apache-2.0
// The augmentation pipe against recorded images and gradients of the official one: at fixed percentiles, with its
// random numbers given, with other constants, on gray and on oblong images.
#include "augment.h"

#include <atelier/array.h>
#include "cpu/geom.h"
#include "train/augment_draw.h"

// Relative L2 of an image or a gradient.  Both sides compute in float32: some hundred operations per pixel give 1e-6,
// and cosines of angles near 3 that are 1e-7 off move a pixel by 1e-6 of the image's size.
static const double BOUND = 1e-5;

static double worst; // of the running test

static atl_arrays *open_set(fixture *f, const char *name) {
    char path[1024];
    const char *data = getenv("ATL_TEST_DATA");
    atl_arrays *set;
    snprintf(path, sizeof path, "%s/ada/%s.safetensors", data ? data : "tests/data", name);
    if (atl_arrays_open(f->ctx, path, &set) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    return set;
}

static const atl_array *array(const atl_arrays *set, const char *name, const char *part) {
    char full[96];
    snprintf(full, sizeof full, "%s%s", name, part);
    return atl_arrays_find(set, full);
}

static float *numbers(const atl_array *a) {
    assert_non_null(a);
    int64_t count = atl_array_count(a);
    float *v = malloc((size_t)count * sizeof *v);
    assert_non_null(v);
    atl_array_read_f32(a, 0, count, v);
    return v;
}

static float *pixels(const atl_array *a) { // [n, c, h, w] -> [n, h, w, c]
    float *v = numbers(a), *r = numbers(a);
    int64_t c = a->dims[1], size = a->dims[2] * a->dims[3];
    for (int64_t i = 0; i < a->dims[0]; i++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t p = 0; p < size; p++)
                r[(i * size + p) * c + k] = v[(i * c + k) * size + p];
    free(v);
    return r;
}

static void compare(const char *name, const char *what, const atl_plan *plan, const atl_node *x, const atl_array *a) {
    float *ours = values_of(plan, x), *truth = numbers(a);
    double e = relative(ours, truth, (size_t)atl_array_count(a));
    if (!(e <= BOUND))
        fail_msg("%s: %s is %.3g away", name, what, e);
    worst = fmax(worst, e);
    free(ours);
    free(truth);
}

typedef struct pipe_case {
    const char *name;
    const atl_array *x, *dy, *y, *dx;   // dx: NULL when not recorded
    atl_augment_config config;
    float p;
    const atl_augment_source *source;   // NULL: at percentile p
    const float *noise;                 // [n, h, w, c]
} pipe_case;

static void check(fixture *f, const pipe_case *c) {
    atl_graph *g = &f->g;
    atl_graph_init(g, f->ctx);
    float *x = numbers(c->x), *dy = numbers(c->dy);
    atl_shape shape = atl_shape_make(c->x->rank, c->x->dims);
    atl_node *img = atl_const(g, shape, x), *out[2];
    atl_augment a;
    out[0] = to_planes(g, atl_augment_build(g, &c->config, to_pixels(g, img), &a));
    atl_grad(g, dot_node(g, out[0], atl_const(g, shape, dy)), &img, 1, &out[1]);
    atl_plan *plan = plan_of(f, out, 2);
    atl_augment_params *params;
    assert_int_equal(atl_augment_params_make(f->ctx, &a, &params), ATL_OK);
    if (c->source)
        atl_augment_draw_from(params, c->p, c->source);
    else
        atl_augment_percentile(params, c->p, c->noise);
    atl_augment_write(params, &a, plan);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    compare(c->name, "the image", plan, out[0], c->y);
    if (c->dx)
        compare(c->name, "the gradient", plan, out[1], c->dx);
    atl_augment_params_free(&params);
    assert_null(params);
    atl_plan_close(&plan);
    atl_graph_clear(g);
    atl_graph_init(g, f->ctx);
    free(x);
    free(dy);
}

// ---- configs from words

static const struct {
    const char *name;
    size_t at;
} FIELDS[] = {
#define FIELD(name) { #name, offsetof(atl_augment_config, name) }
    FIELD(xflip), FIELD(rotate90), FIELD(xint), FIELD(xint_max), FIELD(scale), FIELD(scale_std), FIELD(rotate),
    FIELD(rotate_max), FIELD(aniso), FIELD(aniso_std), FIELD(xfrac), FIELD(xfrac_std), FIELD(brightness),
    FIELD(brightness_std), FIELD(contrast), FIELD(contrast_std), FIELD(lumaflip), FIELD(hue), FIELD(hue_max),
    FIELD(saturation), FIELD(saturation_std), FIELD(imgfilter), FIELD(imgfilter_bands), FIELD(imgfilter_std),
    FIELD(noise), FIELD(noise_std), FIELD(cutout), FIELD(cutout_size),
};

// "xflip rotate_max=0.4 imgfilter_bands=1,0,1,0.5": a word without a value is 1.  Separators are blanks, or commas.
static atl_augment_config config_of(const char *words, const char *separators, float *percentile) {
    atl_augment_config c = atl_augment_off();
    char text[512], *rest = text;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, separators, &rest); word; word = strtok_r(NULL, separators, &rest)) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = 0;
        if (percentile && !strcmp(word, "percentile")) {
            *percentile = strtof(value, NULL);
            continue;
        }
        size_t i = 0;
        while (i < sizeof FIELDS / sizeof *FIELDS && strcmp(FIELDS[i].name, word) != 0)
            i++;
        assert_true(i < sizeof FIELDS / sizeof *FIELDS);
        float *to = (float *)(void *)((char *)&c + FIELDS[i].at);
        *to = value ? strtof(value, &value) : 1.0f;
        while (value && *value == ',')
            *++to = strtof(value + 1, &value);
    }
    return c;
}

// ---- the tests

static void percentiles(void **state) {
    static const char *const NAMES[] = { "xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac",
                                         "brightness", "contrast", "lumaflip", "hue", "saturation", "imgfilter",
                                         "noise", "cutout", "blit", "geom", "color", "bg", "bgc", "bgcf", "bgcfn",
                                         "bgcfnc" };
    static const char *const AT[] = { "0.1", "0.35", "0.8" };
    fixture *f = *state;
    atl_arrays *set = open_set(f, "percentile");
    int found[sizeof NAMES / sizeof *NAMES] = { 0 };
    worst = 0.0;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        for (size_t k = 0; k < sizeof AT / sizeof *AT; k++) {
            char name[64], noise[64];
            snprintf(name, sizeof name, "%s@%s", NAMES[i], AT[k]);
            snprintf(noise, sizeof noise, "%s.noise", NAMES[i]);
            if (!array(set, name, ".y"))
                continue;
            float *unit = atl_arrays_find(set, noise) ? pixels(atl_arrays_find(set, noise)) : NULL;
            pipe_case c = { .name = name, .x = atl_arrays_find(set, "x"), .dy = atl_arrays_find(set, "dy"),
                            .y = array(set, name, ".y"), .dx = array(set, name, ".dx"),
                            .config = config_of(atl_arrays_metadata(set, NAMES[i]), " ", NULL),
                            .p = strtof(AT[k], NULL), .noise = unit };
            atl_augment_config pipe;
            if (atl_augment_pipe(NAMES[i], &pipe))
                assert_memory_equal(&pipe, &c.config, sizeof pipe);
            check(f, &c);
            free(unit);
            found[i]++;
        }
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        assert_true(found[i] > 0);
    printf("    worst %.2e (at most %.0e)\n", worst, BOUND);
    atl_arrays_close(&set);
}

static void other_constants_and_shapes(void **state) {
    fixture *f = *state;
    atl_arrays *set = open_set(f, "params");
    int cases = atoi(atl_arrays_metadata(set, "cases"));
    assert_in_range(cases, 1, 99);
    worst = 0.0;
    for (int i = 0; i < cases; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%02d", i);
        pipe_case c = { .name = name, .x = array(set, name, ".x"), .dy = array(set, name, ".dy"),
                        .y = array(set, name, ".y"), .dx = array(set, name, ".dx") };
        c.config = config_of(atl_arrays_metadata(set, name), " ", &c.p);
        check(f, &c);
    }
    printf("    worst %.2e (at most %.0e)\n", worst, BOUND);
    float *geom = numbers(atl_arrays_find(set, "Hz_geom")), *bands = numbers(atl_arrays_find(set, "Hz_fbank"));
    assert_memory_equal(geom, atl_cpu_geom_filter, sizeof atl_cpu_geom_filter);
    float bank[ATL_BANDS][ATL_BAND_TAPS];
    atl_augment_bands(bank);
    for (int i = 0; i < ATL_BANDS * ATL_BAND_TAPS; i++) // recorded with 1e-13 where ours is exact
        assert_true(fabsf(bank[i / ATL_BAND_TAPS][i % ATL_BAND_TAPS] - bands[i]) < 1e-12f);
    free(geom);
    free(bands);
    atl_arrays_close(&set);
}

// ---- recorded numbers, in the order in which the official pipe draws them

typedef struct recorded {
    const atl_arrays *set;
    const char *name;
    struct { int draw, part; } at[ATL_DRAWS];
    int noise;
    int draws;
} recorded;

static void take(recorded *r, float strength, int which, int second, int gate) {
    if (strength <= 0.0f)
        return;
    r->at[which].draw = r->draws;
    if (second >= 0) {
        r->at[second].draw = r->draws;
        r->at[second].part = 1;
    }
    r->at[gate].draw = r->draws + 1;
    r->draws += 2;
}

static void take_all(recorded *r, const atl_augment_config *o) {
    take(r, o->xflip, ATL_DRAW_XFLIP, -1, ATL_DRAW_XFLIP_GATE);
    take(r, o->rotate90, ATL_DRAW_ROTATE90, -1, ATL_DRAW_ROTATE90_GATE);
    take(r, o->xint, ATL_DRAW_XINT_X, ATL_DRAW_XINT_Y, ATL_DRAW_XINT_GATE);
    take(r, o->scale, ATL_DRAW_SCALE, -1, ATL_DRAW_SCALE_GATE);
    take(r, o->rotate, ATL_DRAW_ROTATE_PRE, -1, ATL_DRAW_ROTATE_PRE_GATE);
    take(r, o->aniso, ATL_DRAW_ANISO, -1, ATL_DRAW_ANISO_GATE);
    take(r, o->rotate, ATL_DRAW_ROTATE_POST, -1, ATL_DRAW_ROTATE_POST_GATE);
    take(r, o->xfrac, ATL_DRAW_XFRAC_X, ATL_DRAW_XFRAC_Y, ATL_DRAW_XFRAC_GATE);
    take(r, o->brightness, ATL_DRAW_BRIGHTNESS, -1, ATL_DRAW_BRIGHTNESS_GATE);
    take(r, o->contrast, ATL_DRAW_CONTRAST, -1, ATL_DRAW_CONTRAST_GATE);
    take(r, o->lumaflip, ATL_DRAW_LUMAFLIP, -1, ATL_DRAW_LUMAFLIP_GATE);
    take(r, o->hue, ATL_DRAW_HUE, -1, ATL_DRAW_HUE_GATE);
    take(r, o->saturation, ATL_DRAW_SATURATION, -1, ATL_DRAW_SATURATION_GATE);
    for (int b = 0; b < ATL_BANDS; b++)
        take(r, o->imgfilter, ATL_DRAW_IMGFILTER + b, -1, ATL_DRAW_IMGFILTER_GATE + b);
    take(r, o->noise, ATL_DRAW_NOISE, -1, ATL_DRAW_NOISE_GATE);
    if (o->noise > 0)
        r->noise = r->draws++;
    take(r, o->cutout, ATL_DRAW_CUTOUT_GATE, -1, ATL_DRAW_CUTOUT_X);
    r->at[ATL_DRAW_CUTOUT_Y].draw = r->at[ATL_DRAW_CUTOUT_X].draw;
    r->at[ATL_DRAW_CUTOUT_Y].part = 1;
}

static const atl_array *drawn(const recorded *r, int draw, char kind) {
    char part[16];
    snprintf(part, sizeof part, ".draw%02d.%c", draw, kind);
    const atl_array *a = array(r->set, r->name, part);
    if (!a)
        fail_msg("%s: draw %d is not of kind %c", r->name, draw, kind);
    return a;
}

static float recorded_number(void *state, int64_t sample, atl_draw which) {
    const recorded *r = state;
    const atl_array *a = drawn(r, r->at[which].draw, which < ATL_DRAW_NORMAL ? 'u' : 'n');
    float v;
    atl_array_read_f32(a, sample * (atl_array_count(a) / a->dims[0]) + r->at[which].part, 1, &v);
    return v;
}

static void recorded_image(void *state, int64_t sample, size_t count, float *image) {
    const recorded *r = state;
    float *all = pixels(drawn(r, r->noise, 'n'));
    memcpy(image, all + (size_t)sample * count, count * sizeof *image);
    free(all);
}

static void recorded_draws(void **state) {
    static const char *const NAMES[] = { "bgc.p1.0", "bgc.p0.5", "bgcf.p0.7", "bgcfnc.p0.9", "geom.p1.0", "blit.p0.6" };
    fixture *f = *state;
    atl_arrays *set = open_set(f, "random");
    int found = 0;
    worst = 0.0;
    for (size_t i = 0; i < 2 * sizeof NAMES / sizeof *NAMES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.%d", NAMES[i / 2], (int)(i & 1));
        const char *words = atl_arrays_metadata(set, name), *augs = words ? strstr(words, "augs=") : NULL;
        if (!augs || !array(set, name, ".y"))
            continue;
        pipe_case c = { .name = name, .x = array(set, name, ".x"), .dy = array(set, name, ".dy"),
                        .y = array(set, name, ".y"), .dx = array(set, name, ".dx"),
                        .config = config_of(augs + 5, ",", NULL) };
        recorded r = { .set = set, .name = name };
        take_all(&r, &c.config);
        assert_non_null(strstr(words, "draws="));
        assert_int_equal(r.draws, atoi(strstr(words, "draws=") + 6));
        c.p = strtof(strstr(words, "p=") + 2, NULL);
        c.source = &(atl_augment_source){ &r, recorded_number, recorded_image };
        check(f, &c);
        found++;
    }
    assert_true(found >= 5);
    printf("    %d cases, worst %.2e (at most %.0e)\n", found, worst, BOUND);
    atl_arrays_close(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(percentiles, setup, teardown),
        cmocka_unit_test_setup_teardown(other_constants_and_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(recorded_draws, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
