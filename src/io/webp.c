// SPDX-License-Identifier: Apache-2.0
// WebP over libwebp, or a row that says that this build has none.  Text is an XMP packet, one list item for
// each pair:
//
//     <rdf:li>KEY: VALUE</rdf:li>
//
// It is found again as it was written; a program that writes the packet anew may lose it.
#include "io/image_format.h"

#include <string.h>

static int probe(const uint8_t *head, size_t size) {
    return size >= 12 && !memcmp(head, "RIFF", 4) && !memcmp(head + 8, "WEBP", 4);
}

#ifdef ATL_HAVE_WEBP

#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

static const char *sentence(VP8StatusCode code) {
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return "out of memory";
    case VP8_STATUS_BITSTREAM_ERROR: return "its data is wrong";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it uses a feature that libwebp does not know";
    case VP8_STATUS_NOT_ENOUGH_DATA: return "the file is cut short";
    default: return "libwebp refuses it";
    }
}

static atl_status refuse(atl_ctx *ctx, const char *path, VP8StatusCode code) {
    return atl_fail(ctx, code == VP8_STATUS_OUT_OF_MEMORY ? ATL_NO_MEMORY : ATL_BAD_FILE,
                    "%s: damaged WebP: %s", path, sentence(code));
}

static atl_status webp_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return atl_fail(ctx, ATL_INTERNAL, "%s: libwebp has another version than its headers", source->path);
    VP8StatusCode code = WebPGetFeatures(source->data, source->size, &config.input);
    if (code != VP8_STATUS_OK)
        return refuse(ctx, source->path, code);
    if (config.input.has_animation)
        return atl_fail(ctx, ATL_UNSUPPORTED, "%s: an animated WebP; only still pictures can be read",
                        source->path);
    int channels = config.input.has_alpha ? 4 : 3;
    uint64_t area =
        (uint64_t)config.input.width * (uint64_t)config.input.height; // libwebp may hold it as ARGB, too
    ATL_TRY(atl_image_reserve(ctx, source, (uint64_t)config.input.width, (uint64_t)config.input.height,
                              area * (uint64_t)(channels + 4)));
    ATL_TRY(atl_image_init(ctx, config.input.width, config.input.height, channels, image));
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = image->pixels;
    config.output.u.RGBA.stride = image->width * channels;
    config.output.u.RGBA.size = (size_t)image->width * (size_t)image->height * (size_t)channels;
    code = WebPDecode(source->data, source->size, &config);
    WebPFreeDecBuffer(&config.output);
    if (code == VP8_STATUS_OK)
        return ATL_OK;
    atl_image_clear(ctx, image);
    return refuse(ctx, source->path, code);
}

// [height, width, 1 or 2] to [height, width, 3 or 4]; WebP knows no gray.
static atl_status widen(atl_ctx *ctx, const atl_image *gray, atl_image *color) {
    ATL_TRY(atl_image_init(ctx, gray->width, gray->height, gray->channels + 2, color));
    size_t area = (size_t)gray->width * (size_t)gray->height;
    for (size_t i = 0; i < area; i++) {
        const uint8_t *from = gray->pixels + i * (size_t)gray->channels;
        uint8_t *to = color->pixels + i * (size_t)color->channels;
        to[0] = to[1] = to[2] = from[0];
        if (gray->channels == 2)
            to[3] = from[1];
    }
    return ATL_OK;
}

typedef struct webp_sink {
    atl_ctx *ctx;
    atl_image_bytes *out;
} webp_sink;

static int on_write(const uint8_t *data, size_t size, const WebPPicture *picture) {
    webp_sink *sink = picture->custom_ptr;
    return atl_image_bytes_add(sink->ctx, sink->out, data, size) == ATL_OK;
}

