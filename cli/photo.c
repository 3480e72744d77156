// SPDX-License-Identifier: Apache-2.0
// Other commands called with arguments of ours; see photo.h.
#include "photo.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/files.h"
#include "command.h"

enum { ARGUMENTS = 48 };

typedef struct arguments {
    char *list[ARGUMENTS];
    int count;
    char numbers[4][16];
    int used;
} arguments;

static void add(arguments *a, const char *word) {
    if (a->count < ARGUMENTS - 1)
        a->list[a->count++] = (char *)word; // commands read them only
}

static void add_text(arguments *a, const char *option, const char *value) {
    if (!value)
        return;
    add(a, option);
    add(a, value);
}

static void add_number(arguments *a, const char *option, int value) {
    char *text = a->numbers[a->used++];
    snprintf(text, sizeof a->numbers[0], "%d", value);
    add_text(a, option, text);
}

static void begin(arguments *a, const char *command, const cli_common *c) {
    *a = (arguments){ 0 };
    add(a, command);
    if (c->threads)
        add_number(a, "--threads", c->threads);
    add_text(a, "--cpu", c->cpu);
    if (c->direct)
        add(a, "--direct");
    if (c->quiet)
        add(a, "--quiet");
}

static void add_network(arguments *a, const cli_common *c, const char *network, const char *net) {
    add_text(a, "--network", network);
    add_text(a, "--net", net);
    add_text(a, "--deltas", c->deltas);
    add_text(a, "--assume", c->assume);
    if (c->ignore_unused)
        add(a, "--ignore-unused");
}

// ---- what was found before

static const char *or_none(const char *text) {
    return text ? text : "-";
}

// FNV-1a over the bytes of a file; 0: it can't be read.
static uint64_t hash_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint64_t h = file ? UINT64_C(0xcbf29ce484222325) : 0;
    for (int c; file && (c = getc(file)) != EOF;)
        h = (h ^ (uint64_t)c) * UINT64_C(0x100000001b3);
    if (file)
        fclose(file);
    return h;
}

// Tuned networks of another search.
static void forget(const char *folder) {
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char path[5000];
        if (!strncmp(entry->d_name, "tuned-", 6) &&
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
            unlink(path);
    }
    if (dir)
        closedir(dir);
}

// As `atelier project` calls them.
static const char *loss_of(const cli_photo *p) {
    static const char *const names[] = { "lpips", "lpips+mse", "mse", "vgg-image2stylegan" };
    return p->loss_given ? names[p->loss] : NULL;
}

// Whether the folder is about the same search: of the same crop, by the same options.  Another one is noted,
// and what was tuned to the old one goes.
static int is_known(const cli_photo *p, const cli_common *c, const char *network, const char *net,
                    const char *class_text, const char *crop, int *known) {
    char path[4200], text[9000];
    app_error e = { 0 };
    app_file file;
    size_t size;
    snprintf(path, sizeof path, "%s/search.txt", p->folder);
    snprintf(text, sizeof text,
             "crop %016" PRIx64 "\nnetwork %s\nnet %s\ndeltas %s\nassume %s\nclass %s\nspace %s\n"
             "steps %d\nloss %s\n",
             hash_file(crop), or_none(network), or_none(net), or_none(c->deltas), or_none(c->assume),
             or_none(class_text), p->space ? "w" : "w+", p->steps, or_none(loss_of(p)));
    char *there = app_file_read(path, sizeof text, &size, NULL); // NULL: there is no search
    *known = there && size == strlen(text) && !memcmp(there, text, size);
    free(there);
    if (*known)
        return CLI_SUCCESS;
    forget(p->folder);
    if (app_file_open(&file, path, &e) != APP_OK)
        return cli_error("%s", e.text);
    fputs(text, file.out);
    return app_file_commit(&file, &e) == APP_OK ? CLI_SUCCESS : cli_error("%s", e.text);
}

// ---- the steps

static int align(const cli_photo *p, const cli_common *c) {
    arguments a;
    begin(&a, "align", c);
    add(&a, p->path);
    add_text(&a, "--outdir", p->folder);
    add_text(&a, "--face", "one");
    add_text(&a, "--landmarks", p->landmarks);
    add_text(&a, "--no-face", p->box ? "crop" : NULL);
    add_text(&a, "--box", p->box);
    add_text(&a, "--remedy",
             "give --photo-landmarks FILE, or --photo-box X,Y,SIDE for a square in place of a face");
    return cli_align(a.count, a.list);
}

static int project(const cli_photo *p, const cli_common *c, const char *network, const char *net,
                   const char *class_text, const char *crop, int known) {
    arguments a;
    begin(&a, "project", c);
    add_network(&a, c, network, net);
    add_text(&a, "--target", crop);
    add_text(&a, "--outdir", p->folder);
    add_text(&a, "--space", p->space ? "w" : "w+");
    add_number(&a, "--num-steps", p->steps);
    add_text(&a, "--class", class_text);
    add_text(&a, "--loss", loss_of(p));
    if (known)
        add(&a, "--resume");
    return cli_project(a.count, a.list);
}

static int tune(const cli_photo *p, const cli_common *c, const char *network, const char *net) {
    arguments a;
    begin(&a, "tune", c);
    add_network(&a, c, network, net);
    add(&a, p->folder);
    add_text(&a, "--output", p->deltas);
    add_text(&a, "--only-changed", "1");
    add_number(&a, "--num-steps", p->tune);
    add_text(&a, "--loss", loss_of(p));
    add(&a, "--resume");
    return cli_tune(a.count, a.list);
}

// OUTDIR/NAME and what lies in it.
static int name_files(cli_photo *p, const char *outdir, char *crop, size_t room) {
    const char *name = app_file_name(p->path);
    int length = (int)app_stem_length(name);
    int used = snprintf(p->folder, sizeof p->folder, "%s/%.*s", outdir, length, name);
    int beside = snprintf(crop, room, "%s/%.*s.png", p->folder, length, name);
    snprintf(p->record, sizeof p->record, "%s/%.*s.json", p->folder, length, name);
    snprintf(p->latents, sizeof p->latents, "%s/projected_w.npz", p->folder);
    snprintf(p->deltas, sizeof p->deltas, "%s/tuned-%d.safetensors", p->folder, p->tune);
    if (used >= (int)sizeof p->folder - 64 || beside >= (int)room)
        return cli_error("--photo %s: the name is too long", p->path);
    return CLI_SUCCESS;
}

int cli_photo_find(cli_photo *p, const cli_common *c, const char *network, const char *net,
                   const char *class_text, const char *outdir) {
    char crop[4200];
    int known = 0, status = name_files(p, outdir, crop, sizeof crop);
    if (status == CLI_SUCCESS && p->tune && c->deltas)
        return cli_usage_error("edit",
                               "--photo-tune tunes one network: make one of --network and --deltas by "
                               "'atelier convert --deltas'");
    app_error e = { 0 };
    if (status == CLI_SUCCESS && app_folder_make(outdir, &e) != APP_OK)
        return cli_error("%s", e.text);
    if (status == CLI_SUCCESS)
        status = align(p, c);
    if (status == CLI_SUCCESS)
        status = is_known(p, c, network, net, class_text, crop, &known);
    if (status == CLI_SUCCESS)
        status = project(p, c, network, net, class_text, crop, known);
    if (status == CLI_SUCCESS && p->tune)
        status = tune(p, c, network, net);
    if (status == CLI_INTERRUPTED)
        cli_note(c, "the same 'atelier edit --photo' goes on from there");
    return status;
}
