// SPDX-License-Identifier: Apache-2.0
// JPEG over libjpeg-turbo.  Errors leave the library by longjmp into a function that owns nothing (see
// png.c).  Text pairs are kept as comments "key: value".
#include "io/image_format.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

enum { SCANS_MAX = 200, COMMENT_MAX = 65533 }; // honest progressive files have about ten scans

typedef struct jpeg_work {
    struct jpeg_error_mgr errors; // first: libjpeg hands back a pointer to it
    jmp_buf escape;
    struct jpeg_progress_mgr progress;
    atl_ctx *ctx;
    const char *path;
    atl_status status;
    const atl_image_source *source;
    const atl_image_job *job;
    atl_image image;
    uint8_t *row;           // one row of CMYK
    unsigned char *encoded; // by malloc, grown by libjpeg
    unsigned long encoded_size;
    const char *key;
    char *value;
} jpeg_work;

static int probe(const uint8_t *head, size_t size) {
    return size >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff;
}

static jpeg_work *work_of(j_common_ptr info) {
    return (jpeg_work *)info->err;
}

static void give_up(jpeg_work *w, atl_status status, const char *message) {
    if (w->status == ATL_OK)
        w->status =
            atl_fail(w->ctx, status, w->job ? "%s: the JPEG could not be made: %s" : "%s: damaged JPEG: %s",
                     w->path, message);
    longjmp(w->escape, 1);
}

static void on_error(j_common_ptr info) {
    char message[JMSG_LENGTH_MAX];
    jpeg_work *w = work_of(info);
    info->err->format_message(info, message);
    int code = info->err->msg_code;
    int memory = code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE;
    give_up(w, memory ? ATL_NO_MEMORY : w->job ? ATL_INTERNAL : ATL_BAD_FILE, message);
}

// libjpeg paints what is missing gray and calls it a warning; a cut picture is an error here.
static void on_message(j_common_ptr info, int level) {
    int code = info->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE))
        on_error(info);
}

static void on_progress(j_common_ptr info) {
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > SCANS_MAX)
        give_up(work_of(info), ATL_BAD_FILE, "it has too many scans");
}

static void set_handlers(jpeg_work *w, j_common_ptr info) {
    info->err = jpeg_std_error(&w->errors);
    w->errors.error_exit = on_error;
    w->errors.emit_message = on_message;
    w->progress.progress_monitor = on_progress;
}

static void read_header(jpeg_work *w, struct jpeg_decompress_struct *d) {
    jpeg_create_decompress(d);
    d->progress = &w->progress;
    d->mem->max_memory_to_use = (long)w->ctx->memory_cap;
    jpeg_mem_src(d, w->source->data, w->source->size);
    if (w->key)
        jpeg_save_markers(d, JPEG_COM, 0xffff);
    jpeg_read_header(d, TRUE);
    w->status = atl_image_check_claim(w->ctx, w->source, d->image_width, d->image_height);
    if (w->status != ATL_OK)
        longjmp(w->escape, 1);
}

// Adobe's programs store CMYK inverted, and nearly all CMYK files are theirs.
static void cmyk_to_rgb(const uint8_t *cmyk, int width, int inverted, uint8_t *rgb) {
    for (int i = 0; i < width; i++, cmyk += 4, rgb += 3) {
        int k = inverted ? cmyk[3] : 255 - cmyk[3];
        for (int c = 0; c < 3; c++) {
            int v = inverted ? cmyk[c] : 255 - cmyk[c];
            rgb[c] = (uint8_t)((v * k + 127) / 255);
        }
    }
}

static void read_rows(jpeg_work *w, struct jpeg_decompress_struct *d) {
    size_t row = (size_t)w->image.width * (size_t)w->image.channels;
    while (d->output_scanline < d->output_height) {
        uint8_t *target = w->image.pixels + d->output_scanline * row;
        JSAMPROW line = w->row ? w->row : target;
        if (jpeg_read_scanlines(d, &line, 1) == 1 && w->row)
            cmyk_to_rgb(w->row, w->image.width, d->saw_Adobe_marker, target);
    }
}

static int read_pixels(jpeg_work *w, struct jpeg_decompress_struct *d) {
    if (setjmp(w->escape))
        return 0;
    read_header(w, d);
    int cmyk = d->num_components == 4;
    d->out_color_space = cmyk ? JCS_CMYK : d->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    // pictures of several scans are kept as coefficients of 16 bits until the last
    uint64_t bytes = (uint64_t)d->image_width * d->image_height * (uint64_t)d->num_components;
    w->status = atl_image_reserve(w->ctx, w->source, d->image_width, d->image_height,
                                  jpeg_has_multiple_scans(d) ? 3 * bytes : bytes);
    if (w->status != ATL_OK)
        longjmp(w->escape, 1);
    jpeg_start_decompress(d);
    int channels = d->num_components == 1 ? 1 : 3;
    w->status = atl_image_init(w->ctx, (int)d->output_width, (int)d->output_height, channels, &w->image);
    if (w->status == ATL_OK && cmyk && !(w->row = atl_alloc(w->ctx, d->output_width, 4)))
        w->status = ATL_NO_MEMORY;
    if (w->status != ATL_OK)
        longjmp(w->escape, 1);
    if (d->output_components != (cmyk ? 4 : channels))
        give_up(w, ATL_BAD_FILE, "its colours have an unexpected form");
    read_rows(w, d);
    jpeg_finish_decompress(d);
    return 1;
}

