// SPDX-License-Identifier: Apache-2.0
// A folder of pictures through a transformer; see congeal.h.
#include "congeal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/array.h>
#include "files.h"
#include "memory.h"

enum { BATCH_MOST = 256, COLOURS = 3 };

// ---- opening

static size_t row_img(const app_congeal *a) {
    return COLOURS * (size_t)a->aligner.info->side * (size_t)a->aligner.info->side;
}

static size_t row_flow(const app_congeal *a) {
    return 2 * (size_t)a->aligner.info->flow_side * (size_t)a->aligner.info->flow_side;
}

static app_status open_buffers(app_congeal *a, app_error *e) {
    size_t n = (size_t)a->o.batch, all = a->photos.count;
    const struct {
        void **room;
        size_t count, row, size;
        int wanted;
    } rooms[] = {
        { (void **)&a->heads, all, 1, sizeof *a->heads, 1 },
        { (void **)&a->flipped, all, 1, sizeof *a->flipped, 1 },
        { (void **)&a->scores, all, 1, sizeof *a->scores, 1 },
        { (void **)&a->outside, all, 1, sizeof *a->outside, 1 },
        { (void **)&a->kept, all, 1, sizeof *a->kept, 1 },
        { (void **)&a->inputs, n, app_aligner_input(&a->aligner), sizeof *a->inputs, 1 },
        { (void **)&a->img, n, row_img(a), sizeof *a->img, 1 },
        { (void **)&a->matrices, all, 6, sizeof *a->matrices, a->o.save_warps },
        { (void **)&a->flows, all, row_flow(a), sizeof *a->flows, a->o.save_warps },
        { (void **)&a->sum, row_img(a), 1, sizeof *a->sum, 1 },
        { (void **)&a->plain, app_aligner_input(&a->aligner), 1, sizeof *a->plain, 1 },
    };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (rooms[i].wanted) {
            *rooms[i].room = app_array(rooms[i].count, rooms[i].row, 1, rooms[i].size, e);
            if (!*rooms[i].room)
                return APP_FAILED;
            memset(*rooms[i].room, 0, rooms[i].count * rooms[i].row * rooms[i].size);
        }
    return APP_OK;
}

app_status app_congeal_open(app_congeal *a, atl_ctx *ctx, const app_congeal_options *o, app_error *e) {
    *a = (app_congeal){ .o = *o };
    if (o->batch < 1 || o->batch > BATCH_MOST)
        return app_fail(e, "--batch %d: 1 to %d are possible", o->batch, BATCH_MOST);
    app_status status = app_aligner_open(&a->aligner, ctx, &o->aligner, e);
    if (status == APP_OK && o->sorted)
        status = app_aligner_find_classifier(&a->aligner, &o->aligner, e);
    if (status == APP_OK && o->sorted && !a->aligner.classifier && !a->aligner.info->has_flow)
        return app_fail(e,
                        "--cluster auto: %s has neither a classifier nor a flow, which tell clusters apart: give the "
                        "number of one",
                        o->aligner.network);
    if (status == APP_OK)
        status = app_aligner_check_cluster(&a->aligner, o->cluster, e);
    if (status == APP_OK)
        status = app_folder_make(o->outdir, e);
    if (status == APP_OK)
        status = app_photos_open(&a->photos, o->inputs, o->count, e);
    return status == APP_OK ? open_buffers(a, e) : status;
}

void app_congeal_close(app_congeal *a) {
    app_aligner_close(&a->aligner);
    app_photos_close(&a->photos);
    void *const rooms[] = { a->heads, a->flipped,  a->scores, a->outside, a->kept, a->inputs,
                            a->img,   a->matrices, a->flows,  a->sum,     a->plain };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        free(rooms[i]);
    *a = (app_congeal){ 0 };
}

// ---- pictures

// A picture [3, side, side] from -1 to 1 to NAME.png.
static app_status write_picture(app_congeal *a, const char *name, const float *img, int side, app_error *e) {
    atl_ctx *ctx = a->aligner.ctx;
    atl_image picture = { 0 };
    if (atl_image_init(ctx, side, side, COLOURS, &picture) != ATL_OK)
        return app_fail_ctx(e, ctx);
    atl_image_from_float(img, &picture);
    app_status status = app_aligned_write(ctx, a->o.outdir, name, &picture, e);
    atl_image_clear(ctx, &picture);
    return status;
}

// ---- scores: which pictures are kept

