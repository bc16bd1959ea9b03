#include "texts.h"

#include <stdarg.h>
#include <string.h>

enum { MOST_NAMES = 4 };

#define AS_TEXT(name, english) english,
static const char *const english[TEXT_COUNT] = {TEXTS(AS_TEXT)};
#undef AS_TEXT

struct word {
    const char *word, *meaning;
};

#define AS_WORD(word, english) {word, english},
static const struct word words[] = {WORDS(AS_WORD)};
#undef AS_WORD

void say(struct text *out, enum text_name name, ...)
{
    const char *names[MOST_NAMES], *values[MOST_NAMES], *at;
    int count = 0, n;
    va_list given;
    va_start(given, name);
    while (count < MOST_NAMES && (names[count] = va_arg(given, const char *)) != NULL)
        values[count++] = va_arg(given, const char *);
    va_end(given);
    at = english[name];
    while (*at != 0) {
        size_t plain = strcspn(at, "{"), length;
        text_add_bytes(out, at, plain);
        at += plain;
        if (*at == 0)
            return;
        length = strcspn(++at, "}");
        for (n = 0; n < count; n++)
            if (strlen(names[n]) == length && strncmp(names[n], at, length) == 0)
                text_add(out, values[n]);
        at += length;
        at += *at == '}';
    }
}

const char *meaning(const char *word)
{
    size_t n;
    for (n = 0; n < sizeof words / sizeof *words; n++)
        if (strcmp(words[n].word, word) == 0)
            return words[n].meaning;
    return word;
}
