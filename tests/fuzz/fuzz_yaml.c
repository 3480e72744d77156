// SPDX-License-Identifier: Apache-2.0
// Any bytes as the YAML beside a checkpoint.
#include <stddef.h>
#include <stdint.h>
#include "io/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    atl_ctx *ctx;
    json_t *values;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    if (atl_yaml_read(ctx, "a.yaml", (const char *)data, size, &values) == ATL_OK)
        json_decref(values);
    atl_ctx_close(&ctx);
    return 0;
}