static atl_status encode(atl_ctx *ctx, const atl_image_job *job, const atl_image *image, atl_image_bytes *out) {
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigInit(&config) || !WebPPictureInit(&picture))
        return atl_fail(ctx, ATL_INTERNAL, "%s: libwebp has another version than its headers", job->path);
    webp_sink sink = { ctx, out };
    config.lossless = config.exact = job->quality == 100;
    config.quality = config.lossless ? 50.0f : (float)job->quality; // lossless: effort, not loss
    picture.use_argb = config.lossless;
    picture.width = image->width;
    picture.height = image->height;
    picture.writer = on_write;
    picture.custom_ptr = &sink;
    int stride = image->width * image->channels;
    int fine = image->channels == 4 ? WebPPictureImportRGBA(&picture, image->pixels, stride)
                                    : WebPPictureImportRGB(&picture, image->pixels, stride);
    fine = fine && WebPEncode(&config, &picture);
    int code = (int)picture.error_code;
    WebPPictureFree(&picture);
    if (fine)
        return ATL_OK;
    int memory = code == VP8_ENC_ERROR_OUT_OF_MEMORY || code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY ||
                 code == VP8_ENC_ERROR_BAD_WRITE;
    return atl_fail(ctx, memory ? ATL_NO_MEMORY : ATL_INTERNAL,
                    "%s: libwebp could not encode the picture (error %d)", job->path, code);
}

// ---- text

static const char ITEM[] = "<rdf:li>", ITEM_END[] = "</rdf:li>";
static const char XMP[] = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
                          "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
                          "<rdf:Description rdf:about=\"\" xmlns:atelier=\"urn:x-atelier\"><atelier:text><rdf:Bag>";
static const char XMP_END[] = "</rdf:Bag></atelier:text></rdf:Description></rdf:RDF></x:xmpmeta>";

typedef struct escape {
    char plain;
    const char *escaped;
} escape;