static int by_score(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// The best scores, as many as are asked for, of pictures that lie inside and belong to the cluster.
static app_status choose(app_congeal *a, app_error *e) {
    size_t count = 0;
    double *sorted = app_array(a->photos.count, 1, 1, sizeof *sorted, e);
    if (!sorted)
        return APP_FAILED;
    for (size_t i = 0; i < a->photos.count; i++)
        if (a->kept[i])
            sorted[count++] = a->scores[i];
    qsort(sorted, count, sizeof *sorted, by_score);
    size_t most = (size_t)(a->o.keep * (double)count + 0.5);
    most = most < 1 ? 1 : most > count ? count : most;
    a->used = 0;
    for (size_t i = 0; i < a->photos.count; i++) {
        a->kept[i] = a->kept[i] && a->scores[i] >= sorted[most - 1] && a->outside[i] <= a->o.outside;
        a->used += a->kept[i];
    }
    free(sorted);
    if (!a->used)
        return app_fail(e, "no picture is kept: of all of them a larger share than --outside %g lies outside",
                        a->o.outside);
    return APP_OK;
}

// ---- running

static app_status read_batch(app_congeal *a, size_t first, size_t n, app_error *e) {
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < n; i++)
        status = app_aligner_read(&a->aligner, a->photos.list[first + i].path, NULL,
                                  a->inputs + i * app_aligner_input(&a->aligner), e);
    return status;
}

// One batch through the transformer; img NULL: scores alone.
static app_status align(app_congeal *a, size_t first, size_t n, float *img, app_error *e) {
    app_status status = read_batch(a, first, n, e);
    const atl_congealed out = { .img = img,
                                .matrix = a->matrices ? a->matrices + first * 6 : NULL,
                                .flow = a->flows ? a->flows + first * row_flow(a) : NULL,
                                .tv = a->scores + first,
                                .outside = a->outside + first,
                                .flipped = a->flipped + first };
    if (status == APP_OK &&
        atl_congealer_run(a->aligner.congealer, (int)n, a->inputs, a->heads + first, &out) != ATL_OK)
        status = app_fail_ctx(e, a->aligner.ctx);
    for (size_t i = 0; status == APP_OK && i < n; i++)
        a->scores[first + i] = 0.0 - a->scores[first + i];
    return status;
}

static size_t batch_at(const app_congeal *a, size_t first) {
    size_t left = a->photos.count - first;
    return left < (size_t)a->o.batch ? left : (size_t)a->o.batch;
}

// Keeps the pictures that the classifier puts into this cluster.
static app_status ask_classifier(app_congeal *a, app_error *e) {
    app_status status = APP_OK;
    size_t n = 0;
    for (size_t i = 0; status == APP_OK && i < a->photos.count; i += n) {
        n = batch_at(a, i);
        status = read_batch(a, i, n, e);
        if (status == APP_OK && atl_congealer_classify(a->aligner.congealer, a->aligner.classifier, (int)n, a->inputs,
                                                       a->heads + i, NULL) != ATL_OK)
            status = app_fail_ctx(e, a->aligner.ctx);
    }
    a->used = 0;
    for (size_t i = 0; status == APP_OK && i < a->photos.count; i++) {
        a->kept[i] = a->heads[i] == a->o.cluster;
        a->heads[i] = a->o.cluster;
        a->used += a->kept[i];
    }
    return status;
}

// Keeps the pictures whose flow no other cluster makes smoother.
static app_status find_ours(app_congeal *a, app_error *e) {
    app_status status = APP_OK;
    size_t step = (size_t)a->o.batch;
    int own = a->o.cluster;
    double *scores = app_array(a->photos.count, 1, 1, sizeof *scores, e);
    if (!scores)
        return APP_FAILED;
    for (int k = 0; status == APP_OK && k < a->aligner.info->heads; k++) {
        int head = (own + k) % a->aligner.info->heads; // the own one first
        for (size_t i = 0; i < a->photos.count; i++)
            a->heads[i] = head;
        for (size_t i = 0; status == APP_OK && i < a->photos.count; i += step)
            status = align(a, i, batch_at(a, i), NULL, e);
        for (size_t i = 0; status == APP_OK && i < a->photos.count; i++) {
            scores[i] = k ? scores[i] : a->scores[i];
            a->kept[i] = a->kept[i] && (head < own ? a->scores[i] < scores[i] : a->scores[i] <= scores[i]);
        }
    }
    a->used = 0;
    for (size_t i = 0; i < a->photos.count; i++) {
        a->heads[i] = own;
        a->used += a->kept[i];
    }
    free(scores);
    return status;
}

static app_status use_batch(app_congeal *a, size_t n, app_congeal_use *use, void *user, app_error *e) {
    app_status status = align(a, a->done, n, a->img, e);
    for (size_t i = 0; status == APP_OK && i < n; i++, a->done++) {
        const app_photo *photo = &a->photos.list[a->done];
        for (size_t k = 0; a->kept[a->done] && k < row_img(a); k++)
            a->sum[k] += (double)a->img[i * row_img(a) + k];
        for (size_t k = 0; a->kept[a->done] && k < app_aligner_input(&a->aligner); k++)
            a->plain[k] += (double)a->inputs[i * app_aligner_input(&a->aligner) + k];
        if (a->kept[a->done])
            status = write_picture(a, photo->stem, a->img + i * row_img(a), a->aligner.info->side, e);
        if (status == APP_OK)
            status = use(user, photo, e);
    }
    return status;
}

