// SPDX-License-Identifier: Apache-2.0
// Searches as a program makes them: known pictures are found again, results don't depend on the batch, masks,
// states, what is refused; and networks that are tuned around a pivot.
#include "../../golden/golden.h"

#include <unistd.h>

#include <atelier/directions.h>
#include <atelier/project.h>
#include <atelier/rng.h>

// Adam divides gradients by their size, so that the last bits of small ones count: 5e-5 is what was seen of w
// after three steps.
static const double ROUNDED = 1e-3;

enum { PIXELS = 3 * 64 * 64, STEPS = 60 };

typedef struct place {
    atl_ctx *ctx;
    atl_model *g;
    const atl_model_info *info;
    float *targets, *ws; // of two seeds
    size_t row;
    char file[64];
} place;

static int setup(void **state) {
    place *p = calloc(1, sizeof *p);
    char path[1024];
    assert_non_null(p);
    assert_int_equal(atl_ctx_open(&p->ctx, NULL), ATL_OK);
    if (atl_model_open(p->ctx, golden_path(path, "trained", "portraits-64", ".safetensors"), NULL, &p->g) !=
        ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    p->info = atl_model_get_info(p->g);
    p->row = (size_t)p->info->num_ws * (size_t)p->info->w_dim;
    float *z = calloc(2, (size_t)p->info->z_dim * sizeof *z);
    p->targets = calloc(2, PIXELS * sizeof *p->targets);
    p->ws = calloc(2, p->row * sizeof *p->ws);
    assert_true(z && p->targets && p->ws);
    atl_seed_to_z(1000, (size_t)p->info->z_dim, z);
    atl_seed_to_z(1003, (size_t)p->info->z_dim, z + p->info->z_dim);
    assert_int_equal(atl_model_map(p->g, 2, z, NULL, NULL, p->ws), ATL_OK);
    assert_int_equal(atl_model_synthesize(p->g, 2, p->ws, NULL, p->targets), ATL_OK);
    free(z);
    snprintf(p->file, sizeof p->file, "search-%ld.safetensors", (long)getpid());
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place *p = *state;
    unlink(p->file);
    free(p->targets);
    free(p->ws);
    atl_model_close(&p->g);
    atl_ctx_close(&p->ctx);
    free(p);
    return 0;
}

static double mse(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum / PIXELS;
}

static void ok(place *p, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
}

static atl_project_options options(const char *space) {
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    o.loss = "mse";
    o.space = space;
    o.steps = STEPS;
    o.samples = 500;
    return o;
}

static atl_projector *begin(place *p, const atl_project_options *o, const atl_project_start *start) {
    atl_projector *j;
    ok(p, atl_projector_open(p->g, o, &j));
    ok(p, atl_projector_begin(j, start));
    return j;
}

static void run(place *p, atl_projector *j, int steps) {
    for (int k = 0; k < steps; k++)
        ok(p, atl_projector_step(j));
}

// In every space the distance to a picture of the network itself falls to a small part; sixty steps are few.
static void known_pictures_are_found(void **state) {
    place *p = *state;
    static const struct {
        const char *space;
        double part;
    } CASES[] = { { "w", 5 }, { "w+", 5 }, { "z", 2 }, { "s", 5 } };
    float *img = calloc(1, PIXELS * sizeof *img);
    for (int i = 0; i < 4; i++) {
        atl_project_options o = options(CASES[i].space);
        atl_project_start start = ATL_PROJECT_START_INIT;
        start.targets = p->targets;
        start.best_of = i == 2 ? 20 : 0;
        atl_projector *j = begin(p, &o, &start);
        ok(p, atl_projector_look(j, img, NULL));
        double before = mse(img, p->targets);
        run(p, j, STEPS);
        ok(p, atl_projector_look(j, img, NULL));
        if (!(mse(img, p->targets) * CASES[i].part < before))
            fail_msg("%s: %g before, %g after", CASES[i].space, before, mse(img, p->targets));
        atl_projector_close(&j);
    }
    free(img);
}

static void what_is_read_makes_what_is_seen(void **state) {
    place *p = *state;
    atl_project_options o = options("w");
    atl_project_start start = ATL_PROJECT_START_INIT;
    atl_synthesis_options so = ATL_SYNTHESIS_OPTIONS_INIT;
    float *img = calloc(2, PIXELS * sizeof *img), *ws = calloc(1, p->row * sizeof *ws), *maps[64];
    int count = 0, h, w;
    start.targets = p->targets;
    atl_projector *j = begin(p, &o, &start);
    run(p, j, 5);
    ok(p, atl_projector_look(j, img, NULL));
    ok(p, atl_projector_read(j, ws));
    for (; atl_model_noise_size(p->g, count, &h, &w); count++) {
        maps[count] = calloc((size_t)h * (size_t)w, sizeof(float));
        ok(p, atl_projector_read_map(j, count, maps[count]));
    }
    so.noise_mode = ATL_NOISE_MAPS;
    so.noise_maps = (const float *const *)maps;
    ok(p, atl_model_synthesize(p->g, 1, ws, &so, img + PIXELS));
    assert_true(mse(img, img + PIXELS) < 1e-9);
    for (int k = 0; k < count; k++)
        free(maps[k]);
    free(ws);
    free(img);
    atl_projector_close(&j);
}

// Moved styles of a search: an editor makes the picture that the search sees, from ws and from the moves.
static void moved_styles_make_what_is_seen(void **state) {
    place *p = *state;
    atl_project_options o = options("s");
    atl_project_start start = ATL_PROJECT_START_INIT;
    atl_editor_options eo = ATL_EDITOR_OPTIONS_INIT;
    atl_style_info style;
    atl_editor *editor;
    int32_t *channels = NULL;
    int64_t width = 0;
    start.targets = p->targets;
    start.ws = p->ws + p->row; // of the other picture
    o.noise_maps = 0;
    atl_projector *j = begin(p, &o, &start);
    int64_t size = atl_projector_latent_size(j);
    float *img = calloc(2, PIXELS * sizeof *img), *ws = calloc(1, p->row * sizeof *ws);
    float *moves = calloc((size_t)size, sizeof *moves);
    channels = calloc((size_t)size, 2 * sizeof *channels);
    assert_true(img && ws && moves && channels);
    run(p, j, 5);
    ok(p, atl_projector_look(j, img, NULL));
    ok(p, atl_projector_read(j, ws));
    ok(p, atl_projector_read_latent(j, moves));
    assert_memory_equal(ws, start.ws, p->row * sizeof *ws);
    for (int k = 0; atl_model_style(p->g, k, &style); k++)
        for (int c = 0; c < style.channels; c++, width++) {
            channels[2 * width] = k;
            channels[2 * width + 1] = c;
        }
    assert_int_equal(width, size);
    const atl_direction d = { .name = "",
                              .space = ATL_DIRECTION_S,
                              .rows = 1,
                              .width = width,
                              .values = moves,
                              .styles = channels,
                              .scale = 1 };
    eo.styles = 1;
    ok(p, atl_editor_open(p->g, &eo, &editor));
    ok(p, atl_editor_style(editor, 0, &d, 1.0));
    ok(p, atl_editor_run(editor, 1, ws, NULL, img + PIXELS));
    assert_true(mse(img, img + PIXELS) < 1e-9);
    assert_true(mse(img, p->targets + PIXELS) > 1e-4); // something moved
    atl_editor_close(&editor);
    free(channels);
    free(moves);
    free(ws);
    free(img);
    atl_projector_close(&j);
}

// Alone or beside another picture: equal but for the order of additions.
static void a_picture_has_its_own_search(void **state) {
    place *p = *state;
    atl_project_options one = options("w"), two = options("w");
    atl_project_start alone = ATL_PROJECT_START_INIT, both = ATL_PROJECT_START_INIT;
    float *a = calloc(2, p->row * sizeof *a), *b = calloc(2, p->row * sizeof *b);
    two.batch = 2;
    alone.targets = p->targets + PIXELS;
    both.targets = p->targets;
    both.count = 2;
    atl_projector *j = begin(p, &one, &alone), *k = begin(p, &two, &both);
    run(p, j, 3);
    run(p, k, 3);
    ok(p, atl_projector_read(j, a));
    ok(p, atl_projector_read(k, b));
    golden_check("beside another", "w", a, b + p->row, p->row, ROUNDED);
    assert_true(golden_error(a, b, p->row) > 1e-2);
    free(a);
    free(b);
    atl_projector_close(&j);
    atl_projector_close(&k);
}

// The left half alone counts: it becomes better there than on the right, whose target is another picture's.
static void a_mask_hides(void **state) {
    place *p = *state;
    atl_project_options o = options("w");
    atl_project_start start = ATL_PROJECT_START_INIT;
    float *mask = calloc(64 * 64, sizeof *mask), *mixed = calloc(1, PIXELS * sizeof *mixed),
          *a = calloc(1, p->row * sizeof *a), *b = calloc(1, p->row * sizeof *b);
    for (int i = 0; i < 64 * 64; i++)
        mask[i] = i % 64 < 32;
    for (int i = 0; i < PIXELS; i++)
        mixed[i] = p->targets[i % 64 < 32 ? i : PIXELS + i];
    start.mask = mask;
    start.targets = mixed;
    atl_projector *j = begin(p, &o, &start);
    run(p, j, 3);
    ok(p, atl_projector_read(j, a));
    start.targets = p->targets; // another right half changes nothing
    ok(p, atl_projector_begin(j, &start));
    run(p, j, 3);
    ok(p, atl_projector_read(j, b));
    golden_check("masked", "w", a, b, p->row, ROUNDED);
    start.mask = NULL;
    ok(p, atl_projector_begin(j, &start));
    run(p, j, 3);
    ok(p, atl_projector_read(j, b));
    assert_true(golden_error(a, b, p->row) > 2 * ROUNDED);
    free(mask);
    free(mixed);
    free(a);
    free(b);
    atl_projector_close(&j);
}

static void goes_on(place *p, const char *space) {
    atl_project_options o = options(space);
    atl_project_start start = ATL_PROJECT_START_INIT;
    start.targets = p->targets;
    atl_projector *j = begin(p, &o, &start), *k = begin(p, &o, &start);
    size_t size = (size_t)atl_projector_latent_size(j);
    float *a = calloc(1, size * sizeof *a), *b = calloc(1, size * sizeof *b);
    run(p, j, 4);
    ok(p, atl_projector_save(j, p->file));
    run(p, j, 4);
    ok(p, atl_projector_restore(k, p->file));
    assert_int_equal(atl_projector_get_state(k)->step, 4);
    run(p, k, 4);
    ok(p, atl_projector_read_latent(j, a));
    ok(p, atl_projector_read_latent(k, b));
    assert_memory_equal(a, b, size * sizeof *a);
    start.targets = p->targets + PIXELS; // another picture is refused
    ok(p, atl_projector_begin(k, &start));
    assert_int_equal(atl_projector_restore(k, p->file), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(p->ctx), "whose target, mask, class or start differs"));
    free(a);
    free(b);
    atl_projector_close(&j);
    atl_projector_close(&k);
}

