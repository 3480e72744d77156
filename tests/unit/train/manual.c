// SPDX-License-Identifier: Apache-2.0
// manual [PAGE]: the manual's lists of training options and of those of encoders, made from the table: printed, or
// compared with what stands between two comments of the page.  After a change of the table, put what it prints there.
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/train.h>

static const char *const marks[2][2] = {
    { ".\\\" The table of training options begins.\n", ".\\\" The table of training options ends.\n" },
    { ".\\\" The table of options of encoders begins.\n", ".\\\" The table of options of encoders ends.\n" },
};

static void print_value(FILE *out, const atl_train_field *f) {
    if (f->words) {
        fprintf(out, " Cm ");
        for (const char *p = f->words; *p; p++)
            fprintf(out, *p == '|' ? " | " : "%c", *p);
    } else if (f->value) {
        fprintf(out, " Ar ");
        for (const char *p = f->value; *p; p++)
            putc(tolower((unsigned char)*p), out);
    }
    putc('\n', out);
}

static void print_field(FILE *out, const atl_train_field *f) {
    fprintf(out, ".It Fl -%s", f->name);
    print_value(out, f);
    fprintf(out, "%c%s.\n", toupper((unsigned char)f->help[0]), f->help + 1);
    if (f->standard)
        fprintf(out, "The default is %s%s.\n", strncmp(f->standard, "of ", 3) ? "" : "that ", f->standard);
}

static void print_fields(FILE *out, int encoders) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    const char *group = NULL;
    for (size_t i = 0; i < count; i++) {
        const atl_train_field *f = &fields[i];
        if (!f->group || (strcmp(f->group, "Encoders") == 0) != encoders)
            continue;
        if (!group || strcmp(group, f->group) != 0)
            fprintf(out, "%s.Pp\n%s:\n.Bl -tag -width Ds\n", group ? ".El\n" : "", f->group);
        group = f->group;
        print_field(out, f);
    }
    fprintf(out, ".El\n");
}

static char *read_all(const char *path) {
    FILE *f = fopen(path, "rb");
    char *text = calloc(1 << 20, 1);
    if (f && text)
        text[fread(text, 1, (1 << 20) - 1, f)] = 0;
    if (f)
        fclose(f);
    return f ? text : NULL;
}

static bool stands_in(const char *page, int which) {
    char *list = NULL;
    size_t size;
    FILE *out = open_memstream(&list, &size);
    if (!out)
        return false;
    print_fields(out, which);
    fclose(out);
    const char *from = page ? strstr(page, marks[which][0]) : NULL;
    const char *to = from ? strstr(from, marks[which][1]) : NULL;
    from = to ? from + strlen(marks[which][0]) : NULL;
    bool same = from && (size_t)(to - from) == size && !memcmp(from, list, size);
    if (!same)
        printf("%s list of options isn't that of the table, which is:\n%s", which ? "the encoders'" : "the trainings'",
               list);
    free(list);
    return same;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_fields(stdout, 0);
        print_fields(stdout, 1);
        return 0;
    }
    char *page = read_all(argv[1]);
    bool same = stands_in(page, 0);
    same = stands_in(page, 1) && same;
    free(page);
    return same ? 0 : 1;
}
