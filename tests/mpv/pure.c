/* The parts of the plug-in that know nothing of mpv. Prints nothing when all is well; run plain, under
   AddressSanitizer and under valgrind. */
#include "ass.h"
#include "episodes.h"
#include "json.h"
#include "media.h"
#include "options.h"
#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(what)                                                                                          \
    do {                                                                                                     \
        if (!(what)) {                                                                                       \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #what);                                                \
            failures++;                                                                                      \
        }                                                                                                    \
    } while (0)

static void names(void)
{
    static const struct {
        const char *name;
        int season, first, last;
    } known[] = {
        {"Dark.S01E02.mkv", 1, 2, 2},       {"Dark.s01e02e03.mkv", 1, 2, 3},
        {"Dark S01E02-E04 x.mkv", 1, 2, 4}, {"Dark S01E02-03.mkv", 1, 2, 3},
        {"Dark S01E02-720p.mkv", 1, 2, 2},  {"Dark S01E02-10bit.mkv", 1, 2, 2},
        {"Dark S01 E02.mkv", 1, 2, 2},      {"Dark S01.E02.mkv", 1, 2, 2},
        {"Dark - 1x02.mkv", 1, 2, 2},       {"Dark - 1x02-1x03.mkv", 1, 2, 3},
        {"Dark - 1x02-03.mkv", 1, 2, 3},    {"Dark 1x02 x264.mkv", 1, 2, 2},
        {"Dark S2017E05.mkv", 2017, 5, 5},  {"Dark S00E01.mkv", 0, 1, 1},
        {"Dark S01E03-E02.mkv", 1, 3, 3},
    };
    static const char *const none[] = {
        "Heat (1995).mkv",
        "Heat 1920x1080.mkv",
        "Heat 1080p x264.mkv",
        "Sense8.mkv",
        "",
        "AS01E02.mkv",
        "S01.mkv",
        "S01E.mkv",
        "2x4.mkv",
        "S99999E01.mkv",
        "S01E99999.mkv",
        "E02.mkv",
    };
    struct episode_numbers found;
    size_t n;
    for (n = 0; n < sizeof known / sizeof *known; n++) {
        bool so = episodes_in_name(known[n].name, &found) && found.season == known[n].season &&
                  found.first == known[n].first && found.last == known[n].last;
        if (!so)
            printf("%s: %d %d-%d\n", known[n].name, found.season, found.first, found.last);
        CHECK(so);
    }
    for (n = 0; n < sizeof none / sizeof *none; n++) {
        if (episodes_in_name(none[n], &found))
            printf("%s\n", none[n]);
        CHECK(!episodes_in_name(none[n], &found));
    }
}

static void chapters(void)
{
    int season, number;
    CHECK(episode_in_chapter("S02E05 Lost", 1, &season, &number) && season == 2 && number == 5);
    CHECK(episode_in_chapter("Episode 5", 1, &season, &number) && season == 1 && number == 5);
    CHECK(episode_in_chapter(" EP. 5: Lost", 1, &season, &number) && number == 5);
    CHECK(episode_in_chapter("Ep #5", 1, &season, &number) && number == 5);
    CHECK(!episode_in_chapter("Episode 5", 0, &season, &number));
    CHECK(!episode_in_chapter("Episodes 5", 1, &season, &number));
    CHECK(!episode_in_chapter("Chapter 5", 1, &season, &number));
    CHECK(!episode_in_chapter("Epilogue", 1, &season, &number));
    CHECK(!episode_in_chapter("Episode 5th", 1, &season, &number));
    CHECK(!episode_in_chapter("", 1, &season, &number));
}

static void shows(void)
{
    static const struct {
        const char *path, *title;
        int year;
    } known[] = {
        {"/tv/Dark.S01E02.mkv", "Dark", 0},
        {"/tv/Dark.2017.S01E02.mkv", "Dark", 2017},
        {"/tv/Dark (2017) - S01E02.mkv", "Dark", 2017},
        {"/tv/[Group] The_Long__Show - 1x02.mkv", "The Long Show", 0},
        {"/tv/Dark (2017)/Season 1/S01E02.mkv", "Dark", 2017},
        {"/tv/Dark/S01/S01E02.mkv", "Dark", 0},
        {"/tv/Dark/disc.mkv", "Dark", 0},
        {"/tv/1883.S01E02.mkv", "1883", 0},
        {"/tv/Room 104 S01E02.mkv", "Room 104", 0},
        {"S01E02.mkv", NULL, 0},
        {"/S01E02.mkv", NULL, 0},
    };
    struct show_name show;
    size_t n;
    for (n = 0; n < sizeof known / sizeof *known; n++) {
        bool found = show_in_path(known[n].path, &show);
        CHECK(found == (known[n].title != NULL));
        if (found && (strcmp(show.title, known[n].title) != 0 || show.year != known[n].year)) {
            printf("%s: %s (%d)\n", known[n].path, show.title, show.year);
            failures++;
        }
    }
}

