// SPDX-License-Identifier: Apache-2.0
// atelier bench: time of synthesis beside the machine's own peak, measured in the same run.  The number
// that travels is the ratio: (work of the direct algorithm / peak) / time; 1 is a perfect direct
// implementation.
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "bench.h"
#include "command.h"

typedef cli_bench_options bench;

static int parse(bench *b, int argc, char **argv) {
    atl_init_options *o = &b->init;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &b->network, "FILE", "checkpoint to measure", "a fresh network"),
        CLI_OPTION_TEXT("net", &b->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_TEXT("function", &b->function, "NAME", "what of it: synthesize, decode or encode",
                        "the first that it has"),
        CLI_OPTION_TEXT("cfg", &o->cfg, "NAME", "architecture of a fresh network", "stylegan2"),
        CLI_OPTION_INT("resolution", &o->resolution, "R", "of a fresh network", "1024", 4, 4096),
        CLI_OPTION_INT("cbase", &o->channel_base, "N", "channels times resolution", "32768", 1, 1 << 24),
        CLI_OPTION_INT("cmax", &o->channel_max, "N", "most channels of a layer", "512", 1, 65536),
        CLI_OPTION_INT_GIVEN("batch", &b->batch, "N", "images at once", "1; 8 with --train", 1, 1024,
                             &b->batch_given),
        CLI_OPTION_INT("map-depth", &o->map_depth, "N", "mapping layers of a fresh network", "8", 1, 64),
        CLI_OPTION_FLAG("train", &b->train, "measure the phases of a training step"),
        CLI_OPTION_TEXT("augpipe", &b->augpipe, "NAME", "with --train: augmentation, bgc for example",
                        "none"),
        CLI_OPTION_FLAG("project", &b->project, "measure a step of projection"),
        CLI_OPTION_FLAG("tune", &b->tune, "measure a step of pivotal tuning"),
        CLI_OPTION_CHOICE("loss", &b->features, "mse|lpips", "of both; LPIPS has fresh weights here",
                          "lpips"),
        CLI_OPTION_INT("runs", &b->runs, "N", "timed runs; the median counts", "10", 1, 100000),
        CLI_OPTION_INT("warmup", &b->warmup, "N", "runs before", "2", 0, 100000),
        CLI_OPTION_FLAG("layers", &b->layers, "also time each layer"),
        CLI_OPTION_FLAG("json", &b->json, "print JSON"),
        CLI_NETWORK_OPTIONS(&b->common),
        CLI_COMMON_OPTIONS(&b->common),
    };
    const cli_spec spec = {
        .command = "bench",
        .arguments = "",
        .about = "Measure the speed of a network on this machine.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

double cli_bench_resident_mb(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)usage.ru_maxrss / 1024.0; // Linux counts in KiB
}

// The processor's name as the system tells it.
void cli_bench_processor(char *name, size_t room) {
    char line[256];
    snprintf(name, room, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) || !value)
            continue;
        value[strcspn(value, "\n")] = '\0';
        snprintf(name, room, "%s", value + 2);
        break;
    }
    if (file)
        fclose(file);
}

double cli_bench_ratio(double peak, double gflop, double ms) {
    return peak > 0 && ms > 0 ? gflop / peak / (ms / 1000) : 0;
}

void cli_bench_print_head(const atl_ctx *ctx, const char *cpu, double peak) {
    printf("processor     %s, %d threads, %s kernels\n", cpu, atl_ctx_threads(ctx), atl_ctx_cpu(ctx));
    printf("peak          %.1f GFLOP/s, multiply-add, measured before and after\n", peak);
}

int cli_bench_print_json(json_t *json) {
    if (!json)
        return cli_error("out of memory");
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(json);
    return CLI_SUCCESS;
}

static json_t *layers_json(const bench *b) {
    json_t *list = json_array();
    for (size_t i = 0; i < b->profile.layer_count; i++) {
        const atl_layer_time *l = &b->profile.layers[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:[I,I,I,I], s:f, s:f}", "name", l->name, "op",
                                              l->op, "shape", (json_int_t)l->dims[0], (json_int_t)l->dims[1],
                                              (json_int_t)l->dims[2], (json_int_t)l->dims[3], "ms", l->ms,
                                              "gflop", l->gflop));
    }
    return list;
}

