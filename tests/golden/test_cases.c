// SPDX-License-Identifier: Apache-2.0
// Checkpoints as people have them: forks, options, wrappings, and files without a config.  Each holds a
// network of 16x16 pixels or so; its pictures were recorded from the program that made it.
#include "golden.h"

#include <atelier/rng.h>

enum { SEEDS = 3 };

typedef struct situation {
    const char *file, *truth; // NAME.SUFFIX; recorded in TRUTH.ref.npz
    atl_noise_mode noise;     // of the pictures whose name does not say
    int no_average;           // the file lacks the average of w that truncation was recorded with
} situation;

static const situation SITUATIONS[] = {
    { "opt-relu.pkl", "opt-relu", ATL_NOISE_CONST, 0 },
    { "opt-maprelu.pkl", "opt-maprelu", ATL_NOISE_CONST, 0 },
    { "opt-blur.pkl", "opt-blur", ATL_NOISE_CONST, 0 },
    { "human-sg3.pkl", "human-sg3", ATL_NOISE_CONST, 0 },
    { "adatf-psinone.pkl", "adatf-psinone", ATL_NOISE_CONST, 0 },
    { "adatf-nomapfmaps.pkl", "adatf-nomapfmaps", ATL_NOISE_CONST, 0 },
    { "sky-rect.pkl", "sky-rect", ATL_NOISE_CONST, 0 },
    { "aydao-rect.pkl", "aydao-rect", ATL_NOISE_NONE, 0 }, // its maps are squares
    { "pti-whole.pt", "sg2", ATL_NOISE_CONST, 0 },
    { "bare-G.pkl", "sg2", ATL_NOISE_CONST, 0 },
    { "sg2-statedict.pt", "sg2", ATL_NOISE_CONST, 0 },
    { "sg3-statedict.safetensors", "sg3", ATL_NOISE_CONST, 0 },
    { "sg2ada-encoder.pt", "sg2", ATL_NOISE_CONST, 0 },
    { "edited-nometa.safetensors", "sg2", ATL_NOISE_CONST, 0 },
    { "ros-module-prefix.pt", "ros", ATL_NOISE_CONST, 0 },
    { "ros-generator.pt", "ros", ATL_NOISE_CONST, 1 },
    { "package-path.pkl", "sg2", ATL_NOISE_CONST, 0 },
    { "mps.pkl", "sg2", ATL_NOISE_CONST, 0 },
    { "random.pkl", "sg2", ATL_NOISE_CONST, 0 },
    { "ros-rect-squarenoise.pt", "ros-rect-squarenoise", ATL_NOISE_NONE, 0 },
};

typedef struct session {
    const situation *s;
    atl_ctx *ctx;
    atl_model *g;
    const atl_model_info *info;
    golden *truth;
    float *z, *c;
} session;

static void die(const session *t) {
    fail_msg("%s: %s", t->s->file, atl_message(t->ctx));
}

static void begin(session *t, const situation *s) {
    char path[1024];
    *t = (session){ .s = s };
    assert_int_equal(atl_ctx_open(&t->ctx, NULL), ATL_OK);
    if (atl_model_open(t->ctx, golden_path(path, "cases", s->file, ""), NULL, &t->g) != ATL_OK)
        die(t);
    t->info = atl_model_get_info(t->g);
    t->truth = golden_open(t->ctx, "cases", s->truth, ".ref.npz");
    t->z = calloc(SEEDS, sizeof *t->z * (size_t)t->info->z_dim);
    t->c = calloc(SEEDS, sizeof *t->c * (size_t)(t->info->c_dim + 2));
    assert_true(t->z && t->c);
    for (int i = 0; i < SEEDS; i++) {
        atl_seed_to_z((uint32_t)i, (size_t)t->info->z_dim, t->z + i * t->info->z_dim);
        if (t->info->c_dim)
            t->c[i * t->info->c_dim + 1] = 1.0f;
    }
}

static void end(session *t) {
    static const char *const AVERAGE[] = { "img.psi0.6", NULL };
    free(t->z);
    free(t->c);
    golden_close(&t->truth, t->s->no_average ? AVERAGE : NULL);
    atl_model_close(&t->g);
    atl_ctx_close(&t->ctx);
}

