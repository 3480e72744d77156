// SPDX-License-Identifier: Apache-2.0
// The table of requests, and what answers them; docs/studio-api.md describes each.
#include <string.h>
#include "serve_check.h"
#include "serve_parts.h"
#include "serve_task.h"

// A path is there for each of the methods that it is asked by.
static const app_route routes[] = {
    { APP_GET, "about", APP_TAKES_NOTHING, 0, app_serve_about },
    { APP_GET, "files", APP_TAKES_NOTHING, 0, app_serve_files },
    { APP_POST, "network", APP_TAKES_JSON, 0, app_serve_network },
    { APP_POST, "frame", APP_TAKES_JSON, 1, app_serve_frame },
    { APP_POST, "layers", APP_TAKES_JSON, 0, app_serve_layers },
    { APP_POST, "layer", APP_TAKES_JSON, 1, app_serve_layer },
    { APP_GET, "pins", APP_TAKES_NOTHING, 0, app_serve_pins },
    { APP_POST, "pins", APP_TAKES_JSON, 0, app_serve_pin },
    { APP_POST, "directions", APP_TAKES_JSON, 0, app_serve_directions },
    { APP_POST, "sefa", APP_TAKES_JSON, 0, app_serve_sefa },
    { APP_POST, "styles", APP_TAKES_JSON, 0, app_serve_styles },
    { APP_POST, "photos", APP_TAKES_PHOTO, 0, app_serve_photo },
    { APP_POST, "drag", APP_TAKES_JSON, 0, app_serve_drag },
    { APP_POST, "drag-step", APP_TAKES_JSON, 0, app_serve_drag_step },
    { APP_POST, "drag-undo", APP_TAKES_JSON, 0, app_serve_drag_undo },
    { APP_POST, "drag-pin", APP_TAKES_JSON, 0, app_serve_drag_pin },
    { APP_POST, "project", APP_TAKES_JSON, 0, app_serve_project },
    { APP_POST, "tune", APP_TAKES_JSON, 0, app_serve_tune },
    { APP_POST, "video", APP_TAKES_JSON, 0, app_serve_video },
    { APP_POST, "run", APP_TAKES_JSON, 0, app_serve_run },
    { APP_POST, "run-grid", APP_TAKES_JSON, 0, app_serve_run_grid },
    { APP_POST, "plan", APP_TAKES_JSON, 0, app_serve_plan },
    { APP_POST, "train", APP_TAKES_JSON, 0, app_serve_train },
    { APP_GET, "tasks", APP_TAKES_NOTHING, 0, app_serve_tasks },
    { APP_GET, "tasks/", APP_TAKES_NOTHING, 0, app_serve_task },
    { APP_DELETE, "tasks/", APP_TAKES_NOTHING, 0, app_serve_task_stop },
    { APP_GET, "task-frame/", APP_TAKES_NOTHING, 0, app_serve_task_frame },
    { APP_GET, "task-file/", APP_TAKES_NOTHING, 0, app_serve_task_file },
};

const app_route *app_route_get(int row) {
    return &routes[row];
}

int app_route_find(app_method method, const char *path, const char **name, int *status) {
    static const char base[] = "/api/v1/";
    *status = 404;
    *name = "";
    if (strncmp(path, base, sizeof base - 1))
        return -1;
    path += sizeof base - 1;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t size = strlen(routes[i].path);
        int named = routes[i].path[size - 1] == '/';
        if (named ? strncmp(path, routes[i].path, size) || !app_name_is_plain(path + size)
                  : strcmp(path, routes[i].path) != 0)
            continue;
        *status = 405;
        if (routes[i].method != method)
            continue;
        *name = named ? path + size : "";
        return (int)i;
    }
    return -1;
}
