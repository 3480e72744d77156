// SPDX-License-Identifier: Apache-2.0
// Mapping: latents to styles, and truncation, which pulls styles toward an average.  Networks with an
// average per class (StyleGAN-XL) pull each sample toward its own class; centroids of the caller replace all
// of them, each sample then going toward the nearest (Mokady et al. 2022).
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"
#include <atelier/rng.h>

enum { AVERAGE_OF = 4096, AVERAGE_BATCH = 256, AVERAGE_SEED = 123 };

// The mean of w over AVERAGE_OF z, in double.
static atl_status average_w(atl_model *m) {
    size_t z_dim = (size_t)m->dims.z_dim, w_dim = (size_t)m->dims.w_dim;
    float *z = atl_alloc(m->ctx, AVERAGE_BATCH * z_dim, sizeof *z);
    float *w = atl_alloc(m->ctx, AVERAGE_BATCH * w_dim, sizeof *w);
    double *sum = atl_calloc(m->ctx, w_dim, sizeof *sum);
    float *mean = atl_alloc(m->ctx, w_dim, sizeof *mean);
    atl_status status = z && w && sum && mean ? ATL_OK : ATL_NO_MEMORY;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, AVERAGE_SEED);
    for (int done = 0; status == ATL_OK && done < AVERAGE_OF; done += AVERAGE_BATCH) {
        atl_function *f;
        for (size_t i = 0; i < AVERAGE_BATCH * z_dim; i++)
            z[i] = (float)atl_numpy_rng_normal(&rng);
        status = atl_model_function(m, ATL_CACHED_MAP, AVERAGE_BATCH, ATL_NOISE_CONST, false, &f);
        if (status == ATL_OK)
            status = atl_model_write_rows(m, f, 0, AVERAGE_BATCH, z);
        if (status == ATL_OK)
            status = atl_model_write_rows(m, f, 1, AVERAGE_BATCH, NULL);
        if (status == ATL_OK)
            status = atl_plan_run(f->plan);
        if (status == ATL_OK)
            status = atl_model_read_rows(m, f, AVERAGE_BATCH, w);
        for (size_t i = 0; status == ATL_OK && i < AVERAGE_BATCH * w_dim; i++)
            sum[i % w_dim] += (double)w[i];
    }
    for (size_t i = 0; status == ATL_OK && i < w_dim; i++)
        mean[i] = (float)(sum[i] / AVERAGE_OF);
    atl_free(m->ctx, z);
    atl_free(m->ctx, w);
    atl_free(m->ctx, sum);
    if (status == ATL_OK)
        m->w_avg = mean;
    else
        atl_free(m->ctx, mean);
    return status;
}

// The stored average of w; NULL: none.  One vector, or one for each class.
static atl_status stored_average(atl_model *m, const float **w_avg) {
    const atl_param *p = atl_params_find(&m->params, "mapping.w_avg");
    size_t rows = m->dims.class_averages ? (size_t)m->dims.c_dim : 1, w_dim = (size_t)m->dims.w_dim;
    *w_avg = NULL;
    if (p && p->count != rows * w_dim)
        return atl_fail(m->ctx, ATL_BAD_FILE,
                        "the network's average of w (mapping.w_avg) has %zu numbers where %zu x %zu are needed",
                        p->count, rows, w_dim);
    if (p)
        *w_avg = atl_param_data(&m->params, p);
    return ATL_OK;
}

// The average of w that truncation pulls to: the file's, else one that is computed once.
static atl_status find_w_avg(atl_model *m, const float **w_avg) {
    ATL_TRY(stored_average(m, w_avg));
    if (*w_avg)
        return ATL_OK;
    if (!m->w_avg) {
        if (!m->row->map || !m->dims.z_dim || m->dims.class_averages)
            return atl_fail(m->ctx, ATL_UNSUPPORTED,
                            "the network keeps no average of w (mapping.w_avg), which truncation needs");
        ATL_TRY(average_w(m));
    }
    *w_avg = m->w_avg;
    return ATL_OK;
}

