// SPDX-License-Identifier: Apache-2.0
// Inside of the report: the data of its page as JSON, piece by piece.  report.c joins them; the page's
// script, report_page.js, reads them.
#ifndef APP_REPORT_PARTS_H
#define APP_REPORT_PARTS_H

#include <jansson.h>
#include <atelier/ctx.h>
#include "error.h"
#include "history.h"

typedef struct app_report {
    atl_ctx *ctx;
    const char *folder;
    app_error *e;
    app_history history;
    json_t *options; // training_options.json, or NULL
    double begun;    // when that file was written; NAN: there is none
    int failed;      // memory was missing for some piece
} app_report;

// object[key] = value, which it takes over; NULL counts as missing memory.
void app_report_put(app_report *r, json_t *object, const char *key, json_t *value);

// NaN and infinity, which JSON does not have, as null.
json_t *app_report_number(double x);

// { "kimg": [..], "time": [..], "values": { NAME: { "mean": [..], "low": [..], "high": [..] } } }, at most
// APP_REPORT_POINTS each: where there are more ticks, neighbours are joined, and only then there are low and
// high.
enum { APP_REPORT_POINTS = 1500 };
json_t *app_report_curves(app_report *r);

// [ { "kind", "text", "fatal", "from": kimg, "to": kimg or null when it still rings } ], in order of `from`.
json_t *app_report_alarms(app_report *r);

// { NAME: [ [kimg, value], .. ] } of the files metric-*.jsonl.
json_t *app_report_metrics(app_report *r);

// { "reals": PICTURE or null, "fakes": [ PICTURE.. ], "count": all fakes there are }, where PICTURE is
// { "file", "kimg": null for fakes_init.png and reals.png, "src", "detail": null or a part of it, larger }.
json_t *app_report_pictures(app_report *r);

// The last lines of log.txt.
json_t *app_report_log(app_report *r);

#endif
