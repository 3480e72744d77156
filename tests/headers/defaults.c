// SPDX-License-Identifier: Apache-2.0
// The option structs' initialisers, compiled as C and as C++: they set the size that the library reads and
// the values that the headers promise; and a library function can be linked and called from both languages.
#include <atelier/codes.h>
#include <atelier/congeal.h>
#include <atelier/ctx.h>
#include <atelier/dataset.h>
#include <atelier/edit.h>
#include <atelier/generate.h>
#include <atelier/metrics.h>
#include <atelier/model.h>
#include <atelier/network.h>
#include <atelier/path.h>
#include <atelier/ranks.h>
#include <atelier/spectra.h>
#include <atelier/rng.h>
#include <atelier/train.h>
#include <atelier/video.h>

#include <stdio.h>
#include <string.h>

#define SETS(type, value) sets(#type, value.size, sizeof(type))

static int failures;

static void expect(int holds, const char *what) {
    if (!holds)
        fprintf(stderr, "%s\n", what);
    failures += !holds;
}

static void sets(const char *name, size_t size, size_t wanted) {
    if (size != wanted)
        fprintf(stderr, "the initialiser of %s sets size %zu in place of %zu\n", name, size, wanted);
    failures += size != wanted;
}

static void check_sizes(void) {
    const atl_ctx_options c = ATL_CTX_OPTIONS_INIT;
    const atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    const atl_map_options p = ATL_MAP_OPTIONS_INIT;
    const atl_synthesis_options s = ATL_SYNTHESIS_OPTIONS_INIT;
    const atl_generate_options g = ATL_GENERATE_OPTIONS_INIT;
    const atl_run_options r = ATL_RUN_OPTIONS_INIT;
    const atl_init_options i = ATL_INIT_OPTIONS_INIT;
    const atl_blend_options b = ATL_BLEND_OPTIONS_INIT;
    const atl_convert_options co = ATL_CONVERT_OPTIONS_INIT;
    const atl_path_options w = ATL_PATH_OPTIONS_INIT;
    const atl_video_options v = ATL_VIDEO_OPTIONS_INIT;
    const atl_dataset_options d = ATL_DATASET_OPTIONS_INIT;
    const atl_dataset_make_options dm = ATL_DATASET_MAKE_OPTIONS_INIT;
    const atl_dataset_check_options dc = ATL_DATASET_CHECK_OPTIONS_INIT;
    const atl_metrics_options me = ATL_METRICS_OPTIONS_INIT;
    const atl_ranks_options ra = ATL_RANKS_OPTIONS_INIT;
    const atl_spectrum_options sp = ATL_SPECTRUM_OPTIONS_INIT;
    const atl_project_options pr = ATL_PROJECT_OPTIONS_INIT;
    const atl_project_start ps = ATL_PROJECT_START_INIT;
    const atl_tune_options tu = ATL_TUNE_OPTIONS_INIT;
    const atl_tune_start ts = ATL_TUNE_START_INIT;
    const atl_relabel_options re = ATL_RELABEL_OPTIONS_INIT;
    const atl_sefa_options se = ATL_SEFA_OPTIONS_INIT;
    const atl_fit_options fi = ATL_FIT_OPTIONS_INIT;
    const atl_move_options mo = ATL_MOVE_OPTIONS_INIT;
    const atl_editor_options ed = ATL_EDITOR_OPTIONS_INIT;
    const atl_align_options al = ATL_ALIGN_OPTIONS_INIT;
    const atl_paste_options pa = ATL_PASTE_OPTIONS_INIT;
    const atl_drag_options dr = ATL_DRAG_OPTIONS_INIT;
    const atl_encode_options en = ATL_ENCODE_OPTIONS_INIT;
    const atl_congeal_options cg = ATL_CONGEAL_OPTIONS_INIT;
    const atl_congeal_train_options ct = ATL_CONGEAL_TRAIN_OPTIONS_INIT;
    const atl_pairs_options pp = ATL_PAIRS_OPTIONS_INIT;
    const atl_sample_options sa = ATL_SAMPLE_OPTIONS_INIT;
    const atl_classifier_options cl = ATL_CLASSIFIER_OPTIONS_INIT;
    const atl_view_options vi = ATL_VIEW_OPTIONS_INIT;
    atl_train_options t;
    atl_train_options_init(&t, sizeof t);
    SETS(atl_classifier_options, cl);
    SETS(atl_view_options, vi);
    SETS(atl_relabel_options, re);
    SETS(atl_sefa_options, se);
    SETS(atl_fit_options, fi);
    SETS(atl_move_options, mo);
    SETS(atl_editor_options, ed);
    SETS(atl_ctx_options, c);
    SETS(atl_model_options, m);
    SETS(atl_map_options, p);
    SETS(atl_synthesis_options, s);
    SETS(atl_generate_options, g);
    SETS(atl_run_options, r);
    SETS(atl_init_options, i);
    SETS(atl_blend_options, b);
    SETS(atl_convert_options, co);
    SETS(atl_metrics_options, me);
    SETS(atl_path_options, w);
    SETS(atl_video_options, v);
    SETS(atl_dataset_options, d);
    SETS(atl_dataset_make_options, dm);
    SETS(atl_dataset_check_options, dc);
    SETS(atl_ranks_options, ra);
    SETS(atl_spectrum_options, sp);
    SETS(atl_project_options, pr);
    SETS(atl_project_start, ps);
    SETS(atl_tune_options, tu);
    SETS(atl_tune_start, ts);
    SETS(atl_align_options, al);
    SETS(atl_paste_options, pa);
    SETS(atl_drag_options, dr);
    SETS(atl_encode_options, en);
    SETS(atl_congeal_options, cg);
    SETS(atl_congeal_train_options, ct);
    SETS(atl_pairs_options, pp);
    SETS(atl_sample_options, sa);
    SETS(atl_train_options, t);
}

