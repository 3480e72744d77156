// SPDX-License-Identifier: Apache-2.0
// The context: threads, processor features, allocator, log and the last message.
//
// One context belongs to one thread of control; objects made with it (models, images) are used from
// that thread and are closed before it.  Two contexts share nothing, with one exception: the ceiling
// on instruction sets is also handed to oneDNN, where it is a property of the process.
#ifndef ATELIER_CTX_H
#define ATELIER_CTX_H

#include <stddef.h>
#include <atelier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_ctx atl_ctx;

typedef enum atl_log_level { ATL_LOG_ERROR, ATL_LOG_WARNING, ATL_LOG_INFO, ATL_LOG_DEBUG } atl_log_level;

// Memory for the library.  `alloc` returns memory aligned to 64 bytes or NULL; `release` accepts NULL.
typedef struct atl_allocator {
    void *(*alloc)(void *user, size_t bytes);
    void (*release)(void *user, void *memory);
    void *user;
} atl_allocator;

// Structs of options begin with their size, which their initialiser sets.  A program that was compiled for an
// older libatelier has a shorter one: it gets the defaults of the fields that it does not know.  A longer one
// is refused. Where a function takes a struct of options, NULL means its initialiser.

// Zero means default for every field.
typedef struct atl_ctx_options {
    size_t size;          // sizeof(atl_ctx_options), set by ATL_CTX_OPTIONS_INIT
    int threads;          // 0: environment ATELIER_THREADS, else every processor the process may use
    const char *cpu;      // highest kernel set: "baseline", "avx2", "avx512", "neon"; NULL: environment
                          // ATELIER_CPU, else what the processor has.  Borrowed during the call.
    int direct;           // 1: no Winograd: convolutions are a little slower and a little more exact
    size_t memory_cap;    // most bytes one file may make the library allocate; 0: 16 GiB
    void (*log)(void *user, atl_log_level level, const char *line); // NULL: silent
    void *log_user;
    atl_allocator allocator; // all NULL: the C library's
    const char *device; // what networks run on: "cpu", or "plain", which is slow and there to be compared
                        // with; NULL: "cpu".  At most 31 letters, borrowed during the call.
} atl_ctx_options;

#define ATL_CTX_OPTIONS_INIT                                                                                 \
    { sizeof(atl_ctx_options), 0, NULL, 0, 0, NULL, NULL, { NULL, NULL, NULL }, NULL }

// Opens a context.  `options` may be NULL.  On failure *ctx is NULL and there is no message: the
// status alone says whether memory was missing or an option was wrong.
ATL_API atl_status atl_ctx_open(atl_ctx **ctx, const atl_ctx_options *options);

// Closes the context and sets *ctx to NULL.  Accepts a pointer to NULL.
ATL_API void atl_ctx_close(atl_ctx **ctx);

// The sentence of the oldest failure since the last atl_message_clear(), or "" when there was none.
// Valid until the context is closed or the next failure after a clear.
ATL_API const char *atl_message(const atl_ctx *ctx);
ATL_API void atl_message_clear(atl_ctx *ctx);

// What the context decided: number of threads, name of the kernel set ("baseline", "avx2", "avx512").
ATL_API int atl_ctx_threads(const atl_ctx *ctx);
ATL_API const char *atl_ctx_cpu(const atl_ctx *ctx);

// Frees text that the library made for the caller (atl_inspect, atl_image_text).  Accepts NULL.
ATL_API void atl_text_free(atl_ctx *ctx, char *text);

// Version of the library, "0.1.0".
ATL_API const char *atl_version(void);

#ifdef __cplusplus
}
#endif
#endif
