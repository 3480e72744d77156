// SPDX-License-Identifier: Apache-2.0
// Networks that stay open between requests, a few of them; the one that nobody has asked for the longest
// makes room.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "network.h"
#include "serve_parts.h"

static void leave(app_room *r) {
    atl_editor_close(&r->editor);
    atl_model_close(&r->model);
    free(r->name);
    free(r->path);
    *r = (app_room){ 0 };
}

void app_rooms_close(app_serve *s) {
    for (int i = 0; i < APP_ROOMS; i++)
        leave(&s->rooms[i]);
}

static app_room *find(app_serve *s, const char *name) {
    for (int i = 0; i < APP_ROOMS; i++)
        if (s->rooms[i].name && !strcmp(s->rooms[i].name, name)) {
            s->rooms[i].used = ++s->uses;
            return &s->rooms[i];
        }
    return NULL;
}

// `spared` stays, too.
static app_room *make_room(app_serve *s, const app_room *spared) {
    app_room *oldest = NULL;
    for (int i = 0; i < APP_ROOMS; i++) {
        app_room *r = &s->rooms[i];
        if (!r->users && r != spared && (!oldest || r->used < oldest->used))
            oldest = r;
    }
    if (oldest)
        leave(oldest);
    else
        app_fail(&s->error, "%d networks are at work; wait until one of them is done", APP_ROOMS);
    return oldest;
}

static app_status settle(app_serve *s, app_room *r, const char *name, const char *path) {
    r->name = app_copy(name, &s->error);
    r->path = app_copy(path, &s->error);
    r->used = ++s->uses;
    return r->name && r->path ? APP_OK : APP_FAILED;
}

static const app_listed *first(app_serve *s) {
    const app_listing *l = app_work_files(s, 0);
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].kinds & APP_IS_NETWORK)
            return &l->items[i];
    app_fail(&s->error, "there is no network: start the studio with one, 'atelier serve ffhq.pkl'");
    return NULL;
}

const app_listed *app_network_listed(app_serve *s, const char *name) {
    const app_listed *item = name ? app_work_find(s, name, APP_IS_NETWORK) : first(s);
    if (!item && name)
        app_fail(&s->error, "%s: no such network among those that the studio was started with", name);
    return item;
}

app_room *app_room_named(app_serve *s, const char *name) {
    app_room *r = name ? find(s, name) : NULL;
    const app_listed *file = r ? NULL : app_network_listed(s, name);
    if (file && !name)
        r = find(s, file->name);
    if (r || !file || !(r = make_room(s, NULL)))
        return r;
    const atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    if (app_network_open(s->ctx, file->path, &o, &r->model, &s->error) == APP_OK &&
        settle(s, r, file->name, file->path) == APP_OK)
        return r;
    leave(r);
    return NULL;
}

static app_room *open_blend(app_serve *s, const app_state *state, const char *name) {
    app_room *a = app_room_named(s, state->network), *b = NULL, *r = NULL;
    if (a) {
        a->users++;
        b = app_room_named(s, state->other);
    }
    atl_blend_options o = ATL_BLEND_OPTIONS_INIT;
    o.alpha = (float)state->alpha;
    if (b && (r = make_room(s, b)) && atl_model_blend(a->model, b->model, &o, &r->model) != ATL_OK) {
        app_fail_ctx(&s->error, s->ctx);
        r = NULL;
    }
    if (r && settle(s, r, name, "mixed.safetensors") != APP_OK) {
        leave(r);
        r = NULL;
    }
    if (a)
        a->users--;
    return r;
}

app_room *app_room_open(app_serve *s, const app_state *state) {
    if (!state->other)
        return app_room_named(s, state->network);
    char name[2200];
    snprintf(name, sizeof name, "%s + %.4f %s", state->network ? state->network : "", state->alpha,
             state->other);
    app_room *r = find(s, name);
    return r ? r : open_blend(s, state, name);
}
