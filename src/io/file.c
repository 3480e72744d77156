// SPDX-License-Identifier: Apache-2.0
// Mapping with mmap; writing through a buffer into "PATH.tmp-PID-N", then fsync and rename.  The
// temporary name is made by O_EXCL, not by mkstemp, so that the new file gets the user's usual
// permissions.
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { BUFFER = 256 << 10, NAMES_TRIED = 1000 };

atl_status atl_fail_system(atl_ctx *ctx, const char *path, const char *what, int error) {
    char reason[128];
    if (strerror_r(error, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", error);
    return atl_fail(ctx, ATL_IO, "%s: %s: %s", path, what, reason);
}

static atl_status map_handle(atl_ctx *ctx, const char *path, atl_file *file) {
    struct stat info;
    if (fstat(file->handle, &info) != 0)
        return atl_fail_system(ctx, path, "can't be examined", errno);
    if (!S_ISREG(info.st_mode))
        return atl_fail(ctx, ATL_IO, "%s: is %s, not a regular file; %s", path,
                        S_ISDIR(info.st_mode) ? "a folder" : "a pipe or device",
                        S_ISDIR(info.st_mode) ? "name a file on disk"
                                              : "write what it gives to a file on disk first");
    if (info.st_size < 0 || (uintmax_t)info.st_size > SIZE_MAX / 2)
        return atl_fail(ctx, ATL_IO, "%s: is too large for this machine", path);
    size_t bytes = (size_t)info.st_size;
    if (bytes == 0)
        return ATL_OK;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, file->handle, 0);
    if (data == MAP_FAILED)
        return atl_fail_system(ctx, path, "can't be mapped", errno);
    file->data = data;
    file->bytes = bytes;
    return ATL_OK;
}

atl_status atl_file_map(atl_ctx *ctx, const char *path, atl_file *file) {
    *file = (atl_file){ (const uint8_t *)"", 0, -1 };
    file->handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->handle < 0)
        return atl_fail_system(ctx, path, "can't be opened", errno);
    atl_status status = map_handle(ctx, path, file);
    if (status != ATL_OK)
        atl_file_unmap(file);
    return status;
}

void atl_file_unmap(atl_file *file) {
    if (file->bytes)
        munmap((void *)file->data, file->bytes);
    if (file->data && file->handle >= 0) // a zeroed struct owns nothing
        close(file->handle);
    *file = (atl_file){ (const uint8_t *)"", 0, -1 };
}

atl_status atl_file_map_copy(atl_ctx *ctx, const char *path, const atl_file *file, void **memory) {
    *memory = NULL;
    void *data = mmap(NULL, file->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file->handle, 0);
    if (data == MAP_FAILED)
        return atl_fail_system(ctx, path, "can't be mapped", errno);
    *memory = data;
    return ATL_OK;
}

void atl_mapping_release(void *memory, size_t bytes) {
    if (memory)
        munmap(memory, bytes);
}

struct atl_writer {
    atl_ctx *ctx;
    int handle;
    atl_status status; // of the first failure
    size_t used;       // bytes in the buffer
    uint8_t *buffer;   // [BUFFER]
    char *path, *temporary;
};

static void destroy(atl_writer **writer) {
    atl_writer *w = *writer;
    atl_ctx *ctx = w->ctx;
    atl_free(ctx, w->buffer);
    atl_free(ctx, w->path);
    atl_free(ctx, w->temporary);
    atl_free(ctx, w);
    *writer = NULL;
}

// Creates the temporary file; it takes over the mode of a file that it is going to replace.
static atl_status create(atl_writer *w, size_t room) {
    struct stat old;
    int exists = stat(w->path, &old) == 0;
    if (exists && !S_ISREG(old.st_mode))
        return atl_fail(w->ctx, ATL_IO, "%s: is a folder or a device; name a file to write to", w->path);
    for (int n = 0; n < NAMES_TRIED; n++) {
        snprintf(w->temporary, room, "%s.tmp-%ld-%d", w->path, (long)getpid(), n);
        w->handle = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->handle >= 0 || errno != EEXIST)
            break;
    }
    if (w->handle < 0)
        return atl_fail_system(w->ctx, w->path, "can't be written", errno);
    if (exists)
        (void)fchmod(w->handle, old.st_mode & 07777); // a courtesy: failing is no reason not to write
    return ATL_OK;
}