static void a_kept_search_goes_on_bit_for_bit(void **state) {
    goes_on(*state, "w+");
    goes_on(*state, "s");
}

static void refuses(place *p, atl_status status, const char *sentence) {
    assert_int_equal(status, ATL_BAD_ARGUMENT);
    if (!strstr(atl_message(p->ctx), sentence))
        fail_msg("said \"%s\" in place of \"%s\"", atl_message(p->ctx), sentence);
    atl_message_clear(p->ctx);
}

static void what_cannot_be_is_refused(void **state) {
    place *p = *state;
    atl_projector *j;
    atl_project_options o = options("v");
    atl_project_start start = ATL_PROJECT_START_INIT;
    refuses(p, atl_projector_open(p->g, &o, &j), "there is no space v; there is: w, w+, s, z");
    o = options("w");
    o.loss = "lpips";
    refuses(p, atl_projector_open(p->g, &o, &j),
            "the loss lpips needs the network LPIPS, and none was given");
    o.features = p->g;
    refuses(p, atl_projector_open(p->g, &o, &j), "stylegan2 was given");
    o = options("z");
    ok(p, atl_projector_open(p->g, &o, &j));
    refuses(p, atl_projector_step(j), "steps after atl_projector_begin()");
    refuses(p, atl_projector_begin(j, &start), "needs targets");
    start.targets = p->targets;
    start.ws = p->ws;
    refuses(p, atl_projector_begin(j, &start), "a search in z can't start from w");
    start.ws = NULL;
    start.count = 2;
    refuses(p, atl_projector_begin(j, &start), "2 pictures of a batch of 1");
    atl_projector_close(&j);
}

