// SPDX-License-Identifier: Apache-2.0
// The program `atelier`: a table of subcommands.  Adding one is a file and a line here.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <atelier/ctx.h>
#include "command.h"
#include "completion.h"
#include "options.h"

static const cli_command commands[] = {
    { "generate", cli_generate, "make images from seeds or latents" },
    { "mix", cli_mix, "mix the styles of pairs of seeds" },
    { "video", cli_video, "make a video that walks through seeds" },
    { "replay", cli_replay, "make an image again from the record inside it" },
    { "inspect", cli_inspect, "say what a checkpoint file holds" },
    { "formats", cli_formats, "list the files that open and the networks that run" },
    { "convert", cli_convert, "write a checkpoint as safetensors" },
    { "blend", cli_blend, "make one generator out of two" },
    { "drag", cli_drag, "move points of a generated picture" },
    { "align", cli_align, "cut faces out of photos, or put edited ones back" },
    { "dataset", cli_dataset, "make or check a set of pictures for training" },
    { "metrics", cli_metrics, "measure networks or pictures: FID, KID, equivariance and others" },
    { "report", cli_report, "write the report of a training run" },
    { "train", cli_train_run, "train a network on a set of pictures" },
    { "train-encoder", cli_train_encoder, "train an encoder for a generator" },
    { "init", cli_init, "make a fresh, untrained network" },
    { "project", cli_project, "find the latents with which a network makes given pictures" },
    { "encode", cli_encode_run, "find the latents of pictures with an encoder" },
    { "ensemble", cli_ensemble, "classify pictures together with generated views of them" },
    { "congeal", cli_congeal, "bring pictures of a class into one place" },
    { "tune", cli_tune, "tune a network until it makes pictures that were projected" },
    { "directions", cli_directions, "find directions that change one thing in pictures" },
    { "edit", cli_edit, "change pictures along directions" },
    { "serve", cli_serve, "open the studio: everything by hand, in the browser" },
    { "encode-codes", cli_encode_codes, "make codes of pictures with a VQ-GAN" },
    { "decode-codes", cli_decode_codes, "make pictures of codes" },
    { "sample", cli_sample, "draw pictures with a transformer over codes" },
    { "complete", cli_complete, "draw the rest of a picture whose upper part is given" },
    { "spectra", cli_spectra, "compute and draw average spectra of pictures" },
    { "detectors", cli_detectors, "list the networks that metrics need, and download one" },
    { "bench", cli_bench, "measure the speed of a network on this machine" },
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int print_help(FILE *out) {
    fprintf(out, "Usage: atelier COMMAND [options]\n\n"
                 "The StyleGAN family on an ordinary computer.\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].summary);
    fprintf(out,
            "\n'atelier COMMAND --help' lists the options of a command; 'atelier --version' the version.\n");
    return CLI_SUCCESS;
}

static const cli_command *find(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

// What the official scripts are called here, or why there is no such command.
static const struct {
    const char *script, *command, *answer;
} scripts[] = {
    { "gen_images", "generate", NULL },    { "run_generator", "generate", NULL },
    { "style_mixing", "mix", NULL },       { "gen_video", "video", NULL },
    { "dataset_tool", "dataset", NULL },   { "run_training", "train", NULL },
    { "legacy", "convert", NULL },         { "projector", "project", NULL },
    { "run_projector", "project", NULL },
    { "run_pti", "tune", NULL },           { "run_inversion", "tune", NULL }, { "calc_metrics", "metrics", NULL },
    { "run_metrics", "metrics", NULL },    { "avg_spectra", "spectra", NULL },
    { "visualizer", "serve", NULL },       { "visualizer_drag", "serve", NULL },
};

// The command that is meant, or NULL; *answer: why there is none.
static const char *meant(const char *name, const char **answer) {
    char plain[64];
    const char *dot = strrchr(name, '.');
    int length = (int)(dot && !strcmp(dot, ".py") ? (size_t)(dot - name) : strlen(name));
    snprintf(plain, sizeof plain, "%.*s", length, name);
    *answer = NULL;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (!strcmp(scripts[i].script, plain)) {
            *answer = scripts[i].answer;
            return scripts[i].command;
        }
    return cli_nearest(plain, &commands->name, COMMANDS, sizeof *commands);
}

static int unknown(const char *name) {
    if (*name == '-') {
        fprintf(stderr,
                "atelier: unknown option '%s'; options stand behind a command\nTry 'atelier --help'.\n",
                name);
        return CLI_USAGE;
    }
    const char *answer, *near = meant(name, &answer);
    fprintf(stderr, "atelier: unknown command '%s'", name);
    if (near)
        fprintf(stderr, "; did you mean %s?", near);
    if (answer)
        fprintf(stderr, ": %s", answer);
    fprintf(stderr, "\nTry 'atelier --help'.\n");
    return CLI_USAGE;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        printf("atelier %s\n", atl_version());
        return CLI_SUCCESS;
    }
    if (!strcmp(name, "completion")) // for the shell, not for people: no line of --help
        return cli_completion(commands, COMMANDS, argc - 1, argv + 1);
    int help = !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help");
    if (help && argc == 2)
        return print_help(stdout);
    const cli_command *c = find(help ? argv[2] : name);
    if (!c)
        return unknown(help ? argv[2] : name);
    if (help) {
        char flag[] = "--help", *arguments[] = { argv[2], flag };
        return c->run(2, arguments);
    }
    return c->run(argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); // a file that may not grow is a failure of writing, which leaves nothing behind
    int status = dispatch(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_SUCCESS) {
        fprintf(stderr, "atelier: the output can't be written\n");
        status = CLI_FAILURE;
    }
    return status;
}
