// SPDX-License-Identifier: Apache-2.0
// The table of training options: its rows say what the struct holds, and what they allow is what is allowed.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/ctx.h"
#include "train/fields.h"
#include "train/loss.h"
#include "train/trainer.h"

static size_t bytes_of(const atl_train_field *f) {
    return f->kind == ATL_TRAIN_TEXT   ? sizeof(char *)
           : f->kind == ATL_TRAIN_REAL ? sizeof(double)
                                       : sizeof(int);
}

// Rows of members lie beside each other but for padding, and `size` is the only member without one.
static void every_member_has_a_row(void **state) {
    (void)state;
    unsigned char used[sizeof(atl_train_options)] = { 0 };
    size_t count, gaps = 0;
    const atl_train_field *fields = atl_train_fields(&count);
    memset(used, 1, sizeof(size_t));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < bytes_of(&fields[i]); k++)
            assert_int_equal(used[fields[i].offset + k]++, 0);
    for (size_t i = 0; i < sizeof used; i++)
        gaps += !used[i];
    // what the compiler leaves between an int and what is aligned to eight bytes
    size_t padding = 0;
#define PAD(a, b) padding += offsetof(atl_train_options, b) - offsetof(atl_train_options, a) - sizeof(int)
    PAD(resolution, cfg);
    PAD(batch_gpu, kimg);
    PAD(snap, gamma);
    PAD(channel_max, ema_kimg);
    PAD(aug, p);
    PAD(workers, stall_seconds);
    PAD(threads, initial_p);
    PAD(lod_initial, lod_training_kimg);
    PAD(d_steps, ortho);
    PAD(heads, dropout);
    PAD(held_out, network);
    PAD(style_width, optimizer);
    PAD(steps, progress);
    PAD(pool, source);
    assert_int_equal(gaps, padding);
}

static void defaults_are_what_their_words_say(void **state) {
    (void)state;
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    assert_true(o.size == sizeof o && o.snap == 50 && o.tick == 4.0 && o.gamma == -1.0 && o.p == 0.2);
    assert_true(o.aug == ATL_AUG_AUTO && !strcmp(o.cfg, "auto") && !strcmp(o.augpipe, "bgc") && !o.data);
    for (size_t i = 0; i < count; i++) {
        const atl_train_field *f = &fields[i];
        char *end, word[64];
        assert_true(!f->group || (f->help && f->help[strlen(f->help) - 1] != '.'));
        if (f->kind == ATL_TRAIN_CHOICE) {
            assert_true(atl_train_field_word(f, (int)f->initial, word, sizeof word) &&
                        !strcmp(word, f->standard));
            assert_true(atl_train_field_word(f, (int)f->high, word, sizeof word));
            assert_false(atl_train_field_word(f, (int)f->high + 1, word, sizeof word));
        } else if (f->kind != ATL_TRAIN_TEXT && f->standard && f->initial >= f->low) {
            double x = strtod(f->standard, &end);
            assert_true(*end || x == f->initial);
        }
    }
}

static void set_number(const atl_train_field *f, atl_train_options *o, double x) {
    char *at = (char *)o + f->offset;
    if (f->kind == ATL_TRAIN_REAL)
        *(double *)at = x;
    else
        *(int *)at = (int)x;
}

// One step outside of each end is refused with a sentence that begins with the name.
static void what_is_out_of_range_is_named(void **state) {
    (void)state;
    atl_ctx *ctx;
    size_t count, tried = 0;
    const atl_train_field *fields = atl_train_fields(&count);
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    for (size_t i = 0; i < count; i++) {
        const atl_train_field *f = &fields[i];
        const double beyond[] = { f->low - 2.0,
                                  f->kind == ATL_TRAIN_REAL ? f->high * 2.0 + 1.0 : f->high + 1.0,
                                  f->kind == ATL_TRAIN_REAL ? NAN : -5.0 };
        for (size_t k = 0; f->kind != ATL_TRAIN_TEXT && k < 3; k++) {
            atl_train_options o;
            atl_train_options_init(&o, sizeof o);
            if (beyond[k] > 2147483647.0)
                continue; // no int is beyond it
            set_number(f, &o, beyond[k]);
            assert_int_equal(atl_train_fields_check(ctx, &o), ATL_BAD_ARGUMENT);
            assert_true(!strncmp(atl_message(ctx), f->name, strlen(f->name)));
            atl_message_clear(ctx);
            tried++;
        }
    }
    assert_true(tried > 70);
    atl_ctx_close(&ctx);
}

