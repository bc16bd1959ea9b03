/* Draws with ASS, in a picture 720 units high: a panel, a QR code, lines of text. Pure. */
#ifndef ASS_H
#define ASS_H

#include "text.h"

/* A dark, slightly transparent box. */
void ass_box(struct text *ass, int x, int y, int width, int height);
/* A QR code with the white margin that a camera needs; `rows` is JSON, strings of 0 and 1. */
void ass_qr(struct text *ass, const char *rows, int x, int y, int size);
/* Text of that height at a place; line breaks are kept. */
void ass_text(struct text *ass, const char *string, int x, int y, int height, int bold);

#endif
