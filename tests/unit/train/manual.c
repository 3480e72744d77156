// SPDX-License-Identifier: Apache-2.0
// manual [PAGE]: the manual's list of training options, made from the table: printed, or compared with what
// stands between two comments of the page.  After a change of the table, put what it prints there.
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/train.h>

static const char begin[] = ".\\\" The table of training options begins.\n",
                  end[] = ".\\\" The table of training options ends.\n";

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

static void print_fields(FILE *out) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    const char *group = NULL;
    for (size_t i = 0; i < count; i++) {
        const atl_train_field *f = &fields[i];
        if (!f->group)
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

int main(int argc, char **argv) {
    char *list = NULL;
    size_t size;
    FILE *out = open_memstream(&list, &size);
    if (!out)
        return 1;
    print_fields(out);
    fclose(out);
    if (argc < 2) {
        fputs(list, stdout);
        free(list);
        return 0;
    }
    char *page = read_all(argv[1]);
    const char *from = page ? strstr(page, begin) : NULL;
    const char *to = from ? strstr(from, end) : NULL;
    from = to ? from + strlen(begin) : NULL;
    bool same = from && (size_t)(to - from) == size && !memcmp(from, list, size);
    if (!same)
        printf("%s: its list of training options isn't that of the table, which is:\n%s", argv[1], list);
    free(page);
    free(list);
    return same ? 0 : 1;
}