atl_status atl_writer_open(atl_ctx *ctx, const char *path, atl_writer **writer) {
    *writer = NULL;
    atl_writer *w = atl_calloc(ctx, 1, sizeof *w);
    if (!w)
        return ATL_NO_MEMORY;
    size_t length = strlen(path), room = length + 40;
    *w = (atl_writer){ .ctx = ctx, .handle = -1 };
    w->buffer = atl_alloc(ctx, BUFFER, 1);
    w->path = atl_alloc(ctx, length + 1, 1);
    w->temporary = atl_alloc(ctx, room, 1);
    atl_status status = ATL_NO_MEMORY;
    if (w->buffer && w->path && w->temporary) {
        memcpy(w->path, path, length + 1);
        status = create(w, room);
    }
    if (status != ATL_OK)
        destroy(&w);
    *writer = w;
    return status;
}

const char *atl_writer_temporary(const atl_writer *writer) {
    return writer->temporary;
}

static atl_status put(atl_writer *w, const uint8_t *bytes, size_t count) {
    while (count) {
        ssize_t n = write(w->handle, bytes, count < (1u << 30) ? count : (1u << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return w->status = atl_fail_system(w->ctx, w->path, "can't be written", errno);
        bytes += n;
        count -= (size_t)n;
    }
    return ATL_OK;
}

static atl_status flush(atl_writer *w) {
    size_t used = w->used;
    w->used = 0;
    return put(w, w->buffer, used);
}

atl_status atl_writer_write(atl_writer *w, const void *bytes, size_t count) {
    if (w->status != ATL_OK)
        return w->status;
    if (count > BUFFER - w->used)
        ATL_TRY(flush(w));
    if (count >= BUFFER)
        return put(w, bytes, count);
    if (count)
        memcpy(w->buffer + w->used, bytes, count);
    w->used += count;
    return ATL_OK;
}

// Makes the rename itself durable.  Some file systems can't sync a folder: that is not our failure.
static void sync_folder(const char *path, char *scratch) {
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    memcpy(scratch, path, length);
    scratch[length] = '\0';
    int handle = open(length ? scratch : slash ? "/" : ".", O_RDONLY | O_CLOEXEC);
    if (handle < 0)
        return;
    (void)fsync(handle);
    close(handle);
}

atl_status atl_writer_commit(atl_writer **writer) {
    atl_writer *w = *writer;
    if (w->status == ATL_OK)
        w->status = flush(w);
    if (w->status == ATL_OK && fsync(w->handle) != 0)
        w->status = atl_fail_system(w->ctx, w->path, "can't be written", errno);
    int closed = close(w->handle);
    w->handle = -1;
    if (w->status == ATL_OK && closed != 0)
        w->status = atl_fail_system(w->ctx, w->path, "can't be written", errno);
    if (w->status == ATL_OK && rename(w->temporary, w->path) != 0)
        w->status = atl_fail_system(w->ctx, w->path, "can't be replaced", errno);
    atl_status status = w->status;
    if (status == ATL_OK)
        sync_folder(w->path, w->temporary);
    else
        unlink(w->temporary);
    destroy(writer);
    return status;
}

void atl_writer_abort(atl_writer **writer) {
    if (!writer || !*writer)
        return;
    atl_writer *w = *writer;
    close(w->handle);
    unlink(w->temporary);
    destroy(writer);
}

atl_status atl_file_write(atl_ctx *ctx, const char *path, const void *bytes, size_t count) {
    atl_writer *w;
    ATL_TRY(atl_writer_open(ctx, path, &w));
    (void)atl_writer_write(w, bytes, count); // the commit fails when this did
    return atl_writer_commit(&w);
}
