// SPDX-License-Identifier: Apache-2.0
// Inside of the report: the data of its page as JSON, piece by piece.  report.c joins them; the page's script,
// report_page.js, reads them.
#ifndef CLI_REPORT_PARTS_H
#define CLI_REPORT_PARTS_H

#include <jansson.h>
#include <atelier/ctx.h>
#include "history.h"

typedef struct cli_run {
    atl_ctx *ctx;
    const char *folder;
    int quiet;
    cli_history history;
    json_t *options; // training_options.json, or NULL
    double begun;    // when that file was written; NAN: there is none
    int failed;      // memory was missing for some piece
} cli_run;

// object[key] = value, which it takes over; NULL counts as missing memory.
void cli_report_put(cli_run *r, json_t *object, const char *key, json_t *value);

// { "kimg": [..], "time": [..], "values": { NAME: { "mean": [..], "low": [..], "high": [..] } } }, at most
// CLI_REPORT_POINTS each: where there are more ticks, neighbours are joined, and only then there are low and high.
enum { CLI_REPORT_POINTS = 1500 };
json_t *cli_report_curves(cli_run *r);

// [ { "kind", "text", "fatal", "from": kimg, "to": kimg or null when it still rings } ], in order of `from`.
json_t *cli_report_alarms(cli_run *r);

// { NAME: [ [kimg, value], .. ] } of the files metric-*.jsonl.
json_t *cli_report_metrics(cli_run *r);

// { "reals": PICTURE or null, "fakes": [ PICTURE.. ], "count": all fakes there are }, where PICTURE is
// { "file", "kimg": null for fakes_init.png and reals.png, "src", "detail": null or a part of it, larger }.
json_t *cli_report_pictures(cli_run *r);

// The last lines of log.txt.
json_t *cli_report_log(cli_run *r);

#endif
