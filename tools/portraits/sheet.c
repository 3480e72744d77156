// SPDX-License-Identifier: Apache-2.0
// sheet DEST COLUMNS PICTURE...: lays pictures of one size side by side, row after row, into one PNG.
// The rows must be full.
#include <atelier/ctx.h>
#include <atelier/image.h>
#include <stdio.h>
#include <stdlib.h>

static atl_status lay_tile(atl_ctx *ctx, const char *path, int columns, int rows, int i, atl_image *sheet) {
    atl_image tile = { 0 };
    atl_status status = atl_image_read(ctx, path, &tile);
    if (!status && !sheet->pixels)
        status = atl_image_init(ctx, tile.width * columns, tile.height * rows, tile.channels, sheet);
    if (!status && (tile.width * columns != sheet->width || tile.height * rows != sheet->height ||
                    tile.channels != sheet->channels)) {
        fprintf(stderr, "sheet: %s: its size or colours are not those of the first picture\n", path);
        status = ATL_BAD_ARGUMENT;
    }
    if (!status)
        atl_image_paste(sheet, &tile, i % columns * tile.width, i / columns * tile.height);
    atl_image_clear(ctx, &tile);
    return status;
}

int main(int argc, char **argv) {
    int count = argc - 3, columns = count > 0 ? atoi(argv[2]) : 0;
    if (columns < 1 || count % columns != 0) {
        fprintf(stderr, "usage: sheet DEST COLUMNS PICTURE...    with COLUMNS pictures in each row\n");
        return 2;
    }
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_image sheet = { 0 };
    atl_status status = ATL_OK;
    for (int i = 0; i < count && !status; i++)
        status = lay_tile(ctx, argv[3 + i], columns, count / columns, i, &sheet);
    if (!status)
        status = atl_image_write(ctx, argv[1], "png", &sheet, 0, NULL, 0);
    if (status)
        fprintf(stderr, "sheet: %s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_image_clear(ctx, &sheet);
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