// Processes that differ in anything that counts must notice.
static void hashes_differ_with_values(void **state) {
    (void)state;
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    for (size_t i = 0; i < count; i++) {
        const atl_train_field *f = &fields[i];
        atl_train_options a, b;
        atl_train_options_init(&a, sizeof a);
        atl_train_options_init(&b, sizeof b);
        assert_true(atl_train_field_hash(f, &a) == atl_train_field_hash(f, &b));
        if (f->kind == ATL_TRAIN_TEXT)
            *(const char **)((char *)&b + f->offset) = "other";
        else
            set_number(f, &b, f->initial == f->high ? f->low : f->high);
        assert_true(atl_train_field_hash(f, &a) != atl_train_field_hash(f, &b));
        bool free = !strcmp(f->name, "data") || !strcmp(f->name, "workers") || !strcmp(f->name, "stall") ||
                    !strcmp(f->name, "threads") || !strcmp(f->name, "like") || !strcmp(f->name, "network") ||
                    !strcmp(f->name, "lpips") || !strcmp(f->name, "identity") || !strcmp(f->name, "similarity") ||
                    !strcmp(f->name, "w-encoder") || !strcmp(f->name, "source"); // what these hold is compared
        assert_int_equal(f->agree, !free);
    }
}

// Each word of the table is one that the trainer knows.
static void words_are_known(void **state) {
    (void)state;
    atl_ctx *ctx;
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    const atl_train_set set = { 100, 64, 64, 3, 0, "set" };
    int known = 0;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    for (size_t i = 0; i < count; i++) {
        char word[64];
        for (int k = 0; fields[i].words && atl_train_field_word(&fields[i], k, word, sizeof word); k++) {
            atl_train_options o;
            atl_train_options_init(&o, sizeof o);
            if (!strcmp(fields[i].name, "cfg")) {
                o.cfg = word;
                assert_int_equal(atl_train_resolve(ctx, &set, 1, &o), ATL_OK);
                known++;
            }
        }
    }
    assert_int_equal(known, 25);
    atl_ctx_close(&ctx);
}

// The words of "loss" are in the order of the enum.
static void losses_are_their_words(void **state) {
    (void)state;
    static const char *const WORDS[ATL_GAN_LOSSES] = { [ATL_GAN_LOGISTIC] = "logistic",
                                                       [ATL_GAN_LOGISTIC_SATURATING] = "logistic-saturating",
                                                       [ATL_GAN_WGAN] = "wgan",
                                                       [ATL_GAN_WGAN_GP] = "wgan-gp",
                                                       [ATL_GAN_HINGE] = "hinge" };
    char word[64];
    for (int i = 0; i < ATL_GAN_LOSSES; i++)
        assert_int_equal(atl_train_loss(WORDS[i]), i);
    assert_true(atl_train_field_word(atl_train_field_find("loss"), ATL_GAN_LOSSES, word, sizeof word));
    assert_string_equal(word, "auto"); // none of them
    assert_false(atl_train_field_word(atl_train_field_find("loss"), ATL_GAN_LOSSES + 1, word, sizeof word));
    assert_int_equal(atl_train_loss("l2"), -1);
    assert_int_equal(atl_train_loss("wgan-"), -1);
    assert_null(atl_train_field_find("lossy"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_has_a_row),
        cmocka_unit_test(defaults_are_what_their_words_say),
        cmocka_unit_test(what_is_out_of_range_is_named),
        cmocka_unit_test(hashes_differ_with_values),
        cmocka_unit_test(words_are_known),
        cmocka_unit_test(losses_are_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
