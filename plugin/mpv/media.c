#include "media.h"

#include "episodes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One episode in a file with several. */
struct part {
    int season, number;
    int64_t start_ms;
};

/* How an id tag begins when it is of this type: "movie/949". "" for a bare number. */
static const char *id_behind(const char *tag, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(tag, prefix, length) != 0)
        return NULL;
    tag += length;
    return *tag != 0 && strspn(tag, "0123456789") == strlen(tag) ? tag : NULL;
}

static bool is_imdb(const char *tag)
{
    return strncmp(tag, "tt", 2) == 0 && strlen(tag) > 6 && strspn(tag + 2, "0123456789") == strlen(tag + 2);
}

/* Opens the object at the first id, and separates the next ones. */
static void add_id(struct text *ids, const char *name, const char *id)
{
    if (id == NULL)
        return;
    text_add(ids, ids->length > 0 ? "," : "");
    text_add_json(ids, name);
    text_add(ids, ":");
    text_add_json(ids, id);
}

static void add_key(struct text *item, const char *key)
{
    text_add(item, ",\"");
    text_add(item, key);
    text_add(item, "\":");
}

static void add_ids(struct text *item, const struct text *ids)
{
    if (ids->length == 0)
        return;
    add_key(item, "ids");
    text_add(item, "{");
    text_add(item, text_get(ids));
    text_add(item, "}");
}

static void add_show(struct text *item, const struct show_name *show, const struct text *ids)
{
    add_key(item, "show");
    text_add(item, "{\"title\":");
    text_add_json(item, show->title);
    if (show->year != 0) {
        add_key(item, "year");
        text_add_int(item, show->year);
    }
    add_ids(item, ids);
    text_add(item, "}");
}

static void add_place(struct text *item, int season, int number)
{
    add_key(item, "season");
    text_add_int(item, season);
    add_key(item, "number");
    text_add_int(item, number);
}

/* The episodes that chapters name, each beginning where its chapter does. */
static int parts_by_chapters(const struct media *media, int season, struct part *parts, int room)
{
    int n, count = 0;
    for (n = 0; n < media->chapter_count && count < room; n++) {
        struct part part = {0, 0, media->chapters[n].at_ms};
        if (!episode_in_chapter(media->chapters[n].title, season, &part.season, &part.number))
            continue;
        if (count > 0 && parts[count - 1].season == part.season && parts[count - 1].number == part.number)
            continue;
        /* A table of contents that goes back isn't one. */
        if (count > 0 && part.season == parts[count - 1].season && part.number < parts[count - 1].number)
            return 0;
        parts[count++] = part;
    }
    if (count > 0)
        parts[0].start_ms = 0;
    return count;
}

static int parts_by_name(const struct episode_numbers *numbers, struct part *parts, int room)
{
    int n, count = numbers->last - numbers->first + 1;
    for (n = 0; n < count && n < room; n++) {
        parts[n].season = numbers->season;
        parts[n].number = numbers->first + n;
    }
    return n;
}

static bool add_episodes(struct text *item, const struct media *media, const struct show_name *show,
                         const struct text *show_ids, const struct episode_numbers *numbers)
{
    enum { MOST = 32 };
    struct part parts[MOST];
    int n, count = parts_by_chapters(media, numbers->season, parts, MOST);
    bool with_bounds = count > 1;
    if (!with_bounds)
        count = parts_by_name(numbers, parts, MOST);
    if (count < 2)
        return false;
    text_add(item, "\"episodes\"");
    add_key(item, "episodes");
    for (n = 0; n < count; n++) {
        text_add(item, n > 0 ? "," : "[");
        text_add(item, "{\"type\":\"episode\"");
        add_show(item, show, show_ids);
        add_place(item, parts[n].season, parts[n].number);
        if (with_bounds) {
            add_key(item, "start_ms");
            text_add_int(item, parts[n].start_ms);
            if (n + 1 < count) {
                add_key(item, "end_ms");
                text_add_int(item, parts[n + 1].start_ms);
            }
        }
        text_add(item, "}");
    }
    text_add(item, "]");
    return true;
}

/* An episode, or several, as the name and the tags have it. What mpv shows as the title is no
   episode's title. */
static bool add_episode(struct text *item, const struct media *media)
{
    struct show_name show = {{0}, 0};
    struct episode_numbers numbers = {0, 0, 0, 0};
    struct text ids = {0}, show_ids = {0};
    const char *show_id = id_behind(media->tmdb, "tv/"), *episode_id = id_behind(media->tvdb2, "episodes/");
    bool named = episodes_in_name(last_part(text_get(&media->path)), &numbers), done = false;
    if (!named && media->season[0] != 0 && media->episode[0] != 0) {
        numbers.season = atoi(media->season);
        numbers.first = numbers.last = atoi(media->episode);
        named = numbers.first > 0;
    }
    add_id(&show_ids, "tmdb", show_id);
    add_id(&show_ids, "tvdb", id_behind(media->tvdb2, "series/"));
    if (show_ids.length == 0)
        add_id(&show_ids, "tvdb", id_behind(media->tvdb, ""));
    add_id(&ids, "tvdb", episode_id);
    if (media->show[0] != 0)
        snprintf(show.title, sizeof show.title, "%.*s", (int)sizeof show.title - 1, media->show);
    else if (!is_address(text_get(&media->path)))
        show_in_path(text_get(&media->path), &show);
    if (show.title[0] != 0 && add_episodes(item, media, &show, &show_ids, &numbers)) {
        done = true;
    } else if (named && (show_ids.length > 0 || ids.length > 0 || media->show[0] != 0)) {
        text_add(item, "\"episode\"");
        if (show.title[0] != 0 || show_ids.length > 0)
            add_show(item, &show, &show_ids);
        add_place(item, numbers.season, numbers.first);
        add_ids(item, &ids);
        done = true;
    }
    text_free(&ids);
    text_free(&show_ids);
    return done;
}

