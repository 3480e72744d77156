// SPDX-License-Identifier: Apache-2.0
// The phases of ProGAN and StyleGAN as the trainer builds and runs them, at whole and fading levels of
// detail, against losses and gradients of the official networks in float32: logistic loss with R1;
// Wasserstein loss with gradient penalty, drift and, with classes, their cross entropy.
#include "phases.h"

static bool is_styled(const scene *s) { // StyleGAN
    return s->recipe == &atl_recipe_stylegan1;
}

static void end(scene *s) {
    // of pictures in between, only the gradient is of use
    static const char *const of_no_use[] = { "lod0.d.mixed_scores", "lod1.5.d.mixed_scores", NULL };
    close_scene(s, of_no_use);
}

// Both networks fade; the recorded pictures do not.
static void write_fades(scene *s, const atl_phase *p) {
    float part = s->lod - floorf(s->lod), none = 0.0f;
    int found = 0;
    for (int i = 0; i < p->n_draws; i++) {
        if (!strcmp(p->draws[i].name, "fade")) {
            atl_plan_write(p->plan, p->draws[i].input, &part);
            found++;
        }
        if (!strcmp(p->draws[i].name, "fade_real"))
            atl_plan_write(p->plan, p->draws[i].input, &none);
    }
    assert_true((found > 0) == (part > 0.0f));
}

// ---- the names and layouts of the recorded gradients

// The block "8x8" of resolution r, or "ToRGB_lod2".
static void layer_of(const scene *s, bool g, int r, const char *ours, char *theirs, size_t room) {
    int lod = 0;
    for (int top = s->g.dims.width; top > r; top /= 2)
        lod++;
    bool up = r > 4;
    const char *name = !strcmp(ours, "fc")      ? "Dense0"
                       : !strcmp(ours, "out")   ? "Dense1"
                       : !strcmp(ours, "dense") ? "Dense"
                       : !strcmp(ours, "conv")  ? "Conv"
                       : !strcmp(ours, "conv0") ? (!g   ? "Conv0"
                                                   : up ? "Conv0_up"
                                                        : "Const")
                       : !strcmp(ours, "conv1") ? (g && !up ? "Conv"
                                                   : g      ? "Conv1"
                                                            : "Conv1_down")
                                                : "?";
    if (strstr(ours, "rgb"))
        snprintf(theirs, room, "%s_lod%d", g ? "ToRGB" : "FromRGB", lod);
    else
        snprintf(theirs, room, "%dx%d/%s", r, r, name);
}

// "synthesis.b8.conv0.affine.weight" -> "synthesis/8x8/Conv0_up/StyleMod/weight"
static void name_of(const scene *s, bool g, const char *ours, char *theirs, size_t room) {
    char layer[64] = "", leaf[64] = "", block[96];
    int r, fc;
    const char *at = strncmp(ours, "synthesis.", 10) ? ours : ours + 10,
               *prefix = g && is_styled(s) ? "synthesis/" : "";
    if (sscanf(ours, "mapping.fc%d.%63s", &fc, leaf) == 2) {
        snprintf(theirs, room, "mapping/Dense%d/%s", fc, leaf);
        return;
    }
    assert_true(sscanf(at, "b%d.%63[^.].%63s", &r, layer, leaf) >= 2);
    if (!strcmp(layer, "const")) {
        snprintf(theirs, room, "%s4x4/Const/const", prefix);
        return;
    }
    layer_of(s, g, r, layer, block, sizeof block);
    const char *name = !strcmp(leaf, "noise_weight")    ? "Noise/weight"
                       : !strcmp(leaf, "affine.weight") ? "StyleMod/weight"
                       : !strcmp(leaf, "affine.bias")   ? "StyleMod/bias"
                                                        : leaf;
    snprintf(theirs, room, "%s%s/%s", prefix, block, name);
}