double app_gradient_energy(const double *x, size_t channels, size_t side) {
    double sum = 0.0;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < side * side; i++) {
            const double *p = x + c * side * side + i;
            double right = i % side + 1 < side ? p[1] - p[0] : 0.0,
                   down = i / side + 1 < side ? p[side] - p[0] : 0.0;
            sum += right * right + down * down;
        }
    return sum / (double)(channels * side * side);
}

static app_status write_mean(app_congeal *a, const char *name, double *sum, int side, app_error *e) {
    size_t count = COLOURS * (size_t)side * (size_t)side;
    float *img = app_array(count, 1, 1, sizeof *img, e);
    if (!img)
        return APP_FAILED;
    for (size_t i = 0; i < count; i++) {
        sum[i] /= (double)a->used;
        img[i] = (float)sum[i];
    }
    app_status status = write_picture(a, name, img, side, e);
    free(img);
    return status;
}

// How much sharper the average is than the mean of the pictures as they came, made as small by boxes of pixels.
static app_status compare_means(app_congeal *a, app_error *e) {
    const size_t side = (size_t)a->aligner.info->side, input = (size_t)a->aligner.info->input, box = input / side;
    if (input % side)
        return APP_OK; // not known
    double *plain = app_array(row_img(a), 1, 1, sizeof *plain, e);
    if (!plain)
        return APP_FAILED;
    for (size_t i = 0; i < COLOURS * input * input; i++)
        plain[i / input / box * side + i % input / box] += a->plain[i] / (double)(box * box);
    double before = app_gradient_energy(plain, COLOURS, side);
    a->sharper = before > 0.0 ? app_gradient_energy(a->sum, COLOURS, side) / before : 0.0;
    free(plain);
    return APP_OK;
}

static app_status write_scores(app_congeal *a, app_error *e) {
    char *path = app_join(a->o.outdir, "scores.txt", e);
    app_file file = { 0 };
    app_status status = path ? app_file_open(&file, path, e) : APP_FAILED;
    if (status == APP_OK) {
        fprintf(file.out, "# score\toutside\tcluster\tmirrored\tkept\tpath\n");
        for (size_t i = 0; i < a->photos.count; i++)
            fprintf(file.out, "%.6g\t%.4f\t%d\t%d\t%d\t%s\n", a->scores[i], a->outside[i], a->heads[i],
                    a->flipped[i], a->kept[i], a->photos.list[i].path);
        status = app_file_commit(&file, e);
    }
    free(path);
    return status;
}

static app_status write_warps(app_congeal *a, app_error *e) {
    int64_t n = (int64_t)a->photos.count, side = a->aligner.info->flow_side;
    char *path = app_join(a->o.outdir, "warps.npz", e);
    app_status status = path ? APP_OK : APP_FAILED;
    const atl_array list[] = { { "matrix", ATL_F32, 3, { n, 2, 3 }, a->matrices },
                               { "flow", ATL_F32, 4, { n, side, side, 2 }, a->flows },
                               { "flipped", ATL_I32, 1, { n }, a->flipped } };
    if (path && atl_npz_write(a->aligner.ctx, path, list, sizeof list / sizeof *list) != ATL_OK)
        status = app_fail_ctx(e, a->aligner.ctx);
    free(path);
    return status;
}

app_status app_congeal_run(app_congeal *a, app_congeal_use *use, void *user, app_error *e) {
    app_status status = APP_OK;
    int chosen = a->o.keep < 1.0 || a->o.outside < 1.0;
    for (size_t i = 0; i < a->photos.count; i++) {
        a->heads[i] = a->o.cluster > 0 ? a->o.cluster : 0;
        a->kept[i] = 1;
    }
    a->used = a->photos.count;
    if (a->o.sorted)
        status = a->aligner.classifier ? ask_classifier(a, e) : find_ours(a, e);
    for (size_t i = 0; chosen && status == APP_OK && i < a->photos.count; i += (size_t)a->o.batch)
        status = align(a, i, batch_at(a, i), NULL, e);
    if (status == APP_OK && chosen && a->used)
        status = choose(a, e);
    while (status == APP_OK && a->done < a->photos.count)
        status = use_batch(a, batch_at(a, a->done), use, user, e);
    if (status != APP_OK || !a->used)
        return status == APP_OK ? write_scores(a, e) : status;
    status = write_mean(a, "average", a->sum, a->aligner.info->side, e);
    if (status == APP_OK)
        status = write_mean(a, "unaligned", a->plain, a->aligner.info->input, e);
    if (status == APP_OK)
        status = compare_means(a, e);
    if (status == APP_OK)
        status = write_scores(a, e);
    return status == APP_OK && a->o.save_warps ? write_warps(a, e) : status;
}
