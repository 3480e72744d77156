// SPDX-License-Identifier: Apache-2.0
// The option structs' initialisers, compiled as C and as C++: they set the size that the library checks,
// and a library function can be linked and called from both languages.
#include <atelier/ctx.h>
#include <atelier/dataset.h>
#include <atelier/model.h>
#include <atelier/path.h>
#include <atelier/rng.h>
#include <atelier/video.h>

#include <stdio.h>
#include <string.h>

int main(void) {
    const atl_ctx_options c = ATL_CTX_OPTIONS_INIT;
    const atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    const atl_map_options p = ATL_MAP_OPTIONS_INIT;
    const atl_synthesis_options s = ATL_SYNTHESIS_OPTIONS_INIT;
    const atl_init_options i = ATL_INIT_OPTIONS_INIT;
    const atl_path_options w = ATL_PATH_OPTIONS_INIT;
    const atl_video_options v = ATL_VIDEO_OPTIONS_INIT;
    const atl_dataset_options d = ATL_DATASET_OPTIONS_INIT;
    const atl_dataset_make_options dm = ATL_DATASET_MAKE_OPTIONS_INIT;
    const atl_dataset_check_options dc = ATL_DATASET_CHECK_OPTIONS_INIT;
    int sets = d.size == sizeof d && dm.size == sizeof dm && dc.size == sizeof dc;
    int sizes = sets && c.size == sizeof c && m.size == sizeof m && p.size == sizeof p && s.size == sizeof s &&
                i.size == sizeof i && w.size == sizeof w && v.size == sizeof v;
    int values = p.truncation_psi == 1.0f && s.noise_mode == ATL_NOISE_CONST && i.resolution == 256 &&
                 !strcmp(i.cfg, "stylegan2");
    atl_ctx *ctx = NULL;
    int opens = atl_ctx_open(&ctx, &c) == ATL_OK && atl_message(ctx)[0] == '\0';
    atl_ctx_close(&ctx);
    if (!sizes || !values || !opens || ctx)
        fprintf(stderr, "sizes %d, values %d, opens %d\n", sizes, values, opens);
    return sizes && values && opens && !ctx ? 0 : 1;
}
