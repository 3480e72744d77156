// SPDX-License-Identifier: Apache-2.0
// Alarms of a training run: each rings when it should, is silent just before, and a sound run rings none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>
#include "app/alarms.h"
#include "app/stats.h"

static app_error e;

enum { TICKS = 300 };

static void set(app_history *h, const char *name, double value) {
    assert_int_equal(app_history_set(h, name, value, &e), APP_OK);
}

// A tick as sound runs have them, with some noise.
static void sound_tick(app_history *h) {
    size_t i = h->ticks;
    double learned = 1 - exp(-(double)i / 40), noise = sin((double)i * 12.9898);
    assert_int_equal(app_history_tick(h, 4.0 * (double)i, 0, &e), APP_OK);
    set(h, APP_STAT_D_LOSS, 1.386 - 0.5 * learned + 0.05 * noise);
    set(h, APP_STAT_G_LOSS, 0.69 + learned + 0.2 * noise);
    set(h, APP_STAT_REAL_SCORES, 0.9 * learned + 0.1 * noise);
    set(h, APP_STAT_FAKE_SCORES, -1.1 * learned + 0.1 * noise);
    set(h, APP_STAT_REAL_SIGNS, 0.4 + 0.2 * learned + 0.05 * noise);
    set(h, APP_STAT_FAKE_SIGNS, -0.5 - 0.2 * learned + 0.05 * noise);
    set(h, APP_STAT_AUGMENT, 0.4 * learned + 0.01 * noise);
    set(h, APP_STAT_G_GRADIENT, 0.3 * exp(0.8 * noise));
    if (i % 10 == 0) {
        set(h, APP_STAT_FAKE_SPREAD, 0.05 + 0.35 * learned + 0.03 * noise);
        set(h, APP_STAT_REAL_SPREAD, 0.42);
    }
}

static void sound_run(app_history *h, size_t ticks) {
    *h = (app_history){ 0 };
    while (h->ticks < ticks)
        sound_tick(h);
}

// Whether this kind rings after the last tick; its text in *text (may be NULL).
static int rings(const app_history *h, app_alarm_kind kind, const char **text) {
    static app_alarm alarms[APP_ALARM_KINDS];
    int count = app_alarms_check(h, h->ticks - 1, alarms);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            assert_true(alarms[i - 1].kind < alarms[i].kind);
        assert_true(strlen(alarms[i].text) + 1 < sizeof alarms[i].text); // nothing was cut off
        if (alarms[i].kind == kind) {
            if (text)
                *text = alarms[i].text;
            return 1;
        }
    }
    return 0;
}

static void a_sound_run_is_silent(void **state) {
    (void)state;
    app_history h;
    app_alarm alarms[APP_ALARM_KINDS];
    sound_run(&h, TICKS);
    for (size_t tick = 0; tick < h.ticks; tick++)
        assert_int_equal(app_alarms_check(&h, tick, alarms), 0);
    assert_int_equal(app_alarms_check(&h, h.ticks, alarms), 0); // there is no such tick
    app_history_clear(&h);
}

static void one_nan_is_enough(void **state) {
    (void)state;
    app_history h;
    const char *text;
    app_alarm alarms[APP_ALARM_KINDS];
    sound_run(&h, 5);
    set(&h, "Timing/Gmain", NAN); // no loss
    assert_false(rings(&h, APP_ALARM_NOT_FINITE, NULL));
    set(&h, APP_STAT_R1, INFINITY);
    assert_true(rings(&h, APP_ALARM_NOT_FINITE, &text));
    assert_non_null(strstr(text, "Loss/r1_penalty"));
    assert_null(strstr(text, "Timing"));
    for (const char **name = (const char *[]){ "Loss/a", "Loss/b", "Loss/c", "Loss/d", NULL }; *name; name++)
        set(&h, *name, NAN);
    assert_true(rings(&h, APP_ALARM_NOT_FINITE, &text));
    assert_non_null(strstr(text, ", ...")); // not all of them are named
    assert_true(app_alarms_check(&h, h.ticks - 1, alarms) > 0 && alarms[0].fatal);
    sound_tick(&h);
    assert_false(rings(&h, APP_ALARM_NOT_FINITE, NULL));
    app_history_clear(&h);
}

