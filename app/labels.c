// SPDX-License-Identifier: Apache-2.0
// Labels from class numbers, seeds and files; see labels.h.
#include "labels.h"

#include <math.h>
#include <string.h>
#include <atelier/rng.h>
#include "classes.h"
#include "tensor.h"

// [N, c] or [c] are vectors, [N], [N, 1] and [1, N] class numbers.  Where a shape could be both, as [3] with
// three classes could for one image, it is what the number of images says.
static int understand(size_t count, app_labels *l) {
    const atl_array *a = l->array;
    size_t c = l->width, last = a->rank ? (size_t)a->dims[a->rank - 1] : 0;
    size_t all = (size_t)atl_array_count(a);
    if (a->rank == 2 && last == c) {
        l->vectors = 1;
        l->rows = (size_t)a->dims[0];
        int is_line = app_tensors_are(l->set, "text") && l->rows == 1;
        return !(is_line && count == c && c > 1); // of c numbers for c images
    }
    if (a->rank == 1 && last == c && c > 1 && count && count != c) {
        l->vectors = 1;
        l->rows = 1;
        return 1;
    }
    l->rows = all;
    return a->rank == 1 || (a->rank == 2 && (last == 1 || a->dims[0] == 1));
}

static app_status check_labels(const char *source, size_t count, app_labels *l, app_error *e) {
    char shape[APP_SHAPE];
    int known = understand(count, l);
    if (known && (l->rows == 1 || (count ? l->rows == count : l->rows > 0)))
        return APP_OK;
    if (!known && l->vectors)
        return app_fail(
            e,
            "%s: one row of %zu numbers is one label for all images, or a class number for each; write "
            "class numbers one to a line",
            source, l->width);
    count = count ? count : 1;
    return app_fail(e,
                    "%s: labels of shape %s; expected [%zu, %zu], or [%zu] class numbers, or one row for all",
                    source, app_tensor_shape(l->array, shape), count, l->width, count);
}

app_status app_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                           size_t count, app_labels *labels, app_error *e) {
    static const char *const usual[] = { "c", "label", "labels", "class", "classes", "y", NULL };
    *labels = (app_labels){ .width = (size_t)info->c_dim, .class_index = class_index };
    if (info->c_dim == 0 || !source)
        return APP_OK;
    labels->class_index = -1;
    if (!strncmp(source, APP_MIXTURE, strlen(APP_MIXTURE))) {
        labels->mixture = source;
        return APP_OK;
    }
    app_status status = app_tensor_open(ctx, source, usual, &labels->set, &labels->array, e);
    if (status == APP_OK)
        status = check_labels(source, count, labels, e);
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

// The row of array or classes that an image has.
static size_t row_of(const app_labels *l, size_t row) {
    return l->rows == 1 ? 0 : l->only ? l->first : l->first + row;
}

double app_labels_class(const app_labels *l, size_t row) {
    if (l->seeds)
        return app_class_of_seed(l->seeds[row], l->width);
    if (l->classes && l->rows)
        return l->classes->items[row_of(l, row)];
    if (l->mixture)
        return -1;
    if (!l->array)
        return l->class_index;
    if (l->vectors)
        return -1;
    float number;
    atl_array_read_f32(l->array, (int64_t)row_of(l, row), 1, &number);
    return (double)number;
}

app_status app_labels_row(const app_labels *l, size_t row, float *out, app_error *e) {
    if (l->mixture)
        return app_mixture_read(l->mixture, l->width, out, e);
    if (l->vectors) {
        atl_array_read_f32(l->array, (int64_t)(row_of(l, row) * l->width), (int64_t)l->width, out);
        for (size_t i = 0; i < l->width; i++)
            if (!isfinite(out[i]))
                return app_fail(e, "label of image %zu: has NaN or infinity among its numbers", row);
        return APP_OK;
    }
    double class_index = app_labels_class(l, row);
    if (!(class_index >= 0 && class_index < (double)l->width) || class_index != (double)(size_t)class_index)
        return app_fail(e, "label %g of image %zu: expected a class number from 0 to %zu", class_index, row,
                        l->width - 1);
    memset(out, 0, l->width * sizeof *out);
    out[(size_t)class_index] = 1.0f;
    return APP_OK;
}