// Nothing moves in the step whose loss is no number.
static void a_loss_that_is_no_number_ends_a_search(void **state) {
    place *p = *state;
    atl_project_options o = options("w+");
    atl_project_start start = ATL_PROJECT_START_INIT;
    float *before = calloc(1, p->row * sizeof *before), *after = calloc(1, p->row * sizeof *after);
    p->targets[5] = NAN;
    start.targets = p->targets;
    atl_projector *j = begin(p, &o, &start);
    ok(p, atl_projector_read(j, before));
    refuses(p, atl_projector_step(j), "the loss of picture 0 is not a number");
    ok(p, atl_projector_read(j, after));
    assert_memory_equal(before, after, p->row * sizeof *before);
    free(before);
    free(after);
    atl_projector_close(&j);
}

// ---- tuning

static double pivot_mse(place *p, atl_tuner *t, int pivot) {
    float *img = calloc(1, PIXELS * sizeof *img);
    ok(p, atl_tuner_look(t, pivot, img, NULL));
    double d = mse(img, p->targets + (size_t)pivot * PIXELS);
    free(img);
    return d;
}

static atl_tune_options tune_options(int steps) {
    atl_tune_options o = ATL_TUNE_OPTIONS_INIT;
    o.loss = "mse";
    o.steps = steps;
    o.lr = 3e-3;
    return o;
}

