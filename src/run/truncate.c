// SPDX-License-Identifier: Apache-2.0
// Truncation pulls styles toward an average.  Networks with an average per class (StyleGAN-XL) pull each
// sample toward its own class; centroids of the caller replace all of them, each sample then going toward the
// nearest (Mokady et al. 2022).
#include "run/truncate.h"

#include <string.h>
#include <atelier/rng.h>

enum { AVERAGE_OF = 4096, AVERAGE_BATCH = 256, AVERAGE_SEED = 123 };

void atl_w_mean_clear(atl_ctx *ctx, atl_w_mean *mean) {
    atl_free(ctx, mean->values);
    mean->values = NULL;
}

// Adds w of the next z of a stream to sum [w_dim].
static atl_status add_w(atl_program *p, int z_dim, int w_dim, atl_numpy_rng *rng, float *room, double *sum) {
    for (int i = 0; i < AVERAGE_BATCH * z_dim; i++)
        room[i] = (float)atl_numpy_rng_normal(rng);
    ATL_TRY(atl_program_write(p, "z", AVERAGE_BATCH, room));
    if (atl_program_in(p, "c"))
        ATL_TRY(atl_program_write(p, "c", AVERAGE_BATCH, NULL));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "w", AVERAGE_BATCH, room));
    for (int i = 0; i < AVERAGE_BATCH * w_dim; i++)
        sum[i % w_dim] += (double)room[i];
    return ATL_OK;
}

// The mean of w over AVERAGE_OF z, in double.
static atl_status compute_mean(atl_programs *programs, float *mean) {
    const atl_network *net = programs->network;
    int z_dim = net->dims.z_dim, w_dim = net->dims.w_dim;
    atl_program_key key = { .function = "map", .n = AVERAGE_BATCH };
    atl_program *p;
    ATL_TRY(atl_programs_get(programs, &key, &p));
    float *room = atl_alloc(net->ctx, AVERAGE_BATCH * (size_t)(z_dim > w_dim ? z_dim : w_dim), sizeof *room);
    double *sum = atl_calloc(net->ctx, (size_t)w_dim, sizeof *sum);
    atl_status status = room && sum ? ATL_OK : ATL_NO_MEMORY;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, AVERAGE_SEED);
    for (int done = 0; status == ATL_OK && done < AVERAGE_OF; done += AVERAGE_BATCH)
        status = add_w(p, z_dim, w_dim, &rng, room, sum);
    for (int i = 0; status == ATL_OK && i < w_dim; i++)
        mean[i] = (float)(sum[i] / AVERAGE_OF);
    atl_free(net->ctx, room);
    atl_free(net->ctx, sum);
    return status;
}

// The stored average of w; NULL: none.  One vector, or one for each class.
static atl_status stored_average(const atl_network *net, const float **w_avg) {
    const char *name = net->row->average;
    const atl_param *p = name ? atl_params_find(&net->params, name) : NULL;
    size_t rows = net->dims.class_averages ? (size_t)net->dims.c_dim : 1, w_dim = (size_t)net->dims.w_dim;
    *w_avg = NULL;
    if (p && p->count != rows * w_dim)
        return atl_fail(net->ctx, ATL_BAD_FILE,
                        "the network's average of w (%s) has %zu numbers where %zu x %zu are needed", name,
                        p->count, rows, w_dim);
    if (p)
        *w_avg = atl_param_data(&net->params, p);
    return ATL_OK;
}

// The average of w that truncation pulls to: the file's, else one that is computed once.
static atl_status find_w_avg(atl_programs *programs, atl_w_mean *mean, const float **w_avg) {
    const atl_network *net = programs->network;
    ATL_TRY(stored_average(net, w_avg));
    if (*w_avg)
        return ATL_OK;
    if (!mean->values) {
        if (!atl_model_function_find(net->row, "map") || !net->dims.z_dim || net->dims.class_averages)
            return atl_fail(net->ctx, ATL_UNSUPPORTED,
                            "the network keeps no average of w (%s), which truncation needs",
                            net->row->average ? net->row->average : "it has none");
        float *values = atl_alloc(net->ctx, (size_t)net->dims.w_dim, sizeof *values);
        atl_status status = values ? compute_mean(programs, values) : ATL_NO_MEMORY;
        if (status != ATL_OK) {
            atl_free(net->ctx, values);
            return status;
        }
        mean->values = values;
    }
    *w_avg = mean->values;
    return ATL_OK;
}

