/* The user's options: script-opts/libtrakt.conf in mpv's folder, and over it
   --script-opts=libtrakt-KEY=VALUE. Knows nothing of mpv: the caller brings the two texts. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "text.h"

#include <stdbool.h>

enum { OPTION_ROOM = 1024 };

struct options {
    /* Whether anything is sent to Trakt, and what. */
    bool enabled, movies, episodes;
    /* Whether the screen tells what was sent, and trouble. What the user asks for is always shown. */
    bool notify;
    /* Whether what comes over a network, by http(s), is left out. */
    bool exclude_network, exclude_http;
    /* In seconds. */
    int watching_delay, min_duration;
    /* Separated by semicolons. */
    char exclude_paths[OPTION_ROOM], exclude_globs[OPTION_ROOM], exclude_genres[OPTION_ROOM];
    char client_id[OPTION_ROOM], client_secret[OPTION_ROOM], data_dir[OPTION_ROOM];
    char auth_url[OPTION_ROOM], api_url[OPTION_ROOM], proxy[OPTION_ROOM], ca_file[OPTION_ROOM];
};

/* What holds when the user says nothing. */
void options_default(struct options *options);
/* Takes one option. False: there is none of that name, or the value doesn't fit; nothing is changed then. */
bool options_set(struct options *options, const char *key, const char *value);
/* Takes the lines `key=value` of a file; `wrong` (may be NULL) gets the keys that weren't taken. */
void options_read(struct options *options, const char *lines, struct text *wrong);
/* The parameters of `player.options`. */
void options_rules(struct text *params, const struct options *options);
/* The configuration of a client; the folder where mpv keeps its state is what `data_dir` is without
   the option. */
void options_config(struct text *config, const struct options *options, const char *state_dir);

#endif
