#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *text, size_t more)
{
    size_t room = text->room > 0 ? text->room : 64;
    char *at;
    if (text->failed)
        return false;
    while (room - text->length <= more)
        room *= 2;
    if (room == text->room)
        return true;
    at = realloc(text->at, room);
    if (at == NULL) {
        text_free(text);
        text->failed = true;
        return false;
    }
    text->at = at;
    text->room = room;
    return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    if (length == 0 || !reserve(text, length))
        return;
    memcpy(text->at + text->length, bytes, length);
    text->length += length;
    text->at[text->length] = 0;
}

void text_add(struct text *text, const char *string)
{
    if (string != NULL)
        text_add_bytes(text, string, strlen(string));
}

void text_add_int(struct text *text, long long number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", number);
    text_add(text, digits);
}

/* How many bytes the character at `at` has; 0 if it is no UTF-8. */
static size_t utf8_length(const unsigned char *at)
{
    unsigned long code, least;
    size_t length, n;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] < 0xe0) {
        length = 2, least = 0x80, code = at[0] & 0x1fu;
    } else if (at[0] >= 0xe0 && at[0] < 0xf0) {
        length = 3, least = 0x800, code = at[0] & 0x0fu;
    } else if (at[0] >= 0xf0 && at[0] < 0xf5) {
        length = 4, least = 0x10000, code = at[0] & 0x07u;
    } else {
        return 0;
    }
    for (n = 1; n < length; n++) {
        if ((at[n] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[n] & 0x3fu);
    }
    return code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

void text_add_json(struct text *text, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    text_add(text, "\"");
    while (*at != 0) {
        size_t length = utf8_length(at);
        char escaped[8];
        if (length == 0) {
            text_add(text, "\xef\xbf\xbd");
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            escaped[0] = '\\', escaped[1] = (char)*at;
            text_add_bytes(text, escaped, 2);
        } else if (*at < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", *at);
            text_add(text, escaped);
        } else {
            text_add_bytes(text, (const char *)at, length);
        }
        at += length;
    }
    text_add(text, "\"");
}

void text_add_ass(struct text *text, const char *string)
{
    for (; *string != 0; string++) {
        switch (*string) {
        case '{':
            text_add(text, "\\{");
            break;
        case '}':
            text_add(text, "\\}");
            break;
        case '\n':
            text_add(text, "\\N");
            break;
        case '\\':
            /* There is no escape for it: an invisible character keeps it from being read as the
               start of one. */
            text_add(text, "\\\xe2\x81\xa0");
            break;
        default:
            if ((unsigned char)*string >= 0x20)
                text_add_bytes(text, string, 1);
        }
    }
}

void text_cut(struct text *text, size_t length)
{
    if (length < text->length) {
        text->length = length;
        text->at[length] = 0;
    }
}

void text_clear(struct text *text)
{
    text->length = 0;
    text->failed = false;
    if (text->at != NULL)
        text->at[0] = 0;
}

void text_free(struct text *text)
{
    free(text->at);
    memset(text, 0, sizeof *text);
}

const char *text_get(const struct text *text) { return text->at != NULL ? text->at : ""; }