static atl_status jpeg_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    jpeg_work w = { .ctx = ctx, .path = source->path, .source = source };
    struct jpeg_decompress_struct d = { 0 };
    set_handlers(&w, (j_common_ptr)&d);
    int fine = read_pixels(&w, &d);
    jpeg_destroy_decompress(&d);
    atl_free(ctx, w.row);
    if (!fine)
        atl_image_clear(ctx, &w.image);
    *image = w.image;
    return fine ? ATL_OK : w.status;
}

static int read_comments(jpeg_work *w, struct jpeg_decompress_struct *d) {
    if (setjmp(w->escape))
        return 0;
    read_header(w, d);
    size_t length = strlen(w->key);
    for (jpeg_saved_marker_ptr m = d->marker_list; m && !w->value; m = m->next) {
        if (m->marker != JPEG_COM || m->data_length < length + 2 || memcmp(m->data, w->key, length) ||
            memcmp(m->data + length, ": ", 2))
            continue;
        w->value =
            atl_image_text_copy(w->ctx, (const char *)m->data + length + 2, m->data_length - length - 2);
        if (!w->value)
            give_up(w, ATL_NO_MEMORY, "out of memory");
    }
    return 1;
}

static atl_status jpeg_text(atl_ctx *ctx, const atl_image_source *source, const char *key, char **value) {
    jpeg_work w = { .ctx = ctx, .path = source->path, .source = source, .key = key };
    struct jpeg_decompress_struct d = { 0 };
    set_handlers(&w, (j_common_ptr)&d);
    int fine = read_comments(&w, &d);
    jpeg_destroy_decompress(&d);
    *value = w.value;
    return fine ? ATL_OK : w.status;
}

static void write_comments(struct jpeg_compress_struct *c, const atl_image_job *job) {
    for (size_t i = 0; i < job->pairs; i++) {
        const char *parts[] = { job->text[i].key, ": ", job->text[i].value };
        size_t total = strlen(parts[0]) + 2 + strlen(parts[2]);
        if (total > COMMENT_MAX)
            continue;
        jpeg_write_m_header(c, JPEG_COM, (unsigned)total);
        for (int part = 0; part < 3; part++)
            for (const char *p = parts[part]; *p; p++)
                jpeg_write_m_byte(c, (unsigned char)*p);
    }
}

static int write_all(jpeg_work *w, struct jpeg_compress_struct *c) {
    if (setjmp(w->escape))
        return 0;
    const atl_image *image = w->job->image;
    jpeg_create_compress(c);
    jpeg_mem_dest(c, &w->encoded, &w->encoded_size);
    c->image_width = (JDIMENSION)image->width;
    c->image_height = (JDIMENSION)image->height;
    c->input_components = image->channels;
    c->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, w->job->quality, TRUE);
    c->dct_method = JDCT_ISLOW;
    if (w->job->quality >= 90) // who asks for quality wants the colours at full resolution
        c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(c, TRUE);
    write_comments(c, w->job);
    size_t row = (size_t)image->width * (size_t)image->channels;
    while (c->next_scanline < c->image_height) {
        JSAMPROW line = image->pixels + c->next_scanline * row;
        jpeg_write_scanlines(c, &line, 1);
    }
    jpeg_finish_compress(c);
    return 1;
}

static atl_status jpeg_write(atl_ctx *ctx, const atl_image_job *job) {
    if (job->image->channels == 2 || job->image->channels == 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: JPEG can't hold transparency; choose png or webp",
                        job->path);
    jpeg_work w = { .ctx = ctx, .path = job->path, .job = job };
    struct jpeg_compress_struct c = { 0 };
    set_handlers(&w, (j_common_ptr)&c);
    atl_status status = write_all(&w, &c) ? ATL_OK : w.status;
    jpeg_destroy_compress(&c);
    if (status == ATL_OK)
        status = atl_image_bytes_add(ctx, job->out, w.encoded, w.encoded_size);
    free(w.encoded);
    return status;
}

const atl_image_format atl_image_jpeg = { "jpg", "jpeg", probe, jpeg_read, jpeg_write, jpeg_text };
