// SPDX-License-Identifier: Apache-2.0
// Conditions of drawn codes; see condition.h.
#include "condition.h"

#include <string.h>
#include "memory.h"

static int holds_codes(const char *source) {
    static const char *const ends[] = { ".npz", ".npy", ".safetensors" };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        for (const char *p = source; (p = strstr(p, ends[i])) != NULL; p += n)
            if (!p[n] || p[n] == ':')
                return 1;
    }
    return 0;
}

static app_status encode(atl_ctx *ctx, const char *network, const atl_model_options *given, const char *picture,
                         app_codes *codes, app_error *e) {
    app_codec codec = { 0 };
    atl_model_options o = *given;
    o.net = "cond_vqgan";
    app_status status = app_codec_open_for(&codec, ctx, network, &o, picture, e);
    if (status == APP_OK) {
        *codes = (app_codes){ .count = 1, .depth = codec.depth, .levels = codec.levels };
        codes->rows = codec.height / codec.step;
        codes->columns = codec.width / codec.step;
        codes->items = app_array(app_codec_count(&codec), 1, 1, sizeof *codes->items, e);
        status = codes->items ? app_codec_encode(&codec, picture, codes->items, e) : APP_FAILED;
    }
    app_codec_close(&codec);
    return status;
}

app_status app_condition_open(atl_ctx *ctx, const char *network, const atl_model_options *o, const char *source,
                              size_t count, app_codes *codes, app_error *e) {
    *codes = (app_codes){ 0 };
    app_status status = holds_codes(source) ? app_codes_read(ctx, source, codes, e)
                                            : encode(ctx, network, o, source, codes, e);
    if (status == APP_OK && codes->count != 1 && codes->count != count)
        status = app_fail(
            e, "%s: has codes of %zu pictures; expected those of one, or of each of the %zu that are drawn", source,
            codes->count, count);
    if (status == APP_OK && (codes->levels > 1 || codes->depth > 1))
        status = app_fail(e, "%s: has several codes for a place, and a condition has one", source);
    if (status != APP_OK)
        app_codes_clear(codes);
    return status;
}

const int32_t *app_condition_row(const app_codes *codes, size_t i) {
    return codes->items + (codes->count == 1 ? 0 : i) * app_codes_row(codes);
}
