#include "mpv_media.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const mpv_node *find(const mpv_node *map, const char *key)
{
    int n;
    for (n = 0; map->format == MPV_FORMAT_NODE_MAP && n < map->u.list->num; n++)
        if (strcasecmp(map->u.list->keys[n], key) == 0)
            return &map->u.list->values[n];
    return NULL;
}

static bool is_set(const mpv_node *map, const char *key)
{
    const mpv_node *flag = find(map, key);
    return flag != NULL && flag->format == MPV_FORMAT_FLAG && flag->u.flag != 0;
}

static void copy(char *out, size_t size, const mpv_node *map, const char *key)
{
    const mpv_node *value = find(map, key);
    if (value != NULL && value->format == MPV_FORMAT_STRING)
        snprintf(out, size, "%s", value->u.string);
}

static void read_path(mpv_handle *mpv, struct text *path)
{
    char *given = mpv_get_property_string(mpv, "path");
    if (given != NULL && given[0] != '/' && strcmp(given, "-") != 0 && !is_address(given)) {
        char *folder = mpv_get_property_string(mpv, "working-directory");
        if (folder != NULL) {
            text_add(path, folder);
            text_add(path, "/");
        }
        mpv_free(folder);
    }
    text_add(path, given);
    if (path->at != NULL && path->at[0] == '/') {
        collapse_path(path->at);
        path->length = strlen(path->at);
    }
    mpv_free(given);
}

static void read_title(mpv_handle *mpv, struct media *media)
{
    char *title = mpv_get_property_string(mpv, "media-title");
    char *name = mpv_get_property_string(mpv, "filename");
    char *bare = mpv_get_property_string(mpv, "filename/no-ext");
    bool own = title != NULL && (name == NULL || strcmp(title, name) != 0) &&
               (bare == NULL || strcmp(title, bare) != 0);
    if (own)
        snprintf(media->title, sizeof media->title, "%s", title);
    mpv_free(title);
    mpv_free(name);
    mpv_free(bare);
}

static void read_tags(mpv_handle *mpv, struct media *media)
{
    mpv_node tags;
    if (mpv_get_property(mpv, "metadata", MPV_FORMAT_NODE, &tags) < 0)
        return;
    copy(media->imdb, sizeof media->imdb, &tags, "imdb");
    copy(media->tmdb, sizeof media->tmdb, &tags, "tmdb");
    copy(media->tvdb, sizeof media->tvdb, &tags, "tvdb");
    copy(media->tvdb2, sizeof media->tvdb2, &tags, "tvdb2");
    copy(media->show, sizeof media->show, &tags, "show");
    copy(media->season, sizeof media->season, &tags, "season_number");
    copy(media->episode, sizeof media->episode, &tags, "episode_sort");
    copy(media->genre, sizeof media->genre, &tags, "genre");
    mpv_free_node_contents(&tags);
}

static void read_chapters(mpv_handle *mpv, struct media *media)
{
    mpv_node chapters;
    int n;
    if (mpv_get_property(mpv, "chapter-list", MPV_FORMAT_NODE, &chapters) < 0)
        return;
    for (n = 0; chapters.format == MPV_FORMAT_NODE_ARRAY && n < chapters.u.list->num && n < MOST_CHAPTERS;
         n++) {
        const mpv_node *chapter = &chapters.u.list->values[n], *time = find(chapter, "time");
        struct chapter *out = &media->chapters[media->chapter_count++];
        out->at_ms =
            time != NULL && time->format == MPV_FORMAT_DOUBLE ? (int64_t)(time->u.double_ * 1000) : 0;
        copy(out->title, sizeof out->title, chapter, "title");
    }
    mpv_free_node_contents(&chapters);
}

static void read_tracks(mpv_handle *mpv, struct media *media)
{
    mpv_node tracks;
    int n;
    if (mpv_get_property(mpv, "track-list", MPV_FORMAT_NODE, &tracks) < 0)
        return;
    for (n = 0; tracks.format == MPV_FORMAT_NODE_ARRAY && n < tracks.u.list->num; n++) {
        const mpv_node *track = &tracks.u.list->values[n], *type = find(track, "type");
        if (type != NULL && type->format == MPV_FORMAT_STRING && strcmp(type->u.string, "video") == 0 &&
            !is_set(track, "albumart") && !is_set(track, "image"))
            media->is_video = true;
    }
    mpv_free_node_contents(&tracks);
}

void media_read(mpv_handle *mpv, struct media *media)
{
    char *output = mpv_get_property_string(mpv, "options/o");
    int via_network = 0;
    media->is_encode = output != NULL && output[0] != 0;
    mpv_free(output);
    mpv_get_property(mpv, "demuxer-via-network", MPV_FORMAT_FLAG, &via_network);
    media->via_network = via_network != 0;
    read_path(mpv, &media->path);
    read_title(mpv, media);
    read_tags(mpv, media);
    read_chapters(mpv, media);
    read_tracks(mpv, media);
}
