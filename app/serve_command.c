// SPDX-License-Identifier: Apache-2.0
// The command lines that do what the page does, with the program's own options.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "classes.h"
#include "serve_parts.h"

// ---- Text in the making

static int reserve(app_line *l, size_t more) {
    if (l->bad || l->room - l->size > more)
        return !l->bad;
    size_t room = (l->size + more + 1) * 2;
    char *larger = realloc(l->text, room);
    if (!larger) {
        l->bad = 1;
        return 0;
    }
    l->text = larger;
    l->room = room;
    return 1;
}

void app_line_add(app_line *l, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size >= 0 && reserve(l, (size_t)size)) {
        vsnprintf(l->text + l->size, (size_t)size + 1, format, again);
        l->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
}

void app_line_quote(app_line *l, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=+@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        app_line_add(l, "%s", word);
        return;
    }
    app_line_add(l, "'");
    for (; *word; word++)
        app_line_add(l, *word == '\'' ? "'\\''" : "%c", *word);
    app_line_add(l, "'");
}

void app_line_option(app_line *l, const char *option, const char *word) {
    app_line_add(l, " %s ", option);
    app_line_quote(l, word);
}

char *app_line_end(app_line *l) {
    char *text = l->text;
    if (l->bad) {
        free(text);
        text = NULL;
    }
    *l = (app_line){ 0 };
    return text;
}

// ---- States

static int same_file(const char *a, const char *b) {
    struct stat s, t;
    return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

void app_line_network(app_line *l, const app_serve *s, const app_room *room) {
    if (*s->shipped && same_file(room->path, s->shipped)) // what no option names
        return;
    app_line_option(l, "--network", room->path);
}

void app_line_spot(app_line *l, const app_serve *s, const app_spot *spot, const char *seeds,
                   const char *latents) {
    if (spot->kind == APP_SPOT_PIN && spot->pin) {
        app_line_option(l, latents, s->o.outdir);
        app_line_add(l, "/pins/%s.npz", spot->pin);
    } else if (spot->kind == APP_SPOT_PIN)
        app_line_add(l, " %s spot/ws.npy", latents);
    else if (spot->kind == APP_SPOT_AT && !app_spot_is_seed(spot))
        app_line_add(l, " --at %.10g,%.10g", spot->x, spot->y);
    else
        app_line_add(l, " %s %lu", seeds, (unsigned long)app_spot_seed(spot));
}

void app_line_recipe(app_line *l, const app_recipe *r, int pin) {
    if (!pin && !isnan(r->psi))
        app_line_add(l, " --trunc %.6g", r->psi);
    if (!pin && r->cutoff)
        app_line_add(l, " --trunc-cutoff %d", r->cutoff);
    if (!pin && r->labels) // they are a mixture
        app_line_option(l, "--class", r->labels + strlen(APP_MIXTURE));
    else if (!pin && r->class_index >= 0)
        app_line_add(l, " --class %d", r->class_index);
    if (r->noise != ATL_NOISE_CONST)
        app_line_add(l, " --noise-mode %s", app_noise_names[r->noise]);
    if (r->has_noise_seed)
        app_line_add(l, " --noise-seed %lu", (unsigned long)r->noise_seed);
    if (r->translate[0] != 0 || r->translate[1] != 0)
        app_line_add(l, " --translate %.6g,%.6g", r->translate[0], r->translate[1]);
    if (r->rotate != 0)
        app_line_add(l, " --rotate %.6g", r->rotate);
}

// Directions of files, and styles, each a file that its own line writes.
static void add_changes(app_line *l, app_serve *s, const app_state *state) {
    app_line_add(l, " --direction ");
    for (size_t i = 0; i < state->changes_count; i++) {
        const app_change *c = &state->changes[i];
        const app_listed *file =
            c->file ? app_listing_find(app_work_files(s, 0), c->file, APP_IS_DIRECTIONS) : NULL;
        char word[2400];
        if (c->file)
            snprintf(word, sizeof word, "%s%s%s", file ? file->path : c->file, *c->name ? ":" : "", c->name);
        else
            snprintf(word, sizeof word, "channel-%d-%d.txt", c->layer, c->channel);
        app_line_add(l, i ? "," : "");
        app_line_quote(l, word);
    }
    app_line_add(l, " --strength ");
    for (size_t i = 0; i < state->changes_count; i++)
        app_line_add(l, "%s%.6g", i ? "," : "", state->changes[i].strength);
    int layers = 0;
    for (size_t i = 0; i < state->changes_count; i++)
        layers |= state->changes[i].layers != NULL;
    for (size_t i = 0; i < state->changes_count && layers; i++) {
        app_line_add(l, i ? "/" : " --layers ");
        if (state->changes[i].layers)
            app_line_quote(l, state->changes[i].layers);
    }
    app_line_add(l, " --steps 1");
}

// Where the latents are of no seed and the command takes none but seeds and files: a line that writes them
// first, as the file of a pin without a name.
static app_spot put_aside(app_line *l, const app_serve *s, const app_room *room, const app_spot *spot,
                          const app_recipe *r) {
    if (spot->kind != APP_SPOT_AT || app_spot_is_seed(spot))
        return *spot;
    app_line_add(l, "atelier generate");
    app_line_network(l, s, room);
    app_line_spot(l, s, spot, "--seeds", "--latents");
    app_line_recipe(l, r, 0);
    app_line_add(l, " --save-ws --outdir spot\n");
    return (app_spot){ .kind = APP_SPOT_PIN, .pin = NULL };
}

static void add_blend(app_line *l, app_serve *s, const app_state *state) {
    const app_listed *a = app_network_listed(s, state->network), *b = app_network_listed(s, state->other);
    app_line_add(l, "atelier blend ");
    app_line_quote(l, a ? a->path : state->network ? state->network : "");
    app_line_add(l, " ");
    app_line_quote(l, b ? b->path : state->other);
    app_line_add(l, " --alpha %.4g --out mixed.safetensors\n", state->alpha);
}

char *app_shot_command(app_serve *s, const app_shot *shot) {
    const app_state *state = &shot->state;
    const app_recipe *r = &shot->render.recipe;
    app_line l = { 0 };
    if (state->other)
        add_blend(&l, s, state);
    app_spot from = state->spots[0];
    if ((state->mixes || state->changes_count) && !state->is_path)
        from = put_aside(&l, s, shot->room, &from, r);
    for (size_t i = 0; i < state->changes_count; i++) {
        const app_change *c = &state->changes[i];
        if (!c->file)
            app_line_add(&l, "echo %d_%d 1 > channel-%d-%d.txt\n", c->layer, c->channel, c->layer,
                         c->channel);
    }
    app_line_add(&l, "atelier %s", state->changes_count ? "edit" : state->mixes ? "mix" : "generate");
    app_line_network(&l, s, shot->room);
    app_line_spot(&l, s, &from, state->mixes ? "--rows" : "--seeds", state->mixes ? "--rows" : "--latents");
    if (state->mixes) {
        app_line_spot(&l, s, &state->column, "--cols", "--cols");
        app_line_option(&l, "--styles", state->styles);
    }
    app_line_recipe(&l, r, from.kind == APP_SPOT_PIN);
    if (state->changes_count)
        add_changes(&l, s, state);
    return app_line_end(&l);
}
