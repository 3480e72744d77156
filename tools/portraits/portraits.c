// SPDX-License-Identifier: Apache-2.0
// portraits FONT EMOJI_TEST DEST: cuts the portraits that choice.h names out of a colour emoji font, one PNG
// each, into the new folder DEST, with dataset.json (the skin tone is the label) and labels.csv (role and
// gender too).
//
// EMOJI_TEST is Unicode's emoji-test.txt: each line is a sequence of code points and a name, such as "man
// student: dark skin tone".  HarfBuzz shapes the sequence, which must give one glyph, and hands out that
// glyph's picture. Pictures that were written before are left out, since some fonts draw a person as they
// draw a man.  DEST is complete when the program ends with 0.
#include "choice.h"
#include <errno.h>
#include <hb-ot.h>
#include <hb.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WIDTH = 136, HEIGHT = 128, MAX_POINTS = 16, MAX_PICTURES = 4096 };

static const char *const TONES[] = { "none", "light", "medium-light", "medium", "medium-dark", "dark" };
static const char *const GENDERS[] = { "person", "man", "woman" };

// One line of emoji-test.txt.
typedef struct emoji {
    uint32_t points[MAX_POINTS];
    unsigned count;
    int tone;       // index into TONES
    char name[128]; // without the tone
} emoji;

typedef struct picture {
    uint8_t *pixels; // [side, side, 4]
    int side;
} picture;

typedef struct job {
    hb_font_t *font;
    const char *dest;
    FILE *json, *csv;
    picture seen[MAX_PICTURES]; // what was written
    int count;
    int twins; // left out: written before
    bool found[PORTRAIT_COUNT][3];
} job;

// false: this line is no fully-qualified emoji
static bool parse_line(const char *line, emoji *e) {
    *e = (emoji){ 0 };
    const char *p = line, *status = strchr(line, ';'), *hash = strchr(line, '#');
    if (!status || !hash || hash < status || strncmp(status, "; fully-qualified ", 18) != 0)
        return false;
    for (char *end; e->count < MAX_POINTS; p = end) {
        unsigned long point = strtoul(p, &end, 16);
        if (end == p)
            break;
        e->points[e->count++] = (uint32_t)point;
        if (point >= 0x1f3fb && point <= 0x1f3ff)
            e->tone = (int)(point - 0x1f3fb) + 1;
    }
    // "# PICTURE E0.6 name: a skin tone, hair": the tone goes, the hair stays
    const char *name = strstr(hash, " E");
    name = name ? strchr(name + 1, ' ') : NULL;
    if (!name)
        return false;
    snprintf(e->name, sizeof e->name, "%.*s", (int)strcspn(name + 1, "\n"), name + 1);
    if (e->tone == 0)
        return true;
    char words[32];
    int length = snprintf(words, sizeof words, ": %s skin tone", TONES[e->tone]);
    char *at = strstr(e->name, words);
    if (!at)
        return false;
    char *rest = at + length;
    if (*rest == ',') // "man: dark skin tone, red hair"
        *at++ = ':', rest++;
    memmove(at, rest, strlen(rest) + 1);
    return true;
}

static const portrait *choice_of(const emoji *e, int *gender) {
    for (int i = 0; i < PORTRAIT_COUNT; i++)
        for (int g = 0; g < 3; g++)
            if (PORTRAITS[i].names[g] && strcmp(PORTRAITS[i].names[g], e->name) == 0) {
                *gender = g;
                return &PORTRAITS[i];
            }
    return NULL;
}

// The glyph of a sequence; 0, which stands for "missing" in every font, when it is not exactly one.
static hb_codepoint_t glyph_of(hb_font_t *font, const emoji *e) {
    hb_buffer_t *buffer = hb_buffer_create();
    hb_buffer_add_codepoints(buffer, e->points, (int)e->count, 0, (int)e->count);
    hb_buffer_guess_segment_properties(buffer);
    hb_shape(font, buffer, NULL, 0);
    unsigned count = 0;
    const hb_glyph_info_t *infos = hb_buffer_get_glyph_infos(buffer, &count);
    hb_codepoint_t glyph = count == 1 ? infos[0].codepoint : 0;
    hb_buffer_destroy(buffer);
    return glyph;
}

// Decodes the glyph's PNG: [HEIGHT, WIDTH, 4].  false: it has none, or one of another size.
static bool draw_glyph(hb_font_t *font, hb_codepoint_t glyph, uint8_t *pixels) {
    hb_blob_t *blob = hb_ot_color_glyph_reference_png(font, glyph);
    unsigned size = 0;
    const char *bytes = hb_blob_get_data(blob, &size);
    png_image png = { .version = PNG_IMAGE_VERSION };
    bool good = size > 0 && png_image_begin_read_from_memory(&png, bytes, size) && png.width == WIDTH &&
                png.height == HEIGHT;
    png.format = PNG_FORMAT_RGBA;
    good = good && png_image_finish_read(&png, NULL, pixels, 0, NULL);
    png_image_free(&png);
    hb_blob_destroy(blob);
    return good;
}

static bool crop(const uint8_t *glyph, frame f, picture *out) {
    out->side = f.side;
    out->pixels = calloc((size_t)f.side * f.side, 4);
    if (!out->pixels)
        return false;
    for (int y = 0; y < f.side; y++)
        for (int x = 0; x < f.side; x++) {
            int from_x = x + f.left, from_y = y + f.top;
            if (from_x >= 0 && from_x < WIDTH && from_y >= 0 && from_y < HEIGHT)
                memcpy(out->pixels + ((size_t)y * f.side + x) * 4,
                       glyph + ((size_t)from_y * WIDTH + from_x) * 4, 4);
        }
    return true;
}

