// SPDX-License-Identifier: Apache-2.0
// What the tests of videos share: a folder of their own, and frames of one colour with a gray edge.
#ifndef TESTS_VIDEO_CHECK_H
#define TESTS_VIDEO_CHECK_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <atelier/video.h>

static atl_ctx *ctx;
static char folder[256];

static const char *file_in(const char *name) {
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

// Removes the files of the folder; returns how many there were.
static int sweep(void) {
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            count += unlink(file_in(e->d_name)) == 0;
    if (dir)
        closedir(dir);
    return count;
}

static atl_video_options sized(int width, int height) {
    atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
    o.width = width;
    o.height = height;
    return o;
}

static int open_tests(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/atelier-video-XXXXXX", base && strlen(base) < 200 ? base : "/tmp");
    return !mkdtemp(folder) || atl_ctx_open(&ctx, NULL) != ATL_OK;
}

static int close_tests(void **state) {
    (void)state;
    sweep();
    rmdir(folder);
    atl_ctx_close(&ctx);
    return 0;
}

#endif