static void values(void)
{
    static const char json[] =
        "{\"status\":0,\"a\":{\"b\":[1,{\"c\":\"x\\\"}]\"},\"two\"],\"d\":-7,\"e\":true},"
        "\"t\":\"\\u00e4\\ud83d\\ude00\\n\\/\",\"n\":null}";
    const char *list = json_get(json, "a.b"), *second = json_next(json_first(list));
    char text[64], few[4];
    CHECK(json_int(json_get(json, "a.d"), 0) == -7);
    CHECK(json_int(json_get(json, "a.missing"), 5) == 5);
    CHECK(json_int(json_get(json, "t"), 5) == 5);
    CHECK(json_true(json_get(json, "a.e")) && !json_true(json_get(json, "n")));
    CHECK(strcmp(json_text(json_get(second, "c"), text, sizeof text), "x\"}]") == 0);
    CHECK(json_is(json_next(second), "two") && !json_is(json_next(second), "tw"));
    CHECK(json_next(json_next(second)) == NULL);
    CHECK(json_length(list) == strlen("[1,{\"c\":\"x\\\"}]\"},\"two\"]"));
    CHECK(strcmp(json_text(json_get(json, "t"), text, sizeof text), "\xc3\xa4\xf0\x9f\x98\x80\n/") == 0);
    CHECK(strcmp(json_text(json_get(json, "t"), few, sizeof few), "\xc3\xa4") == 0);
    CHECK(strcmp(json_text(json_get(json, "n"), text, sizeof text), "") == 0);
    CHECK(json_first("[]") == NULL && json_first("{}") == NULL && json_first(NULL) == NULL);
    CHECK(json_get(NULL, "a") == NULL && json_length(NULL) == 0);
}

static void writing(void)
{
    struct text text = {0};
    text_add_json(&text, "a\"\\\n\x01 \xc3\xa4\xff\xc3(\xed\xa0\x80\xf0\x9f\x98\x80");
    CHECK(strcmp(text_get(&text),
                 "\"a\\\"\\\\\\u000a\\u0001 \xc3\xa4\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef"
                 "\xbf\xbd\xf0\x9f\x98\x80\"") == 0);
    text_clear(&text);
    text_add_ass(&text, "{\\b1}x\ny\r");
    CHECK(strcmp(text_get(&text), "\\{\\\xe2\x81\xa0"
                                  "b1\\}x\\Ny") == 0);
    text_clear(&text);
    say(&text, TEXT_LINK_PLAIN, "code", "A", "url", "U{code}", (char *)NULL);
    CHECK(strcmp(text_get(&text), "Open U{code} and enter the code A") == 0);
    text_clear(&text);
    add_plain_address(&text, "https://u:p@h.example:8/a/b@c?q=1#f");
    CHECK(strcmp(text_get(&text), "https://h.example:8/a/b@c") == 0);
    text_clear(&text);
    add_plain_address(&text, "/a/b?c#d");
    CHECK(strcmp(text_get(&text), "/a/b?c#d") == 0);
    text_clear(&text);
    add_plain_address(&text, "ytdl://https://me:secret@h.example/x.mkv?key=1");
    CHECK(strcmp(text_get(&text), "ytdl://https://h.example/x.mkv") == 0);
    text_clear(&text);
    add_plain_address(&text, "https://h.example/go?to=https://u:p@i.example");
    CHECK(strcmp(text_get(&text), "https://h.example/go") == 0);
    CHECK(year_in_name("Heat (1995)") && year_in_name("Heat.1995.mkv") &&
          year_in_name("Heat%20%281995%29.mkv"));
    CHECK(!year_in_name("Best of 1995") && !year_in_name("x.10801.mkv") && !year_in_name("1917") &&
          !year_in_name(""));
    CHECK(is_address("smb://x/y") && is_address("dvd://") && !is_address("/x://y") && !is_address("C:/x"));
    CHECK(strcmp(meaning("unmatched"), "unmatched") != 0 && strcmp(meaning("news"), "news") == 0);
    text_free(&text);
}

