// SPDX-License-Identifier: Apache-2.0
// distance A B START NET: how far the weights of NET ("G.", "D.") are apart in the snapshots A and B, compared with how
// far A's went from START.  Prints the ratio; status 1 when a file can't be read.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/array.h>

static double squares(const atl_arrays *a, const atl_arrays *b, const char *net) {
    double sum = 0;
    for (size_t i = 0; i < atl_arrays_size(a); i++) {
        const atl_array *x = atl_arrays_get(a, i), *y = atl_arrays_find(b, x->name);
        if (strncmp(x->name, net, strlen(net)) != 0 || !y || strstr(x->name, "noise_const") || strstr(x->name, "w_avg"))
            continue;
        size_t n = (size_t)atl_array_count(x);
        float *u = malloc((n + 1) * sizeof *u), *v = malloc((n + 1) * sizeof *v);
        if (!u || !v || atl_array_count(y) != (int64_t)n)
            exit(1);
        atl_array_read_f32(x, 0, (int64_t)n, u);
        atl_array_read_f32(y, 0, (int64_t)n, v);
        for (size_t k = 0; k < n; k++)
            sum += ((double)u[k] - (double)v[k]) * ((double)u[k] - (double)v[k]);
        free(u);
        free(v);
    }
    return sum;
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_arrays *file[3];
    if (argc != 5 || atl_ctx_open(&ctx, NULL) != ATL_OK)
        return 1;
    for (int i = 0; i < 3; i++)
        if (atl_arrays_open(ctx, argv[1 + i], &file[i]) != ATL_OK) {
            fprintf(stderr, "%s\n", atl_message(ctx));
            return 1;
        }
    double apart = squares(file[0], file[1], argv[4]), went = squares(file[0], file[2], argv[4]);
    printf("%.3e\n", went > 0 ? sqrt(apart / went) : INFINITY);
    for (int i = 0; i < 3; i++)
        atl_arrays_close(&file[i]);
    atl_ctx_close(&ctx);
    return 0;
}
