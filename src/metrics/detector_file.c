// SPDX-License-Identifier: Apache-2.0
// The networks of detectors' files: which of a file's is meant, and LPIPS out of two files.
#include <string.h>

#include "metrics/detector.h"

typedef struct part {
    const char *backbone; // as LPIPS calls it
    const char *key;      // of its network in files
} part;

static const part PARTS[] = { { "vgg", "vgg16" }, { "alex", "alexnet" }, { "squeeze", "squeezenet" } };

static bool begins(const char *text, const char *with) {
    return !strncmp(text, with, strlen(with));
}

static atl_status open_one(atl_ctx *ctx, const char *path, const char *key, atl_network *network) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = key;
    return atl_network_open(ctx, path, &o, network);
}

static atl_status copy_into(const atl_network *lpips, const atl_param *p, const atl_network *trunk,
                            const atl_network *heads) {
    const atl_param *from = atl_params_find(&trunk->params, p->name);
    const atl_network *of = from ? trunk : heads;
    from = from ? from : atl_params_find(&heads->params, p->name);
    if (!from || from->count != p->count)
        return atl_fail(lpips->ctx, ATL_BAD_FILE, "there is no %s, or one of another size", p->name);
    memcpy(atl_param_data(&lpips->params, p), atl_param_data(&of->params, from), p->count * sizeof(float));
    return ATL_OK;
}

atl_status atl_lpips_join(const atl_network *trunk, const atl_network *heads, atl_network *lpips) {
    const char *net = json_string_value(json_object_get(heads->json, "net"));
    const part *p = NULL;
    *lpips = (atl_network){ 0 };
    for (size_t i = 0; net && i < sizeof PARTS / sizeof *PARTS; i++)
        if (!strcmp(PARTS[i].backbone, net))
            p = &PARTS[i];
    if (strcmp(heads->row->family, "lpips-heads") != 0 || !p || strcmp(trunk->row->family, p->key) != 0)
        return atl_fail(trunk->ctx, ATL_BAD_ARGUMENT, "heads of LPIPS on %s don't fit the network %s",
                        net ? net : "?", trunk->row->family);
    ATL_TRY(atl_network_make_empty(trunk->ctx, atl_model_row_for("lpips", "features"), "lpips",
                                   json_pack("{s:s}", "net", net), lpips));
    for (size_t i = 0; i < lpips->params.size; i++) {
        atl_status status = copy_into(lpips, &lpips->params.list[i], trunk, heads);
        if (status != ATL_OK) {
            atl_network_clear(lpips);
            return status;
        }
    }
    return ATL_OK;
}

static atl_status open_two(atl_ctx *ctx, const char *path, const char *heads_path, atl_network *network) {
    atl_network heads, trunk = { 0 };
    const char *key = NULL;
    ATL_TRY(open_one(ctx, heads_path, "heads", &heads));
    const char *net = json_string_value(json_object_get(heads.json, "net"));
    for (size_t i = 0; net && i < sizeof PARTS / sizeof *PARTS; i++)
        if (!strcmp(PARTS[i].backbone, net))
            key = PARTS[i].key;
    atl_status status = open_one(ctx, path, key, &trunk);
    if (status == ATL_OK)
        status = atl_lpips_join(&trunk, &heads, network);
    atl_network_clear(&trunk);
    atl_network_clear(&heads);
    return status;
}

atl_status atl_detector_network(atl_ctx *ctx, const char *role, const char *path, const char *heads,
                                atl_network *network) {
    *network = (atl_network){ 0 };
    if (begins(role, "lpips") && heads)
        return open_two(ctx, path, heads, network);
    const char *key = begins(role, "inception") ? "inception"
                      : begins(role, "vgg16")   ? "vgg16"
                      : begins(role, "lpips")   ? "lpips"
                                                : NULL;
    return open_one(ctx, path, key, network);
}