// Theirs are [in, out] and [h, w, in, out]; ProGAN's kernels of up-convolutions [h, w, out, in]; StyleGAN's,
// which correlates after it has upsampled, turned by 180 degrees.
static void relayout(const scene *s, bool g, const atl_param *q, const char *theirs, const float *from,
                     float *to) {
    bool up = strstr(theirs, "Conv0_up") != NULL, turned = up && g && is_styled(s);
    if (q->rank == 3 || q->rank < 2) {
        memcpy(to, from, q->count * sizeof *to);
        return;
    }
    int64_t out = q->dims[0], in = q->dims[1], taps = (int64_t)q->count / out / in;
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++)
            for (int64_t k = 0; k < taps; k++) {
                int64_t tap = turned ? taps - 1 - k : k;
                int64_t at = up && !is_styled(s) ? (tap * out + o) * in + i : (tap * in + i) * out + o;
                to[(o * in + i) * taps + k] = from[at];
            }
}

// ---- phases

// The gradient of the score's bias in Wasserstein's loss is 1 - 1 and the drift, some 1e-4: what remains of
// the terms' rounding is not small beside that.
static const double F32_CANCELLED = 1.2e-7;

static bool cancels(const scene *s, bool g, const char *theirs) {
    return !is_styled(s) && !g && !strcmp(theirs, "4x4/Dense1/bias");
}

static void check_gradients(scene *s, const char *prefix, bool g, const atl_phase *p, const float *sum) {
    int checked = 0;
    double worst = 0.0;
    for (size_t i = 0; i < p->trained->params.size; i++) {
        const atl_param *q = &p->trained->params.list[i];
        char theirs[192], tensor[256];
        size_t count;
        if (q->buffer)
            continue;
        name_of(s, g, q->name, theirs, sizeof theirs);
        snprintf(tensor, sizeof tensor, "%s.grad.%s", prefix, theirs);
        float *raw = golden_read(s->truth, tensor, &count), *truth = malloc((count + 1) * sizeof *truth);
        assert_non_null(truth);
        assert_int_equal(count, q->count);
        relayout(s, g, q, theirs, raw, truth);
        if (!cancels(s, g, theirs) || !(fabs((double)sum[q->offset] - (double)truth[0]) <= F32_CANCELLED))
            worst = fmax(worst, check_gradient(tensor, sum + q->offset, truth, count));
        checked++;
        free(truth);
        free(raw);
    }
    printf("    %-10s %d gradients, worst %.2e (at most %.0e)\n", prefix, checked, worst, F32_GRADIENT);
    assert_true(checked > 10);
}

// What was reported under a name, value for value; relative to the size of all of them.
static void check_report(scene *s, const atl_phase *p, const char *stat, const char *prefix,
                         const char *name) {
    char tensor[256];
    snprintf(tensor, sizeof tensor, "%s.%s", prefix, name);
    if (!golden_has(s->truth, tensor))
        return;
    size_t count;
    float ours[BATCH], *truth = golden_read(s->truth, tensor, &count);
    assert_int_equal(count, BATCH);
    for (int i = 0; i < p->n_reports; i++) {
        if (strcmp(p->reports[i].stat, stat) != 0)
            continue;
        assert_true(atl_plan_read(p->plan, p->reports[i].node, ours));
        golden_check(prefix, name, ours, truth, count, F32_SCORE);
        free(truth);
        return;
    }
    fail_msg("nothing is reported as %s", stat);
}

static double mean_of(scene *s, const char *prefix, const char *name, double (*f)(double x)) {
    char tensor[64];
    snprintf(tensor, sizeof tensor, "%s.%s", prefix, name);
    if (!golden_has(s->truth, tensor))
        return 0.0;
    size_t count;
    float *v = golden_read(s->truth, tensor, &count);
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += f((double)v[i]) / (double)count;
    free(v);
    return sum;
}

static double itself(double x) {
    return x;
}

static double softplus(double x) {
    return log1p(exp(x));
}

static double softplus_of_less(double x) {
    return log1p(exp(-x));
}

static double off_one(double x) {
    return (x - 1.0) * (x - 1.0);
}

