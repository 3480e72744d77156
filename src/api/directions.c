// SPDX-License-Identifier: Apache-2.0
// Directions of an opened generator: calls into edit/.
#include <atelier/directions.h>

#include "api/model_api.h"
#include "base/options.h"
#include "edit/styles.h"

atl_status atl_directions_sefa(atl_model *model, const atl_sefa_options *options, atl_directions **set) {
    atl_sefa_options o = ATL_SEFA_OPTIONS_INIT;
    *set = NULL;
    ATL_TRY(atl_options_read(model->ctx, "atl_sefa_options", &o, sizeof o, options));
    return atl_sefa(&model->net, &o, set);
}

int atl_model_style(atl_model *model, int index, atl_style_info *info) {
    if (!model->styled &&
        atl_styles_list(&model->net, &model->texts, &model->styles, &model->n_styles) == ATL_OK)
        model->styled = true;
    if (!model->styled || index < 0 || index >= model->n_styles)
        return 0;
    *info = model->styles[index];
    return 1;
}

atl_status atl_editor_open(atl_model *model, const atl_editor_options *options, atl_editor **editor) {
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    *editor = NULL;
    ATL_TRY(atl_options_read(model->ctx, "atl_editor_options", &o, sizeof o, options));
    return atl_editor_make(&model->net, model->backend, &o, editor);
}
