#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trakt.h>

/* The app that mpv is at Trakt; `make CLIENT_ID=...` builds it in. */
#ifndef LIBTRAKT_CLIENT_ID
#define LIBTRAKT_CLIENT_ID ""
#endif

enum kind { YES_OR_NO, SECONDS, TEXT };

struct known {
    const char *key;
    enum kind kind;
    size_t at;
};

#define KNOWN(key, kind)                                                                                     \
    {                                                                                                        \
#key, kind, offsetof(struct options, key)                                                            \
    }
static const struct known all[] = {
    KNOWN(enabled, YES_OR_NO),
    KNOWN(movies, YES_OR_NO),
    KNOWN(episodes, YES_OR_NO),
    KNOWN(notify, YES_OR_NO),
    KNOWN(exclude_http, YES_OR_NO),
    KNOWN(exclude_network, YES_OR_NO),
    KNOWN(watching_delay, SECONDS),
    KNOWN(min_duration, SECONDS),
    KNOWN(exclude_paths, TEXT),
    KNOWN(exclude_globs, TEXT),
    KNOWN(exclude_genres, TEXT),
    KNOWN(client_id, TEXT),
    KNOWN(client_secret, TEXT),
    KNOWN(data_dir, TEXT),
    KNOWN(auth_url, TEXT),
    KNOWN(api_url, TEXT),
    KNOWN(proxy, TEXT),
    KNOWN(ca_file, TEXT),
};
#undef KNOWN

void options_default(struct options *options)
{
    memset(options, 0, sizeof *options);
    options->enabled = options->movies = options->episodes = options->notify = true;
    /* Shorter clips are hardly ever what somebody keeps a record of. */
    options->min_duration = 300;
    snprintf(options->client_id, sizeof options->client_id, "%s", LIBTRAKT_CLIENT_ID);
}

static bool set(char *place, enum kind kind, const char *value)
{
    char *end;
    long number;
    switch (kind) {
    case YES_OR_NO:
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
            return false;
        *(bool *)(void *)place = value[0] == 'y';
        return true;
    case SECONDS:
        number = strtol(value, &end, 10);
        if (end == value || *end != 0 || number < 0 || number > 24 * 3600)
            return false;
        *(int *)(void *)place = (int)number;
        return true;
    case TEXT:
        if (strlen(value) >= OPTION_ROOM)
            return false;
        memcpy(place, value, strlen(value) + 1);
        return true;
    }
    return false;
}

bool options_set(struct options *options, const char *key, const char *value)
{
    size_t n;
    for (n = 0; n < sizeof all / sizeof *all; n++)
        if (strcmp(all[n].key, key) == 0)
            return set((char *)options + all[n].at, all[n].kind, value);
    return false;
}

/* Copies a piece without the spaces around it; false if it doesn't fit. */
static bool trimmed(char *out, size_t size, const char *from, size_t length)
{
    while (length > 0 && strchr(" \t\r", from[length - 1]) != NULL)
        length--;
    while (length > 0 && strchr(" \t", *from) != NULL)
        from++, length--;
    if (length >= size)
        return false;
    memcpy(out, from, length);
    out[length] = 0;
    return true;
}

void options_read(struct options *options, const char *lines, struct text *wrong)
{
    while (*lines != 0) {
        char key[64], value[OPTION_ROOM];
        size_t line = strcspn(lines, "\n"), equals = strcspn(lines, "=\n"), begin = strspn(lines, " \t\r");
        if (begin < line && lines[begin] != '#') {
            bool taken = equals < line && trimmed(key, sizeof key, lines, equals) &&
                         trimmed(value, sizeof value, lines + equals + 1, line - equals - 1) &&
                         options_set(options, key, value);
            if (!taken && wrong != NULL) {
                text_add(wrong, wrong->length > 0 ? ", " : "");
                text_add_bytes(wrong, lines + begin, (equals < line ? equals : line) - begin);
            }
        }
        lines += line;
        lines += *lines == '\n';
    }
}

static void add_list(struct text *out, const char *key, const char *list)
{
    bool first = true;
    text_add_json(out, key);
    text_add(out, ":[");
    while (*list != 0) {
        char one[OPTION_ROOM];
        size_t length = strcspn(list, ";");
        if (trimmed(one, sizeof one, list, length) && one[0] != 0) {
            text_add(out, first ? "" : ",");
            text_add_json(out, one);
            first = false;
        }
        list += length;
        list += *list == ';';
    }
    text_add(out, "]");
}

static void add_flag(struct text *out, const char *key, bool value)
{
    text_add_json(out, key);
    text_add(out, value ? ":true" : ":false");
}

void options_rules(struct text *params, const struct options *options)
{
    text_add(params, "{");
    add_flag(params, "enabled", options->enabled);
    text_add(params, ",");
    add_flag(params, "movies", options->movies);
    text_add(params, ",");
    add_flag(params, "episodes", options->episodes);
    text_add(params, ",\"watching_delay_ms\":");
    text_add_int(params, options->watching_delay * 1000LL);
    text_add(params, ",\"min_duration_ms\":");
    text_add_int(params, options->min_duration * 1000LL);
    text_add(params, ",\"exclude\":{");
    add_flag(params, "http", options->exclude_http);
    text_add(params, ",");
    add_list(params, "prefixes", options->exclude_paths);
    text_add(params, ",");
    add_list(params, "globs", options->exclude_globs);
    text_add(params, ",");
    add_list(params, "genres", options->exclude_genres);
    text_add(params, "}}");
}

static void add_setting(struct text *config, const char *key, const char *value)
{
    if (value[0] == 0)
        return;
    text_add(config, ",");
    text_add_json(config, key);
    text_add(config, ":");
    text_add_json(config, value);
}

void options_config(struct text *config, const struct options *options, const char *state_dir)
{
    text_add(config, "{\"app_name\":\"libtrakt-mpv\",\"app_version\":\"" TRAKT_VERSION_STRING "\"");
    add_setting(config, "client_id", options->client_id);
    add_setting(config, "client_secret", options->client_secret);
    add_setting(config, "data_dir", options->data_dir[0] != 0 ? options->data_dir : state_dir);
    add_setting(config, "auth_url", options->auth_url);
    add_setting(config, "api_url", options->api_url);
    add_setting(config, "proxy", options->proxy);
    add_setting(config, "ca_file", options->ca_file);
    text_add(config, "}");
}