static atl_tuner *begin_tuning(place *p, const atl_tune_options *o, const atl_tune_start *start) {
    atl_tuner *t;
    ok(p, atl_tuner_open(p->g, o, &t));
    ok(p, atl_tuner_begin(t, start));
    return t;
}

static void finish(place *p, atl_tuner *t) {
    while (!atl_tuner_get_state(t)->finished)
        ok(p, atl_tuner_step(t));
}

// From the mean of w, where the target is far away: the error falls to a tenth (the bound of spec and paper
// alike is for 350 steps), the generator does not change, and the file opens and makes the same picture.
static void tuning_brings_a_pivot_to_its_target(void **state) {
    place *p = *state;
    atl_tune_options o = tune_options(100);
    atl_tune_start start = ATL_TUNE_START_INIT;
    atl_model *tuned;
    float *img = calloc(1, PIXELS * sizeof *img);
    uint64_t before = p->info->fingerprint;
    start.targets = p->targets;
    start.ws = p->ws + p->row; // of the other picture
    atl_tuner *t = begin_tuning(p, &o, &start);
    double first = pivot_mse(p, t, 0);
    finish(p, t);
    assert_int_equal(atl_tuner_get_state(t)->step, 100);
    double last = pivot_mse(p, t, 0);
    if (!(last * 10 < first))
        fail_msg("%g before, %g after", first, last);
    ok(p, atl_tuner_save(t, p->file, ATL_F32));
    ok(p, atl_model_open(p->ctx, p->file, NULL, &tuned));
    ok(p, atl_model_synthesize(tuned, 1, start.ws, NULL, img));
    assert_true(fabs(mse(img, p->targets) / last - 1) < 1e-3);
    atl_model_close(&tuned);
    assert_true(atl_model_get_info(p->g)->fingerprint == before);
    ok(p, atl_model_synthesize(p->g, 1, p->ws, NULL, img));
    assert_true(mse(img, p->targets) == 0.0);
    free(img);
    atl_tuner_close(&t);
}

static void a_kept_tuning_goes_on_bit_for_bit(void **state) {
    place *p = *state;
    atl_tune_options o = tune_options(6);
    atl_tune_start start = ATL_TUNE_START_INIT;
    float *a = calloc(1, PIXELS * sizeof *a), *b = calloc(1, PIXELS * sizeof *b);
    start.count = 2;
    start.targets = p->targets;
    start.ws = p->ws;
    atl_tuner *t = begin_tuning(p, &o, &start), *u = begin_tuning(p, &o, &start);
    for (int k = 0; k < 5; k++)
        ok(p, atl_tuner_step(t));
    ok(p, atl_tuner_keep(t, p->file));
    ok(p, atl_tuner_restore(u, p->file));
    assert_int_equal(atl_tuner_get_state(u)->step, 5);
    finish(p, t);
    finish(p, u);
    assert_int_equal(atl_tuner_get_state(u)->step, 12);
    for (int k = 0; k < 2; k++) {
        ok(p, atl_tuner_look(t, k, a, NULL));
        ok(p, atl_tuner_look(u, k, b, NULL));
        assert_memory_equal(a, b, PIXELS * sizeof *a);
    }
    start.targets = p->targets + PIXELS; // another picture is refused
    start.ws = p->ws + p->row;
    start.count = 1;
    ok(p, atl_tuner_begin(u, &start));
    refuses(p, atl_tuner_restore(u, p->file), "whose pictures, latents or noise maps differs");
    free(a);
    free(b);
    atl_tuner_close(&t);
    atl_tuner_close(&u);
}

