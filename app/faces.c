// SPDX-License-Identifier: Apache-2.0
// The module that knows dlib, loaded from beside the program or from where it was installed; see faces.h.
#include "faces.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "faces_dlib.h"
#include "memory.h"
#include "sha256.h"

#define MODEL  "/usr/share/dlib/shape_predictor_68_face_landmarks.dat"
#define MODULE "atelier-faces.so"

// dlib believes indices and sizes of the file that it reads, so only the one that everybody has is read.
static const char PRINT[] = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f";

struct app_finder {
    void *module;
    const app_dlib *dlib;
    void *state;
    app_dlib_face faces[APP_FACES_MOST];
};

static app_status check_model(const char *path, const char *remedy, app_error *e) {
    FILE *f = fopen(path, "rb");
    char *block = malloc(1 << 16), print[APP_SHA256_TEXT];
    app_sha256 sum;
    app_sha256_init(&sum);
    for (size_t got; f && block && (got = fread(block, 1, 1 << 16, f)) > 0;)
        app_sha256_add(&sum, block, got);
    app_sha256_end(&sum, print);
    app_status status = APP_OK;
    if (!block)
        status = app_fail(e, "out of memory");
    else if (!f || ferror(f))
        status =
            app_fail(e, "%s: the model of landmarks can't be read: install libdlib-data, %s", path, remedy);
    else if (strcmp(print, PRINT) != 0)
        status = app_fail(
            e,
            "%s: not the 68-point model of dlib.net, which has another fingerprint: install libdlib-data, %s",
            path, remedy);
    if (f)
        fclose(f);
    free(block);
    return status;
}

#ifdef ATL_HAVE_DLIB

int app_finder_built(void) {
    return 1;
}

// "FOLDER OF THE PROGRAM/WITHIN/atelier-faces.so"
static void *load_near(const char *within) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    size_t at = slash ? (size_t)(slash + 1 - path) : 0;
    if (at + strlen(within) + sizeof MODULE > sizeof path)
        return NULL;
    strcpy(path + at, within);
    strcat(path + at, MODULE);
    return access(path, R_OK) == 0 ? dlopen(path, RTLD_LAZY | RTLD_LOCAL) : NULL;
}

// Beside the program, as it was built; where it was installed, wherever that lies now; and where it should
// lie.
static void *load(void) {
    void *module = load_near("");
    if (!module)
        module = load_near("../" ATL_MODULES "/");
    return module ? module : dlopen(ATL_PREFIX "/" ATL_MODULES "/" MODULE, RTLD_LAZY | RTLD_LOCAL);
}

app_status app_finder_open(const char *model, const char *remedy, app_finder **finder, app_error *e) {
    char sentence[APP_DLIB_SENTENCE] = "";
    model = model ? model : MODEL;
    *finder = NULL;
    if (check_model(model, remedy, e) != APP_OK)
        return APP_FAILED;
    app_finder *f = app_array(1, 1, 1, sizeof *f, e);
    if (!f)
        return APP_FAILED;
    f->module = load();
    f->dlib = f->module ? dlsym(f->module, "app_dlib_functions") : NULL;
    app_status status = APP_OK;
    if (!f->dlib)
        status = app_fail(e, "dlib can't be loaded (%s): install libdlib, %s", dlerror(), remedy);
    if (status == APP_OK && !(f->state = f->dlib->open(model, sentence)))
        status = app_fail(e, "%s: %s", model, sentence);
    if (status != APP_OK)
        app_finder_close(&f);
    *finder = f;
    return status;
}

#else

int app_finder_built(void) {
    return 0;
}

app_status app_finder_open(const char *model, const char *remedy, app_finder **finder, app_error *e) {
    *finder = NULL;
    if (model && check_model(model, remedy, e) != APP_OK)
        return APP_FAILED;
    return app_fail(e, "this build finds no faces: build with -Ddlib=enabled, %s", remedy);
}

#endif

void app_finder_close(app_finder **finder) {
    app_finder *f = *finder;
    if (f && f->state)
        f->dlib->close(f->state);
    // the module stays loaded: what it brings along is not made to be unloaded
    free(f);
    *finder = NULL;
}

app_status app_finder_find(app_finder *f, const atl_image *photo, atl_point (*faces)[ATL_LANDMARKS],
                           size_t *count, app_error *e) {
    char sentence[APP_DLIB_SENTENCE] = "";
    int found = f->dlib->find(f->state, photo->pixels, photo->width, photo->height, f->faces, APP_FACES_MOST,
                              sentence);
    *count = found > 0 ? (size_t)found : 0;
    for (size_t i = 0; i < *count; i++)
        for (int k = 0; k < ATL_LANDMARKS; k++)
            faces[i][k] = (atl_point){ f->faces[i].landmarks[2 * k], f->faces[i].landmarks[2 * k + 1] };
    return found < 0 ? app_fail(e, "%s", sentence) : APP_OK;
}