static void collapsing(void)
{
    static const char *const pairs[][2] = {
        {"/home/me/./private/x.mkv", "/home/me/private/x.mkv"},
        {"/home/me/private/../x.mkv", "/home/me/x.mkv"},
        {"//home///me//x.mkv", "/home/me/x.mkv"},
        {"/a/../../../x", "/x"},
        {"/..", "/"},
        {"/", "/"},
        {"/a/b/", "/a/b"},
        {"/a/...b/.c/..d", "/a/...b/.c/..d"},
    };
    size_t n;
    for (n = 0; n < sizeof pairs / sizeof *pairs; n++) {
        char path[64];
        snprintf(path, sizeof path, "%s", pairs[n][0]);
        collapse_path(path);
        CHECK(strcmp(path, pairs[n][1]) == 0);
    }
}

static void reading_options(void)
{
    struct options options;
    struct text wrong = {0};
    options_default(&options);
    options_read(&options, "# x=y\r\n\n  notify = no \r\nnothing\n=\nmin_duration=12x\nclient_id=a=b",
                 &wrong);
    CHECK(!options.notify && options.enabled && options.min_duration == 300);
    CHECK(strcmp(options.client_id, "a=b") == 0);
    CHECK(strcmp(text_get(&wrong), "nothing, , min_duration") == 0);
    text_free(&wrong);
}

/* A number that a run can repeat. */
static unsigned next_random(unsigned *state) { return *state = *state * 1103515245u + 12345u, *state >> 8; }

/* Broken text of every kind: nothing may be read or written outside, whatever comes of it. */
static void garbage(unsigned seed)
{
    static const char seeds[][80] = {
        "{\"data\":{\"entries\":[{\"item\":{\"show\":{\"title\":\"D\\u00e4\"}}}]}}",
        "[Group] Show.Name.(2017).S01E02-E03.1x02-03 Episode 4",
        "{\\p1}[\"0101\",\"1\\u\",\"\xf0\x9f\x98\x80\"]", "https://user:word@host:80/S01E02.mkv?x#y",
        "key = value\n#\nexclude_paths=a;b;;c"};
    unsigned n;
    for (n = 0; n < 20000; n++) {
        struct text out = {0};
        struct options options;
        struct media *media = calloc(1, sizeof *media);
        struct show_name show;
        struct episode_numbers numbers;
        int season, number;
        const char *value;
        size_t length, changes;
        char *text, small[8];
        length = strlen(seeds[n % 5]);
        length = next_random(&seed) % 4 == 0 ? next_random(&seed) % (length + 1) : length;
        text = malloc(length + 1);
        if (text == NULL || media == NULL)
            exit(1);
        memcpy(text, seeds[n % 5], length);
        text[length] = 0;
        for (changes = next_random(&seed) % 4; changes > 0 && length > 0; changes--)
            text[next_random(&seed) % length] = (char)(1 + next_random(&seed) % 255);
        for (value = json_first(json_get(text, "data.entries")); value != NULL; value = json_next(value))
            json_text(json_get(value, "item.show.title"), small, sizeof small);
        json_text(text, small, sizeof small);
        (void)json_length(text);
        ass_qr(&out, text, 0, 0, 100);
        ass_text(&out, text, 0, 0, 10, 0);
        text_add_json(&out, text);
        options_default(&options);
        options_read(&options, text, &out);
        options_rules(&out, &options);
        options_config(&out, &options, text);
        episodes_in_name(text, &numbers);
        episode_in_chapter(text, 1, &season, &number);
        show_in_path(text, &show);
        text_add(&media->path, text);
        snprintf(media->chapters[0].title, sizeof media->chapters[0].title, "%s", text);
        snprintf(media->chapters[1].title, sizeof media->chapters[1].title, "S01E01");
        snprintf(media->genre, sizeof media->genre, "%s", text);
        media->chapter_count = 2;
        text_clear(&out);
        media_item(&out, media, true);
        CHECK(json_length(text_get(&out)) == out.length);
        text_free(&media->path);
        free(media);
        free(text);
        text_free(&out);
    }
}

int main(int count, char **arguments)
{
    names();
    chapters();
    shows();
    values();
    writing();
    collapsing();
    reading_options();
    garbage(count > 1 ? (unsigned)atoi(arguments[1]) : 1);
    return failures > 0;
}