static void two_alike_grids_are_a_collapse(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 200); // spread 0.4, reals 0.42
    set(&h, APP_STAT_FAKE_SPREAD, 0.1);
    assert_false(rings(&h, APP_ALARM_COLLAPSE, NULL)); // one grid may be odd
    sound_tick(&h);                                    // a grid of a sound run: 0.4
    sound_tick(&h);
    set(&h, APP_STAT_FAKE_SPREAD, 0.16);
    for (int i = 0; i < 3; i++)
        sound_tick(&h); // without grids
    assert_false(rings(&h, APP_ALARM_COLLAPSE, NULL));
    set(&h, APP_STAT_FAKE_SPREAD, 0.16);
    assert_true(rings(&h, APP_ALARM_COLLAPSE, NULL)); // below 0.4 * 0.42 = 0.168
    set(&h, APP_STAT_FAKE_SPREAD, 0.17);
    assert_false(rings(&h, APP_ALARM_COLLAPSE, NULL));
    app_history_clear(&h);
}

// Uniform reals have little spread: then the peak of the fakes counts.
static void a_collapse_is_a_fall(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 1);
    for (int i = 0; i < 30; i++) { // never rose, as in the first ticks
        sound_tick(&h);
        set(&h, APP_STAT_FAKE_SPREAD, 0.05);
    }
    assert_false(rings(&h, APP_ALARM_COLLAPSE, NULL));
    app_history_clear(&h);
}

// Noise of an untrained network is more varied than the first blurred pictures.
static void a_wild_start_is_no_peak(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 1);
    set(&h, APP_STAT_FAKE_SPREAD, 0.7);
    for (int i = 0; i < 12; i++) {
        sound_tick(&h);
        set(&h, APP_STAT_FAKE_SPREAD, 0.12);
    }
    assert_false(rings(&h, APP_ALARM_COLLAPSE, NULL));
    app_history_clear(&h);
}

static void d_wins_after_eight_ticks(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 50);
    for (int i = 1; i <= 8; i++) {
        assert_false(rings(&h, APP_ALARM_D_WON, NULL));
        sound_tick(&h);
        set(&h, APP_STAT_D_LOSS, 0.02);
        set(&h, APP_STAT_REAL_SIGNS, 0.995);
        set(&h, APP_STAT_FAKE_SIGNS, -0.999);
    }
    assert_true(rings(&h, APP_ALARM_D_WON, NULL));
    set(&h, APP_STAT_D_LOSS, 0.06);
    assert_false(rings(&h, APP_ALARM_D_WON, NULL));
    set(&h, APP_STAT_D_LOSS, 0.02);
    set(&h, APP_STAT_FAKE_SIGNS, -0.9);
    assert_false(rings(&h, APP_ALARM_D_WON, NULL));
    app_history_clear(&h);
}

// Its scores drift where they like, and a negative loss is no sure D.
static void wasserstein_has_no_signs(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 150); // past 500 kimg
    for (int i = 1; i <= 20; i++) {
        sound_tick(&h);
        set(&h, APP_STAT_D_LOSS, -3);
        set(&h, APP_STAT_REAL_SIGNS, 1);
        set(&h, APP_STAT_FAKE_SIGNS, -1);
    }
    assert_false(rings(&h, APP_ALARM_D_WON, NULL));
    assert_false(rings(&h, APP_ALARM_OVERFITTING, NULL));
    set(&h, APP_STAT_D_LOSS, 0.01); // the penalty outweighs the distance for once
    set(&h, APP_STAT_GRADIENT_LENGTH, 1.1);
    assert_false(rings(&h, APP_ALARM_D_WON, NULL));
    assert_false(rings(&h, APP_ALARM_OVERFITTING, NULL));
    app_history_clear(&h);
}

static void d_is_stalled_after_twelve_ticks(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 20);
    for (int i = 1; i <= 12; i++) {
        assert_false(rings(&h, APP_ALARM_D_STALLED, NULL));
        sound_tick(&h);
        set(&h, APP_STAT_D_LOSS, 1.38);
        set(&h, APP_STAT_REAL_SCORES, 0.004);
        set(&h, APP_STAT_FAKE_SCORES, -0.004);
    }
    assert_true(rings(&h, APP_ALARM_D_STALLED, NULL));
    set(&h, APP_STAT_REAL_SCORES, 0.02);
    assert_false(rings(&h, APP_ALARM_D_STALLED, NULL)); // it tells a little
    app_history_clear(&h);
}

