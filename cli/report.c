// SPDX-License-Identifier: Apache-2.0
// atelier report: writes the report of a training run again, ours or one of the official PyTorch trainers.
#include <stdio.h>
#include <stdlib.h>
#include "command.h"
#include "common.h"
#include "app/files.h"
#include "app/report.h"

int cli_report(int argc, char **argv) {
    cli_common common = { 0 };
    const char *folder;
    const cli_option options[] = {
        CLI_OPTION_FLAG("quiet", &common.quiet, "no warnings"),
    };
    const cli_spec spec = {
        .command = "report",
        .arguments = "RUN",
        .about =
            "Write report.html in the folder of a training run: curves, pictures, alarms and options in one\n"
            "file that needs no network.  Runs of the official PyTorch trainers are understood, too.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, &folder);
    if (status != CLI_PROCEED)
        return status;
    atl_ctx *ctx = NULL;
    status = cli_open(&common, &ctx);
    if (status == CLI_SUCCESS)
        status = cli_told(&common, app_report_write(ctx, folder, NULL, &common.error));
    if (status == CLI_SUCCESS && !common.quiet) {
        char *path = app_join(folder, "report.html", &common.error);
        if (path)
            printf("%s\n", path);
        else
            cli_told(&common, APP_FAILED); // the report is there: no other exit status
        free(path);
    }
    atl_ctx_close(&ctx);
    return status;
}