static int print_json(const bench *b, const atl_ctx *ctx, const char *cpu) {
    const atl_profile *p = &b->profile;
    json_t *o =
        json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:i, s:s, s:s, s:i, s:i, s:b}", "function", p->function,
                  "ms_per_image", p->ms / b->batch, "direct_gflop", p->direct_gflop / b->batch, "peak_gflops",
                  b->peak, "ratio", cli_bench_ratio(b->peak, p->direct_gflop, p->ms), "peak_rss_mb",
                  cli_bench_resident_mb(), "threads", atl_ctx_threads(ctx), "cpu", cpu, "kernels",
                  atl_ctx_cpu(ctx), "batch", b->batch, "runs", b->runs, "direct", b->common.direct);
    if (o && b->network)
        json_object_set_new(o, "network", json_string(b->network));
    if (o && b->layers)
        json_object_set_new(o, "layers", layers_json(b));
    return cli_bench_print_json(o);
}

static void print_layers(const bench *b) {
    printf("\n%-36s %-10s %-20s %9s %9s %9s %6s\n", "layer", "op", "output", "ms", "GFLOP", "GFLOP/s",
           "ratio");
    for (size_t i = 0; i < b->profile.layer_count; i++) {
        const atl_layer_time *l = &b->profile.layers[i];
        char shape[64];
        snprintf(shape, sizeof shape, "%lldx%lldx%lldx%lld", (long long)l->dims[0], (long long)l->dims[1],
                 (long long)l->dims[2], (long long)l->dims[3]);
        printf("%-36s %-10s %-20s %9.3f %9.3f %9.1f %6.2f\n", l->name, l->op, shape, l->ms, l->gflop,
               l->ms > 0 ? l->gflop / (l->ms / 1000) : 0, cli_bench_ratio(b->peak, l->gflop, l->ms));
    }
}

static void print_text(const bench *b, const atl_ctx *ctx, const char *cpu) {
    const atl_profile *p = &b->profile;
    cli_bench_print_head(ctx, cpu, b->peak);
    printf("work          %.2f GFLOP per image by the direct algorithm\n", p->direct_gflop / b->batch);
    printf("time          %.2f ms per image (%s, batch %d, median of %d runs)\n", p->ms / b->batch,
           p->function, b->batch, b->runs);
    printf("ratio         %.2f (1 is a perfect direct implementation)\n",
           cli_bench_ratio(b->peak, p->direct_gflop, p->ms));
    printf("memory        %.0f MB at the most\n", cli_bench_resident_mb());
    if (b->layers)
        print_layers(b);
}

static int measure(bench *b, atl_ctx *ctx, atl_model *model) {
    double before = atl_peak_gflops(ctx);
    if (atl_model_profile(model, b->function, b->batch, b->warmup, b->runs, b->layers, &b->profile) != ATL_OK)
        return cli_fail(ctx);
    double after = atl_peak_gflops(ctx);
    char cpu[200];
    b->peak = before > after ? before : after;
    cli_bench_processor(cpu, sizeof cpu);
    if (b->json)
        return print_json(b, ctx, cpu);
    print_text(b, ctx, cpu);
    return CLI_SUCCESS;
}

static atl_status open_model(const bench *b, atl_ctx *ctx, atl_model **model) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = b->net;
    o.ignore_unused = b->common.ignore_unused;
    o.assume = b->common.assume;
    return b->network ? atl_model_open(ctx, b->network, &o, model) : atl_model_init(ctx, &b->init, model);
}

int cli_bench(int argc, char **argv) {
    bench b = { .init = ATL_INIT_OPTIONS_INIT, .batch = 1, .runs = 10, .warmup = 2, .features = 1 };
    b.init.resolution = 1024;
    int status = parse(&b, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    status = cli_open(&b.common, &ctx);
    if (b.train) {
        if (status == CLI_SUCCESS)
            status = cli_bench_train(&b, ctx);
        atl_ctx_close(&ctx);
        return status;
    }
    if (status == CLI_SUCCESS && open_model(&b, ctx, &model) != ATL_OK)
        status = cli_fail(ctx);
    if (status == CLI_SUCCESS)
        status = b.project || b.tune ? cli_bench_edit(&b, ctx, model) : measure(&b, ctx, model);
    if (ctx)
        atl_profile_clear(ctx, &b.profile);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status;
}
