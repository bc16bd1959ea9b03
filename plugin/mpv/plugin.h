/* The parts of the plug-in and what they share: one for each time that mpv loads it, used by its
   own thread alone. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "commands.h"
#include "contact.h"
#include "library.h"
#include "link.h"
#include "options.h"
#include "osd.h"
#include "player.h"

#include <mpv/client.h>

struct plugin {
    mpv_handle *mpv;
    struct options options;
    /* The lines that they were read from. */
    struct text option_lines;
    bool options_read;
    struct contact contact;
    struct player player;
    struct link link;
    struct osd osd;
    struct commands commands;
};

/* Milliseconds of a clock that only goes forward. */
int64_t now_ms(void);

#endif