// The parts of D's loss that nothing reports make up, with the others, the recorded loss, which is ours.
static void check_parts(scene *s, const char *prefix, float loss) {
    double sum;
    if (is_styled(s)) {
        sum = mean_of(s, prefix, "scores_fake", softplus) +
              mean_of(s, prefix, "scores_real", softplus_of_less) +
              5.0 * mean_of(s, prefix, "r1_penalty", itself);
    } else {
        sum = mean_of(s, prefix, "fake_scores", itself) - mean_of(s, prefix, "real_scores", itself) +
              0.001 * mean_of(s, prefix, "epsilon_penalty", itself) +
              10.0 * mean_of(s, prefix, "mixed_norms", off_one) +
              mean_of(s, prefix, "label_penalty_reals", itself) +
              mean_of(s, prefix, "label_penalty_fakes", itself);
    }
    if (!(fabs(sum - (double)loss) <= F32_LOSS * fabs(sum)))
        fail_msg("%s: the recorded parts make %.9g, our loss is %.9g", prefix, sum, (double)loss);
}

static void check_phase(scene *s, const atl_train_options *o, const char *phase, const char *prefix) {
    atl_phase p;
    float loss;
    void *block = make_phase(s, phase, o, &p);
    write_recorded(s, &p, "z", "z");
    write_recorded(s, &p, "c", "c");
    write_recorded(s, &p, "real", "real");
    write_recorded(s, &p, "real_c", "c");
    write_recorded(s, &p, "between", "mix");
    int maps = write_noise(s, &p);
    assert_true(!is_styled(s) || maps >= 2);
    write_fades(s, &p);
    float *sum = run_phase(s, &p, prefix, &loss);
    check_gradients(s, prefix, p.trained == &s->g, &p, sum);
    check_report(s, &p, "Loss/scores/real", prefix, is_styled(s) ? "scores_real" : "real_scores");
    check_report(s, &p, "Loss/r1_penalty", prefix, "r1_penalty");
    check_report(s, &p, "Loss/gradient_length", prefix, "mixed_norms");
    check_report(s, &p, "Loss/labels/real", prefix, "label_penalty_reals");
    check_report(s, &p, "Loss/labels/fake", prefix, "label_penalty_fakes");
    if (p.trained == &s->d)
        check_parts(s, prefix, loss);
    s->backend->release(s->backend, block);
    free(sum);
    atl_phase_clear(&p);
}

static void check_case(const atl_recipe *recipe, const char *name, const float *lods, int n_lods) {
    scene s;
    atl_train_options o;
    open_scene(&s, recipe, "tf", name);
    atl_train_options_init(&o, sizeof o);
    o.gamma = is_styled(&s) ? 10.0 : 0.0;
    o.loss = is_styled(&s) ? "logistic" : "wgan-gp";
    o.style_mixing_prob = 0.0;
    for (int i = 0; i < n_lods; i++) {
        char prefix[32];
        s.lod = lods[i];
        assert_int_equal(atl_network_set_lod(&s.g, s.lod), ATL_OK);
        assert_int_equal(atl_network_set_lod(&s.d, s.lod), ATL_OK);
        snprintf(prefix, sizeof prefix, "lod%g.g", (double)s.lod);
        check_phase(&s, &o, "Gmain", prefix);
        snprintf(prefix, sizeof prefix, "lod%g.d", (double)s.lod);
        check_phase(&s, &o, "Dmain", prefix);
    }
    end(&s);
}

static const float LODS[] = { 0.0f, 1.5f };

static void stylegan1(void **state) {
    (void)state;
    check_case(&atl_recipe_stylegan1, "sg1-32", LODS, 2);
}

static void progan(void **state) {
    (void)state;
    check_case(&atl_recipe_progan, "pgan-32", LODS, 2);
}

static void progan_with_classes(void **state) {
    (void)state;
    check_case(&atl_recipe_progan, "pgan-16-cond", LODS, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(stylegan1), cmocka_unit_test(progan),
                                        cmocka_unit_test(progan_with_classes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