// The styles, or the pictures when `noise` is given, of the seeds.
static void check(session *t, const char *name, float psi, const atl_noise_mode *noise) {
    size_t count;
    if (!golden_has(t->truth, name))
        return;
    float *truth = golden_read(t->truth, name, &count);
    size_t ws_count = (size_t)SEEDS * (size_t)t->info->num_ws * (size_t)t->info->w_dim;
    size_t img_count =
        (size_t)SEEDS * (size_t)t->info->channels * (size_t)t->info->height * (size_t)t->info->width;
    float *ws = malloc(ws_count * sizeof *ws), *img = malloc(img_count * sizeof *img);
    assert_true(ws && img);
    assert_int_equal(count, noise ? img_count : ws_count);
    atl_map_options m = ATL_MAP_OPTIONS_INIT;
    m.truncation_psi = psi;
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    if (atl_model_map(t->g, SEEDS, t->z, t->info->c_dim ? t->c : NULL, &m, ws) != ATL_OK)
        die(t);
    if (noise) {
        o.noise_mode = *noise;
        if (atl_model_synthesize(t->g, SEEDS, ws, &o, img) != ATL_OK)
            die(t);
    }
    golden_check(t->s->file, name, noise ? img : ws, truth, count, F32_IMAGE_WINOGRAD);
    free(truth);
    free(ws);
    free(img);
}

static void pictures(void **state) {
    (void)state;
    static const atl_noise_mode none = ATL_NOISE_NONE;
    for (size_t i = 0; i < sizeof SITUATIONS / sizeof *SITUATIONS; i++) {
        session t;
        begin(&t, &SITUATIONS[i]);
        check(&t, "ws.psi1", 1.0f, NULL);
        check(&t, "ws.psi0.6", 0.6f, NULL);
        check(&t, "img.psi1", 1.0f, &t.s->noise);
        if (!t.s->no_average)
            check(&t, "img.psi0.6", 0.6f, &t.s->noise);
        check(&t, "img.nonoise", 1.0f, &none);
        end(&t);
    }
}

// ---- files whose pictures would be other ones than their makers saw

static const struct {
    const char *file, *sentence;
} REFUSED[] = {
    { "attn.pkl", "4 things that this network has no use for" },
    { "attn.pkl", "synthesis.b8.attn.gamma" },
    { "sky-attn.pkl", "synthesis/64x64/attention_g/gamma" },
    { "ros-cond-fork.pt", "label_embed.weight" },
    { "dv-export-cond.pt", "twice as many" },
    { "icgan.pkl", "IC-GAN" },
    { "jit.pt", "TorchScript" },
    { "html.pkl", "a web page" },
    { "lfs.pkl", "Git LFS" },
    { "zipped.zip", "holds network-snapshot-000100.pkl" },
    { "rezipped.pt", "zipped" },
    { "https://example.org/net.pkl", "download it first" },
};

static void strangers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        char path[1024];
        atl_ctx *ctx;
        atl_model *m;
        assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
        if (strstr(REFUSED[i].file, "://"))
            snprintf(path, sizeof path, "%s", REFUSED[i].file);
        else
            golden_path(path, "cases", REFUSED[i].file, "");
        if (atl_model_open(ctx, path, NULL, &m) == ATL_OK)
            fail_msg("%s: opens", REFUSED[i].file);
        if (!strstr(atl_message(ctx), REFUSED[i].sentence))
            fail_msg("%s", atl_message(ctx));
        atl_ctx_close(&ctx);
    }
}

// Writes a copy of a file in which the first letter of each `word` is no UTF-8.
static void write_strange(const char *from, const char *word, const char *to) {
    enum { ROOM = 1 << 20 };
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char *bytes = malloc(ROOM);
    int changed = 0;
    assert_true(in && out && bytes);
    size_t size = fread(bytes, 1, ROOM, in), length = strlen(word);
    for (size_t i = 0; i + length <= size; i++)
        if (!memcmp(bytes + i, word, length)) {
            bytes[i] = (char)0xff;
            changed++;
        }
    assert_true(changed > 0);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
    fclose(in);
    free(bytes);
}

static void strangers_without_utf8(void **state) {
    (void)state;
    char path[1024];
    atl_ctx *ctx;
    atl_model *m;
    write_strange(golden_path(path, "cases", "attn.pkl", ""), "attn", "cases-strange.pkl");
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    assert_int_equal(atl_model_open(ctx, "cases-strange.pkl", NULL, &m), ATL_UNSUPPORTED);
    if (!strstr(atl_message(ctx), "synthesis.b8.?ttn.gamma"))
        fail_msg("%s", atl_message(ctx));
    atl_ctx_close(&ctx);
    remove("cases-strange.pkl");
}

// ... unless they are wanted.
static void strangers_that_are_wanted(void **state) {
    (void)state;
    char path[1024];
    atl_ctx *ctx;
    atl_model *m;
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.ignore_unused = 1;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    if (atl_model_open(ctx, golden_path(path, "cases", "attn.pkl", ""), &o, &m) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(pictures), cmocka_unit_test(strangers),
                                        cmocka_unit_test(strangers_without_utf8),
                                        cmocka_unit_test(strangers_that_are_wanted) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
