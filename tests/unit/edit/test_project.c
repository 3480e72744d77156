// SPDX-License-Identifier: Apache-2.0
// The projector against recorded steps of StyleGAN2-ADA's, with and without the penalty on noise; and what it
// does around them: starts, batches, masks, spaces, states that are kept.
#include "../../golden/golden.h"

#include <unistd.h>

#include <atelier/project.h>
#include <atelier/rng.h>
#include "edit/project.h"
#include "nn/functions.h"
#include "run/backend.h"

// The recorded run is well conditioned: moving the target by 1e-4 grey levels moves w by 4e-7 at most.  What
// is measured is 4e-7, too.
static const double STEP = 1e-5, FIRST_GRADIENT = 1e-5;

typedef struct place {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network g;
    golden *file;
} place;

static int setup(void **state) {
    place *p = calloc(1, sizeof *p);
    char path[1024];
    assert_non_null(p);
    assert_int_equal(atl_ctx_open(&p->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_of(p->ctx, &p->backend), ATL_OK);
    if (atl_network_open(p->ctx, golden_path(path, "stylegan", "sg2-32", ".pkl"), NULL, &p->g) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    p->file = golden_open(p->ctx, "editing", "projector", ".safetensors");
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place *p = *state;
    golden_close(&p->file, NULL);
    atl_network_clear(&p->g);
    atl_ctx_close(&p->ctx);
    free(p);
    return 0;
}

// What stands in for the perceptual features: averages over 4x4 pixels from 0 to 255, divided by 255.
static void stand_in(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms) {
    (void)l;
    (void)net;
    x = atl_average_pool(g, atl_affine(g, x, 0.5f, 0.5f), &(atl_pool_options){ .kernel = 4, .stride = 4 });
    terms->list[terms->count++] = (atl_term){ x, 1.0f };
}

static const atl_likeness STAND_IN = { stand_in, NULL, 0.0f };

static void recorded_jitter(void *user, int step, size_t count, float *out) {
    const atl_array *all = user;
    atl_array_read_f32(all, (int64_t)step * (int64_t)count, (int64_t)count, out);
}

static float *floats(place *p, const char *name) {
    size_t count;
    return golden_read(p->file, name, &count);
}

static const char *const MAPS[] = { "b4.conv1",  "b8.conv0",  "b8.conv1", "b16.conv0",
                                    "b16.conv1", "b32.conv0", "b32.conv1" };
enum { MAPS_COUNT = 7, W = 64, PIXELS = 3 * 32 * 32, STEPS = 12 };

// A projector as the recorded one, begun.
static atl_projector *begin(place *p, double noise_weight) {
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    atl_project_start start = ATL_PROJECT_START_INIT;
    atl_projector *j;
    float *maps[MAPS_COUNT], *target = floats(p, "target");
    char name[64];
    o.steps = STEPS;
    o.samples = 200;
    o.noise_weight = noise_weight;
    if (atl_projector_make(&p->g, p->backend, &STAND_IN, &o, &j) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    for (int k = 0; k < MAPS_COUNT; k++) {
        snprintf(name, sizeof name, "noise0.%s.noise_const", MAPS[k]);
        maps[k] = floats(p, name);
    }
    for (int i = 0; i < PIXELS; i++)
        target[i] = target[i] / 127.5f - 1.0f;
    start.targets = target;
    start.noise_maps = (const float *const *)maps;
    j->draw = recorded_jitter;
    j->draw_user = (void *)golden_find(p->file, "w_noise");
    if (atl_projector_begin(j, &start) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    for (int k = 0; k < MAPS_COUNT; k++)
        free(maps[k]);
    free(target);
    return j;
}

static void compare_start(place *p, const atl_projector *j) {
    float *mean = floats(p, "w_avg"), *z = floats(p, "z_samples"), ours[W];
    atl_seed_to_z(123, W, ours); // the first row of the samples, of which the mean is made
    golden_check("start", "z_samples", ours, z, W, 1e-7);
    free(z);
    golden_check("start", "w_avg", atl_store_at(&j->moved, ATL_LATENT), mean, W, STEP);
    assert_true(fabs(j->numbers[3] / 6.166070054895177 - 1.0) < 1e-5);
    free(mean);
}

static void compare_gradients(place *p, const atl_projector *j) {
    char name[64];
    float *want = floats(p, "grad0.w");
    golden_check("gradient", "w", j->gradient + j->moved.list[ATL_LATENT].offset, want, W, FIRST_GRADIENT);
    free(want);
    for (int k = 0; k < MAPS_COUNT; k++) {
        const atl_param *q = &j->moved.list[ATL_FIRST_MAP + k];
        snprintf(name, sizeof name, "grad0.%s.noise_const", MAPS[k]);
        want = floats(p, name);
        golden_check("gradient", MAPS[k], j->gradient + q->offset, want, q->count, FIRST_GRADIENT);
        free(want);
    }
}

static void compare_steps(place *p, const char *prefix, double noise_weight, bool first) {
    atl_projector *j = begin(p, noise_weight);
    char name[64];
    snprintf(name, sizeof name, "%sw", prefix);
    float *w = floats(p, name);
    snprintf(name, sizeof name, "%sloss", prefix);
    float *loss = floats(p, name);
    if (first)
        compare_start(p, j);
    for (int k = 0; k < STEPS; k++) {
        if (atl_projector_step(j) != ATL_OK)
            fail_msg("%s", atl_message(p->ctx));
        if (k == 0 && first)
            compare_gradients(p, j);
        snprintf(name, sizeof name, "%sstep %d", prefix, k);
        golden_check(name, "w", atl_store_at(&j->moved, ATL_LATENT), w + (size_t)k * W, W, STEP);
        assert_true(fabs(j->state.loss[0] / (double)loss[k] - 1.0) < STEP);
    }
    free(w);
    free(loss);
    atl_projector_close(&j);
}

static void steps_are_the_official_ones(void **state) {
    place *p = *state;
    compare_steps(p, "", 1e5, true);
    compare_steps(p, "noreg.", 0.0, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_are_the_official_ones, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