// The averages of the classes, weighted by the label c [c_dim]; without a label, of all classes alike.
static void average_of_label(const atl_model *m, const float *averages, const float *c, float *out) {
    size_t classes = (size_t)m->dims.c_dim, w_dim = (size_t)m->dims.w_dim;
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
static atl_status find_centres(atl_model *m, int n, const float *w, const float *c, const atl_map_options *o,
                               float *centres) {
    size_t w_dim = (size_t)m->dims.w_dim;
    const float *w_avg = NULL;
    if (o->centroids && o->centroid_count < 1)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%d centroids are not possible", o->centroid_count);
    if (!o->centroids)
        ATL_TRY(find_w_avg(m, &w_avg));
    if (!o->centroids && m->dims.class_averages && !c)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "%s has an average of w for each class: styles without a label can be truncated only toward "
                        "centroids", m->net);
    for (size_t i = 0; i < (size_t)n; i++) {
        float *to = centres + i * w_dim;
        if (o->centroids)
            memcpy(to, nearest_centroid(o, w + i * w_dim, w_dim), w_dim * sizeof *to);
        else if (m->dims.class_averages)
            average_of_label(m, w_avg, c + i * (size_t)m->dims.c_dim, to);
        else
            memcpy(to, w_avg, w_dim * sizeof *to);
    }
    return ATL_OK;
}

// w [n, w_dim] -> ws [n, num_ws, w_dim]; centres [n, w_dim], or NULL for no truncation.
static void spread(const atl_model *m, int n, const float *w, const float *centres, const atl_map_options *o,
                   float *ws) {
    size_t w_dim = (size_t)m->dims.w_dim;
    int num_ws = m->dims.num_ws, cutoff = o->truncation_cutoff;
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

static atl_status truncate_and_spread(atl_model *m, int n, const float *w, const float *c,
                                      const atl_map_options *o, float *ws) {
    if (o->truncation_psi == 1.0f || m->dims.num_ws == 1) {
        spread(m, n, w, NULL, o, ws);
        return ATL_OK;
    }
    float *centres = atl_alloc(m->ctx, (size_t)n * (size_t)m->dims.w_dim, sizeof *centres);
    if (!centres)
        return ATL_NO_MEMORY;
    atl_status status = find_centres(m, n, w, c, o, centres);
    if (status == ATL_OK)
        spread(m, n, w, centres, o, ws);
    atl_free(m->ctx, centres);
    return status;
}

atl_status atl_model_broadcast(atl_model *m, int n, const float *w, const atl_map_options *options, float *ws) {
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_map_options", &o, sizeof o, options));
    return truncate_and_spread(m, n, w, NULL, &o, ws);
}

atl_status atl_model_map(atl_model *m, int n, const float *z, const float *c, const atl_map_options *options,
                         float *ws) {
    atl_function *f;
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_map_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need_role(m, "generator", m->row->map));
    ATL_TRY(atl_model_function(m, ATL_CACHED_MAP, n, ATL_NOISE_CONST, false, &f));
    ATL_TRY(atl_model_write_rows(m, f, 0, n, z));
    ATL_TRY(atl_model_write_rows(m, f, 1, n, c));
    ATL_TRY(atl_plan_run(f->plan));
    float *w = atl_alloc(m->ctx, (size_t)n * (size_t)m->dims.w_dim, sizeof *w);
    float *zeros = c ? NULL : atl_calloc(m->ctx, (size_t)n * (size_t)m->dims.c_dim + 1, sizeof *zeros);
    atl_status status = w && (c || zeros) ? atl_model_read_rows(m, f, n, w) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = truncate_and_spread(m, n, w, c ? c : zeros, &o, ws);
    atl_free(m->ctx, w);
    atl_free(m->ctx, zeros);
    return status;
}