static void augmentation_runs_away(void **state) {
    (void)state;
    app_history h;
    const char *text;
    sound_run(&h, 50);
    for (int i = 0; i < 8; i++) { // high, but it stays there
        sound_tick(&h);
        set(&h, APP_STAT_AUGMENT, 0.9);
    }
    assert_false(rings(&h, APP_ALARM_AUGMENTATION, NULL));
    for (int i = 0; i < 8; i++) {
        sound_tick(&h);
        set(&h, APP_STAT_AUGMENT, 0.77 + 0.01 * i);
    }
    assert_false(rings(&h, APP_ALARM_AUGMENTATION, NULL)); // rising, at 0.84
    set(&h, APP_STAT_AUGMENT, 0.86);
    assert_true(rings(&h, APP_ALARM_AUGMENTATION, &text));
    assert_non_null(strstr(text, "rising"));
    app_history_clear(&h);
    sound_tick(&h);
    set(&h, APP_STAT_AUGMENT, 1);
    assert_true(rings(&h, APP_ALARM_AUGMENTATION, &text));
    assert_null(strstr(text, "rising"));
    app_history_clear(&h);
}

static void overfitting_shows_in_the_signs(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 50); // to 200 kimg
    for (int i = 0; i < 60; i++) {
        sound_tick(&h);
        set(&h, APP_STAT_REAL_SIGNS, 0.92);
    }
    assert_false(rings(&h, APP_ALARM_OVERFITTING, NULL)); // at 436 kimg
    for (int i = 0; i < 16; i++) {
        sound_tick(&h);
        set(&h, APP_STAT_REAL_SIGNS, 0.92);
    }
    assert_true(rings(&h, APP_ALARM_OVERFITTING, NULL));
    set(&h, APP_STAT_REAL_SIGNS, 0.5); // 0.894 on average
    assert_false(rings(&h, APP_ALARM_OVERFITTING, NULL));
    app_history_clear(&h);
}

static void the_gradient_vanishes(void **state) {
    (void)state;
    app_history h;
    sound_run(&h, 30);
    for (int i = 1; i <= 4; i++) {
        assert_false(rings(&h, APP_ALARM_G_GRADIENT, NULL));
        sound_tick(&h);
        set(&h, APP_STAT_G_GRADIENT, i % 2 ? 1e-4 : 0);
    }
    assert_true(rings(&h, APP_ALARM_G_GRADIENT, NULL));
    set(&h, APP_STAT_G_GRADIENT, 1e-3);
    assert_false(rings(&h, APP_ALARM_G_GRADIENT, NULL));
    app_history_clear(&h);
    for (int i = 0; i < 12; i++) { // too early to know what is usual
        sound_tick(&h);
        set(&h, APP_STAT_G_GRADIENT, i < 8 ? 1 : 1e-6);
    }
    assert_false(rings(&h, APP_ALARM_G_GRADIENT, NULL));
    app_history_clear(&h);
}

static void every_kind_has_a_name(void **state) {
    (void)state;
    for (int i = 0; i < APP_ALARM_KINDS; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(app_alarm_name((app_alarm_kind)i), app_alarm_name((app_alarm_kind)j));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_run_is_silent),           cmocka_unit_test(one_nan_is_enough),
        cmocka_unit_test(two_alike_grids_are_a_collapse),  cmocka_unit_test(a_collapse_is_a_fall),
        cmocka_unit_test(a_wild_start_is_no_peak),         cmocka_unit_test(d_wins_after_eight_ticks),
        cmocka_unit_test(d_is_stalled_after_twelve_ticks), cmocka_unit_test(augmentation_runs_away),
        cmocka_unit_test(overfitting_shows_in_the_signs),  cmocka_unit_test(the_gradient_vanishes),
        cmocka_unit_test(every_kind_has_a_name),           cmocka_unit_test(wasserstein_has_no_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
