// SPDX-License-Identifier: Apache-2.0
// What the files of the studio know of each other.  serve_http.c speaks HTTP, serve_work.c is the thread that
// works, serve_*.c beside them answer one kind of request each.
#ifndef APP_SERVE_PARTS_H
#define APP_SERVE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <jansson.h>
#include <atelier/directions.h>
#include <atelier/model.h>
#include "render.h"
#include "serve.h"
#include "serve_files.h"
#include "serve_queue.h"
#include "serve_state.h"

// ---- Networks that are open

enum { APP_ROOMS = 4 };

typedef struct app_room {
    char *name; // or "A + 0.3 B"; NULL: free
    char *path; // that commands name
    atl_model *model;
    int users;            // long tasks and drags, for which it stays open
    uint64_t used;        // the larger, the later
    atl_editor *editor;   // that moves its styles; NULL: nobody asked
    atl_noise_mode noise; // of the editor
} app_room;

// ---- The studio

typedef struct app_task app_task;
typedef struct app_drags app_drags;
struct app_opened;
enum { APP_OPENED = 16 }; // directions

struct app_serve {
    app_serve_options o;
    atl_ctx *ctx;
    char shipped[4096]; // network
    app_listing files;
    double looked; // at the files
    app_room rooms[APP_ROOMS];
    uint64_t uses;
    app_queue queue;
    app_job *waiting; // for news of tasks
    app_task *tasks;  // newest first
    int busy;         // a task is at work: jobs are done in between
    long last_task;
    app_drags *drags;
    struct app_opened *opened; // [APP_OPENED], or NULL
    pthread_t worker;
    int works; // the thread has been started
    atomic_int ends;
    app_error error; // of the thread
    void *http;
};

// ---- HTTP (serve_http.c)

app_status app_http_open(app_serve *s, app_error *e);
void app_http_close(app_serve *s);

// ---- Routes (serve_routes.c)

typedef enum app_method { APP_GET, APP_POST, APP_DELETE } app_method;

typedef enum app_takes { APP_TAKES_NOTHING, APP_TAKES_JSON, APP_TAKES_PHOTO } app_takes;

typedef struct app_route {
    app_method method;
    const char *path; // below /api/v1/; a '/' at the end: a name follows
    app_takes takes;
    int newest; // a job of the same client and panel takes its place
    // Fills job->reply, or returns 1: the job waits, and is answered later.
    int (*use)(app_serve *s, app_job *job);
} app_route;

enum { APP_JSON_MOST = 256 << 10, APP_PHOTO_MOST = 48 << 20 };

// The row of the table, or -1; *name: what follows a path that ends with '/'.  *status: 404 or 405.
int app_route_find(app_method method, const char *path, const char **name, int *status);
const app_route *app_route_get(int row);

// ---- Replies (serve_work.c)