static const escape ESCAPES[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" } };
enum { ESCAPED = sizeof ESCAPES / sizeof *ESCAPES };

static atl_status add(atl_ctx *ctx, atl_image_bytes *xmp, const char *text) {
    return atl_image_bytes_add(ctx, xmp, text, strlen(text));
}

static atl_status add_escaped(atl_ctx *ctx, atl_image_bytes *xmp, const char *text) {
    while (*text) {
        size_t plain = strcspn(text, "&<>");
        ATL_TRY(atl_image_bytes_add(ctx, xmp, text, plain));
        text += plain;
        for (int i = 0; i < ESCAPED; i++)
            if (*text == ESCAPES[i].plain) {
                ATL_TRY(add(ctx, xmp, ESCAPES[i].escaped));
                text++;
                break;
            }
    }
    return ATL_OK;
}

static atl_status describe(atl_ctx *ctx, const atl_image_job *job, atl_image_bytes *xmp) {
    ATL_TRY(add(ctx, xmp, XMP));
    for (size_t i = 0; i < job->pairs; i++) {
        ATL_TRY(add(ctx, xmp, ITEM));
        ATL_TRY(add_escaped(ctx, xmp, job->text[i].key));
        ATL_TRY(add(ctx, xmp, ": "));
        ATL_TRY(add_escaped(ctx, xmp, job->text[i].value));
        ATL_TRY(add(ctx, xmp, ITEM_END));
    }
    return add(ctx, xmp, XMP_END);
}

static atl_status attach_text(atl_ctx *ctx, const atl_image_job *job, const atl_image_bytes *bare) {
    atl_image_bytes xmp = { 0 };
    WebPData whole = { NULL, 0 }, picture = { bare->data, bare->size };
    WebPMux *mux = WebPMuxCreate(&picture, 0);
    atl_status status = describe(ctx, job, &xmp);
    WebPData chunk = { xmp.data, xmp.size };
    if (status == ATL_OK && (!mux || WebPMuxSetChunk(mux, "XMP ", &chunk, 0) != WEBP_MUX_OK ||
                             WebPMuxAssemble(mux, &whole) != WEBP_MUX_OK))
        status = atl_fail(ctx, ATL_NO_MEMORY, "%s: no memory to write text into the picture", job->path);
    if (status == ATL_OK)
        status = atl_image_bytes_add(ctx, job->out, whole.bytes, whole.size);
    WebPDataClear(&whole);
    WebPMuxDelete(mux);
    atl_free(ctx, xmp.data);
    return status;
}

// `text` in `size` bytes from `at` on, or NULL.
static const char *find(const char *at, size_t size, const char *text) {
    size_t length = strlen(text);
    for (; size >= length; at++, size--)
        if (!memcmp(at, text, length))
            return at;
    return NULL;
}

static void unescape(char *text) {
    char *to = text;
    while (*text) {
        size_t skip = 1;
        *to = *text;
        for (int i = 0; i < ESCAPED; i++)
            if (!strncmp(text, ESCAPES[i].escaped, strlen(ESCAPES[i].escaped))) {
                *to = ESCAPES[i].plain;
                skip = strlen(ESCAPES[i].escaped);
            }
        to++;
        text += skip;
    }
    *to = '\0';
}

// *value: what stands behind "KEY: " in the first item that begins so.
static atl_status find_text(atl_ctx *ctx, const WebPData *xmp, const char *key, char **value) {
    const char *at = (const char *)xmp->bytes, *end = at + xmp->size, *stop;
    while (!*value && (at = find(at, (size_t)(end - at), ITEM)) != NULL) {
        at += strlen(ITEM);
        if ((stop = find(at, (size_t)(end - at), ITEM_END)) == NULL)
            break;
        char *item = atl_image_text_copy(ctx, at, (size_t)(stop - at));
        if (!item)
            return ATL_NO_MEMORY;
        at = stop;
        unescape(item);
        size_t length = strlen(key);
        if (!strncmp(item, key, length) && !strncmp(item + length, ": ", 2)) {
            *value = item;
            memmove(item, item + length + 2, strlen(item + length + 2) + 1);
        } else {
            atl_free(ctx, item);
        }
    }
    return ATL_OK;
}

static atl_status webp_text(atl_ctx *ctx, const atl_image_source *source, const char *key, char **value) {
    WebPData data = { source->data, source->size }, xmp;
    WebPMux *mux = WebPMuxCreate(&data, 0);
    if (!mux)
        return refuse(ctx, source->path, VP8_STATUS_BITSTREAM_ERROR);
    atl_status status = ATL_OK;
    if (WebPMuxGetChunk(mux, "XMP ", &xmp) == WEBP_MUX_OK)
        status = find_text(ctx, &xmp, key, value);
    WebPMuxDelete(mux);
    return status;
}

static atl_status webp_write(atl_ctx *ctx, const atl_image_job *job) {
    const atl_image *image = job->image;
    if (image->width > WEBP_MAX_DIMENSION || image->height > WEBP_MAX_DIMENSION)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s: WebP holds at most %d pixels per side, not %dx%d; choose png", job->path,
                        WEBP_MAX_DIMENSION, image->width, image->height);
    atl_image color = { 0 };
    if (image->channels < 3)
        ATL_TRY(widen(ctx, image, &color));
    atl_image_bytes bare = { 0 };
    atl_status status = encode(ctx, job, color.pixels ? &color : image, job->pairs ? &bare : job->out);
    atl_image_clear(ctx, &color);
    if (status == ATL_OK && job->pairs)
        status = attach_text(ctx, job, &bare);
    atl_free(ctx, bare.data);
    return status;
}

#else

static atl_status absent(atl_ctx *ctx, const char *path) {
    return atl_fail(ctx, ATL_UNSUPPORTED, "%s: this build has no WebP; build with -Dwebp=enabled, or use png",
                    path);
}

static atl_status webp_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    (void)image;
    return absent(ctx, source->path);
}

static atl_status webp_write(atl_ctx *ctx, const atl_image_job *job) {
    return absent(ctx, job->path);
}

static atl_status webp_text(atl_ctx *ctx, const atl_image_source *source, const char *key, char **value) {
    (void)key;
    (void)value;
    return absent(ctx, source->path);
}

#endif

const atl_image_format atl_image_webp = { "webp", NULL, probe, webp_read, webp_write, webp_text };
