// SPDX-License-Identifier: Apache-2.0
// Noise maps: by seeds, by the stream of StyleGAN2's scripts, by the caller.
#include "run/noise.h"

#include <string.h>
#include <atelier/rng.h>

#include "base/philox.h"

// Map k of the images from `first` on, [rows, row].  random: a function of seed and k alone, whatever the
// batch.  sg2: the next numbers of each image's stream.
static void fill_maps(const atl_synthesis_options *o, int k, int first, int rows, size_t row,
                      atl_numpy_rng *streams, float *maps) {
    for (int i = 0; i < rows; i++) {
        float *to = maps + (size_t)i * row;
        if (o->noise_mode == ATL_NOISE_RANDOM)
            atl_philox_normal(o->noise_seeds ? o->noise_seeds[first + i] : 0, (uint64_t)k, 0, row, to);
        else if (o->noise_mode == ATL_NOISE_MAPS)
            memcpy(to, o->noise_maps[k] + (size_t)(first + i) * row, row * sizeof *to);
        else
            for (size_t p = 0; p < row; p++)
                to[p] = (float)atl_numpy_rng_normal(&streams[i]);
    }
}

// The streams of StyleGAN2's scripts, behind the numbers that became z.
static atl_status start_streams(atl_ctx *ctx, int first, int rows, int z_dim, const atl_synthesis_options *o,
                                atl_numpy_rng **streams) {
    *streams = atl_alloc(ctx, (size_t)rows, sizeof **streams);
    if (!*streams)
        return ATL_NO_MEMORY;
    for (int i = 0; i < rows; i++) {
        atl_numpy_rng_init(&(*streams)[i], o->noise_seeds ? o->noise_seeds[first + i] : 0);
        for (int k = 0; k < z_dim; k++)
            atl_numpy_rng_normal(&(*streams)[i]);
    }
    return ATL_OK;
}

atl_status atl_noise_write(atl_program *p, int first, int rows, int z_dim, const atl_synthesis_options *o) {
    atl_numpy_rng *streams = NULL;
    atl_status status = ATL_OK;
    for (int i = 0, k = 0; status == ATL_OK && i < p->call.n_in; i++) {
        const atl_port *port = &p->call.in[i];
        if (port->kind != ATL_PORT_NOISE)
            continue;
        if (o->noise_mode == ATL_NOISE_MAPS && !o->noise_maps)
            return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "the noise mode is maps, and no maps were given");
        if (o->noise_mode == ATL_NOISE_SG2 && !streams)
            ATL_TRY(start_streams(p->ctx, first, rows, z_dim, o, &streams));
        size_t count = (size_t)atl_shape_count(&port->node->shape), row = count / (size_t)p->call.n;
        float *maps;
        status = atl_program_room(p, count, &maps);
        if (status != ATL_OK)
            break;
        memset(maps, 0, count * sizeof *maps); // samples that nobody asked for have none
        fill_maps(o, k++, first, rows, row, streams, maps);
        status = atl_program_write(p, port->name, p->call.n, maps);
    }
    atl_free(p->ctx, streams);
    return status;
}