// The averages of the classes, weighted by the label c [c_dim]; without a label, of all classes alike.
static void average_of_label(const atl_network *net, const float *averages, const float *c, float *out) {
    size_t classes = (size_t)net->dims.c_dim, w_dim = (size_t)net->dims.w_dim;
    float sum = 0.0f;
    for (size_t k = 0; k < classes; k++)
        sum += c[k];
    memset(out, 0, w_dim * sizeof *out);
    for (size_t k = 0; k < classes; k++) {
        float share = sum != 0.0f ? c[k] / sum : 1.0f / (float)classes;
        for (size_t i = 0; share != 0.0f && i < w_dim; i++)
            out[i] += share * averages[k * w_dim + i];
    }
}

static const float *nearest_centroid(const atl_map_options *o, const float *w, size_t w_dim) {
    const float *best = o->centroids;
    double least = 0;
    for (int k = 0; k < o->centroid_count; k++) {
        const float *row = o->centroids + (size_t)k * w_dim;
        double distance = 0;
        for (size_t i = 0; i < w_dim; i++)
            distance += ((double)row[i] - (double)w[i]) * ((double)row[i] - (double)w[i]);
        if (k == 0 || distance < least) {
            least = distance;
            best = row;
        }
    }
    return best;
}

// What truncation pulls the samples w [n, w_dim] of the labels c to: centres [n, w_dim].
static atl_status find_centres(atl_programs *programs, atl_w_mean *mean, int n, const float *w,
                               const float *c, const atl_map_options *o, float *centres) {
    const atl_network *net = programs->network;
    size_t w_dim = (size_t)net->dims.w_dim;
    const float *w_avg = NULL;
    if (o->centroids && o->centroid_count < 1)
        return atl_fail(net->ctx, ATL_BAD_ARGUMENT, "%d centroids are not possible", o->centroid_count);
    if (!o->centroids)
        ATL_TRY(find_w_avg(programs, mean, &w_avg));
    if (!o->centroids && net->dims.class_averages && !c)
        return atl_fail(
            net->ctx, ATL_BAD_ARGUMENT,
            "%s has an average of w for each class: styles without a label can be truncated only toward "
            "centroids",
            net->name);
    for (size_t i = 0; i < (size_t)n; i++) {
        float *to = centres + i * w_dim;
        if (o->centroids)
            memcpy(to, nearest_centroid(o, w + i * w_dim, w_dim), w_dim * sizeof *to);
        else if (net->dims.class_averages)
            average_of_label(net, w_avg, c + i * (size_t)net->dims.c_dim, to);
        else
            memcpy(to, w_avg, w_dim * sizeof *to);
    }
    return ATL_OK;
}

// w [n, w_dim] -> ws [n, num_ws, w_dim]; centres [n, w_dim], or NULL for no truncation.
static void spread(const atl_network *net, int n, const float *w, const float *centres,
                   const atl_map_options *o, float *ws) {
    size_t w_dim = (size_t)net->dims.w_dim;
    int num_ws = net->dims.num_ws, cutoff = o->truncation_cutoff;
    if (cutoff <= 0 || cutoff > num_ws)
        cutoff = num_ws;
    for (size_t i = 0; i < (size_t)n; i++)
        for (int k = 0; k < num_ws; k++) {
            float *to = ws + (i * (size_t)num_ws + (size_t)k) * w_dim;
            memcpy(to, w + i * w_dim, w_dim * sizeof *to);
            for (size_t e = 0; centres && k < cutoff && e < w_dim; e++)
                to[e] = centres[i * w_dim + e] + o->truncation_psi * (to[e] - centres[i * w_dim + e]);
        }
}

atl_status atl_truncate(atl_programs *programs, atl_w_mean *mean, int n, const float *w, const float *c,
                        const atl_map_options *o, float *ws) {
    const atl_network *net = programs->network;
    if (o->truncation_psi == 1.0f || net->dims.num_ws == 1 || net->dims.cuts_z) {
        spread(net, n, w, NULL, o, ws);
        return ATL_OK;
    }
    float *centres = atl_alloc(net->ctx, (size_t)n * (size_t)net->dims.w_dim, sizeof *centres);
    if (!centres)
        return ATL_NO_MEMORY;
    atl_status status = find_centres(programs, mean, n, w, c, o, centres);
    if (status == ATL_OK)
        spread(net, n, w, centres, o, ws);
    atl_free(net->ctx, centres);
    return status;
}
