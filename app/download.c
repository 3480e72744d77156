// SPDX-License-Identifier: Apache-2.0
// Parts of files and how they become whole; see download.h.  A part is gone on with when its server says that
// the file is still the same (If-Range), or when a fingerprint will tell in the end; else it is begun anew.
#include "download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"
#include "http.h"

enum { PATH_MOST = 4096, STATE_MOST = 8192 };
static const int64_t LARGEST = (int64_t)4 << 30; // of a file whose size nobody has published

typedef struct job {
    const app_download *d;
    char part[PATH_MOST], state[PATH_MOST];
    int handle;
    int64_t size, total, kept; // of the part; of the whole, 0: not known; from an earlier try
    char validator[256];       // of the version of which the part is
    int again;                 // the part is of no use: begin anew
} job;

static app_status failed(const job *j, const char *what, app_error *e) {
    return app_fail(e, "%s: %s: %s", j->part, what, strerror(errno));
}

// ---- the part and what it is of

static app_status open_part(job *j, app_error *e) {
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    struct stat info;
    j->handle = open(j->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (j->handle < 0 || fstat(j->handle, &info) != 0)
        return failed(j, "can't be written", e);
    if (fcntl(j->handle, F_SETLK, &lock) != 0)
        return app_fail(e, "%s: another process is downloading it", j->part);
    j->size = info.st_size;
    return APP_OK;
}

static int cut(job *j, int64_t size) {
    j->size = size;
    return ftruncate(j->handle, size) == 0 && lseek(j->handle, size, SEEK_SET) == size;
}

static void read_state(job *j) {
    char *save = NULL, *text = app_file_read(j->state, STATE_MOST, NULL, NULL);
    const char *url = text ? strtok_r(text, "\n", &save) : NULL;
    const char *total = url ? strtok_r(NULL, "\n", &save) : NULL;
    const char *validator = total ? strtok_r(NULL, "\n", &save) : NULL;
    int same = url && total && !strcmp(url, j->d->url) && j->size > 0;
    if (same) {
        j->total = strtoll(total, NULL, 10);
        snprintf(j->validator, sizeof j->validator, "%s", validator ? validator : "");
    }
    if (!same || (!*j->validator && !j->d->sha256) || (j->total > 0 && j->size > j->total))
        j->size = 0; // cut when something better comes
    free(text);
}

static app_status write_state(const job *j, app_error *e) {
    app_file file;
    if (app_file_open(&file, j->state, e) != APP_OK)
        return APP_FAILED;
    fprintf(file.out, "%s\n%lld\n%s\n", j->d->url, (long long)j->total, j->validator);
    return app_file_commit(&file, e);
}

// ---- what the server says

static app_status check_total(const job *j, int64_t total, app_error *e) {
    if (j->d->bytes && total && total != j->d->bytes)
        return app_fail(e, "%s: the server has %lld bytes, but the file has %lld: this is another one",
                        j->d->url, (long long)total, (long long)j->d->bytes);
    if (total > LARGEST && !j->d->bytes)
        return app_fail(e, "%s: has %lld bytes, more than any detector", j->d->url, (long long)total);
    return APP_OK;
}

static app_status on_begin(void *user, const app_http_answer *a, app_error *e) {
    job *j = user;
    int rest = a->code == 206 && a->from == j->size && (!j->total || !a->total || a->total == j->total);
    if (a->code == 416 || (a->code == 206 && !rest)) { // the file is shorter now, or another part came
        j->again = j->size > 0;
        return app_fail(e, "%s: the server sends another part than was asked for", j->d->url);
    }
    if (a->code != 200 && a->code != 206)
        return app_fail(e, "%s: the server answers %ld%s", j->d->url, a->code,
                        a->code == 404   ? ", not found: --url ADDRESS names a copy elsewhere"
                        : a->code == 403 ? ", forbidden: --url ADDRESS names a copy elsewhere"
                                         : "");
    if (check_total(j, a->total, e) != APP_OK)
        return APP_FAILED;
    j->kept = rest ? j->size : 0;
    if (!cut(j, j->kept))
        return failed(j, "can't be written", e);
    j->total = a->total ? a->total : rest ? j->total : 0;
    memcpy(j->validator, a->validator, sizeof j->validator);
    return write_state(j, e);
}

static app_status on_body(void *user, const void *bytes, size_t count, app_error *e) {
    job *j = user;
    const char *p = bytes;
    int64_t most = j->d->bytes ? j->d->bytes : LARGEST;
    if (j->size + (int64_t)count > most) {
        j->size = 0; // nothing of it is of use
        return app_fail(e, "%s: sends more than %lld bytes: this is another file", j->d->url,
                        (long long)most);
    }
    while (count > 0) {
        ssize_t n = write(j->handle, p, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(j, "can't be written", e);
        p += n;
        count -= (size_t)n;
        j->size += n;
    }
    return APP_OK;
}

static int on_pause(void *user) {
    job *j = user;
    return j->d->progress && j->d->progress(j->d->user, j->size, j->total);
}

// ---- from nothing to a file

static app_status transfer(job *j, app_error *e) {
    app_http request = { j->d->url, j->size, j->validator, on_begin, on_body, on_pause, j };
    app_error first = { 0 };
    app_status status = APP_OK;
    if (j->size > 0 && j->size == j->total)
        j->kept = j->size; // the last try ended just before the end
    else
        status = app_http_get(&request, &first);
    if (status == APP_FAILED && j->again) {
        app_error_clear(&first);
        j->size = j->total = request.from = 0;
        status = app_http_get(&request, &first);
    }
    if (status == APP_STOPPED)
        return app_stop(e, "%s: stopped; %lld bytes are kept, and the same command goes on with them",
                        j->part, (long long)j->size);
    if (status == APP_FAILED && j->size > 0)
        return app_fail(e, "%s (%lld bytes are kept, and the same command goes on with them)", first.text,
                        (long long)j->size);
    if (status == APP_FAILED)
        return app_fail(e, "%s", first.text);
    if (j->total && j->size != j->total)
        return app_fail(e, "%s: %lld of %lld bytes came; the same command goes on with them", j->d->url,
                        (long long)j->size, (long long)j->total);
    return j->size ? APP_OK : app_fail(e, "%s: the server sends an empty file", j->d->url);
}

static app_status sum_up(const job *j, app_downloaded *done, app_error *e) {
    static const size_t PIECE = 65536;
    uint8_t *piece = malloc(PIECE);
    app_sha256 sum;
    ssize_t n = 0;
    if (!piece)
        return app_fail(e, "out of memory");
    app_sha256_init(&sum);
    if (lseek(j->handle, 0, SEEK_SET) == 0)
        while ((n = read(j->handle, piece, PIECE)) > 0)
            app_sha256_add(&sum, piece, (size_t)n);
    done->bytes = (int64_t)sum.bytes;
    app_sha256_end(&sum, done->sha256);
    free(piece);
    return n < 0 || done->bytes != j->size ? failed(j, "can't be read", e) : APP_OK;
}

// What is wrong is thrown away: nothing can be made of it.
static app_status verify(const job *j, app_downloaded *done, app_error *e) {
    const app_download *d = j->d;
    if (sum_up(j, done, e) != APP_OK)
        return APP_FAILED;
    app_status status = APP_OK;
    if (d->bytes && done->bytes != d->bytes)
        status = app_fail(e, "%s: has %lld bytes in place of %lld; it was thrown away", d->url,
                          (long long)done->bytes, (long long)d->bytes);
    else if (d->sha256 && strcasecmp(d->sha256, done->sha256))
        status = app_fail(e, "%s: its SHA-256 is %s in place of %s; it was thrown away", d->url, done->sha256,
                          d->sha256);
    else if (d->check)
        status = d->check(d->user, j->part, e);
    if (status != APP_OK) {
        unlink(j->part);
        unlink(j->state);
    }
    return status;
}

static app_status finish(job *j, app_downloaded *done, app_error *e) {
    if (verify(j, done, e) != APP_OK)
        return APP_FAILED;
    if (fsync(j->handle) != 0 || rename(j->part, j->d->path) != 0)
        return app_fail(e, "%s: can't be made of %s: %s", j->d->path, j->part, strerror(errno));
    unlink(j->state);
    done->kept = j->kept;
    return APP_OK;
}

app_status app_download_run(const app_download *d, app_downloaded *done, app_error *e) {
    job j = { .d = d, .handle = -1 };
    *done = (app_downloaded){ 0 };
    if (snprintf(j.part, sizeof j.part, "%s.part", d->path) >= (int)sizeof j.part ||
        snprintf(j.state, sizeof j.state, "%s.part.from", d->path) >= (int)sizeof j.state)
        return app_fail(e, "%s: the name is too long", d->path);
    app_status status = open_part(&j, e);
    if (status == APP_OK) {
        read_state(&j);
        status = transfer(&j, e);
        if (status == APP_OK)
            status = finish(&j, done, e);
        else if (j.size == 0) {
            unlink(j.part);
            unlink(j.state);
        }
    }
    if (j.handle >= 0)
        close(j.handle);
    return status;
}
