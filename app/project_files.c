// SPDX-License-Identifier: Apache-2.0
// The files of a projection: states, logs, results.
#define _XOPEN_SOURCE 700 // truncate
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/video.h>
#include "files.h"
#include "json.h"
#include "memory.h"
#include "project_parts.h"

enum { MAPS_MOST = 64 };

// ---- states

void app_project_state_path(const app_project *p, const char *ending, char path[APP_DETECTOR_PATH]) {
    snprintf(path, APP_DETECTOR_PATH, "%s/state-%zu.%s", p->o.folder, p->first / p->batch, ending);
}

static atl_array path_array(const app_project *p) {
    const atl_model_info *i = p->info;
    int64_t layers = p->styles.count ? 1 : i->num_ws;
    return (atl_array){ .name = "path",
                        .dtype = ATL_F32,
                        .rank = 4,
                        .data = p->path,
                        .dims = { (int64_t)p->batch, p->frames, layers, (int64_t)p->row_path / layers } };
}

app_status app_project_save(app_project *p, app_error *e) {
    char path[APP_DETECTOR_PATH];
    const atl_array a = path_array(p);
    app_project_state_path(p, "npz", path);
    if (p->frames && atl_npz_write(p->ctx, path, &a, 1) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    app_project_state_path(p, "safetensors", path);
    return atl_projector_save(p->search, path) == ATL_OK ? APP_OK : app_fail_ctx(e, p->ctx);
}

static app_status restore_path(app_project *p, app_error *e) {
    char path[APP_DETECTOR_PATH];
    const atl_array want = path_array(p);
    atl_arrays *set;
    app_project_state_path(p, "npz", path);
    if (!p->frames)
        return APP_OK;
    if (atl_arrays_open(p->ctx, path, &set) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    const atl_array *a = atl_arrays_find(set, "path");
    app_status status = APP_OK;
    if (!a || a->rank != 4 || memcmp(a->dims, want.dims, 4 * sizeof *a->dims) != 0)
        status = app_fail(e, "%s: holds no path of this projection", path);
    else
        atl_array_read_f32(a, 0, atl_array_count(a), p->path);
    atl_arrays_close(&set);
    return status;
}

app_status app_project_restore(app_project *p, int *restored, app_error *e) {
    char path[APP_DETECTOR_PATH];
    app_project_state_path(p, "safetensors", path);
    *restored = access(path, F_OK) == 0;
    if (!*restored)
        return APP_OK;
    if (atl_projector_restore(p->search, path) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    return restore_path(p, e);
}

void app_project_forget(const app_project *p) {
    static const char *const endings[] = { "safetensors", "npz" };
    for (int i = 0; i < 2; i++) {
        char path[APP_DETECTOR_PATH];
        app_project_state_path(p, endings[i], path);
        unlink(path);
    }
}

static int exists(const app_target *t, const char *name) {
    char path[APP_DETECTOR_PATH];
    return snprintf(path, sizeof path, "%s/%s", t->folder, name) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

int app_project_is_done(const app_project *p) {
    char path[APP_DETECTOR_PATH];
    app_project_state_path(p, "safetensors", path);
    if (access(path, F_OK) == 0)
        return 0;
    for (size_t i = 0; i < p->now; i++)
        if (!exists(&p->targets[p->first + i], "projected_w.npz") ||
            !exists(&p->targets[p->first + i], "proj.png"))
            return 0;
    return 1;
}

// ---- logs

// The place behind the first `lines` lines of a file; 0 when it has fewer.
static long place_of(FILE *file, int lines) {
    int c;
    while (lines > 0 && (c = getc(file)) != EOF)
        lines -= c == '\n';
    return lines ? 0 : ftell(file);
}

app_status app_project_log_open(app_project *p, int steps, app_error *e) {
    for (size_t i = 0; i < p->now; i++) {
        char *path = app_join(p->targets[p->first + i].folder, "project.jsonl", e);
        FILE *file = path ? fopen(path, steps ? "r" : "w") : NULL;
        long place = file && steps ? place_of(file, steps) : 0;
        int failed = !path || (!file && !steps) || (file && fclose(file)) || (place && truncate(path, place));
        if (failed)
            app_fail(e, "%s: can't be written", path ? path : "project.jsonl");
        free(path);
        if (failed)
            return APP_FAILED;
    }
    return APP_OK;
}

static app_status append(const app_target *t, const char *line, app_error *e) {
    char *path = app_join(t->folder, "project.jsonl", e);
    FILE *file = path ? fopen(path, "a") : NULL;
    int failed = !file || fputs(line, file) == EOF;
    failed |= file && fclose(file);
    if (failed)
        app_fail(e, "%s: can't be written", path ? path : "project.jsonl");
    free(path);
    return failed ? APP_FAILED : APP_OK;
}

app_status app_project_log(app_project *p, app_error *e) {
    const atl_project_state *s = atl_projector_get_state(p->search);
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < p->now; i++) {
        char line[256], n[4][APP_JSON_NUMBER];
        app_json_number(s->lr, n[0]);
        app_json_number(s->loss[i], n[1]);
        app_json_number(s->distance[i], n[2]);
        app_json_number(s->noise[i], n[3]);
        snprintf(line, sizeof line,
                 "{\"step\": %d, \"lr\": %s, \"loss\": %s, \"distance\": %s, \"noise\": %s}\n", s->step - 1,
                 n[0], n[1], n[2], n[3]);
        status = append(&p->targets[p->first + i], line, e);
    }
    return status;
}

// ---- results

// What was found for one picture: ws, its maps, its latent where that is something else.
typedef struct found {
    atl_array list[1 + MAPS_MOST + APP_STYLES];
    char names[MAPS_MOST][16];
    float *maps[MAPS_MOST]; // of the whole batch, by malloc
    size_t count, n_maps;
} found;

static void found_clear(found *f) {
    for (size_t k = 0; k < f->n_maps; k++)
        free(f->maps[k]);
}

static app_status read_maps(app_project *p, found *f, app_error *e) {
    int h, w;
    for (int k = 0; p->o.search.noise_maps && k < MAPS_MOST && atl_model_noise_size(p->model, k, &h, &w);
         k++) {
        f->maps[k] = app_array(p->now, (size_t)h, (size_t)w, sizeof(float), e);
        if (!f->maps[k])
            return APP_FAILED;
        f->n_maps++;
        if (atl_projector_read_map(p->search, k, f->maps[k]) != ATL_OK)
            return app_fail_ctx(e, p->ctx);
        snprintf(f->names[k], sizeof f->names[k], "noise.%d", k);
        f->list[f->count++] = (atl_array){ f->names[k], ATL_F32, 3, { 1, h, w }, NULL };
    }
    return APP_OK;
}

// What was moved beside ws, [1, size]: z, or what the styles of all layers gain.
static void add_latent(const app_project *p, found *f, const float *latent, int64_t size) {
    if (!p->styles.count)
        f->list[f->count++] = (atl_array){ "latent_z", ATL_F32, 2, { 1, size }, latent };
    for (size_t k = 0; k < p->styles.count; latent += p->styles.channels[k++])
        f->list[f->count++] =
            (atl_array){ p->styles.name[k], ATL_F32, 2, { 1, p->styles.channels[k] }, latent };
}

app_status app_project_write_ws(app_project *p, app_error *e) {
    found f = { .count = 1 };
    int64_t size = atl_projector_latent_size(p->search);
    int beside = p->styles.count || !strcmp(p->o.search.space, "z");
    float *latent = beside ? app_array(p->now, (size_t)size, 1, sizeof *latent, e) : NULL;
    app_status status = beside && !latent ? APP_FAILED : read_maps(p, &f, e);
    if (status == APP_OK && (atl_projector_read(p->search, p->ws) != ATL_OK ||
                             (beside && atl_projector_read_latent(p->search, latent) != ATL_OK)))
        status = app_fail_ctx(e, p->ctx);
    for (size_t i = 0; status == APP_OK && i < p->now; i++) {
        char *path = app_join(p->targets[p->first + i].folder, "projected_w.npz", e);
        f.list[0] =
            (atl_array){ "w", ATL_F32, 3, { 1, p->info->num_ws, p->info->w_dim }, p->ws + i * p->row_ws };
        for (size_t k = 0; k < f.n_maps; k++)
            f.list[1 + k].data = f.maps[k] + i * (size_t)atl_array_count(&f.list[1 + k]);
        f.count = 1 + f.n_maps;
        if (beside)
            add_latent(p, &f, latent + i * (size_t)size, size);
        if (!path || atl_npz_write(p->ctx, path, f.list, f.count) != ATL_OK)
            status = path ? app_fail_ctx(e, p->ctx) : APP_FAILED;
        free(path);
    }
    free(latent);
    found_clear(&f);
    return status;
}

// Frame k of a picture's way to p->img: of its ws, or of its moved styles by an editor.
static atl_status make_frame(app_project *p, size_t at, int k, atl_editor *editor,
                             const atl_synthesis_options *so) {
    const float *row = p->path + (at * (size_t)p->frames + (size_t)k) * p->row_path;
    if (!editor)
        return atl_model_synthesize(p->model, 1, row, so, p->img);
    atl_direction moves = app_styles_direction(&p->styles, 0);
    moves.values = row;
    atl_editor_reset(editor);
    atl_status status = atl_editor_style(editor, 0, &moves, 1.0);
    return status == ATL_OK ? atl_editor_run(editor, 1, p->ws + at * p->row_ws, NULL, p->img) : status;
}

static atl_status open_editor(app_project *p, const atl_synthesis_options *so, atl_editor **editor) {
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    *editor = NULL;
    if (!p->styles.count)
        return ATL_OK;
    o.styles = 1;
    o.noise_mode = so->noise_mode;
    atl_status status = atl_editor_open(p->model, &o, editor);
    return status == ATL_OK && o.noise_mode == ATL_NOISE_MAPS ? atl_editor_maps(*editor, so->noise_maps)
                                                              : status;
}

// The video: the way of ws with the noise that was found at its end, as the official script shows it.
static app_status write_video(app_project *p, size_t at, const found *f, app_error *e) {
    const atl_model_info *i = p->info;
    const app_target *t = &p->targets[p->first + at];
    atl_video_options vo = ATL_VIDEO_OPTIONS_INIT;
    atl_synthesis_options so = ATL_SYNTHESIS_OPTIONS_INIT;
    const float *maps[MAPS_MOST];
    atl_image frame = { 0 }, half = { 0 };
    atl_video *video = NULL;
    atl_editor *editor = NULL;
    char *path = app_join(t->folder, "proj.mp4", e);
    vo.width = 2 * i->width;
    vo.height = i->height;
    vo.fps = p->o.video;
    for (size_t k = 0; k < f->n_maps; k++)
        maps[k] = f->maps[k] + at * (size_t)atl_array_count(&f->list[k]);
    so.noise_maps = maps;
    so.noise_mode = f->n_maps ? ATL_NOISE_MAPS : ATL_NOISE_CONST;
    int failed = !path || atl_image_init(p->ctx, vo.width, vo.height, i->channels, &frame) ||
                 atl_image_init(p->ctx, i->width, i->height, i->channels, &half) ||
                 open_editor(p, &so, &editor) || atl_video_open(p->ctx, path, &vo, &video);
    if (!failed) {
        atl_image_from_float(p->pictures + at * p->row_img, &half);
        atl_image_paste(&frame, &half, 0, 0);
    }
    for (int k = 0; !failed && k < p->frames; k++) {
        failed = make_frame(p, at, k, editor, &so) != ATL_OK;
        atl_image_from_float(p->img, &half);
        atl_image_paste(&frame, &half, i->width, 0);
        failed = failed || atl_video_write(video, &frame);
    }
    failed = failed || atl_video_finish(&video);
    if (failed && path)
        app_fail_ctx(e, p->ctx);
    atl_video_abort(&video);
    atl_editor_close(&editor);
    atl_image_clear(p->ctx, &frame);
    atl_image_clear(p->ctx, &half);
    free(path);
    return failed ? APP_FAILED : APP_OK;
}

// A picture is finished without its video, where FFmpeg is not.
static app_status write_videos(app_project *p, app_error *e) {
    found f = { .count = 0 };
    app_status status = p->frames ? read_maps(p, &f, e) : APP_OK;
    for (size_t i = 0; status == APP_OK && p->frames && i < p->now; i++)
        if (write_video(p, i, &f, e) != APP_OK) {
            app_excuse(e);
            break;
        }
    found_clear(&f);
    return status;
}

static app_status write_picture(app_project *p, size_t at, double distance, app_error *e) {
    const app_target *t = &p->targets[p->first + at];
    const float *a = p->img + at * p->row_img, *b = p->pictures + at * p->row_img;
    char line[160], n[3][APP_JSON_NUMBER];
    atl_image image;
    double mse = 0.0;
    for (size_t k = 0; k < p->row_img; k++)
        mse += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]) / (double)p->row_img;
    if (atl_image_init(p->ctx, p->info->width, p->info->height, p->info->channels, &image) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    atl_image_from_float(a, &image);
    app_status status = app_project_write_picture(p, t, "proj.png", &image, e);
    atl_image_clear(p->ctx, &image);
    app_json_number(distance, n[0]);
    app_json_number(mse, n[1]);
    app_json_number(10.0 * log10(4.0 / mse), n[2]); // -1 to 1: the largest difference is 2
    snprintf(line, sizeof line, "{\"result\": true, \"distance\": %s, \"mse\": %s, \"psnr\": %s}\n", n[0],
             n[1], n[2]);
    return status == APP_OK ? append(t, line, e) : status;
}

app_status app_project_finish(app_project *p, app_error *e) {
    double *distance = app_array(p->now, 1, 1, sizeof *distance, e);
    app_status status = distance ? app_project_write_ws(p, e) : APP_FAILED;
    if (status == APP_OK && atl_projector_look(p->search, p->img, distance) != ATL_OK)
        status = app_fail_ctx(e, p->ctx);
    for (size_t i = 0; status == APP_OK && i < p->now; i++)
        status = write_picture(p, i, distance[i], e);
    free(distance);
    return status == APP_OK ? write_videos(p, e) : status;
}
