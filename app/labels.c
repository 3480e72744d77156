// SPDX-License-Identifier: Apache-2.0
// Labels from class numbers, seeds and files; see labels.h.
#include "labels.h"

#include <string.h>
#include <atelier/rng.h>
#include "tensor.h"

static app_status check_labels(const atl_model_info *info, const char *source, size_t count,
                               const app_labels *l, app_error *e) {
    const atl_array *a = l->array;
    int numbers = a->rank == 1, vectors = a->rank == 2 && a->dims[1] == info->c_dim;
    size_t rows = a->rank ? (size_t)a->dims[0] : 0;
    if ((numbers || vectors) && (rows == 1 || (count ? rows == count : rows > l->first)))
        return APP_OK;
    count = count ? count : l->first + 1;
    char shape[APP_SHAPE];
    return app_fail(e,
                    "%s: labels of shape %s; expected [%zu, %d], or [%zu] class numbers, or one row for all",
                    source, app_tensor_shape(a, shape), count, info->c_dim, count);
}

app_status app_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                           size_t first, size_t count, app_labels *labels, app_error *e) {
    *labels = (app_labels){ .width = (size_t)info->c_dim, .class_index = class_index, .first = first };
    if (info->c_dim == 0 || !source)
        return APP_OK;
    labels->class_index = -1;
    app_status status = app_tensor_open(ctx, source, &labels->set, &labels->array, e);
    if (status == APP_OK)
        status = check_labels(info, source, count, labels, e);
    if (status != APP_OK)
        app_labels_close(labels);
    return status;
}

void app_labels_close(app_labels *labels) {
    atl_arrays_close(&labels->set);
    *labels = (app_labels){ 0 };
}

int app_class_of_seed(uint32_t seed, size_t classes) {
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, seed);
    return (int)atl_numpy_rng_below(&rng, (uint32_t)classes);
}

app_status app_labels_row(const app_labels *l, size_t row, float *out, app_error *e) {
    double class_index = l->seeds ? app_class_of_seed(l->seeds[row], l->width) : l->class_index;
    if (l->array) {
        int64_t at = l->array->dims[0] == 1 ? 0 : (int64_t)(l->first + row);
        if (l->array->rank == 2) {
            atl_array_read_f32(l->array, at * (int64_t)l->width, (int64_t)l->width, out);
            return APP_OK;
        }
        float number;
        atl_array_read_f32(l->array, at, 1, &number);
        class_index = (double)number;
    }
    if (!(class_index >= 0 && class_index < (double)l->width) || class_index != (double)(size_t)class_index)
        return app_fail(e, "label %g of image %zu: expected a class number from 0 to %zu", class_index, row,
                        l->width - 1);
    memset(out, 0, l->width * sizeof *out);
    out[(size_t)class_index] = 1.0f;
    return APP_OK;
}
