#include "episodes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_IN_A_FILE = 20 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter_or_digit(char c) { return isalnum((unsigned char)c) != 0 || (unsigned char)c >= 0x80; }

/* Reads at most `most` digits; more than these, or none, is no number. `at` moves behind them. */
static bool number(const char **at, int most, int *value)
{
    int n = 0;
    *value = 0;
    while (n < most && is_digit((*at)[n])) {
        *value = *value * 10 + ((*at)[n] - '0');
        n++;
    }
    if (n == 0 || is_digit((*at)[n]))
        return false;
    *at += n;
    return true;
}

/* The further episodes behind the first: E02, -E02, -02, and with `x` -1x02 and x02. */
static void further(const char *at, bool by_x, struct episode_numbers *found)
{
    for (;;) {
        const char *next = at;
        bool dash = *next == '-', sign;
        int value, season;
        next += dash;
        if (by_x && dash) {
            const char *again = next;
            if (number(&again, 2, &season) && (*again == 'x' || *again == 'X') && season == found->season)
                next = again;
        }
        sign = by_x ? *next == 'x' || *next == 'X' : *next == 'e' || *next == 'E';
        next += sign;
        if (!dash && !sign)
            return;
        if (!number(&next, 3, &value) || value <= found->last || value > found->first + MOST_IN_A_FILE)
            return;
        /* "S01E01-720p" isn't episode 720, "S01E01-02" is. */
        if (is_letter_or_digit(*next) && !(*next == 'e' || *next == 'E' || *next == 'x' || *next == 'X'))
            return;
        found->last = value;
        at = next;
    }
}

static bool by_letters(const char *at, struct episode_numbers *found)
{
    if (*at != 's' && *at != 'S')
        return false;
    at++;
    if (!number(&at, 4, &found->season))
        return false;
    while (*at == ' ' || *at == '.' || *at == '_' || *at == '-')
        at++;
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    if (!number(&at, 4, &found->first))
        return false;
    found->last = found->first;
    further(at, false, found);
    return true;
}

static bool by_x(const char *at, struct episode_numbers *found)
{
    const char *second;
    if (!number(&at, 2, &found->season) || (*at != 'x' && *at != 'X'))
        return false;
    second = ++at;
    if (!number(&at, 3, &found->first) || at - second < 2 || isalpha((unsigned char)*at))
        return false;
    found->last = found->first;
    further(at, true, found);
    return true;
}

bool episodes_in_name(const char *name, struct episode_numbers *found)
{
    size_t n;
    for (n = 0; name[n] != 0; n++) {
        if (n > 0 && is_letter_or_digit(name[n - 1]))
            continue;
        if (by_letters(name + n, found) || by_x(name + n, found)) {
            found->at = n;
            return true;
        }
    }
    return false;
}

bool episode_in_chapter(const char *title, int season, int *chapter_season, int *value)
{
    static const char *const words[] = {"episode", "ep"};
    struct episode_numbers found;
    size_t n;
    if (episodes_in_name(title, &found)) {
        *chapter_season = found.season;
        *value = found.first;
        return true;
    }
    title += strspn(title, " ");
    for (n = 0; season > 0 && n < sizeof words / sizeof *words; n++) {
        const char *at = title + strlen(words[n]);
        if (strncasecmp(title, words[n], strlen(words[n])) != 0)
            continue;
        at += strspn(at, ". #");
        if (number(&at, 4, value) && !is_letter_or_digit(*at)) {
            *chapter_season = season;
            return true;
        }
    }
    return false;
}

bool year_in_name(const char *name)
{
    const char *at;
    for (at = name; *at != 0; at++) {
        bool begins = at > name && strchr("([._", at[-1]) != NULL;
        if (at - name > 2 && (strncasecmp(at - 3, "%28", 3) == 0 || strncasecmp(at - 3, "%5b", 3) == 0))
            begins = true;
        if (begins && strspn(at, "0123456789") == 4 && atoi(at) >= 1890 && atoi(at) < 2100)
            return true;
    }
    return false;
}

const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Whether a folder is named for a season alone. */
static bool is_season(const char *name, size_t length)
{
    static const char *const words[] = {"season", "series", "staffel", "saison", "temporada", "s"};
    size_t n, digits;
    for (n = 0; n < sizeof words / sizeof *words; n++) {
        size_t word = strlen(words[n]);
        if (length <= word || strncasecmp(name, words[n], word) != 0)
            continue;
        digits = word + strspn(name + word, " ._-");
        if (digits < length && strspn(name + digits, "0123456789") >= length - digits)
            return true;
    }
    return false;
}

/* Takes a year at the end, bare or in brackets, off a title. */
static void take_year(struct show_name *show)
{
    size_t length = strlen(show->title);
    const char *digits;
    bool brackets = length > 0 && show->title[length - 1] == ')';
    if (length < (brackets ? 8u : 6u))
        return;
    digits = show->title + length - 4 - brackets;
    if (strspn(digits, "0123456789") != 4 || (brackets ? digits[-1] != '(' : digits[-1] != ' '))
        return;
    if (atoi(digits) < 1900 || atoi(digits) > 2100)
        return;
    show->year = atoi(digits);
    length = (size_t)(digits - show->title) - 1;
    while (length > 0 && show->title[length - 1] == ' ')
        length--;
    show->title[length] = 0;
}

/* A title out of a piece of a path: without the signs that stand for spaces, a group in front and
   the year. */
static bool title_of(const char *name, size_t length, struct show_name *show)
{
    size_t n, out = 0;
    const char *group_end;
    memset(show, 0, sizeof *show);
    if (length > 0 && *name == '[' && (group_end = memchr(name, ']', length)) != NULL) {
        length -= (size_t)(group_end + 1 - name);
        name = group_end + 1;
    }
    for (n = 0; n < length && out + 1 < sizeof show->title; n++) {
        char c = name[n] == '.' || name[n] == '_' ? ' ' : name[n];
        if (c != ' ' || (out > 0 && show->title[out - 1] != ' '))
            show->title[out++] = c;
    }
    while (out > 0 && strchr(" -[(", show->title[out - 1]) != NULL)
        out--;
    show->title[out] = 0;
    take_year(show);
    return show->title[0] != 0;
}

bool show_in_path(const char *path, struct show_name *show)
{
    const char *name = last_part(path), *end = name;
    struct episode_numbers found;
    if (episodes_in_name(name, &found) && title_of(name, found.at, show))
        return true;
    while (end > path) {
        const char *begin = --end;
        while (begin > path && begin[-1] != '/')
            begin--;
        if (end > begin && !is_season(begin, (size_t)(end - begin)))
            return title_of(begin, (size_t)(end - begin), show);
        end = begin;
    }
    return false;
}
