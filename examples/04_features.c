// SPDX-License-Identifier: Apache-2.0
// Inside a network: its functions with their ports, and the layers of one picture, by name.
//
//     ./features ffhq.pkl 85 'synthesis.b*.conv1'       shape, mean and deviation of each layer that matches
//     ./features ffhq.pkl 85 'synthesis.b*' layers.safetensors
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <atelier/atelier.h>

static void print_shape(int rank, const int64_t *dims) {
    for (int i = 0; i < rank; i++)
        printf("%s%lld", i ? " x " : "", (long long)dims[i]);
}

static atl_status print_ports(atl_model *model) {
    static const char *const kinds[] = { "input", "noise map", "setting", "result" };
    const char *function;
    for (size_t i = 0; (function = atl_model_function(model, i)) != NULL; i++) {
        const atl_port_info *ports;
        size_t count;
        atl_status status = atl_model_ports(model, function, &ports, &count);
        if (status)
            return status;
        printf("%s\n", function);
        for (size_t k = 0; k < count; k++) {
            printf("    %-10s %-10s ", kinds[ports[k].kind], ports[k].name);
            print_shape(ports[k].rank, ports[k].dims);
            printf("\n");
        }
    }
    return ATL_OK;
}

static void print_layer(const atl_array *a) {
    const float *x = a->data;
    int64_t count = atl_array_count(a);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    double mean = sum / (double)count;
    printf("%-32s mean %8.4f  deviation %8.4f  ", a->name, mean,
           sqrt(fabs(squares / (double)count - mean * mean)));
    print_shape(a->rank, a->dims);
    printf("\n");
}

// Styles of a seed, then a run whose layers are results.
static atl_status layers_of(atl_model *model, uint32_t seed, const char *pattern, atl_arrays **layers) {
    const atl_model_info *info = atl_model_get_info(model);
    float *z = malloc((size_t)info->z_dim * sizeof *z);
    float *ws = malloc((size_t)info->num_ws * (size_t)info->w_dim * sizeof *ws);
    atl_array in = { "ws", ATL_F32, 3, { 1, info->num_ws, info->w_dim }, ws };
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    atl_status status = z && ws ? ATL_OK : ATL_NO_MEMORY;
    *layers = NULL;
    o.features = pattern;
    if (!status) {
        atl_seed_to_z(seed, (size_t)info->z_dim, z);
        status = atl_model_map(model, 1, z, NULL, NULL, ws);
    }
    if (!status)
        status = atl_model_run(model, "synthesize", &in, 1, &o, layers);
    free(z);
    free(ws);
    return status;
}

static atl_status write_all(atl_ctx *ctx, const atl_arrays *layers, const char *path) {
    size_t count = atl_arrays_size(layers);
    atl_array *list = malloc(count * sizeof *list);
    if (!list)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        list[i] = *atl_arrays_get(layers, i);
    atl_status status = atl_safetensors_write(ctx, path, list, count, NULL, 0);
    free(list);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: %s NETWORK SEED PATTERN [LAYERS.safetensors]\n", argv[0]);
        return 2;
    }
    atl_ctx *ctx;
    atl_model *model;
    atl_arrays *layers = NULL;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = atl_model_open(ctx, argv[1], NULL, &model);
    if (!status)
        status = print_ports(model);
    if (!status)
        status = layers_of(model, (uint32_t)strtoul(argv[2], NULL, 10), argv[3], &layers);
    for (size_t i = 0; !status && i < atl_arrays_size(layers); i++)
        print_layer(atl_arrays_get(layers, i));
    if (!status && argc == 5)
        status = write_all(ctx, layers, argv[4]);
    if (status)
        fprintf(stderr, "%s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_arrays_close(&layers);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
