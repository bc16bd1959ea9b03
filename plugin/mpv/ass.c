#include "ass.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

/* Light modules on each side of a QR code: four by its standard. */
enum { MARGIN = 4 };

static void add_rectangle(struct text *ass, int x, int y, int width, int height)
{
    char path[96];
    snprintf(path, sizeof path, "m %d %d l %d %d %d %d %d %d ", x, y, x + width, y, x + width, y + height, x,
             y + height);
    text_add(ass, path);
}

static void begin_drawing(struct text *ass, int x, int y, const char *colour, const char *transparency)
{
    char head[96];
    snprintf(head, sizeof head, "{\\an7\\pos(%d,%d)\\bord0\\shad0\\1c&H%s&\\1a&H%s&\\p1}", x, y, colour,
             transparency);
    text_add(ass, head);
}

void ass_box(struct text *ass, int x, int y, int width, int height)
{
    begin_drawing(ass, x, y, "000000", "38");
    add_rectangle(ass, 0, 0, width, height);
    text_add(ass, "{\\p0}\n");
}

void ass_qr(struct text *ass, const char *rows, int x, int y, int size)
{
    const char *row;
    int count = 0, module, side, line = 0;
    for (row = json_first(rows); row != NULL; row = json_next(row))
        count++;
    if (count == 0)
        return;
    module = size / (count + 2 * MARGIN);
    module = module > 0 ? module : 1;
    side = module * (count + 2 * MARGIN);
    begin_drawing(ass, x, y, "FFFFFF", "00");
    add_rectangle(ass, 0, 0, side, side);
    text_add(ass, "{\\p0}\n");
    begin_drawing(ass, x, y, "000000", "00");
    for (row = json_first(rows); row != NULL; row = json_next(row), line++) {
        size_t length = json_length(row), n = 1;
        while (n + 1 < length) {
            size_t light = strspn(row + n, "0"), dark = strspn(row + n + light, "1");
            if (dark > 0)
                add_rectangle(ass, (MARGIN + (int)(n + light - 1)) * module, (MARGIN + line) * module,
                              (int)dark * module, module);
            if (light + dark == 0)
                break;
            n += light + dark;
        }
    }
    text_add(ass, "{\\p0}\n");
}

void ass_text(struct text *ass, const char *string, int x, int y, int height, int bold)
{
    char head[96];
    snprintf(head, sizeof head, "{\\an7\\pos(%d,%d)\\bord1\\shad0\\fs%d\\b%d\\1c&HFFFFFF&\\q2}", x, y, height,
             bold);
    text_add(ass, head);
    text_add_ass(ass, string);
    text_add(ass, "\n");
}
