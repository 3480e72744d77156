// SPDX-License-Identifier: Apache-2.0
// embed HEADER NAME FILE [NAME FILE...]: writes a C header in which each file is an array of characters with
// a '\0' behind it.  Part of the build: pages of the program are files of their own and yet inside it.
#include <stdio.h>

static int embed(FILE *out, const char *name, const char *path) {
    FILE *in = fopen(path, "rb");
    if (!in) {
        fprintf(stderr, "embed: %s can't be read\n", path);
        return 0;
    }
    fprintf(out, "static const char %s[] = {", name);
    int c, n = 0;
    while ((c = getc(in)) != EOF)
        fprintf(out, "%s%d,", n++ % 20 ? "" : "\n", c < 128 ? c : c - 256);
    fprintf(out, "\n0 };\n");
    int good = !ferror(in);
    fclose(in);
    return good;
}

int main(int argc, char **argv) {
    if (argc < 4 || argc % 2) {
        fprintf(stderr, "usage: embed HEADER NAME FILE [NAME FILE...]\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "w");
    int good = out != NULL;
    if (good)
        fprintf(out, "// Made by tools/embed.c.\n");
    for (int i = 2; good && i < argc; i += 2)
        good = embed(out, argv[i], argv[i + 1]);
    if (out && fclose(out) != 0)
        good = 0;
    if (!good)
        remove(argv[1]);
    return good ? 0 : 1;
}