void app_reply_json(app_job *job, json_t *json); // takes it over; NULL: memory was missing
void app_reply_fail(app_job *job, int status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
void app_reply_error(app_serve *s, app_job *job); // with the sentence of s->error, which is cleared

// A file's bytes by malloc, or NULL and s->error; `text` may be NULL.
char *app_encoded(app_serve *s, const char *format, const atl_image *image, int quality, const atl_pair *text,
                  size_t *size);

// The picture, encoded; facts are taken over.  `record` may be NULL.
app_status app_reply_picture(app_serve *s, app_job *job, const atl_image *image, const app_state *state,
                             const app_recipe *record, json_t *facts);

// ---- Work (serve_work.c)

app_status app_work_start(app_serve *s, app_error *e);
void app_work_end(app_serve *s);
void app_work_pump(app_serve *s); // jobs that wait, in the midst of a long task
const app_listing *app_work_files(app_serve *s, int fresh);
const app_listed *app_work_find(app_serve *s, const char *name, int kind); // looks anew before it says NULL
void app_job_finish(app_job *job);

// ---- Networks (serve_rooms.c)

// An open network by name, NULL: the first; blended where state->other is; or NULL and s->error.
app_room *app_room_open(app_serve *s, const app_state *state);
app_room *app_room_named(app_serve *s, const char *name);
const app_listed *app_network_listed(app_serve *s, const char *name); // the file of such a name
void app_rooms_close(app_serve *s);

// ---- Pictures

// A state at work; it stays where it is, since its parts point into it.
typedef struct app_shot {
    app_state state; // its texts are the JSON's
    app_room *room;
    app_render render; // of the first latent
    float *ws;         // [num_ws, w_dim]
    uint32_t seed;     // of the first latent
    char *pin;         // its file, by malloc
} app_shot;

// Opens the network, and maps the first latent.  A failure leaves something to close, too.  (serve_latent.c)
app_status app_shot_open(app_serve *s, const json_t *json, app_shot *shot);
void app_shot_close(app_shot *shot);

// Styles of the state's latents to shot->ws, mixed and moved by directions of z and w.
app_status app_shot_ws(app_serve *s, app_shot *shot);

// Styles of one latent to ws.
app_status app_spot_ws(app_serve *s, app_room *room, const app_state *state, const app_spot *spot, float *ws);

// Moves shot->ws along the state's directions, but for those of styles.  (serve_edit.c)
app_status app_shot_move(app_serve *s, app_shot *shot);

// The picture of shot->ws to shot->render.img, with directions of styles.  (serve_edit.c)
app_status app_shot_img(app_serve *s, app_shot *shot);

// ---- Files of ours (serve_pins.c): by malloc, or NULL and s->error

char *app_out_path(app_serve *s, const char *folder,
                   const char *name); // "OUTDIR/FOLDER/NAME"; makes the folder
char *app_out_new(app_serve *s, const char *folder, const char *stem, const char *ending); // the same, unused

// A file of "OUTDIR/KINDs", by the name that a request has for it.
char *app_out_find(app_serve *s, const char *kind, const char *name, const char *ending);

// Where the next pin goes, and its name.
char *app_pin_new(app_serve *s, const char *stem, char name[64]);
app_status app_pin_write(app_serve *s, const atl_model_info *info, const char *stem, const float *ws,
                         char name[64]);

// ---- Commands

// What does the same on a command line, by malloc.  (serve_command.c)
char *app_shot_command(app_serve *s, const app_shot *shot);

// Text in the making.
typedef struct app_line {
    char *text;
    size_t size, room;
    int bad; // memory was missing
} app_line;
void app_line_add(app_line *line, const char *format, ...) APP_PRINTF;
void app_line_quote(app_line *line, const char *word); // as a shell needs it
void app_line_option(app_line *line, const char *option, const char *word);      // " OPTION WORD", quoted
void app_line_network(app_line *line, const app_serve *s, const app_room *room); // " --network FILE"
char *app_line_end(app_line *line); // free() it; NULL: memory was missing

// A seed after the option `seeds`, a file after `latents`; a pin without a name is the file that a line
// before this one writes, "spot/ws.npy".
void app_line_spot(app_line *line, const app_serve *s, const app_spot *spot, const char *seeds,
                   const char *latents);
void app_line_recipe(app_line *line, const app_recipe *recipe, int pin); // a pin is truncated already

// ---- Requests, one function each

int app_serve_about(app_serve *s, app_job *job);
int app_serve_files(app_serve *s, app_job *job);
int app_serve_network(app_serve *s, app_job *job);
int app_serve_frame(app_serve *s, app_job *job);
int app_serve_layers(app_serve *s, app_job *job);
int app_serve_layer(app_serve *s, app_job *job);
int app_serve_pins(app_serve *s, app_job *job);
int app_serve_pin(app_serve *s, app_job *job);
int app_serve_directions(app_serve *s, app_job *job);
int app_serve_sefa(app_serve *s, app_job *job);
int app_serve_styles(app_serve *s, app_job *job);
void app_opened_close(app_serve *s);
int app_serve_drag(app_serve *s, app_job *job);
int app_serve_drag_step(app_serve *s, app_job *job);
int app_serve_drag_undo(app_serve *s, app_job *job);
int app_serve_drag_pin(app_serve *s, app_job *job);
void app_drags_close(app_serve *s);
int app_serve_project(app_serve *s, app_job *job);
int app_serve_tune(app_serve *s, app_job *job);
int app_serve_video(app_serve *s, app_job *job);
int app_serve_run(app_serve *s, app_job *job);
int app_serve_run_grid(app_serve *s, app_job *job);
int app_serve_plan(app_serve *s, app_job *job);
int app_serve_train(app_serve *s, app_job *job);
int app_serve_photo(app_serve *s, app_job *job);

// The file of this path in a list that is made anew, or NULL and s->error.
const app_listed *app_listed_at(app_serve *s, const char *path);
void app_stem_of(const char *path, char stem[48]);

// ---- The page (serve_page.c)

typedef struct app_page_file {
    const char *path, *type, *text;
    size_t size;
} app_page_file;
const app_page_file *app_page_find(const char *path); // NULL: none

#endif
