/* Text that grows while it is written, as JSON, ASS or plain.
   Without memory it stays empty and says so by `failed`; nothing else needs to check. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *at;
    size_t length, room;
    bool failed;
};

/* Appends `length` bytes. */
void text_add_bytes(struct text *text, const char *bytes, size_t length);
/* Appends a string; NULL appends nothing. */
void text_add(struct text *text, const char *string);
/* Appends a number. */
void text_add_int(struct text *text, long long number);
/* Appends a string as JSON in quotes; bytes that are no UTF-8 become U+FFFD. */
void text_add_json(struct text *text, const char *string);
/* Appends a string so that ASS shows it as it is, whatever is in it; a line break is kept. */
void text_add_ass(struct text *text, const char *string);
/* Cuts it back to a length that it had before. */
void text_cut(struct text *text, size_t length);
/* Empties it and keeps the memory. */
void text_clear(struct text *text);
/* Gives the memory back; it is empty then and can be used again. */
void text_free(struct text *text);
/* What was written, or "". Valid until the next change. */
const char *text_get(const struct text *text);

#endif