/* A film by the ids in its tags. Matroska's IMDB may be an episode's, too: it counts where nothing
   speaks of one. */
static bool add_movie(struct text *item, const struct media *media)
{
    struct text ids = {0};
    struct episode_numbers numbers;
    const char *tmdb = id_behind(media->tmdb, "movie/"), *tvdb = id_behind(media->tvdb2, "movies/");
    bool is_episode = episodes_in_name(last_part(text_get(&media->path)), &numbers) ||
                      media->episode[0] != 0 || id_behind(media->tmdb, "tv/") != NULL ||
                      id_behind(media->tvdb2, "series/") != NULL ||
                      id_behind(media->tvdb2, "episodes/") != NULL || media->tvdb[0] != 0;
    bool found;
    if (is_imdb(media->imdb) && !is_episode)
        add_id(&ids, "imdb", media->imdb);
    add_id(&ids, "tmdb", tmdb);
    add_id(&ids, "tvdb", tvdb);
    found = ids.length > 0;
    if (found) {
        text_add(item, "\"movie\"");
        add_ids(item, &ids);
    }
    text_free(&ids);
    return found;
}

/* Genres as a list; tags have them with commas, semicolons or slashes between them. */
static void add_genres(struct text *item, const char *genres)
{
    static const char between[] = ",;/|";
    bool first = true;
    while (*genres != 0) {
        char genre[TAG_ROOM];
        size_t length = strcspn(genres, between), begin = strspn(genres, " "), end = length;
        while (end > begin && genres[end - 1] == ' ')
            end--;
        if (end > begin && end - begin < sizeof genre) {
            memcpy(genre, genres + begin, end - begin);
            genre[end - begin] = 0;
            if (first)
                add_key(item, "genres");
            text_add(item, first ? "[" : ",");
            text_add_json(item, genre);
            first = false;
        }
        genres += length;
        genres += strspn(genres, between);
    }
    text_add(item, first ? "" : "]");
}

/* Whether a path names a device, a pipe or something made up, and not what is in it. */
static bool is_nameless(const char *path)
{
    static const char *const schemes[] = {"-",       "tv://",  "dvb://",     "av://",   "memory://",
                                          "null://", "fd://",  "fdclose://", "pipe://", "lavfi://",
                                          "edl://",  "hex://", "mf://"};
    size_t n;
    for (n = 0; n < sizeof schemes / sizeof *schemes; n++)
        if (n == 0 ? strcmp(path, schemes[n]) == 0 : strncmp(path, schemes[n], strlen(schemes[n])) == 0)
            return true;
    return false;
}

/* Whether a name alone can be enough. Any file at home may be a film; of all that is streamed only
   what says so. */
static bool may_be_found(const struct media *media)
{
    struct episode_numbers numbers;
    const char *path = text_get(&media->path), *name = last_part(path);
    if (is_nameless(path))
        return media->title[0] != 0;
    if (!media->via_network && !is_address(path))
        return true;
    return episodes_in_name(name, &numbers) || year_in_name(name) ||
           episodes_in_name(media->title, &numbers) || year_in_name(media->title);
}

void media_item(struct text *item, const struct media *media, bool exclude_network)
{
    bool is_episode;
    text_add(item, "{\"type\":");
    is_episode = add_episode(item, media);
    if (!is_episode && !add_movie(item, media))
        text_add(item, may_be_found(media) ? "\"file\"" : "\"unknown\"");
    if (!is_episode && media->title[0] != 0) {
        add_key(item, "title");
        text_add_json(item, media->title);
    }
    if (media->path.length > 0 && !is_nameless(text_get(&media->path))) {
        struct text plain = {0};
        add_plain_address(&plain, text_get(&media->path));
        add_key(item, "file");
        text_add_json(item, text_get(&plain));
        text_free(&plain);
    }
    add_genres(item, media->genre);
    if (exclude_network && media->via_network)
        text_add(item, ",\"excluded\":true");
    text_add(item, "}");
}

void collapse_path(char *path)
{
    char *out = path;
    const char *in = path;
    while (*in == '/') {
        size_t length;
        in += strspn(in, "/");
        length = strcspn(in, "/");
        if (length == 2 && strncmp(in, "..", 2) == 0) {
            while (out > path && *--out != '/')
                continue;
        } else if (length > 0 && !(length == 1 && *in == '.')) {
            *out++ = '/';
            memmove(out, in, length);
            out += length;
        }
        in += length;
    }
    if (out == path)
        *out++ = '/';
    *out = 0;
}

bool is_address(const char *path)
{
    size_t scheme = 0;
    while (isalnum((unsigned char)path[scheme]) ||
           strchr("+-.", path[scheme] != 0 ? path[scheme] : ' ') != NULL)
        scheme++;
    return scheme > 1 && strncmp(path + scheme, "://", 3) == 0;
}

void add_plain_address(struct text *text, const char *path)
{
    const char *host, *end, *at;
    if (!is_address(path)) {
        text_add(text, path);
        return;
    }
    /* `ytdl://https://me:secret@host/x`: the last one names the host. */
    host = strstr(path, "://") + 3;
    end = path + strcspn(path, "?#");
    for (at = host; at + 3 <= end; at++)
        if (strncmp(at, "://", 3) == 0)
            host = at + 3;
    end = host + strcspn(host, "/?#");
    text_add_bytes(text, path, (size_t)(host - path));
    for (at = host; at < end; at++)
        if (*at == '@')
            host = at + 1;
    text_add_bytes(text, host, strcspn(host, "?#"));
}
