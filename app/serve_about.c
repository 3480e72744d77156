// SPDX-License-Identifier: Apache-2.0
// What there is: GET about, GET files, POST network.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <atelier/video.h>
#include "faces.h"
#include "json.h"
#include "serve_parts.h"

// One format of the API as long as this stays.
enum { API_VERSION = 1 };

int app_serve_about(app_serve *s, app_job *job) {
    char formats[512];
    atl_video_formats(formats, sizeof formats);
    app_reply_json(job,
                   json_pack("{s:s, s:i, s:s, s:i, s:s, s:o, s:b, s:b}", "version", atl_version(), "api",
                             API_VERSION, "cpu", atl_ctx_cpu(s->ctx), "threads", atl_ctx_threads(s->ctx),
                             "videos", formats, "outdir", app_json_text(s->o.outdir, strlen(s->o.outdir)),
                             "trains", s->o.program != NULL, "faces", app_finder_built()));
    return 0;
}

static json_t *listed(const app_listed *item) {
    return json_pack("{s:o, s:o, s:I}", "name", app_json_text(item->name, strlen(item->name)), "path",
                     app_json_text(item->path, strlen(item->path)), "bytes", (json_int_t)item->bytes);
}

int app_serve_files(app_serve *s, app_job *job) {
    static const struct {
        const char *key;
        int kind;
    } groups[] = { { "networks", APP_IS_NETWORK },
                   { "directions", APP_IS_DIRECTIONS },
                   { "runs", APP_IS_RUN },
                   { "sets", APP_IS_SET } };
    const app_listing *l = app_work_files(s, 1);
    json_t *all = json_object();
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        json_t *group = json_array();
        for (size_t i = 0; i < l->count; i++)
            if (l->items[i].kinds & groups[g].kind)
                json_array_append_new(group, listed(&l->items[i]));
        json_object_set_new(all, groups[g].key, group);
    }
    app_reply_json(job, all);
    return 0;
}

int app_serve_network(app_serve *s, app_job *job) {
    const json_t *name = json_object_get(job->body, "network");
    app_room *room = app_room_named(s, json_string_value(name));
    if (!room) {
        app_reply_error(s, job);
        return 0;
    }
    const atl_model_info *i = atl_model_get_info(room->model);
    char fingerprint[17];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, i->fingerprint);
    json_t *facts = json_pack("{s:o, s:o, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:s, s:f, s:i}",
                              "name", app_json_text(room->name, strlen(room->name)), "path",
                              app_json_text(room->path, strlen(room->path)), "kind", i->kind, "net", i->net,
                              "z_dim", i->z_dim, "c_dim", i->c_dim, "w_dim", i->w_dim, "num_ws", i->num_ws,
                              "channels", i->channels, "height", i->height, "width", i->width, "parameters",
                              (json_int_t)i->parameters, "fingerprint", fingerprint, "psi",
                              (double)i->default_psi, "cutoff", i->default_cutoff);
    app_reply_json(job, facts);
    return 0;
}
