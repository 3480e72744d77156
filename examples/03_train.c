// SPDX-License-Identifier: Apache-2.0
// Training: a folder of square pictures becomes a network, with a snapshot at the end.
//
//     ./train pictures 200 net.safetensors      200 steps; a second time, it goes on from the file
//
// Widths and batch are chosen so that it runs within minutes on a processor; leave them out for a real run.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/atelier.h>

static void report(const atl_trainer *t) {
    int count;
    const atl_train_stat *stats = atl_trainer_get_stats(t, &count);
    printf("%8llu pictures", (unsigned long long)atl_trainer_get_state(t)->images);
    for (int i = 0; i < count; i++)
        if (stats[i].count > 0 &&
            (!strcmp(stats[i].name, "Loss/G/loss") || !strcmp(stats[i].name, "Loss/D/loss")))
            printf("  %s %.3f", stats[i].name, stats[i].sum / stats[i].count);
    printf("\n");
}

static int exists(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f)
        fclose(f);
    return f != NULL;
}

static atl_status train(atl_ctx *ctx, const char *pictures, int steps, const char *path) {
    enum { REPORT = 10 };
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.data = pictures;
    o.channel_base = 2048;
    o.channel_max = 32;
    o.batch = o.batch_gpu = 4;
    atl_status status = atl_trainer_open(ctx, &o, &t);
    if (!status && exists(path))
        status = atl_trainer_restore(t, path);
    for (int i = 1; i <= steps && !status; i++) {
        status = atl_trainer_step(t);
        if (!status && (i % REPORT == 0 || i == steps)) {
            report(t);
            atl_trainer_clear_stats(t);
        }
    }
    if (!status)
        status = atl_trainer_save(t, path);
    atl_trainer_close(&t, status != ATL_OK);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s PICTURES STEPS NETWORK.safetensors\n", argv[0]);
        return 2;
    }
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = train(ctx, argv[1], atoi(argv[2]), argv[3]);
    if (status)
        fprintf(stderr, "%s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