static bool was_seen(const job *j, const picture *p) {
    for (int i = 0; i < j->count; i++)
        if (j->seen[i].side == p->side &&
            memcmp(j->seen[i].pixels, p->pixels, (size_t)p->side * p->side * 4) == 0)
            return true;
    return false;
}

static bool write_picture(job *j, const emoji *e, const portrait *choice, int gender, const picture *p) {
    char file[128], path[4096];
    int length = snprintf(file, sizeof file, "%s-%s-%d.png", choice->role, GENDERS[gender], e->tone);
    for (int i = 0; i < length; i++)
        if (file[i] == ' ')
            file[i] = '-';
    snprintf(path, sizeof path, "%s/%s", j->dest, file);
    png_image png = { .version = PNG_IMAGE_VERSION,
                      .width = (png_uint_32)p->side,
                      .height = (png_uint_32)p->side,
                      .format = PNG_FORMAT_RGBA };
    if (!png_image_write_to_file(&png, path, 0, p->pixels, 0, NULL)) {
        fprintf(stderr, "portraits: %s: %s\n", path, png.message);
        return false;
    }
    fprintf(j->json, "%s\n[\"%s\", %d]", j->count ? "," : "", file, e->tone);
    fprintf(j->csv, "%s,%d,%s,%s,%s,", file, e->tone, TONES[e->tone], GENDERS[gender], choice->role);
    for (unsigned i = 0; i < e->count; i++)
        fprintf(j->csv, "%s%04X", i ? " " : "", (unsigned)e->points[i]);
    fputc('\n', j->csv);
    j->seen[j->count++] = *p;
    return true;
}

// One line: nothing to do, a picture, or a twin.  false: stop
static bool take(job *j, const char *line) {
    static uint8_t pixels[HEIGHT * WIDTH * 4];
    emoji e;
    int gender = 0;
    const portrait *choice = parse_line(line, &e) ? choice_of(&e, &gender) : NULL;
    if (!choice)
        return true;
    j->found[choice - PORTRAITS][gender] = true;
    hb_codepoint_t glyph = glyph_of(j->font, &e);
    if (!glyph || !draw_glyph(j->font, glyph, pixels)) {
        fprintf(stderr, "portraits: the font has no picture of %dx%d for \"%s\", skin tone %s\n", WIDTH,
                HEIGHT, e.name, TONES[e.tone]);
        return false;
    }
    picture p;
    if (j->count == MAX_PICTURES || !crop(pixels, choice->frame, &p)) {
        fprintf(stderr, "portraits: more than %d pictures, or not enough memory\n", MAX_PICTURES);
        return false;
    }
    if (!was_seen(j, &p))
        return write_picture(j, &e, choice, gender, &p);
    free(p.pixels);
    j->twins++;
    return true;
}

static bool all_found(const job *j) {
    bool all = true;
    for (int i = 0; i < PORTRAIT_COUNT; i++)
        for (int g = 0; g < 3; g++)
            if (PORTRAITS[i].names[g] && !j->found[i][g]) {
                fprintf(stderr, "portraits: no emoji has the name \"%s\"\n", PORTRAITS[i].names[g]);
                all = false;
            }
    return all;
}

static bool cut(job *j, FILE *list) {
    char line[1024];
    fputs("{\"labels\": [", j->json);
    fputs("file,label,skin tone,gender,role,code points\n", j->csv);
    while (fgets(line, sizeof line, list))
        if (!take(j, line))
            return false;
    fputs("\n]}\n", j->json);
    return all_found(j) && !ferror(list) && !ferror(j->json) && !ferror(j->csv);
}

static FILE *open_in(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file)
        fprintf(stderr, "portraits: %s: %s\n", path, strerror(errno));
    return file;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: portraits FONT EMOJI_TEST DEST\n");
        return 2;
    }
    static job j;
    hb_blob_t *blob = hb_blob_create_from_file(argv[1]);
    hb_face_t *face = hb_face_create(blob, 0);
    j.font = hb_font_create(face);
    j.dest = argv[3];
    FILE *list = fopen(argv[2], "r");
    if (!list || !hb_ot_color_has_png(face)) {
        fprintf(stderr, "portraits: %s\n",
                list ? "the font has no pictures" : "emoji-test.txt can't be read");
        return 1;
    }
    if (mkdir(j.dest, 0777) != 0) {
        fprintf(stderr, "portraits: %s: %s\n", j.dest, strerror(errno));
        return 1;
    }
    bool good = (j.json = open_in(j.dest, "dataset.json")) && (j.csv = open_in(j.dest, "labels.csv")) &&
                cut(&j, list);
    if (j.json && fclose(j.json) != 0)
        good = false;
    if (j.csv && fclose(j.csv) != 0)
        good = false;
    if (good)
        printf("%d portraits in %s, %d twins left out\n", j.count, j.dest, j.twins);
    for (int i = 0; i < j.count; i++)
        free(j.seen[i].pixels);
    fclose(list);
    hb_font_destroy(j.font);
    hb_face_destroy(face);
    hb_blob_destroy(blob);
    return good ? 0 : 1;
}