// Those that are not zero, so that a field that moved can't take the default of its neighbour.
static void check_values(void) {
    const atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    const atl_map_options p = ATL_MAP_OPTIONS_INIT;
    const atl_synthesis_options s = ATL_SYNTHESIS_OPTIONS_INIT;
    const atl_generate_options g = ATL_GENERATE_OPTIONS_INIT;
    const atl_run_options r = ATL_RUN_OPTIONS_INIT;
    const atl_init_options i = ATL_INIT_OPTIONS_INIT;
    const atl_blend_options b = ATL_BLEND_OPTIONS_INIT;
    const atl_convert_options c = ATL_CONVERT_OPTIONS_INIT;
    const atl_metrics_options me = ATL_METRICS_OPTIONS_INIT;
    const atl_ranks_options ra = ATL_RANKS_OPTIONS_INIT;
    const atl_spectrum_options sp = ATL_SPECTRUM_OPTIONS_INIT;
    const atl_project_options pr = ATL_PROJECT_OPTIONS_INIT;
    const atl_project_start ps = ATL_PROJECT_START_INIT;
    const atl_tune_options tu = ATL_TUNE_OPTIONS_INIT;
    const atl_tune_start ts = ATL_TUNE_START_INIT;
    const atl_paste_options pa = ATL_PASTE_OPTIONS_INIT;
    const atl_drag_options dr = ATL_DRAG_OPTIONS_INIT;
    const atl_encode_options en = ATL_ENCODE_OPTIONS_INIT;
    const atl_pairs_options pp = ATL_PAIRS_OPTIONS_INIT;
    const atl_sample_options sa = ATL_SAMPLE_OPTIONS_INIT;
    atl_train_options t;
    atl_train_options_init(&t, sizeof t);
    expect(ra.stall_seconds == 600.0 && !ra.divide, "atl_ranks_options");
    const atl_relabel_options re = ATL_RELABEL_OPTIONS_INIT;
    const atl_fit_options fi = ATL_FIT_OPTIONS_INIT;
    const atl_editor_options ed = ATL_EDITOR_OPTIONS_INIT;
    expect(re.space == -1 && !re.name, "atl_relabel_options");
    expect(fi.method == ATL_FIT_PCA && fi.space == ATL_DIRECTION_W && fi.rows == 1 && !fi.width,
           "atl_fit_options");
    expect(ed.n == 1 && !ed.mask && ed.noise_mode == ATL_NOISE_CONST, "atl_editor_options");
    expect(pa.border == 0.1 && !pa.mask, "atl_paste_options");
    expect(!strcmp(dr.space, "w+") && !dr.layer && !dr.layers && dr.lr == 0.0 && dr.mask_weight == 20.0,
           "atl_drag_options");
    const atl_classifier_options cl = ATL_CLASSIFIER_OPTIONS_INIT;
    const atl_view_options vi = ATL_VIEW_OPTIONS_INIT;
    expect(cl.channels == 3 && !cl.height && !cl.crop && !cl.colours, "atl_classifier_options");
    expect(vi.kind == ATL_VIEW_STYLEMIX && !vi.layers && vi.strength == 0.1 && vi.component_count == 20 &&
               !vi.seed,
           "atl_view_options");
    expect(!en.steps && en.factor == 1 && !en.average && !en.noise_mode, "atl_encode_options");
    expect(!pp.side && !pp.lpips && !pp.identity, "atl_pairs_options");
    expect(sa.height == 16 && sa.width == 16 && sa.temperature == 1.0f && sa.top_p == 1.0f &&
               sa.window == 16 && !sa.top_k,
           "atl_sample_options");
    expect(c.dtype == ATL_F32 && !c.net, "atl_convert_options");
    expect(pr.batch == 1 && pr.steps == 1000 && pr.seed == 303 && !strcmp(pr.space, "w") &&
               !strcmp(pr.loss, "lpips") && !pr.features && pr.noise_maps == 1 && pr.lr == 0.0 &&
               pr.samples == 10000 && pr.initial_noise == 0.05 && pr.noise_ramp == 0.75 &&
               pr.rampup == 0.05 && pr.rampdown == 0.25 && pr.noise_weight == 1e5 && pr.mse_weight == 1.0,
           "atl_project_options");
    expect(tu.batch == 1 && tu.steps == 350 && !strcmp(tu.loss, "lpips+mse") && tu.lr == 3e-4 &&
               tu.threshold == -1.0 && tu.mse_weight == 1.0 && tu.locality == 0.1 && tu.alpha == 30.0 &&
               tu.truncation_psi == 0.5 && !tu.layers,
           "atl_tune_options");
    expect(ts.count == 1 && !ts.targets && !ts.noise_maps, "atl_tune_start");
    expect(ps.count == 1 && !ps.targets && !ps.best_of, "atl_project_start");
    expect(m.lod == -1.0f && !m.net, "atl_model_options");
    expect(p.truncation_psi == 1.0f && !p.truncation_cutoff && !p.centroids, "atl_map_options");
    expect(s.noise_mode == ATL_NOISE_CONST && !s.dump_dir, "atl_synthesis_options");
    expect(g.class_index == -1 && g.truncation_psi == 1.0f && g.noise_mode == ATL_NOISE_CONST,
           "atl_generate_options");
    expect(r.noise_mode == ATL_NOISE_CONST && !r.features, "atl_run_options");
    expect(me.truncation_psi == 1.0f && me.class_index == -1 && me.noise_mode == ATL_NOISE_RANDOM &&
               !me.seed && !me.find_detector && !me.real_features && !me.reference_order,
           "atl_metrics_options");
    expect(!me.codes && !me.code_count && !me.code_size, "atl_metrics_options");
    expect(!strcmp(i.cfg, "stylegan2") && i.resolution == 256 && !i.seed, "atl_init_options");
    expect(b.alpha == 1.0f && b.width == 0.0f, "atl_blend_options");
    expect(sp.interp == 4 && sp.beta == 8.0 && sp.mean == 0.0 && sp.deviation == 1.0, "atl_spectrum_options");
    expect(!t.data && !strcmp(t.cfg, "auto") && !strcmp(t.loss, "auto") && !strcmp(t.augpipe, "bgc"),
           "atl_train_options: texts");
    expect(t.tick == 4.0 && t.snap == 50 && t.gamma == -1.0 && t.pl_weight == -1.0 &&
               t.style_mixing_prob == -1.0,
           "atl_train_options: numbers of a run");
    expect(t.aug == ATL_AUG_AUTO && t.p == 0.2 && t.target == 0.6 && t.ada_kimg == 500.0 && t.workers == 3,
           "atl_train_options: augmentation and workers");
}

int main(void) {
    check_sizes();
    check_values();
    const atl_ctx_options c = ATL_CTX_OPTIONS_INIT;
    atl_ctx *ctx = NULL;
    expect(atl_ctx_open(&ctx, &c) == ATL_OK && atl_message(ctx)[0] == '\0', "a context opens");
    atl_ctx_close(&ctx);
    expect(!ctx, "and is closed");
    return failures != 0;
}
