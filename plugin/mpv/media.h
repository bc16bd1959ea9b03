/* What mpv knows of the file that it plays, and the item that libtrakt gets for it.
   Pure; media_read() in mpv_media.c fills it. */
#ifndef MEDIA_H
#define MEDIA_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

enum { TITLE_ROOM = 512, TAG_ROOM = 96, MOST_CHAPTERS = 256 };

struct chapter {
    int64_t at_ms;
    char title[128];
};

struct media {
    /* Absolute, or an address. */
    struct text path;
    /* What mpv shows as the title; "" if that is only the file's name. */
    char title[TITLE_ROOM];
    /* The file's own tags: of Matroska, and of MP4 as iTunes writes them. "" where there is none. */
    char imdb[TAG_ROOM], tmdb[TAG_ROOM], tvdb[TAG_ROOM], tvdb2[TAG_ROOM];
    char show[TITLE_ROOM], season[TAG_ROOM], episode[TAG_ROOM], genre[TITLE_ROOM];
    struct chapter chapters[MOST_CHAPTERS];
    int chapter_count;
    /* Whether it has moving pictures: neither music, nor an image, nor a cover. */
    bool is_video;
    /* Whether mpv writes a file instead of showing it. */
    bool is_encode;
    bool via_network;
};

/* Appends the item as JSON. `exclude_network`: flag what comes over a network as excluded by the user. */
void media_item(struct text *item, const struct media *media, bool exclude_network);
/* Takes `//`, `/./` and `/x/../` out of an absolute path, so that one file has one name. */
void collapse_path(char *path);
/* Whether a path is an address. */
bool is_address(const char *path);
/* Appends an address without what may be secret in it: user, password, query. A path is appended as it is. */
void add_plain_address(struct text *text, const char *path);

#endif
