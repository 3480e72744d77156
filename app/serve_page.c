// SPDX-License-Identifier: Apache-2.0
// The page's files, which the build makes into arrays of characters; a text says no other address, and loads
// nothing from anywhere.
#include <string.h>
#include "serve_parts.h"
#include "studio_page.h"

static const char html[] = "text/html; charset=utf-8", css[] = "text/css; charset=utf-8",
                  js[] = "text/javascript; charset=utf-8", svg[] = "image/svg+xml";

#define ROW(path, type, text)                                                                                \
    { path, type, text, sizeof text - 1 }

static const app_page_file files[] = {
    ROW("/", html, studio_index_html),         ROW("/studio.css", css, studio_css),
    ROW("/icon.svg", svg, studio_icon_svg),    ROW("/main.js", js, studio_main_js),
    ROW("/core.js", js, studio_core_js),       ROW("/texts.js", js, studio_texts_js),
    ROW("/explore.js", js, studio_explore_js), ROW("/mix.js", js, studio_mix_js),
    ROW("/move.js", js, studio_move_js),       ROW("/edit.js", js, studio_edit_js),
    ROW("/drag.js", js, studio_drag_js),       ROW("/project.js", js, studio_project_js),
    ROW("/animate.js", js, studio_animate_js), ROW("/inside.js", js, studio_inside_js),
    ROW("/train.js", js, studio_train_js),     ROW("/compare.js", js, studio_compare_js),
};

const app_page_file *app_page_find(const char *path) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(files[i].path, path))
            return &files[i];
    return NULL;
}