// The tensors that changed make the tuned network of the given one, and of no other.
static void what_changed_is_enough(void **state) {
    place *p = *state;
    atl_tune_options o = tune_options(3);
    atl_tune_start start = ATL_TUNE_START_INIT;
    atl_model_options whole = ATL_MODEL_OPTIONS_INIT, joined = ATL_MODEL_OPTIONS_INIT;
    atl_model *a, *b;
    char path[1024], changed[80];
    start.targets = p->targets;
    start.ws = p->ws + p->row;
    o.layers = "synthesis.b8.*";
    golden_path(path, "trained", "portraits-64", ".safetensors");
    snprintf(changed, sizeof changed, "changed-%s", p->file);
    atl_tuner *t = begin_tuning(p, &o, &start);
    refuses(p, atl_tuner_save_deltas(t, changed, ATL_F32), "nothing of the network has changed");
    finish(p, t);
    ok(p, atl_tuner_save(t, p->file, ATL_F32));
    ok(p, atl_tuner_save_deltas(t, changed, ATL_F32));
    joined.deltas = changed;
    ok(p, atl_model_open(p->ctx, p->file, &whole, &a));
    ok(p, atl_model_open(p->ctx, path, &joined, &b));
    assert_true(atl_model_get_info(a)->fingerprint == atl_model_get_info(b)->fingerprint);
    assert_true(atl_model_get_info(a)->fingerprint != p->info->fingerprint);
    atl_model_close(&a);
    atl_model_close(&b);
    refuses(p, atl_model_open(p->ctx, p->file, &joined, &b), "open the network that was tuned");
    refuses(p, atl_model_open(p->ctx, changed, NULL, &b), "holds only what a tuned network has changed");
    joined.deltas = p->file;
    refuses(p, atl_model_open(p->ctx, path, &joined, &b), "is no file of deltas");
    assert_null(b);
    unlink(changed);
    atl_tuner_close(&t);
}

static void locality_keeps_the_rest(void **state) {
    place *p = *state;
    double far[2];
    for (int k = 0; k < 2; k++) {
        atl_tune_options o = tune_options(60);
        atl_tune_start start = ATL_TUNE_START_INIT;
        o.locality = k ? 1.0 : 1e-6; // measured, and of no weight
        o.alpha = 5;
        start.targets = p->targets;
        start.ws = p->ws + p->row;
        atl_tuner *t = begin_tuning(p, &o, &start);
        finish(p, t);
        far[k] = atl_tuner_get_state(t)->locality;
        atl_tuner_close(&t);
    }
    if (!(far[1] < far[0]))
        fail_msg("near the pivot pictures change by %g with locality and %g without", far[1], far[0]);
}

static void several_pivots_share_a_network(void **state) {
    place *p = *state;
    atl_tune_options o = tune_options(100);
    atl_tune_start start = ATL_TUNE_START_INIT;
    float *ws = calloc(2, p->row * sizeof *ws);
    memcpy(ws, p->ws + p->row, p->row * sizeof *ws); // each has the other's
    memcpy(ws + p->row, p->ws, p->row * sizeof *ws);
    o.locality = 0;
    o.layers = "synthesis.*";
    start.count = 2;
    start.targets = p->targets;
    start.ws = ws;
    atl_tuner *t = begin_tuning(p, &o, &start);
    double first = pivot_mse(p, t, 0) + pivot_mse(p, t, 1);
    finish(p, t);
    assert_int_equal(atl_tuner_get_state(t)->step, 200);
    assert_true((pivot_mse(p, t, 0) + pivot_mse(p, t, 1)) * 5 < first);
    atl_tuner_close(&t);
    o.threshold = 1e9; // reached at once
    t = begin_tuning(p, &o, &start);
    for (int k = 0; k < 2; k++)
        ok(p, atl_tuner_step(t));
    assert_true(atl_tuner_get_state(t)->enough && atl_tuner_get_state(t)->step == 1);
    atl_tuner_close(&t);
    o.layers = "nothing*";
    refuses(p, atl_tuner_open(p->g, &o, &t), "no parameter of the synthesis is called nothing*");
    free(ws);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(known_pictures_are_found),
        TEST(what_is_read_makes_what_is_seen),
        TEST(moved_styles_make_what_is_seen),
        TEST(a_picture_has_its_own_search),
        TEST(a_mask_hides),
        TEST(a_kept_search_goes_on_bit_for_bit),
        TEST(what_cannot_be_is_refused),
        TEST(a_loss_that_is_no_number_ends_a_search),
        TEST(tuning_brings_a_pivot_to_its_target),
        TEST(a_kept_tuning_goes_on_bit_for_bit),
        TEST(what_changed_is_enough),
        TEST(locality_keeps_the_rest),
        TEST(several_pivots_share_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
